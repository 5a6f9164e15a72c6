"""DataFrames of everything that is tracked: ``cl.frames``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cl_notebook.frames.api import (
        backends,
        changes,
        connections,
        driver_options,
        drivers,
        log,
        operations,
        read,
        snapshots,
        trash,
        volumes,
    )
    from cl_notebook.treemodel.frame import tree

__all__ = [
    "backends",
    "changes",
    "connections",
    "driver_options",
    "drivers",
    "log",
    "operations",
    "read",
    "snapshots",
    "trash",
    "tree",
    "volumes",
]


_MODULES = {"tree": "cl_notebook.treemodel.frame"}
"""The module of each name that is not in :mod:`cl_notebook.frames.api`: the tree stands above the lists."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    """Load the module that defines *name*, and pandas with it, when the first frame is asked for."""
    if name in __all__:
        return getattr(importlib.import_module(_MODULES.get(name, "cl_notebook.frames.api")), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
