"""Name resources for people: in messages by a label, in lines to type by a name if that is unique, else by an id."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import sqlalchemy as sa

from cl_notebook.display import values
from cl_notebook.model.identity_map import CLASSES
from cl_notebook.store import search
from cl_notebook.text import quote_word

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMED = ("Backend", "Volume", "Snapshot")
_PLAIN = re.compile(r"\w[\w.-]*(?: [\w.-]+)*")
_LIKE_AN_ID = re.compile(r"[0-9A-Fa-f-]{1,36}")


def label(kind: str, name: str | None, resource_id: str) -> str:
    """Return kind, name and short id of a resource, for messages."""
    short = values.short_id(resource_id)
    return f"{kind} {name!r} ({short})" if name else f"{kind} {short}"


def words(connection: sa.Connection, ids: Sequence[str]) -> dict[str, str]:
    """Return how a line of magic names each resource, quoted where needed: by a unique name, else by the beginning of its id.

    They are at most :data:`cl_notebook.model.identity_map.PAGE`.
    """
    names = unique_names(connection, ids)
    return {
        resource_id: quote_word(
            names.get(resource_id) or (values.short_id(resource_id) if values.is_uuid(resource_id) else resource_id)
        )
        for resource_id in ids
    }


def word(connection: sa.Connection, resource_id: str) -> str:
    """Return how a line of magic names one resource; see :func:`words`."""
    return words(connection, [resource_id])[resource_id]


def unprotecting(kind: str, name: str) -> str:
    """Return the line that allows the deletion of the volume or snapshot with that *name*, which is one of :func:`words`."""
    return f"%cl_{kind} unset {name} --protected"


def unique_names(connection: sa.Connection, ids: Sequence[str]) -> dict[str, str]:
    """Return, by id, the names by which lines can mean the resources with these *ids*, at most a page.

    A name is left out if another resource has it, or if the beginning of an id or a pattern could be meant by it.
    """
    if not ids:
        return {}
    classes = [CLASSES[name] for name in _NAMED]
    rows = connection.execute(sa.union_all(*(sa.select(cls.id, cls.name).where(cls.id.in_(ids)) for cls in classes))).all()
    names = {row.id: row.name for row in rows if _PLAIN.fullmatch(row.name or "") and not _begins_an_id(connection, row.name)}
    if not names:
        return {}
    with_name = [sa.select(cls.name).where(cls.name.in_(list(names.values()))) for cls in classes]
    counts = Counter(connection.execute(sa.union_all(*with_name)).scalars())
    return {resource_id: name for resource_id, name in names.items() if counts[name] == 1}


def _begins_an_id(connection: sa.Connection, name: str) -> bool:
    if not _LIKE_AN_ID.fullmatch(name):
        return False
    classes = [CLASSES[kind] for kind in (*_NAMED, "Connection")]
    beginning = (sa.select(cls.id).where(search.id_begins_with(cls.id, name)).exists() for cls in classes)
    return bool(connection.execute(sa.select(sa.or_(*beginning))).scalar_one())
