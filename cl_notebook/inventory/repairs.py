"""Finish or roll back interrupted operations, based on the state of the storage and of the host."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.drivers.api import GiB, SupportsOrphanCleanup
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.inventory import connections, orphan_devices, scanner, verdicts
from cl_notebook.inventory.storage import Storages, unknown
from cl_notebook.inventory.verdicts import MISSING, OK, SIZE_DIFFERS, Finding
from cl_notebook.model import Backend, Connection, Operation, Snapshot, Volume, batch, identity_map, lookup
from cl_notebook.model.operations import background, guards, lifecycle
from cl_notebook.model.operations.changes import SyncAttachStatus, Update
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pandas as pd

    from cl_notebook.inventory.storage import Presence
    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context
    from cl_notebook.model.operations.changes import RowChange


NOTHING_WRONG = "Nothing is wrong with it."


@dataclass(frozen=True, slots=True)
class LastAction:
    """The act that a resource's status comes from: nothing is known where *action* is empty."""

    action: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


def last_action(resource: Tracked) -> LastAction:
    """Return the last act on *resource* that leads to its status, or the only one that can.

    A row that came in by a document or an import has no operation here. Its status alone must neither remove anything from the
    storage nor end the tracking.
    """
    actions = lifecycle.LEFT_BY[resource.kind].get(str(getattr(resource, "status", "")), ())
    statement = (
        sa.select(Operation.action, Operation.arguments)
        .where(Operation.resource_id == resource.id, Operation.action.in_(actions))
        .order_by(Operation.id.desc())
        .limit(1)
    )
    with resource.context.store.reading() as connection:
        row = connection.execute(statement).one_or_none()
    if row is not None:
        return LastAction(row.action, row.arguments or {})
    if len(actions) != 1:
        return LastAction()
    # What adds or removes something is finished or rolled back only where an operation says that it was begun here.
    transition = lifecycle.TRANSITIONS[resource.kind][actions[0]]
    return LastAction() if transition.makes_row or transition.ends_tracking else LastAction(actions[0])


def last_action_name(resource: Tracked) -> str:
    """Return the last act on *resource*; an empty text if nothing is known of any."""
    statement = sa.select(Operation.action).where(Operation.resource_id == resource.id).order_by(Operation.id.desc()).limit(1)
    with resource.context.store.reading() as connection:
        return str(connection.execute(statement).scalar_one_or_none() or "")


def refuse_if_busy(resource: Tracked, *, force: bool) -> None:
    """Refuse to touch what a living kernel works on.

    Raises:
        InvalidStatus: one does.

    """
    with resource.context.store.reading() as connection:
        row = None if force else guards.running_operation(resource.context, connection, resource)
    if row is not None:
        msg = f"{row['action']!r} is being done to {resource.label()} by process {row['pid']} on {row['host']}: wait for it."
        raise errors.InvalidStatus(msg)


def repair_connection(connection: Connection, *, force: bool) -> str:
    """Finish or roll back what was cut short on *connection*, or attach again what lost its device; return what was done."""
    if lifecycle.is_foreign(connection.kind, connection.status):
        _replace_foreign_status(connection)
    if connection.status not in lifecycle.WHOLE[connection.kind]:
        return _recover_connection(connection, force=force)
    if not connection.attached:
        return NOTHING_WRONG
    _refuse_if_out_of_reach(connection)
    verdict = MISSING if connection.gateway is not None else connections.device_verdict(connection)[0]
    if verdict == SIZE_DIFFERS:
        return _extend_device(connection)
    if verdict != MISSING:
        return NOTHING_WRONG
    before = connection.path
    after = connection.attach()
    return f"It was attached again as {after}." if after != before else f"It is attached, as {after}."


def _extend_device(connection: Connection) -> str:
    size = connection.extend_device()
    verdict, detail = connections.device_verdict(connection)
    if verdict == SIZE_DIFFERS:
        msg = f"The device of {connection.label()} does not follow its volume. {detail} Detach it and attach it again."
        raise errors.Refused(msg)
    return f"Its device follows its volume: it has {size / GiB:g} GiB now."


