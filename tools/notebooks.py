"""Run a notebook without a browser, in a data folder of its own, and leave nothing of it on the host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 120
"""How long one cell may take."""

_DETACH = """
import cl_notebook as cl, sqlalchemy as sa
from cl_notebook.settings import data_dir
for store in data_dir().glob("*.db"):
    with cl.Session(store) as session:
        for volume in session.orm.scalars(sa.select(cl.Volume)).all():
            volume.cleanup()
"""


def run(notebook: Path, data: Path, started: Callable[[str], None] = lambda _source: None) -> Any:  # noqa: ANN401 - nbformat has no types
    """Run *notebook* top to bottom with *data* as the data folder, and return it with its outputs.

    Args:
        notebook: the file; it is not changed.
        data: an empty folder; devices that the notebook leaves attached are detached again.
        started: called with the source of each cell, prose or code, when its turn comes.

    Raises:
        CellExecutionError: a cell failed.

    """
    content = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call] # nbformat's
    client = NotebookClient(
        content,
        timeout=SECONDS,
        resources={"metadata": {"path": str(notebook.parent)}},
        on_cell_start=lambda cell, **_: started(cell["source"]),
        # the log level: ipykernel warns, each time, that it talks to us over the loopback interface
        extra_arguments=["--log-level=ERROR"],
    )
    environment = _environment(data)
    try:
        client.execute(env=environment)
    except CellExecutionError:
        subprocess.run([sys.executable, "-c", _DETACH], env=environment, check=True)  # noqa: S603 - no shell, and the words are ours
        raise
    return content


def kernel_of(notebook: Path) -> str:
    """Return the Python that the notebook's kernel runs on.

    Raises:
        NoSuchKernel: the kernel that the notebook names is not installed.

    """
    name = json.loads(notebook.read_text(encoding="utf-8"))["metadata"]["kernelspec"]["name"]
    spec = KernelSpecManager().get_kernel_spec(name)
    beside = Path(spec.resource_dir).parents[3] / "bin" / "python"
    return sys.executable if beside.exists() and beside.samefile(sys.executable) else str(beside)


def _environment(data: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CL_NOTEBOOK_")}
    return {**kept, "CL_NOTEBOOK_DATA": str(data), "IPYTHONDIR": str(data / "ipython")}
