"""Loading and unloading the extension."""

from __future__ import annotations

import html
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook import session as sessions
from cl_notebook.notebook.command import inspection
from cl_notebook.notebook.command.help import verb_help
from cl_notebook.notebook.command.parser import parse
from cl_notebook.notebook.extension import COMMANDS
from cl_notebook.notebook.output.progress import Display

if TYPE_CHECKING:
    from pathlib import Path

    from tests.notebook.conftest import Notebook

TOPICS = [
    ("volume", ["%cl_volume VERB", "create  ", "Examples:"]),
    ("%cl_volumes", ["%cl_volumes [options]", "--status VALUE"]),
    ("volume create", ["%cl_volume create [NAME] GIB", "--size GIB", "Size in GiB."]),
    ("volume snapshot create", ["%cl_snapshot create"]),
    ("create", ["%cl_volume create", "%cl_snapshot create"]),
    ("extend", ["%cl_volume extend", "NEW_SIZE"]),
    ("--jobs", ["--jobs N: With several", "%cl_volume      create, "]),
    ("status:error", ["create, revert or retype failed.", "%cl_scan repair VOLUME", "%cl_volumes --status error"]),
    ("extending", ["being extended."]),
    ("lost", ["Of an operation:", "%cl_history --status lost"]),
    ("names", ["db-{1..3}", "status:error", "$df"]),
    ("filters", ["--status VALUE", "Numbers and times take"]),
    ("uuid", ["%cl_volume create --id"]),
]
"""What %cl_help is asked for, and what it says."""

QUESTIONS = [
    ("%cl_volume create?", "%cl_volume create [NAME] GIB"),
    ("x = %cl_volume set --name db??", "%cl_volume set VOLUME"),
    ("a = 1\n?cl_volume rename", "%cl_volume rename VOLUME NAME"),
    ("%cl_volume snapshot create?", "%cl_snapshot create VOLUME"),
    ("%cl_volumes --status?", "%cl_volumes [options]"),
    ("%cl_scan lvm?", "%cl_scan VERB"),
]
"""Cells that ask, and the beginning of the answer."""

CURSORS = [
    ("%cl_vol^ume create --size 1", "%cl_volume VERB", None),
    ("%cl_volume cre^ate --size 1", "%cl_volume create", None),
    ("x = %cl_volume create --si^ze 1", "%cl_volume create", "--size GIB"),
    ("%cl_volume create --size ^", "%cl_volume create", "--size GIB"),
    ("%cl_volume create --si^", "%cl_volume create", "--size GIB"),
    ("import os\n%cl_volume set db \\\n  --na^me x\nprint()", "%cl_volume set", "--name NAME"),
    ("%cl_volume snapshot create d^b", "%cl_snapshot create", None),
    ("%cl_scan ^", "%cl_scan VERB", None),
    ("%cl_scan lv^m", "%cl_scan [", None),
    ("%cl_scan rep^air", "%cl_scan repair", None),
    ("%%cl_scratch --ke^ep\npass", "%%cl_scratch", None),
    ("%cl_volume nos^uch", "%cl_volume VERB", None),
    ("cl_volume del^ete", "%cl_volume delete", None),
    ("%cl_backend add x --driver cinder.volume.drivers.nosuch.No --re^", "%cl_backend add", "--replace"),
    ("print(vo^l)", None, None),
    ("%timeit cre^ate", None, None),
]
"""Cells with the cursor at ^, the usage that is shown, and the option that comes first."""

