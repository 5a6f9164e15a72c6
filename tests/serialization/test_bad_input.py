"""Documents that cannot be right: one clear line, and nothing of them is tracked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    Document = dict[str, Any]


@pytest.fixture
def document(sim: cl.Backend) -> Document:
    """Return the document of a volume with a snapshot and a connection, which are not tracked any more themselves."""
    volume = sim.create_volume(1, name="ledger")
    volume.create_snapshot(name="before")
    volume.connect({"host": "h0"})
    made: Document = volume.dump
    volume.cleanup()
    volume.delete(cascade=True)
    return made


def refused(source: Any, error: type[errors.Error], **given: Any) -> str:
    """Return the one line that loading *source* fails with; nothing is tracked after it."""
    before = cl.dumps()
    with pytest.raises(error) as caught:
        cl.load(source, save=True, **given)
    assert cl.dumps() == before
    said = str(caught.value)
    assert "\n" not in said
    return said


def test_json_that_is_cut_off(document: Document) -> None:
    """JSON that ends in the middle is named as cut off, wherever it was cut."""
    text = json.dumps(document)
    for length in (0, 1, 20, len(text) // 2, len(text) - 1):
        assert "cut off" in refused(text[:length], errors.InvalidInput)


@pytest.mark.parametrize("text", ["ledger", "{'class': 'Volume'}", "[1] 2", '{"class": NaN}'])
def test_what_is_no_json(sim: cl.Backend, text: str) -> None:
    """Text that is no JSON is named as such, with the place."""
    del sim
    assert "is no JSON" in refused(text, errors.InvalidInput)


@pytest.mark.parametrize(
    "source", [None, 7, {}, {"a": 1}, [3], "3", '"text"', {"class": "Volum"}, {"class": 3}, {"class": ["Volume"]}]
)
def test_what_is_no_document(sim: cl.Backend, source: object) -> None:
    """Anything that is no document is refused, a class that is misspelled with the closest one."""
    del sim
    said = refused(source, errors.InvalidInput)
    assert "document" in said
    assert ("Did you mean 'Volume'?" in said) == (source == {"class": "Volum"})


@pytest.mark.parametrize(
    ("version", "said"), [(2, "Upgrade"), (0, "must have the version 1"), ("1", "must have the version 1"), (None, "1")]
)
def test_another_version(document: Document, version: object, said: str) -> None:
    """A document of another version is refused, a newer one with what to do about it."""
    assert said in refused(document | {"version": version}, errors.InvalidInput)


def _set(name: str, value: object) -> Callable[[Document], None]:
    return lambda document: document["data"].update({name: value})


def _drop(name: str) -> Callable[[Document], None]:
    return lambda document: document["data"].pop(name)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_set("size", "1"), "wrong at size: expected `int`, got `str`"),
        (_set("size", 0), "wrong at size"),
        (_set("size", 1.5), "wrong at size"),
        (_drop("size"), "missing required field `size`"),
        (_drop("id"), "missing required field `id`"),
        (_set("id", "x" * 37), "wrong at id"),
        (_set("id", ""), "wrong at id"),
        (_set("name", None), "wrong at name"),
        (_set("name", "x" * 256), "wrong at name"),
        (_set("name", "a\0b"), "cannot be stored"),
        (_set("bootable", "yes"), "wrong at bootable"),
        (_set("metadata", {"a": 1}), "wrong at metadata"),
        (_set("metadata", ["a"]), "wrong at metadata"),
        (_set("created_at", "yesterday"), "wrong at created_at"),
        (_set("snapshots", {}), "snapshots of volume 'ledger'"),
        (_set("snapshots", [3]), "snapshot must have an object"),
        (_set("connections", [{"id": "1"}]), "document of connection '1' is wrong"),
        (lambda document: document["data"]["snapshots"][0].update(volume_id="other"), "is of the volume other"),
        (lambda document: document.update(data=[]), "must have an object as its data"),
        (lambda document: document.update(backend="sim"), "must name its backend"),
        (lambda document: document.update(backend={}), "must name its backend"),
        (lambda document: document.update(backend={"volume_backend_name": 3}), "must name its backend"),
    ],
)
def test_wrong_types(document: Document, change: Callable[[Document], None], said: str) -> None:
    """A field that is missing, of the wrong type or too long is named, with the resource."""
    change(document)
    assert said in refused(document, errors.InvalidInput)


def test_half_a_character(sim: cl.Backend) -> None:
    """Half a surrogate pair, which no database keeps, is refused in text and in data."""
    del sim
    assert refused('{"class": "\ud800"}', errors.InvalidInput)
    assert refused({"class": "\ud800"}, errors.InvalidInput)


def test_a_backend_that_is_not_open(document: Document) -> None:
    """What is on a backend that is not there is refused with what to type, or tracked under that name alone."""
    document["backend"] = {"volume_backend_name": "gone"}
    said = refused(document, errors.NotFound)
    assert "The backend 'gone' is not open" in said
    assert "cl.Backend('gone'" in said
    with pytest.raises(errors.NotFound):
        cl.load(document)
    assert cl.load(document, fail_on_missing_backend=False).backend.name == "gone"
    saved = cl.load(document, save=True, fail_on_missing_backend=False)
    assert saved.backend.name == "gone"
    assert not saved.backend.is_open
    with pytest.raises(errors.NotFound, match="only the name is known"):
        saved.extend(2)


def test_a_backend_known_by_name_is_opened_later(document: Document, tmp_path: Any) -> None:
    """A backend that was loaded by its name is opened with any configuration, and its volumes can be worked with."""
    document["backend"] = {"volume_backend_name": "gone"}
    saved = cl.load(document, save=True, fail_on_missing_backend=False)
    backend = cl.Backend("gone", volume_driver="sim", path=str(tmp_path / "gone"))
    assert saved.backend is backend
    assert backend.volumes == [saved]


@pytest.mark.parametrize(
    "driver",
    ["os.system", "null_driver.NullDriver", "cinder.utils.Evil", "cl_notebook.drivers.sim.driver:SimDriver", "", None, 3],
)
def test_no_other_driver_is_imported(document: Document, driver: object, tmp_path: Any) -> None:
    """A document opens drivers by their entry point or under Cinder's folder of drivers, and imports nothing else."""
    document["backend"] = {"volume_backend_name": "evil", "volume_driver": driver, "path": str(tmp_path)}
    assert str(driver) in refused(document, errors.NotFound)


