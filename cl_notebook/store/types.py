"""The registry of mapped classes, the column types, and MariaDB's table options."""

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
"""The registry of the mapped classes.

A declarative base would reserve ``metadata``, which is Cinder's name of a volume's field.
"""

MARIADB = frozenset({"mysql", "mariadb"})
"""SQLAlchemy's names of MariaDB and MySQL."""


def table_options(dialect: sa.Dialect) -> dict[str, str]:
    """Return the options of every table on MariaDB and MySQL: InnoDB, and a binary collation.

    Names on a storage may differ in case, accents or trailing blanks alone; the default collations take such names as equal.
    """
    exact = "utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_0900_bin"
    options = {"engine": "InnoDB", "charset": "utf8mb4", "collate": exact}
    return {f"{name}_{option}": value for name in sorted(MARIADB) for option, value in options.items()}


_PARTIAL = ("sqlite", "postgresql")
"""Databases with partial indexes."""


def index_of_filled(column: str, *more: str) -> sa.Index:
    """Return a partial index on *column*, then *more*, of the rows where *column* is not NULL.

    MariaDB has no partial indexes: there the index has all rows.
    """
    index = sa.Index(None, column, *more)
    event.listen(index, "before_create", _leave_out_empty)
    return index


def _leave_out_empty(index: sa.Index, connection: sa.Connection, **_options: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own
    # Set on creation: as an option of the index it would import the dialects of databases that are not used.
    name = connection.dialect.name
    if name in _PARTIAL:
        index.dialect_options[name]["where"] = _has_value(index.columns[0].name)


def filled(column: str) -> dict[str, sa.TextClause]:
    """Return the options of a partial index of the rows where *column* is not NULL."""
    return {f"{name}_where": _has_value(column) for name in _PARTIAL}


def _has_value(column: str) -> sa.TextClause:
    return sa.text(f"{column} IS NOT NULL")


LongText = sa.Text().with_variant(sa.Text(2**32 - 1), *sorted(MARIADB))
"""Text of any length; MariaDB's default TEXT holds 64 KiB."""

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A 64-bit key; SQLite assigns keys only in columns declared INTEGER."""


class UtcDateTime(sa.TypeDecorator[dt.datetime]):
    """A point in time in microseconds: an aware ``datetime`` in UTC in Python, naive UTC in the database."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Ask MariaDB for microseconds, which it drops by default."""
        if dialect.name not in MARIADB:
            return dialect.type_descriptor(sa.DateTime())
        from sqlalchemy.dialects import mysql  # noqa: PLC0415 - the dialect is imported only for MariaDB

        return dialect.type_descriptor(mysql.DATETIME(fsp=6))

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        """Convert an aware time to naive UTC; take a naive one as UTC."""
        del dialect
        if value is None or value.tzinfo is None:
            return value
        return value.astimezone(dt.UTC).replace(tzinfo=None)

    def process_result_value(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        """Return the stored time as an aware one in UTC."""
        del dialect
        return None if value is None else value.replace(tzinfo=dt.UTC)

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], dt.datetime | None] | None:
        """Parse SQLite's text directly, for speed: every row has two times."""
        return _read_time if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _read_time(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(f"{text}+00:00")


class Json(sa.TypeDecorator[Any]):
    """JSON that is read without a decoder if it is an empty object, as most values are."""

    impl = sa.JSON
    cache_ok = True

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Return the function that decodes a column's value; None where the database's driver decodes it."""
        decoded = super().result_processor(dialect, coltype)
        if decoded is None:
            return None

        def read(text: str | None) -> Any:  # noqa: ANN401 - JSON
            if text is None:
                return None
            return {} if text == "{}" else decoded(text)

        return read


def utcnow() -> dt.datetime:
    """Return the current time as an aware ``datetime`` in UTC."""
    return dt.datetime.now(dt.UTC)


class database_now(sa.sql.functions.FunctionElement[dt.datetime]):  # noqa: N801 - it stands in SQL as functions do
    """The current time of the database's clock, in UTC: one clock for all machines that share the store."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(database_now)
def _now(_element: database_now, compiler: Any, **_options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    match compiler.dialect.name:
        case "sqlite":
            return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
        case "mysql" | "mariadb":
            return "UTC_TIMESTAMP(6)"
        case _:
            return "(clock_timestamp() AT TIME ZONE 'UTC')"
