"""Build the conditions for visible rows: those that meet the filter, and those with a matching row above or below them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.model import Operation
from cl_notebook.model.operations import liveness
from cl_notebook.model.operations.tables import RUNNING
from cl_notebook.treemodel.kinds import BACKEND, BELOW_VOLUMES, CONNECTION, KINDS, SNAPSHOT, VOLUME

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from cl_notebook.treemodel.filter_parser import Filter

MOST_IDS = 10_000
"""Largest number of ids that a tree can be restricted to."""

MOST_OWNERS = 12_000
"""Largest number of volumes with a matching row below them that are listed by id."""

_PAGE = 500
_FAULTS = ("error", "erros")
"""Bounds of the statuses that begin with ``error``: a range, so that an index can be used."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The ids that the tree is restricted to, by kind.

    ``below`` are the ids of snapshots and connections, ``parents`` those of their volumes.
    """

    backends: frozenset[str]
    volumes: frozenset[str]
    below: frozenset[str]
    parents: frozenset[str]

    @property
    def any_volumes(self) -> frozenset[str]:
        """The ids of the volumes that are listed, or that have a listed snapshot or connection."""
        return self.volumes | self.parents


def scope(connection: sa.Connection, ids: Collection[str]) -> Scope:
    """Return *ids* sorted by kind, without those of no tracked resource."""
    sorted_ids = sorted(set(ids))
    ids_by_kind: dict[str, set[str]] = {}
    for kind in (BACKEND, VOLUME):
        ids_by_kind[kind] = {row_id for row_id, _ in _parents(connection, kind, sorted_ids)}
    below = [pair for kind in (SNAPSHOT, CONNECTION) for pair in _parents(connection, kind, sorted_ids)]
    children, parents = {row_id for row_id, _ in below}, {parent for _, parent in below}
    return Scope(*map(frozenset, (ids_by_kind[BACKEND], ids_by_kind[VOLUME], children, parents)))


def check_ids(ids: Collection[str]) -> frozenset[str]:
    """Return *ids* as a set.

    Raises:
        InvalidInput: *ids* has more than :data:`MOST_IDS` entries.

    """
    if len(ids) > MOST_IDS:
        msg = f"A tree can be restricted to at most {MOST_IDS:,} resources, not {len(ids):,}."
        raise errors.InvalidInput(msg)
    return frozenset(ids)


def _parents(connection: sa.Connection, kind: str, ids: list[str]) -> Iterator[tuple[str, str]]:
    columns = KINDS[kind]
    for start in range(0, len(ids), _PAGE):
        statement = sa.select(columns.id, columns.parent.label("parent")).where(columns.id.in_(ids[start : start + _PAGE]))
        yield from ((row_id, parent) for row_id, parent in connection.execute(statement))


def interrupted(connection: sa.Connection) -> frozenset[str]:
    """Return the ids of the resources of which an operation was interrupted, as its kernel ended."""
    statement = sa.select(Operation.resource_id, Operation.kernel_id).where(Operation.status == RUNNING)
    rows = connection.execute(statement.order_by(Operation.id.desc()).limit(_PAGE)).all()
    dead = liveness.dead(connection, {row.kernel_id for row in rows}) if rows else frozenset()
    return frozenset(row.resource_id for row in rows if row.kernel_id in dead)


@dataclass(frozen=True, slots=True)
class Visibility:
    """The conditions for visible rows in one state of the tree; a method returns None if there is no condition."""

    filter: Filter
    only_faults: bool = False
    scope: Scope | None = None
    interrupted: frozenset[str] = frozenset()
    dialect: str = "sqlite"
    owners: Mapping[tuple[str, bool], frozenset[str]] = field(default_factory=dict)
    """Ids of the volumes with a matching row below them, by kind and whether only listed rows count; filled by
    :func:`load_owners` if there are few.
    """

    @property
    def filters(self) -> bool:
        """Whether there is a filter."""
        return bool(self.filter) or self.only_faults

    @property
    def restricts(self) -> bool:
        """Whether rows may be hidden."""
        return self.filters or self.scope is not None

    def itself(self, kind: str, *, seek: bool = True) -> sa.ColumnElement[bool] | None:
        """Return the condition that a row meets the filter by itself.

        If *seek* is false, write it so that the database uses no index for it, but one for the sort order.
        """
        tests = [self.filter.condition(kind, self.dialect)] if self.filter else []
        if self.only_faults:
            tests.append(self._fault(kind, seek=seek))
        return sa.and_(*tests) if tests else None

    def below(self, kind: str, *, matches: bool, whole: bool) -> sa.ColumnElement[bool] | None:
        """Return the condition that a row below a volume is shown.

        ``matches``: the volume meets the filter by itself. ``whole``: all rows below it are within the scope.
        """
        tests = [] if whole or self.scope is None else [self._listed(KINDS[kind].id, self.scope.below)]
        if not matches and (test := self.itself(kind)) is not None:
            tests.append(test)
        return sa.and_(*tests) if tests else None

    def whole(self, backend_id: str, volume_id: str) -> bool:
        """Return whether all rows below a volume are within the scope."""
        return self.scope is None or backend_id in self.scope.backends or volume_id in self.scope.volumes

    def backend_listed(self, backend_id: str) -> bool:
        """Return whether a backend is within the scope by itself, not only for a row below it."""
        return self.scope is None or backend_id in self.scope.backends

    def volumes(self, backend_id: str | None = None, *, seek: bool = True) -> sa.ColumnElement[bool] | None:
        """Return the condition that a volume (of *backend_id*) is shown; see :meth:`itself` for *seek*."""
        within_scope = None if backend_id is not None and self.backend_listed(backend_id) else self._within_scope()
        itself = self.itself(VOLUME, seek=seek)
        if itself is None:
            return within_scope
        matches_here = sa.or_(itself, *self._through(backend_id))
        return matches_here if within_scope is None else sa.and_(within_scope, matches_here)

    def owned(self, kind: str, *, listed: bool) -> sa.ColumnElement[bool] | None:
        """Return the condition that a row below a volume meets the filter (and is in the scope); None without a filter."""
        test = self.itself(kind)
        if test is None or not listed or self.scope is None:
            return test
        return sa.and_(self._listed(KINDS[kind].id, self.scope.below), test)

    def _through(self, backend_id: str | None) -> Iterator[sa.ColumnElement[bool]]:
        """Yield the conditions that a volume has a matching row below it."""
        whole = backend_id is not None and self.backend_listed(backend_id)
        for kind in BELOW_VOLUMES:
            if self.scope is None or whole:
                yield self._owns(kind, listed=False)
            else:
                yield sa.and_(self._is_whole(self.scope), self._owns(kind, listed=False))
                yield self._owns(kind, listed=True)

    def _owns(self, kind: str, *, listed: bool) -> sa.ColumnElement[bool]:
        columns, volume = KINDS[kind], KINDS[VOLUME]
        owners, test = self.owners.get((kind, listed)), self.owned(kind, listed=listed)
        if owners is not None:
            return self._listed(volume.id, owners)
        if test is None:
            return sa.false()
        return sa.exists().where(columns.parent == volume.id, test).correlate(volume.table)

    def _within_scope(self) -> sa.ColumnElement[bool] | None:
        if self.scope is None:
            return None
        volume = KINDS[VOLUME]
        listed = self._listed(volume.id, self.scope.any_volumes)
        return sa.or_(listed, self._listed(volume.parent, self.scope.backends)) if self.scope.backends else listed

    def _is_whole(self, limits: Scope) -> sa.ColumnElement[bool]:
        volume = KINDS[VOLUME]
        return sa.or_(self._listed(volume.id, limits.volumes), self._listed(volume.parent, limits.backends))

    def _fault(self, kind: str, *, seek: bool) -> sa.ColumnElement[bool]:
        if kind == BACKEND:
            return sa.false()
        columns = KINDS[kind]
        status = columns.status if seek else sa.func.coalesce(columns.status, "")
        fault = sa.and_(status >= _FAULTS[0], status < _FAULTS[1])
        return sa.or_(fault, self._listed(columns.id, self.interrupted)) if self.interrupted else fault

    @staticmethod
    def _listed(column: sa.ColumnElement[str], ids: Iterable[str]) -> sa.ColumnElement[bool]:
        listed = sorted(ids)
        return column.in_(listed) if listed else sa.false()


def load_owners(connection: sa.Connection, visibility: Visibility) -> Visibility:
    """Return *visibility* with the ids of the volumes that have matching rows below them, if these are few.

    They are few with most filters, and save a subquery for every volume that is passed on the way to a page.
    """
    limit = MOST_OWNERS if visibility.scope is None else MOST_OWNERS // 60
    owners: dict[tuple[str, bool], frozenset[str]] = {}
    for kind in BELOW_VOLUMES if visibility.filters else ():
        for listed in (False,) if visibility.scope is None else (False, True):
            test = visibility.owned(kind, listed=listed)
            if test is not None:
                statement = sa.select(KINDS[kind].parent).where(test).limit(limit + 1)
                volume_ids = connection.execute(statement).scalars().all()
                if len(volume_ids) <= limit:
                    owners[kind, listed] = frozenset(volume_ids)
    return replace(visibility, owners=owners)
