"""Errors in a cell: one line, still an error, and the rest on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl

if TYPE_CHECKING:
    from pathlib import Path

    from tests.notebook.conftest import Notebook


def test_an_error_stays_the_error_that_it_is(lab: Notebook) -> None:
    """A magic raises the error of the library itself, so except works as with the Python API."""
    shown = lab.refused("%cl_volume show nosuch")
    assert shown.startswith("NotFound: No volume has the id or the name 'nosuch'")
    lab.run("import cl_notebook as cl\ntry:\n    %cl_volume show nosuch\nexcept cl.errors.NotFound as e:\n    caught = e")
    assert isinstance(lab.shell.user_ns["caught"], cl.errors.NotFound)


def test_tb_gives_the_rest(lab: Notebook, tmp_path: Path) -> None:
    """%tb shows the traceback of an error that was one line in its cell, with the error that caused it."""
    (tmp_path / "taken").write_text("a file")
    assert "DriverError" in lab.refused(f"%cl_backend add x --driver local --path {tmp_path / 'taken'}")
    shown = lab.printed("%tb")
    assert "Traceback" in shown
    assert "FileExistsError" in shown or "NotADirectoryError" in shown
    assert "Traceback" in shown.partition("FileExistsError")[2] or "Traceback" in shown.partition("NotADirectoryError")[2]
    assert "driver.setup()" in shown


def test_an_error_of_the_shell_is_coloured_when_the_shell_is(lab: Notebook) -> None:
    """The one line has the error's name in colour unless the shell shows none."""
    assert "\x1b" not in lab.refused("%cl_volume show nosuch")
    lab.shell.colors = "neutral"
    assert lab.refused("%cl_volume show nosuch").startswith("\x1b[31mNotFound\x1b[39m: ")


def test_errors_cannot_steer_the_terminal(lab: Notebook, tmp_path: Path) -> None:
    """Control characters in the words of a driver, or in what was typed, are shown, in the cell and by %tb."""
    path = tmp_path / "a\x1b[2Jb\u202e"
    path.write_text("a file")
    lab.shell.user_ns["path"] = str(path)
    for shown in (lab.refused("%cl_backend add x --driver local --path {path}"), lab.printed("%tb")):
        assert "\\x1b[2J" in shown
        assert not {"\x1b", "\u202e"} & set(shown)
    assert "\\x1b" in lab.refused("%cl_volume show \x1b[31mred")


def test_an_error_of_the_library_is_one_line_in_python_too(lab: Notebook) -> None:
    """An error of ours from a Python cell is one line; %tb still has the whole traceback."""
    shown = lab.refused("import cl_notebook as cl; cl.Backend.backends['sim'].create_volume('x')")
    assert shown == "InvalidInput: size must be a whole number of GiB above 0 (10, 10G, 1.5T), not 'x'."
    traceback = lab.printed("%tb")
    assert "create_volume" in traceback
    assert "Traceback (most recent call last)" in traceback


def test_hints_are_in_the_language_of_the_cell(lab: Notebook) -> None:
    """The same error suggests a line of magic after a magic, and Python after Python."""
    assert "%cl_setup --non-uuid-ids allows others" in lab.refused("%cl_volume create db 1 --id x")
    in_python = "import cl_notebook as cl; cl.Backend.backends['sim'].create_volume(1, id='x')"
    assert "cl.setup(non_uuid_ids=True) allows others" in lab.refused(in_python)
    lab.run("%cl_volume create db 1\n%cl_snapshot create db s")
    assert "or use --cascade." in lab.refused("%cl_volume delete db")
    assert "or use delete(cascade=True)." in lab.refused("cl.find('db').delete()")


