"""The live tree as its views see it: what they are sent, and what comes of what they ask."""

from __future__ import annotations

import gc
import json
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import comm
import pytest
import traitlets
from comm.base_comm import BaseComm

import cl_notebook as cl
from cl_notebook.notebook.tree import assets, poller, protocol, widget
from cl_notebook.notebook.tree.widget import Tree
from cl_notebook.testing import stores
from cl_notebook.treemodel.kinds import columns_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Told = dict[str, Any]


class View:
    """A front end without a browser: keeps what the kernel sends, as JSON, and asks."""

    def __init__(self) -> None:
        """See nothing yet."""
        self.sent: list[Told] = []
        self.state: Told = {}
        self._number = 0
        self._news = threading.Condition()
        self.tree: Any = None

    def take(self, kind: str, data: Told) -> None:
        """Keep one message of the kernel."""
        message = json.loads(json.dumps(data))
        with self._news:
            if "state" in message:
                self.state |= message["state"]
            elif message.get("method") == "custom":
                self.sent.append(message["content"])
            else:
                assert kind == "comm_close", message
            self._news.notify_all()

    def post(self, content: object) -> None:
        """Send *content* as a custom message, as a view does."""
        self.tree._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})

    def set(self, **traits: Any) -> None:
        """Change traits, as a view does."""
        self.tree._handle_msg({"content": {"data": {"method": "update", "state": traits}}, "buffers": []})

    def ask(self, do: str, **fields: Any) -> Told:
        """Ask, and return the answer."""
        self._number += 1
        number = self._number
        self.post({"id": number, "do": do, **fields})
        return self.wait(lambda message: message.get("re") == number)

    def wait(self, wanted: Callable[[Told], bool], since: int = 0) -> Told:
        """Return the first message, of those after the first *since*, that is *wanted*."""

        def found() -> Told | None:
            return next((message for message in self.sent[since:] if wanted(message)), None)

        with self._news:
            assert self._news.wait_for(lambda: found() is not None, timeout=20), self.sent
            message = found()
        assert message is not None
        return message

    def names(self, start: int = 0, count: int = 100) -> list[str]:
        """Return the names of the rows."""
        return [row[2] for row in self.ask("rows", start=start, count=count)["rows"]]


@pytest.fixture
def view(monkeypatch: pytest.MonkeyPatch) -> Iterator[View]:
    """Give a view that the next tree will be shown in."""
    shown = View()

    class Comm(BaseComm):
        def publish_msg(self, msg_type: str, data: Told | None = None, *_more: object, **_named: object) -> None:
            shown.take(msg_type, data or {})

    monkeypatch.setattr(comm, "create_comm", Comm)
    yield shown
    if shown.tree is not None:
        shown.tree.close()


@pytest.fixture
def live(view: View, session: cl.Session, sim: cl.Backend) -> View:
    """Give a view of a tree of one backend with three volumes; the second, closed, has two snapshots and a connection."""
    for name in ("a", "b", "c"):
        sim.create_volume(1, name=name)
    middle = sim.volumes[1]
    middle.create_snapshot("s1")
    middle.create_snapshot("s2")
    middle.connect({"host": "node1", "ip": "10.0.0.7"})
    view.tree = Tree(session)
    view.tree.opened = [sim.id]
    return view


def test_the_first_rows_come_with_the_tree(live: View, session: cl.Session) -> None:
    """What is seen first needs no question: the rows, as many as there is room for, and their number are in its state."""
    live.tree.close()
    live.tree = Tree(session)
    state = live.state["_state"]
    assert [row[2] for row in state["rows"]] == ["sim", "a", "b", "s1", "s2", "node1", "c"]
    assert state["total"] == 7


def test_a_tree_that_is_changed_before_it_is_shown_begins_with_the_rows_it_has_then(live: View, sim: cl.Backend) -> None:
    """Without a view, branches, filter, order and columns that are set change the first rows; with one, nothing more is sent."""
    assert [row[2] for row in live.state["_state"]["rows"]] == ["sim", "a", "b", "c"]
    live.tree.sort = "name:desc"
    assert [row[2] for row in live.state["_state"]["rows"]] == ["sim", "c", "b", "a"]
    live.tree.filter = "name:a"
    live.tree.columns = ["driver"]
    state = live.state["_state"]
    assert [row[2] for row in state["rows"]] == ["sim", "a"]
    assert state["total"] == 2
    assert state["rows"][0][-1] == {"driver": "sim"}
    assert state["rev"] == live.ask("hello")["rev"], "the view need not read again"
    live.tree.opened = []
    live.tree.filter = ""
    assert live.state["_state"] == state
    live.post({"id": 0, "do": "bye"})
    live.tree.opened = [sim.id, sim.volumes[1].id]
    assert live.state["_state"]["total"] == 7


