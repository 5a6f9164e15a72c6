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
from jupyter_client.manager import start_new_kernel

manager, client = start_new_kernel(kernel_name="cl_notebook")
code = "import json, sys; print(json.dumps([sys.executable, cl.__name__, sorted(get_ipython().magics_manager.magics['line'])]))"
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
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "CL_NOTEBOOK_DATA": str(self.home / "data")}
        command = [str(self.venv / "bin" / program), *words]
        return subprocess.run(command, cwd=self.home, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


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
    """The kernel `cl_notebook` is there right after the installation, and so is the extension of JupyterLab."""
    known = json.loads(installed.run("jupyter", "kernelspec", "list", "--json"))["kernelspecs"]
    assert Path(known["cl_notebook"]["resource_dir"]).is_relative_to(installed.venv)
    assert known["cl_notebook"]["spec"]["display_name"] == "Block storage (cl_notebook)"
    assert _files(installed.venv / "share" / "jupyter" / "labextensions") >= {
        f"cl-notebook/{name}" for name in ("install.json", "package.json", "static/remoteEntry.js")
    }


def test_the_kernel_starts_with_the_extension_loaded(installed: Installed) -> None:
    """The kernel is the environment's own Python and has `cl` and the magics from its first cell on."""
    python, package, magics = json.loads(installed.run("python", "-c", PROBE))
    assert Path(python).parent == installed.venv / "bin"
    assert package == "cl_notebook"
    assert {"cl_volumes", "cl_volume", "cl_tree"} <= set(magics)


def test_another_environment_finds_the_installed_kernel(installed: Installed, tmp_path: Path) -> None:
    """After `install --prefix` a Jupyter of another environment starts the kernel on the Python that installed it."""
    said = installed.run("python", "-m", "cl_notebook", "install", "--prefix", str(tmp_path / "other"))
    assert str(installed.venv / "bin" / "python") in said
    path = {"JUPYTER_PATH": str(tmp_path / "other" / "share" / "jupyter"), "JUPYTER_PREFER_ENV_PATH": "0"}
    environment = {"PATH": os.environ["PATH"], "HOME": str(installed.home), "CL_NOTEBOOK_DATA": str(installed.home / "data")}
    done = subprocess.run([sys.executable, "-c", PROBE], env=environment | path, stdout=subprocess.PIPE, text=True, check=True)
    python, package, magics = json.loads(done.stdout)
    assert Path(python).parent == installed.venv / "bin"
    assert package == "cl_notebook"
    assert "cl_demo" in magics


def test_the_examples_are_installed(installed: Installed) -> None:
    """`lab` copies every file of the examples from the installation, and says what to install where there is no JupyterLab."""
    command = [str(installed.venv / "bin" / "python"), "-m", "cl_notebook", "lab", "copied"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(installed.home)}
    done = subprocess.run(command, cwd=installed.home, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "has no JupyterLab. Install it: " in done.stderr
    tracked = subprocess.run(["git", "ls-files", "examples"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert {f"examples/{name}" for name in _files(installed.home / "copied")} == set(tracked.split())


def test_the_demo_runs_where_nothing_else_is_installed(installed: Installed) -> None:
    """`demo` without a terminal prints the tree of the demo, and leaves nothing."""
    command = [str(installed.venv / "bin" / "python"), "-m", "cl_notebook", "demo"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(installed.home), "TMPDIR": str(installed.home)}
    before = set(installed.home.iterdir())
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    assert {"db", "before-upgrade", "extending", "error"} <= set(done.stdout.split())
    assert done.stderr == ""
    assert {path.name for path in set(installed.home.iterdir()) - before} <= {".local"}


def _files(package: Path) -> set[str]:
    return {str(file.relative_to(package)) for file in package.rglob("*") if file.is_file() and "__pycache__" not in file.parts}
