"""The pictures in the README and in the pages show what JupyterLab shows; `make pictures` draws those that do not."""

from __future__ import annotations

import base64
import difflib
import io
import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PIL import Image, PngImagePlugin
from playwright.sync_api import expect

from tests.browser.browsers import SIZE
from tests.browser.treegrid import TreePage

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect, Locator

    from tests.browser.lab import Cell, Lab, Notebook

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"

DRAWS = "CL_NOTEBOOK_PICTURES" in os.environ
"""Whether a picture that is missing, or shows something else than the page, is drawn again."""

THEMES: dict[str, Literal["Light", "Dark"]] = {"": "Light", "-dark": "Dark"}
"""JupyterLab's themes, by what the file name of a picture ends with."""

CELLS = {
    "volumes": "%cl_volumes --sort name",
    "card": "cl.find('db')",
    "status": "%cl_status",
    "scan": "%cl_scan",
    "capacity": "%cl_plot capacity",
    "lineage": "%cl_plot lineage",
    "doctor": "%cl_doctor --protocol iscsi",
}
"""Cells whose pictures, by name, have the input and the output."""

SCALE = 2
"""Pixels of a picture for each pixel of the page: letters stay sharp on screens of high resolution."""

COLOURS = 160
"""Colours of a picture: enough for smooth letters in a small file."""

RECORD = "Description"
"""Keyword of the text that a picture shows, in its PNG file."""

CHANGING = (
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{8}\b"), "ID"),
    (re.compile(r"/\S*/cl_notebook-demo-\w+"), "DEMO"),
    (re.compile(r"(?<=--id )\d+"), "NUMBER"),  # the demo's two processes write their history at the same time
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "TIME"),
    (re.compile(r"\b\d+ (s|min)\b"), "AGE"),
    (re.compile(re.escape(socket.gethostname())), "HOST"),
)
"""What differs each time that a picture is drawn, and its placeholder in the text that is compared."""

_STYLE = """.jp-cell-toolbar, .jp-Collapser { visibility: hidden !important; }
.jp-Notebook .jp-Cell { border-color: transparent !important; box-shadow: none !important; }"""
"""Hides JupyterLab's marks of the cell that is active or below the mouse."""


def test_pictures_show_what_the_page_shows(lab: Lab) -> None:
    """Each picture has the size and the text of what is on the page now, and its dark twin has the same text."""
    page = lab.page
    style = page.add_style_tag(content=_STYLE)
    page.evaluate("jupyterapp.shell.collapseLeft()")
    page.set_viewport_size({"width": 1280, "height": 640})
    notebook = lab.open("%load_ext cl_notebook\nimport cl_notebook as cl\n%cl_demo")
    notebook.run_cell(0)
    stale = _stale_tree(notebook)
    page.set_viewport_size({"width": 1440, "height": 1000})
    panel = page.locator("#jp-main-dock-panel > .cl-panel")
    page.wait_for_function("node => node.offsetWidth > 700", arg=panel.element_handle())
    box = _box(panel)
    page.mouse.move(box["x"] - 3, 300)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 570, 300)
    page.mouse.up()
    page.wait_for_function("node => node.offsetWidth < 600", arg=panel.element_handle())
    for name, source in CELLS.items():
        stale += _stale_cell(name, notebook.run(source))
    cell = notebook.run("%cl_cleanup", wait=False)
    answer = page.locator(".jp-Stdin-input")
    expect(answer).to_be_visible()
    stale += _stale_cell("cleanup", cell)
    answer.press("Enter")
    notebook.wait_idle()
    notebook.run("%cl_demo --end")
    page.set_viewport_size({"width": SIZE["width"], "height": SIZE["height"]})
    page.evaluate("jupyterapp.shell.expandLeft()")
    style.evaluate("style => style.remove()")
    assert stale == [], "\n\n".join(["Pictures show something else than the page. `make pictures` draws them again.", *stale])


