"""A user-mode Linux on this host's own files: tests run in it, with device mapper, iSCSI and NFS that the host may lack."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS = 2700
"""How long a guest may run on after it was asked: cinderlib's tests start the most programs, which is what takes long in one."""

MEMORY = "4G"

PROGRAMS = (
    "linux.uml",
    "modprobe",
    "udevadm",
    "ip",
    "nice",
    "setpriv",
    "unshare",
    "vgcreate",
    "iscsid",
    "exportfs",
    "rpc.nfsd",
    "qemu-img",
)

_HERE = Path(__file__).parent
_PROJECT = _HERE.parents[1]
_UDEVD = Path("/lib/systemd/systemd-udevd")


@dataclass(frozen=True)
class Case:
    """How one test in the guest ended: ``passed``, ``failed`` or ``skipped``, and why, with what it printed."""

    name: str
    outcome: str
    text: str


class Guest:
    """A guest that starts what *stage* says, runs *tests*, pytest's names of them with blanks between, and ends."""

    def __init__(self, folder: Path, stage: str, tests: str) -> None:
        """Start it. What it says goes to files in *folder*, whose name has no spaces: it stands on a kernel's command line."""
        self._folder = folder
        self._results.mkdir()
        shutil.copytree(_HERE / "guest", folder / "scripts")
        (folder / "settings").write_text(_settings(stage, tests), encoding="utf-8")
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=console, stderr=console)

    def cases(self) -> list[Case]:
        """Wait for the end, and return how each test ended.

        Raises:
            AssertionError: the guest did not come so far as to report.

        """
        try:
            self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.stop()
        report = self._results / "report.xml"
        assert report.exists(), f"the guest did not report within {SECONDS} s:\n{self._said()}"
        return [_case(element) for element in ET.parse(report).iter("testcase")]  # noqa: S314 - our own pytest wrote it

    def stop(self) -> None:
        """Kill the guest, whatever it is doing."""
        self._process.kill()
        self._process.wait()

    @property
    def _results(self) -> Path:
        return self._folder / "results"

    @property
    def _console(self) -> Path:
        return self._folder / "console"

    def _said(self) -> str:
        files = (self._console, self._results / "output")
        return "\n".join(file.read_text(encoding="utf-8", errors="replace")[-4000:] for file in files if file.exists())

    def _command(self) -> list[str]:
        return [
            # each process of the guest is one of the host as well: all of them end with this one, and this one with its parent
            *("nice", "-n", "10"),  # they run beside tests that somebody waits for
            *("setpriv", "--pdeathsig=KILL", "unshare", "--pid", "--fork", "--kill-child"),
            *("linux.uml", f"mem={MEMORY}", "rootfstype=hostfs", "rootflags=/", "ro", "quiet", "con=null", "con0=null,fd:1"),
            *(f"uml_dir={self._folder}/", f"init={self._folder}/scripts/init.sh", f"guest_folder={self._folder}"),
        ]


def missing() -> str:
    """Return what is not installed of what a guest needs, or nothing."""
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    lacking = [program for program in PROGRAMS if shutil.which(program, path=path) is None]
    lacking += [] if _UDEVD.exists() else [str(_UDEVD)]
    return ", ".join(lacking if os.geteuid() == 0 else ["root", *lacking])


def _settings(stage: str, tests: str) -> str:
    command = [
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--confcutdir={_HERE}", "--basetemp=/var/tmp/tests"),
        *("-o", "junit_logging=all", "-o", "junit_log_passing_tests=false", "--junitxml=/run/results/report.xml", *tests.split()),
    ]
    kept: Mapping[str, str] = {
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "CI": os.environ.get("CI", ""),
    }
    return "".join(
        [
            f"stage={stage}.sh\nproject={shlex.quote(str(_PROJECT))}\ncommand=({shlex.join(command)})\n",
            *(f"export {name}={shlex.quote(value)}\n" for name, value in kept.items()),
        ]
    )


def _case(element: ET.Element) -> Case:
    name = "::".join((element.get("classname", "").rpartition(".")[2], element.get("name", "")))
    for child in element:
        if child.tag in {"failure", "error", "skipped"}:
            texts = [child.get("message", ""), child.text or "", *(part.text or "" for part in element if part is not child)]
            return Case(name, "skipped" if child.tag == "skipped" else "failed", "\n".join(filter(None, texts)))
    return Case(name, "passed", "")
