"""What the tests of the tracked objects stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.meddling import MeddlingDriver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def meddling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[MeddlingDriver]]:
    """Install the driver ``meddling``, and give its class."""
    info = tmp_path / "installed" / "meddling-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: meddling\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[cl_notebook.drivers]\nmeddling = {MeddlingDriver.__module__}:MeddlingDriver\n")
    monkeypatch.syspath_prepend(str(info.parent))
    MeddlingDriver.noted.clear()
    yield MeddlingDriver
    MeddlingDriver.meanwhile = None
