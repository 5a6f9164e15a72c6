"""The kernel's specification starts the Python of the environment that it was installed into."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from cl_notebook.__main__ import LAUNCH

ROOT = Path(__file__).parents[2]


def test_the_kernel_is_the_python_beside_its_specification(tmp_path: Path) -> None:
    """A Jupyter of another environment that finds the specification starts the Python beside it, not its own."""
    [file] = (ROOT / "jupyter-config").rglob("kernel.json")
    folder = tmp_path / "other env" / "share" / "jupyter" / "kernels" / "cl_notebook"
    folder.mkdir(parents=True)
    python = tmp_path / "other env" / "bin" / "python"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    words = json.loads(file.read_text(encoding="utf-8"))["argv"]
    command = [word.format(resource_dir=folder, connection_file="/run/k 1.json") for word in [*words, "--debug"]]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said == [str(python), *LAUNCH, "/run/k 1.json", "--debug"]
