"""One look at the tree: the backends, how many volumes of each are shown, and what is below those that are open."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from cl_notebook.treemodel.kinds import BACKEND, BELOW_VOLUMES, KINDS, VOLUME
from cl_notebook.treemodel.layout import Below, Branch, Head, Layout, Part
from cl_notebook.treemodel.siblings import Key, SiblingPager, as_flag, labelled

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from cl_notebook.treemodel.siblings import Order
    from cl_notebook.treemodel.visibility import Visibility

LISTED = 10_000
"""Volumes that are listed by their keys if no more are shown under a filter; of more, a page at a time is looked for."""

FEW = 50
"""Volumes up to which those that are shown for what is below them are open without being asked."""


MOST_OPEN = 500
"""Volumes that are open at most; beyond these the ones that were opened first are closed."""


class VolumeHit(NamedTuple):
    """A volume: whose it is, and whether it meets the filter by itself."""

    id: str
    backend_id: str
    matches: bool
    key: Key = ()


class TreeState:
    """Counts and places, true until something changes; opening and closing branches does not change them."""

    def __init__(
        self,
        connection: sa.Connection,
        visibility: Visibility,
        order: Order,
        top: tuple[str, str] | None,
        open_backends: Collection[str],
    ) -> None:
        """Read the backends and count what is below them. *top* is the kind and the id of a resource that the tree is of."""
        self._visibility = visibility
        self._order = order
        self._top = top
        self._counts: dict[str, int] = {}
        self._listed: dict[str, list[Key]] | None = None
        self._levels: dict[str, SiblingPager] = {}
        self._branches: dict[str, Branch] = {}
        self._automatic: frozenset[str] | None = None
        self.backends: frozenset[str] = frozenset()
        if top is None or top[0] == BACKEND:
            self.layout = Layout(self._heads(connection, open_backends))
        else:
            level = self._top_level(*top)
            self.layout = Layout([], Below(level, level.count(connection), 1))

    def arrange(self, connection: sa.Connection, expansion: ExpansionState) -> None:
        """Put what is open below its backends and volumes, and nothing else."""
        expansion.bound(self.backends)
        if self._automatic is None:
            self._automatic = self._find_automatic(connection)
        expansion.automatic = self._automatic
        for head in self.layout.heads:
            is_open = head.children > 0 and head.id in expansion.ids
            head.below = Below(self.level(head.id), head.children, 2) if is_open else None
        self._read_branches(connection, expansion)
        expanded = expansion.ids
        shown = sorted((b for b in self._branches.values() if b.id in expanded and b.rows), key=lambda branch: branch.position)
        self.layout.arrange()
        for _, below in list(self.layout.belows()):
            below.put([branch for branch in shown if self._level_of(branch.backend_id) is below.level])
        self.layout.arrange()

    def level(self, backend_id: str) -> SiblingPager:
        """Return the volumes that are shown of a backend."""
        if backend_id not in self._levels:
            self._levels[backend_id] = SiblingPager(
                VOLUME,
                KINDS[VOLUME].parent == backend_id,
                self._order,
                self._visibility.volumes(backend_id, seek=self._order.by == "status"),
                self._visibility.itself(VOLUME, seek=False),
                listed=None if self._listed is None else self._listed.get(backend_id, []),
                count=self._counts.get(backend_id, 0),
            )
        return self._levels[backend_id]

    def branch(self, volume_id: str) -> Branch | None:
        """Return an open volume."""
        return self._branches.get(volume_id)

    def child_counts(self, connection: sa.Connection, volumes: Iterable[VolumeHit]) -> dict[str, list[int]]:
        """Return for each of the *volumes* how many rows below it are shown, kind by kind."""
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

    def _level_of(self, backend_id: str) -> SiblingPager:
        return self.layout.top.level if self.layout.top is not None else self.level(backend_id)

    def _top_level(self, kind: str, row_id: str) -> SiblingPager:
        itself = self._visibility.itself(kind)
        condition = self._visibility.volumes() if kind == VOLUME else itself
        return SiblingPager(kind, KINDS[kind].id == row_id, self._order, condition, itself)

    def _heads(self, connection: sa.Connection, open_backends: Collection[str]) -> list[Head]:
        backend = KINDS[BACKEND]
        terms = backend.orders()[self._order.by]
        statement = sa.select(backend.id, backend.name, backend.where, backend.created_at)
        statement = statement.order_by(*self._order.directed(terms))
        if self._top is not None:
            statement = statement.where(backend.id == self._top[1])
        heads = [
            Head(row_id, name, "open" if name in open_backends else "closed", where, created_at)
            for row_id, name, where, created_at in connection.execute(statement)
        ]
        if self._order.by == "status":
            heads.sort(key=lambda head: head.status, reverse=self._order.reverse)
        self.backends = frozenset(head.id for head in heads)
        self._count(connection)
        for head in heads:
            head.children = self._counts.get(head.id, 0)
        shown = self._shown_themselves(connection)
        return [head for head in heads if head.children or head.id in shown]

    def _shown_themselves(self, connection: sa.Connection) -> Collection[str]:
        test = self._visibility.itself(BACKEND)
        found: Iterable[str] = self.backends
        if test is not None:
            found = connection.execute(sa.select(KINDS[BACKEND].id).where(test)).scalars()
        return {backend_id for backend_id in found if self._visibility.backend_listed(backend_id)}

    def _count(self, connection: sa.Connection) -> None:
        volume = KINDS[VOLUME]
        tests = [] if (test := self._visibility.volumes(self._only())) is None else [test]
        if self._top is not None:
            tests.append(volume.parent == self._top[1])
        elif not self._visibility.filter:
            tests.append(volume.parent.in_(self.backends))  # the indexes begin with it
        if self._visibility.restricts and self._list(connection, tests):
            return
        only = self._only()
        if only is not None:  # half the time of counting in groups
            self._counts = {
                only: int(connection.execute(sa.select(sa.func.count()).select_from(volume.table).where(*tests)).scalar_one())
            }
            return
        # Whose order an index has is counted in that order, row by row, if no better is known: a filter looks at all rows anyway.
        whose = volume.parent.concat("") if self._visibility.filter else volume.parent
        statement = sa.select(whose, sa.func.count()).where(*tests).group_by(whose)
        self._counts = {row[0]: row[1] for row in connection.execute(statement)}

    def _only(self) -> str | None:
        return next(iter(self.backends)) if len(self.backends) == 1 else None

    def _list(self, connection: sa.Connection, tests: Sequence[sa.ColumnElement[bool]]) -> bool:
        """Read the keys of all volumes that are shown, unless these are too many."""
        volume = KINDS[VOLUME]
        columns: list[sa.ColumnElement[Any]] = [volume.parent.label("parent")]
        columns += [term.label(f"k{index}") for index, term in enumerate(volume.orders()[self._order.by])]
        # the limit within, so that nothing is sorted before it is known to be little
        found = sa.select(*columns).where(*tests).limit(LISTED + 1).subquery()
        terms = list(found.c)[1:]
        statement = sa.select(found).order_by(found.c.parent, *self._order.directed(terms))
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
        heads = {head.id for head in self.layout.heads if head.children}
        if not self._listed or sum(self._counts.values()) > FEW:
            return frozenset(heads)
        ids = [key[-1] for keys in self._listed.values() for key in keys]
        volumes = self._volumes(connection, ids)
        return frozenset(heads).union(v.id for v in volumes if not (v.matches and self._visibility.whole(v.backend_id, v.id)))

    def _volumes(self, connection: sa.Connection, ids: Collection[str]) -> list[VolumeHit]:
        volume = KINDS[VOLUME]
        matches = as_flag(self._visibility.itself(VOLUME, seek=False))
        terms = volume.orders()[self._order.by]
        statement = labelled(volume.id, volume.parent, matches, *terms).where(volume.id.in_(ids))
        statement = statement.order_by(*self._order.directed(terms))
        found = connection.execute(statement) if ids else ()
        return [VolumeHit(row[0], row[1], bool(row[2]), tuple(row[3:])) for row in found]

    def _read_branches(self, connection: sa.Connection, expansion: ExpansionState) -> None:
        ids = expansion.ids - self.backends - self._branches.keys()
        if not ids:
            return
        volumes = self._volumes(connection, ids)
        expansion.drop(ids.difference(volume.id for volume in volumes))
        shown = self._shown(connection, volumes)
        open_now = {head.id for head in self.layout.heads if head.below is not None}
        volumes = [v for v in volumes if v.id in shown and (v.backend_id in open_now or self.layout.top is not None)]
        counts = self.child_counts(connection, volumes)
        known: dict[str, tuple[int, Key]] = {}
        for volume in volumes:  # in the order of their level, so that each is counted from the one before
            level = self._level_of(volume.backend_id)
            index = level.rank(connection, volume.key, known.get(volume.backend_id, (0, None)))
            known[volume.backend_id] = (index, volume.key)
            self._branches[volume.id] = Branch(volume.id, volume.backend_id, index, self._parts(volume, counts[volume.id]))

    def _shown(self, connection: sa.Connection, volumes: Sequence[VolumeHit]) -> Collection[str]:
        ids = {volume.id for volume in volumes}
        if self.layout.top is not None:
            return ids if self._top is not None and self._top[0] == VOLUME and self.layout.top.count else ()
        if self._listed is not None:
            return ids & {key[-1] for keys in self._listed.values() for key in keys}
        test = self._visibility.volumes()
        if test is None:
            return ids
        return set(connection.execute(sa.select(KINDS[VOLUME].id).where(KINDS[VOLUME].id.in_(ids), test)).scalars())

    def _parts(self, volume: VolumeHit, counts: Sequence[int]) -> tuple[Part, ...]:
        whole = self._visibility.whole(volume.backend_id, volume.id)
        parts = []
        for kind, count in zip(BELOW_VOLUMES, counts, strict=True):
            within = KINDS[kind].parent == volume.id
            test = self._visibility.below(kind, matches=volume.matches, whole=whole)
            parts.append(Part(SiblingPager(kind, within, self._order, test, count=count), count))
        return tuple(parts)


@dataclass(slots=True)
class _Changes:
    """What was opened and closed by hand, in this order."""

    opened: dict[str, None] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)


class ExpansionState:
    """The open branches by id. What is opened and closed under a filter holds until the filter changes."""

    def __init__(self, opened: Iterable[str] = ()) -> None:
        """Begin with these branches *opened*."""
        self._always = _Changes(dict.fromkeys(opened))
        self._filtered: _Changes | None = None
        self.automatic: frozenset[str] = frozenset()
        """What is open without being asked."""

    @property
    def ids(self) -> frozenset[str]:
        """Every branch that is open."""
        filtered = self._filtered
        if filtered is None:
            return self.automatic.union(self._always.opened) - self._always.closed
        return self.automatic.union(self._always.opened, filtered.opened) - filtered.closed

    def begin(self, *, filters: bool) -> None:
        """Begin with another filter, or without one; without one, what was open before filters is open again."""
        self._filtered = _Changes() if filters else None
        self.automatic = frozenset()

    def open(self, branch: str) -> bool:
        """Open a branch; return whether it was closed."""
        known = branch in self.ids
        changes = self._filtered or self._always
        changes.closed.discard(branch)
        if not known:
            changes.opened[branch] = None
        return not known

    def close(self, branch: str) -> bool:
        """Close a branch; return whether it was open."""
        known = branch in self.ids
        changes = self._filtered or self._always
        changes.opened.pop(branch, None)
        if branch in self.ids:
            changes.closed.add(branch)
        return known

    def replace(self, branches: Iterable[str]) -> None:
        """Open these branches and no others."""
        listed = dict.fromkeys(branches)
        changes = self._filtered or self._always
        changes.closed = set()
        changes.opened = listed
        changes.closed = set(self.ids.difference(listed))

    def drop(self, gone: Collection[str]) -> None:
        """Forget branches that are there no more."""
        for changes in filter(None, (self._always, self._filtered)):
            for branch in gone:
                changes.opened.pop(branch, None)
                changes.closed.discard(branch)

    def bound(self, backends: Collection[str]) -> None:
        """Close the volumes that were opened first, if there are more than :data:`MOST_OPEN`."""
        for changes in filter(None, (self._always, self._filtered)):
            volumes = [branch for branch in changes.opened if branch not in backends]
            for branch in volumes[: max(0, len(volumes) - MOST_OPEN)]:
                del changes.opened[branch]
