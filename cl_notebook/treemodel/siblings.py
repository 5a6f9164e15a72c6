"""Page through the sorted siblings below one parent: count them, read a page, and find the position of a row."""

from __future__ import annotations

import bisect
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.treemodel.kinds import BACKEND, KINDS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

Key = tuple[Any, ...]
"""The sort key of a row: the values that it is sorted by, its id last."""

SORTS = ("name", "status", "size", "where", "age")
"""Names of the orders, besides the order of creation (``""``)."""

ANCHORS = 256
"""Largest number of known positions (anchors) of a level."""

_COMPARISONS = {(False, False): operator.gt, (False, True): operator.ge, (True, False): operator.lt, (True, True): operator.le}

RECENT = 2_000
"""Largest number of rows from recent pages whose positions are cached, give or take a page."""

_FAR = 20_000
"""Largest number of rows between two anchors, once all are built; to skip so many takes a few milliseconds."""

_NEAR = 64
"""Largest distance to an anchor at which OFFSET is used, instead of reading the key of the page's first row."""


@dataclass(frozen=True, slots=True)
class Order:
    """The order of siblings: one of :data:`SORTS`, or "" for the order of creation; ``descending`` reverses ties, too."""

    by: str = ""
    descending: bool = False

    @property
    def reverse(self) -> bool:
        """Whether the largest key comes first; the smallest age has the latest time of creation."""
        return self.descending is not (self.by == "age")

    def directed(self, terms: Iterable[sa.ColumnElement[Any]], *, back: bool = False) -> list[sa.ColumnElement[Any]]:
        """Return *terms* for ORDER BY; in the opposite direction if *back*."""
        down = self.reverse is not back
        return [term.desc() if down else term for term in terms]

    @property
    def plain(self) -> bool:
        """Whether the order is independent of the database's collation: that of ids, numbers and times."""
        return self.by in {"", "age", "size"}


