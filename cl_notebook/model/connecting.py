"""What is checked before a host is let in, and what is expected of its device."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.drivers.base import ConnectionInfo, GiB
from cl_notebook.model import checks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.model.connection import Connection
    from cl_notebook.model.journal import Guard
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
    checks.name(host, "The connector's host")
    return dict(checks.json_safe(dict(connector), "A connector"))


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
    return {"attach_mode": mode, "extra": {"data": checks.json_safe(others, "A connection")} if others else None}


def expected_bytes(told: ConnectionInfo, size: int) -> int:
    """Return the least that the device of a volume of *size* GiB must have, in bytes."""
    # what a local driver says is exact; others name other things by that word
    exact = told["data"].get("size") if told["driver_volume_type"].lower() == "local" else None
    return int(exact or size * GiB)


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
