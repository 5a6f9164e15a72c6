"""Map indexes in the flat list of visible rows to backends, volumes and the rows below these, and back."""

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
    """A range of consecutive rows of one level, from ``start`` in that level; or, with a ``head``, the row of one backend.

    ``before`` counts the siblings that precede the level's first row (the other kind below a volume), ``siblings`` all of them.
    ``depth`` is the depth in the tree, from 1.
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
    """The snapshots, or the connections, below one volume."""

    level: SiblingPager
    count: int


@dataclass(slots=True)
class Branch:
    """An open volume: its position among its siblings, and the rows below it."""

    id: str
    backend_id: str
    position: int
    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        """The number of rows below the volume."""
        return sum(part.count for part in self.parts)

    def spans(self, start: int, count: int, depth: int) -> Iterator[Span]:
        """Yield the ranges that cover *count* rows below the volume, from the row *start* on."""
        before = 0
        for part in self.parts:
            first, last = max(start, before), min(start + count, before + part.count)
            if first < last:
                yield Span(part.level, first - before, last - first, depth, self.rows, before)
            before += part.count


@dataclass(slots=True)
class Below:
    """One level, with its open branches between its rows."""

    level: SiblingPager
    count: int
    depth: int
    branches: list[Branch] = field(default_factory=list)
    _firsts: list[int] = field(default_factory=list)
    _sums: list[int] = field(default_factory=lambda: [0])

    def put(self, branches: list[Branch]) -> None:
        """Replace the open branches by *branches*, which are sorted by position."""
        self.branches = branches
        self._sums = [0, *itertools.accumulate(branch.rows for branch in branches)]
        self._firsts = [branch.position + 1 + self._sums[index] for index, branch in enumerate(branches)]

    @property
    def rows(self) -> int:
        """The number of rows, including those below the open branches."""
        return self.count + self._sums[-1]

    def index_of(self, position: int) -> int:
        """Return the index, from the first row of the level, of the level's row at *position*."""
        return position + self._sums[bisect.bisect_left(self.branches, position, key=lambda branch: branch.position)]

    def position(self, index: int) -> int:
        """Return the position in the level of its last row at *index* or above it."""
        branch_index = bisect.bisect_right(self._firsts, index) - 1
        if branch_index >= 0 and index < self._firsts[branch_index] + self.branches[branch_index].rows:
            return self.branches[branch_index].position
        return index - self._sums[branch_index + 1]

    def first(self, branch: Branch) -> int:
        """Return the index of the first row below *branch*."""
        return self.index_of(branch.position) + 1

    def spans(self, start: int, count: int) -> Iterator[Span]:
        """Yield the ranges that cover *count* rows from the index *start* on."""
        index, end = start, min(start + count, self.rows)
        while index < end:
            branch_index = bisect.bisect_right(self._firsts, index) - 1
            if branch_index >= 0 and index < (stop := self._firsts[branch_index] + self.branches[branch_index].rows):
                length = min(end, stop) - index
                yield from self.branches[branch_index].spans(index - self._firsts[branch_index], length, self.depth + 1)
            else:
                stop = self._firsts[branch_index + 1] if branch_index + 1 < len(self._firsts) else end
                length = min(end, stop) - index
                yield Span(self.level, index - self._sums[branch_index + 1], length, self.depth, self.count)
            index += length


@dataclass(slots=True)
class Head:
    """The row of a backend; ``children`` counts its visible volumes, ``below`` is set if the backend is open."""

    id: str
    name: str
    status: str
    where: str
    created_at: dt.datetime
    children: int = 0
    below: Below | None = None

    @property
    def rows(self) -> int:
        """The number of rows, including the backend's row."""
        return 1 + (self.below.rows if self.below is not None else 0)


@dataclass(slots=True)
class Layout:
    """The whole list: all backends, or (``top``) the single level of a tree of one volume, snapshot or connection."""

    heads: list[Head]
    top: Below | None = None
    _starts: list[int] = field(default_factory=list)

    def arrange(self) -> None:
        """Recompute the index of each backend; call it after one was opened or closed."""
        self._starts = [0, *itertools.accumulate(head.rows for head in self.heads)]

    @property
    def rows(self) -> int:
        """The total number of rows."""
        return self._starts[-1] if self.top is None else self.top.rows

    def spans(self, start: int, count: int) -> Iterator[Span]:
        """Yield the ranges that cover *count* rows from the index *start* on."""
        if self.top is not None:
            yield from self.top.spans(start, count)
            return
        index, end = start, min(start + count, self.rows)
        while index < end:
            head_index = bisect.bisect_right(self._starts, index) - 1
            head, offset = self.heads[head_index], index - self._starts[head_index]
            if offset == 0:
                yield Span(None, head_index, 1, 1, len(self.heads), head=head)
                index += 1
            elif head.below is not None:
                length = min(end, self._starts[head_index + 1]) - index
                yield from head.below.spans(offset - 1, length)
                index += length

    def belows(self) -> Iterator[tuple[int, Below]]:
        """Yield the top level, or each open level below a backend, with the index of its first row."""
        if self.top is not None:
            yield 0, self.top
        for start, head in zip(self._starts, self.heads, strict=False):
            if head.below is not None:
                yield start + 1, head.below

    def head_index_of(self, backend_id: str) -> int | None:
        """Return the index of a backend's row, or None if it is not shown."""
        return next((start for start, head in zip(self._starts, self.heads, strict=False) if head.id == backend_id), None)

    def below(self, backend_id: str) -> tuple[int, Below] | None:
        """Return the open level below a backend with the index of its first row, or None if the backend is closed."""
        for start, head in zip(self._starts, self.heads, strict=False):
            if head.id == backend_id:
                return None if head.below is None else (start + 1, head.below)
        return (0, self.top) if self.top is not None and self.top.level.kind == "volume" else None
