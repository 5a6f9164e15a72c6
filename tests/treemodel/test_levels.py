"""The siblings below one parent, in one order."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from cl_notebook import errors
from cl_notebook.testing import stores
from cl_notebook.treemodel import siblings
from cl_notebook.treemodel.kinds import KINDS, VOLUME
from cl_notebook.treemodel.siblings import Order, SiblingPager, order
from tests.treemodel.world import SORTS

if TYPE_CHECKING:
    import sqlalchemy as sa

    import cl_notebook as cl


def _level(backend_id: str, sort: str = "", listed: list[siblings.Key] | None = None) -> SiblingPager:
    return SiblingPager(VOLUME, KINDS[VOLUME].parent == backend_id, order(sort), listed=listed)


@pytest.mark.parametrize("sort", SORTS)
def test_pages_and_ranks_agree_in_every_order(session: cl.Session, sort: str) -> None:
    """From wherever a page starts, and whatever was read before, it is the same part of the whole; ranks are its places."""
    backend = stores.fill(session.store, volumes=700, snapshots=0, connections=0)
    stores.fill(session.store, volumes=30, snapshots=0, connections=0, backend="other")
    chance = random.Random(7)  # noqa: S311 - no secret
    with session.store.reading() as connection:
        level = _level(backend, sort)
        whole = _level(backend, sort).page(connection, 0, 1_000)
        assert level.count(connection) == len(whole) == 700
        for start in [699, 350, 351, 0, 698, *(chance.randrange(700) for _ in range(40))]:
            assert level.page(connection, start, 9) == whole[start : start + 9]
        listed = _level(backend, sort, listed=_level(backend, sort).keys(connection, 0, 1_000))
        for place in (0, 699, 5, 400, 401, 399):
            for one in (level, listed, _level(backend, sort)):
                assert one.rank(connection, whole[place].key) == place
                assert one.key_of(connection, whole[place].id) == whole[place].key
        assert listed.page(connection, 60, 5) == whole[60:65]
        assert level.page(connection, 800, 5) == []
        assert level.page(connection, -1, 5) == []


@pytest.mark.parametrize("sort", ["", "name:desc"])
def test_the_rank_of_a_key_that_no_row_has(session: cl.Session, sort: str) -> None:
    """A key that was deleted stands before the row that took its place."""
    backend = stores.fill(session.store, volumes=100, snapshots=0, connections=0)
    with session.store.reading() as connection:
        level = _level(backend, sort)
        keys = level.keys(connection, 0, 100)
        gone = (*keys[50][:-1], keys[50][-1] + ("!" if sort else ""))
        listed = _level(backend, sort, listed=keys[:50] + keys[51:])
        assert listed.rank(connection, keys[50]) == 50
        assert level.rank(connection, gone) in {50, 51}
        assert level.key_of(connection, "nonsense") is None


def test_anchors_are_bounded(session: cl.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pages are read, a level remembers a bounded number of places."""
    monkeypatch.setattr(siblings, "ANCHORS", 8)
    monkeypatch.setattr(siblings, "RECENT", 20)
    backend = stores.fill(session.store, volumes=500, snapshots=0, connections=0)
    with session.store.reading() as connection:
        level = _level(backend)
        whole = _level(backend).page(connection, 0, 500)
        for start in range(0, 500, 5):
            assert level.page(connection, start, 5) == whole[start : start + 5]
        assert len(level._anchor_positions) == len(level._anchor_keys) <= 8
        assert level._anchor_positions == sorted(level._anchor_positions)
        assert len(level._recent) <= 25
        assert [level.rank(connection, whole[place].key) for place in (0, 77, 499)] == [0, 77, 499]


@pytest.mark.parametrize("sort", SORTS)
def test_pages_are_sought_in_an_index(session: cl.Session, sort: str) -> None:
    """Every order of a backend's volumes has an index: nothing is sorted, and keys are found in the index alone."""
    backend = stores.fill(session.store, volumes=50, snapshots=0, connections=0)
    with session.store.reading() as connection:
        level = _level(backend, sort)
        key = level.keys(connection, 20, 1)[0]
        statement = level._sorted(level._select(*level._terms).where(level._beyond(connection, key, same=True)))
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {_literal(connection, statement)}").all()
        shown = " ".join(row[-1] for row in plan)
    assert "COVERING INDEX" in shown
    assert "TEMP B-TREE" not in shown


def _literal(connection: sa.Connection, statement: sa.Select[Any]) -> str:
    return str(statement.compile(connection.engine, compile_kwargs={"literal_binds": True}))


def test_orders_are_named(session: cl.Session) -> None:
    """An order is a column with or without its direction; anything else is refused with the closest word."""
    del session
    assert order("") == Order()
    assert order("name:desc") == Order("name", descending=True)
    assert order("age").reverse
    assert not order("age:desc").reverse
    with pytest.raises(errors.InvalidInput, match="Did you mean 'status'"):
        order("state")
    with pytest.raises(errors.InvalidInput, match="COLUMN:desc"):
        order("name:down")
