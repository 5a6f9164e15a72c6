"""A plain `pip install .` in an empty virtual environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import cl_notebook

ROOT = Path(cl_notebook.__file__).parent.parent

PROBE = """
import json, sys
from jupyter_client.manager import start_new_kernel

manager, client = start_new_kernel(kernel_name="cl_notebook")
code = "import json, sys; print(json.dumps([sys.executable, sorted(get_ipython().magics_manager.magics['line'])]))"
said = []
def hear(message):
    if message["msg_type"] == "stream":
        said.append(message["content"]["text"])
client.execute_interactive(code, output_hook=hear, timeout=60)
client.stop_channels()
manager.shutdown_kernel()
print("".join(said))
"""


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the project in it, and an empty home."""

    venv: Path
    home: Path

    def run(self, program: str, *words: str) -> str:
        """Run a program of the environment from the empty home, and return what it prints."""
        kept = {"PATH": os.environ["PATH"], "HOME": str(self.home), "CL_NOTEBOOK_DATA": str(self.home / "data")}
        command = [str(self.venv / "bin" / program), *words]
        return subprocess.run(command, cwd=self.home, env=kept, stdout=subprocess.PIPE, text=True, check=True).stdout


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Make the environment as a newcomer does."""
    folder = tmp_path_factory.mktemp("newcomer")
    venv, home = folder / "with a space", folder / "home"
    home.mkdir()
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    subprocess.run([str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--quiet", str(ROOT)], check=True)
    return Installed(venv, home)


def test_the_package_is_complete(installed: Installed) -> None:
    """Every file of the package, not only its modules, is installed."""
    where = Path(installed.run("python", "-c", "import cl_notebook; print(cl_notebook.__file__)").strip()).parent
    assert where.is_relative_to(installed.venv)
    assert _files(where) == _files(ROOT / "cl_notebook")


def test_it_works_with_what_it_depends_on(installed: Installed) -> None:
    """A volume can be made, attached and shown in a frame with nothing installed but the declared dependencies."""
    code = """
import cl_notebook as cl
backend = cl.Backend("sim", volume_driver="sim", path="storage")
volume = backend.create_volume(1, "ledger")
volume.attach()
print(list(cl.frames.volumes()["status"]))
volume.cleanup()
volume.delete()
"""
    assert installed.run("python", "-c", code).strip() == "['in-use']"


def test_jupyter_knows_the_kernel(installed: Installed) -> None:
    """The kernel `cl_notebook` is there right after the installation."""
    known = json.loads(installed.run("jupyter", "kernelspec", "list", "--json"))["kernelspecs"]
    assert Path(known["cl_notebook"]["resource_dir"]).is_relative_to(installed.venv)
    assert known["cl_notebook"]["spec"]["display_name"] == "Block storage (cl_notebook)"


def test_the_kernel_starts_with_the_extension_loaded(installed: Installed) -> None:
    """The kernel is the environment's own Python and has the magics from its first cell on."""
    python, magics = json.loads(installed.run("python", "-c", PROBE))
    assert Path(python).parent == installed.venv / "bin"
    assert {"cl_volumes", "cl_volume", "cl_tree"} <= set(magics)


def _files(package: Path) -> set[str]:
    return {str(file.relative_to(package)) for file in package.rglob("*") if file.is_file() and "__pycache__" not in file.parts}