def _recover_connection(connection: Connection, *, force: bool) -> str:
    last = last_action(connection).action
    if not connection.connected or last in {"disconnect", "connect"}:
        if connection.connected and connection.is_in_reach and connection.attached:
            connection.detach(force=force)
        connection.disconnect(force=force)
        return "It was removed: the host has no access any more."
    _refuse_if_out_of_reach(connection)
    if last == "attach" and connections.has_device(connection):
        return f"Its device is there: it was attached as {connection.attach()}."
    connection.detach(force=force)
    return "It was detached; the host still has access to the volume on the storage."


def _replace_foreign_status(connection: Connection) -> None:
    """Give a connection with a foreign status the one that fits what is known of it: whether the host has access."""
    status = "attached" if connection.connected else "error_attaching"
    guard = guards.require_status(connection.context, connection, "repair", {connection.status})
    connection.context.journal.record_without_driver(
        "repair", [Update.of(connection, {"attach_status": status})], connection, (guard,)
    )


def _refuse_if_out_of_reach(connection: Connection) -> None:
    connection.refuse_if_not_typed()
    if not connection.is_in_reach:
        msg = f"{connection.label()} is attached on {connection.attached_host}: it must be repaired there."
        raise errors.Refused(msg)


def repair(resource: Tracked, *, remove: bool = False, force: bool = False, storages: Storages | None = None) -> str:
    """Repair *resource* and return what was done, as a sentence; see :func:`cl_notebook.inventory.repair`."""
    resource.context.journal.refuse_if_read_only("repair")
    if resource.context.journal.write_waiting(resource):
        return "What was done to it before is written to the store now."
    if isinstance(resource, Backend):
        return _remove_orphan_files(resource)
    resource.refresh(keep_edits=True)
    refuse_if_busy(resource, force=force)
    if isinstance(resource, Connection):
        return repair_connection(resource, force=force)
    if isinstance(resource, (Volume, Snapshot)):
        return _ResourceRepair(resource, storages or Storages(), remove=remove, force=force).run()
    msg = f"{resource!r} is nothing that can be repaired."
    raise errors.InvalidInput(msg)


