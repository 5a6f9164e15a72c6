"""Sizes that are no whole GiB, devices that lag behind their volumes, and the partitions of loop devices."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.attach import block_devices
from cl_notebook.inventory.connections import Connections
from cl_notebook.model import creation
from cl_notebook.model.operations.changes import Update
from tests.attach.kernel import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cl_notebook.drivers.api import ConnectionInfo

GiB = 1024**3
ODD = GiB + 100


@pytest.fixture
def lab(root: None, session: cl.Session, tmp_path: Path) -> Iterator[cl.Backend]:  # noqa: ARG001 - asked for its check
    """Give a backend that attaches by loop devices."""
    backend = session.backend("lab", volume_driver="local", path=str(tmp_path / "storage"), loop_devices="always")
    yield backend
    for volume in backend.volumes:
        volume.cleanup(force=True)


def _device_bytes(connection: cl.Connection) -> int:
    size = block_devices.size(str(connection.path))
    assert size is not None
    return size


def test_a_file_that_ends_within_a_sector_is_reached_to_its_end(lab: cl.Backend, tmp_path: Path) -> None:
    """The loop device has every byte, padded with zeros to the next sector; clones and later attachments have them, too."""
    with (tmp_path / "storage" / "dump").open("wb") as file:
        file.truncate(ODD)
        file.seek(ODD - 5)
        file.write(b"tail.")
    volume = lab.manage("dump")
    assert volume.size == 2
    conn = volume.attach()
    assert _device_bytes(conn) == GiB + 512
    with conn.open() as disk:
        disk.seek(ODD - 5)
        assert disk.read() == b"tail." + bytes(412)
        disk.seek(ODD)
        disk.write(b"more")
    volume.attach()
    volume.detach()
    with (tmp_path / "storage" / "dump").open("rb") as file:
        file.seek(ODD - 5)
        assert file.read(9) == b"tail.more"
    clone = volume.clone()
    with clone.attach().open("rb") as disk:
        disk.seek(ODD - 5)
        assert disk.read(9) == b"tail.more"


def test_a_device_that_is_smaller_than_its_file_follows(lab: cl.Backend, session: cl.Session, tmp_path: Path) -> None:
    """A file that somebody grew: a scan says that the device is smaller, repairing the connection lets it follow."""
    volume = lab.create_volume(1)
    conn = volume.attach()
    os.truncate(tmp_path / "storage" / volume.name_in_storage, 2 * GiB)
    found = {each.kind: each for each in cl.inventory.findings(session)}
    assert (found["connection"].verdict, found["connection"].detail) == (
        "size differs",
        "Its device has 1 GiB, its volume's file 2.",
    )
    assert found["connection"].next == f"%cl_scan repair {conn.id}"
    assert cl.inventory.repair(conn) == "Its device follows its volume: it has 2 GiB now."
    assert cl.inventory.repair(conn) == "Nothing is wrong with it."
    assert _device_bytes(conn) == 2 * GiB
    cl.inventory.repair(volume)
    assert {each.verdict for each in cl.inventory.findings(session)} == {"ok"}


def test_repairing_a_volume_that_grew_takes_its_device_along(lab: cl.Backend, session: cl.Session, tmp_path: Path) -> None:
    """The size that a repair takes over from the storage is the device's, too; so it is when the volume is attached again."""
    first, second = lab.create_volume(1), lab.create_volume(1)
    for volume in (first, second):
        volume.attach()
        os.truncate(tmp_path / "storage" / volume.name_in_storage, 2 * GiB)
    cl.inventory.repair(first)
    assert _device_bytes(first.connections[0]) == 2 * GiB
    assert _device_bytes(second.attach()) == 2 * GiB
    assert cl.inventory.repair_all(session=session)["done"].all()
    assert {each.verdict for each in cl.inventory.findings(session)} == {"ok"}