def order(text: str) -> Order:
    """Parse an order: ``""``, ``"COLUMN"``, ``"COLUMN:asc"`` or ``"COLUMN:desc"``.

    Raises:
        InvalidInput: *text* is none of these, or the column is not one of :data:`SORTS`.

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
    """A row as read from the store. ``matches``: it meets the filter by itself, not only through a row below it."""

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
    """The sorted rows of one *kind* that meet *within* (their parent) and *condition* (the filter).

    A page is read from the nearest anchor, a position whose key is known; a jump counts through an index without reading rows.
    Anchors hold only as long as the rows do not change: make a new pager after a change.
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
        """Make a pager, without a query. *listed* are the keys of all rows, if known; *count* their number, if known."""
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
        self._anchor_positions: list[int] = []
        self._anchor_keys: list[Key] = []

    def count(self, connection: sa.Connection) -> int:
        """Return the number of rows."""
        if self._count is None:
            self._count = int(connection.execute(self._select(sa.func.count())).scalar_one())
        return self._count

    def page(self, connection: sa.Connection, start: int, count: int) -> list[SiblingRow]:
        """Return at most *count* rows, from the position *start* on."""
        columns, width = self._row_columns(), len(self._terms)
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
        """Return the sort keys of at most *count* rows, from the position *start* on, without reading the rows."""
        if self._listed is not None:
            return list(self._listed[start : start + count])
        return [tuple(values) for values in self._rows(connection, start, count, ())]

    def rank(self, connection: sa.Connection, key: Key, known: tuple[int, Key | None] = (0, None)) -> int:
        """Return the number of rows before *key*, which need not be that of a row.

        *known* is a position before it with its key, from which to count.
        """
        if self._listed is not None:
            return self._listed_rank(connection, key)
        if (recent := self._recent.get(key[-1])) is not None:
            return recent
        position, known_key = max(known, self._anchor_before(connection, key), key=operator.itemgetter(0))
        tests = [] if known_key is None else [self._beyond(connection, known_key, same=True)]
        tests.append(self._beyond(connection, key, same=False, back=True))
        position += int(connection.execute(self._select(sa.func.count()).where(*tests)).scalar_one())
        self._remember(position, key)
        return position

    def build_anchor(self, connection: sa.Connection) -> bool:
        """Add an anchor in the middle of the first long gap between anchors; return False if there is none."""
        if self._listed is not None:
            return False
        ends = [*self._anchor_positions, self.count(connection)]
        distance = max(_FAR, 4 * ends[-1] // ANCHORS)
        position, key = 0, None
        for known, known_key in zip(ends, [*self._anchor_keys, None], strict=True):
            if known - position > distance and self._add_anchor(connection, position, key, distance):
                return True
            position, key = known, known_key
        return False

    def _add_anchor(self, connection: sa.Connection, position: int, key: Key | None, distance: int) -> bool:
        values = self._key_at(connection, position + distance, position, key)
        if values is not None:
            self._remember(position + distance, values)
        return values is not None

    def key_of(self, connection: sa.Connection, row_id: str) -> Key | None:
        """Return the sort key of the row with this id, or None if it is not one of these rows."""
        values = connection.execute(self._select(*self._terms).where(self._columns.id == row_id)).one_or_none()
        return None if values is None else tuple(values)

    def first(self, connection: sa.Connection, test: sa.ColumnElement[bool], after: Key | None) -> Key | None:
        """Return the sort key of the first row that meets *test* (and is after *after*, if given), or None."""
        tests = [test] if after is None else [test, self._beyond(connection, after, same=False)]
        values = connection.execute(self._sorted(self._select(*self._terms).where(*tests)).limit(1)).one_or_none()
        return None if values is None else tuple(values)

    def matching_ids(self, connection: sa.Connection, test: sa.ColumnElement[bool], limit: int) -> list[str] | None:
        """Return the ids of the rows that meet *test*, or None if there are more than *limit*."""
        values = connection.execute(self._select(self._columns.id).where(test).limit(limit + 1)).scalars().all()
        return list(values) if len(values) <= limit else None

    def _row_columns(self) -> tuple[sa.ColumnElement[Any], ...]:
        return (self._columns.id, self._columns.parent, *self._columns.shown, as_flag(self._matches))

    def _rows(
        self, connection: sa.Connection, start: int, count: int, columns: Sequence[sa.ColumnElement[Any]]
    ) -> Sequence[sa.Row[*tuple[Any, ...]]]:
        if count <= 0 or start < 0:
            return ()
        if self._listed is not None:
            ids = [key[-1] for key in self._listed[start : start + count]]
            # by id alone: parent and filter were checked when the keys were listed
            return connection.execute(labelled(*self._terms, *columns).where(self._columns.id.in_(ids))).all()
        position, key = self._nearest(connection, start)
        if abs(start - position) > _NEAR or position > start:
            key = self._key_at(connection, start, position, key)
            if key is None:  # rows were deleted meanwhile
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
        values = connection.execute(statement.limit(1).offset(position - start - 1 if back else start - position)).one_or_none()
        return None if values is None else tuple(values)

    def _nearest(self, connection: sa.Connection, start: int) -> tuple[int, Key | None]:
        """Return the anchor nearest to *start*, as position and key; the key of the beginning (0) and of the end is None."""
        right = bisect.bisect_right(self._anchor_positions, start)
        before = (self._anchor_positions[right - 1], self._anchor_keys[right - 1]) if right else (0, None)
        if start - before[0] <= _NEAR:
            return before
        after = (
            (self._anchor_positions[right], self._anchor_keys[right])
            if right < len(self._anchor_positions)
            else (self.count(connection), None)
        )
        return before if start - before[0] <= after[0] - start or after[0] <= start else after

    def _anchor_before(self, connection: sa.Connection, key: Key) -> tuple[int, Key | None]:
        if not self._comparable(connection):
            return 0, None
        left = self._bisect(self._anchor_keys, key)
        return (self._anchor_positions[left - 1], self._anchor_keys[left - 1]) if left else (0, None)

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
        # SQLite compares the bytes of UTF-8, in the same order as Python compares text; other databases use their collation
        return self._order.plain or connection.dialect.name == "sqlite"

    def _remember(self, position: int, key: Key) -> None:
        right = bisect.bisect_left(self._anchor_positions, position)
        if right < len(self._anchor_positions) and self._anchor_positions[right] == position:
            self._anchor_keys[right] = key
            return
        self._anchor_positions.insert(right, position)
        self._anchor_keys.insert(right, key)
        if len(self._anchor_positions) > ANCHORS:
            del self._anchor_positions[1::2], self._anchor_keys[1::2]

    def _select(self, *columns: sa.ColumnElement[Any]) -> sa.Select[*tuple[Any, ...]]:
        return labelled(*columns).select_from(self._columns.table).where(self._where)

    def _sorted(self, statement: sa.Select[*tuple[Any, ...]], *, back: bool = False) -> sa.Select[*tuple[Any, ...]]:
        return statement.order_by(*self._order.directed(self._terms, back=back))

    def _beyond(self, connection: sa.Connection, key: Key, *, same: bool, back: bool = False) -> sa.ColumnElement[bool]:
        """Return the condition that a row is after *key* (before it, if *back*), or at it (if *same*)."""
        down = self._order.reverse is not back
        row_key: Any = sa.tuple_(*self._terms) if len(key) > 1 else self._terms[0]
        bounds: Any = key if len(key) > 1 else key[0]
        compare = _COMPARISONS[down, same]
        test: sa.ColumnElement[bool] = compare(row_key, bounds)
        if connection.dialect.name not in {"mysql", "mariadb"} or len(key) == 1:
            return test
        # MySQL and MariaDB use no index to compare rows, so add a test of the first term; others would then use that test alone.
        return sa.and_(self._terms[0] <= key[0] if down else self._terms[0] >= key[0], test)


class BackendPager(SiblingPager):
    """The sorted backends, which are few and all in memory: whether one is open is not stored, but sorted by."""

    def __init__(self, rows: Sequence[SiblingRow], order: Order) -> None:
        """Make the pager of *rows*, which are in *order*."""
        super().__init__(BACKEND, sa.true(), order, listed=[row.key for row in rows])
        self._backends = rows

    def page(self, connection: sa.Connection, start: int, count: int) -> list[SiblingRow]:
        """Return at most *count* rows, from the position *start* on, without a query."""
        del connection
        return list(self._backends[start : start + count])

    def key_of(self, connection: sa.Connection, row_id: str) -> Key | None:
        """Return the sort key of the row with this id, or None, without a query."""
        del connection
        return next((row.key for row in self._backends if row.id == row_id), None)


def as_flag(test: sa.ColumnElement[bool] | None) -> sa.ColumnElement[Any]:
    """Return a column that is 1 where *test* holds and 0 elsewhere; always 1 if there is no test."""
    return sa.literal_column("1") if test is None else sa.case((test, 1), else_=0)


def labelled(*columns: sa.ColumnElement[Any]) -> sa.Select[*tuple[Any, ...]]:
    """Return the SELECT of *columns* with numbered labels, as a column may occur twice: in the key, and to be shown."""
    return sa.select(*[column.label(f"c{position}") for position, column in enumerate(columns)])


def _in_order(rows: list[SiblingRow], ids: list[str]) -> list[SiblingRow]:
    known = {row.id: row for row in rows}
    return [known[row_id] for row_id in ids if row_id in known]
