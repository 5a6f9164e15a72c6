"""A user without a home directory, as containers have them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import cl_notebook as cl
from cl_notebook import serialization

_SCRIPT = """
import sys
import cl_notebook as cl
for use in (
    lambda: cl.setup(store="memory"),
    lambda: cl.setup(),
    lambda: cl.setup(store="~nobody-of-that-name/lab.db"),
    lambda: cl.setup(file_locks_path="~nobody-of-that-name/locks"),
    lambda: cl.load("~nobody-of-that-name/lab.json"),
    lambda: cl.Backend("lab", volume_driver="sim", path="~nobody-of-that-name/lab"),
):
    try:
        use()
    except cl.errors.InvalidInput as error:
        print(error)
"""


@pytest.mark.usefixtures("superuser")
def test_without_a_home_directory_one_line_names_the_variable() -> None:
    """Whatever needs a home directory says in one line that CL_NOTEBOOK_DATA, or the whole path, does without."""
    without = (
        "import os\nimport cl_notebook, cl_notebook.store, cl_notebook.session, cl_notebook.serialization\nos.setuid(123457)\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", without + _SCRIPT]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]}, cwd="/")
    lines = said.stdout.splitlines()
    assert len(lines) >= 5
    assert all("CL_NOTEBOOK_DATA" in line for line in lines), lines
    assert said.stderr == ""


def test_a_home_that_is_not_known_is_one_line(session: cl.Session) -> None:
    """``~name`` of nobody is refused in one line wherever a path is typed."""
    for use in (
        lambda path: session.backend("lab", volume_driver="sim", path=path),
        serialization.load_file,
        serialization.dump_file,
    ):
        with pytest.raises(cl.errors.InvalidInput, match="~nobody-of-that-name"):
            use("~nobody-of-that-name/lab")
