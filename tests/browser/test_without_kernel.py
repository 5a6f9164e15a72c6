"""Where there is no kernel: notebooks that were saved, opened again, converted; and front ends beside JupyterLab."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.browsers import axe
from tests.browser.lab import SECONDS, new_cell, shot
from tests.browser.treegrid import TreePage
from tests.browser.workspace import setup

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.browser.lab import Notebook
    from tests.browser.workspace import Desk

LOST = "Error displaying widget: model not found"
"""What JupyterLab says in the place of a widget that is not there any more."""


def _saved(desk: Desk) -> Notebook:
    desk.stock()
    tree = desk.tree()
    expect(tree.row("web")).to_be_visible()
    desk.notebook.save()
    return desk.notebook


def test_a_saved_notebook_opened_again_shows_the_tree(desk: Desk) -> None:
    """A notebook that is opened again with a new kernel shows its tree as it was, and not only that a widget is missing."""
    notebook = _saved(desk)
    notebook.close()
    again = desk.lab.open(name=notebook.name)
    page = desk.lab.page.locator(".jp-NotebookPanel")
    for name in ("db", "logs", "web"):
        expect(
            page.get_by_text(name, exact=True).locator("visible=true").first, f"{name} is shown without a kernel"
        ).to_be_visible()
    shot(page, "reopened")
    again.wait_idle()


def test_nbconvert_shows_the_tree(desk: Desk, browser: Browser, tmp_path: Path) -> None:
    """A saved notebook that nbconvert makes a page of shows the tree, with no script run and nothing loaded from anywhere."""
    notebook = _saved(desk)
    file = desk.lab.server.root / notebook.name
    command = [
        sys.executable,
        "-m",
        "nbconvert",
        "--to",
        "html",
        "--log-level",
        "ERROR",
        "--output-dir",
        str(tmp_path),
        str(file),
    ]
    subprocess.run(command, check=True)
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto((tmp_path / notebook.name).with_suffix(".html").as_uri())
    for name in ("db", "logs", "web", "before"):
        expect(page.get_by_text(name, exact=True).first, f"{name} is in the page").to_be_attached()
    expect(page.get_by_text("web", exact=True).first).to_be_visible()
    shot(page, "nbconvert")
    context.close()


def test_the_tree_s_text_is_kept_in_the_notebook(desk: Desk) -> None:
    """What a terminal or a viewer without HTML shows of a saved notebook is the tree as text."""
    notebook = _saved(desk)
    outputs = [output for cell in desk.lab.server.read(notebook.name)["cells"] for output in cell["outputs"]]
    text = "".join("".join(output.get("data", {}).get("text/plain", "")) for output in outputs)
    assert {"sim", "db", "before", "web"} <= set(text.replace("'", " ").split()), f"the notebook keeps {text!r}"
    assert " object at 0x" not in text


def test_beside_the_notebook(desk: Desk) -> None:
    """`%cl_tree --side` and `--panel` open a live tree in a panel, from which a click puts a line into the notebook."""
    desk.stock()
    page, notebook = desk.lab.page, desk.notebook
    notebook.run("%cl_tree --side -v side")
    tree = TreePage(page.locator("#jp-main-dock-panel > .cl-panel .cl-live"))
    expect(tree.row("web"), "a tree stands beside the notebook").to_be_visible()
    assert page.locator(".jp-NotebookPanel .cl-live").count() == 0, "the tree is in the notebook, too"
    _wait_for_width(tree, 550)
    desk.sim.create_volume(1, name="later")
    expect(tree.row("later")).to_be_visible()
    shot(page, "side")
    box = page.locator(".jp-NotebookPanel").bounding_box()
    notebook.run("%cl_tree --side -v second")
    expect(page.locator("#jp-main-dock-panel > .cl-panel"), "a second tree is a tab beside the first").to_have_count(2)
    expect(page.locator("#jp-main-dock-panel > .cl-panel:visible")).to_have_count(1)
    assert page.locator(".jp-NotebookPanel").bounding_box() == box, "the notebook keeps its width"
    notebook.run("second.close()")
    expect(page.locator("#jp-main-dock-panel > .cl-panel")).to_have_count(1)
    notebook.run("side.close()")
    expect(tree.grid).to_have_count(0)
    notebook.run("%cl_tree --panel")
    cell = notebook.run("%cl_tree --panel")
    tree = TreePage(page.locator("#jp-left-stack .cl-live"))
    expect(tree.row("web"), "one tree stands at the left side").to_be_visible()
    _wait_for_width(tree, 400)
    tree.row("web").hover()
    tree.row("web").get_by_role("button", name="Put the line").click()
    last = page.locator(".jp-NotebookPanel .jp-Cell").last
    expect(last.locator(".cm-content"), "the line is in a new cell").to_have_text("%cl_volume show web")
    assert axe(page.locator(".cl-panel")) == []
    shot(page, "panel")
    page.locator(".cl-panel").get_by_role("button", name="Close the panel").click()
    expect(tree.grid).to_have_count(0)
    cell.area.get_by_role("button", name="Show it").click()
    expect(tree.row("web"), "it can be opened again").to_be_visible()
    page.locator(".cl-panel").get_by_role("button", name="Close the panel").click()


def test_where_there_is_no_panel(desk: Desk) -> None:
    """Without the extension of JupyterLab the tree stands below its cell, and one line says why."""
    desk.stock()
    desk.lab.page.evaluate(_WITHOUT_EXTENSION, arg=True)
    cell = desk.notebook.run("%cl_tree --panel")
    expect(cell.area.get_by_role("note")).to_contain_text("There is no panel for the tree here")
    expect(TreePage(cell.area.locator(".cl-live")).row("web")).to_be_visible()
    desk.lab.page.evaluate(_WITHOUT_EXTENSION, arg=False)


def _wait_for_width(tree: TreePage, least: int) -> None:
    wide = "([node, least]) => node.offsetWidth >= least"
    tree.page.wait_for_function(wide, arg=[tree.root.element_handle(), least])


def test_notebook_7(desk: Desk, browser: Browser) -> None:
    """Notebook 7 shows the tree, which has its keys and follows the store."""
    desk.stock()
    server = desk.lab.server
    server.write("seven.ipynb", [new_cell(0, f"{setup(desk.file)}\ncl.tree()")])
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(error.message))
    page.goto(f"{server.url}notebooks/seven.ipynb", wait_until="commit")
    page.wait_for_function(_IDLE, timeout=2 * SECONDS * 1000)
    page.evaluate("jupyterapp.commands.execute('notebook:run-cell')")
    tree = TreePage(page.locator(".cl-live"))
    expect(tree.row("web")).to_be_visible()
    tree.open("db")
    expect(tree.row("before")).to_be_visible()
    tree.press("ArrowDown")
    tree.expect_focus("before")
    tree.press("a", "b", "x")
    assert page.locator(".jp-Notebook .jp-Cell").count() == 1, "a key was taken by the notebook"
    desk.sim.create_volume(1, name="later")
    expect(tree.row("later")).to_be_visible()
    shot(page, "notebook-7")
    context.close()
    server.close_sessions()
    assert [error for error in errors if error != _ITS_OWN] == []


_WITHOUT_EXTENSION = """(isWithout) => {
    const name = Symbol.for("cl_notebook.lab");
    if (isWithout) window.savedLab = globalThis[name];
    Object.defineProperty(globalThis, name, {value: isWithout ? undefined : window.savedLab, configurable: true});
}"""
_IDLE = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
_ITS_OWN = "Cannot read properties of undefined (reading 'schema')"
"""What Notebook 7.6 says of its own shortcuts when it starts."""
