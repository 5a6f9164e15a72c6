"""Work that lasts is shown, and what is shown goes away."""

from __future__ import annotations

import io
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from cl_notebook.model.context import CountedWork
from cl_notebook.notebook.output.progress import Display

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class _Publisher:
    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = []

    def publish(self, data: dict[str, str], *, metadata: dict[str, Any], transient: dict[str, Any], update: bool) -> None:
        assert metadata == {}
        self.published.append({"data": data, "update": update, **transient})


class _Kernel:
    """What a shell in a kernel has, as far as the display asks."""

    kernel = True

    def __init__(self) -> None:
        self.display_pub = _Publisher()


def test_what_is_quick_is_not_shown(bare_shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that ends before the delay shows nothing, and is not held up."""
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    started = time.monotonic()
    with Display(bare_shell)("create volume") as progress:
        progress(1, 2)
    assert time.monotonic() - started < 1
    assert terminal.getvalue() == ""


def test_a_terminal_shows_one_line_that_is_wiped(bare_shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal a line says what is being done and how far it is, and is blank at the end, after an error as well."""
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    def interrupted() -> None:
        with Display(bare_shell, delay=0.05)("clone 'a\x1b[2J'") as progress:
            progress(512 * 1024**2, 2 * 1024**3)
            time.sleep(0.3)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    shown = terminal.getvalue()
    assert "clone 'a\\x1b[2J'… 25% of 2.0 GiB, 0 s" in shown
    assert shown.rpartition("\r")[0].rpartition("\r")[2].strip() == ""
    assert "\n" not in shown


def test_a_notebook_shows_one_output_that_is_emptied() -> None:
    """In a notebook one output is updated in place, escaped, and empty at the end."""
    shell: Any = _Kernel()
    with Display(shell, delay=0.05)("create <b>") as progress:
        time.sleep(0.2)
        progress(1, 4)
        time.sleep(0.6)
    first, second, last = (entry["data"] for entry in shell.display_pub.published)
    assert first["text/plain"] == "create <b>… 0 s"
    assert "create &lt;b&gt;" in first["text/html"]
    assert "value='0.250'" in second["text/html"]
    assert last == {"text/plain": "", "text/html": ""}
    assert [entry["update"] for entry in shell.display_pub.published] == [False, True, True]
    assert len({entry["display_id"] for entry in shell.display_pub.published}) == 1


def test_nothing_is_written_without_a_terminal(bare_shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the output is no terminal nothing is written."""
    with Display(bare_shell, delay=0.01)("create volume"):
        time.sleep(0.1)
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_a_front_end_that_fails_does_not_fail_the_work() -> None:
    """An error of the display stays away from the work."""
    shell: Any = _Kernel()
    shell.display_pub = None
    with Display(shell, delay=0.01)("create volume") as progress:
        time.sleep(0.1)
        progress(1, 2)


def test_counted_work_is_one_line(bare_shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that is counted says how many of how many are done, and what its parts would show is not shown."""
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    display = Display(bare_shell, delay=0.05)
    with display(CountedWork("delete 5 volumes")) as progress:
        progress(2, 5)
        with display("delete volume 'db'"):
            time.sleep(0.3)
    assert "delete 5 volumes… 2 of 5, 0 s" in terminal.getvalue()
    assert "'db'" not in terminal.getvalue()
