"""Determine the actions that are available for resources, with their input fields and what they remove."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook.drivers.api import capabilities
from cl_notebook.model import Connection, Snapshot, Volume
from cl_notebook.model.operations import guards, lifecycle
from cl_notebook.notebook.tree import command_lines
from cl_notebook.notebook.tree.selection import free_name
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from cl_notebook.model import Backend
    from cl_notebook.model.base import Tracked
    from cl_notebook.session import Session

LOOKED_AT = 50
"""Largest number of resources of a selection that are examined; each costs a few queries."""

_NAMED = 5
_REASONS = 2
_ON_SEVERAL = {
    "attach": ("Attach on this host", False),
    "detach": ("Detach from this host", False),
    "disconnect": ("Disconnect", True),
    "delete": ("Delete", True),
}
"""Actions on several resources: the label of each, and whether it removes something."""


@dataclass(frozen=True, slots=True)
class _Field:
    """One input field of an action; its *type* is ``text``, ``number`` or ``flag`` (true or false)."""

    name: str
    label: str
    type: str
    value: Any = ""
    required: bool = False

    def payload(self) -> dict[str, Any]:
        return {"name": self.name, "label": self.label, "type": self.type, "value": self.value, "required": self.required}


@dataclass(frozen=True, slots=True)
class _Action:
    """One action with its input fields; *danger* describes what it removes."""

    name: str
    label: str
    fields: tuple[_Field, ...] = ()
    danger: str | None = None
    why: str | None = None
    """Why it is not available; None if it is."""


_NAME = _Field("name", "Name", "text")
_BIND = _Action("bind", "Bind to a variable", (_Field("variable", "Variable", "text", required=True),))
_REFRESH = _Action("refresh", "Refresh")


def offers(session: Session, shell: InteractiveShell | None, resource: Tracked) -> list[dict[str, Any]]:
    """Return the actions that are available for *resource* now, as the front end receives them.

    Only the store is read: no driver is opened or called.
    """
    general = [_REFRESH] if shell is None else [_bind(shell, resource), _REFRESH]
    return [_payload(action, resource) for action in (*general, *_actions_of(session, resource))]


def offers_of_several(session: Session, resources: Sequence[Tracked]) -> list[dict[str, Any]]:
    """Return the actions for several *resources*, as the front end receives them; ``why`` is the reason against one, or None.

    An action that removes nothing is available if it applies to one of the resources, any other only if it applies to all.
    Only the first :data:`LOOKED_AT` are examined; when the action runs, it reports the resources that it could not be applied to.
    """
    examined = resources[:LOOKED_AT]
    available = [
        {action.name: action for action in _actions_of(session, resource) if action.why is None} for resource in examined
    ]
    kinds = {resource.kind for resource in resources}
    applicable = [name for name in _ON_SEVERAL if any((name, kind) in command_lines.FORMS for kind in kinds)]
    names = [_REFRESH.name, *([] if session.settings.read_only else applicable)]
    return [_payload_of_several(session, name, examined, available) for name in names]


def _payload_of_several(
    session: Session, name: str, resources: Sequence[Tracked], available: Sequence[Mapping[str, _Action]]
) -> dict[str, Any]:
    label, is_danger = _ON_SEVERAL.get(name, (_REFRESH.label, False))
    unable = (
        []
        if name == _REFRESH.name
        else [resource for resource, actions in zip(resources, available, strict=True) if name not in actions]
    )
    able_count = len(resources) - len(unable)
    why = None
    if unable and (is_danger or not able_count):
        reasons = [f"{_title(resource)} {_why_not(session, name, resource)}" for resource in unable[:_REASONS]]
        more = f"; and {len(unable) - _REASONS} more" if len(unable) > _REASONS else ""
        why = sanitize(f"{'; '.join(reasons)}{more}.")
    fields = {
        field.name: replace(field, value=False) for actions in available if name in actions for field in actions[name].fields
    }
    return {
        "name": name,
        "label": f"{label} ({able_count} of {len(resources)})" if unable and why is None else label,
        "asks": [field.payload() for field in fields.values()],
        "danger": label if is_danger else None,
        "line": "",
        "why": why,
    }


def _why_not(session: Session, action: str, resource: Any) -> str:  # noqa: ANN401 - a resource of any kind
    protection = _protection(session, resource) if action == "delete" else ""
    return protection or _why_unavailable(session, action, resource)


def _protection(session: Session, resource: Any) -> str:  # noqa: ANN401 - as above
    """Return which protection forbids to delete *resource*, as the end of a sentence; empty if none does."""
    kind = resource.kind
    if getattr(resource, "protected", False):
        return f"is protected: %cl_{kind} unset {resource.id} --protected allows it"
    protected = _Dependents.of(session, resource.id).protected if kind == "volume" else ""
    return f"has a protected snapshot, {protected}" if protected else ""


def _why_unavailable(session: Session, action: str, resource: Any) -> str:  # noqa: ANN401 - as above
    kind = resource.kind
    if (action, kind) not in command_lines.FORMS:
        return f"cannot be chosen: a {kind} has no such act"
    if kind == "volume":
        dependents = _Dependents.of(session, resource.id)
        if action == "attach" and dependents.is_attached_here:
            return "is attached on this host already"
        if action == "detach" and not dependents.is_connected_here:
            return "is not attached on this host"
        if dependents.connections:
            return f"has {dependents.connections} connection{'s' if dependents.connections > 1 else ''}"
    if kind == "connection" and action != "attach" and resource.attached != (action == "detach"):
        return "is still attached" if resource.attached else "is not attached"
    return f"is {resource.status}"


def _actions_of(session: Session, resource: Tracked) -> list[_Action]:
    if session.settings.read_only:
        return []
    match resource.kind:
        case "backend":
            return _of_backend()
        case "volume":
            return list(_of_volume(session, resource))
        case "snapshot":
            return list(_of_snapshot(session, resource))
    return list(_of_connection(session, resource))


def _payload(action: _Action, resource: Tracked) -> dict[str, Any]:
    values = {field.name: field.value for field in action.fields}
    return {
        "name": action.name,
        "label": action.label,
        "asks": [field.payload() for field in action.fields],
        "danger": None if action.danger is None else sanitize(action.danger),
        "line": command_lines.of_one(action.name, resource.kind, resource.id, values),
        "why": None if action.why is None else sanitize(action.why),
    }


def _bind(shell: InteractiveShell, resource: Tracked) -> _Action:
    return replace(_BIND, fields=(replace(_BIND.fields[0], value=free_name(shell, resource)),))


def _of_backend() -> list[_Action]:
    return [_Action("create", "Create a volume", (_Field("size", "Size in GiB", "number", 1, required=True), _NAME))]


def _of_volume(session: Session, volume: Any) -> Iterator[_Action]:  # noqa: ANN401 - a volume
    dependents = _Dependents.of(session, volume.id)
    statuses = _Statuses(session, volume, volume.status)
    has_capability = partial(_has_capability, session, volume.backend)
    if statuses.serves("snapshot"):
        yield _Action("snapshot", "Take a snapshot", (_NAME,))
        yield _Action("clone", "Clone", (_NAME, _Field("size", "Size in GiB, if larger", "number")))
    if statuses.may("extend") and (not dependents.connections or has_capability("extend_attached")):
        yield _Action("extend", "Extend", (_Field("size", "New size in GiB", "number", volume.size + 1, required=True),))
    can_connect = not dependents.connections or dependents.is_connected_here or has_capability("multiattach")
    if can_connect and not dependents.is_attached_here and statuses.serves("connect"):
        yield _Action("attach", "Attach on this host")
    if dependents.is_connected_here:
        yield _Action("detach", "Detach from this host")
    if volume.protected or dependents.protected:
        yield _Action("delete", "Delete", why=f"{_title(volume)} {_why_not(session, 'delete', volume)}.")
        return
    if not dependents.connections and statuses.may("delete", "unmanage"):
        description = f"{_title(volume)} ({volume.size} GiB)"
        if not dependents.snapshots:
            yield _Action("delete", "Delete", danger=description)
            return
        snapshot_count = f"{dependents.snapshots} snapshot{'s' if dependents.snapshots > 1 else ''}"
        field = _Field("cascade", f"Delete its {snapshot_count}, too", "flag", value=True, required=True)
        yield _Action("delete", "Delete", (field,), f"{description} and its {snapshot_count}: {dependents.named()}")


def _of_snapshot(session: Session, snapshot: Any) -> Iterator[_Action]:  # noqa: ANN401 - a snapshot
    volume: Volume = snapshot.volume
    statuses = _Statuses(session, snapshot, snapshot.status)
    if statuses.serves("volume"):
        size = _Field("size", "Size in GiB, if larger", "number")
        yield _Action("volume", "Make a volume of it", (_NAME, size))
        if _can_revert(session, snapshot.backend, volume):
            since = f"{snapshot.created_at:%Y-%m-%d %H:%M} UTC"
            description = f"what was written to {_title(volume)} ({volume.size} GiB) since {_title(snapshot)} was taken, {since}"
            yield _Action("revert", "Revert the volume to it", danger=description)
    if snapshot.protected:
        yield _Action("delete", "Delete", why=f"{_title(snapshot)} {_why_not(session, 'delete', snapshot)}.")
    elif statuses.may("delete", "unmanage"):
        yield _Action("delete", "Delete", danger=f"{_title(snapshot)} of {_title(volume)} ({snapshot.size} GiB)")


def _can_revert(session: Session, backend: Backend, volume: Volume) -> bool:
    if _Dependents.of(session, volume.id).connections:
        return False
    if not _Statuses(session, volume, volume.status).may("revert"):
        return False
    return _has_capability(session, backend, "revert")


def _has_capability(session: Session, backend: Backend, capability: str) -> bool:
    driver = session.get_open(backend)
    return driver is None or capabilities(driver)[capability]  # a closed driver is not opened for this


def _of_connection(session: Session, connection: Any) -> Iterator[_Action]:  # noqa: ANN401 - a connection
    if not _Statuses(session, connection, connection.attach_status).may("attach", "detach", "disconnect"):
        return
    host = connection.name_of_host
    target = "this host" if connection.gateway is None else f"host {host}"
    in_reach = connection.is_in_reach if connection.gateway is not None else host == session.settings.host
    if connection.connected and not connection.attached and in_reach:
        yield _Action("attach", f"Attach on {target}")
    if connection.attached and in_reach:
        yield _Action("detach", f"Detach from {target}")
    if not connection.attached:
        description = f"the connection of host {host!r} to {_title(connection.volume)}"
        yield _Action("disconnect", "Disconnect", danger=description)


class _Statuses:
    """Whether the status of a resource allows an action, by the rule of ``guards.require_status``."""

    def __init__(self, session: Session, resource: Tracked, status: str) -> None:
        self._session, self._resource, self._status = session, resource, status
        self._is_interrupted: bool | None = None

    def may(self, *actions: str) -> bool:
        """Return whether the status allows at least one of the *actions*."""
        transitions = [lifecycle.TRANSITIONS[self._resource.kind][action] for action in actions]
        if any(self._status in transition.allowed for transition in transitions):
            return True
        return any(self._status in transition.resumable for transition in transitions) and self._was_interrupted()

    def serves(self, use: str) -> bool:
        """Return whether the status allows the resource to be the source of *use*, e.g. ``snapshot``."""
        return self._status in lifecycle.SOURCE_STATUSES[self._resource.kind, use]

    def _was_interrupted(self) -> bool:
        if self._is_interrupted is None:
            with self._session.store.reading() as connection:
                self._is_interrupted = guards.running_operation(self._session, connection, self._resource) is None
        return self._is_interrupted


@dataclass(frozen=True, slots=True)
class _Dependents:
    """Snapshots and connections of a volume, as stored.

    ``first`` are id and name of the first few snapshots, ``protected`` is the name or id of one that is protected, if any.
    """

    snapshots: int
    first: tuple[tuple[str, str], ...]
    connections: int
    is_attached_here: bool
    is_connected_here: bool
    protected: str = ""

    @classmethod
    def of(cls, session: Session, volume_id: str) -> _Dependents:
        host = session.settings.host
        is_of_volume = Snapshot.volume_id == volume_id
        connector_host = Connection.connector_info["host"].as_string().label("host")
        statement = sa.select(Connection.attached_host, Connection.path, Connection.gateway, connector_host)
        with session.store.reading() as reading:
            snapshot_count = reading.execute(sa.select(sa.func.count()).select_from(Snapshot).where(is_of_volume)).scalar_one()
            first_snapshots = sa.select(Snapshot.id, Snapshot.name).where(is_of_volume).order_by(Snapshot.created_at, Snapshot.id)
            first = tuple((row.id, row.name) for row in reading.execute(first_snapshots.limit(_NAMED)))
            protected_snapshot = reading.execute(first_snapshots.where(Snapshot.protected).limit(1)).first()
            rows: list[Mapping[str, Any]] = [
                row._asdict() for row in reading.execute(statement.where(Connection.volume_id == volume_id))
            ]
        local_rows = [row for row in rows if row["gateway"] is None and (row["attached_host"] or row["host"]) == host]
        is_attached = any(row["path"] is not None for row in local_rows)
        protected = (protected_snapshot.name or protected_snapshot.id[:8]) if protected_snapshot is not None else ""
        return cls(snapshot_count, first, len(rows), is_attached, bool(local_rows), protected)

    def named(self) -> str:
        more = f" and {self.snapshots - len(self.first)} more" if self.snapshots > len(self.first) else ""
        return ", ".join(repr(name) if name else resource_id[:8] for resource_id, name in self.first) + more


def _title(resource: Any) -> str:  # noqa: ANN401 - a resource of any kind
    name = getattr(resource, "name", "")
    return f"{resource.kind} {name!r}" if name else f"{resource.kind} {resource.id[:8]}"
