"""Recognise backends that use the same storage under different names.

A volume that one of them tracks must not be adopted through another.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.drivers import registry
from cl_notebook.drivers.api import HasStorageIdentity
from cl_notebook.model import identity_map
from cl_notebook.model.identity_map import CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cl_notebook.model.context import Context, StoredBackend


_RBD = ("rbd_cluster_name", "rbd_pool", "rbd_ceph_conf")
_NAS = ("nas_host", "nas_share_path", "nfs_shares_config")
_LOCATED_BY: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "cinder.volume.drivers.lvm.LVMVolumeDriver": ("LVM", ("volume_group",)),
    "cinder.volume.drivers.rbd.RBDDriver": ("Ceph", _RBD),
    "cinder.volume.drivers.ceph.rbd_iscsi.RBDISCSIDriver": ("Ceph", _RBD),
    "cinder.volume.drivers.nfs.NfsDriver": ("NFS", _NAS),
}
"""Cinder drivers whose storage a few options identify: the kind of storage, and the names of these options."""

_DEFAULTS = {
    "volume_group": "cinder-volumes",
    "rbd_cluster_name": "ceph",
    "rbd_pool": "rbd",
    "nfs_shares_config": "/etc/cinder/nfs_shares",
}
"""Cinder's defaults of these options."""


def same_storage(backend: StoredBackend, stored: Iterable[StoredBackend] | None = None) -> list[Any]:
    """Return the stored backends on the storage of *backend*, *backend* first. *stored* are all backends, if already read."""
    return [backend, *other_backends(backend.context, backend.id, backend.volume_driver, backend.stored_config, stored)]


def other_backends(
    context: Context,
    backend_id: str,
    driver_name: str,
    config: Mapping[str, Any],
    stored: Iterable[StoredBackend] | None = None,
) -> list[Any]:
    """Return the stored backends other than *backend_id* on the storage of a driver with *config*.

    *stored* are all stored backends; without them they are read.
    """
    if stored is None:
        cls: Any = CLASSES["Backend"]
        stored = identity_map.select(context, sa.select(cls).where(cls.id != backend_id).order_by(cls.name))
    others = [row for row in stored if row.id != backend_id]
    if not others or not driver_name:  # a backend that was loaded by name alone has an unknown storage
        return []
    key = storage_key(driver_name, config)
    return [row for row in others if row.volume_driver and storage_key(row.volume_driver, row.stored_config) == key]


def storage_key(driver_name: str, config: Mapping[str, Any]) -> str:
    """Return a key that is equal for all configurations of the same storage.

    For a driver without a rule that identifies its storage the key consists of all its options.
    """
    cls = _class(driver_name)
    if cls is not None and isinstance(cls, HasStorageIdentity):
        try:
            return cls.storage_identity(config)
        except (KeyError, TypeError, ValueError):  # a backend that was loaded by name alone lacks options
            pass
    location = _location(driver_name, config)
    if location is not None:
        return location
    given = {name: _normalized(value) for name, value in _storage_options(driver_name, config).items() if value is not None}
    return f"{driver_name} {json.dumps(given, sort_keys=True, default=str)}"


def is_guess(driver_name: str) -> bool:
    """Return whether different storage keys of the driver may still belong to the same storage."""
    return registry.is_path(driver_name) and driver_name not in _LOCATED_BY


def _location(driver_name: str, config: Mapping[str, Any]) -> str | None:
    """Return the storage key for a driver of _LOCATED_BY; None for others."""
    rule = _LOCATED_BY.get(driver_name)
    if rule is None:
        return None
    kind, names = rule
    sections = config.get("sections")
    shared = sections.get("backend_defaults") if isinstance(sections, dict) else None
    given = {**_DEFAULTS, **(shared if isinstance(shared, dict) else {}), **config}
    values = {name: _normalized(str(given.get(name) or _DEFAULTS.get(name, ""))) for name in names}
    if kind == "Ceph":
        values["rbd_ceph_conf"] = values["rbd_ceph_conf"] or f"/etc/ceph/{values['rbd_cluster_name']}.conf"
    if kind == "NFS" and values["nas_host"]:
        del values["nfs_shares_config"]  # Cinder ignores it if nas_host is set
    return f"{kind} {json.dumps(values, sort_keys=True)}"


def _storage_options(driver_name: str, config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return *config* without the options that say how a Cinder driver is run, such as ``python``."""
    if not registry.is_path(driver_name):
        return config
    from cl_notebook.drivers.cinder import options  # noqa: PLC0415 - only Cinder drivers need these modules

    return options.cinder_options(config)


def is_same_value(one: Any, other: Any) -> bool:  # noqa: ANN401 - an option's
    """Return whether two values of an option are equal, but for superfluous slashes in paths and shares."""
    return bool(one == other) or (isinstance(one, str) and isinstance(other, str) and _normalized(one) == _normalized(other))


def spelled_as(config: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return *config* with the *stored* spelling of values that differ by superfluous slashes only."""
    return {
        name: stored[name] if name in stored and is_same_value(value, stored[name]) else value for name, value in config.items()
    }


def _normalized(value: Any) -> Any:  # noqa: ANN401 - an option's
    """Return *value* without superfluous slashes: ``/srv/`` and ``/srv`` are the same folder or share."""
    if not isinstance(value, str) or "/" not in value:
        return value
    from cl_notebook.attach import identity  # noqa: PLC0415 - only the comparison of storages needs it

    return identity.one_spelling(value)


def _class(driver_name: str) -> type | None:
    if not driver_name or registry.is_path(driver_name):
        return None
    try:
        return _load(driver_name)
    except errors.Error:
        return None


@functools.cache
def _load(driver_name: str) -> type | None:
    # a stored name may be anything, so only installed drivers are loaded: no child process is started to search Cinder
    return registry.load_driver(driver_name) if driver_name in registry.driver_names() else None
