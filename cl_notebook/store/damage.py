"""Find damaged rows: values that do not fit the type of their column, named by table, row and column.

SQLite stores any value in any column, and other programs may write to a store. The search costs nothing while all is well: it
runs after an operation failed in a way that only a damaged row explains.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa
from sqlalchemy import exc

from cl_notebook import errors
from cl_notebook.store.errors import one_line, shown_url
from cl_notebook.store.types import reg

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

_Column = sa.sql.elements.NamedColumn[Any]

_SHOWN = 40
"""Characters of a damaged value that a message shows."""

_KINDS: tuple[tuple[type, tuple[type, ...], str], ...] = (
    (sa.JSON, (dict,), "a JSON object"),
    (sa.Boolean, (bool,), "true or false"),
    (sa.Integer, (int,), "a whole number"),
    (sa.Float, (int, float), "a number"),
    (sa.DateTime, (dt.datetime,), "a time"),
    (sa.String, (str,), "text"),
)
"""SQLAlchemy's types, the Python types of a column's values, and their name in messages."""


class Database(Protocol):
    """The parts of a store that a search for damaged rows needs."""

    engine: sa.Engine
    url: sa.URL
    memory_lock: AbstractContextManager[Any]
    """Held while the one connection of a store in memory is in use."""


class _Text(bytes):
    """The bytes of a value that SQLite stores as text; a BLOB stays ``bytes``."""

    __slots__ = ()


def fits(column: _Column, kind: type) -> bool:
    """Return whether *column* can hold a value of the Python type *kind*."""
    if kind is type(None):
        return bool(getattr(column, "nullable", True))
    types, _ = _value_types(column)
    return issubclass(kind, types) and (bool in types or kind is not bool)


def problem(column: _Column, value: object) -> str | None:
    """Describe what is wrong with *value*, which was read from *column*; return None if it fits."""
    if fits(column, type(value)):
        return None
    if value is None:
        return "is empty"
    types, label = _value_types(column)
    if types == (dict,):  # it may contain secrets
        return f"is not {label}"
    shown = repr(value)
    return f"holds {shown if len(shown) <= _SHOWN else f'{shown[: _SHOWN - 1]}…'}, which is not {label}"


def _value_types(column: _Column) -> tuple[tuple[type, ...], str]:
    kind = column.type.impl if isinstance(column.type, sa.types.TypeDecorator) else column.type
    for sql_type, python_types, label in _KINDS:
        if isinstance(kind, sql_type):
            return python_types, label
    return (object,), "anything"


def error(store: Database, where: str) -> errors.StoreDamaged:
    """Return the error that says *where* the store is damaged: a column, its row and table."""
    msg = f"The store {shown_url(store.url)} is damaged: {where}. Restore it from a backup, or repair that row by hand."
    return errors.StoreDamaged(msg, where)


def refuse_unsound(store: Database, table: sa.Table, key: str, values: Sequence[tuple[_Column, object]]) -> None:
    """Raise StoreDamaged if one of *values*, read from the row *key* of *table*, does not fit its column."""
    for column, value in values:
        wrong = problem(column, value)
        if wrong:
            raise error(store, one_line(f"{column.name!r} of the row {key!r} of the table {table.name!r} {wrong}"))


@contextlib.contextmanager
def named(store: Database) -> Iterator[None]:
    """Translate an error in the block that a damaged row causes into StoreDamaged, with its place.

    Raises:
        StoreDamaged: a row of the store cannot be read.

    """
    try:
        yield
    except errors.StoreDamaged as caught:
        where = "" if caught.where else find(store)
        if not where:
            raise
        raise error(store, where) from caught
    except errors.Error:
        raise
    except Exception as caught:
        where = find(store)
        if not where:
            raise
        raise error(store, where) from caught


def find(store: Database) -> str:
    """Describe the first damaged value of *store*; return an empty text if there is none or the search fails."""
    with (
        contextlib.suppress(errors.Error, exc.SQLAlchemyError, store.engine.dialect.loaded_dbapi.Error),
        store.memory_lock,
        store.engine.connect() as connection,
    ):
        for table in reg.metadata.sorted_tables:
            for row in _rows(connection, table):
                where = _first(table, row)
                if where:
                    return where
    return ""


def _rows(connection: sa.Connection, table: sa.Table) -> Iterator[Sequence[Any]]:
    if connection.dialect.name != "sqlite":
        yield from connection.execute(sa.select(table))
        return
    raw: Any = connection.connection.driver_connection
    before, raw.text_factory = raw.text_factory, _Text
    try:
        quoted = ", ".join(f'"{column.name}"' for column in table.columns)
        for row in raw.execute(f'SELECT {quoted} FROM "{table.name}"'):  # noqa: S608 - names of our own tables
            yield [_decoded(column, value) for column, value in zip(table.columns, row, strict=True)]
    finally:
        raw.text_factory = before


def _decoded(column: _Column, value: object) -> object:
    """Convert SQLite's *value* to Python as SQLAlchemy does; return it unchanged if that fails."""
    types, _ = _value_types(column)
    if types == (bool,):
        return bool(value) if value in {0, 1} else value
    if not isinstance(value, _Text):
        return value
    try:
        text = value.decode()
        if types == (dict,):
            return json.loads(text)
        return dt.datetime.fromisoformat(f"{text}+00:00") if types == (dt.datetime,) else text
    except (ValueError, RecursionError):
        return bytes(value)


def _first(table: sa.Table, row: Sequence[Any]) -> str:
    for column, value in zip(table.columns, row, strict=True):
        wrong = problem(column, value)
        if wrong:
            key = "/".join(str(part) for item, part in zip(table.columns, row, strict=True) if item.primary_key)
            return one_line(f"{column.name!r} of the row {key!r} of the table {table.name!r} {wrong}")
    return ""
