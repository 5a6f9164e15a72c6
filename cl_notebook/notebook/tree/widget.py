"""Show the tree as a live widget in a notebook."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import logging
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, Literal

import anywidget
import traitlets as t
from IPython.core.getipython import get_ipython
from IPython.display import display

from cl_notebook import errors
from cl_notebook.display import first_steps
from cl_notebook.notebook.tree import actions, assets, details, protocol, selection
from cl_notebook.notebook.tree.handler import RequestHandler
from cl_notebook.notebook.tree.poller import Capacities, Watcher
from cl_notebook.notebook.tree.selection import refuse_if_closed
from cl_notebook.treemodel.kinds import COLUMNS, DEFAULT_COLUMNS
from cl_notebook.treemodel.render import Tree as StaticTree
from cl_notebook.treemodel.rows import VirtualRows
from cl_notebook.treemodel.siblings import order

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import pandas as pd

    from cl_notebook.model.base import Tracked
    from cl_notebook.notebook.tree.poller import LeasedThread
    from cl_notebook.session import Session

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

COPY_ROWS = 100
"""Largest number of rows in the static copy, which is saved in the output for front ends without widgets."""

STATE_INTERVAL = 10.0
"""Minimum seconds between two updates of the saved state, which is shown without a kernel."""

_log = logging.getLogger(__name__)


class Tree(anywidget.AnyWidget):
    """A live tree of all backends, volumes, snapshots and connections, or a part of them; it follows the store while visible.

    ``selection`` holds the live objects of the selected rows, ``frame`` the same as a DataFrame. These traits can be read, set,
    observed and linked: ``filter``, ``only_faults``, ``sort``, ``columns``, ``selected`` and ``opened`` (ids), ``focused`` (one).
    """

    filter = t.Unicode(help="What is shown: 'db', 'status:error', 'size>10', 'backend:lab'…; '' is everything.").tag(sync=True)
    only_faults = t.Bool(default_value=False, help="Show only what is in error, or was left half done.").tag(sync=True)
    sort = t.Unicode(help="'name', 'size:desc', …; '' is the order of creation.").tag(sync=True)
    columns = t.List(t.Enum(COLUMNS), list(DEFAULT_COLUMNS), help="What stands beside the name.").tag(sync=True)
    selected = t.List(t.Unicode(), help="The ids of the selected rows.").tag(sync=True)
    focused = t.Unicode(help="The id of the row that has the focus. Setting it shows the row.").tag(sync=True)
    opened = t.List(t.Unicode(), help="The ids of the open branches.").tag(sync=True)
    _problem = t.Unicode().tag(sync=True)
    _state = t.Dict().tag(sync=True)
    _first_steps = t.List(t.List(t.Unicode()), help="Purpose and line of each way to begin, for an empty store.").tag(sync=True)
    _can_add = t.Bool(help="Whether backends can be added to what is shown.").tag(sync=True)
    _key = t.Unicode().tag(sync=True)
    _place = t.Enum(("", "panel", "side"), "").tag(sync=True)
    _threads: tuple[LeasedThread, ...] = ()  # a default for close(), which is also called if __init__ failed

    def __init__(
        self,
        session: Session,
        resource: Tracked | None = None,
        ids: Collection[str] | None = None,
        place: Literal["", "panel", "side"] = "",
    ) -> None:
        """Show everything in *session*, one *resource* with everything below it, or the resources with these *ids*.

        A panel, which is narrow, begins with fewer columns.
        """
        self._comm_context = contextvars.copy_context()
        self._views = 0
        rows = self._connect(session, resource, ids)
        key = uuid.uuid4().hex
        first = self._first(_title(resource))  # before rows.opened, as the first read opens branches automatically
        is_whole = resource is None and ids is None
        steps = [list(way) for way in first_steps.ways()] if is_whole else []
        can_add = is_whole and not session.settings.read_only
        what = {"_first_steps": steps, "_can_add": can_add, "_state": first, "opened": sorted(rows.opened)}
        super().__init__(model_id=key, _key=key, _place=place, **what)
        if place == "panel":
            self.columns = ["status", "size"]
        self.on_msg(self._on_message)

    def _connect(self, session: Session, resource: Tracked | None, ids: Collection[str] | None, rev: int = 1) -> VirtualRows:
        """Read from *session* from now on, and return the rows; *rev* is the number of the first state of them."""
        rows = VirtualRows(session, resource, ids)
        rows.fill(protocol.VISIBLE_ROWS)
        self._session = session
        self._static = StaticTree(session, resource, ids=ids)
        self._static_copy = StaticTree(session, resource, ids=ids, budget=COPY_ROWS)
        self._handler = RequestHandler(session, rows, self, self._push, rev)
        self._watcher = Watcher(session, self)
        self._capacities = Capacities(session, self._measured)
        self._threads = (self._watcher, self._capacities)
        self._state_sent_at = time.monotonic()
        self._changed_since = False
        self._measured_of = frozenset(session.backends)
        self._last_filter = ""
        return rows

    def _follow(self, session: Session) -> list[Callable[[], object]]:
        """Show all of another *session*, such as a demo's; return the function that shows the present one again."""
        before = self._session
        if session.is_closed:
            return []
        self._stop_threads()
        rows = self._connect(session, None, None, self._handler.rev + 1)
        self.selected, self.opened = [], sorted(rows.opened)
        self._handler.set_columns(self.columns)
        self._query_changed(None)
        self._handler.changed()
        for thread in self._threads:
            thread.renew()
        return [functools.partial(self._follow, before)]

    @property
    def _esm(self) -> str:
        return assets.packed_script()

    @property
    def selection(self) -> list[Tracked]:
        """The live objects of the selected rows, in the order in which they were selected."""
        return self._objects(self.selected)

    @property
    def frame(self) -> pd.DataFrame:
        """The selected rows as a frame like that of ``cl.frames.tree()``."""
        return selection.frame(self.selection)

    def __repr__(self) -> str:
        """Return the tree as plain text."""
        return repr(self._static)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: ANN401 - ipywidgets' signature
        return {**self._view(), **self._static._repr_mimebundle_(**kwargs)}, {}

    def _ipython_display_(self) -> None:
        """Display the widget, and below it a static copy, which the widget hides.

        The copy is a separate output, because a front end that cannot find the widget (in a reopened notebook) ignores the other
        formats of the same output.
        """
        display(self._view() | {"text/plain": ""}, raw=True)  # type: ignore[no-untyped-call] # IPython's
        copy = self._static_copy._repr_mimebundle_()
        display({**copy, "text/html": f"<div data-cl-tree='{self.model_id}'>{copy['text/html']}</div>"}, raw=True)  # type: ignore[no-untyped-call] # IPython's

    def _view(self) -> dict[str, Any]:
        return {WIDGET_VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.model_id}}

    def close(self) -> None:
        """Stop following the store, and remove the widget from the front end."""
        self._stop_threads()
        super().close()

    def _stop_threads(self) -> None:
        for thread in self._threads:
            thread.stop()

    # Messages of the views

    def _on_message(self, _widget: object, content: object, _buffers: object) -> None:
        try:
            message = protocol.read(content)
        except ValueError as error:
            _log.warning("The tree received an invalid message: %s", error)
            return
        if isinstance(message, (protocol.Hello, protocol.Bye)):
            self._views += 1 if isinstance(message, protocol.Hello) else -1
        if isinstance(message, protocol.Bye):
            if self._views <= 0:
                self._stop_threads()
            return
        self._comm_context = contextvars.copy_context()  # see LeasedThread
        self._watcher.renew()
        self._capacities.renew()
        match message:
            case protocol.Act() | protocol.Begin() | protocol.Drivers() | protocol.Addition():
                # In a thread, so that rows can be read while the storage works; a daemon, so that the kernel can exit meanwhile.
                answer = functools.partial(self._answer_slowly, message)
                threading.Thread(target=self._reply, args=(message, answer), name="cl_tree act", daemon=True).start()
            case protocol.Line():
                self._reply(message, lambda: {"line": self._copied(self._line(message), message.ids)})
            case protocol.Shown():
                self._reply(message, lambda: {"line": self._line_that_shows(message.row)})
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
        except Exception as error:  # noqa: BLE001 - every message needs a reply; the error is logged, too
            _log.exception("The tree could not answer a message %r", type(message).__name__)  # its values may hold a secret
            payload = {"problem": f"{type(error).__name__}: {errors.one_line(error)}"}
        self._push({"re": message.id, **payload})

    def _details(self, row_id: str) -> dict[str, Any]:
        resources = self._objects([row_id])
        if not resources:
            msg = "It is gone."
            raise errors.NotFound(msg)
        return details.details(self._session, get_ipython(), resources[0])

    def _objects(self, ids: Sequence[str]) -> list[Tracked]:
        refuse_if_closed(self._session)
        return selection.objects(self._session, ids)

    def _answer_slowly(self, message: protocol.Act | protocol.Begin | protocol.Drivers | protocol.Addition) -> dict[str, Any]:
        refuse_if_closed(self._session)
        match message:
            case protocol.Begin():
                return self._begin(message.number)
            case protocol.Drivers():
                return details.drivers(message.text, message.python)
            case protocol.Addition():
                return {"act": details.addition(self._session, message.driver, message.python)}
        return self._act(message)

    def _copied(self, line: str, ids: Sequence[str]) -> str:
        """Return *line* as it is put into a cell: with names, where they are unique."""
        shell = get_ipython()
        return actions.for_a_cell(shell, selection.with_names(line, selection.unique_names(self._session, shell, ids)))

    def _line_that_shows(self, row_id: str) -> str:
        kind = selection.kinds(self._session, [row_id]).get(row_id)
        if kind is None:
            msg = "It is gone."
            raise errors.NotFound(msg)
        return self._copied(f"%cl_{kind} show {row_id}", [row_id])

    def _line(self, message: protocol.Chosen) -> str:
        return actions.line(self._session, message.act, message.ids, message.values)

    def _begin(self, number: int) -> dict[str, Any]:
        text = actions.begin(self._session, get_ipython(), number, self._follow).text
        self._handler.on_store_changed()  # the view asks for rows at once
        return {"text": text}

    def _act(self, message: protocol.Act) -> dict[str, Any]:
        shell = get_ipython()
        lines = actions.lines(self._session, message.act, message.ids, message.values)
        payload = {"line": self._copied("\n".join(line.text for line in lines), message.ids)}
        try:
            outcome = actions.run(self._session, shell, lines)
        except errors.Error as error:
            return payload | {"problem": str(error), "field": actions.wrong_value(error, message.values)}
        payload |= {"text": outcome.text, "output": outcome.output}
        return payload | {"ids": list(outcome.ids), "variable": outcome.variable}

    # Traits that Python or the front end changes

    @t.observe("filter", "only_faults", "sort")
    def _query_changed(self, _change: object) -> None:
        try:
            self._handler.set_query(text=self.filter, only_faults=self.only_faults, sort=self.sort)
        except errors.InvalidInput as error:  # keep the last valid filter, but apply the rest
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

    @t.observe("columns")
    def _columns_changed(self, change: dict[str, Any]) -> None:
        self._static.columns = self._static_copy.columns = change["new"]
        self._handler.set_columns(change["new"])

    @t.observe("opened")
    def _open(self, change: dict[str, Any]) -> None:
        self._handler.set_opened(change["new"])

    # Callbacks of the watcher

    def on_store_changed(self) -> None:
        """Send the views the change; read the capacities if the set of open backends has changed."""
        self._handler.on_store_changed()
        self._changed_since = True
        opened = frozenset(self._session.backends)
        if opened != self._measured_of:
            self._measured_of = opened
            self._capacities.wake()

    def on_counts(self) -> None:
        """Send the views new counts; drop deleted rows from the selection."""
        self._push({"push": "head", "head": self._handler.head()})
        self._handler.drop_gone()

    def on_idle(self) -> None:
        """Build anchors, so that jumps in long lists are quick."""
        self._handler.settle()

    def on_heartbeat(self) -> None:
        """Send the views a sign of life, with the revision of the rows; update the saved state if the store has changed."""
        self._push({"push": "alive", "rev": self._handler.rev})
        if self._changed_since and time.monotonic() - self._state_sent_at > STATE_INTERVAL:
            self._save_state()

    def on_error(self, problem: str | None) -> None:
        """Send the views the reason why the store cannot be read, or None once it can again."""
        self._push({"push": "store", "problem": problem})

    def on_rows_changed(self) -> None:
        """Update the saved state while there is no view: the next one begins with it."""
        if self._views <= 0:
            self._save_state()

    def _save_state(self) -> None:
        self._state_sent_at, self._changed_since = time.monotonic(), False
        with contextlib.suppress(errors.Error):  # on_error reports it; keep the last state
            self._state = self._first(self._state["title"])

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
