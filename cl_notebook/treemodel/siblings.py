"""The siblings below one parent, in one order: how many there are, a page of them, and how many stand before one."""

from __future__ import annotations

import bisect
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.treemodel.kinds import KINDS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

Key = tuple[Any, ...]
"""Where a row stands in the order: the values that it is sorted by, its id last."""

SORTS = ("name", "status", "size", "where", "age")
"""What can be sorted by, besides the order of creation."""

ANCHORS = 256
"""Places that a level remembers at most."""

_COMPARISONS = {(False, False): operator.gt, (False, True): operator.ge, (True, False): operator.lt, (True, True): operator.le}

RECENT = 2_000
"""Rows whose places a level remembers from its pages at most, give or take a page."""

_FAR = 20_000
"""Rows that are skipped at most on the way to a page, once all places are marked: a few milliseconds."""

_NEAR = 64
"""Rows that are skipped rather than looking for the key of the first one."""


@dataclass(frozen=True, slots=True)
class Order:
    """By what siblings are sorted: one of :data:`SORTS`, or "" for the order of creation. The reverse one reverses ties, too."""

    by: str = ""
    descending: bool = False

    @property
    def reverse(self) -> bool:
        """Whether the largest key comes first; of two ages, the younger one has the later moment."""
        return self.descending is not (self.by == "age")

    def directed(self, terms: Iterable[sa.ColumnElement[Any]], *, back: bool = False) -> list[sa.ColumnElement[Any]]:
        """Return *terms* as they stand in ORDER BY; *back* for the opposite direction."""
        down = self.reverse is not back
        return [term.desc() if down else term for term in terms]

    @property
    def plain(self) -> bool:
        """Whether every data base has this order for text, whatever its collation: ids, numbers and times."""
        return self.by in {"", "age", "size"}


def order(text: str) -> Order:
    """Return the order that *text* names: ``""``, ``"COLUMN"`` or ``"COLUMN:desc"``.

    Raises:
        InvalidInput: it names none.

    """
    by, _, direction = text.strip().partition(":")
    if by and by not in SORTS:
        msg = f"The tree cannot be sorted by {by!r}.{errors.did_you_mean(by, SORTS)} It can by: {', '.join(SORTS)}."
        raise errors.InvalidInput(msg)
    if direction not in {"", "asc", "desc"}:
        msg = f"sort must be COLUMN, COLUMN:asc or COLUMN:desc, not {text!r}."
        raise errors.InvalidInput(msg)
    return Order(by, direction == "desc")


class SiblingRow(NamedTuple):
    """One row as it was read. ``matches`` says whether it meets the condition by itself, not by what is below it."""

    id: str
    parent: str
    name: str
    status: str
    size: int | None
    where: str
    created_at: dt.datetime
    matches: bool
    key: Key


