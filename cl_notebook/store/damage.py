"""Rows that no cl_notebook wrote: named by table, row and column, once something could not be made of what was read.

SQLite keeps any value in any column, and somebody's hand may write anything. Looking for that costs nothing while all is well: a
store is searched when something failed that does not fail otherwise.
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


class Database(Protocol):
    """The parts of a store that a search for damaged rows needs."""

    engine: sa.Engine
    url: sa.URL
    memory_lock: AbstractContextManager[Any]
    """Held while the one connection of a store in memory is in use."""


class _Text(bytes):
    """SQLite's text as it is stored; what is stored as bytes stays ``bytes``."""

    __slots__ = ()


def fits(column: _Column, kind: type) -> bool:
    """Return whether a value of the type *kind* may stand in *column*."""
    if kind is type(None):
        return bool(getattr(column, "nullable", True))
    wanted, _ = _wanted(column)
    return issubclass(kind, wanted) and (bool in wanted or kind is not bool)


def problem(column: _Column, value: object) -> str | None:
    """Return what is wrong with *value*, as it was read from *column*; None if nothing is."""
    if fits(column, type(value)):
        return None
    if value is None:
        return "is empty"
    wanted, word = _wanted(column)
    if wanted == (dict,):  # it may hold what nobody should read in a message
        return f"is not {word}"
    shown = repr(value)
    return f"holds {shown if len(shown) <= _SHOWN else f'{shown[: _SHOWN - 1]}…'}, which is not {word}"


def _wanted(column: _Column) -> tuple[tuple[type, ...], str]:
    kind = column.type.impl if isinstance(column.type, sa.types.TypeDecorator) else column.type
    for of, python, word in _KINDS:
        if isinstance(kind, of):
            return python, word
    return (object,), "anything"


_KINDS: tuple[tuple[type, tuple[type, ...], str], ...] = (
    (sa.JSON, (dict,), "a JSON object"),
    (sa.Boolean, (bool,), "true or false"),
    (sa.Integer, (int,), "a whole number"),
    (sa.Float, (int, float), "a number"),
    (sa.DateTime, (dt.datetime,), "a time"),
    (sa.String, (str,), "text"),
)
"""SQLAlchemy's types, what a column of each gives in Python, and its word."""


def error(store: Database, where: str) -> errors.StoreDamaged:
    """Return the error that says *where* the store is damaged."""
    said = f"The store {shown_url(store.url)} is damaged: {where}. Restore it from a backup, or mend that row by hand."
    return errors.StoreDamaged(said, where)


def refuse_unsound(store: Database, table: sa.Table, key: str, values: Sequence[tuple[_Column, object]]) -> None:
    """Raise StoreDamaged if one of *values*, which were read from the row *key* of *table*, is not of its column's type."""
    for column, value in values:
        wrong = problem(column, value)
        if wrong:
            raise error(store, one_line(f"{column.name!r} of the row {key!r} of the table {table.name!r} {wrong}"))


@contextlib.contextmanager
def named(store: Database) -> Iterator[None]:
    """Let an error in the block that comes of a damaged row be StoreDamaged, and name table, row and column.

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
    """Return the first damage that is found in *store*, in words; empty if there is none, or the store cannot be read."""
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
    """Return what SQLite's *value* becomes in Python, or itself if nothing can be made of it."""
    wanted, _ = _wanted(column)
    if wanted == (bool,):
        return bool(value) if value in {0, 1} else value
    if not isinstance(value, _Text):
        return value
    try:
        text = value.decode()
        if wanted == (dict,):
            return json.loads(text)
        return dt.datetime.fromisoformat(f"{text}+00:00") if wanted == (dt.datetime,) else text
    except (ValueError, RecursionError):
        return bytes(value)


def _first(table: sa.Table, row: Sequence[Any]) -> str:
    for column, value in zip(table.columns, row, strict=True):
        wrong = problem(column, value)
        if wrong:
            key = "/".join(str(one) for of, one in zip(table.columns, row, strict=True) if of.primary_key)
            return one_line(f"{column.name!r} of the row {key!r} of the table {table.name!r} {wrong}")
    return ""
