"""``%cl_log``: what the drivers of the open backends wrote."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.drivers.cinder.log import format_line
from cl_notebook.frames import logs
from cl_notebook.notebook.command import resolve
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb, count, whole
from cl_notebook.notebook.display.output import echo, echo_err
from cl_notebook.notebook.magics.lists import FORMATS, formed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from cl_notebook.drivers.api import LogLine
    from cl_notebook.model import Backend
    from cl_notebook.notebook.command.command import Invocation

    Entry = tuple[str, LogLine]

LINES = 50
"""Lines that are shown if no ``--lines`` is given."""

EVERY = 0.5
"""Seconds between two looks with ``--follow``."""

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_KEPT = "A driver's log is kept while its backend is open"


def _number(text: str) -> int:
    return whole(text, "the number of an operation, as %cl_history has it")


def _level(text: str) -> str:
    if text.upper() not in LEVELS:
        msg = f"one of {', '.join(LEVELS)}"
        raise ValueError(msg)
    return text.upper()


def _log(call: Invocation) -> pd.DataFrame | None:
    backends = _backends(call)
    chosen = _Chosen(backends, call["operation"], call["level"])
    if call["format"] is not None:
        return _framed(call, chosen.entries())
    lines = LINES if call["lines"] is None else call["lines"] or None
    if not call["follow"]:
        _print(chosen.entries(), lines, named=len(backends) > 1, otherwise=chosen.nothing())
        return None
    try:
        _follow(chosen, lines, named=len(backends) > 1)
    except KeyboardInterrupt:
        return None  # how one stops to follow
    return None


def _backends(call: Invocation) -> list[Backend]:
    if call["backend"] is None:
        opened = list(call.session.backends.values())
        if not opened:
            msg = f"No backend is open. {_KEPT}."
            raise errors.Refused(msg)
        return opened
    backend = resolve.backend(call, call["backend"])
    if not backend.is_open:
        msg = f"Backend {backend.name!r} is not open. {_KEPT}, here."
        raise errors.Refused(msg)
    return [backend]


class _Chosen:
    """Which lines are asked for: of these backends, of one operation, from one level up."""

    def __init__(self, backends: Sequence[Backend], operation: int | None, level: str | None) -> None:
        self.backends = backends
        self._operation = operation
        self._least = logging.getLevelNamesMapping()[level] if level else logging.NOTSET

    def entries(self) -> list[Entry]:
        """Return the lines with the names of their backends, the oldest first; a backend that was closed has none."""
        opened = [backend for backend in self.backends if backend.is_open]
        return [entry for entry in logs.lines(opened, self._operation) if self._fits(entry[1])]

    def _fits(self, line: LogLine) -> bool:
        # a level that Python does not know, such as what was written to standard error, is never left out
        return logging.getLevelNamesMapping().get(line.level, logging.CRITICAL) >= self._least

    def nothing(self) -> str:
        """Say that there is no such line."""
        of = f" in operation {self._operation}" if self._operation is not None else ""
        least = f" of level {logging.getLevelName(self._least)} or above" if self._least else ""
        return f"No lines{of}{least} in the log of {', '.join(backend.name for backend in self.backends)}."


def _framed(call: Invocation, entries: Sequence[Entry]) -> pd.DataFrame | None:
    if call["follow"]:
        msg = "--follow prints lines as they come: it goes with no --format."
        raise errors.InvalidInput(msg)
    last = call["lines"]
    frame = logs.frame(entries[-last:] if last else entries)
    return formed(call, frame, list(frame.columns))


def _print(entries: Sequence[Entry], most: int | None, *, named: bool, otherwise: str = "") -> None:
    last = entries[-most:] if most is not None else entries
    text = "\n".join(f"{name}: {format_line(line)}" if named else format_line(line) for name, line in last)
    if text or otherwise:
        echo(text or otherwise)
        sys.stdout.flush()


def _follow(chosen: _Chosen, lines: int | None, *, named: bool) -> None:
    entries = chosen.entries()
    _print(entries, lines, named=named, otherwise="" if entries else chosen.nothing())
    silent = [backend.name for backend in chosen.backends if not logs.is_kept(backend)]
    if silent:
        echo_err(f"No log is kept for {', '.join(silent)}: no lines will come. Interrupt the cell to stop following.")
    elif not entries:
        echo_err("Waiting for lines. Interrupt the cell to stop following.")
    while any(backend.is_open for backend in chosen.backends):
        time.sleep(EVERY)
        before, entries = entries, chosen.entries()
        _print(list(_new(before, entries)), None, named=named)


def _new(before: Sequence[Entry], now: Sequence[Entry]) -> Iterator[Entry]:
    known = Counter(before)  # a log has an end: the oldest lines go as new ones come
    for entry in now:
        if known[entry]:
            known[entry] -= 1
        else:
            yield entry


COMMAND = Command(
    "cl_log",
    "Print what the driver of a backend logged, the oldest line first. Times are in UTC. "
    f"{_KEPT}. -f frame gives a DataFrame: lines = %cl_log -f frame",
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
)
"""The magic."""
