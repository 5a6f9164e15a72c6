"""The driver passes the contract that all drivers of cl_notebook pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from plain_files import PlainFilesDriver

from cl_notebook.testing.driver_contract import DriverContract, OpenDriver

if TYPE_CHECKING:
    from pathlib import Path


class TestPlainFiles(DriverContract):
    """Each test gets a folder of its own as its storage."""

    @pytest.fixture
    def open_driver(self, tmp_path: Path) -> OpenDriver:
        """Return a function that makes an instance of the driver; all instances share the storage."""
        return lambda: PlainFilesDriver({"path": str(tmp_path / "storage")}, backend_name="plain")
