"""Steps of a revision that may be taken twice.

MariaDB commits each change of the schema by itself: if a kernel is killed within a revision, a part of it is done and the version
is still the old one. The next kernel takes the whole revision again, so every step first looks whether it is needed. Elsewhere a
revision is one transaction, and each look finds that it is.

What a revision does to rows must bear repeating, too. What an older cl_notebook could not live with comes last: until the version
is written, the store may be opened by one.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from cl_notebook.store.base import TABLE_OPTIONS


def create_table(name: str, *columns: sa.schema.SchemaItem) -> None:
    """Make the table *name* of *columns*, their keys and constraints, unless it is there."""
    if not _inspector().has_table(name):
        op.create_table(name, *columns, **TABLE_OPTIONS)


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Add *column* to *table*, unless it is there."""
    if column.name not in _columns(table):
        op.add_column(table, column)


def drop_column(table: str, column: str) -> None:
    """Take *column* out of *table*, if it is there."""
    if column in _columns(table):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)


def create_index(table: str, *columns: str) -> None:
    """Make an index of *columns* in their order, named as the tables' own indexes are, unless it is there."""
    name = index_name(table, *columns)
    if name not in _indexes(table):
        op.create_index(op.f(name), table, list(columns))


def drop_index(table: str, *columns: str) -> None:
    """Remove the index of *columns*, if it is there."""
    name = index_name(table, *columns)
    if name in _indexes(table):
        op.drop_index(op.f(name), table)


def index_name(table: str, *columns: str) -> str:
    """Return what an index of *columns* is called."""
    return "_".join(("ix", table, *columns))


def _inspector() -> sa.Inspector:
    return sa.inspect(op.get_bind())  # a new one each time: it remembers what it saw


def _columns(table: str) -> set[str]:
    return {str(column["name"]) for column in _inspector().get_columns(table)}


def _indexes(table: str) -> set[str | None]:
    return {index["name"] for index in _inspector().get_indexes(table)}
