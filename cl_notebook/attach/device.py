"""A device or file on this host, and whether it is the one that was asked for."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cl_notebook import errors


def device_size(path: str) -> int:
    """Return the size of the block device or file in bytes.

    Raises:
        errors.AttachError: it is not there, or cannot be read.

    """
    try:
        kind = Path(path).stat().st_mode
        # opening anything else could wait for ever
        if not (stat.S_ISBLK(kind) or stat.S_ISREG(kind)):
            msg = f"{path} is neither a block device nor a file"
            raise errors.AttachError(msg)
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        msg = f"the device cannot be read: {errors.one_line(error)}"
        raise errors.AttachError(msg) from error
    try:
        return os.lseek(fd, 0, os.SEEK_END)
    finally:
        os.close(fd)


def check_device(path: str, *, expected_bytes: int | None = None, backing_file: str | None = None) -> int:
    """Return the size of the device in bytes, after a check that it is the right one.

    ``expected_bytes`` is the least that it must have; ``backing_file`` the file that it must be, or be a loop device of.

    Raises:
        errors.AttachError: it cannot be read, is too small, or belongs to something else.

    """
    size = device_size(path)
    if expected_bytes is not None and size < expected_bytes:
        msg = f"{path} has {size} bytes, {expected_bytes} were expected: it is not, or not yet, the volume's device"
        raise errors.AttachError(msg)
    if backing_file is not None and not _is_backed(path, backing_file):
        msg = f"{path} belongs to something else now (the host was restarted?): disconnect the volume and connect it again"
        raise errors.AttachError(msg)
    return size


def _is_backed(path: str, backing_file: str) -> bool:
    found = _backing_file(path)
    try:
        return Path(found or path).samefile(backing_file)
    except FileNotFoundError:
        return False


def _backing_file(path: str) -> str | None:
    # what the kernel says of a loop device; a plain file has no such entry
    entry = Path("/sys/block", Path(os.path.realpath(path)).name, "loop", "backing_file")
    try:
        return entry.read_text(encoding="utf-8", errors="surrogateescape").rstrip("\n")
    except FileNotFoundError:
        return None
