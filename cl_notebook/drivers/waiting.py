"""A call that takes its time: how far it is, while it waits and while it copies after that."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cl_notebook.drivers.api import Progress

STEP = 0.25
"""Seconds between two reports of a call that waits."""


class Waiting:
    """Reports a wait, and a copy that follows it, as one piece of work of *total* bytes; it never goes back."""

    def __init__(self, progress: Progress, total: int) -> None:
        """Report to *progress*."""
        self._progress = progress
        self._total = total
        self._waited = 0

    def sleep(self, seconds: float) -> None:
        """Wait, and say how much of the wait is over."""
        started = time.monotonic()
        while (left := started + seconds - time.monotonic()) > 0:
            self._waited = min(int(self._total * (1 - left / seconds)), self._total - 1)
            self._progress(self._waited, self._total)
            time.sleep(min(STEP, left))

    def __call__(self, done: int, total: int) -> None:
        """Take the report of the copy."""
        self._progress(self._waited + (self._total - self._waited) * done // max(total, 1), self._total)
