"""Attaching on another host: by a gateway, with the same checks there, and found again from a later kernel."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import errors

if TYPE_CHECKING:
    from cl_notebook.drivers.api import ConnectionInfo
    from tests.attach.conftest import Node

GiB = 1024**3


def worker(spec: str) -> int:
    """Return the process that stands for the gateway on our side."""
    place: Any = cl.default_session().host_at(spec)
    return int(place._connected_gateway()._group[0]._io.popen.pid)


def loop_devices() -> str:
    """Return what the kernel says of loop devices."""
    return subprocess.run(["losetup", "-a"], check=True, capture_output=True, text=True).stdout


def test_a_volume_is_attached_on_another_host(node2: Node, volume: cl.Volume) -> None:
    """The other host is let in and has the device; the connection says where, and detaching leaves nothing there."""
    conn = volume.attach(host=node2.spec)
    assert (conn.attached_host, conn.gateway, conn.connector_info["host"]) == (node2.name, node2.spec, node2.name)
    assert conn.path is not None
    with Path(conn.path).open("r+b") as device:  # it is the same machine
        device.write(b"hello")
    assert volume.local_attach is None
    assert str(volume.id) in loop_devices()
    assert volume.attach(host=node2.spec) is conn
    volume.detach(host=node2.spec)
    assert (volume.connections, volume.status) == ([], "available")
    assert str(volume.id) not in loop_devices()
    with volume.attach().open("rb") as here:
        assert here.read(5) == b"hello"


def test_a_later_kernel_detaches_on_the_other_host(node2: Node, volume: cl.Volume, store: str) -> None:
    """What one kernel attached on another host is detached there by the next, which knows that host's name alone."""
    volume.attach(host=node2.spec)
    with cl.setup(store=store, host="lab1") as session:
        again = session.find("ledger")
        again.detach(host=node2.name)
        assert again.connections == []
    assert str(volume.id) not in loop_devices()


def test_two_hosts_hold_a_volume_apart(node2: Node, volume: cl.Volume) -> None:
    """A volume that is attached here and there is detached from each alone; cleanup reaches both."""
    here, there = volume.attach(), volume.attach(host=node2.spec)
    assert volume.local_attach is here
    volume.detach()
    assert volume.connections == [there]
    volume.attach()
    volume.cleanup()
    assert volume.connections == []


def test_the_doctor_examines_the_other_host(node2: Node, volume: cl.Volume, tmp_path: Path) -> None:
    """The report on another host has its Python's libraries and its commands, and nothing of the driver, which runs here."""
    report = cl.doctor(volume.backend, host=node2.spec).set_index("check")
    assert report.loc["Python library os_brick", "status"] == "ok"
    assert report.loc["losetup", "seen"] == shutil.which("losetup")
    assert "driver local" not in report.index
    bare = tmp_path / "python3"  # a Python there that has no os-brick
    bare.write_text(f'#!/bin/sh\nexec {Path(sys.executable).resolve()} -S "$@"\n', encoding="utf-8")
    bare.chmod(0o755)
    other = f"{node2.spec.partition('//')[0]}//python={bare}"
    report = cl.doctor(protocol="iscsi", host=other).set_index("check")
    assert report.loc["Python library os_brick", "status"] == "missing"
    with pytest.raises(errors.AttachError, match="has no os-brick") as caught:
        volume.attach(host=other)
    assert f"%cl_doctor {volume.backend.name} --host {other}, or" in str(caught.value)
    node2.go_down()
    with pytest.raises(errors.HostUnreachable):
        cl.doctor(protocol="iscsi", host="root@node2")


def test_extending_reaches_the_other_host(node2: Node, volume: cl.Volume) -> None:
    """A volume that is extended while it is attached on another host grows there too."""
    volume.attach(host=node2.spec)
    assert volume.extend(2) == 2 * GiB


def test_the_device_is_opened_where_it_is(node2: Node, volume: cl.Volume) -> None:
    """A device of another host is not opened here; the line says where it is."""
    conn = volume.attach(host=node2.spec)
    with pytest.raises(errors.InvalidStatus, match=rf"is attached on .* as {conn.path}: it must be opened there"):
        conn.open()


def test_the_checks_are_made_there(node2: Node, volume: cl.Volume, tmp_path: Path) -> None:
    """A device that is not the volume's is refused on the other host, in the same words as here, with the trace of it."""
    place = cl.default_session().host_at(node2.spec)
    assert volume.connections == []
    short = tmp_path / "short"
    short.write_bytes(bytes(512))
    info: ConnectionInfo = {"driver_volume_type": "local", "data": {"device_path": str(short)}}
    with pytest.raises(errors.AttachError, match=r"^on .*: .*/short has 512 bytes, 1024 were expected") as caught:
        place.attach(info, expected_bytes=1024)
    assert "cl_notebook.attach.device" in str(caught.value.__cause__)
    short.unlink()
    with pytest.raises(errors.AttachError, match=r"^on .*: the device cannot be read: No such file"):
        place.attach(info)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("ssh", "host must be [user@]host[:port], such as 'root@node2'"),
        ("node 2", "host must be [user@]host[:port]"),
        ("popen//python=/bin/true", "host must be [user@]host[:port]"),
        ("ssh=node2//ssh_config=/x", "host must be [user@]host[:port]"),
        ("ssh=nothing.invalid", "ssh=nothing.invalid cannot be reached: ssh: Could not resolve hostname"),
        ("nothing.invalid", "ssh=nothing.invalid cannot be reached: ssh: Could not resolve hostname"),
    ],
)
def test_a_host_that_cannot_serve_is_one_line(volume: cl.Volume, spec: str, words: str) -> None:
    """An address that is none, and a host that is not there, are one line; nothing is connected."""
    with pytest.raises(errors.Error) as caught:
        volume.attach(host=spec)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (volume.connections, volume.status) == ([], "available")


