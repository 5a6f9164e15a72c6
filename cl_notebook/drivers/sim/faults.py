"""Faults that a simulated storage is asked to have: which call fails, when, and how.

A plan is text: ``call:when`` or ``call:when:how``, several of them with commas between. *when* counts the calls of that kind:
``3`` is the third, ``3+`` the third and all after it, ``2-4`` the second to the fourth. *how* is one of

- the name of a driver error (``DriverError``, which is the default, ``StorageFull``, ``MissingOnStorage``…),
- ``crash``: an exception that is none of ours, as a driver with a bug raises it,
- ``lost``: the storage does what it was asked to, and the answer is an error all the same,
- ``hang``: the call never comes back.
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
"""The methods of a driver that are counted, take the latency and can have faults."""

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
_FEWEST, _MOST = 2, 3


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: the calls *first* to *last* (``None``: for ever) of the method *call* end in *how*."""

    call: str
    first: int
    last: int | None
    how: str

    def hits(self, call: str, number: int) -> bool:
        """Say whether the *number*-th call of *call* is meant."""
        return call == self.call and self.first <= number and (self.last is None or number <= self.last)

    def error(self, number: int) -> Exception:
        """Return the error that the *number*-th call ends in."""
        message = f"simulated fault in {self.call}, call {number}"
        if self.how == CRASH:
            return RuntimeError(message)
        return _ERRORS.get(self.how, errors.DriverError)(message)


def parse_faults(plan: str, calls: Collection[str]) -> tuple[Fault, ...]:
    """Return the faults of a *plan* over the methods *calls*.

    Raises:
        errors.InvalidInput: the plan is not as the module describes it.

    """
    return tuple(_parse(item.strip(), calls) for item in plan.split(",") if item.strip())


def _parse(item: str, calls: Collection[str]) -> Fault:
    words = item.split(":")
    when = _WHEN.fullmatch(words[1].strip()) if _FEWEST <= len(words) <= _MOST else None
    if when is None:
        msg = f"a fault is written call:when or call:when:how, as in create_volume:3 or delete_volume:1+:lost, not {item!r}"
        raise errors.InvalidInput(msg)
    call, how = words[0].strip(), words[2].strip() if len(words) == _MOST else "DriverError"
    _check("call of a driver", call, calls)
    _check("way to fail", how, (*_ERRORS, CRASH, LOST, HANG))
    first, ever, last = int(when[1]), when[2], when[3]
    return Fault(call, first, None if ever else int(last or first), how)


def _check(what: str, word: str, known: Collection[str]) -> None:
    if word not in known:
        msg = f"{word!r} is no {what}.{errors.did_you_mean(word, known)} known: {', '.join(known)}"
        raise errors.InvalidInput(msg)


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
