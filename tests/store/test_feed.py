"""The change feed: numbers without gaps, and what a tracker makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from cl_notebook.store import Store, changefeed
from cl_notebook.store.change_tracker import ChangeTracker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Give a new store in a file."""
    opened = Store(str(tmp_path / "s.db"))
    yield opened
    opened.close()


def _append(store: Store, resource_id: str, **fields: str) -> int:
    with store.writing() as connection:
        return changefeed.append(connection, changefeed.Entry("save", "volume", resource_id, **fields))  # type: ignore[arg-type] # test data


def test_numbers_follow_each_other_and_a_rollback_leaves_no_gap(store: Store) -> None:
    """Every committed entry has the number after the one before it."""

    def begin_and_fail() -> None:
        with store.writing() as connection:
            changefeed.append(connection, changefeed.Entry("save", "volume", "c"))
            msg = "no commit"
            raise RuntimeError(msg)

    assert [_append(store, "a"), _append(store, "b")] == [1, 2]
    with pytest.raises(RuntimeError, match="no commit"):
        begin_and_fail()
    assert _append(store, "d") == 3
    assert store.head() == 3


def test_a_follower_knows_which_rows_changed(store: Store) -> None:
    """After ``sync()`` exactly the rows that others wrote are out of date, and their parents know of them."""
    tracker = ChangeTracker(store)
    _append(store, "vol", backend_id="backend")
    tracker.sync()
    assert tracker.changed_at("vol") == tracker.tick
    assert tracker.changed_at("other") == 0
    assert tracker.children_changed("backend", tracker.tick - 1) == {"vol"}
    assert tracker.children_changed("backend", tracker.tick) == set()


def test_a_connection_touches_its_volume(store: Store) -> None:
    """What happens to a connection or snapshot makes its volume's row out of date, in the backend's list, too."""
    tracker = ChangeTracker(store)
    _append(store, "conn", volume_id="vol", backend_id="backend")
    tracker.sync()
    assert tracker.changed_at("conn") == tracker.changed_at("vol") == tracker.tick
    assert tracker.children_changed("vol", 0) == {"conn"}
    assert tracker.children_changed("backend", 0) == {"vol"}


def test_own_writes_are_no_news(store: Store) -> None:
    """What the session wrote itself does not make anything out of date."""
    tracker = ChangeTracker(store)
    with store.writing() as connection:
        tracker.sync()
        number = changefeed.append(connection, changefeed.Entry("save", "volume", "mine"))
    tracker.note_own_write(number)
    tracker.sync()
    assert (tracker.changed_at("mine"), tracker.tick) == (0, 1)


def test_a_foreign_write_between_two_own_ones_is_seen(store: Store) -> None:
    """An own write that follows a foreign one does not hide it."""
    tracker = ChangeTracker(store)
    _append(store, "theirs")
    with store.writing() as connection:
        tracker.sync()
        number = changefeed.append(connection, changefeed.Entry("save", "volume", "mine"))
    tracker.note_own_write(number)
    tracker.sync()
    assert tracker.changed_at("theirs") == tracker.tick
    assert tracker.changed_at("mine") == 0


def test_a_write_beside_the_feed_makes_everything_doubtful(store: Store) -> None:
    """On SQLite a commit that appended nothing makes every row count as out of date."""
    tracker = ChangeTracker(store)
    with store.writing() as connection:
        connection.execute(sa.text("UPDATE feed SET id = id"))
    tracker.sync()
    assert tracker.changed_at("anything") == tracker.tick == 2
    assert tracker.children_changed("any parent", 1) is None


def test_an_unchanged_store_costs_no_query(store: Store) -> None:
    """While nobody writes, ``sync()`` sends nothing through SQLAlchemy."""
    tracker = ChangeTracker(store)
    sent: list[str] = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
    for _ in range(100):
        tracker.sync()
    assert sent == []
