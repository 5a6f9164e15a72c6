"""Calls a driver as a session does, and reads and writes volumes through real attachments."""

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
"""Bytes to write (8 KiB), which differ from those of a new volume."""

BACKEND = "bench@contract"
"""The driver's backend, as Cinder writes it: ``host@backend``."""

POOL = f"{BACKEND}#contract"
"""The pool of the volumes, as Cinder writes it: ``host@backend#pool``."""


class Disk(Protocol):
    """The bytes of an attached volume."""

    def read(self, count: int, at: int = 0) -> bytes:
        """Return *count* bytes from offset *at* (bytes), read from the storage."""

    def write(self, data: bytes, at: int = 0) -> None:
        """Write *data* to the storage at offset *at* (bytes), and wait until it is there."""

    def size(self) -> int:
        """Return the size in bytes."""


@dataclass(frozen=True)
class OpenVolume:
    """A disk that reads and writes an open file of cl_notebook's host."""

    file: VolumeFile

    def read(self, count: int, at: int = 0) -> bytes:
        """Return *count* bytes from offset *at* (bytes), read from the storage."""
        self.file.seek(at)
        return self.file.read(count) or b""

    def write(self, data: bytes, at: int = 0) -> None:
        """Write *data* to the storage at offset *at* (bytes), and wait until it is there."""
        self.file.seek(at)
        self.file.write(data)
        self.file.flush()

    def size(self) -> int:
        """Return the size in bytes."""
        return self.file.size()


