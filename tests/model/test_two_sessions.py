"""Two sessions on one store, each with its own objects: neither is misled, and neither takes from the other."""

from __future__ import annotations

import shutil
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook.drivers.api import GiB

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Return the name of a store in a file."""
    return str(tmp_path / "store.db")


@pytest.fixture
def mine(store: str) -> Iterator[cl.Session]:
    """Give one session, on the host ``one``."""
    with cl.Session(store, host="one") as session:
        yield session


@pytest.fixture
def other(store: str) -> Iterator[cl.Session]:
    """Give another session on the same store and host."""
    with cl.Session(store, host="one") as session:
        yield session


@pytest.fixture
def lab(mine: cl.Session, tmp_path: Path) -> cl.Backend:
    """Return a backend on the simulator, open in the first session."""
    return mine.backend("lab", volume_driver="sim", path=str(tmp_path / "lab"))


def test_a_connection_made_elsewhere_is_seen_on_the_volume(lab: cl.Backend, other: cl.Session) -> None:
    """After another session connects or disconnects a volume, ``refresh()`` shows its status, and acts go on."""
    vol = lab.create_volume(1, "db")
    theirs = other.find("db").connect({"host": "x", "ip": "1"})
    vol.refresh()
    assert (vol.status, vol.attach_status) == ("in-use", "attached")
    vol.extend(2)
    theirs.disconnect()
    vol.refresh()
    assert vol.status == "available"
    vol.delete()


def test_cascade_removes_nothing_if_the_volume_cannot_go(lab: cl.Backend, other: cl.Session) -> None:
    """A volume that is connected, or worked on elsewhere, keeps its snapshots when its deletion is refused."""
    vol = lab.create_volume(1, "db")
    vol.create_snapshot("precious")
    theirs = other.find("db").connect({"host": "x", "ip": "1"})
    with pytest.raises(cl.errors.ResourceBusy):
        vol.delete(cascade=True)
    assert [snap.name for snap in vol.snapshots] == ["precious"]
    theirs.disconnect()
    vol.delete(cascade=True)
    assert (vol.status, len(cl.frames.snapshots(other))) == ("deleted", 0)


def test_an_attachment_that_fails_leaves_alone_what_others_make(mine: cl.Session, other: cl.Session, tmp_path: Path) -> None:
    """A connection to the same host that another session made, or failed to make, outlives an ``attach()`` that fails."""
    lab = mine.backend("lab", volume_driver="sim", path=str(tmp_path / "lab"), faults="initialize_connection:1-2")
    vol = lab.create_volume(1, "db")
    with pytest.raises(cl.errors.DriverError):
        other.find("db").connect({"host": "one"})
    (theirs,) = other.find("db").connections
    with pytest.raises(cl.errors.DriverError):
        vol.attach()
    assert [conn.id for conn in vol.connections] == [theirs.id]


def test_an_outcome_hides_nothing_that_others_did(lab: cl.Backend, other: cl.Session) -> None:
    """An act on a connection writes its volume's row, too: what others changed there is seen then, and no save undoes it."""
    vol = lab.create_volume(1, "db")
    conn = vol.connect({"host": "x"})
    vol.name = "mine"
    theirs = other.find("db")
    theirs.extend(3)
    theirs.name = "theirs"
    theirs.save()
    conn.disconnect()
    assert (vol.size, vol.status) == (3, "available")
    with pytest.raises(cl.errors.InvalidInput, match="cannot shrink"):
        vol.extend(2)
    with pytest.raises(cl.errors.ChangedElsewhere):
        vol.save()
    assert vol.name == "theirs"


def test_an_act_that_comes_too_late_keeps_what_was_not_saved(lab: cl.Backend, other: cl.Session) -> None:
    """When an act is refused because the row was changed elsewhere, what was set on the object and not saved is still there."""
    vol = lab.create_volume(1, "db")
    vol.name = "mine"
    other.find("db").extend(3)
    with pytest.raises(cl.errors.ChangedElsewhere):
        vol.extend(2)
    assert (vol.name, vol.size) == ("mine", 3)


def test_a_connection_of_another_host_is_left_alone(lab: cl.Backend, store: str) -> None:
    """What is attached on one host is not attached, detached or cleaned up from another, unless that is forced."""
    vol = lab.create_volume(1, "db")
    conn = vol.attach()
    with cl.Session(store, host="two") as elsewhere:
        theirs = elsewhere.find("db")
        for act in (theirs.connections[0].attach, theirs.connections[0].detach):
            with pytest.raises(cl.errors.InvalidStatus, match="attached on one"):
                act()
        with pytest.raises(cl.errors.ResourceBusy, match="attached on one"):
            theirs.cleanup()
        assert theirs.local_attach is None
    vol.refresh()
    assert vol.local_attach is conn
    vol.detach()


