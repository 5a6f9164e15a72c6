"""The verdict on one tracked volume or snapshot, by its row and by what its storage says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl_notebook.inventory.finding import CONFLICT, MISSING, OK, SIZE_DIFFERS, STUCK, UNKNOWN, Finding
from cl_notebook.model.operations import lifecycle
from cl_notebook.text import quote_word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.inventory.rows import Row
    from cl_notebook.inventory.storage import Presence


ENCRYPTED = "It is encrypted: its device holds ciphertext, for cryptsetup alone."

LOOKS = 3
"""Times that a thing is looked at that others change meanwhile."""

_FOREIGN = "which another service or a driver says, and nothing here ends"


def stuck(kind: str, status: str) -> str:
    """Return what is wrong with the *status* of a resource of that kind which nobody works on; an empty text if nothing is."""
    if lifecycle.is_foreign(kind, status):
        return _FOREIGN
    if lifecycle.is_busy(kind, status):
        return "and nobody works on it"
    return "and an act on it failed" if status in lifecycle.LEFT_BY[kind] else ""


def tracked(kind: str, backend: str, row: Row, presence: Presence, work: Mapping[str, Any] | None) -> Finding:
    """Return the finding on a tracked volume or snapshot; *work* is what a living kernel does to it, if anything."""
    verdict, detail, act = _verdict(kind, row, presence, work)
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
        next=f"%cl_scan {act} {quote_word(row.id)}" if act else None,
    )


def _verdict(kind: str, row: Row, presence: Presence, work: Mapping[str, Any] | None) -> tuple[str, str | None, str]:
    if work is not None:
        return OK, f"It is {row.status}: {being_done(work)}.", ""
    finding = _stuck(kind, row)
    if finding and not (presence.found is False and lifecycle.is_foreign(kind, row.status)):
        return STUCK, f"{finding}; {_whereabouts(presence)}.", "repair"
    if presence.found is None:
        return UNKNOWN, f"Whether it is on the storage is not known: {presence.reason}.", ""
    if not presence.found:
        return MISSING, "The storage does not have it.", "forget"
    if presence.size not in {None, row.size}:
        return SIZE_DIFFERS, f"It has {presence.size} GiB on the storage, and {row.size} GiB here.", "repair"
    return OK, ENCRYPTED if row.encrypted else None, ""


def _stuck(kind: str, row: Row) -> str:
    why = stuck(kind, row.status)
    if why:
        return f"It is {row.status}, {why}"
    is_foreign = row.attach_status not in {None, *lifecycle.ATTACH_STATUSES}
    return f"Its attach status is {row.attach_status}, {_FOREIGN}" if is_foreign else ""


def contested(found: Finding, other: str, backend: str) -> Finding:
    """Return the finding on something that the row *other*, of that backend, claims as well; a worse verdict stays."""
    if found.verdict not in {OK, UNKNOWN, SIZE_DIFFERS} or (found.verdict == OK and found.detail):
        return found
    detail = (
        f"The {found.kind} {other} of the backend {backend} is the same thing on the storage. Forget one of them: to delete one "
        "would take the bytes of the other."
    )
    return found._replace(verdict=CONFLICT, detail=detail, next=f"%cl_scan forget {quote_word(found.id or '')}")


def being_done(work: Mapping[str, Any]) -> str:
    """Return who does what, as the end of a sentence."""
    return f"{work['action']!r} is being done by process {work['pid']} on {work['host']}"


def _whereabouts(presence: Presence) -> str:
    if presence.found is None:
        return f"whether it is on the storage is not known: {presence.reason}"
    if not presence.found:
        return "the storage does not have it"
    return "it is on the storage" + (f", with {presence.size} GiB" if presence.size is not None else "")
