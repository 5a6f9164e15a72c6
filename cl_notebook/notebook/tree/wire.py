"""What the front end is sent: rows as short lists, and the head of the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt

    from cl_notebook.views.rows import Busy, Row


def row(one: Row) -> list[Any]:
    """Return one row: kind, id, name, status, size, where, created, level, position, siblings, children, open, busy.

    The order is that of ``FIELDS`` in ``static/cache.js``; sizes are in GiB, times in seconds since 1970.
    """
    return [
        *(one.kind, one.id, one.name, one.status, one.size, one.where, seconds(one.created_at)),
        *(one.level, one.position, one.siblings, one.children, one.open, None if one.busy is None else _busy(one.busy)),
    ]


def seconds(moment: dt.datetime | None) -> float | None:
    """Return *moment* in seconds since 1970."""
    return None if moment is None else moment.timestamp()


def _busy(work: Busy) -> dict[str, Any]:
    return {"doing": work.doing, "since": seconds(work.since), "done": work.done, "gone": work.gone}
