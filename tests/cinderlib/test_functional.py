"""cinderlib's own functional tests on this host; on Ceph and LVM they run in guests: see ``tests/storage``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cinderlib import suite
from tests.storage.environments import CINDER_29, cinder

if TYPE_CHECKING:
    from pathlib import Path


def test_cinderlibs_own_tests_pass_on_the_local_driver(root: None, tmp_path: Path) -> None:  # noqa: ARG001 - asked for its check
    """All of cinderlib's functional tests, unchanged, pass on sparse files that are attached as loop devices."""
    backend = {"volume_backend_name": "local", "volume_driver": "local", "path": str(tmp_path / "volumes")}
    suite.run(backend, tmp_path, cinder(CINDER_29))
