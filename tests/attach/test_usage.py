"""What uses a device: the kernel's word on it, read from trees that look like its own, and real loop devices."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from cl_notebook import errors, usage
from tests.attach.kernel import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GiB = 1024**3


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    """Return a kernel that has one disk of two partitions, which nothing uses, and another, mounted disk."""
    kernel = Kernel(tmp_path)
    kernel.disk("sda", "8:0", sda1="8:1", sda2="8:2")
    kernel.disk("sdz", "8:250")
    kernel.tell("proc/self/mountinfo", _mount("8:250", "/data", "/dev/sdz"))
    return kernel


def _mount(number: str, point: str, source: str, kind: str = "ext4", root: str = "/") -> str:
    return f"30 1 {number} {root} {point} rw,relatime shared:1 - {kind} {source} rw"


def _mounts(kernel: Kernel, *lines: str, process: str = "self") -> None:
    kernel.tell(f"proc/{process}/mountinfo", "\n".join(lines))


def used(kernel: Kernel, *paths: str, **words: Any) -> list[str]:
    """Return what uses the devices."""
    return usage.uses(paths or ["/dev/sda"], root=kernel.root, **words)


def test_a_device_that_nothing_uses_is_free(kernel: Kernel) -> None:
    """Neither its partitions nor what else is mounted on the host is a use of a disk; what is not there is not used."""
    assert used(kernel) == []
    assert used(kernel, "/dev/sdx") == []
    assert used(kernel, "/dev/sdz") == ["mounted at /data"]


def test_a_mount_counts_wherever_it_is(kernel: Kernel) -> None:
    """The device and its partitions are looked for in the mounts, by number, so that bind mounts and blanks count."""
    _mounts(
        kernel,
        _mount("8:0", r"/mnt/two\040words", "/dev/disk/by-id/x"),
        _mount("8:2", "/mnt/part", "/dev/sda2"),
        _mount("8:2", "/bound", "/dev/sda2", root="/sub"),
    )
    assert used(kernel) == ["mounted at /mnt/two words", "/dev/sda2 is mounted at /mnt/part", "/dev/sda2 is mounted at /bound"]
    assert used(kernel, "/dev/sda1") == []


def test_a_mount_in_another_name_space_counts(kernel: Kernel) -> None:
    """A container's mount is a use, listed with its process; a copy of a mount that is seen here is listed once."""
    kernel.tell("proc/7/comm", "containerd")
    _mounts(kernel, _mount("8:1", "/inside", "/dev/sda1"), _mount("8:250", "/data", "/dev/sdz"), process="7")
    assert used(kernel) == ["/dev/sda1 is mounted at /inside (in the mount name space of process 7 (containerd))"]
    assert used(kernel, "/dev/sdz") == ["mounted at /data"]


def test_swap_counts(kernel: Kernel) -> None:
    """A partition or a file that is swapped to is in use."""
    kernel.device("dev/sda2")
    kernel.tell("swap file", "")
    kernel.tell("proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n/swap\\040file file 1 0 -3")
    assert used(kernel) == ["/dev/sda2 is used as swap"]
    assert used(kernel, "/swap file") == ["used as swap"]


@pytest.mark.parametrize(
    ("holder", "name", "words"),
    [
        ("dm-3", "vg-data", "held by dm-3 (vg-data), mounted at /srv"),
        ("dm-3", "secret", "held by dm-3 (secret), mounted at /srv"),
        ("md0", "", "held by md0, mounted at /srv"),
        ("bcache0", "", "held by bcache0, mounted at /srv"),
    ],
)
@pytest.mark.parametrize("below", ["sda", "sda/sda1"])
def test_a_device_above_counts(kernel: Kernel, below: str, holder: str, name: str, words: str) -> None:
    """A volume group, an array, an encrypted or a cached device on the disk or on a partition is a use, and so is its mount."""
    kernel.disk(holder, "253:3")
    if name:
        kernel.tell(f"sys/block/{holder}/dm/uuid", f"LVM-{name}")
        kernel.tell(f"sys/block/{holder}/dm/name", name)
    kernel.tell(f"sys/block/{below}/holders/{holder}", "")
    kernel.tell(f"sys/block/{holder}/slaves/{below.rpartition('/')[2]}", "")
    _mounts(kernel, _mount("253:3", "/srv", f"/dev/{holder}"))
    assert used(kernel) == [words if below == "sda" else f"/dev/sda1 is {words}"]


