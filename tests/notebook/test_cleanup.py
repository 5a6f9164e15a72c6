"""``%cl_cleanup``: a plan that is shown, agreed to or not, and what became of it."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient

import cl_notebook as cl

if TYPE_CHECKING:
    from pathlib import Path

    from tests.notebook.conftest import Notebook


@pytest.fixture
def stocked(lab: Notebook) -> Notebook:
    """Return a notebook whose session made a volume with a snapshot, attached."""
    lab.run("%cl_volume create --size 1 --name db\n%cl_volume snapshot db --name before\nconn = %cl_volume attach db")
    return lab


def _answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_the_plan_is_shown_and_carried_out_after_a_yes(stocked: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan is shown, one question is asked, and after a yes everything goes, with a report that can be assigned."""
    _answer(monkeypatch, "y\n")
    seen = stocked.seen("df = %cl_cleanup\ndf")
    assert seen.error is None
    assert seen.out.index("delete snapshot") < seen.out.index("Remove all of this for good")
    assert "(detach 1, disconnect 1, delete snapshot 1, delete volume 1)? [y/N]" in seen.out
    assert list(seen.value["outcome"]) == ["done"] * 4
    assert list(seen.value["action"]) == ["detach", "disconnect", "delete snapshot", "delete volume"]
    assert len(stocked.run("%cl_volumes")) == 0


