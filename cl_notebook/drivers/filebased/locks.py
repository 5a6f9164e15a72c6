"""File locks between processes, threads and drivers."""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import fasteners

from cl_notebook import regular_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class FileLock(fasteners.InterProcessLock):  # type: ignore[misc] # fasteners ships no types
    """A lock on a file with one exclusive holder, or with several *shared* ones.

    fasteners uses ``lockf``, which belongs to the process: two threads, or two drivers on one folder in one kernel, would both
    hold it. ``flock`` belongs to the open file, so it excludes them as well; a killed process releases it.
    """

    lockfile: Any

    def __init__(self, path: Path, *, shared: bool = False) -> None:
        """Name the lock; nothing is opened yet."""
        super().__init__(path)
        self.file = path
        self._kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX

    def _do_open(self) -> None:
        # For reading and writing: NFS implements flock by fcntl's locks, of which a shared one needs a readable descriptor and an
        # exclusive one a writable descriptor (flock(2)). fasteners would open for appending, and follow links.
        if self.lockfile is None or self.lockfile.closed:
            self.lockfile = os.fdopen(regular_files.open_regular(self.file, os.O_RDWR | os.O_CREAT), "r+b", buffering=0)

    def trylock(self) -> None:
        """Acquire the lock without waiting.

        Raises:
            BlockingIOError: another holder has it.

        """
        fcntl.flock(self.lockfile, self._kind | fcntl.LOCK_NB)

    def unlock(self) -> None:
        """Release the lock."""
        fcntl.flock(self.lockfile, fcntl.LOCK_UN)

    def is_current(self) -> bool:
        """Return whether the locked file still has its name: its last holder may have removed it."""
        status = regular_files.status(self.file)
        return status is not None and os.path.samestat(os.fstat(self.lockfile.fileno()), status)


@contextmanager
def locked(*locks: tuple[Path, bool]) -> Iterator[None]:
    """Hold *locks*, pairs of a file and whether its lock is shared, for the block, after waiting for their holders.

    They are acquired in the order of their paths, so that two callers cannot deadlock. A file in both modes is locked
    exclusively.
    """
    requested: dict[Path, bool] = {}
    for path, shared in locks:
        requested[path] = shared and requested.get(path, True)
    with ExitStack() as held:
        for path in sorted(requested):
            held.enter_context(_acquired(path, shared=requested[path]))
        yield


@contextmanager
def _acquired(path: Path, *, shared: bool) -> Iterator[None]:
    lock = FileLock(path, shared=shared)
    try:
        lock.acquire()
        while not lock.is_current():
            lock.release()
            lock.acquire()
        yield
    finally:
        if lock.acquired:
            lock.release()
