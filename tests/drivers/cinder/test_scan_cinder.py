"""A scan of a Cinder driver's storage: what it lists, what it can be asked for, and what it cannot tell."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook.drivers.api import GiB
from cl_notebook.model.operations.changes import Update
from tests.drivers.cinder.conftest import FAKE

if TYPE_CHECKING:
    from pathlib import Path

    from cl_notebook.inventory.verdicts import Finding
    from tests.drivers.cinder.conftest import MakeBackend

LISTING = FAKE.replace("FakeDriver", "ListingDriver")
HOST = {"host": "node1", "ip": "10.0.0.7", "initiator": "iqn.node1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the listing driver keeps its volumes in."""
    return tmp_path_factory.mktemp("listed")


@pytest.fixture(scope="module")
def listing(make: MakeBackend, folder: Path) -> cl.Backend:
    """Return an open backend on a driver that lists its volumes."""
    return make("listing", volume_driver=LISTING, fake_path=str(folder))


def _seen(backend: cl.Backend) -> dict[str, Finding]:
    found = cl.inventory.findings(backend.context, backend)
    return {each.id or each.name_in_storage or "": each for each in found}


def _resize(file: Path, size: int) -> None:
    os.truncate(file, size * GiB)


def _stuck(volume: cl.Volume, status: str) -> None:
    volume.context.journal.save_side_effects([Update.of(volume, {"status": status})], volume)


def test_what_a_cinder_driver_lists_is_compared(listing: cl.Backend, folder: Path) -> None:
    """Each verdict is given by what a Cinder driver lists: ok, missing, size differs and untracked."""
    fine, gone, grown = (listing.create_volume(1, name) for name in ("fine", "gone", "grown"))
    snapshot = fine.create_snapshot("kept")
    (folder / gone.name_in_storage).unlink()
    _resize(folder / grown.name_in_storage, 3)
    (folder / "disk-7").write_bytes(b"")
    seen = _seen(listing)
    assert {key: each.verdict for key, each in seen.items()} == {
        fine.id: "ok",
        gone.id: "missing",
        grown.id: "size differs",
        snapshot.id: "ok",
        "disk-7": "untracked",
    }
    assert cl.inventory.repair(grown) == "It has 3 GiB on the storage, and here too now: it had 1."
    cl.inventory.forget(gone)
    adopted = cl.inventory.manage(listing, "disk-7", "adopted")
    assert {each.verdict for each in _seen(listing).values()} == {"ok"}
    for each in (fine, grown, adopted):
        assert isinstance(each, cl.Volume)
        each.delete(cascade=True)


def test_a_lost_volume_comes_back_under_its_id(listing: cl.Backend) -> None:
    """A volume that was forgotten is adopted under its old id: it has its name already, and is not renamed."""
    volume = listing.create_volume(1)
    wanted, name = volume.id, volume.name_in_storage
    cl.inventory.forget(volume, force=True)
    assert _seen(listing)[wanted].verdict == "untracked"
    back = cl.inventory.manage(listing, name)
    assert (back.id, back.name_in_storage, back.status) == (wanted, name, "available")
    back.delete()


def test_a_list_that_leaves_out_what_is_tracked_is_not_believed(listing: cl.Backend, folder: Path) -> None:
    """A volume that is not listed, and that the driver knows when it is asked for it, is not missing."""
    volume, gone = listing.create_volume(1), listing.create_volume(1)
    (folder / gone.name_in_storage).unlink()
    (folder / "shy").touch()
    try:
        seen = _seen(listing)
    finally:
        (folder / "shy").unlink()
    assert (seen[volume.id].verdict, seen[gone.id].verdict) == ("ok", "missing")
    volume.delete()
    gone.delete()


def test_an_array_that_does_not_answer_leaves_all_unknown(listing: cl.Backend, folder: Path) -> None:
    """Where listing fails nothing is missing, and nothing is repaired or forgotten."""
    volume = listing.create_volume(1)
    (folder / volume.name_in_storage).unlink()
    (folder / "broken").touch()
    try:
        seen = _seen(listing)[volume.id]
        assert seen.verdict == "unknown"
        assert "the array does not answer" in (seen.detail or "")
        for act in (cl.inventory.repair, cl.inventory.forget):
            with pytest.raises(cl.errors.Refused, match="is not known"):
                act(volume)
    finally:
        (folder / "broken").unlink()
    assert _seen(listing)[volume.id].verdict == "missing"
    volume.delete()


def test_what_may_not_be_whole_is_only_removed_when_that_is_said(listing: cl.Backend, folder: Path) -> None:
    """A half-made volume of a driver that does not tell what is whole stays, unless it may be removed."""
    volume = listing.create_volume(1, "cut")
    _stuck(volume, "creating")
    assert _seen(listing)[volume.id].verdict == "stuck"
    with pytest.raises(cl.errors.Refused, match="whether it is whole is not known"):
        cl.inventory.repair(volume)
    assert (folder / volume.name_in_storage).exists()
    tried = cl.inventory.repair_all(listing, session=listing.context)
    assert list(tried["done"]) == [False]
    cl.inventory.repair(volume, remove=True)
    assert not (folder / volume.name_in_storage).exists()
    assert volume.status == "deleted"


def test_a_driver_that_cannot_list_is_asked_for_each_volume(fake: cl.Backend, array: Path) -> None:
    """Without a list volumes are asked for by name: found, they are compared; a driver that knows none leaves them unknown."""
    known, gone = fake.create_volume(2, "known"), fake.create_volume(2, "gone")
    snapshot = known.create_snapshot()
    (array / gone.name_in_storage).unlink()
    seen = _seen(fake)
    assert {key: seen[key].verdict for key in (known.id, gone.id, snapshot.id, fake.id)} == {
        known.id: "ok",
        gone.id: "missing",
        snapshot.id: "unknown",
        fake.id: "unknown",
    }
    assert "its driver cannot list volumes" in (seen[fake.id].detail or "")
    known.delete(cascade=True)
    assert _seen(fake)[gone.id].verdict == "unknown"
    gone.delete()


def test_a_child_that_died_is_started_again(listing: cl.Backend) -> None:
    """A scan after the driver's process was killed is as good as any."""
    volume = listing.create_volume(1)
    child = listing.driver._child  # type: ignore[attr-defined] # of a Cinder driver
    os.kill(child.pid, signal.SIGKILL)
    child_gone = _seen(listing)[volume.id].verdict
    assert child_gone in {"ok", "unknown"}
    assert _seen(listing)[volume.id].verdict == "ok"
    volume.delete()
