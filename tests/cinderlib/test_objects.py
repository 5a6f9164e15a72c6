"""Scripts for cinderlib, on the simulator."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook
from cl_notebook import cinderlib as cl
from cl_notebook import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

# os-brick starts processes after eventlet was imported, which eventlet warns of
pytestmark = pytest.mark.filterwarnings("ignore:Using fork")


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Any]:
    """Give an open backend on a store in memory."""
    cl.Backend.global_initialization = False
    cl.setup()
    yield cl.Backend(volume_backend_name="sim", volume_driver="sim", path=str(tmp_path / "sim"), capacity=9)
    cl_notebook.default_session().close()
    cl.Backend.global_initialization = False


def test_one_object_stands_for_one_of_ours(backend: Any) -> None:
    """However a volume, a snapshot or a connection is come by, it is the same object while somebody holds it."""
    volume = backend.create_volume(1, name="db")
    snapshot, connection = volume.create_snapshot("before"), volume.attach()
    assert cl.Backend.backends == {"sim": backend}
    assert cl.Volume.get_by_id(volume.id) is volume
    assert cl.Volume.get_by_name("db") == [volume]
    assert backend.persistence.get_volumes(volume_name="db", backend_name="sim") == [volume]
    assert backend.persistence.get_snapshots(volume_id=volume.id) == volume.snapshots == [snapshot]
    assert backend.persistence.get_connections(connection.id) == volume.connections == [connection]
    assert snapshot.volume is connection.volume is volume
    assert volume.local_attach is connection
    assert volume.backend is backend


def test_volumes_are_made_in_two_steps(backend: Any) -> None:
    """A volume or a snapshot is made of a class, and created afterwards."""
    volume = cl.Volume("sim", size=2, name="db", description="of records", extra_specs={"tier": "gold"})
    with pytest.raises(errors.Refused, match="create"):
        volume.extend(3)
    volume.create()
    snapshot = cl.Snapshot(volume, name="before")
    snapshot.create()
    like = cl.Volume(volume)
    like.create()
    assert (like.size, like.name, like.description, like.extra_specs) == (2, "db", "of records", {"tier": "gold"})
    assert backend.volumes == [volume, like]
    assert volume.snapshots == [snapshot]


def test_copies_are_called_like_their_source(backend: Any) -> None:
    """A clone, and a volume of a snapshot, have name and description of their source, unless they are given."""
    volume = backend.create_volume(1, name="db", description="of records")
    clone = volume.clone()
    other = volume.create_snapshot("before").create_volume(name="other", size=2)
    assert (clone.name, clone.description, clone.source_volid) == ("db", "of records", volume.id)
    assert (other.name, other.description, other.size) == ("other", "of records", 2)


def test_errors_are_caught_by_their_names(backend: Any) -> None:
    """Each name in `exception` catches what cinderlib raised by it."""
    volume = backend.create_volume(1)
    volume.create_snapshot()
    with pytest.raises(cl.exception.InvalidVolume) as raised:
        volume.delete()
    assert vars(raised.value)["resource"] is volume
    with pytest.raises(cl.exception.NotLocal):
        volume.detach()
    for cls, name in ((cl.Volume, "VolumeNotFound"), (cl.Snapshot, "SnapshotNotFound"), (cl.Connection, "ConnectionNotFound")):
        for unknown in (str(uuid.uuid4()), "no id"):
            with pytest.raises(getattr(cl.exception, name)):
                cls.get_by_id(unknown)
    with pytest.raises(cl.exception.InvalidPersistence):
        cl.Backend.set_persistence({"storage": "etcd"})
    with pytest.raises(errors.Refused, match="Already set up"):
        cl.setup()


def test_what_failed_to_be_created_is_named(backend: Any) -> None:
    """The error of a volume that could not be created has it as `resource`."""
    with pytest.raises(errors.Error) as raised:
        backend.create_volume(10, name="too large")
    failed = vars(raised.value)["resource"]
    assert (failed.name, failed.status) == ("too large", "error")


def test_what_is_set_on_a_volume_is_saved(backend: Any) -> None:
    """What is set on a volume and on its `_ovo` is written by `save()`, with or without a column for it, or is refused."""
    volume = backend.create_volume(1, name="db")
    volume.create_snapshot()
    volume.name = "ledger"
    volume._ovo.update({"cluster_name": "c0", "provider_id": "p7", "admin_metadata": {"fs_type": "ext4"}})
    volume._ovo.status = "deleted"  # as Ember marks a volume that still has snapshots
    volume.save()
    volume.refresh()
    assert (volume.name, volume.cluster_name, volume._ovo.name) == ("ledger", "c0", volume.name_in_storage)
    assert (volume.provider_id, volume.admin_metadata, volume.status) == ("p7", {"fs_type": "ext4"}, "deleted")
    volume.admin_metadata["fs_type"] = "xfs"
    volume.save()
    volume.refresh()
    assert volume.admin_metadata == {"fs_type": "xfs"}
    assert not volume.deleted
    volume.snapshots[0].delete()
    assert volume.extend("2") == 2 * 1024**3
    assert (volume.status, volume.size) == ("available", 2)
    with pytest.raises(errors.InvalidInput, match="cannot be changed"):
        volume._ovo.id = "other"
    for name, value in (("size", 0), ("launched_at", object())):
        volume._ovo[name] = value
        with pytest.raises(errors.InvalidInput):
            volume.save()
        volume.refresh()


def test_everything_goes_to_json_and_back(backend: Any) -> None:
    """What `dumps()` wrote is loaded to be looked at, and is tracked in another store if it is saved."""
    volume = backend.create_volume(1, name="db")
    volume.create_snapshot("before")
    text = cl.dumps()
    (looked_at,) = cl.load(text)
    assert [each.name for each in looked_at.volumes] == ["db"]
    cl.Backend.set_persistence({"storage": "memory"})
    (again,) = cl.load(text, save=True)
    assert again is backend
    (found,) = cl.Volume.get_by_name("db")
    assert (found.id, [snapshot.name for snapshot in found.snapshots]) == (volume.id, ["before"])


def test_what_was_loaded_is_acted_on(backend: Any) -> None:
    """A script that loads without saving acts on what it loaded, which is tracked by that: volumes, snapshots, connections."""
    volume = backend.create_volume(1, name="db")
    snapshot, connection = volume.create_snapshot("before"), volume.connect({"host": "h0"})
    texts = [volume.jsons, snapshot.dumps, connection.dumps]
    cl.Backend.set_persistence({"storage": "memory"})
    loaded, kept, joined = map(cl.load, texts)
    assert backend.volumes == []
    assert loaded.extend(2) == 2 * 1024**3
    backend.refresh()
    assert [each.id for each in backend.volumes] == [volume.id]
    made = kept.create_volume(name="restored")
    assert (made.size, made.snapshot_id) == (1, snapshot.id)
    joined.disconnect()
    made.delete()
    kept.delete()
    loaded.delete()
    backend.refresh()
    assert backend.volumes == []


def test_a_copy_of_what_is_tracked_is_acted_on(backend: Any) -> None:
    """What was loaded of something that is tracked, and the same, stands for it from its first act on."""
    volume = backend.create_volume(1, name="db")
    (looked_at,) = cl.load(cl.dumps())
    assert looked_at.create_volume(1, name="new").backend is backend
    copy = cl.load(volume.jsons)
    assert copy.obj is not volume.obj
    snapshot = copy.create_snapshot("before")
    assert copy.obj is volume.obj
    assert volume.snapshots == [snapshot]


def test_a_connection_is_given_fields_of_cinders(backend: Any) -> None:
    """`connect()` takes the fields of Cinder's attachments, which are kept with the connection; any other name is an error."""
    own = str(uuid.uuid4())
    volume = backend.create_volume(1)
    connection = volume.connect({"host": "h0"}, attach_mode="ro", instance_uuid=own, mountpoint="/dev/vdb", attached_host="h0")
    assert (connection.attach_mode, connection.instance_uuid, connection.mountpoint) == ("ro", own, "/dev/vdb")
    assert connection.attached_host == "h0"
    again = cl.load(connection.dumps)
    assert (again.attach_mode, again.instance_uuid) == ("ro", own)
    with pytest.raises(TypeError, match="no argument 'mount_point'"):
        volume.connect({"host": "h0"}, mount_point="/dev/vdb")
    with pytest.raises(errors.InvalidInput, match="attach_mode must be 'rw' or 'ro'"):
        cl.Connection.connect(volume, {"host": "h0"}, attach_mode="w")


