"""Cinder's drivers, whose kernel is killed while they work: before a call's work, after it, or with them, instead of it.

They run in the child, beside Cinder, under ``cinder.volume.drivers.killing``. The file that the environment names says at which
call, and when; it is not there while a kernel makes ready.
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

VARIABLE = "CL_NOTEBOOK_TEST_KILL"
"""The variable that names the file."""

AT_WORK = 0.3
"""Seconds that a call goes on at least once its kernel is dead: the next one is at work by then."""


def _killed_before(call: str) -> None:
    if _order() in {f"{call} before", f"{call} instead"}:
        os.kill(os.getppid(), signal.SIGKILL)
        if _order().endswith("instead"):
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(AT_WORK)


def _killed_after(call: str) -> None:
    if _order() == f"{call} after":
        os.kill(os.getppid(), signal.SIGKILL)


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


FakeDriver = interface.volumedriver(type("FakeDriver", (fake.FakeDriver,), _of(fake.FakeDriver)))
RBDDriver = interface.volumedriver(type("RBDDriver", (rbd.RBDDriver,), _of(rbd.RBDDriver)))
