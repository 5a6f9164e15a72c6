"""Translates exceptions of drivers into errors of this package."""

from __future__ import annotations

import errno
import shlex
import subprocess
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from cl_notebook import errors, masking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

operation: ContextVar[int | None] = ContextVar("operation", default=None)
"""Id of the store's operation in which a driver is called, for its log; None outside of one."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Error numbers of a full file system or an exhausted quota."""


@contextmanager
def translate_errors(backend_name: str, call: str, secrets: Callable[[], Mapping[str, object]] | None = None) -> Iterator[None]:
    """Translate exceptions of the block, the method *call* of the backend's driver, into a :class:`~errors.DriverError`.

    Errors of this package pass; a DriverError without a driver and call gets those. ``KeyboardInterrupt`` and other
    BaseExceptions pass unchanged. Secrets are masked in the exception and in its causes: texts that look like one, and the values
    that *secrets* returns.

    Raises:
        errors.StorageFull: the file system was full, or the quota exhausted.
        errors.DriverError: any other exception, which becomes its cause.

    """
    try:
        yield
    except errors.DriverError as error:
        _mask(error, secrets)
        error.driver = error.driver or backend_name
        error.call = error.call or call
        raise
    except errors.Error as error:
        _mask(error, secrets)
        raise
    except Exception as error:
        _mask(error, secrets)
        kind = errors.StorageFull if isinstance(error, OSError) and error.errno in FULL else errors.DriverError
        message = f"{backend_name}: {call} failed: {_reason(error)}"
        raise kind(message, driver=backend_name, call=call) from error


def _mask(error: Exception, secrets: Callable[[], Mapping[str, object]] | None) -> None:
    errors.bound(error)
    masking.chain(error, masking.Known((secrets() if secrets is not None else {}).values()))


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return command_failure(error)
    return errors.one_line(error)


def command_failure(error: subprocess.CalledProcessError) -> str:
    """Return one line with the command and the last line of its standard error, or else its exit status."""
    command = error.cmd if isinstance(error.cmd, str) else shlex.join(str(word) for word in error.cmd)
    written = error.stderr or b""
    lines = (written if isinstance(written, str) else written.decode(errors="replace")).strip().splitlines()
    last = errors.bounded(lines[-1].strip()) if lines else f"exit status {error.returncode}"
    return f"{command}: {last}"
