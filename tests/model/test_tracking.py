"""The seed's promises: every resource is found again, lists are loaded once, refresh brings them up to date."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook.model import driver_context

if TYPE_CHECKING:
    from pathlib import Path

    from cl_notebook.drivers.api import InitiatorData

HOST = {"host": "node1", "ip": "10.0.0.7"}


def test_initialised_backends_are_in_a_dictionary(session: cl.Session, sim: cl.Backend) -> None:
    """``Backend.backends`` holds the open backends by name, under the seed's spelling of the class, too."""
    assert cl.Backend.backends == {"sim": sim}
    assert cl.Backends.backends["sim"] is sim
    assert session.backends == {"sim": sim}


def test_the_seeds_loop_runs_as_written(sim: cl.Backend, capsys: pytest.CaptureFixture[str]) -> None:
    """The seed's status loop, its one missing parenthesis added, prints every volume, snapshot and connection."""
    made = sim.create_volume(size=1, name="db")
    kept = made.create_snapshot(name="before")
    made.connect(HOST)
    lvm_backend = sim

    # If volumes lazy loadable property was already loaded, refresh it
    lvm_backend.refresh()

    for vol in lvm_backend.volumes:
        print('Volume %s is currently %s' % (vol.id, vol.status))  # fmt: skip  # noqa: T201, UP031, Q000 - the seed's words

        # Refresh volume's snapshots and connections if previously lazy loaded
        vol.refresh()

        for snap in vol.snapshots:
            print('Snapshot %s for volume %s is currently %s' %  # noqa: T201, UP031, Q000 - the seed's words
                  (snap.id, snap.volume.id, snap.status))  # fmt: skip

        for conn in vol.connections:
            print('Connection from %s with ip %s to volume %s is %s' %  # noqa: T201, UP031, Q000 - the seed's words
                  (conn.connector_info['host'], conn.connector_info['ip'],  # noqa: Q000 - the seed's words
                   conn.volume.id, conn.status))  # fmt: skip

    assert capsys.readouterr().out.splitlines() == [
        f"Volume {made.id} is currently in-use",
        f"Snapshot {kept.id} for volume {made.id} is currently available",
        f"Connection from node1 with ip 10.0.0.7 to volume {made.id} is attached",
    ]


def test_lists_are_loaded_once_and_then_served_from_memory(sim: cl.Backend) -> None:
    """A lazy list is the same list at every later access."""
    vol = sim.create_volume(1)
    vol.create_snapshot()
    vol.connect(HOST)
    assert sim.volumes is sim.volumes
    assert vol.snapshots is vol.snapshots
    assert vol.connections is vol.connections
    assert [len(vol.snapshots), len(vol.connections)] == [1, 1]


def test_no_two_volumes_share_an_empty_map(tmp_path: Path) -> None:
    """What is changed inside the empty maps of one volume that was read shows on no other, nor where it is read again."""
    with cl.Session(tmp_path / "store.db") as session:
        for _ in range(2):
            session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim")).create_volume(1)
    with cl.Session(tmp_path / "store.db") as session:
        first, second = session.backend("sim").volumes
        first.extra_specs["thin"] = first.metadata["owner"] = "me"
        assert (second.extra_specs, second.metadata, first.qos_specs) == ({}, {}, {})
        first.refresh()
        assert first.metadata == {}


def test_creating_and_deleting_keep_loaded_lists_true(sim: cl.Backend) -> None:
    """Every list that was loaded before has what is created after, and loses what is deleted."""
    assert sim.volumes == []
    vol = sim.create_volume(1)
    assert vol.snapshots == []
    assert vol.connections == []
    snap = vol.create_snapshot()
    conn = vol.connect(HOST)
    assert (sim.volumes, vol.snapshots, vol.connections) == ([vol], [snap], [conn])
    vol.disconnect(conn)
    snap.delete()
    assert (vol.snapshots, vol.connections) == ([], [])
    vol.delete()
    assert sim.volumes == []
    assert (vol.status, snap.status, conn.status) == ("deleted", "deleted", "deleted")


