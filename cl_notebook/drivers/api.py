"""What a storage driver is: the Protocol every driver meets, and one Protocol per capability.

The method names, their order and their meaning are those of Cinder's volume driver interface
(https://docs.openstack.org/cinder/latest/contributor/drivers.html), so that a Cinder driver fits behind them unchanged. Three
things differ. Arguments are plain frozen data, so that they can cross a process boundary. Calls that may copy data report
progress. And creating, deleting and terminating are idempotent: asked for a second time with the same arguments they succeed and
change nothing, which is what lets a new kernel finish what a killed one began.

A driver knows nothing of the store, of the tracked objects or of the notebook. What it looks up beyond the arguments of a call it
asks of :class:`cl_notebook.drivers.api.DriverContext`. It may raise anything: what is not already a
:class:`cl_notebook.errors.DriverError` becomes one in :func:`cl_notebook.drivers.errors.translate_errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

GiB = 1024**3
"""Bytes in a GiB, the unit of every volume size."""


def least_bytes(size: int) -> int:
    """Return the least that a volume of *size* GiB may have in bytes, where its size was rounded up."""
    return (size - 1) * GiB + 1


Progress = Callable[[int, int], None]
"""Called now and then during a copy with (bytes done, bytes in all)."""

ModelUpdate = Mapping[str, Any] | None
"""Fields of the resource that the storage decided on, to be kept with it (``provider_location``, ``name_in_storage``…).

They are fields of :class:`VolumeData` or :class:`SnapshotData`; ``driver_data`` and ``metadata`` are the whole new values.
"""

Capacity = float | str
"""GiB, or the words ``"unknown"`` and ``"infinite"`` as Cinder allows them."""


def no_progress(_done: int, _total: int) -> None:
    """Ignore progress: the default where nobody looks."""


@dataclass(frozen=True, slots=True)
class VolumeData:
    """What a driver is told of a volume. ``size`` is in GiB.

    ``host`` is Cinder's ``host@backend#pool``; ``status`` and ``attach_status`` are what they were before the call;
    ``created_at`` is ISO 8601, in UTC. ``driver_data`` holds what the driver wants kept and no field stands for.
    """

    id: str
    name_in_storage: str
    size: int
    name: str = ""
    pool_name: str | None = None
    bootable: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)
    extra_specs: Mapping[str, str] = field(default_factory=dict)
    qos_specs: Mapping[str, str] = field(default_factory=dict)
    provider_location: str | None = None
    provider_id: str | None = None
    source_volid: str | None = None
    snapshot_id: str | None = None
    host: str = ""
    availability_zone: str | None = None
    status: str = "available"
    attach_status: str = "detached"
    created_at: str | None = None
    driver_data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SnapshotData:
    """What a driver is told of a snapshot. ``size`` is the volume's size in GiB when the snapshot was taken."""

    id: str
    name_in_storage: str
    volume: VolumeData
    size: int
    name: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    provider_location: str | None = None
    provider_id: str | None = None
    status: str = "available"
    created_at: str | None = None
    driver_data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConnectionData:
    """What a driver is told of a connection: its id and the connector properties of the host that asks (os-brick's)."""

    id: str
    connector: Mapping[str, Any]


class ConnectionInfo(TypedDict):
    """Answer of ``initialize_connection``: the os-brick protocol and what its connector needs, kept verbatim."""

    driver_volume_type: str
    data: dict[str, Any]


class PoolStats(TypedDict, total=False):
    """Capacity of one pool, in GiB. A driver leaves out what it does not know."""

    pool_name: str
    total_capacity_gb: Capacity
    free_capacity_gb: Capacity
    provisioned_capacity_gb: Capacity
    allocated_capacity_gb: Capacity
    thin_provisioning_support: bool
    reserved_percentage: int
    max_over_subscription_ratio: float | str


class Stats(TypedDict, total=False):
    """Answer of ``get_volume_stats``: who the storage is, and its pools (at least one)."""

    volume_backend_name: str
    vendor_name: str
    driver_version: str
    storage_protocol: str
    pools: list[PoolStats]


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a driver's log: when (seconds since the epoch), how grave, who says what, in which operation of the store."""

    at: float
    level: str
    logger: str
    text: str
    operation: int | None = None


