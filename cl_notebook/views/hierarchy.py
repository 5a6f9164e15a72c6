"""The tree as a frame: backend / volume / kind / id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from cl_notebook.model import context
from cl_notebook.views import rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cl_notebook.model.context import Context
    from cl_notebook.views.rows import Row

LEVELS = ("backend", "volume", "kind", "id")


def frame(session: Context | None = None) -> pd.DataFrame:
    """Return every resource, indexed by backend, volume (its id; empty for a backend itself), kind and id.

    Columns: ``name``, ``status`` (categorical), ``size`` (GiB, ``Int64``), ``where`` (host, driver or path) and ``created_at``.
    """
    found = list(_walk(rows.forest(session or context.current(), budget=None)))
    keys = [key for key, _ in found]
    listed = [row for _, row in found]
    index = pd.MultiIndex.from_arrays(
        [pd.array([key[place] for key in keys], dtype="string") for place in range(len(LEVELS))], names=LEVELS
    )
    return pd.DataFrame(
        {
            "name": pd.array([row.name for row in listed], dtype="string"),
            "status": pd.Categorical(pd.array([row.status for row in listed], dtype="string")),
            "size": pd.array([row.size for row in listed], dtype="Int64"),
            "where": pd.array([row.where for row in listed], dtype="string"),
            "created_at": pd.Series([row.created_at for row in listed], dtype="datetime64[ns, UTC]").array,
        },
        index=index,
    )


def _walk(backends: list[Row]) -> Iterator[tuple[tuple[str, str, str, str], Row]]:
    for backend in backends:
        yield (backend.name, "", "backend", backend.id), backend
        for volume in backend.children:
            for row in volume.walk():
                yield (backend.name, volume.id, row.kind, row.id), row
