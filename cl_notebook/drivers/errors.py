"""The boundary where whatever a driver raises becomes one of our errors."""

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
"""Number of the store's operation that a driver is called in, for what it logs; None outside one."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the operating system says when no space, or no quota, is left."""


@contextmanager
def translate_errors(backend_name: str, call: str, secrets: Callable[[], Mapping[str, object]] | None = None) -> Iterator[None]:
    """Translate what the driver of *backend_name* raises in *call* (the driver's method) into a :class:`~errors.DriverError`.

    Errors of ours pass as they are; a driver error learns here whose it is. ``KeyboardInterrupt`` and the like pass untouched.
    What looks like a secret in an error, or in one that it was raised for, is masked, and so are those that *secrets* returns.

    Raises:
        errors.StorageFull: the operating system had no space or no quota left.
        errors.DriverError: anything else that went wrong in the driver, chained to what it raised.

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
    """Return the command, how it ended, and the last line that it wrote to its standard error, as one line."""
    command = error.cmd if isinstance(error.cmd, str) else shlex.join(str(word) for word in error.cmd)
    written = error.stderr or b""
    lines = (written if isinstance(written, str) else written.decode(errors="replace")).strip().splitlines()
    last = errors.bounded(lines[-1].strip()) if lines else f"exit status {error.returncode}"
    return f"{command}: {last}"
