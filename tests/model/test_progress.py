"""How far a long act has come is in the change feed, for every session, and costs the act nothing."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook.model.operations import progress
from cl_notebook.model.operations.progress import Reporter
from cl_notebook.store import changefeed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cl_notebook.store import Store


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[cl.Session]:
    """Give a session on a store in a file."""
    with cl.Session(str(tmp_path / "store.db")) as session:
        yield session


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Note progress from the first report on, and every one."""
    monkeypatch.setattr(progress, "AFTER", 0.0)
    monkeypatch.setattr(progress, "EVERY", 0.0)


def _backend(session: cl.Session, tmp_path: Path) -> cl.Backend:
    return session.backend("lab", volume_driver="sim", path=str(tmp_path / "lab"))


def _entries(store: Store, after: int = 0) -> list[Any]:
    with store.reading() as connection:
        chosen = sa.select(changefeed.ENTRY).where(changefeed.ENTRY.c.number > after).order_by(changefeed.ENTRY.c.number)
        return list(connection.execute(chosen))


def _reporter(session: cl.Session) -> Reporter:
    return Reporter(session, lambda status: changefeed.Entry(changefeed.PROGRESS, "volume", "x", status=status))


@pytest.mark.lane("slow")
def test_a_long_act_says_how_far_it_is(mine: cl.Session, tmp_path: Path) -> None:
    """After two seconds the feed gets the fraction, at most once a second, between intent and outcome, with the ids."""
    source = _backend(mine, tmp_path).create_volume(1, "source")
    slow = mine.backend("lab", volume_driver="sim", path=str(tmp_path / "lab"), latency=4.6, replace=True)
    before = mine.store.head()
    copy = source.clone("copy")
    intent, *noted, outcome = _entries(mine.store, before)
    assert (intent.event, outcome.event) == ("intent", "outcome")
    assert {entry.event for entry in noted} == {"progress"}
    assert 2 <= len(noted) <= 3
    fractions = [float(entry.status) for entry in noted]
    assert fractions == sorted(fractions)
    assert all(entry.status == f"{float(entry.status):.4f}" for entry in noted)
    assert 0.4 < fractions[0] < 0.7
    for entry in noted:
        assert (entry.resource_type, entry.resource_id, entry.backend_id) == ("volume", copy.id, slow.id)
        assert entry.operation_id == intent.operation_id == outcome.operation_id
    times = [entry.at.timestamp() for entry in (intent, *noted)]
    assert times[1] - times[0] >= 2
    assert all(later - earlier >= 1 for earlier, later in itertools.pairwise(times[1:]))


def test_what_is_quick_notes_nothing(mine: cl.Session, tmp_path: Path) -> None:
    """Acts that end within two seconds leave two entries each, as ever."""
    vol = _backend(mine, tmp_path).create_volume(1, "db")
    before = mine.store.head()
    vol.create_snapshot("s").create_volume("copy")
    assert [entry.event for entry in _entries(mine.store, before)] == ["intent", "outcome"] * 2


@pytest.mark.usefixtures("at_once")
def test_a_snapshots_progress_has_the_ids_of_its_volume(mine: cl.Session, tmp_path: Path) -> None:
    """An entry on a snapshot names its volume and its backend, as its other entries do."""
    vol = _backend(mine, tmp_path).create_volume(1, "db")
    snap = vol.create_snapshot("s")
    (noted,) = (entry for entry in _entries(mine.store) if entry.event == changefeed.PROGRESS)
    assert (noted.resource_type, noted.resource_id, noted.volume_id) == ("snapshot", snap.id, vol.id)
    assert (noted.backend_id, noted.status) == (vol.backend_id, "1.0000")


@pytest.mark.usefixtures("at_once")
def test_progress_puts_nothing_out_of_date(mine: cl.Session, tmp_path: Path) -> None:
    """Neither the session that acts nor another one reads anything again for an entry that says how far an act is."""
    vol = _backend(mine, tmp_path).create_volume(1, "db")
    with cl.Session(mine.settings.store) as other:
        theirs = other.find("db")
        report = Reporter(
            mine, lambda status: changefeed.Entry(changefeed.PROGRESS, "volume", vol.id, None, vol.backend_id, status)
        )
        for session, held in ((mine, vol), (other, theirs)):
            held.refresh()
            tick = session.change_tracker.tick
            report(tick, 1000)
            sent: list[str] = []
            sa.event.listen(
                session.store.engine, "before_cursor_execute", lambda *arguments, sent=sent: sent.append(arguments[2])
            )
            held.refresh()
            assert session.change_tracker.tick == tick
            assert not [text for text in sent if "FROM volume" in text]
        theirs.extend(2)
        vol.refresh()
        assert vol.size == 2
    assert [entry.event for entry in _entries(mine.store)].count("progress") == 2