def test_what_opens_a_tree_is_small(live: View) -> None:
    """The widget with its script, its style and its first rows is at most 64 kB, even with 40 full rows."""
    rows = 40 * 400
    assert len(json.dumps(assets.packed_script())) + rows < 64_000
    assert len(json.dumps(live.state["_state"])) < rows


def test_columns_of_choice_come_with_the_rows_that_are_asked_for(live: View, sim: cl.Backend) -> None:
    """What a chosen column holds comes with the rows, and only then; a name that is no column is refused with the closest one."""
    sim.create_volume(1, name="d", description="of <b>production</b>", metadata={"tier": "gold"})
    live.tree._handler.on_store_changed()
    assert all(len(row) == 13 for row in live.ask("rows", start=0, count=10)["rows"])
    before = len(live.sent)
    live.set(columns=["status", "driver", "owner", "description", "metadata"])
    assert live.wait(lambda message: message.get("push") == "changed", before)
    backend, *volumes = live.ask("rows", start=0, count=10)["rows"]
    assert backend[13]["driver"] == "sim"
    owner = volumes[0][13]["owner"]
    assert "@" in owner
    assert volumes[-1][13] == {"owner": owner, "description": "of <b>production</b>", "metadata": "tier=gold"}
    assert "tier=gold" in repr(live.tree)
    live.tree.columns = ["status", "size"]
    assert all(len(row) == 13 for row in live.ask("rows", start=0, count=10)["rows"])
    with pytest.raises(cl.errors.InvalidInput, match=r"no column 'pol'. Did you mean 'pool'\?"):
        columns_of("name,status,pol")
    assert columns_of(" Name, size,pool,size") == ["size", "pool"]


def test_a_way_to_begin_is_run(view: View, session: cl.Session) -> None:
    """A first step that needs nothing filled in is run: it adds a backend of files; one that does is refused in one line."""
    view.tree = Tree(session)
    assert [line.partition(" ")[0] for _, line in view.state["_first_steps"]]
    assert "no first step 2" in view.ask("begin", number=2)["problem"]
    assert "'lab'" in view.ask("begin", number=1)["text"]
    assert view.names() == ["lab"]


def test_lines_to_copy_have_names_where_they_are_unique(view: View, session: cl.Session, sim: cl.Backend) -> None:
    """A line for a cell has the name of its resource, quoted; the id where that means something else, too."""
    names = ("ledger", "two words", "twice", "twice", "st*r", "a'b", "")
    volumes = [sim.create_volume(1, name=name) for name in names]
    volumes.append(sim.create_volume(1, name=volumes[0].id[:4]))  # the beginning of an id
    view.tree = Tree(session)
    lines = [view.ask("shown", row=volume.id)["line"] for volume in volumes]
    assert lines[:2] == ["%cl_volume show ledger", "%cl_volume show 'two words'"]
    assert lines[2:] == [f"%cl_volume show {volume.id}" for volume in volumes[2:]]
    assert view.ask("line", act="extend", ids=[volumes[1].id], values={"size": 3})["line"] == "%cl_volume extend 'two words' 3"
    assert view.ask("line", act="refresh", ids=[volumes[0].id])["line"] == "cl.find('ledger').refresh()"
    assert view.ask("act", act="extend", ids=[volumes[0].id], values={"size": 3})["line"] == "%cl_volume extend ledger 3"
    assert "gone" in view.ask("shown", row="no-such-id")["problem"]


def test_rows_are_given_by_range(live: View) -> None:
    """A range is answered with its rows, their levels, places and numbers of siblings, and the number of all rows."""
    message = live.ask("rows", start=1, count=2)
    assert (message["start"], message["total"]) == (1, 4)
    kind, _, name, status, size, where, created, level, position, siblings, children, is_open, busy = message["rows"][1]
    assert (kind, name, status, size, where) == ("volume", "b", "in-use", 1, "host@sim") or where
    assert created is not None
    assert (level, position, siblings, children, is_open, busy) == (2, 2, 3, 3, False, None)


