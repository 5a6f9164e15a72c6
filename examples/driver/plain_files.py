"""A driver that keeps each volume as a sparse file in a folder, and nothing else: the example of docs/write-a-driver.md."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.drivers.api import GiB, Option, no_progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.drivers.api import ConnectionData, ConnectionInfo, Progress, SnapshotData, Stats, VolumeData


class PlainFilesDriver:
    """Volumes and snapshots as files; a connection is an empty file that says who is connected."""

    storage_protocol = "local"  # os-brick's name for a file or device of this host
    features = {"atomic": True, "snapshot_attached": False}  # noqa: RUF012 - read, never changed

    @classmethod
    def options(cls) -> tuple[Option, ...]:
        """Describe the options that the driver takes."""
        return (Option("path", Path, "Folder that holds the volumes; it is created if it is missing.", required=True),)

    def __init__(self, config: Mapping[str, Any], *, backend_name: str) -> None:
        """Keep the configuration; touch no storage."""
        self._backend_name = backend_name
        self._root = Path(config["path"])
        self._volumes, self._snapshots = self._root / "volumes", self._root / "snapshots"
        self._connections, self._drafts = self._root / "connections", self._root / "drafts"

    def setup(self) -> None:
        """Create the folders. May be called again."""
        for folder in (self._volumes, self._snapshots, self._connections, self._drafts):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def close(self) -> None:
        """Hold nothing open between calls, so there is nothing to close."""

    def get_volume_stats(self, *, refresh: bool = False) -> Stats:  # noqa: ARG002 - always read from the file system
        """Return the capacity of the file system, as one pool."""
        usage = shutil.disk_usage(self._root)
        return {
            "volume_backend_name": self._backend_name,
            "vendor_name": "Example",
            "driver_version": "1.0",
            "storage_protocol": self.storage_protocol,
            "pools": [
                {
                    "pool_name": self._backend_name,
                    "total_capacity_gb": round(usage.total / GiB, 2),
                    "free_capacity_gb": round(usage.free / GiB, 2),
                }
            ],
        }

    def create_volume(self, volume: VolumeData) -> None:
        """Create a volume that reads as zeros."""
        self._create(volume, None, no_progress)

    def create_volume_from_snapshot(self, volume: VolumeData, snapshot: SnapshotData, progress: Progress = no_progress) -> None:
        """Create a volume with the bytes of a snapshot."""
        self._create(volume, _existing(self._snapshots / snapshot.name_in_storage), progress)

    def create_cloned_volume(self, volume: VolumeData, source: VolumeData, progress: Progress = no_progress) -> None:
        """Create a volume with the bytes of another."""
        self._create(volume, _existing(self._volumes / source.name_in_storage), progress)

    def extend_volume(self, volume: VolumeData, new_size: int) -> None:
        """Grow a volume to *new_size* GiB."""
        file = _existing(self._volumes / volume.name_in_storage)
        if file.stat().st_size > new_size * GiB:
            msg = f"{file.name} has more than {new_size} GiB. A volume cannot shrink."
            raise errors.InvalidInput(msg)
        os.truncate(file, new_size * GiB)

    def delete_volume(self, volume: VolumeData) -> None:
        """Remove a volume; one that does not exist is a success."""
        self._refuse_connected(volume)
        (self._volumes / volume.name_in_storage).unlink(missing_ok=True)
        shutil.rmtree(self._connections / volume.name_in_storage, ignore_errors=True)

    def create_snapshot(self, snapshot: SnapshotData, progress: Progress = no_progress) -> None:
        """Copy the bytes that the volume has now; a snapshot that exists keeps its bytes."""
        final = self._snapshots / snapshot.name_in_storage
        if not final.exists():
            source = _existing(self._volumes / snapshot.volume.name_in_storage)
            self._write(final, source.stat().st_size, source, progress)

    def delete_snapshot(self, snapshot: SnapshotData) -> None:
        """Remove a snapshot; one that does not exist is a success."""
        (self._snapshots / snapshot.name_in_storage).unlink(missing_ok=True)

    def revert_to_snapshot(self, volume: VolumeData, snapshot: SnapshotData, progress: Progress = no_progress) -> None:
        """Give a volume the bytes of a snapshot again; it keeps its size. This method is the capability ``revert``."""
        self._refuse_connected(volume)
        final = _existing(self._volumes / volume.name_in_storage)
        source = _existing(self._snapshots / snapshot.name_in_storage)
        self._write(final, max(final.stat().st_size, source.stat().st_size), source, progress, replace=True)

    def create_export(self, volume: VolumeData, connector: Mapping[str, Any]) -> None:
        """Export nothing: a file of this host needs no export."""

    def ensure_export(self, volume: VolumeData) -> None:
        """Export nothing again."""

    def remove_export(self, volume: VolumeData) -> None:
        """Withdraw nothing."""

    def initialize_connection(self, volume: VolumeData, connection: ConnectionData) -> ConnectionInfo:
        """Record the connection, and return the path of the volume's file."""
        file = _existing(self._volumes / volume.name_in_storage)
        folder = self._connections / volume.name_in_storage
        folder.mkdir(exist_ok=True, mode=0o700)
        (folder / connection.id).touch()
        return {"driver_volume_type": self.storage_protocol, "data": {"device_path": str(file)}}

    def terminate_connection(self, volume: VolumeData, connection: ConnectionData) -> None:
        """Remove the connection; one that does not exist is a success."""
        (self._connections / volume.name_in_storage / connection.id).unlink(missing_ok=True)

    def _refuse_connected(self, volume: VolumeData) -> None:
        connections = self._connections / volume.name_in_storage
        if connections.exists() and any(connections.iterdir()):
            msg = f"{volume.name_in_storage} is connected. Disconnect it first."
            raise errors.BusyOnStorage(msg, no_side_effects=True)

    def _create(self, volume: VolumeData, source: Path | None, progress: Progress) -> None:
        final, size = self._volumes / volume.name_in_storage, volume.size * GiB
        if volume.size < 1 or (source is not None and source.stat().st_size > size):
            msg = f"{volume.size} GiB is too small for {volume.name_in_storage}. Give a larger size."
            raise errors.InvalidInput(msg)
        if not final.exists():
            self._write(final, size, source, progress)
        if final.stat().st_size != size:
            msg = f"{final.name} exists with another size than {volume.size} GiB. Delete it, or use another id."
            raise errors.ExistsOnStorage(msg)

    def _write(self, final: Path, size: int, source: Path | None, progress: Progress, *, replace: bool = False) -> None:
        """Write a draft, and give it its name when it is complete: a killed process leaves no half-written volume."""
        with tempfile.TemporaryDirectory(dir=self._drafts) as folder:
            draft = Path(folder) / "draft"
            with draft.open("wb") as file:
                file.truncate(size)
                if source is not None:
                    _copy(source, file.fileno(), progress)
                os.fsync(file.fileno())
            if replace:
                draft.replace(final)
                return
            with contextlib.suppress(FileExistsError):  # another process made the same call at the same time, and was first
                final.hardlink_to(draft)


def _existing(file: Path) -> Path:
    if not file.exists():
        msg = f"{file.name} is not in {file.parent}. Look at what is there with %cl_scan."
        raise errors.MissingOnStorage(msg)
    return file


def _copy(source: Path, target: int, progress: Progress) -> None:
    """Copy the parts of a sparse file that hold data."""
    with source.open("rb") as file:
        size, position = source.stat().st_size, 0
        while position < size:
            try:
                start = os.lseek(file.fileno(), position, os.SEEK_DATA)
            except OSError:  # ENXIO: only a hole is left
                break
            end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            while start < end:
                start += os.copy_file_range(file.fileno(), target, min(end - start, 2**24), start, start)
                progress(start, size)
            position = end
    progress(size, size)
