"""The guard against a deletion, and the way back from one: protection, and the trash."""

from __future__ import annotations

import pytest

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.notebook.tree import available_actions


def test_a_protected_volume_is_not_deleted(session: cl.Session, sim: cl.Backend) -> None:
    """Neither delete(), a cascade, force nor a clean-up removes what is protected; unprotect() lets them."""
    volume = sim.create_volume(1, "db")
    snapshot = volume.create_snapshot("before")
    volume.protect()
    for options in ({}, {"cascade": True, "force": True}):
        with pytest.raises(errors.Protected, match=rf"volume 'db' .*: %cl_volume unset {volume.id} --protected"):
            volume.delete(**options)
    assert volume.protected
    assert (volume.status, volume.snapshots) == ("available", [snapshot])
    (offer,) = [offer for offer in available_actions.offers(session, None, volume) if offer["name"] == "delete"]
    assert offer["why"].startswith("volume 'db' is protected")
    plan = cl.inventory.plan_cleanup(session)
    assert [bool(step.detail) for step in plan.steps if step.kind == "volume"] == [True]
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
    assert offer["why"].startswith("volume 'db' has a protected snapshot, second")
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
