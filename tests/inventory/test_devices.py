"""Devices of this host: those of connections, those that are gone, and those that are left over."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook.inventory import devices
from cl_notebook.inventory.connections import Connections, has_device
from cl_notebook.model.operations.changes import Update
from tests.attach.kernel import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cl_notebook.inventory.verdicts import Finding

UUID = "8e0a3cb2-0a7c-4c7a-8b21-5b6c4f0a9d11"


@pytest.fixture
def lab(session: cl.Session, tmp_path: Path) -> cl.Backend:
    """Return an open backend whose volumes are files that loop devices can stand on."""
    return session.backend("lab", volume_driver="local", path=str(tmp_path / "storage"))


@pytest.fixture
def loops(root: None, tmp_path: Path) -> Iterator[Any]:  # noqa: ARG001 - asked for its check
    """Give a function that sets up a loop device for a file; what is left of them at the end is let go."""

    def set_up(file: Path) -> str:
        return subprocess.run(["losetup", "-f", "--show", file], check=True, capture_output=True, text=True).stdout.strip()

    yield set_up
    for line in subprocess.run(
        ["losetup", "-l", "-n", "-O", "NAME,BACK-FILE"], check=True, capture_output=True, text=True
    ).stdout.splitlines():
        if str(tmp_path) in line:
            subprocess.run(["losetup", "-d", line.split()[0]], check=True)


def _devices(session: cl.Session) -> list[Finding]:
    return [each for each in cl.inventory.findings(session) if each.kind == "device"]


def test_a_device_of_a_connection_is_not_left_over(root: None, session: cl.Session, lab: cl.Backend) -> None:  # noqa: ARG001 - asked for its check
    """The loop device of a volume that is attached, or connected, belongs to the connection."""
    volume = lab.create_volume(1)
    conn = volume.attach()
    assert conn.path is not None
    assert conn.path.startswith("/dev/loop")
    assert {each.kind: each.verdict for each in cl.inventory.findings(session)} == {"volume": "ok", "connection": "ok"}
    conn.detach()
    assert _devices(session) == []
    volume.cleanup()
    assert _devices(session) == []


def test_a_loop_device_without_a_connection_is_left_over(
    session: cl.Session, lab: cl.Backend, tmp_path: Path, loops: Any
) -> None:
    """A loop device of a volume's file that no connection accounts for is named with its volume, and can be let go."""
    volume = lab.create_volume(1, name="db")
    path = loops(tmp_path / "storage" / volume.name_in_storage)
    elsewhere = tmp_path / "not ours"
    elsewhere.write_bytes(bytes(4096))
    loops(elsewhere)
    (seen,) = _devices(session)
    assert (seen.verdict, seen.id, seen.name, seen.device) == ("leftover device", volume.id, "db", path)
    assert seen.next == f"%cl_scan repair {path}"
    assert cl.inventory.repair(path, session=session) == f"{path} was let go."
    assert _devices(session) == []
    with pytest.raises(cl.errors.Refused, match="not left over"):
        cl.inventory.repair(path, session=session)


def test_a_loop_device_outlives_its_file(session: cl.Session, lab: cl.Backend, tmp_path: Path, loops: Any) -> None:
    """A loop device whose file was removed is all that there is of it: left over, and let go only if that is said twice."""
    volume = lab.create_volume(1)
    file = tmp_path / "storage" / volume.name_in_storage
    path = loops(file)
    file.unlink()
    (seen,) = _devices(session)
    assert (seen.device, seen.detail) == (path, "A loop device of a file that is gone: what it holds is nowhere else.")
    with pytest.raises(cl.errors.Refused, match=rf"dd if={path} .* repair {path} --yes"):
        cl.inventory.repair(path, session=session)
    assert not any(cl.inventory.repair_all(session=session)["done"])
    assert [each.device for each in _devices(session)] == [path]
    assert cl.inventory.repair(path, remove=True, session=session) == f"{path} was let go."


