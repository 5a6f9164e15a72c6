"""The file of a SQLite store: checked, opened, and asked whether it is still the one that was opened."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from pathlib import Path

from cl_notebook import concurrency, errors, regular_files, settings, sqlite_tables
from cl_notebook.store import schema

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
        found = sqlite_tables.tables(path)
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

    def refuse_if_moved(self) -> None:
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
