"""What was being done to a resource when it was cut short, and whether it still is, as the history of operations tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.model import Operation, verbs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.model.tracked import Tracked

_BY_STATUS = {
    "creating": "create",
    "deleting": "delete",
    "error_deleting": "delete",
    "extending": "extend",
    "error_extending": "extend",
    "reverting": "revert",
    "managing": "manage",
    "unmanaging": "unmanage",
    "retyping": "retype",
}
_ACTIONS = ("create", "delete", "extend", "revert", "manage", "unmanage", "retype", "connect", "attach", "detach", "disconnect")


@dataclass(frozen=True, slots=True)
class Past:
    """The act that a resource's status comes from: nothing is known where *action* is empty."""

    action: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


def of(resource: Tracked) -> Past:
    """Return the last act on *resource*, or that which its status names."""
    named = _BY_STATUS.get(str(getattr(resource, "status", "")))
    wanted = [named] if named else list(_ACTIONS)
    statement = (
        sa.select(Operation.action, Operation.arguments)
        .where(Operation.resource_id == resource.id, Operation.action.in_(wanted))
        .order_by(Operation.id.desc())
        .limit(1)
    )
    with resource.context.store.reading() as connection:
        row = connection.execute(statement).one_or_none()
    return Past(row.action, row.arguments or {}) if row is not None else Past(named or "")


def refuse_if_at_work(resource: Tracked, *, force: bool) -> None:
    """Refuse to touch what a living kernel works on.

    Raises:
        InvalidStatus: one does.

    """
    with resource.context.store.reading() as connection:
        row = None if force else verbs.worked_on_by(resource.context, connection, resource)
    if row is not None:
        msg = f"{row['action']!r} is being done to {resource.label()} by process {row['pid']} on {row['host']}: wait for it."
        raise errors.InvalidStatus(msg)
