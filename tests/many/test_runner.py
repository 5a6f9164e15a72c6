"""An act on many resources: side by side, on after a failure, with a report, and an interrupt that says how far it came."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.many import runner
from cl_notebook.many.report import Act, Item, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.parametrize("store_url", ["memory"], indirect=True)

DELETE = Act("delete", "deleted")


@pytest.fixture
def volumes(sim: cl.Backend) -> list[cl.Volume]:
    """Return six volumes."""
    return [sim.create_volume(1, name) for name in "abcdef"]


def test_acts_run_side_by_side(session: cl.Session, volumes: list[cl.Volume]) -> None:
    """As many run at once as there are jobs: they can wait for each other."""
    barrier = threading.Barrier(3, timeout=30)

    def delete(volume: cl.Volume) -> cl.Volume:
        barrier.wait()
        volume.delete()
        return volume

    report = runner.act_on(session, DELETE, volumes, delete, jobs=3)
    assert list(report) == volumes
    assert {volume.status for volume in volumes} == {"deleted"}
    assert report.failure() is None


def test_no_more_run_than_there_are_jobs(session: cl.Session, volumes: list[cl.Volume]) -> None:
    """The number of threads that act is that of the jobs; one job acts in the caller's thread."""
    threads: set[int] = set()
    runner.act_on(session, DELETE, volumes, lambda _volume: threads.add(threading.get_ident()), jobs=2)
    assert len(threads) in {1, 2}
    threads.clear()
    runner.act_on(session, DELETE, volumes, lambda _volume: threads.add(threading.get_ident()), jobs=1)
    assert threads == {threading.get_ident()}


def _refusing(*refused: cl.Volume) -> Callable[[cl.Volume], cl.Volume]:
    def delete(volume: cl.Volume) -> cl.Volume:
        if volume in refused:
            msg = f"{volume.label()} is <b>busy</b>"
            raise errors.ResourceBusy(msg)
        volume.delete()
        return volume

    return delete


@pytest.mark.parametrize("jobs", [1, 4])
def test_the_others_are_done_after_a_failure(session: cl.Session, volumes: list[cl.Volume], jobs: int) -> None:
    """What fails keeps nothing else from being done; the error and the report say which failed, of how many, and why."""
    report = runner.act_on(session, DELETE, volumes, _refusing(volumes[0], volumes[4]), jobs=jobs)
    assert list(report) == [volumes[number] for number in (1, 2, 3, 5)]
    assert [volume.is_tracked for volume in volumes] == [True, False, False, False, True, False]
    assert list(report.frame["outcome"]) == ["failed", "done", "done", "done", "failed", "done"]
    assert list(report.frame.columns) == ["kind", "name", "id", "outcome", "seconds", "error"]
    assert report.frame["error"].notna().tolist() == [True, False, False, False, True, False]
    failure = report.failure()
    assert isinstance(failure, errors.PartialFailure)
    assert str(failure).startswith("2 of 6 were not deleted. volume 'a'")
    assert failure.report is report
    assert (failure.total, [label[:10] for label, _ in failure.failures]) == (6, ["volume 'a'", "volume 'e'"])


def test_one_failure_of_one_is_the_error_itself(session: cl.Session, volumes: list[cl.Volume]) -> None:
    """An act on a single resource fails with its own error."""
    report = runner.act_on(session, DELETE, volumes[:1], _refusing(volumes[0]))
    assert isinstance(report.failure(), errors.ResourceBusy)


def test_a_report_shows_what_failed_first(session: cl.Session, volumes: list[cl.Volume], monkeypatch: pytest.MonkeyPatch) -> None:
    """The text has a line for each outcome, failures first, cut to the width; the HTML has the same, with texts escaped."""
    monkeypatch.setenv("COLUMNS", "50")
    report = runner.act_on(session, DELETE, volumes, _refusing(volumes[4]))
    summary, heading, *lines = repr(report).splitlines()
    assert summary.startswith("5 of 6 volumes deleted, 1 failed, in ")
    assert heading.split() == ["name", "id", "time", "error"]
    assert [line.split()[:2] for line in lines] == [["✗", "e"], *(["✓", name] for name in "abcdf")]
    assert max(map(len, lines)) == 50
    html = report._repr_mimebundle_()["text/html"]
    assert "&lt;b&gt;busy" in html
    assert "<b>" not in html
    assert volumes[4].id in html


def test_a_report_shows_a_page(session: cl.Session) -> None:
    """Of many outcomes the text shows 20, and the frame has all."""
    del session
    report = Report.planned(DELETE, [Item("volume", f"n-{number}", "", "") for number in range(100)])
    assert repr(report).splitlines()[-1] == "80 more: .frame has all."
    assert len(report.frame) == 100
    assert report.summary == "This would delete 100 volumes; nothing was done."
    assert list(report) == []


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_defect_is_raised_when_the_others_have_ended(session: cl.Session, volumes: list[cl.Volume], jobs: int) -> None:
    """An unexpected exception ends the act: nothing more begins, and its note says how many are done."""

    def call(volume: cl.Volume) -> None:
        if volume is volumes[1]:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        runner.act_on(session, DELETE, volumes, call, jobs=jobs)
    (note,) = caught.value.__notes__
    assert "of 6 were deleted; failed: volume 'b'" in note


@pytest.fixture
def interrupt() -> Iterator[Callable[[], None]]:
    """Give what interrupts the main thread, as Ctrl-C does."""
    before = signal.signal(signal.SIGUSR2, signal.default_int_handler)
    yield lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR2)
    signal.signal(signal.SIGUSR2, before)


