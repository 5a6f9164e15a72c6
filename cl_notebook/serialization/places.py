"""The backends that loaded resources are on: open, tracked, opened from the document, or known by name alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.drivers import secrets
from cl_notebook.model import Backend, checks, reading
from cl_notebook.model.backend import SECRETS
from cl_notebook.serialization import fields
from cl_notebook.serialization.writing import NAME
from cl_notebook.store.base import utcnow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cl_notebook.model.context import Context
    from cl_notebook.serialization.bundles import Bundle
    from cl_notebook.serialization.fields import Row

_PROGRAM = "python"
"""The option that names the Python to start for a driver of Cinder's."""


@dataclass(slots=True)
class Place:
    """A backend: the object of it, or the row that is to be made for its name alone."""

    id: str
    name: str
    backend: Backend | None
    row: Row | None = None


def places(context: Context, bundles: Iterable[Bundle], *, fail_on_missing_backend: bool) -> dict[str, Place]:
    """Return the backends that *bundles* are on, by name; those that are only described are opened, and thereby tracked.

    Raises:
        NotFound: a backend is neither tracked nor described, or its driver is none that may be loaded.
        AlreadyExists: it is tracked with another configuration.

    """
    found: dict[str, Place] = {}
    for bundle in bundles:
        name, described = bundle.backend[NAME], len(bundle.backend) > 1
        if name in found and not described:
            continue
        found[name] = _place(context, bundle, fail_on_missing_backend=fail_on_missing_backend)
    return found


def _place(context: Context, bundle: Bundle, *, fail_on_missing_backend: bool) -> Place:
    spec = bundle.backend
    name = checks.name(spec[NAME], NAME)
    known = reading.select(context, sa.select(Backend).where(Backend.name == name))
    if known:
        _refuse_if_other(known[0], spec)
        return Place(known[0].id, name, known[0])
    if len(spec) > 1:
        opened = _open(context, name, spec)
        return Place(opened.id, name, opened)
    if fail_on_missing_backend:
        msg = (
            f"The backend {name!r} is not open. Open it first: cl.Backend({name!r}, volume_driver=…); or load what is on it all "
            "the same, with fail_on_missing_backend=False."
        )
        raise errors.NotFound(msg)
    row = _row(context, bundle, name)
    return Place(row["id"], name, None, row)


def _row(context: Context, bundle: Bundle, name: str) -> Row:
    given = bundle.of.row if bundle.of is not None and bundle.of.kind == "Backend" else None
    taken = given is not None and reading.get(context, Backend, given["id"]) is not None
    own = checks.new_id(None) if given is None or taken else given["id"]
    moments = {"created_at": utcnow(), "updated_at": None, "version": 1, "extra": None}
    if given is not None:
        moments = {key: given[key] for key in moments}
    return {"id": own, "name": name, "volume_driver": "", "config": {}, **moments}


def _refuse_if_other(backend: Backend, spec: dict[str, Any]) -> None:
    """Refuse a document whose backend is another one; options that it does not give, and secrets, are not compared."""
    if not backend.volume_driver:
        return
    own = {"volume_driver": backend.volume_driver, **backend.stored_config}
    open_to_see = set(own) - {SECRETS, *backend.secret_options}
    told = [name for name in sorted(spec) if name in open_to_see and str(own[name]) != str(spec[name])]
    if told:
        what = "; ".join(f"{name} is {fields.shown(own[name])}, not {fields.shown(spec[name])}" for name in told[:3])
        msg = f"The backend {backend.name!r} is tracked with another configuration: {what}. Nothing was loaded."
        raise errors.AlreadyExists(msg)


def _open(context: Context, name: str, spec: dict[str, Any]) -> Backend:
    config = {key: value for key, value in spec.items() if key not in {NAME, SECRETS}}
    driver = config.get("volume_driver")
    if not isinstance(driver, str) or not driver:
        msg = f"The backend {name!r} is not open, and the document names no driver of it but {fields.shown(driver)}."
        raise errors.NotFound(msg)
    if config.get(_PROGRAM):
        msg = (
            f"The document of the backend {name!r} names a program to run, {_PROGRAM}={fields.shown(config[_PROGRAM])}: no "
            f"document may. If you trust it, open the backend first: cl.Backend({name!r}, …)."
        )
        raise errors.InvalidInput(msg)
    missing = spec.get(SECRETS, [])
    if not isinstance(missing, list) or not all(isinstance(option, str) for option in missing):
        msg = f"{SECRETS} of the backend {name!r} must be a list of names, not {fields.shown(missing)}."
        raise errors.InvalidInput(msg)
    config |= {option: secrets.find(name, option) for option in missing if option not in config}
    return context.open_backend(name, config, replace=False)
