"""What the head of the tree says: how many volumes there are, in which states, and how much room the storage has."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook.treemodel.kinds import BACKEND, KINDS, VOLUME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.model import Backend
    from cl_notebook.model.context import Context
    from cl_notebook.treemodel.rows import Rows

CAPACITIES = {"total": "total_capacity_gb", "free": "free_capacity_gb", "provisioned": "provisioned_capacity_gb"}
"""What the head calls a capacity, and what drivers call it."""

_WORDS = ("unknown", "infinite")
"""What a driver may say instead of a number; of several pools the first of these counts."""


def head(session: Context, rows: Rows) -> dict[str, Any]:
    """Return the counts of all volumes that are tracked below the top of *rows*, and how many of them are shown.

    ``statuses`` lists status and number, the most first; ``provisioned`` is the sum of a backend's sizes, in GiB.
    """
    volume = KINDS[VOLUME]
    columns = (volume.parent, volume.status, sa.func.count(), sa.func.coalesce(sa.func.sum(volume.size), 0))
    statement = sa.select(*columns).where(*_within(rows.top)).group_by(volume.parent, volume.status)
    statuses: dict[str, int] = {}
    backends: dict[str, dict[str, int]] = {}
    with session.store.reading() as connection:
        if rows.top is None:
            listed = connection.execute(sa.select(KINDS[BACKEND].id)).scalars()
            backends |= {backend_id: {"volumes": 0, "provisioned": 0} for backend_id in listed}
        for backend_id, status, count, size in connection.execute(statement):
            statuses[status] = statuses.get(status, 0) + count
            total = backends.setdefault(backend_id, {"volumes": 0, "provisioned": 0})
            total["volumes"] += count
            total["provisioned"] += int(size)
    return {
        "volumes": sum(statuses.values()),
        "shown": rows.shown() if rows.restricts else None,
        "statuses": [list(pair) for pair in sorted(statuses.items(), key=lambda pair: (-pair[1], pair[0]))],
        "backends": backends,
    }


def _within(top: tuple[str, str] | None) -> list[sa.ColumnElement[bool]]:
    volume = KINDS[VOLUME]
    match top:
        case None:
            return []
        case (kind, resource_id) if kind == BACKEND:
            return [volume.parent == resource_id]
        case (kind, resource_id) if kind == VOLUME:
            return [volume.id == resource_id]
        case _:
            return [sa.false()]


def capacity(backend: Backend) -> dict[str, float | str | None] | None:
    """Return what the storage of an open backend says of its room, in GiB: a number, ``unknown``, ``infinite``, or None.

    It asks the driver, which may take its time. None as a whole: the storage says nothing of it.
    """
    stats: Mapping[str, Any] = backend.stats()
    pools = [pool for pool in stats.get("pools") or () if isinstance(pool, dict)]
    found = {
        name: _one(stats[key]) if key in stats else _together([_one(pool.get(key)) for pool in pools])
        for name, key in CAPACITIES.items()
    }
    return found if any(value is not None for value in found.values()) else None


def _one(value: object) -> float | str | None:
    if isinstance(value, str):
        word = value.strip().lower()
        return word if word in _WORDS else _number(word)
    return _number(value)


def _number(value: object) -> float | str | None:
    try:
        number = float(value) if not isinstance(value, bool) else math.nan  # type: ignore[arg-type] # that is the question
    except (TypeError, ValueError):
        return None
    return "infinite" if number == math.inf else number if math.isfinite(number) else None


def _together(values: list[float | str | None]) -> float | str | None:
    for word in _WORDS:
        if word in values:
            return word
    numbers = [value for value in values if isinstance(value, float)]
    return sum(numbers) if numbers else None
