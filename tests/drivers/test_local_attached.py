"""A snapshot or a clone of a volume that is attached holds the bytes of one moment, or is refused."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cl_notebook import errors
from cl_notebook.attach import Host
from cl_notebook.drivers.api import GiB, capabilities
from cl_notebook.drivers.local import fsfreeze
from cl_notebook.drivers.local.driver import LocalDriver
from cl_notebook.drivers.sim.driver import SimDriver
from cl_notebook.testing.bench import Bench, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cl_notebook.drivers.api import Driver
    from tests.drivers.conftest import Mount

MiB = 1024**2
LATER = GiB - MiB
"""Where the second block of a pair stands: a copy gets there last."""


def driver(path: Path, loop_devices: str = "never", reflink: str = "never") -> LocalDriver:
    """Return a driver that copies all bytes, and is set up."""
    made = LocalDriver({"path": str(path), "loop_devices": loop_devices, "reflink": reflink}, backend_name="local")
    made.setup()
    return made


@pytest.fixture
def bench(tmp_path: Path, root: None) -> Iterator[Bench]:  # noqa: ARG001 - asked for its check
    """Give a workbench on a driver with loop devices, which copies all bytes."""
    bench = Bench(driver(tmp_path / "storage", "always"), Host("lab", "sudo", tmp_path / "locks"))
    yield bench
    bench.clean()


@contextmanager
def writing(paths: list[tuple[Path | str, int]]) -> Iterator[None]:
    """Write a number that grows to the first and then to the second place, each synced, for the time of the block."""
    end, begun = threading.Event(), threading.Event()

    def work() -> None:
        files = [(os.open(path, os.O_RDWR | os.O_CREAT), at) for path, at in paths]
        number = 0
        while not end.is_set():
            number += 1
            for file, at in files:
                os.pwrite(file, struct.pack("<Q", number), at)
                os.fsync(file)
            begun.set()
        for file, _ in files:
            os.close(file)

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    try:
        yield
    finally:
        end.set()
        thread.join()


def number_at(path: Path | str, at: int) -> int:
    """Return the number that was written last at a place."""
    with Path(path).open("rb") as file:
        file.seek(at)
        return int(struct.unpack("<Q", file.read(8))[0])


def fill(path: Path | str) -> None:
    """Write as much as takes a moment to copy."""
    with Path(path).open("r+b") as file:
        for at in range(0, 256 * MiB, 16 * MiB):
            file.seek(at)
            file.write(os.urandom(MiB) * 16)
        os.fsync(file.fileno())


def one_partition(path: str) -> None:
    """Write a partition table (the master boot record, four entries at 446) with one partition, from the second MiB on."""
    start = MiB // 512
    entry = struct.pack("<B3sB3sII", 0, bytes(3), 0x83, bytes(3), start, GiB // 512 - start)
    write(path, bytes(446) + entry + bytes(3 * len(entry)) + b"\x55\xaa")


@pytest.mark.lane("slow")
@pytest.mark.parametrize("kind", ["local", "sim"])
@pytest.mark.parametrize("copy", ["snapshot", "clone"])
def test_a_file_that_is_written_to_is_not_copied(tmp_path: Path, kind: str, copy: str) -> None:
    """A volume that is attached as a file and written to without end is refused, and nothing is left of the copy."""
    made: Driver = driver(tmp_path / "storage")
    if kind == "sim":
        made = SimDriver({"path": str(tmp_path / "storage")}, backend_name="sim")
        made.setup()
    bench = Bench(made, Host("lab", "sudo", tmp_path / "locks"))
    volume = bench.create()
    connection, info = bench.connect(volume)
    path = info["data"]["device_path"]
    fill(path)
    take = bench.snapshot if copy == "snapshot" else lambda volume: bench.clone(volume, 1)
    with (
        writing([(path, 0), (path, LATER)]),
        pytest.raises(errors.BusyOnStorage, match="was written to while it was copied") as refused,
    ):
        take(volume)
    assert refused.value.no_side_effects
    assert not list((tmp_path / "storage").glob(".cl_notebook/tmp/*"))
    take(volume)
    bench.disconnect(volume, connection)
    bench.clean()


def test_a_device_that_is_written_to_is_not_copied(bench: Bench) -> None:
    """So is a loop device that no file system is mounted from; once the writing ends, the copy is taken."""
    volume = bench.create()
    with bench.attached(volume) as path:
        fill(path)
        with writing([(path, 0), (path, LATER)]), pytest.raises(errors.BusyOnStorage, match="Detach it, or stop its writers"):
            bench.snapshot(volume)
        snapshot = bench.snapshot(volume)
    with bench.attached(bench.restore(snapshot)) as copy:
        assert number_at(copy, 0) == number_at(copy, LATER) > 0


@pytest.mark.parametrize("partitioned", [False, True])
def test_a_mounted_file_system_is_frozen(bench: Bench, tmp_path: Path, partitioned: bool) -> None:  # noqa: FBT001 - pytest's
    """What is mounted is copied whole while programs write to it: the copy is a clean file system of one moment."""
    volume, point, copied = bench.create(), tmp_path / "mounted", tmp_path / "copied"
    point.mkdir()
    copied.mkdir()
    with bench.attached(volume) as path:
        device = path
        if partitioned:
            one_partition(path)
            subprocess.run(["partx", "--update", path], check=True)
            device = f"{path}p1"
        subprocess.run(["mkfs.ext4", "-q", device], check=True)
        subprocess.run(["mount", device, point], check=True)
        try:
            (point / "much").write_bytes(os.urandom(MiB) * 128)
            assert fsfreeze.mount_points(path) == [str(point)]
            with writing([(point / "first", 0), (point / "second", 0)]):
                snapshot = bench.snapshot(volume)
        finally:
            subprocess.run(["umount", point], check=True)
            if partitioned:
                subprocess.run(["partx", "--delete", path], check=True)
    with bench.attached(bench.restore(snapshot)) as path:
        device = path
        if partitioned:
            subprocess.run(["partx", "--update", path], check=True)
            device = f"{path}p1"
        subprocess.run(["mount", "-o", "ro,noload", device, copied], check=True)
        try:
            first, second = number_at(copied / "first", 0), number_at(copied / "second", 0)
        finally:
            subprocess.run(["umount", copied], check=True)
            if partitioned:
                subprocess.run(["partx", "--delete", path], check=True)
    assert first - second in {0, 1}
    assert first > 0


FREEZE = """
import sys, time
from cl_notebook.drivers.local import fsfreeze as freezing
with freezing.frozen({device!r}, silence={silence}) as beat:
    print("frozen", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def mounted(bench: Bench, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Give a loop device and the place where its file system is mounted."""
    point = tmp_path / "mounted"
    point.mkdir()
    with bench.attached(bench.create()) as path:
        subprocess.run(["mkfs.ext4", "-q", path], check=True)
        subprocess.run(["mount", path, point], check=True)
        try:
            yield path, point
        finally:
            subprocess.run(["fsfreeze", "--unfreeze", point], check=False, capture_output=True)
            subprocess.run(["umount", point], check=True)


@pytest.mark.parametrize("ends", ["killed", "silent"])
def test_what_was_frozen_is_thawed_whatever_happens(mounted: tuple[str, Path], ends: str) -> None:
    """A file system is thawed when the process that copies is killed, and when it does not advance."""
    device, point = mounted
    code = FREEZE.format(device=device, silence=600 if ends == "killed" else 0.5)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"frozen\n"
        if ends == "killed":
            process.send_signal(signal.SIGKILL)
        (point / "file").write_text("written", encoding="utf-8")  # waits until it is thawed
        process.kill()
    assert (point / "file").read_text(encoding="utf-8") == "written"


def test_what_was_thawed_before_the_end_is_no_copy(mounted: tuple[str, Path]) -> None:
    """A file system that was thawed while it was to be frozen, by others or for silence, makes the copy fail."""
    device, point = mounted

    def thaw() -> None:
        subprocess.run(["fsfreeze", "--unfreeze", point], check=True)

    with pytest.raises(errors.BusyOnStorage, match="another process thawed it"), fsfreeze.frozen(device):
        thaw()
    with pytest.raises(errors.BusyOnStorage, match="the copy did not advance"), fsfreeze.frozen(device, silence=0.1):
        (point / "file").write_text("written", encoding="utf-8")


def test_what_others_froze_stays_frozen(mounted: tuple[str, Path]) -> None:
    """A file system that the user has frozen is copied as it is, and is the user's to thaw."""
    device, point = mounted
    subprocess.run(["fsfreeze", "--freeze", point], check=True)
    with fsfreeze.frozen(device) as beat:
        beat()
    subprocess.run(["fsfreeze", "--unfreeze", point], check=True)


def test_an_error_thaws(mounted: tuple[str, Path]) -> None:
    """An error within the copy ends the freezing, and is what is raised."""
    device, point = mounted
    with pytest.raises(ZeroDivisionError), fsfreeze.frozen(device):
        raise ZeroDivisionError
    (point / "file").write_text("written", encoding="utf-8")


def test_the_listing_says_whether_writers_must_stop(tmp_path: Path, mount: Mount) -> None:
    """The capability snapshot_attached is true where blocks are shared, which takes no time, and false where they are copied."""
    shared: Callable[[Driver], bool] = lambda driver: capabilities(driver)["snapshot_attached"]  # noqa: E731 - one expression
    assert not shared(driver(tmp_path / "storage", reflink="auto"))
    assert shared(driver(mount("xfs", 512) / "storage", reflink="auto"))
    assert not shared(driver(tmp_path / "mounted-xfs" / "storage", reflink="never"))
