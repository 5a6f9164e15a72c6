"""A kernel that is killed at any moment leaves nothing that repeating its calls does not put right."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from cl_notebook.drivers.api import ConnectionData, GiB, SnapshotData, VolumeData
from cl_notebook.drivers.local.driver import LocalDriver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIFE = """
from cl_notebook.drivers.api import ConnectionData, SnapshotData, VolumeData
from cl_notebook.drivers.local.driver import LocalDriver

driver = LocalDriver({{"path": {path!r}, "loop_devices": "always"}}, backend_name="killed")
driver.setup()
one, two, connection = VolumeData("one", "one", 1), VolumeData("two", "two", 2), ConnectionData("c", {{"host": "h"}})
snapshot = SnapshotData("s", "s", one, 1)
print("living", flush=True)
while True:
    driver.create_volume(one)
    driver.initialize_connection(one, connection)
    driver.create_snapshot(snapshot)
    driver.terminate_connection(one, connection)
    driver.revert_to_snapshot(one, snapshot)
    driver.create_volume_from_snapshot(two, snapshot)
    driver.initialize_connection(two, connection)
    driver.extend_volume(two, 3)
    driver.terminate_connection(two, connection)
    driver.delete_volume(two)
    driver.delete_snapshot(snapshot)
    driver.delete_volume(one)
"""


@pytest.mark.parametrize("moment", range(8))
def test_a_killed_kernel_is_finished_by_another(
    root: None,  # noqa: ARG001 - asked for its check
    tmp_path: Path,
    in_process: Callable[[str], subprocess.Popen[str]],
    moment: int,
) -> None:
    """Whenever a process is killed, what it left is whole, can be used, and is removed without a trace by the usual calls."""
    path = tmp_path / "storage"
    process = in_process(LIFE.format(path=str(path)))
    assert process.stdout is not None
    assert process.stdout.readline() == "living\n"
    time.sleep(0.05 + 0.0137 * moment)
    assert process.poll() is None
    process.kill()
    process.wait()
    time.sleep(0.1)  # a losetup that it started may outlive it
    _finish(path)
    assert sorted(entry.name for entry in path.rglob("*") if entry.is_file()) == []
    assert str(path) not in subprocess.run(["losetup", "-l"], check=True, capture_output=True, text=True).stdout


def _finish(path: Path) -> None:
    driver = LocalDriver({"path": str(path), "loop_devices": "always"}, backend_name="heir")
    driver.setup()
    connection = ConnectionData("c", {"host": "h"})
    one, two = VolumeData("one", "one", 1), VolumeData("two", "two", 2)
    snapshot = SnapshotData("s", "s", one, 1)
    assert all(entry.stat().st_size in {GiB, 2 * GiB, 3 * GiB} for entry in path.iterdir() if entry.is_file())
    driver.create_volume(one)
    driver.create_snapshot(snapshot)
    for volume in (one, two):
        driver.terminate_connection(volume, connection)
    driver.delete_volume(two)
    driver.create_volume_from_snapshot(two, snapshot)
    driver.delete_snapshot(snapshot)
    for volume in (one, two):
        driver.delete_volume(volume)
