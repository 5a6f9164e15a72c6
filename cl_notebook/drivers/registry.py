"""Finds drivers: by the entry points ``cl_notebook.drivers``, or as Cinder drivers by path or class."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.drivers.options import check_config, masked, storable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from importlib.metadata import EntryPoint

    from cl_notebook.drivers.api import Driver

__all__ = ["GROUP", "check_config", "driver_names", "load_driver", "masked", "storable"]

GROUP = "cl_notebook.drivers"
"""The entry point group in which packages register their driver classes."""


def driver_names(*, blocked: Collection[str] = ()) -> list[str]:
    """Return the sorted names of the installed drivers that are not *blocked*; no driver is imported."""
    return sorted({entry.name for entry in entry_points(group=GROUP)} - set(blocked))


def is_known(name: str) -> bool:
    """Return whether *name* is an installed driver, or looks like the path of a Cinder driver; nothing is imported."""
    return name in driver_names() or re.fullmatch(r"cinder\.volume\.drivers(\.[A-Za-z_]\w*)+", name, re.ASCII) is not None


def load_driver(name: str, options: Mapping[str, Any] | None = None, *, blocked: Collection[str] = ()) -> type[Driver]:
    """Return the driver class called *name*: an entry point, or a Cinder driver by its path or class.

    A Cinder driver is looked up in the Python that the backend's *options* name.

    Raises:
        errors.InvalidInput: *name* is not a text, or the Python cannot be started.
        errors.NotFound: no such driver is installed, or it is blocked.
        errors.Ambiguous: several Cinder drivers match *name*.
        errors.NotSupported: the driver exists, but Cinder or a library that it needs does not.

    """
    if not isinstance(name, str):
        msg = f"volume_driver must be the name of a driver, not {name!r}."
        raise errors.InvalidInput(msg)
    if name in blocked:
        msg = f"Driver {name!r} is blocked here. Drivers: {_listed(blocked)}."
        raise errors.NotFound(msg)
    matched = list(entry_points(group=GROUP, name=name))
    if matched:
        return _load(matched[0])
    hint = errors.did_you_mean(name, driver_names(blocked=blocked))
    msg = f"No driver is called {name!r}.{hint} Drivers: {_listed(blocked)}."
    try:
        return _cinder_driver(name, options or {})
    except errors.NotSupported as error:
        if is_path(name):
            raise
        raise errors.NotFound(msg if hint else f"{msg} {error}") from error
    except errors.NotFound as error:
        if is_path(name) or isinstance(error, errors.Ambiguous):
            raise
        msg = f"{msg} {error}"
        raise errors.NotFound(msg) from error


def described_driver(name: str, options: Mapping[str, Any] | None = None) -> type[Driver]:
    """Return the driver class called *name* for what it declares; see :func:`load_driver` for errors.

    The child process that described a Cinder driver is ended: no backend is opened with the class.
    """
    cls = load_driver(name, options)
    release = getattr(cls, "release_spare", None)
    if release is not None:
        release()
    return cls


def is_path(name: str) -> bool:
    """Return whether *name* is a path, and so the name of a Cinder driver."""
    return "." in name


def driver_name(cls: type[Driver], name: str) -> str:
    """Return the name under which the driver *cls*, loaded by *name*, is stored: its path, if it has one."""
    return str(getattr(cls, "path", name))


def _cinder_driver(name: str, options: Mapping[str, Any]) -> type[Driver]:
    from cl_notebook.drivers import cinder  # noqa: PLC0415 - imported when a Cinder driver is used

    return cinder.driver_class(name, options)


def _load(entry: EntryPoint) -> type[Driver]:
    try:
        loaded: type[Driver] = entry.load()
    except Exception as error:
        library = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
        refusal = errors.NotSupported(_cannot_load(entry, error, library), driver=entry.name, call="load")
        refusal.library = library
        raise refusal from error
    return loaded


def _cannot_load(entry: EntryPoint, error: Exception, library: str) -> str:
    package = entry.dist.name if entry.dist else entry.value
    message = f"Driver {entry.name!r} of {package} cannot be loaded: {errors.one_line(error)}."
    if library:
        message += f" Install what it needs: %pip install {library}"
    return message


def _listed(blocked: Collection[str]) -> str:
    return ", ".join(driver_names(blocked=blocked)) or "none"
