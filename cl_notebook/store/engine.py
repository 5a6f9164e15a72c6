"""Open a store, one database with cl_notebook's tables, and run transactions on it."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event, exc, pool

from cl_notebook import concurrency, errors
from cl_notebook.store import changefeed, damage, schema, sqlite_file
from cl_notebook.store.errors import is_deadlock, is_memory, secret_options, shown_url, store_errors
from cl_notebook.store.notify import NotifyListener
from cl_notebook.store.sqlite_file import HEAD, Marker, SqliteFile, WriteAheadLog
from cl_notebook.store.types import MARIADB
from cl_notebook.store.url import not_installed, parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tenacity import RetryCallState

_ENCODINGS = {"psycopg": {"client_encoding": "utf8"}, "psycopg2": {"client_encoding": "utf8"}, "pymysql": {"charset": "utf8mb4"}}
"""Arguments of Python drivers that select UTF-8, whatever the environment or the URL says."""

R = TypeVar("R")

BUSY_SECONDS = 10.0
"""Seconds that a SQLite store waits for another process's lock before StoreLocked."""

_DEADLOCK_ATTEMPTS = 5
"""Attempts of a transaction that takes longer than that, if a server rolls it back in favour of another one."""

_WRITING = "cl_notebook_writing"
"""The execution option of a connection whose transaction begins with BEGIN IMMEDIATE."""


def without_secrets(url: sa.URL) -> sa.URL:
    """Return *url* without its secret options, which SQLAlchemy would show in its messages."""
    return url.difference_update_query(secret_options(url))


def new_engine(url: sa.URL, **options: Any) -> sa.Engine:  # noqa: ANN401 - SQLAlchemy's own
    """Return an engine for *url* that shows none of its secrets; it is not connected.

    Raises:
        InvalidInput: the Python driver is not installed, or refuses the URL.

    """
    arguments = secret_options(url) | options.pop("connect_args", {}) | _ENCODINGS.get(url.get_driver_name(), {})
    try:
        # Parameters of statements contain connection information, which may be secret.
        return sa.create_engine(without_secrets(url), connect_args=arguments, hide_parameters=True, **options)
    except ImportError as error:
        raise errors.InvalidInput(not_installed(url.drivername, error)) from error
    except (exc.ArgumentError, ValueError, TypeError) as error:
        msg = f"{shown_url(url)} is not the URL of a database that can be opened: {errors.one_line(error)}."
        raise errors.InvalidInput(msg) from error


def connect_once(engine: sa.Engine) -> None:
    """Connect once, and translate the Python driver's errors about the URL; SQLAlchemy's pass unchanged.

    Raises:
        StoreUnusable: the driver refuses the URL.

    """
    try:
        engine.connect().close()
    except (errors.Error, exc.SQLAlchemyError):
        raise
    except (TypeError, ValueError, RuntimeError, OSError, ImportError) as error:
        msg = f"The store {shown_url(engine.url)} cannot be opened: {errors.one_line(error)}."
        raise errors.StoreUnusable(msg) from error


def refuse_other_encodings(engine: sa.Engine) -> None:
    """Refuse a PostgreSQL database whose encoding is not UTF-8: it cannot store every name.

    Raises:
        StoreUnusable: it has another encoding.

    """
    if engine.dialect.name != "postgresql":
        return
    with engine.connect() as connection:
        encoding = str(connection.exec_driver_sql("SHOW server_encoding").scalar())
    if encoding.upper().replace("-", "") != "UTF8":
        name = engine.url.database or "lab"
        msg = (
            f"The store {shown_url(engine.url)} stores text as {encoding}, not as UTF-8, so it cannot take every name. Create: "
            f"CREATE DATABASE {name}_utf8 ENCODING 'UTF8' TEMPLATE template0."
        )
        raise errors.StoreUnusable(msg)


def at_one_moment(connection: sa.Connection) -> None:
    """Make all reads of the next transaction of *connection* see one snapshot; SQLite's always do."""
    if connection.dialect.name == "postgresql":
        connection.execution_options(isolation_level="REPEATABLE READ")
    elif connection.dialect.name in MARIADB:  # one statement, where SQLAlchemy's isolation_level takes three
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


