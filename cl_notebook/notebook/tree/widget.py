"""The tree as a live widget."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import logging
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets as t
from IPython.core.getipython import get_ipython
from IPython.display import display

from cl_notebook import errors
from cl_notebook.notebook.tree import actions, assets, details, protocol, selection
from cl_notebook.notebook.tree.handler import RequestHandler
from cl_notebook.notebook.tree.poller import Capacities, Watcher
from cl_notebook.notebook.tree.selection import refuse_if_closed
from cl_notebook.treemodel.render import Tree as StaticTree
from cl_notebook.treemodel.rows import VirtualRows
from cl_notebook.treemodel.siblings import order

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import pandas as pd

    from cl_notebook.model.base import Tracked
    from cl_notebook.notebook.tree.poller import LeasedThread
    from cl_notebook.session import Session

COLUMNS = ("status", "size", "where", "age", "id", "created")
"""The columns that can stand beside the name."""

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

COPY_ROWS = 100
"""Rows of the static copy that stands in the output for whoever has no widgets."""

STATE_INTERVAL = 10.0
"""Seconds between two states that are kept for a time without a kernel."""

_log = logging.getLogger(__name__)


class Tree(anywidget.AnyWidget):
    """Every backend with its volumes, snapshots and connections, or a part of it; it follows the store while it is seen.

    ``selection`` are the live objects of the selected rows, ``frame`` is the same as a DataFrame. What is shown can be read, set,
    observed and linked: ``filter``, ``only_faults``, ``sort``, ``columns``, ``selected`` and ``opened`` (ids), ``focused`` (one).
    """

    filter = t.Unicode(help="What is shown: 'db', 'status:error', 'size>10', 'backend:lab'…; '' is everything.").tag(sync=True)
    only_faults = t.Bool(default_value=False, help="Show only what is in error, or was left half done.").tag(sync=True)
    sort = t.Unicode(help="'name', 'size:desc', …; '' is the order of creation.").tag(sync=True)
    columns = t.List(t.Enum(COLUMNS), ["status", "size", "where", "age"], help="What stands beside the name.").tag(sync=True)
    selected = t.List(t.Unicode(), help="The ids of the selected rows.").tag(sync=True)
    focused = t.Unicode(help="The id of the row that has the focus. Setting it shows the row.").tag(sync=True)
    opened = t.List(t.Unicode(), help="The ids of the open branches.").tag(sync=True)
    _problem = t.Unicode().tag(sync=True)
    _state = t.Dict().tag(sync=True)
    _key = t.Unicode().tag(sync=True)
    _threads: tuple[LeasedThread, ...] = ()  # of a tree that could not be made, too: it is closed when it is thrown away

    def __init__(self, session: Session, resource: Tracked | None = None, ids: Collection[str] | None = None) -> None:
        """Look at *session*: at everything, at one resource with what belongs to it, or at the resources with these ids."""
        rows = VirtualRows(session, resource, ids)
        self._session = session
        self._static = StaticTree(session, resource, ids=ids)
        self._static_copy = StaticTree(session, resource, ids=ids, budget=COPY_ROWS)
        self._handler = RequestHandler(session, rows, self, self._push)
        self._watcher = Watcher(session, self)
        self._capacities = Capacities(session, self._measured)
        self._threads = (self._watcher, self._capacities)
        self._state_sent_at = time.monotonic()
        self._changed_since = False
        self._measured_of = frozenset(session.backends)
        self._last_filter = ""
        self._views = 0
        self._comm_context = contextvars.copy_context()
        key = uuid.uuid4().hex
        first = self._first(_title(resource))  # only now it is known what is open without being asked
        super().__init__(model_id=key, _key=key, opened=sorted(rows.opened), _state=first)
        self.on_msg(self._on_message)

    @property
    def _esm(self) -> str:
        return assets.packed_script()

    @property
    def _css(self) -> str:
        return assets.style()

    @property
    def selection(self) -> list[Tracked]:
        """The live objects of the selected rows, in the order in which they were selected."""
        return self._objects(self.selected)

    @property
    def frame(self) -> pd.DataFrame:
        """The selected rows, and nothing else, as a frame like that of ``cl.frames.tree()``."""
        return selection.frame(self.selection)

    def __repr__(self) -> str:
        """Return the tree as plain text."""
        return repr(self._static)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: ANN401 - ipywidgets' signature
        return {**self._view(), **self._static._repr_mimebundle_(**kwargs)}, {}

    def _ipython_display_(self) -> None:
        """Show the widget, and below it a static copy that it hides.

        A front end that does not find the widget any more, in a notebook that was opened again, never looks at the other forms
        of the same output; the copy is an output of its own.
        """
        self.show()
        copy = self._static_copy._repr_mimebundle_()
        display({**copy, "text/html": f"<div data-cl-tree='{self.model_id}'>{copy['text/html']}</div>"}, raw=True)  # type: ignore[no-untyped-call] # IPython's

    def show(self) -> None:
        """Show the widget alone."""
        display(self._view() | {"text/plain": ""}, raw=True)  # type: ignore[no-untyped-call] # IPython's

    def _view(self) -> dict[str, Any]:
        return {WIDGET_VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.model_id}}

    def close(self) -> None:
        """Stop following the store, and leave the front end."""
        self._stop_threads()
        super().close()

    def _stop_threads(self) -> None:
        for thread in self._threads:
            thread.stop()

    # What the views ask

    def _on_message(self, _widget: object, content: object, _buffers: object) -> None:
        try:
            message = protocol.read(content)
        except ValueError as error:
            _log.warning("The tree was sent something that is no message of its own: %s", error)
            return
        if isinstance(message, (protocol.Hello, protocol.Bye)):
            self._views += 1 if isinstance(message, protocol.Hello) else -1
        if isinstance(message, protocol.Bye):
            if self._views <= 0:
                self._stop_threads()
            return
        self._comm_context = contextvars.copy_context()  # see Leased
        self._watcher.renew()
        self._capacities.renew()
        match message:
            case protocol.Act():
                # In a thread: rows are still answered while the storage works. A daemon: a kernel that ends does not wait for it.
                act = functools.partial(self._act, message)
                threading.Thread(target=self._reply, args=(message, act), name="cl_tree act", daemon=True).start()
            case protocol.Line():
                self._reply(message, lambda: {"line": actions.for_a_cell(get_ipython(), self._line(message))})
            case protocol.Details():
                self._reply(message, lambda: self._details(message.row))
            case protocol.Offers():
                self._reply(message, lambda: {"acts": actions.offers_of_several(self._session, self._objects(message.ids))})
            case _:
                self._reply(message, lambda: self._handler.answer(message))

    def _reply(self, message: protocol.Message, answer: Callable[[], dict[str, Any]]) -> None:
        try:
            payload = answer()
        except errors.Error as error:
            payload = {"problem": str(error)}
        except Exception as error:  # noqa: BLE001 - who asked must be told, and the kernel's log, too
            _log.exception("The tree could not answer %r", message)
            payload = {"problem": f"{type(error).__name__}: {errors.one_line(error)}"}
        self._push({"re": message.id, **payload})

    def _details(self, row_id: str) -> dict[str, Any]:
        found = self._objects([row_id])
        if not found:
            msg = "It is gone."
            raise errors.NotFound(msg)
        return details.details(self._session, get_ipython(), found[0])

    def _objects(self, ids: Sequence[str]) -> list[Tracked]:
        refuse_if_closed(self._session)
        return selection.objects(self._session, ids)

    def _line(self, message: protocol.Chosen) -> str:
        return actions.line(self._session, message.act, message.ids, message.values)

    def _act(self, message: protocol.Act) -> dict[str, Any]:
        shell = get_ipython()
        lines = actions.lines(self._session, message.act, message.ids, message.values)
        payload = {"line": actions.for_a_cell(shell, "\n".join(line.text for line in lines))}
        try:
            outcome = actions.run(self._session, shell, lines)
        except errors.Error as error:
            return payload | {"problem": str(error)}
        return payload | {"text": outcome.text, "ids": list(outcome.ids), "variable": outcome.variable}

    # What is changed from Python, or by the front end's controls

    @t.observe("filter", "only_faults", "sort")
    def _query_changed(self, _change: object) -> None:
        try:
            self._handler.set_query(text=self.filter, only_faults=self.only_faults, sort=self.sort)
        except errors.InvalidInput as error:  # what was shown stays, but can still be sorted
            self._problem = str(error)
            self._handler.set_query(text=self._last_filter, only_faults=self.only_faults, sort=self.sort)
        except errors.Error as error:
            self._problem = str(error)
        else:
            self._problem, self._last_filter = "", self.filter
        self._watcher.count()

    @t.validate("sort")
    def _check_sort(self, proposal: dict[str, Any]) -> str:
        try:
            order(proposal["value"])
        except errors.InvalidInput as error:
            raise t.TraitError(str(error)) from error
        return str(proposal["value"])

    @t.observe("opened")
    def _open(self, change: dict[str, Any]) -> None:
        self._handler.set_opened(change["new"])

    # What the watcher says

    def on_store_changed(self) -> None:
        """Tell the views that the store has changed, or which backends are open."""
        self._handler.on_store_changed()
        self._changed_since = True
        opened = frozenset(self._session.backends)
        if opened != self._measured_of:
            self._measured_of = opened
            self._capacities.wake()

    def on_counts(self) -> None:
        """Tell the views how many there are."""
        self._push({"push": "head", "head": self._handler.head()})
        self._handler.drop_gone()

    def on_idle(self) -> None:
        """Prepare for jumps to any place."""
        self._handler.settle()

    def on_heartbeat(self) -> None:
        """Tell the views that the kernel lives; keep what they show for a time without a kernel."""
        self._push({"push": "alive"})
        if self._changed_since and time.monotonic() - self._state_sent_at > STATE_INTERVAL:
            self._state_sent_at, self._changed_since = time.monotonic(), False
            with contextlib.suppress(errors.Error):  # what is wrong with the store is told as trouble, and the last state stays
                self._state = self._first(self._state["title"])

    def on_error(self, problem: str | None) -> None:
        """Tell the views that the store cannot be read, or can again."""
        self._push({"push": "store", "problem": problem})

    def _first(self, title: str) -> dict[str, Any]:
        return self._handler.first() | {"at": time.time(), "head": None, "title": title}

    def _measured(self, backend_id: str, capacity: dict[str, Any] | None) -> None:
        if self._handler.measured(backend_id, capacity):
            self._watcher.count()

    def _push(self, payload: dict[str, Any]) -> None:
        if self.comm is not None:
            self._comm_context.copy().run(self.send, payload)


def _title(resource: Tracked | None) -> str:
    return "Block storage" if resource is None else resource.label()
