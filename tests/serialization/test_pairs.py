"""Key-value pairs as documents, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import errors, serialization

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT = {"class": "KeyValue", "version": 1, "data": {"key": "rack", "value": "b7"}}


@pytest.mark.usefixtures("session")
def test_a_pair_has_the_words_of_every_object() -> None:
    """`json`, `dump`, their texts, `to_json()`, `to_jsons()` and `to_dict()` of a pair say its key and its value."""
    pair = cl.KeyValue("rack", "b7")
    assert pair.json == pair.dump == pair.to_json() == DOCUMENT
    assert {json.dumps(json.loads(text)) for text in (pair.jsons, pair.dumps, pair.to_jsons())} == {json.dumps(DOCUMENT)}
    assert pair.to_dict() == {"key": "rack", "value": "b7"}


@pytest.mark.usefixtures("session")
def test_a_pair_is_loaded() -> None:
    """The document of a pair gives it back, kept in the store if it is saved; a second time changes nothing."""
    assert cl.load(DOCUMENT) == cl.KeyValue.load(json.dumps(DOCUMENT)) == cl.KeyValue("rack", "b7")
    assert cl.KeyValue.all() == []
    cl.load(DOCUMENT).save()
    assert cl.load(DOCUMENT, save=True) == cl.KeyValue.get("rack")
    assert cl.KeyValue.all() == [cl.KeyValue("rack", "b7")]


def test_pairs_are_among_everything(sim: cl.Backend, tmp_path: Path) -> None:
    """`cl.dump()`, `cl.json()` and their texts hold the pairs after the backends, and another store gets them back."""
    sim.create_volume(1)
    cl.KeyValue.set("rack", "b7")
    assert cl.dump()[-1] == cl.json()[-1] == json.loads(cl.dumps())[-1] == json.loads(cl.jsons())[-1] == DOCUMENT
    assert "KeyValue" not in sim.dumps
    text = cl.dumps()
    cl.setup("memory")
    backend = cl.Backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
    assert cl.load(text, save=True) == [backend, cl.KeyValue("rack", "b7")]
    assert cl.dump()[-1] == DOCUMENT


@pytest.mark.parametrize("backends", [0, 2])
def test_pairs_stand_in_files(session: cl.Session, tmp_path: Path, backends: int) -> None:
    """A file holds more pairs than a page, with backends or alone, and brings them back, in the next kernel of another store."""
    file = tmp_path / "lab.json"
    for number in range(backends):
        session.backend(f"sim{number}", volume_driver="sim", path=str(tmp_path / f"sim{number}")).create_volume(1)
    everything = [{**DOCUMENT, "data": {"key": f"key {number:04}", "value": "\n"}} for number in range(1_201)]
    cl.load(everything, save=True)
    serialization.dump_file(file)
    assert json.loads(file.read_bytes()) == cl.dump()
    cl.setup(tmp_path / "elsewhere.db")
    counts = serialization.load_file(file, fail_on_missing_backend=False)
    assert str(counts).endswith("1,201 key-value pairs loaded")
    assert [pair.json for pair in cl.KeyValue.all()] == everything
    assert str(serialization.load_file(file)).startswith("nothing loaded")


@pytest.mark.usefixtures("session")
def test_a_document_of_before_is_read(tmp_path: Path) -> None:
    """A document that was written without pairs leaves those that are there alone."""
    cl.KeyValue.set("rack", "b7")
    file = tmp_path / "lab.json"
    file.write_text("[\n]\n", encoding="utf-8")
    assert str(serialization.load_file(file)) == "nothing loaded"
    assert cl.load("[]", save=True) == []
    assert cl.KeyValue.all() == [cl.KeyValue("rack", "b7")]


@pytest.mark.usefixtures("session")
def test_other_sessions_are_notified(tmp_path: Path) -> None:
    """Loading a pair is in the change feed, as setting one is."""
    store = tmp_path / "shared.db"
    with cl.Session(store) as watcher, cl.Session(store) as other:
        before = watcher.store.head()
        serialization.loader.load_as(other, DOCUMENT, None, save=True)
        assert watcher.store.head() == before + 1


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"version": 2}, errors.InvalidInput, "Upgrade"),
        ({"data": None}, errors.InvalidInput, "expected `object`"),
        ({"data": {"value": "b7"}}, errors.InvalidInput, "missing required field `key`"),
        ({"data": {"key": "", "value": "b7"}}, errors.InvalidInput, "at least one character"),
        ({"data": {"key": "x" * 256, "value": "b7"}}, errors.InvalidInput, "at most 255"),
        ({"data": {"key": "rack", "value": 7}}, errors.InvalidInput, "wrong at value"),
        ({"data": {"key": "rack", "value": "b7", "unit": "row"}}, errors.InvalidInput, "unit"),
        ({"unit": "row"}, errors.InvalidInput, "'unit', which no pair can keep"),
        ({"data": {"key": "rack", "value": "b8"}}, errors.AlreadyExists, "'rack' is tracked already with another value"),
    ],
)
@pytest.mark.usefixtures("session")
def test_pairs_that_cannot_be(change: dict[str, Any], error: type[errors.Error], said: str) -> None:
    """A pair that is wrong, or that differs from what its key stands for, is refused in one line, and nothing is kept."""
    cl.KeyValue.set("rack", "b7")
    other = {**DOCUMENT, "data": {"key": "other", "value": ""}}
    with pytest.raises(error) as caught:
        cl.load([other, DOCUMENT | change], save=True)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert cl.KeyValue.all() == [cl.KeyValue("rack", "b7")]


def test_each_class_loads_its_own(sim: cl.Backend) -> None:
    """`cl.KeyValue.load()` takes the document of a pair alone, and `cl.Volume.load()` none."""
    with pytest.raises(errors.InvalidInput, match="the document of a volume, not of a key-value pair"):
        cl.KeyValue.load(sim.create_volume(1).dump)
    with pytest.raises(errors.InvalidInput, match="the document of a key-value pair, not of a volume"):
        cl.Volume.load(DOCUMENT)


def test_a_read_only_session_keeps_no_pair(tmp_path: Path) -> None:
    """A session that may only look loads a pair to look at, and keeps none."""
    cl.Session(tmp_path / "ro.db").close()
    cl.setup(tmp_path / "ro.db", read_only=True)
    assert cl.load(DOCUMENT) == cl.KeyValue("rack", "b7")
    with pytest.raises(errors.ReadOnly):
        cl.load(DOCUMENT, save=True)
