"""Faults of a simulated storage, and its latency: which call fails, when, and how.

A plan is text: faults as ``call:when`` or ``call:when:how``, separated by commas. *when* counts the calls of that method: ``3``
is the third, ``3+`` the third and all later ones, ``2-4`` the second to the fourth. *how* is one of

- the name of a driver error (``DriverError``, which is the default, ``StorageFull``, ``MissingOnStorage``…),
- ``crash``: a RuntimeError, as a driver with a bug raises it,
- ``lost``: the storage does its work, but the call raises an error,
- ``hang``: the call never returns.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cl_notebook import errors

if TYPE_CHECKING:
    from collections.abc import Collection

    from cl_notebook.drivers.api import Progress

CALLS = (
    "setup",
    "get_volume_stats",
    "create_volume",
    "create_volume_from_snapshot",
    "create_cloned_volume",
    "extend_volume",
    "delete_volume",
    "create_snapshot",
    "delete_snapshot",
    "revert_to_snapshot",
    "create_export",
    "ensure_export",
    "remove_export",
    "initialize_connection",
    "terminate_connection",
    "get_manageable_volumes",
    "manage_existing_get_size",
    "manage_existing",
    "unmanage",
    "get_manageable_snapshots",
    "manage_existing_snapshot_get_size",
    "manage_existing_snapshot",
    "unmanage_snapshot",
)
"""The methods of the driver that are counted, delayed by the latency, and can have faults."""

REPORT_INTERVAL = 0.25
"""Seconds between two reports of progress while a call waits."""

CRASH, LOST, HANG = "crash", "lost", "hang"

_KINDS: tuple[type[errors.DriverError], ...] = (
    errors.DriverError,
    errors.StorageFull,
    errors.MissingOnStorage,
    errors.ExistsOnStorage,
    errors.BusyOnStorage,
    errors.NotSupported,
)
_ERRORS = {kind.__name__: kind for kind in _KINDS}
_WHEN = re.compile(r"([1-9]\d*)(?:(\+)|-([1-9]\d*))?")
_MIN_PARTS, _MAX_PARTS = 2, 3


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: the calls number *first* to *last* (None: no end) of the method *call* fail as *how* says."""

    call: str
    first: int
    last: int | None
    how: str

    def hits(self, call: str, number: int) -> bool:
        """Return whether call number *number* of the method *call* fails."""
        return call == self.call and self.first <= number and (self.last is None or number <= self.last)

    def error(self, number: int) -> Exception:
        """Return the error to raise in call number *number*."""
        message = f"simulated fault in {self.call}, call {number}"
        if self.how == CRASH:
            return RuntimeError(message)
        return _ERRORS.get(self.how, errors.DriverError)(message)


def parse_faults(plan: str, calls: Collection[str]) -> tuple[Fault, ...]:
    """Return the faults of a *plan* for the methods *calls*; see the module for its syntax.

    Raises:
        errors.InvalidInput: the plan has another syntax, or an unknown method or error.

    """
    return tuple(_parse(item.strip(), calls) for item in plan.split(",") if item.strip())


def _parse(item: str, calls: Collection[str]) -> Fault:
    parts = item.split(":")
    when = _WHEN.fullmatch(parts[1].strip()) if _MIN_PARTS <= len(parts) <= _MAX_PARTS else None
    if when is None:
        msg = f"A fault is call:when or call:when:how, such as create_volume:3 or delete_volume:1+:lost, not {item!r}."
        raise errors.InvalidInput(msg)
    call, how = parts[0].strip(), parts[2].strip() if len(parts) == _MAX_PARTS else "DriverError"
    _check("call of a driver", call, calls)
    _check("way to fail", how, (*_ERRORS, CRASH, LOST, HANG))
    first, is_open_ended, last = int(when[1]), when[2], when[3]
    return Fault(call, first, None if is_open_ended else int(last or first), how)


def _check(what: str, word: str, known: Collection[str]) -> None:
    if word not in known:
        msg = f"{word!r} is not a {what}.{errors.did_you_mean(word, known)} Known: {', '.join(known)}."
        raise errors.InvalidInput(msg)


class Waiting:
    """Reports a wait and the copy that follows it as the progress of one copy of *total* bytes."""

    def __init__(self, progress: Progress, total: int) -> None:
        """Report to *progress*."""
        self._progress = progress
        self._total = total
        self._waited = 0

    def sleep(self, seconds: float) -> None:
        """Wait for *seconds*, and report the elapsed share of the wait."""
        started = time.monotonic()
        while (left := started + seconds - time.monotonic()) > 0:
            self._waited = min(int(self._total * (1 - left / seconds)), self._total - 1)
            self._progress(self._waited, self._total)
            time.sleep(min(REPORT_INTERVAL, left))

    def __call__(self, done: int, total: int) -> None:
        """Report the progress of the copy, which continues where the wait ended."""
        self._progress(self._waited + (self._total - self._waited) * done // max(total, 1), self._total)
