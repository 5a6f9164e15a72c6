"""The driver interface: the Protocol of every driver, one Protocol per capability, and the plain data that they get.

The method names, their order and their meaning are those of Cinder's volume driver interface
(https://docs.openstack.org/cinder/latest/contributor/drivers.html), so that a Cinder driver fits behind them unchanged. Three
things differ. Arguments are plain frozen data, so that they can cross a process boundary. Calls that may copy data report
progress. And creating, deleting and terminating are idempotent: repeated with the same arguments they succeed and change nothing,
so that a new kernel can finish the call of a killed one.

A driver does not use the store, the tracked objects or the notebook. If it needs more than the arguments of a call, it asks its
:class:`DriverContext`. It may raise anything: an exception that is not a :class:`cl_notebook.errors.DriverError` is translated
into one by :func:`cl_notebook.drivers.errors.translate_errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

GiB = 1024**3
"""Bytes in a GiB, the unit of every volume size."""


def least_bytes(size: int) -> int:
    """Return the smallest number of bytes that rounds up to *size* GiB."""
    return (size - 1) * GiB + 1


Progress = Callable[[int, int], None]
"""Called repeatedly during a copy with (bytes copied, total bytes)."""

ModelUpdate = Mapping[str, Any] | None
"""Fields of :class:`VolumeData` or :class:`SnapshotData` that the driver set, to be saved with the resource; None for none.

``driver_data`` and ``metadata`` replace the whole previous value.
"""

Capacity = float | str
"""GiB, or ``"unknown"`` or ``"infinite"``, as in Cinder."""


def no_progress(_done: int, _total: int) -> None:
    """Ignore a report of progress: the default for calls without a listener."""


@dataclass(frozen=True, slots=True)
class VolumeData:
    """A volume, as drivers get it. ``size`` is in GiB.

    ``host`` is Cinder's ``host@backend#pool``; ``status`` and ``attach_status`` are those before the call; ``created_at`` is
    ISO 8601 in UTC. ``driver_data`` holds values that the driver saves and that have no field of their own.
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
    description: str | None = None


@dataclass(frozen=True, slots=True)
class SnapshotData:
    """A snapshot, as drivers get it. ``size`` is the size of its volume in GiB when the snapshot was taken."""

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
    """A connection, as drivers get it: its id and os-brick's connector properties of the connecting host."""

    id: str
    connector: Mapping[str, Any]


class ConnectionInfo(TypedDict):
    """Result of ``initialize_connection``: the os-brick protocol and its connector's input, stored verbatim."""

    driver_volume_type: str
    data: dict[str, Any]


class PoolStats(TypedDict, total=False):
    """Capacity of one pool, in GiB. A driver omits values that it does not know."""

    pool_name: str
    total_capacity_gb: Capacity
    free_capacity_gb: Capacity
    provisioned_capacity_gb: Capacity
    allocated_capacity_gb: Capacity
    thin_provisioning_support: bool
    reserved_percentage: int
    max_over_subscription_ratio: float | str


class Stats(TypedDict, total=False):
    """Result of ``get_volume_stats``: the identity of the storage, and its pools (at least one)."""

    volume_backend_name: str
    vendor_name: str
    driver_version: str
    storage_protocol: str
    pools: list[PoolStats]


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a driver's log: ``at`` in seconds since the epoch, ``operation`` the id of the store's operation."""

    at: float
    level: str
    logger: str
    text: str
    operation: int | None = None


class ManageableSnapshot(TypedDict):
    """One entry of ``get_manageable_snapshots``, with keys of Cinder's list-manageable API. ``size`` is in GiB, rounded up."""

    reference: dict[str, str]
    size: int
    safe_to_manage: bool
    reason_not_safe: str | None
    cinder_id: str | None
    extra_info: dict[str, Any] | None
    source_reference: dict[str, str]


