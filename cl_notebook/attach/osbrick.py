"""Imports and configures os-brick at the first attachment, and translates its errors."""

from __future__ import annotations

import os
import shlex
import shutil
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cl_notebook import concurrency, errors, masking, regular_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

_SETTING_UP = concurrency.lock()


def connector_module(lock_path: Path, root_helper: str) -> ModuleType:
    """Return ``os_brick.initiator.connector``, imported and configured.

    os-brick can only be configured through global objects of oslo: its lock folder, and the command that starts its privileged
    helper. A lock folder that is configured already stays unchanged.

    Raises:
        errors.AttachError: os-brick cannot be imported or set up.

    """
    with _SETTING_UP, translated("os-brick cannot be used"):
        module = _imported()
        _configure(lock_path)
        _become_privileged(root_helper)
        return module


@contextmanager
def translated(what: str, secrets_in: object = None) -> Iterator[None]:
    """Translate exceptions of the block into an AttachError with a one-line message that starts with *what*.

    Texts that look like a secret are masked, and so are the secrets in *secrets_in*, such as connection information.

    Raises:
        errors.AttachError: the block raised; the exception is its cause.

    """
    try:
        yield
    except errors.Error:
        raise
    except Exception as error:
        masking.chain(error, masking.Known(masking.values(secrets_in)))
        msg = f"{what}: {_reason(error)}"
        raise errors.AttachError(msg) from error


def lacks_root(root_helper: str) -> str:
    """Return one line on why commands cannot run as root; empty if they probably can."""
    if os.geteuid() == 0:
        return ""
    command = shlex.split(root_helper)
    if command and shutil.which(command[0]):
        return ""
    return (
        f"this needs root, and the root helper {root_helper!r} is not installed: start Jupyter as root, install it, or name "
        "another with cl.setup(root_helper=…)"
    )


def _reason(error: Exception) -> str:
    # oslo's ProcessExecutionError: its text has five lines, of which two matter
    output = getattr(error, "stderr", None) or getattr(error, "description", None)
    command = getattr(error, "cmd", None)
    if isinstance(command, str) and isinstance(output, str) and output.strip():
        return f"{command}: {output.strip().splitlines()[-1]}"
    return errors.one_line(error)


def _imported() -> ModuleType:
    """Import os-brick in a thread that is never joined.

    oslo's libraries import eventlet if it is installed, and eventlet copies ``threading`` for itself. Before Python 3.13 the copy
    takes the importing thread for its main thread, and replaces the lock that signals the thread's end: joining it blocks for
    ever, also in an event loop or at the interpreter's exit.
    """
    imported: concurrency.Future[ModuleType] = concurrency.Future()

    def load() -> None:
        try:
            imported.set_result(_import())
        except BaseException as error:  # noqa: BLE001 - it is raised where the module is waited for
            imported.set_exception(error)

    concurrency.daemon(load, "os-brick import").start()
    return imported.result()


def _import() -> ModuleType:
    # Importing eventlet prints a paragraph about its deprecation, and oslo.service imports a deprecated module of oslo. Users can
    # do nothing about either, so both warnings are filtered during this import.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        from os_brick import privileged  # noqa: F401, PLC0415 - see below
        from os_brick.initiator import connector  # noqa: PLC0415 - takes most of a second
        from oslo_concurrency import lockutils, processutils  # noqa: F401, PLC0415 - all that may import eventlet
        from oslo_privsep import priv_context  # noqa: F401, PLC0415 - likewise
    module: ModuleType = connector
    return module


def _configure(lock_path: Path) -> None:
    import os_brick  # noqa: PLC0415 - see above
    import oslo_concurrency.lockutils  # noqa: F401, PLC0415 - it registers its option
    from oslo_config import cfg  # noqa: PLC0415 - see above

    if cfg.CONF.os_brick.lock_path:
        return
    if not cfg.CONF.oslo_concurrency.lock_path:
        regular_files.make_folders(lock_path)
        cfg.CONF.set_default("lock_path", str(lock_path), group="oslo_concurrency")
    os_brick.setup(cfg.CONF)


def _become_privileged(root_helper: str) -> None:
    from os_brick import privileged  # noqa: PLC0415 - see above
    from oslo_privsep import priv_context  # noqa: PLC0415 - see above

    if os.geteuid() == 0:
        # root needs no privileged helper, and often has no sudo to start one with
        privileged.default.set_client_mode(False)
        privileged.brick_privsep_hide_output.set_client_mode(False)
    else:
        priv_context.init(root_helper=shlex.split(root_helper))


def connector_properties(module: ModuleType, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - os-brick's own arguments
    """Return os-brick's connector properties of this host, such as its initiator names and NVMe identity.

    Raises:
        errors.AttachError: os-brick failed.

    """
    with translated("the connector properties of this host cannot be read"):
        properties: dict[str, Any] = module.get_connector_properties(**params)
        return properties
