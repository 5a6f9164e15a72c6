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

DELETED = " (deleted)"
"""Suffix that the kernel appends to the name of a loop device's file after the file was deleted."""

GONE = frozenset({errno.ENOENT, errno.ENXIO, errno.ENODEV})
"""Error numbers of opening a loop device that is being removed, of its driver, and of its attributes in sysfs."""

_UNKNOWN = frozenset({errno.EINVAL, errno.ENOTTY})
"""Error numbers of an ioctl that the kernel does not know."""

# linux/loop.h
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

_COLUMNS = "NAME,BACK-FILE,BACK-INO,BACK-MAJ:MIN,OFFSET,SIZELIMIT,RO,AUTOCLEAR"
_CONFIGURE_TRIES = 64
_LIST_TRIES = 10
_TIMEOUT = 60
"""Seconds that losetup may take."""

_LINGER = 0.5
"""Seconds for which a removed device, or an error of listing, may last because other processes have devices open."""

_SECTOR = 512
"""Bytes in a sector."""


@dataclass(frozen=True, slots=True)
class LoopDevice:
    """A loop device: ``whole`` if it maps the whole file for writing, ``autoclear`` if its last close removes it."""

    path: str
    whole: bool
    autoclear: bool


def usable() -> bool:
    """Return whether loop devices can be set up: as root, with the kernel's control device and ``losetup``."""
    if os.geteuid() != 0 or shutil.which("losetup") is None:
        return False
    try:
        os.close(os.open(CONTROL, os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def devices_of(file: Path) -> list[LoopDevice]:
    """Return the loop devices that *file* backs; for a file that does not exist, those of a deleted file of that name."""
    return _devices_of(file, regular_files.status(file))


def set_up(file: Path) -> str:
    """Return the path of the loop device for the whole of *file*: an existing one, or a new one.

    The device has the file's size and shows its partitions. A file that ends within a sector is padded with zeros to the end of
    the sector, since devices have whole sectors.

    Raises:
        errors.BusyOnStorage: another loop device maps a part of the file, or maps it read-only.
        OSError: *file* is not a regular file, its path has a symbolic link, or the kernel refuses.

    """
    descriptor = regular_files.open_regular(file, os.O_RDWR)
    try:
        size = _padded(descriptor)
        devices = _devices_of(file, os.fstat(descriptor))
        for device in devices:
            if device.whole and _make_permanent(device.path):
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
    """Make the loop device read the new size of its file; a device that is gone is a success."""
    try:
        _losetup("--set-capacity", device)
    except subprocess.CalledProcessError:
        if backing_file(device) is not None:
            raise


def flush(device: str) -> None:
    """Write the cached blocks of the device and its partitions to its file."""
    for part in (*fsfreeze.parts(device), device):
        fd = os.open(part, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def remove(device: str, *, descriptors: bool = True) -> None:
    """Flush and remove the loop device; a device that does not exist is a success.

    Without *descriptors* a device that processes have open is removed, too: the kernel frees it at the last close.

    Raises:
        errors.BusyOnStorage: the device is mounted or in use.

    """
    file = backing_file(device)
    if file is None:
        return
    uses = usage.uses([device], descriptors=descriptors)
    if backing_file(device) != file:
        return  # removed meanwhile, and possibly bound to another file
    if uses:
        usage.refuse(device, uses)
    try:
        flush(device)
        show_partitions(device)  # otherwise partitions that a user added (partx) outlive the device
        _losetup("--detach", device)
    except OSError as error:
        if error.errno not in GONE:
            raise
    except subprocess.CalledProcessError:
        if backing_file(device) == file:
            raise
    _wait_until_free(device, file)


def backing_file(device: str) -> str | None:
    """Return the path of the file behind a loop device; None without a file."""
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


def backing_inode(device: str) -> tuple[int, int] | None:
    """Return (``st_dev``, ``st_ino``) of the file behind a loop device; None without a file, or if it is not a loop device."""
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


def is_gone(file: str, root: Path = Path("/")) -> bool:
    """Return whether *file*, as the kernel names the file of a loop device, was deleted.

    The suffix alone does not say so: an existing file may be called ``… (deleted)``. *root* is the folder to look in.
    """
    return file.endswith(DELETED) and not (root / file.lstrip("/")).exists()


def show_partitions(device: str) -> None:
    """Make the kernel scan the device for partitions, which are then removed together with the device.

    Raises:
        OSError: the device is gone.

    """
    _set_flags(device, _PARTSCAN)


def configure(descriptor: int, name: str) -> str:
    """Return the path of a new loop device for the whole open file; tools show *name* as its file.

    Raises:
        OSError: the kernel has no free device, or refuses the file.

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


def _devices_of(file: Path, status: os.stat_result | None) -> list[LoopDevice]:
    listed = json.loads(_list_devices() or "{}")
    return [_device(row) for row in listed.get("loopdevices", []) if _backs(file, status, row)]


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(subprocess.CalledProcessError),
    stop=tenacity.stop_after_attempt(_LIST_TRIES),
    wait=tenacity.wait_random(0, _LINGER / _LIST_TRIES),
    reraise=True,
)
def _list_devices() -> str:
    # losetup fails for all devices if another thread or process removes one meanwhile
    return _losetup("--json", "--list", "--output", _COLUMNS)


def _losetup(*arguments: str) -> str:
    result = subprocess.run(  # noqa: S603 - no shell, and the arguments are this module's
        ["losetup", *arguments],  # noqa: S607 - wherever PATH has it
        capture_output=True,
        check=True,
        timeout=_TIMEOUT,
        encoding="utf-8",
        errors="surrogateescape",
    )
    return result.stdout


def _device(row: dict[str, object]) -> LoopDevice:
    whole = not (_number(row["offset"]) or _number(row["sizelimit"]) or row["ro"])
    return LoopDevice(str(row["name"]), whole=whole, autoclear=bool(row["autoclear"]))


def _number(value: object) -> int:
    # JSON numbers are text in old releases of util-linux
    return int(str(value or 0))


def _backs(file: Path, status: os.stat_result | None, row: dict[str, object]) -> bool:
    if status is None:
        return is_gone(str(row["back-file"])) and row["back-file"] == f"{os.path.realpath(file)}{DELETED}"
    device = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
    if _number(row["back-ino"]) != status.st_ino or str(row["back-maj:min"]).strip() != device:
        return False
    # the device may have been bound to another file since it was listed
    return backing_inode(str(row["name"])) == (status.st_dev, status.st_ino)


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


def _make_permanent(device: str) -> bool:
    """Keep the device until it is removed explicitly, and show its partitions; return False if it is gone.

    A device that was removed while it was open exists until the last close: it must not vanish under its next user.
    """
    try:
        _set_flags(device, _PARTSCAN, without=_AUTOCLEAR)
    except OSError as error:
        if error.errno not in GONE:
            raise
        return False  # closed meanwhile
    return True


def _set_flags(device: str, more: int, *, without: int = 0) -> None:
    descriptor = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    try:
        info = bytearray(_INFO_BYTES)
        fcntl.ioctl(descriptor, _LOOP_GET_STATUS64, info)
        (flags,) = struct.unpack_from("=I", info, _FLAGS_OFFSET)
        new_flags = flags & ~without | more
        if new_flags != flags:
            struct.pack_into("=I", info, _FLAGS_OFFSET, new_flags)
            fcntl.ioctl(descriptor, _LOOP_SET_STATUS64, bytes(info))
    finally:
        os.close(descriptor)


def _is_bound(device: str, descriptor: int, name: str) -> bool:
    info = bytearray(_INFO_BYTES)
    encoded_name = os.fsencode(name)[: _NAME_BYTES - 1]
    info[_NAME_OFFSET : _NAME_OFFSET + len(encoded_name)] = encoded_name
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


def _wait_until_free(device: str, file: str) -> None:
    # a process that lists the devices has every one open for a moment, which delays the removal
    deadline = time.monotonic() + _LINGER
    while backing_file(device) == file and time.monotonic() < deadline:
        time.sleep(_LINGER / 100)
