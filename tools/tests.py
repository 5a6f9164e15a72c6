"""Run all tests, in three runs of pytest side by side: the fast lane; what needs this host's devices or a browser; the rest.

Each leaves a processor idle for a good part of its time: the tests on this host wait for Ceph, for guests in user-mode Linux, for
the browser and for killed kernels, the rest for servers and for children that import Cinder. Within a run the tests follow one
another, without workers: many of the slower ones look at what is open, attached or running on this host.

The lines of all are shown as they come, each with the name of its run. Arguments are passed on to all; with a file, a folder or
a test among them, or with ``-m``, there is a single run of pytest.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

ON_THE_HOST = ("attach", "browser", "drivers", "examples", "inventory", "kill", "storage")
"""Folders of tests whose tests use loop devices, mounts, the browser, or the guests, and must not run side by side."""

PYTEST = [sys.executable, "-m", "pytest", "--hypothesis-profile=ci"]
LAST_FAILED = {"--lf", "--last-failed"}
STOPS_EARLY = re.compile(r"-x|--exitfirst|--maxfail\b.*")
NO_TESTS = 5
"""The code that pytest exits with if no test was selected."""


def selections() -> dict[str, list[str]]:
    """Return the arguments that select the tests of each run; a new folder belongs to the rest."""
    folders = sorted({file.relative_to("tests").parts[0] for file in Path("tests").rglob("test_*.py")})
    return {
        "fast": ["-m", "fast", "tests"],
        "host": ["-m", "not fast", *(f"tests/{name}" for name in folders if name in ON_THE_HOST)],
        "rest": ["-m", "not fast", *(f"tests/{name}" for name in folders if name not in ON_THE_HOST)],
    }


def run(arguments: list[str]) -> int:
    """Run all tests with *arguments*; return the code of the worst run.

    With ``-x`` the run that fails ends the others. With ``--lf`` a run in which nothing failed runs nothing.
    """
    if LAST_FAILED.intersection(arguments):
        arguments = [*arguments, "--last-failed-no-failures=none"]
    started = {}
    for name, selection in selections().items():
        command = [*PYTEST, "-o", f"cache_dir=.pytest_cache/{name}", *arguments, *selection]
        started[name] = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603 - the tests
    stops_early = any(STOPS_EARLY.fullmatch(argument) for argument in arguments)
    threads = [threading.Thread(target=_follow, args=(name, started, stops_early)) for name in started]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:  # pytest has got it, too, and cleans up
        for thread in threads:
            thread.join()
    codes = [process.wait() for process in started.values()]
    return max((code for code in codes if code != NO_TESTS), key=abs, default=NO_TESTS)


def _follow(name: str, started: dict[str, subprocess.Popen[str]], stops_early: bool) -> None:  # noqa: FBT001 - a thread's argument
    """Show the lines of one run until it ends; if it fails and *stops_early*, end the others as Ctrl+C does."""
    process = started[name]
    output: IO[str] = process.stdout  # type: ignore[assignment] # it is a pipe
    for line in output:
        sys.stdout.write(f"[{name}] {line}")
        sys.stdout.flush()
    if process.wait() not in {0, NO_TESTS} and stops_early:
        for other in started.values():
            if other.poll() is None:
                other.send_signal(signal.SIGINT)


def main() -> int:
    """Run all tests, or those that the arguments name; return 0 if every one passed."""
    arguments = sys.argv[1:]
    if "-m" in arguments or any(Path(argument.partition("::")[0]).exists() for argument in arguments):
        return subprocess.run([*PYTEST, *arguments], check=False).returncode  # noqa: S603 - the tests
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
