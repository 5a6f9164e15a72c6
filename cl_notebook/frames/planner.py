"""Where SQLite begins to look for a page: at the rows that fit if these are few, at the beginning of the order if they are many.

The other data bases keep count of their values, and decide well. SQLite guesses: that a status is rare, that few sizes are above
ten. It then sorts a third of a large store for fifty rows, or looks for three rows in all of it.
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

if TYPE_CHECKING:
    Ask = Callable[[sa.Select[Any]], Sequence[Any]]

if TYPE_CHECKING:
    Order = Sequence[tuple[sa.ColumnElement[Any], bool]]


_COMPARED = frozenset({NUMBER, REAL, MOMENT})

FEW = 1_000
"""Rows that fit up to which they are all looked up and sorted."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one column must be."""

    name: str
    column: Column
    value: object

    def test(self, *, seek: bool = True) -> sa.ColumnElement[bool]:
        """Return it as a condition; without *seek* it is written so that no index is used for it."""
        if seek:
            return condition(self.name, self.column, self.value)
        plain = self.column.sql
        hidden = sa.UnaryExpression(plain, operator=operators.custom_op("+"), type_=plain.type)
        return condition(self.name, replace(self.column, sql=hidden), self.value)


def tests(source: Source, wanted: Sequence[Wanted], order: Order, ask: Ask) -> list[sa.ColumnElement[bool]]:
    """Return what the rows of a page of *source* must be, in the words that let SQLite begin at the right end.

    Unless an index has all that is *wanted* in front of the *order*, it is asked once how many rows fit.
    """
    as_asked = [one.test() for one in wanted]
    leading = _leading(source, as_asked, order)
    if leading is not None and len(leading) == len(as_asked):
        return as_asked
    few = few_that_fit(source, as_asked, ask)
    if few is not None:
        return [few]
    return as_asked if leading is None else in_order(wanted, order, leading)


def in_order(wanted: Sequence[Wanted], order: Order, leading: Collection[int] = ()) -> list[sa.ColumnElement[bool]]:
    """Return the tests so written that SQLite reads by *order*: the *leading* ones are before it in an index.

    A comparison of what is sorted by first is looked for, too: where the order begins.
    """
    return [
        one.test(seek=place in leading or (one.column.kind in _COMPARED and one.column.sql is order[0][0]))
        for place, one in enumerate(wanted)
    ]


def few_that_fit(source: Source, as_asked: Sequence[sa.ColumnElement[bool]], ask: Ask) -> sa.ColumnElement[bool] | None:
    """Return the condition that a row is one of those that fit if these are few; None if they are many."""
    fitting = sa.select(source.key).select_from(source.tables).where(*as_asked)
    some = ask(sa.select(sa.func.count()).select_from(fitting.limit(FEW + 1).subquery()))
    if some[0][0] > FEW:
        return None
    return source.key.in_(fitting.correlate(None))  # to look them up by their ids is the one way that SQLite sees then


def uniform(source: Source, order: Order, *, filled: bool = False) -> bool:
    """Return whether the order is that of plain columns that are never empty, all in one direction: as an index may have it.

    With *filled* the rows that are meant have a value in each of them, whether or not they need one.
    """
    plain = all(
        isinstance(term, sa.Column) and term.table is source.key.table and (filled or not term.nullable) for term, _ in order
    )
    return plain and len({down for _, down in order}) == 1


def _leading(source: Source, as_asked: Sequence[sa.ColumnElement[bool]], order: Order) -> set[int] | None:
    """Return the places of the tests with which an index begins that goes on with *order*; None if no index has that."""
    if not uniform(source, order):
        return None
    table: sa.Table = source.key.table
    sorted_by = [term.name for term, _ in order]
    equal = {test.left.name: place for place, test in enumerate(as_asked) if _is_equality(test, table)}
    candidates = [{equal[name] for name in names} for names in _before(table, sorted_by) if set(names) <= equal.keys()]
    return max(candidates, key=len, default=None)


def _before(table: sa.Table, sorted_by: list[str]) -> list[list[str]]:
    """Return the columns that each index with that order has before it."""
    indexes = [[column.name for column in index.columns] for index in table.indexes]
    indexes.append([column.name for column in table.primary_key.columns])
    size = len(sorted_by)
    return [names[:-size] for names in indexes if names[-size:] == sorted_by]


def _is_equality(test: sa.ColumnElement[bool], table: sa.Table) -> bool:
    if not isinstance(test, sa.BinaryExpression) or test.operator is not operators.eq:
        return False
    return isinstance(test.left, sa.Column) and test.left.table is table


