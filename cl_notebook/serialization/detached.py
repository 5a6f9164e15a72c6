"""Detached objects: loaded from documents, readable, and stored only when they are saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import orm as sa_orm

from cl_notebook import errors
from cl_notebook.model import Backend, identity_map
from cl_notebook.model.base import LOADED
from cl_notebook.serialization import schema
from cl_notebook.serialization.backends import TargetBackend
from cl_notebook.serialization.documents import NAME
from cl_notebook.serialization.persist import DocumentWriter, complete_row
from cl_notebook.serialization.reader import ParsedDocument
from cl_notebook.serialization.schema import ATTRIBUTES, CLASSES, ParsedResource

if TYPE_CHECKING:
    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context

_LISTS = {"snapshots": "Snapshot", "connections": "Connection"}


def build(context: Context, document: ParsedDocument, target: TargetBackend, *, trust: bool = False) -> Tracked:
    """Return the object of *document*, linked to those of the resources in it; none of them is tracked.

    Without *trust* the user has to confirm hosts and devices that the document names.
    """
    if document.kind == "Backend":
        backend = _build_backend(context, target)
        if "volumes" in document.lists:
            volumes = [_build_on(context, volume, target, backend, trust=trust) for volume in document.volumes or ()]
            backend.__dict__["_loaded_volumes"] = volumes
        return backend
    return _build_on(context, document, target, target.backend or _build_backend(context, target), trust=trust)


def _build_on(context: Context, document: ParsedDocument, target: TargetBackend, backend: Backend, *, trust: bool) -> Tracked:
    resources: list[Tracked] = [_build(context, item, target, backend, trust=trust) for item in document.resources]
    resource = resources[1] if document.volume is not None else resources[0]
    volume = resource if document.kind == "Volume" else resources[0] if document.volume is not None else None
    for name in document.lists if document.kind == "Volume" else ():
        resource.__dict__[f"_loaded_{name}"] = [child for child in resources if type(child).__name__ == _LISTS[name]]
    for child in resources:
        if volume is not None and child is not volume:
            child.__dict__["_loaded_volume"] = volume
    return resource


def _build(context: Context, parsed: ParsedResource, target: TargetBackend, backend: Backend, *, trust: bool) -> Tracked:
    row = complete_row(parsed, target, context.settings, trust_documents=trust)
    values = {attribute: row[name] for name, attribute in ATTRIBUTES[parsed.kind]}
    values |= {"backend_id": target.id, "version": 1, "extra": row["extra"]}
    return _new_object(CLASSES[parsed.kind], context, values | {"_loaded_backend": backend})


def _build_backend(context: Context, target: TargetBackend) -> Backend:
    """Return a detached object of *target*, also of a tracked backend, whose own list of volumes must not change."""
    if target.backend is not None:
        source = target.backend
        columns = ("id", "name", "volume_driver", "stored_config", "created_at", "updated_at", "version", "extra")
        values = {name: getattr(source, name) for name in columns}
    else:
        row = dict(target.row or {})
        values = {**row, "stored_config": row.pop("config", {})}
        values.pop("config", None)
    backend: Backend = _new_object(Backend, context, values)  # type: ignore[assignment] # it is one
    return backend


def _new_object(cls: type[Tracked], context: Context, values: dict[str, Any]) -> Tracked:
    instance: Tracked = sa_orm.class_mapper(cls).class_manager.new_instance()
    instance.__dict__.update(values)
    instance.__dict__[LOADED] = context
    return instance


def save(resource: Tracked) -> None:
    """Insert the rows of *resource* and of what was loaded with it, and attach the objects to their session.

    Rows that are stored already and equal are left alone; ``cl.find`` gives their objects.

    Raises:
        AlreadyExists: an id is stored and differs.
        Refused: the session of the objects was closed.

    """
    context: Context = resource.__dict__[LOADED]
    if context.is_closed:
        msg = f"{resource.label()} was loaded in a session that was closed: load it again."
        raise errors.Refused(msg)
    is_backend = isinstance(resource, Backend)
    backend: Any = resource if is_backend else resource.__dict__["_loaded_backend"]
    tops = resource.__dict__.get("_loaded_volumes", []) if is_backend else [resource]
    target = _target(context, backend)
    documents = [_document(target, top) for top in tops] or [ParsedDocument({NAME: target.name}, None)]
    # The objects record whether the user has to confirm them, which was decided when they were loaded.
    writer = DocumentWriter(context, trust_documents=True)
    writer.write(lambda: ((target, document) for document in documents))
    with context.lock:
        for instance in (backend, *(member for top in tops for member in _family(top))):
            _attach(context, instance)


def _target(context: Context, backend: Backend) -> TargetBackend:
    if not backend.is_loaded_only:
        return TargetBackend(backend.id, backend.name, backend)
    tracked = identity_map.select(context, sa.select(Backend).where(Backend.name == backend.name))
    if tracked:
        return TargetBackend(tracked[0].id, tracked[0].name, tracked[0])
    common = {name: getattr(backend, name) for name in ("created_at", "updated_at", "version", "extra")}
    row = {
        "id": backend.id,
        "name": backend.name,
        "volume_driver": backend.volume_driver,
        "config": backend.stored_config,
        **common,
    }
    return TargetBackend(backend.id, backend.name, None, row)


def _family(top: Tracked) -> list[Tracked]:
    """Return *top* with the detached objects that were loaded with it: its volume before it, its children after it."""
    inner = top.__dict__
    above = [inner["_loaded_volume"]] if "_loaded_volume" in inner and inner["_loaded_volume"].is_loaded_only else []
    is_volume = type(top).__name__ == "Volume"
    below = [child for name in _LISTS for child in inner.get(f"_loaded_{name}", ())] if is_volume else []
    return [*above, top, *(child for child in below if child.is_loaded_only)]


def _document(target: TargetBackend, top: Tracked) -> ParsedDocument:
    parsed = {id(member): _parsed(member) for member in _family(top)}
    resource = parsed.pop(id(top))
    if type(top).__name__ == "Volume":
        return ParsedDocument({NAME: target.name}, resource, children=list(parsed.values()))
    return ParsedDocument({NAME: target.name}, resource, volume=next(iter(parsed.values()), None))


def _parsed(resource: Tracked) -> ParsedResource:
    resource.validate()
    kind, inner = type(resource).__name__, resource.__dict__
    row = {name: inner[attribute] for name, attribute in ATTRIBUTES[kind]}
    return ParsedResource(kind, row | {"version": 1, "extra": inner["extra"]}, frozenset(schema.FIELDS[kind]))


def _attach(context: Context, resource: Tracked) -> None:
    """Attach *resource* to its session as the object of its row, unless the session has an object of that row."""
    if not resource.is_loaded_only or identity_map.cached(context, type(resource), resource.id) is not None:
        return
    state = sa_orm.attributes.instance_state(resource)
    state._commit_all(resource.__dict__, None)  # noqa: SLF001 - the values that were set on it were just stored
    del resource.__dict__[LOADED]
    sa_orm.make_transient_to_detached(resource)
    context.orm.add(resource)
    for name in [name for name in resource.__dict__ if name.startswith("_loaded_")]:
        del resource.__dict__[name]  # the store may have more children, which the first access loads
    identity_map.reload(context, resource)
