"""Programs that were written for cinderlib: the calls that they make, in their order."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook
from cl_notebook import cinderlib as cl
from tests.cinderlib import ovirt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.servers import Server

# os-brick starts processes after eventlet was imported, which eventlet warns of
pytestmark = [pytest.mark.filterwarnings("ignore:Using fork"), pytest.mark.filterwarnings("ignore:Unknown config option")]


@pytest.fixture
def restart() -> Iterator[Callable[[], None]]:
    """Give a function after which the next calls find nothing of the earlier ones but the store, as in a new process."""

    def again() -> None:
        cl_notebook.default_session().close()
        cl.Backend.global_initialization = False

    cl.Backend.global_initialization = False
    yield again
    again()


def _twelve_commands(run: Callable[..., Any]) -> None:
    """Call *run* with oVirt's twelve commands, and check what the engine gets."""
    disk, clone = str(uuid.uuid4()), str(uuid.uuid4())
    one, two = ({"host": f"hypervisor{number}", "ip": "192.0.2.7", "multipath": False} for number in (1, 2))
    assert run("create_volume", disk, "1") == disk
    assert run("storage_stats", "True")["pools"]
    info = run("connect_volume", disk, json.dumps(one))
    assert info["data"]["access_mode"] == "rw"
    assert run("connect_volume", disk, json.dumps(one)) == info
    device = {"path": "/dev/mapper/3600a", "multipath_id": "3600a", "attachment": ["sda", "sdb"]}
    run("save_device", disk, json.dumps(device))
    assert run("get_connection_info", disk) == {"conn": info, "connector": one, "device": device}
    run("connect_volume", disk, json.dumps(two))  # the machine moves: its new host is let in before the old one is shut out
    run("disconnect_volume", disk)
    assert run("get_connection_info", disk)["connector"] == two
    assert run("extend_volume", disk, "2") == 2 * 1024**3
    snapshot = run("create_snapshot", disk)
    copy = run("create_volume_from_snapshot", disk, snapshot)
    assert run("clone_volume", disk, clone) == clone
    run("remove_snapshot", disk, snapshot)
    run("disconnect_volume", disk)
    for volume in (disk, copy, clone):
        assert run("delete_volume", volume) is None
        assert "not found" in run("delete_volume", volume)


def test_ovirts_twelve_commands(tmp_path: Path, restart: Callable[[], None]) -> None:
    """The twelve commands of oVirt's engine, each with a set-up of its own on one database, do what they did with cinderlib."""
    url, driver = f"sqlite:///{tmp_path / 'engine.db'}", _simulator(tmp_path)

    def run(command: str, *arguments: str) -> Any:
        result = json.loads(json.dumps(ovirt.run(command, driver, url, *arguments)))
        restart()
        return result

    _twelve_commands(run)


def test_ovirts_twelve_commands_with_a_process_each(tmp_path: Path, postgresql: Server) -> None:
    """The same with a process for each command, on PostgreSQL."""
    url, driver = postgresql.new_url("postgresql+psycopg2"), _simulator(tmp_path)

    def run(command: str, *arguments: str) -> Any:
        line = [sys.executable, "-m", "tests.cinderlib.ovirt", command, driver, url, *arguments]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    _twelve_commands(run)


def _simulator(folder: Path) -> str:
    return json.dumps({"volume_backend_name": "managed", "volume_driver": "sim", "path": str(folder / "sim"), "driver_ssl": "no"})
