"""What the local driver promises beyond the contract: quota, names, adoption, repeatable calls, and loop devices."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cl_notebook import errors
from cl_notebook.attach import Host
from cl_notebook.drivers.api import ConnectionData, GiB, SnapshotData, VolumeData
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.drivers.local import loopdev
from cl_notebook.drivers.local.driver import LocalDriver
from cl_notebook.testing.bench import Bench, read, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.drivers.conftest import Mount

MiB = 1024**2


def volume(name: str, size: int = 1) -> VolumeData:
    """Return the data of a volume."""
    return VolumeData(id=f"id-of-{name}", name_in_storage=name, size=size)


def opened(path: Path, **options: Any) -> LocalDriver:
    """Return a driver that is set up, without loop devices unless they are asked for."""
    driver = LocalDriver({"path": str(path), "loop_devices": "never", **options}, backend_name="local")
    driver.setup()
    return driver


@pytest.fixture
def driver(tmp_path: Path) -> LocalDriver:
    """Return a driver on plain files."""
    return opened(tmp_path / "storage")


@pytest.fixture
def bench(root: None, tmp_path: Path) -> Iterator[Bench]:  # noqa: ARG001 - asked for its check
    """Give a workbench on a driver with loop devices."""
    bench = Bench(opened(tmp_path / "storage", loop_devices="always"), Host("lab", "sudo", tmp_path / "locks"))
    yield bench
    bench.clean()
    assert str(tmp_path) not in subprocess.run(["losetup", "-l"], check=True, capture_output=True, text=True).stdout


def test_the_folder_is_made_private(tmp_path: Path) -> None:
    """A folder that is missing is made, with its parents, for its owner alone; a volume's file is its owner's too."""
    driver = opened(tmp_path / "a" / "b")
    driver.create_volume(volume("v"))
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "a" / "b" / "v").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["../x", "/etc/x", "..", ".", "", ".hidden", "a/b", "a\0b", "v" * 256, "é" * 128, "snapshots"])
def test_names_cannot_leave_the_folder(tmp_path: Path, driver: LocalDriver, name: str) -> None:
    """A name from a store that is a path, hidden, too long or reserved is refused by every call, and nothing is touched."""
    before = sorted(tmp_path.rglob("*"))
    bad, good = volume(name), volume("good")
    snapshot = SnapshotData("s", name, good, 1)
    calls: list[Callable[[], Any]] = [
        lambda: driver.create_volume(bad),
        lambda: driver.delete_volume(bad),
        lambda: driver.extend_volume(bad, 2),
        lambda: driver.create_cloned_volume(good, bad),
        lambda: driver.initialize_connection(bad, ConnectionData("c", {})),
        lambda: driver.manage_existing_get_size(good, {"source-name": name}),
    ]
    if name != "snapshots":
        calls += [lambda: driver.create_snapshot(snapshot), lambda: driver.delete_snapshot(snapshot)]
    for call in calls:
        with pytest.raises(errors.InvalidInput):
            call()
    if name != "snapshots":
        driver.create_volume(good)
        with pytest.raises(errors.InvalidInput):
            driver.initialize_connection(good, ConnectionData(name, {}))
        driver.delete_volume(good)
    assert sorted(path for path in tmp_path.rglob("*") if "locks" not in path.parts) == [
        path for path in before if "locks" not in path.parts
    ]


def test_a_symbolic_link_is_no_volume(tmp_path: Path, driver: LocalDriver) -> None:
    """A link in the folder is neither listed nor followed."""
    (tmp_path / "outside").write_bytes(bytes(MiB))
    (tmp_path / "storage" / "link").symlink_to(tmp_path / "outside")
    assert driver.get_manageable_volumes([]) == []
    with pytest.raises(errors.MissingOnStorage):
        driver.extend_volume(volume("link"), 1)
    with pytest.raises(errors.MissingOnStorage):
        driver.create_cloned_volume(volume("copy"), volume("link"))


def test_the_quota_is_kept(tmp_path: Path) -> None:
    """Create, extend and clone beyond the quota are StorageFull with both figures; deleting gives back."""
    driver = opened(tmp_path / "storage", quota=3)
    first, second = volume("first", 2), volume("second", 1)
    driver.create_volume(first)
    driver.create_volume(second)
    refused: list[Callable[[], Any]] = [
        lambda: driver.create_volume(volume("third")),
        lambda: driver.extend_volume(second, 2),
        lambda: driver.create_cloned_volume(volume("third"), second),
    ]
    for call in refused:
        with pytest.raises(errors.StorageFull, match=r"1\.0 GiB more would exceed the quota of local: 3\.0 of 3\.0 GiB"):
            call()
    driver.create_volume(first)
    driver.extend_volume(first, 2)
    driver.delete_volume(first)
    driver.extend_volume(second, 3)
    (pool,) = driver.get_volume_stats()["pools"]
    assert (pool["total_capacity_gb"], pool["free_capacity_gb"], pool["provisioned_capacity_gb"]) == (3, 0, 3)


RACE = """
from cl_notebook import errors
from cl_notebook.drivers.api import VolumeData
from cl_notebook.drivers.local.driver import LocalDriver

