"""Cinder's LVM driver: thin volumes, exported by the kernel's iSCSI target with CHAP, attached by os-brick as SCSI disks.

Runs in a guest: see ``test_within_guest.py``.
"""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.drivers.api import GiB
from cl_notebook.model.operations.changes import Delete, Update
from cl_notebook.testing.bench import DATA, Bench, read, updated
from cl_notebook.testing.lifecycle_contract import Leftovers, LifecycleContract, OpenDriver
from tests.storage.drivers import LVM, open_cinder
from tests.storage.environments import CINDER_29, cinder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cl_notebook.drivers.api import ConnectionInfo
    from cl_notebook.testing.bench import Disk

OPTIONS: dict[str, Any] = {
    "lvm_type": "thin",
    "volume_clear": "none",
    "target_helper": "lioadm",
    "target_protocol": "iscsi",
    "target_ip_address": "127.0.0.1",
}


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


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

    def test_a_mounted_disk_stays(self, tmp_path: Path, leftovers: Leftovers) -> None:
        """An iSCSI disk that is mounted, whole or a partition of it, is neither detached nor cleaned up until it is free."""
        point = tmp_path / "point"
        point.mkdir()
        with cl.Session("memory") as session:
            lvm = session.backend("lvm", volume_driver=LVM, python=cinder(CINDER_29), **OPTIONS)
            before = leftovers()
            volume = lvm.create_volume(1)
            disk = Path(str(volume.attach().path)).resolve()
            _run("addpart", str(disk), "1", "2048", "524288")
            for path in (f"{disk}1", str(disk)):
                _run("mkfs.ext4", "-q", "-F", path)
                _run("mount", path, str(point))
                (point / "letter").write_text("not written yet", encoding="utf-8")
                with pytest.raises(errors.BusyOnStorage, match=rf"is mounted or in use: .*mounted at {point}"):
                    volume.detach()
                report = cl.inventory.plan_cleanup(session).run()
                assert report["outcome"].tolist() == ["failed", "not done", "not done"]
                assert disk.exists()
                (conn,) = volume.connections
                session.journal.save_side_effects([Delete.of(conn)], conn)  # it is lost, as with a store
                with pytest.raises(errors.BusyOnStorage, match=rf"^A device of volume .* mounted at {point}"):
                    volume.delete()
                assert disk.exists()
                volume.attach()
                assert (point / "letter").read_text(encoding="utf-8") == "not written yet"
                _run("umount", str(point))
                if path != str(disk):
                    _run("delpart", str(disk), "1")
            volume.detach()
            volume.delete()
        assert leftovers() == before

    def test_a_disk_follows_a_volume_that_grew(self) -> None:
        """A disk whose volume was extended without it is reported by a scan, and has the new size after a repair."""
        with cl.Session("memory") as session:
            lvm = session.backend("lvm", volume_driver=LVM, python=cinder(CINDER_29), **OPTIONS)
            volume = lvm.create_volume(1)
            conn = volume.attach()
            lvm.driver.extend_volume(volume.as_data(), 2)
            session.journal.save_side_effects([Update.of(volume, {"size": 2})], volume)
            (seen,) = [each for each in cl.inventory.findings(session) if each.kind == "connection"]
            assert (seen.verdict, seen.detail) == ("size differs", "Its device has 1 GiB, its volume 2.")
            assert cl.inventory.repair(conn) == "Its device follows its volume: it has 2 GiB now."
            volume.cleanup()
            volume.delete()

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
