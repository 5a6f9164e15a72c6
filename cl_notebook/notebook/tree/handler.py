"""Answers what the front end asks. Called from any thread: from the kernel's own, a subshell's, or the watcher's."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any, Protocol

from cl_notebook import errors
from cl_notebook.notebook.tree import protocol, selection
from cl_notebook.notebook.tree.selection import refuse_if_closed
from cl_notebook.treemodel.kinds import FURTHER
from cl_notebook.treemodel.rows import MOST, head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from cl_notebook.model.context import Context
    from cl_notebook.treemodel.rows import VirtualRows

Answer = dict[str, Any]

FIRST_ROWS = 24
"""Rows that a tree is sent with, before anything is asked."""


class Shown(Protocol):
    """The widget, as far as answers change it."""

    opened: list[str]
    selected: list[str]

    def on_rows_changed(self) -> None:
        """Handle a change of the rows that did not come with a reply."""


class RequestHandler:
    """The rows of one tree, under a lock, with a number that changes whenever the rows may have."""

    def __init__(self, session: Context, rows: VirtualRows, shown: Shown, push: Callable[[Answer], None], rev: int = 1) -> None:
        """Answer from *rows*, whose first state has the number *rev*; *push* sends what was not asked for."""
        self._session = session
        self._rows = rows
        self._shown = shown
        self._push = push
        self._lock = threading.RLock()
        self._sync_lock = threading.RLock()  # taken before the other lock, if both are
        self._opened_sent: frozenset[str] | None = None
        self._rev = rev
        self._capacity: dict[str, Answer | None] = {}

    def answer(self, message: protocol.Message) -> Answer:
        """Return the answer to *message*.

        Raises:
            Error: what is asked for cannot be had; the text says why.

        """
        match message:
            case protocol.Rows():
                reply = self._window_around(message)
            case protocol.Open():
                reply = self._after(message, lambda: self._turn(message.row, on=message.on))
            case protocol.All():
                reply = self._after(message, self._rows.open_all if message.on else self._rows.close_all)
            case protocol.Select():
                reply = self._select(message.ids, message.how)
            case protocol.Range():
                reply = self._select_range(message)
            case protocol.Seek():
                reply = self._seek(message)
            case protocol.Reveal():
                reply = self._reveal(message.row)
            case protocol.Hello():
                reply = self._hello()
            case _:
                reply = {}
        return reply

    @property
    def rev(self) -> int:
        """The revision of the rows, which grows whenever they may have changed."""
        with self._lock:
            return self._rev

    def first(self) -> Answer:
        """Return what is shown before the first answer, and when there is no kernel any more."""
        with self._reading():
            return {"rev": self._rev, "total": self._rows.total(), "rows": self._page(0, FIRST_ROWS)}

    def set_query(self, *, text: str, only_faults: bool, sort: str) -> None:
        """Show other rows, or in another order.

        Raises:
            InvalidInput: the filter or the order is none; what is shown stays.

        """
        with self._reading():
            self._rows.set_query(text=text, only_faults=only_faults, sort=sort)
            self._rows.total()  # a filter opens branches by itself
        self._note_opened()
        self.changed()

    def set_columns(self, columns: Iterable[str]) -> None:
        """Send the values of these columns with the rows, as far as they are not always sent."""
        columns = frozenset(columns) & FURTHER
        with self._reading():
            is_lacking = not columns <= self._rows.further
            self._rows.further = columns
        if is_lacking:
            self.changed()

    def set_opened(self, ids: Iterable[str]) -> None:
        """Open these branches, and close all others."""
        requested = frozenset(ids)
        with self._reading():
            if requested in {self._opened_sent, self._rows.opened}:  # an echo of our own update
                return
            self._rows.set_opened(requested)
        self._note_opened()
        self.changed()

    def on_store_changed(self) -> None:
        """Believe nothing that was counted: the store has changed."""
        with self._lock:
            self._rows.invalidate()
        self.changed()

    def settle(self) -> None:
        """Prepare for jumps into the middle; other requests run between two steps, and a change ends it."""
        rev = self.rev
        more = True
        while more:
            with self._reading():
                more = rev == self._rev and self._rows.build_anchor()

    def changed(self) -> None:
        """Let the views ask again."""
        with self._lock:
            self._rev += 1
            rev = self._rev
        self._push({"push": "changed", "rev": rev, "total": None})
        self._shown.on_rows_changed()

    def head(self) -> Answer:
        """Return what stands above the rows: counts of everything, and the capacities that are known."""
        with self._reading():
            return head(self._session, self._rows) | {"capacity": dict(self._capacity)}

    def measured(self, backend_id: str, capacity: Answer | None) -> bool:
        """Note a backend's capacity; return whether that is news."""
        if backend_id in self._capacity and self._capacity[backend_id] == capacity:
            return False
        self._capacity = self._capacity | {backend_id: capacity}
        return True

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        refuse_if_closed(self._session)
        with self._lock:
            yield

    def _page(self, start: int, count: int) -> list[list[Any]]:
        return [protocol.row(row) for row in self._rows.page(start, count)]

    def _hello(self) -> Answer:
        with self._reading():
            return {"rev": self._rev, "total": self._rows.total(), "head": self.head()}

    def _seek(self, asked: protocol.Seek) -> Answer:
        with self._reading():
            return {"index": self._rows.seek(asked.text, asked.after)}

    def _window_around(self, asked: protocol.Rows) -> Answer:
        with self._reading():
            anchor, focus = self._place(asked.anchor), self._present(asked.focus)
            moved = anchor - asked.anchor.index if anchor is not None and asked.anchor is not None else 0
            window = self._window(max(0, asked.start + moved), asked.count)
            return window | {"anchor": anchor, "focus": focus}

    def _place(self, mark: protocol.Mark | None) -> int | None:
        return None if mark is None else self._rows.index_of(mark.id, mark.index)

    def _present(self, mark: protocol.Mark | None) -> int | None:
        """Return the place of a row that is still there; the place where another one would stand is for scrolling only."""
        place = self._place(mark)
        if place is None or mark is None:
            return None
        return place if [row_id for _, row_id in self._rows.ids(place, place)] == [mark.id] else None

    def _window(self, start: int, count: int) -> Answer:
        total = self._rows.total()
        start = max(0, min(start, total - count))
        return {"rev": self._rev, "total": total, "start": start, "rows": self._page(start, count)}

    def _after(self, asked: protocol.Window, change: Callable[[], object]) -> Answer:
        with self._reading():
            change()
            self._rev += 1
            window = self._window(asked.start, asked.count)
        self._note_opened()
        self._push({"push": "changed", "rev": window["rev"], "total": window["total"]})
        return window

    def _turn(self, row_id: str, *, on: bool) -> None:
        if on:
            self._rows.open(row_id)
        else:
            self._rows.close(row_id)

    def _reveal(self, row_id: str) -> Answer:
        with self._reading():
            before = self._rows.opened
            index = self._rows.reveal(row_id)
            turned = self._rows.opened != before
            self._rev += turned
            answer = {"index": index, "rev": self._rev, "total": self._rows.total()}
        self._note_opened()
        if turned:
            self._push({"push": "changed", "rev": answer["rev"], "total": answer["total"]})
        return answer

    def _note_opened(self) -> None:
        with self._sync_lock:  # an older state must not overwrite a newer one
            self._opened_sent = self._rows.opened
            opened = sorted(self._opened_sent)
            if sorted(self._shown.opened) != opened:
                self._shown.opened = opened

    def _select_range(self, asked: protocol.Range) -> Answer:
        with self._reading():
            ids = [row_id for _, row_id in self._rows.ids(min(asked.first, asked.last), max(asked.first, asked.last))]
        return self._select(ids, asked.how)

    def drop_gone(self) -> None:
        """Select no longer what is not there any more: an act on several rows would be refused for its sake."""
        with self._sync_lock:
            selected = list(self._shown.selected)
            there = selection.kinds(self._session, selected) if selected else {}
            if not there.keys() >= set(selected):
                self._shown.selected = [row_id for row_id in selected if row_id in there]

    def _select(self, ids: Sequence[str], how: str) -> Answer:
        with self._sync_lock:
            return self._selected(ids, how)

    def _selected(self, ids: Sequence[str], how: str) -> Answer:
        before = dict.fromkeys(self._shown.selected)
        named = dict.fromkeys(ids)
        match how:
            case "set":
                after = list(named)
            case "add":
                after = list(before | named)
            case "remove":
                after = [row_id for row_id in before if row_id not in named]
            case _:
                after = [row_id for row_id in before if row_id not in named] + [one for one in named if one not in before]
        if len(after) > MOST:
            msg = f"At most {MOST:,} rows can be selected at once. A filter makes them fewer."
            raise errors.InvalidInput(msg)
        self._shown.selected = after
        return {"selected": len(after)}