def test_deleting_inside_a_loop_over_the_list_meets_every_volume(sim: cl.Backend) -> None:
    """``for vol in backend.volumes: vol.delete()`` deletes them all."""
    for number in range(5):
        sim.create_volume(1, name=str(number))
    for vol in sim.volumes:
        vol.delete()
    assert sim.volumes == []


def test_who_finds_a_resource_holds_the_object_that_was_lost(sim: cl.Backend) -> None:
    """By id, by name, by id prefix and through relations it is always the one object."""
    vol = sim.create_volume(1, name="db")
    snap = vol.create_snapshot("before")
    conn = vol.connect(HOST)
    assert cl.Volume.get_by_id(vol.id) is vol
    assert cl.Volume.get_by_name("db") == [vol]
    assert cl.find(vol.id[:13]) is vol
    assert cl.find("befor") is snap
    assert cl.Snapshot.get_by_id(snap.id) is snap
    assert cl.Connection.get_by_id(conn.id) is conn
    assert snap.volume is vol
    assert conn.volume is vol
    assert vol.backend is sim
    assert sim.volumes[0] is vol


@pytest.mark.parametrize("store_url", ["file"], indirect=True)
def test_another_session_finds_everything(session: cl.Session, sim: cl.Backend) -> None:
    """A second session on the store has the same rows as objects of its own, and acts on them."""
    vol = sim.create_volume(1, name="db")
    with cl.Session(session.settings.store) as other:
        found = other.find("db")
        assert found is not vol
        assert found.id == vol.id
        found.create_snapshot("from elsewhere")
    assert vol.snapshots[0].name == "from elsewhere"


@pytest.mark.parametrize("store_url", ["file"], indirect=True)
def test_cached_lists_change_at_refresh_only(session: cl.Session, sim: cl.Backend) -> None:
    """What others do is not seen in a loaded list or attribute before ``refresh()``, and is seen after it."""
    vol = sim.create_volume(1, name="db")
    assert (sim.volumes, vol.snapshots) == ([vol], [])
    with cl.Session(session.settings.store) as other:
        theirs = other.find("db")
        theirs.create_snapshot("s")
        theirs.extend(5)
        other.backends["sim"].create_volume(1, name="new")
    assert (sim.volumes, vol.snapshots, vol.size) == ([vol], [], 1)
    vol.refresh()
    assert ([snap.name for snap in vol.snapshots], vol.size) == (["s"], 5)
    sim.refresh()
    assert [volume.name for volume in sim.volumes] == ["db", "new"]
    assert sim.volumes[0] is vol


@pytest.mark.parametrize("store_url", ["file"], indirect=True)
def test_a_writer_that_knows_nothing_of_the_feed_is_noticed(session: cl.Session, sim: cl.Backend, tmp_path: Path) -> None:
    """A row changed by hand in the SQLite file is seen at the next refresh, also when this session wrote in between."""
    import sqlite3  # noqa: PLC0415 - the other writer

    vol, other = sim.create_volume(1, name="db"), sim.create_volume(1, name="other")
    raw = sqlite3.connect(tmp_path / "store.db")
    raw.execute("UPDATE volume SET status = 'error' WHERE id = ?", (vol.id,))
    raw.commit()
    raw.close()
    other.extend(2)
    vol.refresh()
    assert vol.status == "error"
    assert session.backends == {"sim": sim}


@pytest.mark.parametrize("store_url", ["file"], indirect=True)
def test_a_volume_deleted_elsewhere_says_so_after_refresh(session: cl.Session, sim: cl.Backend) -> None:
    """Refreshing an object whose row is gone leaves it with the status ``deleted`` and out of the lists."""
    vol = sim.create_volume(1, name="db")
    assert sim.volumes == [vol]
    with cl.Session(session.settings.store) as other:
        other.find("db").delete()
    vol.refresh()
    assert (vol.status, sim.volumes, vol.is_tracked) == ("deleted", [], False)
    with pytest.raises(cl.errors.Refused, match="not tracked any more"):
        vol.extend(2)


