"""A real IPython shell with the extension loaded, and what a user sees of a cell."""

from __future__ import annotations

import atexit
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from cl_notebook import session as sessions
from cl_notebook.notebook.tree import actions, command_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import cl_notebook as cl


@dataclass
class Seen:
    """What one cell gave: its value, what was printed, and how it failed."""

    value: Any
    out: str
    error: BaseException | None


def run_act(session: cl.Session, shell: InteractiveShell | None, text: str) -> actions.Outcome:
    """Run the lines of an act as the tree does, read from their *text*."""
    return actions.run(session, shell, [command_lines.read(line) for line in text.split("\n")])


@dataclass
class Notebook:
    """Runs cells in a shell."""

    shell: InteractiveShell
    capsys: pytest.CaptureFixture[str]

    def seen(self, code: str) -> Seen:
        """Run a cell that may fail."""
        self.capsys.readouterr()
        result = self.shell.run_cell(code)  # type: ignore[no-untyped-call] # IPython's
        captured = self.capsys.readouterr()
        return Seen(result.result, captured.out + captured.err, result.error_before_exec or result.error_in_exec)

    def run(self, code: str) -> Any:
        """Run a cell that must not fail; return its value."""
        seen = self.seen(code)
        assert seen.error is None, seen.out
        return seen.value

    def printed(self, code: str) -> str:
        """Run a cell that must not fail; return what it printed."""
        seen = self.seen(code)
        assert seen.error is None, seen.out
        return seen.out

    def refused(self, code: str) -> str:
        """Run a cell that must fail; return the one line that is shown for it."""
        seen = self.seen(code)
        assert seen.error is not None, seen.value
        shown = seen.out.strip("\n")
        assert "\n" not in shown, shown
        return shown

    def ambiguous(self, code: str) -> list[str]:
        """Run a cell with an ambiguous name; return the candidates that are shown, a line each."""
        seen = self.seen(code)
        heading, *candidates = seen.out.strip("\n").split("\n")
        assert heading.startswith("Ambiguous: "), seen.out
        return candidates

    def tab(self, code: str, cursor: int | None = None) -> list[str]:
        """Return what Tab offers at the cursor (at the end by default)."""
        at = len(code) if cursor is None else cursor
        self.capsys.readouterr()
        with provisionalcompleter():
            found = [completion.text for completion in self.shell.Completer.completions(code, at)]
        captured = self.capsys.readouterr()
        assert captured.out + captured.err == ""
        return found

    def described(self, code: str) -> dict[str, str]:
        """Return what Tab offers at the end of *code*, with what it says of each."""
        with provisionalcompleter():
            return {offer.text: str(offer.type) for offer in self.shell.Completer.completions(code, len(code))}

    def after_tab(self, code: str) -> list[str]:
        """Return the lines that choosing each of Tab's offers would leave."""
        with provisionalcompleter():
            offers = list(self.shell.Completer.completions(code, len(code)))
        return [code[: offer.start] + offer.text + code[offer.end :] for offer in offers]


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """Return the URL of a new store in a file."""
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def no_session(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin as a new kernel does: without a default session."""
    monkeypatch.setattr(sessions._default, "_session", None)
    yield
    made = sessions.opened_session()
    if made is not None:
        made.close()


@pytest.fixture
def bare_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """Give a shell without the extension."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = InteractiveShell(config=config)  # type: ignore[no-untyped-call] # IPython's
    shell.Completer.use_jedi = False
    yield shell
    shell.run_line_magic("unload_ext", "cl_notebook")
    atexit.unregister(shell.atexit_operations)  # hundreds of shells, each cleaned up when all is over, take minutes


@pytest.fixture
def bare(bare_shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> Notebook:
    """Return a notebook without the extension."""
    return Notebook(bare_shell, capsys)


@pytest.fixture
def notebook(bare: Notebook, session: cl.Session) -> Notebook:
    """Return a notebook with the extension loaded, on the session."""
    del session
    bare.run("%load_ext cl_notebook")
    return bare


@pytest.fixture
def lab(notebook: Notebook, sim: cl.Backend) -> Notebook:
    """Return a notebook with one backend, ``sim``, that no variable holds."""
    del sim
    return notebook
