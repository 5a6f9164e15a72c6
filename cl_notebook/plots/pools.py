"""How full the pools of open backends are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from cl_notebook import errors
from cl_notebook.display import report, values
from cl_notebook.display.listing import GIB
from cl_notebook.display.text import bar, cut, pad, table, width
from cl_notebook.frames import api
from cl_notebook.model import capacity_history, facts, lookup
from cl_notebook.plots import activity
from cl_notebook.plots.plot import Plot, rows_of
from cl_notebook.tabular import typed_frame
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.figure import Figure

    from cl_notebook.model import Backend
    from cl_notebook.model.context import Context

SHOWN = 40
"""The most pools that are shown; the frame has all."""

_SCHEMA = {
    "backend": "string",
    "pool": "string",
    "open": "boolean",
    "total": "float64",
    "free": "float64",
    "used": "float64",
    "provisioned": "float64",
    "allocated": "float64",
    "share": "float64",
    "volumes": "Int64",
    "size": "Int64",
    "error": "string",
}

_HISTORY_SCHEMA = {
    "backend": "string",
    "pool": "string",
    "at": "datetime64[ns, UTC]",
    "total": "float64",
    "free": "float64",
    "used": "float64",
    "provisioned": "float64",
    "share": "float64",
}

_UNITS = dict.fromkeys(("total", "free", "used", "provisioned", "allocated"), GIB)

_NOTHING = "No backends yet. cl.Backend('lab', volume_driver='local', path='~/volumes') makes the first."
_NO_HISTORY = (
    "No capacities of that time are kept yet. Those that backend.stats() gives, or a tree that is open, are: "
    "one in five minutes for two days, one in an hour for ninety."
)
_BAR = 20
_NAME = 26
_FULL = 0.9
"""The share from which on a pool is marked as almost full."""


def plot(session: Context, backend: Backend | None) -> Plot:
    """Return the picture of the capacities of all backends, or of one; none is opened for it."""
    filters: dict[str, Any] = {} if backend is None else {"id": backend.id}
    tracked = api.read("backends", session, columns=["name", "open", "volumes", "size"], **filters)
    rows = (row for counts in rows_of(tracked) for row in _rows(session, counts))
    frame = typed_frame(_SCHEMA, rows, noun="pools", units=_UNITS)
    return Plot(
        frame,
        title="Capacity of the pools",
        text=lambda columns: _text(frame, columns),
        draw=lambda: _draw(frame),
        nothing="" if len(frame) else _NOTHING,
    )


def _rows(session: Context, counts: Any) -> Iterator[tuple[object, ...]]:  # noqa: ANN401 - a named tuple of pandas
    tracked = (counts.volumes, counts.size)
    backend: Any = session.backends.get(counts.name)
    if backend is None or session.get_open(backend) is None:
        yield (counts.name, None, False, *[math.nan] * 6, *tracked, None)
        return
    try:
        pools = facts.pools_in(backend.stats(), counts.name)
    except errors.Error as error:
        yield (counts.name, None, True, *[math.nan] * 6, *tracked, errors.one_line(error))
        return
    for pool in pools:
        numbers = map(_number, (pool.total, pool.free, pool.used, pool.provisioned, pool.allocated, pool.used_share))
        yield (counts.name, pool.name, True, *numbers, *tracked, None)


def history(session: Context, backend: Backend | None, seconds: float | None) -> Plot:
    """Return the picture of the capacities over time of all backends, or of one: of the last *seconds*, or all that is kept."""
    names = {item.id: item.name for item in lookup.select_backends(session, None if backend is None else [backend])}
    with session.store.reading() as connection:
        samples = capacity_history.read(connection, None if backend is None else backend.id, seconds)
    rows = (_sample_row(names[sample.backend_id], sample) for sample in samples if sample.backend_id in names)
    frame = typed_frame(_HISTORY_SCHEMA, rows, noun="capacities", units=_UNITS)
    return Plot(
        frame,
        title="Capacity of the pools over time",
        text=lambda columns: _history_text(frame, columns),
        draw=lambda: _draw_history(frame),
        nothing="" if len(frame) else _NO_HISTORY,
    )


def _sample_row(backend: str, sample: capacity_history.Sample) -> tuple[object, ...]:
    pool = sample.pool
    numbers = map(_number, (pool.total, pool.free, pool.used, pool.provisioned, pool.used_share))
    return (backend, pool.name, sample.at, *numbers)


def _by_pool(frame: pd.DataFrame) -> list[list[Any]]:
    """Return the rows of each pool, in the order of time."""
    pools: dict[tuple[str, str], list[Any]] = {}
    for row in rows_of(frame):
        pools.setdefault((row.backend, row.pool), []).append(row)
    return list(pools.values())


def _change(rows: Sequence[Any]) -> str:
    first, last = rows[0], rows[-1]
    return f"{first.share:.0%} → {last.share:.0%}, {values.size(round(last.used, 1))} of {values.size(round(last.total, 1))}"


def _limits(frame: pd.DataFrame) -> tuple[pd.Timestamp, pd.Timestamp]:
    first, last = frame["at"].min(), frame["at"].max()
    return first, max(last, first + pd.Timedelta(seconds=1))


def _history_text(frame: pd.DataFrame, columns: int) -> list[str]:
    pools, (first, end) = _by_pool(frame), _limits(frame)
    labels = [cut(_pool_label(rows[0]), _NAME) for rows in pools[:SHOWN]]
    name = max(map(width, labels))
    slots = max(8, min(activity.SLOTS, columns - name - 2))
    lines = [f"{report.number(len(frame), 'value')} of {report.number(len(pools), 'pool')}; a bar is the used share."]
    for label, rows in zip(labels, pools, strict=False):
        signs = ["·"] * slots
        for row in rows:
            slot = min(slots - 1, int((row.at - first) / (end - first) * slots))
            signs[slot] = activity.LEVELS[min(7, int(row.share * 8))] if math.isfinite(row.share) else "·"
        lines += [f"{pad(label, name)}  {''.join(signs)}", f"{' ' * name}  {_change(rows)}"]
    lines.append(f"{' ' * name}  {activity.time_line(first, end, slots)}")
    more = [f"{len(pools) - SHOWN} more pools are in .frame."] if len(pools) > SHOWN else []
    return [cut(line, columns) for line in [*lines, *more]]


def _draw_history(frame: pd.DataFrame) -> Figure:
    from matplotlib import dates  # noqa: PLC0415 - drawn only in a notebook

    from cl_notebook.plots import canvas  # noqa: PLC0415 - as above

    pools, (first, end) = _by_pool(frame)[:SHOWN], _limits(frame)
    figure, axes = canvas.rows(len(pools))
    for place, rows in enumerate(pools):
        canvas.name(axes, place, _pool_label(rows[0]))
        canvas.value(axes, place, cut(_change(rows), canvas.LABEL))
        colour = canvas.RED if rows[-1].share >= _FULL else canvas.BLUE
        moments = [dates.date2num(row.at) for row in rows]
        tops = [place + 0.4 - 0.8 * row.share for row in rows]
        axes.fill_between([moments[0], moments[-1]], place - 0.4, place + 0.4, color=canvas.INK, alpha=0.1, linewidth=0)
        axes.fill_between(moments, tops, place + 0.4, color=colour, alpha=0.4, linewidth=0)
        axes.plot(moments, tops, color=colour, linewidth=1.5, marker="." if len(rows) == 1 else "")
    canvas.time_axis(axes, first, end)
    return figure


def _number(capacity: float | str | None) -> float:
    """Return a capacity in GiB: infinity for ``infinite``, NaN for what is not known."""
    return capacity if isinstance(capacity, float) else math.inf if capacity == "infinite" else math.nan


def _pool_label(row: Any) -> str:  # noqa: ANN401 - a named tuple of pandas
    return sanitize(row.backend if pd.isna(row.pool) or row.pool == row.backend else f"{row.backend} {row.pool}")


def _amount(row: Any) -> str:  # noqa: ANN401 - as above
    if not row.open:
        return "closed"
    if not pd.isna(row.error):
        return f"✗ {sanitize(row.error)}"
    if math.isfinite(row.used):
        return f"{values.size(round(row.used, 1))} of {values.size(round(row.total, 1))}"
    return "no limit" if math.isinf(row.total) else "not known"


def _extra(row: Any) -> str:  # noqa: ANN401 - as above
    """Return what more is promised than there is: the share of a thin pool that its volumes may come to occupy."""
    if math.isfinite(row.provisioned) and row.total > 0 and row.provisioned > row.total and math.isfinite(row.total):
        return f"provisioned {row.provisioned / row.total:.0%}"
    return ""


def _text(frame: pd.DataFrame, columns: int) -> list[str]:
    shown = rows_of(frame.head(SHOWN))
    cells = [
        [
            cut(_pool_label(row), _NAME),
            bar(row.share, _BAR) if math.isfinite(row.share) else "",
            f"{row.share:.0%}" if math.isfinite(row.share) else "",
            _amount(row),
            _extra(row),
        ]
        for row in shown
    ]
    lines = [cut(line, columns) for line in table(["Pool", "Used", "", "", ""], cells, [False, False, True])]
    return [*lines, *_more(frame)]


def _more(frame: pd.DataFrame) -> list[str]:
    closed = int((~frame["open"]).sum())
    notes = [f"{len(frame) - SHOWN} more pools are in .frame."] if len(frame) > SHOWN else []
    return [*notes, "cl.Backend(name), or %cl_backend open NAME, opens a closed one."] if closed else notes


def _draw(frame: pd.DataFrame) -> Figure:
    from cl_notebook.plots import canvas  # noqa: PLC0415 - it loads matplotlib

    shown = rows_of(frame.head(SHOWN))
    figure, axes = canvas.rows(len(shown))
    for place, row in enumerate(shown):
        canvas.name(axes, place, _pool_label(row))
        canvas.value(axes, place, cut(" ".join(filter(None, (_amount(row), _extra(row)))), canvas.LABEL))
        if math.isfinite(row.share):
            axes.barh(place, 1, height=0.55, color=canvas.INK, alpha=0.25)
            axes.barh(place, min(1, row.share), height=0.55, color=canvas.RED if row.share >= _FULL else canvas.BLUE)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], labels=["0 %", "25 %", "50 %", "75 %", "100 %"])
    return figure
