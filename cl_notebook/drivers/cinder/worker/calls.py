"""The methods of Cinder's driver interface as calls: parameters of the kernel in, Cinder's objects to the driver."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import fcntl
import functools
import logging
import math
import os
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from . import row_mapping
from .channel import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .shadow_sync import ShadowSync

_DATES = ("created_at",)
_POOL_STATS = {
    *("pool_name", "reserved_percentage", "max_over_subscription_ratio", "thin_provisioning_support"),
    *("thick_provisioning_support", "QoS_support", "multiattach", "consistent_group_snapshot_enabled", "online_extend_support"),
}
"""Statistics of a pool, besides its capacities (``…_gb``)."""

_FLOCK = "hhqqi"
"""struct flock of fcntl(2) on 64 bits: type, whence, start, length, pid."""

_HELD = {errno.EACCES, errno.EAGAIN}
_log = logging.getLogger("cinder.turns")


class Resources:
    """Creates the objects of Cinder's that drivers are called with."""

    def __init__(self, objects: Any, context: Any) -> None:
        """Create objects of the module *objects* in Cinder's *context*."""
        self._objects = objects
        self._context = context

    def volume(self, payload: dict[str, Any]) -> Any:
        """Return the Volume object of *payload*."""
        columns = row_mapping.volume_columns(payload)
        name_id = columns.pop("_name_id")
        metadata = {name: dict(value) for name, value in _metadata(payload).items()}
        fields = {**_unset(self._objects.Volume), **_with_dates(columns)}
        volume = self._objects.Volume(self._context, _name_id=name_id, **fields, **metadata)
        volume.obj_reset_changes()
        return volume

    def snapshot(self, payload: dict[str, Any]) -> Any:
        """Return the Snapshot object of *payload*, with its volume."""
        columns = {**_unset(self._objects.Snapshot), **_with_dates(row_mapping.snapshot_columns(payload))}
        metadata = dict(payload["metadata"])
        volume = self.volume(payload["volume"])
        snapshot = self._objects.Snapshot(self._context, volume=volume, metadata=metadata, **columns)
        snapshot.obj_reset_changes()
        return snapshot

    def type_of(self, payload: dict[str, Any]) -> Any:
        """Return the VolumeType object that has the specs of the volume *payload*; the shadow database has its row."""
        return self._objects.VolumeType.get_by_id(self._context, row_mapping.type_id(payload))


@functools.cache
def _unset(cls: Any) -> dict[str, None]:
    """Return the fields of *cls* that may be None, and that Cinder's objects do not load when they are read."""
    lazy = {"_name_id", "volume", *cls.OPTIONAL_FIELDS}
    return {name: None for name, field in cls.fields.items() if field.nullable and name not in lazy}


def changed_fields(resource: Any, kind: str) -> dict[str, Any]:
    """Return the fields that a driver changed on a Volume or Snapshot object, by name."""
    changed = resource.obj_get_changes()
    if kind == "volume":
        changed.pop("volume_type", None)
    return dict(changed)


def apply(resource: Any, update: dict[str, Any] | None) -> None:
    """Apply a driver's model update to *resource* as Cinder's manager does; names that are no fields are ignored."""
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


def _metadata(payload: dict[str, Any]) -> dict[str, dict[str, str]]:
    admin_metadata = payload["driver_data"].get("admin_metadata", {})
    return {"metadata": payload["metadata"], "admin_metadata": admin_metadata, "glance_metadata": {}}


def _with_dates(columns: dict[str, Any]) -> dict[str, Any]:
    dates = {name: dt.datetime.fromisoformat(columns[name]) for name in _DATES if columns.get(name)}
    return {**columns, **dates}


class CallBackend(Protocol):
    """The backend, as far as calls use it."""

    name: str
    driver: Any
    context: Any
    resources: Resources
    sync: ShadowSync


class Call:
    """One call of the driver, with Cinder's objects for its parameters.

    ``resource`` is the object that the call is about, and ``payload`` what the kernel sent of it; both are None for a call that
    is about no resource. ``params`` are all parameters as the kernel sent them.
    """

    def __init__(self, backend: CallBackend, method: str, params: dict[str, Any]) -> None:
        """Create Cinder's objects of the resources in *params*.

        Raises:
            TrackedNameError: Cinder would compute another name on the storage than the tracked one.

        """
        self.backend = backend
        self.params = params
        self.driver = backend.driver
        self.context = backend.context
        resources = backend.resources
        self.volume: Any = resources.volume(params["volume"]) if params.get("volume") else None
        self.snapshot: Any = resources.snapshot(params["snapshot"]) if params.get("snapshot") else None
        self.source: Any = resources.volume(params["source"]) if params.get("source") else None
        row_mapping.refuse_other_names(method, params, {"volume": self.volume, "snapshot": self.snapshot, "source": self.source})
        is_about_volume = self.volume is not None
        self.kind = "volume" if is_about_volume else "snapshot"
        self.resource = self.volume if is_about_volume else self.snapshot
        self.payload = params["volume"] if is_about_volume else params.get("snapshot")
        self.is_adopted = False
        """Whether the driver adopted an existing volume or snapshot, and so gave it the name that Cinder computes."""

    def update(self, update: dict[str, Any] | None) -> None:
        """Apply the driver's model update to the call's resource."""
        apply(self.resource, update)

    def connector(self) -> dict[str, Any]:
        """Return the connector properties of the host, after the driver has validated them.

        Raises:
            InvalidConnectorException: Cinder's; the driver cannot use them.

        """
        connector = self.params["connector"]
        self.driver.validate_connector(connector)
        return dict(connector)


