"""Hold one state of the tree: the backends, the number of visible volumes of each, and the open branches."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from cl_notebook.treemodel.kinds import BACKEND, BELOW_VOLUMES, KINDS, VOLUME
from cl_notebook.treemodel.layout import Section
from cl_notebook.treemodel.siblings import BackendPager, Key, SiblingPager, SiblingRow, as_flag, labelled

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from cl_notebook.treemodel.siblings import Order
    from cl_notebook.treemodel.visibility import Visibility

LISTED = 10_000
"""Largest number of volumes under a filter whose keys are all read; with more, each page is searched for."""

FEW = 50
"""Largest number of visible volumes under a filter of which those with matching rows below are opened automatically."""

MOST_OPEN = 500
"""Largest number of open volumes; beyond it those that were opened first are closed."""


class VolumeHit(NamedTuple):
    """A volume: its id and backend, whether it meets the filter by itself, and its sort key."""

    id: str
    backend_id: str
    matches: bool
    key: Key = ()


class TreeState:
    """Counts and positions, valid until the store or the query changes. Opening and closing branches keeps them."""

    def __init__(
        self,
        connection: sa.Connection,
        visibility: Visibility,
        order: Order,
        top: tuple[str, str] | None,
        open_backends: Collection[str],
    ) -> None:
        """Read the backends and count their volumes. *top* is the kind and id of the resource at the top, or None."""
        self._visibility = visibility
        self._order = order
        self._top = top
        self._counts: dict[str, int] = {}
        self._listed: dict[str, list[Key]] | None = None
        self._sections: dict[str, Section] = {}
        self._below: dict[str, tuple[Section, tuple[Section, ...]]] = {}
        self._automatic: frozenset[str] | None = None
        self.backends: frozenset[str] = frozenset()
        pager = self._backends(connection, open_backends) if top is None or top[0] == BACKEND else self._top_pager(*top)
        count = pager.count(connection)
        self.root = Section(pager, count, depth=1, siblings=count)
        """The section at the top: the backends, or the one resource."""

    def arrange(self, connection: sa.Connection, expansion: ExpansionState) -> None:
        """Lay out the rows for the branches that are open in *expansion*."""
        expansion.bound(self.backends)
        if self._automatic is None:
            self._automatic = self._find_automatic(connection)
        expansion.automatic = self._automatic
        expanded, opened = expansion.ids, [self.root]
        if self.root.kind == BACKEND:
            ids = [key[-1] for key in self.root.pager.keys(connection, 0, self.root.count)]
            opened = [self.volumes(backend_id) for backend_id in ids if backend_id in expanded and self._counts.get(backend_id)]
            offsets = {backend_id: offset for offset, backend_id in enumerate(ids)}
            for section in opened:
                section.offset = offsets[section.parent]
        self._read_below(connection, expansion, opened)
        for section in opened:
            below = [
                child
                for volume_id, (above, children) in self._below.items()
                if above is section and volume_id in expanded
                for child in children
            ]
            section.put(sorted(below, key=lambda child: child.offset))
        if self.root.kind == BACKEND:
            self.root.put(opened)

    @property
    def volume_counts(self) -> Mapping[str, int]:
        """The number of visible volumes of each backend that has any."""
        return self._counts

    def volumes(self, backend_id: str) -> Section:
        """Return the section of a backend's visible volumes, which is part of the list while the backend is open."""
        if backend_id not in self._sections:
            count = self._counts.get(backend_id, 0)
            pager = SiblingPager(
                VOLUME,
                KINDS[VOLUME].parent == backend_id,
                self._order,
                self._visibility.volumes(backend_id, seek=self._order.by == "status"),
                self._visibility.itself(VOLUME, seek=False),
                listed=None if self._listed is None else self._listed.get(backend_id, []),
                count=count,
            )
            self._sections[backend_id] = Section(pager, count, depth=2, siblings=count, parent=backend_id)
        return self._sections[backend_id]

    def child_counts(self, connection: sa.Connection, volumes: Iterable[VolumeHit]) -> dict[str, list[int]]:
        """Return, by the id of each volume, the numbers of visible snapshots and connections (in the order of BELOW_VOLUMES)."""
        counts: dict[str, list[int]] = {}
        groups: dict[tuple[bool, bool], list[str]] = {}
        for volume in volumes:
            counts[volume.id] = [0] * len(BELOW_VOLUMES)
            groups.setdefault((volume.matches, self._visibility.whole(volume.backend_id, volume.id)), []).append(volume.id)
        for (matches, whole), ids in groups.items():
            for index, kind in enumerate(BELOW_VOLUMES):
                test = self._visibility.below(kind, matches=matches, whole=whole)
                parent = KINDS[kind].parent
                statement = sa.select(parent, sa.func.count()).where(parent.in_(ids)).group_by(parent)
                for volume_id, count in connection.execute(statement if test is None else statement.where(test)):
                    counts[volume_id][index] = count
        return counts

    def _top_pager(self, kind: str, row_id: str) -> SiblingPager:
        itself = self._visibility.itself(kind)
        condition = self._visibility.volumes() if kind == VOLUME else itself
        return SiblingPager(kind, KINDS[kind].id == row_id, self._order, condition, itself)

    def _backends(self, connection: sa.Connection, open_backends: Collection[str]) -> BackendPager:
        backend = KINDS[BACKEND]
        terms = backend.orders()[self._order.by]
        statement = labelled(backend.id, backend.parent, *backend.shown, *terms).order_by(*self._order.directed(terms))
        if self._top is not None:
            statement = statement.where(backend.id == self._top[1])
        width = 2 + len(backend.shown)
        stored = [SiblingRow._make((*row[:width], False, tuple(row[width:]))) for row in connection.execute(statement)]
        rows = [row._replace(status="open" if row.name in open_backends else "closed") for row in stored]
        if self._order.by == "status":
            rows.sort(key=lambda row: row.status, reverse=self._order.reverse)
        self.backends = frozenset(row.id for row in rows)
        self._count(connection)
        shown = self._shown_themselves(connection)
        return BackendPager([row for row in rows if self._counts.get(row.id) or row.id in shown], self._order)

    def _shown_themselves(self, connection: sa.Connection) -> Collection[str]:
        test = self._visibility.itself(BACKEND)
        backend_ids: Iterable[str] = self.backends
        if test is not None:
            backend_ids = connection.execute(sa.select(KINDS[BACKEND].id).where(test)).scalars()
        return {backend_id for backend_id in backend_ids if self._visibility.backend_listed(backend_id)}

    def _count(self, connection: sa.Connection) -> None:
        volume = KINDS[VOLUME]
        tests = [] if (test := self._visibility.volumes(self._only())) is None else [test]
        if self._top is not None:
            tests.append(volume.parent == self._top[1])
        elif not self._visibility.filter:
            tests.append(volume.parent.in_(self.backends))  # the indexes begin with the backend's id
        if self._visibility.restricts and self._list(connection, tests):
            return
        only_id = self._only()
        if only_id is not None:  # takes half the time of GROUP BY
            self._counts = {
                only_id: int(connection.execute(sa.select(sa.func.count()).select_from(volume.table).where(*tests)).scalar_one())
            }
            return
        # GROUP BY an indexed column makes the database read rows in index order, one by one. A filter reads all rows anyway,
        # so hide the column from the planner then.
        group_key = volume.parent.concat("") if self._visibility.filter else volume.parent
        statement = sa.select(group_key, sa.func.count()).where(*tests).group_by(group_key)
        self._counts = {row[0]: row[1] for row in connection.execute(statement)}

    def _only(self) -> str | None:
        return next(iter(self.backends)) if len(self.backends) == 1 else None

    def _list(self, connection: sa.Connection, tests: Sequence[sa.ColumnElement[bool]]) -> bool:
        """Read the keys of all visible volumes; return False if there are more than :data:`LISTED`."""
        volume = KINDS[VOLUME]
        columns: list[sa.ColumnElement[Any]] = [volume.parent.label("parent")]
        columns += [term.label(f"k{index}") for index, term in enumerate(volume.orders()[self._order.by])]
        # LIMIT in the subquery, so that only a small number of rows is ever sorted
        limited = sa.select(*columns).where(*tests).limit(LISTED + 1).subquery()
        terms = list(limited.c)[1:]
        statement = sa.select(limited).order_by(limited.c.parent, *self._order.directed(terms))
        rows = connection.execute(statement).all()
        if len(rows) > LISTED:
            return False
        grouped = itertools.groupby(rows, key=lambda row: row[0])
        self._listed = {backend_id: [tuple(row[1:]) for row in group] for backend_id, group in grouped}
        self._counts = {backend_id: len(keys) for backend_id, keys in self._listed.items()}
        return True

    def _find_automatic(self, connection: sa.Connection) -> frozenset[str]:
        if not self._visibility.restricts:
            return frozenset()
        backends = frozenset(backend_id for backend_id in self.backends if self._counts.get(backend_id))
        if not self._listed or sum(self._counts.values()) > FEW:
            return backends
        ids = [key[-1] for keys in self._listed.values() for key in keys]
        volumes = self._volumes(connection, ids)
        return backends.union(v.id for v in volumes if not (v.matches and self._visibility.whole(v.backend_id, v.id)))

    def _volumes(self, connection: sa.Connection, ids: Collection[str]) -> list[VolumeHit]:
        volume = KINDS[VOLUME]
        matches = as_flag(self._visibility.itself(VOLUME, seek=False))
        terms = volume.orders()[self._order.by]
        statement = labelled(volume.id, volume.parent, matches, *terms).where(volume.id.in_(ids))
        statement = statement.order_by(*self._order.directed(terms))
        rows = connection.execute(statement) if ids else ()
        return [VolumeHit(row[0], row[1], bool(row[2]), tuple(row[3:])) for row in rows]

    def _read_below(self, connection: sa.Connection, expansion: ExpansionState, opened: Sequence[Section]) -> None:
        """Read positions and counts of the open volumes in the sections *opened*, as far as they are not known."""
        ids = expansion.ids - self.backends - self._below.keys()
        if not ids:
            return
        volumes = self._volumes(connection, ids)
        expansion.drop(ids.difference(volume.id for volume in volumes))
        shown = self._shown(connection, volumes)
        sections = {section.parent: section for section in opened}
        above = [(volume, sections.get(volume.backend_id, sections.get(""))) for volume in volumes if volume.id in shown]
        located = [(volume, section) for volume, section in above if section is not None]
        counts = self.child_counts(connection, [volume for volume, _ in located])
        counted: dict[str, tuple[int, Key]] = {}
        for volume, section in located:  # sorted, so that each position is counted from the previous one
            position = section.pager.rank(connection, volume.key, counted.get(volume.backend_id, (0, None)))
            counted[volume.backend_id] = (position, volume.key)
            self._below[volume.id] = (section, self._children(volume, position, section.depth + 1, counts[volume.id]))

    def _shown(self, connection: sa.Connection, volumes: Sequence[VolumeHit]) -> Collection[str]:
        ids = {volume.id for volume in volumes}
        if self._top is not None and self._top[0] != BACKEND:
            return ids & {self._top[1]} if self.root.count else ()
        if self._listed is not None:
            return ids & {key[-1] for keys in self._listed.values() for key in keys}
        test = self._visibility.volumes()
        if test is None:
            return ids
        return set(connection.execute(sa.select(KINDS[VOLUME].id).where(KINDS[VOLUME].id.in_(ids), test)).scalars())

    def _children(self, volume: VolumeHit, position: int, depth: int, counts: Sequence[int]) -> tuple[Section, ...]:
        """Return the sections below *volume*, which is at *position*; none if there are no rows."""
        whole = self._visibility.whole(volume.backend_id, volume.id)
        siblings, before = sum(counts), 0
        children = []
        for kind, count in zip(BELOW_VOLUMES if siblings else (), counts, strict=False):
            within = KINDS[kind].parent == volume.id
            test = self._visibility.below(kind, matches=volume.matches, whole=whole)
            pager = SiblingPager(kind, within, self._order, test, count=count)
            children.append(Section(pager, count, depth, siblings, before, volume.id, position))
            before += count
        return tuple(children)


