"""A Cinder driver behind the model: what it gets, what it returns, and what is stored."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.cinderlib.base import wrapped
from cl_notebook.drivers.cinder.errors import RemoteError
from tests.drivers.cinder.conftest import FAKE, PASSWORD

if TYPE_CHECKING:
    from tests.drivers.cinder.conftest import MakeBackend

HOST = {"host": "node1", "ip": "10.0.0.7", "initiator": "iqn.node1"}


def test_a_volume_lives_on_the_drivers_storage(fake: cl.Backend, array: Path) -> None:
    """Volumes, snapshots, copies and connections of a Cinder driver are made, tracked and removed by the same verbs."""
    volume = fake.create_volume(1, "db")
    snapshot = volume.create_snapshot("before")
    copy, twin = snapshot.create_volume("copy"), volume.clone("twin", size=2)
    assert {each.name_in_storage for each in (volume, snapshot, copy, twin)} <= {file.name for file in array.iterdir()}
    assert snapshot.provider_id == f"snap-{snapshot.id[:4]}"
    connection = volume.connect(HOST)
    assert connection.conn_info == {
        "driver_volume_type": "iscsi",
        "data": {"target_iqn": f"iqn.{volume.id}", "auth": "CHAP user pass1234", "to": "iqn.node1", "luns": [1, 2]},
    }
    assert volume.extend(2) == 2 * 1024**3
    volume.disconnect(connection)
    volume.revert(snapshot)
    for each in (copy, twin):
        each.delete()
    volume.delete(cascade=True)
    assert not {each.name_in_storage for each in (volume, snapshot, copy, twin)} & {file.name for file in array.iterdir()}


def test_what_the_driver_decides_is_kept(fake: cl.Backend) -> None:
    """A model update is kept whole, also fields that no column stands for, and what is no field of Cinder's is left."""
    volume = fake.create_volume(1, "odd", metadata={"tier": "gold"})
    assert volume.provider_location == f"at/{volume.name_in_storage}"
    assert volume.driver_data == {"provider_auth": "CHAP user pass1234", "provider_geometry": "1 2 3"}
    assert volume.metadata == {"tier": "gold", "from": "driver"}


def test_a_driver_may_look_into_the_data_base(fake: cl.Backend) -> None:
    """Cinder's own look-ups find what the store has: rows by id and host, snapshots, attachments, type, specs and QoS."""
    other = fake.create_volume(1, "other", metadata={"a": "b"})
    other.create_snapshot("kept")
    other.connect(HOST)
    volume = fake.create_volume(
        1, "looking", metadata={"other": other.id}, extra_specs={"disk": "fast"}, qos_specs={"iops": "500"}
    )
    seen = json.loads(str(volume.provider_location))
    assert seen.pop("type").startswith("type-")
    assert seen == {
        "own": volume.name_in_storage,
        "other": "other",
        "other_metadata": {"a": "b"},
        "on_host": len(fake.volumes),
        "old_way": "other",
        "snapshots": ["kept"],
        "attached": ["node1"],
        "extra_specs": {"disk": "fast"},
        "qos": {"iops": "500"},
        "pool": "lab1@fake#gold",
        "patched": False,
    }


def test_what_a_driver_writes_into_the_data_base_is_kept(fake: cl.Backend) -> None:
    """Rows that a driver changes, its call's and others, are kept in the store, and so is its data for initiators."""
    other = fake.create_volume(1, "other", metadata={"a": "b"})
    for known in range(2):
        volume = fake.create_volume(1, "writing", metadata={"other": other.id})
        assert volume.provider_id == "saved"
        assert volume.driver_data == {"admin_metadata": {"format": "raw"}}
        records = fake.driver._context  # type: ignore[attr-defined] # a Cinder driver's
        assert [row["key"] for row in records.initiator_data()] == [f"key{number}" for number in range(known + 1)]
    assert (other.provider_location, other.metadata) == ("moved", {"a": "b", "seen": "yes"})


def test_the_working_copy_is_empty_after_a_call(fake: cl.Backend) -> None:
    """What was put into the working copy for a call is gone after it: the store alone is the truth."""
    import sqlite3  # noqa: PLC0415 - of use here only

    fake.create_volume(1, "plain")
    pid = fake.driver._child.pid  # type: ignore[attr-defined] # a Cinder driver's
    (database,) = Path(fake.context.settings.store).parent.glob(f"cinder/work/{pid}-*/cinder.sqlite")
    with sqlite3.connect(database) as sql:
        assert sql.execute("SELECT (SELECT count(*) FROM volumes), (SELECT count(*) FROM cl_changes)").fetchone() == (0, 0)
        assert sql.execute("SELECT count(*) FROM volume_types").fetchone() > (0,)