def test_no_program_is_run(document: Document, tmp_path: Any) -> None:
    """A document that names the Python for one of Cinder's drivers is refused: that would run what it names."""
    document["backend"] = {
        "volume_backend_name": "evil",
        "volume_driver": "cinder.volume.drivers.rbd.RBDDriver",
        "python": str(tmp_path / "evil"),
    }
    assert "names a program to run" in refused(document, errors.InvalidInput)


def test_a_backend_is_opened_from_its_description(document: Document, tmp_path: Any) -> None:
    """A backend that is described whole, and not tracked, is opened with that where the document is trusted."""
    document["backend"] = {"volume_backend_name": "new", "volume_driver": "sim", "path": str(tmp_path / "new")}
    assert cl.load(document, save=True, trust=True).backend is cl.Backend.backends["new"]


def test_a_backend_with_another_configuration(document: Document, tmp_path: Any) -> None:
    """A document whose backend is tracked with another configuration is refused; the message names the option."""
    document["backend"] = {"volume_backend_name": "sim", "volume_driver": "sim", "path": str(tmp_path / "other")}
    assert "path is" in refused(document, errors.AlreadyExists)


def test_ids_that_exist_and_differ(sim: cl.Backend) -> None:
    """An id that is tracked and stands for something else is refused with what differs, and nothing else is loaded."""
    volume = sim.create_volume(1, name="ledger")
    changed = volume.dump
    changed["data"] |= {"size": 2, "name": "other"}
    new = json.loads(json.dumps(volume.dump))
    new["data"]["id"] = "11111111-1111-4111-8111-111111111111"
    said = refused([new, changed], errors.AlreadyExists)
    assert "name is 'ledger', not 'other'; size is 1, not 2" in said
    assert "Nothing was loaded" in said


def test_the_same_id_twice_in_one_document(document: Document) -> None:
    """A document that names an id twice is taken if both are the same, and refused if they differ."""
    other = json.loads(json.dumps(document))
    other["data"]["size"] = 3
    refused([document, other], errors.AlreadyExists)
    assert len(cl.load([document, document], save=True)) == 2


def test_a_snapshot_of_a_volume_that_is_not_there(document: Document) -> None:
    """A snapshot without its volume is refused, and names the volume."""
    alone = {**document, "class": "Snapshot", "data": document["data"]["snapshots"][0]}
    assert document["data"]["id"] in refused(alone, errors.NotFound)


def test_a_snapshot_of_a_volume_elsewhere(document: Document, tmp_path: Any) -> None:
    """A snapshot on another backend than its volume is refused."""
    cl.Backend("other", volume_driver="sim", path=str(tmp_path / "other"))
    cl.load(document, save=True)
    alone = {"class": "Snapshot", "version": 1, "backend": {"volume_backend_name": "other"}}
    alone["data"] = document["data"]["snapshots"][0] | {"id": "new"}
    assert "another backend" in refused(alone, errors.InvalidInput)


def test_a_read_only_session(document: Document, tmp_path: Any) -> None:
    """A session that may only look loads objects to look at, and tracks nothing."""
    url = f"sqlite:///{tmp_path / 'ro.db'}"
    with cl.Session(url) as session:
        session.backend("sim", volume_driver="sim", path=str(tmp_path / "ro"))
    cl.setup(url, read_only=True)
    assert cl.load(document).name == "ledger"
    refused(document, errors.ReadOnly)