def test_a_branch_opens_and_closes(live: View) -> None:
    """An opened branch is answered with the window after it, is in the trait, and can be closed again."""
    row = live.ask("rows", start=2, count=1)["rows"][0]
    message = live.ask("open", row=row[1], index=2, on=True, start=0, count=20)
    assert [one[2] for one in message["rows"]] == ["sim", "a", "b", "s1", "s2", "node1", "c"]
    assert row[1] in live.tree.opened
    assert live.state["opened"] == live.tree.opened
    message = live.ask("open", row=row[1], index=2, on=False, start=0, count=20)
    assert message["total"] == 4
    assert live.ask("all", on=False, start=0, count=20)["total"] == 1
    assert live.ask("all", on=True, start=0, count=20)["total"] == 4


def test_what_is_open_can_be_set_from_python(live: View, sim: cl.Backend) -> None:
    """Setting ``opened`` opens these branches, and the views are asked to read again."""
    before = len(live.sent)
    live.tree.opened = [sim.id, sim.volumes[1].id]
    assert live.wait(lambda message: message.get("push") == "changed", before)
    assert live.names() == ["sim", "a", "b", "s1", "s2", "node1", "c"]


def test_the_filter_is_asked_by_either_side(live: View) -> None:
    """A filter set by the view or from Python changes the rows; one that is none leaves them, and is marked."""
    live.set(filter="b")
    assert "a" not in live.names()
    live.set(filter='name:"b')
    assert live.tree._problem
    assert live.state["_problem"] == live.tree._problem
    assert "a" not in live.names()
    live.tree.filter = ""
    assert live.state["_problem"] == ""
    assert live.names() == ["sim", "a", "b", "c"]
    live.set(sort="name:desc")
    assert live.names() == ["sim", "c", "b", "a"]


def test_rows_are_selected_by_id_and_by_range(live: View, session: cl.Session) -> None:
    """What is selected is in the trait, as live objects in ``selection``, and as a frame."""
    ids = [row[1] for row in live.ask("rows", start=0, count=10)["rows"]]
    live.ask("select", ids=[ids[1]], how="set")
    assert live.tree.selection == [session.get(cl.Volume, ids[1])]
    live.ask("select", ids=[ids[2]], how="add")
    live.ask("select", ids=[ids[1]], how="toggle")
    assert live.tree.selected == [ids[2]]
    assert live.ask("range", first=3, last=1, how="set") == {"re": live._number, "selected": 3}
    assert [vol.name for vol in live.tree.selection] == ["a", "b", "c"]
    frame = live.tree.frame
    assert list(frame.index.names) == ["backend", "volume", "kind", "id"]
    assert list(frame["name"]) == ["a", "b", "c"]
    live.ask("select", ids=[], how="set")
    assert live.tree.selection == []
    assert len(live.tree.frame) == 0


def test_changes_are_pushed_and_the_window_stays_where_it_was(live: View, sim: cl.Backend) -> None:
    """A change is pushed within the second, and rows asked for with an anchor are those around the anchor's new place."""
    live.set(sort="name")
    message = live.ask("rows", start=0, count=10)
    assert message["anchor"] is None
    at, mark = len(live.sent), {"id": message["rows"][2][1], "index": 2}
    live.ask("hello")
    with cl.Session(sim.context.settings.store) as other:
        (other.backend("sim") if _is_file(other) else sim).create_volume(1, name="aa")
        live.wait(lambda message: message.get("push") == "changed", at)
        message = live.ask("rows", start=2, count=1, anchor=mark, focus=mark)
    assert (message["anchor"], message["focus"], message["start"]) == (3, 3, 3)
    assert message["rows"][0][2] == "b"


def test_it_goes_on_while_the_store_is_out_of_reach(view: View, tmp_path: Path) -> None:
    """A store that cannot be read is reported once, and so is its return."""
    with cl.Session(tmp_path / "store.db") as session:
        stores.fill(session.store, volumes=3)
        view.tree = Tree(session)
        view.ask("hello")
        (tmp_path / "store.db").rename(tmp_path / "away.db")
        message = view.wait(lambda message: message.get("push") == "store")
        assert "is not there any more" in message["problem"]
        (tmp_path / "away.db").rename(tmp_path / "store.db")
        assert view.wait(lambda message: message.get("push") == "store" and message["problem"] is None)
        assert len(view.names()) == 1 + 3 * 4, "one backend, three volumes, three rows below each"


