"""Two ways of the same work, measured against each other."""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROUNDS = 7


@dataclass(frozen=True)
class Result:
    """One line of the table: medians in seconds of us and of the other, and the ratio that we aim at."""

    work: str
    ours: float
    other: str
    theirs: float
    target: float | None

    @property
    def line(self) -> str:
        """The line."""
        ratio = self.ours / self.theirs
        shown = f"{ratio:.2f}" if ratio >= 0.1 else f"1/{1 / ratio:.0f}"
        verdict = ""
        if self.target is not None:
            aim = f"{self.target:g}" if self.target >= 1 else f"1/{1 / self.target:.0f}"
            verdict = f"<= {aim:<7}{'met' if ratio <= self.target else 'MISSED'}"
        return f"{self.work:<44}{_time(self.ours):>10}  {self.other:<26}{_time(self.theirs):>10}{shown:>9}  {verdict}"


@dataclass(frozen=True)
class Figure:
    """One line of the second table: a median in some unit, and the most or the least that we aim at."""

    work: str
    value: float
    unit: str
    most: float | None = None
    least: float | None = None

    @property
    def line(self) -> str:
        """The line."""
        verdict = ""
        if self.most is not None:
            verdict = f"<= {self.most:<7g}{'met' if self.value <= self.most else 'MISSED'}"
        elif self.least is not None:
            verdict = f">= {self.least:<7g}{'met' if self.value >= self.least else 'MISSED'}"
        return f"{self.work:<66}{self.value:>10.1f} {self.unit:<14}{verdict}"


class Comparison:
    """Collects the results."""

    def __init__(self, results: list[Result], figures: list[Figure]) -> None:
        """Add to *results* and *figures*."""
        self._results = results
        self._figures = figures

    def figure(
        self, work: str, values: Sequence[float], unit: str, *, most: float | None = None, least: float | None = None
    ) -> None:
        """Add the median of what was measured with nothing to compare it to."""
        self._figures.append(Figure(work, statistics.median(values), unit, most, least))

    def note(self, work: str, ours: float, other: str, theirs: float, target: float | None) -> None:
        """Add what was measured elsewhere."""
        self._results.append(Result(work, ours, other, theirs, target))

    def measure(
        self,
        work: str,
        ours: Callable[[], float],
        other: str,
        theirs: Callable[[], float],
        target: float | None = None,
        *,
        rounds: int = ROUNDS,
    ) -> None:
        """Measure both, in turns, so that whatever else the machine does meets both; each returns its own seconds."""
        pairs = [(_collected(ours), _collected(theirs)) for _ in range(rounds + 1)][1:]
        self.note(work, statistics.median(mine for mine, _ in pairs), other, statistics.median(its for _, its in pairs), target)


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that *work* takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _collected(work: Callable[[], float]) -> float:
    gc.collect()
    return work()


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.2f} ms"
