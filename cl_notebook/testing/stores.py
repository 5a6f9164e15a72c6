"""Stores full of rows, made at the speed of the database: for tests and benchmarks of what looks at them."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook.model import Backend, Connection, Snapshot, Volume
from cl_notebook.store import changefeed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cl_notebook.store import Store

_START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_BATCH = 5_000
STATUSES = ("available", "available", "available", "in-use", "error")
"""The statuses that the volumes have in turn."""


def fill(store: Store, *, volumes: int, snapshots: int = 2, connections: int = 1, backend: str = "sim", path: str = ".") -> str:
    """Put a backend with *volumes* rows into *store*, each with that many snapshots and connections; return its id.

    The rows look as if the simulator under *path* had made them; the simulator itself is not called.
    """
    backend_id = str(uuid.uuid4())
    row = {"id": backend_id, "name": backend, "volume_driver": "sim", "config": {"path": path}, **_times(0)}
    with store.writing() as connection:
        connection.execute(sa.insert(Backend), row)
    for start in range(0, volumes, _BATCH):
        made = [_volume(number, backend, backend_id) for number in range(start, min(start + _BATCH, volumes))]
        _fill_batch(store, made, snapshots, connections)
    return backend_id


def fill_volumes(store: Store, *, volumes: int, backend: str = "sim", path: str = ".") -> str:
    """Put a backend with *volumes* rows and nothing below them into *store*, a SQLite one; return its id.

    As :func:`fill`, but a million rows take a dozen seconds: SQLite copies the first few, each under an id of its own.
    """
    backend_id = fill(store, volumes=min(volumes, len(STATUSES)), snapshots=0, connections=0, backend=backend, path=path)
    if volumes > len(STATUSES):
        with store.writing() as connection:
            connection.exec_driver_sql("PRAGMA cache_size = -200000")
            indexes = connection.exec_driver_sql(_INDEXES).all()
            for name, _ in indexes:  # made afresh they take half the time
                connection.exec_driver_sql(f'DROP INDEX "{name}"')
            columns = {column.name: f'"{column.name}"' for column in Volume.__table__.columns}  # type: ignore[attr-defined] # mapped
            values = (_COPIED.get(name, quoted) for name, quoted in columns.items())
            copy = _COPY.format(columns=", ".join(columns.values()), values=", ".join(values), turns=len(STATUSES))
            connection.exec_driver_sql(copy, (backend_id, volumes))
            for _, sql in indexes:
                connection.exec_driver_sql(sql)
            changefeed.append(connection, changefeed.Entry("fill", "volume", backend_id, backend_id=backend_id))
    return backend_id


_INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'volume' AND sql IS NOT NULL"
_COPY = """
WITH RECURSIVE
    first AS (SELECT row_number() OVER (ORDER BY created_at) - 1 AS turn, * FROM volume WHERE backend_id = ?),
    number(n) AS (SELECT {turns} UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ?)
INSERT INTO volume ({columns}) SELECT {values} FROM number JOIN first ON turn = n % {turns} ORDER BY n
"""
_COPIED = {
    "id": "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2)"
    " || '-8' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))",
    "name": "'vol-' || n",
    "size": "1 + n % 100",
    "name_in_storage": "'volume-' || n",
    "created_at": f"strftime('%Y-%m-%d %H:%M:%f', '{_START:%Y-%m-%d}', printf('+%.3f seconds', n / 1000.0)) || '000'",
}


def _fill_batch(store: Store, made: list[dict[str, Any]], snapshots: int, connections: int) -> None:
    with store.writing() as connection:
        connection.execute(sa.insert(Volume), made)
        if snapshots:
            connection.execute(sa.insert(Snapshot), list(_snapshots(made, snapshots)))
        if connections:
            connection.execute(sa.insert(Connection), list(_connections(made, connections)))
        last = made[-1]
        changefeed.append(connection, changefeed.Entry("fill", "volume", last["id"], backend_id=last["backend_id"]))


def _times(number: int) -> dict[str, Any]:
    return {"created_at": _START + dt.timedelta(milliseconds=number), "updated_at": None, "version": 1}


def _volume(number: int, backend: str, backend_id: str) -> dict[str, Any]:
    volume_id = str(uuid.UUID(int=uuid.uuid5(uuid.NAMESPACE_OID, f"{backend}-{number}").int, version=4))
    return {
        "id": volume_id,
        "name": f"vol-{number}",
        "description": "",
        "size": 1 + number % 100,
        "status": STATUSES[number % len(STATUSES)],
        "attach_status": "detached",
        "backend_id": backend_id,
        "host": f"host@{backend}",
        "pool_name": None,
        "name_in_storage": f"volume-{volume_id}",
        "snapshot_id": None,
        "source_volid": None,
        "availability_zone": None,
        "bootable": False,
        "metadata": {},
        "extra_specs": {},
        "qos_specs": {},
        "provider_location": None,
        "provider_id": None,
        **_times(number),
    }


def _snapshots(volumes: list[dict[str, Any]], each: int) -> Iterator[dict[str, Any]]:
    for volume in volumes:
        for number in range(each):
            snapshot_id = str(uuid.uuid4())
            yield {
                "id": snapshot_id,
                "name": f"s{number}",
                "description": "",
                "status": "available",
                "progress": "100%",
                "volume_id": volume["id"],
                "volume_size": volume["size"],
                "backend_id": volume["backend_id"],
                "name_in_storage": f"snapshot-{snapshot_id}",
                "metadata": {},
                "provider_location": None,
                "provider_id": None,
                **_times(number),
            }


def _connections(volumes: list[dict[str, Any]], each: int) -> Iterator[dict[str, Any]]:
    for volume in volumes:
        for number in range(each):
            yield {
                "id": str(uuid.uuid4()),
                "volume_id": volume["id"],
                "backend_id": volume["backend_id"],
                "attach_status": "attached",
                "attach_mode": "rw",
                "attached_host": None,
                "protocol": "local",
                "multipath": False,
                "path": None,
                "connector_info": {"host": f"h{number}", "ip": "10.0.0.1", "initiator": "iqn.x", "multipath": False},
                "conn_info": {"driver_volume_type": "local", "data": {"device_path": "/dev/null"}},
                "device": None,
                **_times(number),
            }