@pytest.mark.usefixtures("node2")
def test_a_python_that_cannot_serve_is_one_line(volume: cl.Volume, tmp_path: Path) -> None:
    """A Python that is not there, one that is none, and one without os-brick, are one line; nothing is connected."""
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n', encoding="utf-8")
    bare.chmod(0o755)
    for python, words in (
        ("/no/python", "cannot be reached"),
        ("/bin/true", "cannot be reached: no Python answers there"),
        (
            str(bare),
            "has no os-brick: install it there (pip install os-brick), or name another Python: host='ssh=node2//python=PATH'",
        ),
    ):
        with pytest.raises(errors.Error) as caught:
            volume.attach(host=f"ssh=node2//python={python}")
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
    assert (volume.connections, volume.status) == ([], "available")


def test_a_host_that_is_gone_is_forgotten_by_force(node2: Node, volume: cl.Volume, store: str) -> None:
    """With the other host out of reach detaching says so and changes nothing; with force the connection goes."""
    volume.attach(host=node2.spec)
    node2.go_down()
    with cl.setup(store=store, host="lab1") as session:
        again = session.find("ledger")
        with pytest.raises(errors.HostUnreachable, match=r"Connection refused.*With force=True it is forgotten here"):
            again.detach(host=node2.spec)
        assert [(conn.attached, conn.status) for conn in again.connections] == [(True, "attached")]
        again.detach(host=node2.spec, force=True)
        assert again.connections == []


def test_a_gateway_that_died_is_opened_again(node2: Node, volume: cl.Volume) -> None:
    """A gateway that is killed between two calls costs nothing: the next call opens another."""
    conn = volume.attach(host=node2.spec)
    first = worker(node2.spec)
    os.kill(first, signal.SIGKILL)
    place: Any = cl.default_session().host_at(node2.spec)
    while not place._gateway.is_lost:
        time.sleep(0.01)
    volume.detach(host=node2.spec)
    assert conn.status == "deleted"
    assert worker(node2.spec) != first


def test_a_host_that_dies_while_it_attaches_stays_tracked(node2: Node, volume: cl.Volume) -> None:
    """A host that goes away during attaching is one line; the connection stays, in error, and attaching again finishes it."""
    place: Any = cl.default_session().host_at(node2.spec)
    pid, ask = worker(node2.spec), place._connected_gateway().ask

    def lost(call: str, *given: Any, **named: Any) -> Any:
        if call == "attach":
            os.kill(pid, signal.SIGSTOP)
            threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
        return ask(call, *given, **named)

    place._gateway.ask = lost
    with pytest.raises(errors.HostUnreachable, match=r"was lost during attach, which may be done nevertheless"):
        volume.attach(host=node2.spec)
    (left,) = volume.connections
    assert (left.status, left.attached, left.gateway) == ("error_attaching", False, node2.spec)
    assert volume.attach(host=node2.spec) is left
    assert (left.status, left.attached) == ("attached", True)


def test_an_interrupt_leaves_what_it_interrupted_tracked(node2: Node, volume: cl.Volume) -> None:
    """Ctrl-C while another host attaches is answered at once; what that host does is whole, tracked, and can be detached."""
    place: Any = cl.default_session().host_at(node2.spec)
    pid, ask = worker(node2.spec), place._connected_gateway().ask
    assert int(_status(pid, "SigBlk"), 16) & (1 << (signal.SIGINT - 1)) or int(_status(pid, "SigIgn"), 16) & 2

    def interrupted(call: str, *given: Any, **named: Any) -> Any:
        if call == "attach":
            os.kill(pid, signal.SIGSTOP)
            threading.Timer(0.5, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)).start()
        return ask(call, *given, **named)

    place._gateway.ask = interrupted
    with pytest.raises(KeyboardInterrupt):
        volume.attach(host=node2.spec)
    place._gateway.ask = ask
    os.kill(pid, signal.SIGCONT)
    (left,) = volume.connections
    assert (left.status, left.attached, left.gateway) == ("error_attaching", False, node2.spec)
    volume.detach(host=node2.spec)
    assert volume.connections == []
    assert str(volume.id) not in loop_devices()


def _status(pid: int, name: str) -> str:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(line.split(":")[1].strip() for line in lines if line.startswith(f"{name}:"))


def test_a_read_only_session_reaches_no_host(volume: cl.Volume, store: str) -> None:
    """A session that may only look starts nothing elsewhere, and opens no device for writing."""
    volume.attach()
    with cl.Session(store, host="lab1", read_only=True) as session:
        again = session.find("ledger")
        with pytest.raises(errors.ReadOnly):
            again.attach(host="ssh=nothing.invalid")
        with pytest.raises(errors.ReadOnly):
            again.local_attach.open()
        with again.local_attach.open("rb") as device:
            assert device.read(1) == b"\0"
