"""Secret options, which are never stored: found again in the environment, in the user's keyring, or asked for."""

from __future__ import annotations

import builtins
import getpass
import os
import re
import sys
import warnings
from typing import TYPE_CHECKING

from cl_notebook import errors, masking

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

SERVICE = "cl_notebook"
"""The service under which the keyring library keeps ``BACKEND.OPTION``."""


_ADDRESS = re.compile(r"(^|_)(ip|ips|host|hosts|address|addresses|url|uri|server|endpoint|portal|path|python)($|_)")
"""Options that say where a driver goes: they come first."""

_SHOWN = 12
_LONGEST = 100


def variable(backend_name: str, option: str) -> str:
    """Return the environment variable that may hold a backend's secret: ``CL_NOTEBOOK_CEPH_RBD_PASSWORD``."""
    return "CL_NOTEBOOK_" + re.sub(r"\W", "_", f"{backend_name}_{option}").upper()


def destination(driver: str, config: Mapping[str, object], hidden: Collection[str] = ()) -> str:
    """Return where the secrets of a backend would go: its driver and options, without those that are secret or *hidden*."""
    given = {name: value for name, value in config.items() if name not in hidden and value not in (None, "", False, [], {})}
    first = sorted(masking.mapping(given).items(), key=lambda pair: (not _ADDRESS.search(pair[0]), pair[0]))[:_SHOWN]
    options = ", ".join(f"{name}={_short(value)}" for name, value in first if value != masking.MASK)
    return f"driver {_short(driver)}{f' with {options}' if options else ''}"


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def find(backend_name: str, option: str, target: str = "") -> str:
    """Return the secret *option* of a backend that is opened again; *target* says where it goes, for whoever is asked.

    Only for a configuration that the user typed or confirmed: whoever else writes one would be sent the secret.

    Raises:
        errors.InvalidInput: it is in neither place, and there is nobody to ask.

    """
    found = look(backend_name, option, target)
    if not found:
        msg = (
            f"backend {backend_name!r} needs its secret option {option!r}{f' for {target}' if target else ''}, which is never "
            f"stored. Give it: "
            f"cl.Backend({backend_name!r}, {option}=…), set {variable(backend_name, option)}, or keep it by the keyring library: "
            f"keyring.set_password({SERVICE!r}, '{backend_name}.{option}', …)."
        )
        raise errors.InvalidInput(msg)
    return found


def look(backend_name: str, option: str, target: str = "") -> str | None:
    """Return the secret as :func:`find` does; None if it is nowhere, or nobody types it."""
    found = os.environ.get(variable(backend_name, option)) or _from_keyring(f"{backend_name}.{option}")
    return found or _asked(f"{option} of backend {backend_name}{f' ({target})' if target else ''}: ") or None


def _from_keyring(name: str) -> str | None:
    try:
        import keyring  # noqa: PLC0415 - an extra that not everybody has
    except ImportError:
        return None
    try:
        found: str | None = keyring.get_password(SERVICE, name)
    except Exception:  # noqa: BLE001 - a keyring that is locked or broken is one without the secret
        return None
    return found


def _asked(prompt: str) -> str | None:
    # a notebook's own getpass asks in the cell; elsewhere there is somebody to ask only at a terminal
    if not (sys.stdin.isatty() or hasattr(builtins, "__IPYTHON__")):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)  # what is typed would be seen
            return getpass.getpass(prompt)
    except (RuntimeError, OSError, EOFError, getpass.GetPassWarning):  # a kernel without a front end that can be asked
        return None
