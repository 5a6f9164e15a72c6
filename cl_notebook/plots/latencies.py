"""How long the calls of drivers take: by call, backend and Cinder's release. The database ranks and counts them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy as sa

from cl_notebook.display import values
from cl_notebook.display.listing import SECONDS
from cl_notebook.display.text import bar, cut, table, width
from cl_notebook.frames import api
from cl_notebook.model.operations.tables import DONE
from cl_notebook.plots import operations
from cl_notebook.plots.plot import Plot, rows_of
from cl_notebook.tabular import typed_frame
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matplotlib.figure import Figure

    from cl_notebook.model.context import Context

SHOWN = 40
"""The most rows that are shown, those that took the most time; the frame has all."""

_SCHEMA = {
    "call": "string",
    "action": "category",
    "backend": "category",
    "volume_driver": "category",
    "release": "category",
    "done": "Int64",
    "failed": "Int64",
    **dict.fromkeys(("median", "p95", "mean", "min", "max", "total"), "float64"),
}
_UNITS = {name: SECONDS for name, dtype in _SCHEMA.items() if dtype == "float64"}

_KEYS = ("call", "action", "backend")
_NO_TIMES = (math.nan,) * 6
_SHORTEST = 1e-4
"""Seconds below which durations are drawn at the left edge."""

_LINEAR = 8
"""The longest duration as a multiple of the shortest, up to which the scale is linear."""

_TICKS = (0.001, 0.01, 0.1, 1, 10, 60, 600, 3600, 36000, 86400)


def plot(session: Context, filters: Mapping[str, object]) -> Plot:
    """Return the picture of the durations of the operations that match *filters*."""
    frame = typed_frame(_SCHEMA, _rows(session, filters), noun="calls", units=_UNITS)
    shown = frame.nlargest(SHOWN, "total").sort_index() if len(frame) > SHOWN else frame
    return Plot(
        frame,
        title="Latency of the drivers' calls",
        text=lambda columns: _text(frame, shown, columns),
        draw=lambda: _draw(shown),
        nothing="" if len(frame) else operations.nothing(filters, "calls of drivers"),
    )


def _rows(session: Context, filters: Mapping[str, object]) -> Iterator[tuple[object, ...]]:
    """Yield a row for each call and backend: those of one call one after the other, to be compared."""
    with session.store.reading() as connection:
        selected = operations.select(connection, (*_KEYS, "status", "duration"), filters)
        done = {group[:3]: group for group in connection.execute(_times(selected))}
        failed = {group[:3]: int(group.failed) for group in connection.execute(_failures(selected))}
    drivers, releases = _drivers(session)
    for key in sorted({*done, *failed}, key=lambda key: tuple(str(value or "") for value in key)):
        group = done.get(key)
        times = _NO_TIMES if group is None else (group.median, group.p95, group.mean, group.shortest, group.longest, group.total)
        number = 0 if group is None else group.number
        yield (*key, drivers.get(key[2]), releases.get(key[2]), number, failed.get(key, 0), *times)


def _times(selected: sa.Subquery) -> sa.Select[Any]:
    """Return the statement for the times of what succeeded; ranks give exact medians, which no function of all databases does."""
    keys = [selected.c[name] for name in _KEYS]
    ranked = (
        sa.select(
            *keys,
            selected.c.duration,
            sa.func.row_number().over(partition_by=keys, order_by=selected.c.duration).label("place"),
            sa.func.count().over(partition_by=keys).label("of"),
        )
        .where(selected.c.status == DONE, selected.c.call.is_not(None), selected.c.duration.is_not(None))
        .subquery("ranked")
    )

    def at(percent: int) -> sa.ColumnElement[Any]:
        # the nearest rank, rounded up in whole numbers
        rank = (ranked.c.of * percent + 99) // 100
        return sa.func.max(sa.case((ranked.c.place == rank, ranked.c.duration)))

    duration = ranked.c.duration
    of_keys = [ranked.c[name] for name in _KEYS]
    return sa.select(
        *of_keys,
        sa.func.count().label("number"),
        at(50).label("median"),
        at(95).label("p95"),
        sa.func.avg(duration).label("mean"),
        sa.func.min(duration).label("shortest"),
        sa.func.max(duration).label("longest"),
        sa.func.sum(duration).label("total"),
    ).group_by(*of_keys)


def _failures(selected: sa.Subquery) -> sa.Select[Any]:
    """Return the statement that counts what failed."""
    keys = [selected.c[name] for name in _KEYS]
    failed = sa.select(*keys, sa.func.count().label("failed")).where(selected.c.status.in_(operations.BAD))
    return failed.where(selected.c.call.is_not(None)).group_by(*keys)


def _drivers(session: Context) -> tuple[dict[str, str], dict[str, str]]:
    """Return the driver of each backend, and Cinder's release of each that is open with one of Cinder's drivers."""
    frame = api.read("backends", session, columns=["name", "volume_driver"])
    opened: dict[str, Any] = {name: session.get_open(backend) for name, backend in session.backends.items()}
    releases = {name: str(driver.release) for name, driver in opened.items() if hasattr(driver, "release")}
    return dict(zip(frame["name"], frame["volume_driver"], strict=True)), releases


def _label(row: Any) -> str:  # noqa: ANN401 - a named tuple of pandas
    return " ".join(filter(None, (sanitize(row.call), _origin(row))))


def _origin(row: Any) -> str:  # noqa: ANN401 - as above
    backend = "" if pd.isna(row.backend) else row.backend
    release = "" if pd.isna(row.release) else f"({row.release})"
    return sanitize(" ".join(filter(None, (backend, release))))


def _shares(shown: pd.DataFrame) -> Sequence[float]:
    """Return how far each median is from the shortest to the longest, on the scale of the picture."""
    medians = [max(_SHORTEST, median) for median in shown["median"]]
    known = [median for median in medians if not math.isnan(median)]
    if not known:
        return medians
    least, most = min(known), max(known)
    if most <= least * _LINEAR:
        return [median / most for median in medians]
    least /= 2  # a bar for the shortest, too
    return [math.log(median / least) / math.log(most / least) for median in medians]


def _text(frame: pd.DataFrame, shown: pd.DataFrame, columns: int) -> list[str]:
    any_failed = bool(frame["failed"].sum())
    cells = [
        [
            cut(sanitize(row.call), 24),
            cut(_origin(row), 16),
            f"{row.done:,}",
            *([f"✗ {row.failed:,}" if row.failed else ""] if any_failed else []),
            "" if math.isnan(row.median) else values.duration(row.median),
            "" if math.isnan(row.p95) else values.duration(row.p95),
        ]
        for row in rows_of(shown)
    ]
    names = ["Call", "Backend", "Done", *(["Failed"] if any_failed else []), "Median", "95 %"]
    lines = table(names, cells, [name not in {"Call", "Backend"} for name in names])
    room = min(20, columns - max(map(width, lines)) - 2)
    if room >= 5:  # noqa: PLR2004 - shorter bars say nothing
        widest = max(map(width, lines))
        bars = ["", *("" if math.isnan(share) else bar(share, room) for share in _shares(shown))]
        lines = [f"{line}{' ' * (widest - width(line))}  {of_row}".rstrip() for line, of_row in zip(lines, bars, strict=True)]
    more = [f"{len(frame) - len(shown)} more rows, which took less time, are in .frame."] if len(frame) > len(shown) else []
    return [*(cut(line, columns) for line in lines), *more]


def _draw(shown: pd.DataFrame) -> Figure:
    from cl_notebook.plots import canvas  # noqa: PLC0415 - it loads matplotlib

    figure, axes = canvas.rows(len(shown))
    names = list(dict.fromkeys(str(row.backend) for row in rows_of(shown)))
    lows, highs = shown["min"].min(), shown["max"].max()
    for place, row in enumerate(rows_of(shown)):
        canvas.name(axes, place, _label(row))
        failed = f"  ✗ {row.failed:,}" if row.failed else ""
        median = "" if math.isnan(row.median) else f"{values.duration(row.median)}  "
        canvas.value(axes, place, f"{median}n = {row.done:,}{failed}", canvas.RED if row.failed else canvas.INK)
        if math.isnan(row.median):
            continue
        colour = canvas.COLOURS[names.index(str(row.backend)) % len(canvas.COLOURS)]
        least, middle, most, longest = (max(_SHORTEST, seconds) for seconds in (row.min, row.median, row.p95, row.max))
        axes.plot([least, longest], [place, place], color=colour, linewidth=1, alpha=0.7)
        axes.plot([middle, most], [place, place], color=colour, linewidth=5, alpha=0.7, solid_capstyle="butt")
        axes.plot([middle], [place], "o", color=colour, markersize=6)
    _scale(axes, max(_SHORTEST, lows), max(_SHORTEST, highs))
    return figure


def _scale(axes: Any, least: float, most: float) -> None:  # noqa: ANN401 - matplotlib's Axes
    if math.isnan(most):
        axes.set_xticks([])
        return
    if most <= least * _LINEAR:
        axes.set_xlim(0, most * 1.05)
        ticks: list[float] = [most * part / 4 for part in range(5)]
    else:
        axes.set_xscale("log")
        axes.set_xlim(least / 1.5, most * 1.5)
        ticks = [tick for tick in _TICKS if least / 1.5 <= tick <= most * 1.5] or [least, most]
    axes.set_xticks(ticks, labels=[values.duration(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
