"""A workbench on a driver: volumes, snapshots and connections by name, and their bytes through a real attachment."""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from cl_notebook.drivers.api import AttachmentData, CanRevert, ConnectionData, DriverEnvironment, GiB, SnapshotData, VolumeData

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cl_notebook.attach import Host
    from cl_notebook.attach.files import VolumeFile
    from cl_notebook.drivers.api import ConnectionInfo, Driver, InitiatorData, ModelUpdate

Resource = TypeVar("Resource", VolumeData, SnapshotData)

DATA = bytes(range(256)) * 32
"""Bytes to write that no storage has by itself."""

BACKEND = "bench@contract"
"""Cinder's name of the backend that the driver belongs to."""

PLACE = f"{BACKEND}#contract"
"""Cinder's name of the pool that the volumes are in."""


class Disk(Protocol):
    """An attached volume, as whoever uses it sees it."""

    def read(self, count: int, at: int = 0) -> bytes:
        """Read *count* bytes at byte *at*, as they are on the storage."""

    def write(self, data: bytes, at: int = 0) -> None:
        """Write *data* at byte *at*, through all caches."""

    def size(self) -> int:
        """Return the size in bytes."""


@dataclass(frozen=True)
class OpenVolume:
    """A disk whose bytes are in an open file."""

    file: VolumeFile

    def read(self, count: int, at: int = 0) -> bytes:
        """Read *count* bytes at byte *at*, as they are on the storage."""
        self.file.seek(at)
        return self.file.read(count) or b""

    def write(self, data: bytes, at: int = 0) -> None:
        """Write *data* at byte *at*, through all caches."""
        self.file.seek(at)
        self.file.write(data)
        self.file.flush()

    def size(self) -> int:
        """Return the size in bytes."""
        return self.file.size()


