"""Volumes that Cinder encrypted are not written to as if their devices held data."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
import cl_notebook.cinderlib as clib
from cl_notebook.notebook.output.details import Details

if TYPE_CHECKING:
    from pathlib import Path

KEY = "82ac3f5d-0f0c-51ce-86d8-cbd160d12a20"


@pytest.fixture(params=["driver_data", "a field of the document", "the word encrypted"])
def volume(request: pytest.FixtureRequest, sim: cl.Backend) -> cl.Volume:
    """Return a volume that a document says is encrypted, each in another way."""
    document: Any = sim.create_volume(1, "a").dump
    cl.Volume.get_by_name("a")[0].unmanage()
    fields = {"encryption_key_id": KEY}
    if request.param == "driver_data":
        document["data"]["driver_data"] = fields
    elif request.param == "a field of the document":
        document["data"] |= fields
    else:
        document["data"]["driver_data"] = {"encrypted": True}
    cl.load(json.dumps(document), save=True)
    sim.driver.manage_existing(cl.Volume.get_by_name("a")[0].as_data(), {"source-name": document["data"]["name_in_storage"]})  # type: ignore[attr-defined] # the simulator can
    (volume,) = cl.Volume.get_by_name("a")
    return volume


def test_attaching_warns_before_there_is_a_device(volume: cl.Volume) -> None:
    """Attaching warns; where the warning is an error, nothing is connected or attached."""
    with pytest.raises(cl.errors.EncryptedVolume, match="is encrypted: its device holds ciphertext"):
        volume.attach()
    assert volume.connections == []
    with pytest.warns(cl.errors.EncryptedVolume):
        conn = volume.attach()
    with pytest.raises(cl.errors.EncryptedVolume):
        conn.attach()
    assert conn.attached


def test_writing_is_refused_unless_asked_for(volume: cl.Volume) -> None:
    """The device is opened for writing only by raw=True; reading warns."""
    with pytest.warns(cl.errors.EncryptedVolume):
        conn = volume.attach()
    with pytest.raises(cl.errors.InvalidStatus, match=r"to write to its device is to destroy .* open\('r\+b', raw=True\)"):
        conn.open()
    with pytest.warns(cl.errors.EncryptedVolume), conn.open("rb") as disk:
        assert disk.read(4) == bytes(4)
    with conn.open(raw=True) as disk:
        disk.write(b"over")
    with conn.open("rb", raw=True) as disk:
        assert disk.read(4) == b"over"


def test_copies_are_encrypted_too(volume: cl.Volume) -> None:
    """A clone, and a volume of a snapshot, hold the ciphertext of their source, and say so."""
    copies = [volume.clone("b"), volume.create_snapshot("s").create_volume("c")]
    assert [copy.encrypted for copy in copies] == [True, True]
    assert all(cl.Volume.get_by_id(copy.id).driver_data for copy in copies)


def test_it_is_said_wherever_the_volume_is_looked_at(volume: cl.Volume, session: cl.Session) -> None:
    """The line, the details and a scan say that a volume is encrypted, and of others that they are not."""
    plain = volume.backend.create_volume(1, "plain")
    assert volume.encrypted
    assert not plain.encrypted
    assert "encrypted" in repr(volume)
    assert "encrypted" not in repr(plain)
    assert (Details(volume)["encrypted"], Details(plain)["encrypted"]) == (True, False)
    found = {each.id: each for each in cl.inventory.findings(session)}
    assert found[volume.id].verdict == "ok"
    assert "encrypted" in (found[volume.id].detail or "")
    assert found[plain.id].detail is None


def test_cinderlibs_names_warn_as_well(volume: cl.Volume) -> None:
    """The attach() of cinderlib's names warns like ours."""
    theirs = clib.Volume.get_by_id(volume.id)
    with pytest.warns(cl.errors.EncryptedVolume):
        theirs.attach()
    theirs.detach()


def test_a_luks_header_is_not_written_over(sim: cl.Backend) -> None:
    """A volume that nobody called encrypted, such as an adopted one, is not written to if it begins with a LUKS header."""
    volume = sim.create_volume(1, "adopted")
    conn = volume.attach()
    with conn.open() as disk:
        disk.write(b"LUKS\xba\xbe\x00\x02")
    with pytest.raises(cl.errors.InvalidStatus, match="begins with a LUKS header"):
        conn.open()
    with conn.open("rb") as disk:
        assert disk.read(4) == b"LUKS"
    with conn.open(raw=True) as disk:
        disk.write(bytes(8))
    conn.open().close()


@pytest.mark.parametrize("fields", [{"encryption_key_id": None}, {"encrypted": False}, {"encrypted": "False"}, {}])
def test_what_is_not_encrypted_is_opened_without_a_word(sim: cl.Backend, tmp_path: Path, fields: dict[str, Any]) -> None:
    """Empty words for encryption, which Cinder writes of every volume, mean nothing."""
    document: Any = sim.create_volume(1, "a").dump
    document["data"]["driver_data"] = fields
    cl.setup(store=f"sqlite:///{tmp_path / 'other.db'}")
    cl.Backend(sim.name, volume_driver="sim", path=sim.config["path"])
    cl.load(json.dumps(document), save=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cl.find("a").attach().open().close()