def test_an_interrupt_says_what_is_done_and_what_is_not(
    session: cl.Session, volumes: list[cl.Volume], interrupt: Callable[[], None]
) -> None:
    """After Ctrl-C nothing more begins; the message counts what is done, and names what failed, what runs and what is left."""
    may_end = threading.Event()
    are_begun = threading.Barrier(2, timeout=30)

    def call(volume: cl.Volume) -> cl.Volume:
        if volume is volumes[0]:
            msg = "It is busy."
            raise errors.ResourceBusy(msg)
        if volume in {volumes[2], volumes[3]}:
            if are_begun.wait() == 0:
                interrupt()
            may_end.wait(30)
        return volume

    with pytest.raises(errors.Interrupted) as caught:
        runner.act_on(session, DELETE, volumes, call, jobs=2)
    may_end.set()
    said = str(caught.value)
    assert said.startswith("delete was interrupted: 1 of 6 were deleted; failed: volume 'a'")
    assert "; still running, see %cl_history: volume 'c'" in said
    assert "; left: volume 'e'" in said
    assert "\n" not in said


def test_an_interrupt_waits_a_moment_for_what_runs(
    session: cl.Session, volumes: list[cl.Volume], interrupt: Callable[[], None]
) -> None:
    """What ends within a moment after Ctrl-C counts as done."""

    def call(volume: cl.Volume) -> cl.Volume:
        if volume is volumes[0]:
            interrupt()
        return volume

    with pytest.raises(errors.Interrupted, match=r"of 6 were deleted") as caught:
        runner.act_on(session, DELETE, volumes, call, jobs=2)
    assert "still running" not in str(caught.value)


def test_a_backend_that_cannot_be_opened_fails_its_volumes(session: cl.Session, volumes: list[cl.Volume], tmp_path: Path) -> None:
    """Closed backends are opened before the act, each once; what is on one that cannot be opened fails with its error."""
    other = session.backend("other", volume_driver="sim", path=str(tmp_path / "other"))
    there = [other.create_volume(1, name) for name in "xy"]
    other.close()
    (tmp_path / "other").rename(tmp_path / "gone")
    (tmp_path / "other").write_text("no folder")
    report = runner.act_on(session, DELETE, [*there, *volumes], _refusing())
    assert list(report.frame["outcome"]) == ["failed"] * 2 + ["done"] * 6
    assert all("other" in text for text in report.frame["error"].dropna())


def test_a_read_only_session_refuses_at_once(session: cl.Session, volumes: list[cl.Volume], tmp_path: Path) -> None:
    """With a read-only session nothing is begun, and there is one error for all."""
    del session
    store = f"sqlite:///{tmp_path / 'other.db'}"
    cl.Session(store).close()
    with cl.Session(store, read_only=True) as read_only, pytest.raises(errors.ReadOnly):
        runner.act_on(read_only, DELETE, volumes, _refusing())


@pytest.mark.parametrize("jobs", [0, 65, "4"])
def test_the_number_of_jobs_is_checked(session: cl.Session, volumes: list[cl.Volume], jobs: int) -> None:
    """Jobs are a whole number from 1 to 64."""
    with pytest.raises(errors.InvalidInput, match="a whole number from 1 to 64"):
        runner.act_on(session, DELETE, volumes, _refusing(), jobs=jobs)


def test_an_act_in_the_background_gives_its_report(session: cl.Session, volumes: list[cl.Volume]) -> None:
    """The handle says that it runs and how far it is, and gives the report, or the error of what failed, when it is over."""
    may_end = threading.Event()

    def call(volume: cl.Volume) -> cl.Volume:
        may_end.wait(30)
        return _refusing(volumes[1])(volume)

    handle = runner.start(session, DELETE, runner.tasks_on(session, DELETE, volumes, call), jobs=2)
    assert session.in_background == [handle]
    assert handle.status == "running"
    assert repr(handle) == "<delete 6 volumes in the background: running, 0 of 6>"
    with pytest.raises(TimeoutError):
        handle.result(0.01)
    may_end.set()
    with pytest.raises(errors.PartialFailure, match="1 of 6 were not deleted"):
        handle.result(30)
    assert handle.status == "failed"
    assert [volume.is_tracked for volume in volumes] == [False, True, False, False, False, False]
    assert handle.report.summary.startswith("5 of 6 volumes deleted, 1 failed")


def test_a_cancelled_act_begins_nothing_more(session: cl.Session, volumes: list[cl.Volume]) -> None:
    """After cancel() what runs comes to its end, and the rest is not begun; the sentence says what is done and what is not."""
    are_begun = threading.Barrier(3, timeout=30)
    may_end = threading.Event()

    def call(volume: cl.Volume) -> cl.Volume:
        are_begun.wait()
        may_end.wait(30)
        return volume

    handle = runner.start(session, DELETE, runner.tasks_on(session, DELETE, volumes, call), jobs=2)
    are_begun.wait()
    said = handle.cancel()
    may_end.set()
    assert "0 of 6 were deleted; still running, see %cl_history: volume 'a'" in said
    assert "left: volume 'c'" in said
    assert list(handle.result(30)) == volumes[:2]
    assert handle.status == "cancelled"


def test_a_closed_session_begins_nothing_more(session: cl.Session, volumes: list[cl.Volume]) -> None:
    """An act in the background ends with its session: what has not begun does not begin."""
    is_begun, may_end = threading.Event(), threading.Event()

    def call(volume: cl.Volume) -> cl.Volume:
        is_begun.set()
        may_end.wait(30)
        return volume

    handle = runner.start(session, DELETE, runner.tasks_on(session, DELETE, volumes, call), jobs=1)
    is_begun.wait(30)
    session.close()
    may_end.set()
    assert list(handle.result(30)) == volumes[:1]
    assert handle.status == "cancelled"
