"""``%%cl_scratch``: a cell that leaves nothing but its variables and its own error."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl

if TYPE_CHECKING:
    from pathlib import Path

    from tests.notebook.conftest import Notebook

CREATE = "%cl_volume create --size 1 --name "


def _left(notebook: Notebook) -> list[str]:
    return sorted(notebook.run("%cl_volumes --limit 0")["name"])


def test_what_the_cell_made_goes_and_its_variables_stay(lab: Notebook) -> None:
    """The last line's value is the cell's, the variables stay, what it made is gone and what was there before is not."""
    lab.run(f"{CREATE}kept")
    seen = lab.seen(f"%%cl_scratch\nvol = {CREATE}db\nconn = vol.attach()\nsize = vol.size\nsize + 1")
    assert (seen.error, seen.value) == (None, 2)
    assert seen.out.startswith("Removed again: detach 1, disconnect 1, delete volume 1.\n")
    assert lab.run("size, vol.status, conn.status") == (1, "deleted", "deleted")
    assert _left(lab) == ["kept"]
    assert lab.printed("%%cl_scratch\nnothing = 'made'") == ""


def test_the_cells_own_error_is_shown_as_without_the_magic(lab: Notebook) -> None:
    """An error is the cell's, with its line as the cell shows it, and what was made is gone all the same."""
    seen = lab.seen(f"%%cl_scratch\n{CREATE}db\n\n1 / 0")
    assert isinstance(seen.error, ZeroDivisionError)
    assert "----> 4 1 / 0" in seen.out
    assert "cell.py" not in seen.out
    assert _left(lab) == []
    assert lab.seen("%%cl_scratch\nx = = 1").error.__class__ is SyntaxError


def test_an_error_of_ours_in_the_cell_is_one_line(lab: Notebook) -> None:
    """What a magic or a Python call of ours refuses in the cell is one line, and ``%tb`` shows its traceback."""
    assert "No volume has" in lab.refused("%%cl_scratch\n%cl_volume delete nosuch")
    seen = lab.seen("%%cl_scratch\ncl_notebook = __import__('cl_notebook')\ncl_notebook.find('nosuch')")
    assert isinstance(seen.error, cl.errors.NotFound)
    (line,) = seen.out.splitlines()
    assert line.startswith("NotFound: Nothing is tracked under 'nosuch'")
    assert "Traceback" in lab.seen("%tb").out


def test_an_interrupt_of_the_cell_removes_what_it_made(lab: Notebook) -> None:
    """Ctrl-C in the cell is the cell's KeyboardInterrupt, after what it made is gone."""
    lab.shell.user_ns["signal"] = signal
    seen = lab.seen(f"%%cl_scratch\n{CREATE}db\nsignal.raise_signal(signal.SIGINT)\nreached = True")
    assert isinstance(seen.error, KeyboardInterrupt)
    assert _left(lab) == []
    assert "reached" not in lab.shell.user_ns


@pytest.mark.parametrize("last", ["", "\n1 / 0"])
def test_what_cannot_be_removed_is_shown_beside_the_cells_own_end(notebook: Notebook, tmp_path: Path, last: str) -> None:
    """The steps that are not done are shown; they are the cell's error only where it has no other."""
    notebook.run(f"%cl_backend add sim --driver sim --path {tmp_path / 'sim'} --faults delete_volume:1")
    seen = notebook.seen(f"%%cl_scratch\n{CREATE}db\n{CREATE}free{last}")
    assert "1 of 2 steps are not done:" in seen.out
    assert "simulated fault in delete_volume" in seen.out
    assert isinstance(seen.error, ZeroDivisionError if last else cl.errors.CleanupIncomplete)
    assert ("Traceback" in seen.out) == bool(last)
    assert _left(notebook) == ["free"]


def test_after_an_error_the_cell_may_keep_what_it_made(lab: Notebook) -> None:
    """With --keep-on-error a cell that fails keeps everything, and says how it is removed."""
    seen = lab.seen(f"%%cl_scratch -k\n{CREATE}db\n1 / 0")
    assert "What the block made is kept. %cl_cleanup removes it" in seen.out
    assert _left(lab) == ["db"]
    assert list(lab.run("%cl_cleanup --yes")["outcome"]) == ["done"]


def test_a_cell_may_stand_in_another(lab: Notebook) -> None:
    """A scratch cell in a scratch cell removes its own, and the outer one the rest."""
    code = f"%%cl_scratch\n{CREATE}outer\n" + f"get_ipython().run_cell_magic('cl_scratch', '', '{CREATE}inner')\n%cl_volumes"
    assert list(lab.run(code)["name"]) == ["outer"]
    assert _left(lab) == []


def test_what_the_magic_itself_refuses_is_one_line_and_the_cell_is_not_run(lab: Notebook) -> None:
    """A wrong option, and an await that no magic can do, are refused before the cell begins."""
    assert "Did you mean '--keep-on-error'?" in lab.refused("%%cl_scratch --keep-on-eror\nreached = True")
    assert "with cl.scratch()" in lab.refused("%%cl_scratch\nreached = True\nimport asyncio\nawait asyncio.sleep(0)")
    assert "reached" not in lab.shell.user_ns
    assert "cell magic" in lab.seen("%cl_scratch").out


def test_a_block_in_a_cell_awaits(lab: Notebook) -> None:
    """In a cell with an await at its top the block does what the magic cannot."""
    lab.run(
        "import asyncio\nimport cl_notebook as cl\nbackend = cl.Backend.backends['sim']\nwith cl.scratch() as made:\n"
        "    vol = await asyncio.to_thread(backend.create_volume, 1)"
    )
    assert list(lab.run("made.report")["outcome"]) == ["done"]
