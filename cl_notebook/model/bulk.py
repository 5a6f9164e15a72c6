"""Many rows at once: inserted at the speed of the data base, and told to everybody as if each had been made alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook.model.operations import tables as op
from cl_notebook.store import changefeed
from cl_notebook.store.types import utcnow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BATCH = 5_000
"""Rows that one statement inserts."""

Rows = dict[str, Any]
"""A row, by the names of its columns."""


def insert(connection: sa.Connection, cls: Any, rows: Sequence[Rows]) -> None:  # noqa: ANN401 - a mapped class
    """Insert *rows* of the mapped class *cls*, in the transaction of *connection*."""
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
    """Write into the history that *action* made these rows (by class) on *backend* (id and name), and tell each to the feed.

    *kernel_id* is the journal's, asked for before the transaction, for its row may have to be written first. Call it last in the
    transaction, and ``follower.look()`` after it: what the session holds is then read again.
    """
    now = utcnow()
    row = {
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
    key = connection.execute(sa.insert(op.Operation), row).inserted_primary_key
    number = key[0] if key else None
    entries = [changefeed.Entry("outcome", "backend", backend[0], operation_id=number)]
    for cls, rows in created.items():
        entries.extend(_entry(cls.kind, each, number) for each in rows)
    changefeed.append_many(connection, entries)


def _entry(kind: str, row: Rows, operation: int | None) -> changefeed.Entry:
    status = row.get("attach_status") if kind == "connection" else row.get("status")
    return changefeed.Entry("outcome", kind, row["id"], row.get("volume_id"), row["backend_id"], status, operation)
