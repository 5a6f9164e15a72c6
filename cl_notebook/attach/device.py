"""Reads and checks the size of a device or file on this host."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cl_notebook import errors

QCOW2 = "qcow2"
"""The ``format`` in a connection's data of a file that is a qcow2 image instead of plain bytes."""

_MAGIC = b"QFI\xfb"
_VIRTUAL_SIZE = slice(24, 32)
_SECTOR = 512


def device_size(path: str, *, kind: str = "raw") -> int:
    """Return the size of the block device or file in bytes; for the *kind* ``qcow2`` the virtual size of the image.

    The size of a block device that only root may read comes from sysfs.

    Raises:
        errors.AttachError: it does not exist, or cannot be read.
        errors.WrongDevice: it is neither a device nor a file, or not a qcow2 image although *kind* says so.

    """
    try:
        mode = Path(path).stat().st_mode
        # opening anything else could wait for ever
        if not (stat.S_ISBLK(mode) or stat.S_ISREG(mode)):
            msg = f"{path} is neither a block device nor a file"
            raise errors.WrongDevice(msg)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except PermissionError:
            if not stat.S_ISBLK(mode):
                raise
            return _sectors(path) * _SECTOR
    except OSError as error:
        msg = f"the device cannot be read: {errors.one_line(error)}"
        raise errors.AttachError(msg) from error
    try:
        return _virtual_size(path, fd) if kind == QCOW2 else os.lseek(fd, 0, os.SEEK_END)
    finally:
        os.close(fd)


def check_size(path: str, size: int, expected_bytes: int | None) -> int:
    """Return *size*, the size in bytes of the device at *path*, if it is at least *expected_bytes*.

    Raises:
        errors.WrongDevice: it is too small.

    """
    if expected_bytes is not None and size < expected_bytes:
        msg = f"{path} has {size} bytes, {expected_bytes} were expected: it is not, or not yet, the volume's device"
        raise errors.WrongDevice(msg)
    return size


def _sectors(path: str) -> int:
    number = Path(path).stat().st_rdev
    return int(Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/size").read_text(encoding="ascii"))


def _virtual_size(path: str, fd: int) -> int:
    header = os.pread(fd, _VIRTUAL_SIZE.stop, 0)
    if not header.startswith(_MAGIC) or len(header) < _VIRTUAL_SIZE.stop:
        msg = f"{path} is no qcow2 image, though the storage says that it is one"
        raise errors.WrongDevice(msg)
    return int.from_bytes(header[_VIRTUAL_SIZE], "big")
