"""The calls: the kernel's words for them, and the methods of Cinder's driver interface behind them."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import fcntl
import logging
import math
import os
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from . import channel, row_mapping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .shadow_sync import ShadowSync

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


class CallBackend(Protocol):
    """What a call uses of its backend."""

    name: str
    driver: Any
    context: Any
    resources: Resources
    sync: ShadowSync


class Call:
    """One call: the resource that it is about (``subject``), as it was told, and the other words. Their rows are in the copy."""

    def __init__(self, backend: CallBackend, method: str, words: dict[str, Any]) -> None:
        """Make Cinder's objects of what the kernel told.

        Raises:
            TrackedNameError: the driver would work on something else than what is tracked.

        """
        self.backend = backend
        self.words = words
        self.driver = backend.driver
        self.context = backend.context
        made = backend.resources
        self.volume: Any = made.volume(words["volume"]) if words.get("volume") else None
        self.snapshot: Any = made.snapshot(words["snapshot"]) if words.get("snapshot") else None
        self.source: Any = made.volume(words["source"]) if words.get("source") else None
        row_mapping.refuse_others(method, words, {"volume": self.volume, "snapshot": self.snapshot, "source": self.source})
        is_about_volume = self.volume is not None
        self.kind = "volume" if is_about_volume else "snapshot"
        self.subject = self.volume if is_about_volume else self.snapshot
        self.told = words["volume"] if is_about_volume else words.get("snapshot")
        self.is_adopted = False

    def update(self, update: dict[str, Any] | None) -> None:
        """Take the driver's model update."""
        apply(self.subject, update)

    def connector(self) -> dict[str, Any]:
        """Return the connector, checked as the driver wants it."""
        connector = self.words["connector"]
        self.driver.validate_connector(connector)
        return dict(connector)


def resource_id(words: dict[str, Any]) -> str | None:
    """Return the id of the resource that a call is about."""
    told = words.get("volume") or words.get("snapshot")
    return told["id"] if told else None


def _create_volume(call: Call) -> None:
    call.update(call.driver.create_volume(call.volume))


def _create_volume_from_snapshot(call: Call) -> None:
    call.update(call.driver.create_volume_from_snapshot(call.volume, call.snapshot))
    _grow(call, call.snapshot.volume_size)


def _create_cloned_volume(call: Call) -> None:
    call.update(call.driver.create_cloned_volume(call.volume, call.source))
    _grow(call, call.source.size)


def _grow(call: Call, size: int) -> None:
    # Cinder's file drivers leave a copy that they made from a snapshot, a temporary one too, as large as its source.
    from cinder.volume.drivers import remotefs

    driver, volume, wanted = call.driver, call.volume, call.volume.size
    if wanted <= size or not isinstance(driver, remotefs.RemoteFSSnapDriverBase):
        return
    found = driver._qemu_img_info(driver.local_path(volume), volume.name).virtual_size  # noqa: SLF001 - Cinder's own way to look
    if found < wanted * 1024**3:
        volume.size = size
        driver.extend_volume(volume, wanted)
        volume.size = wanted


def _extend_volume(call: Call) -> None:
    call.driver.extend_volume(call.volume, call.words["new_size"])


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
        msg = f"the driver's connection information is no dict with driver_volume_type and data: {info!r}"
        raise TypeError(msg)
    return channel.plain(info)


def _terminate_connection(call: Call) -> None:
    call.driver.terminate_connection(call.volume, call.words["connector"])


def _get_volume_stats(call: Call) -> Any:
    told = call.driver.get_volume_stats(call.words["refresh"])
    if not isinstance(told, dict):
        msg = f"the driver's statistics are no dict: {told!r}"
        raise TypeError(msg)
    return stats(told, call.backend.name)


def _revert_to_snapshot(call: Call) -> None:
    wanted, kept = call.volume.size, call.snapshot.volume_size
    call.driver.revert_to_snapshot(call.context, call.volume, call.snapshot)
    if wanted > kept:  # Cinder never reverts a volume that was extended since; here it keeps its size
        call.volume.size = kept
        call.driver.extend_volume(call.volume, wanted)


def _manage_existing_get_size(call: Call) -> int:
    return int(call.driver.manage_existing_get_size(call.volume, call.words["reference"]))


def _manage_existing(call: Call) -> None:
    call.update(call.driver.manage_existing(call.volume, call.words["reference"]))
    call.is_adopted = True  # Cinder knows it by the volume's name from now on


