"""Which acts make sense for a resource as it is now, what each asks for, and what goes if it is done."""

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
"""Resources of a selection that are looked at before acts are offered: each costs a few queries."""

_NAMED = 5
_REASONS = 2
_ON_SEVERAL = {
    "attach": ("Attach on this host", False),
    "detach": ("Detach from this host", False),
    "disconnect": ("Disconnect", True),
    "delete": ("Delete", True),
}
"""Acts on several resources: how each is called, and whether it takes something away."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """One value that an act asks for: ``text``, ``number``, or a ``flag`` that is true or false."""

    name: str
    label: str
    type: str
    value: Any = ""
    required: bool = False

    def told(self) -> dict[str, Any]:
        return {"name": self.name, "label": self.label, "type": self.type, "value": self.value, "required": self.required}


@dataclass(frozen=True, slots=True)
class _Offer:
    """One act, with what it asks for and what goes."""

    name: str
    label: str
    asks: tuple[_Ask, ...] = ()
    danger: str | None = None


_NAME = _Ask("name", "Name", "text")
_BIND = _Offer("bind", "Bind to a variable", (_Ask("variable", "Variable", "text", required=True),))
_REFRESH = _Offer("refresh", "Refresh")


def offers(session: Session, shell: InteractiveShell | None, resource: Tracked) -> list[dict[str, Any]]:
    """Return the acts that can be done to *resource* now; one that cannot be is left out.

    The storage is not asked, and no driver is opened for it.
    """
    found = [_REFRESH] if shell is None else [_bind(shell, resource), _REFRESH]
    return [_told(offer, resource) for offer in (*found, *_of_one(session, resource))]


def offers_of_several(session: Session, resources: Sequence[Tracked]) -> list[dict[str, Any]]:
    """Return the acts that can be done to several *resources* at once; ``why`` says what speaks against one, or is None.

    An act that takes nothing away is offered if it can be done to one of them, any other if it can be done to all. Of many
    resources the first :data:`LOOKED_AT` are looked at: for the others the act itself says what it could not be done to.
    """
    looked_at = resources[:LOOKED_AT]
    offered = [{offer.name: offer for offer in _of_one(session, resource)} for resource in looked_at]
    kinds = {resource.kind for resource in resources}
    possible = [act for act in _ON_SEVERAL if any((act, kind) in command_lines.FORMS for kind in kinds)]
    names = [_REFRESH.name, *([] if session.settings.read_only else possible)]
    return [_several(session, act, looked_at, offered) for act in names]


def _several(session: Session, act: str, resources: Sequence[Tracked], offered: Sequence[Mapping[str, _Offer]]) -> dict[str, Any]:
    label, is_danger = _ON_SEVERAL.get(act, (_REFRESH.label, False))
    unable = [] if act == _REFRESH.name else [each for each, acts in zip(resources, offered, strict=True) if act not in acts]
    able = len(resources) - len(unable)
    why = None
    if unable and (is_danger or not able):
        reasons = [f"{_titled(each)} {_why_not(session, act, each)}" for each in unable[:_REASONS]]
        more = f"; and {len(unable) - _REASONS} more" if len(unable) > _REASONS else ""
        why = sanitize(f"{'; '.join(reasons)}{more}.")
    asks = {ask.name: replace(ask, value=False) for acts in offered if act in acts for ask in acts[act].asks}
    return {
        "name": act,
        "label": f"{label} ({able} of {len(resources)})" if unable and why is None else label,
        "asks": [ask.told() for ask in asks.values()],
        "danger": label if is_danger else None,
        "line": "",
        "why": why,
    }


def _why_not(session: Session, act: str, resource: Any) -> str:  # noqa: ANN401 - a resource of any kind
    kind = resource.kind
    if (act, kind) not in command_lines.FORMS:
        return f"cannot be chosen: a {kind} has no such act"
    if kind == "volume":
        dependents = _Dependents.of(session, resource.id)
        if act == "attach" and dependents.is_attached_here:
            return "is attached on this host already"
        if act == "detach" and not dependents.is_connected_here:
            return "is not attached on this host"
        if dependents.connections:
            return f"has {dependents.connections} connection{'s' if dependents.connections > 1 else ''}"
    if kind == "connection" and act != "attach" and resource.attached != (act == "detach"):
        return "is still attached" if resource.attached else "is not attached"
    return f"is {resource.status}"


def _of_one(session: Session, resource: Tracked) -> list[_Offer]:
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


def _told(offer: _Offer, resource: Tracked) -> dict[str, Any]:
    values = {ask.name: ask.value for ask in offer.asks}
    return {
        "name": offer.name,
        "label": offer.label,
        "asks": [ask.told() for ask in offer.asks],
        "danger": None if offer.danger is None else sanitize(offer.danger),
        "line": command_lines.of_one(offer.name, resource.kind, resource.id, values),
        "why": None,
    }


def _bind(shell: InteractiveShell, resource: Tracked) -> _Offer:
    return replace(_BIND, asks=(replace(_BIND.asks[0], value=free_name(shell, resource)),))


def _of_backend() -> list[_Offer]:
    return [_Offer("create", "Create a volume", (_Ask("size", "Size in GiB", "number", 1, required=True), _NAME))]


def _of_volume(session: Session, volume: Any) -> Iterator[_Offer]:  # noqa: ANN401 - a volume
    dependents = _Dependents.of(session, volume.id)
    statuses = _Statuses(session, volume, volume.status)
    able = partial(_able, session, volume.backend)
    if statuses.serves("snapshot"):
        yield _Offer("snapshot", "Take a snapshot", (_NAME,))
        yield _Offer("clone", "Clone", (_NAME, _Ask("size", "Size in GiB, if larger", "number")))
    if statuses.may("extend") and (not dependents.connections or able("extend_attached")):
        yield _Offer("extend", "Extend", (_Ask("size", "New size in GiB", "number", volume.size + 1, required=True),))
    lets_in = not dependents.connections or dependents.is_connected_here or able("multiattach")
    if lets_in and not dependents.is_attached_here and statuses.serves("connect"):
        yield _Offer("attach", "Attach on this host")
    if dependents.is_connected_here:
        yield _Offer("detach", "Detach from this host")
    if not dependents.connections and statuses.may("delete", "unmanage"):
        what = f"{_titled(volume)} ({volume.size} GiB)"
        if not dependents.snapshots:
            yield _Offer("delete", "Delete", danger=what)
            return
        number = f"{dependents.snapshots} snapshot{'s' if dependents.snapshots > 1 else ''}"
        ask = _Ask("cascade", f"Delete its {number}, too", "flag", value=True, required=True)
        yield _Offer("delete", "Delete", (ask,), f"{what} and its {number}: {dependents.named()}")


def _of_snapshot(session: Session, snapshot: Any) -> Iterator[_Offer]:  # noqa: ANN401 - a snapshot
    volume: Volume = snapshot.volume
    statuses = _Statuses(session, snapshot, snapshot.status)
    if statuses.serves("volume"):
        size = _Ask("size", "Size in GiB, if larger", "number")
        yield _Offer("volume", "Make a volume of it", (_NAME, size))
        if _can_revert(session, snapshot.backend, volume):
            since = f"{snapshot.created_at:%Y-%m-%d %H:%M} UTC"
            what = f"what was written to {_titled(volume)} ({volume.size} GiB) since {_titled(snapshot)} was taken, {since}"
            yield _Offer("revert", "Revert the volume to it", danger=what)
    if statuses.may("delete", "unmanage"):
        yield _Offer("delete", "Delete", danger=f"{_titled(snapshot)} of {_titled(volume)} ({snapshot.size} GiB)")


def _can_revert(session: Session, backend: Backend, volume: Volume) -> bool:
    if _Dependents.of(session, volume.id).connections:
        return False
    if not _Statuses(session, volume, volume.status).may("revert"):
        return False
    return _able(session, backend, "revert")


def _able(session: Session, backend: Backend, capability: str) -> bool:
    driver = session.get_open(backend)
    return driver is None or capabilities(driver)[capability]  # a closed one is not opened to be asked


def _of_connection(session: Session, connection: Any) -> Iterator[_Offer]:  # noqa: ANN401 - a connection
    if not _Statuses(session, connection, connection.attach_status).may("attach", "detach", "disconnect"):
        return
    host = connection.name_of_host
    where = "this host" if connection.gateway is None else f"host {host}"
    in_reach = connection.is_in_reach if connection.gateway is not None else host == session.settings.host
    if connection.connected and not connection.attached and in_reach:
        yield _Offer("attach", f"Attach on {where}")
    if connection.attached and in_reach:
        yield _Offer("detach", f"Detach from {where}")
    if not connection.attached:
        what = f"the connection of host {host!r} to {_titled(connection.volume)}"
        yield _Offer("disconnect", "Disconnect", danger=what)


class _Statuses:
    """Whether the status of a resource allows an action: the rule of ``guards.require_status``, asked before the action."""

    def __init__(self, session: Session, resource: Tracked, status: str) -> None:
        self._session, self._resource, self._status = session, resource, status
        self._is_left: bool | None = None

    def may(self, *actions: str) -> bool:
        """Return whether one of the *actions* can be done to the resource."""
        transitions = [lifecycle.TRANSITIONS[self._resource.kind][action] for action in actions]
        if any(self._status in transition.allowed for transition in transitions):
            return True
        return any(self._status in transition.resumable for transition in transitions) and self._was_left()

    def serves(self, use: str) -> bool:
        """Return whether the resource can be the source of that *use*."""
        return self._status in lifecycle.SOURCE_STATUSES[self._resource.kind, use]

    def _was_left(self) -> bool:
        if self._is_left is None:
            with self._session.store.reading() as connection:
                self._is_left = guards.running_operation(self._session, connection, self._resource) is None
        return self._is_left


@dataclass(frozen=True, slots=True)
class _Dependents:
    """What belongs to a volume, counted in the store."""

    snapshots: int
    first: tuple[tuple[str, str], ...]
    connections: int
    is_attached_here: bool
    is_connected_here: bool

    @classmethod
    def of(cls, session: Session, volume_id: str) -> _Dependents:
        host = session.settings.host
        of_volume = Snapshot.volume_id == volume_id
        of_connector = Connection.connector_info["host"].as_string().label("host")
        theirs = sa.select(Connection.attached_host, Connection.path, Connection.gateway, of_connector)
        with session.store.reading() as reading:
            number = reading.execute(sa.select(sa.func.count()).select_from(Snapshot).where(of_volume)).scalar_one()
            named = sa.select(Snapshot.id, Snapshot.name).where(of_volume).order_by(Snapshot.created_at, Snapshot.id)
            first = tuple((row.id, row.name) for row in reading.execute(named.limit(_NAMED)))
            rows: list[Mapping[str, Any]] = [
                row._asdict() for row in reading.execute(theirs.where(Connection.volume_id == volume_id))
            ]
        mine = [row for row in rows if row["gateway"] is None and (row["attached_host"] or row["host"]) == host]
        attached = any(row["path"] is not None for row in mine)
        return cls(number, first, len(rows), attached, bool(mine))

    def named(self) -> str:
        more = f" and {self.snapshots - len(self.first)} more" if self.snapshots > len(self.first) else ""
        return ", ".join(repr(name) if name else resource_id[:8] for resource_id, name in self.first) + more


def _titled(resource: Any) -> str:  # noqa: ANN401 - a resource of any kind
    name = getattr(resource, "name", "")
    return f"{resource.kind} {name!r}" if name else f"{resource.kind} {resource.id[:8]}"
