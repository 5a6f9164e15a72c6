"""What a Cinder has to offer: its drivers."""

from __future__ import annotations

import contextlib
import copy
from typing import TYPE_CHECKING, Any, TypedDict

from cl_notebook import errors
from cl_notebook.drivers.cinder.options import PYTHON, interpreter
from cl_notebook.drivers.cinder.process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Callable

_KNOWN: dict[str, list[CatalogEntry]] = {}
_RENAMED: dict[str, dict[str, str]] = {}
_SUPPORTED: dict[tuple[str, int], dict[str, dict[str, Any]]] = {}


class CatalogEntry(TypedDict):
    """One driver that a Cinder ships: its class and path, what its docstring says first, its version; is it supported?

    ``words`` are those of its options, to search in.
    """

    name: str
    path: str
    help: str
    version: str
    supported: bool
    words: str


def drivers(python: str | None = None) -> list[CatalogEntry]:
    """Return the drivers of the Cinder in *python* (this one by default), by their paths; none of them is imported.

    Raises:
        errors.NotSupported: that Python has no Cinder.
        errors.InvalidInput: it cannot be started.

    """
    return list(_KNOWN[_asked(python)])


def renamed(python: str | None = None) -> dict[str, str]:
    """Return the older paths of drivers that the Cinder in *python* still takes: older -> current.

    Raises:
        errors.NotSupported: that Python has no Cinder.
        errors.InvalidInput: it cannot be started.

    """
    return dict(_RENAMED[_asked(python)])


def _asked(python: str | None) -> str:
    path = interpreter({PYTHON: python})
    if path not in _KNOWN:
        with contextlib.closing(WorkerProcess(path)) as child:
            told = child.ask("catalog", "Cinder's drivers")
        _RENAMED[path] = told["renamed"]
        _KNOWN[path] = told["drivers"]
    return path


def supported(version: int = 1, python: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the drivers of the Cinder in *python* with their options, by their classes, as cinderlib lists them.

    Each has ``class_name``, ``class_fqn``, ``desc``, ``version``, ``supported``, ``ci_wiki_name`` and ``driver_options``. All of
    them are imported in a child for that, once, which takes some seconds.

    Args:
        version: 1 gives all values of options as text, 2 gives them as they are, and their types as dicts.
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
    """Return whether :func:`drivers` has asked that Python before, and answers at once."""
    return interpreter({PYTHON: python}) in _KNOWN


def find(name: str, python: str | None = None) -> str | None:
    """Return the path of the driver that the Cinder in *python* ships under *name*: a class, or the end of its path.

    Letter case counts only where two drivers differ in nothing else.

    Raises:
        errors.Ambiguous: several drivers are called that.
        errors.NotSupported: that Python has no Cinder.
        errors.InvalidInput: it cannot be started.

    """
    paths = [entry["path"] for entry in drivers(python)]
    older = renamed(python)
    for spelled in (str, str.lower):
        found = _ending(name, paths, spelled) or [older[path] for path in _ending(name, list(older), spelled)]
        if len(found) > 1:
            msg = f"Cinder has {len(found)} drivers called {name!r}. Type the path of one: {', '.join(found)}."
            raise errors.Ambiguous(msg, found)
        if found:
            return found[0]
    return None


def _ending(name: str, paths: list[str], spelled: Callable[[str], str]) -> list[str]:
    return [path for path in paths if f".{spelled(path)}".endswith(f".{spelled(name)}")]