MOST = 200
"""Backends with rows of their own up to which each is a part."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that meet *test*, in an order that an index has, after the *place* of a row if there is one."""

    order: Order
    place: Sequence[Any] | None = None
    test: sa.ColumnElement[bool] | None = None
    filled: bool = False
    """Whether each of its rows has a value in the column that it is sorted by."""


def ties(source: Source, column: Column) -> tuple[sa.ColumnElement[Any], ...] | None:
    """Return the terms between the *column* that is sorted by and the key, as an index has them; None if none begins with it."""
    leading = _indexed(source, column)
    names = [[each.name for each in index.columns] for index in source.key.table.indexes]
    for between in ((), source.order):
        if leading is not None and [leading.name, *(term.name for term in between), source.key.name] in names:
            return between
    return None


def parts(source: Source, column: Column, order: Order, place: Sequence[Any] | None, ask: Ask) -> list[Part]:
    """Return the parts of the rows after *place* in the *order*, whose first term, or terms, are those of *column*."""
    if ties(source, column) is None:
        return [Part(order, place)]
    if column.sql is BACKEND_NAME:
        return _by_backend(source, order, place, ask)
    if column.kind == FLAG:
        groups = [(value, column.sql == sa.true() if value else column.sql == sa.false()) for value in (0, 1)]
        return _grouped(order, place, groups[:: -1 if order[0][1] else 1])
    if not column.nullable:
        return [Part(order, place)]
    without = Part(order[2:], None if place is None or not place[0] else place[2:], column.sql.is_(None))
    if place is not None and place[0]:
        return [without]
    return [Part(order[1:], None if place is None else place[1:], column.sql.is_not(None), filled=True), without]


def _indexed(source: Source, column: Column) -> Any:  # noqa: ANN401 - a column of a table
    """Return the column of the source's own table that *column* is sorted by; None if there is none."""
    if column.sql is BACKEND_NAME:
        return source.backend_id
    return column.sql if isinstance(column.sql, sa.Column) and column.sql.table is source.key.table else None


def _by_backend(source: Source, order: Order, place: Sequence[Any] | None, ask: Ask) -> list[Part]:
    key: Any = source.backend_id
    is_used = sa.select(source.key).where(key == BACKEND_ID).correlate(BACKEND_ID.table).exists()
    term = BACKEND_NAME.desc() if order[0][1] else BACKEND_NAME.asc()
    found = ask(sa.select(BACKEND_ID, BACKEND_NAME).where(is_used).order_by(term).limit(MOST + 1))
    if len(found) > MOST or (place is not None and place[0] not in {name for _, name in found}):
        return [Part(order, place)]
    return _grouped(order, place, [(name, key == backend_id) for backend_id, name in found])


def _grouped(order: Order, place: Sequence[Any] | None, groups: Iterable[tuple[Any, sa.ColumnElement[bool]]]) -> list[Part]:
    rest = order[1:]
    if place is None:
        return [Part(rest, test=test) for _, test in groups]
    values = list(groups)
    at = [value for value, _ in values].index(place[0])
    return [Part(rest, place[1:] if number == at else None, test) for number, (_, test) in enumerate(values) if number >= at]


MOST_VALUES = 256
"""Values that are looked up at most."""


def spelled_out(source: Source, wanted: Wanted, ask: Ask) -> Wanted:
    """Return a pattern, or what a column must not be, as the list of the values that fit: an index leads to these.

    What is no such thing is returned as it is, and so is what concerns a column that has many values or no index.
    """
    column = wanted.column.sql
    if wanted.column.kind != CATEGORY or wanted.column.nullable or not isinstance(column, sa.Column):
        return wanted
    if not isinstance(wanted.value, str) or not set(wanted.value) & set("*?!"):
        return wanted
    if not any(index.columns[0] is column for index in source.key.table.indexes):
        return wanted
    begun = sa.select(sa.func.min(column).label("value"), sa.literal(1).label("number")).cte("listed", recursive=True)
    following = sa.select(sa.func.min(column)).where(column > begun.c.value).correlate(begun).scalar_subquery()
    listed = begun.union_all(
        sa.select(following, begun.c.number + 1).where(begun.c.value.is_not(None), begun.c.number <= MOST_VALUES)
    )
    fits = condition(wanted.name, replace(wanted.column, sql=listed.c.value), wanted.value)
    found = ask(sa.select(listed.c.value, sa.case((fits, 1), else_=0)).where(listed.c.value.is_not(None)))
    return wanted if len(found) > MOST_VALUES else replace(wanted, value=[value for value, is_one in found if is_one])
