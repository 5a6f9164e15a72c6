"""A clock that jumps back misleads nobody: numbers rule, not times."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook.model.operations import changes, outcome, runner
from cl_notebook.store import changefeed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Clock:
    """A clock that goes back by an hour each time that it is asked."""

    def __init__(self) -> None:
        """Begin at noon."""
        self.now = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        """Return the time, an hour before the last one."""
        self.now -= dt.timedelta(hours=1)
        return self.now


@pytest.fixture(autouse=True)
def _backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    for module in (changes, runner, outcome, changefeed):
        monkeypatch.setattr(module, "utcnow", clock)


@pytest.fixture
def mine(any_store_url: str) -> Iterator[cl.Session]:
    """Give one session."""
    with cl.Session(any_store_url) as session:
        yield session


def test_nothing_is_missed_or_met_twice(mine: cl.Session, any_store_url: str, tmp_path: Path) -> None:
    """With a clock that runs backwards, lists, pages, refreshes, feed and history have everything once, and in order."""
    lab = mine.backend("lab", volume_driver="sim", path=str(tmp_path / "lab"))
    with cl.Session(any_store_url) as other:
        theirs = other.find("lab")
        assert theirs.volumes == []
        made = [lab.create_volume(1, f"v{number}") for number in range(7)]
        theirs.refresh()
        assert {vol.id for vol in theirs.volumes} == {vol.id for vol in made}
        made[3].extend(2)
        made[0].delete()
        theirs.refresh()
        assert {(vol.name, vol.size) for vol in theirs.volumes} == {(f"v{n}", 2 if n == 3 else 1) for n in range(1, 7)}
        met: list[str] = []
        while True:
            page = cl.frames.volumes(other, limit=2, marker=met[-1] if met else None)
            if page.empty:
                break
            met.extend(page.index)
        assert len(met) == len(set(met)) == 6
        history = cl.frames.operations(other)
        assert history["action"].tolist() == ["add", *["create"] * 7, "extend", "delete"]
        assert cl.frames.operations(other, sort="id:desc", limit=1)["action"].tolist() == ["delete"]
        with other.store.reading() as connection:
            numbers = [entry.number for entry in changefeed.since(connection, 0, 1000)]
        assert numbers == list(range(1, other.store.head() + 1))
        assert (history["duration"].dropna() >= 0).all()
