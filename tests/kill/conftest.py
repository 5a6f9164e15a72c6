"""What the tests of killed kernels stand on."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kill import kernels

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def killing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kernels.Kernels]:
    """Give kernels that are killed."""
    with kernels.started(tmp_path_factory.mktemp("kernels")) as started:
        yield started


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Give an empty folder, in memory if it can be: a killed process loses nothing that it wrote, on disk or not."""
    memory = Path("/dev/shm")  # noqa: S108 - what is made there has a name of its own
    with tempfile.TemporaryDirectory(prefix="kill-", dir=memory if os.access(memory, os.W_OK) else tmp_path) as name:
        try:
            yield Path(name)
        finally:
            _free_devices(name)


def _free_devices(folder: str) -> None:
    """Free the loop devices of what is in *folder*: a test that failed may leave some."""
    command = ["losetup", "--list", "--noheadings", "--output=NAME,BACK-FILE"]
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        device, _, file = line.partition(" ")
        if file.strip().startswith(folder):
            subprocess.run(["losetup", "--detach", device], check=True)
