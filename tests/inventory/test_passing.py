"""A scan of a storage that others change: entries under a temporary name, or briefly in no list, are not reported."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from tests.fake_drivers import install
from tests.inventory.conftest import Ghost
from tests.inventory.transient_names import PassingDriver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def passing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[PassingDriver]]:
    """Install the driver ``passing``, and give its class."""
    install("passing", PassingDriver, tmp_path / "installed", monkeypatch)
    yield PassingDriver
    PassingDriver.forget()


@pytest.fixture
def lab(passing: type[PassingDriver], store: str, tmp_path: Path) -> Iterator[cl.Backend]:
    """Return an open backend on that driver, of the session that looks."""
    assert not passing.lists
    with cl.Session(store) as session:
        yield session.backend("lab", volume_driver="passing", path=str(tmp_path / "storage"))


@pytest.fixture
def other(lab: cl.Backend, store: str) -> Iterator[cl.Backend]:
    """Return the same backend, in the session of somebody else."""
    with cl.Session(store) as session:
        yield session.backend(lab.name)


@pytest.fixture
def removal(other: cl.Backend, passing: type[PassingDriver]) -> Iterator[threading.Thread]:
    """Give the thread in which somebody else removes a snapshot, which has its passing name by now."""
    volume = other.create_volume(1, "db")
    thread = threading.Thread(target=volume.create_snapshot("old").delete)
    thread.start()
    assert passing.renamed.wait(60)
    yield thread
    passing.go_on.set()
    thread.join()


def _found(backend: cl.Backend) -> list[tuple[str, str, str | None]]:
    found = cl.inventory.findings(backend.context, backend, host=False)
    return sorted((each.kind, each.verdict, each.name or each.name_in_storage) for each in found)


def test_a_quiet_storage_is_listed_once(lab: cl.Backend) -> None:
    """Where nothing is wrong each kind is listed once; what is untracked or missing costs one more list of its kind."""
    volume = lab.create_volume(1, "db")
    assert _found(lab) == [("volume", "ok", "db")]
    assert PassingDriver.lists == ["volumes", "snapshots"]
    ghost = Ghost(lab)
    ghost.make("stray", 1)
    ghost.remove(volume.name_in_storage)
    assert _found(lab) == [("volume", "missing", "db"), ("volume", "untracked", "stray")]
    assert PassingDriver.lists == ["volumes", "snapshots", "volumes", "snapshots", "volumes"]


def test_what_is_under_another_name_for_a_moment_is_there(lab: cl.Backend, passing: type[PassingDriver]) -> None:
    """A volume that has another name in the first list, and its own again in the second, is ok."""
    volume = lab.create_volume(1, "db")
    ghost = Ghost(lab)
    ghost.rename(volume.name_in_storage, "for a moment")

    def back(_what: str) -> None:
        passing.after = None
        ghost.rename("for a moment", volume.name_in_storage)

    passing.after = back
    assert _found(lab) == [("volume", "ok", "db")]


@pytest.mark.usefixtures("removal")
def test_a_passing_name_is_not_called_untracked(lab: cl.Backend) -> None:
    """What may be a snapshot that somebody is removing, under a passing name, is unknown, and is not offered for adoption."""
    found = cl.inventory.findings(lab.context, lab, host=False)
    by_verdict = {(each.kind, each.verdict): each for each in found}
    assert set(by_verdict) == {("volume", "ok"), ("snapshot", "ok"), ("snapshot", "unknown")}
    stray = by_verdict["snapshot", "unknown"]
    assert stray.next == "%cl_history --status running"
    assert "('delete'), under a name for the while" in (stray.detail or "")


def test_a_temporary_name_that_is_gone_is_not_reported(
    lab: cl.Backend, passing: type[PassingDriver], removal: threading.Thread
) -> None:
    """A snapshot whose removal ends while the scan goes on is neither missing nor, under its passing name, untracked."""

    def end(what: str) -> None:
        if what == "snapshots":
            passing.go_on.set()
            removal.join()

    passing.after = end
    assert _found(lab) == [("volume", "ok", "db")]


def test_what_somebody_makes_meanwhile_is_not_untracked(lab: cl.Backend, other: cl.Backend, passing: type[PassingDriver]) -> None:
    """A volume that somebody makes after the rows were read is his, though the list has it; one that he deletes is gone."""
    lab.create_volume(1, "old")
    (old,) = other.volumes

    def act(_what: str) -> None:
        passing.before = None
        other.create_volume(1, "new")
        old.delete()

    passing.before = act
    assert _found(lab) == []
    assert _found(lab) == [("volume", "ok", "new")]


def test_what_is_forgotten_or_adopted_meanwhile_is_looked_up(
    lab: cl.Backend, other: cl.Backend, passing: type[PassingDriver]
) -> None:
    """A missing row that is forgotten, and an untracked entry that is adopted, between two lists, are not reported."""
    ghost = Ghost(lab)
    ghost.make("stray", 1)
    ghost.remove(lab.create_volume(1, "lost").name_in_storage)
    (lost,) = other.volumes

    def act(_what: str) -> None:
        passing.before = passing.after = None
        cl.inventory.forget(lost)
        cl.inventory.manage(other, "stray")

    def then(_what: str) -> None:
        passing.before = act

    passing.after = then
    assert [each for each in _found(lab) if each[1] != "ok"] == []


def test_a_second_list_that_fails_leaves_what_the_first_said(lab: cl.Backend, passing: type[PassingDriver]) -> None:
    """Where the storage cannot be asked a second time, what the first list said stands."""
    ghost = Ghost(lab)
    ghost.make("stray", 1)
    ghost.remove(lab.create_volume(1, "lost").name_in_storage)

    def fail(what: str) -> None:
        if passing.lists.count(what) > 1:
            msg = "the array does not answer"
            raise cl.errors.DriverError(msg)

    passing.before = fail
    assert _found(lab) == [("volume", "missing", "lost"), ("volume", "untracked", "stray")]
