"""The calls: the kernel's words for them, and the methods of Cinder's driver interface behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import names, plain, resources

if TYPE_CHECKING:
    from collections.abc import Callable

    from .backend import Backend


class Call:
    """One call: the resource that it is about (``subject``), as it was told, and the other words. Their rows are in the copy."""

    def __init__(self, backend: Backend, method: str, words: dict[str, Any]) -> None:
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
        names.refuse_others(method, words, {"volume": self.volume, "snapshot": self.snapshot, "source": self.source})
        is_about_volume = self.volume is not None
        self.kind = "volume" if is_about_volume else "snapshot"
        self.subject = self.volume if is_about_volume else self.snapshot
        self.told = words["volume"] if is_about_volume else words.get("snapshot")
        self.is_adopted = False

    def update(self, update: dict[str, Any] | None) -> None:
        """Take the driver's model update."""
        resources.apply(self.subject, update)

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
    return plain.plain(info)


def _terminate_connection(call: Call) -> None:
    call.driver.terminate_connection(call.volume, call.words["connector"])


def _get_volume_stats(call: Call) -> Any:
    from . import stats

    told = call.driver.get_volume_stats(call.words["refresh"])
    if not isinstance(told, dict):
        msg = f"the driver's statistics are no dict: {told!r}"
        raise TypeError(msg)
    return stats.plain(told, call.backend.name)


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
    return plain.plain(list(ask(known, None, call.words["limit"], call.words["offset"], ["reference"], ["asc"]) or ()))


def _retype(call: Call) -> bool:
    """Answer whether the driver could; what its model update says is taken."""
    wanted = {**call.words["volume"], **call.words["specs"]}
    call.backend.copying.ensure_type(wanted)
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
