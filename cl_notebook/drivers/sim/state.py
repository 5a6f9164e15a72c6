"""The state of a simulated storage: a SQLite file that threads and processes may use at once."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections import Counter, deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

from cl_notebook import errors, regular_files
from cl_notebook.drivers.filebased.locks import locked
from cl_notebook.drivers.filebased.manage import DISCONNECT_HINT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_SECONDS = 60
"""Seconds that a transaction waits for one of another process."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS volumes (name TEXT PRIMARY KEY, id TEXT NOT NULL, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshots (name TEXT PRIMARY KEY, id TEXT NOT NULL, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS connections (volume TEXT, id TEXT, host TEXT NOT NULL, PRIMARY KEY (volume, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (number INTEGER PRIMARY KEY, call TEXT NOT NULL, name TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS counters (call TEXT PRIMARY KEY, calls INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pool (provisioned INTEGER NOT NULL);
INSERT INTO pool SELECT 0 WHERE NOT EXISTS (SELECT * FROM pool);
CREATE TRIGGER IF NOT EXISTS volume_added AFTER INSERT ON volumes
    BEGIN UPDATE pool SET provisioned = provisioned + NEW.size; END;
CREATE TRIGGER IF NOT EXISTS volume_resized AFTER UPDATE OF size ON volumes
    BEGIN UPDATE pool SET provisioned = provisioned + NEW.size - OLD.size; END;
CREATE TRIGGER IF NOT EXISTS volume_removed AFTER DELETE ON volumes
    BEGIN UPDATE pool SET provisioned = provisioned - OLD.size; END;
