"""Plan how SQLite reads a page: look up the matching rows if there are few, read in sort order if there are many.

The other databases collect statistics and choose a good plan. SQLite guesses, e.g. that a status is rare or that few sizes are
above ten; it then sorts a third of a large store to return fifty rows, or scans all of it to find three.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.sql import operators

from cl_notebook.frames.columns import BACKEND_ID, BACKEND_NAME, CATEGORY, FLAG, MOMENT, NUMBER, REAL
from cl_notebook.frames.filters import condition

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from cl_notebook.frames.columns import Column, Source

    RunQuery = Callable[[sa.Select[Any]], Sequence[Any]]
    Order = Sequence[tuple[sa.ColumnElement[Any], bool]]


_COMPARED = frozenset({NUMBER, REAL, MOMENT})

MOST_BACKENDS = 200
"""Largest number of backends whose rows are read as one part each."""

MOST_VALUES = 256
"""Largest number of values of a column that a pattern is expanded to."""

FEW = 1_000
"""Largest number of matching rows that are all looked up by key and sorted."""


@dataclass(frozen=True, slots=True)
class Predicate:
    """The condition that the column *name* equals, matches or compares with *value*, as :func:`filters.condition` reads it."""

    name: str
    column: Column
    value: object

    def test(self, *, seek: bool = True) -> sa.ColumnElement[bool]:
        """Return the SQL condition; if *seek* is false, write it so that SQLite uses no index for it (``+column``)."""
        if seek:
            return condition(self.name, self.column, self.value)
        plain = self.column.sql
        hidden = sa.UnaryExpression(plain, operator=operators.custom_op("+"), type_=plain.type)
        return condition(self.name, replace(self.column, sql=hidden), self.value)


def tests(source: Source, predicates: Sequence[Predicate], order: Order, run_query: RunQuery) -> list[sa.ColumnElement[bool]]:
    """Return the conditions of a page of *source*, written so that SQLite chooses the cheaper plan.

    If no index covers all *predicates* before the columns of *order*, one query counts the matching rows (up to :data:`FEW`).
    """
    conditions = [predicate.test() for predicate in predicates]
    leading = _leading(source, conditions, order)
    if leading is not None and len(leading) == len(conditions):
        return conditions
    few = probe_selectivity(source, conditions, run_query)
    if few is not None:
        return [few]
    return conditions if leading is None else in_order(predicates, order, leading)


def in_order(predicates: Sequence[Predicate], order: Order, leading: Collection[int] = ()) -> list[sa.ColumnElement[bool]]:
    """Return the conditions, written so that SQLite reads by *order*.

    An index serves only the predicates at the positions *leading*, whose columns precede *order* in it, and comparisons of the
    first column of *order*, which bound the range that is read.
    """
    return [
        predicate.test(seek=position in leading or (predicate.column.kind in _COMPARED and predicate.column.sql is order[0][0]))
        for position, predicate in enumerate(predicates)
    ]


def probe_selectivity(
    source: Source, conditions: Sequence[sa.ColumnElement[bool]], run_query: RunQuery
) -> sa.ColumnElement[bool] | None:
    """Return a condition that selects the matching rows by key, or None if there are more than :data:`FEW`."""
    matching_keys = sa.select(source.key).select_from(source.tables).where(*conditions)
    counted = run_query(sa.select(sa.func.count()).select_from(matching_keys.limit(FEW + 1).subquery()))
    if counted[0][0] > FEW:
        return None
    return source.key.in_(matching_keys.correlate(None))  # leaves SQLite no plan but to look them up by key


def uniform(source: Source, order: Order, *, filled: bool = False) -> bool:
    """Return whether an index can have *order*: plain columns that are never NULL, all in one direction.

    With *filled* the caller has excluded the rows with NULLs, so nullable columns are accepted.
    """
    plain = all(
        isinstance(term, sa.Column) and term.table is source.key.table and (filled or not term.nullable) for term, _ in order
    )
    return plain and len({down for _, down in order}) == 1


def _leading(source: Source, conditions: Sequence[sa.ColumnElement[bool]], order: Order) -> set[int] | None:
    """Return the positions of the equalities whose columns precede *order* in an index; None if no index ends with *order*."""
    if not uniform(source, order):
        return None
    table: sa.Table = source.key.table
    sorted_by = [term.name for term, _ in order]
    equal = {test.left.name: position for position, test in enumerate(conditions) if _is_equality(test, table)}
    candidates = [{equal[name] for name in names} for names in _leading_columns(table, sorted_by) if set(names) <= equal.keys()]
    return max(candidates, key=len, default=None)


def _leading_columns(table: sa.Table, sorted_by: list[str]) -> list[list[str]]:
    """Return, for each index that ends with the columns *sorted_by*, the columns before these."""
    indexes = [[column.name for column in index.columns] for index in table.indexes]
    indexes.append([column.name for column in table.primary_key.columns])
    size = len(sorted_by)
    return [names[:-size] for names in indexes if names[-size:] == sorted_by]


def _is_equality(test: sa.ColumnElement[bool], table: sa.Table) -> bool:
    if not isinstance(test, sa.BinaryExpression) or test.operator is not operators.eq:
        return False
    return isinstance(test.left, sa.Column) and test.left.table is table


@dataclass(frozen=True, slots=True)
class Part:
    """The rows that meet *test*, in an order that an index has, after the row with the sort key *position* (None: all)."""

    order: Order
    position: Sequence[Any] | None = None
    test: sa.ColumnElement[bool] | None = None
    filled: bool = False
    """Whether no row has NULL in the column that it is sorted by."""


def ties(source: Source, column: Column) -> tuple[sa.ColumnElement[Any], ...] | None:
    """Return the index's terms between the sorted *column* and the key; None if no index begins with the column."""
    leading = _indexed(source, column)
    names = [[indexed.name for indexed in index.columns] for index in source.key.table.indexes]
    for between in ((), source.order):
        if leading is not None and [leading.name, *(term.name for term in between), source.key.name] in names:
            return between
    return None


