"""Secrets that a storage reported stays out of documents, and stays in the store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import cinderlib, errors, masking, serialization
from cl_notebook.model.operations.changes import Update

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INFO: dict[str, Any] = {
    "driver_volume_type": "iscsi",
    "data": {
        "target_iqn": "iqn.2010-10.org.openstack:volume-1",
        "auth_method": "CHAP",
        "auth_username": "ann",
        "auth_password": "hush-hush",
        "discovery_auth_password": "hush",
        "secret_type": "ceph",
        "secret_uuid": "1",
        "options": "-o username=ann,password=hush",
        "paths": [{"token": "hush"}],
    },
}
DATA: dict[str, Any] = {"provider_auth": "CHAP ann hush-hush", "admin_metadata": {"colour": "red", "api_key": "hush"}}


def tell(volume: cl.Volume) -> None:
    """Let the storage have reported its secrets."""
    for resource, values in ((volume, {"driver_data": DATA}), (volume.connections[0], {"conn_info": INFO, "protocol": "iscsi"})):
        volume.context.journal.save_side_effects([Update.of(resource, values)], resource)
        resource.refresh()


@pytest.fixture
def volume(sim: cl.Backend) -> cl.Volume:
    """Return a volume with a connection, and the secrets of both."""
    made = sim.create_volume(1, name="ledger")
    made.connect({"host": "h0"})
    tell(made)
    return made


def rows(volume: cl.Volume) -> tuple[Any, Any]:
    """Return what the store has."""
    volume.refresh()
    return volume.driver_data, volume.connections[0].conn_info


def test_no_document_has_a_secret(volume: cl.Volume, tmp_path: Path) -> None:
    """Every document and dict of an object, and of everything, as data, as text and as a file, has stars for the secrets."""
    file = tmp_path / "lab.json"
    serialization.dump_file(file)
    objects = (volume, volume.connections[0], volume.backend)
    texts = [
        text for each in objects for text in (each.dumps, each.jsons, each.to_jsons(), json.dumps(each.to_dict(), default=str))
    ]
    for text in (*texts, cl.dumps(), cl.jsons(), json.dumps(cl.dump()), json.dumps(cl.json()), file.read_text(encoding="utf-8")):
        assert "hush" not in text
    data = volume.dump["data"]
    assert data == cl.dump()[0]["volumes"][0]["data"]
    assert data["driver_data"] == {"provider_auth": "***", "admin_metadata": {"colour": "red", "api_key": "***"}}
    info = data["connections"][0]["conn_info"]["data"]
    assert (info["auth_username"], info["auth_method"], info["secret_type"], info["secret_uuid"]) == ("ann", "CHAP", "ceph", "1")
    assert (info["auth_password"], info["options"], info["paths"]) == ("***", "-o username=ann,password=***", [{"token": "***"}])


def test_secrets_are_written_where_they_are_asked_for(volume: cl.Volume, tmp_path: Path) -> None:
    """`include_secrets` of `cl.dump()`, of a file, or of the session, writes them; a session of its own brings them back."""
    (document,) = cl.dump(include_secrets=True)
    assert document["volumes"][0]["data"]["driver_data"] == DATA
    assert document["volumes"][0]["data"]["connections"][0]["conn_info"] == INFO
    file = tmp_path / "lab.json"
    serialization.dump_file(file, include_secrets=True)
    assert json.loads(file.read_bytes()) == [document]
    before = rows(volume)
    cl.setup("memory", include_secrets=True)
    serialization.load_file(file, fail_on_missing_backend=False)
    (again,) = cl.Volume.get_by_name("ledger")
    assert rows(again) == before
    assert again.dump["data"]["driver_data"] == DATA
    assert json.loads(again.connections[0].jsons)["data"]["conn_info"] == INFO


def test_the_store_keeps_its_secrets(volume: cl.Volume, tmp_path: Path) -> None:
    """Loading a document without secrets over what it was written of changes nothing, by any way."""
    file = tmp_path / "lab.json"
    serialization.dump_file(file)
    before = rows(volume)
    cl.load(cl.dumps(), save=True)
    cl.load(volume.dump, save=True)
    cl.load(volume.dumps).save()
    assert "tracked already" in str(serialization.load_file(file))
    assert rows(volume) == before == (DATA, INFO)


def test_what_else_differs_is_found(volume: cl.Volume) -> None:
    """A document without secrets that differs in what is not secret is refused; the message has no secret either."""
    document = volume.dump
    document["data"]["connections"][0]["conn_info"]["data"]["auth_username"] = "eve"
    with pytest.raises(errors.AlreadyExists, match="conn_info is") as caught:
        cl.load(document, save=True)
    assert "hush" not in str(caught.value)
    document = cl.dump(include_secrets=True)[0]["volumes"][0]
    document["data"]["driver_data"]["provider_auth"] = "CHAP ann other"
    with pytest.raises(errors.AlreadyExists, match="driver_data is"):
        cl.load(document, save=True)


def test_a_connection_without_its_secrets(volume: cl.Volume, tmp_path: Path) -> None:
    """A document without secrets is tracked in another store; its volume is connected and deleted, and no driver sees a star."""
    text = cl.dumps()
    volume.disconnect(volume.connections[0])
    cl.setup("memory")
    cl.Backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
    (backend,) = cl.load(text, save=True)
    (found,) = backend.volumes
    (connection,) = found.connections
    assert cl.dumps() != ""
    assert found.as_data().driver_data == {"admin_metadata": {"colour": "red"}}
    with pytest.raises(errors.InvalidStatus, match="lacks auth_password, discovery_auth_password, options, token: ") as caught:
        connection.attach()
    assert "connect() the volume again" in str(caught.value)
    with pytest.raises(errors.InvalidStatus, match="lacks auth_password"):
        _ = connection.info
    assert "***" not in json.dumps(connection._saved_info())
    assert connection.dump["data"]["conn_info"]["data"]["auth_password"] == "***"  # noqa: S105 - the stars
    found.disconnect(connection)
    found.connect({"host": "h0"}).disconnect()
    found.delete()


@pytest.mark.usefixtures("volume")
def test_what_is_detached_without_secrets(tmp_path: Path) -> None:
    """A device whose connection lost its secrets on the way is detached: os-brick gets all other fields."""
    text = cl.dumps()
    cl.setup("memory")
    cl.Backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
    (backend,) = cl.load(text, save=True)
    data = backend.volumes[0].connections[0]._saved_info()["data"]
    assert (data["target_iqn"], data["auth_username"]) == ("iqn.2010-10.org.openstack:volume-1", "ann")
    assert data.keys() == INFO["data"].keys() - {"auth_password", "discovery_auth_password", "options"}
    assert data["paths"] == [{}]


@pytest.mark.parametrize("value", ["", None, True, False, {}, []])
def test_what_says_nothing_is_not_masked(value: object) -> None:
    """What is empty, or true or false, under the name of a secret stays as it is."""
    assert masking.data({"auth_password": value}) == {"auth_password": value}
    assert masking.missing({"auth_password": value}) == []


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Any]:
    """Give a backend as a script of cinderlib's has it."""
    cinderlib.Backend.global_initialization = False
    cinderlib.setup(include_secrets=True)
    yield cinderlib.Backend(volume_backend_name="sim", volume_driver="sim", path=str(tmp_path / "sim"))
    cl.default_session().close()
    cinderlib.Backend.global_initialization = False