def _stale_tree(notebook: Notebook) -> list[str]:
    """Compare the picture of the tree beside a notebook."""
    page = notebook.page
    tree = TreePage(page.locator("#jp-main-dock-panel > .cl-panel .cl-live"))
    page.wait_for_function("node => node.offsetWidth > 600", arg=tree.root.element_handle())
    cell = notebook.run(CELLS["volumes"])
    tree.open("db")
    expect(tree.row("db1")).to_be_visible()
    tree.wait_live()
    names = "nodes => nodes.map(node => node.getAttribute('aria-label') ?? node.innerText.replace(/\\s+/g, ' ')).join(', ')"
    headings = [tree.root.get_by_role(role).evaluate_all(names) for role in ("button", "columnheader")]
    rows = tree.rows.evaluate_all(
        "rows => rows.sort((one, other) => one.getBoundingClientRect().top - other.getBoundingClientRect().top)"
        ".map(row => row.innerText.replace(/\\s+/g, ' '))"
    )
    return _stale("tree", page.locator("#jp-main-content-panel"), "\n".join([*headings, *rows, cell.area.inner_text()]))


def _stale_cell(name: str, cell: Cell) -> list[str]:
    """Compare the picture of a cell."""
    expect(cell.area.locator(".jp-OutputArea-output").first).to_be_visible()
    if name == "doctor":  # its other columns are those of this host
        text = "\n".join(sorted(cell.area.locator("td:first-child").all_inner_texts()))
    elif "%cl_plot" in CELLS.get(name, ""):
        expect(cell.area.locator("img")).to_be_visible()
        text = cell.text
    else:
        text = cell.area.inner_text()
    part = cell.area.locator("xpath=ancestor::*[contains(@class, 'jp-Cell ')]")
    # JupyterLab draws a chart of Mermaid's in the colours of the theme that it had when the cell ran
    return _stale(name, part, text, cell if name == "lineage" else None)


def _stale(name: str, part: Locator, text: str, run_again: Cell | None = None) -> list[str]:
    """Return how the pictures *name* differ from *part* of the page, nothing if they do not or were drawn again."""
    for pattern, placeholder in CHANGING:
        text = pattern.sub(placeholder, text)
    text = "\n".join(filter(None, map(str.strip, text.splitlines())))
    files = [FOLDER / f"{name}{ending}.png" for ending in THEMES]
    part.scroll_into_view_if_needed()
    differences = [difference for file in files if (difference := _difference(file, _box(part), text))]
    if not differences or not DRAWS:
        return differences
    for file, theme in zip(files, THEMES.values(), strict=True):
        part.page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", f"JupyterLab {theme}")
        if run_again is not None:
            run_again.notebook.run_cell(run_again.number)
        part.page.wait_for_timeout(1000)  # the style sheets of a theme are loaded after the theme is said to be there
        part.scroll_into_view_if_needed()
        _draw(part, text, file)
    part.page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", "JupyterLab Light")
    return []


def _difference(file: Path, box: FloatRect, text: str) -> str:
    if not file.exists():
        return f"{file.name} is missing."
    with Image.open(file) as image:
        recorded = str(image.info.get(RECORD, ""))
        width, height = image.width / SCALE, image.height / SCALE
    if recorded != text:
        return "\n".join(difflib.unified_diff(recorded.splitlines(), text.splitlines(), file.name, "the page", n=1, lineterm=""))
    # other fonts may break lines elsewhere
    if abs(width - box["width"]) > 2 or not 0.75 < height / box["height"] < 1.33:
        return f"{file.name} has {width:g} x {height:g} pixels, the page {box['width']:g} x {box['height']:g}."
    return ""


def _draw(part: Locator, text: str, file: Path) -> None:
    """Write a picture of *part* of the page that records its *text*."""
    devtools = part.page.context.new_cdp_session(part.page)
    shot = devtools.send("Page.captureScreenshot", {"clip": {**_box(part), "scale": SCALE}})
    devtools.detach()
    image = Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")
    record = PngImagePlugin.PngInfo()
    record.add_itxt(RECORD, text)
    file.parent.mkdir(exist_ok=True)
    image.quantize(COLOURS, kmeans=1, dither=Image.Dither.NONE).save(file, optimize=True, pnginfo=record)


def _box(part: Locator) -> FloatRect:
    box = part.bounding_box()
    assert box is not None
    return box
