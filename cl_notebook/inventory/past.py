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

_BY_STATUS: Mapping[str, tuple[str, ...]] = {
    "creating": ("create",),
    "deleting": ("delete",),
    "error_deleting": ("delete",),
    "extending": ("extend",),
    "error_extending": ("extend",),
    "reverting": ("revert",),
    "managing": ("manage",),
    "unmanaging": ("unmanage",),
    "retyping": ("retype",),
    "error": ("create", "revert", "retype"),
    "attaching": ("connect", "attach"),
    "error_attaching": ("connect", "attach"),
    "detaching": ("detach", "disconnect"),
    "error_detaching": ("detach", "disconnect"),
}
"""The acts that leave a resource in each status when they are cut short, or fail."""


@dataclass(frozen=True, slots=True)
class Past:
    """The act that a resource's status comes from: nothing is known where *action* is empty."""

    action: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


def of(resource: Tracked) -> Past:
    """Return the last act on *resource* that leads to its status, or the only one that can."""
    wanted = _BY_STATUS.get(str(getattr(resource, "status", "")), ())
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
    return Past(wanted[0]) if len(wanted) == 1 and wanted[0] != "create" else Past()  # what nobody here made is not unmade


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
