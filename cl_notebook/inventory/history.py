"""What was being done to a resource when it was cut short, and whether it still is, as the history of operations tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.model import Operation
from cl_notebook.model.operations import guards, lifecycle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.model.base import Tracked


_NEEDS_OPERATION = frozenset({"create", "delete", "manage", "unmanage"})
"""Acts that are finished or rolled back only where an operation says that they were begun here."""


@dataclass(frozen=True, slots=True)
class Past:
    """The act that a resource's status comes from: nothing is known where *action* is empty."""

    action: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


def of(resource: Tracked) -> Past:
    """Return the last act on *resource* that leads to its status, or the only one that can.

    A row that came in by a document or an import has no operation here. Its status alone must neither remove anything from the
    storage nor end the tracking.
    """
    wanted = lifecycle.LEFT_BY[resource.kind].get(str(getattr(resource, "status", "")), ())
    statement = (
        sa.select(Operation.action, Operation.arguments)
        .where(Operation.resource_id == resource.id, Operation.action.in_(wanted))
        .order_by(Operation.id.desc())
        .limit(1)
    )
    with resource.context.store.reading() as connection:
        row = connection.execute(statement).one_or_none()
    if row is not None:
        return Past(row.action, row.arguments or {})
    return Past(wanted[0]) if len(wanted) == 1 and wanted[0] not in _NEEDS_OPERATION else Past()


def last(resource: Tracked) -> str:
    """Return the last act on *resource*; an empty text if nothing is known of any."""
    statement = sa.select(Operation.action).where(Operation.resource_id == resource.id).order_by(Operation.id.desc()).limit(1)
    with resource.context.store.reading() as connection:
        return str(connection.execute(statement).scalar_one_or_none() or "")


def refuse_if_at_work(resource: Tracked, *, force: bool) -> None:
    """Refuse to touch what a living kernel works on.

    Raises:
        InvalidStatus: one does.

    """
    with resource.context.store.reading() as connection:
        row = None if force else guards.worked_on_by(resource.context, connection, resource)
    if row is not None:
        msg = f"{row['action']!r} is being done to {resource.label()} by process {row['pid']} on {row['host']}: wait for it."
        raise errors.InvalidStatus(msg)
