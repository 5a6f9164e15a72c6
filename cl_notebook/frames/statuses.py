"""Tell a misspelt status in a filter from one that no resource has at the moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.frames.columns import SOURCES
from cl_notebook.model.operations import lifecycle
from cl_notebook.model.operations.tables import DONE, FAILED, INTERRUPTED, LOST, RUNNING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from typing import Any

    RunQuery = Callable[[sa.Select[Any]], Sequence[Any]]

COLUMNS = frozenset({"status", "attach_status"})
"""Columns whose values are statuses."""

_CINDER = frozenset(
    {
        *("attaching", "detaching", "maintenance", "reserved", "awaiting-transfer", "migrating", "uploading", "downloading"),
        *("backing-up", "restoring-backup", "error_backing-up", "error_restoring", "error_managing", "deleted"),
    }
)
"""Statuses of Cinder's that cl_notebook does not set, but that documents and databases of others bring."""

KNOWN: Mapping[str, frozenset[str]] = {
    "volumes": _CINDER.union(lifecycle.statuses("volume"), lifecycle.ATTACH_STATUSES),
    "snapshots": _CINDER.union(lifecycle.statuses("snapshot")),
    "connections": _CINDER.union(lifecycle.statuses("connection"), lifecycle.ATTACH_STATUSES),
    "operations": frozenset({RUNNING, DONE, FAILED, INTERRUPTED, LOST}),
}
"""By kind of frame, the statuses that its resources may have."""


def refuse_unknown(
    name: str, parts: Iterable[str], kinds: Collection[str], run_query: RunQuery, *, beginnings: bool = False
) -> None:
    """Refuse a filter of the column *name* by a status that the *kinds* do not know and that no row has.

    Args:
        name: the column.
        parts: the statuses of the filter, with or without a ``!`` before them; patterns are not checked.
        kinds: the frames whose rows are filtered; those without known statuses accept any.
        run_query: executes a query for each status that is not known.
        beginnings: accept the beginning of a known status, too, as in a filter that is still being typed.

    Raises:
        InvalidInput: a status is misspelt; the message has the closest one.

    """
    if name not in COLUMNS or not all(kind in KNOWN for kind in kinds):
        return
    known = frozenset().union(*(KNOWN[kind] for kind in kinds))
    for part in parts:
        status = part.lstrip("!=").strip()
        if not status or set("*?") & set(status) or status in known:
            continue
        if beginnings and any(word.startswith(status) for word in known):
            continue
        columns = [SOURCES[kind].columns[name].sql for kind in kinds if name in SOURCES[kind].columns]
        if any(run_query(sa.select(sa.literal(1)).where(column == status).limit(1)) for column in columns):
            continue
        hint = errors.did_you_mean(status, sorted(known)) or f" Statuses: {', '.join(sorted(known))}."
        msg = f"No status is called {status!r}.{hint}"
        raise errors.InvalidInput(msg)
