"""Loop devices: block devices backed by a file, through util-linux's ``losetup``."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import tenacity

from cl_notebook import errors, regular_files, usage
from cl_notebook.drivers.local import fsfreeze

CONTROL = "/dev/loop-control"

_LOOP_CTL_GET_FREE = 0x4C82
_LOOP_CONFIGURE = 0x4C0A
_LOOP_SET_FD = 0x4C00
_LOOP_CLR_FD = 0x4C01
_LOOP_SET_STATUS64 = 0x4C04
_LOOP_GET_STATUS64 = 0x4C05
_LOOP_SET_DIRECT_IO = 0x4C08

_INFO_BYTES = 232
_FLAGS_OFFSET = 52
_NAME_OFFSET, _NAME_BYTES = 56, 64
_RESERVED_BYTES = 64
_AUTOCLEAR = 4
_PARTSCAN = 8
_DIRECT_IO = 16
_CONFIGURE_TRIES = 64
GONE = frozenset({errno.ENOENT, errno.ENXIO, errno.ENODEV})
"""What is said of a loop device that is being removed: by its file, by its driver, by its attributes."""

_UNKNOWN = frozenset({errno.EINVAL, errno.ENOTTY})


def configure(descriptor: int, name: str) -> str:
    """Return the path of a new loop device for the whole of the open file; *name* is what tools that ask for it are told.

    Raises:
        OSError: the kernel has none to give, or does not take the file.

    """
    control = os.open(CONTROL, os.O_RDWR | os.O_CLOEXEC)
    try:
        for _try in range(_CONFIGURE_TRIES):
            device = f"/dev/loop{fcntl.ioctl(control, _LOOP_CTL_GET_FREE)}"
            if _is_bound(device, descriptor, name):
                return device
    finally:
        os.close(control)
    raise OSError(errno.EBUSY, "Other processes take every loop device that is free", CONTROL)


def backing_inode(device: str) -> tuple[int, int] | None:
    """Return the numbers (``st_dev``, ``st_ino``) of the file behind a loop device; None if nothing is, or it is none."""
    try:
        descriptor = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        info = bytearray(_INFO_BYTES)
        fcntl.ioctl(descriptor, _LOOP_GET_STATUS64, info)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    number, inode = struct.unpack_from("=QQ", info)
    return os.makedev((number & 0xFFF00) >> 8, (number & 0xFF) | ((number >> 12) & 0xFFF00)), inode


def keep(device: str) -> bool:
    """Return whether the device is there, and see to it that it stays until it is told to go, and shows its partitions.

    One that was open when it was removed is there until the last close: it must not vanish under its next user.
    """
    try:
        _set_flags(device, _PARTSCAN, without=_AUTOCLEAR)
    except OSError as error:
        if error.errno not in GONE:
            raise
        return False  # it was closed in between, and is gone
    return True


def show_partitions(device: str) -> None:
    """Have the kernel look for partitions on the device, and remove them with it.

    Raises:
        OSError: the device is gone.

    """
    _set_flags(device, _PARTSCAN)


def _set_flags(device: str, more: int, *, without: int = 0) -> None:
    descriptor = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    try:
        info = bytearray(_INFO_BYTES)
        fcntl.ioctl(descriptor, _LOOP_GET_STATUS64, info)
        (flags,) = struct.unpack_from("=I", info, _FLAGS_OFFSET)
        wanted = flags & ~without | more
        if wanted != flags:
            struct.pack_into("=I", info, _FLAGS_OFFSET, wanted)
            fcntl.ioctl(descriptor, _LOOP_SET_STATUS64, bytes(info))
    finally:
        os.close(descriptor)


def _is_bound(device: str, descriptor: int, name: str) -> bool:
    info = bytearray(_INFO_BYTES)
    told = os.fsencode(name)[: _NAME_BYTES - 1]
    info[_NAME_OFFSET : _NAME_OFFSET + len(told)] = told
    try:
        loop = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in GONE:
            raise
        return False  # another process removed it (LOOP_CTL_REMOVE)
    try:
        # without direct I/O every block would be cached twice: for the device and for the file
        struct.pack_into("=I", info, _FLAGS_OFFSET, _DIRECT_IO | _PARTSCAN)
        try:
            fcntl.ioctl(loop, _LOOP_CONFIGURE, struct.pack("=II", descriptor, 0) + bytes(info) + bytes(_RESERVED_BYTES))
        except OSError as error:
            if error.errno not in _UNKNOWN:
                raise
            struct.pack_into("=I", info, _FLAGS_OFFSET, _PARTSCAN)
            _bind_in_steps(loop, descriptor, bytes(info))  # before Linux 5.8
    except OSError as error:
        if error.errno not in {errno.EBUSY, *GONE}:
            raise
        return False  # another process took it first
    finally:
        os.close(loop)
    return True


def _bind_in_steps(loop: int, descriptor: int, info: bytes) -> None:
    fcntl.ioctl(loop, _LOOP_SET_FD, descriptor)
    try:
        fcntl.ioctl(loop, _LOOP_SET_STATUS64, info)
    except OSError:
        fcntl.ioctl(loop, _LOOP_CLR_FD)
        raise
    try:
        fcntl.ioctl(loop, _LOOP_SET_DIRECT_IO, 1)
    except OSError as error:
        if error.errno not in _UNKNOWN:
            raise


_COLUMNS = "NAME,BACK-FILE,BACK-INO,BACK-MAJ:MIN,OFFSET,SIZELIMIT,RO,AUTOCLEAR"
DELETED = " (deleted)"
"""What the kernel puts behind the name of a loop device's file that is gone."""

