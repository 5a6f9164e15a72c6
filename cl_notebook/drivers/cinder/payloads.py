"""What the channel carries of a resource: plain data, as the child wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cl_notebook.drivers.api import AttachmentData, DriverEnvironment, SnapshotData, VolumeData

_VOLUME = (
    *("id", "name_in_storage", "size", "name", "pool_name", "bootable", "provider_location", "provider_id", "source_volid"),
    *("snapshot_id", "availability_zone", "status", "attach_status", "created_at"),
)
_ADOPTED = {"managing": "creating"}
"""Statuses of snapshots that Cinder knows by another word, and no other than its own."""

_SNAPSHOT = ("id", "name_in_storage", "size", "name", "provider_location", "provider_id", "status", "created_at")


def volume(data: VolumeData, host: str, pool: str, around: DriverEnvironment) -> dict[str, Any]:
    """Return a volume; one that names no host or pool is on *host*, in *pool*: Cinder's scheduler always chooses one."""
    told = {name: getattr(data, name) for name in _VOLUME}
    told |= {name: dict(getattr(data, name)) for name in ("metadata", "extra_specs", "qos_specs", "driver_data")}
    told |= {"project_id": around.project_id, "user_id": around.user_id}
    own = data.pool_name or pool
    told["host"] = (data.host or host).partition("#")[0] + (f"#{own}" if own else "")
    return told


def snapshot(data: SnapshotData, host: str, pool: str, around: DriverEnvironment) -> dict[str, Any]:
    """Return a snapshot, with its volume."""
    told = {name: getattr(data, name) for name in _SNAPSHOT}
    told |= {name: dict(getattr(data, name)) for name in ("metadata", "driver_data")}
    told["status"] = _ADOPTED.get(data.status, data.status)
    return told | {"volume": volume(data.volume, host, pool, around)}


def attachment(data: AttachmentData) -> dict[str, Any]:
    """Return an attachment."""
    return {
        "id": data.id,
        "volume_id": data.volume_id,
        "attached_host": data.attached_host,
        "path": data.path,
        "attach_mode": data.attach_mode,
        "connector_info": dict(data.connector_info),
        "conn_info": dict(data.conn_info) if data.conn_info else None,
    }