@pytest.mark.usefixtures("at_once")
def test_a_change_beside_the_progress_is_seen(mine: cl.Session, tmp_path: Path) -> None:
    """What another session changes while an act reports its progress is noticed by the session that acts."""
    vol = _backend(mine, tmp_path).create_volume(1, "db")
    report = _reporter(mine)
    with cl.Session(mine.settings.store) as other:
        report(1, 10)
        other.find("db").extend(2)
        report(2, 10)
        vol.refresh()
        assert vol.size == 2
        other.find("db").extend(3)
        vol.refresh()
        assert vol.size == 3


@pytest.mark.usefixtures("at_once")
def test_a_note_that_cannot_be_made_fails_nothing(mine: cl.Session, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """When the store refuses a note the act continues to its end; only the log at debug level knows."""
    caplog.set_level(logging.DEBUG, "cl_notebook.model.operations.progress")
    vol = _backend(mine, tmp_path).create_volume(1, "db")
    with mine.store.writing() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER refuse BEFORE INSERT ON entry WHEN NEW.event = 'progress' BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    assert vol.clone("copy").status == "available"
    assert [record.levelname for record in caplog.records] == ["DEBUG"]
    assert [entry.event for entry in _entries(mine.store)].count("progress") == 0


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("report", [(1, 0), (1, None), ("x", 2), (None, None)])
def test_nonsense_from_a_driver_is_not_noted(mine: cl.Session, report: Any) -> None:
    """A report that is no fraction is passed over."""
    _reporter(mine)(*report)
    assert _entries(mine.store) == []


@pytest.mark.usefixtures("at_once")
def test_fractions_stay_between_nothing_and_all(mine: cl.Session) -> None:
    """More than all is all, less than nothing is nothing, and the same again is not noted twice."""
    report = _reporter(mine)
    for done in (-5, 0, 1, 1, 12, 12, float("nan")):
        report(done, 10)  # type: ignore[arg-type] # that is the mistake
    assert [entry.status for entry in _entries(mine.store)] == ["0.0000", "0.1000", "1.0000", "0.0000"]


@pytest.mark.usefixtures("at_once")
def test_a_late_report_is_not_noted(mine: cl.Session) -> None:
    """A driver that still reports after its call adds nothing: the outcome comes last. The display still gets the report."""
    report, seen = _reporter(mine), []
    with report.showing(lambda done, total: seen.append((done, total))):
        report(1, 4)
    report(2, 4)
    assert [entry.status for entry in _entries(mine.store)] == ["0.2500"]
    assert seen == [(1, 4), (2, 4)]


@pytest.mark.usefixtures("at_once")
def test_a_report_never_waits_for_the_session(mine: cl.Session) -> None:
    """While another thread holds the session a report is dropped at once: that thread may be waiting for the driver."""
    report, held, done = _reporter(mine), threading.Event(), threading.Event()

    def hold() -> None:
        with mine.lock:
            held.set()
            done.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    started = time.monotonic()
    report(1, 4)
    assert time.monotonic() - started < 1
    done.set()
    holder.join()
    assert _entries(mine.store) == []
    report(2, 4)
    assert [entry.status for entry in _entries(mine.store)] == ["0.5000"]


def test_a_report_of_a_short_act_only_looks_at_the_clock(mine: cl.Session) -> None:
    """A driver that reports often is not slowed down: reports between two notes touch neither lock nor store."""
    report = _reporter(mine)
    sent: list[str] = []
    sa.event.listen(mine.store.engine, "before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
    before = threading.active_count()
    for done in range(1000):
        report(done, 1000)
    assert sent == []
    assert threading.active_count() == before


@pytest.mark.lane("slow")
def test_two_acts_at_once_note_their_own_progress(mine: cl.Session, tmp_path: Path) -> None:
    """Two long acts in threads of one session have their own entries, and the session is right about both at the end."""
    backend = _backend(mine, tmp_path)
    sources = [backend.create_volume(1, f"source {number}") for number in range(2)]
    mine.backend("lab", volume_driver="sim", path=str(tmp_path / "lab"), latency=2.8, replace=True)
    before = mine.store.head()
    copies: list[cl.Volume] = []
    threads = [threading.Thread(target=lambda source=source: copies.append(source.clone())) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    noted = [entry for entry in _entries(mine.store, before) if entry.event == changefeed.PROGRESS]
    assert {entry.resource_id for entry in noted} == {copy.id for copy in copies}
    for copy in copies:
        copy.refresh()
        assert copy.status == "available"
