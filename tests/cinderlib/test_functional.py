"""cinderlib's own functional tests on this host; on Ceph and LVM they run in guests: see ``tests/storage``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cinderlib import suite

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.usefixtures("root")
def test_cinderlibs_own_tests_pass_on_the_local_driver(cinder_29: str, tmp_path: Path) -> None:
    """All of cinderlib's functional tests, unchanged, pass on sparse files that are attached as loop devices."""
    backend = {"volume_backend_name": "local", "volume_driver": "local", "path": str(tmp_path / "volumes")}
    suite.run(backend, tmp_path, cinder_29)
