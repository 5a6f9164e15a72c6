"""The findings of a scan: the words for a verdict, and the judgement on a volume or snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cl_notebook.model.operations import lifecycle
from cl_notebook.text import quote_word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.inventory.rows import Row
    from cl_notebook.inventory.storage import Presence

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

URGENCY = (CONFLICT, STUCK, MISSING, SIZE_DIFFERS, LEFTOVER, UNTRACKED, UNKNOWN)
"""The verdicts that are not ok, the worst first."""

KINDS = ("backend", "volume", "snapshot", "connection", "device", "file")
"""What a finding may be about. A ``backend`` is one that could not be asked; a ``file``, what a killed process left half made."""


ENCRYPTED = "It is encrypted: its device holds ciphertext, for cryptsetup alone."

MAX_ROUNDS = 3
"""How often a row is judged, if it changes while it is judged."""


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


def is_repairable(verdict: str, kind: str) -> bool:
    """Return whether a repair of everything takes on what is of that *kind* and has that *verdict*."""
    if verdict == MISSING:
        return kind == "connection"
    return verdict in {STUCK, SIZE_DIFFERS, LEFTOVER} or (verdict == UNTRACKED and kind == "file")


def judge(kind: str, backend: str, row: Row, presence: Presence, operation: Mapping[str, Any] | None) -> Finding:
    """Return the finding on a tracked volume or snapshot; *operation* is what a living kernel does to it, if anything."""
    verdict, detail, verb = _verdict(kind, row, presence, operation)
    return Finding(
        verdict,
        kind,
        backend,
        id=row.id,
        name=row.name,
        name_in_storage=row.name_in_storage,
        size=row.size,
        size_on_storage=presence.size,
        status=row.status,
        detail=detail,
        next=f"%cl_scan {verb} {quote_word(row.id)}" if verb else None,
    )


def _verdict(kind: str, row: Row, presence: Presence, operation: Mapping[str, Any] | None) -> tuple[str, str | None, str]:
    if operation is not None:
        return OK, f"It is {row.status}: {describe_operation(operation)}.", ""
    finding = _stuck(kind, row)
    if finding and not (presence.found is False and lifecycle.is_foreign(kind, row.status)):
        return STUCK, f"{finding}; {_presence_text(presence)}.", "repair"
    if presence.found is None:
        return UNKNOWN, f"Whether it is on the storage is not known: {presence.reason}.", ""
    if not presence.found:
        return MISSING, "The storage does not have it.", "forget"
    if presence.size not in {None, row.size}:
        return SIZE_DIFFERS, f"It has {presence.size} GiB on the storage, and {row.size} GiB here.", "repair"
    return OK, ENCRYPTED if row.encrypted else None, ""


def _stuck(kind: str, row: Row) -> str:
    reason = lifecycle.stuck_reason(kind, row.status)
    if reason:
        return f"It is {row.status}, {reason}"
    is_foreign = row.attach_status not in {None, *lifecycle.ATTACH_STATUSES}
    return f"Its attach status is {row.attach_status}, {lifecycle.FOREIGN_REASON}" if is_foreign else ""


def looked_into(finding: Finding) -> Finding:
    """Return the finding with the line of magic that shows why something is unknown, if it is."""
    if finding.verdict != UNKNOWN or finding.next is not None:
        return finding
    if finding.id is None:  # it may be what a running operation is making
        return finding._replace(next="%cl_history --status running")
    if finding.kind == "connection":
        return finding._replace(next=f"%cl_connection show {quote_word(finding.id)}")
    return finding._replace(next=f"%cl_doctor {quote_word(finding.backend)}")


def conflict(finding: Finding, other: str, backend: str) -> Finding:
    """Return the finding on something that the row *other*, of that backend, claims as well; a worse verdict stays."""
    if finding.verdict not in {OK, UNKNOWN, SIZE_DIFFERS} or (finding.verdict == OK and finding.detail):
        return finding
    detail = (
        f"The {finding.kind} {other} of the backend {backend} is the same thing on the storage. Forget one of them: deleting one "
        "also deletes the data of the other."
    )
    return finding._replace(verdict=CONFLICT, detail=detail, next=f"%cl_scan forget {quote_word(finding.id or '')}")


def describe_operation(operation: Mapping[str, Any]) -> str:
    """Return who does what, as the end of a sentence."""
    return f"{operation['action']!r} is being done by process {operation['pid']} on {operation['host']}"


def _presence_text(presence: Presence) -> str:
    if presence.found is None:
        return f"whether it is on the storage is not known: {presence.reason}"
    if not presence.found:
        return "the storage does not have it"
    return "it is on the storage" + (f", with {presence.size} GiB" if presence.size is not None else "")
