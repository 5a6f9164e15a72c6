"""Scratch blocks: what is made in one goes when it ends, and nothing else does."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook.drivers.api import no_progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WEB = {"host": "web1", "ip": "192.0.2.7"}


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """Return the URL of a new store in a file, for several sessions."""
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture(params=["sim", "local"])
def lab(request: pytest.FixtureRequest, session: cl.Session, tmp_path: Path) -> cl.Backend:
    """Return an open backend: on the simulator, and on files."""
    more: dict[str, Any] = {} if request.param == "sim" else {"loop_devices": "never"}
    return session.backend("lab", volume_driver=request.param, path=str(tmp_path / "lab"), **more)


def _faulty(session: cl.Session, tmp_path: Path, faults: str) -> cl.Backend:
    return session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim"), faults=faults, replace=True)


def _names() -> list[str]:
    return sorted([*cl.frames.volumes()["name"], *cl.frames.snapshots()["name"]])


def test_what_the_block_made_goes_and_the_rest_stays(lab: cl.Backend) -> None:
    """Volumes, snapshots and connections of the block go; what was there before stays, with what was attached before."""
    kept = lab.create_volume(1, name="kept")
    kept.attach()
    with cl.scratch() as made:
        vol = lab.create_volume(1, name="db")
        vol.create_snapshot("before").create_volume("copy").attach()
        kept.create_snapshot("of-kept")
        kept.connect(WEB)
        kept.attach()
        assert made.report is None
    assert _names() == ["kept"]
    assert vol.status == "deleted"
    assert kept.local_attach is not None
    assert len(kept.connections) == 1
    assert made.report is not None
    assert set(made.report["outcome"]) == {"done"}
    assert made.left == 0


def test_what_is_attached_in_the_block_over_an_earlier_connection_is_detached(sim: cl.Backend, session: cl.Session) -> None:
    """Of a connection that was there before the block only the device goes that the block attached."""
    conn = sim.create_volume(1, name="kept").connect(session.host.connector_properties("local"))
    with cl.scratch():
        conn.attach()
    assert (conn.connected, conn.attached, conn.status) == (True, False, "attached")


def test_what_the_block_released_or_adopted_stays(sim: cl.Backend) -> None:
    """A volume that the block gave up to the storage, or took from there, is not the block's."""
    with cl.scratch() as made:
        vol = sim.create_volume(1, name="released")
        name = vol.name_in_storage
        vol.unmanage()
        sim.manage(name, "adopted")
    assert _names() == ["adopted"]
    assert made.plan is not None
    assert len(made.plan) == 0
    assert made.report is None


@pytest.mark.parametrize("error", [ValueError("its own"), KeyboardInterrupt(), SystemExit(3), cl.errors.Refused("no")])
def test_it_goes_whatever_ends_the_block_and_the_error_is_the_blocks(sim: cl.Backend, error: BaseException) -> None:
    """After an error, an interrupt or an exit all is removed, and the very same error goes on, with nothing added."""
    caught = _ended_by(sim, error)
    assert caught is error
    assert _names() == []
    assert getattr(caught, "__notes__", []) == []


def _ended_by(backend: cl.Backend, error: BaseException, **options: bool) -> BaseException:
    with pytest.raises(type(error)) as caught, cl.scratch(**options):  # noqa: PT012 - the block is what is tested
        backend.create_volume(1, name="db")
        raise error
    return caught.value


def test_what_cannot_be_removed_is_noted_on_the_blocks_own_error(session: cl.Session, tmp_path: Path) -> None:
    """A failure of the clean-up stands beside the block's error as a note, and does not take its place."""
    caught = _ended_by(_faulty(session, tmp_path, "delete_volume:1"), ValueError("its own"))
    (note,) = caught.__notes__
    assert note.startswith("The clean-up left 1 of 1 steps: delete volume of volume ")
    assert "simulated fault in delete_volume, call 1" in note
    assert _names() == ["db"]
    assert list(cl.inventory.plan_cleanup().run()["outcome"]) == ["done"]


def test_a_block_that_ended_well_fails_if_something_is_left(session: cl.Session, tmp_path: Path) -> None:
    """Where nothing else failed, what could not be removed is the error, which holds the report."""
    sim = _faulty(session, tmp_path, "delete_snapshot:1")
    left = r"left 2 of 3 steps: delete snapshot of snapshot .*: .*simulated fault in delete_snapshot, call 1\. %cl_cleanup"
    with pytest.raises(cl.errors.CleanupIncomplete, match=left) as caught, cl.scratch() as made:  # noqa: PT012 - as above
        sim.create_volume(1, name="db").create_snapshot("before")
        sim.create_volume(1, name="free")
    assert caught.value.report is made.report
    assert made.left == 2
    assert _names() == ["before", "db"]


def test_after_an_error_everything_may_be_kept(sim: cl.Backend) -> None:
    """With keep_on_error a block that fails keeps what it made, and says so; one that ends well does not."""
    caught = _ended_by(sim, ValueError("its own"), keep_on_error=True)
    assert "is kept" in caught.__notes__[0]
    assert _names() == ["db"]
    with cl.scratch(keep_on_error=True):
        sim.create_volume(1, name="gone")
    assert _names() == ["db"]