class ManageableSnapshot(TypedDict):
    """One entry of ``get_manageable_snapshots``, as Cinder's list-manageable API words it. ``size`` is in GiB, rounded up."""

    reference: dict[str, str]
    size: int
    safe_to_manage: bool
    reason_not_safe: str | None
    cinder_id: str | None
    extra_info: dict[str, Any] | None
    source_reference: dict[str, str]


class ManageableVolume(TypedDict):
    """One entry of ``get_manageable_volumes``, as Cinder's list-manageable API words it. ``size`` is in GiB, rounded up."""

    reference: dict[str, str]
    size: int
    safe_to_manage: bool
    reason_not_safe: str | None
    cinder_id: str | None
    extra_info: dict[str, Any] | None


class OrphanFile(TypedDict):
    """What a process that was killed left half made on the storage: neither a volume nor a snapshot. ``size`` is in bytes."""

    name: str
    size: int


class Sections(dict[str, dict[str, Any]]):
    """Sections of a configuration: section -> option -> its value, or a list of values."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a driver: its type, its default, and a sentence of help.

    ``kind`` is one of ``str int float bool list dict Sections pathlib.Path`` (a path is kept as text, a list holds texts, a dict
    leads from text to text); a ``secret`` option is masked wherever it could be shown and never stored. ``choices`` are the words
    that are allowed; beside a number they are taken as they stand. ``minimum`` and ``maximum`` are what a number may be.

    An ``implicit`` option that is not given stays out of the configuration: its default is the driver's business. One that takes
    ``references`` may hold ``$name`` of another option, which the driver replaces, and is coerced as oslo.config coerces it: a
    number is taken for a text, too. ``own`` tells the driver's own options from those that it shares with others of its kind.
    The driver itself refuses to be set up without one that is ``checked``.

    ``aliases`` are older names that are taken for it. A ``multi`` option is a list whose items are given one by one, each of
    which may have commas. ``ignore_case`` says that ``choices`` are taken in any letter case.
    """

    name: str
    kind: type
    help: str
    default: Any = None
    required: bool = False
    secret: bool = False
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    implicit: bool = False
    references: bool = False
    own: bool = True
    checked: bool = False
    aliases: tuple[str, ...] = ()
    multi: bool = False
    ignore_case: bool = False


class Driver(Protocol):
    """Storage that volumes can be made on. ``config`` is checked against :meth:`options` before a driver is made."""

    @property
    def storage_protocol(self) -> str:
        """os-brick's connector for what the driver exports, in lower case (``local``, ``iscsi``, ``rbd``…)."""

    @classmethod
    def options(cls) -> tuple[Option, ...]:
        """Describe the options that the driver takes."""

    def __init__(self, config: Mapping[str, Any], *, backend_name: str) -> None:
        """Keep the configuration; touch no storage."""

    def setup(self) -> None:
        """Reach the storage and check that it can be used; raise otherwise. May be called again."""

    def close(self) -> None:
        """Let go of what the driver holds in this process; the storage stays as it is."""

    def get_volume_stats(self, *, refresh: bool = False) -> Stats:
        """Return capacities and identity of the storage."""

    def create_volume(self, volume: VolumeData) -> ModelUpdate:
        """Make an empty volume that reads as zeros."""

    def create_volume_from_snapshot(
        self, volume: VolumeData, snapshot: SnapshotData, progress: Progress = no_progress
    ) -> ModelUpdate:
        """Make a volume, at least as large as the snapshot, that holds the snapshot's bytes."""

    def create_cloned_volume(self, volume: VolumeData, source: VolumeData, progress: Progress = no_progress) -> ModelUpdate:
        """Make a volume, at least as large as the source, that holds the source's bytes of this moment."""

    def extend_volume(self, volume: VolumeData, new_size: int) -> None:
        """Grow the volume to *new_size* GiB; what an attached host sees of it grows too where the driver can reach it."""

    def delete_volume(self, volume: VolumeData) -> None:
        """Remove the volume; one that is not there is a success."""

    def create_snapshot(self, snapshot: SnapshotData, progress: Progress = no_progress) -> ModelUpdate:
        """Keep the volume's bytes of this moment."""

    def delete_snapshot(self, snapshot: SnapshotData) -> None:
        """Remove the snapshot; one that is not there is a success. Volumes made from it live on."""

    def create_export(self, volume: VolumeData, connector: Mapping[str, Any]) -> ModelUpdate:
        """Offer the volume to hosts, ahead of the first connection."""

    def ensure_export(self, volume: VolumeData) -> ModelUpdate:
        """Offer the volume again after the storage host was restarted."""

    def remove_export(self, volume: VolumeData) -> None:
        """Stop offering the volume, after the last connection is gone."""

    def initialize_connection(self, volume: VolumeData, connection: ConnectionData) -> ConnectionInfo:
        """Let one host in, and say how os-brick reaches the volume from there."""

    def terminate_connection(self, volume: VolumeData, connection: ConnectionData) -> None:
        """Shut that host out again; a connection that is not there is a success."""


