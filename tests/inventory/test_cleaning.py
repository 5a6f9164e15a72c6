"""Cleaning up: what is chosen, in which order it goes, and what is left where something stands in the way."""

from __future__ import annotations

import datetime as dt
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

import cl_notebook as cl
from cl_notebook.drivers.api import no_progress
from cl_notebook.inventory.cleanup import ownership, plan_view
from cl_notebook.inventory.cleanup.steps import DELETE_VOLUME, Step, ordered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd

WEB = {"host": "web1", "ip": "192.0.2.7"}
plan_cleanup = cl.inventory.plan_cleanup


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """Return the URL of a new store in a file, for several sessions."""
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def other(session: cl.Session, store_url: str) -> Iterator[cl.Session]:
    """Give another session on the same store."""
    del session
    with cl.Session(store_url) as opened:
        yield opened


@pytest.fixture(params=["sim", "local"])
def lab(request: pytest.FixtureRequest, session: cl.Session, tmp_path: Path) -> cl.Backend:
    """Return an open backend: on the simulator, and on files."""
    more: dict[str, Any] = {} if request.param == "sim" else {"loop_devices": "never"}
    return session.backend("lab", volume_driver=request.param, path=str(tmp_path / "lab"), **more)


def _faulty(session: cl.Session, tmp_path: Path, faults: str) -> cl.Backend:
    return session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim"), faults=faults, replace=True)


