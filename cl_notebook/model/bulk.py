"""Insert many rows in a few statements, and write history and change feed as for single inserts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook.model.operations import lifecycle
from cl_notebook.model.operations import tables as op
from cl_notebook.store import changefeed
from cl_notebook.store.types import utcnow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BATCH = 5_000
"""Number of rows that one statement inserts."""

Rows = dict[str, Any]
"""The values of a row, by the names of its columns."""


def insert(connection: sa.Connection, cls: Any, rows: Sequence[Rows]) -> None:  # noqa: ANN401 - a mapped class
    """Insert *rows* of the mapped class *cls* in the transaction of *connection*."""
    table: sa.Table = cls.__table__
    for start in range(0, len(rows), _BATCH):
        connection.execute(sa.insert(table), rows[start : start + _BATCH])


def note(
    connection: sa.Connection,
    *,
    kernel_id: str,
    action: str,
    backend: tuple[str, str],
    created: Mapping[Any, Sequence[Rows]],
    arguments: Mapping[str, Any],
) -> None:
    """Record in the history and the change feed that *action* inserted rows.

    Call it last in the transaction, and call ``ChangeTracker.poll()`` after the commit, so that the session reads its cached
    objects again.

    Args:
        connection: a connection within the transaction that inserted the rows.
        kernel_id: the id of this kernel from the journal; read it before the transaction, because reading may insert a row.
        action: the action for the history.
        backend: id and name of the backend that the rows belong to.
        created: the inserted rows by class.
        arguments: the arguments of the action for the history.

    """
    now = utcnow()
    operation = {
        "action": action,
        "call": None,
        "status": op.DONE,
        "resource_type": "backend",
        "resource_id": backend[0],
        "resource_name": backend[1],
        "backend_id": backend[0],
        "arguments": dict(arguments),
        "kernel_id": kernel_id,
        "started_at": now,
        "ended_at": now,
        "duration": 0.0,
    }
    key = connection.execute(sa.insert(op.Operation), operation).inserted_primary_key
    number = key[0] if key else None
    entries = [changefeed.Entry("outcome", "backend", backend[0], operation_id=number)]
    for cls, rows in created.items():
        entries.extend(_entry(cls.kind, row, number) for row in rows)
    changefeed.append_many(connection, entries)


def _entry(kind: str, row: Rows, operation: int | None) -> changefeed.Entry:
    status = row.get(lifecycle.status_column(kind))
    return changefeed.Entry("outcome", kind, row["id"], row.get("volume_id"), row["backend_id"], status, operation)
