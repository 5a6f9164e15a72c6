"""A session: one store, the backends that are open on it, and the host that attaches."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import orm as sa_orm

from cl_notebook import errors, settings
from cl_notebook.drivers import config as driver_config
from cl_notebook.drivers import registry
from cl_notebook.drivers.base import no_progress
from cl_notebook.drivers.call import storage_call
from cl_notebook.model import Backend, checks, context, lookup, reading
from cl_notebook.model.changes import Insert, Update
from cl_notebook.model.journal import Journal
from cl_notebook.store import Store
from cl_notebook.store.follower import Follower

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import Self

    from cl_notebook.attach import Host
    from cl_notebook.drivers.base import Driver, Progress
    from cl_notebook.model.tracked import Tracked


@dataclass(frozen=True, slots=True)
class _Held:
    """A driver at work, its whole configuration, and the stored part of it that it was opened for."""

    driver: Driver
    config: dict[str, Any]
    stored: tuple[str, dict[str, Any]]


def _stored_part(backend: Backend) -> tuple[str, dict[str, Any]]:
    return backend.volume_driver, dict(backend.stored_config)


class Session:
    """One store with its open backends. Several can live side by side; closing one leaves everything tracked.

    ``cl.setup()`` makes one and lets the module-level names (``cl.Backend``, ``cl.Volume.get_by_id``…) act on it.
    """

    def __init__(
        self,
        store: str | os.PathLike[str] | None = None,
        *,
        host: str | None = None,
        root_helper: str | None = None,
        read_only: bool | None = None,
    ) -> None:
        """Open the store.

        Args:
            store: a SQLAlchemy URL, a file name, or ``memory``; by default a SQLite file in the user's data folder.
            host: the name that connections of this host are made under.
            root_helper: what os-brick puts before commands that need root.
            read_only: refuse every act.

        Raises:
            StoreError: the store cannot be used; the message says why.

        """
        self.settings = settings.Settings.choose(store, host=host, root_helper=root_helper, read_only=read_only)
        self.store = Store(self.settings.store, read_only=self.settings.read_only)
        self.lock = threading.RLock()
        self.is_closed = False
        self.backends: dict[str, Backend] = {}
        self.progress: Callable[[str], AbstractContextManager[Progress]] = _silent
        self.orm = sa_orm.Session(self.store.engine, autoflush=False, expire_on_commit=False, info={"context": self})
        self.follower = Follower(self.store)
        self.journal = Journal(self)
        self._drivers: dict[str, _Held] = {}
        self._classes: dict[str, type[Driver]] = {}
        self._host: Host | None = None

    def __repr__(self) -> str:
        """Show the store and the open backends."""
        return f"<Session {self.store!r} backends={sorted(self.backends)}>"

    def __enter__(self) -> Self:
        """Use the session for a block."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close it at the end of the block."""
        self.close()

    @property
    def host(self) -> Host:
        """What attaches on this host; os-brick is loaded when it is first used."""
        if self._host is None:
            from cl_notebook.attach import Host  # noqa: PLC0415 - only who attaches pays for it

            lock_path = settings.data_dir() / "locks"
            self._host = Host(self.settings.host, self.settings.root_helper, lock_path)
        return self._host

    def close(self) -> None:
        """Close the backends' drivers and the store. Everything stays tracked; the objects of the session are let go.

        A closed default session is opened again, with the same settings, by the next use of a module-level name.
        """
        if self.is_closed:
            return
        with self.lock, contextlib.ExitStack() as last:  # every step is taken, whatever the ones before it raise
            self.is_closed = True
            last.callback(self.store.close)
            last.callback(self.orm.close)
            last.callback(self.journal.close)
            for backend in list(self.backends.values()):
                last.callback(self.close_backend, backend)

    def reopened(self) -> Session:
        """Return a new session with the same settings."""
        chosen = self.settings
        again = Session(chosen.store, host=chosen.host, root_helper=chosen.root_helper, read_only=chosen.read_only)
        again.progress = self.progress
        return again

    def backend(self, name: str | None = None, /, *, replace: bool = False, **config: Any) -> Backend:  # noqa: ANN401 - options
        """Open a backend in this session, as ``cl.Backend(…)`` does in the default one."""
        return self.open_backend(config.pop("volume_backend_name", name), config, replace=replace)

    def find(self, text: str, *, all: bool = False) -> Any:  # noqa: A002, ANN401 - pandas' and the interface's word; one or a list
        """Return the one resource with this id, id prefix, name or part of a name; see :func:`cl_notebook.find`."""
        self._refuse_if_closed()
        found = lookup.find(self, text, everything=all)
        return found if all else lookup.the_one(text, found)

    def get(self, cls: type[Tracked], resource_id: str) -> Tracked | None:
        """Return the object of one row of this session, or None."""
        self._refuse_if_closed()
        return reading.get(self, cls, resource_id)

    def open_backend(self, name: str | None, config: dict[str, Any], *, replace: bool = False) -> Backend:
        """Open the backend *name*; see :class:`cl_notebook.Backend`."""
        self._refuse_if_closed()
        name = checks.name(name, "volume_backend_name")
        if not name:
            msg = "A backend needs a name: cl.Backend('lvm', volume_driver='local', path='~/volumes')."
            raise errors.InvalidInput(msg)
        with self.lock:
            stored = self._stored(name)
            if stored is not None and not config:
                return self._open(stored, self._config_of(stored))
            driver_name, checked = self._checked(name, config, stored)
            if stored is None:
                return self._add(name, driver_name, checked)
            if self._is_same(stored, driver_name, checked):
                return self._open(stored, checked)
            if not replace:
                raise errors.AlreadyExists(_differs(stored, driver_name, self._storable(driver_name, checked)))
            return self._replace(stored, driver_name, checked)

    def _refuse_if_closed(self) -> None:
        if self.is_closed:
            msg = f"{self!r} is closed. Open another: cl.setup(store=…)."
            raise errors.Refused(msg)

    def close_backend(self, backend: Backend) -> None:
        """Close the backend's driver."""
        with self.lock:
            self.backends.pop(backend.name, None)
            held = self._drivers.pop(backend.id, None)
        if held is not None:
            with storage_call(backend.name, "close"):
                held.driver.close()

    def driver(self, backend: Backend) -> Driver:
        """Return the backend's driver, opened again from its stored configuration if need be."""
        self._refuse_if_closed()
        with self.lock:
            reading.get(self, Backend, backend.id)  # another session may have replaced its configuration
            held = self._drivers.get(backend.id)
            if held is not None and held.stored == _stored_part(backend):
                return held.driver
        if held is not None:
            self.close_backend(backend)
        self.open_backend(backend.name, {})
        return self._drivers[backend.id].driver

    def _stored(self, name: str) -> Backend | None:
        found = reading.select(self, sa.select(Backend).where(Backend.name == name))
        return found[0] if found else None

    def _config_of(self, backend: Backend) -> dict[str, Any]:
        held = self._drivers.get(backend.id)
        return (
            held.config
            if held is not None and held.stored == _stored_part(backend)
            else driver_config.check_config(backend.volume_driver, self._class(backend.volume_driver), backend.stored_config)
        )

    def _checked(self, name: str, config: dict[str, Any], stored: Backend | None) -> tuple[str, dict[str, Any]]:
        options = dict(config)
        driver_name = options.pop("volume_driver", stored.volume_driver if stored is not None else None)
        if driver_name is None:
            known = [row.name for row in reading.select(self, sa.select(Backend))]
            hint = errors.did_you_mean(name, known)
            msg = (
                f"No backend {name!r} is stored.{hint} Say how to reach it: cl.Backend({name!r}, volume_driver='local', path=…)."
            )
            raise errors.NotFound(msg)
        return driver_name, driver_config.check_config(driver_name, self._class(driver_name), options)

    def _class(self, driver_name: str) -> type[Driver]:
        # looking through the entry points of everything that is installed takes longer than opening a driver
        held = self._classes.get(str(driver_name))
        if held is None:
            held = self._classes[str(driver_name)] = registry.load_driver(driver_name)
        return held

    def _storable(self, driver_name: str, config: dict[str, Any]) -> dict[str, Any]:
        return driver_config.storable(self._class(driver_name), config)

    def _is_same(self, stored: Backend, driver_name: str, checked: dict[str, Any]) -> bool:
        held = self._drivers.get(stored.id)
        if _stored_part(stored) != (driver_name, self._storable(driver_name, checked)):
            return False
        return held is None or held.stored != _stored_part(stored) or held.config == checked

    def _start(self, name: str, driver_name: str, checked: dict[str, Any]) -> Driver:
        with storage_call(name, "setup"):
            driver = self._class(driver_name)(checked, backend_name=name)
            driver.setup()
        return driver

    def _add(self, name: str, driver_name: str, checked: dict[str, Any]) -> Backend:
        self.journal.refuse_if_read_only("add a backend")
        driver = self._start(name, driver_name, checked)
        row = {
            "id": checks.new_id(None),
            "name": name,
            "volume_driver": driver_name,
            "stored_config": self._storable(driver_name, checked),
        }
        try:
            made = self.journal.record("add", [Insert(Backend, row)], Insert(Backend, row))[0]
        except errors.StoreError:
            driver.close()
            if self._stored(name) is None:
                raise
            return self.open_backend(name, {"volume_driver": driver_name, **checked})  # another kernel was faster
        return self._hold(made, driver, checked)  # type: ignore[arg-type] # it is the row just inserted

    def _open(self, stored: Backend, checked: dict[str, Any]) -> Backend:
        held = self._drivers.get(stored.id)
        if held is not None and held.stored == _stored_part(stored):
            return stored
        return self._hold(stored, self._start(stored.name, stored.volume_driver, checked), checked)

    def _replace(self, stored: Backend, driver_name: str, checked: dict[str, Any]) -> Backend:
        self.journal.refuse_if_read_only("replace a backend")
        driver = self._start(stored.name, driver_name, checked)
        values = {"volume_driver": driver_name, "stored_config": self._storable(driver_name, checked)}
        self.journal.record("replace", [Update(stored, values)], stored)
        self.close_backend(stored)
        return self._hold(stored, driver, checked)

    def _hold(self, backend: Backend, driver: Driver, checked: dict[str, Any]) -> Backend:
        self._drivers[backend.id] = _Held(driver, checked, _stored_part(backend))
        self.backends[backend.name] = backend
        return backend


