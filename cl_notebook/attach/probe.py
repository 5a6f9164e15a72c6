"""Looks at what a host has: commands, daemons, kernel modules, files, Python libraries, and addresses that answer.

The class also runs on other hosts, to which its source is sent: see ``attach.remote.gateway``.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
import socket
import subprocess
import time
from pathlib import Path

from cl_notebook import kernel_files

QUESTIONS = frozenset(
    {"command", "daemon", "module", "file", "names", "library", "root_access", "is_root", "is_container", "connect", "clock"}
)
"""The methods of a probe that another host may be asked for."""

_COMMAND_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin:/usr/lib/udev:/lib/udev"
"""Folders that the root helper, udev and os-brick search, and that the PATH of a normal user may lack."""

_CONTAINER_FILES = ("run/.containerenv", ".dockerenv", "run/systemd/container")
_FILE_BYTES = 2**18
_COMM_BYTES = 15
"""Bytes of a process's name in ``/proc/PID/comm``."""
_HELPER_TIMEOUT = 10.0
_NO_PROMPT = {"sudo": "-n", "doas": "-n"}
"""Root helpers that fail instead of asking for a password if they get this option."""


class Probe:
    """Looks at this host, and changes nothing."""

    def __init__(self, root_helper: str, root: str | Path = "/", path: str | None = None, *, is_root: bool | None = None) -> None:
        """Keep the command that runs others as root, and where to look.

        Args:
            root_helper: the command, such as ``sudo``.
            root: the folder to use as ``/``.
            path: the folders of commands, as in ``PATH``; by default that of this process, and those of administrators.
            is_root: whether this process has the rights of root; by default by its user id.

        """
        self._root_helper = root_helper
        self._root = Path(root)
        self._path = f"{os.environ.get('PATH', os.defpath)}:{_COMMAND_FOLDERS}" if path is None else path
        self._is_root = os.geteuid() == 0 if is_root is None else is_root

    def command(self, name: str) -> str:
        """Return the path of the command *name*; empty if there is none."""
        return shutil.which(name, path=self._path) or ""

    def daemon(self, name: str, listens_on: str) -> str:
        """Return by what the daemon *name* is known to run: its process, or its abstract socket; empty if it does not run.

        A socket that systemd listens on counts: the daemon starts with the first connection.
        """
        for folder in self._root.glob("proc/[0-9]*"):
            if kernel_files.read(folder / "comm").strip() == name[:_COMM_BYTES]:
                return f"process {folder.name}"
        sockets = self._text("proc/net/unix")
        return f"socket @{listens_on}" if re.search(rf"@{re.escape(listens_on)}\s*$", sockets, re.MULTILINE) else ""

    def module(self, name: str) -> str:
        """Return whether the kernel module *name* is ``built in``, ``loaded``, ``loadable``, ``missing`` or ``unknown``.

        It is ``unknown`` if the modules of the running kernel are out of sight, as in most containers.
        """
        release = self._text("proc/sys/kernel/osrelease").strip()
        folder = next((path for top in ("lib", "usr/lib") if (path := self._root / top / "modules" / release).is_dir()), None)
        pattern = re.compile(rf"(?:^|/){re.sub('[-_]', '[-_]', name)}\.ko(?:\.\w+)?(?::|$)", re.MULTILINE)
        if folder is not None and pattern.search(self._text(folder / "modules.builtin")):
            return "built in"
        if (self._root / "sys" / "module" / name.replace("-", "_")).is_dir():
            return "loaded"
        if folder is None or not release:
            return "unknown"
        return "loadable" if pattern.search(self._text(folder / "modules.dep")) else "missing"

    def file(self, path: str) -> tuple[str, str]:
        """Return ``ok`` and the text of the file *path*, ``missing``, or ``unknown`` and why it cannot be read."""
        file = self._root / path.lstrip("/")
        try:
            with file.open("rb") as stream:
                return "ok", stream.read(_FILE_BYTES).decode("utf-8", errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return "missing", ""
        except OSError as error:
            return "unknown", str(error.strerror or error)

    def names(self, path: str) -> list[str]:
        """Return the sorted names in the folder *path*; none if it cannot be read."""
        return [entry.name for entry in kernel_files.entries(self._root / path.lstrip("/"))]

    def library(self, name: str) -> str:
        """Return the version of the importable Python module *name*, or ``installed``; empty if it cannot be imported."""
        try:
            if importlib.util.find_spec(name) is None:
                return ""
        except (ImportError, ValueError):
            return ""
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(name.replace("_", "-"))
        return "installed"

    def root_access(self) -> tuple[str, str]:
        """Return whether commands can run as root without a password: ``ok``, ``missing`` or ``failed``, and what was seen."""
        if self._is_root:
            return "ok", "this is root"
        words: list[str] = []
        with contextlib.suppress(ValueError):  # a quote that is not closed
            words = shlex.split(self._root_helper)
        program = self.command(words[0]) if words else ""
        if not program:
            return "missing", f"{self._root_helper!r} is not installed"
        flag = _NO_PROMPT.get(Path(program).name)
        command = [program, *words[1:], *([flag] if flag else []), "true"]
        try:
            done = subprocess.run(  # noqa: S603 - the root helper is the user's setting
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_HELPER_TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired:
            return "failed", f"{shlex.join(command)}: no answer within {_HELPER_TIMEOUT:g} seconds"
        except OSError as error:
            return "failed", f"{shlex.join(command)}: {error.strerror}"
        if not done.returncode:
            return "ok", f"{shlex.join(command)} works without a password"
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return "failed", f"{shlex.join(command)}: {lines[-1] if lines else f'exit status {done.returncode}'}"

    def is_root(self) -> bool:
        """Return whether this process has the rights of root."""
        return self._is_root

    def is_container(self) -> bool:
        """Return whether this host is a container, whose kernel and perhaps daemons are those of another host."""
        return any((self._root / name).exists() for name in _CONTAINER_FILES) or "container=" in self._text("proc/1/environ")

    def connect(self, host: str, port: int, timeout: float) -> str:
        """Open a TCP connection to *port* of *host* and close it; return why that failed within *timeout* seconds, or nothing."""
        try:
            socket.create_connection((host, port), timeout).close()
        except TimeoutError:
            return f"no answer within {timeout:g} seconds"
        except (OSError, UnicodeError, OverflowError) as error:
            return str(getattr(error, "strerror", None) or error)
        return ""

    def clock(self) -> float:
        """Return the time of this host's clock, in seconds since 1970."""
        return time.time()

    def _text(self, path: str | Path) -> str:
        return kernel_files.read(self._root / path)
