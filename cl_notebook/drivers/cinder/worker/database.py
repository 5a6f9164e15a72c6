"""The working copy: a private SQLite of Cinder's own schema, for drivers that look into the data base. It may be thrown away."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    """Make a folder for this process below *state*, and remove those of processes that are gone."""
    top = Path(state, "work")
    top.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in top.iterdir():
        pid = folder.name.partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=top))


class WorkingCopy:
    """Rows of Cinder's tables, put there before a call, and read back after it where a driver changed them."""

    def __init__(self, folder: Path, conf: Any) -> None:
        """Make Cinder's schema in *folder*, with triggers that note what a driver changes."""
        import sqlalchemy as sa

        self._folder = folder
        self._lock = threading.RLock()
        self.models, self.api, engine = _cinder(conf)
        sa.event.listen(engine, "connect", _quick)
        self.models.BASE.metadata.create_all(engine)
        self._sql = sqlite3.connect(folder / "cinder.sqlite", check_same_thread=False, isolation_level=None, timeout=60)
        _quick(self._sql, None)
        self._sql.executescript(_TRIGGERS)

    def put(self, rows: dict[str, list[dict[str, Any]]], connection: Any = None) -> None:
        """Write *rows*, by table, unless they are there; in the transaction of *connection*, or in one of its own."""
        if connection is not None:
            mark = connection.exec_driver_sql("SELECT coalesce(max(seq), 0) FROM cl_changes").scalar()
            for sql, values in _inserts(rows):
                connection.exec_driver_sql(sql, values)
            connection.exec_driver_sql("DELETE FROM cl_changes WHERE seq > ?", (mark,))
            return
        with self._lock:
            self._sql.execute("BEGIN IMMEDIATE")
            mark = self._sql.execute("SELECT coalesce(max(seq), 0) FROM cl_changes").fetchone()[0]
            for sql, values in _inserts(rows):
                self._sql.executemany(sql, values)
            self._sql.execute("DELETE FROM cl_changes WHERE seq > ?", (mark,))
            self._sql.execute("COMMIT")

    def present(self, table: str, ids: list[str], connection: Any = None) -> set[str]:
        """Return those of *ids* that *table* has a row for, seen from the transaction of *connection* if there is one."""
        sql = f"SELECT id FROM {table} WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608 - a table of Cinder's
        words = (json.dumps(ids),)
        if connection is not None:
            return {str(row[0]) for row in connection.exec_driver_sql(sql, words)}
        with self._lock:
            return {str(row[0]) for row in self._sql.execute(sql, words)}

    def changed(self) -> dict[str, set[str]]:
        """Return the ids of the rows that drivers changed, by table (``volumes``, ``snapshots``, ``driver_initiator_data``)."""
        with self._lock:
            found: dict[str, set[str]] = {}
            for table, key in self._sql.execute("SELECT owner, key FROM cl_changes"):
                found.setdefault(table, set()).add(str(key))
            return found

    def row(self, table: str, key: str) -> dict[str, Any] | None:
        """Return one row as it stands now."""
        with self._lock:
            cursor = self._sql.execute(f"SELECT * FROM {table} WHERE id = ?", (key,))  # noqa: S608 - a table of Cinder's
            names = [column[0] for column in cursor.description]
            found = cursor.fetchone()
            return {name: found[place] for place, name in enumerate(names)} if found is not None else None

    def pairs(self, table: str, owner: str, key: str) -> dict[str, str]:
        """Return the key-value pairs of a resource, such as those of ``volume_metadata``."""
        with self._lock:
            sql = f'SELECT "key", value FROM {table} WHERE {owner} = ? AND NOT deleted'  # noqa: S608 - a table of Cinder's
            return dict(self._sql.execute(sql, (key,)))

    def clear(self) -> None:
        """Throw away what was put there; types stay."""
        with self._lock:
            self._sql.execute("BEGIN IMMEDIATE")
            for table in _VOLATILE:
                self._sql.execute(f"DELETE FROM {table}")  # noqa: S608 - a table of Cinder's
            self._sql.execute("COMMIT")

    def close(self) -> None:
        """Remove the working copy."""
        with self._lock:
            self._sql.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _cinder(conf: Any) -> tuple[Any, Any, Any]:
    # Cinder 29 has one module; before it there was a switch, and the module behind it
    try:
        from cinder.db import api, models
    except ImportError:
        from cinder.db.sqlalchemy import api, models
    getattr(api, "configure", lambda _conf: None)(conf)
    if not hasattr(api, "configure"):
        api.main_context_manager.configure(connection=conf.database.connection)
    return models, api, api.get_engine()


def _quick(connection: Any, _record: object) -> None:
    for pragma in ("synchronous=OFF", "journal_mode=MEMORY", "foreign_keys=OFF"):
        connection.execute(f"PRAGMA {pragma}")


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
