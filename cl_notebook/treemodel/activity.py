"""What is being done with the rows of a page: the operations that run on them, and how far they are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from cl_notebook.model import Kernel, Operation
from cl_notebook.model.operations.liveness import TOLD, is_dead
from cl_notebook.model.operations.tables import RUNNING
from cl_notebook.store.changefeed import ENTRY, PROGRESS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Busy:
    """An operation that runs on a row: ``done`` is a fraction if that is known, ``gone`` says that its kernel is dead."""

    doing: str
    since: dt.datetime
    done: float | None = None
    gone: bool = False


def running(connection: sa.Connection, ids: Sequence[str]) -> dict[str, Busy]:
    """Return what is being done with the resources of these *ids*; of several operations, the one that began last."""
    what = (Operation.id.label("operation"), Operation.resource_id, Operation.action, Operation.started_at)
    statement = sa.select(*what, *TOLD).join(Kernel, Operation.kernel_id == Kernel.id)
    statement = statement.where(Operation.status == RUNNING, Operation.resource_id.in_(ids)).order_by(Operation.id)
    latest = {row["resource_id"]: row for row in connection.execute(statement).mappings()}
    if not latest:
        return {}
    done = _done(connection, {row["operation"]: row_id for row_id, row in latest.items()})
    dead = {row["id"]: is_dead(dict(row)) for row in {row["id"]: row for row in latest.values()}.values()}
    return {row_id: Busy(row["action"], row["started_at"], done.get(row_id), dead[row["id"]]) for row_id, row in latest.items()}


def _done(connection: sa.Connection, operations: dict[int, str]) -> dict[str, float]:
    newest = (
        sa.select(sa.func.max(ENTRY.c.number))
        .where(ENTRY.c.resource_id.in_(operations.values()), ENTRY.c.event == PROGRESS)
        .where(ENTRY.c.operation_id.in_(operations))
        .group_by(ENTRY.c.operation_id)
    )
    statement = sa.select(ENTRY.c.operation_id, ENTRY.c.status).where(ENTRY.c.number.in_(newest))
    found = {operations[operation]: _fraction(status) for operation, status in connection.execute(statement)}
    return {row_id: fraction for row_id, fraction in found.items() if fraction is not None}


def _fraction(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return min(1.0, max(0.0, value)) if math.isfinite(value) else None
