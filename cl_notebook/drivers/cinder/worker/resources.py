"""Cinder's objects, made of what the kernel tells, without a look into the data base."""

from __future__ import annotations

import datetime as dt
from typing import Any

from . import row_mapping

_DATES = ("created_at",)


class Resources:
    """Makes the objects that drivers are called with."""

    def __init__(self, objects: Any, context: Any) -> None:
        """Make objects of the module *objects* in *context*."""
        self._objects = objects
        self._context = context

    def volume(self, told: dict[str, Any]) -> Any:
        """Return a volume."""
        values = _dated({name: value for name, value in row_mapping.volume_columns(told).items() if name != "_name_id"})
        name_id = row_mapping.volume_columns(told)["_name_id"]
        kept = {name: dict(value) for name, value in _maps(told).items()}
        made = self._objects.Volume(self._context, _name_id=name_id, **values, **kept)
        made.obj_reset_changes()
        return made

    def snapshot(self, told: dict[str, Any]) -> Any:
        """Return a snapshot that has its volume."""
        values = _dated(row_mapping.snapshot_columns(told))
        metadata = dict(told["metadata"])
        made = self._objects.Snapshot(self._context, volume=self.volume(told["volume"]), metadata=metadata, **values)
        made.obj_reset_changes()
        return made

    def type_of(self, told: dict[str, Any]) -> Any:
        """Return the volume type that stands for the specs of *told*."""
        return self._objects.VolumeType.get_by_id(self._context, row_mapping.type_id(told))


def state(resource: Any, kind: str) -> dict[str, Any]:
    """Return what a driver changed on the object: its columns by name."""
    changed = resource.obj_get_changes()
    if kind == "volume":
        changed.pop("volume_type", None)
    return dict(changed)


def apply(resource: Any, update: dict[str, Any] | None) -> None:
    """Take a driver's model update as Cinder's manager does: field by field; what is no field is left."""
    for name, value in dict(update or {}).items():
        if name in {"id", "status", "size"} or name not in resource.fields:
            continue
        is_map = name.endswith("metadata")
        if is_map and value is None:
            continue
        setattr(resource, name, _as_map(value) if is_map else value)


def _as_map(value: Any) -> dict[str, str]:
    pairs = value.items() if hasattr(value, "items") else ((item["key"], item["value"]) for item in value)
    return {str(key): str(item) for key, item in pairs}


def _maps(told: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {"metadata": told["metadata"], "admin_metadata": told["driver_data"].get("admin_metadata", {}), "glance_metadata": {}}


def _dated(values: dict[str, Any]) -> dict[str, Any]:
    dates = {name: dt.datetime.fromisoformat(values[name]) for name in _DATES if values.get(name)}
    return {**values, **dates}
