"""Keep what the capacities of pools were, from the statistics that are asked for anyway: few rows, and none for ever.

Each pool has at most one row for five minutes of the last two days, and one for each hour of the last ninety days.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.model import facts
from cl_notebook.model.operations.outcome import storable_text
from cl_notebook.store.types import BigId, reg

if TYPE_CHECKING:
    from collections.abc import Sequence

_log = logging.getLogger(__name__)

_HOUR, _DAY = 3600, 86400

STEPS = {300: 2 * _DAY, _HOUR: 90 * _DAY}
"""For how many seconds a row of each length, in seconds, is kept."""

_FINEST = min(STEPS)

LAST_STEP = "_last_capacity_step"
"""Key in the ``__dict__`` of a backend: the step of time that its capacities were last written in."""

_MOST_POOLS = 100
"""How many pools of a backend are kept."""

_NAME = 255

TABLE = sa.Table(
    "capacity",
    reg.metadata,
    sa.Column("backend_id", sa.String(36), primary_key=True),
    sa.Column("seconds", BigId, primary_key=True, autoincrement=False),
    sa.Column("step", BigId, primary_key=True, autoincrement=False),
    sa.Column("pool", sa.String(_NAME), primary_key=True),
    sa.Column("total", sa.Double, nullable=False),
    sa.Column("free", sa.Double, nullable=False),
    sa.Column("provisioned", sa.Double),
)
"""The capacities in GiB; a row is of the time from ``step * seconds`` on, in seconds since 1970, for so many ``seconds``."""


class Sample(NamedTuple):
    """What the capacity of a pool was at a time."""

    backend_id: str
    at: dt.datetime
    pool: facts.Pool


def record(backend: Any, stats: object) -> None:  # noqa: ANN401 - a backend
    """Write the capacities in *stats*, which the driver of *backend* reported, unless that was done in these five minutes.

    That they cannot be written is no error: the statistics are what was asked for.
    """
    context, now = backend.context, int(time.time())
    if context.is_closed or context.settings.read_only or vars(backend).get(LAST_STEP) == now // _FINEST:
        return
    vars(backend)[LAST_STEP] = now // _FINEST
    pools = {
        storable_text(pool.name, _NAME): pool
        for pool in facts.pools_in(stats, backend.name)[:_MOST_POOLS]
        if pool.used_share is not None
    }
    if not pools:
        return
    values = [
        {"pool": name, "total": pool.total, "free": pool.free, "provisioned": _number(pool.provisioned)}
        for name, pool in pools.items()
    ]
    try:
        with context.lock:
            context.store.write(lambda connection: _write(connection, backend.id, now, values))
    except errors.Error as error:
        _log.info("The capacity of %s could not be kept: %s", backend.label(), error)


def _write(connection: sa.Connection, backend_id: str, now: int, values: Sequence[dict[str, Any]]) -> None:
    for seconds, kept in STEPS.items():
        step, of_backend = now // seconds, (TABLE.c.backend_id == backend_id, TABLE.c.seconds == seconds)
        outdated = sa.or_(TABLE.c.step == step, TABLE.c.step < (now - kept) // seconds)
        connection.execute(sa.delete(TABLE).where(*of_backend, outdated))
        rows = [{"backend_id": backend_id, "seconds": seconds, "step": step, **row} for row in values]
        connection.execute(sa.insert(TABLE), rows)


def _number(capacity: float | str | None) -> float | None:
    return capacity if isinstance(capacity, float) else None


def read(connection: sa.Connection, backend_id: str | None, seconds: float | None = None) -> list[Sample]:
    """Return what is known of the pools of one backend, or of all, in the last *seconds*, or ever, by pool and time."""
    now = time.time()
    first = 0.0 if seconds is None else now - seconds
    fine_from = max(first, now - STEPS[_FINEST])
    table = TABLE.c
    is_shown = sa.or_(
        sa.and_(table.seconds == _FINEST, table.step >= int(fine_from) // _FINEST),
        sa.and_(table.seconds == _HOUR, table.step >= int(first) // _HOUR, table.step < int(fine_from) // _HOUR),
    )
    is_of_backend = sa.true() if backend_id is None else table.backend_id == backend_id
    statement = sa.select(TABLE).where(is_of_backend, is_shown)
    rows = connection.execute(statement.order_by(table.backend_id, table.pool, table.seconds.desc(), table.step))
    return [
        Sample(
            row.backend_id,
            dt.datetime.fromtimestamp(row.step * row.seconds, dt.UTC),
            facts.Pool(row.pool, row.total, row.free, row.provisioned),
        )
        for row in rows
    ]


def remove(connection: sa.Connection, backend_id: str) -> None:
    """Remove the rows of the backend *backend_id*, whose row is removed."""
    connection.execute(sa.delete(TABLE).where(TABLE.c.backend_id == backend_id))
