"""What every table shares: the registry, the column types, and the options that make MariaDB behave."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import registry

if TYPE_CHECKING:
    from collections.abc import Callable

reg = registry(
    metadata=sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
)
"""Registry of the mapped classes. Not a declarative base: ``metadata`` is Cinder's word and stays free for the volumes."""

MARIADB = frozenset({"mysql", "mariadb"})
"""SQLAlchemy's words for MariaDB and MySQL."""


def table_options(dialect: sa.Dialect) -> dict[str, str]:
    """Return what MariaDB, and MySQL, make each table with.

    Names differ by case, by accent and by blanks at their end on the storage, so they must in the store: their default collations
    fold all three.
    """
    exact = "utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_0900_bin"
    options = {"engine": "InnoDB", "charset": "utf8mb4", "collate": exact}
    return {f"{name}_{option}": value for name in sorted(MARIADB) for option, value in options.items()}


_PARTIAL = ("sqlite", "postgresql")
"""Those that have indexes which leave rows out."""


def index_of_filled(column: str, *more: str) -> sa.Index:
    """Return an index of *column*, and of *more* behind it, of the rows that have a value there: others cost it nothing.

    MariaDB's has all rows: it knows none that leave some out.
    """
    index = sa.Index(None, column, *more)
    event.listen(index, "before_create", _leave_out_empty)
    return index


def _leave_out_empty(index: sa.Index, connection: sa.Connection, **_options: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own
    # Here, and not as an option of each index: such an option imports its dialect, which only who uses PostgreSQL should pay for.
    name = connection.dialect.name
    if name in _PARTIAL:
        index.dialect_options[name]["where"] = _has_value(index.columns[0].name)


def filled(column: str) -> dict[str, sa.TextClause]:
    """Return the options of an index of the rows that have a value in *column*."""
    return {f"{name}_where": _has_value(column) for name in _PARTIAL}


def _has_value(column: str) -> sa.TextClause:
    return sa.text(f"{column} IS NOT NULL")


LongText = sa.Text().with_variant(sa.Text(2**32 - 1), *sorted(MARIADB))
"""Text of any length; MariaDB's has 64 kB unless it is told."""

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A number that never runs out; SQLite counts up by itself only in columns declared INTEGER."""


class UtcDateTime(sa.TypeDecorator[dt.datetime]):
    """A point in time with microseconds: aware and in UTC in Python, naive UTC in the database."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Ask MariaDB for microseconds, which it drops by default."""
        if dialect.name not in MARIADB:
            return dialect.type_descriptor(sa.DateTime())
        from sqlalchemy.dialects import mysql  # noqa: PLC0415 - only who uses MariaDB pays for its dialect

        return dialect.type_descriptor(mysql.DATETIME(fsp=6))

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        """Store the UTC reading of an aware time; a naive one is taken to be UTC already."""
        del dialect
        if value is None or value.tzinfo is None:
            return value
        return value.astimezone(dt.UTC).replace(tzinfo=None)

    def process_result_value(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        """Give back an aware time."""
        del dialect
        return None if value is None else value.replace(tzinfo=dt.UTC)

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], dt.datetime | None] | None:
        """Read SQLite's text, of which there are two a row, in one step instead of three."""
        return _read_time if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _read_time(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(f"{text}+00:00")


class Json(sa.TypeDecorator[Any]):
    """JSON. Most of it is empty, and five columns a volume add up: that is told without a decoder."""

    impl = sa.JSON
    cache_ok = True

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Return what reads a column; None where the database's driver does."""
        decoded = super().result_processor(dialect, coltype)
        if decoded is None:
            return None

        def read(text: str | None) -> Any:  # noqa: ANN401 - JSON
            if text is None:
                return None
            return {} if text == "{}" else decoded(text)

        return read


def utcnow() -> dt.datetime:
    """Return the present moment, aware, in UTC."""
    return dt.datetime.now(dt.UTC)


class database_now(sa.sql.functions.FunctionElement[dt.datetime]):  # noqa: N801 - it stands in SQL as functions do
    """The present moment by the database's clock, in UTC: the same for every machine that works on the store."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(database_now)
def _now(_element: database_now, compiler: Any, **_words: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    match compiler.dialect.name:
        case "sqlite":
            return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
        case "mysql" | "mariadb":
            return "UTC_TIMESTAMP(6)"
        case _:
            return "(clock_timestamp() AT TIME ZONE 'UTC')"