class Store:
    """One database with cl_notebook's tables.

    Reads and writes are short transactions on connections of their own: they are not bound to a thread, and stay open during one
    call only. On SQLite a write takes the lock at its beginning (``BEGIN IMMEDIATE``): a transaction that reads before it writes
    cannot fail when it upgrades its lock.
    """

    def __init__(self, store: str, *, read_only: bool = False) -> None:
        """Open *store*: a SQLAlchemy URL, a file name, or ``memory``.

        With *read_only* the store must exist and be up to date: nothing is created, upgraded or written. A store in memory is
        always new.

        Raises:
            InvalidInput: *store* is not a URL or a file name, or its Python driver is not installed.
            StoreUnusable: it has another program's tables, cannot be written, or is out of reach.
            StoreTooNew: a newer cl_notebook wrote it.
            StoreLocked: another process holds it.

        """
        given = parse_url(store)
        self.url = without_secrets(given)
        self._is_sqlite = self.url.get_backend_name() == "sqlite"
        in_memory = is_memory(self.url)
        self.is_read_only = read_only and not in_memory
        # A store in memory is one connection, for one thread at a time. With eventlet, green threads cannot share SQLAlchemy's
        # pool with native ones, because the pool's locks are green.
        is_exclusive = in_memory or concurrency.is_green()
        self.memory_lock: contextlib.AbstractContextManager[Any] = (
            concurrency.reentrant_lock() if is_exclusive else contextlib.nullcontext()
        )
        self._file: SqliteFile | None = None
        self.foreign = ""
        """The reason why other users may have written to the store; empty if only this user can."""
        if self._is_sqlite and not in_memory:
            path = Path(str(self.url.database))
            self._file = SqliteFile(path, read_only=self.is_read_only, seconds=_busy_seconds(self.url))
            self.foreign = sqlite_file.foreign_writers(path)
        self.engine = self._new_engine(given)
        self._begin()
        try:
            with store_errors(self.url):
                self._open()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        """Set up what belongs to one process: the listener, the checkpoints of the log, the clean-up at exit."""
        self._pid = os.getpid()
        self.notify_listener = NotifyListener(self.engine)
        self._log: WriteAheadLog | None = None
        if self._file is None:
            return
        self._marker = Marker(self._file)
        if not self.is_read_only:
            self._log = WriteAheadLog(self._file, self.engine, self._marker)
        # Also at exit: the rows of a store that is not closed are in its log, and a copy of its file would lack them.
        weakref.finalize(self, _close_file, self._pid, self._file, self._log, self.engine)

    def _open(self) -> None:
        if self._file is None:
            connect_once(self.engine)
            refuse_other_encodings(self.engine)
            schema.bring_up_to_date(self)
            return
        self._marker.refuse_foreign_log()
        connect_once(self.engine)
        self._file.identify()
        schema.bring_up_to_date(self)
        with self.engine.connect() as connection:
            self._marker.compare(*connection.exec_driver_sql(HEAD).one())

    def _adopt_fork(self) -> None:
        """After a fork, abandon the parent's connections: a connection cannot be shared by two processes."""
        if self._pid == os.getpid():
            return
        inherited = self.engine.pool
        if self._file is not None:
            self._file.abandon_probe()
            self.engine.dispose()  # closes them: SQLite would take the parent's locks for this process's
        elif not self._is_sqlite:
            self.engine.dispose(close=False)  # without closing, which would end the parent's sessions on the server
            self._inherited = inherited, self.notify_listener
        self._begin()

    def __repr__(self) -> str:
        """Show the URL with its password masked."""
        return f"<Store {shown_url(self.url)}>"

    def is_same_as(self, other: Store) -> bool:
        """Return whether *other* is the same database; two stores in memory never are."""
        return other is self or (other.url == self.url and not is_memory(self.url))

    def close(self) -> None:
        """Close all connections; a SQLite store's write-ahead log is written into its file first."""
        self.notify_listener.close()
        if self._file is not None:
            _close_file(self._pid, self._file, self._log, self.engine)
            return
        with self.memory_lock:
            self.engine.dispose()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Yield a connection whose reads all see one snapshot of the database."""
        self._adopt_fork()
        if self._file is not None:
            self._file.refuse_if_replaced()
        with damage.named(self), store_errors(self.url), self.memory_lock, self.engine.connect() as connection:
            at_one_moment(connection)
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Yield a connection in a transaction that commits at the end of the block, or rolls back on an error.

        Raises:
            ReadOnly: the store was opened read-only.

        """
        if self.is_read_only:
            msg = f"The store {shown_url(self.url)} was opened read-only. To change it: cl.setup(…, read_only=False)."
            raise errors.ReadOnly(msg)
        self._adopt_fork()
        if self._file is not None:
            self._file.refuse_if_replaced()
        with store_errors(self.url), self.memory_lock, self.engine.connect() as bare:
            connection = bare.execution_options(**{_WRITING: True})
            with connection.begin():
                yield connection
        if self._log is not None:
            self._log.note_write()

    def write(self, work: Callable[[sa.Connection], R]) -> R:
        """Run *work* in a transaction and return its result; repeat it while the store is locked or a deadlock aborts it.

        Repetition ends with the busy time-out (10 seconds unless the URL sets it). A *work* that takes longer than that is
        repeated up to 5 times after a deadlock.

        Raises:
            StoreLocked: the store was still locked after the busy time-out.

        """
        started = time.monotonic()
        try:
            with self.writing() as connection:
                return work(connection)
        except errors.StoreLocked as error:
            seconds_left = (_busy_seconds(self.url) if self._is_sqlite else BUSY_SECONDS) - (time.monotonic() - started)
            if seconds_left <= 0 and not is_deadlock(error):
                raise
        return self._write_again(work, seconds_left)

    def _write_again(self, work: Callable[[sa.Connection], R], seconds: float) -> R:
        import tenacity  # noqa: PLC0415 - slow to import, and seldom needed

        def attempt() -> R:
            with self.writing() as connection:
                return work(connection)

        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(errors.StoreLocked),
            stop=lambda state: _is_exhausted(state, seconds),
            wait=tenacity.wait_random_exponential(multiplier=0.02, max=0.5),
            reraise=True,
        )
        return attempts(attempt)

    def token(self) -> object | None:
        """Return a value that changes when another connection commits; None on databases without such a value.

        SQLite has it: ``PRAGMA data_version`` on a connection for this alone, in microseconds. It also changes for writers that
        do not append to the change feed. A store in memory has no other writers.
        """
        self._adopt_fork()
        if not self._is_sqlite:
            return None
        if self._file is None:
            return "memory"
        self._file.refuse_if_replaced()
        return self._probe_query(self._file, "PRAGMA data_version")

    def head(self) -> int:
        """Return the number of the last entry of the change feed."""
        self._adopt_fork()
        if self._file is not None:
            return self._probe_query(self._file, "SELECT head FROM feed WHERE id = 1")[1]
        with store_errors(self.url), self.memory_lock, self.engine.connect() as connection:
            try:
                return changefeed.head(connection)
            except exc.NoResultFound:
                raise self._missing_feed() from None

    def _probe_query(self, file: SqliteFile, sql: str) -> tuple[int, int]:
        """Return the generation of the probe's connection, and the number that *sql* selects."""
        try:
            generation, number = file.query_number(sql)
        except sqlite3.Error as error:
            with store_errors(self.url):
                raise exc.DBAPIError.instance(sql, None, error, sqlite3.Error) from error
            raise
        if number is None:
            raise self._missing_feed()
        return generation, number

    def _missing_feed(self) -> errors.StoreUnusable:
        shown = shown_url(self.url)
        return errors.StoreUnusable(f"The store {shown} is damaged: it has no row in feed. Restore it from a copy.")

    def _new_engine(self, url: sa.URL) -> sa.Engine:
        if not self._is_sqlite:
            return new_engine(url, pool_pre_ping=True, isolation_level="READ COMMITTED", json_deserializer=_decoded)
        if self._file is not None:
            where: dict[str, Any] = {"poolclass": pool.QueuePool, "creator": self._file.connect}
        else:  # created by one thread, used by others in turn
            where = {
                "poolclass": pool.StaticPool,
                "connect_args": {"check_same_thread": False, "timeout": BUSY_SECONDS, "isolation_level": None},
            }
        engine = new_engine(url, **where)
        event.listen(engine, "connect", _on_connect_read_only if self.is_read_only else _on_connect)
        event.listen(engine, "begin", _on_begin)
        return engine


