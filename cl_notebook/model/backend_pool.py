"""Backends come to work here: their drivers are checked, opened, held, replaced and let go of."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import concurrency, errors, masking
from cl_notebook.drivers import options as driver_config
from cl_notebook.drivers import options as secrets
from cl_notebook.drivers import registry
from cl_notebook.drivers.api import NeedsContext, SupportsReadOnly
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.model import identity_map, storage_identity, validation
from cl_notebook.model import trust as trust_of
from cl_notebook.model.backend import SECRETS, Backend
from cl_notebook.model.driver_context import StoreDriverContext
from cl_notebook.model.operations.changes import Insert, Update

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cl_notebook.drivers.api import Driver
    from cl_notebook.model.context import Context, StoredBackend
    from cl_notebook.store import Store

PROGRAM = "python"
"""The option that names the Python to start for a driver of Cinder's."""

_EXAMPLE = "cl.Backend('lvm', volume_driver='local', path='~/volumes')"


@dataclass(frozen=True, slots=True)
class OpenDriver:
    """A driver at work, its whole configuration, and the stored part of it that it was opened for."""

    driver: Driver
    config: dict[str, Any]
    stored: tuple[str, dict[str, Any]]


class BackendPool:
    """The drivers at work in one session."""

    def __init__(self, context: Context, opened: dict[str, Backend]) -> None:
        """Belong to the session *context*, and keep its open backends in *opened*, by name."""
        self._context = context
        self._opened = opened
        self._drivers: dict[str, OpenDriver] = {}
        self._classes: dict[tuple[str, str], type[Driver]] = {}
        self._lock = concurrency.reentrant_lock()
        """Held while a backend is opened, which may take as long as its storage likes; the session's own lock is not."""

    def open_backend(self, name: str | None, config: dict[str, Any], *, replace: bool = False, trust: bool = False) -> Backend:
        """Open the backend *name*; see :class:`cl_notebook.Backend`."""
        name = validation.name(name, "volume_backend_name")
        if not name:
            msg = f"A backend needs a name: {_EXAMPLE}."
            raise errors.InvalidInput(msg)
        with self._lock:
            stored = self._stored(name)
            if stored is not None and stored.volume_driver and not self.is_confirmed(stored):
                return self._confirm(stored, config, replace=replace, trust=trust)
            if stored is not None and stored.volume_driver and self._adds_secrets_only(stored, config):
                return self._open(stored, self._config_of(stored, config))
            driver_name, checked = self._checked(name, config, stored)
            if stored is None:
                return self._add(name, driver_name, checked)
            if not replace:  # volumes are known by the share's first spelling: a driver takes another one for another share
                checked = storage_identity.spelled_as(checked, stored.stored_config)
            if self._is_same(stored, driver_name, checked):
                return self._open(stored, checked)
            if not replace and stored.volume_driver:  # one that was loaded by its name alone has no driver yet
                raise errors.AlreadyExists(_differs(stored, driver_name, self._storable(driver_name, checked)))
            return self._replace(stored, driver_name, checked)

    def driver(self, backend: StoredBackend) -> Driver:
        """Return the backend's driver, opened again from its stored configuration if need be."""
        with self._context.lock:
            identity_map.get(self._context, Backend, backend.id)  # another session may have replaced its configuration
            held = self._drivers.get(backend.id)
            if held is not None and held.stored == _stored_part(backend):
                return held.driver
        if held is not None:
            self.close_backend(backend)
        self._context.open_backend(backend.name, {}, replace=False)
        return self._drivers[backend.id].driver

    def close_backend(self, backend: StoredBackend, *, kill: bool = False) -> None:
        """Close the backend's driver; *kill* ends the process of one that has its own."""
        with self._context.lock:
            self._opened.pop(backend.name, None)
            held = self._drivers.pop(backend.id, None)
        if held is not None:
            with translate_errors(backend.name, "close"):
                end = getattr(held.driver, "kill", None) if kill else None
                (end or held.driver.close)()

    def rebind(self, before: dict[str, Backend]) -> None:
        """Hold the drivers of the backends that had these ids under the ids that they have now, in the session's new store."""
        for backend_id, backend in before.items():
            held = self._drivers.pop(backend_id)
            self._drivers[backend.id] = held
            self._context.confirmed.backends[backend.id] = held.stored
            if isinstance(held.driver, NeedsContext):
                held.driver.bind(StoreDriverContext.of(backend))

    def is_confirmed(self, backend: StoredBackend) -> bool:
        """Return whether this user typed or confirmed the configuration of *backend* as it is stored now."""
        if not backend.volume_driver or trust_of.is_trusted(self._context, backend.extra):
            return True
        return self._context.confirmed.backends.get(backend.id) == _stored_part(backend)

    def get_open(self, backend: StoredBackend) -> Driver | None:
        """Return the backend's driver if it is at work; it is not opened for that."""
        found = self._drivers.get(backend.id)
        return found.driver if found is not None else None

    def secrets(self, backend: StoredBackend) -> dict[str, Any]:
        """Return the secret options that the backend is open with, in the clear; none if it is not open."""
        found = self._drivers.get(backend.id)
        return {name: found.config[name] for name in backend.secret_options if name in found.config} if found is not None else {}

    def _confirm(self, stored: Backend, given: dict[str, Any], *, replace: bool, trust: bool) -> Backend:
        """Open a backend that was only described, with what the user typed, or says that they trust."""
        described = {name: value for name, value in stored.stored_config.items() if name != SECRETS}
        if not trust and "volume_driver" not in given:
            raise errors.Unconfirmed(unconfirmed(stored, self._context))
        options = dict(given)
        if trust:
            if described.get(PROGRAM) and PROGRAM not in given:
                msg = (
                    f"The backend {stored.name!r} names a program to run, {PROGRAM}={described[PROGRAM]!r}, which trust=True "
                    f"does not cover. If it is yours, type it: cl.Backend({stored.name!r}, trust=True, {PROGRAM}=…)."
                )
                raise errors.Unconfirmed(msg)
            options = {"volume_driver": stored.volume_driver, **described, **given}
            missing = [name for name in stored.secret_options if name not in options]
            options |= {name: secrets.require_secret(stored.name, name, _target(stored)) for name in missing}
        driver_name, checked = self._checked(stored.name, options, None)
        is_same = _stored_part(stored) == (driver_name, self._storable(driver_name, checked))
        if self._context.store.foreign and not is_same and not replace:
            raise errors.AlreadyExists(_differs(stored, driver_name, self._storable(driver_name, checked)))
        if not is_same:
            return self._replace(stored, driver_name, checked)
        opened = self._open(stored, checked)
        if not self._context.store.foreign and not self._context.settings.read_only:
            self._context.journal.record_without_driver(
                "confirm", [Update.of(stored, {"extra": trust_of.unflagged(stored.extra)})], stored
            )
        return opened

    def _stored(self, name: str) -> Backend | None:
        found = identity_map.select(self._context, sa.select(Backend).where(Backend.name == name))
        return found[0] if found else None

    def _adds_secrets_only(self, stored: Backend, config: dict[str, Any]) -> bool:
        return set(config) <= set(stored.secret_options)

    def _config_of(self, backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
        """Return the whole configuration of a stored backend: its secrets are those *given*, or asked for."""
        held = self._drivers.get(backend.id)
        if held is not None and held.stored == _stored_part(backend) and not given:
            return held.config
        options = {name: value for name, value in backend.stored_config.items() if name != SECRETS}
        missing = [name for name in backend.secret_options if name not in given]
        options |= given | {name: secrets.require_secret(backend.name, name, _target(backend)) for name in missing}
        cls = self._class(backend.volume_driver, options)
        return driver_config.check_config(backend.volume_driver, cls, options)

    def _checked(self, name: str, config: dict[str, Any], stored: Backend | None) -> tuple[str, dict[str, Any]]:
        options = dict(config)
        driver_name = options.pop("volume_driver", stored.volume_driver if stored is not None else None)
        if not driver_name and stored is not None:
            msg = f"Of the backend {name!r} only the name is known. Say how to reach it: cl.Backend({name!r}, volume_driver=…)."
            raise errors.NotFound(msg)
        if driver_name is None:
            known = [row.name for row in identity_map.select(self._context, sa.select(Backend))]
            hint = errors.did_you_mean(name, known)
            msg = (
                f"No backend {name!r} is stored.{hint} Say how to reach it: cl.Backend({name!r}, volume_driver='local', path=…)."
            )
            raise errors.NotFound(msg)
        cls = self._class(driver_name, options)
        current = registry.driver_name(cls, driver_name)
        if driver_name.startswith("cinder.") and current != driver_name:
            warnings.warn(f"The driver {driver_name} is {current} now.", errors.ConfigurationWarning, stacklevel=5)
        return current, driver_config.check_config(driver_name, cls, options)

    def _class(self, driver_name: str, options: dict[str, Any]) -> type[Driver]:
        # looking through the entry points of everything that is installed takes longer than opening a driver
        key = (str(driver_name), str(options.get("python", "")))
        held = self._classes.get(key)
        if held is None:
            with self._context.progress(f"load {driver_name}"):  # a Cinder driver is asked for in another process
                held = self._classes[key] = registry.load_driver(driver_name, options)
        return held

    def _storable(self, driver_name: str, config: dict[str, Any]) -> dict[str, Any]:
        kept = driver_config.storable(self._class(driver_name, config), config)
        names = sorted(name for name, value in config.items() if name not in kept and value is not None)
        return {**kept, SECRETS: names} if names else kept

    def _is_same(self, stored: Backend, driver_name: str, checked: dict[str, Any]) -> bool:
        held = self._drivers.get(stored.id)
        if _stored_part(stored) != (driver_name, self._storable(driver_name, checked)):
            return False
        return held is None or held.stored != _stored_part(stored) or held.config == checked

    def _start(self, name: str, backend_id: str, driver_name: str, checked: dict[str, Any]) -> Driver:
        context = self._context
        cls = self._class(driver_name, checked)

        def secret() -> dict[str, Any]:
            return {option: value for option, value in checked.items() if option not in driver_config.storable(cls, checked)}

        with translate_errors(name, "setup", secret), context.progress(f"open {name}"):
            driver = cls(checked, backend_name=name)
            if isinstance(driver, NeedsContext):
                driver.bind(StoreDriverContext(context, backend_id, name, checked))
            if context.settings.read_only and isinstance(driver, SupportsReadOnly):
                driver.setup_read_only()
            else:
                driver.setup()
        return driver

    def _warn_if_known(self, name: str, backend_id: str, driver_name: str, checked: dict[str, Any]) -> None:
        """Tell whoever gives a storage a second name."""
        same = storage_identity.other_backends(self._context, backend_id, driver_name, self._storable(driver_name, checked))
        if same:
            msg = (
                f"Backend {name!r} is the storage of backend {same[0].name!r} under another name; each tracks its own volumes. "
                f"If that is not what you want: cl.Backend({name!r}).forget(), then cl.Backend({same[0].name!r})."
            )
            warnings.warn(msg, errors.DuplicateBackendWarning, stacklevel=6)

    def _add(self, name: str, driver_name: str, checked: dict[str, Any]) -> Backend:
        journal = self._context.journal
        journal.refuse_if_read_only("add a backend")
        backend_id = validation.new_id(None)
        driver = self._start(name, backend_id, driver_name, checked)
        row = {
            "id": backend_id,
            "name": name,
            "volume_driver": driver_name,
            "stored_config": self._storable(driver_name, checked),
        }
        try:
            made = journal.record_without_driver("add", [Insert(Backend.kind, row)], Insert(Backend.kind, row))[0]
        except errors.StoreError:
            driver.close()
            if self._stored(name) is None:
                raise
            return self.open_backend(name, {"volume_driver": driver_name, **checked})  # another kernel was faster
        opened = self._hold(made, driver, checked)
        self._warn_if_known(name, backend_id, driver_name, checked)
        return opened

    def _open(self, stored: Backend, checked: dict[str, Any]) -> Backend:
        held = self._drivers.get(stored.id)
        if held is not None and held.stored == _stored_part(stored) and held.config == checked:
            return stored
        if held is not None:
            self.close_backend(stored)
        return self._hold(stored, self._start(stored.name, stored.id, stored.volume_driver, checked), checked)

    def _replace(self, stored: Backend, driver_name: str, checked: dict[str, Any]) -> Backend:
        journal = self._context.journal
        journal.refuse_if_read_only("replace a backend")
        driver = self._start(stored.name, stored.id, driver_name, checked)
        values = {
            "volume_driver": driver_name,
            "stored_config": self._storable(driver_name, checked),
            "extra": trust_of.unflagged(stored.extra),
        }
        journal.record_without_driver("replace", [Update.of(stored, values)], stored)
        self.close_backend(stored)
        opened = self._hold(stored, driver, checked)
        self._warn_if_known(stored.name, stored.id, driver_name, checked)
        return opened

    def _hold(self, backend: Backend, driver: Driver, checked: dict[str, Any]) -> Backend:
        self._drivers[backend.id] = OpenDriver(driver, checked, _stored_part(backend))
        self._context.confirmed.backends[backend.id] = _stored_part(backend)
        self._opened[backend.name] = backend
        return backend


def _stored_part(backend: StoredBackend) -> tuple[str, dict[str, Any]]:
    return backend.volume_driver, dict(backend.stored_config)


def unconfirmed(backend: Backend, context: Context) -> str:
    """Return what is said of a backend that was only described: what it would reach, and how to confirm it."""
    whose = "stands in a store that others can write to" if context.store.foreign else "was described by a document"
    secret = f" Its secrets ({', '.join(backend.secret_options)}) would go there." if backend.secret_options else ""
    program = f", {PROGRAM}=…" if backend.stored_config.get(PROGRAM) else ""
    return (
        f"The backend {backend.name!r} {whose}, and nobody confirmed it: {_target(backend)}.{secret} If that is what you want, "
        f"type its configuration, or cl.Backend({backend.name!r}, trust=True{program}); %cl_backend open {backend.name} --trust."
    )


def _target(backend: Backend) -> str:
    return secrets.secret_destination(backend.volume_driver, backend.stored_config, {SECRETS, *backend.secret_options})


def _differs(stored: Backend, driver_name: str, config: dict[str, Any]) -> str:
    before, now = {"volume_driver": stored.volume_driver, **stored.stored_config}, {"volume_driver": driver_name, **config}
    differ = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
    changed = [f"{key}={masking.data(before.get(key), key)!r}, not {masking.data(now.get(key), key)!r}" for key in differ]
    what = "; ".join(changed) or "another secret option"
    return (
        f"A backend {stored.name!r} exists with another configuration ({what}). Give this one another name, or replace it: "
        f"cl.Backend({stored.name!r}, …, replace=True)."
    )


SwitchPlan = list[tuple[Backend, dict[str, Any]]]
"""Each backend with its row in the new store, and whether that is still to be made under ``is_new``."""


def plan_store_switch(store: Store, backends: Sequence[Backend], *, read_only: bool) -> SwitchPlan:
    """Return how *backends* stand in *store*; nothing is written.

    Raises:
        AlreadyExists: a backend is stored there with another configuration.
        ReadOnly: one is not stored there, and nothing may be written.

    """
    names = [backend.name for backend in backends]
    columns = (Backend.id, Backend.name, Backend.volume_driver, Backend.stored_config)
    with store.reading() as connection:
        there = {row.name: row for row in connection.execute(sa.select(*columns).where(Backend.name.in_(names)))}
    plan: SwitchPlan = []
    for backend in backends:
        row = {name: getattr(backend, name) for name in ("id", "name", "volume_driver", "stored_config")}
        stored = there.get(backend.name)
        if stored is not None and (stored.volume_driver, stored.config) != (backend.volume_driver, backend.stored_config):
            msg = f"{store!r} has a backend {backend.name!r} with another configuration. Close this one first: backend.close()."
            raise errors.AlreadyExists(msg)
        if stored is None and read_only:
            msg = f"{store!r} has no backend {backend.name!r}, and this session is read-only. Close it first: backend.close()."
            raise errors.ReadOnly(msg)
        plan.append((backend, {**row, "id": stored.id if stored is not None else row["id"], "is_new": stored is None}))
    return plan


def switch_store(context: Context, plan: SwitchPlan) -> None:
    """Let the objects of *plan* stand for their rows in the store that *context* has now; those that are new are made."""
    for backend, planned_row in plan:
        row = dict(planned_row)
        if row.pop("is_new"):
            made = context.journal.record_without_driver("add", [Insert(Backend.kind, row)], Insert(Backend.kind, row))[0]
        else:
            found = identity_map.get(context, Backend, row["id"])
            if found is None:
                msg = f"The backend {backend.name!r} went from the store while the session moved there."
                raise errors.NotFound(msg)
            made = found
        identity_map.reattach(context, backend, made)
