"""One look at the tree: the backends, how many volumes of each are shown, and what is below those that are open."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from cl_notebook.treemodel.kinds import BACKEND, BELOW_VOLUMES, KINDS, VOLUME
from cl_notebook.treemodel.layout import Below, Branch, Head, Layout, Part
from cl_notebook.treemodel.siblings import Key, Level, as_flag, labelled

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from cl_notebook.model import Backend
    from cl_notebook.model.context import Context
    from cl_notebook.treemodel.rows import Rows
    from cl_notebook.treemodel.siblings import Order
    from cl_notebook.treemodel.visibility import Visibility

LISTED = 10_000
"""Volumes that are listed by their keys if no more are shown under a filter; of more, a page at a time is looked for."""

FEW = 50
"""Volumes up to which those that are shown for what is below them are open without being asked."""


class Seen(NamedTuple):
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
        showing: Visibility,
        order: Order,
        top: tuple[str, str] | None,
        open_backends: Collection[str],
    ) -> None:
        """Read the backends and count what is below them. *top* is the kind and the id of a resource that the tree is of."""
        self._showing = showing
        self._order = order
        self._top = top
        self._counts: dict[str, int] = {}
        self._listed: dict[str, list[Key]] | None = None
        self._levels: dict[str, Level] = {}
        self._branches: dict[str, Branch] = {}
        self._automatic: frozenset[str] | None = None
        self.backends: frozenset[str] = frozenset()
        if top is None or top[0] == BACKEND:
            self.layout = Layout(self._heads(connection, open_backends))
        else:
            level = self._top_level(*top)
            self.layout = Layout([], Below(level, level.count(connection), 1))

    def arrange(self, connection: sa.Connection, openings: ExpansionState) -> None:
        """Put what is open below its backends and volumes, and nothing else."""
        openings.bound(self.backends)
        if self._automatic is None:
            self._automatic = self._find_automatic(connection)
        openings.automatic = self._automatic
        for head in self.layout.heads:
            is_open = head.children > 0 and head.id in openings.ids
            head.below = Below(self.level(head.id), head.children, 2) if is_open else None
        self._read_branches(connection, openings)
        wanted = openings.ids
        shown = sorted((b for b in self._branches.values() if b.id in wanted and b.rows), key=lambda branch: branch.position)
        self.layout.arrange()
        for _, below in list(self.layout.belows()):
            below.put([branch for branch in shown if self._level_of(branch.backend_id) is below.level])
        self.layout.arrange()

    def level(self, backend_id: str) -> Level:
        """Return the volumes that are shown of a backend."""
        if backend_id not in self._levels:
            self._levels[backend_id] = Level(
                VOLUME,
                KINDS[VOLUME].parent == backend_id,
                self._order,
                self._showing.volumes(backend_id, seek=self._order.by == "status"),
                self._showing.itself(VOLUME, seek=False),
                listed=None if self._listed is None else self._listed.get(backend_id, []),
                count=self._counts.get(backend_id, 0),
            )
        return self._levels[backend_id]

    def branch(self, volume_id: str) -> Branch | None:
        """Return an open volume."""
        return self._branches.get(volume_id)

    def child_counts(self, connection: sa.Connection, volumes: Iterable[Seen]) -> dict[str, list[int]]:
        """Return for each of the *volumes* how many rows below it are shown, kind by kind."""
        counts: dict[str, list[int]] = {}
        groups: dict[tuple[bool, bool], list[str]] = {}
        for volume in volumes:
            counts[volume.id] = [0] * len(BELOW_VOLUMES)
            groups.setdefault((volume.matches, self._showing.whole(volume.backend_id, volume.id)), []).append(volume.id)
        for (matches, whole), ids in groups.items():
            for place, kind in enumerate(BELOW_VOLUMES):
                test = self._showing.below(kind, matches=matches, whole=whole)
                parent = KINDS[kind].parent
                statement = sa.select(parent, sa.func.count()).where(parent.in_(ids)).group_by(parent)
                for volume_id, count in connection.execute(statement if test is None else statement.where(test)):
                    counts[volume_id][place] = count
        return counts

    def _level_of(self, backend_id: str) -> Level:
        return self.layout.top.level if self.layout.top is not None else self.level(backend_id)

    def _top_level(self, kind: str, row_id: str) -> Level:
        itself = self._showing.itself(kind)
        condition = self._showing.volumes() if kind == VOLUME else itself
        return Level(kind, KINDS[kind].id == row_id, self._order, condition, itself)

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
        test = self._showing.itself(BACKEND)
        found: Iterable[str] = self.backends
        if test is not None:
            found = connection.execute(sa.select(KINDS[BACKEND].id).where(test)).scalars()
        return {backend_id for backend_id in found if self._showing.backend_listed(backend_id)}

    def _count(self, connection: sa.Connection) -> None:
        volume = KINDS[VOLUME]
        tests = [] if (test := self._showing.volumes(self._only())) is None else [test]
        if self._top is not None:
            tests.append(volume.parent == self._top[1])
        elif not self._showing.filter:
            tests.append(volume.parent.in_(self.backends))  # the indexes begin with it
        if self._showing.restricts and self._list(connection, tests):
            return
        only = self._only()
        if only is not None:  # half the time of counting in groups
            self._counts = {
                only: int(connection.execute(sa.select(sa.func.count()).select_from(volume.table).where(*tests)).scalar_one())
            }
            return
        # Whose order an index has is counted in that order, row by row, if no better is known: a filter looks at all rows anyway.
        whose = volume.parent.concat("") if self._showing.filter else volume.parent
        statement = sa.select(whose, sa.func.count()).where(*tests).group_by(whose)
        self._counts = {row[0]: row[1] for row in connection.execute(statement)}

    def _only(self) -> str | None:
        return next(iter(self.backends)) if len(self.backends) == 1 else None

    def _list(self, connection: sa.Connection, tests: Sequence[sa.ColumnElement[bool]]) -> bool:
        """Read the keys of all volumes that are shown, unless these are too many."""
        volume = KINDS[VOLUME]
        columns: list[sa.ColumnElement[Any]] = [volume.parent.label("parent")]
        columns += [term.label(f"k{place}") for place, term in enumerate(volume.orders()[self._order.by])]
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
        if not self._showing.restricts:
            return frozenset()
        heads = {head.id for head in self.layout.heads if head.children}
        if not self._listed or sum(self._counts.values()) > FEW:
            return frozenset(heads)
        ids = [key[-1] for keys in self._listed.values() for key in keys]
        volumes = self._volumes(connection, ids)
        return frozenset(heads).union(v.id for v in volumes if not (v.matches and self._showing.whole(v.backend_id, v.id)))

    def _volumes(self, connection: sa.Connection, ids: Collection[str]) -> list[Seen]:
        volume = KINDS[VOLUME]
        matches = as_flag(self._showing.itself(VOLUME, seek=False))
        terms = volume.orders()[self._order.by]
        statement = labelled(volume.id, volume.parent, matches, *terms).where(volume.id.in_(ids))
        statement = statement.order_by(*self._order.directed(terms))
        found = connection.execute(statement) if ids else ()
        return [Seen(row[0], row[1], bool(row[2]), tuple(row[3:])) for row in found]

    def _read_branches(self, connection: sa.Connection, openings: ExpansionState) -> None:
        ids = openings.ids - self.backends - self._branches.keys()
        if not ids:
            return
        volumes = self._volumes(connection, ids)
        openings.drop(ids.difference(volume.id for volume in volumes))
        shown = self._shown(connection, volumes)
        open_now = {head.id for head in self.layout.heads if head.below is not None}
        volumes = [v for v in volumes if v.id in shown and (v.backend_id in open_now or self.layout.top is not None)]
        counts = self.child_counts(connection, volumes)
        known: dict[str, tuple[int, Key]] = {}
        for volume in volumes:  # in the order of their level, so that each is counted from the one before
            level = self._level_of(volume.backend_id)
            place = level.rank(connection, volume.key, known.get(volume.backend_id, (0, None)))
            known[volume.backend_id] = (place, volume.key)
            self._branches[volume.id] = Branch(volume.id, volume.backend_id, place, self._parts(volume, counts[volume.id]))

    def _shown(self, connection: sa.Connection, volumes: Sequence[Seen]) -> Collection[str]:
        ids = {volume.id for volume in volumes}
        if self.layout.top is not None:
            return ids if self._top is not None and self._top[0] == VOLUME and self.layout.top.count else ()
        if self._listed is not None:
            return ids & {key[-1] for keys in self._listed.values() for key in keys}
        test = self._showing.volumes()
        if test is None:
            return ids
        return set(connection.execute(sa.select(KINDS[VOLUME].id).where(KINDS[VOLUME].id.in_(ids), test)).scalars())

    def _parts(self, volume: Seen, counts: Sequence[int]) -> tuple[Part, ...]:
        whole = self._showing.whole(volume.backend_id, volume.id)
        parts = []
        for kind, count in zip(BELOW_VOLUMES, counts, strict=True):
            within = KINDS[kind].parent == volume.id
            test = self._showing.below(kind, matches=volume.matches, whole=whole)
            parts.append(Part(Level(kind, within, self._order, test, count=count), count))
        return tuple(parts)


MOST_OPEN = 500
"""Volumes that are open at most; beyond these the ones that were opened first are closed."""


@dataclass(slots=True)
class _Asked:
    """What was opened and closed by hand, in this order."""

    opened: dict[str, None] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)


class ExpansionState:
    """The open branches by id. What is opened and closed under a filter holds until the filter changes."""

    def __init__(self, opened: Iterable[str] = ()) -> None:
        """Begin with these branches *opened*."""
        self._always = _Asked(dict.fromkeys(opened))
        self._filtered: _Asked | None = None
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
        self._filtered = _Asked() if filters else None
        self.automatic = frozenset()

    def open(self, branch: str) -> bool:
        """Open a branch; return whether it was closed."""
        known = branch in self.ids
        asked = self._filtered or self._always
        asked.closed.discard(branch)
        if not known:
            asked.opened[branch] = None
        return not known

    def close(self, branch: str) -> bool:
        """Close a branch; return whether it was open."""
        known = branch in self.ids
        asked = self._filtered or self._always
        asked.opened.pop(branch, None)
        if branch in self.ids:
            asked.closed.add(branch)
        return known

    def replace(self, branches: Iterable[str]) -> None:
        """Open these branches and no others."""
        listed = dict.fromkeys(branches)
        asked = self._filtered or self._always
        asked.closed = set()
        asked.opened = listed
        asked.closed = set(self.ids.difference(listed))

    def drop(self, gone: Collection[str]) -> None:
        """Forget branches that are there no more."""
        for asked in filter(None, (self._always, self._filtered)):
            for branch in gone:
                asked.opened.pop(branch, None)
                asked.closed.discard(branch)

    def bound(self, backends: Collection[str]) -> None:
        """Close the volumes that were opened first, if there are more than :data:`MOST_OPEN`."""
        for asked in filter(None, (self._always, self._filtered)):
            volumes = [branch for branch in asked.opened if branch not in backends]
            for branch in volumes[: max(0, len(volumes) - MOST_OPEN)]:
                del asked.opened[branch]


CAPACITIES = {"total": "total_capacity_gb", "free": "free_capacity_gb", "provisioned": "provisioned_capacity_gb"}
"""What the head calls a capacity, and what drivers call it."""

_WORDS = ("unknown", "infinite")
"""What a driver may say instead of a number; of several pools the first of these counts."""


def head(session: Context, rows: Rows) -> dict[str, Any]:
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


def capacity(backend: Backend) -> dict[str, float | str | None] | None:
    """Return what the storage of an open backend says of its room, in GiB: a number, ``unknown``, ``infinite``, or None.

    It asks the driver, which may take its time. None as a whole: the storage says nothing of it.
    """
    stats: Mapping[str, Any] = backend.stats()
    pools = [pool for pool in stats.get("pools") or () if isinstance(pool, dict)]
    found = {
        name: _one(stats[key]) if key in stats else _together([_one(pool.get(key)) for pool in pools])
        for name, key in CAPACITIES.items()
    }
    return found if any(value is not None for value in found.values()) else None


def _one(value: object) -> float | str | None:
    if isinstance(value, str):
        word = value.strip().lower()
        return word if word in _WORDS else _number(word)
    return _number(value)


def _number(value: object) -> float | str | None:
    try:
        number = float(value) if not isinstance(value, bool) else math.nan  # type: ignore[arg-type] # that is the question
    except (TypeError, ValueError):
        return None
    return "infinite" if number == math.inf else number if math.isfinite(number) else None


def _together(values: list[float | str | None]) -> float | str | None:
    for word in _WORDS:
        if word in values:
            return word
    numbers = [value for value in values if isinstance(value, float)]
    return sum(numbers) if numbers else None
