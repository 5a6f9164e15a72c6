"""Locks that several processes, threads and drivers share through files."""

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
    """A lock on a file, held by one holder or, *shared*, by several that only read.

    fasteners locks with ``lockf``, which belongs to the process: two threads, or two drivers on one folder in one kernel, would
    both hold it. ``flock`` belongs to the open file, so it keeps them apart too; and a killed process lets go of it.
    """

    lockfile: Any

    def __init__(self, path: Path, *, shared: bool = False) -> None:
        """Name the lock; nothing is opened yet."""
        super().__init__(path)
        self.file = path
        self._kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX

    def _do_open(self) -> None:
        # For reading and writing: NFS stands in for flock with fcntl's locks, of which a shared one needs a descriptor that reads
        # and an exclusive one a descriptor that writes (flock(2)). fasteners opens for appending, and follows links.
        if self.lockfile is None or self.lockfile.closed:
            self.lockfile = os.fdopen(regular_files.open_regular(self.file, os.O_RDWR | os.O_CREAT), "r+b", buffering=0)

    def trylock(self) -> None:
        """Take the lock, or raise ``BlockingIOError`` when somebody else has it."""
        fcntl.flock(self.lockfile, self._kind | fcntl.LOCK_NB)

    def unlock(self) -> None:
        """Let go of the lock."""
        fcntl.flock(self.lockfile, fcntl.LOCK_UN)

    def is_current(self) -> bool:
        """Say whether the file that is locked is still the one under that name; the last holder may have removed it."""
        there = regular_files.status(self.file)
        return there is not None and os.path.samestat(os.fstat(self.lockfile.fileno()), there)


@contextmanager
def locked(*locks: tuple[Path, bool]) -> Iterator[None]:
    """Hold every one of the *locks*, each a file and whether it is shared; wait for those that others hold.

    They are taken in the order of their names, so that two callers that need the same ones never wait for each other. A lock that
    is asked for both ways is taken exclusively.
    """
    wanted: dict[Path, bool] = {}
    for path, shared in locks:
        wanted[path] = shared and wanted.get(path, True)
    with ExitStack() as held:
        for path in sorted(wanted):
            held.enter_context(_acquired(path, shared=wanted[path]))
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