"""


class Call(NamedTuple):
    """One call: the driver's method, the resource's name on the storage, and the time in seconds since the epoch."""

    call: str
    name: str
    at: float


class SimState:
    """The state file, with a pool of connections: each transaction takes an idle one."""

    def __init__(self, file: Path) -> None:
        """Name the file; nothing is opened yet."""
        self._file = file
        self._idle: deque[sqlite3.Connection] = deque()
        self._is_read_only = False
        self._read_only_calls: Counter[str] = Counter()

    def prepare(self) -> None:
        """Create the file and its tables if missing.

        Raises:
            errors.DriverError: the file is a link, or another program's database; it is not changed.
            OSError: it cannot be opened.

        """
        self._is_read_only = False
        self._refuse_links()
        self._refuse_foreign()
        os.close(
            regular_files.open_regular(self._file, os.O_RDWR | os.O_CREAT)
        )  # SQLite gives its other files the same permissions
        # SQLite does not wait for other processes when it switches a file to WAL mode, which is permanent
        with locked((self._file.with_suffix(".lock"), False)):
            sql = self._take()
            try:
                sql.execute("PRAGMA journal_mode = WAL")
            finally:
                self._idle.append(sql)
            with self.transaction() as sql:
                for statement in _statements(_SCHEMA):
                    sql.execute(statement)

    def open_read_only(self) -> None:
        """Open the file for reading alone; calls are not counted in it from now on.

        Raises:
            errors.DriverError: it is missing, a link, or another program's database.

        """
        self.close()
        self._is_read_only = True
        self._refuse_links()
        if not self._file.is_file():
            msg = f"There is no {self._file}, so the folder holds no simulated storage. Check the path."
            raise errors.DriverError(msg)
        self._refuse_foreign()

    def _refuse_links(self) -> None:
        # SQLite follows links, also of its log and index files
        for name in (self._file.name, *(f"{self._file.name}-{end}" for end in ("wal", "shm", "journal"))):
            status = regular_files.status(self._file.with_name(name))
            if status is not None and not stat.S_ISREG(status.st_mode):
                msg = f"{self._file.with_name(name)} is a link or not a regular file. Remove it, then repeat."
                raise errors.DriverError(msg)

    def _refuse_foreign(self) -> None:
        tables = regular_files.tables(self._file) if self._file.exists() else None
        if tables and not tables >= {"volumes", "snapshots", "calls", "counters"}:
            msg = (
                f"{self._file} is not a simulated storage (its tables: {', '.join(sorted(tables)[:3])}…). Choose another folder."
            )
            raise errors.DriverError(msg)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give a connection in a transaction, which is committed at the end of the block, or rolled back by an error."""
        sql = self._take()
        try:
            sql.execute("BEGIN" if self._is_read_only else "BEGIN IMMEDIATE")
            try:
                yield sql
            except BaseException:
                if sql.in_transaction:  # SQLite has rolled back by itself when the disk is full
                    sql.execute("ROLLBACK")
                raise
            sql.execute("COMMIT")
        finally:
            if sql.in_transaction or self._is_read_only:  # the commit failed; or a log file may appear before the next read
                sql.close()
            else:
                self._idle.append(sql)

    def count(self, call: str, name: str) -> int:
        """Record a call of the driver; return its number among the calls of that method. A read-only storage counts in memory."""
        if self._is_read_only:
            self._read_only_calls[call] += 1
            with self.transaction() as sql:
                rows = sql.execute("SELECT calls FROM counters WHERE call = ?", (call,)).fetchall()
            return self._read_only_calls[call] + sum(int(row[0]) for row in rows)
        with self.transaction() as sql:
            sql.execute("INSERT INTO calls (call, name, at) VALUES (?, ?, ?)", (call, name, time.time()))
            counters = sql.execute(
                "INSERT INTO counters VALUES (?, 1) ON CONFLICT (call) DO UPDATE SET calls = calls + 1 RETURNING calls", (call,)
            )
            return int(counters.fetchall()[0][0])

    def calls(self, call: str | None) -> list[Call]:
        """Return all calls, or those of the method *call*, the oldest first."""
        with self.transaction() as sql:
            rows = sql.execute("SELECT call, name, at FROM calls WHERE ?1 IS NULL OR call = ?1 ORDER BY number", (call,))
            return [Call(*row) for row in rows]

    def close(self) -> None:
        """Close the idle connections; the next transaction opens another."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            pass
        uri = f"{self._file.as_uri()}?{self._mode()}"
        sql = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            if not self._is_read_only:
                sql.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            sql.close()
            raise
        return sql

    def _mode(self) -> str:
        if not self._is_read_only:
            return "mode=rw"
        log = self._file.with_name(f"{self._file.name}-wal")
        # There is a log while another process works, or if one was killed. Without one SQLite would create it, unless immutable.
        has_log = log.exists() and log.stat().st_size
        return "mode=ro&readonly_shm=1" if has_log else "mode=ro&immutable=1"


def _statements(script: str) -> Iterator[str]:
    # executescript() would commit the open transaction
    statement = ""
    for line in script.strip().splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def provisioned(sql: sqlite3.Connection) -> int:
    """Return the size of all volumes in bytes."""
    return int(sql.execute("SELECT provisioned FROM pool").fetchall()[0][0])


def present(sql: sqlite3.Connection, table: Literal["volumes", "snapshots"], name: str) -> int:
    """Return the size of a volume or snapshot in bytes.

    Raises:
        errors.MissingOnStorage: it is not on the storage.

    """
    rows = sql.execute(f"SELECT size FROM {table} WHERE name = ?", (name,)).fetchall()  # noqa: S608 - the names of our tables
    if not rows:
        msg = f"There is no {name} among the {table} of the storage."
        raise errors.MissingOnStorage(msg)
    return int(rows[0][0])


def refuse_connected(sql: sqlite3.Connection, name: str) -> None:
    """Refuse a call on a volume that is connected.

    Raises:
        errors.BusyOnStorage: the volume has a connection.

    """
    count = sql.execute("SELECT count(*) FROM connections WHERE volume = ?", (name,)).fetchall()[0][0]
    if count:
        msg = f"{name} has {count} connection(s). {DISCONNECT_HINT}"
        raise errors.BusyOnStorage(msg)
