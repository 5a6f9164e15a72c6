"""A plain model of what is tracked and what is on a simulated storage: dicts, and the rules in a few lines each."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.drivers.sim.faults import CALLS, LOST, Fault, parse_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CAPACITY = 9
"""GiB of the storage: a little more than the sequences use, so that it is full now and then."""

HOST = "lab1"
"""The name of the host of both sessions."""

SETTLED = frozenset({"available", "in-use"})


@dataclass
class Volume:
    """What a volume's row says."""

    id: str
    name: str
    size: int
    name_in_storage: str
    status: str = "creating"
    attach_status: str = "detached"


@dataclass
class Snapshot:
    """What a snapshot's row says."""

    id: str
    volume_id: str
    name: str
    size: int
    status: str = "creating"


@dataclass
class Connection:
    """What a connection's row says."""

    id: str
    volume_id: str
    host: str
    status: str = "attaching"
    connected: bool = False
    attached: bool = False


class Things(dict[str, int]):
    """Sizes in GiB by name; what is not there is missing on the storage."""

    def __missing__(self, name: str) -> int:
        """Say so."""
        raise errors.MissingOnStorage(name)


@dataclass
class Storage:
    """What is on the storage, how often each call came, and which calls fail."""

    faults: tuple[Fault, ...]
    volumes: Things = field(default_factory=Things)
    snapshots: Things = field(default_factory=Things)
    connections: set[tuple[str, str]] = field(default_factory=set)
    counted: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        """Count a call; raise before the block, or after it, if it is one that fails."""
        self.counted[name] += 1
        fault = next((fault for fault in self.faults if fault.hits(name, self.counted[name])), None)
        if fault is not None and fault.how != LOST:
            raise errors.DriverError(name)
        yield
        if fault is not None:
            raise errors.DriverError(name)

    def add(self, name: str, size: int) -> None:
        """Make a volume, if it fits."""
        self.admit(size)
        self.volumes[name] = size

    def admit(self, growth: int) -> None:
        """Raise if *growth* does not fit."""
        if growth and sum(self.volumes.values()) + growth > CAPACITY:
            msg = "full"
            raise errors.StorageFull(msg, no_side_effects=True)


