"""A load, and an import, that others are in the way of: it is waited with, or done again from its start."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.inventory.importers.cinderlib import ALREADY_TRACKED, import_cinderlib
from cl_notebook.serialization.loader import load_as, load_file
from cl_notebook.store import Store, changefeed, engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "of both"
_PAIRS = sa.table("key_value", sa.column("key"), sa.column("value"))
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
_DEADLOCK = sa.exc.OperationalError("", None, sqlite3.OperationalError("Deadlock found when trying to get lock"))
_MANY = 3000
"""Rows that make the rival's transaction the heavier of two: MariaDB breaks off the other."""

_CINDER = """
CREATE TABLE volumes (id TEXT PRIMARY KEY, host TEXT, size INTEGER, status TEXT, display_name TEXT);
CREATE TABLE snapshots (id TEXT PRIMARY KEY, volume_id TEXT, status TEXT);
CREATE TABLE volume_attachment (id TEXT PRIMARY KEY, volume_id TEXT);
CREATE TABLE cinderlib_persistence_key_value ("key" TEXT PRIMARY KEY, value TEXT);
INSERT INTO cinderlib_persistence_key_value VALUES ('own', 'v'), ('of both', 'v');
"""


@pytest.fixture
def session(any_store_url: str) -> Iterator[cl.Session]:
    """Give a session on each kind of store, in which this kernel has its row already."""
    with cl.Session(any_store_url) as opened:
        cl.KeyValue.set("first", "v", session=opened)
        assert opened.journal.kernel_id
        yield opened


@pytest.fixture
def broken_off(session: cl.Session) -> list[str]:
    """Return a list of what the store says when it refuses something to the session."""
    said: list[str] = []
    sa.event.listen(session.store.engine, "handle_error", lambda context: said.append(str(context.original_exception)))
    return said


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file with two key-value pairs."""
    path = tmp_path / "pairs.json"
    path.write_text(json.dumps([_pair("own"), _pair(KEY)]), encoding="utf-8")
    return path


def _pair(key: str) -> dict[str, Any]:
    with cl.Session("memory") as session:
        return cl.KeyValue.set(key, "v", session=session).json


@contextlib.contextmanager
def _rival(session: cl.Session) -> Iterator[None]:
    """Let somebody write the pair that both have, and ask for the feed once the block has it, and waits for the pair."""
    store, begun = Store(session.settings.store), threading.Event()

    def write() -> None:
        with store.writing() as connection:
            connection.execute(sa.insert(_PAIRS), [{"key": f"rival {each}", "value": ""} for each in range(_MANY)])
            connection.execute(sa.insert(_PAIRS), {"key": KEY, "value": "v"})
            begun.set()
            _until_in_each_others_way(store)
            changefeed.append(connection, changefeed.Entry("save", "key_value", KEY))

    thread = threading.Thread(target=write)
    thread.start()
    assert begun.wait(60)
    yield
    thread.join()
    store.close()


def _until_in_each_others_way(store: Store) -> None:
    deadline = time.monotonic() + 60
    while not _is_in_the_way(store):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _is_in_the_way(store: Store) -> bool:
    with store.engine.connect() as connection:
        if connection.dialect.name == "sqlite":  # there one waits at its beginning
            return True
        if connection.dialect.name == "postgresql":
            return bool(connection.exec_driver_sql(_WAITING).scalar_one())
        try:
            connection.execute(sa.select(changefeed.FEED.c.head).with_for_update(nowait=True))
        except sa.exc.DBAPIError:
            return True
        return False


def _was_broken_off(session: cl.Session, said: list[str]) -> bool:
    return session.store.engine.dialect.name == "sqlite" or any("eadlock" in each for each in said)


def test_a_load_that_is_broken_off_is_done_again(session: cl.Session, broken_off: list[str], file: Path) -> None:
    """What a file holds is read and loaded again when a server breaks the load off, and each row counts once."""
    with _rival(session):
        counts = load_file(file, session=session)
    assert _was_broken_off(session, broken_off)
    assert str(counts) == "1 key-value pair loaded, 1 tracked already"
    assert {each.key for each in cl.KeyValue.all(session=session)} > {"first", "own", KEY}


def test_an_import_that_is_broken_off_is_done_again(session: cl.Session, broken_off: list[str], tmp_path: Path) -> None:
    """What cinderlib's database tracks is compared and taken again when a server breaks the import off."""
    theirs = tmp_path / "cinderlib.sqlite"
    with contextlib.closing(sqlite3.connect(theirs)) as raw:
        raw.executescript(_CINDER)
    with _rival(session):
        report = import_cinderlib(session, str(theirs))
    assert _was_broken_off(session, broken_off)
    assert dict(zip(report["id"], report["reason"], strict=True)) == {"own": "", KEY: ALREADY_TRACKED}


@pytest.mark.parametrize("any_store_url", ["postgresql", "mariadb"], indirect=True)
def test_long_work_that_is_broken_off_is_done_again(
    session: cl.Session, broken_off: list[str], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also work that took longer than the busy time-out is repeated when a server breaks it off."""
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.0)
    with _rival(session):
        load_file(file, session=session)
    assert _was_broken_off(session, broken_off)


def test_work_is_not_repeated_without_end(any_store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that is broken off each time is given up after some repetitions, and nothing of it is stored."""
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.0)
    store = Store(any_store_url)
    attempts: list[int] = []

    def work(connection: sa.Connection) -> None:
        connection.execute(sa.insert(_PAIRS), {"key": KEY, "value": "v"})
        attempts.append(1)
        raise _DEADLOCK

    with pytest.raises(errors.StoreLocked):
        store.write(work)
    assert 1 < len(attempts) < 10
    with store.reading() as connection:
        assert connection.execute(sa.select(_PAIRS.c.key)).all() == []
    store.close()


def test_loads_of_one_document_at_the_same_time_load_it_once(session: cl.Session, tmp_path: Path) -> None:
    """Of sessions that load one document at the same time one makes its rows, and the others find them."""
    lab = session.backend("lab", volume_driver="sim", path=str(tmp_path / "sim"))
    volume = lab.create_volume(1, "db")
    volume.create_snapshot("s")
    text = volume.dumps
    volume.delete(cascade=True)
    begin, failed = threading.Barrier(4), list[BaseException]()

    def load() -> None:
        try:
            with cl.Session(session.settings.store) as other:
                begin.wait()
                load_as(other, text, None, save=True)
        except BaseException as error:  # noqa: BLE001 - reported by the test
            failed.append(error)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lab.refresh()
    assert failed == []
    assert [len(each.snapshots) for each in lab.volumes] == [1]
    assert cl.frames.operations(session)["action"].tolist().count("load") == 1
