"""Which branches of the tree are open: what was opened, what a filter opens by itself, and what was closed nevertheless."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

MOST_OPEN = 500
"""Volumes that are open at most; beyond these the ones that were opened first are closed."""


@dataclass(slots=True)
class _Asked:
    """What was opened and closed by hand, in this order."""

    opened: dict[str, None] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)


class Openings:
    """The open branches by id. What is opened and closed under a filter holds until the filter changes."""

    def __init__(self, opened: Iterable[str] = ()) -> None:
        """Begin with these branches *opened*."""
        self._always = _Asked(dict.fromkeys(opened))
        self._filtered: _Asked | None = None
        self.automatic: frozenset[str] = frozenset()
        """What is open without being asked."""

    @property
    def ids(self) -> frozenset[str]:
        """Every branch that is open."""
        filtered = self._filtered
        if filtered is None:
            return self.automatic.union(self._always.opened) - self._always.closed
        return self.automatic.union(self._always.opened, filtered.opened) - filtered.closed

    def begin(self, *, filters: bool) -> None:
        """Begin with another filter, or without one; without one, what was open before filters is open again."""
        self._filtered = _Asked() if filters else None
        self.automatic = frozenset()

    def open(self, branch: str) -> bool:
        """Open a branch; return whether it was closed."""
        known = branch in self.ids
        asked = self._filtered or self._always
        asked.closed.discard(branch)
        if not known:
            asked.opened[branch] = None
        return not known

    def close(self, branch: str) -> bool:
        """Close a branch; return whether it was open."""
        known = branch in self.ids
        asked = self._filtered or self._always
        asked.opened.pop(branch, None)
        if branch in self.ids:
            asked.closed.add(branch)
        return known

    def replace(self, branches: Iterable[str]) -> None:
        """Open these branches and no others."""
        listed = dict.fromkeys(branches)
        asked = self._filtered or self._always
        asked.closed = set()
        asked.opened = listed
        asked.closed = set(self.ids.difference(listed))

    def drop(self, gone: Collection[str]) -> None:
        """Forget branches that are there no more."""
        for asked in filter(None, (self._always, self._filtered)):
            for branch in gone:
                asked.opened.pop(branch, None)
                asked.closed.discard(branch)

    def bound(self, backends: Collection[str]) -> None:
        """Close the volumes that were opened first, if there are more than :data:`MOST_OPEN`."""
        for asked in filter(None, (self._always, self._filtered)):
            volumes = [branch for branch in asked.opened if branch not in backends]
            for branch in volumes[: max(0, len(volumes) - MOST_OPEN)]:
                del asked.opened[branch]
