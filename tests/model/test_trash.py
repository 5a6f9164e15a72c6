"""The guard against a deletion, and the way back from one: protection, and the trash."""

from __future__ import annotations

import dataclasses
import datetime as dt
import socket
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook import errors, settings
from cl_notebook.model import trash, undo
from cl_notebook.notebook.tree import available_actions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_a_protected_volume_is_not_deleted(session: cl.Session, sim: cl.Backend) -> None:
    """Neither delete(), a cascade, force nor a clean-up removes what is protected; unprotect() lets them."""
    volume = sim.create_volume(1, "db")
    snapshot = volume.create_snapshot("before")
    volume.protect()
    for options in ({}, {"cascade": True, "force": True}):
        with pytest.raises(errors.Protected, match=r"volume 'db' .*: %cl_volume unset db --protected"):
            volume.delete(**options)
    assert volume.protected
    assert (volume.status, volume.snapshots) == ("available", [snapshot])
    (offer,) = [offer for offer in available_actions.offers(session, None, volume) if offer["name"] == "delete"]
    assert offer["why"].startswith("It is protected")
    plan = cl.inventory.plan_cleanup(session)
    assert [bool(step.detail) for step in plan.steps if step.kind == "volume"] == [True]
    assert plan.summary == "delete snapshot 1, cannot be done 1"
    report = plan.run()
    assert report["outcome"].tolist() == ["done", "not done"]
    assert "is protected" in report["detail"].iloc[1]
    volume.unprotect()
    volume.delete()
    assert cl.frames.volumes(session).empty


def test_a_protected_snapshot_keeps_its_volume(session: cl.Session, sim: cl.Backend) -> None:
    """A cascade deletes nothing if one of the snapshots is protected; a flag that is set and not saved counts, too."""
    volume = sim.create_volume(1, "db")
    first, second = volume.create_snapshot("first"), volume.create_snapshot("second")
    second.protect()
    with pytest.raises(errors.Protected, match=r"snapshot 'second' .* of volume 'db'"):
        volume.delete(cascade=True)
    (offer,) = [offer for offer in available_actions.offers(session, None, volume) if offer["name"] == "delete"]
    assert offer["why"].startswith("It has a protected snapshot, second")
    second.unprotect()
    first.protected = True
    with pytest.raises(errors.Protected):
        first.delete()
    assert len(volume.snapshots) == 2
    first.refresh()
    volume.name = "ledger"
    volume.protect()
    assert volume.name == "ledger"
    assert session.find("db") is volume  # the other edit is not written with it
    volume.unprotect()
    volume.delete(cascade=True)


def test_a_document_says_what_is_protected(session: cl.Session, sim: cl.Backend) -> None:
    """A document has the flag, and loads with it; one that has none is of a volume that is not protected."""
    volume = sim.create_volume(1, "db")
    volume.protect()
    document, before = volume.json, volume.json
    del before["data"]["protected"]
    volume.unprotect()
    volume.unmanage()
    assert not cl.load(before, save=False).protected
    loaded = cl.load(document, save=True)
    assert loaded.protected
    assert cl.frames.volumes(session, protected="true").index.tolist() == [loaded.id]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[cl.Session]:
    """Yield the default session, with a trash, on a store that others can open, with the backend ``sim`` and a volume on it."""
    with cl.setup(str(tmp_path / "store.db"), trash="1h") as session:
        sim = session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
        sim.create_volume(1, "db", metadata={"team": "blue"}).create_snapshot("before")
        yield session


def _left(session: cl.Session) -> int:
    """Return how many volumes and snapshots the storage has."""
    sim = session.find("sim")
    return len(sim.manageable_volumes()) + len(sim.manageable_snapshots())


