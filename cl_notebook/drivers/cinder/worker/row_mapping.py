"""Maps a resource between the payload that the kernel sends and the columns of Cinder's database."""

from __future__ import annotations

import json
import uuid
from typing import Any

_DEFAULT_OWNER = "cl_notebook"
_TYPE_NAMESPACE = uuid.UUID("6d1f4f0e-6f0f-4a53-9d5e-0c1a7a3b1c55")
_VOLUME_DATA = (
    *("_name_id", "provider_auth", "provider_geometry", "replication_status", "replication_extended_status"),
    *("replication_driver_data", "encryption_key_id", "shared_targets", "service_uuid"),
)
"""Columns of a volume that the kernel has no field for: they are sent as its ``driver_data``."""

_SNAPSHOT_DATA = ("provider_auth", "encryption_key_id")
_COMMON = ("provider_location", "provider_id")

_NAMING = frozenset(
    {
        *("create_volume", "create_volume_from_snapshot", "create_cloned_volume", "create_snapshot"),
        *("manage_existing", "manage_existing_get_size", "manage_existing_snapshot", "manage_existing_snapshot_get_size"),
    }
)
"""Calls whose resource has no name on the storage yet: the driver gives it the name that Cinder computes."""

_RELEASES = {"unmanage": "managing", "unmanage_snapshot": "creating"}
"""Calls that release a resource -> the status (Cinder's) of one whose adoption was interrupted, perhaps before it was renamed."""


def type_id(payload: dict[str, Any]) -> str:
    """Return the id of the volume type with the extra specs and QoS specs of a volume: equal specs give an equal id."""
    return str(uuid.uuid5(_TYPE_NAMESPACE, json.dumps([payload["extra_specs"], payload["qos_specs"]], sort_keys=True)))


def owner_ids(payload: dict[str, Any]) -> dict[str, str]:
    """Return the user id and the project id in *payload*; ``cl_notebook`` where it has none."""
    return {name: payload.get(name) or _DEFAULT_OWNER for name in ("user_id", "project_id")}