def test_a_closed_session_says_so(view: View, tmp_path: Path) -> None:
    """After ``cl.setup()`` the tree of the session before says in one line what to do."""
    with cl.Session(tmp_path / "store.db") as session:
        stores.fill(session.store, volumes=3)
        view.tree = Tree(session)
    message = view.ask("rows", start=0, count=3)
    assert "Run the cell again" in message["problem"]


@pytest.mark.parametrize(
    "content",
    [
        None,
        7,
        "rows",
        [],
        {},
        {"id": 1},
        {"do": "rows"},
        {"id": "1", "do": "rows", "start": 0, "count": 1},
        {"id": 1, "do": "rows", "start": -1, "count": 1},
        {"id": 1, "do": "rows", "start": 0, "count": 10_000_000},
        {"id": 1, "do": "rows", "start": 2**70, "count": 1},
        {"id": 1, "do": "rows", "start": 0, "count": 1, "anchor": "x"},
        {"id": 1, "do": "__init__"},
        {"id": 1, "do": "select", "ids": [1], "how": "set"},
        {"id": 1, "do": "select", "ids": [], "how": "eval"},
        {"id": 1, "do": "act", "act": "delete", "ids": "x", "values": {}},
        {"id": 1, "do": "act", "act": "create", "ids": [], "values": {"name": {"a": 1}}},
        {"id": 1, "do": "seek", "text": "x" * 100_000, "after": 0},
    ],
)
def test_nonsense_is_ignored_and_logged(live: View, content: object, caplog: pytest.LogCaptureFixture) -> None:
    """What is no message of ours is answered by nothing, done nothing with, and written into the log."""
    before = len(live.sent)
    live.post(content)
    assert live.sent[before:] == []
    assert "received an invalid message" in caplog.text
    assert live.names() == ["sim", "a", "b", "c"]


@pytest.mark.parametrize(
    "asked",
    [
        {"do": "details", "row": "no-such-id"},
        {"do": "details", "row": "' OR 1=1 --"},
        {"do": "act", "act": "explode", "ids": [], "values": {}},
        {"do": "act", "act": "__class__", "ids": ["x"], "values": {}},
        {"do": "line", "act": "delete", "ids": ["no-such-id"]},
        {"do": "act", "act": "extend", "ids": ["no-such-id"], "values": {"size": "2; import os"}},
    ],
)
def test_what_cannot_be_is_a_problem_in_one_line(live: View, asked: Told) -> None:
    """A message that asks for what is not there is answered with one line, and changes nothing."""
    problem = live.ask(asked.pop("do"), **asked)["problem"]
    assert problem
    assert "\n" not in problem
    assert live.names() == ["sim", "a", "b", "c"]


def test_rows_that_are_not_there_are_no_rows(live: View) -> None:
    """A range beyond the end gives the last rows that there are; a row that is not there is not revealed or opened."""
    assert [row[2] for row in live.ask("rows", start=1_000_000, count=2)["rows"]] == ["b", "c"]
    assert live.ask("reveal", row="no-such-id")["index"] is None
    assert live.ask("open", row="no-such-id", index=77, on=True, start=0, count=10)["total"] == 4


def test_an_act_is_a_line_of_magic(live: View, sim: cl.Backend) -> None:
    """An act answers with its line and what came of it; a driver's error comes with the line, too."""
    vol = sim.volumes[0]
    vol.name = "ledger"  # no id begins with it
    vol.save()
    message = live.ask("act", act="extend", ids=[vol.id], values={"size": 3})
    assert message["line"] == "%cl_volume extend ledger 3"
    assert vol.size == 3
    message = live.ask("act", act="extend", ids=[vol.id], values={"size": 2})
    assert message["line"] == "%cl_volume extend ledger 2"
    assert "\n" not in message["problem"]


def test_two_trees_do_not_disturb_each_other(live: View, session: cl.Session) -> None:
    """Two trees on one session have filters, selections and branches of their own."""
    other = Tree(session)
    other.filter = "nothing-is-called-this"
    other.selected = ["x"]
    assert live.names() == ["sim", "a", "b", "c"]
    assert live.tree.selected == []
    other.close()


