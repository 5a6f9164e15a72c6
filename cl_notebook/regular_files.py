"""Files and folders by their path, with no part of it a symbolic link: for folders that others may be able to write to.

The kernel follows links wherever a path has one, and ``O_NOFOLLOW`` concerns the last part alone. So each folder of the path is
opened within the one before it (``openat``). Whoever may rename things in a folder on the way can then make a call fail, but
not lead it elsewhere.
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
    """Return *path* made absolute and free of links, as the functions of this module need it."""
    return os.path.realpath(path)


@contextlib.contextmanager
def folder(path: Path) -> Iterator[int]:
    """Give a descriptor of the folder *path*, for reading.

    Raises:
        OSError: it is not there (``ENOENT``), or a part of the path is a symbolic link or no folder (``ELOOP``).

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
    """Return a descriptor of the regular file *path*, opened with *flags*; one that is made is its owner's alone.

    A file with a second name (hard link) is refused in a folder that others can write to: it may be anybody's.

    Raises:
        OSError: it is not there, a part of the path is a symbolic link (``ELOOP``), or it is no regular file, or may be another's
            (``EINVAL``).

    """
    with folder(path.parent) as within:
        try:
            # opening a FIFO would wait for somebody to open its other end
            descriptor = os.open(path.name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode, dir_fd=within)
        except OSError as error:
            if error.errno in {errno.ENXIO, errno.ENODEV, errno.EISDIR}:
                raise _irregular(path) from error
            raise _named(error, path) from error
        try:
            found = os.fstat(descriptor)
            _refuse_foreign(path, found, os.fstat(within))
            if flags & os.O_CREAT and not found.st_size and found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) != mode:
                os.fchmod(descriptor, mode)  # whatever the umask took, or an access control list gave
            os.set_blocking(descriptor, True)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def status(path: Path) -> os.stat_result | None:
    """Return what there is at *path*, a link unfollowed; None for nothing.

    Raises:
        OSError: a folder on the way is a symbolic link.

    """
    try:
        with folder(path.parent) as within:
            return os.stat(path.name, dir_fd=within, follow_symlinks=False)
    except FileNotFoundError:
        return None


def unlink(path: Path, *, missing_ok: bool = False) -> None:
    """Remove the name *path*: of a link, the link.

    Raises:
        OSError: a folder on the way is a symbolic link; it is not there, unless *missing_ok*.

    """
    try:
        with folder(path.parent) as within:
            os.unlink(path.name, dir_fd=within)
    except FileNotFoundError:
        if not missing_ok:
            raise


def rename(path: Path, final: Path) -> None:
    """Give *path* the name *final*, in place of what is there."""
    with folder(path.parent) as within, folder(final.parent) as there:
        os.replace(path.name, final.name, src_dir_fd=within, dst_dir_fd=there)


def link(path: Path, final: Path) -> None:
    """Give *path* the second name *final*, which must be free."""
    with folder(path.parent) as within, folder(final.parent) as there:
        os.link(path.name, final.name, src_dir_fd=within, dst_dir_fd=there, follow_symlinks=False)


def make_folder(path: Path) -> None:
    """Make the folder *path*, its owner's alone, unless it is there.

    Raises:
        OSError: something else is there (``ELOOP`` for a symbolic link), or it cannot be made.

    """
    with folder(path.parent) as within:
        try:
            os.mkdir(path.name, 0o700, dir_fd=within)
        except FileExistsError:
            with folder(path):
                return
        with folder(path) as made:
            os.fchmod(made, 0o700)  # whatever the umask took, or an access control list gave


def make_folders(path: Path) -> None:
    """Make the folder *path* and those above it that are missing, each its owner's alone whatever the umask is."""
    missing = []
    place = Path(real(path))
    while not place.is_dir():
        missing.append(place)
        place = place.parent
    for place in reversed(missing):
        make_folder(place)


def entries(path: Path) -> Iterator[os.DirEntry[str]]:
    """Yield what is in the folder *path*. An entry can be asked for its status while the next one has not been asked for."""
    with folder(path) as within, os.scandir(within) as found:
        yield from found


def fsync_folder(path: Path) -> None:
    """Make the names in the folder durable."""
    with folder(path) as descriptor:
        os.fsync(descriptor)


def is_open_to_others(found: os.stat_result) -> bool:
    """Return whether somebody else than this user and root can put files into the folder that *found* is the status of."""
    return bool(found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)) or found.st_uid not in {0, os.geteuid()}


def _refuse_foreign(path: Path, found: os.stat_result, within: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _irregular(path)
    if found.st_nlink > _ALONE and is_open_to_others(within):
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
    """Return the names of the tables in the file itself, without its log; None if it is none of SQLite's, or cannot be read.

    Opening a file the usual way may write to it: a hot journal is rolled back, a log is made or folded in (sqlite.org/uri.html:
    ``immutable``).
    """
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as bare:
            return frozenset(row[0] for row in bare.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))
    except (sqlite3.Error, ValueError):
        return None
