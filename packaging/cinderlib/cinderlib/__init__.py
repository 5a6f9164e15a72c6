"""cinderlib's names, provided by :mod:`cl_notebook.cinderlib`, which takes the place of this module.

Programs such as oVirt's start a process for each call. Where a Cinder driver was used before, Cinder is imported in a process of
its own while this one imports the rest; the driver runs in that process then.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_IMPORT = """
import logging, signal, sys

logging.getLogger().addHandler(logging.NullHandler())  # so that no library configures logging: the worker relays it
signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.path[:] = [path for path in sys.path if path]
try:
    from oslo_service import backend
    backend.init_backend(backend.BackendType.THREADING)
except Exception:
    pass  # an older one has eventlet alone
try:
    import cinder.objects
    cinder.objects.register_all()  # the manager needs it
    import cinder.ssh_utils, cinder.volume.manager
except Exception:
    pass  # what is missing is named when a backend is opened
line = sys.stdin.readline()
if line:
    exec(eval(line))
"""
"""Imports what every Cinder driver needs, then executes the first line of execnet; ends if there is none."""


def _start() -> tuple[str, subprocess.Popen[bytes] | None]:
    """Return the Python that has Cinder, and a process of it if a Cinder driver was used on this host before."""
    python = str(Path(os.environ.get("CL_NOTEBOOK_PYTHON") or sys.executable).expanduser())
    share = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    data = Path(os.environ.get("CL_NOTEBOOK_DATA") or f"{share}/cl_notebook").expanduser()
    if not (data / "cinder").is_dir() or "eventlet" in sys.modules:  # its green pipes serve one thread alone
        return python, None
    try:
        command = [python, "-W", "ignore", "-u", "-c", _IMPORT]
        return python, subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - no shell, the user's Python
    except OSError:
        return python, None


_python, _process = _start()

from cl_notebook import cinderlib  # noqa: E402 - the process starts first: both import at the same time
from cl_notebook.drivers.cinder.process import adopt_process  # noqa: E402 - as above

if _process is not None:
    adopt_process(_python, _process)
sys.modules.pop(__name__, None)
cinderlib.install()
