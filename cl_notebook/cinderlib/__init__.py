"""cinderlib's names, for scripts that were written for it: ``from cl_notebook import cinderlib``.

:func:`install` makes ``import cinderlib`` import it, for scripts that cannot be changed. Each object wraps one of
:mod:`cl_notebook`, which is its ``obj``.
"""

from __future__ import annotations

import importlib
import logging.config  # noqa: F401 - scripts use it without importing it, as cinderlib had
import sys
from typing import Any

from cl_notebook.cinderlib import cinderlib, exception, objects, persistence, serialization, utils
from cl_notebook.cinderlib.base import DEFAULT_PROJECT_ID, DEFAULT_USER_ID
from cl_notebook.cinderlib.cinderlib import Backend, setup
from cl_notebook.cinderlib.objects import Connection, KeyValue, Snapshot, Volume
from cl_notebook.cinderlib.serialization import dump, dumps, json, jsons, load
from cl_notebook.session import default_session

__version__ = "5.2.0"
"""The release of cinderlib whose names the package has."""

__all__ = [
    "DEFAULT_PROJECT_ID",
    "DEFAULT_USER_ID",
    "Backend",
    "Connection",
    "KeyValue",
    "Snapshot",
    "Volume",
    "cinderlib",
    "dump",
    "dumps",
    "exception",
    "get_connector_properties",
    "install",
    "json",
    "jsons",
    "list_supported_drivers",
    "load",
    "objects",
    "persistence",
    "serialization",
    "setup",
    "utils",
]

list_supported_drivers = Backend.list_supported_drivers

# not cmd: Python finds it in the folder of the package, under the name by which `python -m cinderlib.cmd.…` runs it
_MODULES = ("base", "cinderlib", "exception", "objects", "persistence", "serialization", "utils")


def get_connector_properties(
    root_helper: str,  # noqa: ARG001 - os-brick's signature; setup() has named it
    my_ip: str,
    multipath: bool,  # noqa: FBT001 - as above
    enforce_multipath: bool,  # noqa: FBT001 - as above
    host: str | None = None,
) -> dict[str, Any]:
    """Return os-brick's connector properties of this host, for ``Volume.connect``."""
    attaching = default_session().host
    properties = attaching.connector_properties(None, multipath=multipath, enforce_multipath=enforce_multipath)
    return {**properties, "ip": my_ip, "host": host or properties["host"]}


def install() -> None:
    """Make ``import cinderlib`` import this package, and ``cinderlib.objects`` and the like its modules.

    Raises:
        ImportError: another package ``cinderlib`` was imported before.

    """
    package = sys.modules[__name__]
    imported = sys.modules.setdefault("cinderlib", package)
    if imported is not package:
        msg = f"cinderlib was imported already, from {getattr(imported, '__file__', 'elsewhere')}: call install() before."
        raise ImportError(msg, name="cinderlib")
    for name in _MODULES:
        sys.modules[f"cinderlib.{name}"] = importlib.import_module(f"{__name__}.{name}")
