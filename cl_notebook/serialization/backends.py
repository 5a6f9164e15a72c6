"""The backends that loaded resources are on: open, tracked, described by the document, or known by name alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.drivers import options, registry
from cl_notebook.masking import is_secret
from cl_notebook.model import Backend, identity_map, storage_identity, validation
from cl_notebook.model import trust as trusting
from cl_notebook.model.backend import SECRETS
from cl_notebook.model.backend_pool import PROGRAM
from cl_notebook.serialization import schema
from cl_notebook.serialization.documents import NAME
from cl_notebook.store.types import utcnow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cl_notebook.model.context import Context
    from cl_notebook.serialization.reader import ParsedDocument
    from cl_notebook.serialization.schema import Row


@dataclass(slots=True)
class Place:
    """A backend: the object of it, or the row that is to be made for its name alone."""

    id: str
    name: str
    backend: Backend | None
    row: Row | None = None

    @property
    def driver(self) -> tuple[str, Mapping[str, Any]]:
        """The driver, and the configuration, as far as they are known."""
        if self.backend is not None:
            return self.backend.volume_driver, self.backend.stored_config
        row = self.row or {}
        return row.get("volume_driver") or "", row.get("config") or {}


def places(
    context: Context,
    bundles: Iterable[ParsedDocument],
    *,
    fail_on_missing_backend: bool,
    opens: bool = False,
    trust: bool = False,
) -> dict[str, Place]:
    """Return the backends that *bundles* are on, by name.

    One that is only described is a row that is not stored yet, to be confirmed; with *trust* it counts as typed, and if it also
    *opens* it is opened, and thereby tracked.

    Raises:
        NotFound: a backend is neither tracked nor described, or its driver is none that may be loaded.
        AlreadyExists: it is tracked with another configuration.

    """
    found: dict[str, Place] = {}
    for bundle in bundles:
        name, described = bundle.backend[NAME], len(bundle.backend) > 1
        if name in found and not described:
            continue
        found[name] = _place(context, bundle, fail_on_missing_backend=fail_on_missing_backend, opens=opens, trust=trust)
    return found


def _place(context: Context, bundle: ParsedDocument, *, fail_on_missing_backend: bool, opens: bool, trust: bool) -> Place:
    spec = bundle.backend
    name = validation.name(spec[NAME], NAME)
    known = identity_map.select(context, sa.select(Backend).where(Backend.name == name))
    if known:
        _refuse_if_other(known[0], spec)
        if opens and trust and len(spec) > 1 and not known[0].is_confirmed:
            _open(context, name, spec)
        return Place(known[0].id, name, known[0])
    if len(spec) > 1 and opens and trust:
        opened = _open(context, name, spec)
        return Place(opened.id, name, opened)
    if len(spec) > 1:
        return _described(context, bundle, name, trust=trust)
    if fail_on_missing_backend:
        msg = (
            f"The backend {name!r} is not open. Open it first: cl.Backend({name!r}, volume_driver=…); or load what is on it all "
            "the same, with fail_on_missing_backend=False."
        )
        raise errors.NotFound(msg)
    row = _row(context, bundle, name)
    return Place(row["id"], name, None, row)


def _row(context: Context, bundle: ParsedDocument, name: str) -> Row:
    given = bundle.of.row if bundle.of is not None and bundle.of.kind == "Backend" else None
    taken = given is not None and identity_map.get(context, Backend, given["id"]) is not None
    own = validation.new_id(None) if given is None or taken else given["id"]
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
    told = [name for name in sorted(spec) if name in open_to_see and not _is_same(own[name], spec[name])]
    if told:
        what = "; ".join(f"{name} is {schema.shown(own[name])}, not {schema.shown(spec[name])}" for name in told[:3])
        msg = f"The backend {backend.name!r} is tracked with another configuration: {what}. Nothing was loaded."
        raise errors.AlreadyExists(msg)


def _is_same(own: Any, told: Any) -> bool:  # noqa: ANN401 - an option's
    return storage_identity.is_same_value(str(own), str(told))


def _config(name: str, spec: dict[str, Any]) -> tuple[str, dict[str, Any], list[str]]:
    """Return the driver that the document names, its options, and the names of the secrets that it leaves out.

    Nothing is imported for that.

    Raises:
        NotFound: it names no driver that may be loaded.
        InvalidInput: it names a program.

    """
    config = {key: value for key, value in spec.items() if key not in {NAME, SECRETS}}
    driver = config.pop("volume_driver", None)
    if not isinstance(driver, str) or not driver:
        msg = f"The backend {name!r} is not open, and the document names no driver of it but {schema.shown(driver)}."
        raise errors.NotFound(msg)
    if not registry.is_known(driver):
        msg = f"The document of the backend {name!r} names the driver {driver!r}, which is neither installed nor one of Cinder's."
        raise errors.NotFound(msg)
    if config.get(PROGRAM):
        msg = (
            f"The document of the backend {name!r} names a program to run, {PROGRAM}={schema.shown(config[PROGRAM])}: no "
            f"document may. If you trust it, open the backend first: cl.Backend({name!r}, …)."
        )
        raise errors.InvalidInput(msg)
    missing = spec.get(SECRETS, [])
    if not isinstance(missing, list) or not all(isinstance(option, str) for option in missing):
        msg = f"{SECRETS} of the backend {name!r} must be a list of names, not {schema.shown(missing)}."
        raise errors.InvalidInput(msg)
    return driver, config, missing


def _open(context: Context, name: str, spec: dict[str, Any]) -> Backend:
    driver, config, missing = _config(name, spec)
    config |= {
        option: options.require_secret(name, option, options.secret_destination(driver, config))
        for option in missing
        if option not in config
    }
    return context.open_backend(name, {"volume_driver": driver, **config}, replace=False)


def _described(context: Context, bundle: ParsedDocument, name: str, *, trust: bool) -> Place:
    """Return the place of a backend that only the document describes: nothing is opened, and no secret is kept."""
    driver, config, missing = _config(name, bundle.backend)
    secret = sorted({*missing, *(option for option, value in config.items() if is_secret(option) and value not in (None, ""))})
    kept = {option: value for option, value in config.items() if option not in secret}
    row = _row(context, bundle, name) | {"volume_driver": driver, "config": kept | ({SECRETS: secret} if secret else {})}
    row["extra"] = row["extra"] if trust else trusting.flagged(row["extra"])
    return Place(row["id"], name, None, row)