@dataclass
class Bench:
    """A driver that is set up, the host that attaches, and what was made on the storage and is to be removed at the end.

    What the storage decided on a volume or a snapshot is kept, by its id, and the driver is told of it with each later call.
    """

    driver: Driver
    host: Host
    volumes: list[VolumeData] = field(default_factory=list)
    snapshots: list[SnapshotData] = field(default_factory=list)
    connections: list[tuple[VolumeData, ConnectionData]] = field(default_factory=list)
    _updates: dict[str, dict[str, Any]] = field(default_factory=dict)
    _infos: dict[str, ConnectionInfo] = field(default_factory=dict)

    def describe(self, size: int = 1, name: str | None = None) -> VolumeData:
        """Return the data of a new volume of *size* GiB that is not made yet, but will be removed at the end."""
        own = str(uuid.uuid4())
        volume = VolumeData(id=own, name_in_storage=name or f"volume-{own}", size=size, host=PLACE)
        self.volumes.append(volume)
        return volume

    def create(self, size: int = 1, name: str | None = None) -> VolumeData:
        """Make a volume of *size* GiB."""
        volume = self.describe(size, name)
        return self.kept(volume, self.driver.create_volume(volume))

    def clone(self, source: VolumeData, size: int) -> VolumeData:
        """Make a volume of *size* GiB with the bytes of another."""
        source = self.current(source)
        volume = replace(self.describe(size), source_volid=source.id)
        return self.kept(volume, self.driver.create_cloned_volume(volume, source))

    def describe_snapshot(self, volume: VolumeData, name: str | None = None) -> SnapshotData:
        """Return the data of a snapshot that is not made yet, but will be removed at the end."""
        own = str(uuid.uuid4())
        volume = self.current(volume)
        snapshot = SnapshotData(id=own, name_in_storage=name or f"snapshot-{own}", volume=volume, size=volume.size)
        self.snapshots.append(snapshot)
        return snapshot

    def snapshot(self, volume: VolumeData, name: str | None = None) -> SnapshotData:
        """Take a snapshot of the volume."""
        snapshot = self.describe_snapshot(volume, name)
        return self.kept(snapshot, self.driver.create_snapshot(snapshot))

    def restore(self, snapshot: SnapshotData) -> VolumeData:
        """Make a volume with the bytes of a snapshot."""
        volume = replace(self.describe(snapshot.size), snapshot_id=snapshot.id)
        return self.kept(volume, self.driver.create_volume_from_snapshot(volume, self.current(snapshot)))

    def revert(self, volume: VolumeData, snapshot: SnapshotData) -> VolumeData:
        """Put the volume back to the snapshot, with a driver that can."""
        assert isinstance(self.driver, CanRevert)
        volume = self.current(volume)
        return self.kept(volume, self.driver.revert_to_snapshot(volume, self.current(snapshot)))

    def extend(self, volume: VolumeData, size: int) -> VolumeData:
        """Grow the volume to *size* GiB."""
        self.driver.extend_volume(self.current(volume), size)
        return replace(volume, size=size)

    def delete(self, resource: Resource) -> None:
        """Remove a volume or a snapshot for good."""
        resource = self.current(resource)
        if isinstance(resource, SnapshotData):
            self.driver.delete_snapshot(resource)
            self.snapshots = [snapshot for snapshot in self.snapshots if snapshot.id != resource.id]
        else:
            self.driver.delete_volume(resource)
            self.volumes = [volume for volume in self.volumes if volume.id != resource.id]
        self._updates.pop(resource.id, None)

    def connection(self) -> ConnectionData:
        """Return the data of a new connection to this host."""
        return ConnectionData(id=str(uuid.uuid4()), connector=self.host.connector_properties(self.driver.storage_protocol))

    def connect(self, volume: VolumeData, connection: ConnectionData | None = None) -> tuple[ConnectionData, ConnectionInfo]:
        """Offer the volume, and let this host in."""
        connection = connection or self.connection()
        volume = self.current(volume)
        volume = self.kept(volume, self.driver.create_export(volume, connection.connector))
        self.connections.append((volume, connection))
        self._infos[volume.id] = self.driver.initialize_connection(volume, connection)
        return connection, self._infos[volume.id]

    def disconnect(self, volume: VolumeData, connection: ConnectionData) -> None:
        """Shut this host out again; after the last connection the volume is not offered any more."""
        self.driver.terminate_connection(self.current(volume), connection)
        self.connections = [known for known in self.connections if known[1].id != connection.id]
        if all(known.id != volume.id for known, _ in self.connections):
            self.driver.remove_export(self.current(volume))

    @contextmanager
    def attached(self, volume: VolumeData) -> Iterator[str]:
        """Attach the volume to this host for as long as the block lasts; give the path of its device."""
        with self._attachment(volume) as (_, device):
            yield str(device["path"])

    @contextmanager
    def opened(self, volume: VolumeData) -> Iterator[Disk]:
        """Attach the volume to this host, and give its bytes, for as long as the block lasts."""
        with self._attachment(volume) as (info, device), self.open_disk(info, device) as disk:
            yield disk

    @contextmanager
    def open_disk(self, info: ConnectionInfo, device: Mapping[str, Any]) -> Iterator[Disk]:
        """Give the bytes of what is attached; where the host cannot open them (qcow2), a subclass knows the way."""
        with self.host.open(info, device) as file:
            yield OpenVolume(file)

    def extended(self, volume: VolumeData) -> int:
        """Let this host see the new size of an attached volume, and return it in bytes."""
        return self.host.extend(self._infos[volume.id])

    def write(self, volume: VolumeData, data: bytes, at: int = 0) -> None:
        """Attach the volume, write *data* at byte *at*, and detach it."""
        with self.opened(volume) as disk:
            disk.write(data, at)

    def read(self, volume: VolumeData, count: int, at: int = 0) -> bytes:
        """Attach the volume, read *count* bytes at byte *at*, and detach it."""
        with self.opened(volume) as disk:
            return disk.read(count, at)

    def current(self, resource: Resource) -> Resource:
        """Return the resource with all that the storage decided on it so far, and with the state that it is in."""
        current = updated(resource, self._updates.get(resource.id))
        if isinstance(current, SnapshotData):
            return replace(current, volume=self.current(current.volume))
        if any(known.id == current.id for known, _ in self.connections):
            return replace(current, status="in-use", attach_status="attached")
        return replace(current, status="available", attach_status="detached")

    def kept(self, resource: Resource, update: ModelUpdate) -> Resource:
        """Keep what the storage decided on the resource, and return the resource with it."""
        self.note(resource.id, update)
        return self.current(resource)

    def note(self, own: str, update: ModelUpdate) -> None:
        """Keep what the storage decided on the volume or snapshot with the id *own*."""
        self._updates.setdefault(own, {}).update(update or {})

    def clean(self) -> None:
        """Remove all that was made, from the connections down."""
        for volume, connection in self.connections:
            self.disconnect(volume, connection)
        for snapshot in self.snapshots:
            self.driver.delete_snapshot(self.current(snapshot))
        for volume in self.volumes:
            self.driver.delete_volume(self.current(volume))

    @contextmanager
    def _attachment(self, volume: VolumeData) -> Iterator[tuple[ConnectionInfo, Mapping[str, Any]]]:
        connection, info = self.connect(volume)
        device = self.host.attach(info, expected_bytes=volume.size * GiB)
        try:
            yield info, device
        finally:
            self.host.detach(info, device)
            self.disconnect(volume, connection)


