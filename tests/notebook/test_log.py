"""The drivers' logs in a notebook: which lines, in which form, and as they come."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import cl_notebook as cl
from cl_notebook.drivers.api import LogLine
from cl_notebook.drivers.sim import driver as simulator
from cl_notebook.notebook.magics import log

if TYPE_CHECKING:
    from pathlib import Path

    from tests.notebook.conftest import Notebook

NOON = 1_800_000_000.25
LINES = [
    LogLine(NOON, "DEBUG", "cinder.volume", "first", 1),
    LogLine(NOON + 1, "WARNING", "cinder.volume", "se\x1b[2Jcond\nand more", 2),
    LogLine(NOON + 2, "STDERR", "stderr", "third"),
]


@pytest.fixture
def lab(notebook: Notebook, lines: list[LogLine], session: cl.Session, tmp_path: Path) -> Notebook:
    """Return a notebook with one backend, ``sim``, whose driver keeps a log."""
    del lines
    session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
    return notebook


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[LogLine]:
    """Let every simulator keep the lines of one list as its log."""
    kept = list(LINES)

    class Logging(simulator.SimDriver):
        def log_lines(self) -> list[LogLine]:
            return list(kept)

    monkeypatch.setattr(simulator, "SimDriver", Logging)
    return kept


def test_the_log_is_printed_oldest_first(lab: Notebook) -> None:
    """%cl_log prints time, level, logger and words of each line, escapes shown and not obeyed."""
    assert lab.printed("%cl_log").splitlines() == [
        "08:00:00.250 DEBUG   cinder.volume: first",
        "08:00:01.250 WARNING cinder.volume: se\\x1b[2Jcond",
        "and more",
        "08:00:02.250 STDERR  stderr: third",
    ]


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ("--operation 2", ["se"]),
        ("--level info", ["se", "third"]),
        ("--level=ERROR", ["third"]),
        ("--lines 1", ["third"]),
        ("sim --lines 0", ["first", "se", "third"]),
        ("--operation 1 --level error", ["No lines in operation 1 of level ERROR or above in the log of sim."]),
    ],
)
def test_lines_are_chosen(lab: Notebook, asked: str, seen: list[str]) -> None:
    """--operation, --level and --lines choose lines; what was written past Python's levels is never left out."""
    printed = lab.printed(f"%cl_log {asked}")
    words = ["first", "se\\x1b", "third", "No lines"]
    assert [word for word in words if word in printed] == [next(w for w in words if w.startswith(s[:2])) for s in seen]
    assert all(word in printed for word in seen)


def test_the_log_is_a_frame_on_request(lab: Notebook) -> None:
    """-f frame gives the lines as a typed DataFrame, as cl.frames.log does; the other formats are those of the lists."""
    frame = lab.run("%cl_log sim -f frame")
    pd.testing.assert_frame_equal(frame, cl.frames.log("sim"))
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        "at": "datetime64[ns, UTC]",
        "level": "category",
        "logger": "string",
        "text": "string",
        "operation": "Int64",
        "backend": "category",
    }
    assert frame["operation"].tolist()[:2] == [1, 2]
    assert frame["operation"].isna().tolist() == [False, False, True]
    assert "DEBUG" in lab.printed("%cl_log -f csv --lines 3")
    assert cl.frames.log("sim", operation=2)["text"].tolist() == ["se\x1b[2Jcond\nand more"]
    nothing = lab.run("%cl_log -f frame --operation 99")
    assert nothing.empty
    assert list(map(str, nothing.dtypes)) == list(map(str, frame.dtypes))


def test_several_logs_are_merged(lab: Notebook, tmp_path: Path) -> None:
    """Without a name the logs of all open backends are one, in the order of time, each line with its backend's name."""
    lab.run(f"%cl_backend add other --driver sim --path {tmp_path / 'other'}")
    message = [line.partition(" ")[0] for line in lab.printed("%cl_log --level debug --operation 1").splitlines()]
    assert sorted(message) == ["other:", "sim:"]
    assert sorted(set(cl.frames.log()["backend"])) == ["other", "sim"]


@pytest.mark.usefixtures("sim")
def test_a_driver_may_keep_no_log(notebook: Notebook) -> None:
    """A driver that keeps no log has one without lines."""
    assert notebook.printed("%cl_log") == "No lines in the log of sim.\n"
    assert len(notebook.run("%cl_log -f frame")) == 0


def test_a_backend_that_is_closed_has_no_log(lab: Notebook) -> None:
    """A log is kept while its backend is open: with a closed one, and with none at all, one line says so."""
    lab.run("%cl_backend close sim")
    assert "Backend 'sim' is not open. A driver's log is kept while its backend is open, here." in lab.refused("%cl_log sim")
    assert "No backend is open." in lab.refused("%cl_log")
    with pytest.raises(cl.errors.Refused, match="not open here"):
        cl.frames.log("sim")
    assert cl.default_session().backends == {}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("--level loud", "--level takes one of DEBUG, INFO, WARNING, ERROR, CRITICAL, not 'loud'."),
        ("--operation x", "--operation takes the number of an operation, as %cl_history has it, not 'x'."),
        ("--follow -f csv", "--follow prints lines as they come"),
        ("nosuch", "No backend has the id or the name 'nosuch'"),
    ],
)
def test_a_wrong_word_is_one_line(lab: Notebook, asked: str, message: str) -> None:
    """What %cl_log does not take is answered with one line."""
    assert message in lab.refused(f"%cl_log {asked}")


def test_lines_are_followed_until_an_interrupt(lab: Notebook, lines: list[LogLine], monkeypatch: pytest.MonkeyPatch) -> None:
    """--follow prints the last lines and then each that comes, also once old ones are dropped; an interrupt ends it quietly."""
    monkeypatch.setattr(log, "EVERY", 0.02)

    def write() -> None:
        time.sleep(0.3)
        del lines[0]
        lines.append(LogLine(NOON + 3, "INFO", "cinder.volume", "fourth"))
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=write).start()
    printed = lab.printed("%cl_log --follow --lines 1").splitlines()
    assert [line.rpartition(" ")[2] for line in printed] == ["third", "fourth"]


@pytest.mark.parametrize(
    ("driver", "message"),
    [("silent", "No log is kept for lab: no lines will come."), ("waiting", "Waiting for lines. Interrupt the cell to stop")],
)
def test_following_a_log_without_lines_says_so_and_ends_on_interrupt(
    driver: str, message: str, notebook: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--follow says that there are no lines, and whether any may come; an interrupt ends it quietly."""
    if driver == "waiting":
        monkeypatch.setattr(simulator.SimDriver, "log_lines", lambda _self: [], raising=False)
    notebook.run(f"%cl_backend add lab --driver sim --path {tmp_path / 'lab'}")
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    printed = notebook.printed("%cl_log lab --follow")
    assert printed.startswith("No lines in the log of lab.\n")
    assert message in printed


def test_following_ends_with_the_backend(lab: Notebook, session: cl.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the backend is closed there is nothing more to follow."""
    monkeypatch.setattr(log, "EVERY", 0.02)
    threading.Timer(0.3, session.backends["sim"].close).start()
    assert "third" in lab.printed("%cl_log sim --follow")
