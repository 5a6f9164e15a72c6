"""Find the next row whose name begins with the typed text, anywhere in the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from cl_notebook.treemodel.filter_parser import starts_with
from cl_notebook.treemodel.kinds import BELOW_VOLUMES, KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cl_notebook.treemodel.layout import Below, Branch, Layout

NEAR = 200
"""Rows after the focused one that are read and compared before the store is searched."""

_MANY = 500
"""Largest number of matching rows that are looked up by name; with more, the next one in the order is near."""


def seek(connection: sa.Connection, layout: Layout, text: str, after: int) -> int | None:
    """Return the index of the next row after *after*, or else of the first row, whose name begins with *text* (ignoring case)."""
    low = text.lower()
    indexes = [
        index
        for head in layout.heads
        if head.name.lower().startswith(low) and (index := layout.head_index_of(head.id)) is not None
    ]
    for start, below in layout.belows():
        indexes += [start + index for index in _in_level(connection, below, text, after - start)]
        indexes += [start + index for index in _in_branches(connection, below, text, after - start)]
    return min((index for index in indexes if index > after), default=min(indexes, default=None))


def _in_level(connection: sa.Connection, below: Below, text: str, after: int) -> Iterator[int]:
    """Yield the indexes of the first matching row of the level, and of the first one after *after*."""
    level, columns = below.level, KINDS[below.level.kind]
    test = starts_with(columns.name, text, connection.dialect.name)
    matching_ids = level.matching_ids(connection, test, _MANY)
    if matching_ids is not None:
        if not matching_ids:
            return
        test = columns.id.in_(matching_ids)
    first = level.first(connection, test, None)
    if first is None:
        return
    yield below.index_of(level.rank(connection, first))
    if after < 0:
        return
    keys = level.keys(connection, below.position(after), 1)
    next_key = level.first(connection, test, keys[0]) if keys else None
    if next_key is not None:
        yield below.index_of(level.rank(connection, next_key))


def _in_branches(connection: sa.Connection, below: Below, text: str, after: int) -> Iterator[int]:
    """Yield the indexes of the first matching row in any branch, and of the first one after *after*."""
    matching = _volumes_with_match(connection, [branch.id for branch in below.branches], text)
    is_first = True
    for branch in (branch for branch in below.branches if branch.id in matching):
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
                for after_key in level.keys(connection, after - start, 1):
                    key = level.first(connection, test, after_key)
                if key is not None:
                    yield start + level.rank(connection, key)
        start += part.count


def _volumes_with_match(connection: sa.Connection, volume_ids: list[str], text: str) -> set[str]:
    """Return the ids of the volumes that have a snapshot or connection with a matching name."""
    matching: set[str] = set()
    for kind in BELOW_VOLUMES if volume_ids else ():
        columns = KINDS[kind]
        test = starts_with(columns.name, text, connection.dialect.name)
        matching.update(
            connection.execute(sa.select(columns.parent).where(columns.parent.in_(volume_ids), test).distinct()).scalars()
        )
    return matching
