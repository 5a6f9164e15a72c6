"""A running session that goes on with another store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook import errors

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def lab(session: cl.Session, tmp_path: Path) -> cl.Backend:
    """Return an open backend with a volume on it."""
    backend = session.backend("lab", volume_driver="sim", path=str(tmp_path / "sim"))
    backend.create_volume(1, name="old")
    return backend


@pytest.fixture
def new(tmp_path: Path) -> str:
    """Return the name of a store to move to."""
    return str(tmp_path / "new.db")


def test_backends_stay_open(session: cl.Session, lab: cl.Backend, new: str) -> None:
    """After the move a backend is the same object, with the same driver at work, stored in the new store."""
    driver = lab.driver
    session.move_to(new)
    assert (session.backends, lab.driver is driver, lab.is_open) == ({"lab": lab}, True, True)
    assert (session.settings.store, cl.find("lab") is lab) == (new, True)
    assert cl.frames.backends()["name"].tolist() == ["lab"]


def test_volumes_stay_behind(session: cl.Session, lab: cl.Backend, new: str) -> None:
    """What was tracked is not copied, its objects are let go, and what is made after the move is in the new store."""
    (old,) = lab.volumes
    session.move_to(new)
    assert (lab.volumes, old.is_tracked) == ([], False)
    with pytest.raises(errors.Refused, match="not tracked any more"):
        old.extend(2)
    made = lab.create_volume(1, name="new")
    made.create_snapshot("first")
    with cl.Session(new) as other:
        assert other.find("new").id == made.id
        assert len(other.find("new").snapshots) == 1


def test_there_and_back(tmp_path: Path, new: str) -> None:
    """Back in the first store everything is as it was, and nothing stands there twice."""
    with cl.setup(tmp_path / "first.db") as session:
        lab = session.backend("lab", volume_driver="sim", path=str(tmp_path / "sim"))
        old = lab.create_volume(1, name="old").id
        session.move_to(new)
        session.move_to(tmp_path / "first.db")
        assert [volume.id for volume in lab.volumes] == [old]
        lab.volumes[0].extend(2)
        assert cl.frames.backends()["name"].tolist() == ["lab"]


def test_a_backend_that_the_new_store_knows_takes_its_row(session: cl.Session, lab: cl.Backend, new: str, tmp_path: Path) -> None:
    """Where the same backend is stored already, its object stands for that row, with the volumes that are tracked there."""
    with cl.Session(new) as other:
        theirs = other.backend("lab", volume_driver="sim", path=str(tmp_path / "sim"))
        known = theirs.create_volume(1, name="known").id
        own = theirs.id
    session.move_to(new)
    assert (lab.id, [volume.id for volume in lab.volumes]) == (own, [known])
    lab.volumes[0].delete()
    assert lab.volumes == []


def test_another_configuration_is_refused(session: cl.Session, lab: cl.Backend, new: str, tmp_path: Path) -> None:
    """If the name stands for another backend there, the session stays where it is, and works on."""
    with cl.Session(new) as other:
        other.backend("lab", volume_driver="sim", path=str(tmp_path / "elsewhere"))
    before = session.settings
    with pytest.raises(errors.AlreadyExists, match="another configuration"):
        session.move_to(new)
    assert session.settings == before
    assert lab.create_volume(1).status == "available"


def test_a_store_that_cannot_be_used(session: cl.Session, lab: cl.Backend, tmp_path: Path) -> None:
    """If the new store cannot be opened, nothing has changed."""
    with pytest.raises(errors.StoreError):
        session.move_to(tmp_path)
    assert [volume.name for volume in lab.volumes] == ["old"]


def test_a_closed_session_does_not_move(tmp_path: Path, new: str) -> None:
    """An operation in a closed session is refused, and the error says why."""
    session = cl.Session(tmp_path / "store.db")
    session.close()
    with pytest.raises(errors.Refused, match="is closed"):
        session.move_to(new)


def test_a_read_only_session_stores_no_backend(tmp_path: Path, new: str) -> None:
    """A session that may only look moves where its backends are stored already, and nowhere else."""
    for store in (str(tmp_path / "first.db"), new):
        with cl.Session(store) as writing:
            if store != new:
                writing.backend("lab", volume_driver="sim", path=str(tmp_path / "sim"))
    with cl.Session(tmp_path / "first.db", read_only=True) as session:
        session.backend("lab")
        with pytest.raises(errors.ReadOnly, match="has no backend 'lab'"):
            session.move_to(new)


def test_cinderlibs_own_call(session: cl.Session, lab: cl.Backend, new: str) -> None:
    """`Backend.set_persistence` takes cinderlib's dict, and None for memory."""
    cl.Backend.set_persistence({"storage": "db", "connection": f"sqlite:///{new}"})
    assert session.store.url.database == new
    assert lab.create_volume(1, name="new").is_tracked
    cl.Backend.set_persistence(None)
    assert (session.settings.store, lab.volumes) == ("memory", [])


def test_a_plugin_is_no_store(session: cl.Session, lab: cl.Backend) -> None:
    """A persistence plugin is refused, and the session stays where it is."""
    before = session.settings
    with pytest.raises(errors.InvalidInput, match="no persistence plugins"):
        cl.Backend.set_persistence({"storage": object})
    assert (session.settings, lab.is_open) == (before, True)


def test_a_move_that_fails_on_the_way_closes_the_session(
    session: cl.Session, lab: cl.Backend, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the new store fails once the old one is closed, the session is closed; the next use of a name opens the new store."""

    def fail(_held: object) -> None:
        msg = "the disk is full"
        raise errors.StoreError(msg)

    monkeypatch.setattr(session._pool, "rebind", fail)
    with pytest.raises(errors.StoreError, match="the disk is full"):
        session.move_to(new)
    assert session.is_closed
    assert not lab.is_tracked
    assert cl.default_session().settings.store == new
