"""A store: one data base, opened, with its schema brought up to date."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event, exc, pool

from cl_notebook import errors, settings
from cl_notebook.store import feed, schema
from cl_notebook.store.boundary import shown_url, store_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY_SECONDS = 10.0
"""How long a SQLite store waits for another process before it says that it is locked."""

_WRITING = "cl_notebook_writing"


class Store:
    """One data base with our tables in it.

    Reads and writes are short transactions on connections of their own, so nothing is bound to a thread and nothing stays open
    between two calls. On SQLite a write takes the lock at its beginning (``BEGIN IMMEDIATE``), so it never fails half way for
    having read first.
    """

    def __init__(self, store: str) -> None:
        """Open *store*: a SQLAlchemy URL, a file name, or ``memory``.

        Raises:
            InvalidInput: *store* is no URL, or names a data base whose Python driver is not installed.
            StoreUnusable: it is not a data base of ours, cannot be written, or is out of reach.
            StoreTooNew: a newer cl_notebook wrote it.
            StoreLocked: another process holds it.

        """
        self.url = parse_url(store)
        self._is_sqlite = self.url.get_backend_name() == "sqlite"
        in_memory = self.url.database in {None, "", ":memory:"}
        self._file = Path(str(self.url.database)) if self._is_sqlite and not in_memory else None
        self._probe: sqlite3.Connection | None = None
        if self._file is not None:
            _prepare_file(self._file)
        # A store in memory is one connection: who uses it keeps the others out.
        self.turn: contextlib.AbstractContextManager[Any] = (
            threading.RLock() if self._is_sqlite and in_memory else contextlib.nullcontext()
        )
        self.engine = _make_engine(self.url)
        try:
            with store_errors(self.url):
                schema.bring_up_to_date(self)
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        """Show the URL with its password masked."""
        return f"<Store {shown_url(self.url)}>"

    def close(self) -> None:
        """Let go of every connection; what is stored stays."""
        self.engine.dispose()
        if self._probe is not None:
            self._probe.close()
            self._probe = None

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection whose reads all see the same moment."""
        with store_errors(self.url), self.turn, self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a connection in a transaction that commits at the end of the block, or rolls back on an error."""
        with store_errors(self.url), self.turn, self.engine.connect() as bare:
            connection = bare.execution_options(**{_WRITING: True})
            with connection.begin():
                yield connection

    def token(self) -> object | None:
        """Return a value that differs once any other connection has committed, or None where that cannot be told.

        It costs microseconds: SQLite's ``PRAGMA data_version`` on a connection kept for nothing else. It notices writers that
        know nothing of the change feed, too. A memory store has no other writers.
        """
        if not self._is_sqlite:
            return None
        if self._file is None:
            return "memory"
        return self._look("PRAGMA data_version")

    def head(self) -> int:
        """Return the number of the last entry of the change feed."""
        if self._file is not None:
            return self._look("SELECT head FROM feed WHERE id = 1")
        with self.reading() as connection:
            return feed.head(connection)

    def _look(self, sql: str) -> int:
        try:
            if self._probe is None:
                self._probe = sqlite3.connect(
                    f"{self._file.absolute().as_uri()}?mode=ro" if self._file else ":memory:",
                    uri=True,
                    timeout=BUSY_SECONDS,
                    isolation_level=None,
                    check_same_thread=False,
                )
            return int(self._probe.execute(sql).fetchone()[0])
        except sqlite3.Error as error:
            with store_errors(self.url):
                raise exc.OperationalError(sql, None, error) from error
            raise


def parse_url(store: str) -> sa.URL:
    """Return the URL that *store* stands for: ``memory``, a URL, or the name of a SQLite file.

    Raises:
        InvalidInput: it is neither.

    """
    if store == "memory":
        return sa.URL.create("sqlite", database=":memory:")
    if "://" not in store:
        return sa.URL.create("sqlite", database=str(Path(store).expanduser()))
    try:
        url = sa.make_url(store)
        url.get_dialect()
    except (exc.ArgumentError, exc.NoSuchModuleError, ValueError) as error:
        scheme = store.split("://", 1)[0]
        known = errors.did_you_mean(scheme, ("sqlite", "postgresql", "mysql", "mariadb", "postgresql+psycopg"))
        msg = f"{scheme}:// is not the URL of a data base that SQLAlchemy knows.{known} Try sqlite:///lab.db."
        raise errors.InvalidInput(msg) from error
    except ImportError as error:
        msg = f"The Python driver for {shown_url(url)} is not installed: {error}."
        raise errors.InvalidInput(msg) from error
    if url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}:
        url = url.set(database=str(Path(str(url.database)).expanduser()))
    return url


def _prepare_file(path: Path) -> None:
    """Make sure that a new store is readable by its owner alone, and say clearly why it cannot be made."""
    try:
        _prepare_folder(path.parent)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except IsADirectoryError as error:
        msg = f"The store {path} is a folder. Name a file in it: cl.setup(store='sqlite:///{path}/store.db')."
        raise errors.StoreUnusable(msg) from error
    except OSError as error:
        msg = f"The store {path} cannot be opened for writing: {error.strerror}. Choose another: cl.setup(store=…)."
        raise errors.StoreUnusable(msg) from error


def _prepare_folder(folder: Path) -> None:
    if folder != settings.data_dir():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def _make_engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True, isolation_level="READ COMMITTED", json_deserializer=_decoded)
    memory = url.database in {None, "", ":memory:"}
    engine = sa.create_engine(
        url,
        json_deserializer=_decoded,
        poolclass=pool.StaticPool if memory else pool.QueuePool,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS, "isolation_level": None},
    )
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _decoded(text: str) -> Any:  # noqa: ANN401 - JSON
    return {} if text == "{}" else json.loads(text)  # most metadata and specs are empty, and three columns a volume add up


def _on_connect(connection: Any, _record: Any) -> None:  # noqa: ANN401 - the type is the data base driver's own
    cursor = connection.cursor()
    # FULL: an intent that was committed is on disk before the driver is called, whatever happens to the machine.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: sa.Connection) -> None:
    writing = connection.get_execution_options().get(_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
