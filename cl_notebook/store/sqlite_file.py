"""The file of a SQLite store: checked, opened, and asked whether it is still the one that was opened."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import pwd
import sqlite3
import stat
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import exc, pool

from cl_notebook import concurrency, errors, regular_files, settings
from cl_notebook.store import schema

if TYPE_CHECKING:
    import threading

    import sqlalchemy as sa

_log = logging.getLogger(__name__)

_HEADER = 32
"""Bytes of the header of a write-ahead log: one that is no longer holds no change."""


class SqliteFile:
    """One file, with a connection of its own that only reads: it is asked often, and bound to no transaction."""

    def __init__(self, path: Path, *, read_only: bool, seconds: float) -> None:
        """Make sure that *path* can be opened; *seconds* is how long its connections wait for a lock.

        Raises:
            StoreUnusable: it cannot be opened, or the log beside it belongs to a file that is not there any more.

        """
        self.path = path
        self.is_read_only = read_only
        self._seconds = seconds
        self._identity: tuple[int, int] | None = None
        self._probe: sqlite3.Connection | None = None
        self._probing = concurrency.lock()  # SQLite crashes if a connection is closed while another thread asks it
        self._opened = 0
        _refuse_log_without_file(path)
        (_check if read_only else _prepare)(path)
        found = regular_files.tables(path)
        if found is not None:
            schema.refuse_foreign(found, str(path))  # before SQLite makes a log beside it

    @property
    def log(self) -> Path:
        """The write-ahead log beside the file."""
        return _log_of(self.path)

    def connect(self) -> sqlite3.Connection:
        """Return a new connection for statements of the store."""
        return self._connect(read_only=self.is_read_only)

    def _connect(self, *, read_only: bool) -> sqlite3.Connection:
        mode = "rw" if not read_only else "ro&immutable=1" if self.is_read_only and _is_immutable(self.path, self.log) else "ro"
        return sqlite3.connect(
            f"{self.path.as_uri()}?mode={mode}",
            uri=True,
            timeout=self._seconds,
            isolation_level=None,
            check_same_thread=False,
        )

    def ask(self, sql: str) -> tuple[int, int | None]:
        """Return the one number that *sql* gives, None if it gives no row, behind the number of the connection that was asked.

        Raises:
            sqlite3.Error: SQLite refused.

        """
        with self._probing:
            if self._probe is None:
                self._probe = self._connect(read_only=True)
                self._opened += 1
            row = self._probe.execute(sql).fetchone()
            return self._opened, None if row is None else int(row[0])

    def stop_asking(self) -> None:
        """Close the connection that only reads. It goes before the others: the last one folds the log in, if it may write."""
        with self._probing:
            if self._probe is not None:
                self._probe.close()
                self._probe = None

    def was_forked(self) -> None:
        """Forget what belongs to the process that this one is a fork of."""
        with contextlib.suppress(sqlite3.Error):
            if self._probe is not None and not self._probing.locked():
                self._probe.close()  # or SQLite would take the locks that it stands for, which no fork has, for its own
        self._probe, self._probing = None, concurrency.lock()

    def identify(self) -> None:
        """Remember which file stands under the name now."""
        self._identity = self._present()

    def _present(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def is_in_place(self) -> bool:
        """Return whether the file that was opened still stands under its name."""
        return self._identity is None or self._present() == self._identity

    def refuse_if_replaced(self) -> None:
        """Refuse to work on a file that lost its name: what is written there is gone with the last process that has it open.

        Raises:
            StoreUnusable: it was moved, removed or replaced.

        """
        if self.is_in_place():
            return
        what = "was replaced by another file" if self._present() else "is not there any more"
        msg = f"The store {self.path} {what}. Put it back, or open the one that is there: cl.setup(store=…)."
        raise errors.StoreUnusable(msg)


def _log_of(path: Path) -> Path:
    return Path(f"{path.resolve()}-wal")  # SQLite follows links, too


def _refuse_log_without_file(path: Path) -> None:
    """Refuse an empty or missing file beside a log with changes: SQLite would remove the log, and what is in it."""
    log = _log_of(path)
    with contextlib.suppress(OSError):
        if log.stat().st_size <= _HEADER or (path.exists() and path.stat().st_size):
            return
        what = "is empty" if path.exists() else "is not there"
        msg = (
            f"The store {path} {what}, but {log.name} beside it holds changes of the store that was there. Put its file back, or "
            f"move {log.name}, and the -shm like it, away to begin a new store."
        )
        raise errors.StoreUnusable(msg)


def _prepare(path: Path) -> None:
    """Make sure that a new store is readable by its owner alone, and say clearly why it cannot be made."""
    try:
        _refuse_folder(path)
        _prepare_folder(path.parent)
        os.close(regular_files.open_regular(Path(regular_files.real(path)), os.O_RDWR | os.O_CREAT))
    except IsADirectoryError as error:
        msg = f"The store {path} is a folder. Name a file in it: cl.setup(store='sqlite:///{path}/store.db')."
        raise errors.StoreUnusable(msg) from error
    except OSError as error:
        look = f" To look at it: cl.setup(store={str(path)!r}, read_only=True)." if path.is_file() else ""
        msg = f"The store {path} cannot be opened for writing: {error.strerror}. Choose another: cl.setup(store=…).{look}"
        raise errors.StoreUnusable(msg) from error


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))


def _prepare_folder(folder: Path) -> None:
    if folder != settings.data_dir():
        return
    regular_files.make_folders(folder)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def _check(path: Path) -> None:
    """Say clearly why a store cannot be read."""
    try:
        _refuse_folder(path)
        os.close(regular_files.open_regular(Path(regular_files.real(path)), os.O_RDONLY))
    except OSError as error:
        msg = f"The store {path} cannot be opened for reading: {error.strerror}. Choose another: cl.setup(store=…)."
        raise errors.StoreUnusable(msg) from error


def _is_immutable(path: Path, log: Path) -> bool:
    """Return whether nobody can write to *path*, and all of the store is in it: SQLite then needs no files beside it."""
    if not os.statvfs(path).f_flag & os.ST_RDONLY:
        return False
    return not log.exists() or not log.stat().st_size


class Seen(msgspec.Struct, frozen=True):
    """A store as it was seen: the first kernel that worked on it, which no other store has, and the number of its changes."""

    path: str
    first: str | None
    head: int


class Marker:
    """A file in the data folder that remembers how many changes the store under one path had."""

    def __init__(self, file: SqliteFile) -> None:
        """Belong to the store in *file*; nothing is made before there is something to remember."""
        self._file = file
        self._seen: Seen | None = None
        place = str(file.path.resolve())
        self._path = settings.data_dir() / "stores" / f"{hashlib.sha256(place.encode()).hexdigest()[:16]}.json"

    def put(self, first: str | None, head: int) -> None:
        """Remember that all of the first *head* changes are in the file."""
        seen = Seen(str(self._file.path), first, head)
        if seen == self._seen or not first:
            return
        unfinished = self._path.with_suffix(f".{os.getpid()}")
        try:
            regular_files.make_folders(self._path.parent)
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as out:
                out.write(msgspec.json.encode(seen))
            unfinished.replace(self._path)
        except OSError as error:  # it is a help, and no more
            _log.debug("%s cannot be written: %s", self._path, error)
            return
        self._seen = seen

    def _last(self) -> Seen | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Seen)
        except (OSError, msgspec.MsgspecError):
            return None

    def refuse_foreign_log(self) -> None:
        """Refuse a file that is older than the log beside it, before SQLite puts the two together.

        Raises:
            StoreUnusable: the log belongs to another file than the one that is there now.

        """
        last = self._last()
        if last is None or not _has_bytes(self._file.log):
            return
        alone = self._alone()
        if alone is None or alone[0] != last.first or alone[1] >= last.head:
            return
        path, log = self._file.path, self._file.log
        msg = (
            f"The store {path} is a copy that is older than {log.name} beside it: both together would be damaged. To work with "
            f"the copy, move {log.name}, and the -shm like it, away; to go on with the store that was there, put its file back."
        )
        raise errors.StoreUnusable(msg)

    def _alone(self) -> tuple[Any, int] | None:
        """Return what is in the file itself, without its log; None if that cannot be read."""
        try:
            bare = sqlite3.connect(f"{self._file.path.as_uri()}?mode=ro&immutable=1", uri=True)
            try:
                row = bare.execute(HEAD).fetchone()
            finally:
                bare.close()
        except sqlite3.Error:
            return None
        return None if row is None else (row[0], int(row[1]))

    def compare(self, first: str | None, head: int) -> None:
        """Warn if the store that was opened now, with *head* changes, is not the one that was there, or an older one."""
        last = self._last()
        if last is None or (first == last.first and head >= last.head):
            return
        path = self._file.path
        if first is None:
            what = f"is new and empty, and the one that was there before had {last.head} changes"
        elif first == last.first:
            what = f"is an older copy: it has {head} of the {last.head} changes that the one there had"
        else:
            what = f"is another one than the one that was there before, which had {last.head} changes"
        cure = "If that is a mistake, close it and put the other file back; %cl_scan lists what is not tracked."
        msg = f"The store {path} {what}. {cure}"
        warnings.warn(msg, errors.StoreReplaced, stacklevel=5)


HEAD = "SELECT (SELECT id FROM kernel ORDER BY rowid LIMIT 1), head FROM feed WHERE id = 1"
"""Asks for what a marker remembers of a store."""


def _has_bytes(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


IDLE = 1.0
"""Seconds without a write after which the log is folded in."""

AT_MOST = 30.0
"""Seconds after which it is, however busy the store may be."""


class WriteAheadLog:
    """Folds the log of one store into its file, in a thread that ends once there is nothing left to fold."""

    def __init__(self, file: SqliteFile, engine: sa.Engine, marker: Marker) -> None:
        """Belong to the store of *engine*, which may write; *marker* remembers how much of it is in the file."""
        self._file = file
        self._engine = engine
        self._marker = marker
        self._lock = concurrency.lock()
        self._checkpointing = concurrency.lock()
        self._stopped = concurrency.event()
        self._thread: threading.Thread | None = None
        self._first: float | None = None
        self._last: float | None = None

    def written(self) -> None:
        """Note that something was committed."""
        self._last = time.monotonic()
        if self._first is not None:
            return
        with self._lock:
            self._first = self._last
            if (self._thread is None or not self._thread.is_alive()) and not self._stopped.is_set():
                self._thread = concurrency.daemon(self._checkpoint_periodically, "cl_notebook-wal")
                self._thread.start()

    def _checkpoint_periodically(self) -> None:
        while not self._stopped.wait(IDLE):
            now, first = time.monotonic(), self._first
            if first is not None and now - (self._last or first) < IDLE and now - first < AT_MOST:
                continue
            if first is not None:
                self._first = None  # before: what is written meanwhile is for the next time
                self.checkpoint()
            with self._lock:
                if self._first is None:
                    self._thread = None
                    return

    def checkpoint(self) -> None:
        """Write the log into the file, as far as other processes let us."""
        waiting = self._engine.pool
        with self._checkpointing:
            if not isinstance(waiting, pool.QueuePool) or not waiting.checkedin() or not self._file.is_in_place():
                return
            try:
                bare = self._engine.raw_connection()
                try:
                    self._checkpoint_wal(bare.cursor())
                finally:
                    bare.close()
            except (exc.SQLAlchemyError, sqlite3.Error):  # a disk that is full, a store that is held: the log keeps everything
                _log.debug("The log of %s cannot be folded in", self._file.path, exc_info=True)

    def _checkpoint_wal(self, cursor: sa.engine.interfaces.DBAPICursor) -> None:
        cursor.execute(HEAD)
        head = cursor.fetchone()
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
        busy, pages, folded = cursor.fetchone() or (1, 0, 0)
        is_ours = self._last is not None  # who only opens a store that stands in another's place does not stand for it yet
        if head is not None and is_ours and not busy and pages == folded:
            self._marker.put(*head)

    def close(self) -> None:
        """Fold in what there is, and begin nothing any more."""
        self._stopped.set()
        self.checkpoint()


def foreign(file: Path) -> str:
    """Return why others can have written the SQLite store *file*, or what belongs to it; nothing if only this user can.

    Files of servers are not looked at: who may write there is the server's business.
    """
    for suffix in ("", "-wal", "-journal"):
        part = Path(f"{file}{suffix}")
        try:
            found = part.stat()
        except OSError:
            continue
        if found.st_uid != os.geteuid():
            return f"{part} belongs to the user {_name(found.st_uid)}"
        if found.st_mode & stat.S_IWOTH:
            return f"everybody may write to {part}"
    return ""


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
