"""The embedded driver's files that it did not make: listed, adopted, released; and what killed processes left among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook.drivers.filebased.manage import manageable, manageable_snapshots, size_to_manage, source_name
from cl_notebook.drivers.leftovers import InFolder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from cl_notebook.drivers.api import ManageableSnapshot, ManageableVolume, ModelUpdate, SnapshotData, VolumeData


class LocalManaging(InFolder):
    """The part of the driver that deals with what is in the folder already."""

    @property
    def volumes_folder(self) -> Path:
        """The folder whose files are the volumes."""
        return self._folder.path

    def connections_of(self, name: str) -> set[str]:
        """Return the ids of the connections that the folder knows, whichever store they are tracked in."""
        return self._folder.connected(name)

    def get_manageable_volumes(self, known: Iterable[VolumeData]) -> list[ManageableVolume]:
        """List the regular files of the folder that are not hidden."""
        found = ((entry.name, entry.stat(follow_symlinks=False).st_size) for entry in self._folder.volumes())
        return self._checked(lambda told: manageable(found, told), known)

    def manage_existing_get_size(self, volume: VolumeData, reference: Mapping[str, str]) -> int:  # noqa: ARG002 - the protocol's
        """Return the size of the file ``{"source-name": file}``, in GiB, rounded up.

        Raises:
            errors.InvalidInput: the reference is no such mapping, or its file is empty.
            errors.MissingOnStorage: there is no such regular file.

        """
        return size_to_manage(self._folder.volume(source_name(reference)))

    def manage_existing(self, volume: VolumeData, reference: Mapping[str, str]) -> ModelUpdate:
        """Adopt the file under the name that it has; errors are those of :meth:`manage_existing_get_size`."""
        self.manage_existing_get_size(volume, reference)
        return {"name_in_storage": source_name(reference)}

    def unmanage(self, volume: VolumeData) -> None:
        """Leave the file, and forget its connections.

        Raises:
            errors.BusyOnStorage: its loop device is in use.

        """
        with self._folder.locked(volume.name_in_storage):
            self._free_devices(self._folder.volume(volume.name_in_storage))
            self._folder.forget_connections(volume.name_in_storage)
            self._folder.forget_lock(volume.name_in_storage)

    def get_manageable_snapshots(self, known: Iterable[SnapshotData]) -> list[ManageableSnapshot]:
        """List the files of the snapshots."""
        return self._checked(lambda told: manageable_snapshots(self._folder.snapshot_sizes(), told), known)

    def manage_existing_snapshot_get_size(self, snapshot: SnapshotData, reference: Mapping[str, str]) -> int:  # noqa: ARG002 - the protocol's
        """Return the size of the snapshot's file, in GiB; errors are those of :meth:`manage_existing_get_size`."""
        return size_to_manage(self._folder.snapshot(source_name(reference)))

    def manage_existing_snapshot(self, snapshot: SnapshotData, reference: Mapping[str, str]) -> ModelUpdate:
        """Adopt the file under the name that it has; nothing in it says which volume it is of."""
        self.manage_existing_snapshot_get_size(snapshot, reference)
        return {"name_in_storage": source_name(reference)}

    def unmanage_snapshot(self, snapshot: SnapshotData) -> None:
        """Leave the file."""
        with self._folder.locked(snapshot.name_in_storage):
            self._folder.forget_lock(snapshot.name_in_storage)

    def _free_devices(self, file: Path, *, descriptors: bool = True) -> None:
        raise NotImplementedError
