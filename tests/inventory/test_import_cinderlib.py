"""Databases of cinderlib, and of Cinder, taken into a store."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.inventory.importers.cinderlib import ALREADY_TRACKED

if TYPE_CHECKING:
    import pandas as pd

ROOT = Path(cl.__file__).parent.parent
MAKER = Path(__file__).with_name("make_cinderlib.py")
NULL_DRIVER = ROOT / "tests" / "benchmarks" / "cinderlib"
CONNECTOR = {"host": "h0", "ip": "10.0.0.1", "initiator": "iqn.x", "multipath": False}

Made = dict[str, str]


@pytest.fixture(scope="module")
def filled(peer: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Made]:
    """Return a database that cinderlib 5.2.0 wrote, and the ids in it by name."""
    folder = tmp_path_factory.mktemp("cinderlib")
    file = folder / "cinderlib.sqlite"
    done = subprocess.run(
        [peer, "-W", "ignore", MAKER, file],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(NULL_DRIVER)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return file, json.loads(done.stdout)


@pytest.fixture
def database(filled: tuple[Path, Made], tmp_path: Path) -> str:
    """Return a copy of that database, to change."""
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes(filled[0].read_bytes())
    return str(copy)


@pytest.fixture
def made(filled: tuple[Path, Made]) -> Made:
    """Return the ids in it."""
    return filled[1]


@pytest.fixture
def lab(session: cl.Session, tmp_path: Path) -> cl.Backend:
    """Return a backend of one of the names in it."""
    return session.backend("lab", volume_driver="sim", path=str(tmp_path / "sim"))


def _change(database: str, statement: str, *values: str | None) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement, values)


def _reason(report: pd.DataFrame, own: str) -> str:
    return str(report.loc[report["id"] == own, "reason"].item())


def test_a_volume_comes_with_all_that_cinderlib_knew(database: str, made: Made, lab: cl.Backend) -> None:
    """Fields, metadata, extra specs and QoS specs are there, also specs that cinderlib itself finds no more."""
    cl.import_cinderlib(database)
    ledger = cl.Volume.get_by_id(made["ledger"])
    assert (ledger.name, ledger.description, ledger.size, ledger.bootable) == ("ledger", "of all", 2, True)
    assert (ledger.status, ledger.attach_status, ledger.host) == ("in-use", "attached", "lab1@lab#null")
    assert (ledger.metadata, ledger.extra_specs, ledger.qos_specs) == ({"team": "blue"}, {"thin": "yes"}, {"maxIOPS": "100"})
    assert (ledger.pool_name, ledger.name_in_storage) == ("null", f"volume-{ledger.id}")
    assert (ledger.backend, ledger.created_at.tzinfo is not None) == (lab, True)


def test_what_belongs_to_a_volume_comes_with_it(database: str, made: Made, lab: cl.Backend) -> None:
    """Snapshots, connections with their devices, and the snapshot that a volume was made of are tracked as they were."""
    cl.import_cinderlib(f"sqlite:///{database}")
    ledger = next(volume for volume in lab.volumes if volume.id == made["ledger"])
    (snapshot,), (connection,) = (ledger.snapshots, ledger.connections)
    assert (snapshot.id, snapshot.name, snapshot.description) == (made["before"], "before", "the flood")
    assert (snapshot.status, snapshot.progress, snapshot.volume_size) == ("available", "100%", 2)
    assert snapshot.metadata == {"why": "test"}
    assert (connection.id, connection.status, connection.connector_info) == (made["connection"], "attached", CONNECTOR)
    assert (connection.path, connection.device) == ("/dev/null", {"type": "block", "path": "/dev/null"})
    assert (connection.protocol, connection.attached_host, connection.multipath) == ("local", "h0", False)
    assert not connection.is_confirmed  # its device is asked for before it is opened
    assert cl.Volume.get_by_id(made["copy"]).snapshot_id == made["before"]


def test_what_only_a_driver_understands_is_kept_for_it(database: str, made: Made, lab: cl.Backend) -> None:
    """What has no column here, such as the secret of a target, is the driver's data."""
    cl.import_cinderlib(database)
    volume = next(each for each in lab.volumes if each.id == made["secretive"])
    assert volume.provider_location == "10.0.0.1:3260 iqn.y 0"
    assert (volume.driver_data or {})["provider_auth"] == "CHAP user open-sesame"