def test_rows_are_asked_for_from_many_threads(live: View, sim: cl.Backend) -> None:
    """Questions from several threads, while the main one works, are all answered, each with whole rows."""
    wrong: list[object] = []

    def look() -> None:
        for _ in range(20):
            rows = live.tree._handler.answer(_rows_message())["rows"]
            if any(len(row) != 13 for row in rows):
                wrong.append(rows)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        sim.create_volume(1, name=f"n{number}")
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_row_that_is_gone_anchors_but_has_no_focus(live: View, sim: cl.Backend) -> None:
    """Of a deleted row the window knows where it stood, so that nothing jumps; it has the focus no more."""
    rows = live.ask("rows", start=0, count=10)["rows"]
    mark = {"id": rows[1][1], "index": 1}
    sim.volumes[0].delete()
    live.tree.on_store_changed()
    message = live.ask("rows", start=0, count=10, anchor=mark, focus=mark)
    assert (message["anchor"], message["focus"], message["total"]) == (1, None, 3)


def _is_file(session: cl.Session) -> bool:
    return session.settings.store != "memory"


def _rows_message() -> Any:
    return protocol.Rows(id=1, start=0, count=50)


def test_details_exist_of_every_kind(live: View, sim: cl.Backend) -> None:
    """The details of a backend, a volume, a snapshot and a connection are complete, also of a store in memory."""
    volume = sim.volumes[1]
    for resource in (sim, volume, volume.snapshots[0], volume.connections[0]):
        message = live.ask("details", row=resource.id)
        assert (message["kind"], message["id"]) == (resource.kind, resource.id)
        assert dict(message["fields"])["id"] == resource.id
        assert "refresh" in [act["name"] for act in message["acts"]]


def test_a_backend_that_is_opened_or_closed_is_pushed(live: View, session: cl.Session, sim: cl.Backend) -> None:
    """A backend that this kernel closes or opens again is seen as such, though nothing is written into the store for it."""
    live.ask("hello")
    for status in ("closed", "open"):
        before = len(live.sent)
        if status == "closed":
            session.close_backend(sim)
        else:
            session.backend("sim")
        live.wait(lambda message: message.get("push") == "changed", before)
        assert live.ask("rows", start=0, count=1)["rows"][0][3] == status


