"""Names of several resources: ``db-{1..10}``, and one name for several with a number behind it."""

from __future__ import annotations

import itertools
import math
import re
from typing import TYPE_CHECKING

from cl_notebook import errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST = 10_000
"""The most resources that one act takes."""

_RANGE = re.compile(r"(\\?)\{(\d{1,9})\.\.(\d{1,9})\}")


def is_range(text: str) -> bool:
    """Return whether *text* has a range of numbers, such as ``{1..3}``, in it."""
    return _RANGE.search(text) is not None


def separated(text: str) -> Iterator[tuple[str, str]]:
    """Yield each piece of *text* between ranges with the range after it, which is empty after the last piece."""
    position = 0
    for match in _RANGE.finditer(text):
        yield text[position : match.start()], match[0]
        position = match.end()
    yield text[position:], ""


def expand(text: str) -> list[str]:
    r"""Return the names that *text* expands to: those of ``db-{1..3}``, as in bash, else *text* alone.

    ``{01..10}`` keeps the zeros, ``{3..1}`` counts down. Of several ranges each is combined with each. A backslash before the
    brace, ``\{1..3}``, makes it no range.

    Raises:
        InvalidInput: they are more than :data:`MOST`.

    """
    parts: list[Sequence[str]] = []
    position = 0
    for match in _RANGE.finditer(text):
        numbers = [match[0][1:]] if match[1] else _numbers(match[2], match[3])
        parts += [[text[position : match.start()]], numbers]
        position = match.end()
    parts.append([text[position:]])
    if math.prod(map(len, parts)) > MOST:
        msg = f"{text!r} expands to more than {MOST:,} names."
        raise errors.InvalidInput(msg)
    return ["".join(combination) for combination in itertools.product(*parts)]


def escaped(text: str) -> str:
    """Return *text* so that :func:`expand` returns it alone, as it is."""
    return _RANGE.sub(r"\\\g<0>", text)


def _numbers(first: str, last: str) -> Sequence[str]:
    low, high = int(first), int(last)
    numbers = range(low, high + 1) if low <= high else range(low, high - 1, -1)
    width = max(len(first), len(last)) if (first[0] == "0" and first != "0") or (last[0] == "0" and last != "0") else 0
    return [f"{number:0{width}}" for number in itertools.islice(numbers, MOST + 1)]


def numbered(name: str | None, count: int) -> list[str]:
    """Return *count* names: those of a range, or *name* with ``-1``, ``-2``… behind it; empty ones without a name.

    Raises:
        InvalidInput: *name* is a range of another length.

    """
    names = expand(name or "")
    if len(names) > 1:
        return _of_length(name, names, count)
    return [f"{names[0]}-{number}" if name else "" for number in range(1, count + 1)]


def shared(name: str | None, count: int) -> list[str]:
    """Return *count* names: those of a range, or *name* for all.

    Raises:
        InvalidInput: *name* is a range of another length.

    """
    names = expand(name or "")
    return names * count if len(names) == 1 else _of_length(name, names, count)


def _of_length(name: str | None, names: Sequence[str], count: int) -> list[str]:
    """Return *names*, which *name* expands to, if they are *count*.

    Raises:
        InvalidInput: they are more or fewer.

    """
    if len(names) != count:
        needed = "1 is" if count == 1 else f"{count} are"
        msg = f"{name!r} expands to {len(names)} names, and {needed} needed. Write a range of that length, or one name."
        raise errors.InvalidInput(msg)
    return list(names)
