"""Read tracked volumes and snapshots as plain rows, as a scan of 100,000 volumes cannot afford an object for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from cl_notebook.model import Snapshot, Volume, encryption, identity_map

if TYPE_CHECKING:
    from collections.abc import Collection

    from cl_notebook.model.context import Context


class Row(NamedTuple):
    """A volume or a snapshot. ``size`` is in GiB; ``owner`` is a snapshot's volume id; only volumes have an ``attach_status``."""

    id: str
    name: str
    name_in_storage: str
    size: int
    status: str
    owner: str | None = None
    attach_status: str | None = None
    encrypted: bool = False


def _columns(kind: str) -> tuple[Any, list[Any]]:
    if kind == Volume.kind:
        no_owner = sa.null().label("owner")
        columns: list[Any] = [Volume.id, Volume.name, Volume.name_in_storage, Volume.size, Volume.status, no_owner]
        return Volume, [*columns, Volume.attach_status, Volume.driver_data, Volume.extra]
    columns = [Snapshot.id, Snapshot.name, Snapshot.name_in_storage, Snapshot.volume_size, Snapshot.status, Snapshot.volume_id]
    return Snapshot, [*columns, sa.null().label("attach_status"), Snapshot.driver_data, Snapshot.extra]


def of_backend(context: Context, kind: str, backend_id: str) -> list[Row]:
    """Return the volumes or the snapshots of a backend, oldest first."""
    cls, columns = _columns(kind)
    statement = sa.select(*columns).where(cls.backend_id == backend_id).order_by(cls.created_at, cls.id)
    return _read(context, statement)


def reread(context: Context, kind: str, backend_id: str, *, ids: Collection[str] = (), names: Collection[str] = ()) -> list[Row]:
    """Read again the rows of a backend with these *ids*, or these *names* on the storage."""
    cls, columns = _columns(kind)
    rows: list[Row] = []
    for column, values in ((cls.id, list(ids)), (cls.name_in_storage, list(names))):
        for page in identity_map.pages(values):
            rows += _read(context, sa.select(*columns).where(cls.backend_id == backend_id, column.in_(page)))
    return rows


def backend_ids_of(context: Context, kind: str, ids: Collection[str]) -> dict[str, str]:
    """Return the backend's id for each of the *ids* that exists in the store, by id."""
    cls = Volume if kind == Volume.kind else Snapshot
    backend_ids: dict[str, str] = {}
    with context.store.reading() as connection:
        for page in identity_map.pages(list(ids)):
            backend_ids |= {
                row.id: row.backend_id for row in connection.execute(sa.select(cls.id, cls.backend_id).where(cls.id.in_(page)))
            }
    return backend_ids


def _read(context: Context, statement: sa.Select[Any]) -> list[Row]:
    with context.store.reading() as connection:
        return [
            Row._make((*fields, encryption.is_marked(driver_data) or encryption.is_marked(extra)))
            for *fields, driver_data, extra in connection.execute(statement)
        ]
