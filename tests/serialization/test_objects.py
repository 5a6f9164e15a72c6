"""Objects as documents, and documents as objects again."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

import cl_notebook as cl


@pytest.fixture
def volume(sim: cl.Backend) -> cl.Volume:
    """Return a volume with two snapshots and a connection."""
    made = sim.create_volume(1, name="ledger", description="of accounts", metadata={"owner": "ann"}, qos_specs={"iops": "9"})
    made.create_snapshot(name="before")
    made.create_snapshot(name="after")
    made.connect({"host": "h0", "ip": "10.0.0.1", "initiator": "iqn.x", "multipath": False})
    return made


def again(volume: cl.Volume) -> cl.Volume:
    """Return the volume as the next kernel finds it: nothing of it is loaded."""
    settings = volume.context.settings
    cl.setup(settings.store)
    return cl.Volume.get_by_id(volume.id)


@pytest.mark.parametrize("store_url", ["file"], indirect=True)
def test_json_holds_what_was_loaded_and_dump_loads_the_rest(volume: cl.Volume) -> None:
    """`json` has only the lists that were loaded already; `dump` loads them first, and then they are loaded."""
    found = again(volume)
    assert set(found.json["data"]) & {"snapshots", "connections"} == set()
    assert len(found.snapshots) == 2
    assert set(found.json["data"]) & {"snapshots", "connections"} == {"snapshots"}
    dumped = found.dump
    assert [child["name"] for child in dumped["data"]["snapshots"]] == ["before", "after"]
    assert len(dumped["data"]["connections"]) == 1
    assert found.json == dumped


def test_text_is_the_same_as_data(volume: cl.Volume) -> None:
    """`jsons`, `dumps` and `to_jsons()` are the text of `json`, `dump` and `to_json()`, which are plain JSON."""
    for each in (volume, *volume.snapshots, *volume.connections, volume.backend):
        assert json.loads(each.dumps) == each.dump
        assert json.loads(each.jsons) == each.json == each.to_json(simplified=False)
        assert json.loads(each.to_jsons()) == each.to_json()


def test_simplified_leaves_out_what_is_beside(volume: cl.Volume) -> None:
    """`to_json()` is the object alone: no snapshots of a volume, no volume of a snapshot."""
    assert set(volume.dump["data"]) - set(volume.to_json()["data"]) == {"snapshots", "connections"}
    snapshot = volume.snapshots[0]
    assert set(snapshot.dump["data"]) - set(snapshot.to_json()["data"]) == {"volume"}


def test_circles_are_no_trouble(volume: cl.Volume) -> None:
    """A snapshot's document has its volume, a volume's has its snapshots, and neither goes round."""
    snapshot = volume.snapshots[0]
    assert snapshot.volume is volume
    assert snapshot.dump["data"]["volume"]["id"] == volume.id
    assert "snapshots" not in snapshot.dump["data"]["volume"]
    assert "volume" not in volume.dump["data"]["snapshots"][0]


def test_to_dict_is_plain(volume: cl.Volume) -> None:
    """`to_dict()` has the fields by name, times as datetime, the backend by name, and the lists that were loaded."""
    assert volume.dump
    fields = volume.to_dict()
    assert fields["name"] == "ledger"
    assert fields["backend"] == "sim"
    assert fields["created_at"] == volume.created_at
    assert [child["name"] for child in fields["snapshots"]] == ["before", "after"]
    assert volume.snapshots[0].to_dict()["volume_id"] == volume.id
    assert volume.backend.to_dict()["name"] == "sim"


def test_a_document_is_a_copy(volume: cl.Volume) -> None:
    """What is done to a document, or to a dict of an object, does nothing to the object."""
    volume.json["data"]["metadata"]["owner"] = "eve"
    volume.to_dict()["metadata"]["owner"] = "eve"
    assert volume.metadata == {"owner": "ann"}


def test_backends_hold_their_volumes(volume: cl.Volume) -> None:
    """A backend's `json` has its volumes and what was loaded of each; `dump`, and `cl.dump()`, all of it from the store."""
    backend = volume.backend
    assert [each["data"]["id"] for each in backend.json["volumes"]] == [volume.id]
    assert cl.json() == [backend.json]
    assert cl.dump() == [backend.dump]
    assert json.loads(cl.jsons()) == cl.json()
    assert json.loads(cl.dumps()) == cl.dump()
    assert len(backend.dump["volumes"][0]["data"]["snapshots"]) == 2