class SiblingPager:
    """The rows of one *kind* that meet *within* (whose they are) and *condition* (which of them are shown), in one order.

    Pages start from the nearest place whose key is known; to get anywhere else, an index is counted through without reading rows.
    What is known holds as long as the rows do not change; afterwards a new level takes over.
    """

    def __init__(
        self,
        kind: str,
        within: sa.ColumnElement[bool],
        order: Order,
        condition: sa.ColumnElement[bool] | None = None,
        matches: sa.ColumnElement[bool] | None = None,
        *,
        listed: Sequence[Key] | None = None,
        count: int | None = None,
    ) -> None:
        """Remember what is asked for. ``listed`` has the keys of all rows if these are known, ``count`` how many there are."""
        self.kind = kind
        self._order = order
        self._columns = KINDS[kind]
        self._terms = self._columns.orders()[order.by]
        self._within = within
        self._where = within if condition is None else sa.and_(within, condition)
        self._matches = matches
        self._listed = listed
        self._positions: dict[str, int] | None = None
        self._recent: dict[str, int] = {}
        self._count = count if listed is None else len(listed)
        self._at: list[int] = []
        self._keys: list[Key] = []

    def count(self, connection: sa.Connection) -> int:
        """Return how many rows there are."""
        if self._count is None:
            self._count = int(connection.execute(self._select(sa.func.count())).scalar_one())
        return self._count

    def page(self, connection: sa.Connection, start: int, count: int) -> list[SiblingRow]:
        """Return at most *count* rows from the one at *start* on."""
        columns, width = self._shown(), len(self._terms)
        selected = self._rows(connection, start, count, columns)
        rows = [SiblingRow._make((*values[width:], tuple(values[:width]))) for values in selected]
        if self._listed is not None:
            return _in_order(rows, [key[-1] for key in self._listed[start : start + count]])
        if rows:
            if len(self._recent) > RECENT:
                self._recent.clear()
            self._recent.update((row.id, position) for position, row in enumerate(rows, start))
            self._remember(start, rows[0].key)
            self._remember(start + len(rows) - 1, rows[-1].key)
        return rows

    def keys(self, connection: sa.Connection, start: int, count: int) -> list[Key]:
        """Return the keys of at most *count* rows from the one at *start* on; no rows are read."""
        if self._listed is not None:
            return list(self._listed[start : start + count])
        return [tuple(values) for values in self._rows(connection, start, count, ())]

    def rank(self, connection: sa.Connection, key: Key, known: tuple[int, Key | None] = (0, None)) -> int:
        """Return how many rows stand before *key*, whether or not a row has it; *known* is a place before it, with its key."""
        if self._listed is not None:
            return self._listed_rank(connection, key)
        if (recent := self._recent.get(key[-1])) is not None:
            return recent
        position, known_key = max(known, self._last_before(connection, key), key=operator.itemgetter(0))
        tests = [] if known_key is None else [self._beyond(connection, known_key, same=True)]
        tests.append(self._beyond(connection, key, same=False, back=True))
        position += int(connection.execute(self._select(sa.func.count()).where(*tests)).scalar_one())
        self._remember(position, key)
        return position

    def build_anchor(self, connection: sa.Connection) -> bool:
        """Come to know one more place, if any is far from all known ones; return whether there was one."""
        if self._listed is not None:
            return False
        ends = [*self._at, self.count(connection)]
        far = max(_FAR, 4 * ends[-1] // ANCHORS)
        position, key = 0, None
        for known, its_key in zip(ends, [*self._keys, None], strict=True):
            if known - position > far and self._step(connection, position, key, far):
                return True
            position, key = known, its_key
        return False

    def _step(self, connection: sa.Connection, position: int, key: Key | None, far: int) -> bool:
        found = self._key_at(connection, position + far, position, key)
        if found is not None:
            self._remember(position + far, found)
        return found is not None

    def key_of(self, connection: sa.Connection, row_id: str) -> Key | None:
        """Return the key of the row with this id, or None if it is not one of these."""
        found = connection.execute(self._select(*self._terms).where(self._columns.id == row_id)).one_or_none()
        return None if found is None else tuple(found)

    def first(self, connection: sa.Connection, test: sa.ColumnElement[bool], after: Key | None) -> Key | None:
        """Return the key of the first row that meets *test*; behind *after*, if that is given."""
        tests = [test] if after is None else [test, self._beyond(connection, after, same=False)]
        found = connection.execute(self._sorted(self._select(*self._terms).where(*tests)).limit(1)).one_or_none()
        return None if found is None else tuple(found)

    def some(self, connection: sa.Connection, test: sa.ColumnElement[bool], most: int) -> list[str] | None:
        """Return the ids of the rows that meet *test*, or None if these are more than *most*."""
        found = connection.execute(self._select(self._columns.id).where(test).limit(most + 1)).scalars().all()
        return list(found) if len(found) <= most else None

    def _shown(self) -> tuple[sa.ColumnElement[Any], ...]:
        kind = self._columns
        return (kind.id, kind.parent, kind.name, kind.status, kind.size, kind.where, kind.created_at, as_flag(self._matches))

    def _rows(
        self, connection: sa.Connection, start: int, count: int, columns: Sequence[sa.ColumnElement[Any]]
    ) -> Sequence[sa.Row[*tuple[Any, ...]]]:
        if count <= 0 or start < 0:
            return ()
        if self._listed is not None:
            ids = [key[-1] for key in self._listed[start : start + count]]
            # no longer whose they are or which of them are shown: that was asked when they were listed
            return connection.execute(labelled(*self._terms, *columns).where(self._columns.id.in_(ids))).all()
        position, key = self._nearest(connection, start)
        if abs(start - position) > _NEAR or position > start:
            key = self._key_at(connection, start, position, key)
            if key is None:  # there are fewer rows by now
                return ()
            self._remember(start, key)
            position = start
        statement = self._select(*self._terms, *columns)
        if key is not None:
            statement = statement.where(self._beyond(connection, key, same=True))
        return connection.execute(self._sorted(statement).limit(count).offset(start - position)).all()

    def _key_at(self, connection: sa.Connection, start: int, position: int, key: Key | None) -> Key | None:
        back = position > start
        statement = self._sorted(self._select(*self._terms), back=back)
        if key is not None:
            statement = statement.where(self._beyond(connection, key, same=not back, back=back))
        found = connection.execute(statement.limit(1).offset(position - start - 1 if back else start - position)).one_or_none()
        return None if found is None else tuple(found)

    def _nearest(self, connection: sa.Connection, start: int) -> tuple[int, Key | None]:
        """Return the known place nearest to *start* with its key; None stands for the begin (0) and for the end."""
        right = bisect.bisect_right(self._at, start)
        before = (self._at[right - 1], self._keys[right - 1]) if right else (0, None)
        if start - before[0] <= _NEAR:
            return before
        after = (self._at[right], self._keys[right]) if right < len(self._at) else (self.count(connection), None)
        return before if start - before[0] <= after[0] - start or after[0] <= start else after

    def _last_before(self, connection: sa.Connection, key: Key) -> tuple[int, Key | None]:
        if not self._comparable(connection):
            return 0, None
        left = self._bisect(self._keys, key)
        return (self._at[left - 1], self._keys[left - 1]) if left else (0, None)

    def _listed_rank(self, connection: sa.Connection, key: Key) -> int:
        listed = self._listed or ()
        if self._positions is None:
            self._positions = {known[-1]: position for position, known in enumerate(listed)}
        position = self._positions.get(key[-1])
        if position is not None and listed[position] == key:
            return position
        if self._comparable(connection):
            return self._bisect(listed, key)
        before = self._beyond(connection, key, same=False, back=True)
        return int(connection.execute(self._select(sa.func.count()).where(before)).scalar_one())

    def _bisect(self, keys: Sequence[Key], key: Key) -> int:
        if not self._order.reverse:
            return bisect.bisect_left(keys, key)
        return len(keys) - bisect.bisect_right(keys[::-1], key)

    def _comparable(self, connection: sa.Connection) -> bool:
        # SQLite compares the bytes of UTF-8, which is how Python compares text; others do as their collation says
        return self._order.plain or connection.dialect.name == "sqlite"

    def _remember(self, position: int, key: Key) -> None:
        right = bisect.bisect_left(self._at, position)
        if right < len(self._at) and self._at[right] == position:
            self._keys[right] = key
            return
        self._at.insert(right, position)
        self._keys.insert(right, key)
        if len(self._at) > ANCHORS:
            del self._at[1::2], self._keys[1::2]

    def _select(self, *columns: sa.ColumnElement[Any]) -> sa.Select[*tuple[Any, ...]]:
        return labelled(*columns).select_from(self._columns.table).where(self._where)

    def _sorted(self, statement: sa.Select[*tuple[Any, ...]], *, back: bool = False) -> sa.Select[*tuple[Any, ...]]:
        return statement.order_by(*self._order.directed(self._terms, back=back))

    def _beyond(self, connection: sa.Connection, key: Key, *, same: bool, back: bool = False) -> sa.ColumnElement[bool]:
        """Return the condition of standing behind *key* (before it: *back*), or there (*same*)."""
        down = self._order.reverse is not back
        ours: Any = sa.tuple_(*self._terms) if len(key) > 1 else self._terms[0]
        theirs: Any = key if len(key) > 1 else key[0]
        compare = _COMPARISONS[down, same]
        test: sa.ColumnElement[bool] = compare(ours, theirs)
        if connection.dialect.name not in {"mysql", "mariadb"} or len(key) == 1:
            return test
        # These compare rows without their indexes; the others would seek by this alone if they saw it.
        return sa.and_(self._terms[0] <= key[0] if down else self._terms[0] >= key[0], test)


def as_flag(test: sa.ColumnElement[bool] | None) -> sa.ColumnElement[Any]:
    """Return the column that is 1 where *test* holds, and everywhere if there is none."""
    return sa.literal_column("1") if test is None else sa.case((test, 1), else_=0)


def labelled(*columns: sa.ColumnElement[Any]) -> sa.Select[*tuple[Any, ...]]:
    """Return the SELECT of *columns*, any of which may be asked for twice: as a key, and as what is shown."""
    return sa.select(*[column.label(f"c{position}") for position, column in enumerate(columns)])


def _in_order(rows: list[SiblingRow], ids: list[str]) -> list[SiblingRow]:
    known = {row.id: row for row in rows}
    return [known[row_id] for row_id in ids if row_id in known]
