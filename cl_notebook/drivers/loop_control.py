"""The kernel's own interface to loop devices (linux/loop.h), where ``losetup`` would go by the name of a file.

``losetup`` resolves the name that it is given and opens that: whoever can write to the folder may have put a link there since the
file was looked at. The kernel takes a descriptor, and says which file a device has by its numbers.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct

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
_TRIES = 64
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
        for _try in range(_TRIES):
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
