"""Describe this process in the store, and find out whether another process that works on the store is still alive.

A process of this machine is looked up by its number and start time. One of another machine is judged by its heartbeat: while it
runs operations it records the time every HEARTBEAT_INTERVAL seconds, by the database's clock, which is the same for all.
"""

from __future__ import annotations

import datetime as dt
import getpass
import os
import socket
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook.model.operations import tables as op
from cl_notebook.store.types import database_now, utcnow

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

GRACE_PERIOD = dt.timedelta(minutes=5)
"""How old the last heartbeat of a kernel on another machine, or in another container, may be before it counts as dead."""

LIVENESS_COLUMNS = (
    *(op.Kernel.id, op.Kernel.host, op.Kernel.pid, op.Kernel.start_ticks, op.Kernel.machine, op.Kernel.boot, op.Kernel.seen_at),
    database_now().label("now"),
)
"""Columns that :func:`is_dead` needs; the heartbeat means something only while the kernel has a running operation."""

_STATE = 0
"""Position of the state among the fields after the name in /proc/PID/stat (proc_pid_stat(5))."""

_STARTED = 19
"""Position of the start time there, in clock ticks since the boot."""

_ENDED = frozenset("ZXx")
"""States of a process that has ended, and whose parent has not collected its exit status yet."""


def describe(host: str) -> dict[str, Any]:
    """Return the row of this process. ``host`` is the session's name for the machine; :func:`is_dead` does not use it."""
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
    """Return whether the process of *kernel*, which has a running operation, is known to be dead.

    *kernel* has the :data:`LIVENESS_COLUMNS`. The process is dead if the machine was booted since, or has no process with its
    number and start time. A process that ``/proc`` hides counts as alive while its number is in use. One on another machine, or
    in another container, is dead if its last heartbeat is older than :data:`GRACE_PERIOD`; without one it counts as alive.
    """
    is_gone = _is_gone_from_here(kernel)
    if is_gone is not None:
        return is_gone
    seen, now = kernel.get("seen_at"), kernel.get("now")
    return seen is not None and now is not None and now - seen > GRACE_PERIOD


def _is_gone_from_here(kernel: Mapping[str, Any]) -> bool | None:
    """Return whether a process of this machine is gone; None for another machine, where only the heartbeat counts."""
    if not kernel["machine"] or kernel["machine"] != _machine() or not kernel["start_ticks"]:
        return None
    boot, _, namespace = kernel["boot"].partition("/")
    our_boot, _, our_namespace = _boot().partition("/")
    if not boot or not our_boot:
        return None
    if boot != our_boot:
        return None if _was_seen_since_boot(kernel) else True
    if not namespace or namespace != our_namespace:
        return None
    started = _start_ticks(kernel["pid"])
    if started:
        return bool(started != kernel["start_ticks"])
    return _is_shown(kernel["pid"]) or not _exists(kernel["pid"])  # shown, and without a start: it ended


def _was_seen_since_boot(kernel: Mapping[str, Any]) -> bool:
    """Return whether a kernel of another boot had a heartbeat since this boot: then it is on a clone of this machine."""
    seen, now = kernel.get("seen_at"), kernel.get("now")
    return seen is not None and now is not None and (now - seen).total_seconds() < time.clock_gettime(time.CLOCK_BOOTTIME)


def dead(connection: sa.Connection, ids: Collection[str] | None = None) -> frozenset[str]:
    """Return the ids of dead kernels with operations whose status is running, of all kernels or of those in *ids*."""
    working = sa.select(op.Operation.kernel_id).where(op.Operation.status == op.RUNNING)
    statement = sa.select(*LIVENESS_COLUMNS).where(op.Kernel.id.in_(working))
    if ids is not None:
        statement = statement.where(op.Kernel.id.in_(ids))
    return frozenset(row["id"] for row in connection.execute(statement).mappings() if is_dead(dict(row)))


def _start_ticks(pid: int) -> int:
    """Return the start time of process *pid* in clock ticks since the boot, 0 without such a process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return 0 if fields[_STATE] in _ENDED else int(fields[_STARTED])
    except (OSError, IndexError, ValueError):
        return 0


def _is_shown(pid: int) -> bool:
    """Return whether ``/proc`` shows process *pid*: the mount option ``hidepid`` hides those of other users."""
    try:
        with Path(f"/proc/{pid}/stat").open("rb") as file:
            return bool(file.read(1))
    except OSError:
        return False


def _exists(pid: int) -> bool:
    """Return whether there is a process *pid*, shown by ``/proc`` or not."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # EPERM: it is another user's
        return True
    return True


def _machine() -> str:
    return f"{socket.gethostname()}/{_line('/etc/machine-id')}"


def _boot() -> str:
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = ""
    return f"{_line('/proc/sys/kernel/random/boot_id')}/{namespace}"


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