@dataclass
class Bench:
    """A driver that is set up, the host that attaches, and the created resources, which :meth:`clean` removes.

    Model updates that the driver returns are recorded by resource id, and are part of the data of every later call.
    """

    driver: Driver
    host: Host
    volumes: list[VolumeData] = field(default_factory=list)
    snapshots: list[SnapshotData] = field(default_factory=list)
    connections: list[tuple[VolumeData, ConnectionData]] = field(default_factory=list)
    _updates: dict[str, dict[str, Any]] = field(default_factory=dict)
    _infos: dict[str, ConnectionInfo] = field(default_factory=dict)

    def describe(self, size: int = 1, name: str | None = None) -> VolumeData:
        """Return the data of a new volume of *size* GiB, without creating it; :meth:`clean` deletes it."""
        volume_id = str(uuid.uuid4())
        volume = VolumeData(id=volume_id, name_in_storage=name or f"volume-{volume_id}", size=size, host=POOL)
        self.volumes.append(volume)
        return volume

    def create(self, size: int = 1, name: str | None = None) -> VolumeData:
        """Create a volume of *size* GiB."""
        volume = self.describe(size, name)
        return self.apply_update(volume, self.driver.create_volume(volume))

    def clone(self, source: VolumeData, size: int) -> VolumeData:
        """Create a volume of *size* GiB with the bytes of *source*."""
        source = self.current(source)
        volume = replace(self.describe(size), source_volid=source.id)
        return self.apply_update(volume, self.driver.create_cloned_volume(volume, source))

    def describe_snapshot(self, volume: VolumeData, name: str | None = None) -> SnapshotData:
        """Return the data of a new snapshot of *volume*, without creating it; :meth:`clean` deletes it."""
        snapshot_id = str(uuid.uuid4())
        volume = self.current(volume)
        name = name or f"snapshot-{snapshot_id}"
        snapshot = SnapshotData(id=snapshot_id, name_in_storage=name, volume=volume, size=volume.size)
        self.snapshots.append(snapshot)
        return snapshot

    def snapshot(self, volume: VolumeData, name: str | None = None) -> SnapshotData:
        """Create a snapshot of the volume."""
        snapshot = self.describe_snapshot(volume, name)
        return self.apply_update(snapshot, self.driver.create_snapshot(snapshot))

    def restore(self, snapshot: SnapshotData) -> VolumeData:
        """Create a volume with the size and the bytes of *snapshot*."""
        volume = replace(self.describe(snapshot.size), snapshot_id=snapshot.id)
        return self.apply_update(volume, self.driver.create_volume_from_snapshot(volume, self.current(snapshot)))

    def revert(self, volume: VolumeData, snapshot: SnapshotData) -> VolumeData:
        """Revert the volume to the snapshot; the driver must implement CanRevert."""
        assert isinstance(self.driver, CanRevert)
        volume = self.current(volume)
        return self.apply_update(volume, self.driver.revert_to_snapshot(volume, self.current(snapshot)))

    def extend(self, volume: VolumeData, size: int) -> VolumeData:
        """Extend the volume to *size* GiB, and return it with that size."""
        self.driver.extend_volume(self.current(volume), size)
        return replace(volume, size=size)

    def delete(self, resource: Resource) -> None:
        """Delete a volume or a snapshot."""
        resource = self.current(resource)
        if isinstance(resource, SnapshotData):
            self.driver.delete_snapshot(resource)
            self.snapshots = [snapshot for snapshot in self.snapshots if snapshot.id != resource.id]
        else:
            self.driver.delete_volume(resource)
            self.volumes = [volume for volume in self.volumes if volume.id != resource.id]
        self._updates.pop(resource.id, None)

    def connection(self) -> ConnectionData:
        """Return the data of a new connection to this host, without a call to the driver."""
        return ConnectionData(id=str(uuid.uuid4()), connector=self.host.connector_properties(self.driver.storage_protocol))

    def connect(self, volume: VolumeData, connection: ConnectionData | None = None) -> tuple[ConnectionData, ConnectionInfo]:
        """Export the volume, and initialize a connection to this host; return the connection and its information."""
        connection = connection or self.connection()
        volume = self.current(volume)
        volume = self.apply_update(volume, self.driver.create_export(volume, connection.connector))
        self.connections.append((volume, connection))
        self._infos[volume.id] = self.driver.initialize_connection(volume, connection)
        return connection, self._infos[volume.id]

    def disconnect(self, volume: VolumeData, connection: ConnectionData) -> None:
        """Terminate the connection, and remove the volume's export after its last one."""
        self.driver.terminate_connection(self.current(volume), connection)
        self.connections = [other for other in self.connections if other[1].id != connection.id]
        if all(connected.id != volume.id for connected, _ in self.connections):
            self.driver.remove_export(self.current(volume))

    @contextmanager
    def attached(self, volume: VolumeData) -> Iterator[str]:
        """Attach the volume to this host during the block; yield the path of its device."""
        with self._attachment(volume) as (_, device):
            yield str(device["path"])

    @contextmanager
    def opened(self, volume: VolumeData) -> Iterator[Disk]:
        """Attach the volume to this host during the block; yield its bytes."""
        with self._attachment(volume) as (info, device), self.open_disk(info, device) as disk:
            yield disk

    @contextmanager
    def open_disk(self, info: ConnectionInfo, device: Mapping[str, Any]) -> Iterator[Disk]:
        """Yield the bytes of an attached device; override it for formats that the host cannot open (qcow2)."""
        with self.host.open(info, device) as file:
            yield OpenVolume(file)

    def extended(self, volume: VolumeData) -> int:
        """Make this host read the new size of an attached volume, and return it in bytes."""
        return self.host.extend(self._infos[volume.id])

    def write(self, volume: VolumeData, data: bytes, at: int = 0) -> None:
        """Attach the volume, write *data* at offset *at* (bytes), and detach it."""
        with self.opened(volume) as disk:
            disk.write(data, at)

    def read(self, volume: VolumeData, count: int, at: int = 0) -> bytes:
        """Attach the volume, read *count* bytes from offset *at* (bytes), and detach it."""
        with self.opened(volume) as disk:
            return disk.read(count, at)

    def current(self, resource: Resource) -> Resource:
        """Return the resource with all model updates of the driver, and with its present status."""
        current = updated(resource, self._updates.get(resource.id))
        if isinstance(current, SnapshotData):
            return replace(current, volume=self.current(current.volume))
        if any(connected.id == current.id for connected, _ in self.connections):
            return replace(current, status="in-use", attach_status="attached")
        return replace(current, status="available", attach_status="detached")

    def apply_update(self, resource: Resource, update: ModelUpdate) -> Resource:
        """Record the model update of a driver for *resource*, and return :meth:`current`."""
        self.record_update(resource.id, update)
        return self.current(resource)

    def record_update(self, resource_id: str, update: ModelUpdate) -> None:
        """Record the model update of a driver for the volume or snapshot with the id *resource_id*."""
        self._updates.setdefault(resource_id, {}).update(update or {})

    def clean(self) -> None:
        """Disconnect all connections, then delete all snapshots and volumes."""
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
    """Return the resource with the model update of a driver."""
    return replace(resource, **(update or {}))


