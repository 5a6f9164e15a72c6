"""The tree as one flat list, held against a naive list made of all rows, whatever these are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cl_notebook as cl
from cl_notebook.treemodel.rows import VirtualRows
from cl_notebook.treemodel.static_tree import read
from tests.treemodel.world import SORTS, Drawn, Thing, build, clear, everything, naive, seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAMES = ("db", "DB-1", "db 2", "a%b", "a_b", "it's", '"quoted"', "line\nbreak", "\\", "", "zz", "\u00e9t\u00e9")
STATUSES = ("available", "in-use", "error", "error_deleting", "creating")
HOSTS = ("node1@a", "node2@b")

FILTERS: list[tuple[str, bool, Callable[[Thing], bool] | None]] = [
    ("", False, None),
    ("db", False, lambda t: "db" in t.name.lower() or ("db" in t.where and t.kind != "snapshot") or t.id.startswith("db")),
    ("size>1", False, lambda t: t.kind != "connection" and (t.size or 0) > 1),
    ("kind:snapshot", False, lambda t: t.kind == "snapshot"),
    ("status:error", False, lambda t: t.status == "error"),
    ("!status:error*", False, lambda t: t.kind != "backend" and not t.status.startswith("error")),
    ('name:"a_b"', False, lambda t: t.name == "a_b"),
    ("%", False, lambda t: "%" in t.name or ("%" in t.where and t.kind != "snapshot")),
    ("", True, lambda t: t.kind != "backend" and t.status.startswith("error")),
    ("size=2", True, lambda t: t.status.startswith("error") and t.size == 2),
]


@st.composite
def worlds(draw: st.DrawFn) -> Drawn:
    """Draw what is in the store."""
    below = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(STATUSES), st.integers(0, 3)), max_size=3)
    volume = st.tuples(
        st.sampled_from(NAMES), st.sampled_from(STATUSES), st.integers(1, 3), st.sampled_from(HOSTS), st.integers(0, 5), below
    )
    return draw(st.lists(st.lists(volume, max_size=12), min_size=1, max_size=3))


@pytest.fixture(scope="module")
def shared() -> Iterator[cl.Session]:
    """Give one session for all the worlds that are drawn; a new one for each would take most of the time."""
    with cl.Session("memory") as session:
        yield session


@settings(max_examples=2 * settings().max_examples)
@given(data=st.data(), drawn=worlds())
def test_every_range_is_what_a_naive_list_has(shared: cl.Session, data: st.DataObject, drawn: Drawn) -> None:
    """Whatever is open, sorted and filtered: total, pages and places agree with a list made of all rows."""
    clear(shared)
    world = build(shared, drawn, data.draw(st.integers(0, 1_000)))
    rows = VirtualRows(shared)
    ids = [thing.id for thing in world.things()]
    for _ in range(data.draw(st.integers(1, 3))):
        text, faults, meets = data.draw(st.sampled_from(FILTERS))
        sort = data.draw(st.sampled_from(SORTS))
        rows.set_query(text=text, only_faults=faults, sort=sort)
        for branch in data.draw(st.lists(st.sampled_from(ids), max_size=6)):
            data.draw(st.sampled_from((rows.open, rows.close)))(branch)
        total = rows.total()
        expected = naive(world.tops, rows.opened, sort, meets)
        assert total == len(expected)
        start, count = data.draw(st.integers(0, total)), data.draw(st.integers(0, 12))
        assert [seen(row) for row in rows.page(start, count)] == expected[start : start + count]
        if data.draw(st.booleans()):
            rows.invalidate()
        places = {row[1]: place for place, row in enumerate(expected)}
        for row_id in data.draw(st.lists(st.sampled_from(ids), max_size=5)):
            assert rows.index_of(row_id, data.draw(st.none() | st.integers(0, 20))) == places.get(row_id)
        assert rows.ids(start, start + 5) == [row[:2] for row in expected[start : start + 6]]


@given(data=st.data(), drawn=worlds())
def test_type_ahead_finds_the_next_name(shared: cl.Session, data: st.DataObject, drawn: Drawn) -> None:
    """``seek`` gives the next row whose name begins with the text, around the end, also beyond what it reads first."""
    clear(shared)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cl_notebook.treemodel.typeahead.NEAR", 1)
        patch.setattr("cl_notebook.treemodel.typeahead._MANY", data.draw(st.sampled_from((0, 500))))
        world = build(shared, drawn, data.draw(st.integers(0, 1_000)))
        rows = VirtualRows(shared)
        for thing in world.things():
            rows.open(thing.id)
        rows.set_query(sort=data.draw(st.sampled_from(SORTS)))
        names = [row.name.lower() for row in rows.page(0, 1000)]
        text = data.draw(st.sampled_from([name for name in NAMES if name] + ["b", "A", "none"]))
        after = data.draw(st.integers(-1, len(names)))
        fits = [place for place, name in enumerate(names) if name.startswith(text.lower())]
        expected = next((place for place in fits if place > after), fits[0] if fits else None)
        assert rows.seek(text, after) == expected


@given(data=st.data(), drawn=worlds())
def test_a_tree_of_ids_has_what_is_above_and_below_them(shared: cl.Session, data: st.DataObject, drawn: Drawn) -> None:
    """Of the ids given, a volume and a backend show all that is theirs, the others themselves and what is above them."""
    clear(shared)
    world = build(shared, drawn, data.draw(st.integers(0, 1_000)))
    chosen = set(data.draw(st.lists(st.sampled_from([thing.id for thing in world.things()]), max_size=4)))
    rows = VirtualRows(shared, ids=chosen)
    for thing in world.things():
        rows.open(thing.id)
    expected = _limited(world.tops, chosen)
    assert everything(rows) == naive(expected, rows.opened)
    shown = {node.id for top in read(shared, budget=None, ids=chosen) for node in top.walk()}
    assert shown == {thing.id for top in expected for thing in top.walk()}


def _limited(tops: list[Thing], chosen: set[str]) -> list[Thing]:
    kept = []
    for thing in tops:
        if thing.id in chosen:
            kept.append(thing)
        elif below := _limited(thing.children, chosen):
            kept.append(replace(thing, children=below))
    return kept
