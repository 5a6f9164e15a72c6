"""Collect the contents of the tree's details pane for one resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.display.values import shown
from cl_notebook.model import facts
from cl_notebook.notebook.output.details import Details
from cl_notebook.notebook.tree import selection
from cl_notebook.notebook.tree.actions import for_a_cell, offers

if TYPE_CHECKING:
    import sqlalchemy as sa
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
        "fields": [[name, shown(value)] for name, value in Details(resource).items()],
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
    readers = {"snapshots": facts.snapshots, "connections": facts.connections}
    has_any = resource.kind == "volume"
    listings = {name: read(reading, resource.id, LISTED) if has_any else facts.Listing([], 0) for name, read in readers.items()}
    listed = {
        name: [{"id": row.id, "name": row.name or "", "status": row.status} for row in listing.rows]
        for name, listing in listings.items()
    }
    return listed | {f"more_{name}": listing.total - len(listing.rows) for name, listing in listings.items()}


def _history(reading: sa.Connection, resource: Tracked) -> list[dict[str, Any]]:
    return [
        {
            "at": event.started_at.timestamp(),
            "action": event.action,
            "status": event.status,
            "duration": event.duration,
            "error": event.error,
            "who": event.who,
        }
        for event in facts.history(reading, resource.id, HISTORY)
    ]
