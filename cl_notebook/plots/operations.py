"""Select recorded operations, to be counted by the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.frames import query
from cl_notebook.frames.columns import operations_of
from cl_notebook.model import Backend
from cl_notebook.model.base import Tracked
from cl_notebook.model.operations import liveness
from cl_notebook.model.operations.tables import FAILED, INTERRUPTED, LOST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

BAD = (FAILED, INTERRUPTED, LOST)
"""Statuses of operations that did not do what was asked."""


def select(connection: sa.Connection, columns: Sequence[str], filters: Mapping[str, object]) -> sa.Subquery:
    """Return the operations that match the *filters* of :func:`cl_notebook.frames.operations`, with *columns* and ``id``.

    Raises:
        InvalidInput: a filter is wrong.

    """
    (statement,) = query.build(
        "operations",
        columns=columns,
        filters=filters,
        sort=None,
        limit=None,
        marker=None,
        run_query=lambda asked: connection.execute(asked).all(),
        dialect=connection.dialect.name,
        source=operations_of(liveness.dead(connection)),
    )
    return statement.order_by(None).subquery("selected")


def filters_of(resource: object, filters: Mapping[str, object]) -> dict[str, Any]:
    """Return *filters*, and those for the operations of *resource*: a backend's are those of its volumes, too.

    Raises:
        InvalidInput: *resource* is not a resource.

    """
    if resource is None:
        return dict(filters)
    if not isinstance(resource, Tracked):
        msg = f"A plot is of a backend, volume, snapshot or connection, not of {resource!r}. cl.find(…) gives one by its name."
        raise errors.InvalidInput(msg)
    return (
        {"backend": [resource.name]} | dict(filters)
        if isinstance(resource, Backend)
        else {"resource_id": [resource.id], **filters}
    )


def nothing(filters: Mapping[str, object], what: str = "operations") -> str:
    """Return the line for a plot of *what* if there is none of it."""
    return f"No {what} match. Try fewer filters." if filters else f"No {what} are recorded yet."
