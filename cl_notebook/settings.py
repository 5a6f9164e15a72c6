"""Settings: where the store is, who we are, and what we may do.

Read from the arguments of :func:`cl_notebook.setup`, then from the environment (``CL_NOTEBOOK_STORE``,
``CL_NOTEBOOK_HOST``, ``CL_NOTEBOOK_ROOT_HELPER``, ``CL_NOTEBOOK_READ_ONLY``), then from the defaults.
"""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from cl_notebook.errors import InvalidInput, one_line

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}


def data_dir() -> Path:
    """Return the user's data folder for cl_notebook (``CL_NOTEBOOK_DATA`` overrides the platform's place)."""
    chosen = os.environ.get("CL_NOTEBOOK_DATA")
    return Path(_absolute(chosen)) if chosen else platformdirs.user_data_path("cl_notebook")


@dataclass(frozen=True, slots=True)
class Settings:
    """What one session runs with.

    ``store`` is a SQLAlchemy URL, the absolute name of a SQLite file or the word ``memory``; ``host`` the name that connections
    are made under; ``root_helper`` the command that os-brick puts before what needs root; ``read_only`` refuses every act.
    """

    store: str
    host: str
    root_helper: str
    read_only: bool

    @classmethod
    def choose(
        cls,
        store: str | os.PathLike[str] | None = None,
        *,
        host: str | None = None,
        root_helper: str | None = None,
        read_only: bool | None = None,
    ) -> Settings:
        """Fill what the caller left open from the environment and the defaults.

        Raises:
            InvalidInput: a setting has the wrong type or an empty value.

        """
        chosen: object = os.environ.get("CL_NOTEBOOK_STORE") or default_store()
        if store is not None:
            chosen = os.fspath(store) if isinstance(store, os.PathLike) else store
        if not isinstance(chosen, str) or not chosen.strip():
            msg = f"store must be a SQLAlchemy URL, a file name or 'memory', not {store!r}."
            raise InvalidInput(msg)
        return cls(
            store=absolute_store(chosen.strip()),
            host=_text("host", host, os.environ.get("CL_NOTEBOOK_HOST") or socket.gethostname()),
            root_helper=_text("root_helper", root_helper, os.environ.get("CL_NOTEBOOK_ROOT_HELPER", "sudo")),
            read_only=_flag(read_only),
        )


def default_store() -> str:
    """Return the default store: the name of a SQLite file in the user's data folder."""
    return str(data_dir() / "store.db")


def is_url(store: str) -> bool:
    """Return whether *store* is a URL, and not the name of a file."""
    return "://" in store and not store.startswith(("/", "./", "../", "~"))


def absolute_store(store: str) -> str:
    """Return *store* as it means the same from every working folder: the name of a SQLite file is made absolute.

    Raises:
        InvalidInput: the home or the working folder that it is relative to does not exist.

    """
    if store in {"memory", ":memory:"} or store.startswith("file:") or _UNSTORABLE.search(store):  # what is wrong is told later
        return store
    if not is_url(store):
        return _absolute(store)
    scheme, _, rest = store.partition("://")
    typed, mark, query = rest.partition("?")
    relative = typed.startswith("/") and not typed.startswith(("//", "/:memory:", "/file:")) and typed != "/"
    if scheme not in {"sqlite", "sqlite+pysqlite"} or not relative:
        return store
    import sqlalchemy as sa  # noqa: PLC0415 - only a relative URL needs to be taken apart

    url = sa.make_url(f"sqlite://{typed}")
    file = _absolute(str(url.database))
    return f"{url.set(database=file).render_as_string()}?{query}" if mark else file


def _absolute(path: str) -> str:
    try:
        return str(Path(path).expanduser().absolute())
    except (RuntimeError, OSError) as error:
        msg = f"{path!r} has no place: {one_line(error)}."
        raise InvalidInput(msg) from error


def _text(name: str, value: object, default: str) -> str:
    if value is None:
        return default
    if not isinstance(value, str) or _UNSTORABLE.search(value):
        msg = f"{name} must be text, not {value!r}."
        raise InvalidInput(msg)
    return value


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if value is not None:
        msg = f"read_only must be True or False, not {value!r}."
        raise InvalidInput(msg)
    word = os.environ.get("CL_NOTEBOOK_READ_ONLY", "").strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    msg = f"CL_NOTEBOOK_READ_ONLY must be true or false, not {word!r}"
    raise InvalidInput(msg)