class ManageableVolume(TypedDict):
    """One entry of ``get_manageable_volumes``, with keys of Cinder's list-manageable API. ``size`` is in GiB, rounded up."""

    reference: dict[str, str]
    size: int
    safe_to_manage: bool
    reason_not_safe: str | None
    cinder_id: str | None
    extra_info: dict[str, Any] | None


class OrphanFile(TypedDict):
    """A temporary file that a killed process left on the storage: neither a volume nor a snapshot. ``size`` is in bytes."""

    name: str
    size: int


class Sections(dict[str, dict[str, Any]]):
    """Sections of a configuration: section -> option -> value, or list of values."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a driver: its type, its default, and a sentence of help.

    Attributes:
        kind: one of ``str int float bool list dict Sections pathlib.Path``. A path is stored as text, a list has text items, a
            dict maps text to text.
        required: the configuration is refused without the option.
        secret: the value is masked wherever it could be shown, and never stored.
        choices: allowed values of a text; for a number, texts that are allowed as well.
        minimum, maximum: limits of a number.
        implicit: an option without a value is left out of the configuration, so that the driver uses its own default.
        references: the value may hold ``$name`` of another option, which the driver replaces; values are converted as
            oslo.config does, which accepts a number for a text.
        own: the option is the driver's own, not one that it shares with other drivers.
        checked: the driver refuses to be set up without the option.
        aliases: older names, which are accepted.
        multi: a list whose items are given one by one, since they may contain commas.
        ignore_case: ``choices`` are accepted in any letter case.
        default_for: returns the default for a backend's name; where no name is known, the option is required.

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
    default_for: Callable[[str], Any] | None = None


class Driver(Protocol):
    """A storage on which volumes can be created. ``config`` is checked against :meth:`options` before ``__init__``."""

    @property
    def storage_protocol(self) -> str:
        """The os-brick protocol of the driver's exports, in lower case (``local``, ``iscsi``, ``rbd``…)."""

    @classmethod
    def options(cls) -> tuple[Option, ...]:
        """Describe the options of the driver."""

    def __init__(self, config: Mapping[str, Any], *, backend_name: str) -> None:
        """Keep the configuration; touch no storage."""

    def setup(self) -> None:
        """Connect to the storage and check that it is usable; raise otherwise. May be called again."""

    def close(self) -> None:
        """Release the driver's resources in this process; the storage is unchanged."""

    def get_volume_stats(self, *, refresh: bool = False) -> Stats:
        """Return capacities and identity of the storage."""

    def create_volume(self, volume: VolumeData) -> ModelUpdate:
        """Create an empty volume that reads as zeros."""

    def create_volume_from_snapshot(
        self, volume: VolumeData, snapshot: SnapshotData, progress: Progress = no_progress
    ) -> ModelUpdate:
        """Create a volume, at least as large as the snapshot, with the snapshot's bytes."""

    def create_cloned_volume(self, volume: VolumeData, source: VolumeData, progress: Progress = no_progress) -> ModelUpdate:
        """Create a volume, at least as large as the source, with the source's current bytes."""

    def extend_volume(self, volume: VolumeData, new_size: int) -> None:
        """Grow the volume to *new_size* GiB, and the device of an attached host where the driver has access to it."""

    def delete_volume(self, volume: VolumeData) -> None:
        """Delete the volume; a missing volume is a success."""

    def create_snapshot(self, snapshot: SnapshotData, progress: Progress = no_progress) -> ModelUpdate:
        """Take a snapshot of the volume's current bytes."""

    def delete_snapshot(self, snapshot: SnapshotData) -> None:
        """Delete the snapshot; a missing snapshot is a success. Volumes created from it remain."""

    def create_export(self, volume: VolumeData, connector: Mapping[str, Any]) -> ModelUpdate:
        """Export the volume to hosts, before its first connection."""

    def ensure_export(self, volume: VolumeData) -> ModelUpdate:
        """Export the volume again after a restart of the storage host."""

    def remove_export(self, volume: VolumeData) -> None:
        """End the export, after the last connection was terminated."""

    def initialize_connection(self, volume: VolumeData, connection: ConnectionData) -> ConnectionInfo:
        """Give a host access to the volume; return how os-brick reaches it from there."""

    def terminate_connection(self, volume: VolumeData, connection: ConnectionData) -> None:
        """End the host's access; a missing connection is a success."""


