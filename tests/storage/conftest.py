"""Real storage: a Ceph cluster, an NFS share, and guests that have what this host's kernel lacks."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.requiring import require
from tests.storage import ceph, nfs
from tests.storage.guest import Guest, missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.storage.ceph import Cluster
    from tests.storage.nfs import Share

GUESTS = {
    "lvm": ("lvm", "tests/storage/guest_lvm.py"),
    "nfs": ("nfs", "tests/storage/guest_nfs.py::TestNfs::test_the_life_of_a_volume"),  # the rest passes on the host: test_nfs.py
}
"""The guests: the stage that each starts, and the tests that run on it."""

LONG = {
    "cinderlib-lvm": ("lvm", "tests/storage/guest_cinderlib_lvm.py"),
    "cinderlib-rbd": ("rbd", "tests/storage/guest_cinderlib_rbd.py"),
}
"""Guests whose tests take a quarter of an hour: only where ``make test-long`` asks for them."""

if os.environ.get("CL_NOTEBOOK_LONG_TESTS"):
    GUESTS |= LONG


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


@pytest.fixture(scope="session", autouse=True)
def guests(request: pytest.FixtureRequest) -> Iterator[dict[str, Guest]]:
    """Give the guests by their names: they run beside the other tests of this folder, and are asked last."""
    wanted = any("guest" in getattr(item, "fixturenames", ()) for item in request.session.items)
    started: dict[str, Guest] = {}
    with ExitStack() as ending:
        for name, (stage, tests) in GUESTS.items() if wanted and not missing() else ():
            folder = ending.enter_context(tempfile.TemporaryDirectory(prefix="guest-"))
            started[name] = Guest(Path(folder), stage, tests)
            ending.callback(started[name].stop)
        yield started
