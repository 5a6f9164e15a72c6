"""Present the hierarchy as one flat list of visible rows: their number, any range of them, and the index of a row.

Between two calls only counts, positions and the ids of the open branches are kept in memory, never the rows.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.model import Kernel, Operation, facts
from cl_notebook.model.operations.liveness import LIVENESS_COLUMNS, is_dead
from cl_notebook.model.operations.tables import RUNNING
from cl_notebook.store.changefeed import ENTRY, PROGRESS
from cl_notebook.treemodel import filter_parser, typeahead
from cl_notebook.treemodel.kinds import BACKEND, BELOW_VOLUMES, CONNECTION, KINDS, SNAPSHOT, VOLUME, further
from cl_notebook.treemodel.siblings import order
from cl_notebook.treemodel.state import ExpansionState, TreeState, VolumeHit
from cl_notebook.treemodel.visibility import Visibility, check_ids, interrupted, load_owners, scope

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context
    from cl_notebook.treemodel.layout import Section, Slice
    from cl_notebook.treemodel.siblings import Key, SiblingRow
    from cl_notebook.treemodel.visibility import Scope


__all__ = ("MOST", "Row", "RunningOperation", "VirtualRows")

MOST = 10_000
"""Largest number of rows in one range of ids."""

REMEMBERED = 2_000
"""Largest number of rows whose last position is remembered, for the case that they are deleted."""


@dataclass(frozen=True, slots=True)
class RunningOperation:
    """An operation that runs on a row's resource. ``done`` is a fraction (0 to 1) or None; ``gone``: its kernel ended."""

    doing: str
    since: dt.datetime
    done: float | None = None
    gone: bool = False


def running(connection: sa.Connection, ids: Sequence[str]) -> dict[str, RunningOperation]:
    """Return the running operation of each of the resources *ids*; of several, the one that started last."""
    what = (Operation.id.label("operation"), Operation.resource_id, Operation.action, Operation.started_at)
    statement = sa.select(*what, *LIVENESS_COLUMNS).join(Kernel, Operation.kernel_id == Kernel.id)
    statement = statement.where(Operation.status == RUNNING, Operation.resource_id.in_(ids)).order_by(Operation.id)
    rows_by_id = {row["resource_id"]: row for row in connection.execute(statement).mappings()}
    if not rows_by_id:
        return {}
    fractions = _done(connection, {row["operation"]: row_id for row_id, row in rows_by_id.items()})
    dead = {row["id"]: is_dead(dict(row)) for row in {row["id"]: row for row in rows_by_id.values()}.values()}
    return {
        row_id: RunningOperation(row["action"], row["started_at"], fractions.get(row_id), dead[row["id"]])
        for row_id, row in rows_by_id.items()
    }


def _done(connection: sa.Connection, operations: dict[int, str]) -> dict[str, float]:
    newest = (
        sa.select(sa.func.max(ENTRY.c.number))
        .where(ENTRY.c.resource_id.in_(operations.values()), ENTRY.c.event == PROGRESS)
        .where(ENTRY.c.operation_id.in_(operations))
        .group_by(ENTRY.c.operation_id)
    )
    statement = sa.select(ENTRY.c.operation_id, ENTRY.c.status).where(ENTRY.c.number.in_(newest))
    fractions = {operations[operation]: _fraction(status) for operation, status in connection.execute(statement)}
    return {row_id: fraction for row_id, fraction in fractions.items() if fraction is not None}