@pytest.mark.filterwarnings("ignore::cl_notebook.errors.DuplicateBackendWarning")
def test_the_devices_of_one_storage_under_two_names_are_listed_once(
    session: cl.Session, lab: cl.Backend, tmp_path: Path, loops: Any
) -> None:
    """A device attached under one name is no orphan under the other; an orphan is reported under its own name."""
    session.backend("alias", volume_driver="local", path=str(tmp_path / "storage"))
    attached, plain, stray = lab.create_volume(1), lab.create_volume(1), tmp_path / "storage" / "stray"
    path = attached.attach().path
    assert _devices(session) == []
    assert cl.inventory.repair_all("alias", session=session).empty
    assert {each.verdict for each in cl.inventory.findings(session)} == {"ok"}
    with pytest.raises(cl.errors.Refused, match="not left over"):
        cl.inventory.repair(str(path), session=session)
    with stray.open("wb") as file:
        file.truncate(1024**3)
    for file_of in (tmp_path / "storage" / plain.name_in_storage, stray):
        loops(file_of)
    assert [(each.backend, each.id) for each in _devices(session)] == [("lab", None), ("lab", plain.id)]
    attached.cleanup()


@pytest.mark.parametrize("known", ["adopted here, too", "not tracked here"])
def test_what_is_attached_by_a_session_on_another_store_is_not_let_go(
    session: cl.Session, lab: cl.Backend, tmp_path: Path, loops: Any, known: str
) -> None:
    """A device of a volume that its storage has connected goes only if that is said twice, tracked here or not."""
    del loops
    with cl.Session(tmp_path / "theirs.db") as other:
        volume = other.backend("lab", volume_driver="local", path=str(tmp_path / "storage")).create_volume(1)
        path = volume.attach().path or ""
        if known == "adopted here, too":
            lab.manage(volume.name_in_storage)
        assert "its storage has it connected" in str(_devices(session)[0].detail)
        assert not any(cl.inventory.repair_all(session=session)["done"])
        with pytest.raises(cl.errors.Refused, match=f"repair {path} --yes"):
            cl.inventory.repair(path, session=session)
        assert {each.verdict for each in cl.inventory.findings(other)} == {"ok"}
        assert cl.inventory.repair(path, remove=True, session=session) == f"{path} was let go."


def test_a_file_may_be_called_as_if_it_were_deleted(loops: Any, session: cl.Session, lab: cl.Backend, tmp_path: Path) -> None:  # noqa: ARG001 - asked for its check
    """Of two files, one with `` (deleted)`` behind the other's name, each has its own device, which the other's end leaves."""
    both = []
    for name in ("disk", "disk (deleted)"):
        with (tmp_path / "storage" / name).open("wb") as file:
            file.truncate(1024**3)
        both.append(lab.manage(name))
    plain, odd = both
    paths = [volume.attach().path for volume in both]
    assert [volume.attach().path for volume in both] == paths
    assert _devices(session) == []
    plain.detach()
    (tmp_path / "storage" / "disk").unlink()
    plain.delete()
    assert {each.verdict for each in cl.inventory.findings(session)} == {"ok"}
    odd.detach()
    assert str(tmp_path) not in subprocess.run(["losetup", "-a"], check=True, capture_output=True, text=True).stdout


def test_a_device_in_use_is_not_let_go(session: cl.Session, lab: cl.Backend, tmp_path: Path, loops: Any) -> None:
    """A left-over device that somebody has mounted stays, and the error says so."""
    volume = lab.create_volume(1)
    path = loops(tmp_path / "storage" / volume.name_in_storage)
    point = tmp_path / "mounted"
    point.mkdir()
    subprocess.run(["mkfs.ext4", "-q", path], check=True)
    subprocess.run(["mount", path, point], check=True)
    try:
        with pytest.raises(cl.errors.BusyOnStorage, match="mounted"):
            cl.inventory.repair(path, session=session)
    finally:
        subprocess.run(["umount", point], check=True)
    assert cl.inventory.repair(path, session=session) == f"{path} was let go."


