"""Read sizes and spans of time as people type them: ``10G``, ``1.5T``, ``2h``."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

_NUMBER = r"(?P<number>[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})"
_SIZE = re.compile(rf"{_NUMBER}\s?(?:(?P<unit>[kmgtpe])(?:i?b)?)?", re.IGNORECASE)
_SPAN = re.compile(rf"{_NUMBER}\s?(?P<unit>[a-z]+)", re.IGNORECASE)

_EXPONENTS = {"k": -2, "m": -1, "g": 0, "t": 1, "p": 2, "e": 3}
_SECONDS = {
    "ms": Decimal("0.001"),
    **dict.fromkeys(("s", "sec", "second", "seconds"), Decimal(1)),
    **dict.fromkeys(("m", "min", "minute", "minutes"), Decimal(60)),
    **dict.fromkeys(("h", "hour", "hours"), Decimal(3600)),
    **dict.fromkeys(("d", "day", "days"), Decimal(86400)),
    **dict.fromkeys(("w", "week", "weeks"), Decimal(604800)),
    **dict.fromkeys(("y", "year", "years"), Decimal(31557600)),
}

GIB_EXPECTED = "a whole number of GiB above 0"
"""What :func:`gib` accepts, for messages."""


def exact_gib(text: str) -> Decimal | None:
    """Return the size that *text* spells in GiB (``10``, ``10G``, ``10GiB``, ``512M``), or None if it is no size.

    Units are powers of 1024, as in Cinder, whose GB are GiB.
    """
    match = _SIZE.fullmatch(text.strip())
    return None if match is None else Decimal(match["number"]) * Decimal(1024) ** _EXPONENTS[(match["unit"] or "g").lower()]


def gib(text: str) -> int:
    """Return the size that *text* spells in whole GiB.

    Raises:
        ValueError: it is no size, not above 0, or not whole; the message says what is expected.

    """
    exact = exact_gib(text)
    if exact is None or exact <= 0:
        msg = f"{GIB_EXPECTED} (10, 10G, 1.5T)"
        raise ValueError(msg)
    number = int(exact.to_integral_value(ROUND_CEILING))
    if number != exact:
        msg = f"{GIB_EXPECTED} ({number}G is the next)"
        raise ValueError(msg)
    return number


def seconds(text: str) -> float | None:
    """Return the span of time that *text* spells in seconds (``2s``, ``1.5h``, ``3 days``), or None if it is none."""
    match = _SPAN.fullmatch(text.strip())
    if match is None or match["unit"].lower() not in _SECONDS:
        return None
    return float(Decimal(match["number"]) * _SECONDS[match["unit"].lower()])
