"""A thread that works for as long as somebody is there to see what comes of it."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LEASE = 180.0
"""Seconds without a word from any view after which nobody is there: views speak every 20 s, hidden pages every 60."""

_SHARE = 4.0
"""How many times longer than its last work the thread rests at least, so that it never keeps the kernel busy."""

_log = logging.getLogger(__name__)


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
