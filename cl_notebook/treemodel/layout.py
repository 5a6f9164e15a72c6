"""Where the rows of the tree stand: which part of which level is seen at which place of the one flat list."""

from __future__ import annotations

import bisect
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from cl_notebook.treemodel.siblings import SiblingPager


@dataclass(frozen=True, slots=True)
class Span:
    """Rows that follow each other in one level; without a level, the row of a backend.

    ``before`` counts the siblings that stand before the level's first row, ``siblings`` all of them.
    """

    level: SiblingPager | None
    start: int
    count: int
    depth: int
    siblings: int
    before: int = 0
    head: Head | None = None


@dataclass(slots=True)
class Part:
    """One kind of the rows below a volume."""

    level: SiblingPager
    count: int


@dataclass(slots=True)
class Branch:
    """An open volume: where it stands among its siblings, and what is below it."""

    id: str
    backend_id: str
    position: int
    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        """The number of rows below the volume."""
        return sum(part.count for part in self.parts)

    def spans(self, start: int, count: int, depth: int) -> Iterator[Span]:
        """Yield the rows below the volume from *start* on."""
        before = 0
        for part in self.parts:
            first, last = max(start, before), min(start + count, before + part.count)
            if first < last:
                yield Span(part.level, first - before, last - first, depth, self.rows, before)
            before += part.count


@dataclass(slots=True)
class Below:
    """One level with its open branches between its rows."""

    level: SiblingPager
    count: int
    depth: int
    branches: list[Branch] = field(default_factory=list)
    _firsts: list[int] = field(default_factory=list)
    _sums: list[int] = field(default_factory=lambda: [0])

    def put(self, branches: list[Branch]) -> None:
        """Take the open branches, in the order of their positions."""
        self.branches = branches
        self._sums = [0, *itertools.accumulate(branch.rows for branch in branches)]
        self._firsts = [branch.position + 1 + self._sums[index] for index, branch in enumerate(branches)]

    @property
    def rows(self) -> int:
        """The number of rows, with those of the branches."""
        return self.count + self._sums[-1]

    def index_of(self, position: int) -> int:
        """Return where the row at *position* of the level is seen."""
        return position + self._sums[bisect.bisect_left(self.branches, position, key=lambda branch: branch.position)]

    def position(self, index: int) -> int:
        """Return the position in the level of its last row that is seen at *index* or above it."""
        nearest = bisect.bisect_right(self._firsts, index) - 1
        if nearest >= 0 and index < self._firsts[nearest] + self.branches[nearest].rows:
            return self.branches[nearest].position
        return index - self._sums[nearest + 1]

    def first(self, branch: Branch) -> int:
        """Return where the first row below *branch* is seen."""
        return self.index_of(branch.position) + 1

    def spans(self, start: int, count: int) -> Iterator[Span]:
        """Yield the rows from *start* on, in parts."""
        index, end = start, min(start + count, self.rows)
        while index < end:
            nearest = bisect.bisect_right(self._firsts, index) - 1
            if nearest >= 0 and index < (stop := self._firsts[nearest] + self.branches[nearest].rows):
                taken = min(end, stop) - index
                yield from self.branches[nearest].spans(index - self._firsts[nearest], taken, self.depth + 1)
            else:
                stop = self._firsts[nearest + 1] if nearest + 1 < len(self._firsts) else end
                taken = min(end, stop) - index
                yield Span(self.level, index - self._sums[nearest + 1], taken, self.depth, self.count)
            index += taken


@dataclass(slots=True)
class Head:
    """A backend's own row; ``children`` counts the volumes that are shown, ``below`` is there if it is open."""

    id: str
    name: str
    status: str
    where: str
    created_at: dt.datetime
    children: int = 0
    below: Below | None = None

    @property
    def rows(self) -> int:
        """The number of rows with the backend's own."""
        return 1 + (self.below.rows if self.below is not None else 0)


@dataclass(slots=True)
class Layout:
    """The whole list: backends one below the other, or the one level at the top of the tree of a single resource."""

    heads: list[Head]
    top: Below | None = None
    _starts: list[int] = field(default_factory=list)

    def arrange(self) -> None:
        """Count through the backends; to be called once any of them was opened or closed."""
        self._starts = [0, *itertools.accumulate(head.rows for head in self.heads)]

    @property
    def rows(self) -> int:
        """The number of rows in all."""
        return self._starts[-1] if self.top is None else self.top.rows

    def spans(self, start: int, count: int) -> Iterator[Span]:
        """Yield the rows from *start* on, in parts."""
        if self.top is not None:
            yield from self.top.spans(start, count)
            return
        index, end = start, min(start + count, self.rows)
        while index < end:
            which = bisect.bisect_right(self._starts, index) - 1
            head, inside = self.heads[which], index - self._starts[which]
            if inside == 0:
                yield Span(None, which, 1, 1, len(self.heads), head=head)
                index += 1
            elif head.below is not None:
                taken = min(end, self._starts[which + 1]) - index
                yield from head.below.spans(inside - 1, taken)
                index += taken

    def belows(self) -> Iterator[tuple[int, Below]]:
        """Yield every open level at the top or below a backend, with the place of its first row."""
        if self.top is not None:
            yield 0, self.top
        for start, head in zip(self._starts, self.heads, strict=False):
            if head.below is not None:
                yield start + 1, head.below

    def head_place(self, backend_id: str) -> int | None:
        """Return where a backend's own row is seen."""
        return next((start for start, head in zip(self._starts, self.heads, strict=False) if head.id == backend_id), None)

    def below(self, backend_id: str) -> tuple[int, Below] | None:
        """Return the open level below a backend, and the place of its first row."""
        for start, head in zip(self._starts, self.heads, strict=False):
            if head.id == backend_id:
                return None if head.below is None else (start + 1, head.below)
        return (0, self.top) if self.top is not None and self.top.level.kind == "volume" else None