driver = LocalDriver({{"path": {path!r}, "quota": 20, "loop_devices": "never"}}, backend_name="race")
driver.setup()
made = 0
for number in range(40):
    try:
        driver.create_volume(VolumeData(f"{name}-{{number}}", f"{name}-{{number}}", 1))
        made += 1
    except errors.StorageFull:
        pass
    driver.create_volume(VolumeData("shared", "shared", 1))
    driver.setup()
print(made)
"""


@pytest.mark.lane("slow")
def test_processes_share_a_quota(tmp_path: Path, in_process: Callable[[str], subprocess.Popen[str]]) -> None:
    """Three processes that fill one folder at once end with exactly its quota, and each one's setup spares the others' work."""
    opened(tmp_path / "storage").create_volume(volume("shared"))
    racing = [in_process(RACE.format(path=str(tmp_path / "storage"), name=name)) for name in ("one", "two", "three")]
    results = [process.communicate(timeout=60) for process in racing]
    assert sum(int(out) for out, _ in results) == 19, results
    files = [path for path in (tmp_path / "storage").iterdir() if path.is_file()]
    assert len(files) == 20
    assert all(path.stat().st_size == GiB for path in files)


CLONE = """
import time
from cl_notebook.drivers.api import VolumeData
from cl_notebook.drivers.local.driver import LocalDriver

def progress(done, total):
    print("copying", flush=True)
    time.sleep(60)

driver = LocalDriver({{"path": {path!r}, "loop_devices": "never", "reflink": "never"}}, backend_name="killed")
driver.create_cloned_volume(VolumeData("b", "b", 1), VolumeData("a", "a", 1), progress)
"""


def test_a_killed_clone_is_finished_by_repeating_it(tmp_path: Path, in_process: Callable[[str], subprocess.Popen[str]]) -> None:
    """A clone that is killed leaves no volume; the next setup removes its remains, and the same call makes the volume."""
    path = tmp_path / "storage"
    driver = opened(path)
    driver.create_volume(volume("a"))
    write(str(path / "a"), b"\xa5" * MiB)
    process = in_process(CLONE.format(path=str(path)))
    assert process.stdout is not None
    assert process.stdout.readline() == "copying\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (path / "b").exists()
    again = opened(path)
    assert list((path / ".cl_notebook" / "tmp").iterdir()) == []
    again.create_cloned_volume(volume("b"), volume("a"))
    assert read(str(path / "b"), MiB) == b"\xa5" * MiB


def test_a_full_file_system_leaves_no_volume(mount: Mount) -> None:
    """A clone or a snapshot for which there is no space is StorageFull, and leaves nothing; the source stays whole."""
    path = mount("tmpfs", 16) / "storage"
    driver = opened(path)
    driver.create_volume(volume("a"))
    write(str(path / "a"), b"\xa5" * (10 * MiB))
    snapshot = SnapshotData("s", "s", volume("a"), 1)
    calls: list[Callable[[], Any]] = [
        lambda: driver.create_cloned_volume(volume("b"), volume("a")),
        lambda: driver.create_snapshot(snapshot),
    ]
    for call in calls:
        with pytest.raises(errors.StorageFull, match="No space left") as caught, translate_errors("local", "copy"):
            call()
        assert caught.value.driver == "local"
    assert sorted(entry.name for entry in path.rglob("*") if entry.is_file() and "locks" not in entry.parts) == ["a"]
    assert read(str(path / "a"), 10 * MiB) == b"\xa5" * (10 * MiB)


def test_a_volume_in_the_way_is_not_overwritten(tmp_path: Path, driver: LocalDriver) -> None:
    """A foreign file of another size under a volume's name is ExistsOnStorage, and stays."""
    (tmp_path / "storage" / "v").write_text("precious")
    with pytest.raises(errors.ExistsOnStorage, match="v exists on the storage already") as caught:
        driver.create_volume(volume("v"))
    assert isinstance(caught.value, errors.AlreadyExists)
    assert (tmp_path / "storage" / "v").read_text() == "precious"


