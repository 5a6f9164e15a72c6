"""Pictures of what is tracked, each with its frame and a text form: ``cl.plot``. matplotlib draws them, where it is installed."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cl_notebook.plots.api import capacity, latency, lineage, timeline

__all__ = ["capacity", "latency", "lineage", "timeline"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    """Load the pictures, and pandas with them, when the first is asked for."""
    if name in __all__:
        return getattr(importlib.import_module("cl_notebook.plots.api"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return __all__
