"""The statuses of resources, in one table: what is whole, what an act of this package leaves behind; all others are foreign.

Foreign are the words of other life cycles, which come in by an import or a document: those of Cinder's services (``reserved``,
``awaiting-transfer``, ``downloading``…; ``cinder/objects/fields.py``), and whatever a driver or a script made up. Nothing here
leads out of them, so a scan says that they are there, and a repair asks the storage what they should be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

STABLE_STATUSES = frozenset({"available", "in-use"})
"""Statuses of a volume or snapshot that is whole."""

WHOLE: Mapping[str, frozenset[str]] = {
    "volume": STABLE_STATUSES,
    "snapshot": frozenset({"available"}),
    "connection": frozenset({"attached"}),
}
"""By kind, the statuses of a resource with which nothing is wrong."""

LEFT_BY: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "volume": {
        "creating": ("create",),
        "deleting": ("delete",),
        "error_deleting": ("delete",),
        "extending": ("extend",),
        "error_extending": ("extend",),
        "reverting": ("revert",),
        "managing": ("manage",),
        "unmanaging": ("unmanage",),
        "retyping": ("retype",),
        "error": ("create", "revert", "retype"),
    },
    "snapshot": {
        "creating": ("create",),
        "deleting": ("delete",),
        "error_deleting": ("delete",),
        "managing": ("manage",),
        "unmanaging": ("unmanage",),
        "error": ("create",),
    },
    "connection": {
        "attaching": ("connect", "attach"),
        "error_attaching": ("connect", "attach"),
        "detaching": ("detach", "disconnect"),
        "error_detaching": ("detach", "disconnect"),
    },
}
"""By kind, each status that an act leaves when it is cut short, or fails, with the acts that do."""

BUSY_BY_KIND: Mapping[str, frozenset[str]] = {
    kind: frozenset(status for status in left if not status.startswith("error")) for kind, left in LEFT_BY.items()
}
"""By kind, the statuses of a resource that is being worked on, or was when its kernel died."""

BUSY = frozenset().union(*BUSY_BY_KIND.values())
"""Those of any kind."""

UNOWNED_STATUSES = frozenset({"managing", "unmanaging"})
"""Statuses of what was being adopted or released: what is on the storage was not ours, or is not to be any more."""

ATTACH_STATUSES = frozenset({"attached", "detached"})
"""What ``attach_status`` of a volume says here; Cinder has more words for it."""

_TORN = frozenset({"downloading", "restoring-backup", "error_restoring", "error_managing", "deleted"})
"""Statuses of Cinder's in which the bytes of a volume are being written, or their writing failed, or they count as gone."""


def is_foreign(kind: str, status: str) -> bool:
    """Return whether no act of this package gives a resource of that kind the *status*."""
    return status not in WHOLE[kind] and status not in LEFT_BY[kind]


def is_busy(kind: str, status: str) -> bool:
    """Return whether the *status* says that an act is being done to a resource of that kind."""
    return status in BUSY_BY_KIND[kind]


def is_torn(status: str) -> bool:
    """Return whether what a volume or snapshot with the foreign *status* holds cannot be relied on."""
    return status in _TORN or (status.startswith("error") and status != "error_backing-up")
