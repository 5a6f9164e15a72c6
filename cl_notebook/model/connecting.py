"""What is checked before a host is let in, and what is expected of its device."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.attach import block_devices
from cl_notebook.drivers.api import ConnectionInfo, GiB, least_bytes
from cl_notebook.model import identity_map, validation
from cl_notebook.model.operations.tables import Operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.model.connection import Connection
    from cl_notebook.model.operations.runner import Guard
    from cl_notebook.model.volume import Volume


def checked(connector: Mapping[str, Any]) -> dict[str, Any]:
    """Return *connector*, os-brick's connector properties, as the store will give it back.

    Raises:
        InvalidInput: it is no dict with a ``host``, or cannot be stored.

    """
    host = connector.get("host") if hasattr(connector, "items") else None
    if not isinstance(host, str) or not host:
        msg = f"A connector is os-brick's dict of connector properties with at least a 'host', not {connector!r}."
        raise errors.InvalidInput(msg)
    validation.name(host, "The connector's host")
    return dict(validation.json_safe(dict(connector), "A connector"))


def beside(extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns for what else is to be known of a connection: its ``attach_mode``, and what no column stands for.

    Raises:
        InvalidInput: the mode is neither ``rw`` nor ``ro``, or something cannot be stored.

    """
    others = dict(extra)
    mode = others.pop("attach_mode", None) or "rw"
    if mode not in {"rw", "ro"}:
        msg = f"attach_mode must be 'rw' or 'ro', not {mode!r}."
        raise errors.InvalidInput(msg)
    return {"attach_mode": mode, "extra": {"data": validation.json_safe(others, "A connection")} if others else None}


def expected_bytes(told: ConnectionInfo, size: int, *, is_rounded: bool) -> int:
    """Return the least that the device of a volume of *size* GiB must have, in bytes.

    Drivers round the size of what they adopt up to a GiB, and clones have the bytes of their source: one whose size
    *is_rounded* may have almost a GiB less.
    """
    # what a local driver says is exact; others name other things by that word
    exact = told["data"].get("size") if told["driver_volume_type"].lower() == "local" else None
    return int(exact or least_bytes(size) if is_rounded or exact else size * GiB)


def may_be_rounded(volume: Volume, info: Mapping[str, Any]) -> bool:
    """Return whether the device that *info* leads to may be smaller than the volume's size in GiB says.

    Where the device is known by who it is, its size says nothing more. Elsewhere a smaller device may be another one, so only the
    size of a volume that was not made here, or that was made from such a one, is taken for rounded.
    """
    return block_devices.is_known(info) or not _is_made_here(volume)


def _is_made_here(volume: Volume) -> bool:
    made_from: str | None = volume.id
    while made_from is not None:
        wanted = (Operation.resource_id == made_from, Operation.action == "create")
        with volume.context.store.reading() as connection:
            if connection.execute(sa.select(Operation.id).where(*wanted).limit(1)).first() is None:
                return False
        source = identity_map.get(volume.context, type(volume), made_from)
        if source is None:
            return False
        made_from = source.source_volid
        if source.snapshot_id is not None:
            snapshot: Any = identity_map.get(volume.context, identity_map.CLASSES["Snapshot"], source.snapshot_id)
            if snapshot is None:
                return False
            made_from = snapshot.volume_id
    return True


def one_host_alone(cls: type[Connection], volume: Volume, host: str) -> Guard:
    """Return a guard that refuses *host* while another one is connected and the driver cannot let in several."""
    # asked for beforehand: it may open the backend, and a guard holds the session and the store
    is_shared = volume.backend.capabilities.get("multiattach", True)

    def guard(connection: sa.Connection) -> None:
        of_volume = sa.select(cls.connector_info).where(cls.volume_id == volume.id)
        others = sorted({str(row.get("host")) for row in connection.execute(of_volume).scalars()} - {host})
        if others and not is_shared:
            msg = f"{volume.label()} is connected to {', '.join(others)}, and its driver lets in one host alone: detach it there."
            raise errors.ResourceBusy(msg)

    return guard


def row(volume: Volume, connector: dict[str, Any], *, multipath: bool) -> dict[str, Any]:
    """Return the row of a new connection of *volume* to the host that *connector* describes."""
    return {
        "id": str(uuid.uuid4()),
        "volume_id": volume.id,
        "backend_id": volume.backend_id,
        "attach_status": "attaching",
        "attach_mode": "rw",
        "attached_host": None,
        "gateway": None,
        "protocol": None,
        "multipath": bool(connector.get("multipath", multipath)),
        "path": None,
        "connector_info": connector,
        "conn_info": None,
        "device": None,
    }
