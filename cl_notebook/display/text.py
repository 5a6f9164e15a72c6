"""Lay out plain text: columns that are aligned, and cut to the width of a terminal."""

from __future__ import annotations

import itertools
import shutil
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

CUT = "…"
"""The sign that replaces what was cut off."""

_GAP = "  "


def terminal_width() -> int:
    """Return the columns of the terminal, 80 where there is none."""
    return shutil.get_terminal_size().columns


def shell() -> Any:  # noqa: ANN401 - IPython's, which this module must not import
    """Return the IPython shell of this process, None if there is none; IPython is not imported for that."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module is not None else None


def width(text: str) -> int:
    """Return the columns that *text* takes in a terminal: wide characters two, combining ones none."""
    if text.isascii() and text.isprintable():
        return len(text)
    from wcwidth import wcswidth  # noqa: PLC0415 - slow to import, and most texts are ASCII

    return max(0, wcswidth(text))


def cut(text: str, columns: int) -> str:
    """Return *text*, shortened to *columns* with :data:`CUT` at its end if it is wider."""
    if width(text) <= columns:
        return text
    from wcwidth import wcwidth  # noqa: PLC0415 - as above

    widths = itertools.accumulate(max(0, wcwidth(character)) for character in text)
    return "".join(character for character, end in zip(text, widths, strict=True) if end < columns) + CUT


def wrap(text: str, columns: int, first: str = "", following: str = "") -> list[str]:
    """Break *text* at its blanks into lines of at most *columns*; only a word that is longer than a line makes one wider.

    The first line begins with *first*, the others with *following*.
    """
    lines, prefix, line = list[str](), first, first
    for word in text.split(" "):
        if line == prefix:
            line += word
        elif width(line) + 1 + width(word) <= columns:
            line += f" {word}"
        else:
            lines.append(line)
            prefix, line = following, following + word
    return [*lines, line.rstrip()]


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """Fill *text* with blanks up to *columns*; *right* puts the text to the right."""
    blanks = " " * (columns - width(text))
    return blanks + text if right else text + blanks


def table(names: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool] = ()) -> list[str]:
    """Return the lines of a table: its headings *names*, then its *rows*; columns that are *numeric* stand to the right."""
    lines = [list(names), *map(list, rows)]
    to_right = [*numeric, *[False] * (len(names) - len(numeric))]
    widths = [max(width(line[column]) for line in lines) for column in range(len(names))]
    padded = (
        [pad(cell, *size, right=right) for cell, size, right in zip(line, zip(widths), to_right, strict=True)] for line in lines
    )
    return [_GAP.join(line).rstrip() for line in padded]


def bar(share: float, columns: int = 20) -> str:
    """Return a bar that is filled to *share*, a number from 0 to 1: ``▇▇▇▇░░░░``."""
    filled = round(min(1.0, max(0.0, share)) * columns)
    return "▇" * filled + "░" * (columns - filled)
