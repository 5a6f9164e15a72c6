"""Runs all tests, in two runs of pytest side by side: those that want this host's devices or a browser, and the rest.

Each half leaves a processor idle for a good part of its time. What the second half says is shown when both have ended.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ON_THE_HOST = ("attach", "browser", "drivers", "examples", "inventory", "kill", "storage")
"""Folders of tests whose tests want to be alone with loop devices, mounts, the browser, and the guests that run meanwhile."""


def halves() -> tuple[list[str], list[str]]:
    """Return the folders of tests of the one half and of the other; what is new belongs to the second."""
    folders = sorted({file.relative_to("tests").parts[0] for file in Path("tests").rglob("test_*.py")})
    first = [f"tests/{name}" for name in folders if name in ON_THE_HOST]
    return first, [f"tests/{name}" for name in folders if name not in ON_THE_HOST]


def main() -> int:
    """Run both; return 0 if every test passed."""
    first, second = halves()
    pytest = [sys.executable, "-m", "pytest"]
    with tempfile.TemporaryFile("w+") as said:
        with subprocess.Popen([*pytest, "-o", "cache_dir=.pytest_cache/second", *second], stdout=said, stderr=said) as beside:  # noqa: S603 - the tests
            codes = [subprocess.run([*pytest, *first], check=False).returncode]  # noqa: S603 - as above
            codes.append(beside.wait())
        said.seek(0)
        sys.stdout.write(said.read())
    return max(codes, key=abs)


if __name__ == "__main__":
    sys.exit(main())
