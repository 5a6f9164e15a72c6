"""Images that librbd reaches: no device, but a path that says so, and an open file."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from cl_notebook import errors
from cl_notebook.attach import Host, osbrick
from tests.attach.ceph import Cluster

if TYPE_CHECKING:
    from pathlib import Path

    from cl_notebook.drivers.api import ConnectionInfo

MiB = 1024**2
INFO: ConnectionInfo = {
    "driver_volume_type": "rbd",
    "data": {
        "name": "volumes/volume-1",
        "hosts": ["192.0.2.3"],
        "ports": ["6789"],
        "cluster_name": "ceph",
        "auth_enabled": True,
        "auth_username": "cinder",
        "keyring": "[client.cinder]\n\tkey = secret",
    },
}
PATH = "rbd:volumes/volume-1"
BEFORE_THE_WAIT = 0.3
"""Seconds until the test's own thread waits for the write: a signal right before Python begins to wait is not noticed."""


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Return this host."""
    return Host("lab1", "sudo", tmp_path / "locks")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Give a cluster with one image of a MiB to os-brick."""
    made = Cluster(tmp_path)
    (tmp_path / "volumes").mkdir()
    (tmp_path / "volumes" / "volume-1").write_bytes(bytes(MiB))
    osbrick.connector_module(tmp_path / "locks", "sudo")
    linuxrbd = importlib.import_module("os_brick.initiator.linuxrbd")
    for name, module in (("rados", made.rados), ("rbd", made.rbd)):
        monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.setattr(linuxrbd, name, module)
    return made


def test_an_image_is_attached_opened_and_detached(host: Host, cluster: Cluster) -> None:
    """What is kept is text, what is written is on the storage, and only detaching closes the image."""
    device = host.attach(INFO, expected_bytes=MiB)
    assert device == {"type": "librbd", "path": PATH}
    assert host.attach(INFO) == device
    assert host.device_size(PATH) == host.extend(INFO) == MiB
    with host.open(INFO, device) as disk:
        disk.seek(MiB - 5)
        assert disk.write(b"hello") == 5
        with pytest.raises(OSError, match="No space left"):
            disk.write(b"x")
        assert disk.read() == b""
    assert (cluster.folder / "volumes" / "volume-1").read_bytes()[-5:] == b"hello"
    assert [image.is_open for image in cluster.opened] == [True]
    with host.open(INFO, device, "rb") as disk:
        host.detach(INFO, device)
        with pytest.raises(ValueError, match="is detached"):
            disk.read(1)
    assert [image.is_open for image in cluster.opened] == [False]
    host.detach(INFO, device)


def test_another_kernel_opens_and_detaches_it(host: Host, cluster: Cluster, tmp_path: Path) -> None:
    """What an earlier kernel attached is detached without a handle, and opened anew where its bytes are asked for."""
    device = host.attach(INFO)
    host.close()
    later = Host("lab1", "sudo", tmp_path / "locks")
    later.detach(INFO, device)
    with later.open(INFO, device, "rb") as disk:
        assert disk.read(2) == b"\0\0"
    assert [image.is_open for image in cluster.opened] == [False, True]
    later.close()
    assert [image.is_open for image in cluster.opened] == [False, False]


def test_an_image_that_is_too_small_is_closed_again(host: Host, cluster: Cluster) -> None:
    """An image with fewer bytes than the volume is refused, and not left open."""
    with pytest.raises(errors.AttachError, match=rf"{PATH} has {MiB} bytes, {MiB + 1} were expected"):
        host.attach(INFO, expected_bytes=MiB + 1)
    assert [image.is_open for image in cluster.opened] == [False]


def test_an_image_that_grew_is_seen(host: Host, cluster: Cluster) -> None:
    """An image that was extended has its new size at once."""
    host.attach(INFO)
    with (cluster.folder / "volumes" / "volume-1").open("r+b") as image:
        image.truncate(2 * MiB)
    assert host.extend(INFO) == host.device_size(PATH) == 2 * MiB


def test_trouble_of_librbds_is_one_line(host: Host, cluster: Cluster) -> None:
    """An image that is not there is an AttachError; nothing is left open."""
    (cluster.folder / "volumes" / "volume-1").unlink()
    with pytest.raises(errors.AttachError, match=r"^Cannot attach over rbd: .*errno 2"):
        host.attach(INFO)
    assert cluster.opened == []


def test_a_blocked_write_is_interrupted_and_says_what_is_in_doubt(host: Host, cluster: Cluster) -> None:
    """While the cluster does not answer an interrupt ends the waiting; later calls come after the write that was interrupted."""
    device = host.attach(INFO)
    [image] = cluster.opened

    def interrupt() -> None:
        image.is_writing.wait()
        time.sleep(BEFORE_THE_WAIT)
        os.kill(os.getpid(), signal.SIGINT)

    with host.open(INFO, device) as disk:
        assert disk.write(b"before") == 6
        disk.flush()
        image.is_writing.clear()
        image.is_answered.clear()
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt, match=rf"Writing 5 bytes at byte 6 of {PATH} was interrupted.*Write them again"):
            disk.write(b"stale")
        assert disk.tell() == 6
    image.is_answered.set()
    with host.open(INFO, device) as disk:
        disk.seek(6)
        disk.write(b"fresh")
    assert (cluster.folder / "volumes" / "volume-1").read_bytes()[:11] == b"beforefresh"
    host.detach(INFO, device)
    assert not image.is_open


def test_a_file_is_closed_while_its_cluster_does_not_answer(host: Host, cluster: Cluster) -> None:
    """After an interrupted write neither closing the file nor closing the host waits for the cluster."""
    device = host.attach(INFO)
    [image] = cluster.opened
    image.is_answered.clear()

    def interrupt() -> None:
        image.is_writing.wait()
        time.sleep(BEFORE_THE_WAIT)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with host.open(INFO, device) as disk, pytest.raises(errors.Interrupted):
        disk.write(b"lost")
    assert disk.closed
    host.close()
    image.is_answered.set()


def test_missing_modules_say_what_to_install(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without librbd's modules the line names the packages and the Python that lacks them."""
    for name in ("rados", "rbd"):
        monkeypatch.setitem(sys.modules, name, None)  # Python's own way to say that it cannot be imported
    with pytest.raises(errors.AttachError, match=r"python3-rados and python3-rbd") as caught:
        host.attach(INFO)
    assert sys.executable in str(caught.value)
    assert "\n" not in str(caught.value)
