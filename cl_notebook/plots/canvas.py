"""Draw with matplotlib's ``Figure`` alone: no pyplot, no windows, no settings of the whole process.

The background is transparent, and the colours are of a middle brightness: readable on a light page and on a dark one.
"""

from __future__ import annotations

import datetime as dt
import io
from typing import TYPE_CHECKING, Any

from matplotlib import dates, font_manager
from matplotlib.figure import Figure

from cl_notebook.display.text import cut
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#787878"
"""The colour of text and lines: a contrast of 4.4 to white, and of 4.3 to JupyterLab's dark background."""

BLUE, ORANGE, GREEN, RED = "#3d85c6", "#d07a1f", "#3d9a5f", "#d94f4f"
COLOURS = (BLUE, ORANGE, GREEN, "#9b6fd0", "#2a9d9d", "#c2609d", "#9c7a4d", "#8a8f2a")
"""Colours of series, in this order, repeated."""

LABEL = 38
"""The most columns of a name beside a row."""

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM, _ROW = 8.2, 2.9, 1.6, 0.1, 0.35, 0.26
"""Measures in inches."""

_FONT = "DejaVu Sans"
"""The font that comes with matplotlib."""

_MORE_FONTS = ("Noto Sans CJK JP", "Noto Sans CJK SC", "WenQuanYi Zen Hei", "IPAGothic", "Noto Sans", "FreeSans", "Unifont")
"""Fonts for characters that the first one does not have, if they are installed."""

_NO_GLYPH = "□"


def rows(count: int) -> tuple[Figure, Axes]:
    """Return a figure with room for *count* rows, names at their left and values at their right, and its axes."""
    height = _TOP + _BOTTOM + _ROW * count
    figure, axes = blank(_WIDTH, height)
    axes.set_position((_LEFT / _WIDTH, _BOTTOM / height, 1 - (_LEFT + _RIGHT) / _WIDTH, _ROW * count / height))
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_yticks([])
    axes.tick_params(colors=INK, labelsize=8)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(INK)
    axes.grid(visible=True, axis="x", color=INK, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def time_axis(axes: Axes, first: dt.datetime, end: dt.datetime) -> None:
    """Make the horizontal axis one of time, from *first* to *end*, in the zone of this machine."""
    zone = dt.datetime.now().astimezone().tzinfo
    locator = dates.AutoDateLocator(tz=zone, minticks=3, maxticks=6)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=zone))
    axes.xaxis.get_offset_text().set_color(INK)
    axes.xaxis.get_offset_text().set_fontsize(8)
    margin = (end - first) * 0.02
    axes.set_xlim(dates.date2num(first - margin), dates.date2num(end + margin))


def blank(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a transparent figure of *width* by *height* inches, and axes that fill it."""
    figure = Figure(figsize=(width, height))
    figure.patch.set_alpha(0)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.patch.set_alpha(0)
    return figure, axes


def name(axes: Axes, row: int, text: str) -> None:
    """Write *text*, a name from a storage, to the left of *row*."""
    write(axes, -0.02, row, cut(sanitize(text), LABEL), ha="right", transform=axes.get_yaxis_transform())


def value(axes: Axes, row: int, text: str, colour: str = INK) -> None:
    """Write *text* to the right of *row*."""
    write(axes, 1.02, row, text, colour, ha="left", transform=axes.get_yaxis_transform())


def write(axes: Axes, x: float, y: float, text: str, colour: str = INK, **options: Any) -> None:  # noqa: ANN401 - matplotlib's
    """Write *text* exactly as it is: neither as mathematics nor as TeX, which names could otherwise be."""
    families = _families()
    shown = _drawable(sanitize(text), families)
    axes.text(
        x,
        y,
        shown,
        color=colour,
        fontsize=8.5,
        va="center",
        family=families,
        parse_math=False,
        usetex=False,
        clip_on=False,
        **options,
    )


def svg(figure: Figure, title: str) -> str:
    """Return *figure* as SVG, without the time at which it was drawn, so that equal pictures differ in ids alone."""
    buffer = io.StringIO()
    metadata = {"Date": None, "Title": title}
    figure.savefig(buffer, format="svg", metadata=metadata, transparent=True, bbox_inches="tight", pad_inches=0.05)
    return buffer.getvalue()


def _families() -> list[str]:
    installed = set(font_manager.get_font_names())
    return [_FONT, *(family for family in _MORE_FONTS if family in installed)]


def _drawable(text: str, families: list[str]) -> str:
    """Replace the characters that no font has: matplotlib would warn of each one."""
    if text.isascii():
        return text
    fonts = [font_manager.get_font(font_manager.findfont(family)) for family in families]
    return "".join(character if any(font.get_char_index(ord(character)) for font in fonts) else _NO_GLYPH for character in text)