def test_a_volume_is_adopted_and_released(fake: cl.Backend, array: Path) -> None:
    """A volume that is on the storage is adopted under Cinder's name with its size, and released again."""
    (array / "found").write_bytes(b"")
    volume = fake.manage("found")
    assert (volume.size, volume.name, volume.name_in_storage) == (2, "found", f"volume-{volume.id}")
    assert (array / volume.name_in_storage).exists()
    volume.unmanage()
    assert (array / f"volume-{volume.id}").exists()
    with pytest.raises(errors.MissingOnStorage, match="there is no such file"):
        fake.manage("nothing")


def test_specs_are_changed_in_place(fake: cl.Backend) -> None:
    """Retyping tells the driver the new type and what differs, and the new specs are kept; a driver's no changes nothing."""
    volume = fake.create_volume(1, "typed", extra_specs={"a": "1", "b": "2"})
    volume.retype({"a": "9"}, {"iops": "5"})
    specs, diff = json.loads(str(volume.provider_location))
    assert specs == volume.extra_specs == {"a": "9"}
    assert diff["extra_specs"] == {"a": ["1", "9"], "b": ["2", None]}
    assert diff["qos_specs"] == {"iops": [None, "5"]}
    with pytest.raises(errors.NotSupported, match="cannot give the volume these specs in place"):
        volume.retype({"impossible": "yes"})
    assert (volume.status, volume.extra_specs, volume.qos_specs) == ("available", {"a": "9"}, {"iops": "5"})


def test_what_a_driver_lacks_is_refused_before_anything_is_changed(fake: cl.Backend) -> None:
    """A capability that the driver does not have is known before the call, and asking for it leaves no trace."""
    assert fake.capabilities["revert"]
    assert fake.capabilities["retype"]
    assert not fake.capabilities["list_manageable"]
    assert not fake.capabilities["manage_snapshots"]
    volume = fake.create_volume(1, "plain")
    before = len(cl.frames.operations(volume.context))
    with pytest.raises(errors.NotSupported, match="does not support 'list_manageable'"):
        fake.manageable_volumes()
    with pytest.raises(errors.NotSupported, match="does not support 'manage_snapshots'"):
        volume.manage_snapshot("any")
    assert len(cl.frames.operations(volume.context)) == before


def test_several_hosts_are_refused_where_the_driver_lets_in_one(fake: cl.Backend) -> None:
    """A second host is refused in one line before the storage hears of it; the first host may connect again."""
    volume = fake.create_volume(1, "shared")
    volume.connect(HOST)
    volume.connect(HOST)
    with pytest.raises(errors.ResourceBusy, match="node1"):
        volume.connect({**HOST, "host": "node2"})
    assert len(volume.connections) == 2


def test_statistics_may_be_unknown_or_infinite(fake: cl.Backend) -> None:
    """Capacities that are no numbers are Cinder's words, and what the pools can do is the backend's capabilities."""
    stats = fake.stats(refresh=True)
    assert [pool["free_capacity_gb"] for pool in stats["pools"]] == ["unknown", 5.5]
    assert stats["pools"][0]["total_capacity_gb"] == "infinite"
    assert fake.pool_names == ("gold", "lead")
    assert (fake.capabilities["qos"], fake.capabilities["multiattach"]) == (True, False)
    assert fake.driver.storage_protocol == "iscsi"


def test_a_drivers_error_has_its_command_and_its_log(fake: cl.Backend) -> None:
    """A driver's error is one line with the command's last words; behind it are traceback, command, stderr and log lines."""
    with pytest.raises(errors.DriverError, match=r"^fake: create_volume failed: .*exit 3: array says no$") as caught:
        fake.create_volume(1, "broken")
    story = str(caught.value.__cause__)
    assert isinstance(caught.value.__cause__, RemoteError)
    for part in (
        "Traceback (most recent call last)",
        "fake_driver.py",
        "Exit status: 3",
        "stderr:\narray says no",
        "creating volume-",
    ):
        assert part in story
    (volume,) = fake.volumes_filtered(volume_name="broken")
    assert volume.status == "error"


def test_the_log_is_tied_to_operations(fake: cl.Backend) -> None:
    """Each line of the log knows the operation of the history that it was written in."""
    volume = fake.create_volume(1, "logged")
    history = cl.frames.operations(fake.context, resource_id=volume.id)
    lines = fake.log(int(history.index[-1]))
    assert [line.text for line in lines if line.level == "INFO"] == [f"creating {volume.name_in_storage} as logged"]
    assert set(lines) < set(fake.log())


def test_secrets_are_masked_in_errors_and_in_the_log(fake: cl.Backend) -> None:
    """The password that the driver was given stands in no error, no story behind one, no log line and no repr."""
    shown = [repr(fake.config), repr(fake.stored_config)]
    for name in ("telling", "broken"):
        with pytest.raises(errors.DriverError) as caught:
            fake.create_volume(1, name)
        shown += [str(caught.value), str(caught.value.__cause__)]
    shown += [line.text for line in fake.log()]
    assert not [text for text in shown if PASSWORD in text]
    assert any("the password is ***" in text for text in shown)
    assert fake.config["fake_password"] == "***"  # noqa: S105 - the mask


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [("full", errors.StorageFull, "no suitable|There is no share"), ("telling", errors.DriverError, "VolumeBackendAPIException")],
)
def test_errors_of_cinder_are_errors_of_ours(fake: cl.Backend, name: str, kind: type[errors.DriverError], words: str) -> None:
    """What a driver raises is translated by what it is, in the driver's own words."""
    with pytest.raises(kind, match=words):
        fake.create_volume(1, name)


