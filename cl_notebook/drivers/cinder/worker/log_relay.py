"""The log of the driver, line by line to the kernel, with its secrets masked; what is written to standard error as well."""

from __future__ import annotations

import contextlib
import contextvars
import faulthandler
import logging
import os
import tempfile
import threading
import warnings
from typing import TYPE_CHECKING, Any

from cl_notebook.masking import MASK, Known

if TYPE_CHECKING:
    from collections.abc import Iterator

_CALL: contextvars.ContextVar[int] = contextvars.ContextVar("call", default=0)
_TALKATIVE = ("cinder", "os_brick", "oslo_concurrency.processutils")
_NOISE = ("oslo_concurrency.lockutils", "cinder.coordination", "oslo_db")
_KNOWN = Known()


KEPT = 2**20
"""Characters that are kept of a line of the log, or of a text of an error."""


def install(wire: Any) -> None:
    """Send every record, and every line that anything writes to standard error, over *wire*."""
    warnings.simplefilter("ignore")  # what is deprecated in Cinder is no news to whoever runs its drivers
    root = logging.getLogger()
    root.addHandler(_Sender(wire))
    root.setLevel(logging.WARNING)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.DEBUG)
    for name in _NOISE:
        logging.getLogger(name).setLevel(logging.WARNING)
    read, write = os.pipe()
    os.dup2(write, 2)
    os.close(write)
    threading.Thread(target=_relay, args=(read, wire), daemon=True, name="stderr").start()


def show_ssl_warnings() -> None:
    """Log that a certificate was not checked, as urllib3 warns of it, once for each place in the code."""
    try:
        from urllib3 import exceptions
    except ImportError:
        return
    logging.captureWarnings(capture=True)
    warnings.simplefilter("default", exceptions.SecurityWarning)


def crash_file() -> str:
    """Let Python write where it was to a file if the process crashes (a driver's library does), and return the file's name."""
    descriptor, name = tempfile.mkstemp(prefix="cl-notebook-crash-")
    faulthandler.enable(descriptor, all_threads=False)
    return name


def hide(secret: object) -> None:
    """Mask *secret* from now on wherever it stands."""
    _KNOWN.add(secret)


@contextlib.contextmanager
def call(number: int) -> Iterator[None]:
    """Tie what is logged in the block to the request *number*."""
    token = _CALL.set(number)
    try:
        yield
    finally:
        _CALL.reset(token)


def current() -> int:
    """Return the number of the request that the thread works on, 0 for none."""
    return _CALL.get()


def bounded(text: str) -> str:
    """Return *text*, of which at most :data:`KEPT` characters are kept, with a word on what was left out."""
    left_out = len(text) - KEPT
    return text if left_out <= 0 else f"{text[:KEPT]}… ({left_out} more characters were left out)"


def masked(text: str) -> str:
    """Return *text*, bounded, without secrets: those that are known, and what looks like one to us or to oslo."""
    text = bounded(text)
    text = _KNOWN.text(text)
    try:
        from oslo_utils import strutils
    except ImportError:
        return text
    return str(strutils.mask_password(text, MASK))


class _Sender(logging.Handler):
    def __init__(self, wire: Any) -> None:
        super().__init__()
        self._wire = wire

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = {
                "at": record.created,
                "level": record.levelname,
                "logger": record.name,
                "text": masked(record.getMessage()),
                "call": _CALL.get(),
            }
            self._wire.send({"log": line})
        except Exception:  # noqa: BLE001 - a line that cannot be written must not end a storage call
            self.handleError(record)


def _relay(descriptor: int, wire: Any) -> None:
    import time

    with os.fdopen(descriptor, "r", encoding="utf-8", errors="replace") as lines:
        while line := lines.readline(KEPT + 1):
            left_out, rest = 0, line
            while len(rest) == KEPT + 1 and not rest.endswith("\n"):  # the rest of a line that is too long
                rest = lines.readline(KEPT + 1)
                left_out += len(rest)
            if line.strip():
                text = masked(line.rstrip("\n"))
                text += f" … ({left_out} more characters were left out)" if left_out else ""
                wire.send({"log": {"at": time.time(), "level": "STDERR", "logger": "stderr", "text": text, "call": 0}})