@runtime_checkable
class CanRevert(Protocol):
    """The driver can put a volume back to a snapshot in place."""

    def revert_to_snapshot(self, volume: VolumeData, snapshot: SnapshotData, progress: Progress = no_progress) -> ModelUpdate:
        """Give the volume the bytes of the snapshot. A volume that was extended since keeps its size."""


@runtime_checkable
class CanManage(Protocol):
    """The driver can adopt and release volumes that it did not make."""

    def manage_existing_get_size(self, volume: VolumeData, reference: Mapping[str, str]) -> int:
        """Return the size of what *reference* names, in GiB, rounded up."""

    def manage_existing(self, volume: VolumeData, reference: Mapping[str, str]) -> ModelUpdate:
        """Adopt what *reference* names as *volume*."""

    def unmanage(self, volume: VolumeData) -> None:
        """Release the volume: its bytes stay where they are."""


@runtime_checkable
class CanListManageable(Protocol):
    """The driver can list the volumes that are on its storage."""

    def get_manageable_volumes(self, known: Iterable[VolumeData]) -> Iterable[ManageableVolume]:
        """List what is on the storage; *known* are the tracked volumes, marked by their id and not safe to manage."""


@runtime_checkable
class CanManageSnapshots(Protocol):
    """The driver can adopt and release snapshots that it did not make."""

    def manage_existing_snapshot_get_size(self, snapshot: SnapshotData, reference: Mapping[str, str]) -> int:
        """Return the size of what *reference* names, in GiB, rounded up."""

    def manage_existing_snapshot(self, snapshot: SnapshotData, reference: Mapping[str, str]) -> ModelUpdate:
        """Adopt what *reference* names as *snapshot*."""

    def unmanage_snapshot(self, snapshot: SnapshotData) -> None:
        """Release the snapshot: it stays where it is."""


@runtime_checkable
class CanListManageableSnapshots(Protocol):
    """The driver can list the snapshots that are on its storage."""

    def get_manageable_snapshots(self, known: Iterable[SnapshotData]) -> Iterable[ManageableSnapshot]:
        """List what is on the storage; *known* are the tracked snapshots, marked by their id and not safe to manage."""


@runtime_checkable
class CanRetype(Protocol):
    """The driver can change the specs of a volume that is there."""

    def retype(self, volume: VolumeData, extra_specs: Mapping[str, str], qos_specs: Mapping[str, str]) -> ModelUpdate:
        """Give the volume these specs instead of its own; raise NotSupported, untouched, where it cannot have them in place."""


@runtime_checkable
class HasStorageIdentity(Protocol):
    """The driver can tell from configurations whether they lead to the same storage."""

    @classmethod
    def storage_identity(cls, config: Mapping[str, Any]) -> str:
        """Return what is the same for every configuration that leads to this storage; without reaching it."""


@runtime_checkable
class SupportsOrphanCleanup(Protocol):
    """The driver can tell what killed processes left half made, and remove it."""

    def leftovers(self) -> list[OrphanFile]:
        """List it; what a living process works on is none."""

    def remove_leftovers(self) -> int:
        """Remove it, and return how many there were."""


@runtime_checkable
class FileBacked(Protocol):
    """The driver's volumes are files in a folder of this host, each called by its name in the storage."""

    @property
    def volumes_folder(self) -> Path:
        """The folder."""

    def connections_of(self, name: str) -> set[str]:
        """Return the ids of the connections of a volume, whoever made them."""


