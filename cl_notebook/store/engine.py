"""A store: one database, opened, with its schema brought up to date."""

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
from cl_notebook.store.errors import is_broken_off, is_memory, secret_options, shown_url, store_errors
from cl_notebook.store.notify import NotifyListener
from cl_notebook.store.sqlite_file import HEAD, Marker, SqliteFile, WriteAheadLog
from cl_notebook.store.types import MARIADB
from cl_notebook.store.url import not_installed, parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tenacity import RetryCallState

_ENCODINGS = {"psycopg": {"client_encoding": "utf8"}, "psycopg2": {"client_encoding": "utf8"}, "pymysql": {"charset": "utf8mb4"}}
"""What Python drivers are told, so that text crosses as UTF-8 whatever the environment, or the URL, says."""


def without_secrets(url: sa.URL) -> sa.URL:
    """Return *url* without the options that are not shown: SQLAlchemy shows them wherever it shows a URL."""
    return url.difference_update_query(secret_options(url))


def new_engine(url: sa.URL, **options: Any) -> sa.Engine:  # noqa: ANN401 - SQLAlchemy's own
    """Return an engine for *url*, that shows nothing of it that is secret; it is not connected.

    Raises:
        InvalidInput: the Python driver is not installed, or the URL is none that it takes.

    """
    arguments = secret_options(url) | options.pop("connect_args", {}) | _ENCODINGS.get(url.get_driver_name(), {})
    try:
        # What a storage tells a host to attach with is among the parameters of statements, and may be secret.
        return sa.create_engine(without_secrets(url), connect_args=arguments, hide_parameters=True, **options)
    except ImportError as error:
        raise errors.InvalidInput(not_installed(url.drivername, error)) from error
    except (exc.ArgumentError, ValueError, TypeError) as error:
        msg = f"{shown_url(url)} is not the URL of a database that can be opened: {errors.one_line(error)}."
        raise errors.InvalidInput(msg) from error


def connect_once(engine: sa.Engine) -> None:
    """Connect, and let what a driver says about the URL be one of our errors; those of SQLAlchemy are left as they are.

    Raises:
        StoreUnusable: the driver does not take the URL.

    """
    try:
        engine.connect().close()
    except (errors.Error, exc.SQLAlchemyError):
        raise
    except (TypeError, ValueError, RuntimeError, OSError, ImportError) as error:
        msg = f"The store {shown_url(engine.url)} cannot be opened: {errors.one_line(error)}."
        raise errors.StoreUnusable(msg) from error


def refuse_other_encodings(engine: sa.Engine) -> None:
    """Refuse a PostgreSQL database that does not keep text as UTF-8: it would refuse names, or mix up what they mean.

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
            f"The store {shown_url(engine.url)} keeps text as {encoding}, not as UTF-8, so it cannot take every name. Make one: "
            f"CREATE DATABASE {name}_utf8 ENCODING 'UTF8' TEMPLATE template0."
        )
        raise errors.StoreUnusable(msg)


def at_one_moment(connection: sa.Connection) -> None:
    """Let all reads of the transaction that *connection* is about to begin see the moment of the first; SQLite's do."""
    if connection.dialect.name == "postgresql":
        connection.execution_options(isolation_level="REPEATABLE READ")
    elif connection.dialect.name in MARIADB:  # for the next transaction alone, where SQLAlchemy would ask three times
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


R = TypeVar("R")

BUSY_SECONDS = 10.0
"""How long a SQLite store waits for another process before it says that it is locked."""

_REPEATS = 5
"""Times that a transaction which takes longer than that is repeated if a server breaks it off for another one's sake."""

_WRITING = "cl_notebook_writing"


