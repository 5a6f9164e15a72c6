"""Cinder drivers by their path: one class of ours for each, with the options and the capabilities that it has there."""

from __future__ import annotations

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
"""What the path of a driver begins with that Cinder ships, or once had; nothing else of Cinder is imported for anybody."""

_IMPORTABLE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
"""The path of a class."""


def driver_class(name: str, options: Mapping[str, Any]) -> type[CinderDriver]:
    """Return the class for the Cinder driver called *name*, in the Python that *options* name.

    It is the path of a class, which need not be one of Cinder's own, an older path, the class alone, or the end of a path
    (``RBDDriver``, ``rbd.RBDDriver``).

    Raises:
        errors.NotSupported: that Python has no Cinder, or lacks what the driver needs.
        errors.NotFound: that Python has no such driver.
        errors.Ambiguous: Cinder has several drivers of that name.
        errors.InvalidInput: that Python cannot be started.

    """
    python = interpreter(options)
    if name.startswith("cinder.") and not name.startswith(PREFIX):
        msg = f"A driver of Cinder's has a path such as {PREFIX}rbd.RBDDriver, not {name!r}; nothing else is imported."
        raise errors.NotFound(msg)
    if not name.startswith("cinder."):
        path = catalog.find(name, python)
        if path is None and not _IMPORTABLE.fullmatch(name):
            raise errors.NotFound(_no_driver(name, python))
        name = path or name
    return _class(name, python)


@functools.lru_cache(maxsize=64)
def _class(path: str, python: str) -> type[CinderDriver]:
    # What an installed Cinder says of a driver does not change under a running kernel; asking takes as long as importing it.
    child = WorkerProcess(python)
    try:
        told = child.ask("describe", f"driver {path!r}", path=path)
    except BaseException:  # an interrupt as well
        child.close()
        raise
    if not told:
        child.close()
        raise errors.NotFound(_no_driver(path, python))
    if told["path"] != path:
        child.close()
        return _class(told["path"], python)
    return described(path, python, told, [child])


def described(path: str, python: str, told: Mapping[str, Any], spare: list[WorkerProcess]) -> type[CinderDriver]:
    """Return the class for the driver at *path* in *python*, of which a child *told* this; *spare* has that child."""
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
        "beside": frozenset(told["beside"]),
        "spare": spare,
    }
    return type(path.rpartition(".")[2], (*bases, CinderDriver), members)


def _no_driver(name: str, python: str) -> str:
    known = [entry[field] for entry in catalog.drivers(python) for field in ("name", "path")]
    hint = errors.did_you_mean(name, known)
    return f"The Cinder of {python} has no driver {name!r}.{hint} %cl_drivers WORD searches those that it has."