def test_a_file_with_two_names_is_not_managed(tmp_path: Path, driver: LocalDriver) -> None:
    """A hard link to a volume's file is refused, for two volumes would hold the same bytes."""
    driver.create_volume(volume("v"))
    (tmp_path / "storage" / "hard").hardlink_to(tmp_path / "storage" / "v")
    with pytest.raises(errors.InvalidInput, match=r"hard is a file with 2 names .* adopt the copy"):
        driver.manage_existing(volume("new"), {"source-name": "hard"})


def test_files_of_any_size_can_be_managed(tmp_path: Path, driver: LocalDriver) -> None:
    """A file is listed with its size rounded up, adopted under its own name, cloned and extended; empty ones are not safe."""
    odd = tmp_path / "storage" / "disk.img"
    odd.write_bytes(b"\xa5" * (MiB + 7))
    (tmp_path / "storage" / "empty").touch()
    listed = {entry["reference"]["source-name"]: entry for entry in driver.get_manageable_volumes([])}
    assert (listed["disk.img"]["size"], listed["disk.img"]["safe_to_manage"]) == (1, True)
    assert (listed["empty"]["safe_to_manage"], listed["empty"]["reason_not_safe"]) == (False, "empty")
    assert driver.manage_existing(volume("new"), {"source-name": "disk.img"}) == {"name_in_storage": "disk.img"}
    driver.create_cloned_volume(volume("clone"), volume("disk.img"))
    assert (tmp_path / "storage" / "clone").stat().st_size == GiB
    assert read(str(tmp_path / "storage" / "clone"), MiB + 8) == b"\xa5" * (MiB + 7) + b"\0"
    driver.extend_volume(volume("disk.img"), 2)
    driver.unmanage(volume("disk.img"))
    assert odd.stat().st_size == 2 * GiB
    with pytest.raises(errors.InvalidInput, match="empty"):
        driver.manage_existing(volume("new"), {"source-name": "empty"})


def test_snapshots_are_not_listed_as_volumes(driver: LocalDriver) -> None:
    """Snapshots do not count as provisioned, and cannot be managed as volumes."""
    driver.create_volume(volume("v"))
    driver.create_snapshot(SnapshotData("s", "s", volume("v"), 1))
    assert [entry["reference"]["source-name"] for entry in driver.get_manageable_volumes([])] == ["v"]
    assert driver.get_volume_stats()["pools"][0]["provisioned_capacity_gb"] == 1


def test_deleting_leaves_no_files(tmp_path: Path, driver: LocalDriver) -> None:
    """Volumes and snapshots that are deleted leave no file, no marker and no lock."""
    before = sorted((tmp_path / "storage").rglob("*"))
    connection = ConnectionData("c", {"host": "lab"})
    snapshot = SnapshotData("s", "s", volume("v"), 1)
    driver.create_volume(volume("v"))
    driver.create_snapshot(snapshot)
    driver.initialize_connection(volume("v"), connection)
    driver.terminate_connection(volume("v"), connection)
    driver.delete_snapshot(snapshot)
    driver.delete_volume(volume("v"))
    assert sorted((tmp_path / "storage").rglob("*")) == before


def test_many_volumes_are_counted_fast(tmp_path: Path, driver: LocalDriver) -> None:
    """The statistics of a folder with 10,000 volumes take well under a second."""
    for number in range(10_000):
        (tmp_path / "storage" / f"v{number}").touch()
    begin = time.perf_counter()
    stats = driver.get_volume_stats()
    assert time.perf_counter() - begin < 1
    assert stats["pools"][0]["provisioned_capacity_gb"] == 0


def test_connections_share_one_loop_device(bench: Bench) -> None:
    """Two connections of a volume get the same loop device, and it is gone after the last."""
    made = bench.create()
    (first, info), (second, other) = bench.connect(made), bench.connect(made)
    assert info["data"]["device_path"] == other["data"]["device_path"]
    device = info["data"]["device_path"]
    assert device.startswith("/dev/loop")
    bench.driver.terminate_connection(made, first)
    assert loopdev.backing_file(device) is not None
    bench.driver.terminate_connection(made, second)
    assert loopdev.backing_file(device) is None


