"""The parts of a sorted page that an index has in order: they are read one after the other, until the page is full.

No index has the rows without a value behind the others in both directions, nor the rows of one table in the order of another.
But each has its own rows in order: those with a value, then those without; those of one backend, then those of the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook.frames.columns import BACKEND_ID, BACKEND_NAME, FLAG

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cl_notebook.frames.columns import Column, Source
    from cl_notebook.frames.planner import Ask, Order

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
