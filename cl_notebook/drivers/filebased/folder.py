"""The folder that a file-based driver keeps its storage in.

::

    <path>/volume-…                              volumes, and untracked files
    <path>/snapshots/snapshot-…                  snapshots
    <path>/.cl_notebook/tmp/                     unfinished copies
    <path>/.cl_notebook/locks/<name>             locked during work on that volume or snapshot
    <path>/.cl_notebook/connections/<name>/<id>  one file per connection of the volume
    <path>/.cl_notebook/made/                    empty; its time is when the storage was created
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

NAME_BYTES = 255
"""Longest file name that Linux file systems take."""

SNAPSHOTS = "snapshots"

_VOLUME = "volume"
_OTHER = "other"
_ACL = "system.posix_acl_access"
"""Extended attribute of an access control list."""


def warn_if_shared(path: Path) -> None:
    """Warn if anyone but this user and root can write to the folder, or replace it by writing to a parent.

    Files in the folder are opened without following links, but others could remove or replace volumes.
    """
    writer = other_writers(path, path.stat())
    reason = f"{writer} can write to the folder {path}" if writer else ""
    for parent in path.parents if not reason else ():
        status = parent.stat()
        # in a sticky folder only the owner of a name can change it
        is_sticky = status.st_mode & stat.S_ISVTX and status.st_uid in {0, os.geteuid()}
        writer = "" if is_sticky else other_writers(parent, status)
        if writer:
            reason = f"{writer} can write to {parent}, and replace the folder {path}"
            break
    if reason:
        msg = f"{reason}: volumes there can be replaced or removed. Use a folder that only its owner can write to (chmod go-w)."
        warnings.warn(msg, errors.WritableByOthers, stacklevel=2)


def other_writers(path: Path, status: os.stat_result) -> str:
    """Return who, besides this user and root, can write to the folder *path* with this *status*; empty if no one can."""
    if status.st_mode & stat.S_IWOTH:
        return "Everybody"
    if status.st_uid not in {0, os.geteuid()}:
        return f"The user {_user(status.st_uid)}"
    if status.st_mode & stat.S_IWGRP:
        if _has_acl(path):
            return "Everyone on its access control list"
        if not _is_private(status.st_gid):
            return f"The group {_group(status.st_gid)}"
    return ""


def _has_acl(path: Path) -> bool:
    try:
        os.getxattr(path, _ACL)
    except OSError:
        return False
    return True


def _is_private(group: int) -> bool:
    """Return whether a group has this user as its only member (user private groups: a group of the same name per user)."""
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


def folder_identity(path: str | os.PathLike[str]) -> str:
    """Return a text that is equal for all paths of a folder, also through links and mounts."""
    try:
        status = Path(path).stat()
    except OSError:
        return f"folder {Path(path).resolve()}"
    return f"folder {status.st_dev}:{status.st_ino}"


class Folder:
    """Names, locks, temporary files and connection markers in the folder of a driver; constructed without disk access."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Resolve the links in *path* once, here: links that appear later are not followed."""
        self.path = Path(regular_files.real(path))
        self.snapshots = self.path / SNAPSHOTS
        self.hidden = self.path / ".cl_notebook"
        self.tmp = self.hidden / "tmp"
        self.locks = self.hidden / "locks"
        self.connections = self.hidden / "connections"
        self.created_marker = self.hidden / "made"

    def prepare(self) -> None:
        """Create missing folders, check that files can be written, and remove temporary files of killed processes.

        Raises:
            errors.DriverError: the folder cannot be created or written.

        """
        try:
            regular_files.make_folders(self.path)
            is_new = regular_files.status(self.hidden) is None
            for folder in (
                self.hidden,
                self.snapshots,
                self.tmp,
                self.locks,
                self.connections,
                *([self.created_marker] if is_new else []),
            ):
                regular_files.make_folder(folder)
            files.NewFile(self.tmp, 0, prefix=_OTHER).close()
            warn_if_shared(self.path)
        except OSError as error:
            msg = f"The folder {self.path} cannot be used: {errors.one_line(error)}."
            raise errors.DriverError(msg) from error
        files.sweep(self.tmp)

    def shares_blocks(self) -> bool:
        """Return whether files of the folder can share blocks (reflink)."""
        return files.can_share(self.tmp)

    def refuse_if_missing(self) -> None:
        """Check that the folder holds a storage, without changing it.

        Raises:
            errors.DriverError: the folder is missing, holds no storage, or cannot be read.

        """
        try:
            if all(
                folder.is_dir() and os.access(folder, os.R_OK | os.X_OK) for folder in (self.path, self.hidden, self.snapshots)
            ):
                return
            reason = "it holds no readable storage. Is its file system mounted?"
        except OSError as error:
            reason = f"{errors.one_line(error)}."
        msg = f"The folder {self.path} cannot be read: {reason}"
        raise errors.DriverError(msg)

    def volume(self, name: str) -> Path:
        """Return the path of the volume *name*, whether it exists or not.

        Raises:
            errors.InvalidInput: the name is a path, hidden, reserved or too long.

        """
        if name == SNAPSHOTS:
            msg = f"{name!r} cannot name a volume: it is the folder of the snapshots. Choose another name."
            raise errors.InvalidInput(msg)
        return self.path / checked_name(name)

    def snapshot(self, name: str) -> Path:
        """Return the path of the snapshot *name*, whether it exists or not; names are refused as in :meth:`volume`."""
        return self.snapshots / checked_name(name)

    def locked(self, *names: str, reading: tuple[str, ...] = ()) -> AbstractContextManager[None]:
        """Lock the volumes and snapshots called *names* exclusively, and those in *reading* against writers."""
        exclusive = [(self.locks / checked_name(name), False) for name in names]
        return locked(*exclusive, *((self.locks / checked_name(name), True) for name in reading))

    def forget_lock(self, name: str) -> None:
        """Remove the lock file of a deleted volume or snapshot, while its lock is held."""
        regular_files.unlink(self.locks / checked_name(name), missing_ok=True)

    def quota_locked(self) -> AbstractContextManager[None]:
        """Lock provisioning, so that the quota is checked by one process at a time."""
        return locked((self.hidden / "quota.lock", False))

    def new_volume(self, size: int) -> files.NewFile:
        """Start a volume of *size* bytes, which counts as provisioned from now on."""
        return files.NewFile(self.tmp, size, prefix=_VOLUME)

    def new_file(self, size: int) -> files.NewFile:
        """Start a file of *size* bytes that does not count as provisioned: a snapshot, or a replacement of a volume."""
        return files.NewFile(self.tmp, size, prefix=_OTHER)

    def volumes(self) -> Iterator[os.DirEntry[str]]:
        """Yield the regular files that are volumes, or could be adopted as volumes."""
        for entry in regular_files.entries(self.path):
            if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                yield entry

    def created_at(self) -> float | None:
        """Return when the storage was created, in seconds since the epoch; None if an older release created it."""
        status = regular_files.status(self.created_marker)
        return None if status is None else status.st_mtime

    def is_empty(self) -> bool:
        """Return whether the storage has neither volumes nor snapshots."""
        return next(self.volumes(), None) is None and next(self.snapshot_sizes(), None) is None

    def snapshot_sizes(self) -> Iterator[tuple[str, int]]:
        """Yield (name, size in bytes) of each snapshot."""
        for entry in regular_files.entries(self.snapshots):
            if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                yield entry.name, _size(entry)[0]

    def leftovers(self) -> Iterator[tuple[str, int]]:
        """Yield (name, allocated bytes) of each temporary file of a killed process."""
        for entry in regular_files.entries(self.tmp):
            if files.is_abandoned(self.tmp / entry.name):
                yield entry.name, _size(entry)[1]

    def sweep(self) -> int:
        """Remove the temporary files of killed processes; return how many were removed."""
        return files.sweep(self.tmp)

    def provisioned(self) -> int:
        """Return the total size of all volumes in bytes, including unfinished ones."""
        unfinished = sum(_size(entry)[0] for entry in regular_files.entries(self.tmp) if entry.name.startswith(_VOLUME))
        return unfinished + sum(_size(entry)[0] for entry in self.volumes())

    def allocated(self) -> int:
        """Return the bytes allocated by volumes and snapshots; shared blocks count in each file."""
        snapshots = sum(_size(entry)[1] for entry in regular_files.entries(self.snapshots))
        return snapshots + sum(_size(entry)[1] for entry in self.volumes())

    def mark_connection(self, name: str, connection_id: str, host: str) -> None:
        """Record a connection of the volume *name* to *host*."""
        markers = self.connections / checked_name(name)
        regular_files.make_folder(markers)
        descriptor = regular_files.open_regular(markers / checked_name(connection_id), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(host + "\n")
        regular_files.fsync_folder(markers)

    def unmark_connection(self, name: str, connection_id: str) -> None:
        """Remove the record of a connection; a missing one is a success."""
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
        """Remove the records of all connections of the volume."""
        markers = self.connections / checked_name(name)
        for connection_id in self.connected(name):
            regular_files.unlink(markers / connection_id, missing_ok=True)
        self._remove_if_empty(markers)

    def _remove_if_empty(self, markers: Path) -> None:
        # it may hold other connections, or not exist
        with suppress(OSError), regular_files.folder(self.connections) as within:
            os.rmdir(markers.name, dir_fd=within)


def checked_name(name: str) -> str:
    """Return *name* if it is a plain, visible file name.

    Raises:
        errors.InvalidInput: it is empty, hidden, too long, or a path.

    """
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        msg = f"{name!r} cannot name a file of the storage: it is empty, hidden, or a path. Choose another name."
        raise errors.InvalidInput(msg)
    if len(os.fsencode(name)) > NAME_BYTES:
        msg = f"A name on the storage has at most {NAME_BYTES} bytes, not {len(os.fsencode(name))}: {name[:20]}…"
        raise errors.InvalidInput(msg)
    return name


def _size(entry: os.DirEntry[str]) -> tuple[int, int]:
    # (apparent, allocated) bytes; zero for a file that was removed since the folder was read
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return 0, 0
    return status.st_size, status.st_blocks * 512
