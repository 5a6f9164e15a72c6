"""The operations of volumes, snapshots and connections, and what they refuse."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook.drivers.api import CAPABILITIES, FEATURES, GiB

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOST = {"host": "node1", "ip": "10.0.0.7"}


def _write(path: str, data: bytes) -> None:
    handle = os.open(path, os.O_RDWR)
    os.pwrite(handle, data, 4096)
    os.fsync(handle)
    os.close(handle)


def _read(path: str, length: int) -> bytes:
    handle = os.open(path, os.O_RDONLY)
    try:
        return os.pread(handle, length, 4096)
    finally:
        os.close(handle)


def _bytes_of(vol: cl.Volume, length: int) -> bytes:
    path = vol.attach().path
    assert path is not None
    try:
        return _read(path, length)
    finally:
        vol.detach()


def test_bytes_go_through_snapshot_clone_and_revert(sim: cl.Backend) -> None:
    """A snapshot keeps the bytes of its moment: a volume made from it, and the volume reverted to it, hold them."""
    vol = sim.create_volume(1, name="db")
    conn = vol.attach()
    assert conn.path is not None
    _write(conn.path, b"first")
    snap = vol.create_snapshot("before")
    _write(conn.path, b"later")
    vol.detach()
    copy, twin = snap.create_volume("copy", size=2), vol.clone("twin", size=3)
    assert (copy.size, twin.size) == (2, 3)
    assert _bytes_of(copy, 5) == b"first"
    assert _bytes_of(twin, 5) == b"later"
    snap.revert()
    assert _bytes_of(vol, 5) == b"first"
    assert (copy.snapshot_id, twin.source_volid) == (snap.id, vol.id)


def test_extend_returns_bytes_and_reaches_the_attached_device(sim: cl.Backend) -> None:
    """``extend`` gives the new size in bytes; a volume that is attached here grows where it is attached."""
    vol = sim.create_volume(1)
    assert vol.extend(2) == 2 * GiB
    path = vol.attach().path
    assert path is not None
    assert vol.extend(3) == 3 * GiB
    with open(path, "rb") as device:  # noqa: PTH123 - a device is opened, not a path of ours
        assert device.seek(0, os.SEEK_END) == 3 * GiB
    assert vol.status == "in-use"


def test_connections_decide_the_volumes_status(sim: cl.Backend) -> None:
    """A volume is in use from its first connection to its last."""
    vol = sim.create_volume(1)
    one, two = vol.connect(HOST), vol.connect({"host": "node2", "ip": "10.0.0.8"})
    assert (vol.status, vol.attach_status) == ("in-use", "attached")
    vol.disconnect(one)
    assert vol.status == "in-use"
    vol.disconnect(two)
    assert (vol.status, vol.attach_status) == ("available", "detached")


def test_a_device_in_use_is_not_disconnected(sim: cl.Backend) -> None:
    """While the device is attached the connection stays, unless it is forced."""
    vol = sim.create_volume(1)
    conn = vol.attach()
    with pytest.raises(cl.errors.ResourceBusy, match="detach"):
        conn.disconnect()
    conn.detach()
    assert (conn.attached, conn.connected, conn.path) == (False, True, None)
    conn.disconnect()
    assert vol.connections == []


def test_delete_is_refused_while_something_depends_on_the_volume(sim: cl.Backend) -> None:
    """Snapshots and connections protect a volume; ``cascade`` removes the snapshots first, never the connections."""
    vol = sim.create_volume(1, name="db")
    vol.create_snapshot()
    with pytest.raises(cl.errors.ResourceBusy, match=r"1 snapshot.*cascade"):
        vol.delete()
    vol.connect(HOST)
    with pytest.raises(cl.errors.ResourceBusy, match="1 connection"):
        vol.delete(cascade=True)
    assert len(vol.snapshots) == 1
    vol.cleanup()
    vol.delete(cascade=True)
    assert cl.frames.snapshots().empty


def test_manage_adopts_and_unmanage_releases(tmp_path: Path, session: cl.Session) -> None:
    """A file that is in the folder already is adopted under its own name, and its bytes stay when it is released."""
    folder = tmp_path / "volumes"
    local = session.backend("local", volume_driver="local", path=str(folder))
    (folder / "old.img").write_bytes(b"x" * 4096)
    listed = {item["reference"]["source-name"]: item["safe_to_manage"] for item in local.manageable_volumes()}
    assert listed == {"old.img": True}
    vol = local.manage("old.img", name="adopted")
    assert (vol.name, vol.size, vol.name_in_storage, vol.status) == ("adopted", 1, "old.img", "available")
    with pytest.raises(cl.errors.AlreadyExists, match="tracked already"):
        local.manage("old.img")
    with pytest.raises(cl.errors.MissingOnStorage):
        local.manage("nothing.img")
    vol.unmanage()
    assert (folder / "old.img").read_bytes() == b"x" * 4096
    assert local.volumes == []


def _session_with_faults(tmp_path: Path, faults: str) -> cl.Backend:
    return cl.Backend("faulty", volume_driver="sim", path=str(tmp_path / "faulty"), faults=faults)


def test_a_failed_create_stays_tracked_in_error(session: cl.Session, tmp_path: Path) -> None:
    """What the driver failed to make is still there, in error, with its operation, and can be deleted."""
    sim = _session_with_faults(tmp_path, "create_volume:1")
    with pytest.raises(cl.errors.DriverError):
        sim.create_volume(1, name="db")
    vol = cl.find("db")
    assert vol.status == "error"
    done = cl.frames.operations(session, resource_id=vol.id).iloc[0]
    assert (done["action"], done["status"]) == ("create", "failed")
    assert "DriverError" in done["error"]
    vol.delete()
    assert sim.volumes == []


@pytest.mark.parametrize(
    ("faults", "act", "status"),
    [
        ("extend_volume:1", lambda vol: vol.extend(2), "error_extending"),
        ("delete_volume:1", lambda vol: vol.delete(), "error_deleting"),
        ("revert_to_snapshot:1", lambda vol: vol.snapshots[0].revert(), "error"),
    ],
)
def test_a_failed_act_can_be_repeated(
    session: cl.Session, tmp_path: Path, faults: str, act: Callable[[cl.Volume], object], status: str
) -> None:
    """After a driver's failure the status says which act failed, and the same act then succeeds."""
    del session
    vol = _session_with_faults(tmp_path, faults).create_volume(1, name="db")
    if faults.startswith("revert"):
        vol.create_snapshot()
    with pytest.raises(cl.errors.DriverError):
        act(vol)
    assert vol.status == status
    act(vol)
    assert vol.status in {"available", "deleted"}