def write(path: str, data: bytes, at: int = 0) -> None:
    """Write *data* to a device or file at offset *at* (bytes), and wait until it is on the storage."""
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.pwrite(fd, data, at)
        os.fsync(fd)
    finally:
        os.close(fd)


def read(path: str, count: int, at: int = 0) -> bytes:
    """Return *count* bytes from offset *at* (bytes) of a device or file, read from the storage instead of the page cache."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.posix_fadvise(fd, at, count, os.POSIX_FADV_DONTNEED)
        return os.pread(fd, count, at)
    finally:
        os.close(fd)


class BenchRecords:
    """The :class:`~cl_notebook.drivers.api.DriverContext` of a bench, which returns the bench's resources."""

    def __init__(self, bench: Bench, host: str) -> None:
        """Return the resources of *bench*, on the backend *host* (``host@backend``)."""
        self.host = host
        self.root_helper = "sudo"
        self.environment = DriverEnvironment()
        self._bench = bench
        self._initiators: dict[tuple[str, str, str], InitiatorData] = {}

    def volumes(self, ids: Iterable[str] | None = None, *, after: str = "", limit: int = 1000) -> list[VolumeData]:
        """Return at most *limit* volumes, sorted by id: those with *ids*, or all; of them those after the id *after*."""
        matched = [self._bench.current(volume) for volume in self._bench.volumes if _matches(volume.id, ids, after)]
        return sorted(matched, key=lambda volume: volume.id)[:limit]

    def snapshots(
        self,
        ids: Iterable[str] | None = None,
        volume_ids: Iterable[str] | None = None,
        *,
        after: str = "",
        limit: int = 1000,
    ) -> list[SnapshotData]:
        """Return at most *limit* snapshots, sorted by id: those with *ids* and of *volume_ids*, or all, after the id *after*."""
        matched = [
            self._bench.current(snapshot)
            for snapshot in self._bench.snapshots
            if _matches(snapshot.id, ids, after) and _matches(snapshot.volume.id, volume_ids)
        ]
        return sorted(matched, key=lambda snapshot: snapshot.id)[:limit]

    def attachments(self, volume_ids: Iterable[str] | None = None) -> list[AttachmentData]:
        """Return the connections of the volumes with *volume_ids*, or all connections."""
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
            if _matches(volume.id, volume_ids)
        ]

    def initiator_data(self) -> list[InitiatorData]:
        """Return the saved initiator data."""
        return list(self._initiators.values())

    def save_updates(
        self,
        volumes: Mapping[str, ModelUpdate],
        snapshots: Mapping[str, ModelUpdate],
        initiator_data: Iterable[InitiatorData],
    ) -> None:
        """Record model updates of resources that are not the call's, by id, and save initiator data."""
        for resource_id, update in {**volumes, **snapshots}.items():
            self._bench.record_update(resource_id, update)
        self._initiators.update({(row["initiator"], row["namespace"], row["key"]): row for row in initiator_data})


def _matches(resource_id: str, ids: Iterable[str] | None, after: str = "") -> bool:
    return resource_id > after and (ids is None or resource_id in set(ids))
