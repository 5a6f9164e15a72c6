"""Pages that are read in parts, on every kind of database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook.frames import api
from cl_notebook.frames.planner import MOST_VALUES
from cl_notebook.testing.stores import fill

if TYPE_CHECKING:
    import pandas as pd

FILTERS: tuple[dict[str, Any], ...] = ({}, {"status": "error,in-use"}, {"backend": "a,b"})
CHANGED: tuple[dict[str, Any], ...] = ({"pool_name": "slow"}, {"pool_name": "fast"}, {"bootable": True}, {"updated_at": None})
SORTED = (
    *("status", "status:desc", "backend", "backend:desc", "pool_name", "pool_name:desc", "bootable", "bootable:desc"),
    *("availability_zone", "updated_at:desc", "host", "snapshot_id", "pool_name,size:desc"),
)
FITTING = {"err*": 12, "!available": 24, "!a*,!e*": 12, "*n-*,error": 24, "no*": 0, "?rror": 12}
"""Patterns of a status, and how many volumes have one that fits."""


def _session(url: str) -> cl.Session:
    """Return a session on a store of 60 volumes on three backends, some of them bootable, in a pool, or changed."""
    session = cl.Session(url)
    for name in ("b", "C", "a"):
        fill(session.store, volumes=20, snapshots=1, connections=0, backend=name)
    volume = cl.Volume.__table__  # type: ignore[attr-defined] # mapped
    ids = api.volumes(session, columns="size", sort="id").index
    with session.store.writing() as connection:
        for number, changed in enumerate(CHANGED):
            connection.execute(sa.update(volume).where(volume.c.id.in_(ids[number::5].tolist())).values(**changed))
    return session


def _pages(session: cl.Session, **asked: Any) -> list[pd.DataFrame]:
    pages: list[pd.DataFrame] = []
    marker = None
    while not pages or len(pages[-1]):
        pages.append(api.volumes(session, limit=7, marker=marker, columns="status", **asked))
        marker = pages[-1].index[-1] if len(pages[-1]) else None
    return pages


def test_pages_follow_each_other_from_part_to_part(any_store_url: str) -> None:
    """Read in pages, whatever it is sorted and filtered by, a list has the rows and the order that it has at once."""
    with _session(any_store_url) as session:
        for sort in SORTED:
            for filters in FILTERS:
                frame = api.volumes(session, sort=sort, **filters)
                pages = _pages(session, sort=sort, **filters)
                assert [key for page in pages for key in page.index] == frame.index.tolist(), (sort, filters)
                assert len(frame) == (40 if filters.get("backend") else 24 if filters else 60)


def test_what_is_often_empty_comes_last(any_store_url: str) -> None:
    """In both directions the rows without a value stand behind the others."""
    with _session(any_store_url) as session:
        up = api.volumes(session, sort="pool_name", columns="pool_name", limit=60)["pool_name"]
        down = api.volumes(session, sort="pool_name:desc", columns="pool_name", limit=60)["pool_name"]
    assert up.dropna().tolist() == ["fast"] * 12 + ["slow"] * 12
    assert down.dropna().tolist() == ["slow"] * 12 + ["fast"] * 12
    assert up[-36:].isna().all()
    assert down[-36:].isna().all()


def test_rows_of_one_status_are_sorted_by_their_age(any_store_url: str) -> None:
    """Sorted by a status or a backend, the oldest of each comes first; turned round, it comes last."""
    with _session(any_store_url) as session:
        for sort in ("status", "backend"):
            rows = api.volumes(session, sort=sort, limit=50)
            assert all(group["created_at"].is_monotonic_increasing for _, group in rows.groupby(sort, observed=True))
            rows = api.volumes(session, sort=f"{sort}:desc", limit=50)
            assert all(group["created_at"].is_monotonic_decreasing for _, group in rows.groupby(sort, observed=True))


def test_a_pattern_of_statuses_fits_the_same_on_a_page(any_store_url: str) -> None:
    """What a pattern fits is the same whether it is looked up first or compared row by row, and so with many values."""
    with _session(any_store_url) as session:
        for pattern, count in FITTING.items():
            assert len(api.volumes(session, status=pattern, limit=50)) == count, pattern
            assert len(api.volumes(session, status=pattern)) == count, pattern
    with cl.Session(any_store_url) as session:
        fill(session.store, volumes=MOST_VALUES + 50, snapshots=0, connections=0, backend="many")
        volume = cl.Volume.__table__  # type: ignore[attr-defined] # mapped
        with session.store.writing() as connection:
            connection.execute(sa.update(volume).values(host=sa.literal("h") + volume.c.id))
        assert len(api.volumes(session, host="h*", limit=MOST_VALUES + 50)) == MOST_VALUES + 50
        assert len(api.volumes(session, host="!h*", limit=50)) == 0
