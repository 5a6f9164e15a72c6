"""Offer completions for the words of a magic, from indexes of the store; the storage is never asked."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import sqlalchemy as sa

from cl_notebook import errors, session, settings
from cl_notebook.display import text, values
from cl_notebook.drivers import registry
from cl_notebook.frames.columns import FLAG, SOURCES, UNSEARCHED
from cl_notebook.inventory.cleanup import ownership
from cl_notebook.many.runner import Background
from cl_notebook.model import Backend, Connection, Operation, Snapshot, Volume, trash
from cl_notebook.model.operations import lifecycle, tables
from cl_notebook.notebook.command import resolve
from cl_notebook.notebook.command.help import brief
from cl_notebook.notebook.command.lexer import quote_literal
from cl_notebook.notebook.magics import drivers
from cl_notebook.notebook.magics.lists import columns_of
from cl_notebook.prerequisites.requirements import PROTOCOLS
from cl_notebook.store.url import parse_url
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from cl_notebook.frames.columns import Column
    from cl_notebook.model.base import Tracked
    from cl_notebook.notebook.command.lexer import Token

MAX_OFFERED = 50
"""The most names, and the most ids, that are offered."""

_MAX_LENGTH = 100
_MAX_ABOUT = 60
_TERM = "status:"
_EXPANDED = set("{}$")
_LAST = "\U0010ffff"
_KINDS: Mapping[str, tuple[type[Tracked], ...]] = {
    "volume": (Volume,),
    "snapshot": (Snapshot,),
    "connection": (Connection,),
    "backend": (Backend,),
    "any": resolve.ALL,
}
_BY_LIST: Mapping[str, Any] = {
    "volumes": Volume,
    "snapshots": Snapshot,
    "connections": Connection,
    "backends": Backend,
    "operations": Operation,
}
_CHARACTERISTICS: Mapping[type[Any], tuple[Any, ...]] = {
    Volume: (Volume.status, Volume.size),
    Snapshot: (Snapshot.status, Snapshot.volume_size),
    Connection: (Connection.attach_status, Connection.attached_host),
    Backend: (Backend.volume_driver,),
    Operation: (Operation.action, Operation.status),
}
"""By class, the columns that tell apart what is offered."""

WORDS: Mapping[tuple[str, str], Mapping[str, str]] = {
    **{
        (f"{kind}s", "status"): {status: lifecycle.meaning(kind, status) for status in lifecycle.statuses(kind)}
        for kind in ("volume", "snapshot", "connection")
    },
    ("operations", "status"): tables.MEANINGS,
    ("operations", "resource_type"): dict.fromkeys(("backend", "volume", "snapshot", "connection"), ""),
    ("volumes", "attach_status"): dict.fromkeys(sorted(lifecycle.ATTACH_STATUSES), ""),
}
"""By list and column, the values that completion offers for a column that has only a few, and what they mean."""
_IDS: Mapping[str, type[Tracked]] = {"volume_id": Volume, "snapshot_id": Snapshot, "source_volid": Volume}


class Offer(NamedTuple):
    """A word that completion offers, not yet quoted, and what it is: a few words, printable."""

    text: str
    about: str = ""


def complete(completes: str, prefix: str, shell: InteractiveShell | None, typed: Sequence[Token] = ()) -> Iterable[Offer]:
    """Return the words that begin with *prefix* where *completes* says what is expected (see ``command.Option``).

    *typed* are the words of the line before the cursor. Without a *shell*, variables are not offered.
    """
    kind, _, rest = completes.partition(":")
    if kind in _KINDS:
        return _resources(_KINDS[kind], prefix, shell)
    sources: Mapping[str, Callable[[], Iterable[Offer]]] = {
        "": tuple,
        "choices": lambda: [Offer(word, "value") for word in rest.split(",")],
        "file": lambda: [*(Offer(word, "value") for word in rest.split(",") if word), *_files(prefix)],
        "open": _open_backends,
        "driver": lambda: [*_installed_drivers(), *_cinder_drivers("path", prefix, typed)],
        "examined": lambda: [
            *_resources((Backend,), prefix, shell),
            *sources["drivers"](),
            *(Offer(name, "protocol") for name in PROTOCOLS),
        ],
        "drivers": lambda: [
            *_installed_drivers(),
            *_cinder_drivers("name", prefix, typed),
            *_cinder_drivers("path", prefix, typed),
        ],
        "columns": lambda: [Offer(word, "column") for word in rest.split(",")],
        "column": lambda: _columns(rest),
        "sort": lambda: [
            Offer(word, about)
            for name, column_about in _sortable(rest)
            for word, about in ((name, column_about), (f"{name}:desc", f"{column_about}, descending"))
        ],
        "id": lambda: _read(_ids, _BY_LIST[rest], prefix),
        "value": lambda: _values(rest, prefix),
        "owner": lambda: _read(_owners, None, prefix),
        "dict": lambda: variables(shell, dict),
        "handle": lambda: variables(shell, Background),
        "trash": lambda: _read(_in_trash, None, prefix),
    }
    return sources[kind]()


def last_value(completes: str, text: str) -> str:
    """Return what of *text* is completed: where *completes* takes several values with commas between them, the last one."""
    return text.rpartition(",")[2] if completes.startswith(("value:", "sort:", "columns:")) else text


def matching(offers: Iterable[Offer], prefix: str) -> list[Offer]:
    """Return those *offers* that begin with *prefix*, each once."""
    matches = {offer.text: offer for offer in reversed(list(offers)) if offer.text.startswith(prefix)}
    return list(reversed(matches.values()))


def match_quoted(offers: Iterable[Offer], current: Token) -> list[Offer]:
    """Return those *offers* that begin with the current text, each once, quoted as necessary."""
    quoted = [(_quote_if_typable(offer.text, current.quote), offer.about) for offer in matching(offers, current.text)]
    return [Offer(word, about) for word, about in quoted if word is not None]


def _quote_if_typable(word: str, quote: str) -> str | None:
    if quote == "$'":
        return quote_literal(word)
    if sanitize(word) != word or _EXPANDED & set(word) or len(word) > _MAX_LENGTH:
        return None  # it cannot be typed, but its id can
    if not quote:
        if word and not any(character.isspace() or character in "'\"\\" for character in word) and word[0] not in "-#":
            return word
        quote = "'" if "'" not in word else '"'
    if quote == "'":
        return f"'{word}'" if "'" not in word else None
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _open_backends() -> list[Offer]:
    current = session.opened_session()
    opened = current.backends if current is not None else {}
    return [Offer(name, _about(Backend, [backend.volume_driver])) for name, backend in opened.items()]


def _installed_drivers() -> list[Offer]:
    return [Offer(name, f"driver · {_about_driver(name)}") for name in registry.driver_names()]


def _about_driver(name: str) -> str:
    try:
        documented = inspect.getdoc(registry.load_driver(name)) or ""
    except errors.Error:
        return "cannot be loaded here"
    return sanitize(brief(documented.partition("\n")[0]))


def _cinder_drivers(field: Literal["name", "path"], prefix: str, typed: Sequence[Token]) -> list[Offer]:
    """Return the names or paths of Cinder's drivers if they are cached or *prefix* begins a path."""
    from cl_notebook.drivers.cinder import catalog  # noqa: PLC0415 - only needed with Cinder

    python = drivers.python_of([word.text for word in typed])
    if not prefix.startswith("cinder.") and not catalog.is_known(python):
        return []
    return [Offer(entry[field], f"Cinder · {sanitize(brief(entry['help']))}") for entry in catalog.drivers(python)]


