"""What drivers share in listing and adopting volumes that they did not make."""

from __future__ import annotations

import datetime as dt
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cl_notebook import errors, regular_files
from cl_notebook.drivers.api import GiB, ManageableSnapshot, ManageableVolume, SnapshotData, VolumeData
from cl_notebook.drivers.filebased import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from cl_notebook.drivers.api import Capacity, OrphanFile, Stats
    from cl_notebook.drivers.filebased.folder import Folder

SOURCE_NAME = "source-name"
"""The key of a reference that names a volume by its name on the storage, as in Cinder."""


LET_GO = "disconnect it first; a connection that nobody tracks goes when it is released (unmanage) and adopted again (manage)"
"""What can be done about a volume that is connected: also after its connection was forgotten, or lost with a store."""


def gib_up(size: int) -> int:
    """Return *size* bytes in GiB, rounded up."""
    return -(-size // GiB)


def checked_size(size: object, least: int = 1) -> int:
    """Return the *size* of a volume in GiB.

    Raises:
        errors.InvalidInput: it is not a whole number, or not at least 1 and *least*.

    """
    if isinstance(size, bool) or not isinstance(size, int) or size < max(1, least):
        msg = f"a volume's size is a whole number of GiB, at least {max(1, least)} here, not {size!r}"
        raise errors.InvalidInput(msg)
    return size


def volume_bytes(size: object) -> int:
    """Return the bytes of a volume of *size* GiB.

    Raises:
        errors.InvalidInput: *size* is not a whole number of at least 1.

    """
    return checked_size(size) * GiB


def source_name(reference: Mapping[str, str]) -> str:
    """Return the name that *reference* gives.

    Raises:
        errors.InvalidInput: it is no mapping with the key ``source-name`` and a text.

    """
    name = reference.get(SOURCE_NAME) if hasattr(reference, "get") else None
    if not isinstance(name, str) or not name:
        msg = f"the reference must be {{{SOURCE_NAME!r}: name on the storage}}, not {reference!r}"
        raise errors.InvalidInput(msg)
    return name


def manageable(found: Iterable[tuple[str, int]], known: Iterable[VolumeData]) -> list[ManageableVolume]:
    """Return the list-manageable entries for what was *found*, pairs of name and bytes, with the *known* ones marked."""
    ids = {volume.name_in_storage: volume.id for volume in known}
    return [_entry(name, size, ids.get(name)) for name, size in sorted(found)]


def manageable_snapshots(found: Iterable[tuple[str, int]], known: Iterable[SnapshotData]) -> list[ManageableSnapshot]:
    """Return the list-manageable entries for the snapshots that were *found*, pairs of name and bytes.

    Of those that are not *known* nobody has written down whose they are: their ``source_reference`` is empty.
    """
    ids = {snapshot.name_in_storage: (snapshot.id, snapshot.volume.name_in_storage) for snapshot in known}
    nobody = (None, "")
    return [
        {**_entry(name, size, ids.get(name, nobody)[0]), "source_reference": _source(ids.get(name, nobody)[1])}
        for name, size in sorted(found)
    ]


def present_size(file: Path) -> int:
    """Return the bytes of the regular file that a volume or snapshot is.

    Raises:
        errors.MissingOnStorage: there is no such file.

    """
    size = files.regular_size(file)
    if size is None:
        msg = f"there is no {file.name} in {file.parent}"
        raise errors.MissingOnStorage(msg)
    return size


def backing_of(file: Path) -> dict[str, Any]:
    """Return what the connection information says of the file behind a device: its name, and the number that no other has.

    Raises:
        errors.MissingOnStorage: there is no such file.

    """
    present_size(file)
    found = regular_files.status(file)
    return {"backing_file": str(file), "backing_inode": found.st_ino if found else None}


def size_to_manage(file: Path) -> int:
    """Return the size of a file that is to be adopted, in GiB, rounded up.

    Raises:
        errors.InvalidInput: it is empty, or has another name, under which it may be a volume already.
        errors.MissingOnStorage: there is no such regular file.

    """
    size = gib_up(present_size(file))
    if not size:
        msg = f"{file.name} is empty and cannot be managed"
        raise errors.InvalidInput(msg)
    found = regular_files.status(file)
    if found is not None and found.st_nlink > 1:
        msg = (
            f"{file.name} is a file with {found.st_nlink} names (hard links): what is written to one is in all. Copy it, and "
            "adopt the copy"
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


def features(*, attached: bool) -> Mapping[str, bool]:
    """Return what the file-based drivers can do; *attached*: their copies of what is written to meanwhile hold one moment."""
    return MappingProxyType({"atomic": True, "snapshot_attached": attached})


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


K = TypeVar("K", VolumeData, SnapshotData)
E = TypeVar("E", ManageableVolume, ManageableSnapshot)


class InFolder:
    """The part of a driver that keeps its storage in a folder, where copies that are cut short leave temporary files."""

    _folder: Folder

    def leftovers(self) -> list[OrphanFile]:
        """List the temporary files that nobody works on; ``size`` is what they take."""
        return [{"name": name, "size": size} for name, size in sorted(self._folder.leftovers())]

    def remove_leftovers(self) -> int:
        """Remove them, and return how many there were."""
        return self._folder.sweep()

    def _checked(self, make: Callable[[Iterable[K]], list[E]], known: Iterable[K]) -> list[E]:
        """Return the entries that *make* makes of the *known*.

        Raises:
            errors.DriverError: nothing of what is known is there, and the storage was begun after it: it is another folder.

        """
        told = _Told(known)
        entries, made = make(told), self._folder.made_at()
        if made is None or told.oldest is None or told.oldest >= made or any(entry["cinder_id"] for entry in entries):
            return entries
        raise self._other_folder()

    def _refuse_other_folder(self, created_at: str | None) -> None:
        """Refuse to say that what was made at *created_at* is gone, as it is not there, if that is so for want of the folder.

        Raises:
            errors.DriverError: the storage was begun later, and holds nothing: it is another folder.

        """
        made = self._folder.made_at()
        if made is not None and created_at and _seconds(created_at) < made and self._folder.is_empty():
            raise self._other_folder()

    def _other_folder(self) -> errors.DriverError:
        msg = (
            f"the folder {self._folder.path} was begun after what is tracked in it, and has none of it: is its file system "
            f"mounted? If it is the right folder, remove {self._folder.made}"
        )
        return errors.DriverError(msg, no_side_effects=True)


class _Told(Generic[K]):
    """What is known, and the time at which the oldest of it was made, once it was gone through."""

    def __init__(self, known: Iterable[K]) -> None:
        self._known: Iterable[K] = known
        self.oldest: float | None = None

    def __iter__(self) -> Iterator[K]:
        for each in self._known:
            if each.created_at:
                at = _seconds(each.created_at)
                self.oldest = at if self.oldest is None else min(at, self.oldest)
            yield each


def _seconds(moment: str) -> float:
    return dt.datetime.fromisoformat(moment).timestamp()
