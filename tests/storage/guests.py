"""All guests of a run of the tests: they are started before the first test, run beside the others, and are asked last."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.storage.guest import Guest, missing

if TYPE_CHECKING:
    from collections.abc import Iterable

_NFS = "tests/storage/guest_nfs.py"

GUESTS = {
    "cinderlib-lvm": ("lvm", "tests/storage/guest_cinderlib_lvm.py"),
    "cinderlib-rbd": ("rbd", "tests/storage/guest_cinderlib_rbd.py"),
    "lvm": ("lvm", "tests/storage/guest_lvm.py"),
    # the rest of Cinder's driver passes on the host: test_nfs.py
    "nfs": ("nfs", f"{_NFS}::TestNfs::test_the_life_of_a_volume {_NFS}::test_the_local_driver_works_on_a_share"),
}
"""The stage that each starts, and the tests that run on it; what takes longest comes first."""

RUNNING: pytest.StashKey[dict[str, Guest]] = pytest.StashKey()
"""Where the configuration of pytest has those that were started, by name."""

_ENDING: pytest.StashKey[ExitStack] = pytest.StashKey()


def name_of(item: pytest.Item) -> str | None:
    """Return the guest whose results *item* asks for."""
    callspec = getattr(item, "callspec", None)
    return None if callspec is None else callspec.params.get("guest")


def begin(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Start the guests that *items* ask for; none in a worker of pytest-xdist, for each worker collects everything."""
    requested = {name_of(item) for item in items}
    ending = config.stash[_ENDING] = ExitStack()
    running = config.stash[RUNNING] = {}
    for name, (stage, tests) in GUESTS.items():
        if name in requested and not missing() and not hasattr(config, "workerinput"):
            folder = ending.enter_context(tempfile.TemporaryDirectory(prefix="guest-"))
            running[name] = Guest(Path(folder), stage, tests)
            ending.callback(running[name].stop)


def end(config: pytest.Config) -> None:
    """Kill those that are still running."""
    config.stash.get(_ENDING, ExitStack()).close()