@runtime_checkable
class SupportsReadOnly(Protocol):
    """The driver can be opened without making or removing anything: for sessions that may only look."""

    def setup_read_only(self) -> None:
        """Do as ``setup`` does, but leave the storage as it is; raise if it is not there."""


@runtime_checkable
class HasLog(Protocol):
    """The driver keeps a log."""

    def log_lines(self) -> list[LogLine]:
        """Return the lines that are kept, the oldest first."""


CAPABILITIES: Mapping[str, type] = {
    "revert": CanRevert,
    "manage": CanManage,
    "list_manageable": CanListManageable,
    "manage_snapshots": CanManageSnapshots,
    "list_manageable_snapshots": CanListManageableSnapshots,
    "retype": CanRetype,
}
"""Name of each capability -> the Protocol that a driver meets to have it."""

FEATURES: Mapping[str, bool] = {
    "clone_bigger": True,
    "extend_attached": True,
    "multiattach": True,
    "qos": False,
    "groups": False,
    "replication": False,
    "thin": False,
    "atomic": False,
    "snapshot_attached": True,
}
"""Name of what else a driver may be able to do -> whether one that does not say can; a driver says it in ``features``.

``atomic``: a volume or snapshot is on the storage only once it is whole, however its making ended. ``snapshot_attached``: a
snapshot or clone is of one moment also while the volume is written to; a driver without it refuses then, or has writers wait.
"""


def capabilities(driver: Driver | type[Driver]) -> dict[str, bool]:
    """Return which capabilities *driver*, or a driver of that class, has, by name."""
    cls = driver if isinstance(driver, type) else type(driver)
    told: Mapping[str, bool] = getattr(driver, "features", {})
    can = {name: issubclass(cls, protocol) for name, protocol in CAPABILITIES.items()}
    return {**can, **{name: bool(told.get(name, default)) for name, default in FEATURES.items()}}


@dataclass(frozen=True, slots=True)
class AttachmentData:
    """What a driver may learn of a connection of some volume: its id, its host, and what both sides know of it."""

    id: str
    volume_id: str
    attached_host: str
    path: str | None
    attach_mode: str
    connector_info: Mapping[str, Any]
    conn_info: Mapping[str, Any] | None


class InitiatorData(TypedDict):
    """A value that a driver keeps for a host's initiator, as Cinder's table ``driver_initiator_data`` does."""

    initiator: str
    namespace: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class DriverEnvironment:
    """What a session was set up with, as far as Cinder's drivers are told of it; see :func:`cl_notebook.setup`."""

    project_id: str | None = None
    user_id: str | None = None
    locks: str | None = None
    """The folder of the locks between processes; None is one in the user's data folder."""
    keeps_log: bool = True
    hides_ssl_warnings: bool = True
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Options of Cinder's section ``[DEFAULT]``."""


class DriverContext(Protocol):
    """What is tracked on one backend, for drivers that look up more than a call tells them, or change more than its resource.

    Lists are read in pages: those after the id *after*, in the order of their ids, *limit* at most.
    """

    host: str
    """Cinder's name of the backend: ``host@backend``."""
    root_helper: str
    """What is put before commands that need root."""
    environment: DriverEnvironment
    """What else the session was set up with."""

    def volumes(self, ids: Iterable[str] | None = None, *, after: str = "", limit: int = 1000) -> list[VolumeData]:
        """Return the volumes with these ids, or all of them."""

    def snapshots(
        self,
        ids: Iterable[str] | None = None,
        volume_ids: Iterable[str] | None = None,
        *,
        after: str = "",
        limit: int = 1000,
    ) -> list[SnapshotData]:
        """Return the snapshots with these ids, or of these volumes, or all of them."""

    def attachments(self, volume_ids: Iterable[str] | None = None) -> list[AttachmentData]:
        """Return the connections of these volumes, or all of them."""

    def initiator_data(self) -> list[InitiatorData]:
        """Return what was kept for initiators."""

    def save_updates(
        self,
        volumes: Mapping[str, ModelUpdate],
        snapshots: Mapping[str, ModelUpdate],
        initiator_data: Iterable[InitiatorData],
    ) -> None:
        """Keep what the driver changed on other resources than its call's, by id."""


@runtime_checkable
class NeedsContext(Protocol):
    """The driver looks up what is tracked."""

    def bind(self, context: DriverContext) -> None:
        """Take the records of its backend; called before ``setup()``."""
