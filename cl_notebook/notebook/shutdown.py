"""Bound the time that a kernel takes to shut down, whatever its threads wait for."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

GRACE = 2.0
"""Seconds that threads may take to end after the kernel was asked to shut down."""

CLOSING = 0.7
"""Seconds for the :mod:`atexit` functions after that, so that shutdown takes less than three seconds."""

_is_exiting = threading.Event()


def install(shell: InteractiveShell) -> None:
    """Bound the end of the kernel of *shell*; a shell without a kernel ends as Python does. Twice is the same as once.

    Python waits for every executor and every thread that is no daemon, and a storage may answer in minutes. Jupyter kills such a
    kernel after five seconds, in the middle of anything. The next kernel finds what still ran, and finishes it.
    """
    if getattr(shell, "kernel", None) is not None:
        atexit.register(_is_exiting.set)
        shell.observe(_asked_to_end, "exit_now")


def remove(shell: InteractiveShell) -> None:
    """Remove the bound on the shutdown of the kernel of *shell*."""
    with contextlib.suppress(ValueError, KeyError):
        shell.unobserve(_asked_to_end, "exit_now")
    atexit.unregister(_is_exiting.set)


def _asked_to_end(change: dict[str, Any]) -> None:
    if change["new"]:
        threading.Thread(target=_end, name="cl_notebook-end", daemon=True).start()


def _end() -> None:
    if _is_exiting.wait(GRACE):
        time.sleep(CLOSING)
    else:  # the main thread still waits for another one, and would only then run what is registered
        closing = threading.Thread(target=atexit._run_exitfuncs, daemon=True)  # noqa: SLF001 - there is no other way
        closing.start()
        closing.join(CLOSING)
    os._exit(0)
