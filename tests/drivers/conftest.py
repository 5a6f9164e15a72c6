"""What the drivers' tests stand on: file systems of several kinds, an unprivileged user, and driver processes to kill."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

NOBODY = 65534
MiB = 1024**2

Mount = Callable[..., Path]
AsNobody = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def as_nobody(root: None) -> AsNobody:  # noqa: ARG001 - asked for its check
    """Return a function that runs the interpreter, with the arguments given, as a user who owns nothing."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *_reading(), sys.executable, *words]
        quiet = {"PYTHONDONTWRITEBYTECODE": "1", "HOME": "/", "PATH": os.environ["PATH"]}
        return subprocess.run(command, capture_output=True, text=True, env=quiet, check=False, timeout=120)

    return run


def _reading() -> Sequence[str]:
    # where the interpreter is in a folder of root's, the user may read everything, and still write nothing
    again = "import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', 'import pytest']).returncode)"
    plain = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", sys.executable, "-c", again]
    try:
        reachable = subprocess.run(plain, check=False, capture_output=True).returncode == 0
    except OSError:
        reachable = False
    return () if reachable else ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")


@pytest.fixture
def nobodys_folder(root: None) -> Iterator[Path]:  # noqa: ARG001 - asked for its check
    """Give a folder that the unprivileged user owns, and can reach."""
    with tempfile.TemporaryDirectory(prefix="cl-nobody-") as name:
        os.chown(name, NOBODY, NOBODY)
        yield Path(name)


@pytest.fixture
def in_process() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Return a function that starts Python code in a process of its own; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str) -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