def test_a_connection_that_lost_its_device_is_missing(root: None, session: cl.Session, lab: cl.Backend) -> None:  # noqa: ARG001 - asked for its check
    """Once its loop device is gone, as after a restart, an attached connection is missing; repaired, it has one again."""
    volume = lab.create_volume(1)
    conn = volume.attach()
    subprocess.run(["losetup", "-d", str(conn.path)], check=True)
    (seen,) = [each for each in cl.inventory.findings(session) if each.kind == "connection"]
    assert (seen.verdict, seen.id, seen.next) == ("missing", conn.id, f"%cl_scan repair {conn.id}")
    assert "attached" in cl.inventory.repair(conn)
    assert {each.verdict for each in cl.inventory.findings(session)} == {"ok"}
    assert cl.inventory.repair(conn) == "Nothing is wrong with it."
    volume.cleanup()


def test_without_the_host_only_what_is_stuck_is_reported(session: cl.Session, lab: cl.Backend) -> None:
    """With ``host=False`` neither devices nor settled connections are looked at."""
    volume = lab.create_volume(1)
    volume.attach()
    assert [each.kind for each in cl.inventory.findings(session, host=False)] == ["volume"]
    volume.cleanup()


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    """Return a kernel that tells of nothing yet."""
    tree = tmp_path / "kernel"
    tree.mkdir()
    return Kernel(tree)


def _connected(session: cl.Session, backend: cl.Backend, protocol: str, data: dict[str, Any]) -> cl.Connection:
    """Return a connection of a volume whose storage answered with *data*."""
    volume = backend.create_volume(1, name="db")
    conn = volume.connect({"host": session.settings.host, "ip": "192.0.2.1"})
    _write(session, conn, conn_info={"driver_volume_type": protocol, "data": data})
    return conn


def _write(session: cl.Session, conn: cl.Connection, **values: Any) -> None:
    session.journal.save_side_effects([Update.of(conn, values)], conn)


def _iscsi(kernel: Kernel) -> dict[str, Any]:
    kernel.iscsi("sda", "iqn.2010-10.org:one", 7)
    return {"target_iqn": "iqn.2010-10.org:one", "target_lun": 7}


def _multipath(kernel: Kernel) -> dict[str, Any]:
    for number, disk in enumerate(("sda", "sdb"), 1):
        kernel.iscsi(disk, f"iqn.2010-10.org:{number}", 1, session=number)
    kernel.multipath("dm-0", "sda", "sdb")
    kernel.tell("sys/block/dm-0/dm/uuid", "mpath-3600")
    kernel.tell("sys/block/dm-0/dm/name", "mpatha")
    return {"target_iqns": ["iqn.2010-10.org:1", "iqn.2010-10.org:2"], "target_luns": [1, 1]}


def _fibre_channel(kernel: Kernel) -> dict[str, Any]:
    kernel.link("sys/block/sda/device", "sys/devices/pci0/host3/rport-3:0-1/target3:0:1/3:0:1:4")
    kernel.tell("sys/class/fc_remote_ports/rport-3:0-1/port_name", "0x50060e801049cfd1")
    return {"target_wwn": ["50:06:0E:80:10:49:CF:D1"], "target_lun": 4}


def _nvme(kernel: Kernel) -> dict[str, Any]:
    kernel.tell("sys/block/nvme0n1/wwid", f"uuid.{UUID}")
    return {"vol_uuid": UUID, "target_nqn": "nqn.2014-08.org:x"}


def _rbd(kernel: Kernel) -> dict[str, Any]:
    (kernel.root / "sys/block/rbd0").mkdir(parents=True)
    for name, text in (("pool", "volumes"), ("name", "image"), ("current_snap", "-")):
        kernel.tell(f"sys/bus/rbd/devices/0/{name}", text)
    return {"name": "volumes/image"}


_ATTACHED = {
    "iscsi": (_iscsi, "/dev/sda"),
    "iscsi through multipath": (_multipath, "/dev/mapper/mpatha"),
    "fibre_channel": (_fibre_channel, "/dev/sda"),
    "nvmeof": (_nvme, "/dev/nvme0n1"),
    "rbd": (_rbd, "/dev/rbd0"),
}


