"""References and acts: what is selected is used in the next cell, and what is done from the tree is really done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.browsers import axe
from tests.browser.lab import shot

if TYPE_CHECKING:
    from tests.browser.workspace import Desk


def test_the_selection_is_used_in_the_next_cell(desk: Desk) -> None:
    """Rows that are clicked, with Ctrl and with Shift, are live objects in the next cell, and Python selects rows, too."""
    desk.stock()
    tree = desk.tree()
    notebook = desk.notebook
    tree.focus("db")
    tree.expect_selected("db")
    assert notebook.run("tree.selection[0].name, type(tree.selection[0]).__name__").text == "('db', 'Volume')"
    tree.row("web").get_by_role("gridcell").first.click(modifiers=["Control"])
    tree.expect_selected("db", "web")
    assert notebook.run("[vol.name for vol in tree.selection]").text == "['db', 'web']"
    tree.focus("db")
    tree.row("web").get_by_role("gridcell").first.click(modifiers=["Shift"])
    tree.expect_selected("db", "logs", "web")
    assert notebook.run("list(tree.frame['name'])").text == "['db', 'logs', 'web']"
    notebook.run("tree.selected = [cl.find('logs').id]")
    tree.expect_selected("logs")
    assert notebook.run("tree.selection[0] is cl.find('logs')").text == "True"


def test_the_selection_is_observed(desk: Desk) -> None:
    """A function that observes `selected` hears of a click."""
    desk.stock()
    tree = desk.tree()
    desk.notebook.run("heard = []\ntree.observe(lambda change: heard.append(change['new']), 'selected')")
    tree.focus("web")
    tree.expect_selected("web")
    assert desk.notebook.run("heard[-1] == [cl.find('web').id]").text == "True"


def test_binds_to_a_variable(desk: Desk) -> None:
    """Binding offers a name, takes another one, and the variable holds the live object."""
    desk.stock()
    tree = desk.tree()
    tree.act("db", "Bind to a variable")
    box = tree.pane.get_by_label("Variable", exact=True)
    expect(box, "a name is offered").to_have_value("db")
    expect(box).to_be_focused()
    box.fill("found")
    expect(tree.pane.locator("code").filter(has_text="found"), "the line of magic that does the same").to_be_visible()
    tree.press("Enter")
    expect(tree.pane.locator(".cl-result")).to_contain_text("found")
    assert desk.notebook.run("found.name, found is cl.find('db')").text == "('db', True)"


def test_extends_from_the_pane(desk: Desk) -> None:
    """Enter opens the pane; its button asks for the size, shows the line of magic, extends, and says what came of it."""
    desk.stock()
    tree = desk.tree()
    tree.focus("web")
    tree.press("Enter")
    expect(tree.pane).to_be_visible()
    tree.pane.get_by_role("button", name="Extend").click()
    size = tree.pane.get_by_label("New size in GiB", exact=True)
    expect(size).to_have_value("31")
    size.fill("42")
    web = desk.session.find("web")
    line = tree.pane.locator("code").filter(has_text=re.compile(r"^%cl_volume extend .* 42$"))
    expect(line, "the line of magic that does the same").to_be_visible()
    written = line.inner_text()
    tree.pane.locator("form").get_by_role("button", name="Extend").click()
    expect(tree.pane.locator(".cl-result")).to_be_visible()
    expect(tree.row("web")).to_contain_text("42 GiB")
    web.refresh()
    assert web.size == 42
    desk.notebook.run(written.replace(" 42", " 50"))
    expect(tree.row("web"), "the line, run in a cell with another size").to_contain_text("50 GiB")
    expect(tree.pane.get_by_text("extend", exact=True).first, "the history in the pane").to_be_visible()
    shot(tree.root, "extended")


def test_makes_a_volume_a_snapshot_and_a_clone(desk: Desk) -> None:
    """What is made from the tree appears in it, and is there; what a line shows in a cell is shown in the pane."""
    tree = desk.tree()
    tree.act("sim", "Create a volume")
    tree.pane.get_by_label("Name", exact=True).fill("n")
    tree.pane.get_by_label("Count", exact=True).fill("2")
    tree.press("Enter")
    expect(tree.row("n-2")).to_be_visible()
    tree.act("n-1", "Rename")
    tree.type("made")
    tree.press("Enter")
    expect(tree.row("made")).to_be_visible()
    tree.focus("sim")
    tree.open_menu()
    expect(tree.menu.get_by_role("menuitem", name="Forget")).to_contain_text("It has 2 volumes.")
    tree.menu.get_by_role("menuitem", name="Statistics").click()
    expect(tree.pane.locator(".cl-out"), "the pools, as text").to_contain_text("provisioned_capacity_gb")
    tree.act("made", "Take a snapshot")
    tree.pane.get_by_label("Name", exact=True).fill("frozen")
    tree.press("Enter")
    expect(tree.row("made")).to_have_attribute("aria-expanded", "false")
    tree.act("made", "Clone")
    tree.pane.get_by_label("Name", exact=True).fill("copy")
    tree.press("Enter")
    expect(tree.row("copy")).to_be_visible()
    assert [snapshot.name for snapshot in desk.session.find("made").snapshots] == ["frozen"]


def test_a_driver_s_error_is_shown_in_the_pane(desk: Desk) -> None:
    """What a driver says against an act stands in the pane as an alert, in the history, and the row shows the state."""
    bad = desk.backend("bad", faults="extend_volume:1+:StorageFull")
    bad.create_volume(1, name="small")
    tree = desk.tree()
    tree.open_all()
    tree.act("small", "Extend")
    tree.press("Enter")
    alert = tree.pane.get_by_role("alert").filter(has_text=re.compile("full|simulated|extend", re.IGNORECASE))
    expect(alert, "the driver's error").to_be_visible()
    shot(tree.root, "driver-error")
    assert "Traceback" not in alert.inner_text()
    assert desk.notebook.run("1 + 1").text == "2"


def test_deleting_asks_and_names_what_goes(desk: Desk) -> None:
    """Deleting names what goes and gives the focus to Cancel; Escape leaves everything as it was; the button deletes."""
    desk.stock()
    tree = desk.tree()
    tree.act("logs", "Delete")
    question = tree.pane.locator("form")
    expect(question).to_contain_text("logs")
    expect(question, "the snapshot that goes, too").to_contain_text("old")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    tree.press("Escape")
    expect(question).to_have_count(0)
    assert desk.session.find("logs").status == "available"
    tree.act("logs", "Delete")
    question.get_by_role("button", name="Delete").click()
    tree.expect_names("sim", "db", "web")
    assert desk.session.find("logs", all=True) == []


def test_what_vanished_between_two_clicks(desk: Desk) -> None:
    """An act on a volume that somebody else deleted a moment ago says so, and nothing else happens."""
    desk.stock()
    tree = desk.tree()
    tree.act("web", "Extend")
    desk.session.find("web").delete()
    expect(tree.row("web")).to_have_count(0)
    if tree.pane.locator("form").count():
        tree.press("Enter")
    expect(tree.pane).to_contain_text(re.compile("gone|no such|not found|there is no|no volume", re.IGNORECASE))
    tree.expect_names("sim", "db", "logs")


def test_the_menu_of_several_rows_says_what_cannot_be_done_and_why(desk: Desk) -> None:
    """What cannot be done to all that is selected has its reason in the menu, and cannot be chosen there or in the pane."""
    desk.stock()
    tree = desk.tree()
    tree.focus("db")
    tree.press("Shift+ArrowDown", "Shift+ArrowDown")
    tree.expect_selected("db", "logs", "web")
    tree.open_menu()
    delete = tree.menu.get_by_role("menuitem", name="Delete")
    expect(delete).to_have_attribute("aria-disabled", "true")
    expect(delete).to_contain_text("volume 'db' has 1 connection")
    shot(tree.page, "menu-of-several")
    delete.click(force=True)
    expect(tree.menu).to_be_visible()
    expect(tree.menu.get_by_role("menuitem", name="Attach on this host")).not_to_have_attribute("aria-disabled", "true")
    tree.press("Escape")
    tree.press("Enter")
    button = tree.pane.get_by_role("button", name="Delete")
    expect(button).to_have_attribute("aria-disabled", "true")
    button.click(force=True)
    expect(tree.pane.get_by_role("alert")).to_contain_text("volume 'db' has 1 connection")


def test_a_backend_is_added_by_a_form(desk: Desk) -> None:
    """The empty tree opens the form: the driver is found by typing, errors stand at their options, Test stores nothing."""
    desk.notebook.run("sim.forget()")
    tree = desk.tree()
    tree.root.locator(".cl-steps").get_by_role("button", name="Add a backend").click()
    driver = tree.pane.get_by_role("combobox", name="Driver")
    expect(driver).to_be_focused()
    expect(tree.pane.get_by_role("option")).to_have_count(2)
    tree.type("simul")
    expect(tree.pane.get_by_role("option")).to_have_count(1)
    shot(tree.root, "addition-drivers")
    tree.press("ArrowDown", "Enter")
    name = tree.pane.get_by_label("Name", exact=True)
    expect(name).to_have_value("sim")
    expect(name).to_be_focused()
    tree.type("lab")
    tree.pane.get_by_label("path", exact=True).fill(str(desk.file.parent / "lab"))
    latency = tree.pane.get_by_label("latency", exact=True)
    latency.fill("slow")
    test = tree.pane.get_by_role("button", name="Test")
    test.click()
    expect(latency).to_be_focused()
    expect(latency).to_have_attribute("aria-invalid", "true")
    expect(tree.pane.get_by_text("must be a number of at least 0, not 'slow'")).to_be_visible()
    latency.fill("")
    test.click()
    expect(tree.pane.get_by_role("status").filter(has_text="It was not added")).to_be_visible()
    assert desk.session.find("lab", all=True) == []
    for theme in ("Dark", "Light"):
        desk.lab.theme(theme)
        assert axe(tree.root) == []
        shot(tree.root, f"addition-{theme.lower()}")
    line = tree.pane.locator("code").filter(has_text="%cl_backend add lab --driver sim --path")
    expect(line, "the line of magic that does the same").to_be_visible()
    tree.pane.get_by_role("button", name="Add", exact=True).click()
    expect(tree.row("lab")).to_be_visible()