def _fraction(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return min(1.0, max(0.0, value)) if math.isfinite(value) else None


@dataclass(slots=True)
class Row:
    """One row of the list. ``level`` and ``position`` (among the ``siblings`` rows of one parent) count from 1.

    ``size`` is in GiB; ``children`` counts the rows that are visible below it when it is ``open``; ``more`` are the values of
    further columns.
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
    more: Mapping[str, str] | None = None


class _LastKnown(NamedTuple):
    kind: str
    parent: str
    key: Key


class VirtualRows:
    """The list of visible rows: backends, volumes of open backends, snapshots and connections of open volumes.

    Any thread may call, but not two at the same time.
    """

    def __init__(self, session: Context, resource: Tracked | None = None, ids: Collection[str] | None = None) -> None:
        """List everything; or one *resource*; or the resources *ids*, with everything above and below them.

        Raises:
            InvalidInput: there are more than :data:`cl_notebook.treemodel.visibility.MOST_IDS` *ids*.

        """
        self._session = session
        self._top = None if resource is None else (resource.kind, resource.id)
        self._query = ("", False, "")
        self._filter = filter_parser.Filter()
        self._order = order("")
        self._state: TreeState | None = None
        self._is_arranged = False
        self._last_known: dict[str, _LastKnown] = {}
        self.further: frozenset[str] = frozenset()
        """The further columns that pages have the values of; see :func:`cl_notebook.treemodel.kinds.further`."""
        self._scope: Scope | None = None
        checked_ids = None if ids is None else check_ids(ids)
        with session.store.reading() as connection:
            if checked_ids is not None:
                self._scope = scope(connection, checked_ids)
            opened = [] if self._top is None else [self._top[1]]
            if self._top is None and checked_ids is None:
                backends = connection.execute(sa.select(KINDS[BACKEND].id).limit(2)).scalars().all()
                opened = list(backends) if len(backends) == 1 else []
        self._expansion = ExpansionState(opened)

    @property
    def opened(self) -> frozenset[str]:
        """The ids of the open branches, including those below closed backends or hidden by the filter."""
        return self._expansion.ids

    @property
    def top(self) -> tuple[str, str] | None:
        """Kind and id of the one resource at the top, or None if the list begins with the backends."""
        return self._top

    @property
    def restricts(self) -> bool:
        """Whether a filter or a restriction to ids may hide rows."""
        return bool(self._filter) or self._query[1] or self._scope is not None

    def set_query(self, *, text: str = "", only_faults: bool = False, sort: str = "") -> None:
        """Set the filter *text*, the restriction to faults, and the order: ``""`` (creation), ``"COLUMN"`` or ``"COLUMN:desc"``.

        Raises:
            InvalidInput: *text* is not a filter, or *sort* not an order; nothing has changed then.

        """
        query = (text.strip(), bool(only_faults), sort.strip())
        if query == self._query:
            return
        predicate, new_order = filter_parser.parse(text, self._run_query), order(sort)
        if query[:2] != self._query[:2]:
            self._expansion.begin(filters=bool(predicate) or only_faults)
        if new_order != self._order:
            self._last_known.clear()
        self._query, self._filter, self._order = query, predicate, new_order
        self.invalidate()

    def _run_query(self, statement: sa.Select[Any]) -> Sequence[Any]:
        with self._session.store.reading() as connection:
            return connection.execute(statement).all()

    def invalidate(self) -> None:
        """Discard counts and positions after a change of the store; open branches stay open."""
        self._state = None

    def total(self) -> int:
        """Return the number of visible rows."""
        with self._session.store.reading() as connection:
            return self._layout(connection).rows

    def shown(self) -> int:
        """Return the number of volumes that meet the filter, including those of closed backends."""
        with self._session.store.reading() as connection:
            root = self._layout(connection)
            return root.count if root.kind != BACKEND else sum(self._current_state(connection).volume_counts.values())

    def page(self, start: int, count: int) -> list[Row]:
        """Return at most *count* rows, from the index *start* on."""
        with self._session.store.reading() as connection:
            rows: list[Row] = []
            volumes: list[VolumeHit] = []
            for piece in self._layout(connection).slices(max(0, start), max(0, count)):
                siblings = piece.section.pager.page(connection, piece.start, piece.count)
                rows += [_row(piece, index, sibling) for index, sibling in enumerate(siblings)]
                if piece.section.kind == VOLUME:
                    volumes += [VolumeHit(sibling.id, sibling.parent, bool(sibling.matches)) for sibling in siblings]
                if piece.section.kind != BACKEND:
                    self._remember(piece.section.kind, siblings)
            self._complete(connection, rows, volumes)
        return rows

    def build_anchor(self) -> bool:
        """Add one anchor in a long level, so that a jump into it is quick; return False if none is missing."""
        with self._session.store.reading() as connection:
            return any(
                section.pager.build_anchor(connection) for _, section in self._layout(connection).walk() if section.kind == VOLUME
            )

    def ids(self, first: int, last: int) -> list[tuple[str, str]]:
        """Return the kind and id of each row from the index *first* to *last*, both included.

        Raises:
            InvalidInput: the range has more than :data:`MOST` rows.

        """
        first, count = max(0, first), last - max(0, first) + 1
        if count > MOST:
            msg = f"At most {MOST:,} rows can be taken at once, not {count:,}. A filter makes them fewer."
            raise errors.InvalidInput(msg)
        entries: list[tuple[str, str]] = []
        with self._session.store.reading() as connection:
            for piece in self._layout(connection).slices(first, max(0, count)):
                keys = piece.section.pager.keys(connection, piece.start, piece.count)
                entries += [(piece.section.kind, key[-1]) for key in keys]
        return entries

    def index_of(self, row_id: str, hint: int | None = None) -> int | None:
        """Return the index of a row, or None if it is not visible. *hint* is its previous index, which is checked first.

        For a row that was on a page and has been deleted since, return the index that it would have.
        """
        with self._session.store.reading() as connection:
            return self._index_of(connection, row_id, hint)

    def open(self, row_id: str) -> bool:
        """Open a backend or a volume; return whether it was closed."""
        with self._session.store.reading() as connection:
            match = self._find(connection, row_id)
            changes = match is not None and match[0] in {BACKEND, VOLUME} and self._expansion.open(row_id)
            self._arrange(connection)
        return changes

    def close(self, row_id: str) -> bool:
        """Close a backend or a volume; return whether it was open."""
        self._is_arranged = False
        return self._expansion.close(row_id)

    def open_all(self) -> None:
        """Open every backend."""
        self._set_all(on=True)

    def fill(self, height: int) -> None:
        """Open backends, then volumes, as long as there are fewer than *height* rows, and none at the top gets out of sight.

        Nothing is opened by itself where rows are hidden: there, what matches is open already.
        """
        if self.restricts:
            return
        with self._session.store.reading() as connection:
            root, state = self._layout(connection), self._current_state(connection)
            total = root.rows
            if root.kind == BACKEND:
                ids = [key[-1] for key in root.pager.keys(connection, 0, height + 1)]
                last = total - 1 - (state.volume_counts.get(ids[-1], 0) if ids and ids[-1] in self.opened else 0)
                for backend_id in ids:
                    count = state.volume_counts.get(backend_id, 0)
                    is_last = backend_id == ids[-1]
                    if total < height and backend_id not in self.opened and (is_last or last + count < height):
                        self._expansion.open(backend_id)
                        total, last = total + count, last if is_last else last + count
                self._arrange(connection)
        for row in self.page(0, height) if total < height else ():
            if row.kind == VOLUME and not row.open and 0 < row.children <= height - total:
                self.open(row.id)
                total += row.children

    def close_all(self) -> None:
        """Close every backend; the volumes below them stay open for when it is opened again."""
        self._set_all(on=False)

    def set_opened(self, ids: Iterable[str]) -> None:
        """Open exactly these branches."""
        self._expansion.replace(ids)
        self._is_arranged = False

    def reveal(self, row_id: str) -> int | None:
        """Open the branches above a row; return its index, or None if it does not exist or is hidden by the filter."""
        with self._session.store.reading() as connection:
            state, match = self._current_state(connection), self._find(connection, row_id)
            if match is not None and self._top is None and match[0] != BACKEND:
                volume_id = row_id if match[0] == VOLUME else match[1]
                volume_match = match if match[0] == VOLUME else self._find(connection, volume_id)
                if volume_match is None or state.volumes(volume_match[1]).pager.key_of(connection, volume_id) is None:
                    return None
                self._expansion.open(volume_match[1])
            if match is not None and match[0] in BELOW_VOLUMES:
                self._expansion.open(match[1])
            self._arrange(connection)
            return self._index_of(connection, row_id, None) if match is not None else None

    def seek(self, text: str, after: int) -> int | None:
        """Return the index of the next row after *after*, then from the top, whose name begins with *text* (ignoring case)."""
        if not text:
            return None
        prefix = text.lower()
        nearby = self.page(after + 1, typeahead.NEAR)
        for index, row in enumerate(nearby, after + 1):
            if row.name.lower().startswith(prefix):
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
            interrupted_ids = interrupted(connection) if self._query[1] else frozenset()
            visibility = load_owners(connection, Visibility(self._filter, self._query[1], self._scope, interrupted_ids, dialect))
            self._state = TreeState(connection, visibility, self._order, self._top, self._session.backends.keys())
            self._is_arranged = False
        return self._state

    def _arrange(self, connection: sa.Connection) -> None:
        self._current_state(connection).arrange(connection, self._expansion)
        self._is_arranged = True

    def _layout(self, connection: sa.Connection) -> Section:
        state = self._current_state(connection)
        if not self._is_arranged:
            self._arrange(connection)
        return state.root

    def _index_of(self, connection: sa.Connection, row_id: str, hint: int | None) -> int | None:
        root = self._layout(connection)
        if root.kind == BACKEND and (backend_key := root.pager.key_of(connection, row_id)) is not None:
            return root.index_of(root.pager.rank(connection, backend_key))
        if hint is not None and self._is_at(connection, row_id, hint):
            return hint
        match, previous = self._find(connection, row_id), None
        if match is None:
            previous = self._last_known.get(row_id)
            if previous is None:
                return None
            match = (previous.kind, previous.parent)
        location = self._section(root, *match)
        if location is None:  # its parent is closed, or was deleted with it
            return self._index_of(connection, match[1], None) if previous and previous.parent in self._last_known else None
        first, section = location
        key = previous.key if previous else section.pager.key_of(connection, row_id)
        if key is None:
            return None
        return min(first + section.index_of(section.pager.rank(connection, key)), max(0, root.rows - 1))

    @staticmethod
    def _section(root: Section, kind: str, parent: str) -> tuple[int, Section] | None:
        """Return the section of the rows of *kind* below *parent*, and the index of its first row; None if it is closed."""
        for first, section in root.walk():
            if section.kind == kind != BACKEND and (section is root or section.parent == parent):
                return first, section
        return None

    def _is_at(self, connection: sa.Connection, row_id: str, index: int) -> bool:
        return any(
            key[-1] == row_id
            for piece in self._layout(connection).slices(max(0, index), 1)
            for key in piece.section.pager.keys(connection, piece.start, 1)
        )

    @staticmethod
    def _find(connection: sa.Connection, row_id: str) -> tuple[str, str] | None:
        """Return the kind of a row and the id of its parent, read from the store, or None."""
        for kind in (VOLUME, SNAPSHOT, CONNECTION, BACKEND):
            columns = KINDS[kind]
            parent = connection.execute(sa.select(columns.parent.label("parent")).where(columns.id == row_id)).one_or_none()
            if parent is not None:
                return kind, parent[0]
        return None

    def _remember(self, kind: str, rows: Sequence[SiblingRow]) -> None:
        for row in rows:
            self._last_known.pop(row.id, None)
            self._last_known[row.id] = _LastKnown(kind, row.parent, row.key)
        for row_id in list(self._last_known)[: max(0, len(self._last_known) - REMEMBERED)]:
            del self._last_known[row_id]

    def _complete(self, connection: sa.Connection, rows: Sequence[Row], volumes: Sequence[VolumeHit]) -> None:
        if not rows:
            return
        state = self._current_state(connection)
        counts = {**state.volume_counts}
        counts |= {row_id: sum(numbers) for row_id, numbers in state.child_counts(connection, volumes).items()}
        operations = running(connection, [row.id for row in rows])
        opened = self._expansion.ids
        more = further(connection, [(row.kind, row.id) for row in rows], self.further) if self.further else {}
        for row in rows:
            row.more = more.get(row.id)
            row.busy = operations.get(row.id)
            row.children = counts.get(row.id, 0)
            row.open = row.children > 0 and row.id in opened


def _row(piece: Slice, index: int, sibling: SiblingRow) -> Row:
    section = piece.section
    fixed = (sibling.name, sibling.status, sibling.size, sibling.where, sibling.created_at)
    return Row(section.kind, sibling.id, *fixed, section.depth, section.before + piece.start + index + 1, section.siblings)


def head(session: Context, rows: VirtualRows) -> dict[str, Any]:
    """Return counts of the tracked volumes below the top of *rows*, for the line above the tree.

    ``volumes`` is their number, ``shown`` the number of those that meet the filter (None without a filter); ``statuses`` lists
    pairs of status and number, the largest number first; ``backends`` maps the id of each backend to its number of ``volumes``
    and the sum of their sizes, ``provisioned``, in GiB.
    """
    statuses: Counter[str] = Counter()
    backends: dict[str, dict[str, int]] = {}
    with session.store.reading() as connection:
        if rows.top is None:
            backend_ids = connection.execute(sa.select(KINDS[BACKEND].id)).scalars()
            backends |= {backend_id: {"volumes": 0, "provisioned": 0} for backend_id in backend_ids}
        counted = facts.volumes_by_status(connection, *_within(rows.top))
    for backend_id, by_status in counted.items():
        statuses.update({status: count for status, count, _ in by_status})
        backends[backend_id] = {
            "volumes": sum(count for _, count, _ in by_status),
            "provisioned": sum(size for _, _, size in by_status),
        }
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
