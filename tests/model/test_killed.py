"""Nothing is lost when a kernel is killed: the next one sees what was being done, and can finish or remove it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl

if TYPE_CHECKING:
    from pathlib import Path

_KERNEL = """
import sys
import cl_notebook as cl
store, folder, faults, acts = sys.argv[1:]
cl.setup(store=store)
sim = cl.Backend("sim", volume_driver="sim", path=folder)
vol = sim.create_volume(1, name="db")
vol.create_snapshot("kept")
if "detach" in acts or "terminate" in faults:
    vol.attach()
sim = cl.Backend("sim", volume_driver="sim", path=folder, faults=faults, replace=True)
print("ready", flush=True)
exec(acts)
"""


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Return the URL of a store for two kernels."""
    return f"sqlite:///{tmp_path / 'store.db'}"


def _killed_kernel(tmp_path: Path, store: str, call: str, acts: str) -> None:
    """Run *acts* in a process whose driver never comes back from *call*, and kill it there."""
    folder = str(tmp_path / "sim")
    command = [sys.executable, "-c", _KERNEL, store, folder, f"{call}:1+:hang", acts]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "ready\n"
        with cl.Session(store) as looking:
            for _ in range(500):
                if not cl.frames.operations(looking, status="running", call=_CALLS.get(call, call)).empty:
                    break
                time.sleep(0.02)
            else:
                pytest.fail(f"{call} never began")
        time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()


_CALLS = {"create_export": "initialize_connection", "remove_export": "terminate_connection"}
"""Calls that are made within an operation of another name."""


_KILLS = [
    ("create_volume", "create", "sim.create_volume(1, name='new')", "new", "creating"),
    ("create_cloned_volume", "create", "vol.clone('new')", "new", "creating"),
    ("create_volume_from_snapshot", "create", "vol.snapshots[0].create_volume('new')", "new", "creating"),
    ("create_snapshot", "create", "vol.create_snapshot('new')", "new", "creating"),
    ("extend_volume", "extend", "vol.extend(2)", "db", "extending"),
    ("revert_to_snapshot", "revert", "vol.snapshots[0].revert()", "db", "reverting"),
    ("delete_volume", "delete", "vol.delete(cascade=True)", "db", "deleting"),
    ("delete_snapshot", "delete", "vol.snapshots[0].delete()", "kept", "deleting"),
]


@pytest.mark.parametrize("kill", _KILLS, ids=lambda kill: kill[0])
def test_a_kill_in_the_driver_leaves_a_row_that_says_what_was_done(
    tmp_path: Path, store: str, kill: tuple[str, str, str, str, str]
) -> None:
    """After SIGKILL the resource and its running operation are there, and the resource can be removed."""
    call, action, acts, name, status = kill
    _killed_kernel(tmp_path, store, call, acts)
    with cl.setup(store=store):
        found = cl.find(name)
        assert found.status == status
        operation = cl.frames.operations(status="lost").iloc[0]
        assert (operation["action"], operation["call"], operation["resource_id"]) == (action, call, found.id)
        assert operation["pid"] != os.getpid()
        cl.Backend("sim", volume_driver="sim", path=str(tmp_path / "sim"), replace=True)
        if found.kind == "volume":
            found.delete(cascade=True)
        else:
            found.delete()
        assert found.status == "deleted"
        assert cl.frames.operations(status="running,lost").empty
        assert cl.frames.operations(status="interrupted")["action"].tolist() == [action]


@pytest.mark.parametrize(
    ("call", "acts"),
    [
        ("create_export", "vol.attach()"),
        ("initialize_connection", "vol.attach()"),
        ("terminate_connection", "vol.detach()"),
        ("remove_export", "vol.detach()"),
    ],
)
def test_a_kill_while_attaching_or_detaching_can_be_cleaned_up(tmp_path: Path, store: str, call: str, acts: str) -> None:
    """The connection that was being made or removed is still tracked, and ``cleanup()`` removes it."""
    _killed_kernel(tmp_path, store, call, acts if "detach" not in acts else "vol.detach()")
    with cl.setup(store=store):
        vol = cl.find("db")
        assert len(vol.connections) == 1
        assert vol.connections[0].status in {"attaching", "detaching"}
        cl.Backend("sim", volume_driver="sim", path=str(tmp_path / "sim"), replace=True)
        vol.cleanup()
        assert (vol.connections, vol.status) == ([], "available")
        vol.delete(cascade=True)


def test_what_a_killed_kernel_began_can_be_finished(tmp_path: Path, store: str) -> None:
    """Extending again in the next kernel finishes the extension that was cut short."""
    _killed_kernel(tmp_path, store, "extend_volume", "vol.extend(2)")
    with cl.setup(store=store):
        cl.Backend("sim", volume_driver="sim", path=str(tmp_path / "sim"), replace=True)
        vol = cl.find("db")
        vol.extend(2)
        assert (vol.size, vol.status) == (2, "available")


def test_a_kernel_that_still_works_is_not_disturbed(tmp_path: Path, store: str) -> None:
    """While the other kernel lives, its resource cannot be deleted, unless that is forced."""
    folder = str(tmp_path / "sim")
    command = [sys.executable, "-c", _KERNEL, store, folder, "create_volume:1+:hang", "sim.create_volume(1, name='new')"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)
    assert process.stdout is not None
    with process.stdout, cl.setup(store=store):
        assert process.stdout.readline() == "ready\n"
        for _ in range(500):
            if cl.find("new", all=True):
                break
            time.sleep(0.02)
        vol = cl.find("new")
        with pytest.raises(cl.errors.InvalidStatus, match=f"process {process.pid}"):
            vol.delete()
        with pytest.raises(
            cl.errors.InvalidStatus, match=f"must be .* is being done by process {process.pid} on .*: wait for it"
        ):
            vol.extend(2)
        process.kill()
        process.wait()
        cl.Backend("sim", volume_driver="sim", path=folder, replace=True)
        vol.delete()
        assert vol.status == "deleted"


def test_a_lost_outcome_does_not_lock_the_resource_for_its_own_kernel(tmp_path: Path, store: str) -> None:
    """When the outcome could not be written, the same kernel may repeat the act or delete the resource."""
    with cl.setup(store=store) as session:
        sim = cl.Backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
        vol = sim.create_volume(1, name="db")
        with session.store.writing() as connection:
            connection.exec_driver_sql("UPDATE volume SET status = 'extending'")
            connection.exec_driver_sql("UPDATE operation SET status = 'running' WHERE action = 'create'")
        vol.refresh()
        assert vol.status == "extending"
        vol.extend(2)
        assert (vol.status, vol.size) == ("available", 2)
        assert cl.frames.operations(status="interrupted")["action"].tolist() == ["create"]