def test_a_busy_volume_stays_as_it_was(fake: cl.Backend) -> None:
    """A volume that the driver refuses to delete because it is busy stays available."""
    volume = fake.create_volume(1, "busy")
    with pytest.raises(errors.BusyOnStorage):
        volume.delete()
    assert volume.status == "available"


def test_a_connector_that_lacks_something_is_refused(fake: cl.Backend) -> None:
    """A connector without what the driver needs is InvalidInput that names it, and leaves no connection."""
    volume = fake.create_volume(1, "lonely")
    with pytest.raises(errors.InvalidInput, match="initiator"):
        volume.connect({"host": "node1"})
    assert volume.connections == []
    assert volume.status == "available"


def test_an_answer_that_is_rubbish_is_an_error(fake: cl.Backend) -> None:
    """Connection information that is none is a DriverError; the connection stays tracked in error, and the export is known."""
    volume = fake.create_volume(1, "rubbish")
    with pytest.raises(errors.DriverError, match="connection information is not a dict"):
        volume.connect(HOST)
    assert [connection.status for connection in volume.connections] == ["error_attaching"]
    assert volume.driver_data == {"provider_auth": "CHAP user pass1234"}


def test_calls_run_at_once(fake: cl.Backend) -> None:
    """Two calls of one backend run side by side in its child."""
    threads = [
        threading.Thread(target=fake.create_volume, args=(1, "slow"), kwargs={"metadata": {"seconds": "1"}}) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    frame = cl.frames.operations(fake.context, resource_name="slow", status="done")
    assert len(frame) == 2
    assert frame["started_at"].max() < frame["ended_at"].min()


def test_two_releases_of_cinder_work_side_by_side(make: MakeBackend, fake: cl.Backend, older_python: str) -> None:
    """Backends of two Cinder releases are open in one kernel, look into their databases, and share the store."""
    with pytest.warns(errors.DuplicateBackendWarning):
        older = make("older", python=older_python)
    releases = [backend.driver.release for backend in (fake, older)]  # type: ignore[attr-defined] # a Cinder driver's
    assert releases == ["29.0.0", "28.0.0"]
    for backend in (fake, older):
        other = backend.create_volume(1, "other")
        volume = backend.create_volume(1, "looking", metadata={"other": other.id})
        assert json.loads(str(volume.provider_location))["other"] == "other"
    older.close()


def test_nothing_of_cinder_enters_the_kernel(python: str, tmp_path: Path) -> None:
    """After a full cycle without an attachment, the process has neither eventlet nor Cinder nor oslo.config."""
    code = f"""
import sys
import cl_notebook as cl
cl.setup(store="memory")
backend = cl.Backend("b", volume_driver={FAKE!r}, python={python!r}, fake_path={str(tmp_path / "array")!r})
volume = backend.create_volume(1, "db")
snapshot = volume.create_snapshot()
copy = snapshot.create_volume()
connection = volume.connect({HOST!r})
volume.extend(2)
volume.disconnect(connection)
volume.revert(snapshot)
copy.delete()
volume.delete(cascade=True)
print(sorted({{name.partition(".")[0] for name in sys.modules}} & {{"eventlet", "cinder", "oslo_config"}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "[]\n"
    assert done.stderr == ""


def test_attributes_and_options_that_only_the_driver_knows(lab: cl.Session, python: str, array: Path) -> None:
    """Under cinderlib's names a backend has its driver's attributes, and a driver the options that it does not declare."""
    given = {"volume_driver": FAKE, "python": python, "fake_path": str(array), "fake_extra": 7}
    with pytest.warns(errors.ConfigurationWarning, match="Unknown config option fake_extra"):
        backend = lab.open_backend("knowing", given, accept_unknown=True)
    layer = wrapped(backend)
    assert (layer.get_version(), layer.VERSION, layer.initialized) == ("1.2.3", "1.2.3", True)
    assert layer.option("fake_extra") == "7"
    with pytest.raises(AttributeError, match="no attribute 'nonesuch'"):
        _ = layer.nonesuch
    volume = backend.create_volume(1, "described", description="of records")
    assert not volume.driver_data
    assert {line.logger for line in backend.driver.take_log_lines()} >= {"cinder.volume.drivers.fake"}  # type: ignore[attr-defined] # Cinder's alone
    assert backend.driver.take_log_lines() == []  # type: ignore[attr-defined] # as above
    backend.close()
