"""The few values that a column has: an index gives the next one in a look-up, however many rows have the one before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from cl_notebook.frames.columns import CATEGORY
from cl_notebook.frames.filters import condition

if TYPE_CHECKING:
    from cl_notebook.frames.columns import Source
    from cl_notebook.frames.planner import Ask, Wanted

MOST = 256
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
    listed = begun.union_all(sa.select(following, begun.c.number + 1).where(begun.c.value.is_not(None), begun.c.number <= MOST))
    fits = condition(wanted.name, replace(wanted.column, sql=listed.c.value), wanted.value)
    found = ask(sa.select(listed.c.value, sa.case((fits, 1), else_=0)).where(listed.c.value.is_not(None)))
    return wanted if len(found) > MOST else replace(wanted, value=[value for value, is_one in found if is_one])
