"""Programs that were written for cinderlib: the calls that they make, in their order."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook
from cl_notebook import cinderlib as cl
from cl_notebook import errors
from tests.cinderlib import csi, ovirt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers import Server

_PROJECT = Path(__file__).parents[2]

# os-brick starts processes after eventlet was imported, which eventlet warns of
pytestmark = [pytest.mark.filterwarnings("ignore:Using fork"), pytest.mark.filterwarnings("ignore:Unknown config option")]


@pytest.fixture
def restart() -> Iterator[Callable[[], None]]:
    """Give a function after which the next calls have nothing of the earlier ones but the store, as in a new process."""

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
    run("connect_volume", disk, json.dumps(two))  # the machine moves: its new host gets access before the old one loses it
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


def test_a_csi_plugin_with_two_nodes(tmp_path: Path, restart: Callable[[], None]) -> None:
    """A CSI plugin takes volumes through their lives in threads: publish, stage, pods, snapshots, volumes that wait for them."""
    csi.main(str(tmp_path))
    restart()


@pytest.mark.lane("slow")
def test_a_csi_plugin_under_eventlet(tmp_path: Path) -> None:
    """The same after eventlet's monkey patching, in a process of its own."""
    line = [sys.executable, "-W", "ignore", "-m", "tests.cinderlib.csi", str(tmp_path), "eventlet"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr[-4000:]


def test_an_ansible_modules_steps(tmp_path: Path, restart: Callable[[], None]) -> None:
    """A role's modules set up, create and connect, and end what they made, each step with a set-up of its own."""
    provider: dict[str, Any] = {
        "persistence_config": {"storage": "db", "connection": f"sqlite:///{tmp_path / 'role.db'}"},
        "disable_logs": True,
        "use_stderr": False,
        "disable_sudo": False,
        "locks_path": str(tmp_path / "locks"),
    }
    place = {"host": "node@lab#lab", "cluster_name": "lab@lab#lab"}

    def module() -> Any:
        restart()
        cl.setup(**provider)
        return cl.Backend(volume_backend_name="lab", volume_driver="sim", path=str(tmp_path / "sim"))

    def tracked(backend: Any) -> Any:
        volumes = backend.persistence.get_volumes(volume_id="", volume_name="disk", backend_name=backend.id)
        return next((volume for volume in volumes if (volume.host, volume.cluster_name) == tuple(place.values())), None)

    assert tracked(module()) is None
    volume = module().create_volume(size="1", name="disk", id=None, **place)
    assert (volume.size, volume.host, volume.cluster_name) == (1, "node@lab#lab", "lab@lab#lab")
    connection = tracked(module()).connect({"host": "consumer", "multipath": True}, attached_host="consumer.example")
    assert {"conn", "connector"} <= connection.connection_info.keys()
    volume = tracked(module())
    assert [conn.attached_host for conn in volume.connections] == ["consumer.example"]
    assert volume.connections[0].use_multipath
    volume.extend(2)
    tracked(module()).connections[0].disconnect()
    tracked(module()).delete()
    assert tracked(module()) is None


def test_cinderlibs_example_goes_on_in_new_processes(tmp_path: Path, restart: Callable[[], None]) -> None:
    """The example of cinderlib's README does the same if a new process begins before each of its parts."""

    def again() -> Any:
        restart()
        cl.setup(persistence_config={"storage": "db", "connection": f"sqlite:///{tmp_path / 'example.db'}"})
        return cl.Backend(volume_backend_name="lvm", volume_driver="sim", path=str(tmp_path / "sim"))

    volume_id = again().create_volume(size=1).id
    assert again().volumes[0].attach().path
    (volume,) = again().volumes
    assert volume.local_attach.attached
    snapshot = volume.create_snapshot("demo-snap")
    volume.detach()
    volume = cl.Volume.get_by_id(volume_id)
    assert again().volumes[0].snapshots[0].id == snapshot.id
    again().volumes[0].snapshots[0].delete()
    again().volumes[0].delete()
    assert again().volumes == []


def test_a_host_without_the_backend_attaches(tmp_path: Path, restart: Callable[[], None]) -> None:
    """With `fail_on_missing_backend=False` the document of a connection is enough to attach, and to detach in a new process."""
    cl.setup(include_secrets=True)
    backend = cl.Backend(volume_backend_name="far", volume_driver="sim", path=str(tmp_path / "sim"))
    volume = backend.create_volume(1, name="db")
    document = volume.connect({"host": socket.gethostname(), "multipath": False}).dumps

    def node() -> Any:
        restart()
        cl.setup(fail_on_missing_backend=False, include_secrets=True)
        return cl.load(document)

    connection = node()
    assert connection.backend == "far"
    connection.attach()
    assert connection.path.startswith(str(tmp_path))
    document = connection.dumps
    connection = node()
    assert connection.attached
    connection.detach()
    assert not connection.attached
    assert connection.connected


def test_cinderlibs_database_is_no_store(tmp_path: Path) -> None:
    """A database of cinderlib's that is opened as a store is refused, with the call that reads it."""
    with contextlib.closing(sqlite3.connect(tmp_path / "cinderlib.db")) as database:
        database.execute("CREATE TABLE cinderlib_persistence_key_value (key TEXT)")
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
    cl.Backend.global_initialization = False
    with pytest.raises(errors.StoreUnusable, match=r"cinderlib's database.*import_cinderlib"):
        cl.setup(persistence_config={"storage": "db", "connection": f"sqlite:///{tmp_path / 'cinderlib.db'}"})


@pytest.mark.lane("slow")
def test_the_distribution_called_cinderlib(tmp_path: Path) -> None:
    """Its package is found by the name, in the place of cinderlib's, and runs its commands."""
    folder = _PROJECT / "packaging" / "cinderlib"
    conf, environment = tmp_path / "none.conf", {**os.environ, "PYTHONPATH": str(folder)}
    probe = (
        "import cinderlib, cinderlib.objects as o, cl_notebook.cinderlib as ours; assert cinderlib is ours and o is ours.objects"
    )
    for line in (["-c", probe], ["-m", "cinderlib.cmd.cinder_cfg_to_python", str(conf)]):
        done = subprocess.run([sys.executable, *line], env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == (line[0] == "-c"), done.stderr
    assert "There is no file" in done.stderr


BEFOREHAND = """
import cinderlib
from cl_notebook.drivers.cinder import process

(waiting,) = process._WAITING.values()
cinderlib.setup(root_helper="env")
backend = cinderlib.Backend("null", volume_driver="null_driver.NullDriver")
volume = backend.create_volume(1.0, display_name="disk", multiattach=True)
assert (volume.name, volume.host.partition("@")[2]) == ("disk", "null#null")
assert backend.obj.driver._child.pid == waiting.pid
assert not process._WAITING
"""


def test_cinder_is_imported_beforehand(tmp_path: Path, cinder_29: str) -> None:
    """Where a Cinder driver was used before, the package called cinderlib starts its process, and the backend runs in that."""
    folders = (_PROJECT / "packaging" / "cinderlib", _PROJECT / "tests" / "benchmarks" / "cinderlib")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "CL_NOTEBOOK_PYTHON": cinder_29,
        "CL_NOTEBOOK_DATA": str(tmp_path),
    }
    (tmp_path / "cinder").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", BEFOREHAND], env=environment, capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr


FORKED = """
import os, subprocess, sys
from cl_notebook.drivers.cinder import process

command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
waiting = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
process.adopt_process(sys.executable, waiting)
receiver, sender = os.pipe()
if not os.fork():
    os.close(sender)
    os.read(receiver, 1)  # until the parent has ended
    os._exit(0)
waiting.stdin.close()
assert waiting.wait(60) == 0
"""


@pytest.mark.lane("slow")
def test_a_fork_holds_no_process_that_was_started_beforehand() -> None:
    """The process that imports Cinder beforehand ends with its input, also if the program forked and the fork still runs."""
    subprocess.run([sys.executable, "-c", FORKED], check=True, timeout=200)


def _simulator(folder: Path) -> str:
    return json.dumps({"volume_backend_name": "managed", "volume_driver": "sim", "path": str(folder / "sim"), "driver_ssl": "no"})
