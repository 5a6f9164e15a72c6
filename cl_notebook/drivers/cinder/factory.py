"""Creates a driver class for a Cinder driver, with the options and capabilities that it has in its Cinder."""

from __future__ import annotations

import contextlib
import functools
import re
from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.drivers.cinder import catalog
from cl_notebook.drivers.cinder.driver import MIXINS, CinderDriver
from cl_notebook.drivers.cinder.options import from_cinder, interpreter
from cl_notebook.drivers.cinder.process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "cinder.volume.drivers."
"""The package of Cinder's drivers: a path in ``cinder.`` outside of it is never imported."""

_IMPORTABLE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
"""The path of a class."""


def driver_class(name: str, options: Mapping[str, Any]) -> type[CinderDriver]:
    """Return the class for the Cinder driver called *name*, in the Python that *options* name.

    *name* is the path of a class, also of one that Cinder does not ship or of one under an older path, or the class alone, or
    the end of a path, or its module (``RBDDriver``, ``rbd.RBDDriver``, ``rbd``).

    Raises:
        errors.NotSupported: that Python has no Cinder, or lacks what the driver needs.
        errors.NotFound: that Python has no such driver.
        errors.Ambiguous: Cinder has several drivers of that name.
        errors.InvalidInput: that Python cannot be started.

    """
    python = interpreter(options)
    if name.startswith("cinder.") and not name.startswith(PREFIX):
        msg = (
            f"{name!r} is not in Cinder's package of drivers, and nothing else is imported. "
            f"Give a path such as {PREFIX}rbd.RBDDriver."
        )
        raise errors.NotFound(msg)
    if not name.startswith("cinder."):
        if _IMPORTABLE.fullmatch(name):  # most often a whole path; to list Cinder's drivers takes as long as to import one
            with contextlib.suppress(errors.NotFound):
                return _class(name, python)
        path = catalog.find(name, python)
        if path is None:
            raise errors.NotFound(_no_driver(name, python))
        name = path
    return _class(name, python)


@functools.lru_cache(maxsize=64)
def _class(path: str, python: str) -> type[CinderDriver]:
    # cached: an installed Cinder does not change while the kernel runs, and listing takes as long as importing the driver
    child = WorkerProcess(python)
    try:
        description = child.ask("describe", f"driver {path!r}", path=path)
    except BaseException:  # an interrupt as well
        child.close()
        raise
    if not description:
        child.close()
        raise errors.NotFound(_no_driver(path, python))
    if description["path"] != path:
        child.close()
        return _class(description["path"], python)
    return create_class(path, python, description, [child])


def create_class(path: str, python: str, description: Mapping[str, Any], spare: list[WorkerProcess]) -> type[CinderDriver]:
    """Return the class for the driver at *path* in *python* from a child's *description*; *spare* holds that child for reuse."""
    bases = tuple(mixin for name, mixin in MIXINS.items() if description["features"].get(name))
    members = {
        "__doc__": description["help"],
        "__module__": __name__,
        "path": path,
        "python": python,
        "release": description["release"],
        "declared": from_cinder(description["options"]),
        "class_features": description["features"],
        "missing": tuple(description["missing"]),
        "in_default": frozenset(description["in_default"]),
        "spare": spare,
    }
    return type(path.rpartition(".")[2], (*bases, CinderDriver), members)


def _no_driver(name: str, python: str) -> str:
    entries = catalog.drivers(python)
    known = [word for entry in entries for word in (entry["name"], entry["path"], catalog.short_name(entry["path"]))]
    hint = errors.did_you_mean(name, known)
    return f"The Cinder of {python} has no driver {name!r}.{hint} %cl_drivers WORD searches those that it has."
