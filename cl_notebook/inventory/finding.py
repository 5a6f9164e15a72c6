"""What a look at storage, store and host finds: one thing a row, with a verdict."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

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


_NUMBERS = {"size", "size_on_storage"}
_CATEGORIES: dict[str, Sequence[str] | None] = {"verdict": VERDICTS, "kind": KINDS, "backend": None, "status": None}

_BRIEF = 8
"""Characters of an id that a line of magic has: with the whole of it, pandas would not show the line to its end."""


def frame(found: Sequence[Finding]) -> pd.DataFrame:
    """Return *found* as a frame, what is not ok first; what cannot be seen of a name is written out."""
    import pandas as pd  # noqa: PLC0415 - pandas is loaded when a frame is made

    from cl_notebook.tabular import Frame  # noqa: PLC0415 - as above

    beginnings = Counter(word[:_BRIEF] for word in {word for each in found for word in (each.id, each.name) if word})
    ordered = [_briefly(each, beginnings) for each in sorted(found, key=lambda each: each.verdict == OK)]
    values = list(zip(*ordered, strict=True)) if ordered else [()] * len(Finding._fields)
    made: dict[str, Any] = {}
    for name, column in zip(Finding._fields, values, strict=True):
        if name in _NUMBERS:
            made[name] = pd.array(list(column), dtype="Int64")
        elif name in _CATEGORIES:
            known = _CATEGORIES[name]
            words = sorted({word for word in column if word is not None}) if known is None else list(known)
            made[name] = pd.Categorical(list(column), categories=pd.Index(words, dtype="string"))
        else:
            made[name] = pd.array([None if each is None else sanitize(each) for each in column], dtype="string")
    return Frame(made)


def _briefly(each: Finding, beginnings: Counter[str]) -> Finding:
    """Return the finding with the beginning of its id in the line to type, where nothing else is called so."""
    if each.next is None or each.id is None or beginnings[each.id[:_BRIEF]] > 1:
        return each
    return each._replace(next=each.next.replace(f" {each.id}", f" {each.id[:_BRIEF]}"))
