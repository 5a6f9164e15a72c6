"""A session: one store, its open backends, and the hosts that attach volumes."""

from __future__ import annotations

import contextlib
import warnings
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from sqlalchemy import orm as sa_orm

from cl_notebook import concurrency, errors, settings
from cl_notebook.drivers.api import no_progress
from cl_notebook.model import Backend, backend_pool, context, identity_map, lookup
from cl_notebook.model.backend_pool import BackendPool
from cl_notebook.model.operations.runner import Journal
from cl_notebook.store import Store, damage
from cl_notebook.store.backup import back_up
from cl_notebook.store.change_tracker import ChangeTracker

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Container, Iterator, Mapping, MutableMapping
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import Self, Unpack

    from cl_notebook.attach import AttachingHost, Host, HostRegistry
    from cl_notebook.drivers.api import Driver, Progress
    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import FailedOpening, StoredBackend

_CALLER = 4
"""The stack level of the caller that opens a session, for warnings."""

_INTERNAL = frozenset(
    {
        *("change_tracker", "close_backend", "confirmed", "driver", "get_open", "is_confirmed", "journal", "lock"),
        *("in_trash", "open_backend", "orm", "reopened", "secrets"),
    }
)
"""Names of a session for other modules, which ``dir()`` and completion leave out."""


