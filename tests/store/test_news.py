"""Notifications of PostgreSQL, and queries where there are none."""

from __future__ import annotations

import queue
import threading
import uuid
from typing import TYPE_CHECKING, cast

import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook.store import Store, changefeed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import Server


@pytest.fixture
def url(postgresql: Server) -> str:
    """Return the URL of a new store."""
    return postgresql.new_url()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """Give it, open."""
    opened = Store(url)
    yield opened
    opened.close()


def _write(store: Store) -> None:
    with store.writing() as connection:
        changefeed.append(connection, changefeed.Entry("save", "volume", str(uuid.uuid4())))


def _heard(store: Store) -> queue.SimpleQueue[None]:
    """Return a queue with an item for each notification, once the listener runs."""
    wakes: queue.SimpleQueue[None] = queue.SimpleQueue()
    wake = _Wake(wakes)
    while store.notify_listener.count(wake) is None:
        wakes.get(timeout=60)
    return wakes


class _Wake:
    def __init__(self, wakes: queue.SimpleQueue[None]) -> None:
        self._wakes = wakes

    def __call__(self) -> None:
        self._wakes.put(None)


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "cl_news"]


def test_a_commit_elsewhere_is_notified(store: Store, url: str) -> None:
    """A session that asks for news is woken when another one has committed, and the number is another one."""
    wakes = _heard(store)
    other = Store(url)
    while not wakes.empty():
        wakes.get()
    before = store.notify_listener.count(lambda: None)
    _write(other)
    wakes.get(timeout=60)
    assert store.notify_listener.count(lambda: None) != before
    other.close()


def test_what_is_not_committed_is_not_notified(store: Store) -> None:
    """A transaction that is rolled back wakes no watcher."""
    wakes = _heard(store)
    while not wakes.empty():
        wakes.get()
    with store.engine.connect() as connection:
        changefeed.append(connection, changefeed.Entry("save", "volume", "lost"))
        connection.rollback()
    _write(store)
    wakes.get(timeout=60)
    assert wakes.empty()


def test_a_lost_connection_is_made_again(store: Store, postgresql: Server) -> None:
    """When the server was killed there are no notifications, and once it is back they come again."""
    wakes = _heard(store)
    postgresql.kill()
    while store.notify_listener.count(wake := _Wake(wakes)) is not None:
        pass
    postgresql.start()
    while store.notify_listener.count(wake) is None:
        wakes.get(timeout=60)


def test_no_thread_is_left(url: str) -> None:
    """Nothing listens before the first request, and when the store is closed nothing listens any more."""
    store = Store(url)
    assert _threads() == []
    _heard(store)
    assert _threads() == ["cl_news"]
    store.close()
    assert _threads() == []
    assert store.notify_listener.count(lambda: None) is None


def test_elsewhere_there_are_no_news(mariadb: Server) -> None:
    """SQLite and MariaDB tell nothing, and nothing is begun for it."""
    for url in ("memory", mariadb.new_url()):
        store = Store(url)
        assert store.notify_listener.count(lambda: None) is None
        assert _threads() == []
        store.close()


@pytest.mark.parametrize("number", [0, 900])
def test_the_feed_is_read_by_its_key(any_store_url: str, number: int) -> None:
    """The last number, and what came after a number, are looked up by primary key, whatever has happened before."""
    store = Store(any_store_url)
    with store.writing() as connection:
        changefeed.append_many(connection, [changefeed.Entry("save", "volume", str(uuid.uuid4())) for _ in range(1000)])
    with store.engine.connect() as connection:
        if connection.dialect.name != "sqlite":
            connection.exec_driver_sql({"postgresql": "ANALYZE entry", "mariadb": "ANALYZE TABLE entry"}[connection.dialect.name])
        for statement in (changefeed._HEAD, changefeed._since(number, 10)):
            compiled = statement.compile(connection, compile_kwargs={"literal_binds": True})
            ask = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
            plan = str(connection.exec_driver_sql(ask + str(compiled)).all())
            assert any(word in plan for word in ("PRIMARY KEY", "pk_entry", "pk_feed", "PRIMARY", "Seq Scan on feed")), plan
            assert not any(word in plan for word in ("Seq Scan on entry", "SCAN entry", "filesort", "TEMP B-TREE", "Sort")), plan
    store.close()


def test_the_frame_of_changes_goes_on_from_a_number(any_store_url: str, tmp_path: Path) -> None:
    """What changed after a number is read from the table of the feed alone, in its order, and nothing comes after the last."""
    with cl.Session(any_store_url) as session:
        lab = session.backend("lab", volume_driver="sim", path=str(tmp_path / "sim"))
        seen = session.store.head()
        volume = lab.create_volume(1, "db")
        sent: list[str] = []
        sa.event.listen(session.store.engine, "before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
        found = cl.frames.changes(session, since=seen)
        assert len([statement for statement in sent if statement.startswith("SELECT")]) == 1
        assert found["event"].tolist() == ["intent", "outcome"]
        assert set(found["resource_id"]) == {volume.id}
        assert found.index.tolist() == [seen + 1, seen + 2]
        assert cl.frames.changes(session, since=seen + 2).empty
        for wrong in (-1, "1", None, 1.5):
            with pytest.raises(cl.errors.InvalidInput, match="since must be"):
                cl.frames.changes(session, since=cast("int", wrong))
