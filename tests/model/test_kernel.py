"""Which processes are known to be dead."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import time
from typing import Any

import pytest

from cl_notebook.model.operations import liveness


@pytest.fixture
def mine() -> dict[str, Any]:
    """Return how this process stands in a store."""
    return liveness.describe("lab1")


def test_a_living_process_is_not_dead(mine: dict[str, Any]) -> None:
    """The process that asks, and any other one that runs, count as alive, whatever host name they chose."""
    assert not liveness.is_dead(mine)
    assert not liveness.is_dead(mine | {"host": "another name"})


def test_a_process_that_ended_is_dead(mine: dict[str, Any]) -> None:
    """Once a process is gone it is known to be dead."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert liveness.is_dead(mine | {"pid": ended.pid})


def test_a_process_that_nobody_has_asked_about_is_dead(mine: dict[str, Any]) -> None:
    """A killed process whose parent never asks how it ended, as in a container without an init, is known to be dead."""
    killed = subprocess.Popen([sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"], stdout=subprocess.PIPE)
    assert killed.stdout is not None
    with killed.stdout:
        killed.stdout.readline()
        row = mine | {"pid": killed.pid, "start_ticks": liveness._start_ticks(killed.pid)}
        assert not liveness.is_dead(row)
        killed.kill()
        killed.stdout.read()  # it ends with the process
        os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)
        assert liveness.is_dead(row)
        killed.wait()


def test_another_process_with_the_same_number_does_not_count(mine: dict[str, Any]) -> None:
    """A number that was given to a new process does not keep the old one alive."""
    assert liveness.is_dead(mine | {"start_ticks": mine["start_ticks"] - 1})


def test_nobody_survives_a_boot(mine: dict[str, Any]) -> None:
    """What ran on this machine before it was booted is dead."""
    assert liveness.is_dead(mine | {"boot": "an-earlier-boot/" + mine["boot"].partition("/")[2]})


@pytest.mark.parametrize(
    "place", [{"machine": "elsewhere/0"}, {"machine": ""}, {"boot": ""}, {"start_ticks": 0}], ids=lambda place: next(iter(place))
)
def test_of_strangers_nothing_is_known(mine: dict[str, Any], place: dict[str, Any]) -> None:
    """A process on another machine, or one that could not be described, is never called dead."""
    assert not liveness.is_dead(mine | {"pid": 2**22 + 1} | place)


def test_of_another_container_nothing_is_known(mine: dict[str, Any]) -> None:
    """A process in another pid name space of the same boot is never called dead."""
    boot = mine["boot"].partition("/")[0]
    assert not liveness.is_dead(mine | {"pid": 2**22 + 1, "boot": f"{boot}/pid:[1]"})


_ANOTHER_USER = """
import json, os, sys
from cl_notebook.model.operations import liveness as kernel
row = json.loads(sys.stdin.read())
os.setgroups([]), os.setgid(65534), os.setuid(65534)
print(kernel._is_shown(row["pid"]), kernel.is_dead(row), kernel.is_dead(row | {"pid": 2**22 + 1}))
"""


@pytest.mark.usefixtures("superuser")
@pytest.mark.parametrize(
    ("option", "is_shown"), [("off", True), ("noaccess", False), ("invisible", False), ("ptraceable", False)]
)
def test_a_process_that_hides_is_not_dead(mine: dict[str, Any], option: str, *, is_shown: bool) -> None:
    """A process of another user that ``/proc`` hides (``hidepid``) counts as alive, and a number that nobody has as dead."""
    hiding = f'mount -t proc -o hidepid={option} proc /proc && exec "$0" -c "$1"'
    command = ["unshare", "--mount", "sh", "-c", hiding, sys.executable, _ANOTHER_USER]
    done = subprocess.run(command, input=json.dumps(mine, default=str), capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(is_shown), "False", "True"]


@pytest.mark.parametrize(
    ("silent", "is_dead"), [(0.5, False), (-1.0, False), (None, True)], ids=["fresh", "ahead", "never heard"]
)
def test_a_clone_of_this_machine_is_known_by_its_heartbeat(mine: dict[str, Any], silent: float | None, *, is_dead: bool) -> None:
    """A kernel of another boot of a machine of this name that was seen since this boot runs on a clone, and is alive."""
    now = dt.datetime.now(dt.UTC)
    seen = None if silent is None else now - dt.timedelta(seconds=silent)
    assert liveness.is_dead(mine | {"boot": "another-boot/pid:[1]", "seen_at": seen, "now": now}) == is_dead


def test_what_was_seen_before_the_boot_is_dead(mine: dict[str, Any]) -> None:
    """A kernel that was seen a moment before this machine was booted does not survive the boot."""
    now = dt.datetime.now(dt.UTC)
    seen = now - dt.timedelta(seconds=time.clock_gettime(time.CLOCK_BOOTTIME) + 1)
    assert liveness.is_dead(mine | {"boot": "an-earlier-boot/pid:[1]", "seen_at": seen, "now": now})
