"""Translate errors of SQLAlchemy and of the database into errors of cl_notebook."""

from __future__ import annotations

import contextlib
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import exc

from cl_notebook import errors, masking, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

_ABORTED = ("deadlock", "could not serialize")

_MESSAGES: tuple[tuple[type[errors.Error], tuple[str, ...], str], ...] = (
    (
        errors.StoreLocked,
        (
            *("database is locked", "database table is locked", "database schema is locked"),
            *(*_ABORTED, "lock wait timeout"),
        ),
        "The store {shown} is locked by another process. Close what holds it, then repeat.",
    ),
    (
        errors.StoreUnusable,
        ("readonly database",),
        "The store {shown} is read-only. Make it writable, or choose another: cl.setup(store=…).",
    ),
    (
        errors.StoreUnusable,
        ("file is not a database", "file is encrypted"),
        "{shown} is not a database. Choose another file: cl.setup(store=…).",
    ),
    (
        errors.StoreUnusable,
        ("locking protocol", "disk i/o error"),
        "The store {shown} cannot be used: {reason}. Keep the file on a local disk: SQLite's log does not work on NFS.",
    ),
    (
        errors.InvalidInput,
        (
            *("pattern too complex", "too many sql variables", "expression tree is too large", "parser stack overflow"),
            *("string or blob too big", "out of range", "too large to convert"),
        ),
        "The query is too long or too large for the store {shown}: {reason}. Ask for less.",
    ),
    (
        errors.StoreDamaged,
        ("malformed json", "could not decode to utf-8", "invalid input syntax for type json"),
        "The store {shown} is damaged: a row of it cannot be read ({reason}). Restore it from a copy.",
    ),
)
"""Parts of a database's messages (lower case), by our error, with our message."""

_CHECK_SERVER = " Check that the server is running, and the address, user and password in the URL."

_REFUSALS = frozenset({1142, 1143, 1227, 1370, 1644})
"""MariaDB's errors that PyMySQL calls operational although the server answers: missing rights, a trigger's signal."""

_MASK = "***"


def is_memory(url: sa.URL) -> bool:
    """Return whether *url* is a SQLite store in memory."""
    return url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}


def shown_url(url: sa.URL) -> str:
    """Return *url* for messages: ``memory``, or with the password and secret options masked."""
    if is_memory(url):
        return "memory"
    masked = dict.fromkeys(secret_options(url), _MASK)
    return url.update_query_dict(masked).render_as_string(hide_password=True).replace(quote(_MASK), _MASK)


def secret_options(url: sa.URL) -> dict[str, Any]:
    """Return the options of *url* whose values are secret."""
    return {name: value for name, value in url.query.items() if settings.SECRET_OPTION.search(name) or masking.is_secret(name)}


@contextlib.contextmanager
def store_errors(url: sa.URL) -> Iterator[None]:
    """Translate errors of the database inside the block.

    Raises:
        StoreLocked: another process held the database for longer than the busy time-out.
        StoreUnusable: it is not a database, or is read-only, damaged or out of reach.
        InvalidInput: the query is too long or too large for it.
        StoreError: it refused the query for another reason, or a row cannot be read.

    """
    try:
        yield
    except errors.Error:
        raise
    except exc.DBAPIError as error:
        raise _translated(url, error) from error
    except exc.SQLAlchemyError as error:
        if isinstance(error, exc.StatementError) and isinstance(error.orig, (UnicodeError, OverflowError)):
            raise _value_error(url, error.orig) from error
        msg = f"The store {shown_url(url)} failed: {one_line(str(error))}."
        raise errors.StoreError(msg) from error
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        if not _is_from_sqlalchemy(error):
            raise
        raise _value_error(url, error) from error


def is_deadlock(error: BaseException | None) -> bool:
    """Return whether a server rolled a transaction back at once in favour of another, not after a time-out."""
    reason = str(error.__cause__).lower() if isinstance(error, errors.StoreLocked) else ""
    return any(part in reason for part in _ABORTED)


@contextlib.contextmanager
def cursor_errors(connection: sa.Connection) -> Iterator[None]:
    """Wrap errors of a raw cursor of *connection* as SQLAlchemy's, so that :func:`store_errors` translates them."""
    base = connection.dialect.loaded_dbapi.Error
    try:
        yield
    except base as error:
        statement = ""  # it may be long, and the cause is in a row
        raise exc.DBAPIError.instance(statement, None, error, base) from error


def damaged(url: sa.URL, what: str, error: BaseException) -> errors.StoreDamaged:
    """Return the error that *what*, a part of the store, cannot be read."""
    reason = one_line(str(error))
    msg = f"The store {shown_url(url)} is damaged: {what} cannot be read ({reason}). Restore it from a copy."
    return errors.StoreDamaged(msg)


def _is_from_sqlalchemy(error: BaseException) -> bool:
    """Return whether *error* was raised within a call of SQLAlchemy, not by our code around it."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_globals.get("__name__", "").partition(".")[0] == "sqlalchemy" for frame, _ in frames)


def _value_error(url: sa.URL, error: BaseException) -> errors.Error:
    if isinstance(error, UnicodeEncodeError):
        return errors.InvalidInput("The query contains half a surrogate pair, a character that cannot be stored.")
    if isinstance(error, OverflowError):
        return errors.InvalidInput(f"The query contains a number that is too large for a database: {one_line(str(error))}.")
    return damaged(url, "a row of it", error)


def _translated(url: sa.URL, error: exc.DBAPIError) -> errors.Error:
    reason = one_line(_message(error.orig))
    low = reason.lower()
    shown = shown_url(url)
    for kind, parts, message in _MESSAGES:
        if any(part in low for part in parts):
            return kind(message.format(shown=shown, reason=reason))
    is_away = isinstance(error, (exc.OperationalError, exc.InterfaceError)) and _number(error.orig) not in _REFUSALS
    if is_away or error.connection_invalidated:
        remedy = "" if url.get_backend_name() == "sqlite" else _CHECK_SERVER
        return errors.StoreUnusable(f"The store {shown} cannot be used: {reason}.{remedy}")
    return errors.StoreError(f"The store {shown} refused: {reason}.")


def _number(error: BaseException | None) -> int | None:
    """Return MariaDB's number of *error*, or None."""
    match getattr(error, "args", ()):
        case (int(number), *_):
            return number
    return None


def _message(error: BaseException | None) -> str:
    match getattr(error, "args", ()):
        case (int(), str(text)):  # PyMySQL's errors have a number before the message
            return text
    return str(error)


def one_line(text: str) -> str:
    """Return the first line of *text*, without a full stop."""
    return " ".join(text.split("\n", 1)[0].split()).rstrip(".")
