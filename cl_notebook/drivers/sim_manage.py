"""What is on the simulated storage already: listed, adopted, released; and the ghosts that change it behind everybody's back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook import regular_files
from cl_notebook.drivers.api import GiB
from cl_notebook.drivers.filebased import files
from cl_notebook.drivers.filebased.manage import manageable, manageable_snapshots, source_name, volume_bytes
from cl_notebook.drivers.leftovers import InFolder
from cl_notebook.drivers.sim.state import present

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager

    from cl_notebook.drivers.api import ManageableSnapshot, ManageableVolume, ModelUpdate, SnapshotData, VolumeData
    from cl_notebook.drivers.sim.state import SimState
    from cl_notebook.drivers.waiting import Waiting


class SimManaging(InFolder):
    """The part of the simulator that deals with what is there already."""

    _state: SimState

    def get_manageable_volumes(self, known: Iterable[VolumeData]) -> list[ManageableVolume]:
        """List every volume of the storage."""
        with self._call("get_manageable_volumes"), self._state.transaction() as sql:
            found = sql.execute("SELECT name, size FROM volumes").fetchall()
        return self._checked(lambda told: manageable(found, told), known)

    def manage_existing_get_size(self, volume: VolumeData, reference: Mapping[str, str]) -> int:  # noqa: ARG002 - the protocol's
        """Return the size of the volume ``{"source-name": name}`` in GiB.

        Raises:
            errors.InvalidInput: the reference is no such mapping.
            errors.MissingOnStorage: there is no such volume.

        """
        name = source_name(reference)
        with self._call("manage_existing_get_size", name), self._state.transaction() as sql:
            return present(sql, "volumes", name) // GiB

    def manage_existing(self, volume: VolumeData, reference: Mapping[str, str]) -> ModelUpdate:
        """Adopt the volume under the name that it has; errors are those of :meth:`manage_existing_get_size`."""
        name = source_name(reference)
        with self._call("manage_existing", name), self._state.transaction() as sql:
            present(sql, "volumes", name)
            sql.execute("UPDATE volumes SET id = ? WHERE name = ?", (volume.id, name))
        return {"name_in_storage": name}

    def unmanage(self, volume: VolumeData) -> None:
        """Leave the volume, and forget its connections."""
        with self._call("unmanage", volume.name_in_storage), self._state.transaction() as sql:
            sql.execute("UPDATE volumes SET id = '' WHERE name = ?", (volume.name_in_storage,))
            sql.execute("DELETE FROM connections WHERE volume = ?", (volume.name_in_storage,))

    def get_manageable_snapshots(self, known: Iterable[SnapshotData]) -> list[ManageableSnapshot]:
        """List every snapshot of the storage."""
        with self._call("get_manageable_snapshots"), self._state.transaction() as sql:
            found = sql.execute("SELECT name, size FROM snapshots").fetchall()
        return self._checked(lambda told: manageable_snapshots(found, told), known)

    def manage_existing_snapshot_get_size(self, snapshot: SnapshotData, reference: Mapping[str, str]) -> int:  # noqa: ARG002 - the protocol's
        """Return the size of the snapshot in GiB; errors are those of :meth:`manage_existing_get_size`."""
        name = source_name(reference)
        with self._call("manage_existing_snapshot_get_size", name), self._state.transaction() as sql:
            return present(sql, "snapshots", name) // GiB

    def manage_existing_snapshot(self, snapshot: SnapshotData, reference: Mapping[str, str]) -> ModelUpdate:
        """Adopt the snapshot under the name that it has."""
        name = source_name(reference)
        with self._call("manage_existing_snapshot", name), self._state.transaction() as sql:
            present(sql, "snapshots", name)
            sql.execute("UPDATE snapshots SET id = ? WHERE name = ?", (snapshot.id, name))
        return {"name_in_storage": name}

    def unmanage_snapshot(self, snapshot: SnapshotData) -> None:
        """Leave the snapshot."""
        with self._call("unmanage_snapshot", snapshot.name_in_storage), self._state.transaction() as sql:
            sql.execute("UPDATE snapshots SET id = '' WHERE name = ?", (snapshot.name_in_storage,))

    def vanish(self, name: str) -> None:
        """Lose the volume or snapshot of that name, as if somebody had removed it on the storage itself."""
        with self._state.transaction() as sql:
            for table in ("volumes", "snapshots"):
                sql.execute(f"DELETE FROM {table} WHERE name = ?", (name,))  # noqa: S608 - the names of our tables
        regular_files.unlink(self._folder.volume(name), missing_ok=True)
        regular_files.unlink(self._folder.snapshot(name), missing_ok=True)

    def appear(self, name: str, size: int) -> None:
        """Find a volume of *size* GiB, as if somebody had made it on the storage itself."""
        self._folder.volume(name)
        with self._state.transaction() as sql:
            sql.execute("INSERT OR IGNORE INTO volumes VALUES (?, '', ?)", (name, volume_bytes(size)))

    def resize(self, name: str, size: int) -> None:
        """Find the volume with *size* GiB, larger or smaller, as if somebody had resized it on the storage itself."""
        with self._state.transaction() as sql:
            present(sql, "volumes", name)
            sql.execute("UPDATE volumes SET size = ? WHERE name = ?", (volume_bytes(size), name))
        file = self._folder.volume(name)
        if files.regular_size(file) is not None:
            files.resize(file, volume_bytes(size))

    def rename(self, name: str, new_name: str) -> None:
        """Find the volume under another name, as if somebody had renamed it on the storage itself."""
        self._folder.volume(new_name)
        with self._state.transaction() as sql:
            present(sql, "volumes", name)
            sql.execute("UPDATE volumes SET name = ? WHERE name = ?", (new_name, name))
        file = self._folder.volume(name)
        if files.regular_size(file) is not None:
            regular_files.rename(file, self._folder.volume(new_name))

    def _call(self, call: str, name: str = "", waiting: Waiting | None = None) -> AbstractContextManager[None]:
        raise NotImplementedError
