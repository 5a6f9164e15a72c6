"""What front ends show of sessions and tracked objects: true, harmless, cheap, and never in the way."""

from __future__ import annotations

import functools
import inspect
import re
import threading
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import sqlalchemy as sa
from IPython.core.formatters import DisplayFormatter
from sqlalchemy.orm.attributes import set_committed_value

import cl_notebook as cl
from cl_notebook import cinderlib
from cl_notebook.display import text
from cl_notebook.drivers.sim.driver import SimDriver
from cl_notebook.model import cards, facts
from tests.fake_drivers import install

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cl_notebook.drivers.api import Stats

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m"


class SilentDriver(SimDriver):
    """A simulator that must not be asked for its statistics."""

    def known_stats(self) -> Stats:
        """Fail, as if the folder were gone."""
        msg = "its statistics are not known"
        raise RuntimeError(msg)


class HangingDriver(SimDriver):
    """A simulator whose folder is on a server that is gone: its statistics come after the test."""

    is_over: ClassVar[threading.Event] = threading.Event()

    def known_stats(self) -> Stats:
        """Wait for the end of the test."""
        self.is_over.wait()
        return {}


class ForgetfulDriver(SimDriver):
    """A simulator that has to be asked for its statistics."""

    known_stats: Any = None

    def get_volume_stats(self, *, refresh: bool = False) -> Stats:
        """Return the simulator's."""
        del refresh
        return super().known_stats()


class HostileDriver(SimDriver):
    """A simulator whose pools are called what no pool should be, and that reports things that are no pools."""

    def known_stats(self) -> Stats:
        """Return pools with hostile names, and capacities that are no numbers."""
        odd: Any = [None, 5, {"pool_name": f"\x1b[31m{HOSTILE}", "total_capacity_gb": 10**400, "free_capacity_gb": float("nan")}]
        return {"pools": odd}


def _text(resource: Any) -> str:
    return cards.bundle(resource)["text/plain"]


def _html(resource: Any) -> str:
    return cards.bundle(resource)["text/html"]


