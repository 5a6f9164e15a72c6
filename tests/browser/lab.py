"""JupyterLab in a browser: opens notebooks, runs cells, reads what they put out, and keeps an eye on the console."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from playwright.sync_api import expect

from tests.browser.browsers import SIZE
from tests.browser.traffic import Traffic

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request

    from tests.browser.server import Server

SECONDS = 30
"""How long anything may take before it counts as not happening: only a failing test waits for so long."""

HARMLESS = {
    "Could not restore the debugger state": "the debugger asks a new kernel what it can; a short test ends the kernel before",
    "Per comm-target subshell creation failed: Error: Canceled future": "likewise: a subshell of a kernel that has ended",
    "Error: widget model not found": "JupyterLab's words on a widget whose kernel is gone, in a notebook that is opened again",
}
"""Errors on the console that are not ours: what they begin with, and why they are let pass."""

SHOTS = os.environ.get("CL_NOTEBOOK_SHOTS")

_BED = """window.bed = {
    panel: (path) => [...jupyterapp.shell.widgets("main")].find((widget) => widget.context?.path === path),
    kernel: (path) => bed.panel(path).sessionContext.session?.kernel,
    async open(path) {
        const panel = await jupyterapp.commands.execute("docmanager:open", {path});
        await panel.context.ready;
        await panel.sessionContext.ready;
    },
    async close(path) {
        const panel = bed.panel(path);
        await panel.sessionContext.shutdown();
        for (const widget of [...jupyterapp.shell.widgets("main")]) if (widget !== panel) widget.dispose();
        panel.dispose();
    },
    add(path, source) {
        const content = bed.panel(path).content;
        content.model.sharedModel.addCell({cell_type: "code", source});
        return content.widgets.length - 1;
    },
    async run(path, number) {
        const panel = bed.panel(path);
        jupyterapp.shell.activateById(panel.id);
        panel.content.deselectAll();
        panel.content.activeCellIndex = number;
        await jupyterapp.commands.execute("notebook:run-cell");
    },
    clear: (path) => bed.panel(path).content.model.sharedModel.deleteCellRange(0, bed.panel(path).content.widgets.length),
    outputs: (path, number) => bed.panel(path).content.widgets[number].model.outputs.toJSON(),
};"""


class Lab:
    """A page with JupyterLab in it; one notebook after the other is opened there."""

    def __init__(self, browser: Browser, server: Server) -> None:
        """Load JupyterLab."""
        self.server = server
        self.page: Page = browser.new_page(viewport={"width": SIZE["width"], "height": SIZE["height"]})
        self.page.set_default_timeout(SECONDS * 1000)
        expect.set_options(timeout=SECONDS / 2 * 1000)
        self.traffic = Traffic(self.page)
        self._errors: list[str] = []
        self.page.on("console", self._hear_console)
        self.page.on("pageerror", lambda thrown: self._hear(f"{thrown.name}: {thrown.message}\n{thrown.stack}"))
        self.page.on("request", self._see_request)
        self.page.goto(f"{server.url}lab?reset", wait_until="commit")
        self.page.wait_for_function("window.jupyterapp !== undefined", timeout=2 * SECONDS * 1000)
        self.page.evaluate("jupyterapp.restored.then(() => null)")
        self.page.evaluate(_BED)
        self.notebook: Notebook | None = None
        self._number = 0

    def open(self, *sources: str, name: str | None = None) -> Notebook:
        """Open a new notebook with *sources* as its cells, or the one that was saved as *name*, with a kernel."""
        self._number += 1
        if name is None:
            name = f"notebook-{self._number}.ipynb"
            self.server.write(name, [new_cell(number, source) for number, source in enumerate(sources)])
        self.page.evaluate("path => bed.open(path)", name)
        self.notebook = Notebook(self, name)
        return self.notebook

    def theme(self, theme: Literal["Light", "Dark"]) -> None:
        """Switch to the light theme or the dark one."""
        self.page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", f"JupyterLab {theme}")
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-light", "true" if theme == "Light" else "false")

    def dismiss_dialog(self) -> None:
        """Wait for a dialog of JupyterLab's, such as the one on a dead kernel, and close it."""
        dialog = self.page.locator(".jp-Dialog")
        expect(dialog).to_be_visible()
        dialog.locator("button.jp-mod-accept").click()
        expect(dialog).to_have_count(0)

    def tidy(self) -> list[str]:
        """Close the notebook, end its kernel, and return the errors that were on the console since the last time."""
        if self.notebook is not None:
            self.notebook.close()
        errors, self._errors = self._errors, []
        self.traffic.clear()
        return errors

    def close(self) -> None:
        """Close the page."""
        self.page.context.close()

    def _hear_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._hear(f"{message.text} ({message.location.get('url')})")

    def _hear(self, error: str) -> None:
        if not error.startswith(tuple(HARMLESS)):
            self._errors.append(error)

    def _see_request(self, request: Request) -> None:
        if not request.url.startswith((self.server.url, "data:", "blob:", self.server.url.replace("http", "ws"))):
            self._errors.append(f"asked for {request.url}")


