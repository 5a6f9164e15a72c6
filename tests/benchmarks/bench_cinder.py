"""What it costs to have Cinder in another process: the channel, the memory of the kernel, the start."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from tests.benchmarks.comparing import timed
from tests.drivers.cinder.conftest import FAKE, with_fake

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.comparing import Comparison

CALLS = 300

CYCLE = """
import resource
import cl_notebook as cl

def resident():
    pages = int(open("/proc/self/statm").read().split()[1])
    return pages * resource.getpagesize() / 1e6

with cl.setup(store="memory") as session:
    local = session.backend("local", volume_driver="local", path={local!r})
    for backend in (local, None):
        if backend is None:
            before = resident()
            backend = session.backend("fake", volume_driver={driver!r}, python={python!r}, fake_path={path!r})
        volume = backend.create_volume(1, "db")
        snapshot = volume.create_snapshot()
        copy = snapshot.create_volume()
        copy.delete()
        volume.delete(cascade=True)
    print(resident() - before)
"""


@pytest.fixture
def python(cinder_29: str, tmp_path: Path) -> str:
    """Return a Python with Cinder and the tests' own driver."""
    return with_fake(cinder_29, tmp_path)


def bench_the_channel(compare: Comparison, python: str, tmp_path: Path) -> None:
    """A call through the channel, less what the driver itself takes."""
    with cl.Session(store="memory") as session:
        backend = session.backend("fake", volume_driver=FAKE, python=python, fake_path=str(tmp_path / "array"))
        data = backend.create_volume(1, "clocked").as_data()
        spent = []
        for _ in range(CALLS):
            started = time.perf_counter()
            update = backend.driver.create_volume(data) or {}
            spent.append(time.perf_counter() - started - float(update["provider_location"]))
    compare.figure("a call through the channel, beyond the driver itself", [each * 1e3 for each in spent], "ms", most=2)


def bench_memory(compare: Comparison, python: str, tmp_path: Path) -> None:
    """What a kernel that has worked on a local backend grows by for a Cinder backend and a cycle on it."""
    code = CYCLE.format(driver=FAKE, python=python, path=str(tmp_path / "array"), local=str(tmp_path / "local"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    compare.figure("kernel memory, a Cinder backend", [float(done.stdout)], "MB", most=20)


def bench_start(compare: Comparison, python: str, tmp_path: Path) -> None:
    """Opening a backend, beside the bare import of what it needs of Cinder."""
    imports = "from cinder import objects; objects.register_all(); import cinder.volume.drivers.fake"

    def opened() -> None:
        with cl.Session(store="memory") as session:
            session.backend("fake", volume_driver=FAKE, python=python, fake_path=str(tmp_path / "array"))

    def imported() -> None:
        subprocess.run([python, "-W", "ignore", "-c", imports], check=True, capture_output=True)

    compare.measure(
        "open a Cinder backend", lambda: timed(opened), "import Cinder and the driver", lambda: timed(imported), rounds=3
    )
