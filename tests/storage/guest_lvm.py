"""Cinder's LVM driver: thin volumes, exported by the kernel's iSCSI target with CHAP, attached by os-brick as SCSI disks.

Runs in a guest: see ``test_within_guest.py``.
"""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cl_notebook.drivers.base import GiB
from cl_notebook.testing.bench import DATA, Bench, read, updated
from cl_notebook.testing.lifecycle_contract import Leftovers, LifecycleContract, OpenDriver
from tests.storage.drivers import LVM, open_cinder
from tests.storage.environments import CINDER_29

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cl_notebook.drivers.base import ConnectionInfo
    from cl_notebook.testing.bench import Disk

OPTIONS = {
    "lvm_type": "thin",
    "volume_clear": "none",
    "target_helper": "lioadm",
    "target_protocol": "iscsi",
    "target_ip_address": "127.0.0.1",
}


class ScsiBench(Bench):
    """A workbench whose devices are the kernel's SCSI disks, reached over iSCSI."""

    @contextmanager
    def open_disk(self, info: ConnectionInfo, device: Mapping[str, Any]) -> Iterator[Disk]:
        """Check what the device is, and give its bytes."""
        assert info["driver_volume_type"] == "iscsi"
        assert info["data"]["auth_method"] == "CHAP"
        disk = Path(str(device["path"])).resolve()
        assert disk.name.startswith("sd")
        assert "/session" in str(Path("/sys/block", disk.name).resolve())
        with super().open_disk(info, device) as opened:
            yield opened


class TestLvm(LifecycleContract):
    """On the volume group that the guest has, named as Cinder's default is."""

    bench_class = ScsiBench

    @pytest.fixture
    def open_driver(self) -> OpenDriver:
        """Open it."""
        return lambda: open_cinder(LVM, CINDER_29, **OPTIONS)

    @pytest.fixture
    def leftovers(self) -> Leftovers:
        """List logical volumes, iSCSI targets, and what this host knows of them: nodes and SCSI disks."""
        lvs = ["lvs", "--noheadings", "--options=lv_name", "cinder-volumes"]
        return lambda: [
            *subprocess.run(lvs, capture_output=True, text=True, check=True).stdout.split(),
            *(target.name for target in Path("/sys/kernel/config/target/iscsi").glob("iqn.*")),
            *(node.name for node in Path("/etc/iscsi/nodes").iterdir()),
            *(disk.name for disk in Path("/sys/block").glob("sd*")),
        ]

    def test_an_export_comes_back_after_a_restart(self, bench: Bench) -> None:
        """A volume whose target vanished, as it does when the storage host restarts, is exported and reached again."""
        volume = bench.create()
        bench.write(volume, DATA)
        connection, _ = bench.connect(volume)
        forget = "import rtslib_fb; rtslib_fb.RTSRoot().clear_existing(confirm=True)"
        subprocess.run([CINDER_29, "-W", "ignore", "-c", forget], check=True)
        assert not list(Path("/sys/kernel/config/target/iscsi").glob("iqn.*"))
        volume = updated(bench.current(volume), bench.driver.ensure_export(bench.current(volume)))
        info = bench.driver.initialize_connection(volume, connection)
        device = bench.host.attach(info, expected_bytes=GiB)
        assert read(str(device["path"]), len(DATA)) == DATA
        bench.host.detach(info, device)