def test_refresh_gives_up_what_was_not_saved(sim: cl.Backend) -> None:
    """``save()`` writes what was set; ``refresh()`` without it brings the stored value back."""
    vol = sim.create_volume(1, name="db", metadata={"a": "1"})
    vol.name = "unsaved"
    sim.create_volume(1)
    vol.refresh()
    assert vol.name == "db"
    vol.name, vol.metadata = "saved", {"b": "2"}
    vol.save()
    vol.refresh()
    assert (vol.name, vol.metadata) == ("saved", {"b": "2"})


def test_loading_a_list_keeps_what_was_not_saved(sim: cl.Backend) -> None:
    """Looking at the list of volumes does not undo what was set on one of them."""
    vol = sim.create_volume(1, name="db")
    vol.name = "unsaved"
    assert sim.volumes[0].name == "unsaved"
    assert cl.frames.volumes()["name"].tolist() == ["db"]


@pytest.mark.parametrize("store_url", ["file"], indirect=True)
def test_a_change_made_elsewhere_is_named_and_not_overwritten(session: cl.Session, sim: cl.Backend) -> None:
    """A write on an object that is out of date is refused, the object is refreshed, and repeating it works."""
    vol = sim.create_volume(1, name="db")
    with cl.Session(session.settings.store) as other:
        other.find("db").extend(3)
    with pytest.raises(cl.errors.ChangedElsewhere, match="changed elsewhere"):
        vol.extend(2)
    assert (vol.size, vol.status) == (3, "available")
    vol.extend(4)
    assert vol.size == 4


def test_local_attach_is_known_after_a_restart(session: cl.Session, sim: cl.Backend) -> None:
    """A connection attached by one session is ``local_attach`` in the next, and detaches there."""
    if session.settings.store == "memory":
        vol = sim.create_volume(1, name="db")
        conn = vol.attach()
        assert vol.local_attach is conn
        vol.detach()
        assert vol.local_attach is None
        return
    path = sim.create_volume(1, name="db").attach().path
    store = session.settings.store
    session.close()
    with cl.setup(store=store):
        vol = cl.find("db")
        assert vol.local_attach.path == path
        vol.detach()
        assert (vol.local_attach, vol.status, vol.connections) == (None, "available", [])


def test_attaching_twice_gives_the_same_connection(sim: cl.Backend) -> None:
    """Running the cell again neither fails nor makes a second connection."""
    vol = sim.create_volume(1)
    assert vol.attach() is vol.attach()
    assert len(vol.connections) == 1
    vol.cleanup()
    assert (vol.connections, vol.status) == ([], "available")


def test_the_same_backend_again_is_the_same_object(sim: cl.Backend, tmp_path: Path) -> None:
    """Opening a backend a second time gives the first; by its name alone, too."""
    assert cl.Backend("sim", volume_driver="sim", path=str(tmp_path / "sim")) is sim
    assert cl.Backend(volume_backend_name="sim", volume_driver="sim", path=str(tmp_path / "sim")) is sim
    assert cl.Backend("sim") is sim


def test_another_configuration_is_refused_or_replaced(sim: cl.Backend, tmp_path: Path) -> None:
    """The error for a second configuration says how to replace the first, and that works."""
    vol = sim.create_volume(1)
    with pytest.raises(cl.errors.AlreadyExists, match="replace=True"):
        cl.Backend("sim", volume_driver="sim", path=str(tmp_path / "sim"), capacity=10)
    again = cl.Backend("sim", volume_driver="sim", path=str(tmp_path / "sim"), capacity=10, replace=True)
    assert again is sim
    assert sim.stats()["pools"][0]["total_capacity_gb"] == 10
    assert sim.volumes == [vol]


@pytest.mark.parametrize("store_url", ["file"], indirect=True)
def test_a_backend_opens_by_itself_when_it_is_needed(session: cl.Session, sim: cl.Backend) -> None:
    """In a new session a volume that was found again can be worked on without opening its backend first."""
    sim.create_volume(1, name="db")
    store = session.settings.store
    with cl.setup(store=store) as later:
        assert later.backends == {}
        cl.find("db").extend(2)
        assert list(later.backends) == ["sim"]


