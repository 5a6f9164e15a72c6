"""Define what the rows of the tree show: for each kind and field, the column of the kind's frame that it comes from.

The SELECTs of the live and of the static tree, the columns of the tree's frame, the orders and the filter are made from it.
Further columns, which are shown if they are chosen, are read for the rows of a page alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.display import values
from cl_notebook.frames.columns import SOURCES
from cl_notebook.inventory.cleanup.ownership import creators
from cl_notebook.model.identity_map import pages

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cl_notebook.frames.columns import Column

BACKEND, VOLUME, SNAPSHOT, CONNECTION = "backend", "volume", "snapshot", "connection"
BELOW_VOLUMES = (SNAPSHOT, CONNECTION)
"""The kinds of rows below a volume, in this order."""

SHOWN: Mapping[str, str] = {
    "name": "string",
    "status": "category",
    "size": "Int64",
    "where": "string",
    "created_at": "datetime64[ns, UTC]",
}
"""The fields that a row shows, in this order, with their types in the tree's frame. ``where``: a host, a path or a driver."""

NAME, OWNER = "name", "owner"

COLUMNS = (
    *("status", "size", "capacity", "where", "age"),
    *("driver", "pool", OWNER, "description", "metadata", "id", "created"),
)
"""The columns that can be shown beside the name, in their usual order."""

DEFAULT_COLUMNS = ("status", "size", "capacity", "where", "age")
"""The columns that are shown unless others are chosen."""

FURTHER = frozenset(("driver", "pool", OWNER, "description", "metadata"))
"""The columns that are read only if they are chosen; the others follow from the fields of every row."""

_LONGEST = 300
"""Largest number of characters that are shown of a description or of metadata."""

_FURTHER: Mapping[str, Mapping[str, str]] = {
    BACKEND: {"driver": "volume_driver"},
    VOLUME: {"pool": "pool_name", "description": "description", "metadata": "metadata"},
    SNAPSHOT: {"description": "description", "metadata": "metadata"},
    CONNECTION: {},
}
"""For each kind and further column, the column of the kind's frame that it shows; the owner comes from the history."""

_ORDERS: Mapping[str, tuple[str, ...]] = {
    "": ("created_at",),
    "age": ("created_at",),
    "name": ("name",),
    "status": ("status", "size"),
    "size": ("size",),
    "where": ("where",),
}
"""The fields that each order sorts by."""

_ABSENT: sa.ColumnElement[Any] = sa.literal_column("''", sa.String)
_NO_SIZE: sa.ColumnElement[Any] = sa.null()


@dataclass(frozen=True, slots=True)
class Kind:
    """The SQL expressions of one kind: its id, the id of the row above (``parent``), and the fields :data:`SHOWN`."""

    table: sa.FromClause
    id: sa.ColumnElement[Any]
    parent: sa.ColumnElement[Any]
    columns: Mapping[str, str]
    """Field -> the column of this kind's frame that it shows and that a filter tests; other fields are constants."""
    name: sa.ColumnElement[Any]
    status: sa.ColumnElement[Any]
    size: sa.ColumnElement[Any]
    where: sa.ColumnElement[Any]
    created_at: sa.ColumnElement[Any]

    @property
    def shown(self) -> tuple[sa.ColumnElement[Any], ...]:
        """The expressions of the fields :data:`SHOWN`, in this order."""
        return tuple(getattr(self, field) for field in SHOWN)

    def stored(self, *fields: str) -> tuple[sa.ColumnElement[Any], ...]:
        """Return the expressions of *fields*, without those that are constants of this kind."""
        return tuple(getattr(self, field) for field in fields if field in self.columns)

    def orders(self) -> Mapping[str, tuple[sa.ColumnElement[Any], ...]]:
        """Return the sort terms for each name of an order; each ends with the id (so ties are impossible), and none is NULL."""
        # without constants: not every database accepts one in ORDER BY
        return {name: (*self.stored(*fields), self.id) for name, fields in _ORDERS.items()}


def _kind(source_name: str, parent: str = "", *, empty: Mapping[str, str] | None = None, **columns: str) -> Kind:
    """Return the kind whose fields show the *columns* of a frame; a text without a value is shown as *empty* says, or ``""``."""
    source = SOURCES[source_name]
    table: Any = source.key.table
    columns |= {"created_at": "created_at"}
    fields = dict.fromkeys(SHOWN, _ABSENT) | {"size": _NO_SIZE}
    fields |= {field: _filled(source.columns[column], (empty or {}).get(field, "")) for field, column in columns.items()}
    return Kind(table, source.key, table.c[parent] if parent else _ABSENT, columns, **fields)


def _filled(column: Column, empty: str) -> sa.ColumnElement[Any]:
    if not column.nullable:
        return column.sql
    return sa.func.coalesce(sa.func.nullif(column.sql, "") if empty else column.sql, empty)


KINDS: Mapping[str, Kind] = {
    # a backend has no status here: whether it is open is not stored
    BACKEND: _kind("backends", name="name", where="volume_driver"),
    VOLUME: _kind("volumes", "backend_id", name="name", status="status", size="size", where="host"),
    SNAPSHOT: _kind("snapshots", "volume_id", name="name", status="status", size="volume_size"),
    CONNECTION: _kind("connections", "volume_id", name="host", status="status", where="path", empty={"name": "?"}),
}


def columns_of(text: str) -> list[str]:
    """Return the columns of a list with commas, such as ``name,status,pool``, in its order; the name is always there.

    Raises:
        InvalidInput: there is no such column.

    """
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in (NAME, *COLUMNS):
            hint = errors.did_you_mean(name, (NAME, *COLUMNS))
            msg = f"The tree has no column {name!r}.{hint} It has: {', '.join((NAME, *COLUMNS))}."
            raise errors.InvalidInput(msg)
    return [name for name in dict.fromkeys(names) if name != NAME]


def further(connection: sa.Connection, rows: Iterable[tuple[str, str]], columns: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return what *rows*, pairs of kind and id, show in those of the *columns* that are :data:`FURTHER`, by id and column.

    Columns in which a row has nothing are left out.
    """
    ids_by_kind: dict[str, list[str]] = {}
    for kind, row_id in rows:
        ids_by_kind.setdefault(kind, []).append(row_id)
    texts: dict[str, dict[str, str]] = {row_id: {} for ids in ids_by_kind.values() for row_id in ids}
    chosen = list(columns)
    for kind, ids in ids_by_kind.items():
        fields = {name: field for name, field in _FURTHER[kind].items() if name in chosen}
        source = SOURCES[f"{kind}s"]
        selected = [source.columns[field].sql.label(name) for name, field in fields.items()]
        for page in pages(ids) if fields else ():
            statement = sa.select(source.key.label("id"), *selected).where(source.key.in_(page))
            for row in connection.execute(statement).mappings():
                texts[row["id"]] |= {name: text for name in fields if (text := _text(row[name]))}
    if OWNER in chosen:
        for row_id, (owner, _) in creators(connection, list(texts)).items():
            texts[row_id][OWNER] = owner
    return texts


def _text(value: object) -> str:
    text = ", ".join(f"{key}={item}" for key, item in value.items()) if isinstance(value, dict) else values.shown(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
