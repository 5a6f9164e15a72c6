"""The tree as somebody meets it who goes by roles and names: rows, headers, the filter, menus, the pane."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator

    from tests.browser.lab import Cell

ROW = "[role=row][aria-level]"
"""A row of the tree; the row of the headers has no level."""

_NAMES = """(rows) => rows
    .map((row) => ({top: row.getBoundingClientRect().top, name: row.querySelector("[role=gridcell]").title}))
    .sort((one, other) => one.top - other.top)
    .map((row) => row.name)"""
_FOCUSED = """(grid) => {
    const active = document.activeElement;
    return grid.contains(active) ? active.closest("[role=row]").querySelector("[role=gridcell]")?.title ?? "" : null;
}"""
_FOCUSED_CELL = """(grid) => {
    const cells = [...document.activeElement.parentElement.children];
    return document.activeElement.role === "gridcell" ? cells.indexOf(document.activeElement) : null;
}"""

_FLIP = """async (scroller, share) => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const box = scroller.getBoundingClientRect();
    const seen = () => [...scroller.querySelectorAll("[role=row][aria-level]")].filter((row) => {
        const {top, bottom} = row.getBoundingClientRect();
        return bottom > box.top + 30 && top < box.bottom;
    });
    const before = seen()[0]?.getAttribute("aria-rowindex");
    const begun = performance.now();
    scroller.scrollTop = share * (scroller.scrollHeight - scroller.clientHeight);
    for (;;) {
        await frame();
        const rows = seen();
        const loaded = rows.length > 3 && rows.every((row) => !row.hasAttribute("aria-busy"));
        if ((loaded && rows[0].getAttribute("aria-rowindex") !== before) || performance.now() - begun > 10000) break;
    }
    await frame();
    return performance.now() - begun;
}"""
"""Go to another place of the list; return the milliseconds until its rows have been painted."""


class TreePage:
    """A tree that is shown below a cell, or anywhere else on the page."""

    def __init__(self, root: Locator) -> None:
        """Handle the tree whose root is *root*."""
        self.root = root
        self.page = root.page
        self.grid = root.get_by_role("treegrid")
        self.rows = self.grid.locator(ROW)
        self.scroller = root.locator(".cl-scroll")
        self.filter = root.get_by_role("searchbox", name="Filter")
        self.only_faults = root.get_by_role("button", name="Only faults")
        self.statuses = root.get_by_role("group", name="Statuses")
        self.pane = root.get_by_role("region", name="Details")
        self.menu = root.get_by_role("menu")

    def row(self, name: str) -> Locator:
        """Return the row with this very name."""
        return self.rows.and_(self.grid.locator(f":has(> [role=gridcell]:first-child[title={json.dumps(name)}])"))

    def header(self, name: str) -> Locator:
        """Return the header of a column."""
        return self.grid.get_by_role("columnheader", name=name)

    def names(self) -> list[str]:
        """Return the names of the rows that are rendered, from the top."""
        found: list[str] = self.rows.evaluate_all(_NAMES)
        return found

    def expect_names(self, *names: str) -> None:
        """Wait until these rows are rendered, and no others, in this order."""
        expect(self.rows).to_have_count(len(names))
        self._wait(lambda: self.names() == list(names), lambda: f"the rows are {self.names()}, not {list(names)}")

    @property
    def focused(self) -> str | None:
        """The name of the row that has the focus, None when the focus is outside of the grid."""
        found: str | None = self.grid.evaluate(_FOCUSED)
        return found

    @property
    def focused_cell(self) -> int | None:
        """The number of the cell that has the focus, None when the row itself has it."""
        found: int | None = self.grid.evaluate(_FOCUSED_CELL)
        return found

    def expect_focus(self, name: str, because: str = "") -> None:
        """Wait until the row *name* has the focus."""
        self._wait(lambda: self.focused == name, lambda: f"the focus is on {self.focused!r}, not on {name!r}{because}")

    def focus(self, name: str) -> None:
        """Give the focus to a row, by a click on its name."""
        self.row(name).get_by_role("gridcell").first.click()
        self.expect_focus(name)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        """Type text into whatever has the focus."""
        self.page.keyboard.type(text)

    def twist(self, name: str) -> None:
        """Click on the arrow before a name."""
        self.row(name).locator(".cl-twist").click()

    def flip(self, share: float) -> float:
        """Put the scroll bar at a share of its way, wait for the rows of that place, and return the milliseconds it took."""
        return float(self.scroller.evaluate(_FLIP, share))

    def wait_loaded(self) -> None:
        """Wait until no row in sight is waited for."""
        expect(self.grid.locator(f"{ROW}[aria-busy=true]")).to_have_count(0)

    def open_menu(self) -> None:
        """Open the menu of the row that has the focus, by the keyboard."""
        self.press("Shift+F10")
        expect(self.menu, "the menu of a row").to_be_visible()

    def act(self, name: str, label: str) -> None:
        """Choose an act from a row's menu, and wait for its form, which takes the focus."""
        self.focus(name)
        self.open_menu()
        self.menu.get_by_role("menuitem", name=label).click()
        expect(self.menu).to_have_count(0)
        expect(self.pane.locator("form").filter(has_text=name).locator(":focus"), f"the form of {label}").to_be_visible()

    def open(self, name: str) -> None:
        """Open a branch by the keyboard."""
        self.focus(name)
        expect(self.row(name), "the row has others below it").to_have_attribute("aria-expanded", re.compile("true|false"))
        if self.row(name).get_attribute("aria-expanded") == "false":
            self.press("ArrowRight")
        expect(self.row(name)).to_have_attribute("aria-expanded", "true")

    def selected(self) -> list[str]:
        """Return the names of the rendered rows that are selected."""
        found: list[str] = self.grid.locator(f"{ROW}[aria-selected=true]").evaluate_all(_NAMES)
        return found

    def open_all(self) -> None:
        """Open every backend: where there are several, they are closed at first."""
        self.rows.first.get_by_role("gridcell").first.click()
        self.press("*")

    def wait_live(self) -> None:
        """Wait until the kernel has answered: what is seen before came with the widget."""
        expect(self.statuses.get_by_role("button").first, "the counts of the statuses").to_be_visible()

    def place(self, name: str) -> float:
        """Return how far from the top of the tree a row stands, in pixels."""
        top: float = self.row(name).evaluate(
            "(row) => row.getBoundingClientRect().top - row.closest('.cl-live').getBoundingClientRect().top"
        )
        return top

    def expect_selected(self, *names: str) -> None:
        """Wait until these of the rendered rows are selected."""
        self._wait(lambda: self.selected() == list(names), lambda: f"selected are {self.selected()}, not {list(names)}")

    def _wait(self, holds: Callable[[], bool], problem: Callable[[], str], seconds: float = 15) -> None:
        patience = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > patience:
                raise AssertionError(problem())
            self.page.wait_for_timeout(50)


def tree_of(cell: Cell) -> TreePage:
    """Return the tree that *cell* shows, once its first rows are there."""
    tree = TreePage(cell.area.locator(".cl-live"))
    expect(tree.grid, "the cell shows a tree").to_be_visible()
    return tree
