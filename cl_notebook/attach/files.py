"""Opens attached volumes as raw files of exactly the volume's size, for block devices, plain files and Ceph images alike."""

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
    """Return whether *mode*, as for ``open()``, allows writing.

    Raises:
        errors.InvalidInput: *mode* is neither ``rb`` nor ``r+b``: opening a volume must not create or truncate it.

    """
    if mode in _MODES:
        return _MODES[mode]
    msg = f"mode must be 'rb' or 'r+b', not {mode!r}."
    raise errors.InvalidInput(msg)


class VolumeFile(io.RawIOBase):
    """An unbuffered binary file of a volume's bytes. Writing past its end is an error, as on a block device.

    ``flush()`` and ``close()`` wait until the written bytes are on the storage. Closing the file does not detach the volume.
    """

    def __init__(self, name: str, *, writable: bool) -> None:
        """Start at byte 0; *name* is the path for messages."""
        super().__init__()
        self.name = name
        self.mode = "r+b" if writable else "rb"
        self._writable = writable
        self._at = 0

    def size(self) -> int:
        """Return the volume's present size in bytes."""
        raise NotImplementedError

    def read_at(self, count: int, at: int) -> bytes:
        """Return at most *count* bytes from offset *at* (bytes)."""
        raise NotImplementedError

    def write_at(self, data: memoryview, at: int) -> int:
        """Write *data* at offset *at* (bytes); return the number of bytes written, which may be fewer."""
        raise NotImplementedError

    def sync(self) -> None:
        """Wait until all written bytes are on the storage."""
        raise NotImplementedError

    def readable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return whether the file was opened for writing."""
        return self._writable

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        self._refuse_if_closed()
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to *offset* bytes from the start, the position or the end, and return the new position in bytes.

        Raises:
            OSError: the position would be negative, or *whence* is invalid (``EINVAL``).

        """
        self._refuse_if_closed()
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size() if whence == os.SEEK_END else 0}
        if whence not in start or start[whence] + offset < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), self.name)
        self._at = start[whence] + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read into *buffer* up to its length or the end of the volume; return the number of bytes read."""
        self._refuse_if_closed()
        view = memoryview(buffer).cast("B")
        count, done = max(0, min(len(view), self.size() - self._at)), 0
        while done < count:
            piece = self.read_at(count - done, self._at)
            if not piece:
                break
            view[done : done + len(piece)] = piece
            done, self._at = done + len(piece), self._at + len(piece)
        return done

    def readall(self) -> bytes:
        """Return the bytes from the position to the end of the volume."""
        return self.read(max(0, self.size() - self.tell())) or b""

    def write(self, data: ReadableBuffer) -> int:
        """Write all of *data*, and return its length in bytes; if it would pass the end, nothing is written.

        Raises:
            OSError: *data* does not fit (``ENOSPC``), or the storage reported an error.
            io.UnsupportedOperation: the file was opened for reading.

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
        """Raise io.UnsupportedOperation: a volume is resized by extending it, not through its file."""
        msg = f"a volume cannot be given another size ({size}) through its file"
        raise io.UnsupportedOperation(msg)

    def flush(self) -> None:
        """Wait until all written bytes are on the storage."""
        super().flush()
        if self._writable:
            self.sync()

    def _refuse_if_closed(self) -> None:
        if self.closed:
            msg = f"{self.name} is closed"
            raise ValueError(msg)


class DeviceFile(VolumeFile):
    """The file of a volume that is a block device or a plain file on this host."""

    def __init__(self, path: str, *, writable: bool, is_file: bool = False) -> None:
        """Open *path*, and drop its pages from the page cache, which may hold an earlier volume of the same path.

        With *is_file* it must be a regular file, without symbolic links in its path: others may write to its folder.

        Raises:
            OSError: it cannot be opened, or is not a regular file although *is_file*.

        """
        self._fd = -1
        super().__init__(path, writable=writable)
        flags = os.O_RDWR if writable else os.O_RDONLY
        self._fd = regular_files.open_regular(Path(path), flags) if is_file else os.open(path, flags | os.O_CLOEXEC)
        os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def fileno(self) -> int:
        """Return the file descriptor."""
        self._refuse_if_closed()
        return self._fd

    def size(self) -> int:
        """Return the volume's present size in bytes."""
        return os.lseek(self._fd, 0, os.SEEK_END)

    def read_at(self, count: int, at: int) -> bytes:
        """Return at most *count* bytes from offset *at* (bytes)."""
        return os.pread(self._fd, count, at)

    def write_at(self, data: memoryview, at: int) -> int:
        """Write *data* at offset *at* (bytes); return the number of bytes written, which may be fewer."""
        return os.pwrite(self._fd, data, at)

    def sync(self) -> None:
        """Wait until all written bytes are on the storage."""
        os.fsync(self._fd)

    def close(self) -> None:
        """Wait until all written bytes are on the storage, and close the file descriptor."""
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
