"""A simulated storage: a complete driver with latency and faults on demand, for learning, demos and tests.

The state is in a SQLite file, so that it survives the process and several kernels can share it. A volume is a row; its bytes
are a sparse file that is created at its first connection.

:meth:`SimDriver.vanish`, :meth:`SimDriver.appear`, :meth:`SimDriver.rename` and :meth:`SimDriver.resize` change the storage
without the tracker, as an administrator could.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cl_notebook import errors, regular_files
from cl_notebook.drivers.api import GiB, Option, no_progress
from cl_notebook.drivers.filebased import files
from cl_notebook.drivers.filebased.manage import (
    DEFAULT_PATH,
    FolderStorage,
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
from cl_notebook.settings import backend_folder

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping

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


class SimDriver(FolderStorage):
    """A simulated storage with latency and faults."""

    @classmethod
    def options(cls) -> tuple[Option, ...]:
        """Describe the options of the driver."""
        return (
            Option(
                "path",
                Path,
                f"Folder that holds the state and the bytes; {DEFAULT_PATH}",
                default_for=backend_folder,
            ),
            Option("latency", float, "Seconds that each call takes; copies report their progress.", default=0.0, minimum=0),
            Option("capacity", float, "Total capacity in GiB.", default="infinite", choices=("infinite", "unknown"), minimum=0),
            Option("faults", str, "Calls that fail, such as create_volume:3,delete_volume:1+:StorageFull.", default=""),
        )

    def __init__(self, config: Mapping[str, Any], *, backend_name: str) -> None:
        """Keep the configuration, without disk access.

        Raises:
            errors.InvalidInput: the option ``faults`` is not a plan; see :mod:`cl_notebook.drivers.sim.faults`.

        """
        super().__init__(config, backend_name=backend_name)
        self._latency: float = config.get("latency") or 0.0
        self._capacity: Capacity = config.get("capacity", "infinite")
        self._faults = parse_faults(config.get("faults") or "", CALLS)
        self._state = SimState(self._folder.hidden / "state.db")

    def setup(self) -> None:
        """Create the folder and the state file if missing.

        Raises:
            errors.DriverError: the folder cannot be created or written, or the state file is another program's.

        """
        self._folder.prepare()
        self.features = features(attached=self._folder.shares_blocks(), thin=self.thin)
        self._state.prepare()
        with self._call("setup"):
            pass

    def setup_read_only(self) -> None:
        """Check that the folder and the state file exist, without changing them.

        Raises:
            errors.DriverError: one is missing or unusable.

        """
        self._folder.refuse_if_missing()
        self._state.open_read_only()
        with self._call("setup"):
            pass

    def close(self) -> None:
        """Close the state file; the next call opens it again."""
        self._state.close()

    def get_volume_stats(self, *, refresh: bool = False) -> Stats:  # noqa: ARG002 - always read again: it is cheap
        """Return the capacities in GiB: every volume occupies its full size."""
        with self._call("get_volume_stats"):
            return self.known_stats()

    def known_stats(self) -> Stats:
        """Return the present statistics, without the latency and the faults of a call."""
        with self._state.transaction() as sql:
            used = round(provisioned(sql) / GiB, 2)
        capacity = self._capacity
        return one_pool(
            self._backend_name,
            self.storage_protocol,
            total=capacity,
            free=capacity if isinstance(capacity, str) else max(0.0, capacity - used),
            provisioned=used,
            allocated=used,
            thin=self.thin,
        )

    def create_volume(self, volume: VolumeData) -> None:
        """Create a volume that reads as zeros."""
        with self._call("create_volume", volume.name_in_storage):
            file = self._folder.volume(volume.name_in_storage)
            with self._state.transaction() as sql:
                if not self._exists(sql, volume):
                    regular_files.unlink(file, missing_ok=True)
                    self._add(sql, volume)

    def create_volume_from_snapshot(self, volume: VolumeData, snapshot: SnapshotData, progress: Progress = no_progress) -> None:
        """Create a volume with the snapshot's bytes."""
        waiting = Waiting(progress, volume_bytes(volume.size))
        with self._call("create_volume_from_snapshot", volume.name_in_storage, waiting):
            self._copy_volume(volume, "snapshots", snapshot.name_in_storage, waiting)

    def create_cloned_volume(self, volume: VolumeData, source: VolumeData, progress: Progress = no_progress) -> None:
        """Create a volume with the source's bytes."""
        waiting = Waiting(progress, volume_bytes(volume.size))
        with self._call("create_cloned_volume", volume.name_in_storage, waiting):
            self._copy_volume(volume, "volumes", source.name_in_storage, waiting)

    def extend_volume(self, volume: VolumeData, new_size: int) -> None:
        """Grow the volume to *new_size* GiB.

        Raises:
            errors.InvalidInput: the volume is larger than *new_size*.
            errors.MissingOnStorage: there is no such volume.
            errors.StorageFull: the capacity would be exceeded.

        """
        name, size = volume.name_in_storage, volume_bytes(new_size)
        with self._call("extend_volume", name):
            with self._state.transaction() as sql:
                current = present(sql, "volumes", name)
                if size < current:
                    msg = f"{name} has {current // GiB} GiB and cannot shrink to {new_size} GiB."
                    raise errors.InvalidInput(msg)
                self._admit(sql, size - current)
                sql.execute("UPDATE volumes SET size = ? WHERE name = ?", (size, name))
            file = self._folder.volume(name)
            if files.regular_size(file) is not None:
                files.resize(file, size)

    def delete_volume(self, volume: VolumeData) -> None:
        """Delete the volume; a missing volume is a success.

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
        """Take a snapshot of the volume.

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
        """Delete the snapshot; a missing snapshot is a success."""
        with self._call("delete_snapshot", snapshot.name_in_storage):
            file = self._folder.snapshot(snapshot.name_in_storage)
            with self._state.transaction() as sql:
                sql.execute("DELETE FROM snapshots WHERE name = ?", (snapshot.name_in_storage,))
            self._remove_file(file)

    def revert_to_snapshot(self, volume: VolumeData, snapshot: SnapshotData, progress: Progress = no_progress) -> None:
        """Give the volume the snapshot's bytes again; it keeps its size.

        Raises:
            errors.BusyOnStorage: the volume is connected.
            errors.MissingOnStorage: the volume or the snapshot is missing.

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
        """Count the call; there is nothing to export."""
        with self._call("create_export", volume.name_in_storage):
            pass

    def ensure_export(self, volume: VolumeData) -> None:
        """Count the call; there is nothing to export."""
        with self._call("ensure_export", volume.name_in_storage):
            pass

    def remove_export(self, volume: VolumeData) -> None:
        """Count the call; there is nothing to export."""
        with self._call("remove_export", volume.name_in_storage):
            pass

    def initialize_connection(self, volume: VolumeData, connection: ConnectionData) -> ConnectionInfo:
        """Return the file with the volume's bytes, which is created if missing. ``size`` is in bytes.

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
        """Remove the connection; a missing connection is a success."""
        with self._call("terminate_connection", volume.name_in_storage), self._state.transaction() as sql:
            sql.execute("DELETE FROM connections WHERE volume = ? AND id = ?", (volume.name_in_storage, connection.id))

    def get_manageable_volumes(self, known: Iterable[VolumeData]) -> list[ManageableVolume]:
        """List every volume of the storage."""
        with self._call("get_manageable_volumes"), self._state.transaction() as sql:
            sizes = sql.execute("SELECT name, size FROM volumes").fetchall()
        return self._checked(lambda tracked: manageable(sizes, tracked), known)

    def manage_existing_get_size(self, volume: VolumeData, reference: Mapping[str, str]) -> int:  # noqa: ARG002 - the protocol's
        """Return the size of the volume ``{"source-name": name}`` in GiB.

        Raises:
            errors.InvalidInput: the reference has no ``source-name``.
            errors.MissingOnStorage: there is no such volume.

        """
        name = source_name(reference)
        with self._call("manage_existing_get_size", name), self._state.transaction() as sql:
            return present(sql, "volumes", name) // GiB

    def manage_existing(self, volume: VolumeData, reference: Mapping[str, str]) -> ModelUpdate:
        """Adopt the volume under its own name; errors are those of :meth:`manage_existing_get_size`."""
        name = source_name(reference)
        with self._call("manage_existing", name), self._state.transaction() as sql:
            present(sql, "volumes", name)
            sql.execute("UPDATE volumes SET id = ? WHERE name = ?", (volume.id, name))
        return {"name_in_storage": name}

    def unmanage(self, volume: VolumeData) -> None:
        """Release the volume and its connections; it stays on the storage."""
        with self._call("unmanage", volume.name_in_storage), self._state.transaction() as sql:
            sql.execute("UPDATE volumes SET id = '' WHERE name = ?", (volume.name_in_storage,))
            sql.execute("DELETE FROM connections WHERE volume = ?", (volume.name_in_storage,))

    def get_manageable_snapshots(self, known: Iterable[SnapshotData]) -> list[ManageableSnapshot]:
        """List every snapshot of the storage."""
        with self._call("get_manageable_snapshots"), self._state.transaction() as sql:
            sizes = sql.execute("SELECT name, size FROM snapshots").fetchall()
        return self._checked(lambda tracked: manageable_snapshots(sizes, tracked), known)

    def manage_existing_snapshot_get_size(self, snapshot: SnapshotData, reference: Mapping[str, str]) -> int:  # noqa: ARG002 - the protocol's
        """Return the size of the snapshot in GiB; errors are those of :meth:`manage_existing_get_size`."""
        name = source_name(reference)
        with self._call("manage_existing_snapshot_get_size", name), self._state.transaction() as sql:
            return present(sql, "snapshots", name) // GiB

    def manage_existing_snapshot(self, snapshot: SnapshotData, reference: Mapping[str, str]) -> ModelUpdate:
        """Adopt the snapshot under its own name."""
        name = source_name(reference)
        with self._call("manage_existing_snapshot", name), self._state.transaction() as sql:
            present(sql, "snapshots", name)
            sql.execute("UPDATE snapshots SET id = ? WHERE name = ?", (snapshot.id, name))
        return {"name_in_storage": name}

    def unmanage_snapshot(self, snapshot: SnapshotData) -> None:
        """Release the snapshot; it stays on the storage."""
        with self._call("unmanage_snapshot", snapshot.name_in_storage), self._state.transaction() as sql:
            sql.execute("UPDATE snapshots SET id = '' WHERE name = ?", (snapshot.name_in_storage,))

    def vanish(self, name: str) -> None:
        """Remove the volume or snapshot *name*, as if it had been removed on the storage itself."""
        with self._state.transaction() as sql:
            for table in ("volumes", "snapshots"):
                sql.execute(f"DELETE FROM {table} WHERE name = ?", (name,))  # noqa: S608 - the names of our tables
        regular_files.unlink(self._folder.volume(name), missing_ok=True)
        regular_files.unlink(self._folder.snapshot(name), missing_ok=True)

    def appear(self, name: str, size: int) -> None:
        """Add a volume of *size* GiB, as if it had been created on the storage itself."""
        self._folder.volume(name)
        with self._state.transaction() as sql:
            sql.execute("INSERT OR IGNORE INTO volumes VALUES (?, '', ?)", (name, volume_bytes(size)))

    def resize(self, name: str, size: int) -> None:
        """Set the volume's size to *size* GiB, larger or smaller, as if it had been resized on the storage itself."""
        with self._state.transaction() as sql:
            present(sql, "volumes", name)
            sql.execute("UPDATE volumes SET size = ? WHERE name = ?", (volume_bytes(size), name))
        file = self._folder.volume(name)
        if files.regular_size(file) is not None:
            files.resize(file, volume_bytes(size))

    def rename(self, name: str, new_name: str) -> None:
        """Rename the volume, as if it had been renamed on the storage itself."""
        self._folder.volume(new_name)
        with self._state.transaction() as sql:
            present(sql, "volumes", name)
            sql.execute("UPDATE volumes SET name = ? WHERE name = ?", (new_name, name))
        file = self._folder.volume(name)
        if files.regular_size(file) is not None:
            regular_files.rename(file, self._folder.volume(new_name))

    def calls(self, call: str | None = None) -> list[Call]:
        """Return all calls of the storage, or those of the method *call*, the oldest first."""
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
        rows = sql.execute("SELECT id, size FROM volumes WHERE name = ?", (volume.name_in_storage,)).fetchall()
        if rows and rows[0] != (volume.id, volume_bytes(volume.size)):
            existing_id, existing_size = rows[0]
            difference = "another volume" if existing_id != volume.id else f"{existing_size // GiB} GiB, not {volume.size} GiB"
            msg = f"{volume.name_in_storage} exists on the storage already, with {difference}."
            raise errors.ExistsOnStorage(msg)
        return bool(rows)

    def _add(self, sql: sqlite3.Connection, volume: VolumeData) -> None:
        size = volume_bytes(volume.size)
        self._admit(sql, size)
        sql.execute("INSERT INTO volumes VALUES (?, ?, ?)", (volume.name_in_storage, volume.id, size))

    def _admit(self, sql: sqlite3.Connection, growth: int) -> None:
        if isinstance(self._capacity, str) or not growth:
            return
        used = provisioned(sql)
        if used + growth > self._capacity * GiB:
            msg = f"{growth // GiB} GiB more do not fit: {used // GiB} of {self._capacity:g} GiB are provisioned. Delete volumes."
            raise errors.StorageFull(msg, no_side_effects=True)

    def _copy_volume(self, volume: VolumeData, table: Literal["volumes", "snapshots"], name: str, progress: Progress) -> None:
        final, size = self._folder.volume(volume.name_in_storage), volume_bytes(volume.size)
        with self._state.transaction() as sql:
            if self._exists(sql, volume):
                return
            source_size = present(sql, table, name)
            if size < source_size:
                msg = f"A volume of {volume.size} GiB cannot hold {name}, which has {source_size // GiB} GiB."
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
        with self._folder.locked(final.name, reading=(source.name,)), self._folder.new_file(size) as new_file:
            new_file.fill(source, progress=progress, hold=self._hold(source.name))
            new_file.publish(final, replace=True)

    def _hold(self, name: str) -> files.Hold | None:
        with self._state.transaction() as sql:
            is_connected = sql.execute("SELECT 1 FROM connections WHERE volume = ?", (name,)).fetchall()
        return (lambda: nullcontext(lambda: None)) if is_connected else None

    def _remove_file(self, file: Path) -> None:
        if regular_files.status(file) is None and regular_files.status(self._folder.locks / file.name) is None:
            return
        with self._folder.locked(file.name):  # another process may be copying it
            regular_files.unlink(file, missing_ok=True)
            self._folder.forget_lock(file.name)

    def _ensure_file(self, name: str, size: int) -> None:
        file = self._folder.volume(name)
        current = files.regular_size(file)
        if current is not None:
            files.resize(file, max(current, size))
            return
        with self._folder.locked(name), self._folder.new_file(size) as new_file:
            if files.regular_size(file) is None:
                new_file.publish(file)
