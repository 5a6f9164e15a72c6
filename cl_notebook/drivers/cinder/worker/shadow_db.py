"""The working copy: a private SQLite of Cinder's own schema, for drivers that look into the data base. It may be thrown away."""

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
    """Make a folder for this process below *state*, and remove those of processes that are gone.

    A process that is there has the file ``alive`` in its folder locked. Its number says nothing: it may be another container's.
    """
    top = Path(state, "work")
    top.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(_private(Path(state, "work.lock")), "w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        for folder in top.iterdir():
            if _is_left(folder / "alive"):
                shutil.rmtree(folder, ignore_errors=True)
        made = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=top))
        descriptor = _private(made / "alive")
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # until the process ends
        return made


def _private(file: Path) -> int:
    """Return a descriptor of *file*, made if it is missing; its owner's alone."""
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _is_left(file: Path) -> bool:
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
    """Rows of Cinder's tables, put there before a call, and read back after it where a driver changed them."""

    def __init__(self, folder: Path, conf: Any) -> None:
        """Make Cinder's schema in *folder*, with triggers that note what a driver changes."""
        import sqlalchemy as sa

        self._folder = folder
        self._lock = threading.RLock()
        self.models, self.api, engine = _cinder(conf)
        sa.event.listen(engine, "connect", _quick)
        os.close(_private(folder / "cinder.sqlite"))  # what SQLite makes is as readable as the umask lets it be
        self.models.BASE.metadata.create_all(engine)
        self._sql = sqlite3.connect(folder / "cinder.sqlite", check_same_thread=False, isolation_level=None, timeout=60)
        _quick(self._sql, None)
        self._sql.executescript(_TRIGGERS)
        sa.event.listen(engine, "begin", _reserve)

    def put(self, rows: dict[str, list[dict[str, Any]]], connection: Any = None) -> None:
        """Write *rows*, by table, unless they are there; in the transaction of *connection*, or in one of its own."""
        with self._unnoticed(connection) as run:
            for sql, values in _inserts(rows):
                run(sql, values)

    @contextlib.contextmanager
    def _unnoticed(self, connection: Any) -> Iterator[Any]:
        """Give what runs a statement, with the right to write held; what it changes does not count as changed by a driver."""
        if connection is not None:
            yield from self._marked(connection.exec_driver_sql)
            return
        with self._lock:
            self._sql.execute("BEGIN IMMEDIATE")
            try:
                yield from self._marked(self._run)
            except BaseException:
                self._sql.execute("ROLLBACK")
                raise
            self._sql.execute("COMMIT")

    def _marked(self, run: Any) -> Iterator[Any]:
        mark = next(iter(run("SELECT coalesce(max(seq), 0) FROM cl_changes")))[0]
        yield run
        run("DELETE FROM cl_changes WHERE seq > ?", (mark,))

    def _run(self, sql: str, words: Any = ()) -> Any:
        return self._sql.executemany(sql, words) if isinstance(words, list) else self._sql.execute(sql, words)

    def present(self, table: str, ids: list[str], connection: Any = None) -> set[str]:
        """Return those of *ids* that *table* has a row for, seen from the transaction of *connection* if there is one."""
        sql = f"SELECT id FROM {table} WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608 - a table of Cinder's
        words = (json.dumps(ids),)
        if connection is not None:
            return {str(row[0]) for row in connection.exec_driver_sql(sql, words)}
        with self._lock:
            return {str(row[0]) for row in self._sql.execute(sql, words)}

    def remove(self, table: str, ids: list[str], connection: Any = None) -> None:
        """Take rows out, with the key-value pairs that hang from them, as if nobody had changed anything."""
        owners = [(name, column) for name, (owner, column) in _OWNERS.items() if owner == table and name != table]
        words = (json.dumps(ids),)
        with self._unnoticed(connection) as run:
            for name, column in [(table, "id"), *owners]:
                run(f"DELETE FROM {name} WHERE {column} IN (SELECT value FROM json_each(?))", words)  # noqa: S608 - Cinder's tables

    def remove_attachments(self, volume_ids: list[str] | None, connection: Any) -> None:
        """Take out the attachments of these volumes, or all."""
        if volume_ids is None:
            connection.exec_driver_sql("DELETE FROM volume_attachment")
        else:
            sql = "DELETE FROM volume_attachment WHERE volume_id IN (SELECT value FROM json_each(?))"
            connection.exec_driver_sql(sql, (json.dumps(volume_ids),))

    def changed(self, connection: Any = None) -> dict[str, dict[str, int]]:
        """Return what drivers changed: by table (``volumes``, ``driver_initiator_data``…), the id of each row, and a mark."""
        sql = "SELECT owner, key, max(seq) FROM cl_changes GROUP BY owner, key"
        with self._lock if connection is None else contextlib.nullcontext():
            rows = connection.exec_driver_sql(sql) if connection is not None else self._sql.execute(sql)
            found: dict[str, dict[str, int]] = {}
            for table, key, mark in rows:
                found.setdefault(table, {})[str(key)] = mark
            return found

    def settle(self, table: str, key: str, mark: int) -> None:
        """Forget that drivers changed a row, up to *mark*: the kernel is told of it."""
        with self._lock:
            self._sql.execute("DELETE FROM cl_changes WHERE owner = ? AND key = ? AND seq <= ?", (table, key, mark))

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
    for pragma in ("synchronous=OFF", "journal_mode=MEMORY", "foreign_keys=OFF", "busy_timeout=60000"):
        connection.execute(f"PRAGMA {pragma}")


def _reserve(connection: Any) -> None:
    """Reserve the right to write when a transaction of Cinder's begins, after oslo.db's own listener has begun it.

    A transaction that has read before it writes fails at once if another one waits to commit; here it waits before it reads.
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
