"""Settings of a session: the store, this host's name, the root helper, read-only and the others of ``cl.setup()``.

A setting comes from the arguments of :func:`cl_notebook.setup`, else from the environment (``CL_NOTEBOOK_STORE``,
``CL_NOTEBOOK_HOST``, ``CL_NOTEBOOK_ROOT_HELPER``, ``CL_NOTEBOOK_READ_ONLY``), else from the defaults.
"""

from __future__ import annotations

import difflib
import hashlib
import inspect
import os
import re
import socket
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import platformdirs

from cl_notebook import quantities
from cl_notebook.errors import InvalidInput, did_you_mean, one_line

if TYPE_CHECKING:
    from collections.abc import Callable

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""Characters that no database stores as text: NUL, and halves of surrogate pairs."""
_HIDDEN = "pass|pwd|secret|token|odbc_connect"
SECRET_OPTION = re.compile(_HIDDEN, re.IGNORECASE)
"""Matches the name of a URL option whose value is secret."""
_PASSWORD = re.compile(rf"(?<=://)([^:/@\s]*):.*(?=@)|([?&][^=&]*(?:{_HIDDEN})[^=&]*=)[^&'\"\s]*", re.IGNORECASE | re.DOTALL)
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}
_CLOSE = 0.75
"""Similarity (0 to 1) from which an unknown keyword counts as a misspelt setting, not as an option of Cinder's."""

_FROM_ENVIRONMENT = dict.fromkeys(("host", "root_helper", "read_only"))
"""The settings that default to None, and are then read from the environment."""

DEFAULT_STORE = "default"
"""The name of the store that is used when none is given."""

DIALECTS = "SQLite, PostgreSQL and MariaDB are tested"
"""The databases that stores are tested on."""

_STORAGES = {"memory": (), "memory_db": (), "memory_dbms": (), "db": ("connection",)}
"""cinderlib's names of storages, each with the other keys that its configuration needs."""

_LONGEST_FOLDER = 100
"""Characters from which the name of a backend's folder is cut; file systems take 255."""

_NO_HOME = "Set the environment variable CL_NOTEBOOK_DATA to a folder before Python is started."


class SetupOptions(TypedDict, total=False):
    """Keywords of :func:`cl_notebook.setup` beside the store; any other keyword is an option of Cinder's ``[DEFAULT]``.

    The signature of ``setup`` and the checks of :meth:`Settings.choose` follow these names.
    """

    host: str | None
    root_helper: str | None
    read_only: bool | None
    file_locks_path: str | os.PathLike[str] | None
    suppress_requests_ssl_warnings: bool
    disable_logs: bool
    non_uuid_ids: bool
    output_all_backend_info: bool
    include_secrets: bool
    project_id: str | None
    user_id: str | None
    persistence_config: object
    fail_on_missing_backend: bool
    trash: str | None


def data_dir() -> Path:
    """Return the user's data folder: ``CL_NOTEBOOK_DATA`` if that is set, else the platform's.

    Raises:
        InvalidInput: ``CL_NOTEBOOK_DATA`` is not set, and the user has no home directory.

    """
    chosen = os.environ.get("CL_NOTEBOOK_DATA")
    if chosen:
        return Path(_absolute(chosen))
    try:
        return platformdirs.user_data_path("cl_notebook").absolute()
    except RuntimeError as error:
        msg = f"There is no home directory for data. {_NO_HOME}"
        raise InvalidInput(msg) from error


def backend_folder(name: str) -> Path:
    """Return the folder in the data folder for the storage of the backend *name*, another one for each name.

    Characters other than letters, digits, ``_``, ``-`` and ``.`` are percent-encoded, so that no name leads out of the data
    folder or hides the folder; the rest of a long name is replaced by a digest.

    Raises:
        InvalidInput: there is no data folder; see :func:`data_dir`.

    """
    quoted = urllib.parse.quote(name, safe="", errors="surrogatepass")
    if quoted.startswith("."):
        quoted = f"%2E{quoted[1:]}"
    if len(quoted) > _LONGEST_FOLDER:  # no quoted name has "%-"
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        quoted = f"{quoted[:_LONGEST_FOLDER]}%-{digest}"
    return data_dir() / "backends" / quoted


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return *path* with ``~`` expanded.

    Raises:
        InvalidInput: the user has no home directory, or a user of that name does not exist.

    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        msg = f"{os.fspath(path)!r} cannot be expanded: its home directory is not known. Type the whole path. {_NO_HOME}"
        raise InvalidInput(msg) from error


