"""Looks whether the store has changed, for as long as somebody sees the tree."""

from __future__ import annotations

import contextvars
import logging
import math
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from cl_notebook import errors
from cl_notebook.concurrency import RepeatingThread
from cl_notebook.notebook.tree.selection import refuse_if_closed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cl_notebook.model.backend import Backend
    from cl_notebook.model.context import Context
    from cl_notebook.store import Store

LEASE = 180.0
"""Seconds without a word from any view after which nobody is there: views speak every 20 s, hidden pages every 60."""

_SHARE = 4.0
"""How many times longer than its last work the thread rests at least, so that it never keeps the kernel busy."""


class LeasedThread:
    """Calls *work* again and again, from the first message of a view until :data:`LEASE` seconds after the last one.

    The work runs in the context of the last message: ipykernel (7.4) hands a message to the subshell in whose context the
    widget sent something last. Sent from the thread's own context, the next message would wait for the running cell.
    """

    def __init__(self, name: str, work: Callable[[], None], every: float) -> None:
        """Name the thread *name*, and rest *every* seconds between two calls."""
        self._name = name
        self._work = work
        self._every = every
        self._renewed_at = 0.0
        self._context = contextvars.copy_context()
        self._thread = RepeatingThread(name, self._work_once, self._is_leased)

    def renew(self) -> None:
        """Renew the lease, as a view has sent a message; start the thread if it does not run."""
        self._renewed_at = time.monotonic()
        self._context = contextvars.copy_context()
        self._thread.start()

    def wake(self) -> None:
        """Let the next call begin now."""
        self._thread.wake()

    def stop(self) -> None:
        """Stop the thread; :meth:`renew` starts another one."""
        self._thread.stop()

    def _is_leased(self) -> bool:
        return time.monotonic() - self._renewed_at <= LEASE

    def _work_once(self) -> float:
        began = time.monotonic()
        try:
            self._context.copy().run(self._work)
        except Exception:  # noqa: BLE001 - the thread goes on: the next call may succeed, and nothing would start it again
            _log.exception("%s could not do its work", self._name)
        return max(self._every, _SHARE * (time.monotonic() - began))


_EVERY = 0.25
_ALIVE = 5.0
_TRUSTED = 5.0
"""Seconds after which the store is asked, whatever the server tells: a connection may be lost without anybody noticing."""

_log = logging.getLogger(__name__)


class StoreListener(Protocol):
    """What is told by a watcher, from its thread."""

    def on_store_changed(self) -> None:
        """Take note that the store has changed."""

    def on_counts(self) -> None:
        """Tell the views how many there are."""

    def on_idle(self) -> None:
        """Prepare for what may be asked: nothing changes for the time being."""

    def on_heartbeat(self) -> None:
        """Tell the views that the kernel lives, whatever it is doing."""

    def on_error(self, problem: str | None) -> None:
        """Tell the views why the store cannot be read, or that it can again."""


class _State(NamedTuple):
    """What shows that something has changed: in the store, or which backends are open, which no store knows."""

    token: object | None
    head: int
    opened: frozenset[str]


