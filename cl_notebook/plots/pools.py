"""How full the pools of open backends are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from cl_notebook import errors
from cl_notebook.display import values
from cl_notebook.display.listing import GIB
from cl_notebook.display.text import bar, cut, table
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.frames import api
from cl_notebook.model import facts
from cl_notebook.plots.plot import Plot, rows_of
from cl_notebook.tabular import typed_frame
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterator

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

_UNITS = dict.fromkeys(("total", "free", "used", "provisioned", "allocated"), GIB)

_NOTHING = "No backends yet. cl.Backend('lab', volume_driver='local', path='~/volumes') makes the first."
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
    backend = session.backends.get(counts.name)
    driver = session.get_open(backend) if backend is not None else None
    if backend is None or driver is None:
        yield (counts.name, None, False, *[math.nan] * 6, *tracked, None)
        return
    try:
        with translate_errors(counts.name, "get_volume_stats", lambda: session.secrets(backend)):
            pools = facts.pools_in(driver.get_volume_stats(refresh=False), counts.name)
    except errors.Error as error:
        yield (counts.name, None, True, *[math.nan] * 6, *tracked, errors.one_line(error))
        return
    for pool in pools:
        numbers = map(_number, (pool.total, pool.free, pool.used, pool.provisioned, pool.allocated, pool.used_share))
        yield (counts.name, pool.name, True, *numbers, *tracked, None)


def _number(capacity: float | str | None) -> float:
    """Return a capacity in GiB: infinity for ``infinite``, NaN for what is not known."""
    return capacity if isinstance(capacity, float) else math.inf if capacity == "infinite" else math.nan


def _label(row: Any) -> str:  # noqa: ANN401 - a named tuple of pandas
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
            cut(_label(row), _NAME),
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
        canvas.name(axes, place, _label(row))
        canvas.value(axes, place, cut(" ".join(filter(None, (_amount(row), _extra(row)))), canvas.LABEL))
        if math.isfinite(row.share):
            axes.barh(place, 1, height=0.55, color=canvas.INK, alpha=0.25)
            axes.barh(place, min(1, row.share), height=0.55, color=canvas.RED if row.share >= _FULL else canvas.BLUE)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], labels=["0 %", "25 %", "50 %", "75 %", "100 %"])
    return figure
