"""The simulator passes the driver contract: what is learned on it is true of real storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cl_notebook.drivers.sim.driver import SimDriver
from cl_notebook.testing.driver_contract import DriverContract, OpenDriver

if TYPE_CHECKING:
    from pathlib import Path


class TestSim(DriverContract):
    """With no latency, no faults and no limit."""

    @pytest.fixture
    def open_driver(self, tmp_path: Path) -> OpenDriver:
        """Open it on the test's own folder."""
        return lambda: SimDriver({"path": str(tmp_path / "storage")}, backend_name="sim")
