"""The life cycle of volumes, snapshots and connections: one table of transitions, from which all other lists of statuses derive.

A status that is not in the table is foreign. Documents and imports bring in those of Cinder's services (``reserved``,
``awaiting-transfer``, ``downloading``…; ``cinder/objects/fields.py``), and drivers and scripts make up others. No action leads
out of a foreign status: a scan reports it, and a repair asks the storage which status is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ERROR = "error"
DELETED = "deleted"
"""The status of an object whose row is gone. It is never stored."""

STABLE_STATUSES = frozenset({"available", "in-use"})
"""Statuses of a volume or snapshot that is complete, with no operation running on it."""

WHOLE: Mapping[str, frozenset[str]] = {
    "volume": STABLE_STATUSES,
    "snapshot": frozenset({"available"}),
    "connection": frozenset({"attached"}),
}
"""By kind, the statuses of a resource with which nothing is wrong."""

TRASHABLE = frozenset({"available"})
"""Statuses in which a volume and its snapshots may go to the trash, and come back; in others they are deleted at once."""

UNOWNED_STATUSES = frozenset({"managing", "unmanaging"})
"""Statuses of an unfinished adoption or release: the bytes on the storage are not ours to delete."""

ATTACH_STATUSES = frozenset({"attached", "detached"})
"""Values of a volume's ``attach_status`` that cl_notebook sets; Cinder has more."""

SOURCE_STATUSES: Mapping[tuple[str, str], frozenset[str]] = {
    ("volume", "clone"): STABLE_STATUSES,
    ("volume", "snapshot"): STABLE_STATUSES,
    ("volume", "connect"): STABLE_STATUSES | {"error_extending"},
    ("snapshot", "volume"): frozenset({"available"}),
    ("snapshot", "revert"): frozenset({"available"}),
}
"""By kind and use, the statuses in which a resource serves an operation on another one: as the source of a clone, say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What one action does to the status of one kind of resource."""

    action: str
    participle: str
    """The action in the past, for messages: ``created``."""
    calls: tuple[str, ...]
    """Methods of the driver (or of os-brick) that do it, as the history shows them."""
    during: str
    """The status while the driver works, and after a kernel was killed meanwhile."""
    allowed: frozenset[str] = frozenset()
    """Statuses in which the action may begin; empty if it makes a new row."""
    resumable: frozenset[str] = frozenset()
    """Statuses in which it may begin, too, once the kernel that set them is dead: it finishes that kernel's operation."""
    success: str
    """The status afterwards; :data:`DELETED` if the row is removed."""
    failure: str | None
    """The status after a failure with side effects; None keeps the one from before. Without side effects nothing changes."""

    @property
    def makes_row(self) -> bool:
        """Whether the action begins with a new row, which is removed again if it fails without side effects."""
        return not self.allowed

    @property
    def ends_tracking(self) -> bool:
        """Whether the action removes the row."""
        return self.success == DELETED


_VOLUME_BUSY = frozenset({"creating", "deleting", "extending", "reverting", "retyping"})
_SNAPSHOT_BUSY = frozenset({"creating", "deleting"})
_CONNECTION_STATUSES = frozenset({"attached", "error_attaching", "error_detaching"})
_CONNECTION_BUSY = frozenset({"attaching", "detaching"})

_TABLE: Mapping[str, tuple[Transition, ...]] = {
    "volume": (
        Transition(
            action="create",
            participle="created",
            calls=("create_volume", "create_cloned_volume", "create_volume_from_snapshot"),
            during="creating",
            success="available",
            failure=ERROR,
        ),
        Transition(
            action="delete",
            participle="deleted",
            calls=("delete_volume",),
            during="deleting",
            allowed=STABLE_STATUSES | {ERROR, "error_deleting", "error_extending"},
            resumable=_VOLUME_BUSY,
            success=DELETED,
            failure="error_deleting",
        ),
        Transition(
            action="extend",
            participle="extended",
            calls=("extend_volume",),
            during="extending",
            allowed=STABLE_STATUSES | {"error_extending"},
            resumable=frozenset({"extending"}),
            success="available",
            failure="error_extending",
        ),
        Transition(
            action="revert",
            participle="reverted",
            calls=("revert_to_snapshot",),
            during="reverting",
            allowed=STABLE_STATUSES | {ERROR},
            resumable=frozenset({"reverting"}),
            success="available",
            failure=ERROR,
        ),
        Transition(
            action="manage",
            participle="adopted",
            calls=("manage_existing",),
            during="managing",
            success="available",
            failure="managing",
        ),
        Transition(
            action="unmanage",
            participle="released",
            calls=("unmanage",),
            during="unmanaging",
            allowed=frozenset({"available", ERROR}),
            resumable=UNOWNED_STATUSES,
            success=DELETED,
            failure=None,
        ),
        Transition(
            action="retype",
            participle="retyped",
            calls=("retype",),
            during="retyping",
            allowed=STABLE_STATUSES | {ERROR},
            resumable=frozenset({"retyping"}),
            success="available",
            failure=ERROR,
        ),
    ),
    "snapshot": (
        Transition(
            action="create",
            participle="created",
            calls=("create_snapshot",),
            during="creating",
            success="available",
            failure=ERROR,
        ),
        Transition(
            action="delete",
            participle="deleted",
            calls=("delete_snapshot",),
            during="deleting",
            allowed=frozenset({"available", ERROR, "error_deleting"}),
            resumable=_SNAPSHOT_BUSY,
            success=DELETED,
            failure="error_deleting",
        ),
        Transition(
            action="manage",
            participle="adopted",
            calls=("manage_existing_snapshot",),
            during="managing",
            success="available",
            failure="managing",
        ),
        Transition(
            action="unmanage",
            participle="released",
            calls=("unmanage_snapshot",),
            during="unmanaging",
            allowed=frozenset({"available", ERROR}),
            resumable=UNOWNED_STATUSES,
            success=DELETED,
            failure=None,
        ),
    ),
    "connection": (
        Transition(
            action="connect",
            participle="connected",
            calls=("initialize_connection",),
            during="attaching",
            success="attached",
            failure="error_attaching",
        ),
        Transition(
            action="attach",
            participle="attached",
            calls=("connect_volume",),
            during="attaching",
            allowed=_CONNECTION_STATUSES,
            resumable=_CONNECTION_BUSY,
            success="attached",
            failure="error_attaching",
        ),
        Transition(
            action="detach",
            participle="detached",
            calls=("disconnect_volume",),
            during="detaching",
            allowed=_CONNECTION_STATUSES,
            resumable=_CONNECTION_BUSY,
            success="attached",  # the storage still gives the host access; only the device is gone
            failure="error_detaching",
        ),
        Transition(
            action="disconnect",
            participle="disconnected",
            calls=("terminate_connection",),
            during="detaching",
            allowed=_CONNECTION_STATUSES,
            resumable=_CONNECTION_BUSY,
            success=DELETED,
            failure="error_detaching",
        ),
    ),
}
"""A volume with connections becomes ``in-use`` where the table says ``available``."""

