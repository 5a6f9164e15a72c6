"""Real storage: a Ceph cluster, an NFS share, and guests that have what this host's kernel lacks."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.skips import require
from tests.storage import ceph, nfs
from tests.storage.guests import GUESTS, RUNNING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.storage.ceph import Cluster
    from tests.storage.guest import Guest
    from tests.storage.nfs import Share


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let a test that takes a guest run once for each."""
    if "guest" in metafunc.fixturenames:
        metafunc.parametrize("guest", GUESTS)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Give a running Ceph cluster."""
    lacking = ceph.missing()
    if lacking:
        require(lacking)
    with tempfile.TemporaryDirectory(prefix="ceph-") as name, ceph.running(Path(name)) as running:
        yield running


@pytest.fixture
def bind_mounted_share(root: None, tmp_path: Path) -> Iterator[Share]:  # noqa: ARG001 - asked for its check
    """Give an NFS share whose mount is a bind mount."""
    with nfs.bind_mounted(tmp_path) as share:
        yield share


@pytest.fixture(scope="session")
def guests(request: pytest.FixtureRequest) -> dict[str, Guest]:
    """Return the guests that were started, by their names."""
    return request.config.stash[RUNNING]
