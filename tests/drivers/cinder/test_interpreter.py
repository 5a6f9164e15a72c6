"""Which Python a driver of Cinder's runs in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cl_notebook.drivers.cinder.options import interpreter

if TYPE_CHECKING:
    import pytest


def test_a_backend_says_which_python_or_else_the_environment_or_else_it_is_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend's `python` comes first, then `CL_NOTEBOOK_PYTHON`, then the Python that asks; `~` is expanded."""
    monkeypatch.setenv("CL_NOTEBOOK_PYTHON", "~/cinder/bin/python")
    assert interpreter({"python": "/opt/cinder/bin/python"}) == "/opt/cinder/bin/python"
    assert interpreter({}) == str(Path.home() / "cinder/bin/python")
    monkeypatch.setenv("CL_NOTEBOOK_PYTHON", "")
    assert interpreter({"python": None}) == sys.executable
