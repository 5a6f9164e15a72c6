"""Read the hierarchy of backends, volumes, snapshots and connections once, up to a number of rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlalchemy as sa

from cl_notebook.model.identity_map import pages
from cl_notebook.treemodel.filter_parser import parse
from cl_notebook.treemodel.kinds import BACKEND, BELOW_VOLUMES, KINDS, VOLUME, further
from cl_notebook.treemodel.siblings import labelled
from cl_notebook.treemodel.visibility import Visibility, check_ids, scope

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context

BUDGET = 200
"""Largest number of rows in a static tree; the rows left out are counted in :attr:`Node.hidden`."""


@dataclass(slots=True)
class Node:
    """One resource in the hierarchy. ``size`` is in GiB; ``hidden`` counts the children that are not shown."""

    kind: str
    id: str
    name: str
    status: str
    size: int | None = None
    where: str = ""
    created_at: dt.datetime | None = None
    children: list[Node] = field(default_factory=list)
    hidden: int = 0
    more: Mapping[str, str] = field(default_factory=dict)
    """The values of further columns."""

    def walk(self) -> Iterator[Node]:
        """Yield the row and everything below it, depth first."""
        yield self
        for child in self.children:
            yield from child.walk()


def read(
    session: Context,
    resource: Tracked | None = None,
    budget: int | None = BUDGET,
    *,
    ids: Collection[str] | None = None,
    columns: Iterable[str] = (),
) -> list[Node]:
    """Return the rows at the top, every backend or the one *resource*, with everything below them.

    ``budget`` limits the rows below the top; each level gets what the levels above have not used. None means no limit.
    With *ids*, return only the resources with these ids, and everything above and below them. *columns* are those that are
    shown: further ones are read, too.

    Raises:
        InvalidInput: there are more than :data:`cl_notebook.treemodel.visibility.MOST_IDS` *ids*.

    """
    checked_ids = None if ids is None else check_ids(ids)
    with session.store.reading() as connection:
        limits = None if checked_ids is None else scope(connection, checked_ids)
        reader = _Reader(connection, session, budget, Visibility(parse(""), scope=limits))
        if resource is None:
            top = reader.backends()
        elif resource.kind == VOLUME:
            top = reader.volume(resource.id)
        else:
            test = KINDS[resource.kind].id == resource.id
            top = reader.backends(test) if resource.kind == BACKEND else reader.rows(resource.kind, test)
        if columns:
            nodes = {node.id: node for row in top for node in row.walk()}
            for row_id, more in further(connection, [(node.kind, node.id) for node in nodes.values()], columns).items():
                nodes[row_id].more = more
        return top


class _Reader:
    """Read one tree, with a constant number of queries for each backend."""

    def __init__(self, connection: sa.Connection, session: Context, budget: int | None, visibility: Visibility) -> None:
        self._connection = connection
        self._session = session
        self._remaining = budget
        self._visibility = visibility

    def backends(self, *tests: sa.ColumnElement[bool]) -> list[Node]:
        rows = self.rows(BACKEND, *tests)
        for row in rows:
            row.status = "open" if row.name in self._session.backends else "closed"
            row.children, row.hidden = self._volumes(row.id)
        return [row for row in rows if row.children or row.hidden or self._visibility.backend_listed(row.id)]

    def volume(self, volume_id: str) -> list[Node]:
        rows = self.rows(VOLUME, KINDS[VOLUME].id == volume_id)
        self._fill(rows)
        return rows

    def rows(self, kind: str, *tests: sa.ColumnElement[bool], limit: int | None = None) -> list[Node]:
        """Return the rows of *kind* that meet *tests*, in the order of creation."""
        columns = KINDS[kind]
        statement = labelled(columns.id, *columns.shown).where(*tests).order_by(*columns.orders()[""]).limit(limit)
        return [Node(kind, *values) for values in self._connection.execute(statement)]

    def _volumes(self, backend_id: str) -> tuple[list[Node], int]:
        condition = KINDS[VOLUME].parent == backend_id
        if (limit := self._visibility.volumes(backend_id)) is not None:
            condition = sa.and_(condition, limit)
        page = self.rows(VOLUME, condition, limit=self._remaining)
        self._spend(len(page))
        hidden = 0
        if self._remaining is not None and self._remaining <= 0:
            hidden = self._connection.execute(sa.select(sa.func.count()).where(condition)).scalar_one() - len(page)
        self._fill(page, backend_id)
        return page, hidden

    def _fill(self, volumes: Sequence[Node], backend_id: str = "") -> None:
        by_id = {row.id: row for row in volumes}
        for ids in pages(list(by_id)):
            for kind in BELOW_VOLUMES:
                columns = KINDS[kind]
                statement = labelled(columns.parent, columns.id, *columns.shown).where(self._below(kind, ids, backend_id))
                for volume_id, *values in self._connection.execute(statement.order_by(columns.parent, *columns.orders()[""])):
                    self._append(by_id[volume_id], Node(kind, *values))

    def _below(self, kind: str, volume_ids: Sequence[str], backend_id: str) -> sa.ColumnElement[bool]:
        parent = KINDS[kind].parent
        limit = self._visibility.below(kind, matches=True, whole=False)
        if limit is None:
            return parent.in_(volume_ids)
        whole = [volume_id for volume_id in volume_ids if self._visibility.whole(backend_id, volume_id)]
        return sa.or_(parent.in_(whole), sa.and_(parent.in_(volume_ids), limit))

    def _append(self, volume: Node, row: Node) -> None:
        if self._remaining is not None and self._remaining <= 0:
            volume.hidden += 1
        else:
            volume.children.append(row)
            self._spend(1)

    def _spend(self, rows: int) -> None:
        if self._remaining is not None:
            self._remaining -= rows
