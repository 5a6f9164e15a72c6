"""The demo in JupyterLab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.lab import Lab


def test_the_demo_stands_beside_the_notebook(lab: Lab) -> None:
    """%cl_demo opens its live tree in a panel beside the notebook, and says in the cell how to end it, which closes the panel."""
    notebook = lab.open()
    cell = notebook.run("%load_ext cl_notebook\n%cl_demo")
    tree = lab.page.get_by_role("treegrid")
    expect(tree.get_by_text("db-test", exact=True)).to_be_visible()
    expect(cell.area.get_by_text("%cl_demo --end")).to_be_visible()
    expect(cell.area.get_by_role("treegrid")).to_have_count(0)
    assert "The demo is over" in notebook.run("%cl_demo --end").text
    expect(lab.page.get_by_role("tab", name="Block storage")).to_have_count(0)
