"""Cinder's RBD driver on a real Ceph cluster; bytes go through librbd."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest

from cl_notebook.testing.lifecycle_contract import Leftovers, LifecycleContract, OpenDriver
from tests.storage.drivers import RBD, open_cinder
from tests.storage.environments import CINDER_28, CINDER_29

if TYPE_CHECKING:
    from pathlib import Path

    from tests.storage.ceph import Cluster


@pytest.mark.parametrize("python", [CINDER_29, CINDER_28], ids=["cinder-29", "cinder-28"])
class TestCeph(LifecycleContract):
    """With the newest Cinder, and the one before."""

    @pytest.fixture
    def open_driver(self, cluster: Cluster, python: Path) -> OpenDriver:
        """Open it on the cluster's pool."""
        return lambda: open_cinder(RBD, python, **cluster.options())

    @pytest.fixture
    def leftovers(self, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Leftovers:
        """List the images, and the files that os-brick makes for librbd.

        An image that was cloned stays in the pool as ``….deleted``: Cinder's driver removes it with the clone only if the clone
        is deleted after it, and never the snapshot that is behind a clone.
        """
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        return lambda: [
            *(image for image in cluster.images() if not image.endswith(".deleted")),
            *(file.name for file in tmp_path.glob("brickrbd_*")),
        ]