def volume_columns(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a volume."""
    data = payload["driver_data"]
    return {
        "id": payload["id"],
        **owner_ids(payload),
        "host": payload["host"],
        "size": payload["size"],
        "availability_zone": payload["availability_zone"] or "nova",
        "status": payload["status"],
        "attach_status": payload["attach_status"],
        "display_name": payload["name"],
        "display_description": payload["description"],
        "volume_type_id": type_id(payload),
        "source_volid": payload["source_volid"],
        "snapshot_id": payload["snapshot_id"],
        "bootable": payload["bootable"],
        "multiattach": payload["extra_specs"].get("multiattach") == "<is> True" or bool(data.get("multiattach")),
        "use_quota": True,
        "created_at": payload["created_at"],
        **{name: payload[name] for name in _COMMON},
        **{name: data.get(name) for name in _VOLUME_DATA if name not in {"_name_id", "shared_targets"}},
        "shared_targets": bool(data.get("shared_targets", False)),
        "_name_id": name_id(payload),
    }


def snapshot_columns(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a snapshot."""
    data = payload["driver_data"]
    return {
        "id": payload["id"],
        **owner_ids(payload["volume"]),
        "volume_id": payload["volume"]["id"],
        "volume_size": payload["size"],
        "status": payload["status"],
        "progress": "100%" if payload["status"] == "available" else "0%",
        "display_name": payload["name"],
        "volume_type_id": type_id(payload["volume"]),
        "use_quota": True,
        "created_at": payload["created_at"],
        **{name: payload[name] for name in _COMMON},
        **{name: data.get(name) for name in _SNAPSHOT_DATA},
    }


def pair_rows(owner: str, owner_id: str, values: dict[str, str]) -> list[dict[str, Any]]:
    """Return the rows of the key-value pairs *values* of a resource, whose id is in the column *owner*."""
    return [{owner: owner_id, "key": name, "value": value, "deleted": False} for name, value in values.items()]


def volume_tables(payload: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a volume: table -> rows."""
    return {
        "volumes": [{**volume_columns(payload), "deleted": False}],
        "volume_metadata": pair_rows("volume_id", payload["id"], payload["metadata"]),
        "volume_admin_metadata": pair_rows("volume_id", payload["id"], payload["driver_data"].get("admin_metadata", {})),
    }


def snapshot_tables(payload: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a snapshot without its volume: table -> rows."""
    return {
        "snapshots": [{**snapshot_columns(payload), "deleted": False}],
        "snapshot_metadata": pair_rows("snapshot_id", payload["id"], payload["metadata"]),
    }


def attachment_row(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the row of an attachment in the table ``volume_attachment``."""
    return {
        "id": payload["id"],
        "volume_id": payload["volume_id"],
        "attached_host": payload["attached_host"],
        "mountpoint": payload["path"],
        "attach_mode": payload["attach_mode"],
        "attach_status": "attached",
        "connection_info": json.dumps(payload["conn_info"]) if payload["conn_info"] else None,
        "connector": json.dumps(payload["connector_info"]),
        "deleted": False,
    }


def merged(parts: list[dict[str, list[dict[str, Any]]]]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of all *parts* together: table -> rows."""
    result: dict[str, list[dict[str, Any]]] = {}
    for part in parts:
        for table, items in part.items():
            result.setdefault(table, []).extend(items)
    return result


def columns(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a resource, with its key-value pairs as ``metadata`` and ``admin_metadata``."""
    if kind == "snapshot":
        return {**snapshot_columns(payload), "metadata": payload["metadata"]}
    admin = payload["driver_data"].get("admin_metadata", {})
    return {**volume_columns(payload), "metadata": payload["metadata"], "admin_metadata": admin}


def update(kind: str, payload: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the changes from a resource's *payload* to its columns *after* a call, as fields of the kernel's."""
    data_columns = _VOLUME_DATA if kind == "volume" else _SNAPSHOT_DATA
    before = columns(kind, payload)
    result = {name: _plain(after[name]) for name in _COMMON if name in after and after[name] != before[name]}
    if "metadata" in after and after["metadata"] != payload["metadata"]:
        result["metadata"] = {str(key): str(value) for key, value in after["metadata"].items()}
    data = dict(payload["driver_data"])
    data.update({name: _plain(after[name]) for name in data_columns if name in after and after[name] != before[name]})
    if "admin_metadata" in after and after["admin_metadata"] != data.get("admin_metadata", {}):
        data["admin_metadata"] = {str(key): str(value) for key, value in after["admin_metadata"].items()}
    if data != payload["driver_data"]:
        result["driver_data"] = data
    pool = str(after.get("host") or "").partition("#")[2] if kind == "volume" else ""
    if pool and pool != payload["host"].partition("#")[2]:
        result["pool_name"] = pool
    return result


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


class TrackedNameError(Exception):
    """Cinder would compute another name on the storage than the tracked one; the driver was not called."""


def name_id(payload: dict[str, Any]) -> str | None:
    """Return the ``_name_id`` from which Cinder computes the tracked name; None if the id gives it, or no ``_name_id`` can."""
    template, name = _template("volume"), payload["name_in_storage"]
    saved = payload["driver_data"].get("_name_id")
    if saved and template % saved == name:
        return str(saved)
    if template % payload["id"] == name:
        return None
    prefix, has_id, suffix = (template % "\0").partition("\0")
    computed = name[len(prefix) : len(name) - len(suffix)] if has_id else ""
    return computed if computed and template % computed == name else None


def refuse_other_names(method: str, params: dict[str, Any], resources: dict[str, Any]) -> None:
    """Refuse a call if Cinder computes another name for one of its *resources* than the tracked name in *params*.

    Raises:
        TrackedNameError: the names differ.

    """
    kind = "volume" if resources.get("volume") is not None else "snapshot"
    for param, resource in resources.items():
        payload = params.get(param)
        if resource is None or payload is None:
            continue
        if param == "snapshot":
            _refuse_other("volume", payload["volume"], resource.volume)
        if param == kind and (method in _NAMING or _RELEASES.get(method) == payload["status"]):
            continue
        _refuse_other("snapshot" if param == "snapshot" else "volume", payload, resource)


def _refuse_other(kind: str, payload: dict[str, Any], resource: Any) -> None:
    name = payload["name_in_storage"]
    if resource.name != name:
        option = f"{kind}_name_template"
        msg = (
            f"The {kind} {payload['id']} is {name!r} on the storage, but with {option}={_template(kind)!r} the driver would use "
            f"{resource.name!r}, so it was not called. Open the backend with the {option} with which the {kind} was created."
        )
        raise TrackedNameError(msg)


def _template(kind: str) -> str:
    from oslo_config import cfg

    return str(cfg.CONF[f"{kind}_name_template"])
