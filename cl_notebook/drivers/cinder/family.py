"""Cinder drivers by their path: one class of ours for each, with the options and the capabilities that it has there."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.drivers.cinder.capable import MIXINS
from cl_notebook.drivers.cinder.child import Child
from cl_notebook.drivers.cinder.driver import CinderDriver
from cl_notebook.drivers.cinder.options import from_cinder, interpreter

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "cinder.volume.drivers."
"""What the path of a Cinder driver begins with; nothing else of Cinder is imported for anybody."""


def is_cinder(name: str) -> bool:
    """Return whether *name* is the path of a Cinder driver."""
    return name.startswith(PREFIX)


def driver_class(path: str, options: Mapping[str, Any]) -> type[CinderDriver]:
    """Return the class for the Cinder driver at *path*, in the Python that *options* name.

    Raises:
        errors.NotSupported: that Python has no Cinder, or lacks what the driver needs.
        errors.NotFound: Cinder has no such driver there.
        errors.InvalidInput: that Python cannot be started.

    """
    return _class(path, interpreter(options))


@functools.lru_cache(maxsize=64)
def _class(path: str, python: str) -> type[CinderDriver]:
    # What an installed Cinder says of a driver does not change under a running kernel; asking takes as long as importing it.
    child = Child(python)
    try:
        told = child.ask("describe", f"driver {path!r}", path=path)
    except BaseException:  # an interrupt as well
        child.close()
        raise
    if not told:
        child.close()
        msg = f"the Cinder of {python} has no driver {path!r}. %cl_drivers WORD searches those that it has."
        raise errors.NotFound(msg)
    bases = tuple(mixin for name, mixin in MIXINS.items() if told["features"].get(name))
    members = {
        "__doc__": told["help"],
        "__module__": __name__,
        "path": path,
        "python": python,
        "release": told["release"],
        "declared": from_cinder(told["options"]),
        "class_features": told["features"],
        "missing": tuple(told["missing"]),
        "spare": [child],
    }
    return type(path.rpartition(".")[2], (*bases, CinderDriver), members)