def _mapped(kernel: Kernel) -> None:
    kernel.disk("sdb", "8:16")
    kernel.disk("dm-0", "253:0")
    kernel.disk("dm-1", "253:1")
    for name, uuid, slaves in (("dm-0", "mpath-3600", ("sda", "sdb")), ("dm-1", "part1-mpath-3600", ("dm-0",))):
        kernel.tell(f"sys/block/{name}/dm/uuid", uuid)
        for slave in slaves:
            kernel.tell(f"sys/block/{name}/slaves/{slave}", "")
            kernel.tell(f"sys/block/{slave}/holders/{name}", "")


@pytest.mark.parametrize("path", ["/dev/dm-0", "/dev/sda", "/dev/mapper/mpatha"])
def test_a_multipath_map_and_its_paths_are_one_device(kernel: Kernel, path: str) -> None:
    """The map of a disk, and that of a partition, is no use of its paths; what is mounted on it is, whichever is asked about."""
    _mapped(kernel)
    kernel.device("dev/dm-0")
    kernel.link("dev/mapper/mpatha", "dev/dm-0")
    assert used(kernel, path) == []
    _mounts(kernel, _mount("253:1", "/mnt", "/dev/mapper/mpatha-part1"))
    assert used(kernel, path) == ["/dev/dm-1 is mounted at /mnt"]


def test_an_array_below_is_taken_with_the_device(kernel: Kernel) -> None:
    """The members of a RAID array, as NVMe replication has, are held by it alone and go with it."""
    kernel.disk("md127", "9:127")
    kernel.tell("sys/block/md127/slaves/sda", "")
    kernel.tell("sys/block/sda/holders/md127", "")
    assert used(kernel, "/dev/md127") == []
    assert used(kernel, "/dev/sda") == ["held by md127"]


def test_a_disk_below_a_logical_volume_is_somebody_elses(kernel: Kernel) -> None:
    """Of a device that stands on a shared disk, the other devices on that disk are no use."""
    for name in ("dm-3", "dm-4"):
        kernel.disk(name, f"253:{name[3]}")
        kernel.tell(f"sys/block/{name}/slaves/sda", "")
        kernel.tell(f"sys/block/sda/holders/{name}", "")
    assert used(kernel, "/dev/dm-3") == []


def test_a_loop_device_above_counts(kernel: Kernel) -> None:
    """A loop device on the disk, on a partition or on a file is a use, with what is mounted on it."""
    kernel.device("dev/sda1")
    kernel.tell("shares/volume", "")
    for number, file in enumerate(("/dev/sda1", "/shares/volume")):
        kernel.disk(f"loop{number}", f"7:{number}")
        kernel.tell(f"sys/block/loop{number}/loop/backing_file", file)
    _mounts(kernel, _mount("7:0", "/mnt", "/dev/loop0"))
    assert used(kernel) == ["/dev/sda1 is below loop0, mounted at /mnt"]
    assert used(kernel, "/shares/volume") == ["below loop1"]
    assert used(kernel, "/dev/loop1") == []


def test_each_device_of_a_btrfs_counts(kernel: Kernel) -> None:
    """Btrfs mounts have no number of a device, and name one of several: each of them is in use."""
    for disk in ("sda", "sdz"):
        kernel.tell(f"sys/fs/btrfs/uuid/devices/{disk}", "")
        kernel.device(f"dev/{disk}")
    _mounts(kernel, _mount("0:45", "/pool", "/dev/sdz", "btrfs"))
    assert used(kernel) == ["mounted at /pool"]
    _mounts(kernel, "")
    assert used(kernel) == ["part of a mounted Btrfs file system"]


def test_an_open_descriptor_counts(kernel: Kernel) -> None:
    """A process that has the device, a partition or the file open is named; the programs that watch devices do not count."""
    kernel.device("dev/sda1")
    kernel.tell("shares/volume", "")
    for pid, comm, fd, target in (
        ("7", "qemu-system-x86", "12", "dev/sda1"),
        ("8", "multipathd", "9", "dev/sda1"),
        ("9", "cat", "0", "shares/volume"),
        ("10", "cat", "0", "shares/other/volume"),
    ):
        kernel.tell("shares/other/volume", "")
        kernel.tell(f"proc/{pid}/comm", comm)
        kernel.link(f"proc/{pid}/fd/{fd}", target)
    assert used(kernel) == ["open in process 7 (qemu-system-x86)"]
    assert used(kernel, descriptors=False) == []
    assert used(kernel, "/shares/volume") == ["open in process 9 (cat)"]


