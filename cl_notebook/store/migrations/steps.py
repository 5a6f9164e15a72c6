"""Change the schema in idempotent steps, for Alembic's revisions.

MariaDB commits each change of the schema by itself: if a kernel is killed within a revision, a part of it is done while the
stored version is still the old one, and the next kernel runs the whole revision again. So each step checks whether it is needed.
The other databases run a revision in one transaction.

Changes of rows must be idempotent, too. Changes that break an older cl_notebook come last in a revision: until the new version
is written, an older one may open the store.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from cl_notebook.store.types import MARIADB, filled, table_options


def create_table(name: str, *columns: sa.schema.SchemaItem) -> None:
    """Create the table *name* with *columns*, keys and constraints, unless it exists."""
    if not _inspector().has_table(name):
        options: dict[str, Any] = dict(table_options(op.get_context().dialect))
        op.create_table(name, *columns, **options)


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Add *column* to *table*, unless it exists."""
    if column.name not in _columns(table):
        op.add_column(table, column)


def drop_column(table: str, column: str) -> None:
    """Drop *column* from *table*, if it exists."""
    if column in _columns(table):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)


def create_index(table: str, *columns: str, of_filled: bool = False) -> None:
    """Create an index of *columns* in their order, named as by SQLAlchemy, unless it exists.

    *of_filled* makes it a partial index, of rows with a value in the first column, if the database has partial indexes.
    """
    name = index_name(table, *columns)
    if name not in _indexes(table):
        options: dict[str, Any] = dict(filled(columns[0])) if of_filled else {}
        op.create_index(op.f(name), table, list(columns), **options)


def drop_index(table: str, *columns: str) -> None:
    """Drop the index of *columns*, if it exists."""
    name = index_name(table, *columns)
    if name in _indexes(table):
        op.drop_index(op.f(name), table)


def make_exact(table: str) -> None:
    """Make MariaDB compare the texts of *table* exactly, as in a new store and the other databases."""
    dialect = op.get_context().dialect
    if dialect.name not in MARIADB:
        return
    collation = table_options(dialect)["mysql_collate"]
    if _inspector().get_table_options(table).get(f"{dialect.name}_collate") != collation:
        op.execute("SET foreign_key_checks = 0")  # the tables at both ends of a foreign key are converted one after the other
        op.execute(f"ALTER TABLE `{table}` CONVERT TO CHARACTER SET utf8mb4 COLLATE {collation}")
        op.execute("SET foreign_key_checks = 1")


def lengthen(table: str, column: str, *, nullable: bool = True) -> None:
    """Make a text *column* in MariaDB a LONGTEXT, as long as in the other databases."""
    if op.get_context().dialect.name in MARIADB:
        op.alter_column(table, column, type_=sa.Text(2**32 - 1), existing_type=sa.Text(), existing_nullable=nullable)


def index_name(table: str, *columns: str) -> str:
    """Return the name of the index of *columns* of *table*."""
    return "_".join(("ix", table, *columns))


def _inspector() -> sa.Inspector:
    return sa.inspect(op.get_bind())  # a new one each time: an inspector caches the schema


def _columns(table: str) -> set[str]:
    return {str(column["name"]) for column in _inspector().get_columns(table)}


def _indexes(table: str) -> set[str | None]:
    return {index["name"] for index in _inspector().get_indexes(table)}