@pytest.mark.parametrize("answer", ["n\n", "\n", "what\nno\n", ""])
def test_nothing_happens_without_a_yes(stocked: Notebook, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """A no, an empty answer and the end of the input remove nothing, and the line that would is shown."""
    _answer(monkeypatch, answer)
    seen = stocked.seen("%cl_cleanup --backend sim")
    assert (seen.value, seen.error) == (None, None)
    assert "delete volume" in seen.out
    assert seen.out.endswith("Nothing was removed. This removes it: %cl_cleanup --backend sim --yes\n")
    assert stocked.run("%cl_volumes")["status"].tolist() == ["in-use"]


def test_yes_asks_nothing(stocked: Notebook) -> None:
    """With --yes the plan is shown and carried out at once."""
    seen = stocked.seen("%cl_cleanup -y")
    assert "[y/N]" not in seen.out
    assert "delete volume 1 (1 GiB): db" in seen.out
    assert set(seen.value["outcome"]) == {"done"}


def test_a_long_plan_fits_a_screen(lab: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many steps the plan has their number, a few names and the line that lists each; the question is below its end."""
    for number in range(30):
        cl.Backend.backends["sim"].create_volume(1, name=f"v{number}")
    _answer(monkeypatch, "n\n")
    plan, question, answer = lab.printed("%cl_cleanup --backend sim").partition("Remove all of this for good")
    assert (question + answer).startswith("Remove all of this for good (delete volume 30)? [y/N] ")
    assert plan.splitlines() == [
        "plan · delete volume 30",
        "  sim  delete volume 30 (30 GiB): v29, v28, v27, v26, v25 and 25 more",
        "Each step: %cl_cleanup --backend sim -f table",
    ]
    listed = lab.printed("%cl_cleanup --backend sim -f table")
    assert listed.count("| delete volume | v") == 30


def test_nothing_to_remove_is_one_line(lab: Notebook) -> None:
    """Where nothing is left it is said in one line; with --yes the report is an empty frame of the same columns."""
    assert lab.printed("%cl_cleanup") == "There is nothing left that this session made. More: --backend, --owner or --all.\n"
    assert lab.printed("%cl_cleanup --all") == "There is nothing to remove.\n"
    report = lab.run("df = %cl_cleanup --yes\ndf")
    assert len(report) == 0
    assert "outcome" in report


def test_what_is_not_done_is_counted_and_explained(notebook: Notebook, tmp_path: Path) -> None:
    """A failure does not end the magic: the report says what was not done, and the line to go on is shown."""
    notebook.run(f"%cl_backend add sim --driver sim --path {tmp_path / 'sim'} --faults delete_snapshot:1")
    notebook.run("%cl_volume create --size 1 --name db\n%cl_volume snapshot db\n%cl_volume create --size 1 --name free")
    seen = notebook.seen("%cl_cleanup --backend sim --yes")
    assert seen.error is None
    assert "2 of 3 steps are not done; detail says why. %cl_cleanup --backend sim continues." in seen.out
    assert sorted(seen.value["outcome"]) == ["done", "failed", "not done"]
    assert set(notebook.run("%cl_cleanup --yes")["outcome"]) == {"done"}


def test_a_program_may_read_the_report(stocked: Notebook) -> None:
    """In a format for programs nothing but the plan, or the report, is printed."""
    plan = json.loads(stocked.printed("%cl_cleanup -f json").split("Remove all")[0].split("Nothing was removed")[0])
    assert [row["action"] for row in plan] == ["detach", "disconnect", "delete snapshot", "delete volume"]
    report = json.loads(stocked.printed("%cl_cleanup --yes -f json"))
    assert [row["outcome"] for row in report] == ["done"] * 4


def test_whose_resources_go_is_chosen_by_options(stocked: Notebook, tmp_path: Path) -> None:
    """--owner and --all say more than what this session made; who is not known is an error that lists who is."""
    kernel = cl.frames.operations()["kernel_id"].iloc[0]
    stocked.run(f"%cl_setup {tmp_path / 'another.db'}")
    assert "nothing left" in stocked.printed("%cl_cleanup")
    stocked.run(f"%cl_backend add sim --driver sim --path {tmp_path / 'other'}\n%cl_volume create --size 1 --name new")
    assert "Did you mean" in stocked.refused(f"%cl_cleanup --owner {_owner()[:-1]}_")
    assert "not both" in stocked.refused(f"%cl_cleanup --owner {_owner()} --all")
    assert list(stocked.run(f"%cl_cleanup --owner {_owner()} --yes")["name"]) == ["new"]
    assert "No owner is called" in stocked.refused(f"%cl_cleanup --owner {kernel}")


def _owner() -> str:
    row = cl.frames.operations().iloc[0]
    return f"{row['user']}@{row['host']}"


def test_tab_offers_options_backends_and_owners(stocked: Notebook) -> None:
    """Tab completes the options, the backends and the owners of %cl_cleanup, and the options above a cell."""
    assert "--owner" in stocked.tab("%cl_cleanup --")
    assert stocked.tab("%cl_cleanup --backend s") == ["sim"]
    assert stocked.tab("df = %cl_cleanup --owner ") == [_owner()]
    assert stocked.tab("%%cl_scratch --k") == ["--keep-on-error"]
    assert "--keep-on-error" not in stocked.tab("%cl_scratch --k")


def test_a_session_that_may_only_look_is_refused_at_once(stocked: Notebook, store_url: str) -> None:
    """In a read-only session both magics are refused in one line, before anything happens."""
    stocked.run(f"%cl_setup {store_url} --read-only")
    assert "read-only" in stocked.refused("%cl_cleanup --all")
    assert "read-only" in stocked.refused("%%cl_scratch\nreached = True")
    assert "reached" not in stocked.shell.user_ns


@pytest.mark.lane("slow")
def test_a_notebook_that_nobody_sits_at_is_not_asked(tmp_path: Path) -> None:
    """Run by nbclient, where no input is possible, the plan is shown as HTML, with the line to repeat."""
    code = [
        f"%load_ext cl_notebook\n%cl_backend add sim --driver sim --path {tmp_path / 'sim'}",
        "%cl_volume create --size 1 --name '<i>db</i>'",
        "%cl_cleanup",
        "%cl_cleanup --yes",
    ]
    cells = [nbformat.v4.new_code_cell(source) for source in code]  # type: ignore[no-untyped-call] # nbformat's
    book: Any = nbformat.v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call] # as above
    NotebookClient(book, timeout=60, kernel_name="python3").execute()
    asked, done = (cell.outputs for cell in book.cells[2:])
    assert "&lt;i&gt;db&lt;/i&gt;" in asked[0].data["text/html"]
    assert asked[-1].text.endswith("Nothing was removed. This removes it: %cl_cleanup --yes\n")
    assert "done" in done[-1].data["text/html"]
