"""Sparse files: created, copied with their holes or by reflink, and published under their name only when complete."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Literal, Self

from cl_notebook import errors, regular_files
from cl_notebook.drivers.api import no_progress
from cl_notebook.drivers.errors import FULL
from cl_notebook.drivers.filebased.locks import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from cl_notebook.drivers.api import Progress

Reflink = Literal["auto", "always", "never"]
"""Values of the option: share blocks if the file system can (auto), only share blocks (always), or copy bytes (never)."""

REFLINK = ("auto", "always", "never")
"""The values of :data:`Reflink`, as choices of an option."""

FICLONE = 0x40049409
"""The ioctl that shares all of another file's blocks (linux/fs.h); Python's fcntl has no name for it before 3.12."""

CHUNK = 16 * 1024**2
"""Bytes that are copied between two reports of progress."""

Hold = Callable[[], AbstractContextManager[Callable[[], None]]]
"""Context that blocks writers while a file is copied; it gives a function to call as the copy advances."""

_TRIES = 3
_BLOCK = 65536
_SECOND = 10**9
_TICK = 0.03
"""Seconds: more than a tick of a kernel's clock (at most 10 ms)."""

_COARSE_TICK = 2.1
"""Seconds: the same for file systems whose times are whole seconds, or even ones."""

_CANNOT_SHARE = frozenset({errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.ETXTBSY})
_CANNOT_LINK = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class NewFile:
    """A file under a temporary name until :meth:`publish`; :meth:`close` removes it if that was not called.

    The temporary file is locked while its process runs, so that :func:`sweep` recognises files of killed processes.
    """

    def __init__(self, folder: Path, size: int, *, prefix: str = "file") -> None:
        """Create a sparse file of *size* bytes under a temporary name in *folder*."""
        self._lock = self._locked(folder, prefix)
        self.path = self._lock.file
        self.fd = -1
        try:
            self.fd = regular_files.open_regular(self.path, os.O_RDWR)
            os.fchmod(self.fd, 0o600)
            os.ftruncate(self.fd, size)
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _locked(folder: Path, prefix: str) -> FileLock:
        while True:
            lock = FileLock(folder / f"{prefix}.{uuid.uuid4().hex}")
            lock.acquire()
            if lock.is_current():
                return lock
            lock.release()  # a sweep removed the file before it was locked

    def fill(
        self, source: Path, *, reflink: Reflink = "auto", progress: Progress = no_progress, hold: Hold | None = None
    ) -> None:
        """Copy *source*, which must not be larger, into the file; the rest of the file stays a hole. See :func:`copy`.

        Raises:
            errors.BusyOnStorage: *source* was written to during each attempt.
            errors.StorageFull: the file system is full.
            errors.NotSupported: *reflink* is ``always`` and the file system cannot share blocks.

        """
        size = os.fstat(self.fd).st_size
        reader = regular_files.open_regular(source, os.O_RDONLY)
        try:
            copy(reader, self.fd, reflink=reflink, progress=progress, hold=hold)
            os.ftruncate(self.fd, size)
        except OSError as error:
            if error.errno not in FULL:
                raise
            msg = f"{error.strerror} in {self.path.parent.parent} while {source.name} was copied. Free space there, then repeat."
            raise errors.StorageFull(msg, no_side_effects=True) from error
        finally:
            os.close(reader)

    def publish(self, final: Path, *, replace: bool = False) -> None:
        """Flush the file to disk and rename it to *final*.

        Raises:
            FileExistsError: *final* exists, and *replace* is false.
            errors.DriverError: another process replaced *final* meanwhile.

        """
        os.fsync(self.fd)
        if replace:
            regular_files.rename(self.path, final)
        else:
            self._link(final)
        published = regular_files.status(final)
        if published is None or not os.path.samestat(published, os.fstat(self.fd)):
            msg = f"Another process replaced {final} while it was made. Check who can write to {final.parent}, then repeat."
            raise errors.DriverError(msg)
        regular_files.fsync_folder(final.parent)

    def _link(self, final: Path) -> None:
        # unlike a link, a rename would overwrite an existing file
        try:
            regular_files.link(self.path, final)
        except OSError as error:
            if error.errno not in _CANNOT_LINK:
                raise
            if regular_files.status(final) is not None:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final)) from error
            regular_files.rename(self.path, final)

    def close(self) -> None:
        """Remove the temporary name, and close the file. May be called again."""
        try:
            regular_files.unlink(self.path, missing_ok=True)
        finally:
            if self.fd >= 0:
                os.close(self.fd)
                self.fd = -1
            if self._lock.acquired:
                self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def can_share(folder: Path) -> bool:
    """Return whether the file system of *folder* can share blocks between files (reflink)."""
    with NewFile(folder, _BLOCK) as source, NewFile(folder, _BLOCK) as target:
        os.pwrite(source.fd, b"x" * _BLOCK, 0)
        return _share(source.fd, target.fd)


def sweep(folder: Path) -> int:
    """Remove the temporary files of killed processes in *folder*; return how many. Those of running processes are locked."""
    names = [entry.name for entry in regular_files.entries(folder)]
    return sum(_remove_if_abandoned(folder / name) for name in names)


def _remove_if_abandoned(path: Path) -> bool:
    with _locked_if_abandoned(path) as is_free:
        if is_free:
            regular_files.unlink(path, missing_ok=True)
        return is_free


