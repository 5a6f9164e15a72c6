"""What the tree shows in JupyterLab: everything, at any size, filtered, sorted, with names that mean no good."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Literal

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

import cl_notebook as cl
from cl_notebook import errors
from tests.browser.browsers import axe
from tests.browser.lab import shot
from tests.browser.treegrid import tree_of
from tests.browser.workspace import setup

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.lab import Lab
    from tests.browser.workspace import Desk

    Theme = Literal["Light", "Dark"]

HOSTILE = (
    "<img src=x onerror=\"console.error('run')\">",
    "<script>console.error('run')</script>",
    "evil \u202egpj.exe",
    "two\nlines\tand a bell\x07",
    "x" * 255,
    "${console.error('run')} {{7*7}} %s &lt;b&gt;",
    "'); console.error('run'); ('",
)


def test_opens(desk: Desk) -> None:
    """A cell that gives a tree shows as many branches open as there is room for, and the columns beside the names."""
    desk.stock()
    tree = desk.tree("tree = cl.tree()\ntree")
    tree.expect_names("sim", "db", "before", "after", "node1", "logs", "old", "web")
    expect(tree.row("sim")).to_have_attribute("aria-level", "1")
    expect(tree.row("sim")).to_have_attribute("aria-expanded", "true")
    db = tree.row("db")
    for name, value in {"level": "2", "posinset": "1", "setsize": "3", "expanded": "true"}.items():
        expect(db).to_have_attribute(f"aria-{name}", value)
    expect(tree.row("web")).not_to_have_attribute("aria-expanded", re.compile(".*"))
    for title in ("Name", "Status", "Size", "Capacity", "Where", "Age"):
        expect(tree.header(title)).to_be_visible()
    for text in ("in-use", "10 GiB"):
        expect(db).to_contain_text(text)


def test_branches_that_are_set_before_it_is_shown_come_with_the_tree(desk: Desk) -> None:
    """A tree that is changed in the cell that shows it begins with its rows as they are then: none are asked for."""
    desk.stock()
    assert desk.notebook
    desk.lab.traffic.clear()
    tree = desk.tree()
    tree.expect_names("sim", "db", "logs", "web")
    tree.twist("db")
    tree.expect_names("sim", "db", "before", "after", "node1", "logs", "web")
    sent = [message.data for message in desk.lab.traffic.comms() if message.sent]
    requests = [data["content"]["do"] for data in sent if "content" in data]
    assert "open" in requests
    assert "rows" not in requests


def test_branches_open_and_close(desk: Desk) -> None:
    """Clicks on its arrow open and close a branch: snapshots first, then connections, as one list of siblings."""
    desk.stock()
    tree = desk.tree()
    tree.twist("db")
    tree.expect_names("sim", "db", "before", "after", "node1", "logs", "web")
    expect(tree.row("before")).to_have_attribute("aria-level", "3")
    expect(tree.row("after")).to_have_attribute("aria-posinset", "2")
    expect(tree.row("after")).to_have_attribute("aria-setsize", "3")
    tree.twist("db")
    tree.expect_names("sim", "db", "logs", "web")
    tree.twist("sim")
    tree.expect_names("sim")


def test_the_last_of_a_million(lab: Lab, million: Path) -> None:
    """A tree on a million volumes is there at once, and its last row is reached by the scroll bar and by the keyboard."""
    notebook = lab.open()
    notebook.run(setup(million))
    tree = tree_of(notebook.run("cl.tree()"))
    expect(tree.row("vol-0")).to_be_visible()
    expect(tree.grid).to_have_attribute("aria-rowcount", "1000002")
    scroller = tree.scroller
    scroller.evaluate("node => node.scrollTop = node.scrollHeight")
    expect(tree.row("vol-999999"), "the last row, by the scroll bar").to_be_in_viewport()
    expect(tree.row("vol-999999")).to_have_attribute("aria-posinset", "1000000")
    scroller.evaluate("node => node.scrollTop = 0")
    expect(tree.row("vol-0"), "the first row, by the scroll bar").to_be_in_viewport()
    tree.focus("vol-0")
    tree.press("End")
    tree.expect_focus("vol-999999")
    expect(tree.row("vol-999999"), "the last row, by the keyboard").to_be_in_viewport()
    tree.press("ArrowUp", "ArrowUp")
    tree.expect_focus("vol-999997")
    expect(tree.row("vol-999997")).to_be_in_viewport()
    assert tree.rows.count() < 200, "rows that nobody sees are in the page"
    tree.press("Home")
    tree.expect_focus("sim")


def test_scrolls_all_the_way(lab: Lab, million: Path) -> None:
    """Wherever the bar is put among a million rows, the rows of that place come, in order and without a gap."""
    notebook = lab.open()
    notebook.run(setup(million))
    tree = tree_of(notebook.run("cl.tree()"))
    expect(tree.row("vol-0")).to_be_visible()
    for share in (0.1, 0.5, 0.93, 0.25):
        tree.flip(share)
        tree.wait_loaded()
        numbers = [int(name.removeprefix("vol-")) for name in tree.names() if name.startswith("vol-")]
        assert len(numbers) > 5, f"rows at {share} of the way: {tree.names()}"
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), f"rows at {share} of the way: {tree.names()}"
        assert abs(numbers[0] / 1_000_000 - share) < 0.2, f"the bar stands at {share}, the rows begin at {numbers[0]}"


def test_filters_the_whole_store(lab: Lab, million: Path) -> None:
    """What is typed into the filter is looked for in the whole store, and taking it back brings everything back."""
    notebook = lab.open()
    notebook.run(setup(million))
    tree = tree_of(notebook.run("tree = cl.tree()\ntree"))
    expect(tree.row("vol-0")).to_be_visible()
    tree.filter.click()
    tree.type("vol-777777")
    tree.expect_names("sim", "vol-777777")
    assert notebook.run("tree.filter").text == "'vol-777777'"
    tree.filter.press("Escape")
    expect(tree.row("vol-0")).to_be_visible()
    expect(tree.grid).to_have_attribute("aria-rowcount", "1000002")


def test_filters_by_words(desk: Desk) -> None:
    """The filter takes names, statuses, sizes and backends, from the front end and from Python."""
    desk.stock()
    tree = desk.tree()
    for text, names in {
        "size>5": ["sim", "db", "web"],
        "status:in-use": ["sim", "db"],
        "backend:sim web": ["sim", "web"],
        "lo": ["sim", "logs"],
    }.items():
        tree.filter.fill(text)
        tree.expect_names(*names)
    desk.notebook.run("tree.filter = 'db'")
    tree.expect_names("sim", "db")
    expect(tree.filter).to_have_value("db")


def test_a_wrong_filter_is_marked(desk: Desk) -> None:
    """A filter that is none is marked and explained in the box, and the list stays what it was."""
    desk.stock()
    tree = desk.tree()
    tree.filter.fill("size>many")
    expect(tree.filter).to_have_attribute("aria-invalid", "true")
    expect(tree.filter).to_have_accessible_description(re.compile("size|many"))
    tree.expect_names("sim", "db", "logs", "web")
    assert axe(tree.root) == [], "axe-core, on a tree with a wrong filter"
    tree.filter.fill("size>20")
    expect(tree.filter).not_to_have_attribute("aria-invalid", "true")
    tree.expect_names("sim", "web")


def test_only_faults_and_statuses(desk: Desk) -> None:
    """The button "Only faults" leaves what is in error; a click on a status filters by it, another one takes it back."""
    desk.stock()
    bad = desk.backend("bad", faults="create_volume:1")
    with pytest.raises(errors.DriverError):
        bad.create_volume(1, name="broken")
    tree = desk.tree()
    tree.open_all()
    expect(tree.row("web")).to_be_visible()
    tree.only_faults.click()
    expect(tree.only_faults).to_have_attribute("aria-pressed", "true")
    tree.expect_names("bad", "broken")
    tree.only_faults.click()
    expect(tree.row("web")).to_be_visible()
    in_use = tree.statuses.get_by_role("button", name="in-use")
    expect(in_use).to_contain_text("1")
    in_use.click()
    tree.expect_names("sim", "db")
    in_use.click()
    expect(tree.row("web")).to_be_visible()


def test_sorts_and_shows_other_columns(desk: Desk) -> None:
    """A click on a heading sorts, a second one the other way round; the menu of columns adds one."""
    desk.stock()
    tree = desk.tree()
    tree.header("Size").click()
    expect(tree.header("Size")).to_have_attribute("aria-sort", "ascending")
    tree.expect_names("sim", "logs", "db", "web")
    tree.header("Size").click()
    expect(tree.header("Size")).to_have_attribute("aria-sort", "descending")
    tree.expect_names("sim", "web", "db", "logs")
    tree.root.get_by_role("button", name="Columns").click()
    tree.menu.get_by_role("menuitemcheckbox", name="Id").click()
    expect(tree.header("Id")).to_be_visible()
    assert desk.notebook.run("tree.sort, 'id' in tree.columns").text == "('size:desc', True)"
    tree.root.get_by_role("button", name="Columns").click()
    tree.menu.get_by_role("menuitemcheckbox", name="Driver").click()
    expect(tree.row("sim").locator(".cl-c-driver"), "a value that is asked for only now").to_have_text("sim")


def test_columns_hold_their_values_at_every_age(desk: Desk) -> None:
    """Minutes, hours, days and years, a long time of day, a size of four digits and a heading that sorts are not cut off."""
    now = dt.datetime.now(dt.UTC)
    ages = {"59 min": 59.5 / 1440, "23 h": 23.5 / 24, "364 d": 364.5, "19 y": 19.5 * 365.25}
    for name, days in ages.items():
        volume = desk.sim.create_volume(9999, name)
        moment = now - dt.timedelta(days=days)
        with desk.session.store.writing() as connection:
            connection.execute(sa.update(cl.Volume).where(cl.Volume.id == volume.id).values(created_at=moment))
    tree = desk.tree("tree = cl.tree()\ntree.columns = ['status', 'size', 'age', 'created', 'id']\ntree")
    tree.wait_live()
    tree.header("Age").click()
    expect(tree.header("Age")).to_have_attribute("aria-sort", "ascending")
    cut = "nodes => nodes.filter(node => node.scrollWidth > node.clientWidth).map(node => node.textContent)"
    for column in ("status", "size", "age", "created", "id"):
        assert tree.grid.locator(f".cl-td.cl-c-{column}").evaluate_all(cut) == []
    assert "59 min" in tree.row("59 min").inner_text()


def test_hostile_names_are_text(desk: Desk) -> None:
    """Names with markup, direction marks, newlines or 255 signs are shown as text, in rows, pane, menu and announcements."""
    for name in HOSTILE:
        desk.sim.create_volume(1, name=name)
    tree = desk.tree()
    expect(tree.rows).to_have_count(1 + len(HOSTILE))
    shown = tree.names()[1:]
    for name in ("x" * 255, HOSTILE[0], HOSTILE[1], r"evil \u202egpj.exe"):
        assert name in shown, f"{name!r} is not among {shown}"
    assert not re.search("[\u202e\n\x07]", "".join(shown)), "signs that cannot be seen are in the page"
    for name in shown:
        tree.focus(name)
        tree.press("Enter")
        expect(tree.pane).to_contain_text(name)
        tree.focus(name)
        tree.open_menu()
        tree.press("Escape")
    assert tree.root.locator("img, script, b:has-text('lt')").count() == 0
    shot(tree.root, "hostile")


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_axe_finds_nothing(desk: Desk, theme: Theme) -> None:
    """In both themes axe-core finds nothing in an empty tree, in a full one, in the pane, in its menus or in a form."""
    desk.lab.theme(theme)
    tree = desk.tree("cl.tree()")
    expect(tree.row("sim")).to_be_visible()
    assert axe(tree.root) == [], "axe-core, on an empty tree"
    desk.stock()
    expect(tree.row("web")).to_be_visible()
    tree.open("db")
    tree.press("Shift+ArrowDown")
    assert axe(tree.root) == [], "axe-core, on a tree with rows that are selected"
    shot(tree.root, f"tree-{theme}")
    tree.focus("db")
    tree.press("Enter")
    expect(tree.pane.get_by_text("after")).to_be_visible()
    assert axe(tree.root) == [], "axe-core, on the pane"
    shot(tree.root, f"pane-{theme}")
    tree.focus("web")
    tree.open_menu()
    assert axe(tree.menu) == [], "axe-core, on a menu"
    shot(desk.lab.page, f"menu-{theme}")
    tree.press("Escape")
    tree.act("web", "Extend")
    assert axe(tree.root) == [], "axe-core, on a form"
    tree.act("web", "Delete")
    assert axe(tree.root) == [], "axe-core, on a question"
    shot(tree.root, f"delete-{theme}")
