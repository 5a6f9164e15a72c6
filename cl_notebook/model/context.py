"""What a tracked object needs of the session that it lives in, and where the default session is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Protocol

from cl_notebook.errors import Error

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from sqlalchemy.orm import Session as OrmSession

    from cl_notebook.attach import AttachingHost, Host
    from cl_notebook.drivers.api import Driver, Progress
    from cl_notebook.model.backend import Backend
    from cl_notebook.model.operations.runner import Journal
    from cl_notebook.model.trust import Confirmed
    from cl_notebook.settings import Settings
    from cl_notebook.store import Store
    from cl_notebook.store.change_tracker import ChangeTracker


class SessionBound:
    """Belongs to one session of one process: refuses ``copy.copy``, ``copy.deepcopy`` and ``pickle`` with one clear line.

    A copy would share or lose the session's connections and locks, and a second object for a row would act by an old view of it.
    """

    __slots__ = ()

    def _instead_of_copy(self) -> tuple[str, str]:
        """Return what to call the object in the message, and the sentence that says what to do instead of copying it."""
        return repr(self), "Copy the data that you need instead."

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        """Refuse: the modules copy and pickle ask here.

        Raises:
            TypeError: always; the message says what to do instead.

        """
        what, instead = self._instead_of_copy()
        msg = f"{what} belongs to its session and cannot be copied or pickled. {instead}"
        raise TypeError(msg)


class Context(Protocol):
    """A session, seen from the objects in it."""

    @property
    def settings(self) -> Settings:
        """What the session runs with."""

    @property
    def is_closed(self) -> bool:
        """Whether the session was closed: nothing can be asked of it any more."""

    @property
    def store(self) -> Store:
        """The data base behind the objects."""

    @property
    def orm(self) -> OrmSession:
        """The identity map: one object a row. Only to be used under :attr:`lock`."""

    @property
    def confirmed(self) -> Confirmed:
        """What the user typed or confirmed in this session."""

    @property
    def lock(self) -> threading.RLock:
        """Held while objects are read from or brought in line with the store; never during a driver's call."""

    @property
    def change_tracker(self) -> ChangeTracker:
        """Tells which rows others changed."""

    @property
    def journal(self) -> Journal:
        """Runs every act as intent, call, outcome."""

    @property
    def host(self) -> Host:
        """Attaches on this host."""

    def host_at(self, gateway: str | None) -> AttachingHost:
        """Return what attaches on the host at the address *gateway*; None is this one."""

    @property
    def backends(self) -> dict[str, Backend]:
        """The open backends by name."""

    @property
    def progress(self) -> Callable[[str], AbstractContextManager[Progress]]:
        """Shows a long copy while it runs: called with what is being done."""

    def move_to(self, store: str | None = None, *, persistence_config: object = None) -> None:
        """Go on with another store, with the backends that are open."""

    def open_backend(self, name: str | None, config: dict[str, object], *, replace: bool = False, trust: bool = False) -> Backend:
        """Open a backend, or give back the one that is open already."""

    def close_backend(self, backend: Backend, *, kill: bool = False) -> None:
        """Let go of the backend's driver; its rows stay."""

    def is_confirmed(self, backend: Backend) -> bool:
        """Return whether the configuration of the backend was typed or confirmed by this user."""

    def held(self, backend: Backend) -> Driver | None:
        """Return the backend's driver if it is at work; it is not opened for that."""

    def secrets(self, backend: Backend) -> dict[str, object]:
        """Return the secret options that the backend is open with, in the clear; none if it is not open."""

    def driver(self, backend: Backend) -> Driver:
        """Return the backend's driver, opened again from its stored configuration if need be."""


class _Default:
    """Where module-level names find their session; set once by :mod:`cl_notebook.session`."""

    find: Callable[[], Context] | None = None


default = _Default()


def current() -> Context:
    """Return the default session, made with default settings if there is none yet."""
    if default.find is None:
        msg = "No session: import cl_notebook, then call cl_notebook.setup()."
        raise Error(msg)
    return default.find()
