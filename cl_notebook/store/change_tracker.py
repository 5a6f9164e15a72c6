"""Follow the change feed, to know which cached rows other sessions have changed.

A session asks before it uses a cached row. Without changes that costs a few microseconds on SQLite and one query by primary key
elsewhere; after changes, one indexed query returns the rows that they concern.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook.store import changefeed

if TYPE_CHECKING:
    from cl_notebook.store.engine import Store

MANY = 10_000
"""From this number of changes on, all cached rows count as out of date."""


class ChangeTracker:
    """Maps changed rows to ticks, a counter that grows with every poll that finds changes.

    A cached row keeps the tick of its reading; it is out of date once :meth:`changed_at` returns a later one.
    """

    def __init__(self, store: Store) -> None:
        """Start from the current state of *store*."""
        self._store = store
        self.tick = 1
        self._token = store.token()
        self._head = store.head()
        self._own_numbers: set[int] = set()
        self._all = 0
        self._rows: dict[str, int] = {}
        self._children: dict[str, dict[str, int]] = {}

    def sync(self) -> None:
        """Record the changes that other sessions committed since the last call."""
        token = self._store.token()
        if token is not None and token == self._token:
            return
        before, self._token = self._head, token
        head = self._store.head()
        if head == before:
            if token is not None:  # a program wrote without an entry in the feed: any row may have changed
                self._invalidate_all()
            return
        self._record(before, head)

    def _record(self, before: int, head: int) -> None:
        with self._store.reading() as connection:
            entries = changefeed.since(connection, before, MANY + 1)
        self._head = entries[-1].number if entries else head
        foreign = [
            entry for entry in entries if entry.number not in self._own_numbers and entry.event not in changefeed.NO_CHANGE
        ]
        self._own_numbers.difference_update(entry.number for entry in entries)
        if len(entries) > MANY or len(self._rows) > 10 * MANY:
            self._head = max(head, self._head)
            self._invalidate_all()
            return
        if foreign:
            self.tick += 1
        for _, _, resource_id, volume_id, backend_id in foreign:
            self._rows[resource_id] = self.tick
            volume = resource_id if volume_id is None else volume_id
            if volume != resource_id:  # a snapshot's or connection's entry may have changed its volume's status
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
        self._own_numbers.clear()

    def note_own_write(self, number: int) -> None:
        """Skip entry *number* in later polls: this session committed it, and its cached rows are up to date.

        Call :meth:`sync` inside the transaction, before the commit: otherwise another session's change could be skipped with it.
        """
        token = self._store.token()
        if token is not None and number == self._head + 1 and self._store.head() == number:
            self._head, self._token = number, token
        else:
            self._own_numbers.add(number)

    def poll(self) -> None:
        """Record all changes since the last call, also this session's: for rows that were written in bulk."""
        self._token = None
        self.sync()

    def changed_at(self, resource_id: str) -> int:
        """Return the tick of the last change of the row *resource_id* by another session; 0 if there is none."""
        return max(self._all, self._rows.get(resource_id, 0))

    def children_changed(self, parent_id: str, since_tick: int) -> set[str] | None:
        """Return the ids of *parent_id*'s children that changed after *since_tick*; None if any may have."""
        if self._all > since_tick:
            return None
        changed = self._children.get(parent_id)
        return {child for child, tick in changed.items() if tick > since_tick} if changed else set()
