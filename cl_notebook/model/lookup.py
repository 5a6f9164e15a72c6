"""Find resources by an id, a name, or a part of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.display import values
from cl_notebook.model import identity_map, validation
from cl_notebook.model.backend import Backend
from cl_notebook.model.connection import Connection
from cl_notebook.model.snapshot import Snapshot
from cl_notebook.model.volume import Volume
from cl_notebook.store import search
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context

MOST = 1000
"""The most resources of each kind that one search returns."""

_NAMED = (Volume, Snapshot, Backend)
ALL = (Volume, Snapshot, Connection, Backend)


def find(
    context: Context, text: str, kinds: Sequence[type[Tracked]] = ALL, *, everything: bool = False, parts: bool = True
) -> list[Tracked]:
    """Return the resources that *text* matches as an id, a name, a prefix of an id, or a part of a name.

    The four ways are tried in this order, and the first that matches anything decides.

    Args:
        context: the session.
        text: what to look for.
        kinds: the classes to search.
        everything: return the matches of all ways, in their order.
        parts: also match parts of names.

    Raises:
        InvalidInput: *text* is empty, not text, or longer than any name.

    """
    if not isinstance(text, str) or not text.strip():
        msg = f"Say what to look for: an id, the beginning of an id, a name or a part of one, not {text!r}."
        raise errors.InvalidInput(msg)
    if len(text) > validation.NAME_LENGTH:
        msg = f"Nothing is that long: ids and names have at most {validation.NAME_LENGTH} characters, not {len(text)}."
        raise errors.InvalidInput(msg)
    validation.text(text, "What to look for")
    matched: dict[str, Tracked] = {}
    for cls, ids in _ids(context, text, kinds, everything=everything, parts=parts):
        new_ids = [resource_id for resource_id in ids if resource_id not in matched]
        matched |= {resource.id: resource for resource in _read(context, cls, new_ids)}
    return list(matched.values())


def _ids(
    context: Context, text: str, kinds: Sequence[type[Tracked]], *, everything: bool, parts: bool
) -> list[tuple[type[Tracked], Sequence[str]]]:
    """Return the ids of the resources that *text* matches, by class, in the order of :func:`find`.

    Only ids are selected: indexes hold them, so that no row is read or sorted for a match that is not returned.
    """
    ways: tuple[tuple[Sequence[type[Tracked]], Callable[[Any], sa.Select[Any]]], ...] = (
        (ALL, lambda cls: _having(cls, cls.id.in_(search.id_spellings(text)))),
        (_NAMED, lambda cls: _having(cls, cls.name == text)),
        (ALL, lambda cls: _having(cls, search.id_begins_with(cls.id, text)).order_by(cls.id)),
        (_NAMED, lambda cls: _having_part(cls, text, seek=seek)),
    )
    matched: list[tuple[type[Tracked], Sequence[str]]] = []
    with context.store.reading() as connection:
        seek = parts and len(text) >= search.SHORT and search.has_trigrams(connection)
        for candidates, statement in ways if parts else ways[:-1]:
            classes = [cls for cls in candidates if cls in kinds]
            matched += [(cls, connection.execute(statement(cls)).scalars().all()) for cls in classes]
            if not everything and any(ids for _, ids in matched):
                break
    exact = search.exact_ids((resource_id for _, ids in matched for resource_id in ids), text) if not everything else set()
    return [(cls, [resource_id for resource_id in ids if resource_id in exact]) for cls, ids in matched] if exact else matched


def _having(cls: Any, condition: sa.ColumnElement[bool]) -> sa.Select[Any]:  # noqa: ANN401 - a tracked class
    return sa.select(cls.id).where(condition).limit(MOST)


def _having_part(cls: Any, text: str, *, seek: bool) -> sa.Select[Any]:  # noqa: ANN401 - a tracked class
    having = _having(cls, search.has_part(cls.name, text, seek=seek))
    if seek:
        return having
    return having.order_by(cls.name, cls.id)  # with this order PostgreSQL scans an index, not the rows


def _read(context: Context, cls: Any, ids: Sequence[str]) -> list[Tracked]:  # noqa: ANN401 - a tracked class
    resources = [
        resource
        for page in identity_map.pages(ids)
        for resource in identity_map.select(context, sa.select(cls).where(cls.id.in_(page)))
    ]
    return sorted(resources, key=lambda resource: (resource.created_at, resource.id))


def the_one(text: str, matched: Sequence[Tracked]) -> Tracked:
    """Return the only resource in *matched*, the result of a search for *text*.

    Raises:
        NotFound: *matched* is empty.
        Ambiguous: *matched* has several resources; the message lists the first, with what tells them apart.

    """
    if len(matched) == 1:
        return matched[0]
    if not matched:
        msg = f"Nothing is tracked under {text!r}: no id begins so, and no name holds it."
        raise errors.NotFound(msg)
    number = f"at least {len(matched)}" if len(matched) >= MOST else str(len(matched))
    heading = f"{text!r} fits {number} resources; type more of the id:"
    raise errors.Ambiguous.among(heading, descriptions(matched), text, [resource.id for resource in matched])


def backend_named(context: Context, name: str) -> Backend | None:
    """Return the tracked backend with exactly this *name*, or None."""
    backends = identity_map.select(context, sa.select(Backend).where(Backend.name == name))
    return backends[0] if backends else None


def stored_backends(context: Context) -> dict[str, Backend]:
    """Return every backend of the store by its name, in the order of the names."""
    return {backend.name: backend for backend in identity_map.select(context, sa.select(Backend).order_by(Backend.name))}


def select_backends(context: Context, backend: Backend | str | Iterable[Backend | str] | None) -> list[Backend]:
    """Return the selected backends, given by name or as objects; all stored ones for None.

    Raises:
        InvalidInput: *backend* is neither a backend nor a collection of them.
        NotFound: no stored backend has that name.

    """
    return select_among(stored_backends(context), backend)


def select_backend(context: Context, backend: Backend | str) -> Backend:
    """Return the stored backend, given by its name or as the object.

    Raises:
        InvalidInput: *backend* is neither.
        NotFound: no stored backend has that name.

    """
    if not isinstance(backend, (str, Backend)):
        msg = f"A backend is given by its name, or as the object; not as {backend!r}."
        raise errors.InvalidInput(msg)
    return select_backends(context, backend)[0]


def select_among(stored: Mapping[str, Backend], backend: Backend | str | Iterable[Backend | str] | None) -> list[Backend]:
    """Return the selected backends of *stored*, which are by name; see :func:`select_backends`."""
    if backend is None:
        return list(stored.values())
    try:
        requested = [backend] if isinstance(backend, (str, Backend)) else list(backend)
    except TypeError:
        msg = f"Backends are given by their names, or as the objects; not as {backend!r}."
        raise errors.InvalidInput(msg) from None
    names = list(dict.fromkeys(backend.name if isinstance(backend, Backend) else backend for backend in requested))
    for name in names:
        if name not in stored:
            msg = f"No backend {name!r} is stored.{errors.did_you_mean(str(name), stored)}"
            raise errors.NotFound(msg)
    return [stored[name] for name in names]


def descriptions(resources: Sequence[Tracked]) -> list[str]:
    """Return a line for each resource: as much of its id as tells it apart, its summary, and its age."""
    length = values.distinct_length([resource.id for resource in resources])
    return [_description(resource, resource.id[:length]) for resource in resources]


def _description(resource: Tracked, beginning: str) -> str:
    parts = (part for part in resource.summary() if part and part != resource.id)
    return sanitize(f"{beginning} {resource.kind} {' '.join(parts)}, {values.ago(resource.created_at)}")


def names_like(context: Context, kinds: Sequence[type[Tracked]], text: str) -> Iterator[str]:
    """Yield names with the same first character as *text*, by an index, to suggest corrections."""
    first = text[:1]
    with context.store.reading() as connection:
        for cls in (cls for cls in _NAMED if cls in kinds):
            alike = sa.select(cls.name).where(cls.name >= first, cls.name < first + "\U0010ffff").order_by(cls.name)
            yield from connection.execute(alike.limit(MOST)).scalars()