@dataclass(slots=True)
class _Changes:
    """The branches that the user opened (in this order) and closed."""

    opened: dict[str, None] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)


class ExpansionState:
    """The ids of the open branches. Changes made under a filter are dropped when the filter changes."""

    def __init__(self, opened: Iterable[str] = ()) -> None:
        """Start with the branches *opened*."""
        self._always = _Changes(dict.fromkeys(opened))
        self._filtered: _Changes | None = None
        self.automatic: frozenset[str] = frozenset()
        """The branches that are open automatically under a filter."""

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all open branches."""
        filtered = self._filtered
        if filtered is None:
            return self.automatic.union(self._always.opened) - self._always.closed
        return self.automatic.union(self._always.opened, filtered.opened) - filtered.closed

    def begin(self, *, filters: bool) -> None:
        """Start with another filter, or none (*filters* is false), which restores the branches open without filters."""
        self._filtered = _Changes() if filters else None
        self.automatic = frozenset()

    def open(self, branch: str) -> bool:
        """Open a branch; return whether it was closed before."""
        was_open = branch in self.ids
        changes = self._filtered or self._always
        changes.closed.discard(branch)
        if not was_open:
            changes.opened[branch] = None
        return not was_open

    def close(self, branch: str) -> bool:
        """Close a branch; return whether it was open before."""
        was_open = branch in self.ids
        changes = self._filtered or self._always
        changes.opened.pop(branch, None)
        if branch in self.ids:
            changes.closed.add(branch)
        return was_open

    def replace(self, branches: Iterable[str]) -> None:
        """Open exactly these branches."""
        listed = dict.fromkeys(branches)
        changes = self._filtered or self._always
        changes.closed = set()
        changes.opened = listed
        changes.closed = set(self.ids.difference(listed))

    def drop(self, gone: Collection[str]) -> None:
        """Remove the branches *gone*, whose resources no longer exist."""
        for changes in filter(None, (self._always, self._filtered)):
            for branch in gone:
                changes.opened.pop(branch, None)
                changes.closed.discard(branch)

    def bound(self, backends: Collection[str]) -> None:
        """Close the volumes that were opened first, if more than :data:`MOST_OPEN` are open."""
        for changes in filter(None, (self._always, self._filtered)):
            volumes = [branch for branch in changes.opened if branch not in backends]
            for branch in volumes[: max(0, len(volumes) - MOST_OPEN)]:
                del changes.opened[branch]
