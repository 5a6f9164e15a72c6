"""Format single values for people: ids, sizes, times, spans, statuses. What comes from storage is made printable."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from typing import TYPE_CHECKING, NamedTuple

from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

SHORT_ID = 8
"""Characters of an id that are shown; the magics and ``cl.find`` accept any unique prefix of an id."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_UNITS = ("GiB", "TiB", "PiB", "EiB")
_SPANS = ((31557600, "y"), (86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


class Mark(NamedTuple):
    """How a status is marked: a sign that does not depend on colour, and the name of its colour in the style sheet."""

    sign: str
    tone: str


MARKS: Mapping[str, Mark] = {
    "fault": Mark("✗", "bad"),
    "busy": Mark("…", "busy"),
    "use": Mark("●", "use"),
    "ok": Mark("✓", "good"),
    "idle": Mark("○", "idle"),
    "unknown": Mark("?", "idle"),
}
"""Meaning of a status -> its mark. The live tree's front end tells the same meanings apart by icons."""

_MEANINGS = {
    **dict.fromkeys(("in-use", "attached"), "use"),
    **dict.fromkeys(("available", "open", "ok", "done"), "ok"),
    **dict.fromkeys(("closed", "detached", "deleted", "not done", "optional"), "idle"),
    **dict.fromkeys(
        ("failed", "missing", "stuck", "interrupted", "lost", "conflict", "size differs", "leftover device"), "fault"
    ),
}


def is_uuid(value: object) -> bool:
    """Return whether *value* is a UUID as text, with its hyphens."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def short_id(resource_id: str, length: int = SHORT_ID) -> str:
    """Return the first *length* characters of an id."""
    return sanitize(resource_id[:length])


def distinct_length(ids: Collection[str]) -> int:
    """Return how many characters of *ids*, at least :data:`SHORT_ID`, tell them apart."""
    longest = max(map(len, ids), default=SHORT_ID)
    distinct = len(set(ids))
    lengths = range(SHORT_ID, longest)
    return next((length for length in lengths if len({text[:length] for text in ids}) == distinct), max(longest, SHORT_ID))


def meaning(status: str) -> str:
    """Return what *status* means by its spelling: ``fault``, ``busy``, ``use``, ``ok``, ``idle`` or ``unknown``.

    Cinder's statuses of running work end in ``ing``, those of failures begin with ``error``.
    """
    if status.startswith("error"):
        return "fault"
    if status in _MEANINGS:
        return _MEANINGS[status]
    return "busy" if status.endswith("ing") else "unknown"


def mark(status: str) -> Mark:
    """Return the mark of *status* by its spelling; see :func:`meaning`."""
    return MARKS[meaning(status)]


def status(value: str) -> str:
    """Return a status with its sign before it, as plain text."""
    return f"{mark(value).sign} {sanitize(value)}"


def size(gib: float | None) -> str:
    """Return a size in GiB with its unit, in TiB or more from 10,240 of the smaller unit on; nothing for None."""
    if gib is None:
        return ""
    if math.isinf(gib):
        return "infinite"
    number, unit = float(gib), 0
    while number >= 10240 and unit < len(_UNITS) - 1:  # noqa: PLR2004 - ten of the next unit
        number, unit = number / 1024, unit + 1
    return f"{number:,.1f}".removesuffix(".0") + f" {_UNITS[unit]}"


def span(seconds: float) -> str:
    """Return a span of time in its largest whole unit: ``5 min``, ``3 d``."""
    length, unit = next(((length, unit) for length, unit in _SPANS if seconds >= length), _SPANS[-1])
    return f"{max(0, int(seconds // length))} {unit}"


def duration(seconds: float) -> str:
    """Return how long something took, with milliseconds below a second: ``0.4 ms``, ``12 ms``, ``3.4 s``, ``5 min``."""
    if seconds < 1:
        digits = 1 if 0 < seconds < 0.01 else 0  # noqa: PLR2004 - ten milliseconds
        return f"{seconds * 1000:.{digits}f}".removesuffix(".0") + " ms"
    return f"{seconds:.1f}".removesuffix(".0") + " s" if seconds < 60 else span(seconds)  # noqa: PLR2004 - a minute


def ago(moment: dt.datetime, now: dt.datetime | None = None) -> str:
    """Return how long ago *moment*, an aware time, was: ``5 min ago``; ``in 5 min`` if it is to come."""
    seconds = ((now or dt.datetime.now(dt.UTC)) - moment).total_seconds()
    return f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"


def local_time(moment: dt.datetime) -> str:
    """Return *moment*, an aware time, in the time zone of this machine, to the second."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def is_empty(value: object) -> bool:
    """Return whether *value* says nothing: None, or a text, dict or list without content."""
    return value is None or value in ("", {}, [])


def shown(value: object) -> str:
    """Return a field of a resource as text: nothing for None, times in UTC, a list of texts with commas, other data as JSON."""
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, default=str) if value else ""
    return str(value)
