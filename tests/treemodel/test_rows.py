"""The tree as one flat list: what is open, what changes, what runs."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.model import Kernel, Operation
from cl_notebook.model.operations import liveness
from cl_notebook.store import changefeed
from cl_notebook.testing import stores
from cl_notebook.treemodel import state
from cl_notebook.treemodel.rows import VirtualRows
from tests.treemodel.world import SORTS, START, Thing, World, build, everything, naive, seen


@pytest.fixture
def world(session: cl.Session) -> World:
    """Return a world without anything in it."""
    return World(session)


def test_one_backend_is_open_at_first(world: World) -> None:
    """With one backend its volumes are seen at once; with several, the backends."""
    first = world.backend("one")
    volume = world.volume(first, "v")
    assert [row.id for row in VirtualRows(world.session).page(0, 10)] == [first.id, volume.id]
    world.backend("two", 1)
    rows = VirtualRows(world.session)
    assert [row.kind for row in rows.page(0, 10)] == ["backend", "backend"]
    rows.open_all()
    assert rows.total() == 3
    rows.close_all()
    assert rows.total() == 2


def test_it_opens_until_rows_fill_it(world: World) -> None:
    """Backends are opened first, then volumes, while there is room, and none pushes another backend out of sight."""
    big, small, _, last = (world.backend(name, number) for number, name in enumerate(("big", "small", "empty", "last")))
    for number in range(8):
        world.volume(big, f"b{number}", number=number)
        world.volume(last, f"l{number}", number=number)
    volume = world.volume(small, "s")
    for number in range(2):
        world.snapshot(small, volume, f"snap{number}", number=number)
    names = ["big", "small", "s", "empty", "last"]
    for height, expected in ((4, names[:2] + names[3:]), (5, names), (8, [*names, "l0", "l1", "l2"])):
        rows = VirtualRows(world.session)
        rows.fill(height)
        assert [row.name for row in rows.page(0, height)] == expected
    rows = VirtualRows(world.session)
    rows.fill(24)
    assert rows.total() == 23
    assert {big.id, small.id, last.id, volume.id} <= rows.opened
    rows = VirtualRows(world.session, ids=[volume.id])
    rows.fill(24)
    assert volume.id not in rows.opened, "a tree of chosen rows shows those alone"


def test_the_tree_of_one_resource(world: World) -> None:
    """A backend, a volume, a snapshot or a connection can stand at the top, and is open."""
    top = world.backend("one")
    world.backend("two")
    volume = world.volume(top, "v")
    world.volume(top, "w", number=1)
    snapshot, connection = world.snapshot(top, volume, "s"), world.connection(top, volume, "node")
    for cls, thing, expected in (
        (cl.Backend, top, 3),
        (cl.Volume, volume, 3),
        (cl.Snapshot, snapshot, 1),
        (cl.Connection, connection, 1),
    ):
        rows = VirtualRows(world.session, cls.get_by_id(thing.id))
        listed = rows.page(0, 10)
        assert (rows.total(), listed[0].id, listed[0].level) == (expected, thing.id, 1)
        assert rows.index_of(thing.id) == 0
    rows = VirtualRows(world.session, cl.Volume.get_by_id(volume.id))
    assert [rows.index_of(thing.id) for thing in (snapshot, connection)] == [1, 2]
    assert rows.reveal(connection.id) == 2
    rows.set_query(text="nothing")
    assert rows.page(0, 10) == []


def test_the_tree_of_a_volume_shows_no_rows_of_another(world: World) -> None:
    """Opening another volume, or revealing a row below it, adds nothing to the tree of one volume."""
    top = world.backend("one")
    volume, other = world.volume(top, "v"), world.volume(top, "w")
    snapshot, hidden = world.snapshot(top, volume, "s"), world.snapshot(top, other, "t")
    rows = VirtualRows(world.session, cl.Volume.get_by_id(volume.id))
    rows.open(other.id)
    assert [row.id for row in rows.page(0, 10)] == [volume.id, snapshot.id]
    assert rows.reveal(hidden.id) is None
    assert rows.total() == 2


def test_a_deleted_row_keeps_its_place(world: World) -> None:
    """Where a row that was on a page is deleted, its place stays known; of one that was never seen there is none."""
    top = world.backend("one")
    volumes = [world.volume(top, f"v{number}", number=number) for number in range(10)]
    snapshot = world.snapshot(top, volumes[2], "s")
    rows = VirtualRows(world.session)
    rows.open(volumes[2].id)
    rows.page(0, 8)
    world.delete(snapshot)
    world.delete(volumes[4])
    world.delete(volumes[9])
    world.volume(top, "before", number=-1)
    rows.invalidate()
    assert rows.index_of(volumes[4].id, 6) == 6
    assert rows.index_of(volumes[3].id, 5) == 5
    assert rows.index_of(volumes[9].id) is None
    assert rows.index_of("nonsense", 3) is None
    world.delete(volumes[2])
    rows.invalidate()
    assert rows.total() == 9
    assert rows.index_of(snapshot.id) == rows.index_of(volumes[2].id) == 4
    assert volumes[2].id not in rows.opened


def test_changes_between_two_pages_break_nothing(world: World) -> None:
    """Rows that come and go before the list is invalidated make pages shorter, not errors."""
    top = world.backend("one")
    volumes = [world.volume(top, f"v{number}", number=number) for number in range(300)]
    rows = VirtualRows(world.session)
    rows.set_query(sort="name")
    rows.page(150, 20)
    for volume in volumes[50:250]:
        world.delete(volume)
    assert len(rows.page(0, 301)) <= 301
    assert len(rows.page(250, 20)) <= 20
    rows.invalidate()
    assert everything(rows) == naive(world.tops, rows.opened, "name")


def test_what_was_open_before_a_filter_is_open_after_it(world: World) -> None:
    """A filter opens what has matches below; closing that holds until the filter changes, then all is as it was."""
    first, second = world.backend("one"), world.backend("two", 1)
    volume, other = world.volume(first, "v"), world.volume(second, "w")
    snapshot = world.snapshot(first, volume, "nightly")
    world.snapshot(second, other, "weekly")
    rows = VirtualRows(world.session)
    rows.open(second.id)
    rows.set_query(text="nightly")
    assert [row.id for row in rows.page(0, 10)] == [first.id, volume.id, snapshot.id]
    assert rows.close(volume.id)
    assert rows.total() == 2
    assert rows.close(first.id)
    rows.invalidate()
    assert rows.total() == 1
    rows.set_query(text="nightly kind:snapshot")
    assert rows.total() == 3
    rows.set_opened([first.id])
    assert rows.total() == 2
    rows.set_query()
    assert rows.opened == {second.id}
    assert rows.total() == 3


def test_what_is_no_filter_changes_nothing(world: World) -> None:
    """A filter or an order that cannot be leaves the list as it is."""
    top = world.backend("one")
    world.volume(top, "v")
    rows = VirtualRows(world.session)
    rows.set_query(text="v")
    for wrong in ({"text": 'v"'[::-1]}, {"text": "colour:red"}, {"sort": "colour"}, {"sort": "name:up"}, {"text": "\x00"}):
        with pytest.raises(errors.InvalidInput):
            rows.set_query(**wrong)  # type: ignore[arg-type] # texts, all of them
    assert (rows.total(), rows.shown(), rows.restricts) == (2, 1, True)


def test_reveal_opens_what_is_above(world: World) -> None:
    """A row far below closed branches is opened up to; what a filter hides stays hidden."""
    first = world.backend("one")
    world.backend("two", 1)
    volume = world.volume(first, "v")
    connection = world.connection(first, volume, "node")
    rows = VirtualRows(world.session)
    assert rows.index_of(connection.id) is None
    assert rows.reveal(connection.id) == 2
    assert rows.opened == {first.id, volume.id}
    assert rows.reveal(first.id) == 0
    rows.set_query(text="two")
    assert rows.reveal(connection.id) is None
    assert rows.reveal("nonsense") is None


def test_too_many_rows_at_once_are_refused(world: World) -> None:
    """A range of more than the most says so in one line."""
    world.backend("one")
    with pytest.raises(errors.InvalidInput, match="10,001"):
        VirtualRows(world.session).ids(0, 10_000)
    with pytest.raises(errors.InvalidInput, match="10,000"):
        VirtualRows(world.session, ids=[str(number) for number in range(10_001)])


def test_many_open_volumes_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the most open volumes the ones opened first are closed; backends are not counted."""
    monkeypatch.setattr(state, "MOST_OPEN", 2)
    top = world.backend("one")
    volumes = [world.volume(top, f"v{number}", number=number) for number in range(4)]
    for volume in volumes:
        world.snapshot(top, volume, "s")
    rows = VirtualRows(world.session)
    for volume in volumes:
        assert rows.open(volume.id)
    assert rows.opened == {top.id, volumes[2].id, volumes[3].id}
    assert not rows.open(volumes[3].id)
    assert not rows.open("nonsense")
    assert rows.total() == 7


