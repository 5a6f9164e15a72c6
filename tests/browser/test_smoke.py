"""The test-bed itself: what the other tests rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.lab import Lab


def test_cells_run_and_widgets_are_shown(lab: Lab) -> None:
    """A cell's text is read, a widget is seen, its messages are counted, and what the user does reaches the kernel."""
    notebook = lab.open()
    assert notebook.run("print('a'); 1 + 1").text == "a\n2"
    lab.traffic.clear()
    cell = notebook.run("import ipywidgets; slider = ipywidgets.IntSlider(); slider")
    handle = cell.area.get_by_role("slider")
    expect(handle).to_be_visible()
    opened = [message for message in lab.traffic.comms() if message.type == "comm_open"]
    assert {message.data["state"]["_model_name"] for message in opened} == {"IntSliderModel", "LayoutModel", "SliderStyleModel"}
    handle.press("ArrowRight")
    assert notebook.run("slider.value").text == "1"


def test_a_failing_cell_is_noticed(lab: Lab) -> None:
    """An error in a cell is an error of the test, with the traceback."""
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        lab.open().run("1 / 0")


def test_errors_on_the_console_are_noticed(lab: Lab) -> None:
    """What is written to the console as an error, thrown and not caught, or asked of the network, is found."""
    lab.page.evaluate("console.error('one')")
    lab.page.evaluate("setTimeout(() => { throw new Error('two') })")
    lab.page.evaluate("fetch('http://127.0.0.1:1/three').catch(() => null)")
    lab.page.wait_for_timeout(100)
    errors = "\n".join(lab.tidy())
    for word in ("one", "Error: two", "asked for http://127.0.0.1:1/three"):
        assert word in errors
