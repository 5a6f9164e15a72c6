"""A store: one data base, opened, with its schema brought up to date."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event, exc, pool

from cl_notebook import errors, settings
from cl_notebook.store import feed, schema
from cl_notebook.store.boundary import is_broken_off, is_memory, shown_url, store_errors
from cl_notebook.store.connecting import at_one_moment, connect_once, new_engine, without_secrets
from cl_notebook.store.location import parse_url
from cl_notebook.store.news import News

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tenacity import RetryCallState

R = TypeVar("R")

BUSY_SECONDS = 10.0
"""How long a SQLite store waits for another process before it says that it is locked."""

_REPEATS = 5
"""Times that a transaction which takes longer than that is repeated if a server breaks it off for another one's sake."""

_WRITING = "cl_notebook_writing"


class Store:
    """One data base with our tables in it.

    Reads and writes are short transactions on connections of their own, so nothing is bound to a thread and nothing stays open
    between two calls. On SQLite a write takes the lock at its beginning (``BEGIN IMMEDIATE``), so it never fails half way for
    having read first.
    """

    def __init__(self, store: str, *, read_only: bool = False) -> None:
        """Open *store*: a SQLAlchemy URL, a file name, or ``memory``.

        With *read_only* it must be there already: nothing is made, migrated or written. A store in memory is always new.

        Raises:
            InvalidInput: *store* is no URL, or names a data base whose Python driver is not installed.
            StoreUnusable: it is not a data base of ours, cannot be written, or is out of reach.
            StoreTooNew: a newer cl_notebook wrote it.
            StoreLocked: another process holds it.

        """
        given = parse_url(store)
        self.url = without_secrets(given)
        self._is_sqlite = self.url.get_backend_name() == "sqlite"
        in_memory = is_memory(self.url)
        self.is_read_only = read_only and not in_memory
        self._file = Path(str(self.url.database)) if self._is_sqlite and not in_memory else None
        self._probe: sqlite3.Connection | None = None
        self._probing = threading.Lock()  # SQLite crashes if a connection is closed while another thread asks it
        self._identity: tuple[int, int] | None = None
        # A store in memory is one connection: who uses it keeps the others out.
        self.turn: contextlib.AbstractContextManager[Any] = threading.RLock() if in_memory else contextlib.nullcontext()
        if self._file is not None:
            (_check_file if self.is_read_only else _prepare_file)(self._file)
        self.engine = self._new_engine(given)
        self.news = News(self.engine)
        try:
            with store_errors(self.url):
                connect_once(self.engine)
                self._identity = self._file_identity()
                schema.bring_up_to_date(self)
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        """Show the URL with its password masked."""
        return f"<Store {shown_url(self.url)}>"

    def is_same_as(self, other: Store) -> bool:
        """Return whether *other* is this data base, perhaps opened again; each store in memory is one of its own."""
        return other is self or (other.url == self.url and not is_memory(self.url))

    def close(self) -> None:
        """Let go of every connection; what is stored stays, all of it in the one file if the store is one."""
        self.news.close()
        with self._probing:
            if self._probe is not None:  # before the others: a connection that may only read cannot fold in the log
                self._probe.close()
                self._probe = None
        if self._file is not None and not self.is_read_only:
            self._fold_in_log()
        with self.turn:
            self.engine.dispose()

    def _fold_in_log(self) -> None:
        """Write the write-ahead log into the file, as far as other processes let us: nobody is waited for."""
        waiting = self.engine.pool
        if not isinstance(waiting, pool.QueuePool) or not waiting.checkedin():
            return
        with contextlib.suppress(exc.SQLAlchemyError, sqlite3.Error):
            bare = self.engine.raw_connection()
            try:
                bare.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").close()
            finally:
                bare.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection whose reads all see the same moment."""
        with store_errors(self.url), self.turn, self.engine.connect() as connection:
            at_one_moment(connection)
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a connection in a transaction that commits at the end of the block, or rolls back on an error.

        Raises:
            ReadOnly: the store was opened to be read.

        """
        if self.is_read_only:
            msg = f"The store {shown_url(self.url)} was opened to be read only. To change it: cl.setup(…, read_only=False)."
            raise errors.ReadOnly(msg)
        self._refuse_if_moved()
        with store_errors(self.url), self.turn, self.engine.connect() as bare:
            connection = bare.execution_options(**{_WRITING: True})
            with connection.begin():
                yield connection

    def write(self, work: Callable[[sa.Connection], R]) -> R:
        """Do *work* in a transaction of its own and return what it gives; repeated from the start while others are in the way.

        That is: while the store is locked, and where a server broke the transaction off for another one's sake (a deadlock).
        Work that takes longer than the busy time-out itself is repeated after a deadlock, too, but not without end.

        Raises:
            StoreLocked: it was still so after the busy time-out.

        """
        began = time.monotonic()
        try:
            with self.writing() as connection:
                return work(connection)
        except errors.StoreLocked as error:
            left = (_busy_seconds(self.url) if self._is_sqlite else BUSY_SECONDS) - (time.monotonic() - began)
            if left <= 0 and not is_broken_off(error):
                raise
        return self._write_again(work, left)

    def _write_again(self, work: Callable[[sa.Connection], R], seconds: float) -> R:
        import tenacity  # noqa: PLC0415 - it takes longer to load than the house, and is seldom needed

        def attempt() -> R:
            with self.writing() as connection:
                return work(connection)

        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(errors.StoreLocked),
            stop=lambda state: _is_enough(state, seconds),
            wait=tenacity.wait_random_exponential(multiplier=0.02, max=0.5),
            reraise=True,
        )
        return attempts(attempt)

    def token(self) -> object | None:
        """Return a value that differs once any other connection has committed, or None where that cannot be told.

        It costs microseconds: SQLite's ``PRAGMA data_version`` on a connection kept for nothing else. It notices writers that
        know nothing of the change feed, too. A memory store has no other writers.
        """
        if not self._is_sqlite:
            return None
        if self._file is None:
            return "memory"
        self._refuse_if_moved()
        return self._look("PRAGMA data_version")

    def head(self) -> int:
        """Return the number of the last entry of the change feed."""
        if self._file is not None:
            return self._look("SELECT head FROM feed WHERE id = 1")
        with store_errors(self.url), self.turn, self.engine.connect() as connection:
            try:
                return feed.head(connection)
            except exc.NoResultFound:
                raise self._no_feed() from None

    def _file_identity(self) -> tuple[int, int] | None:
        if self._file is None:
            return None
        try:
            found = self._file.stat()
        except OSError:
            return (0, 0)
        return found.st_dev, found.st_ino

    def _refuse_if_moved(self) -> None:
        """Refuse to work on a file that lost its name: what is written there is gone with the last process that has it open."""
        if self._identity is not None and self._file_identity() != self._identity:
            what = "was replaced by another file" if self._file_identity() != (0, 0) else "is not there any more"
            msg = f"The store {self._file} {what}. Put it back, or open the one that is there: cl.setup(store=…)."
            raise errors.StoreUnusable(msg)

    def _look(self, sql: str) -> int:
        try:
            with self._probing:
                if self._probe is None:
                    self._probe = self._open_file(read_only=True)
                row = self._probe.execute(sql).fetchone()
        except sqlite3.Error as error:
            with store_errors(self.url):
                raise exc.DBAPIError.instance(sql, None, error, sqlite3.Error) from error
            raise
        if row is None:
            raise self._no_feed()
        return int(row[0])

    def _no_feed(self) -> errors.StoreUnusable:
        shown = shown_url(self.url)
        return errors.StoreUnusable(f"The store {shown} is damaged: it has no row in feed. Restore it from a copy.")

    def _open_file(self, *, read_only: bool) -> sqlite3.Connection:
        assert self._file is not None  # noqa: S101 - only asked of files
        mode = "rw" if not read_only else "ro&immutable=1" if self.is_read_only and _is_immutable(self._file) else "ro"
        return sqlite3.connect(
            f"{self._file.as_uri()}?mode={mode}",
            uri=True,
            timeout=_busy_seconds(self.url),
            isolation_level=None,
            check_same_thread=False,
        )

    def _new_engine(self, url: sa.URL) -> sa.Engine:
        if not self._is_sqlite:
            return new_engine(url, pool_pre_ping=True, isolation_level="READ COMMITTED", json_deserializer=_decoded)
        if self._file is not None:
            where: dict[str, Any] = {
                "poolclass": pool.QueuePool,
                "creator": lambda: self._open_file(read_only=self.is_read_only),
            }
        else:  # asked for by the thread that opens the store, used by others in turn
            where = {
                "poolclass": pool.StaticPool,
                "connect_args": {"check_same_thread": False, "timeout": BUSY_SECONDS, "isolation_level": None},
            }
        engine = new_engine(url, **where)
        event.listen(engine, "connect", _on_connect_to_read if self.is_read_only else _on_connect)
        event.listen(engine, "begin", _on_begin)
        return engine


