"""Find the next row whose name begins with the typed text, anywhere in the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from cl_notebook.treemodel.filter_parser import starts_with
from cl_notebook.treemodel.kinds import BACKEND, BELOW_VOLUMES, KINDS, VOLUME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cl_notebook.treemodel.layout import Section

NEAR = 200
"""Rows after the focused one that are read and compared before the store is searched."""

_MANY = 500
"""Largest number of matching rows that are looked up by name; with more, the next one in the order is near."""


def seek(connection: sa.Connection, root: Section, text: str, after: int) -> int | None:
    """Return the index of the next row after *after*, or else of the first row, whose name begins with *text* (ignoring case)."""
    indexes: list[int] = []
    for first, section in root.walk():
        if section.kind == BACKEND:
            backends = enumerate(section.pager.page(connection, 0, section.count))
            indexes += [section.index_of(position) for position, row in backends if row.name.lower().startswith(text.lower())]
        elif section is root or section.kind == VOLUME:
            indexes += [first + index for index in _in_section(connection, section, text, after - first)]
            indexes += [first + index for index in _below(connection, section, text, after - first)]
    return min((index for index in indexes if index > after), default=min(indexes, default=None))


def _in_section(connection: sa.Connection, section: Section, text: str, after: int) -> Iterator[int]:
    """Yield the indexes of the first matching row of the section's own, and of the first one after *after*."""
    pager, columns = section.pager, KINDS[section.kind]
    test = starts_with(columns.name, text, connection.dialect.name)
    matching_ids = pager.matching_ids(connection, test, _MANY)
    if matching_ids is not None:
        if not matching_ids:
            return
        test = columns.id.in_(matching_ids)
    first = pager.first(connection, test, None)
    if first is None:
        return
    yield section.index_of(pager.rank(connection, first))
    if after < 0:
        return
    keys = pager.keys(connection, section.position(after), 1)
    next_key = pager.first(connection, test, keys[0]) if keys else None
    if next_key is not None:
        yield section.index_of(pager.rank(connection, next_key))


def _below(connection: sa.Connection, section: Section, text: str, after: int) -> Iterator[int]:
    """Yield the indexes of the first matching row below *section*, and of the first one after *after*."""
    matching = _volumes_with_match(connection, list({child.parent for _, child in section.children()}), text)
    is_first = True
    for start, child in section.children():
        for index in _in_child(connection, child, start, text, after) if child.parent in matching else ():
            if is_first or index > after:
                yield index
            if index > after:
                return
            is_first = False


def _in_child(connection: sa.Connection, child: Section, start: int, text: str, after: int) -> Iterator[int]:
    pager = child.pager
    test = starts_with(KINDS[child.kind].name, text, connection.dialect.name)
    key = pager.first(connection, test, None) if child.count else None
    if key is None:
        return
    yield start + pager.rank(connection, key)
    if start <= after < start + child.count:
        for after_key in pager.keys(connection, after - start, 1):
            key = pager.first(connection, test, after_key)
        if key is not None:
            yield start + pager.rank(connection, key)


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