@pytest.mark.parametrize(
    ("sectors", "expected"),
    [
        (2 * GiB // 512, ("ok", None)),
        (GiB // 512 + 1, ("ok", None)),  # what was adopted with 1.0001 GiB
        (GiB // 512, ("size differs", "Its device has 1 GiB, its volume 2.")),
    ],
)
def test_a_disk_is_measured_by_what_the_kernel_says(
    session: cl.Session, sim: cl.Backend, tmp_path: Path, sectors: int, expected: tuple[str, str | None]
) -> None:
    """A disk whose host did not see it grow is reported; one whose volume's size was rounded up is right."""
    (tmp_path / "kernel").mkdir()
    kernel = Kernel(tmp_path / "kernel")
    kernel.iscsi("sda", "iqn.2010-10.org:one", 7)
    kernel.tell("sys/block/sda/size", str(sectors))
    conn = sim.create_volume(2).connect({"host": session.settings.host})
    info = {"driver_volume_type": "iscsi", "data": {"target_iqn": "iqn.2010-10.org:one", "target_lun": 7}}
    attached = {"conn_info": info, "path": "/dev/sda", "attached_host": session.settings.host}
    session.journal.save_side_effects([Update.of(conn, attached)], conn)
    (seen,) = Connections(session, sim.id, sim.name, root=kernel.root).findings(host=True)
    assert (seen.verdict, seen.detail) == expected


def test_a_device_is_found_by_the_id_of_its_volume(tmp_path: Path) -> None:
    """A disk whose target, and an image, that is called by a volume's id is found without a connection; others are not."""
    kernel, volume_id = Kernel(tmp_path), "8e0a3cb2-0a7c-4c7a-8b21-5b6c4f0a9d11"
    kernel.iscsi("sda", f"iqn.2010-10.org.openstack:volume-{volume_id}", 1)
    kernel.iscsi("sdb", "iqn.2010-10.org.openstack:volume-0e0a3cb2-0a7c-4c7a-8b21-5b6c4f0a9d11", 1, session=2)
    (tmp_path / "sys/block/rbd0").mkdir()
    for name, text in (("pool", "volumes"), ("name", f"volume-{volume_id}"), ("current_snap", "-")):
        kernel.tell(f"sys/bus/rbd/devices/0/{name}", text)
    assert sorted(block_devices.of_volume(volume_id, root=tmp_path)) == ["/dev/rbd0", "/dev/sda"]
    assert block_devices.of_volume("disk", root=tmp_path) == []


_KNOWN: dict[str, dict[str, Any]] = {
    "iscsi": {"target_iqn": "iqn.2010-10.org:one", "target_lun": 1},
    "fibre_channel": {"target_wwn": ["500a098280feeba5"], "target_lun": 1},
    "nvmeof": {"vol_uuid": "8e0a3cb2-0a7c-4c7a-8b21-5b6c4f0a9d11"},
    "rbd": {"name": "volumes/one"},
    "nfs": {"name": "volume-1", "export": "server:/share"},
    "local": {"device_path": "/srv/one"},
}


@pytest.mark.parametrize("protocol", _KNOWN)
def test_who_a_device_is_decides_where_that_is_known(sim: cl.Backend, protocol: str) -> None:
    """Of a device that is known by who it is, a size that was rounded up to a GiB is expected, and not more."""
    info: ConnectionInfo = {"driver_volume_type": protocol, "data": _KNOWN[protocol]}
    assert creation.may_be_rounded(sim.create_volume(2), info)
    assert creation.expected_bytes(info, 2, is_rounded=True) == GiB + 1


def test_a_size_decides_where_nothing_else_does(sim: cl.Backend) -> None:
    """A device of which nothing else is known must have what was made here; what was adopted was rounded up."""
    info: ConnectionInfo = {"driver_volume_type": "scaleio", "data": {"scaleIO_volname": "one"}}
    made = sim.create_volume(2)
    driver: Any = sim.driver
    driver.appear("odd", 2)
    adopted = sim.manage("odd")
    exact = [made, made.clone(), made.create_snapshot().create_volume()]
    rounded = [adopted, adopted.clone(), adopted.create_snapshot().create_volume(), adopted.clone().clone()]
    assert [creation.may_be_rounded(each, info) for each in exact] == [False] * len(exact)
    assert [creation.may_be_rounded(each, info) for each in rounded] == [True] * len(rounded)
    assert creation.expected_bytes(info, 2, is_rounded=False) == 2 * GiB


def test_what_a_driver_says_of_the_size_is_exact() -> None:
    """A device with less than the driver itself says is refused whatever else is known of it."""
    info: ConnectionInfo = {"driver_volume_type": "local", "data": {"device_path": "/srv/one", "size": 2 * GiB - 512}}
    assert creation.expected_bytes(info, 2, is_rounded=True) == 2 * GiB - 512


def test_a_file_that_lost_more_than_rounding_is_refused(session: cl.Session, tmp_path: Path) -> None:
    """A device that is smaller than any rounding explains is not handed out."""
    lab = session.backend("files", volume_driver="local", path=str(tmp_path / "files"), loop_devices="never")
    volume = lab.create_volume(3)
    info = volume.connect({"host": session.settings.host})
    smaller = {"driver_volume_type": "local", "data": {"device_path": str(tmp_path / "files" / volume.name_in_storage)}}
    session.journal.save_side_effects([Update.of(info, {"conn_info": smaller})], info)
    os.truncate(tmp_path / "files" / volume.name_in_storage, 2 * GiB)
    with pytest.raises(errors.AttachError, match=f"has {2 * GiB} bytes, {2 * GiB + 1} were expected"):
        info.attach()
    os.truncate(tmp_path / "files" / volume.name_in_storage, 2 * GiB + 1)
    info.attach()
    volume.cleanup()


def test_the_partitions_of_a_loop_device_are_shown_and_go_with_it(lab: cl.Backend) -> None:
    """The kernel looks for partitions on a volume's loop device, and those that are there are gone once it is detached."""
    volume = lab.create_volume(1)
    name = Path(str(volume.attach().path)).name
    assert Path(f"/sys/block/{name}/loop/partscan").read_text(encoding="ascii") == "1\n"
    subprocess.run(["addpart", f"/dev/{name}", "1", "2048", "2048"], check=True)
    assert Path(f"/sys/block/{name}/{name}p1").exists()
    volume.detach()
    assert not Path(f"/sys/block/{name}/{name}p1").exists()
    assert not Path(f"/dev/{name}p1").exists()


def test_partitions_of_a_device_that_was_set_up_without_them_go_too(lab: cl.Backend, tmp_path: Path) -> None:
    """A loop device that was set up by hand is used, shows its partitions from then on, and takes them along."""
    volume = lab.create_volume(1)
    words = ["losetup", "--find", "--show", str(tmp_path / "storage" / volume.name_in_storage)]
    path = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run(["addpart", path, "1", "2048", "2048"], check=True)
    assert volume.attach().path == path
    volume.detach()
    assert not Path(f"{path}p1").exists()


def test_volumes_are_attached_and_detached_in_parallel(lab: cl.Backend) -> None:
    """Threads that attach and detach volumes at the same time see devices come and go under their hands, and none fails."""
    volumes = [lab.create_volume(1) for _ in range(8)]

    def there_and_back(volume: cl.Volume) -> None:
        for _ in range(3):
            volume.attach()
            volume.detach()

    with ThreadPoolExecutor(len(volumes)) as threads:
        list(threads.map(there_and_back, volumes))
    assert [volume.connections for volume in volumes] == [[]] * len(volumes)
