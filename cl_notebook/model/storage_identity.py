"""Which backends are one storage under several names: what one of them tracks is not there to be adopted by another."""

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
    from collections.abc import Mapping

    from cl_notebook.model.context import Context, StoredBackend


_RBD = ("rbd_cluster_name", "rbd_pool", "rbd_ceph_conf")
_NAS = ("nas_host", "nas_share_path", "nfs_shares_config")
_LOCATED_BY: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "cinder.volume.drivers.lvm.LVMVolumeDriver": ("LVM", ("volume_group",)),
    "cinder.volume.drivers.rbd.RBDDriver": ("Ceph", _RBD),
    "cinder.volume.drivers.ceph.rbd_iscsi.RBDISCSIDriver": ("Ceph", _RBD),
    "cinder.volume.drivers.nfs.NfsDriver": ("NFS", _NAS),
}
"""Drivers of Cinder's whose storage is known by a few options, whatever else is tuned: what it is called, and the options."""

_DEFAULTS = {
    "volume_group": "cinder-volumes",
    "rbd_cluster_name": "ceph",
    "rbd_pool": "rbd",
    "nfs_shares_config": "/etc/cinder/nfs_shares",
}
"""What Cinder takes where such an option is not given."""


def same_storage(backend: StoredBackend) -> list[Any]:
    """Return the backends of the store that are on the storage of *backend*: itself first."""
    return [backend, *other_backends(backend.context, backend.id, backend.volume_driver, backend.stored_config)]


def other_backends(context: Context, backend_id: str, driver_name: str, config: Mapping[str, Any]) -> list[Any]:
    """Return the backends, but for the one with that id, that lead to the storage to which *config* leads."""
    cls: Any = CLASSES["Backend"]
    stored = identity_map.select(context, sa.select(cls).where(cls.id != backend_id).order_by(cls.name))
    if not stored or not driver_name:  # of one that is known by its name alone nothing says where it is
        return []
    key = storage_key(driver_name, config)
    return [row for row in stored if row.volume_driver and storage_key(row.volume_driver, row.stored_config) == key]


def storage_key(driver_name: str, config: Mapping[str, Any]) -> str:
    """Return a key that is equal for all configurations that lead to the same storage.

    A driver that cannot tell, as Cinder's cannot, is on the same storage where everything but the name is the same.
    """
    cls = _class(driver_name)
    if cls is not None and isinstance(cls, HasStorageIdentity):
        try:
            return cls.storage_identity(config)
        except (KeyError, TypeError, ValueError):  # it was loaded by its name alone
            pass
    located = _located(driver_name, config)
    if located is not None:
        return located
    given = {name: _one_spelling(value) for name, value in _cinders(driver_name, config).items() if value is not None}
    return f"{driver_name} {json.dumps(given, sort_keys=True, default=str)}"


def is_guess(driver_name: str) -> bool:
    """Return whether two configurations of the driver that differ may lead to one storage all the same: nothing tells."""
    return registry.is_path(driver_name) and driver_name not in _LOCATED_BY


def _located(driver_name: str, config: Mapping[str, Any]) -> str | None:
    """Return where the volumes of a Cinder driver are that is known; None for others."""
    known = _LOCATED_BY.get(driver_name)
    if known is None:
        return None
    kind, names = known
    sections = config.get("sections")
    shared = sections.get("backend_defaults") if isinstance(sections, dict) else None
    given = {**_DEFAULTS, **(shared if isinstance(shared, dict) else {}), **config}
    found = {name: _one_spelling(str(given.get(name) or _DEFAULTS.get(name, ""))) for name in names}
    if kind == "Ceph":
        found["rbd_ceph_conf"] = found["rbd_ceph_conf"] or f"/etc/ceph/{found['rbd_cluster_name']}.conf"
    if kind == "NFS" and found["nas_host"]:
        del found["nfs_shares_config"]  # Cinder does not look at it then
    return f"{kind} {json.dumps(found, sort_keys=True)}"


def _cinders(driver_name: str, config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the options without those that say how a driver of Cinder's is run, which are nothing of its storage."""
    if not registry.is_path(driver_name):
        return config
    from cl_notebook.drivers.cinder import options  # noqa: PLC0415 - only who has such a driver pays for its modules

    return options.cinder_options(config)


def is_same_value(one: Any, other: Any) -> bool:  # noqa: ANN401 - an option's
    """Return whether two values of an option are equal, slashes too many in a path or a share left out."""
    return bool(one == other) or (isinstance(one, str) and isinstance(other, str) and _one_spelling(one) == _one_spelling(other))


def spelled_as(config: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return *config* with the spelling of the *stored* one where nothing but slashes too many is different."""
    return {
        name: stored[name] if name in stored and is_same_value(value, stored[name]) else value for name, value in config.items()
    }


def _one_spelling(value: Any) -> Any:  # noqa: ANN401 - an option's
    """Return *value* without slashes too many: ``/srv/`` and ``/srv`` are one folder, and one share."""
    if not isinstance(value, str) or "/" not in value:
        return value
    from cl_notebook.attach import identity as of_device  # noqa: PLC0415 - only where storages are compared

    return of_device.one_spelling(value)


def _class(driver_name: str) -> type | None:
    if not driver_name or registry.is_path(driver_name):
        return None
    try:
        return _loaded(driver_name)
    except errors.Error:
        return None


@functools.cache
def _loaded(driver_name: str) -> type | None:
    # whoever wrote the row may call a driver what they like: no process is started to look for it
    return registry.load_driver(driver_name) if driver_name in registry.driver_names() else None
