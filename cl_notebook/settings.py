"""Settings: where the store is, who we are, and what we may do.

Read from the arguments of :func:`cl_notebook.setup`, then from the environment (``CL_NOTEBOOK_STORE``,
``CL_NOTEBOOK_HOST``, ``CL_NOTEBOOK_ROOT_HELPER``, ``CL_NOTEBOOK_READ_ONLY``), then from the defaults.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from cl_notebook.errors import InvalidInput

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}


def data_dir() -> Path:
    """Return the user's data folder for cl_notebook (``CL_NOTEBOOK_DATA`` overrides the platform's place)."""
    chosen = os.environ.get("CL_NOTEBOOK_DATA")
    return Path(chosen).expanduser() if chosen else platformdirs.user_data_path("cl_notebook")


@dataclass(frozen=True, slots=True)
class Settings:
    """What one session runs with.

    ``store`` is a SQLAlchemy URL or the word ``memory``; ``host`` the name that connections are made under; ``root_helper`` the
    command that os-brick puts before what needs root; ``read_only`` refuses every act.
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
        chosen = os.fspath(store) if store is not None else os.environ.get("CL_NOTEBOOK_STORE") or default_store()
        if not isinstance(chosen, str) or not chosen.strip():
            msg = f"store must be a SQLAlchemy URL, a file name or 'memory', not {store!r}"
            raise InvalidInput(msg)
        return cls(
            store=chosen.strip(),
            host=_text("host", host, os.environ.get("CL_NOTEBOOK_HOST") or socket.gethostname()),
            root_helper=_text("root_helper", root_helper, os.environ.get("CL_NOTEBOOK_ROOT_HELPER", "sudo")),
            read_only=_flag(read_only),
        )


def default_store() -> str:
    """Return the URL of the default store: a SQLite file in the user's data folder."""
    return f"sqlite:///{data_dir() / 'store.db'}"


def _text(name: str, value: object, default: str) -> str:
    if value is None:
        return default
    if not isinstance(value, str):
        msg = f"{name} must be text, not {value!r}"
        raise InvalidInput(msg)
    return value


def _flag(value: object) -> bool:
    if value is not None:
        return bool(value)
    word = os.environ.get("CL_NOTEBOOK_READ_ONLY", "").strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    msg = f"CL_NOTEBOOK_READ_ONLY must be true or false, not {word!r}"
    raise InvalidInput(msg)
