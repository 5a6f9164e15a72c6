"""Asks the open backends for their capacities, apart from everything else: an array may take its time to answer."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.notebook.tree.leased import Leased
from cl_notebook.treemodel import summary

if TYPE_CHECKING:
    from collections.abc import Callable

    from cl_notebook.model.backend import Backend
    from cl_notebook.model.context import Context

EVERY = 30.0
"""Seconds between two questions."""

_log = logging.getLogger(__name__)


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
        backends = {backend.id: backend for backend in list(self._session.backends.values())}
        for closed in self._told - backends.keys():
            self._measured(closed, None)
        for backend in backends.values():
            self._ask(backend)
        self._told = set(backends)

    def _ask(self, backend: Backend) -> None:
        try:
            capacity = summary.capacity(backend)
        except errors.Error as error:
            _log.info("%s does not tell its capacity: %s", backend.label(), error)
            capacity = None
        self._measured(backend.id, capacity)