def _is_enough(state: RetryCallState, seconds: float) -> bool:
    """Return whether a transaction was repeated often enough; of one that is long and broken off, more than time counts."""
    error = state.outcome.exception() if state.outcome is not None else None
    is_late = (state.seconds_since_start or 0) >= seconds
    return is_late and not (is_broken_off(error) and state.attempt_number < _REPEATS)


def _busy_seconds(url: sa.URL) -> float:
    given = url.query.get("timeout")
    return BUSY_SECONDS if given is None else float(str(given))


def _prepare_file(path: Path) -> None:
    """Make sure that a new store is readable by its owner alone, and say clearly why it cannot be made."""
    try:
        _prepare_folder(path.parent)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except IsADirectoryError as error:
        msg = f"The store {path} is a folder. Name a file in it: cl.setup(store='sqlite:///{path}/store.db')."
        raise errors.StoreUnusable(msg) from error
    except OSError as error:
        look = f" To look at it: cl.setup(store={str(path)!r}, read_only=True)." if path.is_file() else ""
        msg = f"The store {path} cannot be opened for writing: {error.strerror}. Choose another: cl.setup(store=…).{look}"
        raise errors.StoreUnusable(msg) from error


def _prepare_folder(folder: Path) -> None:
    if folder != settings.data_dir():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def _check_file(path: Path) -> None:
    """Say clearly why a store cannot be read."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        msg = f"The store {path} cannot be opened for reading: {error.strerror}. Choose another: cl.setup(store=…)."
        raise errors.StoreUnusable(msg) from error


def _is_immutable(path: Path) -> bool:
    """Return whether nobody can write to *path*, and all of the store is in it: SQLite then needs no files beside it."""
    if not os.statvfs(path).f_flag & os.ST_RDONLY:
        return False
    log = path.with_name(f"{path.name}-wal")
    return not log.exists() or not log.stat().st_size


def _decoded(text: str) -> Any:  # noqa: ANN401 - JSON
    return {} if text == "{}" else json.loads(text)  # psycopg calls it, where base.Json is not asked


def _on_connect(connection: Any, _record: Any) -> None:  # noqa: ANN401 - the type is the data base driver's own
    cursor = connection.cursor()
    # FULL: an intent that was committed is on disk before the driver is called, whatever happens to the machine.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_connect_to_read(connection: Any, _record: Any) -> None:  # noqa: ANN401 - as above
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only=ON")
    cursor.close()


def _on_begin(connection: sa.Connection) -> None:
    writing = connection.get_execution_options().get(_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
