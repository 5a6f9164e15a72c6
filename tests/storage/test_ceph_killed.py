"""A kernel that is killed while Cinder's RBD driver works for it on a real cluster, and the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.drivers.cinder.conftest import with_fake
from tests.kill.cinder_kernels import CALLS, KILLING, Bench, bench
from tests.storage.environments import CINDER_29

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.storage.ceph import Cluster

# os-brick starts processes after eventlet was imported, which eventlet warns of
pytestmark = pytest.mark.filterwarnings("ignore:Using fork")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Iterator[Bench]:
    """Give a bench on the cluster."""
    python = with_fake(CINDER_29, tmp_path_factory.mktemp("python"))
    options = {"volume_driver": f"{KILLING}RBDDriver", "python": python, **cluster.options()}
    with bench(tmp_path_factory.mktemp("lab"), **options) as made:
        yield made


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("act", CALLS)
def test_on_ceph(lab: Bench, cluster: Cluster, act: str, moment: str) -> None:
    """Killed while the driver works, or once it has, the kernel leaves what the next one explains, waits for, and removes."""
    lab.kill(act, moment)
    lab.all_is_explained_and_removed(lists=True)
    # Cinder keeps what was cloned under another name, and forgets it there, whoever deletes the clone: a scan says so
    assert [name for name in cluster.images() if not name.endswith(".deleted")] == []
