"""Runs cinderlib's own functional tests on one backend."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.skips import require

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROJECT = Path(__file__).parents[2]
WHEEL = _PROJECT / ".venv" / "cinderlib"
"""What `make .venv/cinderlib/.ready` unpacked of cinderlib: its modules, and none of what it depends on."""


def run(backend: Mapping[str, Any], folder: Path, python: str) -> str:
    """Run all of them on *backend*, in *folder*, with the Cinder of *python*, and return pytest's last line.

    Raises:
        AssertionError: one of them did not pass.

    """
    if not WHEEL.is_dir():
        require("cinderlib's wheel: make .venv/cinderlib/.ready")
    config = folder / "backends.json"  # which is YAML
    config.write_text(json.dumps({"logs": False, "debug": False, "backends": [dict(backend)]}), encoding="utf-8")
    environment = {
        **os.environ,
        "CL_FTEST_CFG": str(config),
        "CL_FTEST_ROOT_HELPER": "env",  # for root, in place of sudo
        "CL_NOTEBOOK_DATA": str(folder / "data"),
        "CL_NOTEBOOK_PYTHON": python,
    }
    command = [
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-o", "filterwarnings=", "--color=no", "-q"),
        *(f"--basetemp={folder / 'tests'}", "--durations=5", "tests/cinderlib/functional.py"),
    ]
    done = subprocess.run(command, cwd=_PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-20000:]}\n{done.stderr[-4000:]}"
    return done.stdout.strip().splitlines()[-1]
