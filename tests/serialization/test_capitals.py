"""Ids keep their capitals, wherever they come from and however they are looked for."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.serialization import dump_file, load_file

if TYPE_CHECKING:
    from pathlib import Path

UPPER = "3F2A91C0-0000-4000-8000-00000000000A"


@pytest.fixture(params=["Vol-01", UPPER])
def own(request: pytest.FixtureRequest) -> str:
    """Return an id with capitals: a word, and a UUID."""
    return str(request.param)


def anew(path: Path, store: str = "memory") -> cl.Backend:
    """Return the backend of an empty store."""
    cl.setup(store, non_uuid_ids=True)
    return cl.Backend("lab", volume_driver="sim", path=str(path))


def test_a_document_keeps_them(tmp_path: Path, own: str) -> None:
    """What was dumped has the same ids, names on the storage and relations once it is loaded, whole or piece by piece."""
    volume = anew(tmp_path).create_volume(1, "db", id=own)
    snapshot = volume.create_snapshot("s")
    conn = volume.connect({"host": "h0"})
    whole, pieces, before = cl.dumps(), [volume.dumps, snapshot.dumps, conn.dumps], volume.dump["data"]
    for texts in ([whole], pieces):
        lab = anew(tmp_path)
        for text in texts:
            cl.load(text, save=True)
        assert [(each.id, each.name_in_storage) for each in lab.volumes] == [(own, f"volume-{own}")]
        assert lab.volumes[0].snapshots[0].volume_id == lab.volumes[0].connections[0].volume_id == own
        assert lab.volumes[0].dump["data"] == before
    conn = lab.volumes[0].connections[0]
    conn.disconnect()
    lab.volumes[0].delete(cascade=True)
    assert not cl.inventory.scan().query("verdict == 'untracked'").size


def test_a_file_keeps_them(tmp_path: Path, own: str) -> None:
    """So does a file, which is read row by row."""
    anew(tmp_path / "sim").create_volume(1, "db", id=own).create_snapshot("s")
    dump_file(tmp_path / "all.json")
    lab = anew(tmp_path / "sim")
    load_file(tmp_path / "all.json")
    assert [(each.id, each.snapshots[0].volume_id) for each in lab.volumes] == [(own, own)]


def test_they_are_found(tmp_path: Path, own: str, any_store_url: str) -> None:
    """The id, and its beginning, find the volume; of ids that differ by capitals alone the very one that was typed."""
    lab = anew(tmp_path, any_store_url)
    volume = lab.create_volume(1, "x", id=own)
    assert cl.Volume.get_by_id(own) is volume is cl.find(own) is cl.find(own[:5]) is cl.find(f" {own}")
    assert lab.volumes_filtered(volume_id=own) == [volume]
    assert [each.id for each in cl.find(own[:4], all=True)] == [own]
    if own != UPPER:
        small = lab.create_volume(1, "y", id=own.lower())
        assert cl.find(own) is volume is cl.Volume.get_by_id(own)
        assert cl.find(own.lower()) is small is cl.Volume.get_by_id(own.lower())
        assert {each.id for each in cl.find(own, all=True)} == {own, own.lower()}
        text = cl.dumps()
        lab = anew(tmp_path)
        cl.load(text, save=True)
        assert {each.id for each in lab.volumes} == {own, own.lower()}
    else:
        assert lab.create_volume(1, "x", id=own) is volume


def test_a_reference_in_another_spelling(tmp_path: Path) -> None:
    """A snapshot whose document spells its volume's UUID in small letters is of that volume."""
    volume = anew(tmp_path).create_volume(1, "db", id=UPPER)
    volume.create_snapshot("s")
    document = volume.dump
    document["data"]["snapshots"][0]["volume_id"] = UPPER.lower()
    lab = anew(tmp_path)
    cl.load(json.dumps(document), save=True)
    assert lab.volumes[0].snapshots[0].volume_id == UPPER
    document["data"]["snapshots"][0]["volume_id"] = UPPER.replace("F", "E")
    with pytest.raises(errors.InvalidInput, match="is of the volume"):
        cl.load(json.dumps(document))


def test_an_import_keeps_them(tmp_path: Path, own: str) -> None:
    """A database of Cinder's with such ids is taken as it is."""
    lab = anew(tmp_path / "sim")
    file = tmp_path / "cinder.db"
    with sqlite3.connect(file) as sql:
        sql.executescript(
            """CREATE TABLE volumes (id TEXT PRIMARY KEY, host TEXT, size INTEGER, status TEXT, display_name TEXT);
            CREATE TABLE snapshots (id TEXT PRIMARY KEY, volume_id TEXT, status TEXT, volume_size INTEGER);
            CREATE TABLE volume_attachment (id TEXT PRIMARY KEY, volume_id TEXT);"""
        )
        sql.execute("INSERT INTO volumes VALUES (?, 'lab1@lab#pool', 1, 'available', 'db')", (own,))
        sql.execute("INSERT INTO snapshots VALUES (?, ?, 'available', 1)", (f"S-{own[:30]}", own))
    report = cl.import_cinderlib(f"sqlite:///{file}")
    assert report["taken"].all(), report["reason"].tolist()
    assert [(each.id, each.name_in_storage, each.snapshots[0].id) for each in lab.volumes] == [
        (own, f"volume-{own}", f"S-{own[:30]}")
    ]
