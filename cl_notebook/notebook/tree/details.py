"""Collect the contents of the tree's details pane for one resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.model import Connection, Kernel, Operation, Snapshot
from cl_notebook.notebook.output import details as fields
from cl_notebook.notebook.tree import selection
from cl_notebook.notebook.tree.actions import for_a_cell, offers

if TYPE_CHECKING:
    import datetime as dt

    from IPython.core.interactiveshell import InteractiveShell

    from cl_notebook.model.base import Tracked
    from cl_notebook.session import Session

LISTED = 50
"""Largest number of snapshots, and of connections, that are listed."""

HISTORY = 20
"""Largest number of operations that are listed, newest first."""


def details(session: Session, shell: InteractiveShell | None, resource: Tracked) -> dict[str, Any]:
    """Return the payload of the details pane: fields, snapshots, connections, history and available actions of *resource*.

    Raises:
        NotFound: the resource is no longer tracked.

    """
    if resource.is_tracked:
        resource.refresh(keep_edits=True)
    if not resource.is_tracked:
        msg = f"This {resource.kind} is not tracked any more: it was deleted, or its session was closed."
        raise errors.NotFound(msg)
    with session.store.reading() as reading:  # closed before the rest reads: a store in memory has only one connection
        stored = {**_belonging(reading, resource), "history": _history(reading, resource)}
    return {
        "id": resource.id,
        "kind": resource.kind,
        "title": f"{resource.kind} {getattr(resource, 'name', '') or resource.id[:8]}",
        "status": _status(resource),
        "fields": [[name, fields.shown(value)] for name, value in fields.Details(resource).items()],
        **stored,
        "variable": selection.free_name(shell, resource),
        "held": selection.holding(shell, resource),
        "acts": [act | {"line": for_a_cell(shell, act["line"])} for act in offers(session, shell, resource)],
    }


def _status(resource: Any) -> str:  # noqa: ANN401 - a resource of any kind
    if resource.kind == "backend":
        return "open" if resource.is_open else "closed"
    return str(resource.status)


def _belonging(reading: sa.Connection, resource: Tracked) -> dict[str, Any]:
    host = Connection.connector_info["host"].as_string()
    snapshots, more_snapshots = _listed(reading, resource, Snapshot, Snapshot.name, Snapshot.status)
    connections, more_connections = _listed(reading, resource, Connection, host, Connection.attach_status)
    return {
        "snapshots": snapshots,
        "more_snapshots": more_snapshots,
        "connections": connections,
        "more_connections": more_connections,
    }


def _listed(
    reading: sa.Connection,
    resource: Tracked,
    cls: Any,  # noqa: ANN401 - a tracked class
    name: Any,  # noqa: ANN401 - a column
    status: Any,  # noqa: ANN401 - as above
) -> tuple[list[dict[str, Any]], int]:
    """Return the first :data:`LISTED` rows of *cls* that belong to a volume, and the number of further rows."""
    if resource.kind != "volume":
        return [], 0
    is_of_volume = cls.volume_id == resource.id
    columns = sa.select(cls.id, name.label("name"), status.label("status"))
    rows = reading.execute(columns.where(is_of_volume).order_by(cls.created_at, cls.id).limit(LISTED + 1)).all()
    listed = [{"id": row.id, "name": row.name or "", "status": row.status} for row in rows[:LISTED]]
    if len(rows) <= LISTED:
        return listed, 0
    return listed, reading.execute(sa.select(sa.func.count()).select_from(cls).where(is_of_volume)).scalar_one() - LISTED


def _history(reading: sa.Connection, resource: Tracked) -> list[dict[str, Any]]:
    what = (Operation.started_at, Operation.action, Operation.status, Operation.duration, Operation.error)
    statement = (
        sa.select(*what, Kernel.user, Kernel.host)
        .join_from(Operation, Kernel, Operation.kernel_id == Kernel.id)
        .where(Operation.resource_id == resource.id)
        .order_by(Operation.id.desc())
        .limit(HISTORY)
    )
    return [
        {
            "at": _epoch(row.started_at),
            "action": row.action,
            "status": row.status,
            "duration": row.duration,
            "error": row.error,
            "who": f"{row.user}@{row.host}",
        }
        for row in reading.execute(statement)
    ]


def _epoch(moment: dt.datetime) -> float:
    return moment.timestamp()
