"""Offer completions for the words of a magic, from indexes of the store; the storage is never asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from cl_notebook import session, settings
from cl_notebook.drivers import registry
from cl_notebook.frames.columns import FLAG, SOURCES, UNSEARCHED
from cl_notebook.inventory.cleanup import ownership
from cl_notebook.model import Backend, Connection, Operation, Snapshot, Volume
from cl_notebook.model.operations import lifecycle
from cl_notebook.notebook.command import resolve
from cl_notebook.notebook.command.lexer import quote_literal
from cl_notebook.notebook.magics import drivers
from cl_notebook.notebook.magics.lists import columns_of
from cl_notebook.prerequisites.requirements import PROTOCOLS
from cl_notebook.store.url import parse_url
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from cl_notebook.model.base import Tracked
    from cl_notebook.notebook.command.lexer import Token

MAX_OFFERED = 50
"""The most names, and the most ids, that are offered."""

_MAX_LENGTH = 100
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
WORDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("volumes", "status"): lifecycle.statuses("volume"),
    ("snapshots", "status"): lifecycle.statuses("snapshot"),
    ("connections", "status"): lifecycle.statuses("connection"),
    ("operations", "status"): ("running", "done", "failed", "interrupted", "lost"),
    ("operations", "resource_type"): ("backend", "volume", "snapshot", "connection"),
    ("volumes", "attach_status"): tuple(sorted(lifecycle.ATTACH_STATUSES)),
}
"""By list and column, the values that completion offers for a column that has only a few."""
_IDS: Mapping[str, type[Tracked]] = {"volume_id": Volume, "snapshot_id": Snapshot, "source_volid": Volume}


def complete(completes: str, prefix: str, shell: InteractiveShell, typed: Sequence[Token] = ()) -> Iterable[str]:
    """Return the words that begin with *prefix* where *completes* says what is expected (see ``grammar.Option``).

    *typed* are the words of the line before the cursor.
    """
    kind, _, rest = completes.partition(":")
    if kind in _KINDS:
        return _resources(_KINDS[kind], prefix, shell)
    sources: Mapping[str, Callable[[], Iterable[str]]] = {
        "": tuple,
        "choices": lambda: rest.split(","),
        "driver": lambda: [*registry.driver_names(), *_cinder_drivers("path", prefix, typed)],
        "examined": lambda: [*_resources((Backend,), prefix, shell), *sources["drivers"](), *PROTOCOLS],
        "drivers": lambda: [
            *registry.driver_names(),
            *_cinder_drivers("name", prefix, typed),
            *_cinder_drivers("path", prefix, typed),
        ],
        "columns": lambda: rest.split(","),
        "column": lambda: drivers.COLUMNS if rest == "drivers" else columns_of(rest),
        "sort": lambda: [word for name in _sortable(rest) for word in (name, f"{name}:desc")],
        "id": lambda: _read(_ids, _BY_LIST[rest], prefix),
        "value": lambda: _values(rest, prefix),
        "owner": lambda: _read(_owners, None, prefix),
        "dict": lambda: [name for name, value in shell.user_ns.items() if isinstance(value, dict) and name[0] != "_"],
    }
    return sources[kind]()


def match_quoted(words: Iterable[str], current: Token, kind: str) -> list[tuple[str, str]]:
    """Return the *words* that start with the current text, quoted as necessary, each paired with *kind*."""
    quoted = [_quote_if_typable(word, current.quote) for word in dict.fromkeys(words) if word.startswith(current.text)]
    return [(word, kind or "value") for word in quoted if word is not None]


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


def _cinder_drivers(field: Literal["name", "path"], prefix: str, typed: Sequence[Token]) -> list[str]:
    """Return the names or paths of Cinder's drivers if they are cached or *prefix* begins a path."""
    from cl_notebook.drivers.cinder import catalog  # noqa: PLC0415 - only needed with Cinder

    python = drivers.python_of([word.text for word in typed])
    if not prefix.startswith("cinder.") and not catalog.is_known(python):
        return []
    return [entry[field] for entry in catalog.drivers(python)]


def _sortable(listed: str) -> list[str]:
    return ["id", *(name for name, column in SOURCES[listed].columns.items() if column.kind not in UNSEARCHED)]


def _values(rest: str, prefix: str) -> Iterable[str]:
    listed, _, column = rest.partition(":")
    if (listed, column) in WORDS:
        return WORDS[listed, column]
    columns = SOURCES[listed].columns
    if column in columns and columns[column].kind == FLAG:
        return ("true", "false")
    if column == "id" or column in _IDS:
        return _read(_ids, _IDS.get(column, _BY_LIST[listed]), prefix)
    if column == "volume_driver":
        return registry.driver_names()
    named = {"backend": Backend, "volume": Volume, "name": _BY_LIST[listed]}.get(column)
    return _read(_names, named, prefix) if named is not None else ()


def _resources(kinds: Sequence[type[Tracked]], prefix: str, shell: InteractiveShell) -> list[str]:
    variables = [name for name in resolve.variable_names(shell, kinds) if name.startswith(prefix)]
    named = [cls for cls in kinds if hasattr(cls, "name")]
    names = [name for cls in named for name in _read(_names, cls, prefix)]
    ids = [word for cls in kinds for word in _read(_ids_for, cls, prefix)]
    return [*variables, *names, *ids]


def _read(ask: Callable[[sa.Connection, Any, str], Iterable[str]], cls: object, prefix: str) -> list[str]:
    """Return what *ask* reads of *cls* from the default session's store; nothing while there is no store."""
    current = session.opened_session()
    if current is None:
        store = parse_url(settings.Settings.choose().store)
        if store.get_backend_name() != "sqlite" or not store.database or not Path(store.database).is_file():
            return []
        current = session.default_session()
    with current.store.reading() as connection:
        return list(ask(connection, cls, prefix))


def _names(connection: sa.Connection, cls: Any, prefix: str) -> Iterator[str]:  # noqa: ANN401 - a tracked class with names
    statement = sa.select(cls.name).where(cls.name > "").order_by(cls.name).limit(MAX_OFFERED)
    if prefix:
        statement = statement.where(cls.name >= prefix, cls.name < prefix + _LAST)
    yield from connection.execute(statement).scalars()


def _owners(connection: sa.Connection, _cls: None, _prefix: str) -> list[str]:
    return ownership.known_owners(connection, MAX_OFFERED)


def _ids(connection: sa.Connection, cls: Any, prefix: str) -> Iterator[str]:  # noqa: ANN401 - a tracked class
    statement = sa.select(cls.id).order_by(cls.id).limit(MAX_OFFERED)
    if prefix and cls is not Operation:
        statement = statement.where(cls.id >= prefix, cls.id < prefix + "g")
    yield from map(str, connection.execute(statement).scalars())


def _ids_for(connection: sa.Connection, cls: Any, prefix: str) -> Iterator[str]:  # noqa: ANN401 - a tracked class
    if prefix or not hasattr(cls, "name"):
        return _ids(connection, cls, prefix)
    # nothing typed yet: what has a name is offered by it, and so are the ids of what has none, or one that cannot be typed
    rows = connection.execute(sa.select(cls.id, cls.name).order_by(cls.name).limit(MAX_OFFERED))
    return iter([row.id for row in rows if not row.name or _quote_if_typable(row.name, "") is None])