def test_blocks_may_stand_in_each_other(sim: cl.Backend) -> None:
    """The inner block removes its own, and the outer one the rest."""
    with cl.scratch() as outer:
        sim.create_volume(1, name="outer")
        with cl.scratch() as inner:
            sim.create_volume(1, name="inner")
        assert _names() == ["outer"]
        sim.create_volume(1, name="after")
    assert _names() == []
    assert inner.plan is not None
    assert outer.plan is not None
    assert (len(inner.plan), len(outer.plan)) == (1, 2)


def test_what_threads_and_tasks_made_in_the_block_goes_too(sim: cl.Backend) -> None:
    """It does not matter which thread, or which task, of the session made it."""

    async def task() -> None:
        with cl.scratch():
            await asyncio.gather(*(asyncio.to_thread(sim.create_volume, 1, f"vol-{number}") for number in range(3)))
            assert len(_names()) == 3

    asyncio.run(task())
    assert _names() == []


def test_what_other_sessions_make_meanwhile_stays(sim: cl.Backend, store_url: str) -> None:
    """A volume that another session makes while the block lasts is not touched, and keeps what it was made of."""
    with cl.Session(store_url) as other, pytest.raises(cl.errors.CleanupIncomplete, match="'theirs'"), cl.scratch():  # noqa: PT012 - as above
        sim.create_volume(1, name="db")
        other.find("db").clone("theirs")
        sim.create_volume(1, name="gone")
    assert _names() == ["db", "theirs"]


def test_a_session_that_may_only_look_does_not_begin(store_url: str, sim: cl.Backend) -> None:
    """In a read-only session the block is refused before anything in it happens."""
    del sim
    with cl.Session(store_url, read_only=True) as looking:
        entered = False
        with pytest.raises(cl.errors.ReadOnly), cl.inventory.scratch(looking):
            entered = True
        assert not entered


def test_a_session_that_was_closed_in_the_block_is_reported(sim: cl.Backend, session: cl.Session, store_url: str) -> None:
    """If the block closes its session, what it made stays tracked, and the error says how to remove it."""
    with pytest.raises(cl.errors.CleanupIncomplete, match="--owner"), cl.scratch():  # noqa: PT012 - the block is what is tested
        sim.create_volume(1, name="db")
        session.close()
    cl.setup(store=store_url)
    assert _names() == ["db"]


def test_a_block_in_which_the_session_moved_to_another_store_removes_nothing(
    lab: cl.Backend, session: cl.Session, store_url: str, tmp_path: Path
) -> None:
    """What the session had made in the other store before stays, with what the block made, and the error names both stores."""
    session.move_to(tmp_path / "other.db")
    for name in ("kept", "kept too", "kept as well"):
        lab.create_volume(1, name=name)
    session.move_to(store_url)
    with pytest.raises(cl.errors.CleanupIncomplete, match=r"store\.db.*other\.db"), cl.scratch():  # noqa: PT012 - as above
        lab.create_volume(1, name="made here")
        session.move_to(tmp_path / "other.db")
        lab.create_volume(1, name="made there")
    assert _names() == ["kept", "kept as well", "kept too", "made there"]
    session.move_to(store_url)
    assert _names() == ["made here"]


def test_one_block_may_stand_in_itself(lab: cl.Backend) -> None:
    """The same object, entered again within its own block, forgets nothing of what the outer one made before."""
    block = cl.scratch()
    with block:
        lab.create_volume(1, name="outer")
        with block:
            lab.create_volume(1, name="inner")
        assert _names() == ["outer"]
    assert _names() == []


def test_a_block_in_which_the_session_moved_there_and_back_removes_what_it_made(
    lab: cl.Backend, session: cl.Session, store_url: str, tmp_path: Path
) -> None:
    """The store that the session comes back to is the one that the block began with."""
    with cl.scratch():
        lab.create_volume(1, name="db")
        session.move_to(tmp_path / "other.db")
        session.move_to(store_url)
    assert _names() == []


def test_an_interrupt_of_the_clean_up_leaves_the_rest_tracked(session: cl.Session, tmp_path: Path) -> None:
    """Ctrl-C while the block is cleaned up stops between two steps, and the next clean-up does the rest."""
    slow, before = session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim"), latency=0.3), session.progress

    @contextmanager
    def interrupting(doing: str) -> Iterator[Any]:
        if doing.startswith("delete"):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            time.sleep(1)  # it has been noticed by then
        yield no_progress

    try:
        with pytest.raises(cl.errors.CleanupIncomplete, match="interrupted"), cl.scratch() as made:  # noqa: PT012 - the block is what is tested
            slow.create_volume(1, name="one")
            slow.create_volume(1, name="two")
            session.progress = interrupting
    finally:
        session.progress = before  # the session that is set up next takes it over
    assert made.left == 1
    assert list(cl.inventory.plan_cleanup().run()["outcome"]) == ["done"]


_KILLED = """
import os, signal, sys
import cl_notebook as cl
store, folder = sys.argv[1:]
cl.setup(store=store)
sim = cl.Backend("sim", volume_driver="sim", path=folder)
with cl.scratch():
    sim.create_volume(1, name="db").create_snapshot("before")
    print(cl.default_session().journal.kernel_id, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_after_a_kill_in_the_block_everything_is_tracked(session: cl.Session, store_url: str, tmp_path: Path) -> None:
    """What a block made whose kernel was killed in it goes by its owner."""
    command = [sys.executable, "-c", _KILLED, store_url, str(tmp_path / "sim")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert _names() == ["before", "db"]
    assert set(cl.inventory.plan_cleanup(owner=done.stdout.strip()).run()["outcome"]) == {"done"}
    assert _names() == []
    del session
