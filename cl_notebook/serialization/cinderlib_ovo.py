"""Convert the documents of cinderlib 5.2.0, Cinder's versioned objects as JSON, to our fields."""

from __future__ import annotations

from typing import Any

from cl_notebook import errors
from cl_notebook.serialization import schema

OVO = "ovo"
"""The key that only cinderlib's documents have."""

_NAME, _DATA = "versioned_object.name", "versioned_object.data"
_CLASSES = {"Volume": "Volume", "Snapshot": "Snapshot", "VolumeAttachment": "Connection"}
_DRIVER_DATA = {
    "Volume": (
        *("_name_id", "provider_auth", "provider_geometry", "replication_status", "replication_extended_status"),
        *("replication_driver_data", "encryption_key_id", "shared_targets", "service_uuid", "admin_metadata", "glance_metadata"),
    ),
    "Snapshot": ("provider_auth", "encryption_key_id"),
}
"""Fields that Cinder's drivers read and we have no field for; they become ``driver_data``."""

_CONVERTED = {
    "Volume": {
        *("display_name", "display_description", "volume_type", "volume_type_id", "volume_attachment", "snapshots", "deleted"),
        *_DRIVER_DATA["Volume"],
    },
    "Snapshot": {"display_name", "display_description", "volume_type_id", "volume", "deleted", *_DRIVER_DATA["Snapshot"]},
    "Connection": {"mountpoint", "connection_info", "connector", "volume", "deleted"},
}
"""Fields whose values are in other fields of ours, or mean nothing without Cinder."""


def data(kind: str, ovo: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return the fields of our document of the class *kind* for Cinder's object *ovo*.

    Raises:
        InvalidInput: *ovo* is not an object of that class.

    """
    inner = _inner(ovo)
    if inner is None or _CLASSES.get(str(ovo.get(_NAME))) != kind:
        msg = f"The document of a {kind.lower()} holds no {kind} that cinderlib wrote, but {schema.shorten(ovo)}."
        raise errors.InvalidInput(msg)
    known = {*schema.FIELDS[kind], *_CONVERTED[kind]}
    # Other fields with a value (the user, the project, a group) are preserved as unknown ones.
    other = {name: value for name, value in inner.items() if name not in known and value not in (None, {}, [], False, "")}
    same = {name: inner[name] for name in schema.FIELDS[kind] if name in inner}
    return other | same | _CONVERTERS[kind](inner)


def _inner(ovo: Any) -> dict[str, Any] | None:  # noqa: ANN401 - JSON
    inner = ovo.get(_DATA) if isinstance(ovo, dict) else None
    return inner if isinstance(inner, dict) else None


def _objects(ovo: Any) -> list[Any] | None:  # noqa: ANN401 - JSON
    """Return the objects of Cinder's list *ovo*; None if cinderlib had not loaded it."""
    objects = (_inner(ovo) or {}).get("objects")
    return objects if isinstance(objects, list) else None


def _volume(inner: dict[str, Any]) -> dict[str, Any]:
    host = inner.get("host") or ""
    type_ = _inner(inner.get("volume_type")) or {}
    qos = (_inner(type_.get("qos_specs")) or {}).get("specs") or {}
    fields = {
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
        fields["connections"] = [data("Connection", attachment) for attachment in attached]
        fields["attach_status"] = "attached" if attached else "detached"  # cinderlib does not update its own
    snapshots = _objects(inner.get("snapshots"))
    if snapshots is not None:
        fields["snapshots"] = [data("Snapshot", snapshot) for snapshot in snapshots]
    return fields


def _snapshot(inner: dict[str, Any]) -> dict[str, Any]:
    progress = str(inner.get("progress") or "")  # cinderlib stores the backend's name there
    fields = {
        "name": inner.get("display_name") or "",
        "description": inner.get("display_description") or "",
        "progress": progress if progress.endswith("%") else "100%" if inner.get("status") == "available" else None,
        "metadata": _texts(inner.get("metadata")),
        "driver_data": _driver_data("Snapshot", inner),
    }
    return fields | _parent(inner)


def _connection(inner: dict[str, Any]) -> dict[str, Any]:
    stored = inner.get("connection_info") or {}
    info, device = stored.get("conn") or None, stored.get("device") or None
    connector = stored.get("connector") or inner.get("connector") or {}
    path = (device or {}).get("path") or inner.get("mountpoint")
    fields = {
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
    return fields | _parent(inner)


_CONVERTERS = {"Volume": _volume, "Snapshot": _snapshot, "Connection": _connection}


def _parent(inner: dict[str, Any]) -> dict[str, Any]:
    return {"volume": data("Volume", inner["volume"])} if inner.get("volume") else {}


def _driver_data(kind: str, inner: dict[str, Any]) -> dict[str, Any] | None:
    return {name: inner[name] for name in _DRIVER_DATA[kind] if inner.get(name) not in (None, {})} or None


def _texts(value: Any) -> Any:  # noqa: ANN401 - JSON; parse_resource refuses other types
    if not isinstance(value, dict):
        return {} if value is None else value
    return {name: "" if item is None else str(item) for name, item in value.items()}
