"""The live tree in a real JupyterLab: against ipytree, and at a million volumes."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from tests.benchmarks.big_stores import fill_volumes
from tests.browser import browsers
from tests.browser.lab import Lab
from tests.browser.server import serving
from tests.browser.treegrid import ROW, TreePage
from tests.browser.workspace import setup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.comparing import Comparison
    from tests.browser.lab import Notebook

SMALL, LARGE = 1_000, 1_000_000
ROUNDS = 5
FEW = 2
SCREEN = 12
"""Rows that have to be seen before a tree counts as there."""

PAGE_FLIPS = 20
OURS = f".cl-live {ROW}:not([aria-busy])"
THEIRS = ".jstree-anchor"
MAKE_OURS = "tree = cl.tree(); tree"
MAKE_SAME = """
theirs = ipytree.Tree()
theirs.add_node(ipytree.Node("sim", nodes=[ipytree.Node(name) for name in names * 20]))
theirs
"""
"""The tree that ours shows: one backend with its volumes."""

MAKE_KIND = """
theirs = ipytree.Tree()
for number in range(20):
    theirs.add_node(ipytree.Node(f"sim-{number}", nodes=[ipytree.Node(name) for name in names]))
theirs
"""
"""As many nodes under twenty parents, which suits ipytree better."""

PLAIN = ".cl-plain"
MAKE_PLAIN = "from IPython.display import HTML; HTML('<b class=cl-plain>row</b>' * 20)"
"""What any output takes."""

NAMES = """
import ipytree
names = [f"vol-{number}" for number in range(49)]
ipytree.Tree(nodes=[ipytree.Node("first")])
"""

_OPEN = """async ([path, number, selector, least]) => {
    const content = bed.panel(path).content;
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const shown = () => [...content.widgets[number].node.querySelectorAll(selector)].filter((row) => row.getClientRects().length);
    const begun = performance.now();
    bed.run(path, number);
    while (shown().length < least && performance.now() - begun < 60000) await frame();
    await frame();
    const seen = performance.now() - begun;
    return seen / 1000;
}"""
"""Run a cell; return the seconds until its rows have been painted."""

_FRAMES = """async (scroller) => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    scroller.scrollTop = 0;
    for (let n = 0; n < 10; n++) await frame();
    const begun = await frame();
    let [now, frames, way] = [begun, 0, 12];
    while (now - begun < 2000) {
        if (scroller.scrollTop > 1200) way = -12;
        if (scroller.scrollTop <= 0) way = 12;
        scroller.scrollTop += way;
        now = await frame();
        frames++;
    }
    return frames / ((now - begun) / 1000);
}"""
"""Scroll up and down among rows that are there; return the frames a second."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Give JupyterLab in a browser."""
    lacking = browsers.missing()
    if lacking:
        pytest.fail(f"the tree is measured with {lacking}", pytrace=False)
    with serving(tmp_path_factory.mktemp("lab")) as server, browsers.browsing("--enable-precise-memory-info") as browser:
        lab = Lab(browser, server)
        yield lab
        lab.close()


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Return stores with as many volumes, on one backend."""
    files = {}
    for volumes in (SMALL, LARGE):
        files[volumes] = tmp_path_factory.mktemp("stores") / f"{volumes}.db"
        with cl.Session(files[volumes]) as session:
            fill_volumes(session.store, volumes=volumes, path=str(files[volumes].parent / "sim"))
    return files


@pytest.fixture
def notebook(lab: Lab) -> Iterator[Notebook]:
    """Give a new notebook with a new kernel."""
    yield lab.open()
    lab.tidy()


def bench_first_rows(lab: Lab, stores: dict[int, Path], compare: Comparison) -> None:
    """From running the cell to seeing a screen full of rows: ipytree on a thousand nodes, ours on a thousand and a million."""
    same, kind = (_ipytree(lab, source) for source in (MAKE_SAME, MAKE_KIND))
    spent: dict[str, list[float]] = {"small": [], "large": [], "plain": []}
    notebook = lab.open()
    for _ in range(ROUNDS + 1):
        spent["plain"].append(_open(notebook, MAKE_PLAIN, PLAIN))
        for name, volumes in (("small", SMALL), ("large", LARGE)):
            notebook.run(setup(stores[volumes]))
            spent[name].append(_open(notebook, MAKE_OURS, OURS))
            _remove(notebook, "tree.close()")
    lab.tidy()
    small, large, plain = (statistics.median(found[1:]) for found in spent.values())
    compare.note("first rows seen, 1,000 nodes", small, "ipytree, the same tree", same, 1 / 20)
    compare.note("first rows seen, 1,000 nodes", small, "ipytree, twenty parents", kind, None)
    compare.note("first rows seen, 1,000 nodes", small, "any output of a cell", plain, None)
    compare.note("first rows seen, 1,000,000 volumes", large, "cl_notebook, 1,000", small, 3)
    compare.figure("first rows seen, 1,000,000 volumes", [found * 1000 for found in spent["large"][1:]], "ms", most=500)
    compare.figure("first rows seen, first tree of a kernel and a page", [spent["small"][0] * 1000], "ms")


def _ipytree(lab: Lab, source: str) -> float:
    spent = []
    for _ in range(FEW + 1):  # the first one loads what it needs
        notebook = lab.open()  # of its own: so many messages at once leave a kernel's outputs incomplete
        notebook.run(NAMES)
        spent.append(_open(notebook, source, THEIRS))
        lab.tidy()
    return statistics.median(spent[1:])


def bench_messages(notebook: Notebook, stores: dict[int, Path], compare: Comparison) -> None:
    """Messages of the widget's comm, both ways, until a second after its rows were seen."""
    notebook.run(setup(stores[LARGE]))
    counts, sizes = [], []
    for _ in range(ROUNDS):
        notebook.lab.traffic.clear()
        _open(notebook, MAKE_OURS, OURS)
        notebook.page.wait_for_timeout(1000)
        comms = notebook.lab.traffic.comms()
        counts.append(len(comms))
        sizes.append(sum(message.size for message in comms) / 1000)
        _remove(notebook, "tree.close()")
    compare.figure("messages to open a tree on 1,000,000 volumes", counts, "messages", most=10)
    compare.figure("bytes to open a tree on 1,000,000 volumes", sizes, "kB", most=64)


