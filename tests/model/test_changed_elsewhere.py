"""What somebody else changed between a read and a write is found and named, and never overwritten; on every kind of store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook.model.driver_context import StoreDriverContext

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.fake_drivers import MeddlingDriver


@pytest.fixture
def mine(any_store_url: str) -> Iterator[cl.Session]:
    """Give one session."""
    with cl.Session(any_store_url, host="one") as session:
        yield session


@pytest.fixture
def other(any_store_url: str, mine: cl.Session) -> Iterator[cl.Session]:  # noqa: ARG001 - it has made the store
    """Give another session on the same store."""
    with cl.Session(any_store_url, host="one") as session:
        yield session


@pytest.fixture
def lab(mine: cl.Session, tmp_path: Path, meddling: type[MeddlingDriver]) -> cl.Backend:  # noqa: ARG001 - it is installed
    """Return a backend on the meddling simulator, open in the first session."""
    return mine.backend("lab", volume_driver="meddling", path=str(tmp_path / "lab"))


def _looked_at(vol: cl.Volume) -> cl.Volume:
    vol.refresh()
    return vol


def _saved(session: cl.Session, **values: Any) -> None:
    theirs = session.find("db")
    for name, value in values.items():
        setattr(theirs, name, value)
    theirs.save()


def test_a_save_names_what_was_changed_elsewhere(lab: cl.Backend, other: cl.Session) -> None:
    """A save on a row that another session saved is refused with the resource and the fields that differ, and loses nothing."""
    vol = lab.create_volume(1, "db", metadata={"a": "1"})
    _saved(other, description="theirs", metadata={"a": "2"})
    vol.description = "mine"
    with pytest.raises(
        cl.errors.ChangedElsewhere, match=r"volume 'db' \(.*\) was changed elsewhere.*: description, metadata\. It"
    ):
        vol.save()
    assert (vol.description, vol.metadata) == ("theirs", {"a": "2"})


def test_what_was_read_again_meanwhile_is_still_named(lab: cl.Backend, mine: cl.Session, other: cl.Session) -> None:
    """The fields are named also when the row was read again between the setting and the save."""
    vol = lab.create_volume(1, "db")
    vol.description = "mine"
    _saved(other, bootable=True)
    assert mine.find("db").description == "mine"
    with pytest.raises(cl.errors.ChangedElsewhere, match=r"since it was read: bootable\."):
        vol.save()
    vol.description = "mine"
    vol.save()
    assert (other.find("db").description, other.find("db").bootable) == ("mine", True)


def test_metadata_saved_elsewhere_is_not_overwritten(lab: cl.Backend, other: cl.Session) -> None:
    """Metadata that was changed in place is refused after somebody else changed the row, and named."""
    vol = lab.create_volume(1, "db", metadata={"a": "1"})
    vol.metadata["mine"] = "1"
    _saved(other, metadata={"a": "1", "theirs": "1"})
    with pytest.raises(cl.errors.ChangedElsewhere, match=r": metadata\. "):
        vol.save()
    assert vol.metadata == {"a": "1", "theirs": "1"}


def test_a_row_that_was_deleted_elsewhere_is_named_as_deleted(lab: cl.Backend, other: cl.Session) -> None:
    """A save of a volume that another session deleted says so."""
    vol = lab.create_volume(1, "db")
    other.find("db").delete()
    vol.description = "mine"
    with pytest.raises(cl.errors.ChangedElsewhere, match=r"volume 'db'.* was deleted elsewhere"):
        vol.save()
    assert not vol.is_tracked


def test_an_act_sees_what_was_changed_elsewhere(lab: cl.Backend, other: cl.Session) -> None:
    """An act goes by what the row says at its moment: a volume that is being deleted elsewhere is not extended."""
    vol = lab.create_volume(1, "db")
    other.find("db").extend(3)
    with pytest.raises(cl.errors.InvalidInput):
        _looked_at(vol).extend(2)
    vol.extend(4)
    assert other.find("db").size == 4


def test_an_outcome_keeps_what_was_saved_during_the_call(
    lab: cl.Backend, other: cl.Session, meddling: type[MeddlingDriver]
) -> None:
    """Of the maps that a driver gives back only its own changes are written, into what others saved while it worked."""
    vol = lab.create_volume(1, "db", metadata={"kept": "1", "old": "1"})
    snap = vol.create_snapshot("s")
    meddling.meanwhile = lambda _call: _saved(other, metadata={"kept": "2", "old": "1", "new": "1"}, description="theirs")
    snap.revert()
    assert vol.metadata == {"kept": "2", "new": "1", "driver": "1"}
    assert (vol.description, vol.driver_data, vol.status) == ("theirs", {"target": "t1"}, "available")
    meddling.meanwhile = None
    snap.revert()
    vol.refresh()
    assert vol.driver_data == {"target": "t1"}


def test_what_a_driver_changes_on_other_resources_keeps_what_was_saved_there(lab: cl.Backend, other: cl.Session) -> None:
    """Changes of a driver on resources that its call is not about are merged, too, with what was saved since it looked."""
    vol = lab.create_volume(1, "db", metadata={"kept": "1", "old": "1"})
    records = StoreDriverContext(lab.context, lab.id, lab.name)
    assert [dict(data.metadata) for data in records.volumes()] == [{"kept": "1", "old": "1"}]
    _saved(other, metadata={"kept": "2", "old": "1"})
    update: Mapping[str, Any] = {"metadata": {"kept": "1", "driver": "1"}}
    records.save_updates({vol.id: update}, {}, [])
    vol.refresh()
    assert vol.metadata == {"kept": "2", "driver": "1"}
