"""Which drivers there are: names from the entry points ``cl_notebook.drivers``, and the classes behind them."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.drivers.config import check_config, masked, storable

if TYPE_CHECKING:
    from collections.abc import Collection
    from importlib.metadata import EntryPoint

    from cl_notebook.drivers.base import Driver

__all__ = ["GROUP", "check_config", "driver_names", "load_driver", "masked", "storable"]

GROUP = "cl_notebook.drivers"
"""The entry point group: a package that ships a driver names its class there."""

_CINDER = "cinder.volume.drivers."


def driver_names(*, blocked: Collection[str] = ()) -> list[str]:
    """Return the names of the drivers that are installed and not *blocked*, sorted; none of them is imported for that."""
    return sorted({entry.name for entry in entry_points(group=GROUP)} - set(blocked))


def load_driver(name: str, *, blocked: Collection[str] = ()) -> type[Driver]:
    """Import the driver called *name* and return its class.

    Raises:
        errors.InvalidInput: *name* is no text.
        errors.NotFound: no such driver is installed, or it is blocked.
        errors.NotSupported: *name* is the path of a Cinder driver, or the driver is there but what it needs is not.

    """
    if not isinstance(name, str):
        msg = f"volume_driver must be the name of a driver, not {name!r}"
        raise errors.InvalidInput(msg)
    if name in blocked:
        msg = f"driver {name!r} is blocked here; drivers: {_listed(blocked)}"
        raise errors.NotFound(msg)
    if name.startswith(_CINDER):
        msg = f"{name} is a Cinder driver, which this version cannot run yet; drivers: {_listed(blocked)}"
        raise errors.NotSupported(msg, driver=name, call="load")
    found = list(entry_points(group=GROUP, name=name))
    if not found:
        msg = (
            f"no driver is called {name!r}.{errors.did_you_mean(name, driver_names(blocked=blocked))} drivers: {_listed(blocked)}"
        )
        raise errors.NotFound(msg)
    return _load(found[0])


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
