"""The drivers of a Cinder installation, listed once per Python."""

from __future__ import annotations

import contextlib
import copy
from typing import TYPE_CHECKING, Any, TypedDict

from cl_notebook import errors
from cl_notebook.drivers.cinder.options import PYTHON, interpreter
from cl_notebook.drivers.cinder.process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Callable

_DRIVERS: dict[str, list[CatalogEntry]] = {}
"""Python -> its Cinder's drivers."""

_RENAMED: dict[str, dict[str, str]] = {}
"""Python -> older path of a driver -> current path."""

_SUPPORTED: dict[tuple[str, int], dict[str, dict[str, Any]]] = {}
"""(Python, output version) -> driver class -> description, as cinderlib gives it."""


class CatalogEntry(TypedDict):
    """One driver that a Cinder ships.

    ``name`` is its class, ``help`` the first paragraph of its docstring, and ``search_text`` the words of its options' help.
    """

    name: str
    path: str
    help: str
    version: str
    supported: bool
    search_text: str


def drivers(python: str | None = None) -> list[CatalogEntry]:
    """Return the drivers of the Cinder in *python* (this one by default), sorted by path; no driver is imported.

    Raises:
        errors.NotSupported: that Python has no Cinder.
        errors.InvalidInput: it cannot be started.

    """
    return list(_DRIVERS[_load(python)])


def renamed(python: str | None = None) -> dict[str, str]:
    """Return the older paths of drivers that the Cinder in *python* still accepts: older path -> current path.

    Raises:
        errors.NotSupported: that Python has no Cinder.
        errors.InvalidInput: it cannot be started.

    """
    return dict(_RENAMED[_load(python)])


def _load(python: str | None) -> str:
    path = interpreter({PYTHON: python})
    if path not in _DRIVERS:
        with contextlib.closing(WorkerProcess(path)) as child:
            reply = child.ask("catalog", "Cinder's drivers")
        _RENAMED[path] = reply["renamed"]
        _DRIVERS[path] = reply["drivers"]
    return path


def supported(version: int = 1, python: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the drivers of the Cinder in *python* with their options, as cinderlib lists them: class name -> description.

    Each has ``class_name``, ``class_fqn``, ``desc``, ``version``, ``supported``, ``ci_wiki_name`` and ``driver_options``. A child
    imports all drivers for that, once per Python, which takes some seconds.

    Args:
        version: 1 gives all values of options as text, 2 gives typed values, and the options' types as dicts.
        python: the Python that has Cinder, this one by default.

    Raises:
        errors.InvalidInput: *version* is neither 1 nor 2, or that Python cannot be started.
        errors.NotSupported: it has no Cinder.

    """
    if version not in {1, 2}:
        msg = f"output_version must be 1 or 2, not {version!r}."
        raise errors.InvalidInput(msg)
    path = interpreter({PYTHON: python})
    if (path, version) not in _SUPPORTED:
        with contextlib.closing(WorkerProcess(path)) as child:
            _SUPPORTED[path, version] = child.ask("supported", "Cinder's drivers", version=version)
    return copy.deepcopy(_SUPPORTED[path, version])


def is_known(python: str | None = None) -> bool:
    """Return whether :func:`drivers` has its answer for *python* already, without starting a child."""
    return interpreter({PYTHON: python}) in _DRIVERS


def find(name: str, python: str | None = None, *, by_module: bool = True) -> str | None:
    """Return the path of the driver called *name* in the Cinder of *python*; None if none is.

    *name* is a class, the end of a path, or (with *by_module*) the module of the class, such as ``rbd``. A match in exact letter
    case is preferred.

    Raises:
        errors.Ambiguous: several drivers are called that.
        errors.NotSupported: that Python has no Cinder.
        errors.InvalidInput: it cannot be started.

    """
    paths = [entry["path"] for entry in drivers(python)]
    older = renamed(python)
    for normalize in (str, str.lower):
        matched = _ending(name, paths, normalize) or [older[path] for path in _ending(name, list(older), normalize)]
        if matched:
            return _the_one(name, matched)
    of_module = [path for path in paths if by_module and short_name(path) == name.lower()]
    return _the_one(name, of_module) if of_module else None


def short_name(path: str) -> str:
    """Return the short name of the driver at *path*: the module of its class, in lower case (``rbd``)."""
    return path.split(".")[-2].lower()


def _the_one(name: str, matched: list[str]) -> str:
    if len(matched) > 1:
        heading = f"Cinder has {len(matched)} drivers called {name!r}. Type the path of one:"
        msg = f"{heading} {', '.join(matched)}."
        raise errors.Ambiguous(msg, matched, heading)
    return matched[0]


def _ending(name: str, paths: list[str], normalize: Callable[[str], str]) -> list[str]:
    return [path for path in paths if f".{normalize(path)}".endswith(f".{normalize(name)}")]