def bench_scrolling(notebook: Notebook, stores: dict[int, Path], compare: Comparison) -> None:
    """Pages anywhere among a million rows, frames among rows that are there, and the memory of browser and kernel."""
    notebook.run(setup(stores[LARGE]))
    pid = int(notebook.run("import os; os.getpid()").text)
    kernel_before, heap_before = _memory(pid), _heap(notebook)
    _open(notebook, MAKE_OURS, OURS)
    tree = TreePage(notebook.page.locator(".cl-live"))
    flips = [tree.flip((number * 7 % PAGE_FLIPS + 0.5) / PAGE_FLIPS) for number in range(PAGE_FLIPS)]
    compare.figure("a page of 1,000,000 rows, from scroll to paint", flips, "ms", most=100)
    compare.figure("the slowest of these pages", [max(flips)], "ms")
    frames = [float(tree.scroller.evaluate(_FRAMES)) for _ in range(ROUNDS)]
    compare.figure("frames while scrolling inside loaded rows", frames, "frames/s", least=59)
    compare.figure("browser heap, a tree on 1,000,000 volumes", [_heap(notebook) - heap_before], "MB", most=10)
    compare.figure("kernel memory, a tree on 1,000,000 volumes", [_memory(pid) - kernel_before], "MB", most=30)


def _open(notebook: Notebook, source: str, selector: str) -> float:
    number: int = notebook.page.evaluate("([path, source]) => bed.add(path, source)", [notebook.name, source])
    return float(notebook.page.evaluate(_OPEN, [notebook.name, number, selector, SCREEN]))


def _remove(notebook: Notebook, source: str) -> None:
    """Leave nothing of a tree, in the kernel or in the browser, that the next one would have to carry."""
    notebook.wait_idle()
    notebook.clear()
    notebook.run(source)


def _heap(notebook: Notebook) -> float:
    tools = notebook.page.context.new_cdp_session(notebook.page)
    tools.send("HeapProfiler.collectGarbage")
    used = float(tools.send("Runtime.getHeapUsage")["usedSize"])
    tools.detach()
    return used / 1e6


def _memory(pid: int) -> float:
    """Return the resident memory of a process, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1000
