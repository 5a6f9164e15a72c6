"""Sparse files: made, copied with their holes (or shared by reflink), and put in place only when they are complete."""

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
"""Share blocks where the file system can; insist on it; copy every byte that is not in a hole."""

REFLINK = ("auto", "always", "never")
"""The words of :data:`Reflink`, as choices of an option."""

FICLONE = 0x40049409
"""The ioctl that shares all of another file's blocks (linux/fs.h); Python's fcntl has no name for it before 3.12."""

CHUNK = 16 * 1024**2
"""Bytes that are copied between two reports of progress."""

Hold = Callable[[], AbstractContextManager[Callable[[], None]]]
"""Keeps writers off a file that is copied, and gives what is to be called while the copy advances."""

_TRIES = 3
_BLOCK = 65536
_SECOND = 10**9
_TICK = 0.03
"""Seconds: more than a tick of any kernel's clock (10 ms at most)."""
_WHOLE_SECONDS = 2.1
"""The same where a file system keeps whole seconds, or two."""

_CANNOT_SHARE = frozenset({errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.ETXTBSY})
_CANNOT_LINK = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class NewFile:
    """A file in the making: it has a temporary name until :meth:`publish`, and is removed again if that is never called.

    The temporary name is locked while its maker lives, which is how :func:`sweep` knows the leftovers of a killed process.
    """

    def __init__(self, folder: Path, size: int, *, prefix: str = "file") -> None:
        """Make a sparse file of *size* bytes under a temporary name in *folder*."""
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
            lock.release()  # a sweep came between the making and the locking

    def fill(
        self, source: Path, *, reflink: Reflink = "auto", progress: Progress = no_progress, hold: Hold | None = None
    ) -> None:
        """Give the file the bytes of *source*, which must not be larger; what is beyond them stays a hole.

        They are those of one moment; see :func:`copy` for *hold*.

        Raises:
            errors.BusyOnStorage: *source* was written to whenever it was copied.
            errors.StorageFull: the file system filled up on the way.
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
            msg = f"{error.strerror} in {self.path.parent.parent} while {source.name} was copied; nothing was kept of the copy"
            raise errors.StorageFull(msg, no_side_effects=True) from error
        finally:
            os.close(reader)

    def publish(self, final: Path, *, replace: bool = False) -> None:
        """Put the file in place under the name *final*, on disk and complete; the temporary name is gone afterwards.

        Raises:
            FileExistsError: *final* is there already, and may not be replaced.
            errors.DriverError: somebody put another file in the place of this one meanwhile.

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
        # a rename would overwrite what is there; a link refuses to
        try:
            regular_files.link(self.path, final)
        except OSError as error:
            if error.errno not in _CANNOT_LINK:
                raise
            if regular_files.status(final) is not None:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final)) from error
            regular_files.rename(self.path, final)

    def close(self) -> None:
        """Remove the temporary name and let go of the file. May be called again."""
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
    """Return whether the file system of *folder* lets files share blocks."""
    with NewFile(folder, _BLOCK) as one, NewFile(folder, _BLOCK) as other:
        os.pwrite(one.fd, b"x" * _BLOCK, 0)
        return _share(one.fd, other.fd)


def sweep(folder: Path) -> int:
    """Remove the temporary files that killed processes left in *folder*; return how many. Those of live ones are locked."""
    names = [entry.name for entry in regular_files.entries(folder)]
    return sum(_swept(folder / name) for name in names)


def _swept(path: Path) -> bool:
    with _left(path) as is_left:
        if is_left:
            regular_files.unlink(path, missing_ok=True)
        return is_left


def is_abandoned(path: Path) -> bool:
    """Return whether the temporary file at *path* is one that a killed process left; it stays."""
    with _left(path) as is_left:
        return is_left


