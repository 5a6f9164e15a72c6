"""Looks whether the store has changed, for as long as somebody sees the tree."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from cl_notebook import errors
from cl_notebook.notebook.tree.selection import refuse_if_closed
from cl_notebook.treemodel import state

if TYPE_CHECKING:
    from collections.abc import Callable

    from cl_notebook.model.backend import Backend
    from cl_notebook.model.context import Context
    from cl_notebook.store import Store

LEASE = 180.0
"""Seconds without a word from any view after which nobody is there: views speak every 20 s, hidden pages every 60."""

_SHARE = 4.0
"""How many times longer than its last work the thread rests at least, so that it never keeps the kernel busy."""


class Leased:
    """Calls *work* again and again, from the first word of a view until the last is long ago.

    It works in the context of the last word: ipykernel (7.4) hands what a view asks to the subshell in whose context the
    widget last said something, whatever the view says. Said in the thread's own, the next question would wait for the cell.
    """

    def __init__(self, name: str, work: Callable[[], None], every: float) -> None:
        """Be called *name*, and rest *every* seconds in between."""
        self._name = name
        self._work = work
        self._every = every
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None
        self._heard = 0.0
        self._context = contextvars.copy_context()

    def soon(self) -> None:
        """Let the next time be now."""
        self._wanted.set()

    def heard(self) -> None:
        """Note that a view has spoken."""
        with self._lock:
            self._heard = time.monotonic()
            self._context = contextvars.copy_context()
            if self._thread is None:
                self._ended = threading.Event()
                self._thread = threading.Thread(target=self._run, args=(self._ended,), name=self._name, daemon=True)
                self._thread.start()

    def end(self) -> None:
        """Stop."""
        with self._lock:
            self._ended.set()
            self._wanted.set()
            self._thread = None

    def _run(self, ended: threading.Event) -> None:
        while not ended.is_set():
            began = time.monotonic()
            if self._is_over(ended, began):
                return
            self._wanted.clear()
            try:
                self._context.copy().run(self._work)
            except Exception:  # noqa: BLE001 - the next time may be better, and nobody would begin anew what ended here
                _log.exception("%s could not do its work", self._name)
            self._wanted.wait(max(self._every, _SHARE * (time.monotonic() - began)))

    def _is_over(self, ended: threading.Event, now: float) -> bool:
        with self._lock:
            if now - self._heard <= LEASE:
                return False
            if self._ended is ended:
                self._thread = None
            return True


_EVERY = 0.25
_ALIVE = 5.0
_TRUSTED = 5.0
"""Seconds after which the store is asked, whatever the server tells: a connection may be lost without anybody noticing."""

_log = logging.getLogger(__name__)


class Watched(Protocol):
    """What is told by a watcher, from its thread."""

    def moved(self) -> None:
        """Take note that the store has changed."""

    def recount(self) -> None:
        """Tell the views how many there are."""

    def settled(self) -> None:
        """Prepare for what may be asked: nothing changes for the time being."""

    def alive(self) -> None:
        """Tell the views that the kernel lives, whatever it is doing."""

    def trouble(self, problem: str | None) -> None:
        """Tell the views why the store cannot be read, or that it can again."""


class _State(NamedTuple):
    """What shows that something has changed: in the store, or which backends are open, which no store knows."""

    token: object | None
    head: int
    opened: frozenset[str]


class Watcher(Leased):
    """Looks four times a second: microseconds on SQLite, one look-up by primary key elsewhere, nothing where the server tells."""

    def __init__(self, session: Context, watched: Watched) -> None:
        """Watch the store of *session*, once somebody looks."""
        super().__init__("cl_tree", self._look, _EVERY)
        self._session = session
        self._watched = watched
        self._asked = 0.0
        self._told: int | None = None
        self._wake = self.soon  # one object, by which it is known again
        self._seen: _State | None = None
        self._seen = self._state()
        self._problem: str | None = None
        self._said = time.monotonic()
        self._is_to_count = False
        self._is_settled = False

    def count(self) -> None:
        """Let what stands above the rows be counted anew, apart from who asks."""
        self._is_to_count = True
        self.soon()

    def _look(self) -> None:
        try:
            now = self._state()
            if now != self._seen:
                self._watched.moved()
                self._seen, self._is_to_count = now, True
            if self._is_to_count:
                self._is_to_count, self._is_settled = False, False
                self._watched.recount()
            elif not self._is_settled:
                self._is_settled = True
                self._watched.settled()
            problem = None
        except errors.Error as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - the thread must go on: what it could not do now it may be able to do later
            _log.exception("The tree could not be brought up to date")
            problem = f"The tree could not be brought up to date: {errors.one_line(error)}."
        if problem != self._problem:
            self._problem = problem
            self._watched.trouble(problem)
        if time.monotonic() - self._said > _ALIVE:
            self._said = time.monotonic()
            self._watched.alive()

    def _state(self) -> _State:
        refuse_if_closed(self._session)
        store, seen = self._session.store, self._seen
        token, opened = store.token(), frozenset(self._session.backends)
        if seen is not None and self._is_quiet(store, token, seen):
            return seen._replace(opened=opened)
        return _State(token, store.head(), opened)

    def _is_quiet(self, store: Store, token: object | None, seen: _State) -> bool:
        """Return whether it is known, without a query, that nobody wrote anything."""
        if token is not None:
            return isinstance(token, int) and token == seen.token
        told, before, now = store.notify_listener.count(self._wake), self._told, time.monotonic()
        self._told = told
        if told is not None and told == before and now - self._asked < _TRUSTED:
            return True
        self._asked = now
        return False


EVERY = 30.0
"""Seconds between two questions."""


class Capacities(Leased):
    """Asks for as long as a view is there; backends that are closed are not opened for it."""

    def __init__(self, session: Context, measured: Callable[[str, dict[str, Any] | None], None]) -> None:
        """Ask the open backends of *session*; *measured* is told, with the backend's id, from the thread."""
        super().__init__("cl_tree capacities", self._ask_all, EVERY)
        self._session = session
        self._measured = measured
        self._told: set[str] = set()

    def _ask_all(self) -> None:
        if self._session.is_closed:
            return
        backends = {backend.id: backend for backend in cast("list[Backend]", list(self._session.backends.values()))}
        for closed in self._told - backends.keys():
            self._measured(closed, None)
        for backend in backends.values():
            self._ask(backend)
        self._told = set(backends)

    def _ask(self, backend: Backend) -> None:
        try:
            capacity = state.capacity(backend)
        except errors.Error as error:
            _log.info("%s does not tell its capacity: %s", backend.label(), error)
            capacity = None
        self._measured(backend.id, capacity)