class Reference:
    """Both, and the acts. An act raises what the real one must raise."""

    def __init__(self, plan: str) -> None:
        """Begin with nothing on a storage whose calls fail by *plan*."""
        self.storage = Storage(parse_faults(plan, CALLS))
        self.volumes: dict[str, Volume] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self.connections: dict[str, Connection] = {}

    def snapshots_of(self, volume: Volume) -> list[Snapshot]:
        """Return the volume's snapshots in the order in which they were made."""
        return [snapshot for snapshot in self.snapshots.values() if snapshot.volume_id == volume.id]

    def connections_of(self, volume: Volume) -> list[Connection]:
        """Return the volume's connections in the order in which they were made."""
        return [connection for connection in self.connections.values() if connection.volume_id == volume.id]

    def create(self, new: str, name: str, size: int) -> None:
        """Make an empty volume with the id *new*."""
        self._make(new, name, size, "create_volume", lambda: 0)

    def clone(self, new: str, name: str, size: int, source: Volume) -> None:
        """Make a volume from another."""
        self._at_least(size, source.size)
        self._need(source.status in SETTLED)
        self._make(new, name, size, "create_cloned_volume", lambda: self.storage.volumes[source.name_in_storage])

    def create_from_snapshot(self, new: str, name: str, size: int, source: Snapshot) -> None:
        """Make a volume from a snapshot."""
        self._at_least(size, source.size)
        self._need(source.status == "available")
        self._make(new, name, size, "create_volume_from_snapshot", lambda: self.storage.snapshots[f"snapshot-{source.id}"])

    def _make(self, new: str, name: str, size: int, call: str, found: Callable[[], int]) -> None:
        made = self.volumes[new] = Volume(new, name, size, f"volume-{new}")
        try:
            with self.storage.call(call):
                self._at_least(size, found())
                self.storage.add(made.name_in_storage, size)
        except (errors.StorageFull, errors.InvalidInput):
            del self.volumes[new]
            raise
        except errors.DriverError:
            made.status = "error"
            raise
        made.status = "available"

    def extend(self, volume: Volume, size: int) -> None:
        """Grow a volume."""
        if volume.status != "error_extending":
            self._at_least(size, volume.size + 1)
        self._need(volume.status in {*SETTLED, "error_extending"})
        before, name = volume.status, volume.name_in_storage
        try:
            with self.storage.call("extend_volume"):
                self._at_least(size, self.storage.volumes[name])
                self.storage.admit(size - self.storage.volumes[name])
                self.storage.volumes[name] = size
        except (errors.StorageFull, errors.InvalidInput):
            volume.status = before
            raise
        except errors.DriverError:
            volume.status = "error_extending"
            raise
        volume.size, volume.status = size, self._settled(volume)

    def create_snapshot(self, new: str, name: str, volume: Volume) -> None:
        """Keep a volume's bytes."""
        self._need(volume.status in SETTLED)
        made = self.snapshots[new] = Snapshot(new, volume.id, name, volume.size)
        try:
            with self.storage.call("create_snapshot"):
                self.storage.snapshots[f"snapshot-{new}"] = self.storage.volumes[volume.name_in_storage]
        except errors.DriverError:
            made.status = "error"
            raise
        made.status = "available"

    def revert(self, snapshot: Snapshot) -> None:
        """Give a volume its snapshot's bytes."""
        volume = self.volumes[snapshot.volume_id]
        self._need(volume.status in {*SETTLED, "error"})
        self._without(self.connections_of(volume))
        self._need(snapshot.status == "available")
        try:
            with self.storage.call("revert_to_snapshot"):
                _ = self.storage.volumes[volume.name_in_storage], self.storage.snapshots[f"snapshot-{snapshot.id}"]
        except errors.DriverError:
            volume.status = "error"
            raise
        volume.status = "available"

    def delete(self, volume: Volume, *, cascade: bool) -> None:
        """Remove a volume."""
        if volume.status == "managing":
            self.unmanage(volume)
            return
        self._need(volume.status in {*SETTLED, "error", "error_deleting", "error_extending"})
        self._without(self.connections_of(volume))
        if not cascade:
            self._without(self.snapshots_of(volume))
        try:
            for snapshot in self.snapshots_of(volume):
                self.delete_snapshot(snapshot)
            with self.storage.call("delete_volume"):
                self.storage.volumes.pop(volume.name_in_storage, None)
        except errors.DriverError:
            volume.status = "error_deleting"
            raise
        del self.volumes[volume.id]

    def delete_snapshot(self, snapshot: Snapshot) -> None:
        """Remove a snapshot."""
        self._need(snapshot.status in {"available", "error", "error_deleting"})
        try:
            with self.storage.call("delete_snapshot"):
                self.storage.snapshots.pop(f"snapshot-{snapshot.id}", None)
        except errors.DriverError:
            snapshot.status = "error_deleting"
            raise
        del self.snapshots[snapshot.id]

    def connect(self, new: str, volume: Volume, host: str) -> Connection:
        """Let a host in."""
        self._need(volume.status in {*SETTLED, "error_extending"})
        made = self.connections[new] = Connection(new, volume.id, host)
        try:
            with self.storage.call("create_export"):
                pass
            self._let_in(made)
        except errors.DriverError:
            made.status = "error_attaching"
            raise
        else:
            made.status, made.connected = "attached", True
        finally:
            self._count(volume)
        return made

    def attach(self, new: str, volume: Volume) -> None:
        """Attach a volume here."""
        known = [connection for connection in self._here(volume) if connection.connected]
        if known:
            self.attach_connection(known[0])
            return
        try:
            self.connect(new, volume, HOST).attached = True
        except errors.DriverError:
            with suppress(errors.DriverError):
                self.disconnect(self.connections[new])
            raise

    def attach_connection(self, connection: Connection) -> None:
        """Attach over a connection that there is."""
        self._need(connection.connected)
        try:
            if connection.attached:
                with self.storage.call("ensure_export"):
                    pass
                self._let_in(connection)
        except errors.DriverError:
            connection.status = "error_attaching"
            raise
        connection.attached, connection.status = True, "attached"

    def detach(self, volume: Volume) -> None:
        """Detach a volume here."""
        there = self._here(volume)
        self._need(bool(there))
        for connection in [connection for connection in there if connection.attached] or there:
            self.release(connection)

    def release(self, connection: Connection) -> None:
        """Detach a connection, if there may be a device, and shut its host out."""
        if connection.connected and connection.host == HOST:
            connection.attached, connection.status = False, "attached"
        self.disconnect(connection)

    def disconnect(self, connection: Connection) -> None:
        """Shut a host out."""
        self._without([connection] if connection.attached else [])
        volume = self.volumes[connection.volume_id]
        try:
            with self.storage.call("terminate_connection"):
                self.storage.connections.discard((volume.name_in_storage, connection.id))
            if len(self.connections_of(volume)) == 1:
                with self.storage.call("remove_export"):
                    pass
        except errors.DriverError:
            connection.status = "error_detaching"
            raise
        del self.connections[connection.id]
        self._count(volume)

    def cleanup(self, volume: Volume) -> None:
        """Remove all connections of a volume."""
        for connection in self.connections_of(volume):
            self.release(connection)

    def manage(self, new: str, name: str) -> None:
        """Adopt the volume called *name* on the storage."""
        if any(volume.name_in_storage == name for volume in self.volumes.values()):
            raise errors.AlreadyExists(name)
        made = self.volumes[new] = Volume(new, name, 0, name, status="managing")
        try:
            with self.storage.call("manage_existing_get_size"):
                size = self.storage.volumes[name]
        except errors.DriverError:
            del self.volumes[new]
            raise
        with self.storage.call("manage_existing"):
            _ = self.storage.volumes[name]
        made.size, made.status = size, "available"

    def unmanage(self, volume: Volume) -> None:
        """Leave a volume on the storage."""
        self._need(volume.status in {"available", "error", "managing"})
        self._without([*self.snapshots_of(volume), *self.connections_of(volume)])
        with self.storage.call("unmanage"):
            pass
        del self.volumes[volume.id]

    def verdicts(self) -> set[tuple[str, str]]:
        """Return what a scan must say of everything: the name on the storage or the id of a connection, and the verdict."""
        storage = self.storage
        volumes = {
            (row.name_in_storage, _verdict(row, storage.volumes.get(row.name_in_storage))) for row in self.volumes.values()
        }
        snapshots = {
            (f"snapshot-{row.id}", _verdict(row, storage.snapshots.get(f"snapshot-{row.id}"))) for row in self.snapshots.values()
        }
        connections = {(row.id, "ok" if row.status == "attached" else "stuck") for row in self.connections.values()}
        known = {name for name, _ in volumes | snapshots}
        strays = {(name, "untracked") for name in {*storage.volumes, *storage.snapshots} - known}
        return volumes | snapshots | connections | strays

    def _let_in(self, connection: Connection) -> None:
        name = self.volumes[connection.volume_id].name_in_storage
        with self.storage.call("initialize_connection"):
            _ = self.storage.volumes[name]
            self.storage.connections.add((name, connection.id))

    def _here(self, volume: Volume) -> list[Connection]:
        found = [connection for connection in self.connections_of(volume) if connection.host == HOST]
        return sorted(found, key=lambda connection: not connection.attached)

    def _count(self, volume: Volume) -> None:
        volume.attach_status = "attached" if self.connections_of(volume) else "detached"
        if volume.status in SETTLED:
            volume.status = self._settled(volume)

    def _settled(self, volume: Volume) -> str:
        return "in-use" if self.connections_of(volume) else "available"

    @staticmethod
    def _need(is_so: bool) -> None:  # noqa: FBT001 - a condition
        if not is_so:
            raise errors.InvalidStatus

    @staticmethod
    def _without(dependents: Sequence[Snapshot | Connection]) -> None:
        if dependents:
            raise errors.ResourceBusy

    @staticmethod
    def _at_least(size: int, least: int) -> None:
        if size < least:
            raise errors.InvalidInput


def _verdict(row: Volume | Snapshot, size: int | None) -> str:
    if row.status not in SETTLED:
        return "stuck"
    if size is None:
        return "missing"
    return "ok" if size == row.size else "size differs"
