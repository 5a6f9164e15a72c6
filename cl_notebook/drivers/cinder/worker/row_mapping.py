"""A resource as the kernel tells it <-> the columns that Cinder keeps of it."""

from __future__ import annotations

import json
import uuid
from typing import Any

_WORD = "cl_notebook"
_SPACE = uuid.UUID("6d1f4f0e-6f0f-4a53-9d5e-0c1a7a3b1c55")
_KEPT_VOLUME = (
    *("_name_id", "provider_auth", "provider_geometry", "replication_status", "replication_extended_status"),
    *("replication_driver_data", "encryption_key_id", "shared_targets", "service_uuid"),
)
"""Columns of a volume that the kernel has no field for: they travel as its ``driver_data``."""

_KEPT_SNAPSHOT = ("provider_auth", "encryption_key_id")
_SAME = ("provider_location", "provider_id")


def type_id(told: dict[str, Any]) -> str:
    """Return the id of the volume type that stands for the extra specs and the QoS specs of a volume."""
    return str(uuid.uuid5(_SPACE, json.dumps([told["extra_specs"], told["qos_specs"]], sort_keys=True)))


def whose(told: dict[str, Any]) -> dict[str, str]:
    """Return the user and the project that *told* names, or our word for both."""
    return {name: told.get(name) or _WORD for name in ("user_id", "project_id")}


def volume_columns(told: dict[str, Any]) -> dict[str, Any]:
    """Return the row of a volume."""
    kept = told["driver_data"]
    return {
        "id": told["id"],
        **whose(told),
        "host": told["host"],
        "size": told["size"],
        "availability_zone": told["availability_zone"] or "nova",
        "status": told["status"],
        "attach_status": told["attach_status"],
        "display_name": told["name"],
        "volume_type_id": type_id(told),
        "source_volid": told["source_volid"],
        "snapshot_id": told["snapshot_id"],
        "bootable": told["bootable"],
        "multiattach": told["extra_specs"].get("multiattach") == "<is> True",
        "use_quota": True,
        "created_at": told["created_at"],
        **{name: told[name] for name in _SAME},
        **{name: kept.get(name) for name in _KEPT_VOLUME if name not in {"_name_id", "shared_targets"}},
        "shared_targets": bool(kept.get("shared_targets", False)),
        "_name_id": name_id(told),
    }


def snapshot_columns(told: dict[str, Any]) -> dict[str, Any]:
    """Return the row of a snapshot."""
    kept = told["driver_data"]
    return {
        "id": told["id"],
        **whose(told["volume"]),
        "volume_id": told["volume"]["id"],
        "volume_size": told["size"],
        "status": told["status"],
        "progress": "100%" if told["status"] == "available" else "0%",
        "display_name": told["name"],
        "volume_type_id": type_id(told["volume"]),
        "use_quota": True,
        "created_at": told["created_at"],
        **{name: told[name] for name in _SAME},
        **{name: kept.get(name) for name in _KEPT_SNAPSHOT},
    }


def pairs(owner: str, key: str, values: dict[str, str]) -> list[dict[str, Any]]:
    """Return the rows of key-value pairs of the resource *key*, which stands in the column *owner*."""
    return [{owner: key, "key": name, "value": value, "deleted": False} for name, value in values.items()]