def test_a_tree_of_a_closed_session_stays_alive(view: View, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state that could not be kept, for the session was closed, does not end the thread that says that the kernel lives."""
    monkeypatch.setattr(widget, "STATE_INTERVAL", 0.0)
    monkeypatch.setattr(poller, "_HEARTBEAT_INTERVAL", 0.5)
    with cl.Session(tmp_path / "store.db") as session:
        view.tree = Tree(session)
        view.ask("hello")
        view.tree.on_store_changed()
    view.wait(lambda message: message.get("push") == "store")
    view.tree._changed_since = True
    for _ in range(2):
        view.wait(lambda message: message.get("push") == "alive", len(view.sent))


def test_a_closed_session_has_no_details_and_no_selection(view: View) -> None:
    """What was selected, and the details of a row, are refused in one line once the session is closed."""
    with cl.Session("memory") as session:
        stores.fill(session.store, volumes=1)
        view.tree = Tree(session)
        row = view.ask("rows", start=0, count=1)["rows"][0][1]
        view.ask("select", ids=[row], how="set")
    assert "Run the cell again" in view.ask("details", row=row)["problem"]
    with pytest.raises(cl.errors.Refused, match="Run the cell again"):
        _ = view.tree.selection


def test_a_value_that_is_no_whole_number_is_answered(live: View, sim: cl.Backend) -> None:
    """A number with a fraction, or one too large for 64 bits, is answered like any other value that is wrong."""
    for size in (1.5, 1e30):
        message = live.ask("act", act="extend", ids=[sim.volumes[0].id], values={"size": size})
        assert "\n" not in message["problem"]


def test_a_tree_of_a_frame_is_open(view: View, session: cl.Session, sim: cl.Backend) -> None:
    """A tree restricted to ids shows them at once: what is above them is open, in the trait, too."""
    volume = sim.create_volume(1, name="a")
    snapshot = volume.create_snapshot("s")
    view.tree = Tree(session, ids=[snapshot.id])
    assert view.names() == ["sim", "a", "s"]
    assert set(view.tree.opened) == {sim.id, volume.id}


def test_a_tree_of_no_ids_shows_nothing(view: View, session: cl.Session, sim: cl.Backend) -> None:
    """A tree restricted to the ids of an empty frame shows no row, and its text does not say that there are no backends."""
    view.tree = Tree(session, ids=[])
    assert sim.id
    assert view.names() == []
    assert repr(view.tree) == "Nothing of it is tracked."


def test_what_a_filter_opens_is_in_the_trait(live: View, sim: cl.Backend) -> None:
    """``opened`` has the branches that a filter opens by itself, and no more than before once it is gone."""
    before = live.tree.opened
    live.set(filter="s1")
    assert set(live.tree.opened) == {sim.id, sim.volumes[1].id}
    live.set(filter="")
    assert live.tree.opened == before


def test_branches_that_are_opened_at_the_same_time_stay_open(view: View, session: cl.Session, tmp_path: Path) -> None:
    """Branches opened by several threads at once are all open afterwards, in the rows and in the trait."""
    backends = [session.backend(name, volume_driver="sim", path=str(tmp_path / name)) for name in ("x", "y", "z")]
    for backend in backends:
        backend.create_volume(1)
    view.tree = Tree(session)
    requests = [protocol.Open(id=1, row=backend.id, on=True, start=0, count=9) for backend in backends]
    for _ in range(30):
        view.tree.opened = []
        threads = [threading.Thread(target=view.tree._handler.answer, args=(request,)) for request in requests]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(view.tree.opened) == view.tree._handler._rows.opened == {backend.id for backend in backends}


def test_a_tree_that_could_not_be_made_is_thrown_away_in_silence(
    view: View, session: cl.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tree that was refused raises nothing more when it is collected."""
    assert view.tree is None
    raised: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", raised.append)
    with pytest.raises(cl.errors.InvalidInput, match="at most 10,000"):
        Tree(session, ids=[str(number) for number in range(10_001)])
    gc.collect()
    assert raised == []


def test_what_is_gone_is_not_selected_any_more(live: View, sim: cl.Backend) -> None:
    """Of the selected rows those that were deleted leave the selection, and the others stay in it."""
    kept, gone = sim.volumes[2], sim.volumes[0]
    live.ask("select", ids=[gone.id, kept.id, sim.id], how="set")
    gone.delete()
    live.tree.on_counts()
    assert live.tree.selected == [kept.id, sim.id]


def test_what_is_no_filter_does_not_keep_from_sorting(live: View) -> None:
    """While the filter's text is none, what was shown before can be sorted; an order that is none is refused where it is set."""
    live.set(filter="kind:volume")
    live.set(filter='"')
    live.set(sort="name:desc")
    assert live.names()[1:] == ["c", "b", "a"]
    assert live.tree._problem
    with pytest.raises(traitlets.TraitError, match="cannot be sorted by 'colour'"):
        live.tree.sort = "colour"
    assert live.tree.sort == "name:desc"


def test_the_threads_end_with_the_last_view(live: View) -> None:
    """A tree that nobody sees any more follows nothing; the next view begins anew."""

    def threads() -> int:
        return sum(thread.name.startswith("cl_tree") for thread in threading.enumerate())

    before = threads()
    live.ask("hello")
    live.ask("hello")
    live.post({"id": 98, "do": "bye"})
    assert threads() == before + 2
    live.post({"id": 99, "do": "bye"})
    ended = time.monotonic() + 20
    while threads() > before and time.monotonic() < ended:
        time.sleep(0.01)
    assert threads() == before
    live.ask("hello")
    assert threads() == before + 2


def test_a_backend_s_capacity_goes_with_its_driver(live: View, sim: cl.Backend) -> None:
    """The capacity of a backend that is closed is not sent any more, and that of one that is opened is, without waiting."""
    live.ask("hello")
    live.wait(lambda message: message.get("push") == "head" and message["head"]["capacity"].get(sim.id) is not None)
    at = len(live.sent)
    sim.close()
    live.wait(lambda message: message.get("push") == "head" and message["head"]["capacity"].get(sim.id) is None, at)
    at = len(live.sent)
    cl.Backend("sim")
    live.wait(lambda message: message.get("push") == "head" and message["head"]["capacity"].get(sim.id) is not None, at)
