"""Build the tree as a frame, indexed by backend, volume, kind and id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from cl_notebook import errors
from cl_notebook.model import context
from cl_notebook.store import damage
from cl_notebook.tabular import typed_frame
from cl_notebook.treemodel import static_tree
from cl_notebook.treemodel.kinds import SHOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cl_notebook.model.context import Context
    from cl_notebook.treemodel.static_tree import Node

LEVELS = ("backend", "volume", "kind", "id")
_SCHEMA = {**dict.fromkeys(LEVELS, "string"), **SHOWN}


def tree(session: Context | None = None) -> pd.DataFrame:
    """Return every resource as a frame in the order of the tree: ``cl.frames.tree()``.

    The index has four levels: backend (name), volume (id, empty for a backend), kind and id.

    Columns: ``name``, ``status`` (categorical), ``size`` (GiB, ``Int64``), ``where`` (host, driver or path) and ``created_at``.
    """
    session = session or context.current()
    with damage.named(session.store):
        return build(list(_walk(static_tree.read(session, budget=None))))


def build(entries: Sequence[tuple[tuple[str, str, str, str], Node]]) -> pd.DataFrame:
    """Return the frame of *entries*: pairs of the values in the index (:data:`LEVELS`) and the row."""
    rows = ((*key, *(getattr(row, field) for field in SHOWN)) for key, row in entries)
    return typed_frame(_SCHEMA, rows, LEVELS, noun="resources")


def _walk(backends: list[Node]) -> Iterator[tuple[tuple[str, str, str, str], Node]]:
    for backend in backends:
        yield (backend.name, "", "backend", backend.id), backend
        for volume in backend.children:
            for row in volume.walk():
                yield (backend.name, volume.id, row.kind, row.id), row


def ids(requested: object) -> list[str]:
    """Return the ids in the index of a frame that comes from ``cl.frames``, also of a filtered one, without duplicates.

    Raises:
        InvalidInput: *requested* is not a frame, or its index has no ids of resources.

    """
    if not isinstance(requested, pd.DataFrame) or "id" not in requested.index.names:
        kind = _describe(requested)
        msg = f"A tree is of a resource, or of a frame indexed by id such as cl.frames.volumes() gives, not of {kind}."
        raise errors.InvalidInput(msg)
    index_ids = requested.index.get_level_values("id")
    if pd.api.types.is_numeric_dtype(index_ids.dtype):  # operations have numbers
        msg = "A tree is of a frame of backends, volumes, snapshots or connections, not of operations."
        raise errors.InvalidInput(msg)
    return list(dict.fromkeys(str(row_id) for row_id in index_ids))


def _describe(requested: object) -> str:
    return (
        f"a frame indexed by {list(requested.index.names)}"
        if isinstance(requested, pd.DataFrame)
        else f"a {type(requested).__name__}"
    )
