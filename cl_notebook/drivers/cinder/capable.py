"""What only some Cinder drivers can do, a class for each capability: a driver's class is put together of those that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.drivers.api import no_progress
from cl_notebook.drivers.cinder import listing
from cl_notebook.drivers.cinder.driver import CinderDriver

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cl_notebook.drivers.api import ManageableSnapshot, ManageableVolume, ModelUpdate, Progress, SnapshotData, VolumeData


class Reverting(CinderDriver):
    """The driver reverts volumes."""

    def revert_to_snapshot(self, volume: VolumeData, snapshot: SnapshotData, progress: Progress = no_progress) -> ModelUpdate:
        """Give the volume the snapshot's bytes."""
        del progress
        return self._update("revert_to_snapshot", volume=self._volume(volume), snapshot=self._snapshot(snapshot))


class Managing(CinderDriver):
    """The driver adopts volumes."""

    def manage_existing_get_size(self, volume: VolumeData, reference: Mapping[str, str]) -> int:
        """Return the size of what is to be adopted, in GiB."""
        words = {"volume": self._volume(volume), "reference": dict(reference)}
        return int(self._call("manage_existing_get_size", **words)["value"])

    def manage_existing(self, volume: VolumeData, reference: Mapping[str, str]) -> ModelUpdate:
        """Adopt it; Cinder's drivers give it the volume's name. One that has it, for it was lost and is found again, keeps it."""
        if _has_its_name(reference, volume.name_in_storage):
            return {"name_in_storage": volume.name_in_storage}
        return self._update("manage_existing", volume=self._volume(volume), reference=dict(reference))

    def unmanage(self, volume: VolumeData) -> None:
        """Release the volume."""
        self._update("unmanage", volume=self._volume(volume))


class ListingManageable(CinderDriver):
    """The driver lists its volumes."""

    def get_manageable_volumes(self, known: Iterable[VolumeData]) -> Iterator[ManageableVolume]:
        """Yield what is on the storage."""
        return listing.listed(self._sending(), self._name, "get_manageable_volumes", map(self._volume, known), self._timeout)


class ManagingSnapshots(CinderDriver):
    """The driver adopts snapshots."""

    def manage_existing_snapshot_get_size(self, snapshot: SnapshotData, reference: Mapping[str, str]) -> int:
        """Return the size of what is to be adopted, in GiB."""
        words = {"snapshot": self._snapshot(snapshot), "reference": dict(reference)}
        return int(self._call("manage_existing_snapshot_get_size", **words)["value"])

    def manage_existing_snapshot(self, snapshot: SnapshotData, reference: Mapping[str, str]) -> ModelUpdate:
        """Adopt it; Cinder's drivers give it the snapshot's name. One that has it, for it was lost, keeps it."""
        if _has_its_name(reference, snapshot.name_in_storage):
            return {"name_in_storage": snapshot.name_in_storage}
        return self._update("manage_existing_snapshot", snapshot=self._snapshot(snapshot), reference=dict(reference))

    def unmanage_snapshot(self, snapshot: SnapshotData) -> None:
        """Release the snapshot."""
        self._update("unmanage_snapshot", snapshot=self._snapshot(snapshot))


class ListingManageableSnapshots(CinderDriver):
    """The driver lists its snapshots."""

    def get_manageable_snapshots(self, known: Iterable[SnapshotData]) -> Iterator[ManageableSnapshot]:
        """Yield what is on the storage."""
        return listing.listed(self._sending(), self._name, "get_manageable_snapshots", map(self._snapshot, known), self._timeout)


class Retyping(CinderDriver):
    """The driver changes the specs of a volume in place."""

    def retype(self, volume: VolumeData, extra_specs: Mapping[str, str], qos_specs: Mapping[str, str]) -> ModelUpdate:
        """Give the volume other specs.

        Raises:
            errors.NotSupported: the driver says that these cannot be had in place.

        """
        specs: dict[str, Any] = {"extra_specs": dict(extra_specs), "qos_specs": dict(qos_specs)}
        answer = self._call("retype", volume=self._volume(volume), specs=specs)
        if not answer["value"]:
            msg = f"{self._name}: the driver cannot give the volume these specs in place"
            raise errors.NotSupported(msg, untouched=True)
        update: ModelUpdate = answer["update"]
        return update


def _has_its_name(reference: Mapping[str, str], name: str) -> bool:
    # Cinder's drivers would refuse to give a name to what has it
    return [word.removeprefix("_") for word in reference.values()] == [name]  # LVM puts a line before a snapshot's


MIXINS: Mapping[str, type[CinderDriver]] = {
    "revert": Reverting,
    "manage": Managing,
    "list_manageable": ListingManageable,
    "manage_snapshots": ManagingSnapshots,
    "list_manageable_snapshots": ListingManageableSnapshots,
    "retype": Retyping,
}
"""Name of each capability -> the class that has its methods."""
