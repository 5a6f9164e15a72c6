"""A cluster of Ceph's that is a folder: as much of the modules rados and rbd as os-brick uses, an image being a file."""

from __future__ import annotations

import errno
import os
import threading
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class Trouble(Exception):
    """What librbd raises: no OSError, but with a number of its kind."""

    def __init__(self, number: int) -> None:
        """Keep the number."""
        super().__init__(f"[errno {number}] error")
        self.errno = number


class Image:
    """An image that is open."""

    def __init__(self, folder: Path, name: str, **_words: Any) -> None:
        """Open it, or raise as librbd does."""
        self.name = name
        self.is_answered = threading.Event()
        """Whether the cluster answers; until then writing, and flushing, blocks as librbd does: no signal is handled."""
        self.is_answered.set()
        self.is_writing = threading.Event()
        self.is_open = True
        try:
            self._fd = os.open(folder / name, os.O_RDWR)
        except OSError as error:
            raise Trouble(error.errno or errno.EIO) from error

    def require_not_closed(self) -> None:
        """Raise if it was closed."""
        if not self.is_open:
            raise Trouble(errno.EINVAL)

    def size(self) -> int:
        """Return its size in bytes."""
        return os.lseek(self._fd, 0, os.SEEK_END)

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes; past the end is an error, as it is there."""
        if offset + length > self.size():
            raise Trouble(errno.EINVAL)
        return os.pread(self._fd, length, offset)

    def write(self, data: bytes, offset: int) -> int:
        """Write bytes."""
        self.is_writing.set()
        self.is_answered.wait()
        return os.pwrite(self._fd, data, offset)

    def flush(self) -> None:
        """Write what is cached."""
        self.is_answered.wait()
        os.fsync(self._fd)

    def close(self) -> None:
        """Let go of it."""
        self.is_open = False
        os.close(self._fd)


class Cluster:
    """The modules of a cluster in *folder*, and the images that are open."""

    def __init__(self, folder: Path) -> None:
        """Make the modules."""
        self.folder = folder
        self.opened: list[Image] = []
        self.rados, self.rbd = ModuleType("rados"), ModuleType("rbd")
        vars(self.rados).update(Rados=lambda **words: _Client(self, words), Error=Trouble)
        vars(self.rbd).update(Image=self._image, RBD=object, Error=Trouble, InvalidArgument=Trouble)

    def _image(self, pool: Path, name: str, **words: Any) -> Image:
        self.opened.append(Image(pool, name, **words))
        return self.opened[-1]


class _Client:
    def __init__(self, cluster: Cluster, words: dict[str, Any]) -> None:
        self._cluster = cluster
        self.conffile = words["conffile"]

    def connect(self) -> None:
        """Reach the cluster."""

    def shutdown(self) -> None:
        """Leave it."""

    def open_ioctx(self, pool: str) -> Any:
        """Return the pool."""
        return _Pool(self._cluster.folder / pool)


class _Pool:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __truediv__(self, name: str) -> Path:
        return self._folder / name

    def close(self) -> None:
        """Leave it."""
