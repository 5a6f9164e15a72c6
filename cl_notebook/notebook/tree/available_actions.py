"""Determine the actions that are available for resources, with their input fields and what they remove."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook.drivers.api import capabilities
from cl_notebook.drivers.options import secret_variable
from cl_notebook.model import Connection, Snapshot, Volume
from cl_notebook.model.operations import guards, lifecycle
from cl_notebook.notebook.command.command import Option
from cl_notebook.notebook.tree import command_lines
from cl_notebook.notebook.tree.selection import free_name
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from cl_notebook.model.base import Tracked
    from cl_notebook.session import Session

LOOKED_AT = 50
"""Largest number of resources of a selection that are examined; each costs a few queries."""

_NAMED = 5
_REASONS = 2
_READING = ("open", "close", "stats", "scan", "log")
"""Acts that change nothing that is stored, so that a read-only session has them."""

_DANGEROUS = frozenset({"delete", "disconnect", "revert", "forget"})
_LABELS: Mapping[str, str] = {
    "bind": "Bind to a variable",
    "refresh": "Refresh",
    "create": "Create a volume",
    "open": "Open",
    "close": "Close",
    "stats": "Statistics",
    "scan": "Scan",
    "log": "Log",
    "forget": "Forget",
    "snapshot": "Take a snapshot",
    "clone": "Clone",
    "extend": "Extend",
    "attach": "Attach on this host",
    "detach": "Detach from this host",
    "rename": "Rename",
    "set": "Set",
    "retype": "Retype",
    "volume": "Make a volume of it",
    "revert": "Revert the volume to it",
    "disconnect": "Disconnect",
    "delete": "Delete",
}
"""The label of each act, in the order in which acts are offered."""

_REFRESH = "refresh"
_MORE = "More"
_LARGER = "Size in GiB, if larger"
_UNSAVED = "leave it as it is"


@dataclass(frozen=True, slots=True)
class Field:
    """One input field of an action.

    Its *type* is ``text``, ``number``, ``flag`` (true or false), ``secret``, ``lines`` (of text) or ``choice`` (one of *choices*,
    pairs of a value and its label). *help* explains it, *default* says what an empty field means, *group* what it belongs to.
    """

    name: str
    label: str
    type: str
    value: Any = ""
    required: bool = False
    help: str = ""
    default: str = ""
    group: str = ""
    choices: tuple[tuple[str, str], ...] = ()

    def payload(self) -> dict[str, Any]:
        """Return the field as the front end receives it."""
        return asdict(self) | {"choices": [list(pair) for pair in self.choices]}


@dataclass(frozen=True, slots=True)
class Action:
    """One action with its input fields; *danger* describes what it removes. With *changes* only changed fields are values."""

    name: str
    label: str
    fields: tuple[Field, ...] = ()
    danger: str | None = None
    changes: bool = False

    def payload(self, line: str, why: str | None = None) -> dict[str, Any]:
        """Return the action as the front end receives it, with the *line* that its values make, and the reason against it."""
        return {
            "name": self.name,
            "label": self.label,
            "asks": [field.payload() for field in self.fields],
            "danger": None if self.danger is None else sanitize(self.danger),
            "line": line,
            "why": None if why is None else sanitize(why),
            "changes": self.changes,
        }


def _field(action: str, kind: str, name: str, value: Any = "", **changes: Any) -> Field:  # noqa: ANN401 - as the field has it
    """Return the field for a value of an act, as the magic's grammar describes it."""
    declared = command_lines.field_of(action, kind, name)
    field = Field(name, name.replace("_", " ").capitalize(), "text", value, help=sanitize(declared.help))
    if isinstance(declared, Option):
        field = replace(field, type=_type_of(declared), required=declared.required)
    if field.type == "lines":
        field = replace(field, help=f"{field.help} One on each line.")
    return replace(field, **changes)


def _type_of(option: Option) -> str:
    if option.secret:
        return "secret"
    if option.repeat:
        return "lines"
    if not option.value:
        return "flag"
    return "number" if option.value in {"GIB", "N"} else "text"


