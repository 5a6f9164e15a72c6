"""Finding a resource again by whatever is remembered of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.model import identity_map, validation
from cl_notebook.model.backend import Backend
from cl_notebook.model.connection import Connection
from cl_notebook.model.snapshot import Snapshot
from cl_notebook.model.volume import Volume
from cl_notebook.store import search

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context

SHOWN = 10
"""Candidates that an error lists."""

MOST = 1000
"""Resources that one search returns at most of each kind."""

_NAMED = (Volume, Snapshot, Backend)
ALL = (Volume, Snapshot, Connection, Backend)


def find(
    context: Context, text: str, kinds: Sequence[type[Tracked]] = ALL, *, everything: bool = False, parts: bool = True
) -> list[Tracked]:
    """Return what *text* fits in the narrowest sense that fits anything: an id, a name, the beginning of an id, a part of a name.

    With *everything* it is what fits in any sense, the narrowest first; without *parts* a part of a name is not enough.

    Raises:
        InvalidInput: *text* is empty, no text, or longer than any name.

    """
    if not isinstance(text, str) or not text.strip():
        msg = f"Say what to look for: an id, the beginning of an id, a name or a part of one, not {text!r}."
        raise errors.InvalidInput(msg)
    if len(text) > validation.NAME_LENGTH:
        msg = f"Nothing is that long: ids and names have at most {validation.NAME_LENGTH} characters, not {len(text)}."
        raise errors.InvalidInput(msg)
    validation.text(text, "What to look for")
    found: dict[str, Tracked] = {}
    for cls, fitting in _ids(context, text, kinds, everything=everything, parts=parts):
        found |= {resource.id: resource for resource in _read(context, cls, [one for one in fitting if one not in found])}
    return list(found.values())


def _ids(
    context: Context, text: str, kinds: Sequence[type[Tracked]], *, everything: bool, parts: bool
) -> list[tuple[type[Tracked], Sequence[str]]]:
    """Return the ids of what *text* fits, kind by kind, the narrowest sense first.

    The ids alone: the indexes have them, so that no row is read that is not found, and nothing is sorted that is too much.
    """
    ways: tuple[tuple[Sequence[type[Tracked]], Callable[[Any], sa.Select[Any]]], ...] = (
        (ALL, lambda cls: _having(cls, cls.id.in_(search.id_spellings(text)))),
        (_NAMED, lambda cls: _having(cls, cls.name == text)),
        (ALL, lambda cls: _having(cls, search.id_begins_with(cls.id, text)).order_by(cls.id)),
        (_NAMED, lambda cls: _having_part(cls, text, seek=seek)),
    )
    found: list[tuple[type[Tracked], Sequence[str]]] = []
    with context.store.reading() as connection:
        seek = parts and len(text) >= search.SHORT and search.has_trigrams(connection)
        for candidates, asked in ways if parts else ways[:-1]:
            asked_of = [cls for cls in candidates if cls in kinds]
            found += [(cls, connection.execute(asked(cls)).scalars().all()) for cls in asked_of]
            if not everything and any(some for _, some in found):
                break
    exact = search.exact_ids((one for _, some in found for one in some), text) if not everything else set()
    return [(cls, [one for one in some if one in exact]) for cls, some in found] if exact else found


def _having(cls: Any, test: sa.ColumnElement[bool]) -> sa.Select[Any]:  # noqa: ANN401 - a tracked class
    return sa.select(cls.id).where(test).limit(MOST)


def _having_part(cls: Any, text: str, *, seek: bool) -> sa.Select[Any]:  # noqa: ANN401 - a tracked class
    having = _having(cls, search.has_part(cls.name, text, seek=seek))
    if seek:
        return having
    return having.order_by(cls.name, cls.id)  # by this PostgreSQL looks through an index, not through the rows


def _read(context: Context, cls: Any, wanted: Sequence[str]) -> list[Tracked]:  # noqa: ANN401 - a tracked class
    found = [
        resource
        for page in identity_map.pages(wanted)
        for resource in identity_map.select(context, sa.select(cls).where(cls.id.in_(page)))
    ]
    return sorted(found, key=lambda resource: (resource.created_at, resource.id))


def the_one(text: str, found: Sequence[Tracked]) -> Tracked:
    """Return the only resource among *found*.

    Raises:
        NotFound: there is none.
        Ambiguous: there are several; the message lists them.

    """
    if len(found) == 1:
        return found[0]
    if not found:
        msg = f"Nothing is tracked under {text!r}: no id begins so, and no name holds it."
        raise errors.NotFound(msg)
    lines = [f"{resource.label()}, {resource.id}" for resource in found]
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    number = f"at least {len(found)}" if len(found) >= MOST else str(len(found))
    msg = f"{text!r} fits {number} resources: {'; '.join(lines[:SHOWN])}{more}. Type more of the id."
    raise errors.Ambiguous(msg, lines)
