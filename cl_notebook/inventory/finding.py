"""What a look at storage, store and host finds: one thing a row, with a verdict."""

from __future__ import annotations

from typing import NamedTuple

OK = "ok"
UNTRACKED = "untracked"
MISSING = "missing"
STUCK = "stuck"
CONFLICT = "conflict"
SIZE_DIFFERS = "size differs"
LEFTOVER = "leftover device"
UNKNOWN = "unknown"

VERDICTS = (OK, UNTRACKED, MISSING, STUCK, CONFLICT, SIZE_DIFFERS, LEFTOVER, UNKNOWN)
"""Every verdict."""

KINDS = ("backend", "volume", "snapshot", "connection", "device", "file")
"""What a finding may be about. A ``backend`` is one that could not be asked; a ``file``, what a killed process left half made."""


class Finding(NamedTuple):
    """One thing, and what is to be said of it. Sizes are in GiB: ``size`` is the tracked one.

    ``name_in_storage`` of what is not tracked is the word that ``manage`` takes for it. ``device`` is the path on this host,
    ``detail`` one sentence, and ``next`` the line of magic that deals with it.
    """

    verdict: str
    kind: str
    backend: str
    id: str | None = None
    name: str | None = None
    name_in_storage: str | None = None
    size: int | None = None
    size_on_storage: int | None = None
    status: str | None = None
    device: str | None = None
    detail: str | None = None
    next: str | None = None
