"""Texts that storage and drivers write are bounded: 1 MiB is kept, and what was left out is said."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from cl_notebook import errors
from cl_notebook.drivers.cinder.log import MAX_CHARACTERS, Log
from cl_notebook.drivers.cinder.worker import channel, log_relay
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.model.operations import guards

if TYPE_CHECKING:
    from collections.abc import Callable

MiB = 2**20
HUGE = "a" * (3 * MiB)


@pytest.mark.parametrize("text", ["a", "é", "\U0001f4be", "\udcff"])
def test_a_mebibyte_is_kept(text: str) -> None:
    """A text has at most 1 MiB in UTF-8, whatever its characters, and says how much was left out; a shorter one is as it was."""
    size = len(text.encode("utf-8", errors="surrogatepass"))
    whole = text * (MiB // size)
    assert errors.bounded(whole) == whole
    cut = errors.bounded(whole + text * 10)
    assert len(cut.encode("utf-8", errors="surrogatepass")) < MiB + 100
    assert "more bytes were left out)" in cut


@pytest.mark.parametrize("kind", [errors.DriverError, errors.BusyOnStorage, RuntimeError, ValueError])
def test_an_error_of_a_driver_is_bounded(kind: Callable[[str], Exception]) -> None:
    """Whatever a driver raises, and whatever that was raised for, is cut."""

    def fail() -> None:
        raise kind(HUGE) from OSError(HUGE)

    with pytest.raises(errors.DriverError) as raised, translate_errors("lab", "create_volume"):
        fail()
    found: BaseException | None = raised.value
    while found is not None:
        assert len(str(found)) < MiB + 200
        found = found.__cause__
    assert "left out" in str(raised.value)


def test_a_location_is_bounded() -> None:
    """Of a location that a driver gives 1 MiB is kept."""
    persisted = guards.persisted_fields({"provider_location": HUGE, "provider_id": "short"}, None)
    assert len(persisted["provider_location"]) < MiB + 100
    assert persisted["provider_id"] == "short"


def test_the_childs_errors_are_bounded() -> None:
    """The child's description of an error has no text of more than a little over 1 MiB."""
    description = channel.describe_error(RuntimeError(HUGE))
    assert max(len(str(value)) for value in description.values()) < MiB + 100
    assert "left out" in description["message"]


def test_a_line_without_an_end_is_bounded() -> None:
    """A line on standard error that goes on and on is cut, and the lines after it are read."""
    sent: list[dict[str, Any]] = []

    class Channel:
        def send(self, message: dict[str, Any]) -> None:
            sent.append(message["log"])

    read, write = os.pipe()
    thread = threading.Thread(target=log_relay._relay, args=(read, Channel()))
    thread.start()
    with os.fdopen(write, "w", encoding="utf-8") as stderr:
        stderr.write(f"before\n{HUGE}\nafter\n")
    thread.join()
    assert [line["text"][:6] for line in sent] == ["before", "aaaaaa", "after"]
    assert len(sent[1]["text"]) < MiB + 200
    assert "left out" in sent[1]["text"]


def test_a_log_is_bounded() -> None:
    """A log keeps the last lines, as many as fit."""
    log = Log()
    for number in range(40):
        log.add({"at": 0.0, "level": "DEBUG", "logger": "x", "text": f"{number} {HUGE}", "call": 0}, None)
    lines = log.lines()
    assert sum(len(line.text) for line in lines) <= MAX_CHARACTERS
    assert lines[-1].text.startswith("39 ")
    nothing = Log(0)
    nothing.add({"at": 0.0, "level": "DEBUG", "logger": "x", "text": "a line", "call": 0}, None)
    assert nothing.lines() == []
