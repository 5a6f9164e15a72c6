"""The hierarchy as rows: backends, their volumes, and the snapshots and connections of each, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook.model import Backend, Connection, Snapshot, Volume

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Sequence

    from cl_notebook.model.context import Context
    from cl_notebook.model.tracked import Tracked

BUDGET = 200
"""Rows that a static tree shows at most; what is left out is counted."""


@dataclass(slots=True)
class Row:
    """One resource in the hierarchy. ``size`` is in GiB; ``hidden`` counts the children that are not shown."""

    kind: str
    id: str
    name: str
    status: str
    size: int | None = None
    where: str = ""
    created_at: dt.datetime | None = None
    children: list[Row] = field(default_factory=list)
    hidden: int = 0

    def walk(self) -> Iterator[Row]:
        """Yield the row and everything below it, depth first."""
        yield self
        for child in self.children:
            yield from child.walk()


def forest(session: Context, resource: Tracked | None = None, budget: int | None = BUDGET) -> list[Row]:
    """Return the rows at the top with what is below them: every backend, or the one *resource*.

    ``budget`` bounds the rows below the top: each level is given what the one above left of it; None means all of them.
    """
    with session.store.reading() as connection:
        reader = _Reader(connection, session, budget)
        if resource is None:
            return reader.backends(None)
        match resource.kind:
            case "backend":
                return reader.backends(resource.id)
            case "volume":
                return reader.volumes_by_id(resource.id)
            case "snapshot":
                return reader.snapshots(Snapshot.id == resource.id)
            case _:
                return reader.connections(Connection.id == resource.id)


class _Reader:
    """Reads one forest with a constant number of queries a backend."""

    def __init__(self, connection: sa.Connection, session: Context, budget: int | None) -> None:
        self._connection = connection
        self._session = session
        self._left = budget

    def backends(self, only: str | None) -> list[Row]:
        statement = sa.select(Backend.id, Backend.name, Backend.volume_driver, Backend.created_at).order_by(Backend.name)
        if only is not None:
            statement = statement.where(Backend.id == only)
        rows = [
            Row("backend", id_, name, "open" if name in self._session.backends else "closed", None, driver, created)
            for id_, name, driver, created in self._connection.execute(statement)
        ]
        for row in rows:
            row.children, row.hidden = self._volumes(row.id)
        return rows

    def volumes_by_id(self, volume_id: str) -> list[Row]:
        rows = self._volume_rows(sa.select(*_VOLUME).where(Volume.id == volume_id))
        self._fill(rows)
        return rows

    def snapshots(self, where: sa.ColumnElement[bool]) -> list[Row]:
        return [row for _, row in self._snapshots(where)]

    def connections(self, where: sa.ColumnElement[bool]) -> list[Row]:
        return [row for _, row in self._connections(where)]

    def _volumes(self, backend_id: str) -> tuple[list[Row], int]:
        mine = Volume.backend_id == backend_id
        page = self._volume_rows(sa.select(*_VOLUME).where(mine).order_by(Volume.created_at, Volume.id).limit(self._left))
        self._take(len(page))
        hidden = 0
        if self._left is not None and self._left <= 0:
            hidden = self._connection.execute(sa.select(sa.func.count()).where(mine)).scalar_one() - len(page)
        self._fill(page)
        return page, hidden

    def _volume_rows(self, statement: sa.Select[*tuple[Any, ...]]) -> list[Row]:
        return [Row("volume", *values) for values in self._connection.execute(statement)]

    def _fill(self, volumes: Sequence[Row]) -> None:
        by_id = {row.id: row for row in volumes}
        for ids in _pages(list(by_id)):
            for volume_id, row in self._snapshots(Snapshot.volume_id.in_(ids)):
                self._put(by_id[volume_id], row)
            for volume_id, row in self._connections(Connection.volume_id.in_(ids)):
                self._put(by_id[volume_id], row)

    def _put(self, volume: Row, row: Row) -> None:
        if self._left is not None and self._left <= 0:
            volume.hidden += 1
        else:
            volume.children.append(row)
            self._take(1)

    def _take(self, rows: int) -> None:
        if self._left is not None:
            self._left -= rows

    def _snapshots(self, where: sa.ColumnElement[bool]) -> Iterator[tuple[str, Row]]:
        columns = (Snapshot.volume_id, Snapshot.id, Snapshot.name, Snapshot.status, Snapshot.volume_size, Snapshot.created_at)
        statement = sa.select(*columns).where(where).order_by(Snapshot.volume_id, Snapshot.created_at, Snapshot.id)
        for volume_id, id_, name, status, size, created in self._connection.execute(statement):
            yield volume_id, Row("snapshot", id_, name, status, size, "", created)

    def _connections(self, where: sa.ColumnElement[bool]) -> Iterator[tuple[str, Row]]:
        host = Connection.connector_info["host"].as_string()
        columns = (Connection.volume_id, Connection.id, host, Connection.attach_status, Connection.path, Connection.created_at)
        statement = sa.select(*columns).where(where).order_by(Connection.volume_id, Connection.created_at, Connection.id)
        for volume_id, id_, name, status, path, created in self._connection.execute(statement):
            yield volume_id, Row("connection", id_, name or "?", status, None, path or "", created)


_VOLUME = (Volume.id, Volume.name, Volume.status, Volume.size, Volume.host, Volume.created_at)
_PAGE = 500


def _pages(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + _PAGE] for start in range(0, len(ids), _PAGE))
