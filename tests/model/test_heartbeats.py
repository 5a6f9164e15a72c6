"""Kernels on other machines: alive by their heartbeat, dead after the grace period, harmless when they return."""

from __future__ import annotations

import datetime as dt
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook.model.operations import heartbeat, liveness
from cl_notebook.model.operations import tables as op
from cl_notebook.store.types import database_now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fake_drivers import MeddlingDriver

_LONG = liveness.GRACE_PERIOD + dt.timedelta(minutes=1)


@pytest.fixture
def mine(any_store_url: str) -> Iterator[cl.Session]:
    """Give one session."""
    with cl.Session(any_store_url) as session:
        yield session


@pytest.fixture
def other(any_store_url: str, mine: cl.Session) -> Iterator[cl.Session]:  # noqa: ARG001 - it has made the store
    """Give another session on the same store."""
    with cl.Session(any_store_url) as session:
        yield session


@pytest.fixture
def lab(mine: cl.Session, tmp_path: Path, meddling: type[MeddlingDriver]) -> cl.Backend:  # noqa: ARG001 - it is installed
    """Return a backend with a hook in its calls."""
    return mine.backend("lab", volume_driver="meddling", path=str(tmp_path / "lab"))


def _now(session: cl.Session) -> dt.datetime:
    with session.store.reading() as connection:
        moment: dt.datetime = connection.execute(sa.select(database_now())).scalar_one()
    return moment


def _move_away(session: cl.Session, silent: dt.timedelta | None) -> None:
    """Let every kernel of the store seem to run on another machine, and not to have been heard of for so long."""
    seen = None if silent is None else _now(session) - silent
    with session.store.writing() as connection:
        connection.execute(sa.update(op.Kernel).values(machine="elsewhere/0", seen_at=seen))


def _seen(session: cl.Session) -> list[dt.datetime | None]:
    with session.store.reading() as connection:
        return list(connection.execute(sa.select(op.Kernel.seen_at)).scalars())


def test_the_clock_of_the_data_base_is_read_in_utc(mine: cl.Session) -> None:
    """Every database gives its own time, aware, with parts of a second."""
    moments = [_now(mine) for _ in range(5)]
    assert abs(moments[0] - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)
    assert moments == sorted(moments)
    assert any(moment.microsecond for moment in moments)


@pytest.mark.parametrize(
    ("silent", "status"),
    [(_LONG, "lost"), (dt.timedelta(minutes=2), "running"), (-_LONG, "running"), (None, "running")],
    ids=["long", "a while", "from the future", "never heard"],
)
def test_a_silent_kernel_is_taken_for_dead(
    lab: cl.Backend, other: cl.Session, meddling: type[MeddlingDriver], silent: dt.timedelta | None, status: str
) -> None:
    """What a kernel elsewhere left running is lost once it was silent for too long, and one that was heard lately is not."""
    seen: list[Any] = []

    def look(_call: str) -> None:
        _move_away(other, silent)
        seen.append(cl.frames.operations(other, status="running,lost")["status"].tolist())

    meddling.meanwhile = look
    lab.create_volume(1, "db")
    assert seen == [[status]]
    assert cl.frames.operations(other, status="running,lost").empty


@pytest.mark.lane("slow")
def test_a_kernel_that_works_is_heard(
    lab: cl.Backend, other: cl.Session, meddling: type[MeddlingDriver], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While an operation runs its kernel is seen again and again, nobody reads anything again for it, and then it is quiet."""
    monkeypatch.setattr(heartbeat, "HEARTBEAT_INTERVAL", 0.05)
    vol = lab.create_volume(1, "db")
    other.find("db")
    ticks: list[int] = []

    def listen(_call: str) -> None:
        _move_away(other, _LONG)
        other.change_tracker.sync()
        ticks.append(other.change_tracker.tick)
        before = _seen(other)
        while _seen(other) == before:
            time.sleep(0.01)
        other.change_tracker.sync()
        ticks.append(other.change_tracker.tick)

    meddling.meanwhile = listen
    vol.extend(2)
    assert ticks[0] == ticks[1]
    while any(thread.name == "cl_notebook-heartbeat" for thread in threading.enumerate()):
        time.sleep(0.01)


def test_a_clock_of_a_machine_that_jumps_misleads_nobody(
    lab: cl.Backend, other: cl.Session, meddling: type[MeddlingDriver], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine whose clock stands years back, or ahead, is as alive as any other: only the database's clock counts."""
    seen: list[Any] = []
    for year in (2001, 2090):
        monkeypatch.setattr(liveness, "utcnow", lambda year=year: dt.datetime(year, 1, 1, tzinfo=dt.UTC))

        def look(_call: str) -> None:
            with other.store.writing() as connection:
                connection.execute(sa.update(op.Kernel).values(machine="elsewhere/0"))
            seen.append(cl.frames.operations(other, status="running,lost")["status"].tolist())

        meddling.meanwhile = look
        lab.create_volume(1, str(year))
    assert seen == [["running"], ["running"]]


def test_a_kernel_that_returns_overwrites_nothing(lab: cl.Backend, other: cl.Session, meddling: type[MeddlingDriver]) -> None:
    """Changes of another kernel stay, the kernel that was taken for dead gets an error, and the history has both."""
    vol = lab.create_volume(1, "db")

    def take_over(_call: str) -> None:
        meddling.meanwhile = None
        _move_away(other, _LONG)
        other.find("db").extend(5)

    meddling.meanwhile = take_over
    with pytest.raises(
        cl.errors.ChangedElsewhere, match=r"extend volume 'db' .* was done, but another kernel took this one for dead"
    ):
        vol.extend(2)
    assert (vol.size, vol.status) == (5, "available")
    history = cl.frames.operations(other, action="extend")
    assert history["status"].tolist() == ["interrupted", "done"]
    assert history["error"].iloc[0].startswith("Taken over while it ran. Its kernel went on, and it ended as 'done' at")


def test_what_a_returning_kernel_made_stays_known(lab: cl.Backend, other: cl.Session, meddling: type[MeddlingDriver]) -> None:
    """A volume that was removed while its maker was taken for dead is tracked again, in error: the storage may have it."""

    def remove(call: str) -> None:
        if call == "create_volume":
            _move_away(other, _LONG)
            other.find("db").delete()

    meddling.meanwhile = remove
    with pytest.raises(cl.errors.ChangedElsewhere, match="another kernel took this one for dead"):
        lab.create_volume(1, "db")
    meddling.meanwhile = None
    left = other.find("db")
    assert left.status == "error"
    left.delete()
    assert cl.frames.volumes(other).empty
