"""Report the progress of a long operation: on the display of its caller, and in the change feed for other sessions."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING

from cl_notebook.drivers.api import no_progress
from cl_notebook.store import changefeed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cl_notebook.drivers.api import Progress
    from cl_notebook.model.context import Context

AFTER = 2.0
"""Seconds after the start of an operation before its progress is written to the feed."""

EVERY = 1.0
"""Seconds between two entries of the feed."""

_log = logging.getLogger(__name__)


class Reporter:
    """Receives the progress that a driver reports. A report costs one look at the clock, and its failure ends no operation."""

    def __init__(self, context: Context, entry: Callable[[str], changefeed.Entry]) -> None:
        """Prepare to write the entries of the feed that *entry* makes of a fraction, as text such as ``0.5000``."""
        self._context = context
        self._entry = entry
        self._show: Progress = no_progress
        self._next = time.monotonic() + AFTER
        self._noted = ""
        self._is_over = False

    @contextlib.contextmanager
    def showing(self, show: Progress) -> Iterator[None]:
        """Hand reports on to *show* within the block; reports that come after it are not written."""
        self._show = show
        try:
            yield
        finally:
            self._is_over = True

    def __call__(self, done: int, total: int) -> None:
        """Receive a report: *done* of *total* bytes."""
        self._show(done, total)
        if time.monotonic() >= self._next:
            self._note_if_free(done, total)

    def _note_if_free(self, done: int, total: int) -> None:
        # Do not block: the lock's holder may be waiting for a lock that the reporting driver holds (deadlock).
        lock = self._context.lock
        if not lock.acquire(blocking=False):
            return
        try:
            self._note(f"{min(1.0, max(0.0, done / total)):.4f}")
        except Exception:  # noqa: BLE001 - a failed report must not break off the call of the storage
            _log.debug("Progress could not be noted", exc_info=True)
        finally:
            self._next = time.monotonic() + EVERY
            lock.release()

    def _note(self, fraction: str) -> None:
        if self._is_over or fraction == self._noted:
            return
        context = self._context
        with context.store.writing() as connection:
            context.change_tracker.sync()
            number = changefeed.append(connection, self._entry(fraction))
        context.change_tracker.note_own_write(number)
        self._noted = fraction
