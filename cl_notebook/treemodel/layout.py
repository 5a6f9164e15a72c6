"""Map indexes in the flat list of visible rows to sections of the tree and positions in them, and back."""

from __future__ import annotations

import bisect
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cl_notebook.treemodel.siblings import SiblingPager


@dataclass(frozen=True, slots=True)
class Slice:
    """A range of consecutive rows of one section, without the rows below them; ``start`` is a position in the section."""

    section: Section
    start: int
    count: int


@dataclass(slots=True)
class Section:
    """All visible rows of one kind below one parent, with the open sections below them; at the top there is no ``parent``.

    ``depth`` is the depth in the tree, from 1. ``siblings`` counts all rows below the parent, ``before`` those of them that
    precede the section (the other kind below a volume). Positions count the section's own rows; indexes count from its first
    row, and include the rows below.
    """

    pager: SiblingPager
    count: int
    depth: int
    siblings: int
    before: int = 0
    parent: str = ""
    offset: int = 0
    """Position of the parent's row in the section above."""
    _children: Sequence[Section] = ()
    _firsts: list[int] = field(default_factory=list)
    _sums: list[int] = field(default_factory=lambda: [0])

    @property
    def kind(self) -> str:
        """The kind of the section's own rows."""
        return self.pager.kind

    @property
    def rows(self) -> int:
        """The number of rows, including those below."""
        return self.count + self._sums[-1]

    def put(self, children: Sequence[Section]) -> None:
        """Replace the open sections below by *children*, which have their own already and are sorted by ``offset``."""
        self._children = children
        self._sums = [0, *itertools.accumulate(child.rows for child in children)]
        self._firsts = [child.offset + 1 + before for child, before in zip(children, self._sums, strict=False)]

    def children(self) -> Iterator[tuple[int, Section]]:
        """Yield each open section below a row of this one, with the index of its first row."""
        return zip(self._firsts, self._children, strict=True)

    def walk(self, first: int = 0) -> Iterator[tuple[int, Section]]:
        """Yield this section and all below, each with the index of its first row in the list; that of this one is *first*."""
        yield first, self
        for index, child in self.children():
            yield from child.walk(first + index)

    def index_of(self, position: int) -> int:
        """Return the index of the own row at *position*."""
        return position + self._sums[bisect.bisect_left(self._children, position, key=lambda child: child.offset)]

    def position(self, index: int) -> int:
        """Return the position of the last own row at *index* or above it."""
        number = bisect.bisect_right(self._firsts, index) - 1
        if number >= 0 and index < self._firsts[number] + self._children[number].rows:
            return self._children[number].offset
        return index - self._sums[number + 1]

    def slices(self, start: int, count: int) -> Iterator[Slice]:
        """Yield the slices that cover *count* rows from the index *start* on."""
        index, end = start, min(start + count, self.rows)
        while index < end:
            number = bisect.bisect_right(self._firsts, index) - 1
            if number >= 0 and index < (stop := self._firsts[number] + self._children[number].rows):
                stop = min(end, stop)
                yield from self._children[number].slices(index - self._firsts[number], stop - index)
            else:
                stop = min([end, *self._firsts[number + 1 : number + 2]])
                yield Slice(self, index - self._sums[number + 1], stop - index)
            index = stop