def _queries(session: cl.Session, work: Callable[[], object]) -> int:
    statements = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            statements.append(statement)

    sa.event.listen(session.store.engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        sa.event.remove(session.store.engine, "before_cursor_execute", note)
    return len(statements)


def test_a_volume_says_what_it_is_and_where_it_came_from(sim: cl.Backend) -> None:
    """The card of a volume has status, size, origin, snapshots, connections and its last operations."""
    volume = sim.create_volume(1, name="db")
    copy = volume.create_snapshot("before").create_volume(name="copy")
    twin = volume.clone(name="twin")
    volume.connect({"host": "web1"})
    shown = _text(volume).splitlines()
    assert shown[0] == "volume 'db' · ● in-use · 1 GiB"
    assert any("snapshots" in line and "1: before ✓ available" in line for line in shown)
    assert any("connections" in line and "1: web1 ● attached" in line for line in shown)
    assert any("last operations" in line and "create ✓ done" in line for line in shown)
    assert f"snapshot 'before' {volume.snapshots[0].id[:8]} of volume 'db'" in _text(copy)
    assert f"created from     volume 'db' {volume.id[:8]}" in _text(twin)
    assert "created from it  1: copy ✓ available" in _text(volume.snapshots[0])
    assert "<details>" in _html(volume)


def test_a_backend_says_how_full_it_is_and_what_is_wrong(session: cl.Session, tmp_path: Path) -> None:
    """The card of a backend has its pools, its volumes by status, what its driver can do, and the last failures."""
    lab = session.backend("lab", volume_driver="sim", path=tmp_path / "lab", capacity=100, faults="create_volume:2:lost")
    lab.create_volume(25, name="a")
    with pytest.raises(cl.errors.DriverError):
        lab.create_volume(1, name="b")
    shown = _text(lab)
    assert "volumes      2 (26 GiB): ✓ 1 available, ✗ 1 error" in shown
    assert "26% used: 74 GiB of 100 GiB free, 26 GiB provisioned" in shown
    assert "Volumes with a failed operation: 1 error.\n  cl.inventory.scan('lab')" in shown
    assert "failed last  create volume 'b' ✗ failed" in shown
    assert "can          revert, manage" in shown
    assert "role='img'" in _html(lab)
    failed = _text(cl.find("b"))
    assert "✗ It is error: 'create' failed" in failed
    assert "cl.inventory.repair(cl.find('" in failed


@pytest.mark.parametrize("status", ["creating", "error", "downloading"])
def test_a_card_and_a_scan_give_one_reason(session: cl.Session, sim: cl.Backend, status: str) -> None:
    """What is wrong with a status that no recorded failure explains is said in the same words by the card and by a scan."""
    volume = sim.create_volume(1, name="db")
    with session.store.writing() as connection:
        connection.execute(sa.update(cl.Volume).where(cl.Volume.id == volume.id).values(status=status))
    set_committed_value(volume, "status", status)
    (finding,) = (finding for finding in cl.inventory.findings(session, sim, host=False) if finding.id == volume.id)
    reason = (finding.detail or "").partition(";")[0]
    assert reason.startswith(f"It is {status}, ")
    assert f"✗ {reason}." in " ".join(_text(volume).split())


def test_a_connection_says_where_its_device_is(sim: cl.Backend) -> None:
    """The card of a connection has its path and host; secrets of the connector are masked."""
    volume = sim.create_volume(1, name="db")
    here = volume.attach()
    assert f"path             {here.path}" in _text(here)
    assert f"attached at      {here.path}" in _text(volume)
    there = sim.create_volume(1).connect({"host": "web1", "ip": "192.0.2.7", "auth_password": "hush"})
    assert "host             web1 at 192.0.2.7" in _text(there)
    assert "▸ The host has access, and the volume is not attached there. id" in " ".join(_text(there).split())
    assert "hush" not in _html(there)


def test_whatever_a_driver_reports_is_shown(sim: cl.Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of a pool is escaped in text and in HTML, and what is no pool or no capacity is left out."""
    monkeypatch.setattr(SimDriver, "known_stats", HostileDriver.known_stats)
    assert r"pool \x1b[31m<img src=" in _text(sim)
    assert "\x1b" not in _text(sim) + _html(sim)
    assert "<img" not in _html(sim)
    assert len(sim.pool_names) == 1


def test_a_session_lists_its_backends(session: cl.Session, sim: cl.Backend) -> None:
    """The card of a session has its store and a line for each backend, and says how to begin if there is none."""
    sim.create_volume(1)
    assert "sim (sim, ✓ open): 1 volume, 1 GiB" in _text(session)
    with cl.Session("memory") as empty:
        assert "none yet: cl.Backend(…) adds one" in _text(empty)
    assert "It is closed" in _text(empty)


def test_a_display_loads_no_list_and_opens_no_backend(session: cl.Session, sim: cl.Backend) -> None:
    """To look at an object loads no collection and no other object, and leaves a closed backend closed."""
    volume = sim.create_volume(1)
    session.orm.expunge_all()
    volume = cl.Volume.get_by_id(volume.id)
    assert "backend          sim" in _text(volume)
    assert list(session.orm) == [volume]
    sim = volume.backend
    sim.close()
    for resource in (sim, volume, session):
        _html(resource)
    assert "It is closed." in _text(sim)
    assert not sim.is_open
    assert [
        name for resource in (sim, volume) for name in vars(resource) if name in {"_loaded_volumes", "_loaded_snapshots"}
    ] == []


def test_the_number_of_queries_does_not_depend_on_what_there_is(session: cl.Session, sim: cl.Backend) -> None:
    """A card costs as many queries among many volumes and snapshots as among few."""
    volume = sim.create_volume(1)
    volume.create_snapshot("first")
    shown = (session, sim, volume)
    counted = [_queries(session, functools.partial(cards.of, resource)) for resource in shown]
    for _ in range(6):
        sim.create_volume(1)
        volume.create_snapshot()
    assert [_queries(session, functools.partial(cards.of, resource)) for resource in shown] == counted
    assert max(counted) <= 6


def test_a_display_survives_a_driver_that_fails(session: cl.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend whose statistics raise is shown without its capacity, and is not asked as an operation would ask."""
    install("silent", SilentDriver, tmp_path / "installed", monkeypatch)
    lab = session.backend("lab", volume_driver="silent", path=tmp_path / "lab", faults="get_volume_stats:1+:crash")
    assert "capacity" not in _text(lab)
    assert "backend 'lab' · silent · ✓ open" in _text(lab)


def test_a_display_does_not_wait_for_a_driver_that_hangs(
    session: cl.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backend whose statistics do not come is shown without its capacity."""
    install("hanging", HangingDriver, tmp_path / "installed", monkeypatch)
    lab = session.backend("lab", volume_driver="hanging", path=tmp_path / "lab")
    try:
        assert "capacity" not in _text(lab)
    finally:
        HangingDriver.is_over.set()


def test_statistics_that_were_asked_for_are_shown(session: cl.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a driver that knows no statistics by itself those are shown that ``stats()`` returned last."""
    install("forgetful", ForgetfulDriver, tmp_path / "installed", monkeypatch)
    lab = session.backend("lab", volume_driver="forgetful", path=tmp_path / "lab", capacity=10)
    assert "capacity" not in _text(lab)
    lab.stats()
    assert "0% used: 10 GiB of 10 GiB free" in _text(lab)
    lab.close()
    assert "capacity" not in _text(lab)


def test_capacities_are_numbers_or_words() -> None:
    """What a driver reports as a capacity is a number, ``unknown`` or ``infinite``, and nothing else."""
    assert facts.capacity("Infinite ") == "infinite"
    assert [facts.capacity(value) for value in (True, None, "12.5", float("nan"))] == [None, None, 12.5, None]


def test_a_display_that_fails_is_the_one_line(session: cl.Session, sim: cl.Backend) -> None:
    """Where the store cannot be read the one-line repr is shown, without an error."""
    volume = sim.create_volume(1, name="db")
    with session.store.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE operation"))
    assert cards.bundle(volume) == {"text/plain": repr(volume)}
    assert cards.bundle(session) == {"text/plain": repr(session)}


def test_names_from_a_storage_cannot_run(sim: cl.Backend) -> None:
    """A hostile name is text in the HTML, and moves no cursor in a terminal."""
    volume = sim.create_volume(1, name=HOSTILE, metadata={HOSTILE: HOSTILE})
    snapshot = volume.create_snapshot(HOSTILE)
    for resource in (volume, snapshot, sim, volume.connect({"host": HOSTILE})):
        assert "<img" not in _html(resource)
        assert "\x1b" not in _text(resource)
        assert max(text.width(line) for line in _text(resource).splitlines()) <= 80


def test_edits_and_changes_of_others_are_shown(tmp_path: Path) -> None:
    """A card says what was set and not saved, what another session changed since, and that the row is gone."""
    with cl.setup(store=f"sqlite:///{tmp_path / 'store.db'}") as session:
        volume = session.backend("sim", volume_driver="sim", path=tmp_path / "sim").create_volume(1, name="db")
        assert "▸" not in _text(volume)
        with cl.Session(session.settings) as other:
            renamed = other.find("db")
            renamed.name = "ledger"
            renamed.save()
            assert "It was changed elsewhere" in _text(volume)
            volume.description = "mine"
            assert "Set and not saved: description." in _text(volume)
            renamed.delete()
        assert "Its row is gone from the store" in _text(volume)


def test_what_is_not_tracked_says_so(session: cl.Session, sim: cl.Backend) -> None:
    """An object that was deleted or released, one that was only loaded, and one of a closed session can be looked at."""
    volume, other = sim.create_volume(1, name="gone"), sim.create_volume(1, name="kept")
    volume.unmanage()
    assert "It is not tracked any more: it was deleted or released." in _text(volume)
    document = other.dumps
    other.delete()
    assert "not tracked yet: save()" in _text(cl.load(document))
    session.close()
    assert "its session was closed" in " ".join(_text(sim).split())


def test_dir_has_what_people_use(session: cl.Session, sim: cl.Backend) -> None:
    """``dir()`` and completion offer public names alone, on objects and classes, not the plumbing of SQLAlchemy and modules."""
    volume = sim.create_volume(1)
    resources = (session, sim, volume, volume.create_snapshot(), volume.connect({"host": "web1"}))
    names = {name for resource in resources for name in dir(resource)}
    for resource in resources[1:]:
        assert set(dir(type(resource))) <= set(dir(resource))
        assert {"get_by_id", "load", "delete" if resource is volume else "refresh"} <= set(dir(type(resource)))
    assert {"attach", "metadata", "capabilities", "create_volume", "path", "find"} <= names
    assert [name for name in names if name[0] == "_" or name[-1] == "_"] == []
    assert names & {"registry", "orm", "internal", "after_creation", "editable", "as_data", "stored_config", "write"} == set()


@pytest.mark.parametrize("driver", ["local", "sim"])
def test_capabilities_agree_with_the_statistics(session: cl.Session, tmp_path: Path, driver: str) -> None:
    """A backend that says it is thin in its statistics has that capability, and the other way round."""
    backend = session.backend("lab", volume_driver=driver, path=tmp_path / "lab")
    assert backend.capabilities["thin"] is backend.stats()["pools"][0]["thin_provisioning_support"]


def test_objects_of_cinderlib_keep_their_line(sim: cl.Backend) -> None:
    """IPython shows an object of cinderlib's as before: its repr alone."""
    volume = sim.create_volume(1, name="db")
    wrapper = cinderlib.Volume.get_by_id(volume.id)
    data, _ = DisplayFormatter().format(wrapper)  # type: ignore[no-untyped-call] # IPython's
    assert data == {"text/plain": repr(wrapper)}


def test_help_says_what_an_object_can_do(sim: cl.Backend) -> None:
    """The docstring of each class names calls that exist, and creating an object by its class says which call does it."""
    volume = sim.create_volume(1)
    connection = volume.connect({"host": "web1"})
    for resource in (sim, volume, volume.create_snapshot(), connection):
        documented = inspect.getdoc(type(resource)) or ""
        variable = {"backend": "lvm", "connection": "conn"}.get(resource.kind, resource.kind)
        calls = set(re.findall(rf"\b{variable}\.(\w+)", documented))
        assert len(calls) > 5
        assert calls <= {*dir(resource), "disconnect"}
    with pytest.raises(cl.errors.InvalidInput, match=r"A volume is created by backend\.create_volume\(size, name\)"):
        cl.Volume(size=1)
