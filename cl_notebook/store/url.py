"""Parse the name or URL of a store into a SQLAlchemy URL, or refuse it with a clear message."""

from __future__ import annotations

import math
from pathlib import Path
from urllib.parse import parse_qsl

import sqlalchemy as sa
from sqlalchemy import exc

from cl_notebook import errors, settings
from cl_notebook.store.errors import is_memory, shown_url

_LONGEST_WAIT = 86_400.0
"""Seconds: the largest ``timeout`` of a SQLite URL."""

_DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}
"""The Python driver for a URL that names none: the one that our extra installs."""

_PACKAGES = {"postgresql": "psycopg[binary]", "mysql": "pymysql", "mariadb": "pymysql"}
"""The package of that driver. Our own extras are not named: they need a clone of this repository."""

_KNOWN = ("sqlite", *_DRIVERS, *(f"{name}+{driver}" for name, driver in _DRIVERS.items()))


def parse_url(store: str) -> sa.URL:
    """Return the URL of *store*: ``memory``, a URL, or the name of a SQLite file, made absolute.

    Raises:
        InvalidInput: *store* is none of these, or its Python driver cannot be used.

    """
    shown = settings.without_password(repr(store))
    if not isinstance(store, str) or settings.UNSTORABLE.search(store):
        msg = f"store must be a SQLAlchemy URL, a file name or 'memory', in plain characters, not {shown}."
        raise errors.InvalidInput(msg)
    if store.startswith("file:"):
        msg = f"{shown} is a file: URL, which stores do not take. Give the plain path: cl.setup(store='/data/lab.db')."
        raise errors.InvalidInput(msg)
    store = settings.absolute_store(store)
    if store == "memory":
        return sa.URL.create("sqlite", database=":memory:")
    if not settings.is_url(store):
        return sa.URL.create("sqlite", database=store)
    url = _known_url(store)
    return _sqlite_url(store, url) if url.get_backend_name() == "sqlite" else url


def _known_url(store: str) -> sa.URL:
    scheme = store.split("://", 1)[0]
    try:
        url = sa.make_url(store)
        if url.drivername in _DRIVERS:
            url = url.set(drivername=f"{url.drivername}+{_DRIVERS[url.drivername]}")
        dialect = url.get_dialect()
    except ValueError:  # the error may quote a part of the password
        msg = f"{scheme}:// must be followed by host, port and database, as in {scheme}://user@host:5432/lab."
        raise errors.InvalidInput(msg) from None
    except (exc.ArgumentError, exc.NoSuchModuleError) as error:
        hint = errors.did_you_mean(scheme, _KNOWN)
        msg = f"{scheme}:// is not the URL of a database that SQLAlchemy knows.{hint} Try sqlite:///lab.db."
        raise errors.InvalidInput(msg) from error
    except ImportError as error:
        raise errors.InvalidInput(not_installed(scheme, error)) from error
    if "@" in (url.host or "") or "@" in (url.database or ""):
        msg = (
            f"{scheme}:// is followed by more than one '@', or by a '/' before it. Write these in a password as %40 and %2F: "
            "urllib.parse.quote(password, safe='')."
        )
        raise errors.InvalidInput(msg)
    if dialect.is_async:
        msg = f"{scheme}:// is an asynchronous driver, which cannot be used here. Try {scheme.split('+', 1)[0]}://."
        raise errors.InvalidInput(msg)
    return url


def not_installed(scheme: str, error: ImportError) -> str:
    """Return the message that the Python driver for *scheme* is missing, and how to install the tested one."""
    missing = f"the module {error.name!r} is missing" if error.name else errors.one_line(error)
    name, _, driver = scheme.partition("+")
    package = _PACKAGES.get(name)
    cure = "Install it, or use sqlite:///lab.db."
    if package is not None:
        other = "" if driver in {"", _DRIVERS[name]} else f" and use {name}://"
        cure = f"Install it: pip install '{package}'{other}."
    return f"The Python driver for {scheme}:// is not installed: {missing}. {cure}"


def _sqlite_url(store: str, url: sa.URL) -> sa.URL:
    if url.host or url.port or url.username or url.password:
        msg = f"{shown_url(url.set(query={}))} is not a SQLite URL: a file has three slashes before it, as in sqlite:///lab.db."
        raise errors.InvalidInput(msg)
    given = parse_qsl(store.partition("?")[2], keep_blank_values=True)
    shown = shown_url(url.set(query={}))
    for key, value in given:
        if key != "timeout":
            msg = (
                f"{shown} takes no option {key!r}, only ?timeout=SECONDS. A file with '?' in its name is given as a plain path: "
                "cl.setup(store='/data/a?b.db')."
            )
            raise errors.InvalidInput(msg)
        _check_timeout(value)
    if (url.database or "").startswith("file:"):
        msg = f"{shown} holds a file: URL, which stores do not take. Give the plain path: cl.setup(store='/data/lab.db')."
        raise errors.InvalidInput(msg)
    if is_memory(url):
        return url
    return url.set(database=str(Path(str(url.database))), query=dict(given[-1:]))


def _check_timeout(value: str) -> None:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= _LONGEST_WAIT:
        msg = f"timeout must be a number of seconds from 0 to {_LONGEST_WAIT:.0f}, not {value!r}."
        raise errors.InvalidInput(msg)
