"""cinderlib's own functional tests on Cinder's LVM driver, unchanged.

Runs in a guest: see ``test_within_guest.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cinderlib import suite
from tests.storage.drivers import LVM
from tests.storage.environments import CINDER_29, cinder
from tests.storage.guest_lvm import OPTIONS

if TYPE_CHECKING:
    from pathlib import Path


def test_cinderlibs_own_tests_pass(tmp_path: Path) -> None:
    """All of cinderlib's functional tests pass on thin volumes that are attached over iSCSI."""
    backend = {"volume_backend_name": "lvm", "volume_driver": LVM, **OPTIONS}
    print(suite.run(backend, tmp_path, cinder(CINDER_29)))  # noqa: T201 - how long each of them took
