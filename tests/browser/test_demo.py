"""The demo in JupyterLab, and the tree of an empty store, which names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.browsers import axe
from tests.browser.treegrid import tree_of

if TYPE_CHECKING:
    from tests.browser.lab import Lab


_IN_THEIR_CELLS = """(bars) => bars.map((bar) => {
    const [inner, outer] = [bar.getBoundingClientRect(), bar.closest("td").getBoundingClientRect()];
    return inner.top >= outer.top && inner.bottom <= outer.bottom && inner.height > 5;
})"""


def test_the_demo_stands_beside_the_notebook(lab: Lab) -> None:
    """%cl_demo opens its live tree in a panel beside the notebook, and says in the cell how to end it, which closes the panel."""
    notebook = lab.open()
    cell = notebook.run("%load_ext cl_notebook\n%cl_demo")
    tree = lab.page.get_by_role("treegrid")
    expect(tree.get_by_text("db-test", exact=True)).to_be_visible()
    expect(cell.area.get_by_text("%cl_demo --end")).to_be_visible()
    expect(cell.area.get_by_role("treegrid")).to_have_count(0)
    bars = notebook.run("%cl_status").area.get_by_role("img", name="% used")
    expect(bars).to_have_count(2)
    assert all(bars.evaluate_all(_IN_THEIR_CELLS)), "the style sheet of the tree moves the bars of the status"
    assert "The demo is over" in notebook.run("%cl_demo --end").text
    expect(lab.page.get_by_role("tab", name="Block storage")).to_have_count(0)


def test_an_empty_tree_has_buttons_that_run_a_line(lab: Lab) -> None:
    """The tree of an empty store has three ways to begin; a click runs the demo, which it shows to its end, or adds a folder."""
    notebook = lab.open()
    tree = tree_of(notebook.run("%load_ext cl_notebook\nimport cl_notebook as cl\ncl.setup('memory')\ncl.tree()"))
    buttons = tree.root.get_by_role("button", name="%cl_")
    expect(buttons).to_have_count(3)
    assert axe(tree.root) == []
    buttons.first.click()
    expect(tree.row("db-test")).to_be_visible()
    expect(tree.root.locator(".cl-banner")).to_contain_text("%cl_demo --end")
    tree.focus("db-test")
    tree.press("?")
    keys = tree.root.get_by_role("dialog", name="Keys of the tree")
    expect(keys.get_by_text("show the details")).to_be_visible()
    assert axe(keys) == []
    tree.press("Escape")
    expect(keys).to_have_count(0)
    tree.expect_focus("db-test")
    notebook.run("%cl_demo --end")
    expect(buttons).to_have_count(3)
    buttons.nth(1).click()
    expect(tree.row("lab")).to_be_visible()
    assert notebook.run("list(cl.Backend.backends)").text == "['lab']"
