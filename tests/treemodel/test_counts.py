"""What the head of the tree counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cl_notebook.notebook.tree.poller import capacity
from cl_notebook.testing import stores
from cl_notebook.treemodel.rows import VirtualRows, head

if TYPE_CHECKING:
    from pathlib import Path

    import cl_notebook as cl


def test_the_head_counts_every_volume(session: cl.Session) -> None:
    """All volumes by status, the most first, and number and size for each backend, whatever is shown."""
    first = stores.fill(session.store, volumes=20, snapshots=1, connections=0)
    second = stores.fill(session.store, volumes=5, snapshots=0, connections=0, backend="other")
    rows = VirtualRows(session)
    expected = {
        "volumes": 25,
        "shown": None,
        "statuses": [["available", 15], ["error", 5], ["in-use", 5]],
        "backends": {first: {"volumes": 20, "provisioned": 210}, second: {"volumes": 5, "provisioned": 15}},
    }
    assert head(session, rows) == expected
    rows.set_query(only_faults=True)
    assert head(session, rows) == {**expected, "shown": 5}
    rows.set_query(text="vol-3")
    assert head(session, rows)["shown"] == 2
    assert head(session, VirtualRows(session, ids=[second]))["shown"] == 5


def test_an_empty_store_has_an_empty_head(session: cl.Session) -> None:
    """Without volumes everything is counted as none."""
    assert head(session, VirtualRows(session)) == {"volumes": 0, "shown": None, "statuses": [], "backends": {}}


class _Says:
    """Stands where a backend is asked for its statistics."""

    def __init__(self, said: dict[str, Any]) -> None:
        self._said = said

    def stats(self) -> dict[str, Any]:
        return self._said


def _pool(total: object, free: object = 1) -> dict[str, object]:
    return {"total_capacity_gb": total, "free_capacity_gb": free}


@pytest.mark.parametrize(
    ("said", "total"),
    [
        ({"total_capacity_gb": 10}, 10.0),
        ({"total_capacity_gb": "10.5"}, 10.5),
        ({"total_capacity_gb": "Infinite"}, "infinite"),
        ({"total_capacity_gb": float("inf")}, "infinite"),
        ({"pools": [_pool(1), _pool(2)]}, 3.0),
        ({"pools": [_pool(1), _pool("infinite")]}, "infinite"),
        ({"pools": [_pool("infinite"), _pool("unknown"), _pool(3)]}, "unknown"),
        ({"pools": [_pool("nonsense"), _pool(None), _pool(3)]}, 3.0),
        ({"pools": [_pool(10, None), _pool(3)]}, 3.0),
    ],
)
def test_capacity_is_a_number_or_a_word(said: dict[str, Any], total: float | str) -> None:
    """Pools are summed up; unknown beats infinite, and infinite beats numbers."""
    summed = capacity(_Says(said))  # type: ignore[arg-type] # it has what is asked of it
    assert summed is not None
    assert summed["total"] == total


@pytest.mark.parametrize("said", [{}, {"pools": []}, {"pools": None}, {"total_capacity_gb": float("nan")}])
def test_a_storage_that_says_nothing_has_no_capacity(said: dict[str, Any]) -> None:
    """Where no figure is given there is None instead of a row of None."""
    assert capacity(_Says(said)) is None  # type: ignore[arg-type] # it has what is asked of it


def test_the_capacity_of_a_real_driver(session: cl.Session, tmp_path: Path) -> None:
    """The simulator's pool is read as any other."""
    lab = session.backend("lab", volume_driver="sim", path=str(tmp_path / "lab"), capacity=100)
    lab.create_volume(30)
    assert capacity(lab) == {"total": 100.0, "free": 70.0, "provisioned": 30.0}