def test_a_closed_backend_is_opened_by_its_name(session: cl.Session, sim: cl.Backend) -> None:
    """``close()`` leaves everything tracked, the name alone opens the backend again."""
    sim.create_volume(1, name="db")
    sim.close()
    assert session.backends == {}
    assert not sim.is_open
    assert cl.Backend("sim") is sim
    assert sim.is_open


def test_forgetting_a_backend_needs_it_to_be_empty(sim: cl.Backend) -> None:
    """A backend with volumes is not forgotten; an empty one is, with what its driver saved, and its name is free again."""
    vol, store = sim.create_volume(1), sim.context.store
    with store.writing() as connection:
        rows: list[InitiatorData] = [{"initiator": "iqn.x", "namespace": "n", "key": "k", "value": "v"}]
        driver_context.write(connection, sim.id, rows)
        driver_context.write(connection, "another", rows)
    with pytest.raises(cl.errors.ResourceBusy):
        sim.forget()
    vol.delete()
    sim.forget()
    assert cl.Backend.backends == {}
    assert cl.frames.backends().empty
    with store.reading() as connection:
        assert (driver_context.read(connection, sim.id), driver_context.read(connection, "another")) == ([], rows)


def test_the_same_id_makes_no_second_volume(sim: cl.Backend) -> None:
    """Creating with an id that is tracked gives the volume that is there, and refuses a different one."""
    chosen = "6a0d7a55-35c5-4b46-b1a2-1a2d8f1f9a11"
    vol = sim.create_volume(1, name="db", id=chosen)
    assert sim.create_volume(1, name="db", id=chosen) is vol
    with pytest.raises(cl.errors.AlreadyExists):
        sim.create_volume(2, name="db", id=chosen)


@pytest.mark.parametrize("driver", ["sim", "local"])
def test_what_is_on_the_storage_is_not_taken_for_what_was_to_be_made(session: cl.Session, tmp_path: Path, driver: str) -> None:
    """Creating with an id whose volume is there, untracked, is refused, tracks nothing, and says how to adopt it."""
    lab = session.backend("lab", volume_driver=driver, path=str(tmp_path / "lab"))
    base, kept = lab.create_volume(1, name="base"), lab.create_volume(1, name="kept")
    snapshot = base.create_snapshot("before")
    kept.unmanage()
    for make in (functools.partial(lab.create_volume, 1), base.clone, snapshot.create_volume):
        with pytest.raises(cl.errors.ExistsOnStorage, match=rf"backend\.manage\('volume-{kept.id}', id='{kept.id}'\)"):
            make(id=kept.id)
    assert lab.volumes == [base]
    assert lab.manage(f"volume-{kept.id}", id=kept.id).id == kept.id


def test_sessions_live_side_by_side(tmp_path: Path) -> None:
    """Two sessions with two stores do not see each other's resources."""
    with cl.Session("memory") as one, cl.Session("memory") as two:
        first = one.backend("a", volume_driver="sim", path=str(tmp_path / "a"))
        second = two.backend("a", volume_driver="sim", path=str(tmp_path / "b"))
        first.create_volume(1, name="only here")
        assert second.volumes == []
        with pytest.raises(cl.errors.NotFound):
            two.find("only here")


def test_read_only_refuses_before_anything_happens(session: cl.Session, sim: cl.Backend) -> None:
    """In a read-only session every act is refused and nothing is written."""
    vol = sim.create_volume(1, name="db")
    if session.settings.store == "memory":
        return
    with cl.Session(session.settings.store, read_only=True) as looking:
        before = len(cl.frames.operations(looking))
        found = looking.find("db")
        for act in (lambda: found.extend(2), found.delete, found.create_snapshot, found.attach, found.save):
            with pytest.raises(cl.errors.ReadOnly):
                act()
        assert len(cl.frames.operations(looking)) == before
    vol.refresh()
    assert (vol.status, vol.size) == ("available", 1)
