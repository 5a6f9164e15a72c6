"""Open, create and remove files by paths without symbolic links, in folders that other users may be able to write to.

The kernel follows links in every part of a path, and ``O_NOFOLLOW`` only concerns the last part. So each folder of the path is
opened relative to its parent (``openat``). A user who can rename entries of a folder on the path can make a call fail, but not
redirect it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LINKS = frozenset({errno.ELOOP, errno.ENOTDIR})
_ALONE = 1


def real(path: str | os.PathLike[str]) -> str:
    """Return *path* absolute and without symbolic links, as the functions of this module need it."""
    return os.path.realpath(path)


@contextlib.contextmanager
def folder(path: Path) -> Iterator[int]:
    """Yield a descriptor of the folder *path*, for reading.

    Raises:
        OSError: it does not exist (``ENOENT``), or a part of the path is a symbolic link or no folder (``ELOOP``).

    """
    parts = path.parts if path.is_absolute() else (os.curdir, *path.parts)
    descriptor = os.open(parts[0], os.O_RDONLY | _FOLDER) if len(parts) == 1 else os.open(parts[0], os.O_PATH | _FOLDER)
    try:
        for number, part in enumerate(parts[1:], 2):
            # the folders on the way need not be readable
            flags = _FOLDER | (os.O_RDONLY if number == len(parts) else os.O_PATH)
            try:
                below = os.open(part, flags, dir_fd=descriptor)
            except OSError as error:
                raise _named(error, path) from error
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def open_regular(path: Path, flags: int, mode: int = 0o600) -> int:
    """Open the regular file *path* with *flags* and return its descriptor; a new file gets *mode*.

    A file with a second name (hard link) is refused in a folder that others can write to: it may be another user's file.

    Raises:
        OSError: it does not exist, a part of the path is a symbolic link (``ELOOP``), or it is not a regular file, or may be
            another user's (``EINVAL``).

    """
    with folder(path.parent) as within:
        try:
            # opening a FIFO would block until its other end is opened
            descriptor = os.open(path.name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode, dir_fd=within)
        except OSError as error:
            if error.errno in {errno.ENXIO, errno.ENODEV, errno.EISDIR}:
                raise _irregular(path) from error
            raise _named(error, path) from error
        try:
            opened = os.fstat(descriptor)
            _refuse_foreign(path, opened, os.fstat(within))
            if (
                flags & os.O_CREAT
                and not opened.st_size
                and opened.st_uid == os.geteuid()
                and stat.S_IMODE(opened.st_mode) != mode
            ):
                os.fchmod(descriptor, mode)  # the umask or an access control list may have changed it
            os.set_blocking(descriptor, True)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def status(path: Path) -> os.stat_result | None:
    """Return the status of *path*, of a link that of the link; None if it does not exist.

    Raises:
        OSError: a folder of the path is a symbolic link.

    """
    try:
        with folder(path.parent) as within:
            return os.stat(path.name, dir_fd=within, follow_symlinks=False)
    except FileNotFoundError:
        return None


def unlink(path: Path, *, missing_ok: bool = False) -> None:
    """Remove the name *path*: of a link, the link.

    Raises:
        OSError: a folder of the path is a symbolic link; *path* does not exist, unless *missing_ok*.

    """
    try:
        with folder(path.parent) as within:
            os.unlink(path.name, dir_fd=within)
    except FileNotFoundError:
        if not missing_ok:
            raise


def rename(path: Path, final: Path) -> None:
    """Rename *path* to *final*, and replace a file of that name."""
    with folder(path.parent) as within, folder(final.parent) as target:
        os.replace(path.name, final.name, src_dir_fd=within, dst_dir_fd=target)


def put_in_place(path: Path, final: Path) -> None:
    """Give the complete file *path* the name *final*, unless something has that name by then; *path* may remain, too.

    Raises:
        FileExistsError: *final* exists; it is unchanged.

    """
    try:
        os.link(path, final)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        os.close(os.open(final, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        path.replace(final)


def link(path: Path, final: Path) -> None:
    """Create the hard link *final* to *path*; the name must be free."""
    with folder(path.parent) as within, folder(final.parent) as target:
        os.link(path.name, final.name, src_dir_fd=within, dst_dir_fd=target, follow_symlinks=False)


def make_folder(path: Path) -> None:
    """Create the folder *path* for its owner alone, unless it exists.

    Raises:
        OSError: *path* is something else (``ELOOP`` for a symbolic link), or cannot be created.

    """
    with folder(path.parent) as within:
        try:
            os.mkdir(path.name, 0o700, dir_fd=within)
        except FileExistsError:
            with folder(path):
                return
        with folder(path) as descriptor:
            os.fchmod(descriptor, 0o700)  # the umask or an access control list may have changed it


def make_folders(path: Path) -> None:
    """Create the folder *path* and its missing parents for their owner alone, whatever the umask."""
    missing = []
    parent = Path(real(path))
    while not parent.is_dir():
        missing.append(parent)
        parent = parent.parent
    for name in reversed(missing):
        make_folder(name)


def entries(path: Path) -> Iterator[os.DirEntry[str]]:
    """Yield the entries of the folder *path*. Call ``stat()`` of an entry before the iterator ends."""
    with folder(path) as within, os.scandir(within) as scanned:
        yield from scanned


def fsync_folder(path: Path) -> None:
    """Write the names in the folder *path* to disk (fsync)."""
    with folder(path) as descriptor:
        os.fsync(descriptor)


def is_open_to_others(status: os.stat_result) -> bool:
    """Return whether other users than this one and root can write to the folder with this *status*."""
    return bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)) or status.st_uid not in {0, os.geteuid()}


def _refuse_foreign(path: Path, opened: os.stat_result, within: os.stat_result) -> None:
    if not stat.S_ISREG(opened.st_mode):
        raise _irregular(path)
    if opened.st_nlink > _ALONE and is_open_to_others(within):
        what = "The file has another name (hard link), and others can write to its folder"
        raise OSError(errno.EINVAL, what, str(path))


def _irregular(path: Path) -> OSError:
    return OSError(errno.EINVAL, "It is no regular file", str(path))


def _named(error: OSError, path: Path) -> OSError:
    if error.errno in _LINKS:
        return OSError(errno.ELOOP, "A part of the path is a symbolic link, or no folder", str(path))
    assert error.errno is not None  # noqa: S101 - the operating system's own
    return OSError(error.errno, error.strerror, str(path))


def tables(path: Path) -> frozenset[str] | None:
    """Return the names of the tables in a SQLite file without its log; None if it is not SQLite's, or cannot be read.

    A normal connection may write to the file: it rolls back a hot journal, and creates or checkpoints a log (sqlite.org/uri.html:
    ``immutable``).
    """
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as bare:
            return frozenset(row[0] for row in bare.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))
    except (sqlite3.Error, ValueError):
        return None
