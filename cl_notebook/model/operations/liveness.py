"""Who works on the store: one row a process, and whether that process is still there.

A process of this machine is looked for by its number and start time. One elsewhere is known by its heart: while it works it
notes, every HEARTBEAT_INTERVAL seconds, that it was seen, by the clock of the data base, which is the same for everybody.
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
"""How long a kernel on another machine, or in another container, may be silent at work before it counts as dead."""

LIVENESS_COLUMNS = (
    *(op.Kernel.id, op.Kernel.host, op.Kernel.pid, op.Kernel.start_ticks, op.Kernel.machine, op.Kernel.boot, op.Kernel.seen_at),
    database_now().label("now"),
)
"""What :func:`is_dead` has to be told of a kernel; only what is asked for beside an operation that runs means anything."""

_STATE, _STARTED = (
    0,
    19,
)  # places of the state and the start time, in clock ticks since the boot, after the name in proc_pid_stat(5)
_ENDED = frozenset("ZXx")  # states of a process that does nothing any more, and that its parent has not asked about yet


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
    """Return whether the process of *kernel* (its :data:`LIVENESS_COLUMNS`), which had an operation to do, is known to be gone.

    It is when the machine was booted since, or has no process with its number and start time. A process that ``/proc`` hides
    counts as alive while its number is in use. One on another machine, or in another container, is dead when it was silent for
    too long; without any heartbeat nothing is known: it counts as alive.
    """
    known = _is_gone_from_here(kernel)
    if known is not None:
        return known
    seen, now = kernel.get("seen_at"), kernel.get("now")
    return seen is not None and now is not None and now - seen > GRACE_PERIOD


def _is_gone_from_here(kernel: Mapping[str, Any]) -> bool | None:
    """Return whether a process of this machine is gone; None for others, of which only their heart tells."""
    if not kernel["machine"] or kernel["machine"] != _machine() or not kernel["start_ticks"]:
        return None
    boot, _, space = kernel["boot"].partition("/")
    our_boot, _, our_space = _boot().partition("/")
    if not boot or not our_boot:
        return None
    if boot != our_boot:
        return None if _was_seen_since_boot(kernel) else True
    if not space or space != our_space:
        return None
    started = _start_ticks(kernel["pid"])
    if started:
        return bool(started != kernel["start_ticks"])
    return _is_shown(kernel["pid"]) or not _exists(kernel["pid"])  # shown, and without a start: it ended


def _was_seen_since_boot(kernel: Mapping[str, Any]) -> bool:
    """Return whether a kernel of another boot was seen since this one: it is on a clone of this machine."""
    seen, now = kernel.get("seen_at"), kernel.get("now")
    return seen is not None and now is not None and (now - seen).total_seconds() < time.clock_gettime(time.CLOCK_BOOTTIME)


def dead(connection: sa.Connection, ids: Collection[str] | None = None) -> frozenset[str]:
    """Return the ids of the kernels that are dead and have operations that stand as running; of all, or of those in *ids*."""
    working = sa.select(op.Operation.kernel_id).where(op.Operation.status == op.RUNNING)
    statement = sa.select(*LIVENESS_COLUMNS).where(op.Kernel.id.in_(working))
    if ids is not None:
        statement = statement.where(op.Kernel.id.in_(ids))
    return frozenset(row["id"] for row in connection.execute(statement).mappings() if is_dead(dict(row)))


def _start_ticks(pid: int) -> int:
    """Return when process *pid* began; 0 if there is none. Unlike a time of day, no change of the clock alters it."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return 0 if told[_STATE] in _ENDED else int(told[_STARTED])
    except (OSError, IndexError, ValueError):
        return 0


def _is_shown(pid: int) -> bool:
    """Return whether ``/proc`` tells about process *pid*: ``hidepid`` hides those of other users."""
    try:
        with Path(f"/proc/{pid}/stat").open("rb") as file:
            return bool(file.read(1))
    except OSError:
        return False


def _exists(pid: int) -> bool:
    """Return whether there is a process *pid*, whatever ``/proc`` tells."""
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