@pytest.mark.usefixtures("lab")
def test_half_done_and_deleted(database: str, made: Made) -> None:
    """A volume in error is taken as it is; what was deleted is not."""
    report = cl.import_cinderlib(database)
    assert cl.Volume.get_by_id(made["broken"]).status == "error_deleting"
    assert "gone" not in set(report["name"].dropna())


@pytest.mark.usefixtures("lab")
def test_key_values_are_taken(database: str) -> None:
    """The key-value pairs of cinderlib are there."""
    cl.import_cinderlib(database)
    assert cl.KeyValue.all() == [cl.KeyValue("rack", "b7")]


@pytest.mark.usefixtures("lab")
def test_the_report_says_what_was_not_taken(database: str, made: Made) -> None:
    """The report has a row for each thing, and the reason where it is not taken: no such backend, an id that is no UUID."""
    report = cl.import_cinderlib(database)
    assert report.columns.tolist() == ["kind", "id", "name", "taken", "reason"]
    taken = report[report["taken"]]
    assert taken["kind"].tolist() == ["volume"] * 4 + ["snapshot", "connection", "key_value"]
    assert (taken["reason"] == "").all()
    (backend,) = report[report["kind"] == "backend"].to_dict("records")
    assert (backend["name"], "cl.Backend('other', volume_driver=…)" in backend["reason"]) == ("other", True)
    assert _reason(report, made["elsewhere"]) == "its backend 'other' is not stored here"
    assert "cl.setup(non_uuid_ids=True)" in _reason(report, "Plain-id")


def test_ids_that_are_no_uuids_are_taken_where_they_are_allowed(database: str, tmp_path: Path) -> None:
    """A session that allows other ids takes them, and finds them, capitals and all."""
    with cl.setup("memory", non_uuid_ids=True) as session:
        session.backend("lab", volume_driver="sim", path=tmp_path / "sim")
        cl.import_cinderlib(database)
        assert cl.Volume.get_by_id("Plain-id") is cl.find("Plain-id")


@pytest.mark.usefixtures("lab")
def test_again_changes_nothing(session: cl.Session, database: str) -> None:
    """A second import takes nothing, and writes nothing into the history or the feed."""
    first = cl.import_cinderlib(database)
    head, volumes = session.store.head(), cl.frames.volumes()
    second = cl.import_cinderlib(database)
    assert not second["taken"].any()
    assert (second.loc[first["taken"], "reason"] == ALREADY_TRACKED).all()
    assert session.store.head() == head
    assert cl.frames.volumes().equals(volumes)


def test_what_is_missing_is_taken_later(session: cl.Session, database: str, made: Made, lab: cl.Backend, tmp_path: Path) -> None:
    """Once the backend is there, another import takes what is on it, and no more."""
    cl.import_cinderlib(database)
    before = list(lab.volumes)
    session.backend("other", volume_driver="sim", path=str(tmp_path / "other"))
    report = cl.import_cinderlib(database)
    assert report.loc[report["taken"], "id"].tolist() == [made["elsewhere"]]
    assert lab.volumes == before