def _acts(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Return what is done with what, by its name, or by that of its volume."""
    named = frame["name"].fillna(frame["volume"])
    return list(zip(frame["action"].astype(str), named.astype(str), strict=True))


def _outcomes(report: pd.DataFrame) -> dict[tuple[str, str], str]:
    return dict(zip(_acts(report), report["outcome"].astype(str), strict=True))


def _left() -> set[str]:
    frames = cl.frames
    rows = [frames.volumes(), frames.snapshots(), frames.connections()]
    return {name for frame in rows for name in (frame["name"] if "name" in frame else frame["volume"])}


def test_everything_goes_in_the_order_that_it_depends_on(lab: cl.Backend) -> None:
    """Devices, connections, snapshots and volumes go in this order, and a clone goes before the snapshot that it was made of."""
    vol = lab.create_volume(1, name="db")
    snap = vol.create_snapshot("before")
    copy = snap.create_volume("copy")
    copy.create_snapshot("inner")
    vol.attach()
    copy.connect(WEB)
    plan = plan_cleanup()
    assert _acts(plan.frame) == [
        ("detach", "db"),
        ("disconnect", "copy"),
        ("disconnect", "db"),
        ("delete snapshot", "inner"),
        ("delete volume", "copy"),
        ("delete snapshot", "before"),
        ("delete volume", "db"),
    ]
    assert len(cl.frames.volumes()) == 2
    report = plan.run()
    assert set(report["outcome"]) == {"done"}
    assert _left() == set()
    assert report is plan.report
    assert len(plan_cleanup()) == 0


def test_a_plan_can_be_looked_at(sim: cl.Backend) -> None:
    """A plan is shown as a card by backend and action, with a few names, the line that runs it, and in HTML the first steps."""
    for number in range(30):
        sim.create_volume(1, name=f"<b>{number}")
    shown = cl.inventory.plan_cleanup()._repr_mimebundle_()
    assert shown["text/plain"].splitlines()[:3] == [
        "plan · delete volume 30",
        "▸ Nothing is removed before you run it:",
        "  plan.run()",
    ]
    assert shown["text/plain"].splitlines()[3:] == [
        "  sim  delete volume 30 (30 GiB): <b>29, <b>28, <b>27, <b>26, <b>25 and 25 more"
    ]
    assert "10 more: plan.frame has all" in shown["text/html"]
    assert "<b>29" not in shown["text/html"]
    plan = cl.inventory.plan_cleanup()
    plan.run()
    assert "It was run; plan.report has the outcome" in plan._repr_mimebundle_()["text/plain"]
    assert cl.inventory.plan_cleanup()._repr_mimebundle_()["text/plain"] == "plan · nothing to remove"


def test_a_plan_of_many_backends_fits_a_screen(tmp_path: Path, session: cl.Session) -> None:
    """Steps are grouped by backend, a few backends are shown, the others are counted, and no name makes a line too wide."""
    for number in range(plan_view.BACKENDS + 2):
        backend = session.backend(f"b{number}" + "x" * 60, volume_driver="sim", path=str(tmp_path / f"b{number}"))
        volume = backend.create_volume(2, name="n" * 100)
        volume.create_snapshot("before")
    plan = plan_cleanup()
    lines = plan._repr_mimebundle_()["text/plain"].splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1].endswith("4 steps on 2 more backends")
    assert plan_view.is_folded(plan.steps)
    assert not plan_view.is_folded(plan.steps[:2])
    assert "delete snapshot 1 (2 GiB): before" in "\n".join(lines)


def test_the_frames_are_typed_also_when_they_are_empty(sim: cl.Backend) -> None:
    """The plan and the report have the same columns and types whether or not there is anything in them."""
    empty = plan_cleanup()
    none = (empty.frame, empty.run())
    sim.create_volume(1, name="db").attach()
    full = plan_cleanup()
    for without, with_rows in zip(none, (full.frame, full.run()), strict=True):
        assert [kind.name for kind in without.dtypes] == [kind.name for kind in with_rows.dtypes]
        assert list(without) == list(with_rows)
        assert without.index.name == with_rows.index.name == "id"
        assert without.index.dtype == with_rows.index.dtype
    assert full.frame["size"].tolist()[-1] == 1
    assert full.frame["created_at"].dtype == "datetime64[ns, UTC]"
    assert {owner.partition("@")[2] for owner in full.frame["owner"]} == {_host()}


def _host() -> str:
    return cl.default_session().settings.host


def test_only_what_this_session_made_goes(sim: cl.Backend, other: cl.Session) -> None:
    """What another session made, what was found again, and what was adopted stays."""
    theirs = other.find("sim").create_volume(1, name="theirs")
    assert cl.find("theirs").id == theirs.id
    released = sim.create_volume(1, name="released")
    name = released.name_in_storage
    released.unmanage()
    sim.manage(name, "adopted")
    mine = sim.create_volume(1, name="mine")
    cl.find("theirs").create_snapshot("of-theirs")
    assert set(_acts(plan_cleanup().run())) == {("delete volume", "mine"), ("delete snapshot", "of-theirs")}
    assert mine.status == "deleted"
    assert _left() == {"theirs", "adopted"}
    assert len(plan_cleanup(other)) == 1


def test_a_session_that_is_set_up_again_goes_on(session: cl.Session, sim: cl.Backend, store_url: str, tmp_path: Path) -> None:
    """What the default session made before it was set up again, closed, or moved to another store and back is still its own."""
    sim.create_volume(1, name="first")
    cl.setup(store=store_url)
    cl.Backend("sim").create_volume(1, name="second")
    cl.default_session().close()
    cl.Backend("sim").create_volume(1, name="third")
    cl.default_session().move_to(tmp_path / "elsewhere.db")
    assert len(plan_cleanup()) == 0
    cl.default_session().move_to(store_url)
    assert set(plan_cleanup().frame["name"]) == {"first", "second", "third"}
    del session


def test_what_is_not_mounted_is_not_removed(session: cl.Session, tmp_path: Path) -> None:
    """Where the folder of a storage is another one, nothing counts as removed; once it is back, all of it goes."""
    folder = tmp_path / "storage"
    lab = session.backend("lab", volume_driver="local", path=str(folder), loop_devices="never")
    volume = lab.create_volume(1, name="db")
    volume.create_snapshot("before")
    time.sleep(0.02)  # the file system's own clock ticks in steps
    folder.rename(tmp_path / "mounted elsewhere")
    lab.close()
    report = plan_cleanup().run()
    assert list(report["outcome"]) == ["failed", "not done"]
    assert "Is its file system mounted?" in report["detail"].iloc[0]
    with pytest.raises(cl.errors.DriverError, match="Is its file system mounted"):
        volume.delete(cascade=True)
    shutil.rmtree(folder)
    (tmp_path / "mounted elsewhere").rename(folder)
    lab.close()
    assert set(cl.inventory.scan()["verdict"]) == {"ok"}
    assert set(plan_cleanup().run()["outcome"]) == {"done"}
    assert [path.name for path in folder.rglob("*-*")] == []


def test_a_plan_is_for_the_store_that_it_was_made_on(
    sim: cl.Backend, session: cl.Session, store_url: str, tmp_path: Path
) -> None:
    """After the session moved to another store the plan is refused, and does not say that its steps are done; back it runs."""
    sim.create_volume(1, name="db")
    plan = plan_cleanup()
    session.move_to(tmp_path / "elsewhere.db")
    with pytest.raises(cl.errors.Refused, match=r"store\.db.*elsewhere\.db"):
        plan.run()
    assert plan.report is None
    session.move_to(store_url)
    assert list(plan.run()["outcome"]) == ["done"]


@pytest.mark.parametrize("let_go", [cl.Volume.unmanage, lambda vol: cl.inventory.forget(vol, force=True)])
def test_what_was_loaded_was_not_made_here(sim: cl.Backend, let_go: Callable[[cl.Volume], None]) -> None:
    """A volume that was made here, released or forgotten, and loaded from a document is not this session's any more."""
    vol = sim.create_volume(1, name="db")
    text = vol.dumps
    let_go(vol)
    cl.load(text, save=True)
    assert cl.find("db").id == vol.id
    assert len(plan_cleanup()) == 0


def test_a_connection_to_anothers_volume_is_removed_and_the_volume_stays(sim: cl.Backend, other: cl.Session) -> None:
    """Connections of this session are disconnected, also of others' volumes; others' connections stay."""
    theirs = other.find("sim").create_volume(1, name="theirs")
    theirs.connect(WEB)
    cl.find("theirs").attach()
    report = plan_cleanup().run()
    assert _acts(report) == [("detach", "theirs"), ("disconnect", "theirs")]
    theirs.refresh()
    assert [conn.name_of_host for conn in theirs.connections] == ["web1"]
    assert theirs.status == "in-use"
    del sim


def test_a_device_over_anothers_connection_is_detached_and_the_connection_stays(sim: cl.Backend, other: cl.Session) -> None:
    """Of a connection that was there before only the device goes that was attached here, and none that was attached before."""
    backend = other.find("sim")
    first, second = (backend.create_volume(1, name=name) for name in ("first", "second"))
    conn = first.connect(other.host.connector_properties("local"))
    kept = second.attach()
    cl.find("first").attach()
    cl.find("second").attach()
    report = plan_cleanup().run()
    assert _outcomes(report) == {("detach", "first"): "done"}
    conn.refresh()
    kept.refresh()
    assert (conn.connected, conn.attached, kept.attached) == (True, False, True)
    del sim


def test_a_backend_an_owner_or_everything_may_be_chosen(sim: cl.Backend, other: cl.Session, tmp_path: Path) -> None:
    """What goes is what is on a backend, what an owner made, both, or all of it."""
    east = other.backend("east", volume_driver="sim", path=str(tmp_path / "east"))
    east.create_volume(1, name="theirs-east")
    other.find("sim").create_volume(1, name="theirs-sim")
    sim.create_volume(1, name="mine")
    kernel = cl.frames.operations(resource_name="theirs-east")["kernel_id"].iloc[0]
    user = plan_cleanup().frame["owner"].iloc[0].split("@")[0]

    def named(**chosen: Any) -> set[str]:
        return set(plan_cleanup(**chosen).frame["name"])

    assert named() == {"mine"}
    assert named(backend="sim") == named(backend=sim) == {"mine", "theirs-sim"}
    for owner in (kernel, kernel[:6], kernel.upper()):
        assert named(owner=owner) == {"theirs-east", "theirs-sim"}
    assert named(owner=kernel, backend="east") == {"theirs-east"}
    for owner in (user, f"{user}@{_host()}"):
        assert named(owner=owner) == {"mine", "theirs-sim", "theirs-east"}
    assert named(all=True) == {"mine", "theirs-sim", "theirs-east"}


def test_an_owner_may_be_a_notebook(
    session: cl.Session, store_url: str, sim: cl.Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a notebook made is chosen by its path, or by its file's name."""
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/ann/lab.ipynb")
    with cl.Session(store_url) as jupyter:
        jupyter.find("sim").create_volume(1, name="db")
    for owner in ("/home/ann/lab.ipynb", "lab.ipynb"):
        frame = plan_cleanup(owner=owner).frame
        assert list(frame["name"]) == ["db"]
        assert list(frame["notebook"]) == ["/home/ann/lab.ipynb"]
    del session, sim


def test_who_or_what_does_not_exist_is_refused_in_one_line(sim: cl.Backend) -> None:
    """An owner or a backend that there is not is an error that names those that there are; owner and all exclude each other."""
    sim.create_volume(1)
    with pytest.raises(cl.errors.NotFound, match=rf"No owner is called 'nobody'\. Owners: \S+@{_host()}; or"):
        plan_cleanup(owner="nobody")
    with pytest.raises(cl.errors.NotFound, match=r"No backend is called 'sym'\. Did you mean 'sim'\?"):
        plan_cleanup(backend="sym")
    with pytest.raises(cl.errors.InvalidInput, match="not both"):
        plan_cleanup(owner="x", all=True)
    for wrong in ("", " ", 7):
        with pytest.raises(cl.errors.InvalidInput):
            plan_cleanup(owner=wrong)  # type: ignore[arg-type] # that is the test


def test_it_goes_on_after_a_failure_and_a_second_run_finishes(session: cl.Session, tmp_path: Path) -> None:
    """A step that fails keeps only what depends on it, with the reason; what is left goes when the cause is gone."""
    sim = _faulty(session, tmp_path, "delete_snapshot:1")
    for name in ("one", "two"):
        sim.create_volume(1, name=name).create_snapshot(f"{name}-snap")
    report = plan_cleanup().run()
    failed = report[report["outcome"] == "failed"]
    assert list(failed["name"]) == ["two-snap"]
    assert failed["detail"].iloc[0].endswith("simulated fault in delete_snapshot, call 1")
    assert _outcomes(report)["delete volume", "two"] == "not done"
    assert "needs step 1 (delete snapshot of snapshot 'two-snap'" in report[report["name"] == "two"]["detail"].iloc[0]
    assert _left() == {"two", "two-snap"}
    assert set(plan_cleanup().run()["outcome"]) == {"done"}
    assert _left() == set()


def test_a_plan_may_be_run_again(session: cl.Session, tmp_path: Path) -> None:
    """The same plan finishes what it could not do; what is gone already is done."""
    sim = _faulty(session, tmp_path, "delete_volume:1:crash")
    sim.create_volume(1, name="one")
    sim.create_volume(1, name="two")
    plan = plan_cleanup()
    assert "RuntimeError" not in plan.frame.to_string()
    assert list(plan.run()["outcome"]) == ["failed", "done"]
    assert list(plan.run()["detail"]) == ["", "It was gone already."]
    assert _left() == set()


def test_what_others_made_of_it_keeps_it(sim: cl.Backend, other: cl.Session) -> None:
    """A clone, a snapshot or a connection that is not part of the plan keeps what it depends on, and the reason names it."""
    for name in ("cloned", "copied", "snapped", "connected", "free"):
        sim.create_volume(1, name=name)
    snap = cl.find("copied").create_snapshot("source")
    other.find("cloned").clone("clone")
    other.find(snap.id).create_volume("copy")
    other.find("snapped").create_snapshot("theirs")
    other.find("connected").connect(WEB)
    plan = plan_cleanup()
    details = dict(zip(plan.frame["name"], plan.frame["detail"], strict=True))
    assert details["cloned"].startswith("Volume 'clone'")
    assert details["source"].startswith("Volume 'copy'")
    assert details["snapped"].startswith("Snapshot 'theirs'")
    assert details["connected"].startswith("Connection ")
    assert details["free"] == ""
    done = {name for (_, name), outcome in _outcomes(plan.run()).items() if outcome == "done"}
    assert done == {"free"}
    assert set(plan_cleanup(all=True).run()["outcome"]) == {"done"}
    assert _left() == set()


def test_what_comes_between_the_plan_and_its_run_counts(sim: cl.Backend, other: cl.Session) -> None:
    """A clone that somebody makes after the plan was shown keeps its source, too."""
    sim.create_volume(1, name="db")
    plan = plan_cleanup()
    other.find("db").clone("clone")
    assert list(plan.run()["outcome"]) == ["not done"]
    assert cl.find("db").status == "available"


def test_what_is_attached_on_another_host_is_left(session: cl.Session, store_url: str, sim: cl.Backend) -> None:
    """A volume that is attached elsewhere stays, with its connection, and the reason says where that is."""
    with cl.Session(store_url, host="elsewhere") as there:
        there.find("sim").create_volume(1, name="db").attach()
    plan = plan_cleanup(all=True)
    assert plan.frame["detail"].iloc[0].startswith("It is attached on elsewhere as ")
    assert list(plan.run()["outcome"]) == ["not done", "not done"]
    assert cl.find("db").connections[0].status == "attached"
    del session, sim


_KERNEL = """
import sys
import cl_notebook as cl
store, folder, call = sys.argv[1:]
cl.setup(store=store)
sim = cl.Backend("sim", volume_driver="sim", path=folder, faults=call + ":2+:hang", replace=True)
vol = sim.create_volume(1, name="db")
vol.create_snapshot("before").create_volume("copy")
vol.attach()
print(cl.default_session().journal.kernel_id, flush=True)
if call == "create_volume":
    sim.create_volume(1, name="new")
else:
    for name in ("one", "two"):
        sim.create_volume(1, name=name).delete()
"""


@contextmanager
def _another_kernel(store_url: str, folder: Path, call: str, stuck: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Give a kernel that is in the middle of *call* on the volume *stuck*, and its id."""
    command = [sys.executable, "-c", _KERNEL, store_url, str(folder), call]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        kernel_id = process.stdout.readline().strip()
        while cl.frames.operations(status="running", call=call, resource_name=stuck).empty:
            assert process.poll() is None
        yield process, kernel_id
        process.kill()


@pytest.mark.lane("slow")
@pytest.mark.parametrize(("call", "stuck"), [("create_volume", "new"), ("delete_volume", "two")])
def test_what_a_dead_kernel_left_is_removed_for_its_owner(
    session: cl.Session, store_url: str, tmp_path: Path, call: str, stuck: str
) -> None:
    """All that a killed kernel made goes, what it was in the middle of with the rest; it is not this session's by itself."""
    with _another_kernel(store_url, tmp_path / "sim", call, stuck) as (process, kernel_id):
        process.kill()
        process.wait()
    _faulty(session, tmp_path, "")
    assert len(plan_cleanup()) == 0
    plan = plan_cleanup(owner=kernel_id)
    assert stuck in set(plan.frame["name"])
    assert set(plan.run()["outcome"]) == {"done"}
    assert _left() == set()


@pytest.mark.lane("slow")
def test_what_a_living_kernel_works_on_is_left(session: cl.Session, store_url: str, tmp_path: Path) -> None:
    """What another kernel is at work on stays, and the reason names the process; the rest goes."""
    with _another_kernel(store_url, tmp_path / "sim", "create_volume", "new") as (process, kernel_id):
        _faulty(session, tmp_path, "")
        plan = plan_cleanup(owner=kernel_id)
        detail = plan.frame[plan.frame["name"] == "new"]["detail"].iloc[0]
        assert detail == f"'create' is being done with it, by process {process.pid} on {_host()}."
        outcomes = _outcomes(plan.run())
        assert outcomes.pop(("delete volume", "new")) == "not done"
        assert set(outcomes.values()) == {"done"}
    assert _left() == {"new"}


def test_an_interrupt_lets_a_step_end_and_stops_before_the_next(session: cl.Session, tmp_path: Path) -> None:
    """After Ctrl-C the step that is under way is done, those after it are not, and the next run does them."""
    slow = session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim"), latency=0.3)
    for number in range(3):
        slow.create_volume(1, name=f"vol-{number}")
    with _interrupted_at("'vol-2'", session):
        report = plan_cleanup().run()
    assert list(report["outcome"]) == ["done", "not done", "not done"]
    assert list(report["detail"]) == ["", "It was interrupted before this.", "It was interrupted before this."]
    assert list(plan_cleanup().run()["outcome"]) == ["done", "done"]


@contextmanager
def _interrupted_at(word: str, session: cl.Session) -> Iterator[None]:
    """Press Ctrl-C when the session shows that an act with *word* in it begins."""

    @contextmanager
    def shown(doing: str) -> Iterator[Any]:
        if word in doing:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            time.sleep(1)  # it has been noticed by then
        yield no_progress

    before, session.progress = session.progress, shown
    try:
        yield
    finally:
        session.progress = before  # the session that is set up next takes it over


def test_a_session_that_may_only_look_sees_the_plan_and_removes_nothing(
    session: cl.Session, store_url: str, sim: cl.Backend
) -> None:
    """In a read-only session a plan can be made, and running it is refused before anything happens."""
    sim.create_volume(1, name="db")
    with cl.Session(store_url, read_only=True) as looking:
        plan = plan_cleanup(looking, all=True)
        assert list(plan.frame["name"]) == ["db"]
        with pytest.raises(cl.errors.ReadOnly):
            plan.run()
    assert cl.find("db").status == "available"
    del session


def test_the_history_is_not_read_through(session: cl.Session) -> None:
    """What a kernel made, and what was made of something, is found by indexes, whatever the number of operations and volumes."""
    with session.store.reading() as connection:
        asked = [
            *(sa.select(cls.id).where(ownership.created_by(cls, ["k"], 5)) for cls in (cl.Volume, cl.Snapshot, cl.Connection)),
            sa.select(cl.Connection.id).where(ownership.attached_by(cl.Connection, ["k"])),
            sa.select(cl.Volume.id).where(cl.Volume.snapshot_id.in_(["s"])),
            sa.select(cl.Volume.id).where(cl.Volume.source_volid.in_(["v"])),
        ]
        for statement in asked:
            sql = str(statement.compile(connection.engine, compile_kwargs={"literal_binds": True}))
            plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
            assert not any(line.startswith("SCAN") for line in plan), plan


@given(st.data())
def test_each_step_comes_after_what_it_needs(data: st.DataObject) -> None:
    """Whatever depends on whatever, each step stands after all that it needs, and circles of clones end nothing."""
    names = [str(number) for number in range(data.draw(st.integers(1, 12)))]
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    days = data.draw(st.lists(st.integers(0, 3), min_size=len(names), max_size=len(names)))
    listed = [
        Step(DELETE_VOLUME, "volume", name, "b", "available", at + dt.timedelta(days=day))
        for name, day in zip(names, days, strict=True)
    ]
    pairs = st.lists(st.tuples(st.sampled_from(names), st.sampled_from([*names, "gone"])), max_size=20)
    hard = [(later, before) for later, before in data.draw(pairs) if later > before or before == "gone"]
    soft = data.draw(pairs)

    def keyed(of: list[tuple[str, str]]) -> list[Any]:
        return [((DELETE_VOLUME, later), (DELETE_VOLUME, before)) for later, before in of]

    found = ordered(listed, keyed(hard), keyed(soft))
    assert [step.number for step in found] == list(range(1, len(names) + 1))
    assert sorted(step.id for step in found) == sorted(names)
    assert all(number < step.number for step in found for number in step.needs)
    numbers = {step.id: step.number for step in found}
    assert all(numbers[before] in found[numbers[later] - 1].needs for later, before in hard if before != "gone")