def test_a_replaced_configuration_reaches_the_other_session(lab: cl.Backend, other: cl.Session, tmp_path: Path) -> None:
    """Once one session replaces a backend's configuration, the other one works with the new one, too."""
    lab.create_volume(1, "old")
    other.backend("lab", volume_driver="sim", path=str(tmp_path / "new"), replace=True)
    lab.create_volume(1, "new")
    assert (tmp_path / "new").exists()
    assert {item["size"] for item in other.backends["lab"].manageable_volumes()} == {1}
    again = lab.context.open_backend("lab", {"volume_driver": "sim", "path": str(tmp_path / "new")}, replace=False)
    assert again is lab


def test_a_volume_removed_while_it_was_made_is_tracked_again(store: str, tmp_path: Path, other: cl.Session) -> None:
    """Whoever removes the row of a volume that is being made cannot leave it on the storage with nobody tracking it."""
    with cl.Session(store, host="one") as slow:
        backend = slow.backend("slow", volume_driver="sim", path=str(tmp_path / "slow"), latency=0.5)
        made: list[cl.Volume] = []
        maker = threading.Thread(target=lambda: made.append(backend.create_volume(1, "db")))
        maker.start()
        while not other.find("db", all=True):
            pass
        with other.store.writing() as connection:
            connection.exec_driver_sql("DELETE FROM volume")
        maker.join()
        assert made[0].status == "available"
        assert len(cl.frames.volumes(other)) == 1
        made[0].refresh()
        assert made[0].status == "available"


def test_two_sessions_adopt_one_volume_once(lab: cl.Backend, other: cl.Session, tmp_path: Path) -> None:
    """While one session adopts a volume of the storage, another one finds it taken."""
    driver = lab.driver
    driver.appear("ghost", 1)  # type: ignore[attr-defined] # the simulator's
    theirs = other.backend("lab", volume_driver="sim", path=str(tmp_path / "lab"))
    vol = lab.manage("ghost")
    with pytest.raises(cl.errors.AlreadyExists, match="tracked already"):
        theirs.manage("ghost")
    assert vol.name_in_storage == "ghost"


def test_the_size_of_a_snapshot_is_that_of_its_moment(lab: cl.Backend, other: cl.Session) -> None:
    """A snapshot of a volume that was extended elsewhere has the size that the volume has now."""
    vol = lab.create_volume(1, "db")
    other.find("db").extend(2)
    snap = vol.create_snapshot("s")
    assert (snap.volume_size, snap.create_volume("copy").size) == (2, 2)
    with pytest.raises(cl.errors.InvalidInput, match=r"size of volume 'db'.*cannot be set"):
        vol.size = 50
    assert vol.create_snapshot("t").volume_size == 2


def test_metadata_changed_in_place_is_saved_or_given_up(lab: cl.Backend, mine: cl.Session) -> None:
    """Keys that are set inside ``metadata`` survive other reads, are written by ``save()`` and given up by ``refresh()``."""
    vol = lab.create_volume(1, "db", metadata={"a": "1"})
    vol.metadata["b"] = "2"
    lab.create_volume(1, "another")
    assert mine.find("db").metadata == {"a": "1", "b": "2"}
    vol.save()
    vol.refresh()
    assert vol.metadata == {"a": "1", "b": "2"}
    vol.metadata["c"] = "3"
    vol.refresh()
    assert vol.metadata == {"a": "1", "b": "2"}


def test_a_save_does_not_undo_what_was_saved_elsewhere(lab: cl.Backend, mine: cl.Session, other: cl.Session) -> None:
    """A value set before somebody else's save, and saved after it, is refused, however often the row was read meanwhile."""
    vol = lab.create_volume(1, "db")
    vol.description = "mine"
    theirs = other.find("db")
    theirs.description = "theirs"
    theirs.save()
    assert mine.find("db").description == "mine"
    with pytest.raises(cl.errors.ChangedElsewhere):
        vol.save()
    assert vol.description == "theirs"


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("status", "error", "repair"),
        ("size", 9, "extend"),
        ("attach_status", "attached", "attach"),
        ("backend_id", "x", "only: name, description"),
        ("backend", None, "only: name"),
        ("snapshots", [], "create_snapshot"),
        ("connections", [], "connect"),
        ("id", "x", "only: name"),
        ("extend", 3, "only: name"),
    ],
)
def test_what_follows_from_acts_cannot_be_set(lab: cl.Backend, name: str, value: object, hint: str) -> None:
    """Setting a status, a size or a relation fails at once, and the error says what changes it."""
    vol = lab.create_volume(1, "db")
    with pytest.raises(cl.errors.InvalidInput, match=f"{name} of volume 'db'.*cannot be set.*{hint}"):
        setattr(vol, name, value)
    with pytest.raises(cl.errors.InvalidInput, match=f"{name} of volume 'db'.*cannot be deleted"):
        delattr(vol, name)
    vol.save()
    assert (vol.status, vol.size) == ("available", 1)
    assert vol.backend is lab