@pytest.mark.usefixtures("lab")
def test_what_differs_is_left_as_it_is(database: str, made: Made) -> None:
    """A row that was changed here since is reported with what differs, and not overwritten; a secret is not shown."""
    cl.import_cinderlib(database)
    ledger = cl.Volume.get_by_id(made["ledger"])
    ledger.name = "journal"
    ledger.save()
    cl.KeyValue.set("rack", "c9")
    _change(database, "UPDATE volumes SET provider_auth = 'CHAP user hunter2' WHERE id = ?", made["secretive"])
    report = cl.import_cinderlib(database)
    assert not report["taken"].any()
    assert "differs (name 'journal', not 'ledger')" in _reason(report, made["ledger"])
    assert "differs (value 'c9', not 'b7')" in _reason(report, "rack")
    assert "differs (driver_data)" in _reason(report, made["secretive"])
    assert ledger.name == "journal"


@pytest.mark.parametrize("store_url", ["file"], indirect=True)  # nobody else sees a memory store
def test_lists_and_other_sessions_see_what_was_taken(session: cl.Session, database: str, made: Made, lab: cl.Backend) -> None:
    """Lists that were loaded before show the new volumes, here at once and in another session when it looks again."""
    assert lab.volumes == []
    with cl.Session(session.settings.store) as other:
        theirs = other.get(cl.Backend, lab.id)
        assert isinstance(theirs, cl.Backend)
        assert theirs.volumes == []
        cl.import_cinderlib(database)
        theirs.refresh()
        assert [volume.id for volume in theirs.volumes] == [volume.id for volume in lab.volumes]
    assert made["ledger"] in {volume.id for volume in lab.volumes}


@pytest.mark.usefixtures("lab")
def test_an_import_stands_in_the_history(database: str) -> None:
    """The history has one line for each backend: where from, and how many of what."""
    cl.import_cinderlib(database)
    last = cl.frames.operations().iloc[-1]
    assert (last["action"], last["status"], last["resource_name"]) == ("import", "done", "lab")
    assert last["arguments"] == {"from": f"sqlite:///{database}", "volumes": 4, "snapshots": 1, "connections": 1}


def test_an_imported_volume_can_be_worked_with(database: str, made: Made, lab: cl.Backend) -> None:
    """A verb runs on what was imported as on anything else: deleted, it is gone from the store, and could be taken again."""
    cl.import_cinderlib(database)
    copy = next(each for each in lab.volumes if each.id == made["copy"])
    copy.delete()
    assert copy not in lab.volumes
    report = cl.import_cinderlib(database)
    assert report.loc[report["taken"], "id"].tolist() == [made["copy"]]


@pytest.mark.usefixtures("lab")
def test_what_cinder_wrote(database: str, made: Made) -> None:
    """Cinder's own rows, which cinderlib would not write, are taken, too: a flat connection, a mount point, a name of its own."""
    _change(database, "DROP TABLE cinderlib_persistence_key_value")
    flat = json.dumps({"driver_volume_type": "rbd", "name": "volumes/volume-1", "attachment_id": "1"})
    update = "UPDATE volume_attachment SET connection_info = ?, connector = ?, mountpoint = '/dev/vdb' WHERE id = ?"
    _change(database, update, flat, "{}", made["connection"])
    _change(database, "UPDATE volumes SET _name_id = 'other', attach_status = 'attached' WHERE id = ?", made["copy"])
    cl.import_cinderlib(database)
    connection = cl.Connection.get_by_id(made["connection"])
    assert connection.conn_info == {"driver_volume_type": "rbd", "data": {"name": "volumes/volume-1", "attachment_id": "1"}}
    assert (connection.protocol, connection.path) == ("rbd", "/dev/vdb")
    copy = cl.Volume.get_by_id(made["copy"])
    assert (copy.name_in_storage, copy.attach_status) == ("volume-other", "attached")


@pytest.mark.usefixtures("lab")
def test_an_attachment_that_lets_no_host_in(database: str, made: Made) -> None:
    """What Cinder has only reserved is no connection, and the rest is taken."""
    _change(database, "UPDATE volume_attachment SET attach_status = 'reserved' WHERE id = ?", made["connection"])
    report = cl.import_cinderlib(database)
    assert _reason(report, made["connection"]) == "it is 'reserved': it lets no host in"
    assert cl.Volume.get_by_id(made["ledger"]).attach_status == "detached"


