"""Open, confirm, replace and close the backends of a session, and move them to another store."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import concurrency, errors, masking
from cl_notebook.drivers import options, registry
from cl_notebook.drivers.api import HasLog, NeedsContext, SupportsReadOnly
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.model import doctor_hint, identity_map, lookup, storage_identity, validation
from cl_notebook.model.backend import SECRETS, Backend, given_options
from cl_notebook.model.context import FailedOpening
from cl_notebook.model.driver_context import StoreDriverContext
from cl_notebook.model.operations import background
from cl_notebook.model.operations.changes import Insert, Update
from cl_notebook.model.trust import is_trusted, unflagged
from cl_notebook.text import quote_word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cl_notebook.drivers.api import Driver
    from cl_notebook.model.context import Context, StoredBackend
    from cl_notebook.store import Store

PROGRAM = "python"
"""The option with the Python interpreter that runs a Cinder driver."""

SwitchPlan = list[tuple[Backend, dict[str, Any]]]
"""Open backends with their rows in the new store; the extra key ``is_new`` of a row says whether it has to be inserted."""

_EXAMPLE = "cl.Backend('lab', volume_driver='local')"


@dataclass(frozen=True, slots=True)
class OpenDriver:
    """An open driver, its whole configuration, and the stored configuration that it was opened for."""

    driver: Driver
    config: dict[str, Any]
    stored: tuple[str, dict[str, Any]]


class BackendPool:
    """The open drivers of one session."""

    def __init__(self, context: Context, opened: dict[str, Backend]) -> None:
        """Serve the session *context*; *opened* is filled with its open backends, by name."""
        self._context = context
        self._opened = opened
        self.failed: dict[str, FailedOpening] = {}
        """The last attempt of each backend that could not be opened and is not open, by name."""
        self._drivers: dict[str, OpenDriver] = {}
        self._classes: dict[tuple[str, str], type[Driver]] = {}
        self._lock = concurrency.reentrant_lock()
        """Serialises the opening of backends. Opening waits for storage without a limit, so the session's lock is not held."""

    def open_backend(
        self,
        name: str | None,
        config: dict[str, Any],
        *,
        replace: bool = False,
        trust: bool = False,
        accept_unknown: bool = False,
    ) -> Backend:
        """Open the backend *name*; see :class:`cl_notebook.Backend` for arguments and errors.

        With *accept_unknown*, options that the driver does not have are a warning, and are passed to it if it takes such.
        """
        name = validation.name(name, "volume_backend_name")
        if not name:
            msg = f"A backend needs a name: {_EXAMPLE}."
            raise errors.InvalidInput(msg)
        with self._lock:
            if accept_unknown and config.get("volume_driver"):
                with self._attempt(name, config["volume_driver"], config):
                    config = options.with_unknown(self._class(config["volume_driver"], config), config)
            stored = lookup.backend_named(self._context, name)
            if stored is not None and stored.volume_driver and not self.is_confirmed(stored):
                return self._confirm(stored, config, replace=replace, trust=trust)
            if stored is not None and stored.volume_driver and self._adds_secrets_only(stored, config):
                return self._open(stored, self._config_of(stored, config))
            driver_name, checked = self._checked(name, config, stored)
            if stored is None:
                return self._add(name, driver_name, checked)
            if not replace:  # a Cinder driver identifies a share by its spelling: another one would be another share
                checked = storage_identity.spelled_as(checked, stored.stored_config)
            if self._is_same(stored, driver_name, checked):
                return self._open(stored, checked)
            if not replace and stored.volume_driver:  # a backend that was loaded by name alone has no driver yet
                raise errors.AlreadyExists(_difference_message(stored, driver_name, self._storable(driver_name, checked)))
            return self._replace(stored, driver_name, checked)

    def driver(self, backend: StoredBackend) -> Driver:
        """Return the driver of *backend*; open it if it is closed or was opened with another configuration."""
        with self._context.lock:
            identity_map.get(self._context, Backend, backend.id)  # another session may have replaced its configuration
            current = self._drivers.get(backend.id)
            if current is not None and current.stored == _stored_part(backend):
                return current.driver
        if current is not None:
            self.close_backend(backend)
        self._context.open_backend(backend.name, {}, replace=False)
        return self._drivers[backend.id].driver

    def close_backend(self, backend: StoredBackend, *, kill: bool = False) -> None:
        """Close the driver of *backend*; *kill* ends the driver's child process at once, even during a call."""
        with self._context.lock:
            self._opened.pop(backend.name, None)
            current = self._drivers.pop(backend.id, None)
        if current is not None:
            with translate_errors(backend.name, "close"):
                end = getattr(current.driver, "kill", None) if kill else None
                (end or current.driver.close)()

    def rebind(self, before: dict[str, Backend]) -> None:
        """Register the open drivers under the ids that their backends have in the session's new store.

        Args:
            before: the backends by the ids that they had in the old store.

        """
        for backend_id, backend in before.items():
            current = self._drivers.pop(backend_id)
            self._drivers[backend.id] = current
            self._context.confirmed.backends[backend.id] = current.stored
            if isinstance(current.driver, NeedsContext):
                current.driver.bind(StoreDriverContext.of(backend))

    def is_confirmed(self, backend: StoredBackend) -> bool:
        """Return whether this user typed or confirmed the configuration of *backend* as it is stored now."""
        if not backend.volume_driver or is_trusted(self._context, backend.extra):
            return True
        return self._context.confirmed.backends.get(backend.id) == _stored_part(backend)

    def get_open(self, backend: StoredBackend) -> Driver | None:
        """Return the driver of *backend* if it is open, else None."""
        current = self._drivers.get(backend.id)
        return current.driver if current is not None else None

    def secrets(self, backend: StoredBackend) -> dict[str, Any]:
        """Return the secret options of an open backend in the clear; none if it is not open."""
        current = self._drivers.get(backend.id)
        if current is None:
            return {}
        return {name: current.config[name] for name in backend.secret_options if name in current.config}

    def _confirm(self, stored: Backend, given: dict[str, Any], *, replace: bool, trust: bool) -> Backend:
        """Open an unconfirmed backend with the options *given*, or with the stored ones if *trust* is set."""
        described = given_options(stored.stored_config)
        if not trust and "volume_driver" not in given:
            raise errors.Unconfirmed(unconfirmed(stored, self._context))
        config = dict(given)
        if trust:
            if described.get(PROGRAM) and PROGRAM not in given:
                msg = (
                    f"The backend {stored.name!r} names a program to run, {PROGRAM}={described[PROGRAM]!r}, which trust=True "
                    f"does not cover. If it is yours, type it: cl.Backend({stored.name!r}, trust=True, {PROGRAM}=…)."
                )
                raise errors.Unconfirmed(msg)
            config = {"volume_driver": stored.volume_driver, **described, **given}
            missing = [name for name in stored.secret_options if name not in config]
            config |= {name: options.require_secret(stored.name, name, _target(stored)) for name in missing}
        driver_name, checked = self._checked(stored.name, config, None)
        is_same = _stored_part(stored) == (driver_name, self._storable(driver_name, checked))
        if self._context.store.foreign and not is_same and not replace:
            raise errors.AlreadyExists(_difference_message(stored, driver_name, self._storable(driver_name, checked)))
        if not is_same:
            return self._replace(stored, driver_name, checked)
        backend = self._open(stored, checked)
        if not self._context.store.foreign and not self._context.settings.read_only:
            change = Update.of(stored, {"extra": unflagged(stored.extra)})
            self._context.journal.record_without_driver("confirm", [change], stored)
        return backend

    def _adds_secrets_only(self, stored: Backend, config: dict[str, Any]) -> bool:
        return set(config) <= set(stored.secret_options)

    def _config_of(self, backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
        """Return the whole configuration of a stored backend; look up or prompt for secrets not *given*."""
        current = self._drivers.get(backend.id)
        if current is not None and current.stored == _stored_part(backend) and not given:
            return current.config
        config = given_options(backend.stored_config)
        missing = [name for name in backend.secret_options if name not in given]
        config |= given | {name: options.require_secret(backend.name, name, _target(backend)) for name in missing}
        with self._attempt(backend.name, backend.volume_driver, config):
            cls = self._class(backend.volume_driver, config)
        return options.check_config(backend.volume_driver, cls, config, backend.name)

    def _checked(self, name: str, config: dict[str, Any], stored: Backend | None) -> tuple[str, dict[str, Any]]:
        """Return the current name of the driver, and its full configuration."""
        config = dict(config)
        driver_name = config.pop("volume_driver", stored.volume_driver if stored is not None else None)
        if not driver_name and stored is not None:
            msg = f"Of the backend {name!r} only the name is known. Say how to reach it: cl.Backend({name!r}, volume_driver=…)."
            raise errors.NotFound(msg)
        if driver_name is None:
            known = [row.name for row in identity_map.select(self._context, sa.select(Backend))]
            hint = errors.did_you_mean(name, known)
            msg = f"No backend {name!r} is stored.{hint} Say how to reach it: cl.Backend({name!r}, volume_driver='local')."
            raise errors.NotFound(msg)
        with self._attempt(name, driver_name, config):
            cls = self._class(driver_name, config)
        current_name = registry.driver_name(cls, driver_name)
        if driver_name.startswith("cinder.") and current_name != driver_name:
            warnings.warn(f"The driver {driver_name} is {current_name} now.", errors.ConfigurationWarning, stacklevel=5)
        if stored is not None and stored.volume_driver == current_name:
            config = _with_stored_defaults(cls, config, stored)
        return current_name, options.check_config(driver_name, cls, config, name)

    def _class(self, driver_name: str, config: dict[str, Any]) -> type[Driver]:
        # a search of the entry points of all installed packages takes longer than opening a driver
        key = (str(driver_name), str(config.get(PROGRAM, "")))
        cls = self._classes.get(key)
        if cls is None:
            with self._context.progress(f"load {driver_name}"):  # a Cinder driver is described by a child process
                cls = self._classes[key] = registry.load_driver(driver_name, config)
        return cls

    @contextmanager
    def _attempt(self, name: str, driver_name: str, config: dict[str, Any]) -> Iterator[list[Driver]]:
        """Keep what the backend *name* was to be opened with if its driver fails, with the log of the driver.

        The block appends the driver to the list that it gets, as soon as there is one. The error gets a hint at what examines
        the host, unless it is of a driver that needs nothing of it.
        """
        drivers: list[Driver] = []
        try:
            yield drivers
        except errors.DriverError as error:
            log = [line for driver in drivers if isinstance(driver, HasLog) for line in driver.log_lines()]
            self.failed[name] = FailedOpening(driver_name, masking.without(masking.mapping(config)), log)
            if registry.is_path(driver_name) or (isinstance(error, errors.NotSupported) and error.library):
                doctor_hint.extend(error, name)
            raise

    def _storable(self, driver_name: str, config: dict[str, Any]) -> dict[str, Any]:
        """Return *config* without secrets, and the names of those under :data:`SECRETS`."""
        storable = options.storable(self._class(driver_name, config), config)
        names = sorted(name for name, value in config.items() if name not in storable and value is not None)
        return {**storable, SECRETS: names} if names else storable

    def _is_same(self, stored: Backend, driver_name: str, checked: dict[str, Any]) -> bool:
        current = self._drivers.get(stored.id)
        if _stored_part(stored) != (driver_name, self._storable(driver_name, checked)):
            return False
        return current is None or current.stored != _stored_part(stored) or current.config == checked

    def _start(self, name: str, backend_id: str, driver_name: str, checked: dict[str, Any]) -> Driver:
        context = self._context
        cls = self._class(driver_name, checked)

        def secret() -> dict[str, Any]:
            return {option: value for option, value in checked.items() if option not in options.storable(cls, checked)}

        with (
            background.interruptible(f"Opening backend {name!r}", lambda: self._how_to_open_again(name)),
            self._attempt(name, driver_name, options.storable(cls, checked)) as drivers,
            translate_errors(name, "setup", secret),
            context.progress(f"open {name}"),
        ):
            driver = cls(checked, backend_name=name)
            drivers.append(driver)
            if isinstance(driver, NeedsContext):
                driver.bind(StoreDriverContext(context, backend_id, name, checked))
            if context.settings.read_only and isinstance(driver, SupportsReadOnly):
                driver.setup_read_only()
            else:
                driver.setup()
        return driver

    def _how_to_open_again(self, name: str) -> str:
        if lookup.backend_named(self._context, name) is None:
            return "it is not tracked, and nothing is left to mend. Add it again."
        return f"it stays closed. cl.Backend({name!r}) opens it."

    def _warn_if_same_storage(self, name: str, backend_id: str, driver_name: str, checked: dict[str, Any]) -> None:
        """Warn if another backend is on the same storage."""
        others = storage_identity.other_backends(self._context, backend_id, driver_name, self._storable(driver_name, checked))
        if others:
            msg = (
                f"Backend {name!r} is the storage of backend {others[0].name!r} under another name; each tracks its own volumes. "
                f"If that is not what you want: cl.Backend({name!r}).forget(), then cl.Backend({others[0].name!r})."
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
            created = journal.record_without_driver("add", [Insert(Backend.kind, row)], Insert(Backend.kind, row))[0]
        except errors.StoreError:
            driver.close()
            if lookup.backend_named(self._context, name) is None:
                raise
            return self.open_backend(name, {"volume_driver": driver_name, **checked})  # another kernel was faster
        backend = self._register(created, driver, checked)
        self._warn_if_same_storage(name, backend_id, driver_name, checked)
        return backend

    def _open(self, stored: Backend, checked: dict[str, Any]) -> Backend:
        current = self._drivers.get(stored.id)
        if current is not None and current.stored == _stored_part(stored) and current.config == checked:
            return stored
        if current is not None:
            self.close_backend(stored)
        return self._register(stored, self._start(stored.name, stored.id, stored.volume_driver, checked), checked)

    def _replace(self, stored: Backend, driver_name: str, checked: dict[str, Any]) -> Backend:
        journal = self._context.journal
        journal.refuse_if_read_only("replace a backend")
        driver = self._start(stored.name, stored.id, driver_name, checked)
        values = {
            "volume_driver": driver_name,
            "stored_config": self._storable(driver_name, checked),
            "extra": unflagged(stored.extra),
        }
        journal.record_without_driver("replace", [Update.of(stored, values)], stored)
        self.close_backend(stored)
        backend = self._register(stored, driver, checked)
        self._warn_if_same_storage(stored.name, stored.id, driver_name, checked)
        return backend

    def _register(self, backend: Backend, driver: Driver, checked: dict[str, Any]) -> Backend:
        self._drivers[backend.id] = OpenDriver(driver, checked, _stored_part(backend))
        self._context.confirmed.backends[backend.id] = _stored_part(backend)
        self._opened[backend.name] = backend
        self.failed.pop(backend.name, None)
        return backend


def unconfirmed(backend: Backend, context: Context) -> str:
    """Return the message for an unconfirmed backend: what it would reach, and how to confirm it."""
    origin = "stands in a store that others can write to" if context.store.foreign else "was described by a document"
    secret = f" Its secrets ({', '.join(backend.secret_options)}) would go there." if backend.secret_options else ""
    program = f", {PROGRAM}=…" if backend.stored_config.get(PROGRAM) else ""
    return (
        f"The backend {backend.name!r} {origin}, and is not confirmed: {_target(backend)}.{secret} If that is what you want, "
        f"type its configuration, or cl.Backend({backend.name!r}, trust=True{program}); "
        f"%cl_backend open {quote_word(backend.name)} --trust."
    )


def plan_store_switch(store: Store, backends: Sequence[Backend], *, read_only: bool) -> SwitchPlan:
    """Match the open *backends* of a session with the rows of *store* by name; nothing is written.

    Raises:
        AlreadyExists: *store* has a backend of that name with another configuration.
        ReadOnly: *store* lacks a backend, and *read_only* forbids adding it.

    """
    names = [backend.name for backend in backends]
    columns = (Backend.id, Backend.name, Backend.volume_driver, Backend.stored_config)
    with store.reading() as connection:
        stored_rows = {row.name: row for row in connection.execute(sa.select(*columns).where(Backend.name.in_(names)))}
    plan: SwitchPlan = []
    for backend in backends:
        row = {name: getattr(backend, name) for name in ("id", "name", "volume_driver", "stored_config")}
        stored = stored_rows.get(backend.name)
        if stored is not None and (stored.volume_driver, stored.config) != (backend.volume_driver, backend.stored_config):
            msg = f"{store!r} has a backend {backend.name!r} with another configuration. Close this one first: backend.close()."
            raise errors.AlreadyExists(msg)
        if stored is None and read_only:
            msg = f"{store!r} has no backend {backend.name!r}, and this session is read-only. Close it first: backend.close()."
            raise errors.ReadOnly(msg)
        plan.append((backend, {**row, "id": stored.id if stored is not None else row["id"], "is_new": stored is None}))
    return plan


def switch_store(context: Context, plan: SwitchPlan) -> None:
    """Re-attach the backends of *plan* to their rows in the new store of *context*; insert new rows.

    Raises:
        NotFound: a backend was removed from the new store since the plan was made.

    """
    for backend, planned_row in plan:
        row = dict(planned_row)
        if row.pop("is_new"):
            newcomer = context.journal.record_without_driver("add", [Insert(Backend.kind, row)], Insert(Backend.kind, row))[0]
        else:
            existing = identity_map.get(context, Backend, row["id"])
            if existing is None:
                msg = f"The backend {backend.name!r} went from the store while the session moved there."
                raise errors.NotFound(msg)
            newcomer = existing
        identity_map.reattach(context, backend, newcomer)


def _stored_part(backend: StoredBackend) -> tuple[str, dict[str, Any]]:
    return backend.volume_driver, dict(backend.stored_config)


def _with_stored_defaults(cls: type[Driver], config: dict[str, Any], stored: StoredBackend) -> dict[str, Any]:
    """Return *config* with the stored values of those options left out whose default may change, as the data folder does."""
    names = [option.name for option in cls.options() if option.default_for is not None and config.get(option.name) is None]
    return config | {name: stored.stored_config[name] for name in names if name in stored.stored_config}


def _target(backend: Backend) -> str:
    return options.secret_destination(backend.volume_driver, backend.stored_config, {SECRETS, *backend.secret_options})


def _difference_message(stored: Backend, driver_name: str, config: dict[str, Any]) -> str:
    before, now = {"volume_driver": stored.volume_driver, **stored.stored_config}, {"volume_driver": driver_name, **config}
    keys = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
    changes = [f"{key}={masking.data(before.get(key), key)!r}, not {masking.data(now.get(key), key)!r}" for key in keys]
    difference = "; ".join(changes) or "another secret option"
    return (
        f"A backend {stored.name!r} exists with another configuration ({difference}). Give this one another name, or replace it: "
        f"cl.Backend({stored.name!r}, …, replace=True)."
    )