_TIMEOUT = 60
_TRIES = 10
_SECTOR = 512
_LINGER = 0.5


@dataclass(frozen=True, slots=True)
class LoopDevice:
    """One loop device: its path, and whether it maps the file whole, for writing, and until it is told to stop."""

    path: str
    whole: bool
    autoclear: bool


def usable() -> bool:
    """Say whether loop devices can be set up here: by root, with the kernel's control device and ``losetup`` at hand."""
    if os.geteuid() != 0 or shutil.which("losetup") is None:
        return False
    try:
        os.close(os.open(CONTROL, os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def devices_of(file: Path) -> list[LoopDevice]:
    """Return the loop devices that *file* backs; of a file that is gone, those that still hold what was under its name."""
    return _devices_of(file, regular_files.status(file))


def _devices_of(file: Path, found: os.stat_result | None) -> list[LoopDevice]:
    listed = json.loads(_listed() or "{}")
    return [_device(row) for row in listed.get("loopdevices", []) if _backs(file, found, row)]


def set_up(file: Path) -> str:
    """Return the path of the loop device for the whole of *file*: the one that there is, or else a new one.

    It is as large as the file, and shows its partitions. A device has whole sectors: a file that ends within one is padded with
    zeros to its end, since the bytes there could not be reached otherwise.

    Raises:
        errors.BusyOnStorage: another device stands on a part of it.
        OSError: it is no regular file, a link leads to it, or the kernel refuses.

    """
    descriptor = regular_files.open_regular(file, os.O_RDWR)
    try:
        size = _padded(descriptor)
        devices = _devices_of(file, os.fstat(descriptor))
        for device in devices:
            if device.whole and keep(device.path):
                if _size(device.path) != size:
                    refresh(device.path)
                return device.path
        for device in devices:
            if not device.whole:
                msg = f"{device.path} stands on a part of {file}, or may only read it. Free it: losetup --detach {device.path}."
                raise errors.BusyOnStorage(msg)
        return configure(descriptor, str(file))
    finally:
        os.close(descriptor)


def refresh(device: str) -> None:
    """Tell the loop device that its file has another size; one that is gone needs nothing."""
    try:
        _losetup("--set-capacity", device)
    except subprocess.CalledProcessError:
        if backing_file(device) is not None:
            raise


def flush(device: str) -> None:
    """Write what is cached for the device, and for its partitions, to its file."""
    for part in (*fsfreeze.parts(device), device):
        fd = os.open(part, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def remove(device: str, *, descriptors: bool = True) -> None:
    """Write out and free the loop device; one that is not there is a success.

    Without *descriptors* one that a process merely has open goes, too: the kernel frees it at the last close.

    Raises:
        errors.BusyOnStorage: it is mounted or in use.

    """
    file = backing_file(device)
    if file is None:
        return
    found = usage.uses([device], descriptors=descriptors)
    if backing_file(device) != file:
        return  # it was removed meanwhile, and may be another file's by now
    if found:
        usage.refuse(device, found)
    try:
        flush(device)
        show_partitions(device)  # without this, partitions that were made by hand would outlive the device
        _losetup("--detach", device)
    except OSError as error:
        if error.errno not in GONE:
            raise
    except subprocess.CalledProcessError:
        if backing_file(device) == file:
            raise
    _wait_until_free(device, file)


def _wait_until_free(device: str, file: str) -> None:
    # whoever lists the devices has each of them open for a moment, during which the file stays in use
    until = time.monotonic() + _LINGER
    while backing_file(device) == file and time.monotonic() < until:
        time.sleep(_LINGER / 100)


def backing_file(device: str) -> str | None:
    """Return the path of the file behind a loop device, or ``None`` if nothing is."""
    try:
        return (
            Path(f"/sys/block/{Path(device).name}/loop/backing_file")
            .read_text(encoding="utf-8", errors="surrogateescape")
            .strip("\n")
        )
    except OSError as error:
        if error.errno not in GONE:
            raise
        return None


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(subprocess.CalledProcessError),
    stop=tenacity.stop_after_attempt(_TRIES),
    wait=tenacity.wait_random(0, _LINGER / _TRIES),
    reraise=True,
)
def _listed() -> str:
    # a device that other threads and processes remove meanwhile makes losetup fail for all: it is asked again
    return _losetup("--json", "--list", "--output", _COLUMNS)


def _losetup(*words: str) -> str:
    command = ["losetup", *words]
    done = subprocess.run(command, capture_output=True, check=True, timeout=_TIMEOUT, encoding="utf-8", errors="surrogateescape")  # noqa: S603 - no shell, and the words are ours
    return done.stdout


def _device(row: dict[str, object]) -> LoopDevice:
    whole = not (_number(row["offset"]) or _number(row["sizelimit"]) or row["ro"])
    return LoopDevice(str(row["name"]), whole=whole, autoclear=bool(row["autoclear"]))


def _number(value: object) -> int:
    # JSON numbers are text in old releases of util-linux
    return int(str(value or 0))


def _backs(file: Path, found: os.stat_result | None, row: dict[str, object]) -> bool:
    if found is None:
        return is_gone(str(row["back-file"])) and row["back-file"] == f"{os.path.realpath(file)}{DELETED}"
    device = f"{os.major(found.st_dev)}:{os.minor(found.st_dev)}"
    if _number(row["back-ino"]) != found.st_ino or str(row["back-maj:min"]).strip() != device:
        return False
    # the kernel's own word, should the device have been given to another file since it was listed
    return backing_inode(str(row["name"])) == (found.st_dev, found.st_ino)


def is_gone(file: str, root: Path = Path("/")) -> bool:
    """Return whether what the kernel calls the *file* of a loop device was removed: a file may be called ``… (deleted)``."""
    return file.endswith(DELETED) and not (root / file.lstrip("/")).exists()


def _size(device: str) -> int:
    try:
        return int(Path(f"/sys/block/{Path(device).name}/size").read_text(encoding="ascii")) * _SECTOR
    except OSError as error:
        if error.errno not in GONE:
            raise
        return 0


def _padded(descriptor: int) -> int:
    size = os.fstat(descriptor).st_size
    whole = size + -size % _SECTOR
    if whole != size:
        os.ftruncate(descriptor, whole)
        os.fsync(descriptor)
    return whole
