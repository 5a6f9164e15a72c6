"""Loading and unloading the extension."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook import session as sessions
from cl_notebook.notebook.extension import COMMANDS
from cl_notebook.notebook.output.progress import Display

if TYPE_CHECKING:
    from pathlib import Path

    from tests.notebook.conftest import Notebook

NAMES = [
    "cl_setup",
    "cl_demo",
    "cl_backends",
    "cl_volumes",
    "cl_snapshots",
    "cl_connections",
    "cl_drivers",
    "cl_history",
    "cl_log",
    "cl_plot",
    "cl_doctor",
    "cl_scan",
    "cl_dump",
    "cl_load",
    "cl_backend",
    "cl_volume",
    "cl_snapshot",
    "cl_connection",
    "cl_wait",
    "cl_tree",
    "cl_status",
    "cl_find",
    "cl_who",
    "cl_cleanup",
]
CELL_NAMES = ["cl_scratch"]
ALL = {f"%{name}" for name in NAMES} | {f"%%{name}" for name in CELL_NAMES}


def _registered(notebook: Notebook) -> set[str]:
    kinds = notebook.shell.magics_manager.magics.items()
    marks = {"line": "%", "cell": "%%"}
    return {f"{marks[kind]}{name}" for kind, names in kinds for name in names if name.startswith("cl_")}


def test_the_magics_are_those_of_the_contract(notebook: Notebook) -> None:
    """Every magic that scripts rely on is there, and no other."""
    assert _registered(notebook) == ALL


def test_unloading_leaves_nothing(bare: Notebook) -> None:
    """Unloading removes every magic, the completion and the display of progress."""
    before = list(bare.shell.Completer.custom_matchers)
    bare.run("%load_ext cl_notebook\n%unload_ext cl_notebook")
    assert _registered(bare) == set()
    assert bare.shell.Completer.custom_matchers == before
    assert not isinstance(sessions._default._progress, Display)


def test_loading_again_changes_nothing(bare: Notebook) -> None:
    """Loading twice, reloading, and loading after unloading each leave one completion and all magics."""
    bare.run("%load_ext cl_notebook")
    once = len(bare.shell.Completer.custom_matchers)
    for line in ("%reload_ext cl_notebook", "%unload_ext cl_notebook\n%load_ext cl_notebook"):
        bare.run(line)
        assert len(bare.shell.Completer.custom_matchers) == once
        assert _registered(bare) == ALL
    cl.load_ipython_extension(bare.shell)
    assert len(bare.shell.Completer.custom_matchers) == once


@pytest.mark.usefixtures("no_session")
def test_loading_opens_no_store(bare: Notebook) -> None:
    """Loading the extension, asking for help and Tab make no session and no store."""
    bare.run("%load_ext cl_notebook\n%cl_volume --help\n%cl_setup")
    bare.tab("%cl_volume show d")
    assert sessions.opened_session() is None


def test_loading_is_light() -> None:
    """Loading the extension imports neither pandas nor os-brick nor widgets, nor what only a scan needs, as tenacity."""
    code = (
        "import sys; from IPython.core.interactiveshell import InteractiveShell as S; import cl_notebook as cl; s = S();"
        "cl.load_ipython_extension(s); s.run_line_magic('cl_volume', '--help'); s.run_line_magic('cl_volumes', '--help');"
        "s.Completer.complete('', '%cl_volumes --st', 16);"
        "print([name for name in ('pandas', 'numpy', 'os_brick', 'ipywidgets', 'anywidget', 'tenacity') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.usefixtures("no_session")
def test_sessions_made_later_show_progress(bare: Notebook, tmp_path: Path) -> None:
    """The default session, and each one that setup puts in its place, shows long work; after unloading none does."""
    bare.run("%load_ext cl_notebook")
    for store in ("one.db", "two.db"):
        with cl.setup(store=tmp_path / store) as opened:
            assert isinstance(opened.progress, Display)
    bare.run("%unload_ext cl_notebook")
    with cl.setup(store=tmp_path / "three.db") as opened:
        assert not isinstance(opened.progress, Display)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_magic_has_help(notebook: Notebook, command: object) -> None:
    """Each magic answers ? and --help with every verb, every option and examples."""
    assert isinstance(command, type(COMMANDS[0]))
    below = "\nnever = run" if command.is_cell else ""
    printed = notebook.printed(f"{command.spelled} --help{below}")
    assert notebook.printed(f"{command.spelled} -h{below}") == printed
    assert printed.strip() in "\n".join(line.rstrip() for line in notebook.printed(f"{command.spelled}?").splitlines())
    assert "Examples:" in printed
    for verb in command.verbs:
        assert command.title(verb) in printed
        if verb.same_as:
            assert f"The same as {verb.same_as}." in printed
            continue
        assert all(option.spelled in printed and option.help.split()[0] in printed for option in verb.options)
    assert set(printed.split("Examples:")[1].split()) >= {command.spelled}


def test_the_help_of_a_verb_is_its_own(notebook: Notebook) -> None:
    """--help after a verb shows that verb alone, and the drivers' options where they belong."""
    assert "revert" not in notebook.printed("%cl_volume create --help")
    shown = notebook.printed("%cl_backend add --help")
    assert "--quota NUMBER" in shown
    assert "--latency NUMBER" in shown


def test_an_empty_tree_names_lines_that_work(notebook: Notebook) -> None:
    """With the magics loaded the tree of an empty store names magics, and that of a folder of this machine works as it stands."""
    code = "%load_ext cl_notebook\nimport cl_notebook as cl\nprint(cl.tree())"
    command = [sys.executable, "-m", "IPython", "--no-banner", "-c", code]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "\n    %cl_demo\n" in shown
    assert "\n    %cl_backend add lab --driver local\n" in shown
    assert notebook.run("%cl_backend add lab --driver local").name == "lab"
