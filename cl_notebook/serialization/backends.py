"""The backends of parsed documents: open, tracked, described by a document, or known by name alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.drivers import options, registry
from cl_notebook.masking import is_secret
from cl_notebook.model import Backend, identity_map, storage_identity, trust, validation
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
class TargetBackend:
    """The backend that loaded resources belong to: a tracked object, or a row that is to be inserted."""

    id: str
    name: str
    backend: Backend | None
    row: Row | None = None

    @property
    def driver(self) -> tuple[str, Mapping[str, Any]]:
        """The name of the driver and its stored configuration; empty for a backend that is known by name alone."""
        if self.backend is not None:
            return self.backend.volume_driver, self.backend.stored_config
        row = self.row or {}
        return row.get("volume_driver") or "", row.get("config") or {}


@dataclass(frozen=True, slots=True)
class BackendResolver:
    """Finds, opens or describes the backends that parsed documents name.

    A backend that only a document describes becomes a row that the user has to confirm. With *trust_documents* it is taken as
    confirmed, and if *opens* is set, too, it is opened, and thereby tracked.
    """

    context: Context
    fail_on_missing_backend: bool
    opens: bool = False
    trust_documents: bool = False

    def resolve(self, documents: Iterable[ParsedDocument]) -> dict[str, TargetBackend]:
        """Return the backends that *documents* are on, by name.

        Raises:
            NotFound: a backend is neither tracked nor described, or its driver may not be loaded.
            AlreadyExists: it is tracked with another configuration.

        """
        targets: dict[str, TargetBackend] = {}
        for document in documents:
            name, is_described = document.backend[NAME], len(document.backend) > 1
            if name not in targets or is_described:
                targets[name] = self._resolve(document)
        return targets

    def _resolve(self, document: ParsedDocument) -> TargetBackend:
        config = document.backend
        name, is_described = validation.name(config[NAME], NAME), len(config) > 1
        tracked = identity_map.select(self.context, sa.select(Backend).where(Backend.name == name))
        if tracked:
            backend = tracked[0]
            _refuse_if_different(backend, config)
            if self.opens and self.trust_documents and is_described and not backend.is_confirmed:
                self._open(name, config)
            return TargetBackend(backend.id, name, backend)
        if is_described and self.opens and self.trust_documents:
            opened = self._open(name, config)
            return TargetBackend(opened.id, name, opened)
        if is_described:
            return self._describe(document, name)
        if self.fail_on_missing_backend:
            msg = (
                f"The backend {name!r} is not open. Open it first: cl.Backend({name!r}, volume_driver=…); or load its resources "
                "without it: fail_on_missing_backend=False."
            )
            raise errors.NotFound(msg)
        row = self._row(document, name)
        return TargetBackend(row["id"], name, None, row)

    def _open(self, name: str, config: dict[str, Any]) -> Backend:
        driver, values, missing = _checked_config(name, config)
        values |= {
            option: options.require_secret(name, option, options.secret_destination(driver, values))
            for option in missing
            if option not in values
        }
        return cast("Backend", self.context.open_backend(name, {"volume_driver": driver, **values}, replace=False))

    def _describe(self, document: ParsedDocument, name: str) -> TargetBackend:
        """Return a backend with the configuration of *document*, without its secrets; nothing is opened."""
        driver, config, missing = _checked_config(name, document.backend)
        secret = sorted(
            {*missing, *(option for option, value in config.items() if is_secret(option) and value not in (None, ""))}
        )
        public = {option: value for option, value in config.items() if option not in secret}
        row = self._row(document, name) | {"volume_driver": driver, "config": public | ({SECRETS: secret} if secret else {})}
        row["extra"] = row["extra"] if self.trust_documents else trust.flagged(row["extra"])
        return TargetBackend(row["id"], name, None, row)

    def _row(self, document: ParsedDocument, name: str) -> Row:
        parsed = document.resource
        row = parsed.row if parsed is not None and parsed.kind == "Backend" else None
        is_taken = row is not None and identity_map.get(self.context, Backend, row["id"]) is not None
        backend_id = validation.new_id(None) if row is None or is_taken else row["id"]
        common = {"created_at": utcnow(), "updated_at": None, "version": 1, "extra": None}
        if row is not None:
            common = {key: row[key] for key in common}
        return {"id": backend_id, "name": name, "volume_driver": "", "config": {}, **common}


def _refuse_if_different(backend: Backend, config: dict[str, Any]) -> None:
    """Refuse a document whose configuration differs from *backend*'s; missing options and secrets are not compared."""
    if not backend.volume_driver:
        return
    stored = {"volume_driver": backend.volume_driver, **backend.stored_config}
    comparable = set(stored) - {SECRETS, *backend.secret_options}
    different = [name for name in sorted(config) if name in comparable and not _is_same(stored[name], config[name])]
    if different:
        differences = "; ".join(
            f"{name} is {schema.shorten(stored[name])}, not {schema.shorten(config[name])}" for name in different[:3]
        )
        msg = f"The backend {backend.name!r} is tracked with another configuration: {differences}. Nothing was loaded."
        raise errors.AlreadyExists(msg)


def _is_same(stored: Any, given: Any) -> bool:  # noqa: ANN401 - an option's
    return storage_identity.is_same_value(str(stored), str(given))


def _checked_config(name: str, config: dict[str, Any]) -> tuple[str, dict[str, Any], list[str]]:
    """Return the driver that a document names, its options, and the names of the secrets that it leaves out.

    The driver is not imported.

    Raises:
        NotFound: it names no driver that may be loaded.
        InvalidInput: it names a program.

    """
    values = {key: value for key, value in config.items() if key not in {NAME, SECRETS}}
    driver = values.pop("volume_driver", None)
    if not isinstance(driver, str) or not driver:
        msg = f"The backend {name!r} is not open, and the document names no driver of it but {schema.shorten(driver)}."
        raise errors.NotFound(msg)
    if not registry.is_known(driver):
        msg = f"The document of the backend {name!r} names the driver {driver!r}, which is neither installed nor one of Cinder's."
        raise errors.NotFound(msg)
    if values.get(PROGRAM):
        msg = (
            f"The document of the backend {name!r} names a program to run, {PROGRAM}={schema.shorten(values[PROGRAM])}: no "
            f"document may. If you trust it, open the backend first: cl.Backend({name!r}, …)."
        )
        raise errors.InvalidInput(msg)
    missing = config.get(SECRETS, [])
    if not isinstance(missing, list) or not all(isinstance(option, str) for option in missing):
        msg = f"{SECRETS} of the backend {name!r} must be a list of names, not {schema.shorten(missing)}."
        raise errors.InvalidInput(msg)
    return driver, values, missing
