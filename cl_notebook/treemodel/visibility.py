"""What the tree shows: which resources meet the filter, and which stay because of what is above or below them."""

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
"""Ids that the tree can be restricted to."""

MOST_OWNERS = 12_000
"""Volumes that own a row which meets the filter, up to which they are known by their ids."""

_PAGE = 500
_FAULTS = ("error", "erros")
"""Between these are the words that begin with ``error``: a range, for which an index serves."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The ids that the tree is restricted to, by kind. ``parents`` are the volumes of the snapshots and connections."""

    backends: frozenset[str]
    volumes: frozenset[str]
    below: frozenset[str]
    parents: frozenset[str]

    @property
    def any_volumes(self) -> frozenset[str]:
        """The volumes that are listed, or that are above one that is."""
        return self.volumes | self.parents


def scope(connection: sa.Connection, ids: Collection[str]) -> Scope:
    """Return *ids* by kind; those that nothing has are left out."""
    asked = sorted(set(ids))
    found: dict[str, set[str]] = {}
    for kind in (BACKEND, VOLUME):
        found[kind] = {row_id for row_id, _ in _parents(connection, kind, asked)}
    below = [pair for kind in (SNAPSHOT, CONNECTION) for pair in _parents(connection, kind, asked)]
    children, parents = {row_id for row_id, _ in below}, {parent for _, parent in below}
    return Scope(*map(frozenset, (found[BACKEND], found[VOLUME], children, parents)))


def check_ids(ids: Collection[str]) -> frozenset[str]:
    """Return *ids* as a set.

    Raises:
        InvalidInput: there are more than :data:`MOST_IDS`.

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
    """Return the ids of the resources that a kernel was working on when it died."""
    statement = sa.select(Operation.resource_id, Operation.kernel_id).where(Operation.status == RUNNING)
    rows = connection.execute(statement.order_by(Operation.id.desc()).limit(_PAGE)).all()
    dead = liveness.dead(connection, {row.kernel_id for row in rows}) if rows else frozenset()
    return frozenset(row.resource_id for row in rows if row.kernel_id in dead)


@dataclass(frozen=True, slots=True)
class Visibility:
    """The conditions of one look at the tree; None stands for no condition."""

    filter: Filter
    only_faults: bool = False
    scope: Scope | None = None
    interrupted: frozenset[str] = frozenset()
    dialect: str = "sqlite"
    owners: Mapping[tuple[str, bool], frozenset[str]] = field(default_factory=dict)
    """The volumes that own a row of a kind (a listed one) that meets the filter, where :func:`know_owners` found few."""

    @property
    def filters(self) -> bool:
        """Whether rows are asked to meet a filter."""
        return bool(self.filter) or self.only_faults

    @property
    def restricts(self) -> bool:
        """Whether some rows may be left out."""
        return self.filters or self.scope is not None

    def itself(self, kind: str, *, seek: bool = True) -> sa.ColumnElement[bool] | None:
        """Return the condition that a row meets the filter by itself.

        Without *seek* it is written so that no index is used for it: an order is wanted, and an index for that.
        """
        tests = [self.filter.condition(kind, self.dialect)] if self.filter else []
        if self.only_faults:
            tests.append(self._fault(kind, seek=seek))
        return sa.and_(*tests) if tests else None

    def below(self, kind: str, *, matches: bool, whole: bool) -> sa.ColumnElement[bool] | None:
        """Return the condition that a row below a volume is shown.

        ``matches`` says whether the volume meets the filter by itself, ``whole`` whether all that is below it may be shown.
        """
        tests = [] if whole or self.scope is None else [self._listed(KINDS[kind].id, self.scope.below)]
        if not matches and (test := self.itself(kind)) is not None:
            tests.append(test)
        return sa.and_(*tests) if tests else None

    def whole(self, backend_id: str, volume_id: str) -> bool:
        """Return whether all that is below a volume may be shown."""
        return self.scope is None or backend_id in self.scope.backends or volume_id in self.scope.volumes

    def backend_listed(self, backend_id: str) -> bool:
        """Return whether a backend may be shown for its own sake."""
        return self.scope is None or backend_id in self.scope.backends

    def volumes(self, backend_id: str | None = None, *, seek: bool = True) -> sa.ColumnElement[bool] | None:
        """Return the condition that a volume (of that backend) is shown; of *seek* see :meth:`itself`."""
        may = None if backend_id is not None and self.backend_listed(backend_id) else self._may_be_shown()
        itself = self.itself(VOLUME, seek=seek)
        if itself is None:
            return may
        shown = sa.or_(itself, *self._through(backend_id))
        return shown if may is None else sa.and_(may, shown)

    def owned(self, kind: str, *, listed: bool) -> sa.ColumnElement[bool] | None:
        """Return the condition that a row below a volume meets the filter (and is listed), or None if there is no filter."""
        test = self.itself(kind)
        if test is None or not listed or self.scope is None:
            return test
        return sa.and_(self._listed(KINDS[kind].id, self.scope.below), test)

    def _through(self, backend_id: str | None) -> Iterator[sa.ColumnElement[bool]]:
        """Yield the conditions that a volume owns a row that meets the filter."""
        whole = backend_id is not None and self.backend_listed(backend_id)
        for kind in BELOW_VOLUMES:
            if self.scope is None or whole:
                yield self._owns(kind, listed=False)
            else:
                yield sa.and_(self._is_whole(self.scope), self._owns(kind, listed=False))
                yield self._owns(kind, listed=True)

    def _owns(self, kind: str, *, listed: bool) -> sa.ColumnElement[bool]:
        columns, volume = KINDS[kind], KINDS[VOLUME]
        known, test = self.owners.get((kind, listed)), self.owned(kind, listed=listed)
        if known is not None:
            return self._listed(volume.id, known)
        if test is None:
            return sa.false()
        return sa.exists().where(columns.parent == volume.id, test).correlate(volume.table)

    def _may_be_shown(self) -> sa.ColumnElement[bool] | None:
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


def know_owners(connection: sa.Connection, visibility: Visibility) -> Visibility:
    """Return *visibility* with the volumes that own a row which meets the filter, where these are few: most filters are such.

    Otherwise every volume that is passed on the way to a page would be asked what it owns.
    """
    most = MOST_OWNERS if visibility.scope is None else MOST_OWNERS // 60
    owners: dict[tuple[str, bool], frozenset[str]] = {}
    for kind in BELOW_VOLUMES if visibility.filters else ():
        for listed in (False,) if visibility.scope is None else (False, True):
            test = visibility.owned(kind, listed=listed)
            if test is not None:
                statement = sa.select(KINDS[kind].parent).where(test).limit(most + 1)
                found = connection.execute(statement).scalars().all()
                if len(found) <= most:
                    owners[kind, listed] = frozenset(found)
    return replace(visibility, owners=owners)
