"""The name that a driver works on is the tracked one: it is expressed in Cinder's objects, or the driver is not called."""

from __future__ import annotations

import json
import re
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import errors
from tests.drivers.cinder.conftest import FAKE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


_UPDATED = re.compile(r'"updated_at":("[^"]*"|null)')


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the driver keeps its volumes in."""
    return tmp_path_factory.mktemp("named")


def lab(folder: Path, python: str, store: str, **cinder: Any) -> cl.Backend:
    """Return the backend in a session with these options of Cinder's ``[DEFAULT]``."""
    session = cl.setup(store, non_uuid_ids=True, **cinder)
    return session.backend("lab", volume_driver=FAKE, python=python, fake_path=str(folder / "array"))


@pytest.fixture(scope="module")
def renamed(folder: Path, python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[cl.Backend]:
    """Return a backend with a volume and a snapshot, opened again with other templates than they were made with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CL_NOTEBOOK_DATA", str(tmp_path_factory.mktemp("data")))
        store = f"sqlite:///{folder / 'store.db'}"
        backend = lab(folder, python, store)
        backend.create_volume(1, "db").create_snapshot("s")
        backend.create_volume(1, "lone")
        yield lab(folder, python, store, volume_name_template="vol_%s", snapshot_name_template="snap_%s")
        cl.setup("memory")


ACTS: dict[str, Callable[[cl.Volume, cl.Snapshot], object]] = {
    "delete": lambda volume, _: volume.delete(cascade=True),
    "extend": lambda volume, _: volume.extend(3),
    "clone": lambda volume, _: volume.clone("copy"),
    "snapshot": lambda volume, _: volume.create_snapshot("new"),
    "connect": lambda volume, _: volume.connect({"host": "h0", "initiator": "iqn.x"}),
    "retype": lambda volume, _: volume.retype({"a": "1"}),
    "revert": lambda volume, snapshot: volume.revert(snapshot),
    "unmanage": lambda *_: cl.Volume.get_by_name("lone")[0].unmanage(),
    "delete a snapshot": lambda _, snapshot: snapshot.delete(),
    "a volume from a snapshot": lambda _, snapshot: snapshot.create_volume("new"),
}


@pytest.mark.parametrize("act", ACTS)
def test_another_template_is_refused_by_every_act(renamed: cl.Backend, folder: Path, act: str) -> None:
    """Whatever is done to what was made with another template, the driver is not called, and everything stays as it is."""
    before, files = cl.dumps(), {file.name for file in (folder / "array").iterdir()}
    volume = cl.Volume.get_by_name("db")[0]
    with pytest.raises(errors.DriverError, match=r"'(volume|snapshot)-.*name_template with which the") as caught:
        ACTS[act](volume, volume.snapshots[0])
    assert caught.value.no_side_effects
    assert {file.name for file in (folder / "array").iterdir()} == files
    assert _UPDATED.sub("", cl.dumps()) == _UPDATED.sub("", before)
    del renamed


def test_new_volumes_have_the_template_of_now(renamed: cl.Backend, folder: Path) -> None:
    """What is made now is called by the template of now, and can be used and deleted."""
    volume = renamed.create_volume(1, "new")
    snapshot = volume.create_snapshot("s")
    assert (volume.name_in_storage, snapshot.name_in_storage) == (f"vol_{volume.id}", f"snap_{snapshot.id}")
    assert (folder / "array" / volume.name_in_storage).exists()
    copy = volume.clone("copy")
    copy.delete()
    volume.delete(cascade=True)
    assert not list((folder / "array").glob("vol_*"))


def test_a_name_with_another_id_is_expressed(python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A volume whose name carries another id than its own, as after an import or a lost capital, is deleted under that name."""
    monkeypatch.setenv("CL_NOTEBOOK_DATA", str(tmp_path))
    backend = lab(tmp_path, python, "memory", volume_name_template="v-%s-lab")
    volume = backend.create_volume(1, "db", id="Vol-01")
    assert volume.name_in_storage == "v-Vol-01-lab"
    document = volume.dump
    document["data"]["id"] = "vol-01"
    backend = lab(tmp_path, python, "memory", volume_name_template="v-%s-lab")
    loaded = cl.load(json.dumps(document), save=True)
    copy = loaded.clone("copy")
    loaded.delete()
    assert [file.name for file in (tmp_path / "array").iterdir()] == [copy.name_in_storage]
    copy.delete()


def test_a_snapshot_with_another_name_is_refused(python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cinder computes a snapshot's name of its id alone: one that is called otherwise is not touched, nor what hangs on it."""
    monkeypatch.setenv("CL_NOTEBOOK_DATA", str(tmp_path))
    backend = lab(tmp_path, python, "memory")
    snapshot = backend.create_volume(1, "db").create_snapshot("s")
    document = snapshot.volume.dump
    document["data"]["snapshots"][0]["name_in_storage"] = "snapshot-Other"
    backend = lab(tmp_path, python, "memory")
    loaded = cl.load(json.dumps(document), save=True)
    with pytest.raises(errors.DriverError, match="is 'snapshot-Other' on the storage"):
        loaded.delete(cascade=True)
    assert (loaded.status, loaded.snapshots[0].status) == ("available", "available")
    assert len(list((tmp_path / "array").iterdir())) == 2
    del backend


def test_an_import_follows_the_template(python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes from a database of Cinder's, or from a document without a name, is called as the template says."""
    monkeypatch.setenv("CL_NOTEBOOK_DATA", str(tmp_path))
    backend = lab(tmp_path, python, "memory", volume_name_template="v-%s", snapshot_name_template="s-%s")
    with sqlite3.connect(tmp_path / "cinder.db") as sql:
        sql.executescript(
            """CREATE TABLE volumes (id TEXT PRIMARY KEY, _name_id TEXT, host TEXT, size INTEGER, status TEXT, display_name TEXT);
            CREATE TABLE snapshots (id TEXT PRIMARY KEY, volume_id TEXT, status TEXT, volume_size INTEGER);
            CREATE TABLE volume_attachment (id TEXT PRIMARY KEY, volume_id TEXT);
            INSERT INTO volumes VALUES ('a', NULL, 'h@lab', 1, 'available', 'x'), ('b', 'moved', 'h@lab', 1, 'available', 'y');
            INSERT INTO snapshots VALUES ('c', 'a', 'available', 1);"""
        )
    assert cl.import_cinderlib(f"sqlite:///{tmp_path / 'cinder.db'}")["taken"].all()
    document = {"class": "Volume", "version": 1, "backend": {"volume_backend_name": "lab"}}
    cl.load({**document, "data": {"id": "d", "size": 1, "status": "available"}}, save=True)
    names = {each.id: each.name_in_storage for each in backend.volumes}
    assert names == {"a": "v-a", "b": "v-moved", "d": "v-d"}
    assert backend.volumes_filtered("a")[0].snapshots[0].name_in_storage == "s-c"