@pytest.mark.parametrize("kind", ["backend", "volume", "snapshot", "connection"])
def test_an_attribute_that_does_not_exist_cannot_be_set(lab: cl.Backend, kind: str) -> None:
    """A slip in the name of an attribute fails at once, with the close match, on every kind of resource."""
    vol = lab.create_volume(1, "db")
    resources = {"backend": lab, "volume": vol, "snapshot": vol.create_snapshot("s"), "connection": vol.attach()}
    hint = "Did you mean 'name'" if kind in {"volume", "snapshot"} else ""
    with pytest.raises(cl.errors.InvalidInput, match=f"A {kind} has no attribute 'nmae'.*{hint}"):
        resources[kind].nmae = "x"  # type: ignore[attr-defined] # that is the slip


def test_an_act_that_fails_leaves_the_error_that_was_there(mine: cl.Session, tmp_path: Path) -> None:
    """A volume whose creation failed is not made available by another failure."""
    faulty = mine.backend("faulty", volume_driver="sim", path=str(tmp_path / "f"), faults="create_volume:1,unmanage:1")
    with pytest.raises(cl.errors.DriverError):
        faulty.create_volume(1, "db")
    vol = mine.find("db")
    with pytest.raises(cl.errors.DriverError):
        vol.unmanage()
    assert vol.status == "error"


def test_detaching_can_be_finished_after_a_failure(mine: cl.Session, tmp_path: Path) -> None:
    """When the storage refuses to shut the host out, ``detach()`` can be repeated; attaching again uses the same connection."""
    path = str(tmp_path / "f")
    vol = mine.backend("faulty", volume_driver="sim", path=path, faults="terminate_connection:1-2").create_volume(1, "db")
    conn = vol.attach()
    with pytest.raises(cl.errors.DriverError):
        vol.detach()
    assert vol.attach() is conn
    with pytest.raises(cl.errors.DriverError):
        vol.detach()
    vol.detach()
    assert (vol.connections, vol.status) == ([], "available")


def test_an_attachment_that_failed_leaves_nothing_behind(mine: cl.Session, tmp_path: Path) -> None:
    """When the storage refuses to let the host in, no connection stays, and the volume can be deleted."""
    path = str(tmp_path / "f")
    vol = mine.backend("faulty", volume_driver="sim", path=path, faults="initialize_connection:1").create_volume(1, "db")
    with pytest.raises(cl.errors.DriverError):
        vol.attach()
    assert (vol.connections, vol.status) == ([], "available")
    vol.delete()


def test_unknown_fields_are_named(lab: cl.Backend) -> None:
    """A keyword with a typing mistake is answered with the right one."""
    vol = lab.create_volume(1, "db")
    with pytest.raises(cl.errors.InvalidInput, match="Did you mean 'bootable'"):
        vol.clone("copy", bootabel=True)
    assert vol.clone("copy", bootable=True).bootable


def test_a_closed_session_is_refused(lab: cl.Backend, mine: cl.Session) -> None:
    """After ``close()`` neither the session nor its objects act."""
    vol = lab.create_volume(1, "db")
    mine.close()
    for act in (lambda: mine.find("db"), lambda: mine.backend("lab"), lambda: vol.extend(2)):
        with pytest.raises(cl.errors.Refused):
            act()
    mine.close()


@pytest.mark.usefixtures("root")
def test_extending_finds_a_device_that_vanished(mine: cl.Session, tmp_path: Path) -> None:
    """After the host lost its loop device, extending the volume sets it up again; the right one, and of the new size."""
    local = mine.backend("local", volume_driver="local", path=str(tmp_path / "local"))
    vol, other = local.create_volume(1, "db"), local.create_volume(1, "other")
    before = vol.attach().path
    assert before is not None
    losetup = shutil.which("losetup", path="/usr/sbin:/sbin:/usr/bin:/bin")
    assert losetup is not None
    subprocess.run([losetup, "-d", before], check=True)
    other.attach()
    assert vol.extend(2) == 2 * GiB
    assert (vol.status, vol.size) == ("in-use", 2)
    assert vol.connections[0].path != other.connections[0].path
    vol.detach()
    other.detach()
