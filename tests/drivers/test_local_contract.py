"""The local driver passes the driver contract, however it attaches and whatever file system it works on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from cl_notebook.drivers.local.driver import LocalDriver
from cl_notebook.testing.driver_contract import DriverContract, OpenDriver

if TYPE_CHECKING:
    from pathlib import Path

    from tests.drivers.conftest import AsNobody, Mount


class TestLoopDevices(DriverContract):
    """As root, through loop devices."""

    @pytest.fixture
    def open_driver(self, root: None, tmp_path: Path) -> OpenDriver:  # noqa: ARG002 - asked for its check
        """Open it on the test's own folder, and insist on loop devices."""
        return lambda: LocalDriver({"path": str(tmp_path / "storage"), "loop_devices": "always"}, backend_name="loops")


class TestFiles(DriverContract):
    """Through the files themselves, copied byte by byte: what a user who is not root gets on a plain file system."""

    @pytest.fixture
    def open_driver(self, tmp_path: Path) -> OpenDriver:
        """Open it on the test's own folder, without loop devices."""
        config = {"path": str(tmp_path / "storage"), "loop_devices": "never", "reflink": "never"}
        return lambda: LocalDriver(config, backend_name="files")


@pytest.mark.parametrize("kind", ["xfs", "btrfs"])
class TestReflink(DriverContract):
    """Through loop devices on a file system that shares blocks, which is insisted on."""

    @pytest.fixture
    def open_driver(self, mount: Mount, kind: str) -> OpenDriver:
        """Open it on a file system of its own."""
        config = {"path": str(mount(kind, 320) / "storage"), "reflink": "always"}
        return lambda: LocalDriver(config, backend_name=kind)


class TestTmpfs(DriverContract):
    """On a tmpfs, which knows neither reflink nor, on older kernels, direct I/O."""

    @pytest.fixture
    def open_driver(self, mount: Mount) -> OpenDriver:
        """Open it on a file system of its own."""
        config = {"path": str(mount("tmpfs", 64) / "storage")}
        return lambda: LocalDriver(config, backend_name="tmpfs")


def test_an_unprivileged_user_passes_the_contract(as_nobody: AsNobody, nobodys_folder: Path) -> None:
    """The whole contract passes for a user who is not root and has no sudo."""
    suite = f"{__file__}::{TestFiles.__name__}"
    result = as_nobody("-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={nobodys_folder / 'tmp'}", suite)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
    assert "skipped" not in result.stdout


def test_an_unwritable_folder_is_one_line(as_nobody: AsNobody) -> None:
    """A folder that the user may not write, or not make, is refused at setup with one line that names it."""
    code = (
        "from cl_notebook import errors\n"
        "from cl_notebook.drivers.local.driver import LocalDriver\n"
        "for path in ('/usr', '/usr/cl-storage', '/dev/null', '/dev/null/x'):\n"
        "    try: LocalDriver({'path': path}, backend_name='b').setup()\n"
        "    except errors.DriverError as error: print(error)\n"
    )
    result = as_nobody("-c", code)
    lines = result.stdout.splitlines()
    assert len(lines) == 4, result.stderr
    assert all(line.startswith("The folder /") and "cannot be used" in line for line in lines)
    assert "Permission denied" in lines[0]


def test_loop_devices_cannot_be_insisted_on_without_root(as_nobody: AsNobody, nobodys_folder: Path) -> None:
    """``loop_devices=always`` is refused at setup for a user who is not root, with what it needs."""
    code = (
        "from cl_notebook.drivers.local.driver import LocalDriver\n"
        f"LocalDriver(dict(path={str(nobodys_folder)!r}, loop_devices='always'), backend_name='b').setup()\n"
    )
    result = as_nobody("-c", code)
    assert "loop_devices=always needs root" in result.stderr.splitlines()[-1], sys.executable
