"""What the tests of the tracked objects stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fake_drivers import MeddlingDriver, install

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def meddling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[MeddlingDriver]]:
    """Install the driver ``meddling``, and give its class."""
    install("meddling", MeddlingDriver, tmp_path / "installed", monkeypatch)
    MeddlingDriver.noted.clear()
    yield MeddlingDriver
    MeddlingDriver.meanwhile = None