def parts(source: Source, column: Column, order: Order, position: Sequence[Any] | None, run_query: RunQuery) -> list[Part]:
    """Split the rows after *position*, sorted by *column* first, into parts that an index can read one after the other."""
    if ties(source, column) is None:
        return [Part(order, position)]
    if column.sql is BACKEND_NAME:
        return _by_backend(source, order, position, run_query)
    if column.kind == FLAG:
        groups = [(value, column.sql == sa.true() if value else column.sql == sa.false()) for value in (0, 1)]
        return _grouped(order, position, groups[:: -1 if order[0][1] else 1])
    if not column.nullable:
        return [Part(order, position)]
    empty_rows = Part(order[2:], None if position is None or not position[0] else position[2:], column.sql.is_(None))
    if position is not None and position[0]:
        return [empty_rows]
    return [Part(order[1:], None if position is None else position[1:], column.sql.is_not(None), filled=True), empty_rows]


def _indexed(source: Source, column: Column) -> Any:  # noqa: ANN401 - a column of a table
    """Return the column of the source's own table that sorts like *column*; None if there is none."""
    if column.sql is BACKEND_NAME:
        return source.backend_id
    return column.sql if isinstance(column.sql, sa.Column) and column.sql.table is source.key.table else None


def _by_backend(source: Source, order: Order, position: Sequence[Any] | None, run_query: RunQuery) -> list[Part]:
    key: Any = source.backend_id
    is_used = sa.select(source.key).where(key == BACKEND_ID).correlate(BACKEND_ID.table).exists()
    term = BACKEND_NAME.desc() if order[0][1] else BACKEND_NAME.asc()
    rows = run_query(sa.select(BACKEND_ID, BACKEND_NAME).where(is_used).order_by(term).limit(MOST_BACKENDS + 1))
    if len(rows) > MOST_BACKENDS or (position is not None and position[0] not in {name for _, name in rows}):
        return [Part(order, position)]
    return _grouped(order, position, [(name, key == backend_id) for backend_id, name in rows])


def _grouped(order: Order, position: Sequence[Any] | None, groups: Iterable[tuple[Any, sa.ColumnElement[bool]]]) -> list[Part]:
    rest = order[1:]
    if position is None:
        return [Part(rest, test=test) for _, test in groups]
    values = list(groups)
    reached = [value for value, _ in values].index(position[0])
    return [
        Part(rest, position[1:] if number == reached else None, test)
        for number, (_, test) in enumerate(values)
        if number >= reached
    ]


def expand_pattern(source: Source, predicate: Predicate, run_query: RunQuery) -> Predicate:
    """Replace a pattern or a negation by the list of the column's values that match, which an index can look up.

    Return *predicate* unchanged if it is neither, or if the column has no index or more than :data:`MOST_VALUES` values.
    """
    column = predicate.column.sql
    if predicate.column.kind != CATEGORY or predicate.column.nullable or not isinstance(column, sa.Column):
        return predicate
    if not isinstance(predicate.value, str) or not set(predicate.value) & set("*?!"):
        return predicate
    if not any(index.columns[0] is column for index in source.key.table.indexes):
        return predicate
    smallest = sa.select(sa.func.min(column).label("value"), sa.literal(1).label("number")).cte("listed", recursive=True)
    next_value = sa.select(sa.func.min(column)).where(column > smallest.c.value).correlate(smallest).scalar_subquery()
    listed = smallest.union_all(
        sa.select(next_value, smallest.c.number + 1).where(smallest.c.value.is_not(None), smallest.c.number <= MOST_VALUES)
    )
    matches = condition(predicate.name, replace(predicate.column, sql=listed.c.value), predicate.value)
    rows = run_query(sa.select(listed.c.value, sa.case((matches, 1), else_=0)).where(listed.c.value.is_not(None)))
    return predicate if len(rows) > MOST_VALUES else replace(predicate, value=[value for value, is_match in rows if is_match])
