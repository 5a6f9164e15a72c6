"""Type-ahead: the next row whose name begins with what was typed, wherever in the list it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from cl_notebook.treemodel.filter_parser import starts_with
from cl_notebook.treemodel.kinds import BELOW_VOLUMES, KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cl_notebook.treemodel.layout import Below, Branch, Layout

NEAR = 200
"""Rows behind the present one that are read and compared first."""

_MANY = 500
"""Rows with such names up to which they are looked up by the name; of more, the next in the order is not far."""


def seek(connection: sa.Connection, layout: Layout, text: str, after: int) -> int | None:
    """Return the place of the next row behind *after*, or else of the first row, whose name begins with *text*."""
    low = text.lower()
    indexes = [
        index for head in layout.heads if head.name.lower().startswith(low) and (index := layout.head_place(head.id)) is not None
    ]
    for start, below in layout.belows():
        indexes += [start + index for index in _in_level(connection, below, text, after - start)]
        indexes += [start + index for index in _in_branches(connection, below, text, after - start)]
    return min((index for index in indexes if index > after), default=min(indexes, default=None))


def _in_level(connection: sa.Connection, below: Below, text: str, after: int) -> Iterator[int]:
    """Yield the places of the first row of the level that fits, and of the first one behind *after*."""
    level, columns = below.level, KINDS[below.level.kind]
    test = starts_with(columns.name, text, connection.dialect.name)
    some = level.some(connection, test, _MANY)
    if some is not None:
        if not some:
            return
        test = columns.id.in_(some)
    first = level.first(connection, test, None)
    if first is None:
        return
    yield below.index_of(level.rank(connection, first))
    if after < 0:
        return
    known = level.keys(connection, below.position(after), 1)
    behind = level.first(connection, test, known[0]) if known else None
    if behind is not None:
        yield below.index_of(level.rank(connection, behind))


def _in_branches(connection: sa.Connection, below: Below, text: str, after: int) -> Iterator[int]:
    """Yield the place of the first row in any branch that fits, and of the first one behind *after*."""
    fitting = _with_fitting(connection, [branch.id for branch in below.branches], text)
    is_first = True
    for branch in (branch for branch in below.branches if branch.id in fitting):
        for index in _in_branch(connection, branch, below.first(branch), text, after):
            if is_first or index > after:
                yield index
            if index > after:
                return
            is_first = False


def _in_branch(connection: sa.Connection, branch: Branch, start: int, text: str, after: int) -> Iterator[int]:
    for part in branch.parts:
        level = part.level
        test = starts_with(KINDS[level.kind].name, text, connection.dialect.name)
        key = level.first(connection, test, None) if part.count else None
        if key is not None:
            yield start + level.rank(connection, key)
            if start <= after < start + part.count:
                for known in level.keys(connection, after - start, 1):
                    key = level.first(connection, test, known)
                if key is not None:
                    yield start + level.rank(connection, key)
        start += part.count


def _with_fitting(connection: sa.Connection, volume_ids: list[str], text: str) -> set[str]:
    """Return those of the volumes that own a row whose name fits."""
    found: set[str] = set()
    for kind in BELOW_VOLUMES if volume_ids else ():
        columns = KINDS[kind]
        test = starts_with(columns.name, text, connection.dialect.name)
        found.update(
            connection.execute(sa.select(columns.parent).where(columns.parent.in_(volume_ids), test).distinct()).scalars()
        )
    return found
