"""Finding a resource again by whatever is remembered of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.model import checks, reading
from cl_notebook.model.backend import Backend
from cl_notebook.model.connection import Connection
from cl_notebook.model.snapshot import Snapshot
from cl_notebook.model.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cl_notebook.model.context import Context
    from cl_notebook.model.tracked import Tracked

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
    if len(text) > checks.NAME_LENGTH:
        msg = f"Nothing is that long: ids and names have at most {checks.NAME_LENGTH} characters, not {len(text)}."
        raise errors.InvalidInput(msg)
    checks.text(text, "What to look for")
    low = text.strip().lower()
    ways: tuple[tuple[Sequence[type[Tracked]], Callable[[Any], sa.ColumnElement[bool]]], ...] = (
        (ALL, lambda cls: cls.id.in_({low, text.strip()})),  # an id that is no UUID keeps its capitals
        (_NAMED, lambda cls: cls.name == text),
        (ALL, lambda cls: sa.and_(cls.id >= low, cls.id < low + "g")),
        (_NAMED, lambda cls: cls.name.icontains(text, autoescape=True)),
    )
    found: dict[str, Tracked] = {}
    for candidates, where in ways if parts else ways[:-1]:
        for cls in candidates:
            if cls in kinds:
                statement = sa.select(cls).where(where(cls)).order_by(cls.created_at, cls.id).limit(MOST)
                found |= {resource.id: resource for resource in reading.select(context, statement) if resource.id not in found}
        if found and not everything:
            break
    return list(found.values())


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
    msg = f"{text!r} fits {len(found)} resources: {'; '.join(lines[:SHOWN])}{more}. Type more of the id."
    raise errors.Ambiguous(msg, lines)
