"""Acts on several resources: what ends one early says how many were done, and which are left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook import errors, inventory
from cl_notebook.drivers.sim.driver import SimDriver
from cl_notebook.model import Connection, batch

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.parametrize("store_url", ["memory"], indirect=True)


def _failing(after: int, error: BaseException) -> Callable[..., None]:
    """Return a method that does nothing *after* times, and raises *error* then."""
    calls: list[object] = []

    def method(_self: object, thing: object, *_more: object) -> None:
        calls.append(thing)
        if len(calls) > after:
            raise error

    return method


_ENDS = {"error": OSError("the array is on fire"), "interrupt": KeyboardInterrupt()}


@pytest.mark.parametrize("end", _ENDS)
def test_a_cascade_that_ends_early_says_what_is_left(sim: cl.Backend, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    """Deleting a volume with its snapshots says how many of them went, and names the rest, whatever ended it."""
    volume = sim.create_volume(1, "db")
    for name in "abc":
        volume.create_snapshot(name)
    monkeypatch.setattr(SimDriver, "delete_snapshot", _failing(1, _ENDS[end]))
    with pytest.raises((errors.DriverError, KeyboardInterrupt), match=r"1 of 4 were deleted; left: snapshot 'b'.*volume 'db'"):
        volume.delete(cascade=True)
    assert [snapshot.name for snapshot in volume.snapshots] == ["b", "c"]
    monkeypatch.undo()
    volume.delete(cascade=True, force=True)
    assert sim.volumes == []


def test_a_cascade_that_ends_with_the_volume_says_so(sim: cl.Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the snapshots went and the volume did not, that is said, and stands in the history."""
    volume = sim.create_volume(1, "db")
    volume.create_snapshot("a")
    monkeypatch.setattr(SimDriver, "delete_volume", _failing(0, OSError("on fire")))
    with pytest.raises(errors.DriverError, match=r"on fire.* 1 of 2 were deleted; left: volume 'db'"):
        volume.delete(cascade=True)
    assert "1 of 2 were deleted" in cl.frames.operations(status="failed")["error"].iloc[-1]


def test_a_volume_without_snapshots_has_nothing_to_count(sim: cl.Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """An act on one thing fails with its own words alone."""
    volume = sim.create_volume(1, "db")
    monkeypatch.setattr(SimDriver, "delete_volume", _failing(0, OSError("on fire")))
    with pytest.raises(errors.DriverError) as caught:
        volume.delete(cascade=True)
    assert " of 1" not in str(caught.value)


@pytest.mark.parametrize("end", _ENDS)
def test_a_cleanup_that_ends_early_says_what_is_left(sim: cl.Backend, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    """Removing the connections of a volume says how many went, and names the rest, whatever ended it."""
    volume = sim.create_volume(1, "db")
    for host in "abc":
        volume.connect({"host": host, "initiator": f"iqn.{host}"})
    real = Connection.release
    gone: list[Connection] = []

    def release(connection: Connection, *, force: bool = False) -> None:
        if gone:
            raise _ENDS[end]
        gone.append(connection)
        real(connection, force=force)

    monkeypatch.setattr(Connection, "release", release)
    with pytest.raises((OSError, KeyboardInterrupt)) as caught:
        volume.cleanup()
    said = " ".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert "1 of 3 were removed; left: connection" in said


def test_a_repair_that_ends_early_says_what_is_left(sim: cl.Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Repairing everything says how much was tried when it is interrupted, or when the store goes away."""
    for number in range(3):
        sim.create_volume(1, f"v{number}")
    for volume in sim.volumes:
        with sim.context.store.writing() as connection:
            connection.exec_driver_sql("UPDATE volume SET status = 'creating' WHERE id = ?", (volume.id,))
    from cl_notebook.inventory import repairs  # noqa: PLC0415 - what is replaced below

    for end in (KeyboardInterrupt(), errors.StoreUnusable("It is away.")):
        tried: list[object] = []

        def repair(resource: object, *, end: BaseException = end, tried: list[object] = tried, **_options: object) -> str:
            tried.append(resource)
            if len(tried) > 1:
                raise end
            return "It is done."

        monkeypatch.setattr(repairs, "repair", repair)
        with pytest.raises(type(end), match=r"1 of 3 were tried; left: volume v\d .*, volume v\d "):
            inventory.repair_all()


def test_many_are_not_all_named(session: cl.Session) -> None:
    """Of many that are left a few are named, and the rest counted."""
    del session
    text = batch.progress("deleted", 2, [f"volume {number}" for number in range(100)])
    assert text == "2 of 100 were deleted; left: volume 2, volume 3, volume 4, volume 5, volume 6 and 93 more."
