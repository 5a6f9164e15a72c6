"""The local driver: volumes are sparse files in a folder, attached as loop devices when run by root.

A volume is a file with the volume's ``name_in_storage``; a snapshot is a copy of it in the sub-folder ``snapshots``, which shares
its blocks if the file system can (XFS, Btrfs). See :mod:`cl_notebook.drivers.filebased.folder` for the layout.

Files appear under their names only when they are complete, and each call can be repeated: repeating a killed call finishes it.
 Any number of processes may work on one folder.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook import errors, regular_files
from cl_notebook.drivers.api import GiB, Option, no_progress
from cl_notebook.drivers.filebased import files
from cl_notebook.drivers.filebased.manage import (
    DEFAULT_PATH,
    DISCONNECT_HINT,
    FolderStorage,
    backing_of,
    features,
    manageable,
    manageable_snapshots,
    one_pool,
    present_size,
    size_to_manage,
    source_name,
    volume_bytes,
)
from cl_notebook.drivers.local import fsfreeze, loopdev
from cl_notebook.settings import backend_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from cl_notebook.drivers.api import (
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

LOOP_DEVICES = ("auto", "always", "never")
"""When volumes are attached through loop devices."""


class LocalDriver(FolderStorage):
    """A storage of sparse files in a folder."""

    thin = True

    @classmethod
    def options(cls) -> tuple[Option, ...]:
        """Describe the options of the driver."""
        return (
            Option("path", Path, f"Folder that holds the volumes; {DEFAULT_PATH}", default_for=backend_folder),
            Option("quota", float, "GiB that the volumes may be provisioned with in all; 0 is no limit.", default=0.0, minimum=0),
            Option("reflink", str, "Share blocks between copies if the file system can.", default="auto", choices=files.REFLINK),
            Option(
                "loop_devices", str, "Attach through loop devices; auto: when run by root.", default="auto", choices=LOOP_DEVICES
            ),
        )

    def __init__(self, config: Mapping[str, Any], *, backend_name: str) -> None:
        """Keep the configuration, without disk access."""
        super().__init__(config, backend_name=backend_name)
        self._quota = round((config.get("quota") or 0) * GiB)
        self._reflink: files.Reflink = config.get("reflink") or "auto"
        self._loop_devices: str = config.get("loop_devices") or "auto"
        self._uses_loops = self._loop_devices == "always"

    def setup(self) -> None:
        """Create the folder if missing, and remove temporary files of killed processes.

        Raises:
            errors.DriverError: the folder cannot be created or written, or ``loop_devices=always`` is impossible.

        """
        self._check_loops()
        self._folder.prepare()
        self.features = features(attached=self._reflink != "never" and self._folder.shares_blocks(), thin=self.thin)

    def setup_read_only(self) -> None:
        """Check that the folder exists, without changing it; errors are those of :meth:`setup`."""
        self._check_loops()
        self._folder.refuse_if_missing()

    def _check_loops(self) -> None:
        usable = self._loop_devices != "never" and loopdev.usable()
        if self._loop_devices == "always" and not usable:
            msg = "loop_devices=always needs root, /dev/loop-control and losetup. With auto the files themselves are attached."
            raise errors.DriverError(msg)
        self._uses_loops = usable

    def close(self) -> None:
        """Do nothing: no call leaves anything open."""

    def get_volume_stats(self, *, refresh: bool = False) -> Stats:  # noqa: ARG002 - always read again: it is cheap
        """Return the capacities of the folder's file system in GiB, limited by the quota.

        ``provisioned_capacity_gb`` is the size of all volumes, ``allocated_capacity_gb`` what volumes and snapshots occupy.
        """
        return self.known_stats()

    def known_stats(self) -> Stats:
        """Return the present statistics: the folder is on this host."""
        system = os.statvfs(self._folder.path)
        total, free = system.f_blocks * system.f_frsize, system.f_bavail * system.f_frsize
        provisioned = self._folder.provisioned()
        if self._quota:
            total, free = min(total, self._quota), max(0, min(free, self._quota - provisioned))
        return one_pool(
            self._backend_name,
            self.storage_protocol,
            total=_gib(total),
            free=_gib(free),
            provisioned=_gib(provisioned),
            allocated=_gib(self._folder.allocated()),
            thin=self.thin,
        )

    def create_volume(self, volume: VolumeData) -> None:
        """Create an empty sparse file."""
        with self._folder.locked(volume.name_in_storage):
            self._create_volume(volume, None, no_progress)

    def create_volume_from_snapshot(self, volume: VolumeData, snapshot: SnapshotData, progress: Progress = no_progress) -> None:
        """Create a volume as a copy of the snapshot's file."""
        with self._folder.locked(volume.name_in_storage, reading=(snapshot.name_in_storage,)):
            self._create_volume(volume, self._folder.snapshot(snapshot.name_in_storage), progress)

    def create_cloned_volume(self, volume: VolumeData, source: VolumeData, progress: Progress = no_progress) -> None:
        """Create a volume as a copy of the source's file."""
        with self._folder.locked(volume.name_in_storage, reading=(source.name_in_storage,)):
            self._create_volume(volume, self._folder.volume(source.name_in_storage), progress)

    def extend_volume(self, volume: VolumeData, new_size: int) -> None:
        """Grow the file and its loop device to *new_size* GiB.

        Raises:
            errors.InvalidInput: the volume is larger than *new_size*.
            errors.MissingOnStorage: the volume's file is missing.
            errors.StorageFull: the quota would be exceeded.

        """
        file = self._folder.volume(volume.name_in_storage)
        size = volume_bytes(new_size)
        with self._folder.locked(volume.name_in_storage):
            current = present_size(file)
            if size < current:
                msg = f"{volume.name_in_storage} has {_gib(current)} GiB and cannot shrink to {new_size} GiB."
                raise errors.InvalidInput(msg)
            with self._admitted(size - current):
                files.resize(file, size)
            for device in self._devices(file):
                loopdev.refresh(device)

    def delete_volume(self, volume: VolumeData) -> None:
        """Delete the file; a missing file is a success.

        Raises:
            errors.BusyOnStorage: the volume is connected, or its loop device is mounted or in use.
            errors.DriverError: the folder is empty and younger than the volume: its file system is not mounted.

        """
        name = volume.name_in_storage
        self._refuse_other_folder(volume.created_at)
        with self._folder.locked(name):
            self._refuse_connected(name, "deleted")
            file = self._folder.volume(name)
            self._free_devices(file)
            _unlink(file)
            self._folder.forget_connections(name)
            self._folder.forget_lock(name)

    def create_snapshot(self, snapshot: SnapshotData, progress: Progress = no_progress) -> None:
        """Copy the volume's file.

        Raises:
            errors.BusyOnStorage: the volume was written to, and its blocks cannot be shared.
            errors.MissingOnStorage: the volume's file is missing.

        """
        source = self._folder.volume(snapshot.volume.name_in_storage)
        final = self._folder.snapshot(snapshot.name_in_storage)
        with self._folder.locked(snapshot.name_in_storage, reading=(snapshot.volume.name_in_storage,)):
            if files.regular_size(final) is not None:
                return  # published files are complete: an earlier call created it
            with self._folder.new_file(present_size(source)) as new_file:
                self._fill(new_file, source, progress)
                new_file.publish(final)

    def delete_snapshot(self, snapshot: SnapshotData) -> None:
        """Delete the snapshot's file; a missing file is a success. Errors are those of :meth:`delete_volume`."""
        self._refuse_other_folder(snapshot.created_at)
        with self._folder.locked(snapshot.name_in_storage):
            _unlink(self._folder.snapshot(snapshot.name_in_storage))
            self._folder.forget_lock(snapshot.name_in_storage)

    def revert_to_snapshot(self, volume: VolumeData, snapshot: SnapshotData, progress: Progress = no_progress) -> None:
        """Replace the volume's file by a copy of the snapshot that is as large as the volume is now.

        Raises:
            errors.BusyOnStorage: the volume is connected.
            errors.MissingOnStorage: the file of the volume or the snapshot is missing.

        """
        file = self._folder.volume(volume.name_in_storage)
        source = self._folder.snapshot(snapshot.name_in_storage)
        with self._folder.locked(volume.name_in_storage, reading=(snapshot.name_in_storage,)):
            self._refuse_connected(volume.name_in_storage, "reverted")
            size = max(present_size(file), present_size(source))
            self._free_devices(file)
            with self._folder.new_file(size) as new_file:
                new_file.fill(source, reflink=self._reflink, progress=progress)
                new_file.publish(file, replace=True)

    def create_export(self, volume: VolumeData, connector: Mapping[str, Any]) -> None:
        """Do nothing: a file needs no export."""

    def ensure_export(self, volume: VolumeData) -> None:
        """Set up the loop device of a connected volume again, after a restart of the host."""
        with self._folder.locked(volume.name_in_storage):
            if self._uses_loops and self._folder.connected(volume.name_in_storage):
                file = self._folder.volume(volume.name_in_storage)
                present_size(file)
                loopdev.set_up(file)

    def remove_export(self, volume: VolumeData) -> None:
        """Do nothing: a file needs no export."""

    def initialize_connection(self, volume: VolumeData, connection: ConnectionData) -> ConnectionInfo:
        """Return the volume's loop device, which all its connections share, or the file itself without loop devices.

        ``size`` is in bytes. ``backing_file`` and ``backing_inode`` identify the file, since a loop device may get another
        number after a restart of the host; call again with the same connection then.

        Raises:
            errors.MissingOnStorage: the volume's file is missing.

        """
        file = self._folder.volume(volume.name_in_storage)
        with self._folder.locked(volume.name_in_storage):
            present_size(file)
            self._folder.mark_connection(volume.name_in_storage, connection.id, str(connection.connector.get("host", "")))
            device = loopdev.set_up(file) if self._uses_loops else str(file)
            backing = backing_of(file)
            size = present_size(file)
        return {
            "driver_volume_type": self.storage_protocol,
            "data": {"device_path": device, "volume_id": volume.id, "size": size, **backing},
        }

    def terminate_connection(self, volume: VolumeData, connection: ConnectionData) -> None:
        """Remove the connection, and with the last one the loop device.

        Raises:
            errors.BusyOnStorage: it is the last connection, and the device is mounted or in use.

        """
        name = volume.name_in_storage
        with self._folder.locked(name):
            if not self._folder.connected(name) - {connection.id}:
                # a device that is merely open is removed by the kernel at its last close: no data is lost
                self._free_devices(self._folder.volume(name), descriptors=False)
            self._folder.unmark_connection(name, connection.id)

    @property
    def volumes_folder(self) -> Path:
        """The folder whose files are the volumes."""
        return self._folder.path

    def connections_of(self, name: str) -> set[str]:
        """Return the ids of all connections of the volume *name*, whichever store tracks them."""
        return self._folder.connected(name)

    def get_manageable_volumes(self, known: Iterable[VolumeData]) -> list[ManageableVolume]:
        """List the regular files of the folder that are not hidden."""
        sizes = ((entry.name, entry.stat(follow_symlinks=False).st_size) for entry in self._folder.volumes())
        return self._checked(lambda tracked: manageable(sizes, tracked), known)

    def manage_existing_get_size(self, volume: VolumeData, reference: Mapping[str, str]) -> int:  # noqa: ARG002 - the protocol's
        """Return the size of the file ``{"source-name": file}``, in GiB, rounded up.

        Raises:
            errors.InvalidInput: the reference has no ``source-name``, or its file is empty or has hard links.
            errors.MissingOnStorage: there is no such regular file.

        """
        return size_to_manage(self._folder.volume(source_name(reference)))

    def manage_existing(self, volume: VolumeData, reference: Mapping[str, str]) -> ModelUpdate:
        """Adopt the file under its own name; errors are those of :meth:`manage_existing_get_size`."""
        self.manage_existing_get_size(volume, reference)
        return {"name_in_storage": source_name(reference)}

    def unmanage(self, volume: VolumeData) -> None:
        """Release the volume and its connections; the file stays.

        Raises:
            errors.BusyOnStorage: its loop device is in use.

        """
        with self._folder.locked(volume.name_in_storage):
            self._free_devices(self._folder.volume(volume.name_in_storage))
            self._folder.forget_connections(volume.name_in_storage)
            self._folder.forget_lock(volume.name_in_storage)

    def get_manageable_snapshots(self, known: Iterable[SnapshotData]) -> list[ManageableSnapshot]:
        """List the files of the snapshots."""
        return self._checked(lambda tracked: manageable_snapshots(self._folder.snapshot_sizes(), tracked), known)

    def manage_existing_snapshot_get_size(self, snapshot: SnapshotData, reference: Mapping[str, str]) -> int:  # noqa: ARG002 - the protocol's
        """Return the size of the snapshot's file, in GiB; errors are those of :meth:`manage_existing_get_size`."""
        return size_to_manage(self._folder.snapshot(source_name(reference)))

    def manage_existing_snapshot(self, snapshot: SnapshotData, reference: Mapping[str, str]) -> ModelUpdate:
        """Adopt the file under its own name; whether it belongs to the snapshot's volume cannot be checked."""
        self.manage_existing_snapshot_get_size(snapshot, reference)
        return {"name_in_storage": source_name(reference)}

    def unmanage_snapshot(self, snapshot: SnapshotData) -> None:
        """Release the snapshot; the file stays."""
        with self._folder.locked(snapshot.name_in_storage):
            self._folder.forget_lock(snapshot.name_in_storage)

    def _create_volume(self, volume: VolumeData, source: Path | None, progress: Progress) -> None:
        final = self._folder.volume(volume.name_in_storage)
        size = volume_bytes(volume.size)
        existing = files.regular_size(final)
        if existing is not None:
            _refuse_other_size(volume, existing, size)
            return
        if source is not None and size < present_size(source):
            msg = f"A volume of {volume.size} GiB cannot hold {source.name}, which has {_gib(present_size(source))} GiB."
            raise errors.InvalidInput(msg)
        with self._admitted(size):
            new_file = self._folder.new_volume(size)
        with new_file:
            if source is not None:
                self._fill(new_file, source, progress)
            new_file.publish(final)

    def _fill(self, new_file: files.NewFile, source: Path, progress: Progress) -> None:
        devices = self._devices(source)
        for device in devices:
            loopdev.flush(device)  # writes of an attached host may still be cached

        @contextmanager
        def hold() -> Iterator[Callable[[], None]]:
            with ExitStack() as frozen:
                keep_alives = [frozen.enter_context(fsfreeze.frozen(device)) for device in devices]
                for device in devices:
                    loopdev.flush(device)

                def advance() -> None:
                    for keep_alive in keep_alives:
                        keep_alive()

                yield advance

        is_attached = bool(devices) or bool(self._folder.connected(source.name))
        new_file.fill(source, reflink=self._reflink, progress=progress, hold=hold if is_attached else None)

    @contextmanager
    def _admitted(self, growth: int) -> Iterator[None]:
        if not self._quota or not growth:
            yield
            return
        # locked until the growth is visible to the next process that counts
        with self._folder.quota_locked():
            provisioned = self._folder.provisioned()
            if provisioned + growth > self._quota:
                msg = (
                    f"{_gib(growth)} GiB more would exceed the quota of {self._backend_name}: "
                    f"{_gib(provisioned)} of {_gib(self._quota)} GiB are provisioned. Delete volumes, or raise the quota."
                )
                raise errors.StorageFull(msg, no_side_effects=True)
            yield

    def _devices(self, file: Path) -> list[str]:
        return [device.path for device in loopdev.devices_of(file)] if self._uses_loops else []

    def _free_devices(self, file: Path, *, descriptors: bool = True) -> None:
        for device in self._devices(file):
            loopdev.remove(device, descriptors=descriptors)

    def _refuse_connected(self, name: str, what: str) -> None:
        connected = self._folder.connected(name)
        if connected:
            msg = f"{name} has {len(connected)} connection(s) and cannot be {what}. {DISCONNECT_HINT}"
            raise errors.BusyOnStorage(msg)


def _refuse_other_size(volume: VolumeData, existing: int, size: int) -> None:
    if existing != size:
        msg = f"{volume.name_in_storage} exists on the storage already, with {_gib(existing)} GiB instead of {volume.size} GiB."
        raise errors.ExistsOnStorage(msg)


def _unlink(file: Path) -> None:
    try:
        regular_files.unlink(file)
    except FileNotFoundError:
        return
    regular_files.fsync_folder(file.parent)


def _gib(size: int) -> float:
    return round(size / GiB, 2)
