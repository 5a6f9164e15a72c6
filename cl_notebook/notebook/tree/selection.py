"""Turn ids of selected rows into live objects, a frame, or names of variables."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from itertools import count
from typing import TYPE_CHECKING

import sqlalchemy as sa

from cl_notebook import errors, settings
from cl_notebook.model import Backend, Connection, Snapshot, Volume, designation, identity_map
from cl_notebook.notebook.command import resolve
from cl_notebook.notebook.command.resolve import ALL
from cl_notebook.text import quote_word
from cl_notebook.treemodel.static_tree import Node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from IPython.core.interactiveshell import InteractiveShell

    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context

_SHORT_KINDS = {"volume": "vol", "snapshot": "snap", "connection": "conn", "backend": "backend"}
_MAX_LENGTH = 40
_MAX_NAMED = 20
_NOT_IDENTIFIER = re.compile(r"\W+")


def objects(session: Context, ids: Sequence[str]) -> list[Tracked]:
    """Return the live objects with these ids, in their order, without those that are no longer tracked."""
    by_id: dict[str, Tracked] = {}
    remaining = [resource_id for resource_id in ids if not settings.UNSTORABLE.search(resource_id)]
    for cls in ALL:
        for page in identity_map.pages(remaining):
            by_id |= {resource.id: resource for resource in identity_map.select(session, sa.select(cls).where(cls.id.in_(page)))}
        remaining = [resource_id for resource_id in remaining if resource_id not in by_id]
    return [by_id[resource_id] for resource_id in ids if resource_id in by_id]


def kinds(session: Context, ids: Sequence[str]) -> dict[str, str]:
    """Return the kind of each tracked resource among *ids*, by id."""
    kind_by_id: dict[str, str] = {}
    with session.store.reading() as connection:
        for page in identity_map.pages([settings.UNSTORABLE.sub("", resource_id) for resource_id in ids]):
            for cls in ALL:
                kind_by_id |= dict.fromkeys(connection.execute(sa.select(cls.id).where(cls.id.in_(page))).scalars(), cls.kind)
    return kind_by_id


def frame(resources: Sequence[Tracked]) -> pd.DataFrame:
    """Return *resources* as a frame like that of ``cl.frames.tree()``."""
    from cl_notebook.treemodel import frame as tree_frame  # noqa: PLC0415 - imports pandas

    return tree_frame.build([(_index_key(resource), _node(resource)) for resource in resources])


def _index_key(resource: Tracked) -> tuple[str, str, str, str]:
    if isinstance(resource, Backend):
        return resource.name, "", resource.kind, resource.id
    volume = resource.id if isinstance(resource, Volume) else resource.volume_id  # type: ignore[attr-defined] # as all others have
    return resource.backend.name, volume, resource.kind, resource.id  # type: ignore[attr-defined] # as above


def _node(resource: Tracked) -> Node:
    match resource:
        case Backend():
            status, size, where = "open" if resource.is_open else "closed", None, resource.volume_driver
        case Volume():
            status, size, where = resource.status, resource.size, resource.host
        case Snapshot():
            status, size, where = resource.status, resource.volume_size, ""
        case Connection():
            host = str(resource.connector_info.get("host") or "?")
            return Node("connection", resource.id, host, resource.status, None, resource.path or "", resource.created_at)
    return Node(resource.kind, resource.id, resource.name, status, size, where, resource.created_at)  # type: ignore[attr-defined] # connections have no name


def unique_names(session: Context, shell: InteractiveShell | None, ids: Sequence[str]) -> dict[str, str]:
    """Return, by id, the names by which lines can mean the resources with these *ids*; of many, none.

    A name is left out if another resource has it, or if a variable, the beginning of an id or a pattern could be meant by it.
    """
    if not ids or len(ids) > _MAX_NAMED:
        return {}
    with session.store.reading() as connection:
        names = designation.unique_names(connection, ids)
    return {resource_id: name for resource_id, name in names.items() if not _is_variable(shell, name)}


def with_names(line: str, names: Mapping[str, str]) -> str:
    """Return *line*, of magic or Python, with *names*, by id, instead of the ids."""
    for resource_id, name in names.items():
        line = line.replace(repr(resource_id), repr(name)).replace(resource_id, quote_word(name))
    return line


def _is_variable(shell: InteractiveShell | None, name: str) -> bool:
    return shell is not None and name.partition(".")[0] in shell.user_ns


def refuse_if_closed(session: Context) -> None:
    """Raise Refused if *session* is closed.

    Raises:
        Refused: the session is closed; the message says what to do.

    """
    if session.is_closed:
        msg = "The session of this tree is closed. Run the cell again for the present one."
        raise errors.Refused(msg)


def holding(shell: InteractiveShell | None, resource: Tracked) -> list[str]:
    """Return the expressions, such as ``vol`` or ``vols[0]``, through which the user's variables refer to *resource*."""
    if shell is None:
        return []
    kinds = (type(resource),)
    return [name for name, held in resolve.variables(shell, kinds) if held.is_tracked and held.id == resource.id]


def free_name(shell: InteractiveShell | None, resource: Tracked) -> str:
    """Return an unused variable name for *resource*: its name as an identifier, or a short form of its kind."""
    first = _identifier(str(getattr(resource, "name", ""))) or _SHORT_KINDS[resource.kind]
    if not _is_taken(shell, first):
        return first
    return next(name for name in (f"{first}{number}" for number in count(2)) if not _is_taken(shell, name))


def _identifier(name: str) -> str:
    # Python normalises identifiers to NFKC
    text = _NOT_IDENTIFIER.sub("_", unicodedata.normalize("NFKC", name)).strip("_")[:_MAX_LENGTH].rstrip("_")
    while text and not text.isidentifier():
        text = text[1:].lstrip("_")
    return text


def _is_taken(shell: InteractiveShell | None, name: str) -> bool:
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or hasattr(builtins, name):
        return True
    # with automagic, a variable hides the magic of the same name
    return shell is not None and (name in shell.user_ns or name in shell.magics_manager.magics["line"])