def test_what_is_loaded_can_be_looked_at(volume: cl.Volume, tmp_path: Any) -> None:
    """Without save=True objects come back with their fields and lists, untracked, and the store is as it was."""
    text = volume.dumps
    cl.setup("memory")
    cl.Backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
    found = cl.load(text)
    assert isinstance(found, cl.Volume)
    assert not found.is_tracked
    assert found.name == "ledger"
    assert found.metadata == {"owner": "ann"}
    assert [snapshot.name for snapshot in found.snapshots] == ["before", "after"]
    assert found.snapshots[0].volume is found
    assert found.backend is cl.Backend("sim")
    assert found.dumps == text
    assert cl.Backend("sim").volumes == []
    with pytest.raises(cl.errors.Refused, match="was loaded, and is not tracked yet: save\\(\\) it first"):
        found.extend(2)


def test_what_is_loaded_can_be_saved_later(volume: cl.Volume, tmp_path: Any) -> None:
    """`save()` on a loaded object tracks it and what came with it, with what was set on it meanwhile; it is live from then on."""
    text = volume.dumps
    cl.setup("memory")
    backend = cl.Backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
    assert backend.volumes == []
    found = cl.load(text)
    found.description = "of last year"
    found.save()
    assert found.is_tracked
    assert cl.find("ledger") is found
    backend.refresh()
    assert backend.volumes == [found]
    assert len(found.snapshots) == 2
    assert len(found.connections) == 1
    assert found.description == "of last year"
    found.name = "later"
    found.save()
    assert cl.Volume.get_by_name("later") == [found]


@pytest.mark.parametrize("kind", ["snapshots", "connections"])
def test_one_that_is_below_brings_its_volume(volume: cl.Volume, kind: str, tmp_path: Any) -> None:
    """The dump of a snapshot or a connection alone is loaded with its volume, if that is not tracked yet."""
    text = getattr(volume, kind)[0].dumps
    cl.setup("memory")
    cl.Backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
    found = cl.load(text)
    assert found.volume.name == "ledger"
    saved = cl.load(text, save=True)
    assert saved.volume is cl.find("ledger")
    assert saved in getattr(saved.volume, kind)
    assert cl.load(text, save=True) is saved


def test_the_class_loads_its_own(volume: cl.Volume) -> None:
    """`cl.Volume.load()` takes the document of a volume, and names the class of any other."""
    assert cl.Volume.load(volume.dumps).id == volume.id
    with pytest.raises(cl.errors.InvalidInput, match="the document of a volume, not of a snapshot"):
        cl.Snapshot.load(volume.dump)


def test_everything_comes_back(volume: cl.Volume, tmp_path: Any) -> None:
    """What cl.dumps() wrote, cl.load(save=True) tracks in another store: the same text is written there."""
    text = cl.dumps()
    cl.setup("memory")
    cl.Backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
    (backend,) = cl.load(text, save=True)
    assert backend is cl.Backend("sim")
    assert backend.volumes[0].id == volume.id
    assert [each["volumes"] for each in cl.dump()] == [each["volumes"] for each in json.loads(text)]
    before = cl.frames.operations()
    assert list(before["action"]).count("load") == 1
    assert cl.load(json.loads(text), save=True) == [backend]
    assert len(cl.frames.operations()) == len(before)


def test_subsecond_times_survive(volume: cl.Volume, tmp_path: Any) -> None:
    """A time comes back to the microsecond, in UTC, whatever zone the document has it in."""
    document = volume.dump
    moment = dt.datetime(2026, 3, 4, 5, 6, 7, 123456, tzinfo=dt.UTC)
    document["data"]["created_at"] = "2026-03-04T07:06:07.123456+02:00"
    cl.setup("memory")
    cl.Backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
    assert cl.load(document).created_at == moment
    assert cl.load(document, save=True).created_at == moment
    assert cl.dump()[0]["volumes"][0]["data"]["created_at"] == "2026-03-04T05:06:07.123456Z"


def test_unknown_fields_are_kept(volume: cl.Volume, tmp_path: Any) -> None:
    """Fields that this release does not know are kept, tracked or not, and written back where they were."""
    document = cl.dump()[0]
    document["volumes"][0]["colour"] = {"of": "the label"}
    document["volumes"][0]["data"]["weight"] = [1, 2.5, None]
    document["volumes"][0]["data"]["snapshots"][0]["taste"] = "ü"
    cl.setup("memory")
    cl.Backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
    loaded = cl.load(document)
    assert loaded.json["volumes"] == document["volumes"]
    cl.load(document, save=True)
    assert cl.dump()[0]["volumes"] == document["volumes"]
    assert cl.find(volume.id).dump == document["volumes"][0]


def test_lists_of_documents(volume: cl.Volume) -> None:
    """A list of documents of any kinds gives a list of objects, in its order."""
    documents = [volume.dump, volume.snapshots[0].dump, volume.connections[0].json]
    assert [type(each) for each in cl.load(documents)] == [cl.Volume, cl.Snapshot, cl.Connection]
    assert cl.load(documents, save=True) == [volume, volume.snapshots[0], volume.connections[0]]
    assert cl.load([]) == []
