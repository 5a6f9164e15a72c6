"""Who works on the store: one row a process, and whether that process is still there."""

from __future__ import annotations

import getpass
import os
import socket
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook.store.base import utcnow

if TYPE_CHECKING:
    from collections.abc import Mapping

_STARTED = 19  # place of the start time, in clock ticks since the boot, after the name in /proc/PID/stat (proc(5))


def describe(host: str) -> dict[str, Any]:
    """Return the row of this process. ``host`` is the session's name for the machine; it plays no part in telling who is dead."""
    return {
        "id": str(uuid.uuid4()),
        "host": host,
        "user": _user(),
        "pid": os.getpid(),
        "start_ticks": _start_ticks(os.getpid()),
        "machine": _machine(),
        "boot": _boot(),
        "notebook": os.environ.get("JPY_SESSION_NAME"),
        "started_at": utcnow(),
    }


def is_dead(kernel: Mapping[str, Any]) -> bool:
    """Return whether the process that *kernel* describes is known to be gone.

    It is when the machine was booted since, or has no process with its number and start time. Of another machine, and of another
    container's processes, nothing is known: they count as alive.
    """
    if not kernel["machine"] or kernel["machine"] != _machine() or not kernel["start_ticks"]:
        return False
    boot, _, space = kernel["boot"].partition("/")
    our_boot, _, our_space = _boot().partition("/")
    if boot != our_boot:
        return bool(boot and our_boot)
    return bool(space) and space == our_space and _start_ticks(kernel["pid"]) != kernel["start_ticks"]


def _start_ticks(pid: int) -> int:
    """Return when process *pid* began; 0 if there is none. Unlike a time of day, no change of the clock alters it."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[_STARTED])
    except (OSError, IndexError, ValueError):
        return 0


def _machine() -> str:
    return f"{socket.gethostname()}/{_line('/etc/machine-id')}"


def _boot() -> str:
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return f"{_line('/proc/sys/kernel/random/boot_id')}/{space}"


def _line(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user that has no entry in the password file
        return str(os.getuid())
