"""Calls on one resource take turns, also those of a child whose kernel was killed and that still finishes its call."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_log = logging.getLogger("cinder.turns")
_FLOCK = "hhqqi"  # struct flock of fcntl(2) on 64 bits: type, whence, start, length, pid
_TAKEN = {errno.EACCES, errno.EAGAIN}


@contextlib.contextmanager
def taken(state: str, resource_id: str | None) -> Iterator[None]:
    """Hold the turn of the resource for the block; wait for whoever has it. Without a resource there is nothing to wait for.

    The turn is one byte of a file, far out, locked by an open file description: it goes with the descriptor, so a killed
    process holds nothing, and threads exclude each other as processes do.
    """
    if resource_id is None:
        yield
        return
    descriptor = os.open(Path(state, "turns"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        place = zlib.crc32(resource_id.encode())
        try:
            _lock(descriptor, fcntl.F_OFD_SETLK, place)
        except OSError as error:
            if error.errno in _TAKEN:
                _log.warning("waiting for another process that works on %s", resource_id)
                _lock(descriptor, fcntl.F_OFD_SETLKW, place)
            else:  # a file system without locks
                _log.warning("no turns are taken: %s", error)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, command: int, place: int) -> None:
    fcntl.fcntl(descriptor, command, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, place, 1, 0))
