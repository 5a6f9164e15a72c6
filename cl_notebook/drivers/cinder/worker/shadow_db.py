"""The shadow database: a private, disposable SQLite file with Cinder's schema, for drivers that read or write the database."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import sqlite3
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_VOLATILE = (
    *("volumes", "volume_metadata", "volume_admin_metadata", "snapshots", "snapshot_metadata"),
    *("volume_attachment", "driver_initiator_data", "cl_changes"),
)
_OWNERS = {
    "volume_metadata": ("volumes", "volume_id"),
    "volume_admin_metadata": ("volumes", "volume_id"),
    "snapshot_metadata": ("snapshots", "snapshot_id"),
    "driver_initiator_data": ("driver_initiator_data", "id"),
}


def work_folder(state: str) -> Path:
    """Create a folder for this process below *state*, and remove the folders of processes that ended.

    A running process holds a lock on the file ``alive`` in its folder. A process id would not do: containers number their own.
    """
    top = Path(state, "work")
    top.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(_private(Path(state, "work.lock")), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for folder in top.iterdir():
            if _is_abandoned(folder / "alive"):
                shutil.rmtree(folder, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=top))
        descriptor = _private(folder / "alive")
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # until the process ends
        return folder


def _private(file: Path) -> int:
    """Open *file*, created if missing and accessible to its owner only; return the descriptor."""
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _is_abandoned(file: Path) -> bool:
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return not file.exists()
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


class ShadowDatabase:
    """Rows of Cinder's tables, written before they are needed, and read back after a call where a driver changed them."""

    def __init__(self, folder: Path, conf: Any) -> None:
        """Create Cinder's schema in *folder*, with triggers that record what drivers change."""
        import sqlalchemy as sa

        self._folder = folder
        self._lock = threading.RLock()
        self.models, self.api, engine = _database_modules(conf)
        sa.event.listen(engine, "connect", _set_pragmas)
        os.close(_private(folder / "cinder.sqlite"))  # SQLite itself would create it with the umask's permissions
        self.models.BASE.metadata.create_all(engine)
        self._sql = sqlite3.connect(folder / "cinder.sqlite", check_same_thread=False, isolation_level=None, timeout=60)
        _set_pragmas(self._sql, None)
        self._sql.executescript(_TRIGGERS)
        sa.event.listen(engine, "begin", _begin_immediate)

    def put(self, rows: dict[str, list[dict[str, Any]]], connection: Any = None) -> None:
        """Insert *rows* (table -> rows) unless they exist, in the transaction of *connection* or in one of their own."""
        with self._unrecorded(connection) as run:
            for sql, values in _inserts(rows):
                run(sql, values)

    @contextlib.contextmanager
    def _unrecorded(self, connection: Any) -> Iterator[Any]:
        """Give a function that runs a statement in a write transaction; its changes are not recorded as a driver's."""
        if connection is not None:
            yield from self._without_records(connection.exec_driver_sql)
            return
        with self._lock:
            self._sql.execute("BEGIN IMMEDIATE")
            try:
                yield from self._without_records(self._run)
            except BaseException:
                self._sql.execute("ROLLBACK")
                raise
            self._sql.execute("COMMIT")

    def _without_records(self, run: Any) -> Iterator[Any]:
        sequence = next(iter(run("SELECT coalesce(max(seq), 0) FROM cl_changes")))[0]
        yield run
        run("DELETE FROM cl_changes WHERE seq > ?", (sequence,))

    def _run(self, sql: str, params: Any = ()) -> Any:
        return self._sql.executemany(sql, params) if isinstance(params, list) else self._sql.execute(sql, params)

    def present(self, table: str, ids: list[str], connection: Any = None) -> set[str]:
        """Return those of *ids* that have a row in *table*, as the transaction of *connection* sees it if one is given."""
        sql = f"SELECT id FROM {table} WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608 - a table of Cinder's
        params = (json.dumps(ids),)
        if connection is not None:
            return {str(row[0]) for row in connection.exec_driver_sql(sql, params)}
        with self._lock:
            return {str(row[0]) for row in self._sql.execute(sql, params)}

    def remove(self, table: str, ids: list[str], connection: Any = None) -> None:
        """Delete rows and their key-value pairs, without recording that as a driver's change."""
        owners = [(name, column) for name, (owner, column) in _OWNERS.items() if owner == table and name != table]
        params = (json.dumps(ids),)
        with self._unrecorded(connection) as run:
            for name, column in [(table, "id"), *owners]:
                run(f"DELETE FROM {name} WHERE {column} IN (SELECT value FROM json_each(?))", params)  # noqa: S608 - Cinder's tables

    def remove_attachments(self, volume_ids: list[str] | None, connection: Any) -> None:
        """Delete the attachments of these volumes, or all if *volume_ids* is None."""
        if volume_ids is None:
            connection.exec_driver_sql("DELETE FROM volume_attachment")
        else:
            sql = "DELETE FROM volume_attachment WHERE volume_id IN (SELECT value FROM json_each(?))"
            connection.exec_driver_sql(sql, (json.dumps(volume_ids),))

    def changed(self, connection: Any = None) -> dict[str, dict[str, int]]:
        """Return the rows that drivers changed: table (such as ``volumes``) -> row id -> number of its last change."""
        sql = "SELECT owner, key, max(seq) FROM cl_changes GROUP BY owner, key"
        with self._lock if connection is None else contextlib.nullcontext():
            rows = connection.exec_driver_sql(sql) if connection is not None else self._sql.execute(sql)
            result: dict[str, dict[str, int]] = {}
            for table, key, sequence in rows:
                result.setdefault(table, {})[str(key)] = sequence
            return result

    def acknowledge(self, table: str, key: str, sequence: int) -> None:
        """Delete the records of a row's changes up to number *sequence*, once they were reported to the kernel."""
        with self._lock:
            self._sql.execute("DELETE FROM cl_changes WHERE owner = ? AND key = ? AND seq <= ?", (table, key, sequence))

    def row(self, table: str, key: str) -> dict[str, Any] | None:
        """Return the row with the id *key* as it is now: column -> value; None if there is none."""
        with self._lock:
            cursor = self._sql.execute(f"SELECT * FROM {table} WHERE id = ?", (key,))  # noqa: S608 - a table of Cinder's
            names = [column[0] for column in cursor.description]
            row = cursor.fetchone()
            return dict(zip(names, row, strict=True)) if row is not None else None

    def pairs(self, table: str, owner: str, key: str) -> dict[str, str]:
        """Return the pairs of the resource *key* in *table*, such as ``volume_metadata``; the column *owner* has its id."""
        with self._lock:
            sql = f'SELECT "key", value FROM {table} WHERE {owner} = ? AND NOT deleted'  # noqa: S608 - a table of Cinder's
            return dict(self._sql.execute(sql, (key,)))

    def clear(self) -> None:
        """Delete all rows but those of volume types."""
        with self._lock:
            self._sql.execute("BEGIN IMMEDIATE")
            for table in _VOLATILE:
                self._sql.execute(f"DELETE FROM {table}")  # noqa: S608 - a table of Cinder's
            self._sql.execute("COMMIT")

    def close(self) -> None:
        """Delete the shadow database from the disk."""
        with self._lock:
            self._sql.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _database_modules(conf: Any) -> tuple[Any, Any, Any]:
    # Cinder 29 merged cinder.db.sqlalchemy into cinder.db
    try:
        from cinder.db import api, models
    except ImportError:
        from cinder.db.sqlalchemy import api, models
    getattr(api, "configure", lambda _conf: None)(conf)
    if not hasattr(api, "configure"):
        api.main_context_manager.configure(connection=conf.database.connection)
    return models, api, api.get_engine()