class _Examined:
    """A resource, and what its acts depend on, which is read once."""

    def __init__(self, session: Session, resource: Any) -> None:  # noqa: ANN401 - a resource of any kind
        self.session, self.resource = session, resource

    @cached_property
    def dependents(self) -> _Dependents:
        """The snapshots and connections of a volume, or of that of a snapshot."""
        return _Dependents.of(self.session, getattr(self.resource, "volume_id", self.resource.id))

    @cached_property
    def volumes(self) -> int:
        """The number of volumes on a backend."""
        counted = sa.select(sa.func.count()).select_from(Volume).where(Volume.backend_id == self.resource.id)
        with self.session.store.reading() as reading:
            return int(reading.execute(counted).scalar_one())

    def has_capability(self, capability: str) -> bool:
        """Return whether the driver has *capability*; one that is closed is not opened for this."""
        driver = self.session.get_open(self.resource.backend)
        return driver is None or capabilities(driver)[capability]

    def actions(self) -> list[Action]:
        """Return the actions that are available now."""
        is_read_only = self.session.settings.read_only
        return [action for action in _ACTIONS_OF[self.resource.kind](self) if not is_read_only or action.name in _READING]

    def why_not(self, action: str) -> str:
        """Return the reason against *action*, to follow the title of the resource."""
        kind = self.resource.kind
        if (action, kind) not in command_lines.FORMS:
            return f"cannot be chosen: a {kind} has no such act"
        protection = self._protection() if action == "delete" else ""
        return protection or _REASONS_OF[kind](self, action) or f"is {self.resource.status}"

    def _protection(self) -> str:
        """Return which protection forbids to delete the resource, as the end of a sentence; empty if none does."""
        kind = self.resource.kind
        if getattr(self.resource, "protected", False):
            return f"is protected: %cl_{kind} unset {self.resource.id} --protected allows it"
        protected = self.dependents.protected if kind == "volume" else ""
        return f"has a protected snapshot, {protected}" if protected else ""


def offers(session: Session, shell: InteractiveShell | None, resource: Tracked) -> list[dict[str, Any]]:
    """Return the actions for *resource*, as the front end receives them; ``why`` is the reason against one now, or None.

    Only the store is read: no driver is opened or called.
    """
    general = [Action(_REFRESH, _LABELS[_REFRESH]), *([] if shell is None else [_bind(shell, resource)])]
    examined = _Examined(session, resource)
    available = {action.name: action for action in (*general, *examined.actions())}
    return [
        _payload(available[name], resource) if name in available else _unavailable(examined, name)
        for name in _LABELS
        if name in available or (name != "bind" and name in _allowed(session) and (name, resource.kind) in command_lines.FORMS)
    ]


def _allowed(session: Session) -> Collection[str]:
    return _READING if session.settings.read_only else _LABELS


def _unavailable(examined: _Examined, name: str) -> dict[str, Any]:
    why = f"It {examined.why_not(name)}."
    label = _LABELS[name]
    return Action(name, label, danger=label if name in _DANGEROUS else None).payload("", why)


def offers_of_several(session: Session, resources: Sequence[Tracked]) -> list[dict[str, Any]]:
    """Return the actions for several *resources*, as the front end receives them; ``why`` is the reason against one, or None.

    An action is available if it applies to all of the resources. Only the first :data:`LOOKED_AT` are examined; when the action
    runs, it reports the resources that it could not be applied to.
    """
    examined = [_Examined(session, resource) for resource in resources[:LOOKED_AT]]
    available = [{action.name: action for action in each.actions()} for each in examined]
    kinds = {resource.kind for resource in resources}
    names = [_REFRESH, *(name for name in _allowed(session) if any((name, kind) in command_lines.FORMS for kind in kinds))]
    names = [name for name in names if name != "bind"]
    return [_payload_of_several(name, examined, available) for name in names]


def _payload_of_several(name: str, examined: Sequence[_Examined], available: Sequence[Mapping[str, Action]]) -> dict[str, Any]:
    label = _LABELS[name]
    pairs = zip(examined, available, strict=True)
    unable = [each for each, actions in pairs if name != _REFRESH and name not in actions]
    why = None
    if name in command_lines.ALONE:
        why = "Only one at a time."
    elif unable and len(unable) == len(examined) > 1 and len({each.why_not(name) for each in unable}) == 1:
        why = f"Each {unable[0].why_not(name)}."
    elif unable:
        reasons = [f"{_title(each.resource)} {each.why_not(name)}" for each in unable[:_REASONS]]
        more = f"; and {len(unable) - _REASONS} more" if len(unable) > _REASONS else ""
        why = f"{'; '.join(reasons)}{more}."
    asked = {field.name: _of_several(name, field) for actions in available if name in actions for field in actions[name].fields}
    return Action(name, label, () if why else tuple(asked.values()), label if name in _DANGEROUS else None).payload("", why)


def _of_several(action: str, field: Field) -> Field:
    """Return *field* for several resources, without what only one of them has."""
    if (action, field.name) == ("extend", "size"):
        return replace(field, value="+1")
    if (action, field.name) == ("delete", "cascade"):
        return replace(field, value=False, label="Delete what depends on them, too")
    if field.type == "choice":
        return replace(field, value="", choices=(("", _UNSAVED), *field.choices))
    return replace(field, value=False if field.type == "flag" else "")


def _against_backend(examined: _Examined, action: str) -> str:
    if action == "forget":
        return f"has {examined.volumes:,} volume{'' if examined.volumes == 1 else 's'}"
    return "is open" if action == "open" else "is closed"


