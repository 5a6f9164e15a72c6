"""The log of a driver: its last lines, each with the operation of the store in which it was written."""

from __future__ import annotations

import datetime as dt
from collections import deque
from typing import TYPE_CHECKING, Any

from cl_notebook import concurrency, errors
from cl_notebook.drivers.api import LogLine

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_LINES = 5000
"""Lines that a log keeps."""

MAX_CHARACTERS = 2**24
"""Characters that a log keeps in all its lines; the oldest lines are removed first."""


class Log:
    """A ring buffer of lines; threads may add and read at once."""

    def __init__(self, max_lines: int = MAX_LINES) -> None:
        """Start empty; keep at most *max_lines* lines, 0 for none."""
        self._lines: deque[tuple[int, LogLine]] = deque(maxlen=max_lines)
        self._lock = concurrency.lock()
        self._size = 0
        self._untaken = 0

    def add(self, record: Mapping[str, Any], operation: int | None) -> None:
        """Append a line from the child's *record* (at, level, logger, text, call), written in *operation* of the store."""
        line = LogLine(record["at"], record["level"], record["logger"], errors.bounded(record["text"]), operation)
        if not self._lines.maxlen:
            return
        with self._lock:
            if len(self._lines) == self._lines.maxlen:
                self._size -= len(self._lines.popleft()[1].text)
            self._lines.append((record["call"], line))
            self._untaken += 1
            self._size += len(line.text)
            while self._size > MAX_CHARACTERS:
                self._size -= len(self._lines.popleft()[1].text)

    def lines(self) -> list[LogLine]:
        """Return all lines, the oldest first."""
        with self._lock:
            return [line for _call, line in self._lines]

    def take(self) -> list[LogLine]:
        """Return the lines that were added since the last call of this method, as far as the log still has them."""
        with self._lock:
            count, self._untaken = min(self._untaken, len(self._lines)), 0
            return [line for _call, line in list(self._lines)[len(self._lines) - count :]]

    def of_call(self, call: int, limit: int) -> list[LogLine]:
        """Return the last *limit* lines of a call, including lines of no call that were written after its first one."""
        with self._lock:
            numbers = [number for number, _line in self._lines]
            start = numbers.index(call) if call in numbers else len(numbers)
            lines = [line for number, line in list(self._lines)[start:] if number in {call, 0}]
        return lines[-limit:]


def format_line(line: LogLine) -> str:
    """Return a line as text: time in UTC, level, logger, message."""
    at = dt.datetime.fromtimestamp(line.at, tz=dt.UTC)
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d} {line.level:<7} {line.logger}: {line.text}"
