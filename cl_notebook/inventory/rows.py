"""What is tracked, as plain rows: a scan of a hundred thousand volumes makes no object for any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from cl_notebook.model import Snapshot, Volume, encryption, identity_map

if TYPE_CHECKING:
    from collections.abc import Collection

    from cl_notebook.model.context import Context


class Row(NamedTuple):
    """A volume or a snapshot; ``size`` is in GiB, ``owner`` the volume of a snapshot, ``attach_status`` a volume's."""

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
    """Return the volumes or the snapshots of a backend, the oldest first."""
    cls, columns = _columns(kind)
    statement = sa.select(*columns).where(cls.backend_id == backend_id).order_by(cls.created_at, cls.id)
    return _read(context, statement)


def reread(context: Context, kind: str, backend_id: str, *, ids: Collection[str] = (), names: Collection[str] = ()) -> list[Row]:
    """Return those that have one of these ids, or of these names in the storage, as they are now."""
    cls, columns = _columns(kind)
    found: list[Row] = []
    for column, values in ((cls.id, list(ids)), (cls.name_in_storage, list(names))):
        for page in identity_map.pages(values):
            found += _read(context, sa.select(*columns).where(cls.backend_id == backend_id, column.in_(page)))
    return found


def backend_ids_of(context: Context, kind: str, ids: Collection[str]) -> dict[str, str]:
    """Return which of the *ids* are taken in the whole store, each with the id of its backend."""
    cls = Volume if kind == Volume.kind else Snapshot
    found: dict[str, str] = {}
    with context.store.reading() as connection:
        for page in identity_map.pages(list(ids)):
            found |= {
                row.id: row.backend_id for row in connection.execute(sa.select(cls.id, cls.backend_id).where(cls.id.in_(page)))
            }
    return found


def _read(context: Context, statement: sa.Select[Any]) -> list[Row]:
    with context.store.reading() as connection:
        return [
            Row._make((*fields, encryption.is_marked(driver_data) or encryption.is_marked(extra)))
            for *fields, driver_data, extra in connection.execute(statement)
        ]