def _is_exhausted(state: RetryCallState, seconds: float) -> bool:
    """Return whether to stop repeating: after *seconds*, but a deadlock gets 5 attempts however long they take."""
    error = state.outcome.exception() if state.outcome is not None else None
    is_late = (state.seconds_since_start or 0) >= seconds
    return is_late and not (is_deadlock(error) and state.attempt_number < _DEADLOCK_ATTEMPTS)


def _close_file(pid: int, file: SqliteFile, log: WriteAheadLog | None, engine: sa.Engine) -> None:
    """Write *log* into *file* and close all connections to it; do nothing in a fork of the process *pid*."""
    if pid != os.getpid():
        return
    with contextlib.suppress(sqlite3.Error):
        file.close_probe()
    if log is not None:
        log.close()
    engine.dispose()


def _busy_seconds(url: sa.URL) -> float:
    given = url.query.get("timeout")
    return BUSY_SECONDS if given is None else float(str(given))


def _decoded(text: str) -> Any:  # noqa: ANN401 - JSON
    return {} if text == "{}" else json.loads(text)  # psycopg calls it instead of types.Json


def _on_connect(connection: Any, _record: Any) -> None:  # noqa: ANN401 - the type is the database driver's own
    cursor = connection.cursor()
    # FULL: a committed intent is on disk before the driver is called, also if the machine loses power.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_connect_read_only(connection: Any, _record: Any) -> None:  # noqa: ANN401 - as above
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only=ON")
    cursor.close()


def _on_begin(connection: sa.Connection) -> None:
    writing = connection.get_execution_options().get(_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
