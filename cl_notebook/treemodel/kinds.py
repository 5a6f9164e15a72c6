"""Define the kinds of rows in the tree, and the database columns that each of them shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook.model import Backend, Connection, Snapshot, Volume

if TYPE_CHECKING:
    from collections.abc import Mapping

BACKEND, VOLUME, SNAPSHOT, CONNECTION = "backend", "volume", "snapshot", "connection"
BELOW_VOLUMES = (SNAPSHOT, CONNECTION)
"""The kinds of rows below a volume, in this order."""

_NOTHING: sa.ColumnElement[Any] = sa.literal_column("''", sa.String)


@dataclass(frozen=True, slots=True)
class Kind:
    """Columns of one kind. ``parent`` holds the id of the row above, ``where`` a host, a path (connection) or a driver."""

    table: sa.FromClause
    id: sa.ColumnElement[Any]
    parent: sa.ColumnElement[Any]
    name: sa.ColumnElement[Any]
    status: sa.ColumnElement[Any]
    size: sa.ColumnElement[Any]
    where: sa.ColumnElement[Any]
    created_at: sa.ColumnElement[Any]

    def orders(self) -> Mapping[str, tuple[sa.ColumnElement[Any], ...]]:
        """Return the sort terms for each name of an order; each ends with the id (so ties are impossible), and none is NULL."""
        return {
            "": (self.created_at, self.id),
            "age": (self.created_at, self.id),
            "name": (self.name, self.id),
            "status": (*_not_constant(self.status), *_not_constant(self.size), self.id),
            "size": (*_not_constant(self.size), self.id),
            "where": (*_not_constant(self.where), self.id),
        }


def _not_constant(*columns: sa.ColumnElement[Any]) -> tuple[sa.ColumnElement[Any], ...]:
    # not every database accepts a constant in ORDER BY
    return tuple(column for column in columns if column is not _NOTHING and column is not _NO_SIZE)


_NO_SIZE: sa.ColumnElement[Any] = sa.null()


def _table(cls: Any) -> Any:  # noqa: ANN401 - takes a mapped class, returns its table
    return cls.__table__


_TABLES = tuple(_table(cls) for cls in (Backend, Volume, Snapshot, Connection))
_BACKEND, _VOLUME, _SNAPSHOT, _CONNECTION = (table.c for table in _TABLES)

KINDS: Mapping[str, Kind] = {
    # a backend has no status here: whether it is open is not stored
    BACKEND: Kind(
        *(_TABLES[0], _BACKEND.id, _NOTHING, _BACKEND.name, _NOTHING, _NO_SIZE),
        *(_BACKEND.volume_driver, _BACKEND.created_at),
    ),
    VOLUME: Kind(
        *(_TABLES[1], _VOLUME.id, _VOLUME.backend_id, _VOLUME.name, _VOLUME.status, _VOLUME.size),
        *(_VOLUME.host, _VOLUME.created_at),
    ),
    SNAPSHOT: Kind(
        *(_TABLES[2], _SNAPSHOT.id, _SNAPSHOT.volume_id, _SNAPSHOT.name, _SNAPSHOT.status, _SNAPSHOT.volume_size),
        *(_NOTHING, _SNAPSHOT.created_at),
    ),
    CONNECTION: Kind(
        *(_TABLES[3], _CONNECTION.id, _CONNECTION.volume_id),
        sa.func.coalesce(sa.func.nullif(_CONNECTION.connector_info["host"].as_string(), ""), "?"),
        *(_CONNECTION.attach_status, _NO_SIZE, sa.func.coalesce(_CONNECTION.path, ""), _CONNECTION.created_at),
    ),
}