@runtime_checkable
class CanRevert(Protocol):
    """The driver can revert a volume to a snapshot in place."""

    def revert_to_snapshot(self, volume: VolumeData, snapshot: SnapshotData, progress: Progress = no_progress) -> ModelUpdate:
        """Give the volume the snapshot's bytes again. A volume that was extended since keeps its size."""


@runtime_checkable
class CanManage(Protocol):
    """The driver can adopt volumes that it did not create, and release volumes."""

    def manage_existing_get_size(self, volume: VolumeData, reference: Mapping[str, str]) -> int:
        """Return the size of what *reference* names, in GiB, rounded up."""

    def manage_existing(self, volume: VolumeData, reference: Mapping[str, str]) -> ModelUpdate:
        """Adopt what *reference* names as *volume*."""

    def unmanage(self, volume: VolumeData) -> None:
        """Release the volume; its bytes stay on the storage."""


@runtime_checkable
class CanListManageable(Protocol):
    """The driver can list the volumes on its storage."""

    def get_manageable_volumes(self, known: Iterable[VolumeData]) -> Iterable[ManageableVolume]:
        """List the volumes on the storage; entries of the tracked volumes *known* carry their id and are not safe to manage."""


@runtime_checkable
class CanManageSnapshots(Protocol):
    """The driver can adopt snapshots that it did not create, and release snapshots."""

    def manage_existing_snapshot_get_size(self, snapshot: SnapshotData, reference: Mapping[str, str]) -> int:
        """Return the size of what *reference* names, in GiB, rounded up."""

    def manage_existing_snapshot(self, snapshot: SnapshotData, reference: Mapping[str, str]) -> ModelUpdate:
        """Adopt what *reference* names as *snapshot*."""

    def unmanage_snapshot(self, snapshot: SnapshotData) -> None:
        """Release the snapshot; it stays on the storage."""


@runtime_checkable
class CanListManageableSnapshots(Protocol):
    """The driver can list the snapshots on its storage."""

    def get_manageable_snapshots(self, known: Iterable[SnapshotData]) -> Iterable[ManageableSnapshot]:
        """List the snapshots on the storage; entries of the tracked ones in *known* carry their id and are not safe to manage."""


@runtime_checkable
class CanRetype(Protocol):
    """The driver can change the specs of an existing volume."""

    def retype(self, volume: VolumeData, extra_specs: Mapping[str, str], qos_specs: Mapping[str, str]) -> ModelUpdate:
        """Replace the volume's specs; raise NotSupported, without side effects, if that is impossible in place."""


@runtime_checkable
class HasStorageIdentity(Protocol):
    """The driver can tell whether two configurations lead to the same storage."""

    @classmethod
    def storage_identity(cls, config: Mapping[str, Any]) -> str:
        """Return a text that is equal for all configurations that lead to the same storage, without connecting to it."""


@runtime_checkable
class SupportsOrphanCleanup(Protocol):
    """The driver can list and remove temporary files that killed processes left on the storage."""

    def leftovers(self) -> list[OrphanFile]:
        """List the orphaned files, without those that a running process uses."""

    def remove_leftovers(self) -> int:
        """Remove the orphaned files; return how many were removed."""


@runtime_checkable
class FileBacked(Protocol):
    """The driver's volumes are files in one folder of this host, named by their ``name_in_storage``."""

    @property
    def volumes_folder(self) -> Path:
        """The folder with the volumes' files."""

    def connections_of(self, name: str) -> set[str]:
        """Return the ids of all connections of the volume *name*, also of those in other stores."""