def updated(resource: Resource, update: ModelUpdate) -> Resource:
    """Return the resource with what the storage decided on it."""
    return replace(resource, **(update or {}))


def write(path: str, data: bytes, at: int = 0) -> None:
    """Write to a device or file, through all caches."""
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.pwrite(fd, data, at)
        os.fsync(fd)
    finally:
        os.close(fd)


def read(path: str, count: int, at: int = 0) -> bytes:
    """Read from a device or file what is on the storage now, not what was cached of it."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.posix_fadvise(fd, at, count, os.POSIX_FADV_DONTNEED)
        return os.pread(fd, count, at)
    finally:
        os.close(fd)


class BenchRecords:
    """The :class:`~cl_notebook.drivers.api.DriverContext` of a workbench: what was made on it and is still there."""

    def __init__(self, bench: Bench, host: str) -> None:
        """Look at *bench*, and call its backend *host*."""
        self.host = host
        self.root_helper = "sudo"
        self.environment = DriverEnvironment()
        self._bench = bench
        self._initiators: dict[tuple[str, str, str], InitiatorData] = {}

    def volumes(self, ids: Iterable[str] | None = None, *, after: str = "", limit: int = 1000) -> list[VolumeData]:
        """Return the volumes with these ids, or all of them."""
        found = [self._bench.current(volume) for volume in self._bench.volumes if _meant(volume.id, ids, after)]
        return sorted(found, key=lambda volume: volume.id)[:limit]

    def snapshots(
        self,
        ids: Iterable[str] | None = None,
        volume_ids: Iterable[str] | None = None,
        *,
        after: str = "",
        limit: int = 1000,
    ) -> list[SnapshotData]:
        """Return the snapshots with these ids, or of these volumes, or all of them."""
        found = [
            self._bench.current(snapshot)
            for snapshot in self._bench.snapshots
            if _meant(snapshot.id, ids, after) and _meant(snapshot.volume.id, volume_ids)
        ]
        return sorted(found, key=lambda snapshot: snapshot.id)[:limit]

    def attachments(self, volume_ids: Iterable[str] | None = None) -> list[AttachmentData]:
        """Return the connections of these volumes, or all of them."""
        return [
            AttachmentData(
                id=connection.id,
                volume_id=volume.id,
                attached_host=str(connection.connector.get("host", "")),
                path=None,
                attach_mode="rw",
                connector_info=connection.connector,
                conn_info=None,
            )
            for volume, connection in self._bench.connections
            if _meant(volume.id, volume_ids)
        ]

    def initiator_data(self) -> list[InitiatorData]:
        """Return what was kept for initiators."""
        return list(self._initiators.values())

    def save_updates(
        self,
        volumes: Mapping[str, ModelUpdate],
        snapshots: Mapping[str, ModelUpdate],
        initiator_data: Iterable[InitiatorData],
    ) -> None:
        """Keep what the driver changed on other resources than its call's, by id."""
        for name, update in {**volumes, **snapshots}.items():
            self._bench.note(name, update)
        self._initiators.update({(one["initiator"], one["namespace"], one["key"]): one for one in initiator_data})


def _meant(name: str, names: Iterable[str] | None, after: str = "") -> bool:
    return name > after and (names is None or name in set(names))
