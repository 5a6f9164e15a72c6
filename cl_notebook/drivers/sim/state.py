"""What the simulated storage remembers: a SQLite file that any number of threads and processes may use at once."""

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
from cl_notebook.drivers.filebased.manage import LET_GO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_SECONDS = 60
"""How long a transaction waits for that of another process."""

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
    """One call that the simulated storage got: the driver's method, the resource's name in the storage, and when (seconds)."""

    call: str
    name: str
    at: float


class SimState:
    """The state file. Connections to it belong to no thread: each transaction takes an idle one."""

    def __init__(self, file: Path) -> None:
        """Name the file; nothing is opened yet."""
        self._file = file
        self._idle: deque[sqlite3.Connection] = deque()
        self._is_read_only = False
        self._looks: Counter[str] = Counter()

    def prepare(self) -> None:
        """Make the tables that are missing.

        Raises:
            errors.DriverError: the file is another program's database; it stays as it is.
            OSError: it is no regular file, or a link leads to it.

        """
        self._is_read_only = False
        self._refuse_links()
        self._refuse_foreign()
        os.close(regular_files.open_regular(self._file, os.O_RDWR | os.O_CREAT))  # SQLite makes what it makes as readable as this
        # SQLite does not wait for its turn when a file is switched to WAL, which then stays switched
        with locked((self._file.with_suffix(".lock"), False)):
            sql = self._take()
            try:
                sql.execute("PRAGMA journal_mode = WAL")
            finally:
                self._idle.append(sql)
            with self.transaction() as sql:
                for statement in _statements(_SCHEMA):
                    sql.execute(statement)

    def look(self) -> None:
        """Check that the file is there, and read it from now on, without a trace: no call is counted in it.

        Raises:
            errors.DriverError: it is not there, or is another program's database.

        """
        self.close()
        self._is_read_only = True
        self._refuse_links()
        if not self._file.is_file():
            msg = f"there is no {self._file}: nothing was simulated in that folder"
            raise errors.DriverError(msg)
        self._refuse_foreign()

    def _refuse_links(self) -> None:
        # SQLite follows them, also those of the files beside its own
        for name in (self._file.name, *(f"{self._file.name}-{end}" for end in ("wal", "shm", "journal"))):
            found = regular_files.status(self._file.with_name(name))
            if found is not None and not stat.S_ISREG(found.st_mode):
                msg = f"{self._file.with_name(name)} is a link or no regular file, and is left as it is: remove it, then repeat"
                raise errors.DriverError(msg)

    def _refuse_foreign(self) -> None:
        found = regular_files.tables(self._file) if self._file.exists() else None
        if found and not found >= {"volumes", "snapshots", "calls", "counters"}:
            msg = f"{self._file} is not a simulated storage (its tables: {', '.join(sorted(found)[:3])}…), and is left as it is"
            raise errors.DriverError(msg)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give a connection within a transaction that is committed at the end, or rolled back by an error."""
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
            if sql.in_transaction or self._is_read_only:  # the commit failed, or there may be a log the next time
                sql.close()
            else:
                self._idle.append(sql)

    def count(self, call: str, name: str) -> int:
        """Note a call of the driver, and return how many of its kind there were; those of a look are noted here alone."""
        if self._is_read_only:
            self._looks[call] += 1
            with self.transaction() as sql:
                rows = sql.execute("SELECT calls FROM counters WHERE call = ?", (call,)).fetchall()
            return self._looks[call] + sum(int(row[0]) for row in rows)
        with self.transaction() as sql:
            sql.execute("INSERT INTO calls (call, name, at) VALUES (?, ?, ?)", (call, name, time.time()))
            counted = sql.execute(
                "INSERT INTO counters VALUES (?, 1) ON CONFLICT (call) DO UPDATE SET calls = calls + 1 RETURNING calls", (call,)
            )
            return int(counted.fetchall()[0][0])

    def calls(self, call: str | None) -> list[Call]:
        """Return the calls so far, or those of one kind, the oldest first."""
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
        where = f"{self._file.as_uri()}?{self._mode()}"
        sql = sqlite3.connect(where, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
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
        # Without a log SQLite would make one, and its index; there is one while another process works, or was killed.
        has_log = log.exists() and log.stat().st_size
        return "mode=ro&readonly_shm=1" if has_log else "mode=ro&immutable=1"


def _statements(script: str) -> Iterator[str]:
    # executescript() would commit the transaction it finds open
    statement = ""
    for line in script.strip().splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def provisioned(sql: sqlite3.Connection) -> int:
    """Return the bytes of all volumes."""
    return int(sql.execute("SELECT provisioned FROM pool").fetchall()[0][0])


def present(sql: sqlite3.Connection, table: Literal["volumes", "snapshots"], name: str) -> int:
    """Return the bytes of a volume or snapshot.

    Raises:
        errors.MissingOnStorage: it is not there.

    """
    found = sql.execute(f"SELECT size FROM {table} WHERE name = ?", (name,)).fetchall()  # noqa: S608 - the names of our tables
    if not found:
        msg = f"there is no {name} among the {table} of the storage"
        raise errors.MissingOnStorage(msg)
    return int(found[0][0])


def refuse_connected(sql: sqlite3.Connection, name: str) -> None:
    """Raise if the volume has a connection.

    Raises:
        errors.BusyOnStorage: it has one.

    """
    connected = sql.execute("SELECT count(*) FROM connections WHERE volume = ?", (name,)).fetchall()[0][0]
    if connected:
        msg = f"{name} has {connected} connection(s): {LET_GO}"
        raise errors.BusyOnStorage(msg)