def is_abandoned(path: Path) -> bool:
    """Return whether the temporary file at *path* belongs to a killed process."""
    with _locked_if_abandoned(path) as is_free:
        return is_free


@contextmanager
def _locked_if_abandoned(path: Path) -> Iterator[bool]:
    # Locked for the block. A process that has just created this file, but not locked it yet, then creates another.
    descriptor = -1
    try:
        descriptor = regular_files.open_regular(path, os.O_RDWR)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # a running process has locked it, it is another user's, or it is gone
        yield False
    else:
        yield True
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def copy(
    source: int, target: int, *, reflink: Reflink = "auto", progress: Progress = no_progress, hold: Hold | None = None
) -> None:
    """Copy the open file *source* to the empty, open file *target*, and flush *target* to disk; holes stay holes.

    The copy is consistent. Blocks are shared in one step; if they cannot be, a copy is started again when *source* was written to
    meanwhile. *hold* is for a source that may be written to: it blocks writers during a copy, as far as possible.

    Raises:
        errors.BusyOnStorage: *source* was written to during each attempt.
        errors.NotSupported: *reflink* is ``always`` and the file system cannot share blocks.

    """
    total, size = os.fstat(source).st_size, os.fstat(target).st_size
    if reflink == "never" or not _share(source, target):
        if reflink == "always":
            msg = "The file system cannot share blocks between files (reflink). Set the option reflink to 'auto'."
            raise errors.NotSupported(msg)
        for _ in range(_TRIES):
            if _copy_if_unchanged(source, target, hold, in_kernel=reflink != "never", report=_reporter(progress, total)):
                break
            os.ftruncate(target, 0)
            os.ftruncate(target, size)
        else:
            msg = (
                "The volume was written to while it was copied, and the file system cannot share its blocks. Detach it, or stop "
                "its writers, then repeat."
            )
            raise errors.BusyOnStorage(msg, no_side_effects=True)
    os.fsync(target)
    progress(total, total)


def _copy_if_unchanged(source: int, target: int, hold: Hold | None, *, in_kernel: bool, report: Progress) -> bool:
    with hold() if hold else nullcontext(_ignore) as advance:
        os.fsync(source)  # updates the times for writes through a memory map
        before = _version(source)
        if hold:
            # File times advance in ticks: without a pause, a write in the same tick as the last one would go unnoticed.
            time.sleep(_COARSE_TICK if before[0] % _SECOND == 0 else _TICK)
        for start, end in data_segments(source, os.fstat(source).st_size):
            for at in range(start, end, CHUNK):
                if _version(source) != before:
                    return False
                advance()
                _copy_segment(source, target, at, min(at + CHUNK, end), in_kernel=in_kernel, report=report)
        return _version(source) == before


def _ignore() -> None:
    """Ignore that the copy advances."""


def _version(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_mtime_ns, status.st_size


def _reporter(progress: Progress, total: int) -> Progress:
    # the report of the last byte follows after the flush to disk
    return lambda done, _end: progress(min(done, total - 1), total)


def _share(source: int, target: int) -> bool:
    try:
        try:
            fcntl.ioctl(target, FICLONE, source)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            # a source that ends within a block can be shared only with a file that ends at the same byte
            size = os.fstat(target).st_size
            os.ftruncate(target, 0)
            try:
                fcntl.ioctl(target, FICLONE, source)
            finally:
                os.ftruncate(target, max(size, os.fstat(source).st_size))
    except OSError as error:
        if error.errno not in _CANNOT_SHARE:
            raise
        return False
    return True


def data_segments(fd: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end), in bytes, of each segment of the open file that is not a hole."""
    end = 0
    while end < size:
        try:
            start = os.lseek(fd, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            if error.errno != errno.EINVAL:
                raise
            start, end = end, size  # this file system does not report holes
        else:
            end = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, min(end, size)


def _copy_segment(source: int, target: int, start: int, end: int, *, in_kernel: bool, report: Progress) -> None:
    while start < end:
        count = min(CHUNK, end - start)
        copied = _copy_in_kernel(source, target, start, count) if in_kernel else 0
        if not copied:
            in_kernel = False
            copied = os.pwrite(target, os.pread(source, count, start), start)
        if not copied:
            msg = "The file became shorter while it was copied. Check what else writes to the folder, then repeat."
            raise errors.DriverError(msg)
        start += copied
        report(start, end)


def _copy_in_kernel(source: int, target: int, start: int, count: int) -> int:
    try:
        return os.copy_file_range(source, target, count, start, start)
    except OSError as error:
        if error.errno not in _CANNOT_SHARE:
            raise
        return 0


def resize(path: Path, size: int) -> None:
    """Set the file's size to *size* bytes, and flush it to disk; new bytes read as zeros."""
    fd = regular_files.open_regular(path, os.O_RDWR)
    try:
        if os.fstat(fd).st_size != size:
            os.ftruncate(fd, size)
        os.fsync(fd)
    finally:
        os.close(fd)


def regular_size(path: Path) -> int | None:
    """Return the size of a regular file in bytes; None if there is none at *path*. A link is not followed."""
    status = regular_files.status(path)
    return status.st_size if status is not None and stat.S_ISREG(status.st_mode) else None