def _against_volume(examined: _Examined, action: str) -> str:
    if action == "retype" and not examined.has_capability("retype"):
        return "is on a driver that cannot retype"
    dependents = examined.dependents
    if action == "attach" and dependents.is_attached_here:
        return "is attached on this host already"
    if action == "detach" and not dependents.is_connected_here:
        return "is not attached on this host"
    if dependents.connections and action in {"extend", "attach", "delete"}:
        return f"has {dependents.connections} connection{'s' if dependents.connections > 1 else ''}"
    return ""


def _against_snapshot(examined: _Examined, action: str) -> str:
    if action == "revert" and not examined.has_capability("revert"):
        return "is on a driver that cannot revert"
    if action == "revert" and examined.dependents.connections:
        return "is of a volume that has connections"
    return ""


def _against_connection(examined: _Examined, action: str) -> str:
    connection: Any = examined.resource
    if connection.attached != (action == "detach"):
        return (
            ("is attached already" if action == "attach" else "is still attached") if connection.attached else "is not attached"
        )
    if connection.status in lifecycle.WHOLE["connection"]:
        return f"is of host {connection.name_of_host!r}, which is out of reach from here"
    return ""


_REASONS_OF: Mapping[str, Callable[[_Examined, str], str]] = {
    "backend": _against_backend,
    "volume": _against_volume,
    "snapshot": _against_snapshot,
    "connection": _against_connection,
}
"""By kind, what gives the reason against an act, to follow the title of a resource; empty if it is the status."""


def _payload(action: Action, resource: Tracked) -> dict[str, Any]:
    values = {} if action.changes else {field.name: field.value for field in action.fields if field.type != "secret"}
    return action.payload(command_lines.of_one(action.name, resource.kind, resource.id, values))


def _bind(shell: InteractiveShell, resource: Tracked) -> Action:
    variable = _field("bind", resource.kind, "variable", free_name(shell, resource), required=True)
    return Action("bind", _LABELS["bind"], (variable,))


def _of_backend(examined: _Examined) -> Iterator[Action]:
    session, backend = examined.session, examined.resource
    of = partial(_field, "create", "backend")
    size = of("size", 1, label="Size in GiB", help="")
    several = of("count", default="1", help="How many; they are called NAME-1, NAME-2…")
    more = (of(name, group=_MORE) for name in ("description", "metadata", "pool_name"))
    yield Action("create", _LABELS["create"], (size, of("name"), several, *more, of("bootable", value=False, group=_MORE)))
    if session.get_open(backend) is None:
        secrets = [
            Field(
                name, name, "secret", help=f"Never stored. Left empty, it is taken from ${secret_variable(backend.name, name)}."
            )
            for name in backend.secret_options
        ]
        trust = [] if session.is_confirmed(backend) else [_field("open", "backend", "trust", value=False, required=True)]
        yield Action("open", _LABELS["open"], (*secrets, *trust))
    else:
        can_end = hasattr(session.get_open(backend), "kill")
        yield Action("close", _LABELS["close"], (_field("close", "backend", "kill", value=False),) if can_end else ())
        yield Action("stats", _LABELS["stats"])
        yield Action("scan", _LABELS["scan"])
    if session.get_open(backend) is not None or backend.name in session.failed_openings:
        yield Action("log", _LABELS["log"])
    if not examined.volumes:
        yield Action("forget", _LABELS["forget"], danger=f"{_title(backend)}, with its options; the storage is not touched")


def _changes(resource: Any) -> Iterator[Action]:  # noqa: ANN401 - a volume or a snapshot
    """Yield the acts that change what the store says of a resource."""
    of = partial(_field, "set", resource.kind)
    if lifecycle.is_busy(resource.kind, resource.status):
        return
    name = _field("rename", resource.kind, "name", resource.name or "", required=True, label="New name")
    yield Action("rename", _LABELS["rename"], (name,))
    fields = [of("description", resource.description or ""), _pairs_field("set", resource.kind, "metadata", resource.metadata)]
    fields += [_flag(of("protected"), resource.protected, "protected from deletion", "not protected")]
    if resource.kind == "volume":
        fields += [replace(_flag(of("bootable"), resource.bootable, "bootable", "not bootable"), help="")]
    yield Action("set", _LABELS["set"], tuple(fields), changes=True)


def _flag(field: Field, value: object, is_set: str, is_unset: str) -> Field:
    """Return *field* as a choice between the two states of a flag, whose labels are *is_set* and *is_unset*."""
    choices = (("true", is_set), ("false", is_unset))
    return replace(field, type="choice", value="true" if value else "false", choices=choices)


def _pairs_field(action: str, kind: str, name: str, pairs: Mapping[str, str]) -> Field:
    """Return the field for metadata or specs, a pair on each line, without what is masked elsewhere."""
    lines = [f"{key}={text}" for key, text in command_lines.visible_pairs(pairs).items()]
    return _field(action, kind, name, "\n".join(lines), default="KEY=VALUE")


