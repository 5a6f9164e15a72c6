"""Relays the driver's log records, and what anything writes to standard error, to the kernel, with secrets masked."""

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
_DEBUG_LOGGERS = ("cinder", "os_brick", "oslo_concurrency.processutils")
_QUIET_LOGGERS = ("oslo_concurrency.lockutils", "cinder.coordination", "oslo_db")
_SECRETS = Known()

MAX_CHARACTERS = 2**20
"""Characters of a log line, or of a text of an error, that are relayed."""


def install(channel: Any) -> None:
    """Relay every log record, and every line on standard error, over *channel*."""
    warnings.simplefilter("ignore")  # users of a driver can do nothing about Cinder's deprecations
    root = logging.getLogger()
    root.addHandler(_Sender(channel))
    root.setLevel(logging.WARNING)
    for name in _DEBUG_LOGGERS:
        logging.getLogger(name).setLevel(logging.DEBUG)
    for name in _QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    read, write = os.pipe()
    os.dup2(write, 2)
    os.close(write)
    threading.Thread(target=_relay, args=(read, channel), daemon=True, name="stderr").start()


def show_ssl_warnings() -> None:
    """Log urllib3's warnings about unverified certificates, once per line of code that causes one."""
    try:
        from urllib3 import exceptions
    except ImportError:
        return
    logging.captureWarnings(capture=True)
    warnings.simplefilter("default", exceptions.SecurityWarning)


def crash_file() -> str:
    """Enable faulthandler on a new temporary file, for crashes in a driver's C library; return the file's path."""
    descriptor, name = tempfile.mkstemp(prefix="cl-notebook-crash-")
    faulthandler.enable(descriptor, all_threads=False)
    return name


def hide(secret: object) -> None:
    """Mask *secret* from now on in everything that is relayed."""
    _SECRETS.add(secret)


@contextlib.contextmanager
def call(number: int) -> Iterator[None]:
    """Mark log records of the block as those of the request *number*."""
    token = _CALL.set(number)
    try:
        yield
    finally:
        _CALL.reset(token)


def current() -> int:
    """Return the number of the request that the current thread runs, 0 for none."""
    return _CALL.get()


def bounded(text: str) -> str:
    """Return *text*, cut to :data:`MAX_CHARACTERS` characters, with a note on how many were cut."""
    left_out = len(text) - MAX_CHARACTERS
    return text if left_out <= 0 else f"{text[:MAX_CHARACTERS]}… ({left_out} more characters were left out)"


def masked(text: str) -> str:
    """Return *text*, cut as by :func:`bounded`, with secrets masked: known ones, and what looks like one to us or to oslo."""
    text = bounded(text)
    text = _SECRETS.text(text)
    try:
        from oslo_utils import strutils
    except ImportError:
        return text
    return str(strutils.mask_password(text, MASK))


class _Sender(logging.Handler):
    def __init__(self, channel: Any) -> None:
        super().__init__()
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = {
                "at": record.created,
                "level": record.levelname,
                "logger": record.name,
                "text": masked(record.getMessage()),
                "call": _CALL.get(),
            }
            self._channel.send({"log": line})
        except Exception:  # noqa: BLE001 - a line that cannot be sent must not end a storage call
            self.handleError(record)


def _relay(descriptor: int, channel: Any) -> None:
    import time

    with os.fdopen(descriptor, "r", encoding="utf-8", errors="replace") as lines:
        while line := lines.readline(MAX_CHARACTERS + 1):
            left_out, rest = 0, line
            while len(rest) == MAX_CHARACTERS + 1 and not rest.endswith("\n"):  # skip the rest of a line that is too long
                rest = lines.readline(MAX_CHARACTERS + 1)
                left_out += len(rest)
            if line.strip():
                text = masked(line.rstrip("\n"))
                text += f" … ({left_out} more characters were left out)" if left_out else ""
                channel.send({"log": {"at": time.time(), "level": "STDERR", "logger": "stderr", "text": text, "call": 0}})