@contextlib.contextmanager
def _silent(_doing: str) -> Iterator[Progress]:
    yield no_progress


class _DefaultSession:
    """The session behind the module-level names."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._progress: Callable[[str], AbstractContextManager[Progress]] = _silent
        self._lock = threading.Lock()

    def get(self) -> Session:
        with self._lock:
            if self._session is None:
                self._session = Session()
                self._session.progress = self._progress
            elif self._session.is_closed:
                self._session = self._session.reopened()
            return self._session

    def put(self, session: Session) -> Session:
        with self._lock:
            before, self._session = self._session, session
        if before is not session:
            session.progress = before.progress if before is not None else self._progress
        if before is not None and before is not session:
            before.close()
        return session

    def peek(self) -> Session | None:
        return None if self._session is None or self._session.is_closed else self._session

    def show_progress(self, display: Callable[[str], AbstractContextManager[Progress]] | None) -> None:
        with self._lock:
            self._progress = display or _silent
            if self._session is not None:
                self._session.progress = self._progress


_default = _DefaultSession()
context.default.find = _default.get


def default_session() -> Session:
    """Return the session behind the module-level names; made with the default settings when first asked for."""
    return _default.get()


def opened_session() -> Session | None:
    """Return the session behind the module-level names if there is one already; none is made."""
    return _default.peek()


def show_progress(display: Callable[[str], AbstractContextManager[Progress]] | None) -> None:
    """Let the default session, also one that is made later, show long work by *display*; None shows nothing.

    *display* is called with what is being done, and gives a context manager that yields a callable for (bytes done, in all).
    """
    _default.show_progress(display)


def setup(
    store: str | os.PathLike[str] | None = None,
    *,
    host: str | None = None,
    root_helper: str | None = None,
    read_only: bool | None = None,
) -> Session:
    """Open a session and let the module-level names act on it; the one before is closed.

    Everything is optional, and it may be called again. If the new store cannot be used the old session stays.

    Args:
        store: a SQLAlchemy URL, a file name, or ``memory``; by default a SQLite file in the user's data folder.
        host: the name that connections of this host are made under.
        root_helper: what os-brick puts before commands that need root.
        read_only: refuse every act.

    Raises:
        InvalidInput: a setting has the wrong type.
        StoreError: the store cannot be used; the message says why.

    """
    return _default.put(Session(store, host=host, root_helper=root_helper, read_only=read_only))


def _differs(stored: Backend, driver_name: str, config: dict[str, Any]) -> str:
    before, now = {"volume_driver": stored.volume_driver, **stored.stored_config}, {"volume_driver": driver_name, **config}
    changed = [
        f"{key}={before.get(key)!r}, not {now.get(key)!r}" for key in sorted({*before, *now}) if before.get(key) != now.get(key)
    ]
    what = "; ".join(changed) or "another secret option"
    return (
        f"A backend {stored.name!r} exists with another configuration ({what}). Give this one another name, or replace it: "
        f"cl.Backend({stored.name!r}, …, replace=True)."
    )