def _of_volume(examined: _Examined) -> Iterator[Action]:
    volume, dependents, has_capability = examined.resource, examined.dependents, examined.has_capability
    statuses = _Statuses(examined.session, volume, volume.status)
    if statuses.serves("snapshot"):
        of = partial(_field, "snapshot", "volume")
        yield Action("snapshot", _LABELS["snapshot"], (of("name"), of("description", group=_MORE)))
        of = partial(_field, "clone", "volume")
        yield Action("clone", _LABELS["clone"], (of("name"), of("size", label=_LARGER), of("description", group=_MORE)))
    if statuses.may("extend") and (not dependents.connections or has_capability("extend_attached")):
        size = _field("extend", "volume", "size", volume.size + 1, required=True, label="New size in GiB", type="text")
        yield Action("extend", _LABELS["extend"], (replace(size, help="Or +GIB to add to the present size."),))
    can_connect = not dependents.connections or dependents.is_connected_here or has_capability("multiattach")
    if can_connect and not dependents.is_attached_here and statuses.serves("connect"):
        yield Action("attach", _LABELS["attach"])
    if dependents.is_connected_here:
        yield Action("detach", _LABELS["detach"])
    yield from _changes(volume)
    if statuses.may("retype") and has_capability("retype"):
        specs = (("extra_specs", volume.extra_specs), ("qos_specs", volume.qos_specs))
        asked = tuple(_pairs_field("retype", "volume", name, pairs) for name, pairs in specs)
        yield Action("retype", _LABELS["retype"], asked, changes=True)
    if volume.protected or dependents.protected:
        return
    if not dependents.connections and statuses.may("delete", "unmanage"):
        description = f"{_title(volume)} ({volume.size} GiB{_after_trash(examined.session, volume)})"
        if not dependents.snapshots:
            yield Action("delete", _LABELS["delete"], danger=description)
            return
        snapshot_count = f"{dependents.snapshots} snapshot{'s' if dependents.snapshots > 1 else ''}"
        field = Field("cascade", f"Delete its {snapshot_count}, too", "flag", value=True, required=True)
        yield Action("delete", _LABELS["delete"], (field,), f"{description} and its {snapshot_count}: {dependents.named()}")


def _after_trash(session: Session, volume: Volume) -> str:
    span = session.settings.trash
    return f", after {span} in the trash" if span and volume.status in lifecycle.TRASHABLE else ""


def _of_snapshot(examined: _Examined) -> Iterator[Action]:
    snapshot = examined.resource
    volume: Volume = snapshot.volume
    statuses = _Statuses(examined.session, snapshot, snapshot.status)
    if statuses.serves("volume"):
        of = partial(_field, "volume", "snapshot")
        yield Action("volume", _LABELS["volume"], (of("name"), of("size", label=_LARGER), of("description", group=_MORE)))
        if _can_revert(examined, volume):
            since = f"{snapshot.created_at:%Y-%m-%d %H:%M} UTC"
            description = f"what was written to {_title(volume)} ({volume.size} GiB) since {_title(snapshot)} was taken, {since}"
            yield Action("revert", _LABELS["revert"], danger=description)
    yield from _changes(snapshot)
    if not snapshot.protected and statuses.may("delete", "unmanage"):
        yield Action("delete", _LABELS["delete"], danger=f"{_title(snapshot)} of {_title(volume)} ({snapshot.size} GiB)")


def _can_revert(examined: _Examined, volume: Volume) -> bool:
    if examined.dependents.connections:
        return False
    return _Statuses(examined.session, volume, volume.status).may("revert") and examined.has_capability("revert")


def _of_connection(examined: _Examined) -> Iterator[Action]:
    session, connection = examined.session, examined.resource
    if not _Statuses(session, connection, connection.attach_status).may("attach", "detach", "disconnect"):
        return
    host = connection.name_of_host
    target = "this host" if connection.gateway is None else f"host {host}"
    in_reach = connection.is_in_reach if connection.gateway is not None else host == session.settings.host
    if connection.connected and not connection.attached and in_reach:
        yield Action("attach", f"Attach on {target}")
    if connection.attached and in_reach:
        yield Action("detach", f"Detach from {target}")
    if not connection.attached:
        description = f"the connection of host {host!r} to {_title(connection.volume)}"
        yield Action("disconnect", _LABELS["disconnect"], danger=description)


_ACTIONS_OF: Mapping[str, Callable[[_Examined], Iterator[Action]]] = {
    "backend": _of_backend,
    "volume": _of_volume,
    "snapshot": _of_snapshot,
    "connection": _of_connection,
}
"""By kind, what yields the actions that are available."""


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