@pytest.mark.parametrize("sort", SORTS)
def test_a_filter_that_many_meet_is_paged_without_a_list(session: cl.Session, monkeypatch: pytest.MonkeyPatch, sort: str) -> None:
    """Beyond the volumes that are listed, a filter's pages and places are the same."""
    world = build(session, [[(f"db{n % 7}", "available", n % 3, "h", n % 11, [("s", "error", n)]) for n in range(200)]])
    rows = VirtualRows(session)
    rows.set_query(text="size>0", sort=sort)
    listed = everything(rows)
    monkeypatch.setattr(state, "LISTED", 10)
    monkeypatch.setattr("cl_notebook.treemodel.visibility.MOST_OWNERS", 10)
    for text, meets in (("size>0", lambda t: t.kind != "connection" and (t.size or 0) > 0), ("s kind:snapshot", None)):
        rows.set_query(text=text, sort=sort)
        expected = naive(world.tops, rows.opened, sort, meets or (lambda t: t.kind == "snapshot"))
        assert everything(rows) == expected
        for start in (130, 7, 70, 131, 190):
            rows.invalidate() if start == 70 else None
            assert [seen(row) for row in rows.page(start, 9)] == expected[start : start + 9]
            for place in (start, 3):
                if place < len(expected):
                    assert rows.index_of(expected[place][1]) == place
    rows.set_query(text="size>0", sort=sort)
    assert everything(rows) == listed