def test_a_deleted_volume_comes_back(kept: cl.Session) -> None:
    """A deletion leaves the bytes alone and frees the name; undo() brings back volume, snapshots and the variable."""
    db = kept.find("db")
    sim, before = db.backend, db.json["data"]
    with pytest.raises(errors.ResourceBusy, match="1 snapshot"):
        db.delete()
    db.delete(cascade=True)
    assert (db.status, sim.volumes, _left(kept)) == ("deleted", [], 2)
    assert "cl.undo" in db._repr_mimebundle_()["text/plain"]
    assert cl.frames.volumes(kept).empty
    assert cl.frames.snapshots(kept).empty
    assert cl.frames.trash(kept)[["name", "size", "snapshots"]].to_numpy().tolist() == [["db", 1, 1]]
    assert cl.inventory.scan(session=kept)["verdict"].tolist() == []
    with pytest.raises(errors.AlreadyExists, match="in the trash: %cl_undo"):
        sim.create_volume(1, "again", id=db.id)
    with pytest.raises(errors.AlreadyExists, match="in the trash"):
        sim.manage(f"volume-{db.id}")
    with pytest.raises(errors.ResourceBusy, match="in the trash"):
        sim.forget()
    other = sim.create_volume(1, "db")
    assert cl.undo() is db
    assert (db.status, db.metadata) == ("available", {"team": "blue"})
    assert db.json["data"]["created_at"] == before["created_at"]
    assert [snapshot.name for snapshot in db.snapshots] == ["before"]
    assert {volume.id for volume in sim.volumes} == {db.id, other.id}
    assert cl.frames.trash(kept).empty
    db.snapshots[0].create_volume("copy")
    assert cl.frames.operations(kept, resource_id=db.id)["action"].tolist() == ["create", "delete", "undo"]


def test_only_what_can_come_back_goes_to_the_trash(kept: cl.Session) -> None:
    """What is protected or connected is refused; what is broken, or deleted with now=True, is deleted at once."""
    db = kept.find("db")
    db.snapshots[0].protect()
    with pytest.raises(errors.Protected, match="snapshot 'before'"):
        db.delete(cascade=True)
    db.snapshots[0].unprotect()
    connection = db.connect({"host": "web1"})
    with pytest.raises(errors.InvalidStatus, match="'in-use'"):
        trash.put(db, ())
    with pytest.raises(errors.ResourceBusy):
        db.delete(cascade=True)
    connection.disconnect()
    db.delete(cascade=True, now=True)
    assert _left(kept) == 0
    with pytest.raises(errors.NotFound, match=r"delete of volume 'db' cannot be undone: it was deleted for good\.$"):
        cl.undo()


def test_what_has_expired_is_deleted_by_the_next_act(kept: cl.Session) -> None:
    """Nothing is deleted before its time is over; then the next act on the backend does it, in any kernel, once."""
    db, sim = kept.find("db"), kept.find("sim")
    sim.create_volume(1, "young").delete()
    db.delete(cascade=True)
    _expire(kept, db.id)
    cl.frames.trash(kept)  # looking deletes nothing
    assert _left(kept) == 3
    with cl.Session(kept.settings) as other:
        other.find("sim").create_volume(1, "next")
        assert _left(kept) == 2
        assert cl.frames.trash(other)["name"].tolist() == ["young"]
        operations = cl.frames.operations(other, resource_id=db.id)
    assert operations["action"].tolist()[-2:] == ["expire", "delete"]
    assert set(operations["status"]) == {"done"}
    with pytest.raises(errors.NotFound, match=f"called '{db.id}'"):
        cl.undo(db.id)
    assert cl.undo("you*")[0].status == "available"


def test_an_act_on_the_host_alone_leaves_the_trash_alone(kept: cl.Session) -> None:
    """A session that attaches without the backend (fail_on_missing_backend=False) does not open it for what has expired."""
    db, next_volume = kept.find("db"), kept.find("sim").create_volume(1, "next")
    connection = next_volume.connect({"host": socket.gethostname(), "multipath": False})
    db.delete(cascade=True)
    _expire(kept, db.id)
    with cl.Session(dataclasses.replace(kept.settings, fail_on_missing_backend=False)) as node:
        node.find(connection.id).attach()
        node.find(connection.id).detach()
        assert not node.backends
        assert cl.frames.trash(node)["name"].tolist() == ["db"]