@runtime_checkable
class SupportsReadOnly(Protocol):
    """The driver can be opened without changing the storage, for read-only sessions."""

    def setup_read_only(self) -> None:
        """Connect to the storage without changing it; raise if it does not exist."""


@runtime_checkable
class HasKnownStats(Protocol):
    """The driver knows statistics without asking its storage, for displays."""

    def known_stats(self) -> Stats:
        """Return the statistics as last read, or as the local host has them; empty if there are none."""


@runtime_checkable
class HasLog(Protocol):
    """The driver has a log."""

    def log_lines(self) -> list[LogLine]:
        """Return the last lines of the log, the oldest first."""


CAPABILITIES: Mapping[str, type] = {
    "revert": CanRevert,
    "manage": CanManage,
    "list_manageable": CanListManageable,
    "manage_snapshots": CanManageSnapshots,
    "list_manageable_snapshots": CanListManageableSnapshots,
    "retype": CanRetype,
}
"""Name of each capability -> the Protocol that a driver with it implements."""

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
"""Name of each feature -> its default; a driver overrides it in its attribute ``features``.

``atomic``: a volume or snapshot appears on the storage only when it is complete, also if its creation was interrupted.
``snapshot_attached``: a snapshot or clone is consistent although the volume is written to meanwhile; a driver without the feature
refuses it then, or blocks the writers.
"""


def capabilities(driver: Driver | type[Driver]) -> dict[str, bool]:
    """Return name -> whether *driver* (an instance or a class) has it, for each capability and feature."""
    cls = driver if isinstance(driver, type) else type(driver)
    declared: Mapping[str, bool] = getattr(driver, "features", {})
    implemented = {name: issubclass(cls, protocol) for name, protocol in CAPABILITIES.items()}
    return {**implemented, **{name: bool(declared.get(name, default)) for name, default in FEATURES.items()}}


@dataclass(frozen=True, slots=True)
class AttachmentData:
    """A connection of any volume of the backend, as a :class:`DriverContext` returns it."""

    id: str
    volume_id: str
    attached_host: str
    path: str | None
    attach_mode: str
    connector_info: Mapping[str, Any]
    conn_info: Mapping[str, Any] | None


class InitiatorData(TypedDict):
    """A value that a driver saved for a host's initiator, a row of Cinder's table ``driver_initiator_data``."""

    initiator: str
    namespace: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class DriverEnvironment:
    """The session's settings that concern Cinder's drivers; see :func:`cl_notebook.setup`."""

    project_id: str | None = None
    user_id: str | None = None
    locks: str | None = None
    """Folder of the locks between processes; None for one in the user's data folder."""
    keeps_log: bool = True
    hides_ssl_warnings: bool = True
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Options of Cinder's section ``[DEFAULT]``."""
    accept_unknown: bool = False
    """Whether a default that Cinder does not have is a line in the log, not an error."""


class DriverContext(Protocol):
    """Access to what is tracked on one backend, for drivers that read or change more than the resource of their call.

    Lists are read in pages: at most *limit* resources with ids after *after*, sorted by id.
    """

    host: str
    """Cinder's name of the backend: ``host@backend``."""
    root_helper: str
    """Command that runs others as root, such as ``sudo``."""
    environment: DriverEnvironment
    """Other settings of the session."""

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
        """Return the values saved for initiators."""

    def save_updates(
        self,
        volumes: Mapping[str, ModelUpdate],
        snapshots: Mapping[str, ModelUpdate],
        initiator_data: Iterable[InitiatorData],
    ) -> None:
        """Save changes to resources other than that of the call, by id."""


@runtime_checkable
class NeedsContext(Protocol):
    """The driver reads what is tracked."""

    def bind(self, context: DriverContext) -> None:
        """Use *context* from now on; called before ``setup()``."""
