"""What is tracked on a workbench, for drivers that look it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook.drivers.records import AttachmentData, Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cl_notebook.drivers.api import ModelUpdate, SnapshotData, VolumeData
    from cl_notebook.drivers.records import InitiatorData
    from cl_notebook.testing.bench import Bench


class BenchRecords:
    """The :class:`~cl_notebook.drivers.api.Records` of a workbench: what was made on it and is still there."""

    def __init__(self, bench: Bench, host: str) -> None:
        """Look at *bench*, and call its backend *host*."""
        self.host = host
        self.root_helper = "sudo"
        self.surroundings = Surroundings()
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

    def keep(
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