@contextmanager
def _left(path: Path) -> Iterator[bool]:
    # held for the block: a maker that has just named its file, and not locked it yet, looks again and makes another
    descriptor = -1
    try:
        descriptor = regular_files.open_regular(path, os.O_RDWR)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # a living process has it, it is another user's, or it is gone
        yield False
    else:
        yield True
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def copy(
    source: int, target: int, *, reflink: Reflink = "auto", progress: Progress = no_progress, hold: Hold | None = None
) -> None:
    """Copy all bytes of the open file *source* to the empty, open file *target*; holes stay holes, and the end is on disk.

    The bytes are those of one moment. Blocks are shared at once; a copy of them is begun again if *source* was written to
    meanwhile. *hold*, for a source that may be written to, keeps its writers off for the time of a copy as far as it can, and
    gives what is to be called while the copy advances.

    Raises:
        errors.BusyOnStorage: *source* was written to whenever it was copied.
        errors.NotSupported: *reflink* is ``always`` and the file system cannot share blocks.

    """
    total, size = os.fstat(source).st_size, os.fstat(target).st_size
    if reflink == "never" or not _share(source, target):
        if reflink == "always":
            msg = "the file system cannot share blocks between files (reflink); set the option reflink to 'auto'"
            raise errors.NotSupported(msg)
        for _ in range(_TRIES):
            if _copied_at_rest(source, target, hold, in_kernel=reflink != "never", report=_reporter(progress, total)):
                break
            os.ftruncate(target, 0)
            os.ftruncate(target, size)
        else:
            msg = (
                "the volume was written to while it was copied, and the file system cannot share its blocks. Detach it, or stop "
                "what writes to it, then repeat"
            )
            raise errors.BusyOnStorage(msg, no_side_effects=True)
    os.fsync(target)
    progress(total, total)


def _copied_at_rest(source: int, target: int, hold: Hold | None, *, in_kernel: bool, report: Progress) -> bool:
    with hold() if hold else nullcontext(_nothing) as beat:
        os.fsync(source)  # what was written through a memory map counts as a write from here on
        before = _written_at(source)
        if hold:
            # The kernel counts these times in ticks: what is written in the tick of the last write would not be seen.
            time.sleep(_WHOLE_SECONDS if before[0] % _SECOND == 0 else _TICK)
        for start, end in data_segments(source, os.fstat(source).st_size):
            for at in range(start, end, CHUNK):
                if _written_at(source) != before:
                    return False
                beat()
                _copy_segment(source, target, at, min(at + CHUNK, end), in_kernel=in_kernel, report=report)
        return _written_at(source) == before


def _nothing() -> None:
    """Do nothing: nobody is to hear that the copy advances."""


def _written_at(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_mtime_ns, found.st_size


def _reporter(progress: Progress, total: int) -> Progress:
    # at the end the copy is not on disk yet: the last report is made after that
    return lambda done, _end: progress(min(done, total - 1), total)


def _share(source: int, target: int) -> bool:
    try:
        try:
            fcntl.ioctl(target, FICLONE, source)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            # a source that ends within a block can be shared only with a file that ends there too
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
    """Yield (start, end) of each stretch of the open file that is not a hole, in bytes."""
    end = 0
    while end < size:
        try:
            start = os.lseek(fd, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            if error.errno != errno.EINVAL:
                raise
            start, end = end, size  # this file system does not tell its holes
        else:
            end = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, min(end, size)


def _copy_segment(source: int, target: int, start: int, end: int, *, in_kernel: bool, report: Progress) -> None:
    while start < end:
        wanted = min(CHUNK, end - start)
        copied = _copy_in_kernel(source, target, start, wanted) if in_kernel else 0
        if not copied:
            in_kernel = False
            copied = os.pwrite(target, os.pread(source, wanted, start), start)
        if not copied:
            msg = "the file that is copied became shorter meanwhile"
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
    """Make the file *size* bytes long, on disk; what is added reads as zeros."""
    fd = regular_files.open_regular(path, os.O_RDWR)
    try:
        if os.fstat(fd).st_size != size:
            os.ftruncate(fd, size)
        os.fsync(fd)
    finally:
        os.close(fd)


def regular_size(path: Path) -> int | None:
    """Return the size of the regular file in bytes, or ``None`` where there is none; a link is not followed."""
    found = regular_files.status(path)
    return found.st_size if found is not None and stat.S_ISREG(found.st_mode) else None