def _set_pragmas(connection: Any, _record: object) -> None:
    for pragma in ("synchronous=OFF", "journal_mode=MEMORY", "foreign_keys=OFF", "busy_timeout=60000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Any) -> None:
    """Take SQLite's write lock when a transaction of Cinder's begins, after oslo.db's own listener has begun it.

    A transaction that reads before it writes fails at once if another waits to commit; with the lock taken first it waits.
    """
    connection.exec_driver_sql("DELETE FROM cl_changes WHERE seq < 0")


def _inserts(rows: dict[str, list[dict[str, Any]]]) -> Iterable[tuple[str, list[tuple[Any, ...]]]]:
    for table, items in rows.items():
        if items:
            names = list(items[0])
            columns, marks = ", ".join(f'"{name}"' for name in names), ", ".join("?" for _ in names)
            sql = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 - tables and columns of Cinder's
            yield sql, [tuple(item[name] for name in names) for item in items]


def _trigger(table: str, event: str, owner: str, key: str) -> str:
    row = "OLD" if event == "DELETE" else "NEW"
    return (
        f"CREATE TRIGGER cl_{table}_{event} AFTER {event} ON {table} BEGIN "  # noqa: S608 - tables and columns of Cinder's
        f"INSERT INTO cl_changes (owner, key) VALUES ('{owner}', {row}.{key}); END;"
    )


_TRIGGERS = "\n".join(
    [
        "CREATE TABLE cl_changes (seq INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT, key TEXT);",
        *(_trigger(table, "UPDATE", table, "id") for table in ("volumes", "snapshots")),
        *(
            _trigger(table, event, owner, key)
            for table, (owner, key) in _OWNERS.items()
            for event in ("INSERT", "UPDATE", "DELETE")
        ),
    ]
)