def test_a_script_hands_a_connection_on(script: Any) -> None:
    """A script that hands a connection to another host as JSON sets up `include_secrets`: the other host has all of it."""
    volume = script.create_volume(1)
    connection = volume.connect({"host": "h0"})
    tell(volume.obj)
    assert json.loads(connection.jsons)["data"]["conn_info"] == INFO
    assert cinderlib.load(connection.jsons).obj.info == INFO


OTHERS: dict[str, Any] = {
    "psk": "hush",
    "dhchap_key": "hush",
    "dhchap_ctrlr_key": "hush",
    "key": "hush",
    "client_key": "hush",
    "x-auth-token": "hush",
    "private_key": "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----",
    "url": "https://ann:p@hush@array.example/",
    "header": "Basic YW5uOmh1c2g=",
    "text": '{"token": "hush"}',
    "nested": [{"auth": {"value": "hush"}}],
}


def test_secrets_in_other_clothes_are_in_no_document(volume: cl.Volume) -> None:
    """Keys of all kinds, URLs and headers are masked in each column that storage and hosts fill; no driver is sent a mask."""
    connection = volume.connections[0]
    values = {
        "conn_info": {"driver_volume_type": "x", "data": OTHERS},
        "connector_info": {"host": "h0", **OTHERS},
        "device": OTHERS,
    }
    volume.context.journal.save_side_effects([Update.of(connection, values)], connection)
    fields = {"driver_data": OTHERS, "provider_location": "nfs://ann:p@hush@array/x"}
    volume.context.journal.save_side_effects([Update.of(volume, fields)], volume)
    volume.refresh()
    for text in (volume.dumps, volume.connections[0].dumps, cl.dumps(), json.dumps(volume.to_dict(), default=str)):
        assert "hush" not in text
        assert "YW5uOmh1c2g" not in text
        assert "array.example" in text
    assert "hush" in cl.dumps(include_secrets=True)
    text = cl.dumps()
    with cl.setup("memory"):
        (backend,) = cl.load(text, save=True, fail_on_missing_backend=False)
        (again,) = backend.volumes
        assert again.as_data().provider_location is None
        assert "***" not in json.dumps(dict(again.as_data().driver_data))