@pytest.mark.parametrize(
    ("python", "magic"),
    [
        ("cl.find('3f2a') looks", "%cl_find 3f2a looks"),
        ("Choose another: cl.setup(store=…).", "Choose another: %cl_setup --store URL."),
        ("cl.setup(…, read_only=False).", "%cl_setup --read-only false."),
        ("cl.Backend('lab', volume_driver='local').", "%cl_backend add lab --driver local."),
        ("%cl_scan repair 3f2a, in Python cl.inventory.repair(cl.find('3f2a')), mends", "%cl_scan repair 3f2a, mends"),
        ("cl.Backend('lab').stats() asks", "%cl_backend stats lab asks"),
        ("cl.Backend('my lab') stays", "cl.Backend('my lab') stays"),
        (
            "Detach it, or remove them all with cleanup().",
            "Detach it with %cl_volume detach; %cl_connection disconnect is for other hosts.",
        ),
        ("without it: fail_on_missing_backend=False.", "without it: %cl_setup --fail-on-missing-backend false."),
        ("another Python: python='/opt/venv/bin/python'.", "another Python: --python /opt/venv/bin/python."),
    ],
)
def test_a_hint_in_python_has_its_magic(python: str, magic: str) -> None:
    """Hints are translated where names need no quotes, and stay as they are elsewhere."""
    assert cl.errors.hints_in(python, magic=True) == magic


@pytest.mark.parametrize(
    ("magic", "python"),
    [
        ("%cl_scan repair 3f2a-1.", "cl.inventory.repair(cl.find('3f2a-1'))."),
        (
            "%cl_scan repair 3f2a, in Python cl.inventory.repair(cl.find('3f2a')), mends",
            "cl.inventory.repair(cl.find('3f2a')), mends",
        ),
        ("See %cl_history --id 12.", "See cl.frames.operations(id=12)."),
        ("%cl_snapshot delete 3f2a removes it.", "cl.find('3f2a').delete() removes it."),
        ("To allow it: %cl_volume unset 'my db' --protected", "To allow it: cl.find('my db').unprotect()"),
        ("%cl_scan repair 3f2a --yes removes it.", "%cl_scan repair 3f2a --yes removes it."),
    ],
)
def test_a_hint_in_magic_has_its_python(magic: str, python: str) -> None:
    """Lines of magic without a counterpart stay as they are."""
    assert cl.errors.hints_in(magic, magic=False) == python


def test_the_line_of_a_longer_cell_is_named(lab: Notebook) -> None:
    """In a cell of several lines the error says which of them raised it, in Python and in a magic."""
    shown = lab.refused("import cl_notebook as cl\ncl.Backend.backends['sim'].create_volume(sise=1)")
    assert shown.endswith("Did you mean 'size'? (line 2 of the cell)")
    assert lab.refused("a = 1\n\n%cl_volume show nosuch").endswith("(line 3 of the cell)")
    assert "of the cell" not in lab.refused("%cl_volume show nosuch")
    lab.run("def look():\n    a = 1\n    cl.find('nosuch')\n")
    assert lab.refused("a = 1\nlook()").endswith("(line 2 of the cell)")


def test_an_error_that_was_handled_is_no_longer_short(lab: Notebook) -> None:
    """An error that the cell keeps has no hook for IPython, so that other tools format it as any other."""
    lab.run("import cl_notebook as cl\ntry:\n    cl.find('nosuch')\nexcept cl.errors.NotFound as error:\n    caught = error")
    assert not hasattr(lab.shell.user_ns["caught"], "_render_traceback_")


def test_an_interrupt_passes(lab: Notebook) -> None:
    """KeyboardInterrupt is not swallowed by a magic."""
    lab.run("class Stopping:\n    def __format__(self, spec): raise KeyboardInterrupt\nstopping = Stopping()")
    assert isinstance(lab.seen("%cl_volume show {stopping}").error, KeyboardInterrupt)


def test_an_error_stops_what_follows(lab: Notebook) -> None:
    """The lines after one that failed are not run."""
    lab.seen("%cl_volume show nosuch\nreached = True")
    assert "reached" not in lab.shell.user_ns


def test_a_store_that_cannot_be_used_is_one_line(notebook: Notebook, tmp_path: Path) -> None:
    """A store that is no database is refused in one line, and the session before stays."""
    (tmp_path / "text.db").write_text("hello " * 1000)
    before = cl.default_session()
    assert "StoreUnusable" in notebook.refused(f"%cl_setup --store {tmp_path / 'text.db'}")
    assert cl.default_session() is before