def test_a_failed_attach_leaves_no_connection(session: cl.Session, tmp_path: Path) -> None:
    """When the storage refuses to let the host in, attach() cleans up after itself."""
    del session
    vol = _session_with_faults(tmp_path, "initialize_connection:1").create_volume(1)
    with pytest.raises(cl.errors.DriverError):
        vol.attach()
    vol.cleanup()
    assert (vol.status, vol.connections) == ("available", [])
    assert vol.attach().path
    vol.detach()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda sim: sim.create_volume(0), "size must be a whole number"),
        (lambda sim: sim.create_volume(-1), "size must be a whole number"),
        (lambda sim: sim.create_volume("big"), "size must be a whole number"),
        (lambda sim: sim.create_volume(1.5), "size must be a whole number"),
        (lambda sim: sim.create_volume(True), "size must be a whole number"),  # noqa: FBT003 - that is the mistake
        (lambda sim: sim.create_volume(1, name="x" * 256), "256 characters"),
        (lambda sim: sim.create_volume(1, name="a\x00b"), "cannot be stored"),
        (lambda sim: sim.create_volume(1, name="a\ud800b"), "cannot be stored"),
        (lambda sim: sim.create_volume(1, name=7), "must be text"),
        (lambda sim: sim.create_volume(1, metadata="a=b"), "must be a dict"),
        (lambda sim: sim.create_volume(1, id="7"), "must be a UUID"),
        (lambda sim: sim.create_volume(2**40), "size"),
        (lambda sim: sim.create_volume(1, bootable="no"), "bootable must be True or False"),
        (lambda sim: sim.create_volume(1, pool_name="a\ud800"), "pool_name"),
        (lambda sim: sim.create_volume(1, availability_zone=7), "availability_zone"),
        (lambda sim: sim.create_volume(2).connect({"host": "a\ud800"}), "host"),
        (lambda sim: sim.create_volume(2).connect({"host": "a", "x": object()}), "connector"),
        (lambda sim: sim.manage(5), "reference must be"),
        (lambda _sim: cl.Volume.get_by_id(None), "id must be"),  # type: ignore[arg-type] # that is the mistake
        (lambda _sim: cl.Volume.get_by_name("a\ud800"), "name"),
        (lambda sim: sim.create_volume(2).extend(1), "cannot shrink"),
        (lambda sim: sim.create_volume(2).clone(size=1), "at least 2 GiB"),
        (lambda sim: sim.create_volume(2).connect({}), "connector"),
        (lambda _sim: cl.Backend(), "needs a name"),
        (lambda _sim: cl.Backend("a", volume_driver="sim", path="/tmp/x", capacity="much"), "capacity"),  # noqa: S108 - unused
        (lambda _sim: cl.Backend("a", volume_driver="sim", pth="/tmp/x"), "Did you mean 'path'"),  # noqa: S108 - unused
        (lambda _sim: cl.find(""), "Say what to look for"),
        (lambda _sim: cl.Backend("a", volume_driver=["sim"]), "name of a driver"),
        (lambda _sim: cl.setup(store="nosuch://x"), "not the URL"),
    ],
)
def test_bad_input_is_one_clear_line_and_changes_nothing(
    sim: cl.Backend, make: Callable[[cl.Backend], object], message: str
) -> None:
    """Wrong values raise InvalidInput with one line, and leave no volume that was not asked for."""
    with pytest.raises(cl.errors.InvalidInput, match=message) as caught:
        make(sim)
    assert "\n" not in str(caught.value)
    assert all(vol.status == "available" for vol in sim.volumes)