class Watcher(LeasedThread):
    """Looks four times a second: microseconds on SQLite, one look-up by primary key elsewhere, nothing where the server tells."""

    def __init__(self, session: Context, listener: StoreListener) -> None:
        """Watch the store of *session*, once somebody looks."""
        super().__init__("cl_tree", self._look, _EVERY)
        self._session = session
        self._listener = listener
        self._asked_at = 0.0
        self._notified: int | None = None
        self._wake_callback = self.wake  # one object, by which it is known again
        self._state_seen: _State | None = None
        self._state_seen = self._state()
        self._problem: str | None = None
        self._beat_at = time.monotonic()
        self._is_to_count = False
        self._is_settled = False

    def count(self) -> None:
        """Let what stands above the rows be counted anew, apart from who asks."""
        self._is_to_count = True
        self.wake()

    def _look(self) -> None:
        try:
            now = self._state()
            if now != self._state_seen:
                self._listener.on_store_changed()
                self._state_seen, self._is_to_count = now, True
            if self._is_to_count:
                self._is_to_count, self._is_settled = False, False
                self._listener.on_counts()
            elif not self._is_settled:
                self._is_settled = True
                self._listener.on_idle()
            problem = None
        except errors.Error as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - the thread must go on: what it could not do now it may be able to do later
            _log.exception("The tree could not be brought up to date")
            problem = f"The tree could not be brought up to date: {errors.one_line(error)}."
        if problem != self._problem:
            self._problem = problem
            self._listener.on_error(problem)
        if time.monotonic() - self._beat_at > _ALIVE:
            self._beat_at = time.monotonic()
            self._listener.on_heartbeat()

    def _state(self) -> _State:
        refuse_if_closed(self._session)
        store, seen = self._session.store, self._state_seen
        token, opened = store.token(), frozenset(self._session.backends)
        if seen is not None and self._is_quiet(store, token, seen):
            return seen._replace(opened=opened)
        return _State(token, store.head(), opened)

    def _is_quiet(self, store: Store, token: object | None, seen: _State) -> bool:
        """Return whether it is known, without a query, that nobody wrote anything."""
        if token is not None:
            return isinstance(token, int) and token == seen.token
        notified, before, now = store.notify_listener.count(self._wake_callback), self._notified, time.monotonic()
        self._notified = notified
        if notified is not None and notified == before and now - self._asked_at < _TRUSTED:
            return True
        self._asked_at = now
        return False


EVERY = 30.0
"""Seconds between two questions."""


class Capacities(LeasedThread):
    """Asks for as long as a view is there; backends that are closed are not opened for it."""

    def __init__(self, session: Context, measured: Callable[[str, dict[str, Any] | None], None]) -> None:
        """Ask the open backends of *session*; *measured* is told, with the backend's id, from the thread."""
        super().__init__("cl_tree capacities", self._ask_all, EVERY)
        self._session = session
        self._measured = measured
        self._notified: set[str] = set()

    def _ask_all(self) -> None:
        if self._session.is_closed:
            return
        backends = {backend.id: backend for backend in cast("list[Backend]", list(self._session.backends.values()))}
        for closed in self._notified - backends.keys():
            self._measured(closed, None)
        for backend in backends.values():
            self._ask(backend)
        self._notified = set(backends)

    def _ask(self, backend: Backend) -> None:
        try:
            measured = capacity(backend)
        except errors.Error as error:
            _log.info("%s does not tell its capacity: %s", backend.label(), error)
            measured = None
        self._measured(backend.id, measured)


CAPACITIES = {"total": "total_capacity_gb", "free": "free_capacity_gb", "provisioned": "provisioned_capacity_gb"}
"""What the head calls a capacity, and what drivers call it."""

_WORDS = ("unknown", "infinite")
"""What a driver may say instead of a number; of several pools the first of these counts."""


def capacity(backend: Backend) -> dict[str, float | str | None] | None:
    """Return what the storage of an open backend says of its room, in GiB: a number, ``unknown``, ``infinite``, or None.

    It asks the driver, which may take its time. None as a whole: the storage says nothing of it.
    """
    stats: Mapping[str, Any] = backend.stats()
    pools = [pool for pool in stats.get("pools") or () if isinstance(pool, dict)]
    found = {
        name: _one(stats[key]) if key in stats else _together([_one(pool.get(key)) for pool in pools])
        for name, key in CAPACITIES.items()
    }
    return found if any(value is not None for value in found.values()) else None


def _one(value: object) -> float | str | None:
    if isinstance(value, str):
        word = value.strip().lower()
        return word if word in _WORDS else _number(word)
    return _number(value)


def _number(value: object) -> float | str | None:
    try:
        number = float(value) if not isinstance(value, bool) else math.nan  # type: ignore[arg-type] # that is the question
    except (TypeError, ValueError):
        return None
    return "infinite" if number == math.inf else number if math.isfinite(number) else None


def _together(values: list[float | str | None]) -> float | str | None:
    for word in _WORDS:
        if word in values:
            return word
    numbers = [value for value in values if isinstance(value, float)]
    return sum(numbers) if numbers else None
