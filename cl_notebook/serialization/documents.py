"""Documents of objects: what was loaded of them, or all of it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, cast

import msgspec
import sqlalchemy as sa

from cl_notebook import masking
from cl_notebook.model import Backend, identity_map
from cl_notebook.model.backend import SECRETS
from cl_notebook.model.base import LOADED
from cl_notebook.serialization import schema
from cl_notebook.serialization.schema import ATTRIBUTES, BESIDE, VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.model.base import Document, Tracked
    from cl_notebook.model.context import Context

NAME = "volume_backend_name"


def of(resource: Tracked, *, simplified: bool) -> Document:
    """Return the document of *resource*; see :class:`cl_notebook.model.base.Documents`."""
    if isinstance(resource, Backend):
        return _of_backend(resource, simplified=simplified)
    made = data(resource)
    for name in () if simplified else BESIDE[type(resource).__name__]:
        beside = resource.__dict__.get(f"_loaded_{name}")
        if beside is not None:
            made[name] = [data(child) for child in beside] if isinstance(beside, list) else data(beside)
    backend: Backend = resource.backend  # type: ignore[attr-defined] # every class but Backend has one
    return document(type(resource).__name__, of_backend(backend), made, added(resource))


def _of_backend(backend: Backend, *, simplified: bool) -> Document:
    # its volumes are always in it, as in cinderlib; of each of them, what was loaded
    volumes = [] if simplified else [of(volume, simplified=False) for volume in backend.volumes]
    for volume in volumes:
        volume["backend"] = {NAME: backend.name}  # the whole configuration once is enough
    made = document("Backend", of_backend(backend), data(backend), added(backend))
    return made if simplified else made | {"volumes": volumes}


def loaded(resource: Tracked) -> Document:
    """Return the document of *resource* after what lies beside it was loaded."""
    for name in BESIDE[type(resource).__name__]:
        getattr(resource, name)
    return of(resource, simplified=False)


def document(kind: str, backend: Mapping[str, Any], inner: dict[str, Any], extra: Mapping[str, Any] | None) -> Document:
    """Return *inner* with what stands around it."""
    made = {"class": kind, "version": VERSION, "backend": dict(backend), "data": inner}
    return {**extra["document"], **made} if extra and extra.get("document") else made


def of_backend(backend: Backend) -> dict[str, Any]:
    """Return what is written of the backend that a resource is on: its name, or all of it where the session says so."""
    if not backend.is_tracked or not backend.context.settings.output_all_backend_info:
        return {NAME: backend.name}
    context = backend.context
    return configuration(backend, context.secrets(backend) if context.settings.include_secrets else None)


def configuration(backend: Backend, secrets: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the whole configuration of *backend*: with *secrets*, or with the names of those that are missing."""
    plain = {name: value for name, value in backend.stored_config.items() if name != SECRETS}
    missing = [name for name in backend.secret_options if name not in (secrets or {})]
    if secrets is None:  # a secret may also stand in an option that is none, such as the password in a URL
        missing += [name for name, value in plain.items() if masking.data(value, name) != value]
    whole = {NAME: backend.name, "volume_driver": backend.volume_driver, **plain, **(secrets or {})}
    told = {name: value for name, value in whole.items() if name not in missing}
    return {**told, SECRETS: missing} if missing else told


def plain(resource: Tracked) -> dict[str, Any]:
    """Return the fields of *resource* by name, and lists of them for the lists that were loaded."""
    kind, inner = type(resource).__name__, resource.__dict__
    told = _values(resource, secrets=False)
    if isinstance(resource, Backend):
        told = {"id": told.pop("id"), "name": resource.name, "config": resource.config, **told}
    else:
        told["backend"] = resource.backend.name  # type: ignore[attr-defined] # every class but Backend has one
    for name in BESIDE[kind]:
        beside = inner.get(f"_loaded_{name}")
        if isinstance(beside, list):
            told[name] = [plain(child) for child in beside]
    return cast("dict[str, Any]", msgspec.to_builtins(told, builtin_types=(dt.datetime,)))


def text(made: Any) -> str:  # noqa: ANN401 - JSON
    """Return *made* as one line of JSON."""
    return msgspec.json.encode(made).decode()


def data(resource: Tracked) -> dict[str, Any]:
    """Return the data of the document of *resource* alone, its secrets masked unless the session says otherwise."""
    kind = type(resource).__name__
    values = _values(resource, secrets=_context(resource).settings.include_secrets)
    # a copy, with times as text: what is done to it does nothing to the object
    return cast("dict[str, Any]", msgspec.to_builtins(schema.written(kind, values, added(resource))))


def _context(resource: Tracked) -> Context:
    context: Context = resource.__dict__.get(LOADED) or resource.context
    return context


def added(resource: Tracked) -> dict[str, Any] | None:
    """Return what others added to the documents of *resource*, its secrets masked unless the session says otherwise."""
    if resource.extra is None or _context(resource).settings.include_secrets:
        return resource.extra
    return cast("dict[str, Any]", masking.data(resource.extra))


def _values(resource: Tracked, *, secrets: bool) -> dict[str, Any]:
    values = {name: resource.__dict__[attribute] for name, attribute in ATTRIBUTES[type(resource).__name__]}
    return (
        values if secrets else {name: masking.data(value) if name in masking.FIELDS else value for name, value in values.items()}
    )


def tracked(context: Context) -> list[Backend]:
    """Return every backend of the store, by name."""
    return identity_map.select(context, sa.select(Backend).order_by(Backend.name))