def test_unknown_driver_names_the_close_match(session: cl.Session) -> None:
    """A driver's name with a typing mistake is answered with the right one."""
    del session
    with pytest.raises(cl.errors.NotFound, match="Did you mean 'local'"):
        cl.Backend("a", volume_driver="locl", path="x")


@pytest.mark.parametrize(
    "name",
    [
        'o\'clock "quoted"',
        "two\nlines",
        "\N{PILE OF POO}" * 255,
        "<script>alert(1)</script>",
        "x" * 255,
        "'; DROP TABLE volume;--",
    ],
)
def test_strange_names_are_kept_as_they_are(sim: cl.Backend, name: str) -> None:
    """Quotes, newlines, emoji, markup and 255 characters come back unchanged, and are found by name."""
    vol = sim.create_volume(1, name=name)
    vol.refresh()
    assert vol.name == name
    assert cl.find(name) is vol
    assert cl.frames.volumes(name=[name])["name"].tolist() == [name]
    assert "\n" not in repr(vol)


def test_a_prefix_that_fits_two_lists_them(sim: cl.Backend) -> None:
    """An ambiguous text is an error that names the candidates; ``all=True`` gives them."""
    one = sim.create_volume(1, id="aaaa0000-0000-4000-8000-000000000001")
    two = sim.create_volume(1, id="aaaa0000-0000-4000-8000-000000000002")
    with pytest.raises(cl.errors.Ambiguous, match="fits 2 resources") as caught:
        cl.find("aaaa")
    assert len(caught.value.candidates) == 2
    assert cl.find("aaaa", all=True) == [one, two]
    with pytest.raises(cl.errors.NotFound):
        cl.find("nothing like it")


def test_capabilities_are_known_before_the_call(sim: cl.Backend) -> None:
    """A backend says what its driver can do."""
    able = {name for name, can in sim.capabilities.items() if can}
    listing = {"list_manageable", "manage_snapshots", "list_manageable_snapshots"}
    assert able == {"revert", "manage", *listing, "clone_bigger", "extend_attached", "multiattach", "atomic"}
    assert set(sim.capabilities) == {*CAPABILITIES, *FEATURES}


