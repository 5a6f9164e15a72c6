"""cinderlib's own functional tests on Ceph RBD, unchanged: they want devices, which the guest's kernel makes of images.

Runs in a guest: see ``test_within_guest.py``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.cinderlib import suite
from tests.storage import ceph
from tests.storage.drivers import RBD
from tests.storage.environments import CINDER_29, cinder


def test_cinderlibs_own_tests_pass(tmp_path: Path) -> None:
    """All of cinderlib's functional tests pass on images that the kernel maps."""
    with tempfile.TemporaryDirectory(prefix="ceph-") as name, ceph.running(Path(name)) as cluster:
        backend = {"volume_backend_name": "ceph", "volume_driver": RBD, **cluster.options()}
        print(suite.run(backend, tmp_path, cinder(CINDER_29)))  # noqa: T201 - how long each of them took
