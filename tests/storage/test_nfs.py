"""Cinder's NFS driver on a folder of this host; a bind mount stands in for the NFS mount. Real NFS is in ``guest_nfs.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cl_notebook.testing.lifecycle_contract import Leftovers, LifecycleContract, OpenDriver
from tests.storage.drivers import NFS, open_cinder
from tests.storage.environments import CINDER_29
from tests.storage.images import ImageBench

if TYPE_CHECKING:
    from tests.storage.nfs import Share


@pytest.mark.parametrize("qcow2", [False, True], ids=["raw", "qcow2"])
class TestNfsOnABindMount(LifecycleContract):
    """With volumes that are plain files, and with images."""

    bench_class = ImageBench
    extends_attached = False

    @pytest.fixture
    def open_driver(self, bind_mounted_share: Share, qcow2: bool) -> OpenDriver:  # noqa: FBT001 - pytest's parameter
        """Open it on the share."""
        return lambda: open_cinder(NFS, CINDER_29, **bind_mounted_share.options(qcow2=qcow2))

    @pytest.fixture
    def leftovers(self, bind_mounted_share: Share) -> Leftovers:
        """List the files on the share."""
        return bind_mounted_share.files
