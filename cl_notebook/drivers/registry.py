"""Which drivers there are: names from the entry points ``cl_notebook.drivers``, and the classes behind them."""

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
"""The entry point group: a package that ships a driver names its class there."""


def driver_names(*, blocked: Collection[str] = ()) -> list[str]:
    """Return the names of the drivers that are installed and not *blocked*, sorted; none of them is imported for that."""
    return sorted({entry.name for entry in entry_points(group=GROUP)} - set(blocked))


def is_known(name: str) -> bool:
    """Return whether *name* is a driver that is installed, or the path of one of Cinder's; nothing is imported for that."""
    return name in driver_names() or re.fullmatch(r"cinder\.volume\.drivers(\.[A-Za-z_]\w*)+", name, re.ASCII) is not None


def load_driver(name: str, options: Mapping[str, Any] | None = None, *, blocked: Collection[str] = ()) -> type[Driver]:
    """Return the class of the driver called *name*: of an entry point, or of a Cinder driver by its path or its class.

    *options* are those of the backend: a Cinder driver is what the Python that they name has under that name.

    Raises:
        errors.InvalidInput: *name* is no text, or the Python cannot be started.
        errors.NotFound: no such driver is installed, or it is blocked.
        errors.Ambiguous: several of Cinder's drivers are called that.
        errors.NotSupported: the driver is there but what it needs is not, such as Cinder.

    """
    if not isinstance(name, str):
        msg = f"volume_driver must be the name of a driver, not {name!r}"
        raise errors.InvalidInput(msg)
    if name in blocked:
        msg = f"driver {name!r} is blocked here; drivers: {_listed(blocked)}"
        raise errors.NotFound(msg)
    found = list(entry_points(group=GROUP, name=name))
    if found:
        return _load(found[0])
    hint = errors.did_you_mean(name, driver_names(blocked=blocked))
    msg = f"no driver is called {name!r}.{hint} drivers: {_listed(blocked)}"
    try:
        return _cinder_driver(name, options or {})
    except errors.NotSupported as error:
        if is_path(name):
            raise
        raise errors.NotFound(msg) from error
    except errors.NotFound as error:
        if is_path(name) or isinstance(error, errors.Ambiguous):
            raise
        msg = f"{msg}. {error}"
        raise errors.NotFound(msg) from error


def is_path(name: str) -> bool:
    """Return whether *name* is a path, so that the driver is one of Cinder's interface."""
    return "." in name


def driver_name(cls: type[Driver], name: str) -> str:
    """Return what the driver *cls*, which was loaded by *name*, is stored by: its path, if it has one."""
    return str(getattr(cls, "path", name))


def _cinder_driver(name: str, options: Mapping[str, Any]) -> type[Driver]:
    from cl_notebook.drivers import cinder  # noqa: PLC0415 - it speaks to another process: only who uses one pays for it

    return cinder.driver_class(name, options)


def _load(entry: EntryPoint) -> type[Driver]:
    try:
        loaded: type[Driver] = entry.load()
    except Exception as error:
        raise errors.NotSupported(_cannot_load(entry, error), driver=entry.name, call="load") from error
    return loaded


def _cannot_load(entry: EntryPoint, error: Exception) -> str:
    package = entry.dist.name if entry.dist else entry.value
    message = f"driver {entry.name!r} of {package} cannot be loaded: {errors.one_line(error)}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        message += f"; install what it needs: %pip install {error.name.partition('.')[0]}"
    return message


def _listed(blocked: Collection[str]) -> str:
    return ", ".join(driver_names(blocked=blocked)) or "none"
