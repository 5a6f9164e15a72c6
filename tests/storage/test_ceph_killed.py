"""A kernel that is killed while Cinder's RBD driver works for it on a real cluster, and the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.drivers.cinder.conftest import with_fake
from tests.kill import recovery
from tests.kill.cinder_kernels import CALLS, KILLING, Bench, bench
from tests.kill.storage import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.storage.ceph import Cluster

CHANGES = {
    "create": 1,
    "clone": 4,
    "create_from_snapshot": 1,
    "create_snapshot": 2,
    "extend": 1,
    "revert": 1,
    "delete_snapshot": 2,
    "delete_volume": 1,
}
"""How many changes each act makes of images, one after the other; the others make none."""

# os-brick starts processes after eventlet was imported, which eventlet warns of
pytestmark = pytest.mark.filterwarnings("ignore:Using fork")


@pytest.fixture(scope="module")
def lab(cinder_29: str, tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Iterator[Bench]:
    """Give a bench on the cluster."""
    python = with_fake(cinder_29, tmp_path_factory.mktemp("python"))
    options = {"volume_driver": f"{KILLING}RBDDriver", "python": python, **cluster.options()}
    with bench(tmp_path_factory.mktemp("lab"), **options) as made:
        yield made


@pytest.mark.parametrize("act", CALLS)
def test_while_the_driver_works(lab: Bench, cluster: Cluster, act: str) -> None:
    """Killed while the driver works on, the kernel leaves what the next one explains, waits for, and removes."""
    lab.kill(act, "before")
    _is_brought_to_zero(lab, cluster, act)


@pytest.mark.parametrize(("act", "number"), [(act, number + 1) for act, count in CHANGES.items() for number in range(count)])
def test_with_the_driver(lab: Bench, cluster: Cluster, act: str, number: int) -> None:
    """Killed together with the driver before any change of an image, likewise: what is half made goes, too."""
    lab.kill_at_change(act, number)
    _is_brought_to_zero(lab, cluster, act)


@pytest.mark.parametrize("act", CALLS)
def test_apart_from_the_driver(lab: Bench, cluster: Cluster, act: str) -> None:
    """Killed before its intent, before its outcome, or at the end, likewise, and what was cut short can be repaired first."""
    for where in lab.killed_at_each_step(act, CHANGES.get(act, 0)):
        lab.all_is_repaired()
        _is_brought_to_zero(lab, cluster, where)


def _is_brought_to_zero(lab: Bench, cluster: Cluster, where: str) -> None:
    stray = recovery.untracked(lab.session, Found(volumes=set(_images(cluster))))
    assert stray == set(), where
    lab.all_is_explained_and_removed(lists=True)
    assert _images(cluster) == [], where


def _images(cluster: Cluster) -> list[str]:
    # Cinder keeps what was cloned under another name, and forgets it there, also when others delete the clone: a scan says so
    return [name for name in cluster.images() if not name.endswith(".deleted")]
