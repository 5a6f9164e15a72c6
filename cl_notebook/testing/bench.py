"""A workbench on a driver: volumes, snapshots and connections by name, and their bytes through a real attachment."""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from cl_notebook.drivers.base import ConnectionData, GiB, SnapshotData, VolumeData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cl_notebook.attach import Host
    from cl_notebook.drivers.base import ConnectionInfo, Driver, ModelUpdate

Resource = TypeVar("Resource", VolumeData, SnapshotData)

DATA = bytes(range(256)) * 32
"""Bytes to write that no storage has by itself."""


@dataclass
class Bench:
    """A driver that is set up, the host that attaches, and what was made on the storage and is to be removed at the end."""

    driver: Driver
    host: Host
    volumes: list[VolumeData] = field(default_factory=list)
    snapshots: list[SnapshotData] = field(default_factory=list)
    connections: list[tuple[VolumeData, ConnectionData]] = field(default_factory=list)

    def describe(self, size: int = 1, name: str | None = None) -> VolumeData:
        """Return the data of a new volume of *size* GiB that is not made yet, but will be removed at the end."""
        own = str(uuid.uuid4())
        volume = VolumeData(id=own, name_in_storage=name or f"volume-{own}", size=size)
        self.volumes.append(volume)
        return volume

    def create(self, size: int = 1, name: str | None = None) -> VolumeData:
        """Make a volume of *size* GiB."""
        volume = self.describe(size, name)
        return updated(volume, self.driver.create_volume(volume))

    def describe_snapshot(self, volume: VolumeData, name: str | None = None) -> SnapshotData:
        """Return the data of a snapshot that is not made yet, but will be removed at the end."""
        own = str(uuid.uuid4())
        snapshot = SnapshotData(id=own, name_in_storage=name or f"snapshot-{own}", volume=volume, size=volume.size)
        self.snapshots.append(snapshot)
        return snapshot

    def snapshot(self, volume: VolumeData, name: str | None = None) -> SnapshotData:
        """Take a snapshot of the volume."""
        snapshot = self.describe_snapshot(volume, name)
        return updated(snapshot, self.driver.create_snapshot(snapshot))

    def connection(self) -> ConnectionData:
        """Return the data of a new connection to this host."""
        return ConnectionData(id=str(uuid.uuid4()), connector=self.host.connector_properties(self.driver.storage_protocol))

    def connect(self, volume: VolumeData, connection: ConnectionData | None = None) -> tuple[ConnectionData, ConnectionInfo]:
        """Let this host in."""
        connection = connection or self.connection()
        self.connections.append((volume, connection))
        return connection, self.driver.initialize_connection(volume, connection)

    @contextmanager
    def attached(self, volume: VolumeData) -> Iterator[str]:
        """Attach the volume to this host for as long as the block lasts; give the path of its device."""
        connection, info = self.connect(volume)
        device = self.host.attach(info, expected_bytes=volume.size * GiB)
        try:
            yield str(device["path"])
        finally:
            self.host.detach(info, device)
            self.driver.terminate_connection(volume, connection)

    def write(self, volume: VolumeData, data: bytes, at: int = 0) -> None:
        """Attach the volume, write *data* at byte *at*, and detach it."""
        with self.attached(volume) as path:
            write(path, data, at)

    def read(self, volume: VolumeData, count: int, at: int = 0) -> bytes:
        """Attach the volume, read *count* bytes at byte *at*, and detach it."""
        with self.attached(volume) as path:
            return read(path, count, at)

    def clean(self) -> None:
        """Remove all that was made, from the connections down."""
        for volume, connection in self.connections:
            self.driver.terminate_connection(volume, connection)
        for snapshot in self.snapshots:
            self.driver.delete_snapshot(snapshot)
        for volume in self.volumes:
            self.driver.delete_volume(volume)


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
