"""The log of a driver: the last lines, each tied to the operation that it was written in."""

from __future__ import annotations

import datetime as dt
from collections import deque
from typing import TYPE_CHECKING, Any

from cl_notebook import concurrency, errors
from cl_notebook.drivers.api import LogLine

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT = 5000
"""Lines that are kept."""

KEPT_CHARACTERS = 2**24
"""Characters that are kept of all lines: of those that do not fit any more the oldest go."""


class Log:
    """A ring of lines, filled by the child while anybody reads."""

    def __init__(self, kept: int = KEPT) -> None:
        """Begin empty; keep *kept* lines at most."""
        self._lines: deque[tuple[int, LogLine]] = deque(maxlen=kept)
        self._lock = concurrency.lock()
        self._size = 0

    def add(self, told: Mapping[str, Any], operation: int | None) -> None:
        """Keep a line as the child tells it, which says in which of its calls it was written."""
        line = LogLine(told["at"], told["level"], told["logger"], errors.bounded(told["text"]), operation)
        if not self._lines.maxlen:
            return
        with self._lock:
            if len(self._lines) == self._lines.maxlen:
                self._size -= len(self._lines.popleft()[1].text)
            self._lines.append((told["call"], line))
            self._size += len(line.text)
            while self._size > KEPT_CHARACTERS:
                self._size -= len(self._lines.popleft()[1].text)

    def lines(self) -> list[LogLine]:
        """Return all lines, the oldest first."""
        with self._lock:
            return [line for _call, line in self._lines]

    def of_call(self, call: int, most: int) -> list[LogLine]:
        """Return the last lines that were written in one call, or by no call while it ran, *most* of them."""
        with self._lock:
            numbers = [number for number, _line in self._lines]
            start = numbers.index(call) if call in numbers else len(numbers)
            found = [line for number, line in list(self._lines)[start:] if number in {call, 0}]
        return found[-most:]


def format_line(line: LogLine) -> str:
    """Return a line as text: time in UTC, level, logger, words."""
    at = dt.datetime.fromtimestamp(line.at, tz=dt.UTC)
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d} {line.level:<7} {line.logger}: {line.text}"
