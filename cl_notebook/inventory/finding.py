"""What a look at storage, store and host finds: one thing a row, with a verdict."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

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


_SCHEMA = dict.fromkeys(Finding._fields, "string") | {
    "verdict": VERDICTS,
    "kind": KINDS,
    "backend": "category",
    "size": "Int64",
    "size_on_storage": "Int64",
    "status": "category",
}

_BRIEF = 8
"""Characters of an id that a line of magic has: with the whole of it, pandas would not show the line to its end."""


def frame(findings: Sequence[Finding]) -> pd.DataFrame:
    """Return *findings* as a frame, those that are not ok first, with unprintable characters of names escaped."""
    from cl_notebook.tabular import typed_frame  # noqa: PLC0415 - pandas is loaded when a frame is made

    beginnings = Counter(name[:_BRIEF] for name in {name for finding in findings for name in (finding.id, finding.name) if name})
    ordered = sorted(findings, key=lambda finding: finding.verdict == OK)
    return typed_frame(_SCHEMA, (_row(_briefly(finding, beginnings)) for finding in ordered))


def _row(finding: Finding) -> tuple[object, ...]:
    return tuple(
        sanitize(value) if _SCHEMA[name] == "string" and value is not None else value for name, value in finding._asdict().items()
    )


def _briefly(finding: Finding, beginnings: Counter[str]) -> Finding:
    """Return the finding with the beginning of its id in the line to type, where nothing else is called so."""
    if finding.next is None or finding.id is None or beginnings[finding.id[:_BRIEF]] > 1:
        return finding
    return finding._replace(next=finding.next.replace(f" {finding.id}", f" {finding.id[:_BRIEF]}"))