def _files(prefix: str) -> list[Offer]:
    """Return the files and folders whose path begins with *prefix*; hidden ones once their dot is typed."""
    folder, _, start = prefix.rpartition("/")
    folder = f"{folder}/" if "/" in prefix else ""
    try:
        entries = sorted(os.scandir(Path(folder or ".").expanduser()), key=lambda entry: entry.name)
    except OSError:
        return []
    shown = [entry for entry in entries if entry.name.startswith(start) and (start or not entry.name.startswith("."))]
    return [
        Offer(f"{folder}{entry.name}/", "folder") if entry.is_dir() else Offer(f"{folder}{entry.name}", "file")
        for entry in shown[:MAX_OFFERED]
    ]


def variables(shell: InteractiveShell | None, cls: type[object] | tuple[type[object], ...] = object) -> list[Offer]:
    """Return the user's variables that hold an instance of *cls*, but no modules, functions and classes."""
    return [
        Offer(name, f"variable · {type(value).__name__}")
        for name, value in (resolve.users_variables(shell) if shell is not None else ())
        if isinstance(value, cls) and not isinstance(value, (ModuleType, FunctionType, MethodType, type))
    ]


def _columns(listed: str) -> list[Offer]:
    if listed == "drivers":
        return [Offer(name, "column") for name in drivers.COLUMNS]
    columns = SOURCES[listed].columns
    return [Offer(name, _about_column(columns.get(name))) for name in columns_of(listed)]


def _sortable(listed: str) -> list[tuple[str, str]]:
    columns = SOURCES[listed].columns
    names = ["id", *(name for name, column in columns.items() if column.kind not in UNSEARCHED)]
    return [(name, _about_column(columns.get(name))) for name in names]


def _about_column(column: Column | None) -> str:
    return "column" if column is None or not column.unit else f"column · {column.unit}"


