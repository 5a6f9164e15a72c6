"""An attached volume as an open file: its bytes, no more and no fewer, whatever is behind it."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from cl_notebook import errors, regular_files

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_MODES = {"rb": False, "r+b": True, "rb+": True}


def is_writable(mode: str) -> bool:
    """Return whether *mode*, as ``open()`` takes it, writes.

    Raises:
        errors.InvalidInput: it is neither ``rb`` nor ``r+b``: a volume is neither made nor cut short by opening it.

    """
    if mode in _MODES:
        return _MODES[mode]
    msg = f"mode must be 'rb' or 'r+b', not {mode!r}."
    raise errors.InvalidInput(msg)


class VolumeFile(io.RawIOBase):
    """A volume's bytes, unbuffered. It ends where the volume ends: writing past that is an error, as on a block device.

    ``flush()`` and ``close()`` see to it that what was written is on the storage. Closing it detaches nothing.
    """

    def __init__(self, name: str, *, writable: bool) -> None:
        """Start at the first byte."""
        super().__init__()
        self.name = name
        self.mode = "r+b" if writable else "rb"
        self._writable = writable
        self._at = 0

    def size(self) -> int:
        """Return the volume's size in bytes, as it is now."""
        raise NotImplementedError

    def read_at(self, count: int, at: int) -> bytes:
        """Return at most *count* bytes from byte *at*."""
        raise NotImplementedError

    def write_at(self, data: memoryview, at: int) -> int:
        """Write at byte *at*, and return how many bytes were written."""
        raise NotImplementedError

    def sync(self) -> None:
        """Wait until what was written is on the storage."""
        raise NotImplementedError

    def readable(self) -> bool:
        """It is."""
        return True

    def writable(self) -> bool:
        """Whether it was opened for writing."""
        return self._writable

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Return the byte that is read or written next."""
        self._refuse_if_closed()
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a byte, and return it."""
        self._refuse_if_closed()
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size() if whence == os.SEEK_END else 0}
        if whence not in start or start[whence] + offset < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), self.name)
        self._at = start[whence] + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill *buffer* as far as the volume reaches."""
        self._refuse_if_closed()
        view = memoryview(buffer).cast("B")
        wanted, done = max(0, min(len(view), self.size() - self._at)), 0
        while done < wanted:
            piece = self.read_at(wanted - done, self._at)
            if not piece:
                break
            view[done : done + len(piece)] = piece
            done, self._at = done + len(piece), self._at + len(piece)
        return done

    def readall(self) -> bytes:
        """Return the rest of the volume."""
        return self.read(max(0, self.size() - self.tell())) or b""

    def write(self, data: ReadableBuffer) -> int:
        """Write all of *data*; where it would pass the end, nothing.

        Raises:
            OSError: it does not fit (``ENOSPC``), or the storage refused.

        """
        self._refuse_if_closed()
        if not self._writable:
            msg = "it was opened for reading"
            raise io.UnsupportedOperation(msg)
        view, done = memoryview(data).cast("B"), 0
        if len(view) and self._at + len(view) > self.size():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.name)
        while done < len(view):
            written = self.write_at(view[done:], self._at)
            done, self._at = done + written, self._at + written
        return done

    def truncate(self, size: int | None = None) -> int:
        """Refuse: volumes are extended, not their files."""
        msg = f"a volume cannot be given another size ({size}) through its file"
        raise io.UnsupportedOperation(msg)

    def flush(self) -> None:
        """Wait until what was written is on the storage."""
        super().flush()
        if self._writable:
            self.sync()

    def _refuse_if_closed(self) -> None:
        if self.closed:
            msg = f"{self.name} is closed"
            raise ValueError(msg)


class DeviceFile(VolumeFile):
    """A block device or a file of this host."""

    def __init__(self, path: str, *, writable: bool, is_file: bool = False) -> None:
        """Open it; what the page cache kept of an earlier volume at this place is let go.

        With *is_file* it must be a regular file, and no part of its path a link: others may be able to write to its folder.
        """
        self._fd = -1
        super().__init__(path, writable=writable)
        flags = os.O_RDWR if writable else os.O_RDONLY
        self._fd = regular_files.open_regular(Path(path), flags) if is_file else os.open(path, flags | os.O_CLOEXEC)
        os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def fileno(self) -> int:
        """Return the number under which the process has it open."""
        self._refuse_if_closed()
        return self._fd

    def size(self) -> int:
        """Return the volume's size in bytes, as it is now."""
        return os.lseek(self._fd, 0, os.SEEK_END)

    def read_at(self, count: int, at: int) -> bytes:
        """Return at most *count* bytes from byte *at*."""
        return os.pread(self._fd, count, at)

    def write_at(self, data: memoryview, at: int) -> int:
        """Write at byte *at*, and return how many bytes were written."""
        return os.pwrite(self._fd, data, at)

    def sync(self) -> None:
        """Wait until what was written is on the storage."""
        os.fsync(self._fd)

    def close(self) -> None:
        """Write what is left, and let go of it."""
        if self.closed:
            return
        fd, is_open = self._fd, self._fd >= 0
        try:
            if is_open:
                super().close()
        finally:
            self._fd = -1
            if is_open:
                os.close(fd)
