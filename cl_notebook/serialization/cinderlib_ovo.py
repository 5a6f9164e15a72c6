"""What cinderlib 5.2.0 wrote: Cinder's versioned objects in JSON, told in our fields."""

from __future__ import annotations

from typing import Any

from cl_notebook import errors
from cl_notebook.serialization import schema

OVO = "ovo"
"""The key by which a document of cinderlib's is known."""

_NAME, _DATA = "versioned_object.name", "versioned_object.data"
_CLASSES = {"Volume": "Volume", "Snapshot": "Snapshot", "VolumeAttachment": "Connection"}
_KEPT = {
    "Volume": (
        *("_name_id", "provider_auth", "provider_geometry", "replication_status", "replication_extended_status"),
        *("replication_driver_data", "encryption_key_id", "shared_targets", "service_uuid", "admin_metadata", "glance_metadata"),
    ),
    "Snapshot": ("provider_auth", "encryption_key_id"),
}
"""Fields that Cinder's drivers look at and no field of ours stands for: the driver's own data."""

_TAKEN = {
    "Volume": {
        *("display_name", "display_description", "volume_type", "volume_type_id", "volume_attachment", "snapshots", "deleted"),
        *_KEPT["Volume"],
    },
    "Snapshot": {"display_name", "display_description", "volume_type_id", "volume", "deleted", *_KEPT["Snapshot"]},
    "Connection": {"mountpoint", "connection_info", "connector", "volume", "deleted"},
}
"""Fields whose content went elsewhere, or says nothing of what is there."""


def data(kind: str, ovo: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return the data of one of our documents, of the class *kind*, for *ovo*.

    Raises:
        InvalidInput: it is no object of Cinder's of that class.

    """
    inner = _inner(ovo)
    if inner is None or _CLASSES.get(str(ovo.get(_NAME))) != kind:
        msg = f"The document of a {kind.lower()} holds no {kind} that cinderlib wrote, but {schema.shown(ovo)}."
        raise errors.InvalidInput(msg)
    known = {*schema.FIELDS[kind], *_TAKEN[kind]}
    # What is set and has no place is kept as it is: the user, the project, a group.
    other = {name: value for name, value in inner.items() if name not in known and value not in (None, {}, [], False, "")}
    same = {name: inner[name] for name in schema.FIELDS[kind] if name in inner}
    return other | same | _CONVERTERS[kind](inner)


def _inner(ovo: Any) -> dict[str, Any] | None:  # noqa: ANN401 - JSON
    inner = ovo.get(_DATA) if isinstance(ovo, dict) else None
    return inner if isinstance(inner, dict) else None


def _objects(ovo: Any) -> list[Any] | None:  # noqa: ANN401 - JSON
    """Return what a list of Cinder's holds; None for one that was not loaded."""
    held = (_inner(ovo) or {}).get("objects")
    return held if isinstance(held, list) else None


def _volume(inner: dict[str, Any]) -> dict[str, Any]:
    host = inner.get("host") or ""
    type_ = _inner(inner.get("volume_type")) or {}
    qos = (_inner(type_.get("qos_specs")) or {}).get("specs") or {}
    told = {
        "name": inner.get("display_name") or "",
        "description": inner.get("display_description") or "",
        "host": host,
        "pool_name": str(host).partition("#")[2] or None,
        "bootable": bool(inner.get("bootable")),
        "metadata": _texts(inner.get("metadata")),
        "extra_specs": _texts(type_.get("extra_specs")),
        "qos_specs": {name: value for name, value in _texts(qos).items() if name != "consumer"},
        "driver_data": _driver_data("Volume", inner),
    }
    attached = _objects(inner.get("volume_attachment"))
    if attached is not None:
        told["connections"] = [data("Connection", each) for each in attached]
        told["attach_status"] = "attached" if attached else "detached"  # cinderlib leaves its own as it was
    snapshots = _objects(inner.get("snapshots"))
    if snapshots is not None:
        told["snapshots"] = [data("Snapshot", each) for each in snapshots]
    return told


def _snapshot(inner: dict[str, Any]) -> dict[str, Any]:
    progress = str(inner.get("progress") or "")  # cinderlib keeps the backend's name there
    told = {
        "name": inner.get("display_name") or "",
        "description": inner.get("display_description") or "",
        "progress": progress if progress.endswith("%") else "100%" if inner.get("status") == "available" else None,
        "metadata": _texts(inner.get("metadata")),
        "driver_data": _driver_data("Snapshot", inner),
    }
    return told | _above(inner)


def _connection(inner: dict[str, Any]) -> dict[str, Any]:
    kept = inner.get("connection_info") or {}
    info, device = kept.get("conn") or None, kept.get("device") or None
    connector = kept.get("connector") or inner.get("connector") or {}
    path = (device or {}).get("path") or inner.get("mountpoint")
    told = {
        "attach_status": inner.get("attach_status") or "attached",
        "attach_mode": inner.get("attach_mode") or "rw",
        "attached_host": inner.get("attached_host") or (connector.get("host") if path else None),
        "protocol": (info or {}).get("driver_volume_type"),
        "multipath": bool(connector.get("multipath")),
        "path": path,
        "connector_info": connector,
        "conn_info": info,
        "device": device,
    }
    return told | _above(inner)


_CONVERTERS = {"Volume": _volume, "Snapshot": _snapshot, "Connection": _connection}


def _above(inner: dict[str, Any]) -> dict[str, Any]:
    return {"volume": data("Volume", inner["volume"])} if inner.get("volume") else {}


def _driver_data(kind: str, inner: dict[str, Any]) -> dict[str, Any] | None:
    return {name: inner[name] for name in _KEPT[kind] if inner.get(name) not in (None, {})} or None


def _texts(value: Any) -> Any:  # noqa: ANN401 - JSON; what is no object is refused where types are checked
    if not isinstance(value, dict):
        return {} if value is None else value
    return {name: "" if item is None else str(item) for name, item in value.items()}