def test_lists_are_looked_up_by_id(backend: Any) -> None:
    """`utils` finds a resource in a list by its id, and puts it in the place of the one that has it."""
    one, two = backend.create_volume(1), backend.create_volume(1)
    listed = [one]
    assert cl.utils.find_by_id(one.id, listed) == (0, one)
    assert cl.utils.find_by_id(two.id, listed) == cl.utils.find_by_id(two.id, None) == (None, None)
    for volume in (two, one, two):
        cl.utils.add_by_id(volume, listed)
    cl.utils.add_by_id(one, None)
    assert listed == [one, two]


def test_key_value_pairs_are_kept(backend: Any) -> None:
    """The persistence keeps, lists and removes key-value pairs."""
    pair = cl.KeyValue("rack", "b7")
    backend.persistence.set_key_value(pair)
    assert backend.persistence.get_key_values() == backend.persistence.get_key_values("rack") == [pair]
    backend.persistence.delete_key_value(pair)
    assert backend.persistence.get_key_values("rack") == []
    backend.persistence.set_key_value(pair)
    backend.persistence.delete_key_value("rack")
    assert backend.persistence.get_key_values() == []


@pytest.mark.lane("host")  # os-brick reads the initiator's name as root
def test_this_host_is_described_by_cinderlibs_signature(backend: Any) -> None:
    """`get_connector_properties` takes what os-brick's does, and its answer lets the host in."""
    properties = cl.get_connector_properties("env", "192.0.2.7", False, False, "node1")  # noqa: FBT003 - that signature
    assert (properties["ip"], properties["host"]) == ("192.0.2.7", "node1")
    backend.validate_connector(properties)
    connection = backend.create_volume(1).connect(properties)
    assert connection.connected
    assert not connection.attached


