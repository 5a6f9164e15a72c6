"""The folder that a file-based driver keeps its storage in.

::

    <path>/volume-…                              volumes, and files that nobody tracks yet
    <path>/snapshots/snapshot-…                  snapshots
    <path>/.cl_notebook/tmp/                     copies in the making
    <path>/.cl_notebook/locks/<name>             held by whoever works on that volume or snapshot
    <path>/.cl_notebook/connections/<name>/<id>  one file per connection of the volume
    <path>/.cl_notebook/made/                    empty, and as old as the storage
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cl_notebook import errors, regular_files
from cl_notebook.drivers.filebased import files
from cl_notebook.drivers.filebased.locks import locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

_ACL = "system.posix_acl_access"


def warn_if_shared(path: Path) -> None:
    """Warn if somebody else than this user and root can write to the folder, or rename it or one above it.

    What is in it is opened without following links all the same. But others can then remove or replace volumes.
    """
    who = writers(path, path.stat())
    what = f"{who} can write to the folder {path}" if who else ""
    for parent in path.parents if not what else ():
        found = parent.stat()
        # where the sticky bit is set, names are changed by their owners alone
        who = "" if found.st_mode & stat.S_ISVTX and found.st_uid in {0, os.geteuid()} else writers(parent, found)
        if who:
            what = f"{who} can write to {parent}, and put another folder in the place of {path}"
            break
    if what:
        msg = f"{what}: volumes there can be replaced or removed. Use a folder that only its owner can write to (chmod go-w)."
        warnings.warn(msg, errors.WritableByOthers, stacklevel=2)


def writers(path: Path, found: os.stat_result) -> str:
    """Return who else than this user and root can write to the folder *path* with the status *found*; nothing if nobody can."""
    if found.st_mode & stat.S_IWOTH:
        return "Everybody"
    if found.st_uid not in {0, os.geteuid()}:
        return f"The user {_user(found.st_uid)}"
    if found.st_mode & stat.S_IWGRP:
        if _has_acl(path):
            return "Whoever its access control list names"
        if not _is_private(found.st_gid):
            return f"The group {_group(found.st_gid)}"
    return ""


def _has_acl(path: Path) -> bool:
    try:
        os.getxattr(path, _ACL)
    except OSError:
        return False
    return True


def _is_private(group: int) -> bool:
    """Return whether a group is this user's alone: many systems give each user one of the same name (user private groups)."""
    try:
        entry, user = grp.getgrgid(group), pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return False
    return entry.gr_name == user and set(entry.gr_mem) <= {user}


def _user(number: int) -> str:
    try:
        return repr(pwd.getpwuid(number).pw_name)
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return repr(grp.getgrgid(number).gr_name)
    except KeyError:
        return str(number)


NAME_BYTES = 255
"""Longest file name that Linux file systems take."""

SNAPSHOTS = "snapshots"

_VOLUME = "volume"
_OTHER = "other"


def folder_identity(path: str | os.PathLike[str]) -> str:
    """Return what is the same for every name of a folder: links and mounts lead to it, too."""
    try:
        found = Path(path).stat()
    except OSError:
        return f"folder {Path(path).resolve()}"
    return f"folder {found.st_dev}:{found.st_ino}"


