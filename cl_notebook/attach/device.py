"""A device or file on this host: how large it is, and whether that is enough."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cl_notebook import errors

QCOW2 = "qcow2"
"""The word, in a connection's data, for a file that is an image of the volume and not its bytes."""

_MAGIC = b"QFI\xfb"
_VIRTUAL_SIZE = slice(24, 32)
_SECTOR = 512


def device_size(path: str, *, kind: str = "raw") -> int:
    """Return the size of the block device or file in bytes; of a ``qcow2`` image that of the volume in it.

    A block device that only root may read is measured by what the kernel says of it.

    Raises:
        errors.AttachError: it is not there, cannot be read, or is no such image.

    """
    try:
        mode = Path(path).stat().st_mode
        # opening anything else could wait for ever
        if not (stat.S_ISBLK(mode) or stat.S_ISREG(mode)):
            msg = f"{path} is neither a block device nor a file"
            raise errors.AttachError(msg)
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


def check_size(path: str, found: int, expected_bytes: int | None) -> int:
    """Return *found*, the size in bytes of what is at *path*, after a check that it has at least *expected_bytes*.

    Raises:
        errors.AttachError: it is too small.

    """
    if expected_bytes is not None and found < expected_bytes:
        msg = f"{path} has {found} bytes, {expected_bytes} were expected: it is not, or not yet, the volume's device"
        raise errors.AttachError(msg)
    return found


def _sectors(path: str) -> int:
    number = Path(path).stat().st_rdev
    return int(Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/size").read_text(encoding="ascii"))


def _virtual_size(path: str, fd: int) -> int:
    header = os.pread(fd, _VIRTUAL_SIZE.stop, 0)
    if not header.startswith(_MAGIC) or len(header) < _VIRTUAL_SIZE.stop:
        msg = f"{path} is no qcow2 image, though the storage says that it is one"
        raise errors.AttachError(msg)
    return int.from_bytes(header[_VIRTUAL_SIZE], "big")
