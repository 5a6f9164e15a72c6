"""Cinder drivers, opened as a backend opens them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl_notebook.drivers.registry import check_config, load_driver
from tests.storage.environments import cinder

if TYPE_CHECKING:
    from pathlib import Path

    from cl_notebook.drivers.api import Driver

RBD = "cinder.volume.drivers.rbd.RBDDriver"
NFS = "cinder.volume.drivers.nfs.NfsDriver"
LVM = "cinder.volume.drivers.lvm.LVMVolumeDriver"


def open_cinder(path: str, python: Path, **options: Any) -> Driver:
    """Return a driver by its *path* in Cinder, not set up yet, that runs in *python*."""
    options["python"] = cinder(python)
    cls = load_driver(path, options)
    return cls(check_config(path, cls, options), backend_name=path.rsplit(".", 1)[-1])
