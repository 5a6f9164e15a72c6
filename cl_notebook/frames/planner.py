"""Where SQLite begins to look for a page: at the rows that fit if these are few, at the beginning of the order if they are many.

The other data bases keep count of their values, and decide well. SQLite guesses: that a status is rare, that few sizes are above
ten. It then sorts a third of a large store for fifty rows, or looks for three rows in all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.sql import operators

from cl_notebook.frames.columns import MOMENT, NUMBER, REAL
from cl_notebook.frames.filters import condition

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from cl_notebook.frames.columns import Column, Source

    Ask = Callable[[sa.Select[Any]], Sequence[Any]]
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