class Session(context.SessionBound):
    """One store with its open backends. Several can be open at once; closing one leaves everything tracked.

    ``cl.setup()`` opens the default session, which the module-level names (``cl.Backend``, ``cl.Volume.get_by_id``…) use.
    """

    def __init__(self, store: str | os.PathLike[str] | settings.Settings | None = None, **options: Any) -> None:  # noqa: ANN401
        """Open the store.

        Args:
            store: a SQLAlchemy URL, a file name, or ``memory``; by default a SQLite file in the user's data folder. Or the
                settings of another session.
            options: the other parameters of :func:`cl_notebook.setup`.

        Raises:
            InvalidInput: a setting has the wrong type.
            StoreError: the store cannot be used; the message says why.

        """
        self.settings = store if isinstance(store, settings.Settings) else settings.Settings.choose(store, **options)
        self.lock = concurrency.reentrant_lock()
        self.is_closed = False
        self.backends: dict[str, Backend] = {}
        self.in_background: list[Any] = []
        """The acts on many resources that were started in the background (:class:`cl_notebook.many.runner.Background`)."""
        self.in_trash: MutableMapping[str, Any] = weakref.WeakValueDictionary()
        """The objects of the volumes that this session put into the trash, by id, while variables hold them."""
        self.confirmed = context.Confirmed()
        self.progress: Callable[[str], AbstractContextManager[Progress]] = _silent
        self._work_on(Store(self.settings.store, read_only=self.settings.read_only))
        self._pool = BackendPool(self, self.backends)
        self._hosts: HostRegistry | None = None

    def _work_on(self, store: Store, before: Journal | None = None) -> None:
        self.store = store
        if store.foreign:
            warnings.warn(_foreign(store), errors.Untrusted, stacklevel=_CALLER)
        self.orm = sa_orm.Session(store.engine, autoflush=False, expire_on_commit=False, info={"context": self})
        self.change_tracker = ChangeTracker(store)
        self.journal = Journal(self, before)
        if not store.is_read_only:
            self.journal.outbox.replay()

    def __repr__(self) -> str:
        """Show the store and the open backends."""
        return f"<Session {self.store!r} backends={sorted(self.backends)}>"

    def _repr_mimebundle_(self, include: Container[str] | None = None, exclude: Container[str] | None = None) -> dict[str, str]:
        """Return the card of the session: its store, backends, running operations and last failures."""
        from cl_notebook.model import cards  # noqa: PLC0415 - loaded when one is shown

        return cards.bundle(self, include, exclude)

    def __dir__(self) -> list[str]:
        """Return the names that are of use to a user, without those that only other modules call."""
        return sorted(name for name in super().__dir__() if name[:1] != "_" and name not in _INTERNAL)

    def _instead_of_copy(self) -> tuple[str, str]:
        """Return what to pass to another process instead: the settings."""
        return repr(self), "Open one in the other process: cl.Session(session.settings)."

    def __enter__(self) -> Self:
        """Return the session, which is closed at the end of the block."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the session."""
        self.close()

    @property
    def failed_openings(self) -> Mapping[str, FailedOpening]:
        """What the backends that could not be opened, and are not open, were to be opened with, by name."""
        return self._pool.failed

    @property
    def host(self) -> Host:
        """Attaches volumes on this host; os-brick is imported when it is first used."""
        return self._attaching().local

    def host_at(self, gateway: str | None) -> AttachingHost:
        """Return the object that attaches volumes on the host *gateway* (``root@node2``, through ssh), or on this one for None.

        Raises:
            InvalidInput: *gateway* is not the address of a host.

        """
        self._refuse_if_closed()
        return self._attaching().get(gateway)

    def _attaching(self) -> HostRegistry:
        if self._hosts is None:
            from cl_notebook.attach import HostRegistry  # noqa: PLC0415 - imported when a volume is first attached

            folder = self.settings.file_locks_path
            lock_path = Path(folder) if folder else settings.data_dir() / "locks"
            self._hosts = HostRegistry(self.settings.host, self.settings.root_helper, lock_path)
        return self._hosts

    def close(self) -> None:
        """Close the backends' drivers and the store. Everything stays tracked; the session's objects become detached.

        The next use of a module-level name opens a closed default session again, with the same settings.
        """
        if self.is_closed:
            return
        self.journal.wait()
        with self.lock, contextlib.ExitStack() as last:  # an error in one step does not skip the others
            self.is_closed = True
            last.callback(self.store.close)
            last.callback(self.orm.close)
            last.callback(self.journal.close)
            if self._hosts is not None:
                last.callback(self._hosts.close)
            for backend in list(self.backends.values()):
                last.callback(self.close_backend, backend)

    def reopened(self) -> Session:
        """Return a new session with the same settings, which inherits the pending outcomes of this one."""
        session = Session(self.settings)
        session.journal.inherit(self.journal)
        session.progress = self.progress
        return session

    def move_to(self, store: str | os.PathLike[str] | None = None, *, persistence_config: object = None) -> None:
        """Switch to another store and keep the open backends: their drivers stay open, their objects stay valid.

        Backends that the new store lacks are inserted there. Resources of the old store stay there, and their objects become
        detached. If the switch fails, nothing has changed.

        Args:
            store: a SQLAlchemy URL, a file name, or ``memory``; by default a SQLite file in the user's data folder.
            persistence_config: the store in cinderlib's form.

        Raises:
            AlreadyExists: the new store has a backend of that name with another configuration.
            Refused: the session is closed, or an operation is running in it.
            ReadOnly: the session is read-only, and the new store lacks one of the backends.
            StoreError: the new store cannot be used.

        """
        self._refuse_if_closed()
        self.journal.wait()
        options: dict[str, Any] = self.settings.options() | {"persistence_config": persistence_config}
        chosen = settings.Settings.choose(store, **options)
        with self.lock:
            if self.journal.running:
                msg = f"An operation is running in {self!r}. Wait for it, then switch the store."
                raise errors.Refused(msg)
            new = Store(chosen.store, read_only=chosen.read_only)
            try:
                plan = backend_pool.plan_store_switch(new, list(self.backends.values()), read_only=chosen.read_only)
            except errors.Error:
                new.close()
                raise
            self._move(new, chosen, plan)

    def _move(self, new: Store, chosen: settings.Settings, plan: backend_pool.SwitchPlan) -> None:
        before = {backend.id: backend for backend in self.backends.values()}
        with contextlib.ExitStack() as last:
            last.callback(self.store.close)
            last.callback(self.orm.close)
            last.callback(self.journal.close)
        self.settings = chosen
        self._work_on(new, self.journal)
        try:
            backend_pool.switch_store(self, plan)
            self._pool.rebind(before)
        except BaseException:  # half switched: the next use of a module-level name opens the new store
            self.close()
            raise

    def backup(self, path: str | os.PathLike[str]) -> Path:
        """Copy the store into the new file *path*; see :func:`cl_notebook.backup`."""
        self._refuse_if_closed()
        if not self.store.is_read_only:
            with contextlib.suppress(errors.StoreError):  # outcomes that cannot be written now stay in the outbox
                self.journal.outbox.flush()
        return back_up(self.store, path)

    def backend(
        self,
        name: str | None = None,
        /,
        *,
        replace: bool = False,
        trust: bool = False,
        **config: Any,  # noqa: ANN401 - options
    ) -> Backend:
        """Open a backend in this session, as ``cl.Backend(…)`` does in the default one."""
        return self.open_backend(config.pop("volume_backend_name", name), config, replace=replace, trust=trust)

    def find(self, text: str, *, all: bool = False) -> Any:  # noqa: A002, ANN401 - pandas' and the interface's word; one or a list
        """Return the resource with this id, name, or part of them; see :func:`cl_notebook.find`."""
        self._refuse_if_closed()
        with damage.named(self.store):
            matched = lookup.find(self, text, everything=all)
            return matched if all else lookup.the_one(text, matched)

    def get(self, cls: type[Tracked], resource_id: str) -> Tracked | None:
        """Return the object of the row of *cls* with this id, or None."""
        self._refuse_if_closed()
        return identity_map.get(self, cls, resource_id)

    def open_backend(
        self,
        name: str | None,
        config: dict[str, Any],
        *,
        replace: bool = False,
        trust: bool = False,
        accept_unknown: bool = False,
    ) -> Backend:
        """Open the backend *name*; see :class:`cl_notebook.Backend`. With *accept_unknown*, an unknown option is a warning."""
        self._refuse_if_closed()
        return self._pool.open_backend(name, config, replace=replace, trust=trust, accept_unknown=accept_unknown)

    def _refuse_if_closed(self) -> None:
        if self.is_closed:
            msg = f"{self!r} is closed. Open another: cl.setup(store=…)."
            raise errors.Refused(msg)

    def close_backend(self, backend: StoredBackend, *, kill: bool = False) -> None:
        """Close the backend's driver; *kill* ends the driver's child process, if it has one, also during a call."""
        self._pool.close_backend(backend, kill=kill)

    def is_confirmed(self, backend: StoredBackend) -> bool:
        """Return whether this user typed or confirmed the backend's configuration."""
        return self._pool.is_confirmed(backend)

    def get_open(self, backend: StoredBackend) -> Driver | None:
        """Return the backend's driver if it is open, else None."""
        return self._pool.get_open(backend)

    def secrets(self, backend: StoredBackend) -> dict[str, Any]:
        """Return the secret options of an open backend in the clear; none if it is not open."""
        return self._pool.secrets(backend)

    def driver(self, backend: StoredBackend) -> Driver:
        """Return the backend's driver; open it from the stored configuration if it is closed."""
        self._refuse_if_closed()
        return self._pool.driver(backend)


