"""What ``import cinderlib`` finds."""

from __future__ import annotations

import subprocess
import sys


def _run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_an_installed_module_is_found_by_all_of_its_names() -> None:
    """After `install()` cinderlib and its modules are ours, each of them once."""
    done = _run(
        "from cl_notebook import cinderlib as ours\n"
        "ours.install(); ours.install()\n"
        "import cinderlib, cinderlib.objects, cinderlib.persistence, cinderlib.cmd.cinder_to_yaml\n"
        "from cinderlib import exception\n"
        "import cl_notebook.cinderlib.exception as again\n"
        "assert cinderlib is ours and exception is again\n"
        "assert cinderlib.objects.Volume is cinderlib.Volume\n"
    )
    assert done.returncode == 0, done.stderr


def test_nothing_is_installed_over_another_cinderlib() -> None:
    """Where another cinderlib was imported already `install()` says so, and changes nothing."""
    done = _run(
        "import sys, types\n"
        "other = sys.modules['cinderlib'] = types.ModuleType('cinderlib')\n"
        "from cl_notebook import cinderlib\n"
        "try:\n    cinderlib.install()\n"
        "except ImportError as error:\n    assert 'imported already' in str(error)\n"
        "else:\n    raise AssertionError\n"
        "assert sys.modules['cinderlib'] is other and 'cinderlib.objects' not in sys.modules\n"
    )
    assert done.returncode == 0, done.stderr


def test_only_what_is_asked_for_is_loaded() -> None:
    """`import cl_notebook` does not load cinderlib's names."""
    done = _run("import cl_notebook, sys; assert not [name for name in sys.modules if 'cinderlib' in name.split('.')]")
    assert done.returncode == 0, done.stderr
