"""The session as the tracked objects use it (:class:`Context`), and the default session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from cl_notebook.errors import Error

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Collection, Mapping, MutableMapping
    from contextlib import AbstractContextManager

    from sqlalchemy.orm import Session as OrmSession

    from cl_notebook.attach import AttachingHost, Host
    from cl_notebook.drivers.api import Driver, LogLine, Progress
    from cl_notebook.settings import Settings
    from cl_notebook.store import Store
    from cl_notebook.store.change_tracker import ChangeTracker


class SessionBound:
    """An object that belongs to one session of one process; it refuses to be copied or pickled.

    A copy would share or lose the session's connections and locks, and a second object for a row would act on outdated values.
    """

    __slots__ = ()

    def _instead_of_copy(self) -> tuple[str, str]:
        """Return a label of the object, and the advice what to do instead of copying, for the error."""
        return repr(self), "Copy the data that you need instead."

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        """Refuse to be copied or pickled: both modules call this method.

        Raises:
            TypeError: always; the message says what to do instead.

        """
        label, instead = self._instead_of_copy()
        msg = f"{label} belongs to its session and cannot be copied or pickled. {instead}"
        raise TypeError(msg)


class CountedWork(str):
    """The description of work whose progress is a number of things, not of bytes; its parts show no progress of their own."""

    __slots__ = ()


class Confirmed:
    """The configurations, gateways and devices that the user typed or confirmed in this session.

    Each entry holds the values at the time of confirmation, so that a row which is changed elsewhere later is not confirmed.
    """

    def __init__(self) -> None:
        """Create it without any entries."""
        self.backends: dict[str, tuple[str, dict[str, Any]]] = {}
        """Driver and stored configuration, by the backend's id."""
        self.gateways: dict[str, tuple[str, str]] = {}
        """The stored and the typed address of the gateway, by the connection's id."""
        self.devices: dict[str, tuple[str | None, dict[str, Any] | None]] = {}
        """Path and connection information that an operation of this session stored, by the connection's id."""


class StoredBackend(Protocol):
    """The part of a tracked backend that modules use which :mod:`cl_notebook.model.backend` imports."""

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
        """Its stored configuration, which contains no secrets."""

    @property
    def secret_options(self) -> tuple[str, ...]:
        """Names of the secret options that it was opened with."""

    @property
    def extra(self) -> dict[str, Any] | None:
        """The fields of the document it was loaded from that have no column."""

    @property
    def context(self) -> Context:
        """The session that it belongs to."""

    @property
    def driver(self) -> Driver:
        """Its driver, which is opened if it is not open."""

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
        arguments: Mapping[str, Any] | None = None,
    ) -> list[Any]:
        """Write *changes* that need no driver as a finished operation; return the changed objects."""

    def refuse_if_read_only(self, action: str) -> None:
        """Raise ReadOnly, which names *action*, if the session is read-only."""

    def wait(self) -> None:
        """Wait for the operations that were interrupted and still run."""

    def write_waiting(self, resource: Any) -> bool:  # noqa: ANN401 - a tracked object
        """Write the outcomes on *resource* that the store could not take before; return whether there were any."""


@dataclass(frozen=True, slots=True)
class FailedOpening:
    """What a backend was to be opened with when that failed: its driver, its options without secrets, the driver's log."""

    volume_driver: str
    options: dict[str, Any]
    log: list[LogLine]


class Context(Protocol):
    """A session, as the tracked objects in it use it."""

    @property
    def settings(self) -> Settings:
        """The settings of the session."""

    @property
    def is_closed(self) -> bool:
        """Whether the session was closed and cannot be used any more."""

    @property
    def store(self) -> Store:
        """The database that holds the rows."""

    @property
    def orm(self) -> OrmSession:
        """SQLAlchemy's session with one object per row; use it only while holding :attr:`lock`."""

    @property
    def confirmed(self) -> Confirmed:
        """The entries that the user typed or confirmed in this session."""

    @property
    def lock(self) -> threading.RLock:
        """The lock that is held while objects are loaded or updated, and never during a driver's call."""

    @property
    def change_tracker(self) -> ChangeTracker:
        """Reports which rows other sessions changed."""

    @property
    def journal(self) -> OperationRunner:
        """Executes every operation: commits the intent, calls the driver, commits the outcome."""

    @property
    def host(self) -> Host:
        """Attaches on this host."""

    def host_at(self, gateway: str | None) -> AttachingHost:
        """Return the object that attaches volumes on the host at the address *gateway*; None means this host."""

    @property
    def in_background(self) -> list[Any]:
        """The acts on many resources that were started in the background (:class:`cl_notebook.many.runner.Background`)."""

    @property
    def in_trash(self) -> MutableMapping[str, Any]:
        """The objects of the volumes that this session put into the trash, by id, while variables hold them."""

    @property
    def backends(self) -> Mapping[str, StoredBackend]:
        """The open backends by name."""

    @property
    def failed_openings(self) -> Mapping[str, FailedOpening]:
        """What the backends that could not be opened, and are not open, were to be opened with, by name."""

    @property
    def progress(self) -> Callable[[str], AbstractContextManager[Progress]]:
        """Shows the progress of a long operation; takes its label."""

    def move_to(self, store: str | None = None, *, persistence_config: object = None) -> None:
        """Switch to another store, and keep the open backends open."""

    def open_backend(
        self, name: str | None, config: dict[str, object], *, replace: bool = False, trust: bool = False
    ) -> StoredBackend:
        """Return the backend of that name and configuration, and open it if it is not open."""

    def close_backend(self, backend: StoredBackend, *, kill: bool = False) -> None:
        """Close the backend's driver; its rows stay in the store."""

    def is_confirmed(self, backend: StoredBackend) -> bool:
        """Return whether this user typed or confirmed the configuration of the backend."""

    def get_open(self, backend: StoredBackend) -> Driver | None:
        """Return the backend's driver if it is open; None otherwise, without opening it."""

    def secrets(self, backend: StoredBackend) -> dict[str, object]:
        """Return the unmasked secret options of an open backend; an empty dict if it is not open."""

    def driver(self, backend: StoredBackend) -> Driver:
        """Return the backend's driver; open it from the stored configuration if it is not open."""


class _Default:
    """Finds the default session; :mod:`cl_notebook.session` sets ``find`` when it is imported."""

    find: Callable[[], Context] | None = None


default = _Default()


def current() -> Context:
    """Return the default session; create it with default settings if there is none.

    Raises:
        Error: the package :mod:`cl_notebook` was not imported.

    """
    if default.find is None:
        msg = "No session: import cl_notebook, then call cl_notebook.setup()."
        raise Error(msg)
    return default.find()