def _foreign(store: Store) -> str:
    return (
        f"{store!r} can be written by others: {store.foreign}. Nothing that it names is started or reached before you type it: "
        "give a backend its driver and options again, a volume its host=."
    )


@contextlib.contextmanager
def _silent(_doing: str) -> Iterator[Progress]:
    yield no_progress


class _DefaultSession:
    """Holds the default session, which the module-level names use."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._progress: Callable[[str], AbstractContextManager[Progress]] = _silent
        self._lock = concurrency.lock()

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
            if before is not None:
                session.journal.inherit(before.journal)
        if before is not None and before is not session:
            before.close()
        return session

    def peek(self) -> Session | None:
        return None if self._session is None or self._session.is_closed else self._session

    def replace(self, session: Session) -> Session | None:
        with self._lock:
            before, self._session = self._session, session
            session.progress = before.progress if before is not None else self._progress
            return before

    def restore(self, before: Session | None, store: str) -> Session | None:
        with self._lock:
            current = self._session
            if current is None or current.settings.store != store:
                return before if before is not current else None
            self._session = before
            if before is not None:
                before.progress = current.progress
            return current

    def show_progress(self, display: Callable[[str], AbstractContextManager[Progress]] | None) -> None:
        with self._lock:
            self._progress = display or _silent
            if self._session is not None:
                self._session.progress = self._progress


_default = _DefaultSession()
context.default.find = _default.get


def default_session() -> Session:
    """Return the session of the module-level names; open it with the default settings if there is none."""
    return _default.get()


def opened_session() -> Session | None:
    """Return the session of the module-level names if it is open, else None."""
    return _default.peek()


def replace_default(session: Session) -> Session | None:
    """Make *session* the default one; return the default session before it, which stays open. None if there was none."""
    return _default.replace(session)


def restore_default(before: Session | None, store: str) -> Session | None:
    """Make *before*, which :func:`replace_default` returned, the default session again if the present one is on *store*.

    Return the session that is not the default one now, if any: the present one, or *before*.
    """
    return _default.restore(before, store)


def show_progress(display: Callable[[str], AbstractContextManager[Progress]] | None) -> None:
    """Show the progress of long operations in the default session with *display*; None shows nothing.

    *display* is called with a description, and returns a context manager that yields a callable: (bytes done, bytes in all), or
    (things done, things in all) if the description is a :class:`~cl_notebook.model.context.CountedWork`.
    """
    _default.show_progress(display)


@overload
def setup(store: str | os.PathLike[str] | None = None, **options: Unpack[settings.SetupOptions]) -> Session: ...
@overload
def setup(store: str | os.PathLike[str] | None = None, **options: Any) -> Session: ...  # noqa: ANN401 - Cinder's own
def setup(store: str | os.PathLike[str] | None = None, **options: Any) -> Session:
    """Open a session, make it the default one, and close the default session before it.

    Everything is optional, and it may be called again. If the new store cannot be used the old session stays the default.

    Args:
        store: a SQLAlchemy URL, a file name, or ``memory``; by default a SQLite file in the user's data folder.
        host: the name of this host, under which its connections are recorded.
        root_helper: the command that os-brick prefixes to commands that need root.
        read_only: refuse every operation that changes something.
        file_locks_path: the folder of the lock files that os-brick and Cinder's drivers share between processes; os-brick keeps
            the first one that is set in a process.
        suppress_requests_ssl_warnings: do not log that a Cinder driver talks to its storage without checking certificates.
        disable_logs: keep no log of Cinder's drivers.
        non_uuid_ids: allow ids that are no UUIDs, of at most 36 characters.
        output_all_backend_info: write a backend's whole configuration, without secrets, into documents.
        include_secrets: write secrets of connections and volumes, such as CHAP passwords, in the clear into documents; with
            *output_all_backend_info* also the secret options of open backends.
        project_id: the project of volumes, for Cinder's drivers.
        user_id: the user of volumes, for Cinder's drivers.
        persistence_config: the store in cinderlib's form: ``{"storage": "db", "connection": URL}``.
        fail_on_missing_backend: refuse to load resources of a backend that is not open.
        trash: how long a deleted volume can be brought back by ``cl.undo()``: ``"30m"``, ``"1h"``, ``"2 days"``; by default it is
            deleted at once.
        **options: other keywords are options of Cinder's section ``[DEFAULT]``, for its drivers.

    Raises:
        InvalidInput: a setting has the wrong type, or does not exist.
        StoreError: the store cannot be used; the message says why.

    """
    return _default.put(Session(settings.Settings.choose(store, **options)))


setup.__signature__ = settings.setup_signature("Session")  # type: ignore[attr-defined] # what inspect.signature() returns