class Folder:
    """Names, locks and temporary files in the folder of a driver. Made without touching the disk."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Keep where the folder is: links on the way there are the user's, and are followed once, here."""
        self.path = Path(regular_files.real(path))
        self.snapshots = self.path / SNAPSHOTS
        self.hidden = self.path / ".cl_notebook"
        self.tmp = self.hidden / "tmp"
        self.locks = self.hidden / "locks"
        self.connections = self.hidden / "connections"
        self.made = self.hidden / "made"

    def prepare(self) -> None:
        """Make what is missing of the folder, check that it can be written, and remove what killed processes left.

        Raises:
            errors.DriverError: the folder cannot be made or written.

        """
        try:
            regular_files.make_folders(self.path)
            is_new = regular_files.status(self.hidden) is None
            for folder in (self.hidden, self.snapshots, self.tmp, self.locks, self.connections, *([self.made] if is_new else [])):
                regular_files.make_folder(folder)
            files.NewFile(self.tmp, 0, prefix=_OTHER).close()
            warn_if_shared(self.path)
        except OSError as error:
            msg = f"the folder {self.path} cannot be used: {errors.one_line(error)}"
            raise errors.DriverError(msg) from error
        files.sweep(self.tmp)

    def shares_blocks(self) -> bool:
        """Return whether files of the folder can share blocks (reflink)."""
        return files.can_share(self.tmp)

    def refuse_if_missing(self) -> None:
        """Check that the folder holds a storage; nothing is made.

        Raises:
            errors.DriverError: it is not there, holds none, or cannot be read.

        """
        try:
            if all(
                folder.is_dir() and os.access(folder, os.R_OK | os.X_OK) for folder in (self.path, self.hidden, self.snapshots)
            ):
                return
            reason = "it holds no storage that can be read: is its file system mounted?"
        except OSError as error:
            reason = errors.one_line(error)
        msg = f"the folder {self.path} cannot be looked at: {reason}"
        raise errors.DriverError(msg)

    def volume(self, name: str) -> Path:
        """Return where the volume of that name is, or would be.

        Raises:
            errors.InvalidInput: the name leads out of the folder, is hidden or too long.

        """
        if name == SNAPSHOTS:
            msg = f"{name!r} cannot name a volume: it is the folder of the snapshots"
            raise errors.InvalidInput(msg)
        return self.path / checked_name(name)

    def snapshot(self, name: str) -> Path:
        """Return where the snapshot of that name is, or would be; a name is refused as in :meth:`volume`."""
        return self.snapshots / checked_name(name)

    def locked(self, *names: str, reading: tuple[str, ...] = ()) -> AbstractContextManager[None]:
        """Keep everybody else off the volumes and snapshots called *names*; off those that are only *reading*, keep writers."""
        exclusive = [(self.locks / checked_name(name), False) for name in names]
        return locked(*exclusive, *((self.locks / checked_name(name), True) for name in reading))

    def forget_lock(self, name: str) -> None:
        """Remove the lock file of what was deleted; called while the lock is held."""
        regular_files.unlink(self.locks / checked_name(name), missing_ok=True)

    def quota_locked(self) -> AbstractContextManager[None]:
        """Keep everybody else from provisioning."""
        return locked((self.hidden / "quota.lock", False))

    def new_volume(self, size: int) -> files.NewFile:
        """Start a volume of *size* bytes: it counts as provisioned from here on."""
        return files.NewFile(self.tmp, size, prefix=_VOLUME)

    def new_file(self, size: int) -> files.NewFile:
        """Start a file of *size* bytes that does not count as provisioned: a snapshot, or what replaces a volume."""
        return files.NewFile(self.tmp, size, prefix=_OTHER)

    def volumes(self) -> Iterator[os.DirEntry[str]]:
        """Yield the regular files that are volumes, or could be adopted as such."""
        for entry in regular_files.entries(self.path):
            if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                yield entry

    def made_at(self) -> float | None:
        """Return when the storage was begun, in seconds since the epoch; None for one that is older than its marker."""
        found = regular_files.status(self.made)
        return None if found is None else found.st_mtime

    def is_empty(self) -> bool:
        """Return whether there is neither a volume nor a snapshot."""
        return next(self.volumes(), None) is None and next(self.snapshot_sizes(), None) is None

    def snapshot_sizes(self) -> Iterator[tuple[str, int]]:
        """Yield the name and the bytes of each regular file among the snapshots."""
        for entry in regular_files.entries(self.snapshots):
            if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                yield entry.name, _size(entry)[0]

    def leftovers(self) -> Iterator[tuple[str, int]]:
        """Yield the name, and the bytes that it takes, of each temporary file that a killed process left."""
        for entry in regular_files.entries(self.tmp):
            if files.is_abandoned(self.tmp / entry.name):
                yield entry.name, _size(entry)[1]

    def sweep(self) -> int:
        """Remove the temporary files that killed processes left; return how many there were."""
        return files.sweep(self.tmp)

    def provisioned(self) -> int:
        """Return the bytes that all volumes, and those in the making, may grow to."""
        coming = sum(_size(entry)[0] for entry in regular_files.entries(self.tmp) if entry.name.startswith(_VOLUME))
        return coming + sum(_size(entry)[0] for entry in self.volumes())

    def allocated(self) -> int:
        """Return the bytes that volumes and snapshots really take; blocks that files share are counted in each."""
        kept = sum(_size(entry)[1] for entry in regular_files.entries(self.snapshots))
        return kept + sum(_size(entry)[1] for entry in self.volumes())

    def mark_connection(self, name: str, connection_id: str, host: str) -> None:
        """Note that the volume *name* is connected to *host*."""
        markers = self.connections / checked_name(name)
        regular_files.make_folder(markers)
        descriptor = regular_files.open_regular(markers / checked_name(connection_id), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(host + "\n")
        regular_files.fsync_folder(markers)

    def unmark_connection(self, name: str, connection_id: str) -> None:
        """Forget the connection; one that is not there is a success."""
        markers = self.connections / checked_name(name)
        regular_files.unlink(markers / checked_name(connection_id), missing_ok=True)
        self._remove_if_empty(markers)

    def connected(self, name: str) -> set[str]:
        """Return the ids of the volume's connections."""
        try:
            return {entry.name for entry in regular_files.entries(self.connections / checked_name(name))}
        except FileNotFoundError:
            return set()

    def forget_connections(self, name: str) -> None:
        """Forget every connection of the volume."""
        markers = self.connections / checked_name(name)
        for connection_id in self.connected(name):
            regular_files.unlink(markers / connection_id, missing_ok=True)
        self._remove_if_empty(markers)

    def _remove_if_empty(self, markers: Path) -> None:
        # other connections may be left in it, or it was never made
        with suppress(OSError), regular_files.folder(self.connections) as within:
            os.rmdir(markers.name, dir_fd=within)


def checked_name(name: str) -> str:
    """Return *name* if it is one plain, visible file name.

    Raises:
        errors.InvalidInput: it is empty, hidden, too long, or could lead out of its folder.

    """
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        msg = f"{name!r} cannot name a file of the storage: it is empty, hidden, or a path"
        raise errors.InvalidInput(msg)
    if len(os.fsencode(name)) > NAME_BYTES:
        msg = f"a name in the storage has at most {NAME_BYTES} bytes, not {len(os.fsencode(name))}: {name[:20]}…"
        raise errors.InvalidInput(msg)
    return name


def _size(entry: os.DirEntry[str]) -> tuple[int, int]:
    # (apparent, allocated) bytes; what was removed since the folder was read counts nothing
    try:
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return 0, 0
    return found.st_size, found.st_blocks * 512
