"""What the kernels did when: operations one by one, or counted by the database in slots of time if there are many."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy as sa

from cl_notebook.display import report, values
from cl_notebook.display.text import cut, pad
from cl_notebook.frames import api
from cl_notebook.model.operations.tables import RUNNING
from cl_notebook.plots import operations
from cl_notebook.plots.plot import Plot, rows_of
from cl_notebook.store.types import UtcDateTime, utcnow
from cl_notebook.tabular import typed_frame
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matplotlib.figure import Figure

    from cl_notebook.model.context import Context

ONE_BY_ONE = 1000
"""The most operations that are shown one by one; more are counted."""

SLOTS = 40
"""Slots of time in the text form, and where operations are counted."""

SHOWN = 20
"""The most kernels that are shown, those that worked last; the frame has all."""

_FAILURES = 5
"""The most failures that the text form lists, the last ones."""

_SCHEMA = {
    "kernel": "string",
    "host": "category",
    "pid": "Int64",
    "notebook": "category",
    "started_at": "datetime64[ns, UTC]",
    "ended_at": "datetime64[ns, UTC]",
    "operations": "Int64",
    "failed": "Int64",
    "running": "Int64",
    "action": "category",
    "resource_type": "category",
    "resource_name": "string",
    "error": "string",
}

_KERNEL = ("kernel_id", "host", "pid", "notebook")
_NAME = 26
LEVELS = "▁▂▃▄▅▆▇█"
_MANY = 0.1
"""The share of failures among the operations of a slot from which on the slot is marked; the number beside the line is of all."""


@dataclass
class _Lane:
    """One kernel: its label, and its rows of the frame."""

    label: str
    rows: list[Any] = field(default_factory=list)


def plot(session: Context, filters: Mapping[str, Any]) -> Plot:
    """Return the picture of the operations that match *filters*, by kernel over time."""
    with session.store.reading() as connection:
        columns = (*_KERNEL, "status", "started_at", "ended_at")
        selected = operations.select(connection, columns, filters)
        number, first, last, end = connection.execute(_extent(selected)).one()
        counted = _counted(connection, selected, first, _end(first, last, end)) if number > ONE_BY_ONE else None
    rows = _one_by_one(session, filters) if counted is None else counted
    frame = typed_frame(_SCHEMA, rows)
    return Plot(
        frame,
        title="Operations of the kernels over time",
        text=lambda columns: _text(frame, columns),
        draw=lambda: _draw(frame),
        nothing="" if number else operations.nothing(filters),
    )


def _extent(selected: sa.Subquery) -> sa.Select[Any]:
    started: Any = selected.c.started_at
    ended: Any = selected.c.ended_at
    return sa.select(sa.func.count(), sa.func.min(started), sa.func.max(started), sa.func.max(ended))


def _end(first: dt.datetime, last: dt.datetime, end: dt.datetime | None) -> dt.datetime:
    return max(last, end or last, first + dt.timedelta(seconds=1))


def _one_by_one(session: Context, filters: Mapping[str, Any]) -> list[tuple[object, ...]]:
    columns = [*_KERNEL, "status", "started_at", "ended_at", "action", "resource_type", "resource_name", "error"]
    frame = api.read("operations", session, columns=columns, **filters)
    return [
        (
            *(row.kernel_id, row.host, row.pid, row.notebook, row.started_at, row.ended_at),
            *(1, int(row.status in operations.BAD), int(row.status == RUNNING)),
            *(row.action, row.resource_type, row.resource_name, row.error),
        )
        for row in rows_of(frame)
    ]


def _counted(connection: sa.Connection, selected: sa.Subquery, first: dt.datetime, end: dt.datetime) -> list[tuple[object, ...]]:
    keys = [selected.c[name] for name in _KERNEL]
    edges = _edges(first, end)
    slot = _slot(selected.c.started_at, edges, 0, SLOTS).label("slot")
    status = selected.c.status
    statement = sa.select(
        *keys,
        sa.func.min(selected.c.started_at),
        sa.func.max(selected.c.ended_at),
        sa.func.count(),
        sa.func.sum(sa.case((status.in_(operations.BAD), 1), else_=0)),
        sa.func.sum(sa.case((status == RUNNING, 1), else_=0)),
        slot,
    ).group_by(*keys, slot)
    rows = connection.execute(statement.order_by(sa.func.min(selected.c.started_at))).all()
    return [(*row[:-1], None, None, None, None) for row in rows]


def _edges(first: dt.datetime, end: dt.datetime) -> list[dt.datetime]:
    return [first + (end - first) * place / SLOTS for place in range(SLOTS + 1)]


def _slot(moment: sa.ColumnElement[Any], edges: Sequence[dt.datetime], low: int, high: int) -> sa.ColumnElement[int]:
    """Return the number of the slot of *moment* in SQL: nested comparisons, for the databases share no function of time."""
    if high - low == 1:
        return sa.literal(low)
    middle = (low + high) // 2
    before = moment < sa.literal(edges[middle], UtcDateTime())
    return sa.case((before, _slot(moment, edges, low, middle)), else_=_slot(moment, edges, middle, high))


def _lanes(frame: pd.DataFrame) -> tuple[list[_Lane], int]:
    """Return the kernels that worked last, the last one at the bottom, and how many others there are."""
    lanes: dict[str, _Lane] = {}
    for row in rows_of(frame):
        key = str(row.kernel)
        if key not in lanes:
            lanes[key] = _Lane(_label(row))
        lanes[key].rows.append(row)
    in_order = sorted(lanes.values(), key=lambda lane: max(row.started_at for row in lane.rows))
    return in_order[-SHOWN:], max(0, len(in_order) - SHOWN)


def _label(row: Any) -> str:  # noqa: ANN401 - a named tuple of pandas
    notebook = "" if pd.isna(row.notebook) else str(row.notebook).rpartition("/")[2]
    process = "" if pd.isna(row.pid) else f"{row.host}:{row.pid}"
    return sanitize(" ".join(filter(None, (notebook, process))) or row.kernel)


def _span(frame: pd.DataFrame) -> tuple[pd.Timestamp, pd.Timestamp]:
    first = frame["started_at"].min()
    ends = [frame["started_at"].max(), frame["ended_at"].max(), first + pd.Timedelta(seconds=1)]
    if frame["running"].sum():
        ends.append(pd.Timestamp(utcnow()))
    return first, max(end for end in ends if not pd.isna(end))


def _head(frame: pd.DataFrame, shown: int, more: int) -> str:
    number, failed, running = (int(frame[name].sum()) for name in ("operations", "failed", "running"))
    parts = [f"{report.number(number, 'operation')} of {report.number(shown + more, 'kernel')}"]
    parts += [f"✗ {failed:,} failed"] if failed else []
    parts += [f"… {running:,} running"] if running else []
    return ", ".join(parts)


def _text(frame: pd.DataFrame, columns: int) -> list[str]:
    lanes, more = _lanes(frame)
    first, end = _span(frame)
    name = min(_NAME, max(len(lane.label) for lane in lanes))
    slots = max(8, min(SLOTS, columns - name - 2))
    cells = [_cells(lane.rows, first, end, slots) for lane in lanes]
    most = max(operations for of_lane in cells for operations, _ in of_lane)
    lines = [_head(frame, len(lanes), more)]
    for lane, of_lane in zip(lanes, cells, strict=True):
        failed = sum(row.failed for row in lane.rows)
        signs = "".join(_sign(*cell, most) for cell in of_lane)
        lines.append(f"{pad(cut(lane.label, name), name)}  {signs}{f'  ✗ {failed:,}' if failed else ''}")
    lines.append(f"{' ' * name}  {time_line(first, end, slots)}")
    lines += [f"{more:,} more kernels, which worked earlier, are in .frame."] if more else []
    return [cut(line, columns) for line in (*lines, *_failures(frame))]


def _cells(rows: Iterable[Any], first: pd.Timestamp, end: pd.Timestamp, slots: int) -> list[tuple[int, int]]:
    """Return for each slot of time how many operations began, and how many of these failed."""
    began, failed = [0] * slots, [0] * slots
    for row in rows:
        slot = min(slots - 1, int((row.started_at - first) / (end - first) * slots))
        began[slot] += row.operations
        failed[slot] += row.failed
    return list(zip(began, failed, strict=True))


def _sign(began: int, failed: int, most: int) -> str:
    if not began:
        return "·"
    return "✗" if failed >= began * _MANY else LEVELS[min(7, began * 8 // (most + 1))]


def _failures(frame: pd.DataFrame) -> list[str]:
    bad = frame[(frame["failed"] > 0) & frame["action"].notna()].tail(_FAILURES)
    return [
        f"✗ {values.local_time(row.started_at.to_pydatetime())}  {row.action} {row.resource_type} "
        f"{sanitize('' if pd.isna(row.resource_name) else row.resource_name)}: "
        f"{'the kernel ended' if pd.isna(row.error) else sanitize(row.error)}"
        for row in rows_of(bad)
    ]


def time_line(first: pd.Timestamp, end: pd.Timestamp, columns: int) -> str:
    """Return the line below *columns* of a text that are from *first* to *end*: both times, in the zone of this machine."""
    form = "%H:%M:%S" if end - first < pd.Timedelta(hours=20) else "%Y-%m-%d %H:%M"
    starts, ends = (f"{moment.to_pydatetime().astimezone():{form}}" for moment in (first, end))
    return f"{starts}{ends.rjust(max(1, columns - len(starts)))}"


def _draw(frame: pd.DataFrame) -> Figure:
    from matplotlib import dates  # noqa: PLC0415 - drawn only in a notebook

    from cl_notebook.plots import canvas  # noqa: PLC0415 - as above

    lanes, _ = _lanes(frame)
    first, end = _span(frame)
    width = (end - first) / SLOTS
    figure, axes = canvas.rows(len(lanes))
    one_by_one = bool(frame["action"].notna().any())
    most = int(frame["operations"].max())
    for place, lane in enumerate(lanes):
        canvas.name(axes, place, lane.label)
        failed = sum(row.failed for row in lane.rows)
        number = sum(row.operations for row in lane.rows)
        canvas.value(axes, place, f"{number:,}{f'  ✗ {failed:,}' if failed else ''}", canvas.RED if failed else canvas.INK)
        for row in lane.rows:
            stop = (row.ended_at if not pd.isna(row.ended_at) else end) if one_by_one else row.started_at + width
            height = 0.6 if one_by_one else 0.75 * max(0.08, row.operations / most)
            left, right = dates.date2num(row.started_at), dates.date2num(stop)
            is_bad = row.failed >= row.operations * _MANY
            colour = canvas.RED if is_bad and one_by_one else canvas.ORANGE if row.running else canvas.BLUE
            bottom = place - 0.3 if one_by_one else place + 0.4 - height
            axes.barh(
                bottom, right - left, left=left, height=height, align="edge", color=colour, alpha=0.6, edgecolor=colour, lw=1
            )
            if is_bad:
                axes.plot([(left + right) / 2], [place], "x", color=canvas.RED, markersize=7, markeredgewidth=2)
    canvas.time_axis(axes, first, end)
    return figure
