"""``%cl_status``: one screen that tells how things are, and the seed's lines."""

from __future__ import annotations

import io
import threading
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.display import first_steps, text
from cl_notebook.model.facts import Pool
from cl_notebook.notebook.output import overview
from cl_notebook.notebook.output.status import SHOWN, Status
from cl_notebook.testing.stores import fill

if TYPE_CHECKING:
    from pathlib import Path

    from cl_notebook.drivers.api import ModelUpdate, VolumeData
    from tests.notebook.conftest import Notebook


def _seed_report(backend: cl.Backend) -> str:
    shown = io.StringIO()
    with redirect_stdout(shown):
        backend.refresh()
        for vol in backend.volumes:
            print("Volume %s is currently %s" % (vol.id, vol.status))  # noqa: T201, UP031 - the seed's own words
            vol.refresh()
            for snap in vol.snapshots:
                print("Snapshot %s for volume %s is currently %s" % (snap.id, snap.volume.id, snap.status))  # noqa: T201, UP031
            for conn in vol.connections:
                print(  # noqa: T201
                    "Connection from %s with ip %s to volume %s is %s"  # noqa: UP031
                    % (conn.connector_info["host"], conn.connector_info["ip"], conn.volume.id, conn.status)
                )
    return shown.getvalue()


def test_the_lines_are_the_seeds_report(lab: Notebook) -> None:
    """%cl_status --lines prints for each backend what the seed's loop prints, word for word."""
    lab.run("%cl_volume create --size 1 --name db\n%cl_volume snapshot db\n%cl_volume connect db --host web --ip 192.0.2.7")
    lab.run("%cl_volume create --size 1 --name other")
    expected = _seed_report(cl.Backend.backends["sim"])
    assert expected.count("\n") == 4
    assert lab.printed("%cl_status --lines") == expected
    assert lab.printed("%cl_status --lines --backend sim") == expected


def test_the_lines_go_through_all_pages(notebook: Notebook, session: cl.Session) -> None:
    """%cl_status --lines reports on every volume, however many, also of backends that are not open."""
    fill(session.store, volumes=1203, snapshots=0, connections=0, backend="big")
    fill(session.store, volumes=2, snapshots=1, connections=1, backend="small")
    lines = notebook.printed("%cl_status --lines").splitlines()
    assert len(lines) == len(set(lines)) == 1203 + 6
    assert len(notebook.printed("%cl_status --lines --backend small").splitlines()) == 6


def test_nothing_tracked_says_what_to_type(notebook: Notebook) -> None:
    """On an empty store both forms of the status say how to begin, in three ways."""
    status = notebook.run("%cl_status")
    for step in first_steps.FIRST_STEPS:
        assert step.magic in repr(status)
        assert step.magic in status._repr_mimebundle_()["text/html"]
    assert status.frame.empty
    assert "cl.Backend('lab', volume_driver='local')" in repr(cl.status())
    assert "%cl_backend add" in notebook.printed("%cl_status --lines")


def test_the_status_is_one_screen(notebook: Notebook, session: cl.Session, tmp_path: Path) -> None:
    """The status has the capacity, the resources by status, what is stuck and what failed, each with a line that can be run."""
    sim = session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim"), capacity=8, faults="delete_volume:1")
    broken, other = (sim.create_volume(1, name=name) for name in ("broken", "other"))
    other.create_snapshot("before")
    with pytest.raises(errors.DriverError):
        broken.delete()
    status = notebook.run("%cl_status")
    shown = repr(status)
    assert "✓ open  sim (sim)" in shown
    assert "▇▇▇▇░░░░░░░░░░░░ 2 GiB of 8 GiB used" in shown
    assert "2 volumes: 1 ✓ available, 1 ✗ error_deleting" in shown
    assert "1 snapshot: 1 ✓ available" in shown
    assert "Volume 'broken' on sim is error_deleting, and an act on it failed.\n    %cl_scan repair broken" in shown
    assert "delete volume 'broken' on sim" in shown
    (failure,) = status.overview.failures
    assert notebook.run(failure.magic).loc[failure.operation, "error"] == failure.error
    notebook.run(f"%cl_scan repair {broken.id}")
    shown = repr(notebook.run("%cl_status"))
    assert "Stuck" not in shown
    assert "nothing is stuck" in shown


