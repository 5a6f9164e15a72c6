"""Fill stores with rows, without calling a driver: for contract suites, tests and benchmarks."""

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
"""The statuses of the volumes, repeated in this order."""


def fill(store: Store, *, volumes: int, snapshots: int = 2, connections: int = 1, backend: str = "sim", path: str = ".") -> str:
    """Insert a backend with *volumes* into *store*, each with *snapshots* and *connections*; return the backend's id.

    The rows are as the simulator in the folder *path* would create them; the simulator itself is not called.
    """
    backend_id = str(uuid.uuid4())
    row = {"id": backend_id, "name": backend, "volume_driver": "sim", "config": {"path": path}, **_times(0)}
    with store.writing() as connection:
        connection.execute(sa.insert(Backend), row)
    for start in range(0, volumes, _BATCH):
        rows = [_volume(number, backend, backend_id) for number in range(start, min(start + _BATCH, volumes))]
        _fill_batch(store, rows, snapshots, connections)
    return backend_id


def _fill_batch(store: Store, rows: list[dict[str, Any]], snapshots: int, connections: int) -> None:
    with store.writing() as connection:
        connection.execute(sa.insert(Volume), rows)
        if snapshots:
            connection.execute(sa.insert(Snapshot), list(_snapshots(rows, snapshots)))
        if connections:
            connection.execute(sa.insert(Connection), list(_connections(rows, connections)))
        last = rows[-1]
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


def _snapshots(volumes: list[dict[str, Any]], count: int) -> Iterator[dict[str, Any]]:
    for volume in volumes:
        for number in range(count):
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


def _connections(volumes: list[dict[str, Any]], count: int) -> Iterator[dict[str, Any]]:
    for volume in volumes:
        for number in range(count):
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