def _values(rest: str, prefix: str) -> Iterable[Offer]:
    listed, _, column = rest.partition(":")
    if (listed, column) in WORDS:
        return [Offer(word, about or column.replace("_", " ")) for word, about in WORDS[listed, column].items()]
    columns = SOURCES[listed].columns
    if column in columns and columns[column].kind == FLAG:
        return [Offer(word, "value") for word in ("true", "false")]
    if column == "id" or column in _IDS:
        return _read(_ids, _IDS.get(column, _BY_LIST[listed]), prefix)
    if column == "volume_driver":
        return _installed_drivers()
    named = {"backend": Backend, "volume": Volume, "name": _BY_LIST[listed]}.get(column)
    return _read(_names, named, prefix) if named is not None else ()


def _resources(kinds: Sequence[type[Tracked]], prefix: str, shell: InteractiveShell | None) -> list[Offer]:
    held = matching(variables(shell, tuple(kinds)), prefix)
    named = [cls for cls in kinds if hasattr(cls, "name")]
    names = [offer for cls in named for offer in _read(_names, cls, prefix)]
    ids = [offer for cls in kinds for offer in _read(_ids_for, cls, prefix)]
    terms = [offer for cls in kinds for offer in _terms(cls)] if prefix.startswith(_TERM) else []
    return [*held, *names, *ids, *terms]


def _terms(cls: type[Tracked]) -> list[Offer]:
    """Return the terms of the tree's filter that select by the status."""
    words = WORDS.get((f"{cls.kind}s", "status"), {})
    return [Offer(f"{_TERM}{status}", f"{cls.kind} · {meaning}") for status, meaning in words.items()]


def _read(ask: Callable[[sa.Connection, Any, str], Iterable[Offer]], cls: object, prefix: str) -> list[Offer]:
    """Return what *ask* reads of *cls* from the default session's store; nothing while there is no store."""
    current = session.opened_session()
    if current is None:
        store = parse_url(settings.Settings.choose().store)
        if store.get_backend_name() != "sqlite" or not store.database or not Path(store.database).is_file():
            return []
        current = session.default_session()
    with current.store.reading() as connection:
        return list(ask(connection, cls, prefix))


def _names(connection: sa.Connection, cls: Any, prefix: str) -> list[Offer]:  # noqa: ANN401 - a tracked class with names
    statement = sa.select(cls.name, *_CHARACTERISTICS[cls]).where(cls.name > "").order_by(cls.name).limit(MAX_OFFERED)
    if prefix:
        statement = statement.where(cls.name >= prefix, cls.name < prefix + _LAST)
    about: dict[str, str] = {}
    for name, *facts in connection.execute(statement):
        about[name] = f"{cls.kind} · several of that name" if name in about else _about(cls, facts)
    return [Offer(name, words) for name, words in about.items()]


def _about(cls: Any, facts: Sequence[Any], name: str = "") -> str:  # noqa: ANN401 - a tracked class
    kind = "operation" if cls is Operation else cls.kind
    shown = (values.size(fact) if isinstance(fact, int) else sanitize(fact) for fact in facts if fact is not None)
    return text.cut(" · ".join((f"{kind} {sanitize(name)}".rstrip(), *shown)), _MAX_ABOUT)


def _in_trash(connection: sa.Connection, _cls: None, _prefix: str) -> list[Offer]:
    columns = (trash.TABLE.c.name, trash.TABLE.c.id, trash.TABLE.c.size)
    deleted = sa.select(*columns).where(trash.TABLE.c.kind == Volume.kind).order_by(trash.TABLE.c.deleted_at.desc())
    rows = connection.execute(deleted.limit(MAX_OFFERED)).all()
    return [Offer(row.name or row.id, f"deleted volume · {values.size(row.size)}") for row in rows]


def _owners(connection: sa.Connection, _cls: None, _prefix: str) -> list[Offer]:
    return [Offer(owner, "owner") for owner in ownership.known_owners(connection, MAX_OFFERED)]


def _ids(connection: sa.Connection, cls: Any, prefix: str) -> list[Offer]:  # noqa: ANN401 - a tracked class
    name = getattr(cls, "name", sa.literal(""))
    statement = sa.select(cls.id, name, *_CHARACTERISTICS[cls]).order_by(cls.id).limit(MAX_OFFERED)
    if prefix and cls is not Operation:
        statement = statement.where(cls.id >= prefix, cls.id < prefix + "g")
    return [Offer(str(key), _about(cls, facts, shown)) for key, shown, *facts in connection.execute(statement)]


def _ids_for(connection: sa.Connection, cls: Any, prefix: str) -> list[Offer]:  # noqa: ANN401 - a tracked class
    if prefix or not hasattr(cls, "name"):
        return _ids(connection, cls, prefix)
    # nothing typed yet: what has a name is offered by it, and so are the ids of what has none, or one that cannot be typed
    rows = connection.execute(sa.select(cls.id, cls.name, *_CHARACTERISTICS[cls]).order_by(cls.name).limit(MAX_OFFERED))
    return [
        Offer(key, _about(cls, facts, name or ""))
        for key, name, *facts in rows
        if not name or _quote_if_typable(name, "") is None
    ]
