"""Poll the store for changes, and the open backends for capacities, while a view shows the tree."""

from __future__ import annotations

import contextvars
import logging
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from cl_notebook import errors
from cl_notebook.concurrency import RepeatingThread
from cl_notebook.model import facts
from cl_notebook.notebook.tree.selection import refuse_if_closed

if TYPE_CHECKING:
    from collections.abc import Callable

    from cl_notebook.model.backend import Backend
    from cl_notebook.model.context import Context
    from cl_notebook.store import Store

_log = logging.getLogger(__name__)

LEASE = 180.0
"""Seconds without a message after which all views are taken as closed; views send one every 20 s, hidden pages every 60 s."""

_PAUSE_FACTOR = 4.0
"""Minimum pause of the thread, as a multiple of the duration of its last call, so that it never keeps the kernel busy."""

_POLL_INTERVAL = 0.25
"""Seconds between two polls of the store."""

_HEARTBEAT_INTERVAL = 5.0
"""Seconds between two signs of life to the views."""

_MAX_SILENCE = 5.0
"""Seconds after which the store is queried even without a notification: a lost connection may go unnoticed."""

CAPACITY_INTERVAL = 30.0
"""Seconds between two readings of the capacities."""


class LeasedThread:
    """A thread that calls *work* repeatedly, from the first message of a view until :data:`LEASE` seconds after the last.

    The work runs in the context of the last message: ipykernel (7.4) hands a message to the subshell in whose context the
    widget last sent something. If the widget sent from the thread's context, the next message would wait for the running cell.
    """

    def __init__(self, name: str, work: Callable[[], None], every: float) -> None:
        """Make the thread, without starting it; it pauses at least *every* seconds between two calls."""
        self._name = name
        self._work = work
        self._every = every
        self._renewed_at = 0.0
        self._context = contextvars.copy_context()
        self._thread = RepeatingThread(name, self._work_once, self._is_leased)

    def renew(self) -> None:
        """Renew the lease on a message of a view; start the thread if it is not running."""
        self._renewed_at = time.monotonic()
        self._context = contextvars.copy_context()
        self._thread.start()

    def wake(self) -> None:
        """Start the next call now."""
        self._thread.wake()

    def stop(self) -> None:
        """Stop the thread; :meth:`renew` starts a new one."""
        self._thread.stop()

    def _is_leased(self) -> bool:
        return time.monotonic() - self._renewed_at <= LEASE

    def _work_once(self) -> float:
        began = time.monotonic()
        try:
            self._context.copy().run(self._work)
        except Exception:  # noqa: BLE001 - keep the thread: the next call may succeed, and nothing would restart it
            _log.exception("%s could not do its work", self._name)
        return max(self._every, _PAUSE_FACTOR * (time.monotonic() - began))


class StoreListener(Protocol):
    """Callbacks of a :class:`Watcher`, called from its thread."""

    def on_store_changed(self) -> None:
        """Handle a change of the store, or of the set of open backends."""

    def on_counts(self) -> None:
        """Send the views new counts."""

    def on_idle(self) -> None:
        """Use the idle time, as nothing has changed since the last poll."""

    def on_heartbeat(self) -> None:
        """Send the views a sign that the kernel is alive, also while it runs a cell."""

    def on_error(self, problem: str | None) -> None:
        """Send the views the reason why the store cannot be read, or None once it can again."""


class _State(NamedTuple):
    """The state that is compared to detect changes: of the store, and of the set of open backends, which is not stored."""

    token: object | None
    head: int
    opened: frozenset[str]


class Watcher(LeasedThread):
    """Poll the store four times a second.

    A poll takes microseconds on SQLite and one look-up by primary key elsewhere, or no query if the server sends notifications.
    """

    def __init__(self, session: Context, listener: StoreListener) -> None:
        """Make the watcher of *session*'s store; it starts with the first message of a view."""
        super().__init__("cl_tree", self._look, _POLL_INTERVAL)
        self._session = session
        self._listener = listener
        self._queried_at = 0.0
        self._notified: int | None = None
        self._wake_callback = self.wake  # one object, as a bound method is a new object each time
        self._state_seen: _State | None = None
        self._state_seen = self._state()
        self._problem: str | None = None
        self._heartbeat_at = time.monotonic()
        self._count_requested = False
        self._idle_reported = False

    def count(self) -> None:
        """Request new counts for the line above the rows, computed in the watcher's thread."""
        self._count_requested = True
        self.wake()

    def _look(self) -> None:
        try:
            now = self._state()
            if now != self._state_seen:
                self._listener.on_store_changed()
                self._state_seen, self._count_requested = now, True
            if self._count_requested:
                self._count_requested, self._idle_reported = False, False
                self._listener.on_counts()
            elif not self._idle_reported:
                self._idle_reported = True
                self._listener.on_idle()
            problem = None
        except errors.Error as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - keep polling: the next poll may succeed
            _log.exception("The tree could not be brought up to date")
            problem = f"The tree could not be brought up to date: {errors.one_line(error)}."
        if problem != self._problem:
            self._problem = problem
            self._listener.on_error(problem)
        if time.monotonic() - self._heartbeat_at > _HEARTBEAT_INTERVAL:
            self._heartbeat_at = time.monotonic()
            self._listener.on_heartbeat()

    def _state(self) -> _State:
        refuse_if_closed(self._session)
        store, seen = self._session.store, self._state_seen
        token, opened = store.token(), frozenset(self._session.backends)
        if seen is not None and self._is_quiet(store, token, seen):
            return seen._replace(opened=opened)
        return _State(token, store.head(), opened)

    def _is_quiet(self, store: Store, token: object | None, seen: _State) -> bool:
        """Return whether the store is known, without a query, to be unchanged."""
        if token is not None:
            return isinstance(token, int) and token == seen.token
        notified, before, now = store.notify_listener.count(self._wake_callback), self._notified, time.monotonic()
        self._notified = notified
        if notified is not None and notified == before and now - self._queried_at < _MAX_SILENCE:
            return True
        self._queried_at = now
        return False


class Capacities(LeasedThread):
    """Read the capacities of the open backends while a view shows the tree; no backend is opened for it."""

    def __init__(self, session: Context, measured: Callable[[str, dict[str, Any] | None], None]) -> None:
        """Call *measured*, from the thread, with the id of each open backend and its capacity (None if unknown or closed)."""
        super().__init__("cl_tree capacities", self._read_all, CAPACITY_INTERVAL)
        self._session = session
        self._measured = measured
        self._notified: set[str] = set()

    def _read_all(self) -> None:
        if self._session.is_closed:
            return
        backends = {backend.id: backend for backend in cast("list[Backend]", list(self._session.backends.values()))}
        for closed in self._notified - backends.keys():
            self._measured(closed, None)
        for backend in backends.values():
            self._read(backend)
        self._notified = set(backends)

    def _read(self, backend: Backend) -> None:
        try:
            measured = capacity(backend)
        except errors.Error as error:
            _log.info("%s does not report its capacity: %s", backend.label(), error)
            measured = None
        self._measured(backend.id, measured)


def capacity(backend: Backend) -> dict[str, float | str | None] | None:
    """Return the capacities of an open backend in GiB; each is a number, ``unknown``, ``infinite`` or None.

    Calls the driver, which may take long. Returns None if the storage reports no capacity at all.
    """
    total = facts.summed(facts.pools_in(backend.stats(), ""))
    capacities = {"total": total.total, "free": total.free, "provisioned": total.provisioned}
    return capacities if any(value is not None for value in capacities.values()) else None
