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

from cl_notebook.store.types import MARIADB, filled, table_options


def create_table(name: str, *columns: sa.schema.SchemaItem) -> None:
    """Make the table *name* of *columns*, their keys and constraints, unless it is there."""
    if not _inspector().has_table(name):
        options: dict[str, Any] = dict(table_options(op.get_context().dialect))
        op.create_table(name, *columns, **options)


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Add *column* to *table*, unless it is there."""
    if column.name not in _columns(table):
        op.add_column(table, column)


def drop_column(table: str, column: str) -> None:
    """Take *column* out of *table*, if it is there."""
    if column in _columns(table):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)


def create_index(table: str, *columns: str, of_filled: bool = False) -> None:
    """Make an index of *columns* in their order, named as the tables' own indexes are, unless it is there.

    With *of_filled* it is one of the rows that have a value in the first of them, where the database can have such.
    """
    name = index_name(table, *columns)
    if name not in _indexes(table):
        options: dict[str, Any] = dict(filled(columns[0])) if of_filled else {}
        op.create_index(op.f(name), table, list(columns), **options)


def drop_index(table: str, *columns: str) -> None:
    """Remove the index of *columns*, if it is there."""
    name = index_name(table, *columns)
    if name in _indexes(table):
        op.drop_index(op.f(name), table)


def make_exact(table: str) -> None:
    """Let MariaDB compare the texts of *table* letter by letter, as it does in a new store; elsewhere it is so already."""
    dialect = op.get_context().dialect
    if dialect.name not in MARIADB:
        return
    wanted = table_options(dialect)["mysql_collate"]
    if _inspector().get_table_options(table).get(f"{dialect.name}_collate") != wanted:
        op.execute("SET foreign_key_checks = 0")  # keys of several tables change, one after the other
        op.execute(f"ALTER TABLE `{table}` CONVERT TO CHARACTER SET utf8mb4 COLLATE {wanted}")
        op.execute("SET foreign_key_checks = 1")


def lengthen(table: str, column: str, *, nullable: bool = True) -> None:
    """Let a text *column* of MariaDB's hold as much as elsewhere."""
    if op.get_context().dialect.name in MARIADB:
        op.alter_column(table, column, type_=sa.Text(2**32 - 1), existing_type=sa.Text(), existing_nullable=nullable)


def index_name(table: str, *columns: str) -> str:
    """Return what an index of *columns* is called."""
    return "_".join(("ix", table, *columns))


def _inspector() -> sa.Inspector:
    return sa.inspect(op.get_bind())  # a new one each time: it remembers what it saw


def _columns(table: str) -> set[str]:
    return {str(column["name"]) for column in _inspector().get_columns(table)}


def _indexes(table: str) -> set[str | None]:
    return {index["name"] for index in _inspector().get_indexes(table)}
