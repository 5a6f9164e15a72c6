"""The file of a SQLite store: checks before it is opened, its identity, and checkpoints of its write-ahead log."""

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
    import sqlalchemy as sa

_log = logging.getLogger(__name__)

_WAL_HEADER = 32
"""Bytes of the header of a write-ahead log: a log that is not longer contains no change (sqlite.org/fileformat.html)."""

IDLE = 1.0
"""Seconds without a write after which the write-ahead log is checkpointed."""

AT_MOST = 30.0
"""Seconds after which it is checkpointed even if writes continue."""

HEAD = "SELECT (SELECT id FROM kernel ORDER BY rowid LIMIT 1), head FROM feed WHERE id = 1"
"""Selects the identity of a store (the id of its first kernel) and the number of its changes."""


class SqliteFile:
    """The file of a store, with a read-only probe: a connection for frequent queries outside of transactions."""

    def __init__(self, path: Path, *, read_only: bool, seconds: float) -> None:
        """Check that *path* can be opened; its connections wait *seconds* for a lock.

        Raises:
            StoreUnusable: it cannot be opened, or the log beside it belongs to a file that is missing now.

        """
        self.path = path
        self.is_read_only = read_only
        self._seconds = seconds
        self._identity: tuple[int, int] | None = None
        self._probe: sqlite3.Connection | None = None
        self._probe_lock = concurrency.lock()  # SQLite crashes if a connection is closed during a query
        self._generation = 0
        _refuse_log_without_file(path)
        (_check if read_only else _prepare)(path)
        tables = regular_files.tables(path)
        if tables is not None:
            schema.refuse_foreign(tables, str(path))  # before SQLite creates a log beside it

    @property
    def log(self) -> Path:
        """The path of the write-ahead log beside the file."""
        return _log_of(self.path)

    def connect(self) -> sqlite3.Connection:
        """Return a new connection for transactions of the store."""
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

    def query_number(self, sql: str) -> tuple[int, int | None]:
        """Return the generation of the probe's connection, and the number that *sql* selects, None for no row.

        Raises:
            sqlite3.Error: the query failed.

        """
        with self._probe_lock:
            if self._probe is None:
                self._probe = self._connect(read_only=True)
                self._generation += 1
            row = self._probe.execute(sql).fetchone()
            return self._generation, None if row is None else int(row[0])

    def close_probe(self) -> None:
        """Close the probe. Call it before the others close: the last connection checkpoints, if it can write."""
        with self._probe_lock:
            if self._probe is not None:
                self._probe.close()
                self._probe = None

    def abandon_probe(self) -> None:
        """Drop the connection of the parent process after a fork."""
        with contextlib.suppress(sqlite3.Error):
            if self._probe is not None and not self._probe_lock.locked():
                self._probe.close()  # SQLite would count the parent's locks, which a fork does not inherit
        self._probe, self._probe_lock = None, concurrency.lock()

    def identify(self) -> None:
        """Record the identity (device, inode) of the file that the path leads to now."""
        self._identity = self._current_identity()

    def _current_identity(self) -> tuple[int, int] | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def is_in_place(self) -> bool:
        """Return whether the path still leads to the file that was opened."""
        return self._identity is None or self._current_identity() == self._identity

    def refuse_if_replaced(self) -> None:
        """Refuse a file that lost its name: its contents are gone when the last process closes it.

        Raises:
            StoreUnusable: it was moved, removed or replaced.

        """
        if self.is_in_place():
            return
        what = "was replaced by another file" if self._current_identity() else "is not there any more"
        msg = f"The store {self.path} {what}. Put it back, or open another store: cl.setup(store=…)."
        raise errors.StoreUnusable(msg)


def _log_of(path: Path) -> Path:
    return Path(f"{path.resolve()}-wal")  # SQLite resolves links, too


def _refuse_log_without_file(path: Path) -> None:
    """Refuse an empty or missing file beside a log with changes: SQLite would delete the log with them."""
    log = _log_of(path)
    with contextlib.suppress(OSError):
        if log.stat().st_size <= _WAL_HEADER or (path.exists() and path.stat().st_size):
            return
        what = "is empty" if path.exists() else "is not there"
        msg = (
            f"The store {path} {what}, but {log.name} beside it holds changes of the store that was there. Put its file back, or "
            f"move {log.name}, and the -shm like it, away to begin a new store."
        )
        raise errors.StoreUnusable(msg)


def _prepare(path: Path) -> None:
    """Create the file and its folder if they are missing, readable by their owner alone."""
    try:
        _refuse_folder(path)
        _prepare_folder(path.parent)
        os.close(regular_files.open_regular(Path(regular_files.real(path)), os.O_RDWR | os.O_CREAT))
    except IsADirectoryError as error:
        msg = f"The store {path} is a folder. Name a file in it: cl.setup(store='sqlite:///{path}/store.db')."
        raise errors.StoreUnusable(msg) from error
    except OSError as error:
        hint = f" To look at it: cl.setup(store={str(path)!r}, read_only=True)." if path.is_file() else ""
        msg = f"The store {path} cannot be opened for writing: {error.strerror}. Choose another: cl.setup(store=…).{hint}"
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
    """Raise StoreUnusable with the reason if *path* cannot be read."""
    try:
        _refuse_folder(path)
        os.close(regular_files.open_regular(Path(regular_files.real(path)), os.O_RDONLY))
    except OSError as error:
        msg = f"The store {path} cannot be opened for reading: {error.strerror}. Choose another: cl.setup(store=…)."
        raise errors.StoreUnusable(msg) from error