class Notebook:
    """An open notebook."""

    def __init__(self, lab: Lab, name: str) -> None:
        """Handle the notebook *name*, which is open in *lab*."""
        self.lab = lab
        self.page = lab.page
        self.name = name

    def run(self, source: str, *, wait: bool = True, may_fail: bool = False) -> Cell:
        """Add a cell at the end and run it; an error in it is an error here."""
        number: int = self.page.evaluate("([path, source]) => bed.add(path, source)", [self.name, source])
        return self.run_cell(number, wait=wait, may_fail=may_fail)

    def run_cell(self, number: int, *, wait: bool = True, may_fail: bool = False) -> Cell:
        """Run the cell that is there already."""
        running = "([path, number]) => { const done = bed.run(path, number); return %s; }"
        self.page.evaluate(running % ("done" if wait else "null"), [self.name, number])
        cell = Cell(self, number)
        if wait and not may_fail:
            cell.check()
        return cell

    def clear(self) -> None:
        """Remove all cells, and what they show; the kernel keeps what they made."""
        self.page.evaluate("path => bed.clear(path)", self.name)

    def wait_idle(self) -> None:
        """Wait until the kernel has nothing to do."""
        self.page.wait_for_function("path => bed.kernel(path)?.status === 'idle'", arg=self.name)

    def save(self) -> None:
        """Save it."""
        self.page.evaluate("path => bed.panel(path).context.save()", self.name)

    def restart(self) -> None:
        """Restart the kernel, as the menu does after its question."""
        self.page.evaluate("path => bed.kernel(path).restart()", self.name)

    def interrupt(self) -> None:
        """Interrupt the kernel."""
        self.page.evaluate("path => bed.kernel(path).interrupt()", self.name)

    def shut_down(self) -> None:
        """End the kernel."""
        self.page.evaluate("path => bed.panel(path).sessionContext.shutdown()", self.name)

    def close(self) -> None:
        """Close it and end its kernel; what was not saved is lost."""
        self.lab.notebook = None
        if self.page.evaluate("path => bed.panel(path) !== undefined", self.name):
            self.page.evaluate("path => bed.close(path)", self.name)

    @property
    def cells(self) -> int:
        """The number of cells: a key that leaks from a widget into the notebook would often add one."""
        count: int = self.page.evaluate("path => bed.panel(path).content.widgets.length", self.name)
        return count


class Cell:
    """A cell of a notebook, and what it put out."""

    def __init__(self, notebook: Notebook, number: int) -> None:
        """Handle cell *number*."""
        self.notebook = notebook
        self.number = number

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """The outputs as they would be saved."""
        found: list[dict[str, Any]] = self.notebook.page.evaluate(
            "([path, number]) => bed.outputs(path, number)", [self.notebook.name, self.number]
        )
        return found

    @property
    def text(self) -> str:
        """What it printed, and its last value as text."""
        return "".join(_text(output) for output in self.outputs)

    @property
    def area(self) -> Locator:
        """Where the outputs are shown."""
        return self.notebook.page.locator(
            f".jp-NotebookPanel .jp-Cell[data-windowed-list-index='{self.number}'] .jp-OutputArea"
        ).first

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        notebook = self.notebook
        prompt = "([path, number]) => bed.panel(path).content.widgets[number].node.querySelector('.jp-InputPrompt').textContent"
        return "*" in str(notebook.page.evaluate(prompt, [notebook.name, self.number]))

    def check(self) -> None:
        """Fail if the cell did."""
        failed = [output for output in self.outputs if output["output_type"] == "error"]
        if failed:
            trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(failed[0]["traceback"]))
            msg = f"cell {self.number} failed:\n{trace}"
            raise AssertionError(msg)


def shot(part: Page | Locator, name: str) -> None:
    """Take a screenshot into the folder ``CL_NOTEBOOK_SHOTS``, if there is one: for people to look at."""
    if SHOTS:
        part.screenshot(path=Path(SHOTS) / f"{name}.png", animations="disabled")


def new_cell(number: int, source: str) -> dict[str, Any]:
    """Return a cell as it stands in the file of a notebook."""
    empty: dict[str, Any] = {"metadata": {}, "outputs": [], "execution_count": None}
    return {"cell_type": "code", "id": f"cell-{number}", "source": source, **empty}


def _text(output: dict[str, Any]) -> str:
    found = output["text"] if "text" in output else output.get("data", {}).get("text/plain", "")
    return found if isinstance(found, str) else "".join(found)
