"""The embedded driver: volumes are sparse files in a folder, attached as loop devices where root allows it.

A volume is a file with the volume's ``name_in_storage``; a snapshot is a copy of it in the sub-folder ``snapshots``, which shares
its blocks where the file system can (XFS, Btrfs). See :mod:`cl_notebook.drivers.filebased.folder` for the layout.

A file or a name appears in its place only when it is complete, and each call can be repeated: a call that was killed half-way is
finished by calling it again, and nothing else is needed. Any number of processes may work on one folder.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cl_notebook import errors, regular_files
from cl_notebook.drivers.api import GiB, Option, no_progress
from cl_notebook.drivers.filebased import files
from cl_notebook.drivers.filebased.folder import Folder, folder_identity
from cl_notebook.drivers.filebased.manage import (
    LET_GO,
    InFolder,
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


_WHEN = ("auto", "always", "never")


class LocalDriver(LocalManaging):
    """Sparse files in a folder."""

    storage_protocol: ClassVar[str] = "local"
    features: Mapping[str, bool] = features(attached=False)

    @classmethod
    def options(cls) -> tuple[Option, ...]:
        """Describe the options that the driver takes."""
        return (
            Option("path", Path, "Folder that holds the volumes; made if it is missing.", required=True),
            Option("quota", float, "GiB that the volumes may be provisioned with in all; 0 is no limit.", default=0.0, minimum=0),
            Option(
                "reflink", str, "Share blocks between copies, where the file system can.", default="auto", choices=files.REFLINK
            ),
            Option("loop_devices", str, "Attach through loop devices; auto: when run by root.", default="auto", choices=_WHEN),
        )

    @classmethod
    def storage_identity(cls, config: Mapping[str, Any]) -> str:
        """Return which folder it is, by whatever name."""
        return folder_identity(config["path"])

    def __init__(self, config: Mapping[str, Any], *, backend_name: str) -> None:
        """Keep the configuration; touch no storage."""
        self._backend_name = backend_name
        self._folder = Folder(config["path"])
        self._quota = round((config.get("quota") or 0) * GiB)
        self._reflink: files.Reflink = config.get("reflink") or "auto"
        self._when_loops: str = config.get("loop_devices") or "auto"
        self._loops = self._when_loops == "always"

    def setup(self) -> None:
        """Make the folder ready and remove what killed processes left in it.

        Raises:
            errors.DriverError: the folder cannot be made or written, or loop devices are asked for and cannot be had.

        """
        self._find_loops()
        self._folder.prepare()
        self.features = features(attached=self._reflink != "never" and self._folder.shares_blocks())

    def setup_read_only(self) -> None:
        """Check that the folder is there, and leave it as it is; errors are those of :meth:`setup`."""
        self._find_loops()
        self._folder.refuse_if_missing()

    def _find_loops(self) -> None:
        usable = self._when_loops != "never" and loopdev.usable()
        if self._when_loops == "always" and not usable:
            msg = "loop_devices=always needs root, /dev/loop-control and losetup; with auto the files themselves are attached"
            raise errors.DriverError(msg)
        self._loops = usable

    def close(self) -> None:
        """Let go of nothing: no call leaves anything open."""

    def get_volume_stats(self, *, refresh: bool = False) -> Stats:  # noqa: ARG002 - always read afresh: it is cheap
        """Return the capacities of the folder's file system; a quota counts as its size where that is less.

        ``provisioned_capacity_gb`` is what all files in the folder may grow to; ``allocated_capacity_gb`` is what the volumes and
        snapshots really take.
        """
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
            thin=True,
        )

    def create_volume(self, volume: VolumeData) -> None:
        """Make an empty sparse file."""
        with self._folder.locked(volume.name_in_storage):
            self._make_volume(volume, None, no_progress)

    def create_volume_from_snapshot(self, volume: VolumeData, snapshot: SnapshotData, progress: Progress = no_progress) -> None:
        """Copy the snapshot's file."""
        with self._folder.locked(volume.name_in_storage, reading=(snapshot.name_in_storage,)):
            self._make_volume(volume, self._folder.snapshot(snapshot.name_in_storage), progress)

    def create_cloned_volume(self, volume: VolumeData, source: VolumeData, progress: Progress = no_progress) -> None:
        """Copy the source's file."""
        with self._folder.locked(volume.name_in_storage, reading=(source.name_in_storage,)):
            self._make_volume(volume, self._folder.volume(source.name_in_storage), progress)

    def extend_volume(self, volume: VolumeData, new_size: int) -> None:
        """Make the file longer, and its loop device with it.

        Raises:
            errors.InvalidInput: the volume is larger than that.
            errors.MissingOnStorage: the volume's file is gone.
            errors.StorageFull: the quota does not allow it.

        """
        file = self._folder.volume(volume.name_in_storage)
        size = volume_bytes(new_size)
        with self._folder.locked(volume.name_in_storage):
            present = present_size(file)
            if size < present:
                msg = f"{volume.name_in_storage} has {_gib(present)} GiB and cannot shrink to {new_size} GiB"
                raise errors.InvalidInput(msg)
            with self._admitted(size - present):
                files.resize(file, size)
            for device in self._devices(file):
                loopdev.refresh(device)

    def delete_volume(self, volume: VolumeData) -> None:
        """Remove the file; one that is not there is a success.

        Raises:
            errors.BusyOnStorage: the volume is connected, or its loop device is mounted or in use.
            errors.DriverError: it is not there because the folder is another one: its file system is not mounted.

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
            errors.MissingOnStorage: the volume's file is gone.

        """
        source = self._folder.volume(snapshot.volume.name_in_storage)
        final = self._folder.snapshot(snapshot.name_in_storage)
        with self._folder.locked(snapshot.name_in_storage, reading=(snapshot.volume.name_in_storage,)):
            if files.regular_size(final) is not None:
                return  # published files are complete: an earlier call made it
            with self._folder.new_file(present_size(source)) as made:
                self._fill(made, source, progress)
                made.publish(final)

    def delete_snapshot(self, snapshot: SnapshotData) -> None:
        """Remove the snapshot's file; one that is not there is a success. Errors are those of :meth:`delete_volume`."""
        self._refuse_other_folder(snapshot.created_at)
        with self._folder.locked(snapshot.name_in_storage):
            _unlink(self._folder.snapshot(snapshot.name_in_storage))
            self._folder.forget_lock(snapshot.name_in_storage)

    def revert_to_snapshot(self, volume: VolumeData, snapshot: SnapshotData, progress: Progress = no_progress) -> None:
        """Put a copy of the snapshot, as large as the volume is now, in the place of the volume's file.

        Raises:
            errors.BusyOnStorage: the volume is connected.
            errors.MissingOnStorage: the volume or the snapshot is gone.

        """
        file = self._folder.volume(volume.name_in_storage)
        source = self._folder.snapshot(snapshot.name_in_storage)
        with self._folder.locked(volume.name_in_storage, reading=(snapshot.name_in_storage,)):
            self._refuse_connected(volume.name_in_storage, "reverted")
            size = max(present_size(file), present_size(source))
            self._free_devices(file)
            with self._folder.new_file(size) as made:
                made.fill(source, reflink=self._reflink, progress=progress)
                made.publish(file, replace=True)

    def create_export(self, volume: VolumeData, connector: Mapping[str, Any]) -> None:
        """Offer nothing: a file needs no export."""

    def ensure_export(self, volume: VolumeData) -> None:
        """Set the loop device up again, after a restart of the host, if the volume is connected."""
        with self._folder.locked(volume.name_in_storage):
            if self._loops and self._folder.connected(volume.name_in_storage):
                file = self._folder.volume(volume.name_in_storage)
                present_size(file)
                loopdev.set_up(file)

    def remove_export(self, volume: VolumeData) -> None:
        """Withdraw nothing."""

    def initialize_connection(self, volume: VolumeData, connection: ConnectionData) -> ConnectionInfo:
        """Return the loop device of the volume, which its connections share; without loop devices the file itself.

        ``size`` is in bytes; ``backing_file`` tells whether a loop device is still the right one. After a restart of the host the
        device may be another one: ask again with the same connection.

        Raises:
            errors.MissingOnStorage: the volume's file is gone.

        """
        file = self._folder.volume(volume.name_in_storage)
        with self._folder.locked(volume.name_in_storage):
            present_size(file)
            self._folder.mark_connection(volume.name_in_storage, connection.id, str(connection.connector.get("host", "")))
            device = loopdev.set_up(file) if self._loops else str(file)
            backing = backing_of(file)
            size = present_size(file)
        return {
            "driver_volume_type": self.storage_protocol,
            "data": {"device_path": device, "volume_id": volume.id, "size": size, **backing},
        }

    def terminate_connection(self, volume: VolumeData, connection: ConnectionData) -> None:
        """Forget the connection, and free the loop device after the last one.

        Raises:
            errors.BusyOnStorage: it was the last one, and the device is mounted or in use.

        """
        name = volume.name_in_storage
        with self._folder.locked(name):
            if not self._folder.connected(name) - {connection.id}:
                # one that is only held open stays with the kernel until it is closed: nothing is lost
                self._free_devices(self._folder.volume(name), descriptors=False)
            self._folder.unmark_connection(name, connection.id)

    def _make_volume(self, volume: VolumeData, source: Path | None, progress: Progress) -> None:
        final = self._folder.volume(volume.name_in_storage)
        size = volume_bytes(volume.size)
        found = files.regular_size(final)
        if found is not None:
            _refuse_other_size(volume, found, size)
            return
        if source is not None and size < present_size(source):
            msg = f"a volume of {volume.size} GiB cannot hold {source.name}, which has {_gib(present_size(source))} GiB"
            raise errors.InvalidInput(msg)
        with self._admitted(size):
            made = self._folder.new_volume(size)
        with made:
            if source is not None:
                self._fill(made, source, progress)
            made.publish(final)

    def _fill(self, made: files.NewFile, source: Path, progress: Progress) -> None:
        devices = self._devices(source)
        for device in devices:
            loopdev.flush(device)  # what an attached host wrote may not be in the file yet

        @contextmanager
        def hold() -> Iterator[Callable[[], None]]:
            with ExitStack() as frozen:
                beats = [frozen.enter_context(fsfreeze.frozen(device)) for device in devices]
                for device in devices:
                    loopdev.flush(device)

                def advance() -> None:
                    for beat in beats:
                        beat()

                yield advance

        is_attached = bool(devices) or bool(self._folder.connected(source.name))
        made.fill(source, reflink=self._reflink, progress=progress, hold=hold if is_attached else None)

    @contextmanager
    def _admitted(self, growth: int) -> Iterator[None]:
        if not self._quota or not growth:
            yield
            return
        # held until the growth is visible to whoever counts next
        with self._folder.quota_locked():
            provisioned = self._folder.provisioned()
            if provisioned + growth > self._quota:
                msg = (
                    f"{_gib(growth)} GiB more would exceed the quota of {self._backend_name}: "
                    f"{_gib(provisioned)} of {_gib(self._quota)} GiB are provisioned"
                )
                raise errors.StorageFull(msg, no_side_effects=True)
            yield

    def _devices(self, file: Path) -> list[str]:
        return [device.path for device in loopdev.devices_of(file)] if self._loops else []

    def _free_devices(self, file: Path, *, descriptors: bool = True) -> None:
        for device in self._devices(file):
            loopdev.remove(device, descriptors=descriptors)

    def _refuse_connected(self, name: str, what: str) -> None:
        connected = self._folder.connected(name)
        if connected:
            msg = f"{name} has {len(connected)} connection(s) and cannot be {what}: {LET_GO}"
            raise errors.BusyOnStorage(msg)


def _refuse_other_size(volume: VolumeData, found: int, size: int) -> None:
    if found != size:
        msg = f"{volume.name_in_storage} is on the storage already, with {_gib(found)} GiB instead of {volume.size} GiB"
        raise errors.ExistsOnStorage(msg)


def _unlink(file: Path) -> None:
    try:
        regular_files.unlink(file)
    except FileNotFoundError:
        return
    regular_files.fsync_folder(file.parent)


def _gib(size: int) -> float:
    return round(size / GiB, 2)