def resource_id(params: dict[str, Any]) -> str | None:
    """Return the id of the resource that a call with these *params* is about; None if there is none."""
    payload = params.get("volume") or params.get("snapshot")
    return payload["id"] if payload else None


def _create_volume(call: Call) -> None:
    call.update(call.driver.create_volume(call.volume))


def _create_volume_from_snapshot(call: Call) -> None:
    call.update(call.driver.create_volume_from_snapshot(call.volume, call.snapshot))
    _grow(call, call.snapshot.volume_size)


def _create_cloned_volume(call: Call) -> None:
    call.update(call.driver.create_cloned_volume(call.volume, call.source))
    _grow(call, call.source.size)


def _grow(call: Call, size: int) -> None:
    # Cinder's file drivers leave a copy of a snapshot, also of a temporary one, as large as its source.
    from cinder.volume.drivers import remotefs

    driver, volume, new_size = call.driver, call.volume, call.volume.size
    if new_size <= size or not isinstance(driver, remotefs.RemoteFSSnapDriverBase):
        return
    image_bytes = driver._qemu_img_info(driver.local_path(volume), volume.name).virtual_size  # noqa: SLF001 - as Cinder does
    if image_bytes < new_size * 1024**3:
        volume.size = size
        driver.extend_volume(volume, new_size)
        volume.size = new_size


def _extend_volume(call: Call) -> None:
    call.driver.extend_volume(call.volume, call.params["new_size"])


def _delete_volume(call: Call) -> None:
    call.driver.remove_export(call.context, call.volume)
    call.driver.delete_volume(call.volume)


def _create_snapshot(call: Call) -> None:
    call.update(call.driver.create_snapshot(call.snapshot))


def _delete_snapshot(call: Call) -> None:
    call.driver.delete_snapshot(call.snapshot)


def _create_export(call: Call) -> None:
    call.update(call.driver.create_export(call.context, call.volume, call.connector()))


def _ensure_export(call: Call) -> None:
    call.update(call.driver.ensure_export(call.context, call.volume))


def _remove_export(call: Call) -> None:
    call.driver.remove_export(call.context, call.volume)


def _initialize_connection(call: Call) -> Any:
    info = call.driver.initialize_connection(call.volume, call.connector())
    if (
        not isinstance(info, dict)
        or not isinstance(info.get("driver_volume_type"), str)
        or not isinstance(info.get("data"), dict)
    ):
        msg = f"The driver's connection information is not a dict with driver_volume_type and data: {info!r}."
        raise TypeError(msg)
    return plain(info)


def _terminate_connection(call: Call) -> None:
    call.driver.terminate_connection(call.volume, call.params["connector"], force=False)


def _get_volume_stats(call: Call) -> Any:
    reported = call.driver.get_volume_stats(call.params["refresh"])
    if not isinstance(reported, dict):
        msg = f"The driver's statistics are not a dict: {reported!r}."
        raise TypeError(msg)
    return stats(reported, call.backend.name)


def _revert_to_snapshot(call: Call) -> None:
    volume_size, snapshot_size = call.volume.size, call.snapshot.volume_size
    call.driver.revert_to_snapshot(call.context, call.volume, call.snapshot)
    if volume_size > snapshot_size:  # Cinder refuses to revert a volume that was extended since; here it keeps its new size
        call.volume.size = snapshot_size
        call.driver.extend_volume(call.volume, volume_size)


def _manage_existing_get_size(call: Call) -> int:
    return int(call.driver.manage_existing_get_size(call.volume, call.params["reference"]))


def _manage_existing(call: Call) -> None:
    call.update(call.driver.manage_existing(call.volume, call.params["reference"]))
    call.is_adopted = True


def _unmanage(call: Call) -> None:
    call.driver.unmanage(call.volume)


def _manage_existing_snapshot_get_size(call: Call) -> int:
    return int(call.driver.manage_existing_snapshot_get_size(call.snapshot, call.params["reference"]))


