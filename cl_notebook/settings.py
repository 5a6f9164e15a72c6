"""Settings: where the store is, who we are, and what we may do.

Read from the arguments of :func:`cl_notebook.setup`, then from the environment (``CL_NOTEBOOK_STORE``,
``CL_NOTEBOOK_HOST``, ``CL_NOTEBOOK_ROOT_HELPER``, ``CL_NOTEBOOK_READ_ONLY``), then from the defaults.
"""

from __future__ import annotations

import difflib
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import platformdirs

from cl_notebook.errors import InvalidInput, did_you_mean, one_line

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""What no data base keeps as text: the character 0, and halves of surrogate pairs."""
_HIDDEN = "pass|pwd|secret|token|odbc_connect"
SECRET_OPTION = re.compile(_HIDDEN, re.IGNORECASE)
"""What the name of a URL's option has in it if its value is not shown."""
_PASSWORD = re.compile(rf"(?<=://)([^:/@\s]*):.*(?=@)|([?&][^=&]*(?:{_HIDDEN})[^=&]*=)[^&'\"\s]*", re.IGNORECASE | re.DOTALL)
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}
_CLOSE = 0.75
"""How alike a word must be to a setting to count as misspelt, and not as an option of Cinder's."""

DEFAULT_STORE = "default"
"""The word for the store that is used where none is named."""

DIALECTS = "SQLite, PostgreSQL and MariaDB are tested"
"""The data bases that stores are tested on."""

_STORAGES = {"memory": (), "memory_db": (), "memory_dbms": (), "db": ("connection",)}
"""cinderlib's words for where it keeps what it tracks, each with what else it has to be told."""


_NO_HOME = "Data goes to the folder that the environment variable CL_NOTEBOOK_DATA names: set it before Python is started."


def data_dir() -> Path:
    """Return the user's data folder for cl_notebook (``CL_NOTEBOOK_DATA`` overrides the platform's place).

    Raises:
        InvalidInput: neither that nor a home directory is there.

    """
    chosen = os.environ.get("CL_NOTEBOOK_DATA")
    if chosen:
        return Path(_absolute(chosen))
    try:
        return platformdirs.user_data_path("cl_notebook").absolute()
    except RuntimeError as error:
        msg = f"There is no home directory to keep data in. {_NO_HOME}"
        raise InvalidInput(msg) from error


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return *path* with ``~`` expanded.

    Raises:
        InvalidInput: the user has no home directory, or there is no user of that name.

    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        msg = f"{os.fspath(path)!r} has no place: its home directory is not known. Type the whole path. {_NO_HOME}"
        raise InvalidInput(msg) from error


def without_password(text: str) -> str:
    """Return *text* with the passwords of the URL in it masked, whether or not it can be taken apart."""
    return _PASSWORD.sub(lambda found: f"{found[1]}:***" if found[2] is None else f"{found[2]}***", text)