def volume_tables(told: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a volume, by table."""
    return {
        "volumes": [{**volume_columns(told), "deleted": False}],
        "volume_metadata": pairs("volume_id", told["id"], told["metadata"]),
        "volume_admin_metadata": pairs("volume_id", told["id"], told["driver_data"].get("admin_metadata", {})),
    }


def snapshot_tables(told: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a snapshot, by table; its volume's are not among them."""
    return {
        "snapshots": [{**snapshot_columns(told), "deleted": False}],
        "snapshot_metadata": pairs("snapshot_id", told["id"], told["metadata"]),
    }


def attachment_row(told: dict[str, Any]) -> dict[str, Any]:
    """Return the row of an attachment."""
    return {
        "id": told["id"],
        "volume_id": told["volume_id"],
        "attached_host": told["attached_host"],
        "mountpoint": told["path"],
        "attach_mode": told["attach_mode"],
        "attach_status": "attached",
        "connection_info": json.dumps(told["conn_info"]) if told["conn_info"] else None,
        "connector": json.dumps(told["connector_info"]),
        "deleted": False,
    }


def merged(parts: list[dict[str, list[dict[str, Any]]]]) -> dict[str, list[dict[str, Any]]]:
    """Return rows by table, those of all *parts* together."""
    found: dict[str, list[dict[str, Any]]] = {}
    for part in parts:
        for table, items in part.items():
            found.setdefault(table, []).extend(items)
    return found


def columns(kind: str, told: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a resource as it was *told*, with its key-value pairs."""
    if kind == "snapshot":
        return {**snapshot_columns(told), "metadata": told["metadata"]}
    admin = told["driver_data"].get("admin_metadata", {})
    return {**volume_columns(told), "metadata": told["metadata"], "admin_metadata": admin}


def update(kind: str, told: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Return what differs between a resource as it was *told* and its columns *now*, in the kernel's own words."""
    kept = _KEPT_VOLUME if kind == "volume" else _KEPT_SNAPSHOT
    before = columns(kind, told)
    found = {name: _plain(now[name]) for name in _SAME if name in now and now[name] != before[name]}
    if "metadata" in now and now["metadata"] != told["metadata"]:
        found["metadata"] = {str(key): str(value) for key, value in now["metadata"].items()}
    data = dict(told["driver_data"])
    data.update({name: _plain(now[name]) for name in kept if name in now and now[name] != before[name]})
    if "admin_metadata" in now and now["admin_metadata"] != data.get("admin_metadata", {}):
        data["admin_metadata"] = {str(key): str(value) for key, value in now["admin_metadata"].items()}
    if data != told["driver_data"]:
        found["driver_data"] = data
    pool = str(now.get("host") or "").partition("#")[2] if kind == "volume" else ""
    if pool and pool != told["host"].partition("#")[2]:
        found["pool_name"] = pool
    return found


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


_MARK = "\0"
_GIVES_NAME = frozenset(
    {
        *("create_volume", "create_volume_from_snapshot", "create_cloned_volume", "create_snapshot"),
        *("manage_existing", "manage_existing_get_size", "manage_existing_snapshot", "manage_existing_snapshot_get_size"),
    }
)
"""Calls whose subject has no name on the storage yet: the driver gives it the computed one."""

_RELEASES = {"unmanage": "managing", "unmanage_snapshot": "creating"}
"""Calls that release what was being adopted, with its status as Cinder words it: whether it was renamed is not known then."""


class TrackedNameError(Exception):
    """The driver would work on another thing on the storage than the one that is tracked; nothing was done."""


def name_id(told: dict[str, Any]) -> str | None:
    """Return the ``_name_id`` of a volume with which Cinder computes its tracked name; None where its id does, or nothing can."""
    template, name = _template("volume"), told["name_in_storage"]
    kept = told["driver_data"].get("_name_id")
    if kept and template % kept == name:
        return str(kept)
    if template % told["id"] == name:
        return None
    before, mark, after = (template % _MARK).partition(_MARK)
    found = name[len(before) : len(name) - len(after)] if mark else ""
    return found if found and template % found == name else None


def refuse_others(method: str, words: dict[str, Any], made: dict[str, Any]) -> None:
    """Refuse a call of *method* for an object among those *made* of its *words* that is called otherwise than is tracked.

    Raises:
        TrackedNameError: there is one.

    """
    subject = "volume" if made.get("volume") is not None else "snapshot"
    for word, resource in made.items():
        told = words.get(word)
        if resource is None or told is None:
            continue
        if word == "snapshot":
            _refuse_other("volume", told["volume"], resource.volume)
        if word == subject and (method in _GIVES_NAME or _RELEASES.get(method) == told["status"]):
            continue
        _refuse_other("snapshot" if word == "snapshot" else "volume", told, resource)


def _refuse_other(kind: str, told: dict[str, Any], resource: Any) -> None:
    name = told["name_in_storage"]
    if resource.name != name:
        option = f"{kind}_name_template"
        msg = (
            f"the {kind} {told['id']} is {name!r} on the storage, and with {option}={_template(kind)!r} the driver would take "
            f"{resource.name!r} for it: it was not called. Open the backend with the {option} that was in force when the {kind} "
            "was made."
        )
        raise TrackedNameError(msg)


def _template(kind: str) -> str:
    from oslo_config import cfg

    return str(cfg.CONF[f"{kind}_name_template"])