@pytest.mark.parametrize("protocol", _ATTACHED)
def test_a_device_is_known_by_what_the_storage_named(session: cl.Session, sim: cl.Backend, kernel: Kernel, protocol: str) -> None:
    """A device that a connection leads to is left over while the connection has none, and belongs to it once it has it."""
    make, path = _ATTACHED[protocol]
    kernel.tell("sys/block/sdz/size", "1")  # somebody else's
    conn = _connected(session, sim, protocol.partition(" ")[0], make(kernel))
    (seen,) = devices.findings(session, [sim], root=kernel.root)
    assert (seen.verdict, seen.id, seen.name, seen.device) == ("leftover device", conn.volume_id, "db", path)
    assert has_device(conn, root=kernel.root)
    _write(session, conn, path="/dev/x", attached_host=session.settings.host)
    assert devices.findings(session, [sim], root=kernel.root) == []


def test_a_device_is_known_by_the_name_of_its_volume(session: cl.Session, sim: cl.Backend, kernel: Kernel) -> None:
    """A disk whose target is called like a tracked volume is left over, also without a connection; others are not named."""
    volume = sim.create_volume(1)
    kernel.iscsi("sda", f"iqn.2010-10.org.openstack:{volume.name_in_storage}", 1)
    kernel.iscsi("sdb", "iqn.2010-10.org.openstack:volume-of-somebody-else", 1, session=2)
    (seen,) = devices.findings(session, [sim], root=kernel.root)
    assert (seen.id, seen.device, seen.detail) == (volume.id, "/dev/sda", "A disk of it is here, and no connection.")


@pytest.mark.parametrize(
    ("device", "verdict"),
    [({}, "missing"), ({"target": "iqn.2010-10.org:other"}, "missing"), ({"target": "iqn.2010-10.org:one"}, "ok")],
    ids=["gone", "of another volume", "there"],
)
def test_an_attached_connection_is_checked_by_identity(
    session: cl.Session, sim: cl.Backend, kernel: Kernel, device: dict[str, str], verdict: str
) -> None:
    """A path that is gone, or that has become another volume's, makes its connection missing."""
    if device:
        kernel.iscsi("sda", device["target"], 7)
    conn = _connected(session, sim, "iscsi", {"target_iqn": "iqn.2010-10.org:one", "target_lun": 7})
    _write(session, conn, path="/dev/sda", attached_host=session.settings.host)
    (seen,) = Connections(session, sim.id, sim.name, root=kernel.root).findings(host=True)
    assert (seen.verdict, seen.id) == (verdict, conn.id)


def test_what_is_attached_elsewhere_is_unknown(session: cl.Session, sim: cl.Backend) -> None:
    """A connection that is attached on another host is not looked at, and not called missing."""
    volume = sim.create_volume(1)
    conn = volume.connect({"host": "web1", "ip": "192.0.2.7"})
    _write(session, conn, path="/dev/sda", attached_host="web1")
    (seen,) = [each for each in cl.inventory.findings(session) if each.kind == "connection"]
    assert (seen.verdict, seen.detail) == ("unknown", "It is attached on web1, which is not looked at from here.")


_SENSELESS: dict[str, dict[str, Any]] = {
    "empty": {"data": None},
    "of no protocol": {"driver_volume_type": None, "data": {}},
    "without data": {"driver_volume_type": "iscsi", "data": None},
}


@pytest.mark.parametrize("name", _SENSELESS)
def test_connection_information_that_makes_no_sense_ends_no_scan(
    session: cl.Session, sim: cl.Backend, kernel: Kernel, name: str
) -> None:
    """What was loaded from elsewhere as connection information, and is none, leaves its connection unknown."""
    kernel.iscsi("sda", "iqn.2010-10.org:one", 7)
    conn = _connected(session, sim, "iscsi", {})
    _write(session, conn, path="/dev/sda", attached_host=session.settings.host, conn_info=_SENSELESS[name])
    (seen,) = Connections(session, sim.id, sim.name, root=kernel.root).findings(host=True)
    assert (seen.verdict, seen.detail) == ("unknown", "What the storage said of its device makes no sense.")
    assert devices.findings(session, [sim], root=kernel.root) == []
    assert not has_device(conn, root=kernel.root)