def _unmanage(call: Call) -> None:
    call.driver.unmanage(call.volume)


def _manage_existing_snapshot_get_size(call: Call) -> int:
    return int(call.driver.manage_existing_snapshot_get_size(call.snapshot, call.words["reference"]))


def _manage_existing_snapshot(call: Call) -> None:
    call.update(call.driver.manage_existing_snapshot(call.snapshot, call.words["reference"]))
    call.is_adopted = True


def _unmanage_snapshot(call: Call) -> None:
    call.driver.unmanage_snapshot(call.snapshot)


def _get_manageable_volumes(call: Call) -> Any:
    known = [call.backend.resources.volume(told) for told in call.words["known"]]
    return _listed(call, call.driver.get_manageable_volumes, known)


def _get_manageable_snapshots(call: Call) -> Any:
    known = [call.backend.resources.snapshot(told) for told in call.words["known"]]
    return _listed(call, call.driver.get_manageable_snapshots, known)


def _listed(call: Call, ask: Callable[..., Any], known: list[Any]) -> Any:
    # by an offset, and not by a marker: what the marker names may be gone by then, which Cinder counts as an error
    return channel.plain(list(ask(known, None, call.words["limit"], call.words["offset"], ["reference"], ["asc"]) or ()))


def _retype(call: Call) -> bool:
    """Answer whether the driver could; what its model update says is taken."""
    wanted = {**call.words["volume"], **call.words["specs"]}
    call.backend.sync.ensure_type(wanted)
    new = call.backend.resources.type_of(wanted)
    diff = _difference(call.words["volume"], wanted)
    host = {"host": call.volume.host, "capabilities": call.driver.capabilities}
    answer = call.driver.retype(call.context, call.volume, new, diff, host)
    done, update = answer if isinstance(answer, tuple) else (answer, None)
    if done:
        call.update(update)
    return bool(done)


def _difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return what Cinder's volume_types_diff() does: each key -> (old value, new value)."""

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
"""The calls by name."""


def stats(reported: dict[str, Any], name: str) -> dict[str, Any]:
    """Return what the driver *reported* with plain values, and with at least one pool: old drivers report themselves as one."""
    told = {str(key): _value(value) for key, value in reported.items() if key != "pools"}
    pools = [{str(key): _value(value) for key, value in dict(pool).items()} for pool in reported.get("pools") or []]
    if not pools:
        pools = [{key: value for key, value in told.items() if key.endswith("_gb") or key in _OF_A_POOL}]
    for pool in pools:
        pool.setdefault("pool_name", name)
    told["pools"] = pools
    told["volume_backend_name"] = name
    protocol = told.get("storage_protocol", "")
    told["storage_protocol"] = str(protocol[0] if isinstance(protocol, list) and protocol else protocol)
    return told


_OF_A_POOL = {
    *("pool_name", "reserved_percentage", "max_over_subscription_ratio", "thin_provisioning_support"),
    *("thick_provisioning_support", "QoS_support", "multiattach", "consistent_group_snapshot_enabled", "online_extend_support"),
}


def _value(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "infinite" if value > 0 else "unknown"
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): _value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_value(item) for item in value]
    return str(value)


_log = logging.getLogger("cinder.turns")
_FLOCK = "hhqqi"  # struct flock of fcntl(2) on 64 bits: type, whence, start, length, pid
_TAKEN = {errno.EACCES, errno.EAGAIN}


@contextlib.contextmanager
def resource_lock(state: str, resource_id: str | None) -> Iterator[None]:
    """Hold the turn of the resource for the block; wait for whoever has it. Without a resource there is nothing to wait for.

    The turn is one byte of a file, far out, locked by an open file description: it goes with the descriptor, so a killed
    process holds nothing, and threads exclude each other as processes do.
    """
    if resource_id is None:
        yield
        return
    descriptor = os.open(Path(state, "turns"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        place = zlib.crc32(resource_id.encode())
        try:
            _lock(descriptor, fcntl.F_OFD_SETLK, place)
        except OSError as error:
            if error.errno in _TAKEN:
                _log.warning("waiting for another process that works on %s", resource_id)
                _lock(descriptor, fcntl.F_OFD_SETLKW, place)
            else:  # a file system without locks
                _log.warning("no turns are taken: %s", error)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, command: int, place: int) -> None:
    fcntl.fcntl(descriptor, command, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, place, 1, 0))
