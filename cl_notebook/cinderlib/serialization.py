"""Provide cinderlib's functions for documents; they write and read this package's documents."""

from __future__ import annotations

from typing import Any

from cl_notebook import serialization
from cl_notebook.cinderlib.base import wrapped
from cl_notebook.serialization import dump, dumps, json, jsons

__all__ = ["dump", "dumps", "json", "jsons", "load"]


def load(json_src: Any, save: bool = False, *, trust: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - cinderlib's signature
    """Return the object of a document, or the list of its objects."""
    return wrapped(serialization.load(json_src, save=save, trust=trust))
