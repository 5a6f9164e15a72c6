"""What a tracked object needs of the session that it lives in, and where the default session is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from cl_notebook.errors import Error

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Collection, Mapping
    from contextlib import AbstractContextManager

    from sqlalchemy.orm import Session as OrmSession

    from cl_notebook.attach import AttachingHost, Host
    from cl_notebook.drivers.api import Driver, Progress
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


class Confirmed:
    """What the user typed or confirmed in this session.

    Each entry holds the values of that moment: a row that somebody else changes afterwards is not confirmed any more.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.backends: dict[str, tuple[str, dict[str, Any]]] = {}
        """Driver and stored configuration, by the backend's id."""
        self.gateways: dict[str, tuple[str, str]] = {}
        """The gateway as it is stored, and as it was typed, by the connection's id."""
        self.devices: dict[str, tuple[str | None, dict[str, Any] | None]] = {}
        """Path and connection information as an operation of this session left them, by the connection's id."""


class StoredBackend(Protocol):
    """A tracked backend, as far as the modules below :mod:`cl_notebook.model.backend` need it."""

    @property
    def id(self) -> str:
        """The id of its row."""

    @property
    def name(self) -> str:
        """The name under which it is opened."""

    @property
    def volume_driver(self) -> str:
        """The name of its driver; empty if only the backend's name is known."""

    @property
    def stored_config(self) -> dict[str, Any]:
        """Its configuration in the store: without secrets."""

    @property
    def secret_options(self) -> tuple[str, ...]:
        """Names of the secret options that it was opened with."""

    @property
    def extra(self) -> dict[str, Any] | None:
        """The data of its document that no column holds."""

    @property
    def context(self) -> Context:
        """The session that it belongs to."""

    @property
    def driver(self) -> Driver:
        """Its driver, opened if need be."""

    def label(self) -> str:
        """Return its name for messages."""


class OperationRunner(Protocol):
    """Executes changes, and records them: :class:`cl_notebook.model.operations.runner.Journal`.

    Its module builds on this one, so operations and changes, which its module and the one beside it define, are ``Any`` here.
    """

    @property
    def kernel_id(self) -> str:
        """The id of this process in the store; its row is inserted by the first call."""

    @property
    def registered_id(self) -> str | None:
        """The id of this process in the store; None before its row is inserted."""

    @property
    def kernel_ids(self) -> tuple[str, ...]:
        """The ids of this process, and of the sessions that this session continues."""

    @property
    def running(self) -> Collection[int]:
        """Ids of the operations that run in this process now."""

    def run(self, spec: Any) -> Any:  # noqa: ANN401 - an OperationSpec[R]; returns R
        """Commit the intent, call the driver, commit the outcome; return the result of the call."""

    def save(self, resource: Any, values: Mapping[str, Any], version: int) -> None:  # noqa: ANN401 - a tracked object
        """Write *values* to the row of *resource*, if the row still has *version*."""

    def save_side_effects(self, changes: list[Any], resource: Any) -> None:  # noqa: ANN401 - as above
        """Write the *changes* that a driver made on *resource* during a call for another resource."""

    def record_without_driver(
        self,
        action: str,
        changes: list[Any],
        resource: Any,  # noqa: ANN401 - as above, or an Insert
        guards: tuple[Any, ...] = (),
    ) -> list[Any]:
        """Write *changes* that need no driver as a finished operation; return the changed objects."""

    def refuse_if_read_only(self, action: str) -> None:
        """Raise ReadOnly, which names *action*, if the session is read-only."""

    def wait(self) -> None:
        """Wait for the operations that were interrupted and still run."""


class Context(Protocol):
    """A session, as the tracked objects in it use it."""

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
    def journal(self) -> OperationRunner:
        """Executes every operation: commits the intent, calls the driver, commits the outcome."""

    @property
    def host(self) -> Host:
        """Attaches on this host."""

    def host_at(self, gateway: str | None) -> AttachingHost:
        """Return what attaches on the host at the address *gateway*; None is this one."""

    @property
    def backends(self) -> Mapping[str, StoredBackend]:
        """The open backends by name."""

    @property
    def progress(self) -> Callable[[str], AbstractContextManager[Progress]]:
        """Shows a long copy while it runs: called with what is being done."""

    def move_to(self, store: str | None = None, *, persistence_config: object = None) -> None:
        """Go on with another store, with the backends that are open."""

    def open_backend(
        self, name: str | None, config: dict[str, object], *, replace: bool = False, trust: bool = False
    ) -> StoredBackend:
        """Open a backend, or give back the one that is open already."""

    def close_backend(self, backend: StoredBackend, *, kill: bool = False) -> None:
        """Let go of the backend's driver; its rows stay."""

    def is_confirmed(self, backend: StoredBackend) -> bool:
        """Return whether the configuration of the backend was typed or confirmed by this user."""

    def get_open(self, backend: StoredBackend) -> Driver | None:
        """Return the backend's driver if it is at work; it is not opened for that."""

    def secrets(self, backend: StoredBackend) -> dict[str, object]:
        """Return the secret options that the backend is open with, in the clear; none if it is not open."""

    def driver(self, backend: StoredBackend) -> Driver:
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