def test_a_device_in_use_is_not_taken_away(bench: Bench) -> None:
    """A loop device that a mount holds is not freed by the last disconnect, which is BusyOnStorage and can be repeated."""
    made = bench.create()
    connection, info = bench.connect(made)
    # what a mount does to the device, without one
    held = os.open(info["data"]["device_path"], os.O_RDWR | os.O_EXCL)
    with pytest.raises(errors.BusyOnStorage, match="mounted or in use"):
        bench.driver.terminate_connection(made, connection)
    with pytest.raises(errors.BusyOnStorage):
        bench.driver.delete_volume(made)
    os.close(held)
    bench.driver.terminate_connection(made, connection)
    bench.driver.delete_volume(made)


def test_a_device_that_lingers_is_kept(bench: Bench) -> None:
    """A device that was still open when it was freed is used again by the next connection, and does not vanish with the close."""
    made = bench.create()
    connection, info = bench.connect(made)
    lingering = os.open(info["data"]["device_path"], os.O_RDONLY)
    bench.driver.terminate_connection(made, connection)
    connection, again = bench.connect(made)
    assert again["data"]["device_path"] == info["data"]["device_path"]
    os.close(lingering)
    write(again["data"]["device_path"], b"still here")
    bench.driver.terminate_connection(made, connection)
    assert bench.read(made, 10) == b"still here"


def test_a_restarted_host_gets_its_devices_back(bench: Bench) -> None:
    """After the host lost its loop devices, ensure_export makes that of a connected volume again, and none for others."""
    made, other = bench.create(), bench.create()
    connection, info = bench.connect(made)
    loopdev.remove(info["data"]["device_path"])
    bench.driver.ensure_export(made)
    bench.driver.ensure_export(other)
    storage = Path(info["data"]["backing_file"]).parent
    assert len(loopdev.devices_of(storage / made.name_in_storage)) == 1
    assert loopdev.devices_of(storage / other.name_in_storage) == []
    bench.driver.terminate_connection(made, connection)


def test_a_stale_device_does_not_hinder_deleting(bench: Bench) -> None:
    """A loop device that a killed disconnect left behind, without a connection, is freed when the volume is deleted."""
    made = bench.create()
    connection, info = bench.connect(made)
    file = Path(info["data"]["backing_file"])
    (file.parent / ".cl_notebook" / "connections" / made.name_in_storage / connection.id).unlink()
    bench.driver.delete_volume(made)
    assert loopdev.backing_file(info["data"]["device_path"]) is None
    assert not file.exists()


def test_a_vanished_file_frees_its_device(bench: Bench) -> None:
    """The loop device of a file that somebody removed is freed by the disconnect."""
    made = bench.create()
    connection, info = bench.connect(made)
    Path(info["data"]["backing_file"]).unlink()
    bench.driver.terminate_connection(made, connection)
    assert loopdev.backing_file(info["data"]["device_path"]) is None


def test_a_partial_device_of_somebody_else_is_not_used(bench: Bench) -> None:
    """A loop device on a part of the volume's file, set up by hand, is never handed out as the volume's."""
    made = bench.create()
    connection, info = bench.connect(made)
    file = info["data"]["backing_file"]
    bench.driver.terminate_connection(made, connection)
    by_hand = subprocess.run(["losetup", "-f", "--show", "-o", "4096", file], check=True, capture_output=True, text=True)
    with pytest.raises(errors.DriverError), translate_errors("local", "initialize_connection"):
        bench.driver.initialize_connection(made, connection)
    subprocess.run(["losetup", "-d", by_hand.stdout.strip()], check=True)
    bench.driver.terminate_connection(made, connection)


def test_an_extended_volume_attached_elsewhere_keeps_its_device(bench: Bench) -> None:
    """Extending refreshes the one device that all connections share."""
    made = bench.create()
    _, info = bench.connect(made)
    bench.driver.extend_volume(made, 2)
    assert bench.host.device_size(info["data"]["device_path"]) == 2 * GiB
    assert bench.connect(replace(made, size=2))[1]["data"]["size"] == 2 * GiB