class Store:
    """One database with our tables in it.

    Reads and writes are short transactions on connections of their own, so nothing is bound to a thread and nothing stays open
    between two calls. On SQLite a write takes the lock at its beginning (``BEGIN IMMEDIATE``), so it never fails half way for
    having read first.
    """

    def __init__(self, store: str, *, read_only: bool = False) -> None:
        """Open *store*: a SQLAlchemy URL, a file name, or ``memory``.

        With *read_only* it must be there already: nothing is made, migrated or written. A store in memory is always new.

        Raises:
            InvalidInput: *store* is no URL, or names a database whose Python driver is not installed.
            StoreUnusable: it is not a database of ours, cannot be written, or is out of reach.
            StoreTooNew: a newer cl_notebook wrote it.
            StoreLocked: another process holds it.

        """
        given = parse_url(store)
        self.url = without_secrets(given)
        self._is_sqlite = self.url.get_backend_name() == "sqlite"
        in_memory = is_memory(self.url)
        self.is_read_only = read_only and not in_memory
        # A store in memory is one connection, used by one thread at a time. Nor do green threads share SQLAlchemy's pool with
        # native ones: its locks are green.
        takes_turns = in_memory or concurrency.is_green()
        self.memory_lock: contextlib.AbstractContextManager[Any] = (
            concurrency.reentrant_lock() if takes_turns else contextlib.nullcontext()
        )
        self._file: SqliteFile | None = None
        self.foreign = ""
        """Why others can have written what stands in it; empty if only this user can."""
        if self._is_sqlite and not in_memory:
            path = Path(str(self.url.database))
            self._file = SqliteFile(path, read_only=self.is_read_only, seconds=_busy_seconds(self.url))
            self.foreign = sqlite_file.foreign(path)
        self.engine = self._new_engine(given)
        self._begin()
        try:
            with store_errors(self.url):
                self._open()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        """Be used by this process from now on."""
        self._pid = os.getpid()
        self.notify_listener = NotifyListener(self.engine)
        self._log: WriteAheadLog | None = None
        if self._file is None:
            return
        self._marker = Marker(self._file)
        if not self.is_read_only:
            self._log = WriteAheadLog(self._file, self.engine, self._marker)
        # Also when the process ends: a store that is not closed has its rows in the log, and a copy of its file would be empty.
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
        """Use no connection of the process that this one is a fork of: two that use one break each other's transactions."""
        if self._pid == os.getpid():
            return
        inherited = self.engine.pool
        if self._file is not None:
            self._file.was_forked()
            self.engine.dispose()  # closed, or SQLite would take the locks of the parent for this process's own
        elif not self._is_sqlite:
            self.engine.dispose(close=False)  # closing would end the parent's conversation with the server
            self._inherited = inherited, self.notify_listener
        self._begin()

    def __repr__(self) -> str:
        """Show the URL with its password masked."""
        return f"<Store {shown_url(self.url)}>"

    def is_same_as(self, other: Store) -> bool:
        """Return whether *other* is this database, perhaps opened again; each store in memory is one of its own."""
        return other is self or (other.url == self.url and not is_memory(self.url))

    def close(self) -> None:
        """Let go of every connection; what is stored stays, all of it in the one file if the store is one."""
        self.notify_listener.close()
        if self._file is not None:
            _close_file(self._pid, self._file, self._log, self.engine)
            return
        with self.memory_lock:
            self.engine.dispose()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection whose reads all see the same moment."""
        self._adopt_fork()
        if self._file is not None:
            self._file.refuse_if_replaced()
        with damage.named(self), store_errors(self.url), self.memory_lock, self.engine.connect() as connection:
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
        self._adopt_fork()
        if self._file is not None:
            self._file.refuse_if_replaced()
        with store_errors(self.url), self.memory_lock, self.engine.connect() as bare:
            connection = bare.execution_options(**{_WRITING: True})
            with connection.begin():
                yield connection
        if self._log is not None:
            self._log.written()

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
                raise self._no_feed() from None

    def _probe_query(self, file: SqliteFile, sql: str) -> tuple[int, int]:
        """Return the one number that *sql* gives, behind that of the connection that was asked."""
        try:
            asked, number = file.ask(sql)
        except sqlite3.Error as error:
            with store_errors(self.url):
                raise exc.DBAPIError.instance(sql, None, error, sqlite3.Error) from error
            raise
        if number is None:
            raise self._no_feed()
        return asked, number

    def _no_feed(self) -> errors.StoreUnusable:
        shown = shown_url(self.url)
        return errors.StoreUnusable(f"The store {shown} is damaged: it has no row in feed. Restore it from a copy.")

    def _new_engine(self, url: sa.URL) -> sa.Engine:
        if not self._is_sqlite:
            return new_engine(url, pool_pre_ping=True, isolation_level="READ COMMITTED", json_deserializer=_decoded)
        if self._file is not None:
            where: dict[str, Any] = {"poolclass": pool.QueuePool, "creator": self._file.connect}
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


def _close_file(pid: int, file: SqliteFile, log: WriteAheadLog | None, engine: sa.Engine) -> None:
    """Close every connection to *file*, with everything in it; a process that *pid* was forked into leaves it alone."""
    if pid != os.getpid():
        return
    with contextlib.suppress(sqlite3.Error):
        file.stop_asking()
    if log is not None:
        log.close()
    engine.dispose()


def _busy_seconds(url: sa.URL) -> float:
    given = url.query.get("timeout")
    return BUSY_SECONDS if given is None else float(str(given))


def _decoded(text: str) -> Any:  # noqa: ANN401 - JSON
    return {} if text == "{}" else json.loads(text)  # psycopg calls it, where base.Json is not asked


def _on_connect(connection: Any, _record: Any) -> None:  # noqa: ANN401 - the type is the database driver's own
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
