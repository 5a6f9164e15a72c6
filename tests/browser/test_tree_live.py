"""The tree follows the store, whatever the kernel does, and says so when it cannot."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.lab import SECONDS, shot
from tests.browser.treegrid import tree_of
from tests.browser.workspace import setup

if TYPE_CHECKING:
    from tests.browser.workspace import Desk

LOST = re.compile(r"not live since \d")


def test_changes_of_another_process_appear(desk: Desk) -> None:
    """What another process makes, changes and deletes appears by itself."""
    desk.stock()
    tree = desk.tree()
    later = desk.sim.create_volume(1, name="later")
    tree.expect_names("sim", "db", "logs", "web", "later")
    later.extend(7)
    expect(tree.row("later")).to_contain_text("7 GiB")
    later.name = "renamed"
    later.save()
    expect(tree.row("renamed")).to_be_visible()
    later.create_snapshot(name="one")
    expect(tree.row("renamed")).to_have_attribute("aria-expanded", "false")
    later.delete(cascade=True)
    tree.expect_names("sim", "db", "logs", "web")


def test_changes_leave_the_reader_alone(desk: Desk) -> None:
    """What appears above neither moves the rows in sight nor takes focus, selection or open branches."""
    for number in range(60):
        desk.sim.create_volume(1, name=f"n{number:02}")
    desk.session.find("n40").create_snapshot(name="mine")
    tree = desk.tree("tree = cl.tree()\ntree.sort = 'name'\ntree")
    tree.focus("n00")
    tree.press(*["ArrowDown"] * 40)
    tree.expect_focus("n40")
    tree.press("ArrowRight")
    expect(tree.row("mine")).to_be_visible()
    tree.focus("n40")
    tree.expect_selected("n40")
    tree.press("Control+ArrowDown")
    tree.expect_focus("mine")
    place = tree.place("n40")
    for name in ("a1", "a2", "n00b"):
        desk.sim.create_volume(1, name=name)
    desk.session.find("n41").delete()
    expect(tree.row("n41")).to_have_count(0)
    expect(tree.grid).to_have_attribute("aria-rowcount", "65")
    tree.expect_focus("mine")
    assert tree.selected() == ["n40"], "the selection"
    assert abs(tree.place("n40") - place) <= 1, "the row that was looked at has moved"


def test_answers_while_a_cell_runs(desk: Desk) -> None:
    """While a cell runs, branches open, the filter filters, and what others change appears."""
    desk.stock()
    tree = desk.tree()
    tree.wait_live()
    cell = desk.notebook.run("import time\nfor _ in range(120):\n    time.sleep(0.5)", wait=False)
    tree.open("db")
    expect(tree.row("before")).to_be_visible()
    tree.filter.fill("web")
    tree.expect_names("sim", "web")
    tree.filter.fill("")
    desk.sim.create_volume(1, name="later")
    expect(tree.row("later")).to_be_visible()
    tree.filter.fill("logs")  # also once the kernel has said something by itself
    tree.expect_names("sim", "logs")
    assert cell.is_running, "the cell ended before the tree had answered"
    desk.notebook.interrupt()
    desk.notebook.wait_idle()


def test_a_restarted_kernel(desk: Desk) -> None:
    """After a restart of its kernel the tree says since when it is not live, and stays readable."""
    desk.stock()
    tree = desk.tree()
    tree.open("db")
    expect(tree.row("before")).to_be_visible()
    desk.notebook.restart()
    expect(tree.root.get_by_text(LOST).first).to_be_visible(timeout=2 * SECONDS * 1000)
    for name in ("sim", "db", "before", "web"):
        expect(tree.row(name), "what was shown is still shown").to_be_visible()
    tree.focus("web")
    tree.press("ArrowUp", "ArrowUp")
    shot(tree.root, "lost")
    again = desk.notebook
    again.wait_idle()
    again.run(setup(desk.file))
    new = tree_of(again.run("cl.tree()"))
    new.expect_names("sim", "db", "before", "after", "node1", "logs", "old", "web")


def test_a_killed_kernel(desk: Desk) -> None:
    """The tree of a kernel that was killed says since when it is not live, and stays readable."""
    desk.stock()
    tree = desk.tree()
    pid = int(desk.notebook.run("import os; os.getpid()").text)
    os.kill(pid, signal.SIGKILL)
    desk.lab.dismiss_dialog()
    expect(tree.root.get_by_text(LOST).first).to_be_visible(timeout=2 * SECONDS * 1000)
    expect(tree.row("web")).to_be_visible()


def test_two_trees_on_one_store(desk: Desk) -> None:
    """Two trees in one notebook follow the same store, each with a filter, open branches and a selection of its own."""
    desk.stock()
    one = desk.tree("one = cl.tree()\none.opened = [sim.id]\none")
    two = desk.tree("two = cl.tree()\ntwo.opened = [sim.id]\ntwo")
    one.filter.fill("web")
    one.expect_names("sim", "web")
    two.expect_names("sim", "db", "logs", "web")
    two.focus("db")
    two.expect_selected("db")
    assert one.selected() == []
    desk.sim.create_volume(1, name="web2")
    one.expect_names("sim", "web", "web2")
    two.expect_names("sim", "db", "logs", "web", "web2")


def test_one_tree_shown_twice(desk: Desk) -> None:
    """A tree that is shown in two cells is one: its filter and its selection are the same in both."""
    desk.stock()
    one = desk.tree()
    two = desk.tree("tree")
    one.filter.fill("web")
    one.expect_names("sim", "web")
    two.expect_names("sim", "web")
    expect(two.filter).to_have_value("web")
    one.focus("web")
    two.expect_selected("web")


def test_a_store_out_of_reach(desk: Desk) -> None:
    """While the store cannot be reached the tree says so and stays readable; when it is back the tree follows it again."""
    desk.stock()
    tree = desk.tree()
    away = desk.file.rename(desk.file.with_name("away.db"))
    banner = tree.root.locator(".cl-banner")
    expect(banner, "a banner that says that the store cannot be reached").to_contain_text("not there any more")
    expect(banner).to_be_visible()
    for name in ("sim", "db", "web"):
        expect(tree.row(name), "what was shown is still shown").to_be_visible()
    shot(tree.root, "unreachable")
    away.rename(desk.file)
    expect(banner).to_be_hidden()
    desk.sim.create_volume(1, name="later")
    expect(tree.row("later"), "the tree follows the store again").to_be_visible()


def test_nonsense_from_the_front_end(desk: Desk) -> None:
    """Messages that make no sense are ignored: nothing runs, nothing breaks, the tree goes on."""
    desk.stock()
    tree = desk.tree()
    desk.lab.page.evaluate(_NONSENSE, desk.notebook.name)
    desk.sim.create_volume(1, name="later")
    expect(tree.row("later")).to_be_visible()
    assert desk.notebook.run("tree.filter, tree.selected").text == "('', [])"


_NONSENSE = """async (path) => {
    const kernel = bed.kernel(path);
    const {content} = await kernel.requestCommInfo({target_name: "jupyter.widget"});
    const nonsense = [
        null, 7, "rm -rf /", [], {}, {do: "act"}, {id: {}, do: []},
        {id: 1, do: "act", act: "__import__('os').abort()", ids: ["x"], values: {}},
        {id: -1, do: "rows", start: -5, count: 1e9},
        {id: 1, do: "rows", start: 0, count: 100000},
        {id: 2, do: "select", ids: 5},
    ];
    for (const comm_id of Object.keys(content.comms)) {
        for (const content of nonsense) {
            const msg_id = crypto.randomUUID();
            const header = {msg_id, msg_type: "comm_msg", session: kernel.clientId, version: "5.2", username: "", date: ""};
            const message = {header, parent_header: {}, metadata: {}, channel: "shell", buffers: []};
            kernel.sendShellMessage({...message, content: {comm_id, data: {method: "custom", content}}}, false, true);
        }
    }
}"""
