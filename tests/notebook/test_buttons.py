"""Buttons run the lines of a scan, or the one with an ambiguous name, and ask before something is removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cl_notebook as cl
from cl_notebook.notebook.output.buttons import MOST, LineButtons, of_scan

if TYPE_CHECKING:
    import pytest

    from tests.notebook.conftest import Notebook


def test_buttons_run_the_lines_of_a_scan(lab: Notebook, session: cl.Session) -> None:
    """*Repair* and *Adopt* act at once, *Forget* only at the second click; then everything is as it is tracked."""
    sim: Any = session.backends["sim"]
    gone, grown = (sim.create_volume(1, name=name) for name in ("gone", "grown"))
    sim.driver.vanish(gone.name_in_storage)
    sim.driver.resize(grown.name_in_storage, 4)
    sim.driver.appear("it's <b> stray", 2)
    panel = of_scan(lab.shell, cl.inventory.scan(host=False))
    assert [line.partition(" ")[0] for line in repr(panel).splitlines()] == ["1.", "2.", "3."]
    by_label = {button.description: button for button in panel.buttons}
    assert sorted(by_label) == ["Adopt", "Forget", "Repair"]
    assert not any("<b>" in line.value for box in panel.children[:-1] for line in box.children[1:])
    for label in ("Repair", "Adopt"):
        by_label[label].click()
        assert by_label[label].description == f"{label}: done"
        assert by_label[label].disabled
    forget = by_label["Forget"]
    forget.click()
    assert (forget.description, forget.disabled) == ("Really forget?", False)
    assert len(sim.volumes) == 3
    forget.click()
    assert set(cl.inventory.scan(host=False)["verdict"]) == {"ok"}


def test_what_is_stuck_asks_and_few_rows_have_buttons(lab: Notebook, session: cl.Session) -> None:
    """A repair of what is stuck asks, as it may finish a deletion; of many findings the first ones have buttons."""
    sim: Any = session.backends["sim"]
    sim.create_volume(1, name="db")
    with session.store.writing() as connection:
        connection.exec_driver_sql("UPDATE volume SET status = 'error_deleting'")
    (repair,) = of_scan(lab.shell, cl.inventory.scan(host=False)).buttons
    repair.click()
    assert repair.description == "Really repair?"
    for number in range(MOST + 5):
        sim.driver.appear(f"stray-{number}", 1)
    assert len(of_scan(lab.shell, cl.inventory.scan(host=False)).buttons) == MOST


def test_a_terminal_has_no_buttons(lab: Notebook) -> None:
    """Without a front end --buttons is refused in one line, which says what to type."""
    assert "without --buttons" in lab.refused("%cl_scan --buttons")


def test_an_ambiguous_name_offers_its_candidates(lab: Notebook, session: cl.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a notebook each candidate has a button that runs the line with its id; a deletion asks. As text it is a list."""
    first, second = (session.backends["sim"].create_volume(1, name="db") for _ in range(2))
    assert "%cl_volume" not in lab.seen("%cl_volume extend db 2").out
    monkeypatch.setattr(lab.shell, "kernel", object(), raising=False)  # as in a notebook
    lines = [f"%cl_volume extend {volume.id} 2  # grow" for volume in (first, second)]
    shown = lab.seen("%cl_volume extend db 2  # grow").out
    assert shown.startswith(f"1. {lines[0]}\n2. {lines[1]}\nAmbiguous: 'db' fits 2 resources")
    panels: list[LineButtons] = []
    monkeypatch.setattr("cl_notebook.notebook.output.buttons.LineButtons", lambda *args: panels.append(LineButtons(*args)))
    lab.seen("%cl_volume extend --size 2 db\n")
    lab.seen("%cl_volume create --backend=db --size 2\n")
    lab.seen("%cl_volume delete db")
    extend, delete = panels
    assert extend._repr_mimebundle_()["text/plain"] == repr(extend)
    assert "application/vnd.jupyter.widget-view+json" in extend._repr_mimebundle_()
    extend.buttons[1].click()
    assert (first.size, second.size) == (1, 2)
    assert extend.buttons[1].description.startswith(f"{second.id[:8]} volume 'db'")
    delete.buttons[0].click()
    assert first.is_tracked
    delete.buttons[0].click()
    assert not first.is_tracked
