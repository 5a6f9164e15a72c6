"""Objects of what was read and not stored: to be looked at, and saved later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import orm as sa_orm

from cl_notebook import errors
from cl_notebook.model import Backend, identity_map
from cl_notebook.model.base import LOADED
from cl_notebook.serialization import schema
from cl_notebook.serialization.backends import Place
from cl_notebook.serialization.documents import NAME
from cl_notebook.serialization.persist import Storing, whole
from cl_notebook.serialization.reader import ParsedDocument
from cl_notebook.serialization.schema import ATTRIBUTES, CLASSES, Read

if TYPE_CHECKING:
    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context

_LISTS = {"snapshots": "Snapshot", "connections": "Connection"}


def resource(context: Context, bundle: ParsedDocument, place: Place, *, trust: bool = False) -> Tracked:
    """Return the object that *bundle* is of, with those that came with it, none of them tracked."""
    if bundle.kind == "Backend":
        backend = _backend(context, place)
        if "volumes" in bundle.lists:
            backend.__dict__["_loaded_volumes"] = [
                _on(context, each, place, backend, trust=trust) for each in bundle.volumes or ()
            ]
        return backend
    return _on(context, bundle, place, place.backend or _backend(context, place), trust=trust)


def _on(context: Context, bundle: ParsedDocument, place: Place, backend: Backend, *, trust: bool) -> Tracked:
    made: list[Tracked] = [_object(context, read, place, backend, trust=trust) for read in bundle.reads]
    own = made[1] if bundle.volume is not None else made[0]
    volume = own if bundle.kind == "Volume" else made[0] if bundle.volume is not None else None
    for name in bundle.lists if bundle.kind == "Volume" else ():
        own.__dict__[f"_loaded_{name}"] = [each for each in made if type(each).__name__ == _LISTS[name]]
    for each in made:
        if volume is not None and each is not volume:
            each.__dict__["_loaded_volume"] = volume
    return own


def _object(context: Context, read: Read, place: Place, backend: Backend, *, trust: bool) -> Tracked:
    row = whole(read, place, context.settings, trust=trust)
    values = {attribute: row[name] for name, attribute in ATTRIBUTES[read.kind]}
    values |= {"backend_id": place.id, "version": 1, "extra": row["extra"]}
    return _new(CLASSES[read.kind], context, values | {"_loaded_backend": backend})


def _backend(context: Context, place: Place) -> Backend:
    """Return an object for a backend that is not the tracked one: that one keeps its own list of volumes."""
    if place.backend is not None:
        source = place.backend
        columns = ("id", "name", "volume_driver", "stored_config", "created_at", "updated_at", "version", "extra")
        values = {name: getattr(source, name) for name in columns}
    else:
        row = dict(place.row or {})
        values = {**row, "stored_config": row.pop("config", {})}
        values.pop("config", None)
    made: Backend = _new(Backend, context, values)  # type: ignore[assignment] # it is one
    return made


def _new(cls: type[Tracked], context: Context, values: dict[str, Any]) -> Tracked:
    made: Tracked = sa_orm.class_mapper(cls).class_manager.new_instance()
    made.__dict__.update(values)
    made.__dict__[LOADED] = context
    return made


def save(made: Tracked) -> None:
    """Track *made* and what was loaded below it: from then on they are the live objects of their rows.

    What is tracked already, and the same, stays as it is; ``cl.find`` gives its object.

    Raises:
        AlreadyExists: an id is tracked and differs.
        Refused: the session that it was loaded in was closed.

    """
    context: Context = made.__dict__[LOADED]
    if context.is_closed:
        msg = f"{made.label()} was loaded in a session that was closed: load it again."
        raise errors.Refused(msg)
    backend: Any = made if isinstance(made, Backend) else made.__dict__["_loaded_backend"]
    tops = made.__dict__.get("_loaded_volumes", []) if isinstance(made, Backend) else [made]
    place = _place(context, backend)
    bundles = [_bundle(place, each) for each in tops] or [ParsedDocument({NAME: place.name}, None)]
    # what is to be confirmed was decided when it was loaded, and stands in the objects
    Storing(context, trust=True).store(lambda: ((place, each) for each in bundles))
    with context.lock:
        for each in (backend, *(each for top in tops for each in _family(top))):
            _go_live(context, each)


def _place(context: Context, backend: Backend) -> Place:
    if not backend.is_loaded_only:
        return Place(backend.id, backend.name, backend)
    known = identity_map.select(context, sa.select(Backend).where(Backend.name == backend.name))
    if known:
        return Place(known[0].id, known[0].name, known[0])
    moments = {name: getattr(backend, name) for name in ("created_at", "updated_at", "version", "extra")}
    row = {
        "id": backend.id,
        "name": backend.name,
        "volume_driver": backend.volume_driver,
        "config": backend.stored_config,
        **moments,
    }
    return Place(backend.id, backend.name, None, row)


def _family(top: Tracked) -> list[Tracked]:
    """Return *top* and those that came with it: its volume before it, its children after it."""
    inner = top.__dict__
    above = [inner["_loaded_volume"]] if "_loaded_volume" in inner and inner["_loaded_volume"].is_loaded_only else []
    below = [each for name in _LISTS for each in inner.get(f"_loaded_{name}", ())] if type(top).__name__ == "Volume" else []
    return [*above, top, *(each for each in below if each.is_loaded_only)]


def _bundle(place: Place, top: Tracked) -> ParsedDocument:
    reads = {id(each): _read(each) for each in _family(top)}
    own = reads.pop(id(top))
    if type(top).__name__ == "Volume":
        return ParsedDocument({NAME: place.name}, own, children=list(reads.values()))
    return ParsedDocument({NAME: place.name}, own, volume=next(iter(reads.values()), None))


def _read(each: Tracked) -> Read:
    each.validate()
    kind, inner = type(each).__name__, each.__dict__
    row = {name: inner[attribute] for name, attribute in ATTRIBUTES[kind]}
    return Read(kind, row | {"version": 1, "extra": inner["extra"]}, frozenset(schema.FIELDS[kind]))


def _go_live(context: Context, each: Tracked) -> None:
    """Let *each* be the object of its row, unless the session holds another one that is."""
    if not each.is_loaded_only or identity_map.held(context, type(each), each.id) is not None:
        return
    state = sa_orm.attributes.instance_state(each)
    state._commit_all(each.__dict__, None)  # noqa: SLF001 - what was set on it is what was just stored
    del each.__dict__[LOADED]
    sa_orm.make_transient_to_detached(each)
    context.orm.add(each)
    for name in [name for name in each.__dict__ if name.startswith("_loaded_")]:
        del each.__dict__[name]  # read again when it is asked for: the store may have more
    identity_map.reread(context, each)
