"""Devices in use: whatever lets go of one leaves it, and says what uses it; with force it says what was taken."""

from __future__ import annotations

import subprocess
import warnings
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.model.operations.changes import Update

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.attach.conftest import Node


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def point(root: None, volume: cl.Volume, tmp_path: Path) -> Iterator[Path]:  # noqa: ARG001 - asked for its check
    """Give the place where the volume is mounted, attached on this host, with a file that may not be written yet."""
    path, place = str(volume.attach().path), tmp_path / "mounted"
    place.mkdir()
    _run("mkfs.ext4", "-q", path)
    _run("mount", path, str(place))
    (place / "letter").write_text("not written yet", encoding="utf-8")
    yield place
    subprocess.run(["umount", str(place)], check=False, capture_output=True)


def _plan(volume: cl.Volume) -> None:
    del volume
    report = cl.inventory.plan_cleanup(all=True).run()
    assert report["outcome"].tolist() == ["failed", "not done", "not done"]
    raise errors.BusyOnStorage(report["detail"].tolist()[0])


def _repair(volume: cl.Volume) -> None:
    conn = volume.connections[0]
    conn.context.journal.save_side_effects([Update.of(conn, {"attach_status": "error_detaching"})], conn)
    cl.inventory.repair(conn)


WAYS: dict[str, Callable[[cl.Volume], Any]] = {
    "detach": lambda volume: volume.detach(),
    "detach the connection": lambda volume: volume.connections[0].detach(),
    "clean up": lambda volume: volume.cleanup(),
    "clean up on a plan": _plan,
    "repair": _repair,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_mounted_device_stays(volume: cl.Volume, point: Path, way: str) -> None:
    """Every way to let go of a mounted device is refused, with the place where it is mounted; it stays attached, and works."""
    path = volume.connections[0].path
    with pytest.raises(errors.BusyOnStorage, match=rf"^{path} is mounted or in use: mounted at {point}\. Release it first\.$"):
        WAYS[way](volume)
    (conn,) = volume.connections
    assert (conn.path, conn.attached, volume.status) == (path, True, "in-use")
    assert (point / "letter").read_text(encoding="utf-8") == "not written yet"
    _run("umount", str(point))
    volume.cleanup()
    assert volume.connections == []


def _mounted_in_a_block(volume: cl.Volume, place: Path) -> None:
    with cl.scratch():
        path = str(volume.attach().path)
        _run("mkfs.ext4", "-q", path)
        _run("mount", path, str(place))


def test_a_scratch_block_leaves_a_mounted_device(root: None, volume: cl.Volume, tmp_path: Path) -> None:  # noqa: ARG001 - asked for its check
    """A block that ends while what it attached is mounted says so, and leaves it."""
    place = tmp_path / "mounted"
    place.mkdir()
    try:
        with pytest.raises(errors.CleanupIncomplete, match="is mounted or in use"):
            _mounted_in_a_block(volume, place)
        assert len(volume.connections) == 1
    finally:
        subprocess.run(["umount", str(place)], check=False)


def test_a_device_elsewhere_is_looked_at_there(node2: Node, volume: cl.Volume, tmp_path: Path) -> None:
    """A device behind a gateway is refused by the host that has it, in the same words and as the same error."""
    path, place = str(volume.attach(host=node2.spec).path), tmp_path / "mounted"
    place.mkdir()
    _run("mkfs.ext4", "-q", path)
    _run("mount", path, str(place))
    try:
        with pytest.raises(errors.BusyOnStorage, match=rf"^on .*: {path} is mounted or in use: mounted at {place}\."):
            volume.detach(host=node2.spec)
    finally:
        _run("umount", str(place))
    volume.detach(host=node2.spec)
    assert volume.connections == []


def test_what_another_connection_keeps_is_detached(node2: Node, volume: cl.Volume, point: Path) -> None:
    """Of two connections that share a mounted loop device one may go: the device stays for the other."""
    volume.attach(host=node2.spec)
    volume.detach(host=node2.spec)
    assert (point / "letter").exists()
    assert [conn.gateway for conn in volume.connections] == [None]


def test_an_open_file_of_this_process_is_named(root: None, volume: cl.Volume) -> None:  # noqa: ARG001 - asked for its check
    """What open() returned keeps the device until it is closed; the error says that it is this process, and what to do."""
    conn = volume.attach()
    disk = conn.open()
    with pytest.raises(errors.BusyOnStorage, match=r"open in this process \(descriptor \d+: close what open\(\) returned\)"):
        volume.detach()
    disk.write(b"hello")
    disk.close()
    volume.detach()
    assert volume.connections == []


def test_a_file_that_stands_for_a_volume_is_a_device(store: str, tmp_path: Path) -> None:
    """Without loop devices the volume's file is looked at: a process that has it open keeps it."""
    with cl.setup(store=store) as session:
        lab = session.backend("files", volume_driver="local", path=str(tmp_path / "files"), loop_devices="never")
        volume = lab.create_volume(1)
        path = str(volume.attach().path)
        with subprocess.Popen(
            ["sh", "-c", f"exec 3<{path}; echo ready; read line"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == b"ready\n"
            with pytest.raises(errors.BusyOnStorage, match=rf"{path} is mounted or in use: open in process {other.pid} \(sh\)"):
                volume.cleanup()
        volume.cleanup()
        volume.delete()


def test_force_says_what_it_takes(root: None, volume: cl.Volume) -> None:  # noqa: ARG001 - asked for its check
    """With force a device in use is let go, and a warning names what used it."""
    conn = volume.attach()
    path = conn.path
    with (
        conn.open("rb"),
        pytest.warns(errors.DeviceInUse, match=rf"^{path} was in use when it was taken away: open in this process"),
    ):
        volume.detach(force=True)
    assert volume.connections == []


def test_what_nothing_uses_is_detached_without_a_word(root: None, volume: cl.Volume) -> None:  # noqa: ARG001 - asked for its check
    """Force warns of nothing where nothing is taken."""
    volume.attach()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        volume.detach(force=True)


def test_a_host_that_has_a_mounted_device_is_not_shut_out(volume: cl.Volume, point: Path) -> None:
    """A connection without a path is refused, too, while its device is here and mounted."""
    (conn,) = volume.connections
    volume.attach().context.journal.save_side_effects([Update.of(conn, {"path": None, "device": None})], conn)
    with pytest.raises(errors.BusyOnStorage, match="mounted at"):
        conn.disconnect()
    assert (point / "letter").exists()
