"""Cinder's drivers, whose kernel is killed while they work: before a call's work, after it, or with them, instead of it.

They run in the child, beside Cinder, under ``cinder.volume.drivers.killing``. The file that the environment names says at which
call, and when; it is not there while a kernel makes ready. For Ceph's driver it can also name the change by librbd at
which the kernel and the child are killed: what takes several is then left half done.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

from cinder import interface
from cinder.volume.drivers import fake, rbd

CALLS = (
    *("create_volume", "create_cloned_volume", "create_volume_from_snapshot", "create_snapshot", "extend_volume"),
    *("revert_to_snapshot", "delete_volume", "delete_snapshot", "initialize_connection", "terminate_connection"),
)

CHANGES = {
    "RBD": ("create", "clone", "rename", "remove", "trash_move", "trash_remove"),
    "Image": ("create_snap", "protect_snap", "unprotect_snap", "remove_snap", "rollback_to_snap", "resize", "flatten"),
}
"""The methods of librbd's classes by which Cinder's driver changes anything."""

VARIABLE = "CL_NOTEBOOK_TEST_KILL"
"""The variable that names the file."""

AT_WORK = 0.3
"""Seconds that a call goes on at least once its kernel is dead: the next one is at work by then."""


def _killed_before(call: str) -> None:
    if _order() == f"{call} instead":
        _both_killed()
    if _order() == f"{call} before":
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(AT_WORK)


def _killed_after(call: str) -> None:
    if _order() == f"{call} after":
        os.kill(os.getppid(), signal.SIGKILL)


def _both_killed() -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def _order() -> str:
    with contextlib.suppress(KeyError, FileNotFoundError):
        return Path(os.environ[VARIABLE]).read_text(encoding="utf-8")
    return ""


def _killing(call: str, base: type) -> Any:
    def method(self: Any, *words: Any, **options: Any) -> Any:
        _killed_before(call)
        answer = getattr(base, call)(self, *words, **options)
        _killed_after(call)
        return answer

    return method


def _of(base: type) -> dict[str, Any]:
    return {call: _killing(call, base) for call in CALLS}


class _Librbd:
    """The module ``rbd``, which counts what it changes once there is an order, and dies before the change that it names."""

    def __init__(self) -> None:
        """Count from zero."""
        self._changes = 0
        for name, methods in CHANGES.items():
            base = getattr(rbd.rbd, name)
            counting = {method: self._counting(getattr(base, method)) for method in methods}
            setattr(self, name, type(name, (base,), counting))

    def __getattr__(self, name: str) -> Any:
        return getattr(rbd.rbd, name)

    def _counting(self, change: Any) -> Any:
        def method(image: Any, *words: Any, **options: Any) -> Any:
            if _order().startswith("change "):
                self._changes += 1
                if _order() == f"change {self._changes}":
                    _both_killed()
            return change(image, *words, **options)

        return method


class _CountingRBD(rbd.RBDDriver):  # type: ignore[misc] # Cinder has no types
    def __init__(self, *words: Any, **options: Any) -> None:
        super().__init__(*words, rbd=_Librbd(), **options)


FakeDriver = interface.volumedriver(type("FakeDriver", (fake.FakeDriver,), _of(fake.FakeDriver)))
RBDDriver = interface.volumedriver(type("RBDDriver", (_CountingRBD,), _of(rbd.RBDDriver)))
