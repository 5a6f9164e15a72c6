"""Engines, and what SQLAlchemy and a Python driver say about a URL in words of their own: one clear line, without its secrets."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from cl_notebook import errors
from cl_notebook.store.errors import secret_options, shown_url
from cl_notebook.store.types import MARIADB
from cl_notebook.store.url import not_installed

_ENCODINGS = {"psycopg": {"client_encoding": "utf8"}, "psycopg2": {"client_encoding": "utf8"}, "pymysql": {"charset": "utf8mb4"}}
"""What Python drivers are told, so that text crosses as UTF-8 whatever the environment, or the URL, says."""


def without_secrets(url: sa.URL) -> sa.URL:
    """Return *url* without the options that are not shown: SQLAlchemy shows them wherever it shows a URL."""
    return url.difference_update_query(secret_options(url))


def new_engine(url: sa.URL, **options: Any) -> sa.Engine:  # noqa: ANN401 - SQLAlchemy's own
    """Return an engine for *url*, that shows nothing of it that is secret; it is not connected.

    Raises:
        InvalidInput: the Python driver is not installed, or the URL is none that it takes.

    """
    arguments = secret_options(url) | options.pop("connect_args", {}) | _ENCODINGS.get(url.get_driver_name(), {})
    try:
        # What a storage tells a host to attach with is among the parameters of statements, and may be secret.
        return sa.create_engine(without_secrets(url), connect_args=arguments, hide_parameters=True, **options)
    except ImportError as error:
        raise errors.InvalidInput(not_installed(url.drivername, error)) from error
    except (exc.ArgumentError, ValueError, TypeError) as error:
        msg = f"{shown_url(url)} is not the URL of a data base that can be opened: {errors.one_line(error)}."
        raise errors.InvalidInput(msg) from error


def connect_once(engine: sa.Engine) -> None:
    """Connect, and let what a driver says about the URL be one of our errors; those of SQLAlchemy are left as they are.

    Raises:
        StoreUnusable: the driver does not take the URL.

    """
    try:
        engine.connect().close()
    except (errors.Error, exc.SQLAlchemyError):
        raise
    except (TypeError, ValueError, RuntimeError, OSError, ImportError) as error:
        msg = f"The store {shown_url(engine.url)} cannot be opened: {errors.one_line(error)}."
        raise errors.StoreUnusable(msg) from error


def refuse_other_encodings(engine: sa.Engine) -> None:
    """Refuse a PostgreSQL database that does not keep text as UTF-8: it would refuse names, or mix up what they mean.

    Raises:
        StoreUnusable: it has another encoding.

    """
    if engine.dialect.name != "postgresql":
        return
    with engine.connect() as connection:
        encoding = str(connection.exec_driver_sql("SHOW server_encoding").scalar())
    if encoding.upper().replace("-", "") != "UTF8":
        name = engine.url.database or "lab"
        msg = (
            f"The store {shown_url(engine.url)} keeps text as {encoding}, not as UTF-8, so it cannot take every name. Make one: "
            f"CREATE DATABASE {name}_utf8 ENCODING 'UTF8' TEMPLATE template0."
        )
        raise errors.StoreUnusable(msg)


def at_one_moment(connection: sa.Connection) -> None:
    """Let all reads of the transaction that *connection* is about to begin see the moment of the first; SQLite's do."""
    if connection.dialect.name == "postgresql":
        connection.execution_options(isolation_level="REPEATABLE READ")
    elif connection.dialect.name in MARIADB:  # for the next transaction alone, where SQLAlchemy would ask three times
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