NAMES = [
    "cl_help",
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
    "cl_trash",
    "cl_undo",
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
    """Unloading removes every magic, the completion, the display of progress and of cards, and what cells call."""
    before = list(bare.shell.Completer.custom_matchers)
    callbacks = {event: list(functions) for event, functions in bare.shell.events.callbacks.items()}
    writers = dict(bare.shell.display_formatter.mimebundle_formatter.type_printers)  # type: ignore[union-attr] # IPython's
    bare.run("%load_ext cl_notebook\n%unload_ext cl_notebook")
    assert _registered(bare) == set()
    assert bare.shell.Completer.custom_matchers == before
    assert bare.shell.events.callbacks == callbacks
    assert bare.shell.display_formatter.mimebundle_formatter.type_printers == writers  # type: ignore[union-attr] # as above
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


def test_every_magic_has_help(notebook: Notebook) -> None:
    """Each magic answers ? and --help with a line a verb and examples; each verb has its options in 80 columns."""
    for command in COMMANDS:
        below = "\nnever = run" if command.is_cell else ""
        printed = notebook.printed(f"{command.spelled} --help{below}")
        assert notebook.printed(f"{command.spelled} -h{below}") == printed
        assert printed.strip() in "\n".join(line.rstrip() for line in notebook.printed(f"{command.spelled}?").splitlines())
        assert set(printed.split("Examples:")[1].split()) >= {command.spelled}
        for verb in command.verbs:
            page = verb_help(command, verb)
            shown = page.text(80)
            assert all(len(line) <= 80 for line in shown.splitlines() if "%cl" not in line), shown
            assert html.escape(page.usage) in page.html()
            if command.has_verbs:
                assert sum(line.split()[:1] == [verb.name] for line in printed.splitlines()) == 1
                assert command.title(verb) in shown
            if not verb.same_as:
                assert all(option.spelled in shown and option.help.split()[0] in shown for option in verb.options)


def test_the_map_of_the_magics_fits_a_screen(notebook: Notebook) -> None:
    """%cl_help names every magic in 80 columns and 24 lines with a line that its grammar takes, as text and as HTML."""
    page = notebook.run("%cl_help")
    lines = repr(page).splitlines()
    assert len(lines) <= 23
    assert max(map(len, lines)) < 80
    assert all(command.spelled in repr(page) and command.spelled in page.html() for command in COMMANDS)
    for command in COMMANDS:
        if command.sample:
            rest = command.sample.removeprefix(command.spelled)
            assert rest != command.sample
            assert not parse(command, rest, {}).help


def test_help_explains_a_topic(notebook: Notebook) -> None:
    """%cl_help explains a magic, a verb, an option, a status, or finds what mentions a word."""
    for topic, says in TOPICS:
        page = notebook.run(f"%cl_help {topic}")
        assert [words for words in says if words not in repr(page)] == [], topic


def test_help_on_nothing_is_an_error(notebook: Notebook) -> None:
    """A topic that is none is one line with the close match; nothing that was typed becomes HTML."""
    assert "There is no help on 'volmue'. Did you mean 'volume'?" in notebook.refused("%cl_help volmue")
    assert "no help on" in notebook.refused("%cl_help <b>")


def test_the_help_of_a_verb_is_its_own(notebook: Notebook) -> None:
    """--help after a verb shows that verb alone, and the drivers' options where they belong."""
    assert "revert" not in notebook.printed("%cl_volume create --help")
    shown = notebook.printed("%cl_backend add --help")
    assert "--quota NUMBER" in shown
    assert "--latency NUMBER" in shown


def test_a_question_mark_explains_the_verb(notebook: Notebook) -> None:
    """%cl_volume create? is the help of that verb, also behind an assignment, and though `set` is a name of Python."""
    for code, usage in QUESTIONS:
        assert notebook.printed(code).startswith(usage), code


def test_other_question_marks_are_ipythons(notebook: Notebook) -> None:
    """Python, strings and other magics keep their meaning; so does a volume's verb once the extension is unloaded."""
    assert "Docstring" in notebook.printed("len?")
    assert notebook.run('text = """\n%cl_volume create?\n"""\ntext') == "\n%cl_volume create?\n"
    assert "no verb 'nosuch'" in notebook.refused("%cl_volume nosuch?")
    notebook.run("%unload_ext cl_notebook")
    assert "not found" in notebook.printed("%cl_volume create?")


def test_the_verb_at_the_cursor_is_explained(notebook: Notebook) -> None:
    """An inspect request on a line of magic gives the help of the verb there, the option at the cursor first."""
    commands = {command.name: command for command in COMMANDS}
    for code, usage, first in CURSORS:
        page = inspection.explain(notebook.shell, commands, code.replace("^", ""), code.index("^"))
        assert (page and page.usage[: len(usage or "")]) == usage, code
        assert page is None or first is None or page.parts[0].rows[0].typed == first, code
    of_sim = inspection.explain(notebook.shell, commands, "%cl_backend add x --driver sim", 14)
    assert of_sim is not None
    assert "--latency" in of_sim.text()
    assert "--reflink" not in of_sim.text()


def test_an_empty_tree_names_lines_that_work(notebook: Notebook) -> None:
    """With the magics loaded the tree of an empty store names magics, and that of a folder of this machine works as it stands."""
    code = "%load_ext cl_notebook\nimport cl_notebook as cl\nprint(cl.tree())"
    command = [sys.executable, "-m", "IPython", "--no-banner", "-c", code]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "\n    %cl_demo\n" in shown
    assert "\n    %cl_backend add lab --driver local\n" in shown
    assert notebook.run("%cl_backend add lab --driver local").name == "lab"
