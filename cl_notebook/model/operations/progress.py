"""How far a long act has come: shown where it was asked for, and noted in the change feed for everybody else."""

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
"""Seconds that an act lasts before its progress is noted."""

EVERY = 1.0
"""Seconds between two notes."""

_log = logging.getLogger(__name__)


class Reporter:
    """What a driver reports its progress to. It costs a look at the clock, and nothing ends an act for its sake."""

    def __init__(self, context: Context, entry: Callable[[str], changefeed.Entry]) -> None:
        """Note what *entry* makes of the fraction that is done, as text, from now on."""
        self._context = context
        self._entry = entry
        self._show: Progress = no_progress
        self._next = time.monotonic() + AFTER
        self._noted = ""
        self._is_over = False

    @contextlib.contextmanager
    def showing(self, show: Progress) -> Iterator[None]:
        """Hand on to *show* what is reported in the block; what is reported after it is late, and not noted."""
        self._show = show
        try:
            yield
        finally:
            self._is_over = True

    def __call__(self, done: int, total: int) -> None:
        """Take a report: *done* of *total* bytes."""
        self._show(done, total)
        if time.monotonic() >= self._next:
            self._note_if_free(done, total)

    def _note_if_free(self, done: int, total: int) -> None:
        # Not waited for: whoever holds the lock may himself wait for what the driver, who is reporting, holds meanwhile.
        lock = self._context.lock
        if not lock.acquire(blocking=False):
            return
        try:
            self._note(f"{min(1.0, max(0.0, done / total)):.4f}")
        except Exception:  # noqa: BLE001 - the storage is at work: no report is worth breaking that off
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