def test_a_display_that_fails_is_the_frame(lab: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a status, a list or a picture cannot be shown as it is, pandas shows its frame, without a traceback."""
    status, plot = lab.run("%cl_status"), cl.plot.capacity()
    frame = lab.run("_ = %cl_volume create --size 1 --name db\n%cl_volumes")

    def fail(*_args: object) -> None:
        raise ZeroDivisionError

    for function in ("report.as_text", "report.as_html", "listing.as_text", "listing.as_html"):
        monkeypatch.setattr(f"cl_notebook.display.{function}", fail)
    monkeypatch.setattr(plot, "_text", fail)
    monkeypatch.setattr(plot, "_draw", fail)
    assert repr(status).split() == repr(pd.DataFrame(status.frame)).split()
    assert "<table" in status._repr_mimebundle_()["text/html"]
    assert repr(frame) == repr(pd.DataFrame(frame))
    assert "<table" in frame._repr_html_()
    assert repr(plot) == repr(pd.DataFrame(plot.frame))
    assert plot._repr_svg_() is None


def test_the_status_opens_no_backend(notebook: Notebook, tmp_path: Path) -> None:
    """A closed backend stays closed: its resources are counted, and the line that opens it stands where its capacity would."""
    notebook.run(f"%cl_backend add sim --driver sim --path {tmp_path / 'sim'}\n%cl_volume create --size 2 --name db")
    notebook.run("%cl_backend close sim")
    status = notebook.run("%cl_status")
    assert "%cl_backend open sim" in repr(status)
    assert "1 volume: 1 ✓ available" in repr(status)
    assert dict(cl.default_session().backends) == {}
    row = status.frame.loc["sim"]
    assert (row["open"], row["volumes"], row["size"]) == (False, 1, 2)


def test_what_a_dead_kernel_left_is_stuck(notebook: Notebook, session: cl.Session) -> None:
    """A resource whose status says that it is worked on is stuck if no living kernel works on it."""
    fill(session.store, volumes=3, snapshots=0, connections=0, backend="b")
    with session.store.writing() as connection:
        connection.exec_driver_sql("UPDATE volume SET status = 'creating'")
    status = notebook.run("%cl_status")
    assert status.frame.loc["b", "stuck"] == 3
    assert "creating, and no operation runs on it" in " ".join(repr(status).split())
    assert "All at once: %cl_scan repair --all" in repr(status)


def test_an_outcome_that_waits_has_the_line_that_writes_it(
    lab: Notebook, session: cl.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is done on the storage and could not be written is shown, not as running; its line writes it once the store can."""
    sim = session.backends["sim"]
    volume, extend = sim.create_volume(1, "db"), sim.driver.extend_volume

    def run(statement: str) -> None:
        with session.store.engine.connect() as connection, connection.begin():
            connection.exec_driver_sql(statement)

    def extend_and_refuse(data: VolumeData, size: int) -> None:
        extend(data, size)
        run("CREATE TRIGGER refuse BEFORE UPDATE ON volume BEGIN SELECT RAISE(ABORT, 'not now'); END")

    monkeypatch.setattr(sim.driver, "extend_volume", extend_and_refuse)
    monkeypatch.setattr(session.journal.outbox, "patience", 0)
    with pytest.raises(errors.OutcomePending):
        volume.extend(2)
    status = lab.run("%cl_status")
    (waiting,) = status.overview.waiting
    assert (status.overview.running, status.overview.running_count, status.overview.waiting_count) == ((), 0, 1)
    assert "Waiting for the store (1):\n  ✗ extend volume 'db' on sim is done on the storage" in repr(status)
    assert waiting.magic in repr(status)
    assert "still waits, for the store refuses it" in lab.refused(waiting.magic)
    run("DROP TRIGGER refuse")
    assert "is written to the store now" in lab.printed(waiting.magic)
    assert (volume.size, volume.status) == (2, "available")
    assert lab.run("%cl_status").overview.waiting == ()


def test_running_work_is_shown_and_not_stuck(lab: Notebook, session: cl.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operation of a living kernel is shown with its process, and its resource does not count as stuck."""
    sim, started, go_on = session.backends["sim"], threading.Event(), threading.Event()
    create = sim.driver.create_volume

    def wait_and_create(volume: VolumeData) -> ModelUpdate:
        started.set()
        go_on.wait(60)
        return create(volume)

    monkeypatch.setattr(sim.driver, "create_volume", wait_and_create)
    thread = threading.Thread(target=lambda: sim.create_volume(1, name="slow"))
    thread.start()
    try:
        assert started.wait(60)
        status = lab.run("%cl_status")
    finally:
        go_on.set()
        thread.join()
    (running,) = status.overview.running
    assert (running.action, running.label, running.backend) == ("create", "volume 'slow'", "sim")
    assert "Running (1):\n  … create volume 'slow' on sim" in repr(status)
    assert status.frame.loc["sim", "stuck"] == 0


def test_no_storage_is_asked(lab: Notebook, session: cl.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that fails to tell what it knows costs its capacity alone; the status says that it is not known."""

    def refuse() -> None:
        msg = "no answer"
        raise OSError(msg)

    monkeypatch.setattr(session.backends["sim"].driver, "known_stats", refuse)
    status = lab.run("%cl_status")
    assert "its statistics are not known" in repr(status)
    assert "its statistics are not known" in status._repr_mimebundle_()["text/html"]
    assert "sim" in status.frame.index


@pytest.mark.parametrize(
    ("pools", "capacity"),
    [
        ([(10.0, 4.0), (2.0, 1.0)], (12, 5)),
        ([("unknown", "unknown"), (2.0, 1.0)], None),
        ([("infinite", "infinite")], None),
        ([(10.0, None)], None),
        ([(0.0, 0.0)], None),
        ([(1e308, 1e308), (1e308, 1e308)], None),
        ([], None),
    ],
)
def test_a_capacity_is_a_number_or_not_shown(
    pools: list[tuple[float | str | None, float | str | None]], capacity: tuple[float, float] | None
) -> None:
    """Capacities of pools are summed; what an array does not know, or calls infinite, is not shown as a number."""
    assert overview.capacity_of([Pool("p", total, free, None) for total, free in pools]) == capacity


def test_hostile_names_are_escaped(notebook: Notebook, session: cl.Session) -> None:
    """Names of resources and errors of storages are text in both forms, and every line of text fits the terminal."""
    name = "<img src=x onerror=alert(1)>\x1b[31m" + "x" * 150
    fill(session.store, volumes=1, snapshots=0, connections=0, backend=name)
    with session.store.writing() as connection:
        connection.exec_driver_sql("UPDATE volume SET status = 'error', name = '<script>'")
    status = notebook.run("%cl_status")
    html = status._repr_mimebundle_()["text/html"]
    assert "<img" not in html
    assert "<script>" not in html
    assert "\x1b" not in repr(status) + html
    assert all(text.width(line) <= 80 for line in repr(status).split("\n") if "%cl_" not in line and "Store:" not in line)


def test_of_many_backends_those_that_need_attention_are_shown(notebook: Notebook, session: cl.Session) -> None:
    """Of more backends than fit, those with something stuck are among the shown ones, and the number of the others is said."""
    for number in range(SHOWN + 3):
        fill(session.store, volumes=1, snapshots=0, connections=0, backend=f"b{number:02}")
    with session.store.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE volume SET status = 'error' WHERE backend_id = (SELECT id FROM backend WHERE name = 'b10')"
        )
    shown = repr(notebook.run("%cl_status"))
    assert "b10 (" in shown
    assert "And 3 more: %cl_backends lists them" in shown


def test_the_status_is_a_python_call_too(lab: Notebook, session: cl.Session) -> None:
    """``cl.status()`` is what the magic gives, also of one backend by its name or as the object; another name is refused."""
    fill(session.store, volumes=2, snapshots=0, connections=0, backend="b")
    assert isinstance(lab.run("%cl_status --backend sim"), Status)
    assert list(cl.status().frame.index) == ["b", "sim"]
    assert list(cl.status("b").frame.index) == ["b"]
    assert list(cl.status(session.backends["sim"]).frame.index) == ["sim"]
    with pytest.raises(errors.NotFound):
        cl.status("nothing")
    wrong: tuple[Any, ...] = ([], 5)
    for backend in wrong:
        with pytest.raises(errors.InvalidInput, match="by its name, or as the object"):
            cl.status(backend)


def test_statistics_are_masked(lab: Notebook, session: cl.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets that a driver reports among its statistics are masked, and what is no pool is left out."""
    reported: Any = {"pools": [None, {"pool_name": "p", "san_password": "hush"}], "login_token": "hush"}
    monkeypatch.setattr(session.backends["sim"].driver, "get_volume_stats", lambda refresh: reported)  # noqa: ARG005 - the driver's signature
    frame = lab.run("%cl_backend stats sim")
    assert list(frame.index) == ["p"]
    assert "hush" not in frame.to_string()
    reported = None
    assert lab.run("%cl_backend stats sim").empty
    assert "sim" in repr(lab.run("%cl_status"))