class _Place(str):
    """What was typed for a store; shown without its password."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(without_password(self))


@dataclass(frozen=True, slots=True)
class Settings:
    """What one session runs with.

    ``store`` is a SQLAlchemy URL, the absolute name of a SQLite file or the word ``memory``; ``host`` the name that connections
    are made under; ``root_helper`` the command that os-brick puts before what needs root; ``read_only`` refuses every act. The
    others are those of :func:`cl_notebook.setup`; ``cinder_options`` are what Cinder's drivers find in ``[DEFAULT]``.
    """

    store: str
    host: str
    root_helper: str
    read_only: bool
    file_locks_path: str | None = None
    suppress_requests_ssl_warnings: bool = True
    disable_logs: bool = False
    non_uuid_ids: bool = False
    output_all_backend_info: bool = False
    include_secrets: bool = False
    project_id: str | None = None
    user_id: str | None = None
    fail_on_missing_backend: bool = True
    cinder_options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def choose(
        cls,
        store: str | os.PathLike[str] | None = None,
        *,
        host: str | None = None,
        root_helper: str | None = None,
        read_only: bool | None = None,
        file_locks_path: str | os.PathLike[str] | None = None,
        suppress_requests_ssl_warnings: bool = True,
        disable_logs: bool = False,
        non_uuid_ids: bool = False,
        output_all_backend_info: bool = False,
        include_secrets: bool = False,
        project_id: str | None = None,
        user_id: str | None = None,
        persistence_config: object = None,
        fail_on_missing_backend: bool = True,
        **cinder_options: Any,  # noqa: ANN401 - Cinder's own
    ) -> Settings:
        """Fill what the caller left open from the environment and the defaults.

        Raises:
            InvalidInput: a setting has the wrong type or an empty value, or is none.

        """
        if persistence_config is not None:
            if store is not None:
                msg = "store and persistence_config both say where the store is: give one of them."
                raise InvalidInput(msg)
            store = store_of(persistence_config)
        return cls(
            store=_store(store),
            host=_text("host", host, os.environ.get("CL_NOTEBOOK_HOST") or socket.gethostname()),
            root_helper=_text("root_helper", root_helper, os.environ.get("CL_NOTEBOOK_ROOT_HELPER", "sudo")),
            read_only=_read_only(read_only),
            file_locks_path=_folder("file_locks_path", file_locks_path),
            suppress_requests_ssl_warnings=_flag("suppress_requests_ssl_warnings", suppress_requests_ssl_warnings),
            disable_logs=_flag("disable_logs", disable_logs),
            non_uuid_ids=_flag("non_uuid_ids", non_uuid_ids),
            output_all_backend_info=_flag("output_all_backend_info", output_all_backend_info),
            include_secrets=_flag("include_secrets", include_secrets),
            project_id=_optional_text("project_id", project_id),
            user_id=_optional_text("user_id", user_id),
            fail_on_missing_backend=_flag("fail_on_missing_backend", fail_on_missing_backend),
            cinder_options={name: _cinder_option(name, value) for name, value in cinder_options.items()},
        )

    def options(self) -> dict[str, Any]:
        """Return everything but the store, as the keywords that :meth:`choose` takes."""
        own = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in {"store", "cinder_options"}}
        return {**own, **self.cinder_options}


def _store(given: str | os.PathLike[str] | None) -> str:
    chosen: object = os.fspath(given) if isinstance(given, os.PathLike) else given
    if chosen is None or (isinstance(chosen, str) and chosen.strip() == DEFAULT_STORE):
        chosen = os.environ.get("CL_NOTEBOOK_STORE") or default_store()
    if not isinstance(chosen, str) or not chosen.strip():
        msg = f"store must be a SQLAlchemy URL, a file name or 'memory', not {without_password(repr(given))}."
        raise InvalidInput(msg)
    _refuse_misspelt(chosen.strip())
    return _Place(absolute_store(chosen.strip()))


def _refuse_misspelt(store: str) -> None:
    """Refuse a bare word that is nearly one that a store may be, unless there is a file of that name."""
    words = ("memory", DEFAULT_STORE)
    hint = "" if store in {*words, ":memory:"} or not store.isidentifier() else did_you_mean(store, words)
    if hint and not Path(store).exists():
        msg = f"There is no store called {store!r}.{hint} A new file of that name is given as './{store}'."
        raise InvalidInput(msg)


def store_of(persistence_config: object) -> str:
    """Return the store that cinderlib's *persistence_config* means: its dict, or the URL or file that could stand for a store.

    Raises:
        InvalidInput: it is neither, or names a persistence plugin of somebody's own.

    """
    if isinstance(persistence_config, (str, os.PathLike)):
        return os.fspath(persistence_config)
    if not isinstance(persistence_config, Mapping):
        raise InvalidInput(_no_plugins(persistence_config))
    given = dict(persistence_config)
    storage = given.pop("storage", None) or "memory"
    if not isinstance(storage, str) or storage not in _STORAGES:
        hint = did_you_mean(storage, _STORAGES) if isinstance(storage, str) else ""
        raise InvalidInput(_no_plugins(storage, hint))
    if storage != "db":
        return "memory"
    connection = given.get("connection")
    if not isinstance(connection, str) or not connection.strip():
        msg = "persistence_config needs the URL of its data base: {'storage': 'db', 'connection': 'sqlite:///lab.db'}."
        raise InvalidInput(msg)
    return connection


def _no_plugins(storage: object, hint: str = "") -> str:
    shown = without_password(repr(storage))
    return (
        f"persistence_config cannot be {shown}.{hint} There are no persistence plugins here: a store is any data base that "
        f"SQLAlchemy has a URL for ({DIALECTS}). Give that URL: cl.setup(store='sqlite:///lab.db')."
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
    if store in {"memory", ":memory:"} or store.startswith("file:") or UNSTORABLE.search(store):  # what is wrong is told later
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
        return str(expanded(path).absolute())
    except OSError as error:
        msg = f"{path!r} has no place: {one_line(error)}."
        raise InvalidInput(msg) from error


def _text(name: str, value: object, default: str) -> str:
    if value is None:
        return default
    if not isinstance(value, str) or UNSTORABLE.search(value):
        msg = f"{name} must be text, not {value!r}."
        raise InvalidInput(msg)
    return value


def _optional_text(name: str, value: object) -> str | None:
    return None if value is None else _text(name, value, "") or None


def _folder(name: str, value: object) -> str | None:
    text = _optional_text(name, os.fspath(value) if isinstance(value, os.PathLike) else value)
    return None if text is None else _absolute(text)


def _cinder_option(name: str, value: object) -> object:
    close = difflib.get_close_matches(name, [*Settings.__dataclass_fields__, "persistence_config"], n=1, cutoff=_CLOSE)
    if close:
        msg = f"cl.setup() has no {name!r}. Did you mean {close[0]!r}?"
        raise InvalidInput(msg)
    each = value if isinstance(value, list) else [value]
    if not all(isinstance(item, (str, bool, int, float)) for item in each):
        msg = f"{name} must be text, a number, True or False, or a list of these, not {value!r}."
        raise InvalidInput(msg)
    return value


def _flag(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    msg = f"{name} must be True or False, not {value!r}."
    raise InvalidInput(msg)


def _read_only(value: object) -> bool:
    if value is not None:
        return _flag("read_only", value)
    word = os.environ.get("CL_NOTEBOOK_READ_ONLY", "").strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    msg = f"CL_NOTEBOOK_READ_ONLY must be true or false, not {word!r}"
    raise InvalidInput(msg)