def test_a_backend_that_was_opened_differently_before_is_opened(tmp_path: Path) -> None:
    """What an earlier process opened under a name does not bind a script; what it opened itself does."""
    store = {"storage": "db", "connection": f"sqlite:///{tmp_path / 'store.db'}"}
    for folder in ("one", "two"):
        cl.Backend.global_initialization = False
        cl.setup(persistence_config=store)
        cl.Backend(volume_backend_name="sim", volume_driver="sim", path=str(tmp_path / folder))
    with pytest.raises(errors.AlreadyExists):
        cl.Backend(volume_backend_name="sim", volume_driver="sim", path=str(tmp_path / "three"))
    cl_notebook.default_session().close()
    cl.Backend.global_initialization = False


def test_to_ignore_errors_takes_no_device_that_is_in_use(backend: Any) -> None:
    """``ignore_errors`` goes on where os-brick meets errors; a device that is in use stays all the same."""
    volume = backend.create_volume(1)
    connection = volume.attach()
    with Path(connection.path).open("rb"):
        for attached in (volume, connection):
            with pytest.raises(errors.BusyOnStorage, match="open in this process"):
                attached.detach(ignore_errors=True)
    volume.detach(ignore_errors=True)
    assert volume.connections == []


def test_a_connection_is_recorded_as_others_made_it(backend: Any) -> None:
    """What a script sets on a connection is stored: its device, its information, and a second one with a copy of it."""
    volume = backend.create_volume(1)
    listed = volume.connections
    connection = volume.connect({"host": "h0", "multipath": True}, attached_host="node-a")
    assert volume.connections is listed
    assert listed == [connection]
    assert connection.use_multipath
    assert (connection.scan_attempts, connection.mountpoint, connection.attached) == (3, None, False)
    connection.device = {"path": "/dev/mapper/m0"}
    connection.connector_info["_capability"] = "rw"
    connection._ovo.mountpoint = "/staged"
    connection.save()
    info = {**connection.connection_info, "connector": {**connection.connector_info, "_capability": "ro"}}
    second = cl.Connection(backend, volume=volume, connection_info=info, attach_mode="ro", attached_host="node-a")
    second.save()
    for recorded in (connection, second):
        recorded.refresh()
    assert (connection.path, connection.mountpoint, connection.attached_host) == ("/dev/mapper/m0", "/staged", "node-a")
    modes = [(conn.connector_info["_capability"], conn.attach_mode, conn.conn_info["data"]["access_mode"]) for conn in listed]
    assert modes == [("rw", "rw", "rw"), ("ro", "ro", "ro")]
    for visited in listed:
        visited.disconnect()  # shortens the list, so that the loop skips the second one, as in cinderlib
    assert (listed, connection.connected, connection.connection_info) == ([second], False, None)
    second.device = None
    second.save()
    assert not second.attached
    second.disconnect()
    assert (volume.connections, volume.status) == ([], "available")


def test_errors_have_what_cinders_had(backend: Any) -> None:
    """Errors have `msg` and `code`, those of look-ups are raised with their values, and a refresh says what is gone."""
    with pytest.raises(cl.exception.VolumeNotFound) as raised:
        cl.Volume.get_by_id(str(uuid.uuid4()))
    assert (raised.value.code, raised.value.msg) == (404, str(raised.value))
    assert "v1" in cl.exception.VolumeNotFound(volume_id="v1").msg
    with pytest.raises(errors.Error) as failed:
        backend.create_volume(99)
    assert (vars(failed.value)["code"], vars(failed.value)["msg"]) == (500, str(failed.value))
    volume = backend.create_volume("1", project_id=None)
    assert (volume.project_id, volume.user_id, volume.host.partition("#")[2]) == ("cinderlib", "cinderlib", "sim")
    assert backend.volumes_filtered(volume_id="", volume_name="") == [volume]
    assert (backend.supported, backend.get_version()) == (True, "1.0.0")
    volume.delete()
    with pytest.raises(cl.exception.NotFound):
        volume.refresh()