def test_what_cannot_be_read_is_left_out(kernel: Kernel) -> None:
    """Where the kernel shows nothing of other processes the look is made all the same."""
    kernel.tell("proc/7/comm", "hidden")
    (kernel.root / "proc/8").mkdir()
    assert used(kernel) == []


def test_the_refusal_is_one_line(kernel: Kernel) -> None:
    """The error names what uses the device, some of it where there is much, and that nothing was done."""
    _mounts(kernel, *(_mount("8:0", f"/mnt/{number}", "/dev/sda") for number in range(20)))
    with pytest.raises(
        errors.BusyOnStorage, match=r"^/dev/sda is mounted or in use: mounted at /mnt/0; .*; and 12 more\. Release"
    ) as caught:
        usage.refuse("/dev/sda", used(kernel))
    assert caught.value.no_side_effects


@pytest.fixture
def device(root: None, tmp_path: Path) -> Iterator[str]:  # noqa: ARG001 - asked for its check
    """Give a loop device with two partitions."""
    file = tmp_path / "disk"
    with file.open("wb") as made:
        made.truncate(GiB)
    shown = _run("losetup", "--find", "--show", "--partscan", str(file)).strip()
    for number in ("1", "2"):
        _run("addpart", shown, number, str(2048 + (int(number) - 1) * 524288), "524288")
    yield shown
    _run("losetup", "--detach", shown)


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def test_real_devices_are_in_use_for_as_long_as_they_are(device: str, tmp_path: Path) -> None:
    """A mounted partition, a loop device above, a mount in another name space and a descriptor are seen, and their end."""
    assert usage.uses([device]) == []
    point = tmp_path / "point"
    point.mkdir()
    _run("mkfs.ext4", "-q", f"{device}p1")
    _run("mount", f"{device}p1", str(point))
    try:
        assert usage.uses([device]) == [f"{device}p1 is mounted at {point}"]
    finally:
        _run("umount", str(point))
    above = _run("losetup", "--find", "--show", f"{device}p2").strip()
    try:
        assert usage.uses([device]) == [f"{device}p2 is below {above.removeprefix('/dev/')}"]
    finally:
        _run("losetup", "--detach", above)
    script = f"mount {device}p1 {point} && echo ready && read -r line"
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as inside:
        assert inside.stdout is not None
        assert inside.stdout.readline() == "ready\n"
        (words,) = usage.uses([device])
        assert words.startswith(f"{device}p1 is mounted at {point} (in the mount name space of process ")
    with open(device, "rb"):  # noqa: PTH123 - as a user does
        assert usage.uses([device])[0].startswith("open in this process (descriptor ")
        assert usage.uses([device], descriptors=False) == []
    assert usage.uses([device]) == []


def test_a_device_that_is_claimed_out_of_sight_is_in_use(device: str) -> None:
    """What only the kernel knows of, an exclusive claim, is a use, too."""
    claim = os.open(device, os.O_RDONLY | os.O_EXCL)
    try:
        assert usage.uses([device], descriptors=False) == ["claimed by a mount or a device that is not visible here"]
    finally:
        os.close(claim)


def test_a_file_is_in_use_while_a_process_has_it_open(tmp_path: Path) -> None:
    """A regular file is free when no descriptor leads to it, and in use as long as one does, of this process or of another."""
    file = tmp_path / "volume"
    file.write_bytes(b"x")
    assert usage.uses([str(file)]) == []
    with file.open("rb"):
        assert ["open in this process (descriptor " in words for words in usage.uses([str(file)])] == [True]
    with file.open("rb") as opened:
        process = subprocess.Popen(["sleep", "60"], stdin=opened)
    assert usage.uses([str(file)]) == [f"open in process {process.pid} (sleep)"]
    process.kill()
    process.wait()
    assert usage.uses([str(file)]) == []
