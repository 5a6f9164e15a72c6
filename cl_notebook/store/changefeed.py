"""The change feed: an append-only log of changes, and the number of its last entry.

Every change of a tracked row appends an entry in the same transaction. The number comes from the one row of ``feed``, under its
row lock and as the last step before the commit. So entries become visible in the order of their numbers on every database, and a
reader that has seen number N never misses a smaller one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook.store.notify import CHANNEL
from cl_notebook.store.types import BigId, UtcDateTime, reg, utcnow

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

FEED = sa.Table(
    "feed",
    reg.metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("head", sa.BigInteger, nullable=False),
)

ENTRY = sa.Table(
    "entry",
    reg.metadata,
    sa.Column("number", BigId, primary_key=True, autoincrement=False),
    sa.Column("operation_id", BigId, nullable=True),
    sa.Column("event", sa.String(16), nullable=False),
    sa.Column("resource_type", sa.String(16), nullable=False),
    sa.Column("resource_id", sa.String(36), nullable=False),
    sa.Column("volume_id", sa.String(36), nullable=True),
    sa.Column("backend_id", sa.String(36), nullable=True),
    sa.Column("status", sa.String(32), nullable=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Index(None, "resource_id", "number"),
)

_BUMP = sa.update(FEED).where(FEED.c.id == 1).values(head=FEED.c.head + 1)
_BUMP_RETURNING = _BUMP.returning(FEED.c.head)
_BUMP_MANY = sa.update(FEED).where(FEED.c.id == 1).values(head=FEED.c.head + sa.bindparam("count"))
_HEAD = sa.select(FEED.c.head).where(FEED.c.id == 1)
_APPEND = sa.insert(ENTRY)

PROGRESS = "progress"
"""The event of an entry with the progress of an operation (``status``: the fraction as text); it changes no row."""

BEAT = "beat"
"""The event of an entry that records a kernel's heartbeat; it changes no row."""

NO_CHANGE = frozenset({PROGRESS, BEAT})
"""Events of entries that leave cached rows up to date."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: an event (``intent``, ``progress``, ``beat``, ``outcome``, ``save``) of one resource."""

    event: str
    resource_type: str
    resource_id: str
    volume_id: str | None = None
    backend_id: str | None = None
    status: str | None = None
    operation_id: int | None = None


def lock(connection: sa.Connection) -> None:
    """Lock the feed until the commit, so that no other session writes between a look-up and an insertion."""
    connection.execute(_HEAD.with_for_update())


def append(connection: sa.Connection, entry: Entry) -> int:
    """Append *entry* and return its number. Call it last in a transaction: it locks the feed until the commit."""
    if connection.dialect.update_returning:
        number = connection.execute(_BUMP_RETURNING).scalar_one()
    else:
        connection.execute(_BUMP)
        number = connection.execute(_HEAD).scalar_one()
    connection.execute(_APPEND, _row(int(number), entry, utcnow()))
    _notify(connection)
    return int(number)


def append_many(connection: sa.Connection, entries: Sequence[Entry]) -> None:
    """Append *entries* in their order, in a few statements. Call it last in a transaction, like :func:`append`."""
    if not entries:
        return
    connection.execute(_BUMP_MANY, {"count": len(entries)})
    first, now = head(connection) - len(entries) + 1, utcnow()
    connection.execute(_APPEND, [_row(first + offset, entry, now) for offset, entry in enumerate(entries)])
    _notify(connection)


def _notify(connection: sa.Connection) -> None:
    """Let PostgreSQL notify the listeners of the store when the transaction commits."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"NOTIFY {CHANNEL}")


def _row(number: int, entry: Entry, now: dt.datetime) -> dict[str, Any]:
    return {
        "number": number,
        "operation_id": entry.operation_id,
        "event": entry.event,
        "resource_type": entry.resource_type,
        "resource_id": entry.resource_id,
        "volume_id": entry.volume_id,
        "backend_id": entry.backend_id,
        "status": entry.status,
        "at": now,
    }


def head(connection: sa.Connection) -> int:
    """Return the number of the last entry, in one query by primary key."""
    return int(connection.execute(_HEAD).scalar_one())


def since(connection: sa.Connection, number: int, limit: int) -> Sequence[sa.Row[int, str, str, str | None, str | None]]:
    """Return (number, event, resource_id, volume_id, backend_id) of at most *limit* entries after *number*, oldest first."""
    return connection.execute(_since(number, limit)).all()


def _since(number: int, limit: int) -> sa.Select[int, str, str, str | None, str | None]:
    columns = sa.select(ENTRY.c.number, ENTRY.c.event, ENTRY.c.resource_id, ENTRY.c.volume_id, ENTRY.c.backend_id)
    return columns.where(ENTRY.c.number > number).order_by(ENTRY.c.number).limit(limit)
