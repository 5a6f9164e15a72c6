"""A simulated storage: a full driver with latency, faults and ghosts on demand, for learning, for demos and for tests.

What is on the storage is kept in a SQLite file, so it outlives the process, and several kernels may share it. A volume's bytes
are a sparse file that is made at its first connection; until then, a volume costs a row.

Ghosts are changes behind the tracker's back: :meth:`SimDriver.vanish`, :meth:`SimDriver.appear`, :meth:`SimDriver.rename`,
:meth:`SimDriver.resize`; see :mod:`cl_notebook.drivers.sim.driver`.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from cl_notebook import errors, regular_files
from cl_notebook.drivers.api import GiB, Option, no_progress
from cl_notebook.drivers.filebased import files
from cl_notebook.drivers.filebased.folder import Folder, folder_identity
from cl_notebook.drivers.filebased.manage import (
    InFolder,
    backing_of,
    features,
    manageable,
    manageable_snapshots,
    one_pool,
    source_name,
    volume_bytes,
)
from cl_notebook.drivers.sim.faults import CALLS, HANG, LOST, Waiting, parse_faults
from cl_notebook.drivers.sim.state import SimState, present, provisioned, refuse_connected

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from cl_notebook.drivers.api import (
        Capacity,
        ConnectionData,
        ConnectionInfo,
        ManageableSnapshot,
        ManageableVolume,
        ModelUpdate,
        Progress,
        SnapshotData,
        Stats,
        VolumeData,
    )
    from cl_notebook.drivers.sim.state import Call


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


class SimDriver(SimManaging):
    """A simulated storage."""

    storage_protocol: ClassVar[str] = "local"
    features: Mapping[str, bool] = features(attached=False)

    @classmethod
    def options(cls) -> tuple[Option, ...]:
        """Describe the options that the driver takes."""
        words = ("infinite", "unknown")
        return (
            Option("path", Path, "Folder that holds the state and the bytes; made if it is missing.", required=True),
            Option("latency", float, "Seconds that each call takes; copies report their progress.", default=0.0, minimum=0),
            Option("capacity", float, "GiB that there are in all.", default="infinite", choices=words, minimum=0),
            Option("faults", str, "Calls that fail, such as create_volume:3,delete_volume:1+:StorageFull.", default=""),
        )

    @classmethod
    def storage_identity(cls, config: Mapping[str, Any]) -> str:
        """Return which folder it is, by whatever name."""
        return folder_identity(config["path"])

    def __init__(self, config: Mapping[str, Any], *, backend_name: str) -> None:
        """Keep the configuration; touch no storage.

        Raises:
            errors.InvalidInput: the faults are no plan that :mod:`cl_notebook.drivers.sim.faults` knows.

        """
        self._backend_name = backend_name
        self._folder = Folder(config["path"])
        self._latency: float = config.get("latency") or 0.0
        self._capacity: Capacity = config.get("capacity", "infinite")
        self._faults = parse_faults(config.get("faults") or "", CALLS)
        self._state = SimState(self._folder.hidden / "state.db")

    def setup(self) -> None:
        """Make the folder and the state file ready.

        Raises:
            errors.DriverError: the folder cannot be made or written.

        """
        self._folder.prepare()
        self.features = features(attached=self._folder.shares_blocks())
        self._state.prepare()
        with self._call("setup"):
            pass

    def setup_read_only(self) -> None:
        """Check that the folder is there, and make nothing in it.

        Raises:
            errors.DriverError: it is not.

        """
        self._folder.refuse_if_missing()
        self._state.look()
        with self._call("setup"):
            pass

    def close(self) -> None:
        """Close the state file; the next call opens it again."""
        self._state.close()

    def get_volume_stats(self, *, refresh: bool = False) -> Stats:  # noqa: ARG002 - always read afresh: it is cheap
        """Return the capacities: every volume takes its full size."""
        with self._call("get_volume_stats"), self._state.transaction() as sql:
            taken = round(provisioned(sql) / GiB, 2)
        capacity = self._capacity
        return one_pool(
            self._backend_name,
            self.storage_protocol,
            total=capacity,
            free=capacity if isinstance(capacity, str) else max(0.0, capacity - taken),
            provisioned=taken,
            allocated=taken,
            thin=False,
        )

    def create_volume(self, volume: VolumeData) -> None:
        """Add a volume that reads as zeros."""
        with self._call("create_volume", volume.name_in_storage):
            file = self._folder.volume(volume.name_in_storage)
            with self._state.transaction() as sql:
                if not self._exists(sql, volume):
                    regular_files.unlink(file, missing_ok=True)
                    self._add(sql, volume)

    def create_volume_from_snapshot(self, volume: VolumeData, snapshot: SnapshotData, progress: Progress = no_progress) -> None:
        """Add a volume with the snapshot's bytes."""
        waiting = Waiting(progress, volume_bytes(volume.size))
        with self._call("create_volume_from_snapshot", volume.name_in_storage, waiting):
            self._copy_volume(volume, "snapshots", snapshot.name_in_storage, waiting)

    def create_cloned_volume(self, volume: VolumeData, source: VolumeData, progress: Progress = no_progress) -> None:
        """Add a volume with the source's bytes."""
        waiting = Waiting(progress, volume_bytes(volume.size))
        with self._call("create_cloned_volume", volume.name_in_storage, waiting):
            self._copy_volume(volume, "volumes", source.name_in_storage, waiting)

    def extend_volume(self, volume: VolumeData, new_size: int) -> None:
        """Grow the volume.

        Raises:
            errors.InvalidInput: the volume is larger than that.
            errors.MissingOnStorage: there is no such volume.
            errors.StorageFull: the capacity does not allow it.

        """
        name, size = volume.name_in_storage, volume_bytes(new_size)
        with self._call("extend_volume", name):
            with self._state.transaction() as sql:
                found = present(sql, "volumes", name)
                if size < found:
                    msg = f"{name} has {found // GiB} GiB and cannot shrink to {new_size} GiB"
                    raise errors.InvalidInput(msg)
                self._admit(sql, size - found)
                sql.execute("UPDATE volumes SET size = ? WHERE name = ?", (size, name))
            file = self._folder.volume(name)
            if files.regular_size(file) is not None:
                files.resize(file, size)

    def delete_volume(self, volume: VolumeData) -> None:
        """Remove the volume; one that is not there is a success.

        Raises:
            errors.BusyOnStorage: the volume is connected.

        """
        with self._call("delete_volume", volume.name_in_storage):
            file = self._folder.volume(volume.name_in_storage)
            with self._state.transaction() as sql:
                refuse_connected(sql, volume.name_in_storage)
                sql.execute("DELETE FROM volumes WHERE name = ?", (volume.name_in_storage,))
            self._remove_file(file)

    def create_snapshot(self, snapshot: SnapshotData, progress: Progress = no_progress) -> None:
        """Keep the volume's bytes.

        Raises:
            errors.MissingOnStorage: there is no such volume.

        """
        name, source = snapshot.name_in_storage, snapshot.volume.name_in_storage
        waiting = Waiting(progress, volume_bytes(snapshot.size))
        with self._call("create_snapshot", name, waiting):
            final = self._folder.snapshot(name)
            with self._state.transaction() as sql:
                if sql.execute("SELECT 1 FROM snapshots WHERE name = ?", (name,)).fetchall():
                    return
                size = present(sql, "volumes", source)
            self._copy_file(self._folder.volume(source), final, size, waiting)
            with self._state.transaction() as sql:
                sql.execute("INSERT OR IGNORE INTO snapshots VALUES (?, ?, ?)", (name, snapshot.id, size))

    def delete_snapshot(self, snapshot: SnapshotData) -> None:
        """Remove the snapshot; one that is not there is a success."""
        with self._call("delete_snapshot", snapshot.name_in_storage):
            file = self._folder.snapshot(snapshot.name_in_storage)
            with self._state.transaction() as sql:
                sql.execute("DELETE FROM snapshots WHERE name = ?", (snapshot.name_in_storage,))
            self._remove_file(file)

    def revert_to_snapshot(self, volume: VolumeData, snapshot: SnapshotData, progress: Progress = no_progress) -> None:
        """Give the volume the snapshot's bytes; its size stays.

        Raises:
            errors.BusyOnStorage: the volume is connected.
            errors.MissingOnStorage: the volume or the snapshot is gone.

        """
        waiting = Waiting(progress, volume_bytes(volume.size))
        with self._call("revert_to_snapshot", volume.name_in_storage, waiting):
            with self._state.transaction() as sql:
                refuse_connected(sql, volume.name_in_storage)
                size = present(sql, "volumes", volume.name_in_storage)
                size = max(size, present(sql, "snapshots", snapshot.name_in_storage))
            source = self._folder.snapshot(snapshot.name_in_storage)
            self._copy_file(source, self._folder.volume(volume.name_in_storage), size, waiting)

    def create_export(self, volume: VolumeData, connector: Mapping[str, Any]) -> None:  # noqa: ARG002 - the protocol's
        """Offer nothing: there is nothing to export."""
        with self._call("create_export", volume.name_in_storage):
            pass

    def ensure_export(self, volume: VolumeData) -> None:
        """Offer nothing again."""
        with self._call("ensure_export", volume.name_in_storage):
            pass

    def remove_export(self, volume: VolumeData) -> None:
        """Withdraw nothing."""
        with self._call("remove_export", volume.name_in_storage):
            pass

    def initialize_connection(self, volume: VolumeData, connection: ConnectionData) -> ConnectionInfo:
        """Return the file with the volume's bytes, made now if it was not needed before. ``size`` is in bytes.

        Raises:
            errors.MissingOnStorage: there is no such volume.

        """
        name = volume.name_in_storage
        with self._call("initialize_connection", name):
            file = self._folder.volume(name)
            with self._state.transaction() as sql:
                size = present(sql, "volumes", name)
                row = (name, connection.id, str(connection.connector.get("host", "")))
                sql.execute("INSERT OR REPLACE INTO connections VALUES (?, ?, ?)", row)
            # from here on the volume cannot be deleted
            self._ensure_file(name, size)
        return {
            "driver_volume_type": self.storage_protocol,
            "data": {"device_path": str(file), "volume_id": volume.id, "size": size, **backing_of(file)},
        }

    def terminate_connection(self, volume: VolumeData, connection: ConnectionData) -> None:
        """Forget the connection; one that is not there is a success."""
        with self._call("terminate_connection", volume.name_in_storage), self._state.transaction() as sql:
            sql.execute("DELETE FROM connections WHERE volume = ? AND id = ?", (volume.name_in_storage, connection.id))

    def calls(self, call: str | None = None) -> list[Call]:
        """Return the calls that the storage ever got, or those of one method, the oldest first."""
        return self._state.calls(call)

    @contextmanager
    def _call(self, call: str, name: str = "", waiting: Waiting | None = None) -> Iterator[None]:
        number = self._state.count(call, name)
        if self._latency:
            (waiting.sleep if waiting else time.sleep)(self._latency)
        fault = next((fault for fault in self._faults if fault.hits(call, number)), None)
        if fault is None:
            yield
            return
        while fault.how == HANG:
            time.sleep(60)
        if fault.how == LOST:
            yield
        raise fault.error(number)

    def _exists(self, sql: sqlite3.Connection, volume: VolumeData) -> bool:
        found = sql.execute("SELECT id, size FROM volumes WHERE name = ?", (volume.name_in_storage,)).fetchall()
        if found and found[0] != (volume.id, volume_bytes(volume.size)):
            what = "another volume" if found[0][0] != volume.id else f"{found[0][1] // GiB} GiB instead of {volume.size} GiB"
            msg = f"{volume.name_in_storage} is on the storage already, with {what}"
            raise errors.ExistsOnStorage(msg)
        return bool(found)

    def _add(self, sql: sqlite3.Connection, volume: VolumeData) -> None:
        size = volume_bytes(volume.size)
        self._admit(sql, size)
        sql.execute("INSERT INTO volumes VALUES (?, ?, ?)", (volume.name_in_storage, volume.id, size))

    def _admit(self, sql: sqlite3.Connection, growth: int) -> None:
        if isinstance(self._capacity, str) or not growth:
            return
        taken = provisioned(sql)
        if taken + growth > self._capacity * GiB:
            msg = f"{growth // GiB} GiB more do not fit: {taken // GiB} of {self._capacity:g} GiB are provisioned"
            raise errors.StorageFull(msg, no_side_effects=True)

    def _copy_volume(self, volume: VolumeData, table: Literal["volumes", "snapshots"], name: str, progress: Progress) -> None:
        final, size = self._folder.volume(volume.name_in_storage), volume_bytes(volume.size)
        with self._state.transaction() as sql:
            if self._exists(sql, volume):
                return
            found = present(sql, table, name)
            if size < found:
                msg = f"a volume of {volume.size} GiB cannot hold {name}, which has {found // GiB} GiB"
                raise errors.InvalidInput(msg)
            self._admit(sql, size)
        source = self._folder.snapshot(name) if table == "snapshots" else self._folder.volume(name)
        self._copy_file(source, final, size, progress)
        with self._state.transaction() as sql:
            if not self._exists(sql, volume):
                self._add(sql, volume)

    def _copy_file(self, source: Path, final: Path, size: int, progress: Progress) -> None:
        if files.regular_size(source) is None:
            regular_files.unlink(final, missing_ok=True)  # bytes that were never written are zeros
            progress(size, size)
            return
        with self._folder.locked(final.name, reading=(source.name,)), self._folder.new_file(size) as made:
            made.fill(source, progress=progress, hold=self._hold(source.name))
            made.publish(final, replace=True)

    def _hold(self, name: str) -> files.Hold | None:
        with self._state.transaction() as sql:
            is_connected = sql.execute("SELECT 1 FROM connections WHERE volume = ?", (name,)).fetchall()
        return (lambda: nullcontext(lambda: None)) if is_connected else None

    def _remove_file(self, file: Path) -> None:
        if regular_files.status(file) is None and regular_files.status(self._folder.locks / file.name) is None:
            return
        with self._folder.locked(file.name):  # somebody may be copying it
            regular_files.unlink(file, missing_ok=True)
            self._folder.forget_lock(file.name)

    def _ensure_file(self, name: str, size: int) -> None:
        file = self._folder.volume(name)
        found = files.regular_size(file)
        if found is not None:
            files.resize(file, max(found, size))
            return
        with self._folder.locked(name), self._folder.new_file(size) as made:
            if files.regular_size(file) is None:
                made.publish(file)
