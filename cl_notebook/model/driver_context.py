"""Give a driver access to what is tracked on its backend, and save what it changes there."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, TypeVar, cast

import sqlalchemy as sa

from cl_notebook import masking
from cl_notebook.drivers.api import AttachmentData, DriverEnvironment, SnapshotData, VolumeData
from cl_notebook.model import identity_map, naming, storage_identity
from cl_notebook.model.identity_map import CLASSES
from cl_notebook.model.operations import guards
from cl_notebook.model.operations.changes import Update
from cl_notebook.store.types import reg

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from cl_notebook.drivers.api import InitiatorData, ModelUpdate
    from cl_notebook.model.context import Context, StoredBackend
    from cl_notebook.model.operations.changes import RowChange

TABLE = sa.Table(
    "driver_initiator_data",
    reg.metadata,
    sa.Column("backend_id", sa.String(36), primary_key=True),
    sa.Column("initiator", sa.String(255), primary_key=True),
    sa.Column("namespace", sa.String(64), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("value", sa.String(255), nullable=False),
)

_VOLUME_COLUMNS = (
    *("id", "name_in_storage", "size", "name", "pool_name", "bootable", "extra_specs", "qos_specs"),
    *("provider_id", "source_volid", "snapshot_id"),
    *("host", "availability_zone", "status", "attach_status", "description"),
)
"""Columns of a volume that a driver receives unchanged."""

_SNAPSHOT_COLUMNS = ("id", "name_in_storage", "name", "provider_id", "status")
"""Columns of a snapshot that a driver receives unchanged."""

D = TypeVar("D", VolumeData, SnapshotData)


def read(connection: sa.Connection, backend_id: str) -> list[InitiatorData]:
    """Return the initiator data that the driver of the backend *backend_id* saved."""
    rows = connection.execute(sa.select(TABLE).where(TABLE.c.backend_id == backend_id))
    return [{"initiator": row.initiator, "namespace": row.namespace, "key": row.key, "value": row.value} for row in rows]


def write(connection: sa.Connection, backend_id: str, rows: Iterable[InitiatorData]) -> None:
    """Save initiator data of the backend *backend_id*; replace the values of existing keys."""
    for row in rows:
        where = (TABLE.c.backend_id == backend_id, *(TABLE.c[name] == row[name] for name in ("initiator", "namespace", "key")))
        connection.execute(sa.delete(TABLE).where(*where))
        connection.execute(sa.insert(TABLE), {"backend_id": backend_id, **row})


def remove(connection: sa.Connection, backend_id: str) -> None:
    """Remove what the driver of the backend *backend_id* saved, for its row is removed."""
    connection.execute(sa.delete(TABLE).where(TABLE.c.backend_id == backend_id))


def volume_data(values: Mapping[str, Any]) -> VolumeData:
    """Convert the columns *values* of a volume to the data that drivers receive."""
    return VolumeData(
        metadata=values["metadata_"],
        created_at=isoformat(values.get("created_at")),
        driver_data=masking.without(values["driver_data"] or {}),
        provider_location=masking.usable(values["provider_location"]),
        **{name: values[name] for name in _VOLUME_COLUMNS},
    )


def snapshot_data(values: Mapping[str, Any], volume: VolumeData) -> SnapshotData:
    """Convert the columns *values* of a snapshot of *volume* to the data that drivers receive."""
    return SnapshotData(
        volume=volume,
        size=values["volume_size"],
        metadata=values["metadata_"],
        created_at=isoformat(values.get("created_at")),
        driver_data=masking.without(values["driver_data"] or {}),
        provider_location=masking.usable(values["provider_location"]),
        **{name: values[name] for name in _SNAPSHOT_COLUMNS},
    )


def isoformat(at: dt.datetime | None) -> str | None:
    """Return a time as drivers receive it: ISO 8601, in UTC."""
    return at.isoformat() if at is not None else None


class StoreDriverContext:
    """The rows of one backend as plain data, for its driver: a :class:`~.drivers.api.DriverContext`."""

    def __init__(self, context: Context, backend_id: str, name: str, config: Mapping[str, Any] | None = None) -> None:
        """Read the rows of the backend *backend_id* in the session *context*.

        Args:
            context: the session.
            backend_id: the backend's id.
            name: the backend's name.
            config: the backend's configuration; the name of its host depends on it.

        """
        settings = context.settings
        self.host = naming.host(settings, name, config or {})
        self.root_helper = settings.root_helper
        self.environment = DriverEnvironment(
            project_id=settings.project_id,
            user_id=settings.user_id,
            locks=settings.file_locks_path,
            keeps_log=not settings.disable_logs,
            hides_ssl_warnings=settings.suppress_requests_ssl_warnings,
            defaults=settings.cinder_options,
            accept_unknown=settings.accept_unknown,
        )
        self._context = context
        self._backend_id = backend_id
        self._sent: dict[str, VolumeData | SnapshotData] = {}
        """Resources with metadata or driver data that the driver received since its last update, by id.

        An update has whole mappings: only their differences from these are saved.
        """

    @classmethod
    def of(cls, backend: StoredBackend) -> StoreDriverContext:
        """Return the driver context of *backend*."""
        return cls(backend.context, backend.id, backend.name, backend.stored_config)

    def every_volume(self) -> Iterator[VolumeData]:
        """Yield all volumes, page by page, so that memory does not grow with their number."""
        return _paged(self.volumes)

    def every_snapshot(self) -> Iterator[SnapshotData]:
        """Yield all snapshots, page by page, so that memory does not grow with their number."""
        return _paged(self.snapshots)

    def volumes(self, ids: Iterable[str] | None = None, *, after: str = "", limit: int = 1000) -> list[VolumeData]:
        """Return the volumes with these ids, or all of them.

        Pages are sorted by id: at most *limit* volumes, with ids greater than *after*.
        """
        table = _table("Volume")
        statement = self._page(table, after, limit)
        if ids is not None:
            statement = statement.where(table.c.id.in_(list(ids)))
        return self._note_sent([volume_data(row) for row in self._rows(statement)])

    def snapshots(
        self,
        ids: Iterable[str] | None = None,
        volume_ids: Iterable[str] | None = None,
        *,
        after: str = "",
        limit: int = 1000,
    ) -> list[SnapshotData]:
        """Return the snapshots with these ids, or of these volumes, or all of them.

        Pages are sorted by id: at most *limit* snapshots, with ids greater than *after*.
        """
        table = _table("Snapshot")
        statement = self._page(table, after, limit)
        for column, requested in ((table.c.id, ids), (table.c.volume_id, volume_ids)):
            if requested is not None:
                statement = statement.where(column.in_(list(requested)))
        rows = self._rows(statement)
        owner_ids = {row["volume_id"] for row in rows}
        volumes = {volume.id: volume for volume in self.volumes(owner_ids, limit=len(owner_ids))}
        return self._note_sent([snapshot_data(row, volumes[row["volume_id"]]) for row in rows if row["volume_id"] in volumes])

    def attachments(self, volume_ids: Iterable[str] | None = None) -> list[AttachmentData]:
        """Return the connections of these volumes, or all of them."""
        table = _table("Connection")
        statement = sa.select(table).where(table.c.backend_id == self._backend_id)
        if volume_ids is not None:
            statement = statement.where(table.c.volume_id.in_(list(volume_ids)))
        return [_attachment(row) for row in self._rows(statement)]

    def initiator_data(self) -> list[InitiatorData]:
        """Return the values saved for initiators."""
        with self._context.store.reading() as connection:
            return read(connection, self._backend_id)

    def save_updates(
        self,
        volumes: Mapping[str, ModelUpdate],
        snapshots: Mapping[str, ModelUpdate],
        initiator_data: Iterable[InitiatorData],
    ) -> None:
        """Save changes to resources other than that of the call, by id, and values for initiators."""
        for cls, updates in ((CLASSES["Volume"], volumes), (CLASSES["Snapshot"], snapshots)):
            for resource_id, update in updates.items():
                resource = identity_map.get(self._context, cls, resource_id)
                if resource is not None:
                    changes: list[RowChange] = [Update.of(resource, guards.persisted_fields(update, self._sent.get(resource_id)))]
                    self._context.journal.save_side_effects(changes, resource)
        self._sent.clear()
        rows = list(initiator_data)
        if rows:
            with self._context.lock:
                self._context.store.write(lambda connection: write(connection, self._backend_id, rows))

    def _note_sent(self, resources: list[D]) -> list[D]:
        self._sent.update((data.id, data) for data in resources if data.metadata or data.driver_data)
        return resources

    def _page(self, table: sa.Table, after: str, limit: int) -> sa.Select[Any]:
        statement = sa.select(table).where(table.c.backend_id == self._backend_id, table.c.id > after)
        return statement.order_by(table.c.id).limit(limit)

    def _rows(self, statement: sa.Select[Any]) -> list[Mapping[str, Any]]:
        with self._context.store.reading() as connection:
            return [{**row, "metadata_": row.get("metadata")} for row in connection.execute(statement).mappings()]


def volumes_on_storage(backend: StoredBackend, stored: Iterable[StoredBackend] | None = None) -> Iterator[VolumeData]:
    """Yield the tracked volumes of all backends on the storage of *backend*, page by page; see ``same_storage`` on *stored*."""
    same = storage_identity.same_storage(backend, stored)
    return itertools.chain.from_iterable(StoreDriverContext.of(other).every_volume() for other in same)


def snapshots_on_storage(backend: StoredBackend, stored: Iterable[StoredBackend] | None = None) -> Iterator[SnapshotData]:
    """Yield the tracked snapshots of all backends on the storage of *backend*, page by page; see ``same_storage`` on *stored*."""
    same = storage_identity.same_storage(backend, stored)
    return itertools.chain.from_iterable(StoreDriverContext.of(other).every_snapshot() for other in same)


def _paged(read_page: Callable[..., list[D]]) -> Iterator[D]:
    page = read_page()
    while page:
        yield from page
        page = read_page(after=page[-1].id)


def _table(class_name: str) -> sa.Table:
    return cast("sa.Table", CLASSES[class_name].__table__)


def _attachment(row: Mapping[str, Any]) -> AttachmentData:
    return AttachmentData(
        id=row["id"],
        volume_id=row["volume_id"],
        attached_host=row["attached_host"] or row["connector_info"].get("host", ""),
        path=row["path"],
        attach_mode=row["attach_mode"],
        connector_info=masking.without(row["connector_info"]),
        conn_info=masking.without(row["conn_info"]),
    )
