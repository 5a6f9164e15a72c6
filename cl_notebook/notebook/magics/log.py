"""Define ``%cl_log``, which prints the logs of the drivers of open backends."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.drivers.cinder.log import format_line
from cl_notebook.frames import logs
from cl_notebook.model import Backend
from cl_notebook.notebook.command import resolve
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb, count, whole
from cl_notebook.notebook.magics.lists import FORMATS, formed
from cl_notebook.notebook.output.messages import echo, echo_err

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from cl_notebook.drivers.api import LogLine
    from cl_notebook.notebook.command.command import Invocation

    Entry = tuple[str, LogLine]

LINES = 50
"""Default of ``--lines``."""

EVERY = 0.5
"""Seconds between two readings of the log with ``--follow``."""

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_RETENTION = "A driver's log is kept while its backend is open"


def _number(text: str) -> int:
    return whole(text, "the number of an operation, as %cl_history has it")


def _level(text: str) -> str:
    if text.upper() not in LEVELS:
        msg = f"one of {', '.join(LEVELS)}"
        raise ValueError(msg)
    return text.upper()


def _log(call: Invocation) -> pd.DataFrame | None:
    failed = _failed_opening(call)
    backends = _backends(call) if failed is None else []
    selection = _Selection(backends, call["operation"], call["level"], failed)
    if call["format"] is not None:
        return _framed(call, selection.entries())
    lines = LINES if call["lines"] is None else call["lines"] or None
    if not call["follow"] or failed is not None:
        _print(selection.entries(), lines, with_names=len(backends) > 1, otherwise=selection.no_lines_message())
        return None
    try:
        _follow(selection, lines, with_names=len(backends) > 1)
    except KeyboardInterrupt:
        return None  # interrupting is the way to stop
    return None


def _failed_opening(call: Invocation) -> list[Entry] | None:
    """Return the lines of the last attempt to open the named backend if that failed and it is not open, else None."""
    name = call["backend"]
    stored = call.session.get(Backend, name) if name is not None else None
    name = stored.name if isinstance(stored, Backend) else name
    failed = call.session.failed_openings.get(name)
    return [(name, line) for line in failed.log] if failed is not None and name not in call.session.backends else None


def _backends(call: Invocation) -> list[Backend]:
    if call["backend"] is None:
        opened = list(call.session.backends.values())
        if not opened:
            msg = f"No backend is open. {_RETENTION}."
            raise errors.Refused(msg)
        return opened
    backend = resolve.backend(call, call["backend"])
    if not backend.is_open:
        msg = f"Backend {backend.name!r} is not open. {_RETENTION}, here."
        raise errors.Refused(msg)
    return [backend]


class _Selection:
    """The selected log lines: of these backends, of one operation (or all), from one level up.

    *failed* are the lines of a backend that could not be opened.
    """

    def __init__(
        self, backends: Sequence[Backend], operation: int | None, level: str | None, failed: Sequence[Entry] | None
    ) -> None:
        self.backends = backends
        self._failed = [entry for entry in failed or () if operation is None or entry[1].operation == operation]
        self._operation = operation
        self._min_level = logging.getLevelNamesMapping()[level] if level else logging.NOTSET

    def entries(self) -> list[Entry]:
        """Return pairs of backend name and line, oldest first; closed backends are skipped."""
        opened = [backend for backend in self.backends if backend.is_open]
        entries = [*self._failed, *(logs.lines(opened, self._operation) if opened else [])]
        return [entry for entry in entries if self._matches(entry[1])]

    def _matches(self, line: LogLine) -> bool:
        # unknown levels, such as that of lines from standard error, always pass
        return logging.getLevelNamesMapping().get(line.level, logging.CRITICAL) >= self._min_level

    def no_lines_message(self) -> str:
        """Return the message for no matching line."""
        of = f" in operation {self._operation}" if self._operation is not None else ""
        least = f" of level {logging.getLevelName(self._min_level)} or above" if self._min_level else ""
        if not self.backends:
            return f"No lines{of}{least} were logged before the opening failed."
        return f"No lines{of}{least} in the log of {', '.join(backend.name for backend in self.backends)}."


def _framed(call: Invocation, entries: Sequence[Entry]) -> pd.DataFrame | None:
    if call["follow"]:
        msg = "--follow prints lines as they come: it goes with no --format."
        raise errors.InvalidInput(msg)
    last = call["lines"]
    frame = logs.frame(entries[-last:] if last else entries)
    return formed(call, frame, list(frame.columns))


def _print(entries: Sequence[Entry], limit: int | None, *, with_names: bool, otherwise: str = "") -> None:
    last = entries[-limit:] if limit is not None else entries
    text = "\n".join(f"{name}: {format_line(line)}" if with_names else format_line(line) for name, line in last)
    if text or otherwise:
        echo(text or otherwise)
        sys.stdout.flush()


def _follow(selection: _Selection, lines: int | None, *, with_names: bool) -> None:
    entries = selection.entries()
    _print(entries, lines, with_names=with_names, otherwise="" if entries else selection.no_lines_message())
    silent = [backend.name for backend in selection.backends if not logs.is_kept(backend)]
    if silent:
        echo_err(f"No log is kept for {', '.join(silent)}: no lines will come. Interrupt the cell to stop following.")
    elif not entries:
        echo_err("Waiting for lines. Interrupt the cell to stop following.")
    while any(backend.is_open for backend in selection.backends):
        time.sleep(EVERY)
        before, entries = entries, selection.entries()
        _print(list(_new_entries(before, entries)), None, with_names=with_names)


def _new_entries(before: Sequence[Entry], now: Sequence[Entry]) -> Iterator[Entry]:
    counts = Counter(before)  # not a position: the log is bounded, so old lines drop out as new ones arrive
    for entry in now:
        if counts[entry]:
            counts[entry] -= 1
        else:
            yield entry


COMMAND = Command(
    "cl_log",
    "Print what the driver of a backend logged, the oldest line first. Times are in UTC. "
    f"{_RETENTION}; that of a backend that could not be opened, until the session ends. "
    "-f frame gives a DataFrame: lines = %cl_log -f frame",
    (
        Verb(
            "",
            "Print the last lines of the log.",
            _log,
            arguments=(
                Argument("BACKEND", "Whose log; by default those of all backends that are open.", "backend", optional=True),
            ),
            options=(
                Option("follow", "Go on with each line that comes, until the cell is interrupted."),
                Option("operation", "Only what was logged in this operation of %cl_history.", "N", convert=_number),
                Option(
                    "level", "Only what is at least as grave.", "LEVEL", convert=_level, completes=f"choices:{','.join(LEVELS)}"
                ),
                Option("lines", f"Lines at most, the last; {LINES} if it is left out, 0 is all.", "N", convert=count),
                Option("format", "What to give instead of lines: a DataFrame, or text.", "FORMAT", short="-f", choices=FORMATS),
            ),
        ),
    ),
    (
        "%cl_log",
        "%cl_log ceph --follow",
        "%cl_log --operation 12",
        "%cl_log ceph --level warning --lines 0",
        "lines = %cl_log ceph -f frame",
    ),
    purpose="Look",
    sample="%cl_log lab",
    brief="what the driver of a backend logged",
)
"""The magic."""