def _is_immutable(path: Path, log: Path) -> bool:
    """Return whether *path* is on a read-only file system and has no log: SQLite then needs no files beside it."""
    if not os.statvfs(path).f_flag & os.ST_RDONLY:
        return False
    return not log.exists() or not log.stat().st_size


class StoreState(msgspec.Struct, frozen=True):
    """The state of a store when it was last used: its path, the id of its first kernel, the number of its changes.

    The first kernel's id identifies a store: no other store has it.
    """

    path: str
    first: str | None
    head: int


class Marker:
    """A file in the data folder that records the state of the store at one path, to notice when it is replaced."""

    def __init__(self, file: SqliteFile) -> None:
        """Belong to the store in *file*; the marker's own file is created by :meth:`put`."""
        self._file = file
        self._state: StoreState | None = None
        path = str(file.path.resolve())
        self._path = settings.data_dir() / "stores" / f"{hashlib.sha256(path.encode()).hexdigest()[:16]}.json"

    def put(self, first: str | None, head: int) -> None:
        """Record that the first *head* changes of the store, whose first kernel is *first*, are in the file."""
        state = StoreState(str(self._file.path), first, head)
        if state == self._state or not first:
            return
        unfinished = self._path.with_suffix(f".{os.getpid()}")
        try:
            regular_files.make_folders(self._path.parent)
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as out:
                out.write(msgspec.json.encode(state))
            unfinished.replace(self._path)
        except OSError as error:  # the marker only serves warnings
            _log.debug("%s cannot be written: %s", self._path, error)
            return
        self._state = state

    def _last(self) -> StoreState | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=StoreState)
        except (OSError, msgspec.MsgspecError):
            return None

    def refuse_foreign_log(self) -> None:
        """Refuse a file that is older than the log beside it, before SQLite combines them.

        Raises:
            StoreUnusable: the log belongs to a newer file than the one that is there now.

        """
        last = self._last()
        if last is None or not _has_bytes(self._file.log):
            return
        state = self._state_without_log()
        if state is None or state[0] != last.first or state[1] >= last.head:
            return
        path, log = self._file.path, self._file.log
        msg = (
            f"The store {path} is a copy that is older than {log.name} beside it: both together would be damaged. To work with "
            f"the copy, move {log.name}, and the -shm like it, away; to go on with the store that was there, put its file back."
        )
        raise errors.StoreUnusable(msg)

    def _state_without_log(self) -> tuple[Any, int] | None:
        """Return the first kernel and the number of changes in the file without its log; None if it cannot be read."""
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
        """Warn if the opened store, with first kernel *first* and *head* changes, is older or another than the recorded one."""
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
        advice = "If that is a mistake, close it and put the other file back; %cl_scan lists what is not tracked."
        msg = f"The store {path} {what}. {advice}"
        warnings.warn(msg, errors.StoreReplaced, stacklevel=5)


def _has_bytes(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


class WriteAheadLog:
    """Checkpoints the write-ahead log of one store into its file, in a thread that ends when the log is written."""

    def __init__(self, file: SqliteFile, engine: sa.Engine, marker: Marker) -> None:
        """Belong to the store of *engine*, which may write; *marker* records how much of it is in the file."""
        self._file = file
        self._engine = engine
        self._marker = marker
        self._checkpointing = concurrency.lock()
        self._is_closed = False
        self._thread = concurrency.RepeatingThread(
            "cl_notebook-wal", self._checkpoint_if_due, lambda: self._first_write is not None
        )
        self._first_write: float | None = None
        self._last_write: float | None = None

    def note_write(self) -> None:
        """Note a commit, and start the thread if it is not running."""
        self._last_write = time.monotonic()
        if self._first_write is not None:
            return
        self._first_write = self._last_write
        if not self._is_closed:
            self._thread.start(IDLE)

    def _checkpoint_if_due(self) -> float:
        now, first = time.monotonic(), self._first_write
        if first is not None and (now - (self._last_write or first) >= IDLE or now - first >= AT_MOST):
            self._first_write = None  # before the checkpoint: a later write belongs to the next one
            self.checkpoint()
        return IDLE

    def checkpoint(self) -> None:
        """Checkpoint the log into the file, as far as readers in other processes allow it."""
        connections = self._engine.pool
        with self._checkpointing:
            if not isinstance(connections, pool.QueuePool) or not connections.checkedin() or not self._file.is_in_place():
                return
            try:
                bare = self._engine.raw_connection()
                try:
                    self._checkpoint_wal(bare.cursor())
                finally:
                    bare.close()
            except (exc.SQLAlchemyError, sqlite3.Error):  # a full disk, a locked store: the changes stay in the log
                _log.debug("The write-ahead log of %s cannot be checkpointed", self._file.path, exc_info=True)

    def _checkpoint_wal(self, cursor: sa.engine.interfaces.DBAPICursor) -> None:
        cursor.execute(HEAD)
        head = cursor.fetchone()
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
        busy, pages, written = cursor.fetchone() or (1, 0, 0)
        is_ours = self._last_write is not None  # a session that only read a replaced store must not change the marker
        if head is not None and is_ours and not busy and pages == written:
            self._marker.put(*head)

    def close(self) -> None:
        """Stop the thread, and checkpoint for the last time."""
        self._is_closed = True
        self._thread.stop()
        self.checkpoint()


def foreign_writers(file: Path) -> str:
    """Return the reason why other users may have written the SQLite store *file* or its log; empty if only this user can."""
    for suffix in ("", "-wal", "-journal"):
        part = Path(f"{file}{suffix}")
        try:
            status = part.stat()
        except OSError:
            continue
        if status.st_uid != os.geteuid():
            return f"{part} belongs to the user {_name(status.st_uid)}"
        if status.st_mode & stat.S_IWOTH:
            return f"everybody may write to {part}"
    return ""


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