TRANSITIONS: Mapping[str, Mapping[str, Transition]] = {
    kind: {transition.action: transition for transition in transitions} for kind, transitions in _TABLE.items()
}
"""By kind and action, the transition."""


def _left_by(transitions: tuple[Transition, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    pairs = [
        (status, transition.action)
        for transition in transitions
        for status in (transition.during, transition.failure)
        if status is not None
    ]
    for status in sorted(dict.fromkeys(status for status, _ in pairs), key=lambda status: status == ERROR):
        yield status, tuple(dict.fromkeys(action for left, action in pairs if left == status))


LEFT_BY: Mapping[str, Mapping[str, tuple[str, ...]]] = {kind: dict(_left_by(table)) for kind, table in _TABLE.items()}
"""By kind, each status that an action leaves when it is cut short or fails, with the actions that do; ``error`` is the last."""

BUSY_BY_KIND: Mapping[str, frozenset[str]] = {
    kind: frozenset(transition.during for transition in transitions) for kind, transitions in _TABLE.items()
}
"""By kind, the statuses of a resource on which an operation runs, or ran when its kernel died."""

BUSY = frozenset().union(*BUSY_BY_KIND.values())
"""The statuses of :data:`BUSY_BY_KIND`, of any kind."""

PARTICIPLES: Mapping[str, str] = {
    transition.action: transition.participle for transitions in _TABLE.values() for transition in transitions
}
"""By action, its past participle."""

_MEANINGS_OF_WHOLE = {
    "available": "complete, and no host has access",
    "in-use": "complete, and a host has access",
    "attached": "a host has access",
}

FOREIGN_REASON = "which another service or a driver says, and nothing here ends"
"""What is wrong with a foreign status, as the end of a sentence that names it."""

_TORN = frozenset({"downloading", "restoring-backup", "error_restoring", "error_managing", DELETED})
"""Statuses of Cinder's in which the bytes of a volume are being written, or their writing failed, or they count as gone."""


def statuses(kind: str) -> tuple[str, ...]:
    """Return the statuses that cl_notebook gives to resources of that *kind*."""
    return (*sorted(WHOLE[kind]), *LEFT_BY[kind])


def meaning(kind: str, status: str) -> str:
    """Return in a few words what *status* says of a resource of that *kind*."""
    if is_foreign(kind, status):
        return FOREIGN_REASON
    if status in _MEANINGS_OF_WHOLE:
        return _MEANINGS_OF_WHOLE[status]
    actions = LEFT_BY[kind][status]
    if is_busy(kind, status):
        return f"being {' or '.join(TRANSITIONS[kind][action].participle for action in actions)}"
    return f"{', '.join(actions[:-1])}{' or ' if actions[1:] else ''}{actions[-1]} failed"


def allowed_actions(kind: str, status: str) -> list[str]:
    """Return the actions that may begin on a resource of that *kind* in that *status*."""
    return [transition.action for transition in TRANSITIONS[kind].values() if status in transition.allowed]


def status_column(kind: str) -> str:
    """Return the column that holds the status of resources of that *kind*."""
    return "attach_status" if kind == "connection" else "status"


def is_foreign(kind: str, status: str) -> bool:
    """Return whether no action of cl_notebook gives a resource of that *kind* the *status*."""
    return status not in WHOLE[kind] and status not in LEFT_BY[kind]


def is_busy(kind: str, status: str) -> bool:
    """Return whether the *status* says that an operation runs on a resource of that *kind*."""
    return status in BUSY_BY_KIND[kind]


def stuck_reason(kind: str, status: str) -> str:
    """Return what is wrong with *status* if no operation runs on the resource; an empty text if nothing is."""
    if is_foreign(kind, status):
        return FOREIGN_REASON
    if is_busy(kind, status):
        return "and no operation runs on it"
    return "and an act on it failed" if status in LEFT_BY[kind] else ""


def is_torn(status: str) -> bool:
    """Return whether the bytes of a volume or snapshot with the foreign *status* may be incomplete."""
    return status in _TORN or (status.startswith("error") and status != "error_backing-up")
