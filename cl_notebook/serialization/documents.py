"""Documents of objects, with the related resources that are loaded, or with all of them."""

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
from cl_notebook.serialization.schema import ATTRIBUTES, RELATED, VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.model.base import Document, Tracked
    from cl_notebook.model.context import Context

NAME = "volume_backend_name"
"""The key of a backend's name in documents and in cinderlib's configurations."""


def to_document(resource: Tracked, *, simplified: bool) -> Document:
    """Return the document of *resource*, with the related resources that were loaded unless it is *simplified*."""
    if isinstance(resource, Backend):
        return _backend_document(resource, simplified=simplified)
    fields = data(resource)
    for name in () if simplified else RELATED[type(resource).__name__]:
        related = resource.__dict__.get(f"_loaded_{name}")
        if related is not None:
            fields[name] = [data(child) for child in related] if isinstance(related, list) else data(related)
    backend: Backend = resource.backend  # type: ignore[attr-defined] # every class but Backend has one
    return wrap(type(resource).__name__, backend_reference(backend), fields, unknown_fields(resource))


def _backend_document(backend: Backend, *, simplified: bool) -> Document:
    # As in cinderlib, a backend's document always has its volumes; they have the related resources that are loaded.
    volumes = [] if simplified else [to_document(volume, simplified=False) for volume in backend.volumes]
    for volume in volumes:
        volume["backend"] = {NAME: backend.name}  # the document around them has the configuration
    document = wrap("Backend", backend_reference(backend), data(backend), unknown_fields(backend))
    return document if simplified else document | {"volumes": volumes}


def to_loaded_document(resource: Tracked) -> Document:
    """Load the resources that are related to *resource*, and return its document with them."""
    for name in RELATED[type(resource).__name__]:
        getattr(resource, name)
    return to_document(resource, simplified=False)


def wrap(kind: str, backend: Mapping[str, Any], fields: dict[str, Any], extra: Mapping[str, Any] | None) -> Document:
    """Return the document around *fields*, the data of class *kind*, with the unknown keys in *extra*."""
    document = {"class": kind, "version": VERSION, "backend": dict(backend), "data": fields}
    return {**extra["document"], **document} if extra and extra.get("document") else document


def backend_reference(backend: Backend) -> dict[str, Any]:
    """Return how documents refer to *backend*: by name, or with its configuration if the settings say so."""
    if not backend.is_tracked or not backend.context.settings.output_all_backend_info:
        return {NAME: backend.name}
    context = backend.context
    return configuration(backend, context.secrets(backend) if context.settings.include_secrets else None)


def configuration(backend: Backend, secrets: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the configuration of *backend*: with *secrets*, or with the names of the secrets left out."""
    options = {name: value for name, value in backend.stored_config.items() if name != SECRETS}
    missing = [name for name in backend.secret_options if name not in (secrets or {})]
    if secrets is None:  # an option that is not secret may contain a secret, such as the password in a URL
        missing += [name for name, value in options.items() if masking.data(value, name) != value]
    complete = {NAME: backend.name, "volume_driver": backend.volume_driver, **options, **(secrets or {})}
    shared = {name: value for name, value in complete.items() if name not in missing}
    return {**shared, SECRETS: missing} if missing else shared


def to_dict(resource: Tracked) -> dict[str, Any]:
    """Return the fields of *resource* by name, with the lists that were loaded.

    Times are ``datetime``; secrets are masked.
    """
    kind, attributes = type(resource).__name__, resource.__dict__
    fields = _values(resource, secrets=False)
    if isinstance(resource, Backend):
        fields = {"id": fields.pop("id"), "name": resource.name, "config": resource.config, **fields}
    else:
        fields["backend"] = resource.backend.name  # type: ignore[attr-defined] # every class but Backend has one
    for name in RELATED[kind]:
        related = attributes.get(f"_loaded_{name}")
        if isinstance(related, list):
            fields[name] = [to_dict(child) for child in related]
    return cast("dict[str, Any]", msgspec.to_builtins(fields, builtin_types=(dt.datetime,)))


def to_text(document: Any) -> str:  # noqa: ANN401 - JSON
    """Return *document* as one line of JSON."""
    return msgspec.json.encode(document).decode()


def data(resource: Tracked) -> dict[str, Any]:
    """Return the fields of *resource* for a document: times as text, secrets masked unless allowed."""
    kind = type(resource).__name__
    values = _values(resource, secrets=_context(resource).settings.include_secrets)
    # to_builtins copies: a change of the document does not change the object
    return cast("dict[str, Any]", msgspec.to_builtins(schema.with_unknown_fields(kind, values, unknown_fields(resource))))


def _context(resource: Tracked) -> Context:
    context: Context = resource.__dict__.get(LOADED) or resource.context
    return context


def unknown_fields(resource: Tracked) -> dict[str, Any] | None:
    """Return the unknown fields of *resource*'s document; secrets are masked unless the settings allow them."""
    if resource.extra is None or _context(resource).settings.include_secrets:
        return resource.extra
    return cast("dict[str, Any]", masking.data(resource.extra))


def _values(resource: Tracked, *, secrets: bool) -> dict[str, Any]:
    values = {name: resource.__dict__[attribute] for name, attribute in ATTRIBUTES[type(resource).__name__]}
    if secrets:
        return values
    return {name: masking.data(value) if name in masking.FIELDS else value for name, value in values.items()}


def tracked_backends(context: Context) -> list[Backend]:
    """Return every backend of the store, by name."""
    return identity_map.select(context, sa.select(Backend).order_by(Backend.name))