class _ResourceRepair:
    """The repair of one volume or snapshot."""

    def __init__(self, resource: Volume | Snapshot, storages: Storages, *, remove: bool, force: bool) -> None:
        self._resource: Any = resource
        self._storages = storages
        self._remove = remove
        self._force = force

    def run(self) -> str:
        status, kind = self._resource.status, self._resource.kind
        if lifecycle.is_foreign(kind, status):
            return self._repair_foreign_status()
        if status in lifecycle.WHOLE[kind]:
            return self._repair_size()
        last = last_action(self._resource)
        handlers: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
            "create": self._create,
            "delete": self._delete,
            "extend": self._extend,
            "revert": self._revert,
            "retype": self._retype,
            "manage": self._release,
            "unmanage": self._release,
        }
        return handlers.get(last.action, self._repair_unknown_history)(last.arguments)

    def _repair_size(self) -> str:
        presence = self._storages.require_location(self._resource)
        if not presence.found:
            raise errors.Refused(self._missing_message())
        attached = getattr(self._resource, "attach_status", "detached")
        if presence.size in {None, self._resource.size}:
            if attached in lifecycle.ATTACH_STATUSES:
                return NOTHING_WRONG
            self._write(presence)
            return f"Its attach status was {attached!r} and is {self._resource.attach_status!r} now, as its connections say."
        self._refuse_if_empty(presence)
        before = self._resource.size
        self._write(presence)
        self._extend_devices()
        return f"It has {presence.size} GiB on the storage, and here too now: it had {before}."

    def _repair_foreign_status(self) -> str:
        """Give it the status that fits what the storage says, in place of one from another service."""
        before = self._resource.status
        presence = self._storages.presence(self._resource)
        if presence.found is None and not (self._force or self._storages.cannot_tell(self._resource)):
            raise errors.Refused(unknown(self._resource, presence))
        if presence.found is False:
            raise errors.Refused(self._missing_message())
        self._refuse_if_empty(presence)
        is_torn = lifecycle.is_torn(before)
        self._write(presence, status="error" if is_torn else None)
        status_now = self._resource.status
        where = "The storage has it" if presence.found else "The storage does not say whether it has it"
        doubt = ": what it holds may not be whole" if is_torn else ""
        return f"{where}; it was {before!r} and is {status_now!r} now{doubt}."

    def _create(self, _arguments: Mapping[str, Any]) -> str:
        presence = self._storages.require_location(self._resource)
        if not presence.found:
            self._resource.delete(force=self._force)
            return "The storage does not have it: it is not tracked any more."
        if self._storages.storage_of(self._resource).is_atomic:
            self._write(presence)
            return "The storage has it, whole: it was made."
        if not self._remove:
            msg = (
                f"{self._label} is on the storage, but whether it is whole is not known: its driver does not say. "
                f"%cl_scan repair {self._resource.id} --yes removes it there."
            )
            raise errors.Refused(msg)
        self._resource.delete(force=self._force)
        return "What was made of it was removed from the storage, and it is not tracked any more."

    def _delete(self, arguments: Mapping[str, Any]) -> str:
        options = {"cascade": True} if arguments.get("cascade") else {}
        self._resource.delete(force=self._force, **options)
        return "The deletion was finished."

    def _extend(self, arguments: Mapping[str, Any]) -> str:
        presence = self._storages.require_location(self._resource)
        size = arguments.get("size")
        if not presence.found:
            raise errors.Refused(self._missing_message())
        if presence.size is None:
            msg = (
                f"How large {self._label} is on the storage is not known. %cl_volume extend {self._resource.id} {size} "
                "extends it again."
            )
            raise errors.Refused(msg)
        self._refuse_if_empty(presence)
        before = self._resource.size
        self._write(presence)
        self._extend_devices()
        if presence.size == before:
            return f"The storage did not extend it: it has {before} GiB, as before."
        return f"It has {presence.size} GiB on the storage, and here too now."

    def _extend_devices(self) -> None:
        for conn in getattr(self._resource, "attached_in_reach", ()):
            conn.extend_device()

    def _revert(self, arguments: Mapping[str, Any]) -> str:
        snapshot = identity_map.get(self._resource.context, Snapshot, str(arguments.get("snapshot_id")))
        if snapshot is None:
            msg = (
                f"{self._label} was being reverted to a snapshot that is not tracked any more: what it holds is not known. "
                f"Revert it to another (%cl_volume revert {self._resource.id} SNAPSHOT), or delete it."
            )
            raise errors.Refused(msg)
        self._resource.revert(snapshot, force=self._force)
        return f"It was reverted to {snapshot.label()} again."

    def _retype(self, arguments: Mapping[str, Any]) -> str:
        options = {name: arguments[name] for name in ("extra_specs", "qos_specs") if name in arguments}
        self._resource.retype(**options, force=self._force)
        return "It was retyped again."

    def _release(self, _arguments: Mapping[str, Any]) -> str:
        name = self._resource.name_in_storage
        self._resource.unmanage(force=self._force)
        return f"It was released: it stays on the storage, as {name!r}, and is not tracked any more."

    def _repair_unknown_history(self, _arguments: Mapping[str, Any]) -> str:
        presence = self._storages.require_location(self._resource)
        status = self._resource.status
        was_repaired = status == "error" and last_action_name(self._resource) == "repair"  # by a repair of what was being written
        if presence.found and self._storages.storage_of(self._resource).is_atomic and not was_repaired:
            self._write(presence)
            return "The storage has it, whole."
        where = "has" if presence.found else "does not have"
        msg = (
            f"{self._label} is {status!r}, and no operation says why; the storage {where} it. %cl_{self._resource.kind} delete "
            f"{self._resource.id} removes it."
        )
        raise errors.Refused(msg)

    def _refuse_if_empty(self, presence: Presence) -> None:
        if presence.size == 0:  # no volume has 0 GiB, and no document with one could be read
            resource_id, kind = self._resource.id, self._resource.kind
            msg = f"{self._label} is empty on the storage: what it held is gone. %cl_{kind} delete {resource_id} removes it."
            raise errors.Refused(msg)

    def _missing_message(self) -> str:
        resource_id = self._resource.id
        return f"The storage does not have {self._label}: it cannot be repaired. %cl_scan forget {resource_id} forgets it."

    @property
    def _label(self) -> str:
        return str(self._resource.label())

    def _write(self, presence: Presence, *, status: str | None = None) -> None:
        """Write the size that the storage says, and *status*, or the one that a whole resource has."""
        resource = self._resource
        size = {} if presence.size is None else {"size" if isinstance(resource, Volume) else "volume_size": presence.size}
        change: RowChange = Update.of(resource, {**size, "status": status or "available"})
        if isinstance(resource, Volume) and status is None:
            change = SyncAttachStatus.of(resource, size, is_over=True)
        guard = guards.require_same_status(resource.context, resource, "repair", force=self._force)
        resource.context.journal.record_without_driver("repair", [change], resource, (guard,))


