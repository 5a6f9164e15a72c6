"""What a driver may look up of what is tracked on its backend, beyond what a call tells it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cl_notebook.drivers.api import ModelUpdate, SnapshotData, VolumeData


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
class Surroundings:
    """What a session was set up with, as far as Cinder's drivers are told of it; see :func:`cl_notebook.setup`."""

    project_id: str | None = None
    user_id: str | None = None
    locks: str | None = None
    """The folder of the locks between processes; None is one in the user's data folder."""
    keeps_log: bool = True
    hides_ssl_warnings: bool = True
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Options of Cinder's section ``[DEFAULT]``."""


class Records(Protocol):
    """What is tracked on one backend, for drivers that look up more than a call tells them, or change more than its resource.

    Lists are read in pages: those after the id *after*, in the order of their ids, *limit* at most.
    """

    host: str
    """Cinder's name of the backend: ``host@backend``."""
    root_helper: str
    """What is put before commands that need root."""
    surroundings: Surroundings
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

    def keep(
        self,
        volumes: Mapping[str, ModelUpdate],
        snapshots: Mapping[str, ModelUpdate],
        initiator_data: Iterable[InitiatorData],
    ) -> None:
        """Keep what the driver changed on other resources than its call's, by id."""


@runtime_checkable
class UsesRecords(Protocol):
    """The driver looks up what is tracked."""

    def use(self, records: Records) -> None:
        """Take the records of its backend; called before ``setup()``."""