def _manage_existing_snapshot(call: Call) -> None:
    call.update(call.driver.manage_existing_snapshot(call.snapshot, call.params["reference"]))
    call.is_adopted = True


def _unmanage_snapshot(call: Call) -> None:
    call.driver.unmanage_snapshot(call.snapshot)


def _get_manageable_volumes(call: Call) -> Any:
    known = [call.backend.resources.volume(payload) for payload in call.params["known"]]
    return _listed(call, call.driver.get_manageable_volumes, known)


def _get_manageable_snapshots(call: Call) -> Any:
    known = [call.backend.resources.snapshot(payload) for payload in call.params["known"]]
    return _listed(call, call.driver.get_manageable_snapshots, known)


def _listed(call: Call, ask: Callable[..., Any], known: list[Any]) -> Any:
    # paged by offset: Cinder raises an error if the resource that a marker names was removed meanwhile
    return plain(list(ask(known, None, call.params["limit"], call.params["offset"], ["reference"], ["asc"]) or ()))


def _retype(call: Call) -> bool:
    """Return whether the driver could change the specs in place; its model update is applied."""
    payload = {**call.params["volume"], **call.params["specs"]}
    call.backend.sync.ensure_type(payload)
    new_type = call.backend.resources.type_of(payload)
    diff = _difference(call.params["volume"], payload)
    host = {"host": call.volume.host, "capabilities": call.driver.capabilities}
    result = call.driver.retype(call.context, call.volume, new_type, diff, host)
    done, update = result if isinstance(result, tuple) else (result, None)
    if done:
        call.update(update)
    return bool(done)


def _difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the difference of two volumes' specs as Cinder's volume_types_diff() gives it: key -> (old value, new value)."""

    def pairs(name: str) -> dict[str, tuple[Any, Any]]:
        keys = {*before[name], *after[name]}
        return {key: (before[name].get(key), after[name].get(key)) for key in keys}

    return {"extra_specs": pairs("extra_specs"), "qos_specs": pairs("qos_specs"), "encryption": {}}


METHODS: dict[str, Callable[[Call], Any]] = {
    method.__name__[1:]: method
    for method in (
        *(_create_volume, _create_volume_from_snapshot, _create_cloned_volume, _extend_volume, _delete_volume),
        *(_create_snapshot, _delete_snapshot, _create_export, _ensure_export, _remove_export),
        *(_initialize_connection, _terminate_connection, _get_volume_stats, _revert_to_snapshot, _retype),
        *(_manage_existing_get_size, _manage_existing, _unmanage, _get_manageable_volumes),
        *(_manage_existing_snapshot_get_size, _manage_existing_snapshot, _unmanage_snapshot, _get_manageable_snapshots),
    )
}
"""Name of each call -> the function that makes it."""


def stats(reported: dict[str, Any], backend_name: str) -> dict[str, Any]:
    """Return the statistics that the driver *reported* as plain data, with at least one pool.

    The statistics of an old driver, which has no pools, become its one pool, called *backend_name*.
    """
    result = {str(key): _plain_stat(value) for key, value in reported.items() if key != "pools"}
    pools = [{str(key): _plain_stat(value) for key, value in dict(pool).items()} for pool in reported.get("pools") or []]
    if not pools:
        pools = [{key: value for key, value in result.items() if key.endswith("_gb") or key in _POOL_STATS}]
    for pool in pools:
        pool.setdefault("pool_name", backend_name)
    result["pools"] = pools
    result["volume_backend_name"] = backend_name
    protocol = result.get("storage_protocol", "")
    result["storage_protocol"] = str(protocol[0] if isinstance(protocol, list) and protocol else protocol)
    return result


def _plain_stat(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "infinite" if value > 0 else "unknown"
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): _plain_stat(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain_stat(item) for item in value]
    return str(value)


@contextlib.contextmanager
def resource_lock(state_folder: str, resource_id: str | None) -> Iterator[None]:
    """Hold the lock of a resource for the block, after waiting for its holder; do nothing if *resource_id* is None.

    The lock is one byte, far beyond the end, of a file in *state_folder*. It belongs to the open file description, so it is free
    once the descriptor is closed or the process is killed, and it excludes threads as well as processes.
    """
    if resource_id is None:
        yield
        return
    descriptor = os.open(Path(state_folder, "turns"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        offset = zlib.crc32(resource_id.encode())
        try:
            _lock(descriptor, fcntl.F_OFD_SETLK, offset)
        except OSError as error:
            if error.errno in _HELD:
                _log.warning("waiting for another process that works on %s", resource_id)
                _lock(descriptor, fcntl.F_OFD_SETLKW, offset)
            else:  # a file system without locks
                _log.warning("calls on one resource are not serialised: %s", error)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, command: int, offset: int) -> None:
    fcntl.fcntl(descriptor, command, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, offset, 1, 0))