def without_password(text: str) -> str:
    """Mask the passwords of the URLs in *text*, also of URLs that cannot be parsed."""
    return _PASSWORD.sub(lambda match: f"{match[1]}:***" if match[2] is None else f"{match[2]}***", text)


class _StoreName(str):
    """The name or URL of a store, whose repr masks the password."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(without_password(self))


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one session, checked and complete.

    ``store`` is a SQLAlchemy URL, the absolute name of a SQLite file or ``memory``. ``cinder_options`` are for the section
    ``[DEFAULT]`` of Cinder's drivers. :func:`cl_notebook.setup` explains the others.
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
    accept_unknown: bool = False
    """Whether an unknown option of Cinder's ``[DEFAULT]`` is a line in the driver's log, not an error; not a parameter."""
    trash: str | None = None
    cinder_options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def choose(cls, store: str | os.PathLike[str] | None = None, **options: Any) -> Settings:  # noqa: ANN401 - Cinder's, too
        """Check *options* (:class:`SetupOptions`, and Cinder's), and fill the others from environment and defaults.

        Raises:
            InvalidInput: a setting has the wrong type or an empty value, or does not exist.

        """
        persistence_config = options.pop("persistence_config", None)
        if persistence_config is not None:
            if store is not None:
                msg = "store and persistence_config both name the store: give one of them."
                raise InvalidInput(msg)
            store = store_of(persistence_config)
        given = _FROM_ENVIRONMENT | options
        return cls(
            store=_store(store),
            cinder_options={
                name: _cinder_option(name, value, is_checked=not options.get("accept_unknown"))
                for name, value in options.items()
                if name not in _CHECKS and not (value is None and options.get("accept_unknown"))
            },
            **{name: check(name, given[name]) for name, check in _CHECKS.items() if name in given},
        )

    @property
    def trash_seconds(self) -> float | None:
        """How long the trash keeps a deleted volume, in seconds; None if there is no trash."""
        return None if self.trash is None else quantities.seconds(self.trash)

    def options(self) -> dict[str, Any]:
        """Return all settings but the store as keywords for :meth:`choose`."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in {"store", "cinder_options"}}
        return {**values, **self.cinder_options}


def setup_signature(result: str) -> inspect.Signature:
    """Return the signature of ``setup`` for introspection: the store, :class:`SetupOptions` with defaults, Cinder's options.

    *result* is the annotation of what it returns.
    """
    defaults = {item.name: item.default for item in fields(Settings)} | _FROM_ENVIRONMENT
    kinds = inspect.Parameter
    options = [
        kinds(name, kinds.KEYWORD_ONLY, default=defaults.get(name), annotation=annotation.__forward_arg__)
        for name, annotation in SetupOptions.__annotations__.items()
    ]
    store = kinds("store", kinds.POSITIONAL_OR_KEYWORD, default=None, annotation="str | os.PathLike[str] | None")
    cinder = kinds("cinder_options", kinds.VAR_KEYWORD, annotation="Any")
    return inspect.Signature([store, *options, cinder], return_annotation=result)


def _store(given: str | os.PathLike[str] | None) -> str:
    name: object = os.fspath(given) if isinstance(given, os.PathLike) else given
    if name is None or (isinstance(name, str) and name.strip() == DEFAULT_STORE):
        name = os.environ.get("CL_NOTEBOOK_STORE") or default_store()
    if not isinstance(name, str) or not name.strip():
        msg = f"store must be a SQLAlchemy URL, a file name or 'memory', not {without_password(repr(given))}."
        raise InvalidInput(msg)
    _refuse_misspelt(name.strip())
    return _StoreName(absolute_store(name.strip()))


def _refuse_misspelt(store: str) -> None:
    """Refuse a name without a path that resembles ``memory`` or ``default``, unless a file has that name."""
    names = ("memory", DEFAULT_STORE)
    hint = "" if store in {*names, ":memory:"} or not store.isidentifier() else did_you_mean(store, names)
    if hint and not Path(store).exists():
        msg = f"There is no store called {store!r}.{hint} A new file of that name is given as './{store}'."
        raise InvalidInput(msg)


def store_of(persistence_config: object) -> str:
    """Return the name or URL of the store for cinderlib's *persistence_config*: a dict, a URL or a file name.

    Raises:
        InvalidInput: it is none of these, or names a persistence plugin.

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
        msg = "persistence_config needs the URL of its database: {'storage': 'db', 'connection': 'sqlite:///lab.db'}."
        raise InvalidInput(msg)
    return connection


def _no_plugins(storage: object, hint: str = "") -> str:
    shown = without_password(repr(storage))
    return (
        f"persistence_config cannot be {shown}.{hint} There are no persistence plugins here: a store is any database that "
        f"SQLAlchemy has a URL for ({DIALECTS}). Give that URL: cl.setup(store='sqlite:///lab.db')."
    )


def default_store() -> str:
    """Return the path of the default store, a SQLite file in the user's data folder."""
    return str(data_dir() / "store.db")


def is_url(store: str) -> bool:
    """Return whether *store* is a URL rather than a file name."""
    return "://" in store and not store.startswith(("/", "./", "../", "~"))


def absolute_store(store: str) -> str:
    """Make the file name in *store* absolute, so that it does not depend on the working folder; leave other stores alone.

    Raises:
        InvalidInput: the home or the working folder that it is relative to does not exist.

    """
    if store in {"memory", ":memory:"} or store.startswith("file:") or UNSTORABLE.search(store):  # parse_url refuses them
        return store
    if not is_url(store):
        return _absolute(store)
    scheme, _, rest = store.partition("://")
    path, mark, query = rest.partition("?")
    relative = path.startswith("/") and not path.startswith(("//", "/:memory:", "/file:")) and path != "/"
    if scheme not in {"sqlite", "sqlite+pysqlite"} or not relative:
        return store
    import sqlalchemy as sa  # noqa: PLC0415 - only a relative URL has to be parsed

    url = sa.make_url(f"sqlite://{path}")
    file = _absolute(str(url.database))
    return f"{url.set(database=file).render_as_string()}?{query}" if mark else file


def _absolute(path: str) -> str:
    try:
        return str(expanded(path).absolute())
    except OSError as error:
        msg = f"{path!r} cannot be made absolute: {one_line(error)}."
        raise InvalidInput(msg) from error


def _host(name: str, value: object) -> str:
    return _text(name, value, os.environ.get("CL_NOTEBOOK_HOST") or socket.gethostname())


def _root_helper(name: str, value: object) -> str:
    return _text(name, value, os.environ.get("CL_NOTEBOOK_ROOT_HELPER", "sudo"))


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


_NO_TRASH = frozenset({"", "0", "off", "none", "no", "false"})
_LONGEST_TRASH = 366 * 24 * 3600.0
"""Seconds that the trash keeps a volume at most."""


def _trash(name: str, value: object) -> str | None:
    text = "" if value is None or value is False else value
    if isinstance(text, str) and text.strip().lower() in _NO_TRASH:
        return None
    seconds = quantities.seconds(text) if isinstance(text, str) else None
    if seconds is None or not 0 < seconds <= _LONGEST_TRASH:
        spans = "'30m', '1h', '2 days', at most 366 days, or 'off'"
        msg = f"{name} is how long a deleted volume can be brought back: {spans}; not {value!r}."
        raise InvalidInput(msg)
    return str(text).strip()


def _cinder_option(name: str, value: object, *, is_checked: bool) -> object:
    close = difflib.get_close_matches(name, [*Settings.__dataclass_fields__, "persistence_config"], n=1, cutoff=_CLOSE)
    if close and is_checked:
        msg = f"cl.setup() has no {name!r}. Did you mean {close[0]!r}?"
        raise InvalidInput(msg)
    value = list(value) if isinstance(value, tuple) else value
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, (str, bool, int, float)) for item in items):
        msg = f"{name} must be text, a number, True or False, or a list of these, not {value!r}."
        raise InvalidInput(msg)
    return value


def _flag(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    msg = f"{name} must be True or False, not {value!r}."
    raise InvalidInput(msg)


def _read_only(name: str, value: object) -> bool:
    if value is not None:
        return _flag(name, value)
    word = os.environ.get("CL_NOTEBOOK_READ_ONLY", "").strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    msg = f"CL_NOTEBOOK_READ_ONLY must be true or false, not {word!r}."
    raise InvalidInput(msg)


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "host": _host,
    "root_helper": _root_helper,
    "read_only": _read_only,
    "file_locks_path": _folder,
    "suppress_requests_ssl_warnings": _flag,
    "disable_logs": _flag,
    "non_uuid_ids": _flag,
    "output_all_backend_info": _flag,
    "include_secrets": _flag,
    "project_id": _optional_text,
    "user_id": _optional_text,
    "fail_on_missing_backend": _flag,
    "accept_unknown": _flag,
    "trash": _trash,
}
"""The function that checks and converts each setting, called with its name and the value that was given."""
