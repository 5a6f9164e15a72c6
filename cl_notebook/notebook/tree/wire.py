"""What the front end is sent: rows as short lists, and the head of the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import datetime as dt

    from cl_notebook.treemodel.rows import Row


class BusyFields(msgspec.Struct, frozen=True):
    """An operation that is running on a row's resource; ``since`` is in seconds since 1970, ``done`` a share of 1."""

    doing: str
    since: float | None
    done: float | None
    gone: bool


class RowFields(msgspec.Struct, array_like=True, frozen=True):
    """One row as it is sent: a list in this order. Sizes are in GiB, times in seconds since 1970.

    The front end's ``schema.js`` is generated from it (``make js``).
    """

    kind: str
    id: str
    name: str
    status: str
    size: int | None
    where: str
    created: float | None
    level: int
    position: int
    siblings: int
    children: int
    open: bool
    busy: BusyFields | None


def row(one: Row) -> list[Any]:
    """Return one row as the list that is sent: the values of :class:`RowFields`."""
    busy = None if one.busy is None else BusyFields(one.busy.doing, seconds(one.busy.since), one.busy.done, one.busy.gone)
    fields = RowFields(
        *(one.kind, one.id, one.name, one.status, one.size, one.where, seconds(one.created_at)),
        *(one.level, one.position, one.siblings, one.children, one.open, busy),
    )
    payload: list[Any] = msgspec.to_builtins(fields)
    return payload


def seconds(moment: dt.datetime | None) -> float | None:
    """Return *moment* in seconds since 1970."""
    return None if moment is None else moment.timestamp()
