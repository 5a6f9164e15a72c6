"""Long lists that cross the channel in parts: no message holds more than a part, whatever a storage has on it."""

from __future__ import annotations

import threading
from typing import Any


class Lists:
    """Lists that are being received, or sent, each under a number that the kernel chose."""

    def __init__(self) -> None:
        """Hold none."""
        self._held: dict[int, list[Any]] = {}
        self._lock = threading.Lock()

    def put(self, number: int, items: list[Any]) -> None:
        """Add *items* at the end of a list; the first of them begin it."""
        with self._lock:
            self._held.setdefault(number, []).extend(items)

    def held(self, number: int) -> list[Any]:
        """Return a whole list, which stays."""
        with self._lock:
            return list(self._held.get(number, ()))

    def take(self, number: int, limit: int) -> list[Any]:
        """Return the next *limit* items of a list, and hold them no longer."""
        with self._lock:
            items = self._held.get(number, [])
            self._held[number] = items[limit:]
            return items[:limit]

    def drop(self, number: int) -> None:
        """Forget a list; one that is not there is a success."""
        with self._lock:
            self._held.pop(number, None)
