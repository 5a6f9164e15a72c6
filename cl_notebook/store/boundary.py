"""The one place where errors of SQLAlchemy and of the data base become errors of cl_notebook."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import exc

from cl_notebook import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCKED = ("database is locked", "database table is locked", "database schema is locked")
_READ_ONLY = ("attempt to write a readonly database", "readonly database")
_NOT_ONE = ("file is not a database", "file is encrypted")


def shown_url(url: sa.URL) -> str:
    """Return *url* with its password masked, fit for messages."""
    return url.render_as_string(hide_password=True)


@contextlib.contextmanager
def store_errors(url: sa.URL) -> Iterator[None]:
    """Translate what the data base raises inside the block.

    Raises:
        StoreLocked: another process held the data base for longer than the busy time-out.
        StoreUnusable: it is no data base, read-only, damaged or out of reach.
        StoreError: anything else that it refused.

    """
    try:
        yield
    except exc.DBAPIError as error:
        raise _translated(url, error) from error
    except exc.SQLAlchemyError as error:
        msg = f"The store {shown_url(url)} failed: {_one_line(str(error))}"
        raise errors.StoreError(msg) from error


def _translated(url: sa.URL, error: exc.DBAPIError) -> errors.StoreError:
    said = _one_line(str(error.orig))
    low = said.lower()
    shown = shown_url(url)
    if any(words in low for words in _LOCKED):
        return errors.StoreLocked(f"The store {shown} is locked by another process. Close what holds it, then repeat.")
    if any(words in low for words in _READ_ONLY):
        return errors.StoreUnusable(f"The store {shown} is read-only. Make it writable, or choose another: cl.setup(store=…).")
    if any(words in low for words in _NOT_ONE):
        return errors.StoreUnusable(f"{shown} is not a data base. Choose another file: cl.setup(store=…).")
    if isinstance(error, exc.OperationalError):
        return errors.StoreUnusable(f"The store {shown} cannot be used: {said}.")
    return errors.StoreError(f"The store {shown} refused: {said}.")


def _one_line(text: str) -> str:
    return " ".join(text.split("\n", 1)[0].split()).rstrip(".")