def test_an_expired_volume_that_cannot_be_deleted_is_tracked_again(kept: cl.Session, tmp_path: Path) -> None:
    """If the storage refuses the deletion, the act that tried it warns and continues, and the volume is in an error status."""
    db = kept.find("db")
    db.delete(cascade=True)
    _expire(kept, db.id)
    with cl.Session(kept.settings) as other:
        sim = other.backend("sim", volume_driver="sim", path=str(tmp_path / "sim"), faults="delete_volume:1", replace=True)
        with pytest.warns(errors.NotDeleted, match="volume 'db'"):
            made = sim.create_volume(1, "next")
        assert (made.status, other.find("db").status) == ("available", "error_deleting")
        other.find("db").delete(cascade=True)
    assert _left(kept) == 1


def test_a_kernel_that_ends_before_the_driver_is_called_leaves_a_deletion_to_finish(kept: cl.Session) -> None:
    """Out of the trash and not deleted yet, an expired volume is ``deleting``, which delete() finishes in the next kernel."""
    db = kept.find("db")
    db.delete(cascade=True)
    (entry,) = trash.entries(kept)
    trash._take_out(kept, entry, "expire", status="deleting")
    with cl.Session(kept.settings) as other:
        left = other.find("db")
        assert left.status == "deleting"
        left.delete(cascade=True)
        assert (_left(kept), cl.frames.trash(other).empty) == (0, True)


def test_a_clean_up_fills_the_trash_and_a_scratch_block_does_not(kept: cl.Session) -> None:
    """A clean-up moves volumes into the trash, unless it is run with now=True, as at the end of a scratch block."""
    sim = kept.find("sim")
    with cl.scratch():
        sim.create_volume(1, "tried")
    assert cl.frames.trash(kept).empty
    sim.create_volume(1, "other")
    cl.inventory.plan_cleanup(kept).run()
    assert sorted(cl.frames.trash(kept)["name"]) == ["db", "other"]
    assert cl.undo("other").status == "available"
    cl.inventory.plan_cleanup(kept).run(now=True)
    assert cl.frames.trash(kept)["name"].tolist() == ["db"]
    assert cl.frames.volumes(kept).empty  # what was restored still belongs to the session
    for name in ("d", "d"):
        sim.create_volume(1, name).delete()
    with pytest.raises(errors.Ambiguous, match="'d' has 2 volumes"):
        cl.undo("d")


def test_the_trash_is_emptied_by_name_or_as_a_whole(kept: cl.Session) -> None:
    """empty_trash() deletes what is named, or all; two sessions that take the same out do so once."""
    kept.find("db").delete(cascade=True)
    sim = kept.find("sim")
    for name in ("a", "b"):
        sim.create_volume(1, name).delete()
    (entry, *_) = undo.named(kept, ["a"])
    cl.empty_trash("a")
    for take in (trash.restore, trash.delete):
        with pytest.raises(errors.NotFound, match="it was taken out elsewhere"):
            take(kept, entry)
    sim.close()
    config = sa.update(cl.Backend.__table__).values(config={"path": "/proc/none"})  # type: ignore[attr-defined] # it is mapped
    with kept.store.writing() as connection:
        before = connection.execute(sa.select(cl.Backend.__table__.c.config)).scalar_one()  # type: ignore[attr-defined] # as above
        connection.execute(config)
    with pytest.raises(errors.Error):
        cl.empty_trash()
    assert len(cl.frames.trash(kept)) == 2
    with kept.store.writing() as connection:
        connection.execute(config.values(config=before))
    cl.empty_trash()
    assert (_left(kept), cl.frames.trash(kept).empty) == (0, True)


@pytest.mark.parametrize("span", ["", "1", "1 parsec", "0s", "-1h", "9999d", 5, True])
def test_a_span_of_the_trash_that_is_none_is_refused(span: object) -> None:
    """The trash takes a span of time up to a year, or off; an empty text is off."""
    if span == "":
        assert settings.Settings.choose("memory", trash=span).trash_seconds is None
        return
    with pytest.raises(errors.InvalidInput, match="trash is how long"):
        settings.Settings.choose("memory", trash=span)
    assert settings.Settings.choose("memory", trash="90m").trash_seconds == 5400


def _expire(session: cl.Session, volume_id: str) -> None:
    long_ago = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    with session.store.writing() as connection:
        connection.execute(sa.update(trash.TABLE).where(trash.TABLE.c.volume_id == volume_id).values(expires_at=long_ago))
