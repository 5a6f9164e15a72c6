"""What changed behind our back: follows the change feed, and tells which of the rows that were read are out of date.

A session asks before it trusts what it holds. While nobody has written anything that costs a few microseconds on SQLite and one
look-up by primary key elsewhere; when somebody has, one indexed query says which rows it concerns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook.store import changefeed

if TYPE_CHECKING:
    from cl_notebook.store.engine import Store

MANY = 10_000
"""More changes than this are not told apart: everything that was read counts as out of date."""


class ChangeTracker:
    """Counts in ticks: every time that it finds changes, they belong to a new tick.

    Who reads a row remembers the tick of that moment; the row is out of date once :meth:`changed_at` gives a later one.
    """

    def __init__(self, store: Store) -> None:
        """Start from the present state of *store*."""
        self._store = store
        self.tick = 1
        self._token = store.token()
        self._head = store.head()
        self._own: set[int] = set()
        self._all = 0
        self._rows: dict[str, int] = {}
        self._children: dict[str, dict[str, int]] = {}

    def sync(self) -> None:
        """Take note of what others committed since the last call."""
        token = self._store.token()
        if token is not None and token == self._token:
            return
        known, self._token = self._head, token
        head = self._store.head()
        if head == known:
            if token is not None:  # somebody wrote without telling the feed: believe nothing that was read
                self._invalidate_all()
            return
        self._take(known, head)

    def _take(self, known: int, head: int) -> None:
        with self._store.reading() as connection:
            entries = changefeed.since(connection, known, MANY + 1)
        self._head = entries[-1].number if entries else head
        foreign = [entry for entry in entries if entry.number not in self._own and entry.event not in changefeed.NO_CHANGE]
        self._own.difference_update(entry.number for entry in entries)
        if len(entries) > MANY or len(self._rows) > 10 * MANY:
            self._head = max(head, self._head)
            self._invalidate_all()
            return
        if foreign:
            self.tick += 1
        for _, _, resource_id, volume_id, backend_id in foreign:
            self._rows[resource_id] = self.tick
            volume = resource_id if volume_id is None else volume_id
            if volume != resource_id:  # a snapshot or connection: its volume's status may have changed with it
                self._rows[volume] = self.tick
                self._note_child(volume, resource_id)
            if backend_id is not None:
                self._note_child(backend_id, volume)

    def _note_child(self, parent_id: str, child_id: str) -> None:
        self._children.setdefault(parent_id, {})[child_id] = self.tick

    def _invalidate_all(self) -> None:
        self.tick += 1
        self._all = self.tick
        self._rows.clear()
        self._children.clear()
        self._own.clear()

    def note_own_write(self, number: int) -> None:
        """Note that this session wrote entry *number*, just committed: what it concerns is up to date in memory.

        Call :meth:`sync` inside the transaction, before the commit: then no foreign change can hide behind this one.
        """
        token = self._store.token()
        if token is not None and number == self._head + 1 and self._store.head() == number:
            self._head, self._token = number, token
        else:
            self._own.add(number)

    def poll(self) -> None:
        """Take note of every entry since the last look, also of those of this session: many rows were written at once."""
        self._token = None
        self.sync()

    def changed_at(self, resource_id: str) -> int:
        """Return the tick at which the row of *resource_id* was last changed by others; 0 if it was not."""
        return max(self._all, self._rows.get(resource_id, 0))

    def children_changed(self, parent_id: str, since_tick: int) -> set[str] | None:
        """Return the ids under *parent_id* that others changed after *since_tick*; None when any of them may have."""
        if self._all > since_tick:
            return None
        changed = self._children.get(parent_id)
        return {child for child, tick in changed.items() if tick > since_tick} if changed else set()
