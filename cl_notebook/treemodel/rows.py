"""The hierarchy as one flat list of rows: how many there are, any range of them, and where one stands.

What is kept between two calls are counts, places and the branches that are open, never the rows themselves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.model import Kernel, Operation
from cl_notebook.model.operations.liveness import LIVENESS_COLUMNS, is_dead
from cl_notebook.model.operations.tables import RUNNING
from cl_notebook.store.changefeed import ENTRY, PROGRESS
from cl_notebook.treemodel import filter_parser, typeahead
from cl_notebook.treemodel.kinds import BACKEND, BELOW_VOLUMES, CONNECTION, KINDS, SNAPSHOT, VOLUME
from cl_notebook.treemodel.siblings import order
from cl_notebook.treemodel.state import ExpansionState, TreeState, VolumeHit
from cl_notebook.treemodel.visibility import Visibility, check_ids, interrupted, know_owners, scope

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Sequence

    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context
    from cl_notebook.treemodel.layout import Below, Head, Layout, Span
    from cl_notebook.treemodel.siblings import Key, SiblingPager, SiblingRow
    from cl_notebook.treemodel.visibility import Scope


__all__ = ("MOST", "Row", "RunningOperation", "VirtualRows")

MOST = 10_000
"""Rows that one range gives the ids of at most."""

REMEMBERED = 2_000
"""Rows of which it is known where they stood, should they be deleted."""


@dataclass(frozen=True, slots=True)
class RunningOperation:
    """An operation that runs on a row: ``done`` is a fraction if that is known, ``gone`` says that its kernel is dead."""

    doing: str
    since: dt.datetime
    done: float | None = None
    gone: bool = False


def running(connection: sa.Connection, ids: Sequence[str]) -> dict[str, RunningOperation]:
    """Return what is being done with the resources of these *ids*; of several operations, the one that began last."""
    what = (Operation.id.label("operation"), Operation.resource_id, Operation.action, Operation.started_at)
    statement = sa.select(*what, *LIVENESS_COLUMNS).join(Kernel, Operation.kernel_id == Kernel.id)
    statement = statement.where(Operation.status == RUNNING, Operation.resource_id.in_(ids)).order_by(Operation.id)
    latest = {row["resource_id"]: row for row in connection.execute(statement).mappings()}
    if not latest:
        return {}
    done = _done(connection, {row["operation"]: row_id for row_id, row in latest.items()})
    dead = {row["id"]: is_dead(dict(row)) for row in {row["id"]: row for row in latest.values()}.values()}
    return {
        row_id: RunningOperation(row["action"], row["started_at"], done.get(row_id), dead[row["id"]])
        for row_id, row in latest.items()
    }


def _done(connection: sa.Connection, operations: dict[int, str]) -> dict[str, float]:
    newest = (
        sa.select(sa.func.max(ENTRY.c.number))
        .where(ENTRY.c.resource_id.in_(operations.values()), ENTRY.c.event == PROGRESS)
        .where(ENTRY.c.operation_id.in_(operations))
        .group_by(ENTRY.c.operation_id)
    )
    statement = sa.select(ENTRY.c.operation_id, ENTRY.c.status).where(ENTRY.c.number.in_(newest))
    found = {operations[operation]: _fraction(status) for operation, status in connection.execute(statement)}
    return {row_id: fraction for row_id, fraction in found.items() if fraction is not None}


def _fraction(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return min(1.0, max(0.0, value)) if math.isfinite(value) else None


@dataclass(slots=True)
class Row:
    """One row of the list: ``level`` counts from 1; ``position`` and ``siblings`` are those among the rows of one parent.

    ``size`` is in GiB; ``children`` counts the rows that are seen below it if it is ``open``.
    """

    kind: str
    id: str
    name: str
    status: str
    size: int | None
    where: str
    created_at: dt.datetime | None
    level: int
    position: int
    siblings: int
    children: int = 0
    open: bool = False
    busy: RunningOperation | None = None


class _LastKnown(NamedTuple):
    kind: str
    parent: str
    key: Key


class VirtualRows:
    """The list: backends, below those that are open their volumes, below those that are open snapshots and connections.

    Nothing is bound to a thread, but only one may call at a time.
    """

    def __init__(self, session: Context, resource: Tracked | None = None, ids: Collection[str] | None = None) -> None:
        """List everything, or the one *resource*, or what has one of the *ids* with what is above and below it.

        Raises:
            InvalidInput: there are more *ids* than a tree can be restricted to.

        """
        self._session = session
        self._top = None if resource is None else (resource.kind, resource.id)
        self._query = ("", False, "")
        self._filter = filter_parser.Filter()
        self._order = order("")
        self._state: TreeState | None = None
        self._is_arranged = False
        self._last_known: dict[str, _LastKnown] = {}
        self._scope: Scope | None = None
        listed = None if ids is None else check_ids(ids)
        with session.store.reading() as connection:
            if listed is not None:
                self._scope = scope(connection, listed)
            opened = [] if self._top is None else [self._top[1]]
            if self._top is None and listed is None:
                backends = connection.execute(sa.select(KINDS[BACKEND].id).limit(2)).scalars().all()
                opened = list(backends) if len(backends) == 1 else []
        self._expansion = ExpansionState(opened)

    @property
    def opened(self) -> frozenset[str]:
        """The ids of the branches that are open, also of those that are out of sight for now."""
        return self._expansion.ids

    @property
    def top(self) -> tuple[str, str] | None:
        """Kind and id of the one resource that the list begins with, or None if it begins with the backends."""
        return self._top

    @property
    def restricts(self) -> bool:
        """Whether a filter, or the ids that the tree is made of, leave something out."""
        return bool(self._filter) or self._query[1] or self._scope is not None

    def set_query(self, *, text: str = "", only_faults: bool = False, sort: str = "") -> None:
        """Show what the filter *text* describes, or only faults, sorted by ``""`` (creation), ``"COLUMN"`` or ``"COLUMN:desc"``.

        Raises:
            InvalidInput: *text* is no filter, or *sort* no order; then everything stays as it is.

        """
        query = (text.strip(), bool(only_faults), sort.strip())
        if query == self._query:
            return
        predicate, in_order = filter_parser.parse(text), order(sort)
        if query[:2] != self._query[:2]:
            self._expansion.begin(filters=bool(predicate) or only_faults)
        if in_order != self._order:
            self._last_known.clear()
        self._query, self._filter, self._order = query, predicate, in_order
        self.invalidate()

    def invalidate(self) -> None:
        """Read counts and places again when they are needed next: the store has changed. What is open stays open."""
        self._state = None

    def total(self) -> int:
        """Return the number of rows."""
        with self._session.store.reading() as connection:
            return self._layout(connection).rows

    def shown(self) -> int:
        """Return the number of volumes that are shown, also below backends that are closed."""
        with self._session.store.reading() as connection:
            layout = self._layout(connection)
        return sum(head.children for head in layout.heads) if layout.top is None else layout.top.count

    def page(self, start: int, count: int) -> list[Row]:
        """Return at most *count* rows from the one at *start* on."""
        with self._session.store.reading() as connection:
            spans = list(self._layout(connection).spans(max(0, start), max(0, count)))
            rows: list[Row] = []
            volumes: list[VolumeHit] = []
            for span in spans:
                if span.head is not None:
                    rows.append(_head_row(span, span.head))
                elif span.level is not None:
                    found = span.level.page(connection, span.start, span.count)
                    rows += [_row(span, index, one) for index, one in enumerate(found)]
                    volumes += [VolumeHit(one.id, one.parent, bool(one.matches)) for one in found if span.level.kind == VOLUME]
                    self._remember(span.level.kind, found)
            self._complete(connection, rows, volumes)
        return rows

    def build_anchor(self) -> bool:
        """Learn one more key in the middle of a long level, so that jumping there is quick; return False once none is missing."""
        with self._session.store.reading() as connection:
            return any(below.level.build_anchor(connection) for _, below in self._layout(connection).belows())

    def ids(self, first: int, last: int) -> list[tuple[str, str]]:
        """Return kind and id of the rows from *first* to *last*, both included.

        Raises:
            InvalidInput: these are more than :data:`MOST`.

        """
        first, count = max(0, first), last - max(0, first) + 1
        if count > MOST:
            msg = f"At most {MOST:,} rows can be taken at once, not {count:,}. A filter makes them fewer."
            raise errors.InvalidInput(msg)
        listed: list[tuple[str, str]] = []
        with self._session.store.reading() as connection:
            for span in self._layout(connection).spans(first, max(0, count)):
                if span.head is not None:
                    listed.append((BACKEND, span.head.id))
                elif span.level is not None:
                    listed += [(span.level.kind, key[-1]) for key in span.level.keys(connection, span.start, span.count)]
        return listed

    def index_of(self, row_id: str, hint: int | None = None) -> int | None:
        """Return where a row is seen now, or None if it is not. *hint* is where it was seen before.

        Of a row that was on a page and was deleted since, it is the place where it would be.
        """
        with self._session.store.reading() as connection:
            return self._index_of(connection, row_id, hint)

    def open(self, row_id: str) -> bool:
        """Open a backend or a volume; return whether that changed anything."""
        with self._session.store.reading() as connection:
            found = self._find(connection, row_id)
            changes = found is not None and found[0] in {BACKEND, VOLUME} and self._expansion.open(row_id)
            self._arrange(connection)
        return changes

    def close(self, row_id: str) -> bool:
        """Close a backend or a volume; return whether that changed anything."""
        self._is_arranged = False
        return self._expansion.close(row_id)

    def open_all(self) -> None:
        """Open every backend."""
        self._set_all(on=True)

    def close_all(self) -> None:
        """Close every backend; which volumes are open below them stays known."""
        self._set_all(on=False)

    def set_opened(self, ids: Iterable[str]) -> None:
        """Open these branches and no others."""
        self._expansion.replace(ids)
        self._is_arranged = False

    def reveal(self, row_id: str) -> int | None:
        """Open what is above a row; return where it is seen, or None if it is not there or is filtered out."""
        with self._session.store.reading() as connection:
            state, found = self._current_state(connection), self._find(connection, row_id)
            if found is not None and self._top is None and found[0] != BACKEND:
                volume_id = row_id if found[0] == VOLUME else found[1]
                above = found if found[0] == VOLUME else self._find(connection, volume_id)
                if above is None or state.level(above[1]).key_of(connection, volume_id) is None:
                    return None
                self._expansion.open(above[1])
            if found is not None and found[0] in BELOW_VOLUMES:
                self._expansion.open(found[1])
            self._arrange(connection)
            return self._index_of(connection, row_id, None) if found is not None else None

    def seek(self, text: str, after: int) -> int | None:
        """Return the next row behind *after*, and then from the top, whose name begins with *text*, letter case ignored."""
        if not text:
            return None
        low = text.lower()
        near = self.page(after + 1, typeahead.NEAR)
        for index, row in enumerate(near, after + 1):
            if row.name.lower().startswith(low):
                return index
        with self._session.store.reading() as connection:
            return typeahead.seek(connection, self._layout(connection), text, after)

    def _set_all(self, *, on: bool) -> None:
        with self._session.store.reading() as connection:
            for backend_id in self._current_state(connection).backends:
                (self._expansion.open if on else self._expansion.close)(backend_id)
            self._is_arranged = False

    def _current_state(self, connection: sa.Connection) -> TreeState:
        if self._state is None:
            dialect = connection.dialect.name
            gone = interrupted(connection) if self._query[1] else frozenset()
            visibility = know_owners(connection, Visibility(self._filter, self._query[1], self._scope, gone, dialect))
            self._state = TreeState(connection, visibility, self._order, self._top, self._session.backends.keys())
            self._is_arranged = False
        return self._state

    def _arrange(self, connection: sa.Connection) -> None:
        self._current_state(connection).arrange(connection, self._expansion)
        self._is_arranged = True

    def _layout(self, connection: sa.Connection) -> Layout:
        state = self._current_state(connection)
        if not self._is_arranged:
            self._arrange(connection)
        return state.layout

    def _index_of(self, connection: sa.Connection, row_id: str, hint: int | None) -> int | None:
        layout = self._layout(connection)
        head = layout.head_place(row_id)
        if head is not None:
            return head
        if hint is not None and self._is_at(connection, row_id, hint):
            return hint
        found, stood = self._find(connection, row_id), None
        if found is None:
            stood = self._last_known.get(row_id)
            if stood is None:
                return None
            found = (stood.kind, stood.parent)
        where = self._level(layout, *found)
        if where is None:  # it is below something that is closed, or that was deleted with it
            return self._index_of(connection, found[1], None) if stood and stood.parent in self._last_known else None
        level, first, below = where
        key = stood.key if stood else level.key_of(connection, row_id)
        if key is None:
            return None
        rank = level.rank(connection, key)
        return min(first + (rank if below is None else below.index_of(rank)), max(0, layout.rows - 1))

    def _level(self, layout: Layout, kind: str, parent: str) -> tuple[SiblingPager, int, Below | None] | None:
        """Return the level that a row is in, the place of its first row, and what is between its rows."""
        if layout.top is not None and layout.top.level.kind == kind:
            return layout.top.level, 0, layout.top
        if kind == VOLUME:
            where = layout.below(parent)
            return None if where is None else (where[1].level, where[0], where[1])
        for start, below in layout.belows():
            for branch in below.branches:
                if branch.id == parent:
                    index = BELOW_VOLUMES.index(kind)
                    before = sum(part.count for part in branch.parts[:index])
                    return branch.parts[index].level, start + below.first(branch) + before, None
        return None

    def _is_at(self, connection: sa.Connection, row_id: str, index: int) -> bool:
        for span in self._layout(connection).spans(max(0, index), 1):
            if span.level is not None:
                return any(key[-1] == row_id for key in span.level.keys(connection, span.start, 1))
        return False

    @staticmethod
    def _find(connection: sa.Connection, row_id: str) -> tuple[str, str] | None:
        """Return the kind and the parent of a row, as the store has it."""
        for kind in (VOLUME, SNAPSHOT, CONNECTION, BACKEND):
            columns = KINDS[kind]
            found = connection.execute(sa.select(columns.parent.label("parent")).where(columns.id == row_id)).one_or_none()
            if found is not None:
                return kind, found[0]
        return None

    def _remember(self, kind: str, found: Sequence[SiblingRow]) -> None:
        for one in found:
            self._last_known.pop(one.id, None)
            self._last_known[one.id] = _LastKnown(kind, one.parent, one.key)
        for row_id in list(self._last_known)[: max(0, len(self._last_known) - REMEMBERED)]:
            del self._last_known[row_id]

    def _complete(self, connection: sa.Connection, rows: Sequence[Row], volumes: Sequence[VolumeHit]) -> None:
        if not rows:
            return
        counts = self._current_state(connection).child_counts(connection, volumes)
        working = running(connection, [row.id for row in rows])
        opened = self._expansion.ids
        for row in rows:
            row.busy = working.get(row.id)
            if row.kind == VOLUME:
                row.children = sum(counts.get(row.id, ()))
                row.open = row.children > 0 and row.id in opened


def _head_row(span: Span, head: Head) -> Row:
    fixed = (BACKEND, head.id, head.name, head.status, None, head.where, head.created_at)
    return Row(*fixed, span.depth, span.start + 1, span.siblings, head.children, head.below is not None)


def _row(span: Span, index: int, found: SiblingRow) -> Row:
    kind = span.level.kind if span.level is not None else ""
    position = span.before + span.start + index + 1
    fixed = (found.name, found.status, found.size, found.where, found.created_at)
    return Row(kind, found.id, *fixed, span.depth, position, span.siblings)


def head(session: Context, rows: VirtualRows) -> dict[str, Any]:
    """Return the counts of all volumes that are tracked below the top of *rows*, and how many of them are shown.

    ``statuses`` lists status and number, the most first; ``provisioned`` is the sum of a backend's sizes, in GiB.
    """
    volume = KINDS[VOLUME]
    columns = (volume.parent, volume.status, sa.func.count(), sa.func.coalesce(sa.func.sum(volume.size), 0))
    statement = sa.select(*columns).where(*_within(rows.top)).group_by(volume.parent, volume.status)
    statuses: dict[str, int] = {}
    backends: dict[str, dict[str, int]] = {}
    with session.store.reading() as connection:
        if rows.top is None:
            listed = connection.execute(sa.select(KINDS[BACKEND].id)).scalars()
            backends |= {backend_id: {"volumes": 0, "provisioned": 0} for backend_id in listed}
        for backend_id, status, count, size in connection.execute(statement):
            statuses[status] = statuses.get(status, 0) + count
            total = backends.setdefault(backend_id, {"volumes": 0, "provisioned": 0})
            total["volumes"] += count
            total["provisioned"] += int(size)
    return {
        "volumes": sum(statuses.values()),
        "shown": rows.shown() if rows.restricts else None,
        "statuses": [list(pair) for pair in sorted(statuses.items(), key=lambda pair: (-pair[1], pair[0]))],
        "backends": backends,
    }


def _within(top: tuple[str, str] | None) -> list[sa.ColumnElement[bool]]:
    volume = KINDS[VOLUME]
    match top:
        case None:
            return []
        case (kind, resource_id) if kind == BACKEND:
            return [volume.parent == resource_id]
        case (kind, resource_id) if kind == VOLUME:
            return [volume.id == resource_id]
        case _:
            return [sa.false()]
