"""The keys of WAI-ARIA's treegrid pattern, from the first to the last, and none of them lost to the notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.lab import shot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.treegrid import TreePage
    from tests.browser.workspace import Desk


@pytest.fixture
def tree(desk: Desk) -> Iterator[TreePage]:
    """Give a tree of four rows, "sim" with "db", "logs" and "web" below it; after the test the notebook is as it was."""
    desk.stock()
    tree = desk.tree()
    expect(tree.row("web")).to_be_visible()
    cells = desk.notebook.cells
    yield tree
    assert desk.notebook.cells == cells, "a key was taken by the notebook"


def _walk(tree: TreePage, *steps: tuple[str, str]) -> None:
    for number, (key, name) in enumerate(steps, 1):
        tree.press(key)
        tree.expect_focus(name, f" after step {number}, {key}")


def test_tab_goes_in_and_out(tree: TreePage) -> None:
    """The grid is one tab stop: Tab leaves it wherever the focus is in it, and Shift+Tab comes back to the same row."""
    assert tree.grid.locator("[tabindex='0']").count() == 1, "elements of the grid that Tab goes to"
    tree.focus("logs")
    tree.press("Tab")
    assert tree.focused is None, "Tab stays in the grid"
    tree.press("Shift+Tab")
    tree.expect_focus("logs")
    tree.press("Shift+Tab")
    assert tree.focused is None, "Shift+Tab stays in the grid"
    tree.press("Tab")
    tree.expect_focus("logs")


def test_arrows_between_rows(tree: TreePage) -> None:
    """Up and Down go from row to row, and no further than the first and the last."""
    tree.focus("sim")
    down = [("ArrowDown", name) for name in ("db", "logs", "web", "web")]
    _walk(tree, *down, ("ArrowUp", "logs"), ("ArrowUp", "db"), ("ArrowUp", "sim"))


def test_right_and_left_on_branches(tree: TreePage) -> None:
    """Right opens a branch; Left goes up from a leaf, closes an open branch, and goes up from a closed one."""
    tree.focus("db")
    tree.press("ArrowRight")
    expect(tree.row("db")).to_have_attribute("aria-expanded", "true")
    expect(tree.row("after")).to_be_visible()
    tree.expect_focus("db")
    _walk(tree, ("ArrowDown", "before"), ("ArrowDown", "after"), ("ArrowLeft", "db"))
    tree.press("ArrowLeft")
    expect(tree.row("db")).to_have_attribute("aria-expanded", "false")
    tree.expect_focus("db")
    _walk(tree, ("ArrowLeft", "sim"))
    tree.press("ArrowLeft")
    tree.expect_names("sim")
    tree.press("ArrowRight")
    tree.expect_names("sim", "db", "logs", "web")


def test_right_and_left_between_cells(tree: TreePage) -> None:
    """Right on an open branch or a leaf goes into its cells, up to the last; Left comes back, and then to the row."""
    tree.focus("web")
    seen = []
    for key in ("ArrowRight",) * 7 + ("ArrowLeft",) * 6:
        tree.press(key)
        seen.append(tree.focused_cell)
    assert seen == [0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0, None]
    tree.press("ArrowRight", "ArrowRight", "ArrowUp")
    tree.expect_focus("logs")
    assert tree.focused_cell == 1, "Up leaves the column"
    tree.press("End")
    assert tree.focused_cell == 5, "End goes to the last cell of the row"
    tree.press("Home")
    assert tree.focused_cell == 0, "Home goes to the first cell of the row"
    tree.expect_focus("logs")


def test_home_and_end(tree: TreePage) -> None:
    """Home and End go to the first and the last row, with Ctrl from a cell, too."""
    tree.focus("db")
    _walk(tree, ("End", "web"), ("Home", "sim"), ("Control+End", "web"), ("Control+Home", "sim"))
    tree.focus("db")
    tree.press("ArrowRight", "ArrowRight")
    _walk(tree, ("Control+End", "web"), ("Control+Home", "sim"))


def test_pages(desk: Desk) -> None:
    """Page Down and Page Up go as far as is seen at once, and the row that has the focus is in sight."""
    for number in range(100):
        desk.sim.create_volume(1, name=f"n{number:03}")
    tree = desk.tree()
    tree.focus("sim")
    tree.press("PageDown")
    first = tree.focused
    assert first is not None
    assert 5 <= int(first.removeprefix("n")) <= 40, f"Page Down went to {first}"
    expect(tree.row(first)).to_be_in_viewport()
    tree.press("PageUp")
    tree.expect_focus("sim")
    tree.press(*["PageDown"] * 25)
    tree.expect_focus("n099")
    expect(tree.row("n099")).to_be_in_viewport()


def test_asterisk_opens_every_backend(desk: Desk) -> None:
    """The asterisk opens everything on the level of the backends."""
    desk.stock()
    desk.backend("other").create_volume(1, name="elsewhere")
    tree = desk.tree()
    expect(tree.row("sim")).to_be_visible()
    for name in ("sim", "other"):
        tree.focus(name)
        if tree.row(name).get_attribute("aria-expanded") == "true":
            tree.press("ArrowLeft")
            expect(tree.row(name)).to_have_attribute("aria-expanded", "false")
    tree.expect_names("sim", "other")
    tree.press("*")
    tree.expect_names("sim", "db", "logs", "web", "other", "elsewhere")


def test_selecting(tree: TreePage) -> None:
    """Space selects and unselects, Shift with an arrow or with Space selects a stretch, Ctrl+A everything, Escape nothing."""
    tree.focus("db")
    tree.press("Escape")
    tree.expect_selected()
    tree.press("Space")
    tree.expect_selected("db")
    tree.press("ArrowDown", "ArrowDown")
    tree.expect_selected("db")
    tree.press("Control+Space")
    tree.expect_selected("db", "web")
    tree.press("Space")
    tree.expect_selected("db")
    tree.press("Escape")
    tree.expect_selected()
    tree.press("Home", "ArrowDown", "Space", "Shift+ArrowDown")
    tree.expect_selected("db", "logs")
    tree.press("Shift+ArrowDown")
    tree.expect_selected("db", "logs", "web")
    tree.press("Shift+ArrowUp")
    tree.expect_selected("db", "logs")
    tree.press("End", "Shift+Space")
    tree.expect_selected("db", "logs", "web")
    tree.press("Control+a")
    tree.expect_selected("sim", "db", "logs", "web")
    tree.press("Escape")
    tree.expect_selected()


def test_letters_seek(tree: TreePage) -> None:
    """Letters go to the next row whose name begins with them; none of them is taken by the notebook."""
    tree.focus("sim")
    tree.type("lo")
    tree.expect_focus("logs")
    tree.page.wait_for_timeout(600)
    tree.type("d")
    tree.expect_focus("db")
    tree.page.wait_for_timeout(600)
    for letter in ("a", "b", "x", "m", "y", "z", "c", "v"):
        tree.press(letter)
    tree.page.wait_for_timeout(600)
    tree.expect_focus("db", " after letters that no name begins with")
    tree.type("w")
    tree.expect_focus("web")


def test_the_headings(tree: TreePage) -> None:
    """Headings are reached by the keyboard, Enter sorts by one, and Down goes back to the rows."""
    tree.header("Size").focus()
    tree.press("Enter")
    expect(tree.header("Size")).to_have_attribute("aria-sort", "ascending")
    expect(tree.header("Size")).to_be_focused()
    tree.press("ArrowLeft")
    expect(tree.header("Status")).to_be_focused()
    width = tree.header("Status").bounding_box()
    tree.press("Alt+ArrowRight")
    wider = tree.header("Status").bounding_box()
    assert width is not None
    assert wider is not None
    assert wider["width"] > width["width"], "Alt with an arrow makes a column wider"
    tree.press("ArrowDown")
    tree.expect_focus("sim")


def test_the_menu_of_a_row(tree: TreePage) -> None:
    """The menu key opens the acts of a row; arrows, Home, End and letters go about in it; Escape gives the focus back."""
    tree.focus("web")
    tree.open_menu()
    items = tree.menu.get_by_role("menuitem")
    expect(items.first).to_be_focused()
    tree.press("End")
    expect(items.last).to_be_focused()
    tree.press("ArrowDown")
    expect(items.first).to_be_focused()
    tree.press("ArrowUp")
    expect(items.last).to_be_focused()
    tree.press("Home")
    tree.type("ext")
    expect(tree.menu.get_by_role("menuitem", name="Extend")).to_be_focused()
    tree.press("Escape")
    expect(tree.menu).to_have_count(0)
    tree.expect_focus("web")
    tree.press("ContextMenu")
    expect(tree.menu).to_be_visible()
    tree.press("Escape")
    tree.expect_focus("web")


def test_enter_escape_delete(tree: TreePage) -> None:
    """Enter opens the pane and leaves the focus where it is; Escape in the pane comes back; Delete asks, and Escape says no."""
    tree.focus("web")
    tree.press("Enter")
    expect(tree.pane).to_be_visible()
    tree.expect_focus("web")
    tree.pane.get_by_role("button", name="Extend").focus()
    tree.press("Escape")
    tree.expect_focus("web")
    tree.press("Delete")
    expect(tree.pane.locator("form").get_by_role("button", name="Cancel")).to_be_focused()
    tree.press("Escape")
    tree.expect_focus("web")
    tree.expect_names("sim", "db", "logs", "web")


def test_from_the_filter_to_the_rows(tree: TreePage) -> None:
    """Down goes from the filter into the rows; what is typed into the filter is not taken by the notebook."""
    tree.filter.focus()
    tree.type("abdxm")
    expect(tree.rows).to_have_count(0)
    tree.filter.fill("web")
    tree.expect_names("sim", "web")
    tree.press("ArrowDown")
    assert tree.focused == "sim"
    tree.press("ArrowDown")
    tree.expect_focus("web")


def test_the_focus_is_seen(tree: TreePage) -> None:
    """What has the focus has a ring around it: a row, a cell, a heading, the filter and a button."""
    tree.focus("web")
    tree.press("ArrowUp")
    for what, element in {
        "row": tree.row("logs"),
        "heading": tree.header("Name"),
        "filter": tree.filter,
        "button": tree.only_faults,
    }.items():
        if what != "row":
            element.focus()
            tree.press("Shift")
        ring = element.evaluate(_RING)
        assert ring, f"a {what} with the focus looks like one without"
    shot(tree.root, "focus")


_RING = """(element) => {
    const looks = () => [element, element.parentElement, ...element.children].map((node) => {
        const {outline, outlineStyle, boxShadow, borderColor, backgroundColor} = getComputedStyle(node);
        return [outlineStyle === "none" ? "" : outline, boxShadow, borderColor, backgroundColor].join();
    }).join(";");
    const active = document.activeElement;
    const focused = looks();
    active.blur();
    const blurred = looks();
    active.focus();
    return focused !== blurred;
}"""
