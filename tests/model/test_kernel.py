"""Which processes are known to be dead."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from cl_notebook.model import kernel


@pytest.fixture
def mine() -> dict[str, Any]:
    """Return how this process stands in a store."""
    return kernel.describe("lab1")


def test_a_living_process_is_not_dead(mine: dict[str, Any]) -> None:
    """The process that asks, and any other one that runs, count as alive, whatever host name they chose."""
    assert not kernel.is_dead(mine)
    assert not kernel.is_dead(mine | {"host": "another name"})


def test_a_process_that_ended_is_dead(mine: dict[str, Any]) -> None:
    """Once a process is gone it is known to be dead."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert kernel.is_dead(mine | {"pid": ended.pid})


def test_a_process_that_nobody_has_asked_about_is_dead(mine: dict[str, Any]) -> None:
    """A killed process whose parent never asks how it ended, as in a container without an init, is known to be dead."""
    killed = subprocess.Popen([sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"], stdout=subprocess.PIPE)
    assert killed.stdout is not None
    with killed.stdout:
        killed.stdout.readline()
        row = mine | {"pid": killed.pid, "start_ticks": kernel._start_ticks(killed.pid)}
        assert not kernel.is_dead(row)
        killed.kill()
        killed.stdout.read()  # it ends with the process
        os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)
        assert kernel.is_dead(row)
        killed.wait()


def test_another_process_with_the_same_number_does_not_count(mine: dict[str, Any]) -> None:
    """A number that was given to a new process does not keep the old one alive."""
    assert kernel.is_dead(mine | {"start_ticks": mine["start_ticks"] - 1})


def test_nobody_survives_a_boot(mine: dict[str, Any]) -> None:
    """What ran on this machine before it was booted is dead."""
    assert kernel.is_dead(mine | {"boot": "an-earlier-boot/" + mine["boot"].partition("/")[2]})


@pytest.mark.parametrize(
    "place", [{"machine": "elsewhere/0"}, {"machine": ""}, {"boot": ""}, {"start_ticks": 0}], ids=lambda place: next(iter(place))
)
def test_of_strangers_nothing_is_known(mine: dict[str, Any], place: dict[str, Any]) -> None:
    """A process on another machine, or one that could not be described, is never called dead."""
    assert not kernel.is_dead(mine | {"pid": 2**22 + 1} | place)


def test_of_another_container_nothing_is_known(mine: dict[str, Any]) -> None:
    """A process in another pid name space of the same boot is never called dead."""
    boot = mine["boot"].partition("/")[0]
    assert not kernel.is_dead(mine | {"pid": 2**22 + 1, "boot": f"{boot}/pid:[1]"})
