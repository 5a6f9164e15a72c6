"""What drivers keep for the initiators of hosts: Cinder's table ``driver_initiator_data``, of every backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from cl_notebook.store.types import reg

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cl_notebook.drivers.records import InitiatorData

TABLE = sa.Table(
    "driver_initiator_data",
    reg.metadata,
    sa.Column("backend_id", sa.String(36), primary_key=True),
    sa.Column("initiator", sa.String(255), primary_key=True),
    sa.Column("namespace", sa.String(64), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("value", sa.String(255), nullable=False),
)


def read(connection: sa.Connection, backend_id: str) -> list[InitiatorData]:
    """Return what the driver of a backend kept."""
    rows = connection.execute(sa.select(TABLE).where(TABLE.c.backend_id == backend_id))
    return [{"initiator": row.initiator, "namespace": row.namespace, "key": row.key, "value": row.value} for row in rows]


def write(connection: sa.Connection, backend_id: str, kept: Iterable[InitiatorData]) -> None:
    """Keep *kept* for a backend; a value that is there already is replaced."""
    for row in kept:
        where = (TABLE.c.backend_id == backend_id, *(TABLE.c[name] == row[name] for name in ("initiator", "namespace", "key")))
        connection.execute(sa.delete(TABLE).where(*where))
        connection.execute(sa.insert(TABLE), {"backend_id": backend_id, **row})


def forget(connection: sa.Connection, backend_id: str) -> None:
    """Forget all that the driver of a backend kept."""
    connection.execute(sa.delete(TABLE).where(TABLE.c.backend_id == backend_id))
