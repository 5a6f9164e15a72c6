"""Looks whether the store has changed, for as long as somebody sees the tree."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from cl_notebook import errors
from cl_notebook.notebook.tree.closed import refuse_if_closed
from cl_notebook.notebook.tree.leased import Leased

if TYPE_CHECKING:
    from cl_notebook.model.context import Context
    from cl_notebook.store import Store

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
        told, before, now = store.news.count(self._wake), self._told, time.monotonic()
        self._told = told
        if told is not None and told == before and now - self._asked < _TRUSTED:
            return True
        self._asked = now
        return False