def test_what_runs_on_a_row(world: World) -> None:
    """A running operation is shown with its progress, and whether its kernel is dead; faults include what a dead one left."""
    top = world.backend("one")
    volume, interrupted, idle = (world.volume(top, name, "creating", number=n) for n, name in enumerate(("new", "lost", "idle")))
    ours = liveness.describe("here")
    dead = {**liveness.describe("here"), "pid": 2**22 + 1, "start_ticks": 1}
    with world.session.store.writing() as connection:
        connection.execute(sa.insert(Kernel), [ours, dead])
        for number, (thing, owner) in enumerate(((volume, ours), (interrupted, dead)), 1):
            connection.execute(sa.insert(Operation), _operation(number, thing, owner["id"]))
        for fraction in ("0.2500", "0.4000"):
            changefeed.append(connection, changefeed.Entry("progress", "volume", volume.id, status=fraction, operation_id=1))
        changefeed.append(connection, changefeed.Entry("progress", "volume", interrupted.id, status="nonsense", operation_id=2))
    rows = VirtualRows(world.session)
    _, first, second, third = rows.page(0, 10)
    assert first.busy is not None
    assert (first.busy.doing, first.busy.since, first.busy.done, first.busy.gone) == ("create", START, 0.4, False)
    assert second.busy is not None
    assert (second.busy.done, second.busy.gone) == (None, True)
    assert (third.id, third.busy) == (idle.id, None)
    rows.set_query(only_faults=True)
    assert [row.id for row in rows.page(0, 10)] == [top.id, interrupted.id]


def _operation(number: int, thing: Thing, kernel_id: str) -> dict[str, Any]:
    row: dict[str, Any] = {"id": number, "action": "create", "call": None, "status": "running", "resource_type": "volume"}
    row |= {"resource_id": thing.id, "resource_name": thing.name, "backend_id": None, "arguments": {}, "kernel_id": kernel_id}
    return row | {"started_at": START, "ended_at": None, "duration": None, "error": None}


def test_a_page_costs_the_same_wherever_it_is(session: cl.Session) -> None:
    """The number of queries of a page does not grow with the rows, nor with how far down the page is."""
    stores.fill(session.store, volumes=3_000, snapshots=1, connections=0)
    rows = VirtualRows(session)
    total = rows.total()
    ran: list[str] = []
    sa.event.listen(session.store.engine, "before_cursor_execute", lambda *args: ran.append(args[2]))
    for start in (0, 1_000, 1_500, total - 50):
        ran.clear()
        assert len(rows.page(start, 50)) == 50
        assert len(ran) <= 6