def test_what_does_not_fit_leaves_no_volume_behind(session: cl.Session, tmp_path: Path) -> None:
    """Beyond the quota a create is refused in one line, nothing is tracked, and the history has the attempt."""
    local = session.backend("local", volume_driver="local", path=str(tmp_path / "volumes"), quota=3)
    vol = local.create_volume(2, name="db")
    with pytest.raises(cl.errors.StorageFull, match="quota"):
        local.create_volume(2, name="too big")
    with pytest.raises(cl.errors.StorageFull, match="quota"):
        vol.extend(4)
    assert (local.volumes, vol.size, vol.status) == ([vol], 2, "available")
    assert cl.frames.operations(status="failed")["action"].tolist() == ["create", "extend"]


def test_a_full_disk_in_the_middle_of_a_copy_loses_nothing(session: cl.Session, full_disk: Path) -> None:
    """When a copy does not fit, the source is as it was, no half-made volume is left, and space is given back."""
    local = session.backend("local", volume_driver="local", path=str(full_disk), reflink="never", loop_devices="never")
    vol = local.create_volume(1, name="db")
    path = vol.attach().path
    assert path is not None
    _write(path, b"x" * (12 << 20))
    vol.detach()
    with pytest.raises(cl.errors.StorageFull) as caught:
        vol.clone("copy")
    assert "\n" not in str(caught.value)
    assert local.volumes == [vol]
    assert [entry.name for entry in full_disk.iterdir() if entry.is_file()] == [vol.name_in_storage]
    assert _bytes_of(vol, 4) == b"xxxx"


def test_a_name_is_meant_before_the_beginning_of_an_id(sim: cl.Backend) -> None:
    """A volume called ``db1100`` is found by its name even if another one's id begins so; ``all=True`` gives both."""
    # as long as that, because the backend's random id must not begin so, too
    named = sim.create_volume(1, name="db1100", id="11110000-0000-4000-8000-000000000001")
    other = sim.create_volume(1, id="db110000-0000-4000-8000-000000000002")
    assert cl.find("db1100") is named
    assert cl.find("db1100", all=True) == [named, other]
    assert cl.find("DB1100") is other
    assert cl.find(named.id.upper()) is named
    with pytest.raises(cl.errors.NotFound):
        cl.find("%")


def test_an_adoption_that_fails_halfway_stays_tracked(session: cl.Session, tmp_path: Path) -> None:
    """A volume whose adoption failed in the driver may have been changed there: it stays known, and can be released."""
    backend = session.backend("faulty", volume_driver="sim", path=str(tmp_path / "faulty"), faults="manage_existing:1")
    backend.driver.appear("theirs", 2)  # type: ignore[attr-defined] # the simulator's
    with pytest.raises(cl.errors.DriverError):
        backend.manage("theirs")
    (volume,) = backend.volumes
    assert (volume.status, volume.name_in_storage) == ("managing", "theirs")
    volume.unmanage()
    assert backend.volumes == []
    assert backend.manage("theirs").size == 2


def test_what_is_not_ours_is_never_removed(session: cl.Session, tmp_path: Path) -> None:
    """Deleting a volume whose adoption was cut short releases it, also when the storage fails at the first attempt."""
    backend = session.backend("faulty", volume_driver="sim", path=str(tmp_path / "faulty"), faults="manage_existing:1,unmanage:1")
    backend.driver.appear("theirs", 2)  # type: ignore[attr-defined] # the simulator's
    with pytest.raises(cl.errors.DriverError):
        backend.manage("theirs")
    (volume,) = backend.volumes
    with pytest.raises(cl.errors.DriverError):
        volume.delete()
    assert volume.status == "managing"
    volume.delete()
    assert (volume.status, backend.volumes) == ("deleted", [])
    assert [found["reference"]["source-name"] for found in backend.manageable_volumes()] == ["theirs"]
