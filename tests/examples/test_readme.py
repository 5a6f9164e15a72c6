"""What the README shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import cl_notebook

README = (Path(cl_notebook.__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_example_runs(tmp_path: Path) -> None:
    """The README's example runs in an empty home, and leaves no volume behind."""
    example, _on_real_storage = re.findall(r"^```python\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    (tmp_path / "home").mkdir()
    kept = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home")}
    command = [sys.executable, "-c", example]
    done = subprocess.run(command, env=kept, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert {"lab", "ledger", "before"} <= set(done.stdout.split())
    assert [file for file in (tmp_path / "home").rglob("volume-*") if file.stat().st_size] == []
    assert (tmp_path / "home" / ".local" / "share" / "cl_notebook" / "backends" / "lab").is_dir()


def test_the_magics_are_there() -> None:
    """Every magic that the README names is one that `%load_ext` gives."""
    code = """
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell()
shell.run_line_magic("load_ext", "cl_notebook")
print(*shell.magics_manager.magics["line"], *shell.magics_manager.magics["cell"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    named = set(re.findall(r"%(cl_\w+)", README))
    assert named
    assert named <= set(done.stdout.split())