@pytest.mark.usefixtures("lab")
def test_rows_that_cannot_be_taken_are_reported(database: str, made: Made) -> None:
    """A volume that never came to a backend, and a connection that cannot be read, are left, and the rest is taken."""
    _change(database, "UPDATE volumes SET host = NULL WHERE id = ?", made["copy"])
    _change(database, "UPDATE volume_attachment SET connection_info = '{' WHERE id = ?", made["connection"])
    report = cl.import_cinderlib(database)
    assert _reason(report, made["copy"]) == "it has no host: it never came to a backend"
    assert _reason(report, made["connection"]).startswith("what it keeps cannot be read: ")
    assert _reason(report, made["ledger"]) == ""


def test_a_read_only_session_is_refused(database: str, tmp_path: Path) -> None:
    """A session that may only look takes nothing."""
    cl.Session(tmp_path / "store.db").close()
    with cl.setup(tmp_path / "store.db", read_only=True), pytest.raises(errors.ReadOnly, match="import is refused"):
        cl.import_cinderlib(database)


def test_a_store_of_ours_is_named_as_such(session: cl.Session, tmp_path: Path) -> None:
    """A database that is not cinderlib's is refused with one line; for a store of ours the line says how to open it."""
    cl.Session(tmp_path / "ours.db").close()
    with pytest.raises(errors.InvalidInput, match=r"no database of cinderlib's or Cinder's: it has no table .*cl\.setup\(store="):
        cl.import_cinderlib(str(tmp_path / "ours.db"))
    assert session.journal.registered_id is None


@pytest.mark.usefixtures("session")
def test_what_is_no_data_base(tmp_path: Path) -> None:
    """A text file, a file that is not there, a URL that is none, and memory are refused with one line each; nothing is made."""
    text = tmp_path / "text.db"
    text.write_text("not a database, and long enough to be sure of it\n" * 20)
    with pytest.raises(errors.StoreError, match=r"text\.db cannot be read as a database of cinderlib's"):
        cl.import_cinderlib(str(text))
    with pytest.raises(errors.NotFound, match="There is no file"):
        cl.import_cinderlib(str(tmp_path / "nowhere.db"))
    with pytest.raises(errors.InvalidInput, match="not the URL of a database"):
        cl.import_cinderlib("nosuch://host/db")
    with pytest.raises(errors.InvalidInput, match="in memory"):
        cl.import_cinderlib("memory")
    assert not (tmp_path / "nowhere.db").exists()


@pytest.mark.usefixtures("lab")
def test_a_column_that_is_missing(database: str) -> None:
    """A table that lacks a column that is needed is named with it."""
    _change(database, "ALTER TABLE volume_attachment DROP COLUMN attach_mode")
    _change(database, "ALTER TABLE snapshots RENAME COLUMN status TO state")
    with pytest.raises(errors.InvalidInput, match=r"it has no column snapshots\.status"):
        cl.import_cinderlib(database)


def test_any_store_takes_it(database: str, made: Made, any_store_url: str, tmp_path: Path) -> None:
    """Into a file, PostgreSQL and MariaDB alike everything of a backend is taken, once, key-value pairs included."""
    with cl.setup(any_store_url, non_uuid_ids=True) as session:
        session.backend("lab", volume_driver="sim", path=str(tmp_path / "sim"))
        assert cl.import_cinderlib(database)["taken"].sum() > len(made) - 2
        ledger = session.find("ledger")
        assert (ledger.id, [each.name for each in ledger.snapshots]) == (made["ledger"], ["before"])
        assert [pair.value for pair in cl.KeyValue.all()] == ["b7"]
        assert not cl.import_cinderlib(database)["taken"].any()
