"""Helpers of file-based drivers: sizes, references, lists of manageable resources, statistics and orphaned files."""

from __future__ import annotations

import datetime as dt
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from cl_notebook import errors, regular_files
from cl_notebook.drivers.api import GiB, ManageableSnapshot, ManageableVolume, SnapshotData, VolumeData
from cl_notebook.drivers.filebased import files
from cl_notebook.drivers.filebased.folder import Folder, folder_identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from cl_notebook.drivers.api import Capacity, OrphanFile, Stats

SOURCE_NAME = "source-name"
"""Key of a reference for the name on the storage, as in Cinder."""

DISCONNECT_HINT = "Disconnect it first. Unmanaging and managing the volume removes connections that no store tracks."
"""Second sentence of a message that a volume is connected."""

DEFAULT_PATH = "created if missing. By default backends/NAME in the data folder."
"""End of the help of the option ``path``, whose default is :func:`cl_notebook.settings.backend_folder`."""

K = TypeVar("K", VolumeData, SnapshotData)
E = TypeVar("E", ManageableVolume, ManageableSnapshot)


def gib_up(size: int) -> int:
    """Return *size* bytes in GiB, rounded up."""
    return -(-size // GiB)


def checked_size(size: object, least: int = 1) -> int:
    """Return *size*, the size of a volume in GiB, after checking it.

    Raises:
        errors.InvalidInput: it is not a whole number, or less than 1 or *least*.

    """
    if isinstance(size, bool) or not isinstance(size, int) or size < max(1, least):
        msg = f"A volume's size is a whole number of GiB, at least {max(1, least)} here, not {size!r}."
        raise errors.InvalidInput(msg)
    return size


def volume_bytes(size: object) -> int:
    """Return the bytes of a volume of *size* GiB.

    Raises:
        errors.InvalidInput: *size* is not a whole number, or less than 1.

    """
    return checked_size(size) * GiB


def source_name(reference: Mapping[str, str]) -> str:
    """Return the name on the storage in *reference*.

    Raises:
        errors.InvalidInput: *reference* is not a mapping with a text as ``source-name``.

    """
    name = reference.get(SOURCE_NAME) if hasattr(reference, "get") else None
    if not isinstance(name, str) or not name:
        msg = f"The reference must be {{{SOURCE_NAME!r}: name on the storage}}, not {reference!r}."
        raise errors.InvalidInput(msg)
    return name


def manageable(sizes: Iterable[tuple[str, int]], known: Iterable[VolumeData]) -> list[ManageableVolume]:
    """Return the entries for *sizes*, pairs of name and bytes, with the ids of those that are *known* (tracked)."""
    ids = {volume.name_in_storage: volume.id for volume in known}
    return [_entry(name, size, ids.get(name)) for name, size in sorted(sizes)]


def manageable_snapshots(sizes: Iterable[tuple[str, int]], known: Iterable[SnapshotData]) -> list[ManageableSnapshot]:
    """Return the entries for snapshots, *sizes* being pairs of name and bytes, with the ids of those that are *known* (tracked).

    The ``source_reference`` of an untracked snapshot is empty: the storage does not record its volume.
    """
    ids = {snapshot.name_in_storage: (snapshot.id, snapshot.volume.name_in_storage) for snapshot in known}
    untracked = (None, "")
    return [
        {**_entry(name, size, ids.get(name, untracked)[0]), "source_reference": _source(ids.get(name, untracked)[1])}
        for name, size in sorted(sizes)
    ]


def present_size(file: Path) -> int:
    """Return the size in bytes of the file of a volume or snapshot.

    Raises:
        errors.MissingOnStorage: there is no such regular file.

    """
    size = files.regular_size(file)
    if size is None:
        msg = f"There is no {file.name} in {file.parent}."
        raise errors.MissingOnStorage(msg)
    return size


def backing_of(file: Path) -> dict[str, Any]:
    """Return the part of the connection information that identifies the file behind a device: its path and inode.

    Raises:
        errors.MissingOnStorage: there is no such file.

    """
    present_size(file)
    status = regular_files.status(file)
    return {"backing_file": str(file), "backing_inode": status.st_ino if status else None}


def size_to_manage(file: Path) -> int:
    """Return the size of a file to be adopted, in GiB, rounded up.

    Raises:
        errors.InvalidInput: it is empty, or has hard links, so that it may be a volume already under another name.
        errors.MissingOnStorage: there is no such regular file.

    """
    size = gib_up(present_size(file))
    if not size:
        msg = f"{file.name} is empty and cannot be managed."
        raise errors.InvalidInput(msg)
    status = regular_files.status(file)
    if status is not None and status.st_nlink > 1:
        msg = (
            f"{file.name} is a file with {status.st_nlink} names (hard links), which share their bytes. Copy it, and adopt the "
            "copy."
        )
        raise errors.InvalidInput(msg)
    return size


def _source(name: str) -> dict[str, str]:
    return {SOURCE_NAME: name} if name else {}


def _entry(name: str, size: int, cinder_id: str | None) -> ManageableVolume:
    reason = "already managed" if cinder_id else None if size else "empty"
    return {
        "reference": {SOURCE_NAME: name},
        "size": gib_up(size),
        "safe_to_manage": reason is None,
        "reason_not_safe": reason,
        "cinder_id": cinder_id,
        "extra_info": None,
    }


def features(*, attached: bool, thin: bool) -> Mapping[str, bool]:
    """Return the features of a file-based driver; *attached* is its ``snapshot_attached``."""
    return MappingProxyType({"atomic": True, "snapshot_attached": attached, "thin": thin})


def one_pool(
    backend_name: str, protocol: str, *, total: Capacity, free: Capacity, provisioned: float, allocated: float, thin: bool
) -> Stats:
    """Return the statistics of a storage with one pool; capacities are in GiB."""
    return {
        "volume_backend_name": backend_name,
        "vendor_name": "cl_notebook",
        "driver_version": "1.0",
        "storage_protocol": protocol,
        "pools": [
            {
                "pool_name": backend_name,
                "total_capacity_gb": total,
                "free_capacity_gb": free,
                "provisioned_capacity_gb": provisioned,
                "allocated_capacity_gb": allocated,
                "thin_provisioning_support": thin,
                "reserved_percentage": 0,
            }
        ],
    }


class FolderStorage:
    """Base of drivers whose storage is a folder: orphaned files, and detection of a folder whose file system is not mounted."""

    storage_protocol: ClassVar[str] = "local"
    thin: ClassVar[bool] = False
    """Whether a volume occupies only what was written to it."""
    features: Mapping[str, bool] = features(attached=False, thin=False)

    def __init_subclass__(cls) -> None:
        """Declare the features of the driver as far as they are known before it is set up."""
        super().__init_subclass__()
        cls.features = features(attached=False, thin=cls.thin)

    @classmethod
    def storage_identity(cls, config: Mapping[str, Any]) -> str:
        """Return a text that is equal for all paths of the folder."""
        return folder_identity(config["path"])

    def __init__(self, config: Mapping[str, Any], *, backend_name: str) -> None:
        """Keep the folder and the name of the backend, without disk access."""
        self._backend_name = backend_name
        self._folder = Folder(config["path"])

    def leftovers(self) -> list[OrphanFile]:
        """List the temporary files of killed processes; ``size`` is the allocated bytes."""
        return [{"name": name, "size": size} for name, size in sorted(self._folder.leftovers())]

    def remove_leftovers(self) -> int:
        """Remove the temporary files of killed processes; return how many were removed."""
        return self._folder.sweep()

    def _checked(self, make: Callable[[Iterable[K]], list[E]], known: Iterable[K]) -> list[E]:
        """Return the entries that *make* builds from the *known* resources.

        Raises:
            errors.DriverError: the storage has none of the *known* resources, and is younger than they are: another folder.

        """
        aged = _OldestOf(known)
        entries, created = make(aged), self._folder.created_at()
        if created is None or aged.oldest is None or aged.oldest >= created or any(entry["cinder_id"] for entry in entries):
            return entries
        raise self._other_folder()

    def _refuse_other_folder(self, created_at: str | None) -> None:
        """Refuse to treat a resource that was created at *created_at* as gone if this seems to be another folder.

        Raises:
            errors.DriverError: the storage is younger than the resource, and empty.

        """
        created = self._folder.created_at()
        if created is not None and created_at and _seconds(created_at) < created and self._folder.is_empty():
            raise self._other_folder()

    def _other_folder(self) -> errors.DriverError:
        msg = (
            f"The folder {self._folder.path} is younger than what is tracked in it, and has none of it. Is its file system "
            f"mounted? If it is the right folder, remove {self._folder.created_marker}."
        )
        return errors.DriverError(msg, no_side_effects=True)


class _OldestOf(Generic[K]):
    """Iterates over resources, and records in ``oldest`` when the oldest was created, in seconds since the epoch."""

    def __init__(self, known: Iterable[K]) -> None:
        self._known: Iterable[K] = known
        self.oldest: float | None = None

    def __iter__(self) -> Iterator[K]:
        for resource in self._known:
            if resource.created_at:
                created = _seconds(resource.created_at)
                self.oldest = created if self.oldest is None else min(created, self.oldest)
            yield resource


def _seconds(moment: str) -> float:
    return dt.datetime.fromisoformat(moment).timestamp()