def _remove_orphan_files(backend: Backend) -> str:
    driver = backend.driver
    if not isinstance(driver, SupportsOrphanCleanup):
        return NOTHING_WRONG
    with translate_errors(backend.name, "remove_leftovers"):
        count = driver.remove_leftovers()
    return f"{count} half-made files of killed processes were removed." if count else NOTHING_WRONG


_ORDER = ("connection", "device", "snapshot", "volume", "file")
_CLASSES: dict[str, type[Tracked]] = {cls.kind: cls for cls in (Connection, Snapshot, Volume)}
COLUMNS = ("kind", "backend", "id", "name", "device", "done", "detail")


def repair_all(session: Context, backend: Backend | str | Iterable[Backend | str] | None, *, remove: bool) -> pd.DataFrame:
    """Repair what can be; see :func:`cl_notebook.inventory.repair_all`."""
    session.journal.refuse_if_read_only("repair")
    backends = lookup.select_backends(session, backend)
    repairable: list[Finding] = []
    left: Counter[str] = Counter()
    for finding in scanner.findings(session, backends):
        if verdicts.is_repairable(finding.verdict, finding.kind):
            repairable.append(finding)
        elif finding.verdict != OK:
            left[finding.verdict] += 1
    repairable.sort(key=lambda finding: _ORDER.index(finding.kind))
    storages, by_name = Storages(), {stored.name: stored for stored in backends}
    tried: list[tuple[Finding, bool, str]] = []
    hint = "cl.inventory.repair_all() continues it."
    with (
        background.interruptible("The repair", hint),
        batch.count_done("tried", [_label(finding) for finding in repairable]) as count,
    ):
        for finding in repairable:
            try:
                done, detail = True, _repair_finding(session, finding, by_name, storages, remove=remove)
            except errors.StoreError:
                raise
            except errors.Error as error:
                done, detail = False, errors.one_line(error)
            tried.append((finding, done, detail))
            count()
    frame = _frame(tried)
    frame.attrs["left"] = dict(left)
    return frame


def _label(finding: Finding) -> str:
    return sanitize(
        f"{finding.kind} {finding.name or finding.device or ''} {f'({finding.id[:8]})' if finding.id else ''}".strip()
    )


def _repair_finding(session: Context, finding: Finding, backends: dict[str, Backend], storages: Storages, *, remove: bool) -> str:
    if finding.kind == "file":
        return repair(backends[finding.backend])
    if finding.kind == "device":
        return orphan_devices.detach_orphan(session, finding.device or "", remove=remove)
    resource = identity_map.get(session, _CLASSES[finding.kind], finding.id or "")
    if resource is None:
        return f"It is {OK}: it is not tracked any more."
    return repair(resource, remove=remove, storages=storages)


def _frame(tried: list[tuple[Finding, bool, str]]) -> pd.DataFrame:
    from cl_notebook.tabular import typed_frame  # noqa: PLC0415 - pandas is loaded when a frame is made

    schema = dict.fromkeys(COLUMNS, "string") | {"done": "boolean"}
    rows = ((*_values(finding), done, sanitize(detail)) for finding, done, detail in tried)
    return typed_frame(schema, rows, noun="repairs")


def _values(finding: Finding) -> Iterable[str | None]:
    values = (getattr(finding, name) for name in COLUMNS[:-2])
    return (None if value is None else sanitize(value) for value in values)
