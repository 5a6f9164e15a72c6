"""Check whether an operation may begin, and select what is saved of a driver's reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.drivers.api import CAPABILITIES
from cl_notebook.model import designation, identity_map
from cl_notebook.model.operations import lifecycle, liveness
from cl_notebook.model.operations import tables as op
from cl_notebook.model.operations.changes import MapPatch
from cl_notebook.store.types import utcnow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from cl_notebook.drivers.api import Driver, ModelUpdate, SnapshotData, VolumeData
    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context
    from cl_notebook.model.operations.changes import Guard

_SAVED_FIELDS = {"provider_location", "provider_id", "name_in_storage", "pool_name"}
_SAVED_MAPS = {"metadata": "metadata_", "driver_data": "driver_data"}


def require_status(
    context: Context,
    resource: Tracked,
    act: str,
    allowed: Collection[str],
    finishing: Collection[str] = (),
    *,
    force: bool = False,
) -> Guard:
    """Return a guard that lets an operation begin only in certain statuses.

    Args:
        context: the session.
        resource: whose row is checked, and locked until the intent is committed.
        act: the operation, for the message.
        allowed: statuses in which it may begin.
        finishing: statuses in which it may begin, too, once the kernel that set them is dead, to finish its operation.
        force: take that kernel for dead.

    The guard raises ``NotFound`` if the row is gone, and ``InvalidStatus`` in any other status.
    """
    column = lifecycle.status_column(resource.kind)

    def guard(connection: sa.Connection) -> None:
        cls: Any = type(resource)
        row = sa.select(getattr(cls, column)).where(cls.id == resource.id).with_for_update()
        status = connection.execute(row).scalar_one_or_none()
        if status is None:
            msg = f"{resource.label()} is not in the store any more: it was deleted elsewhere."
            raise errors.NotFound(msg)
        if status in allowed:
            return
        if status not in finishing:
            msg = f"{resource.label()} is {status!r}; to {act}, it must be {_either(allowed or finishing)}."
            raise errors.InvalidStatus(msg + _way_out(context, connection, resource, status))
        if not force:
            _refuse_if_alive(context, connection, resource, status)
        connection.execute(
            sa.update(op.Operation)
            .where(op.Operation.resource_id == resource.id, op.Operation.status == op.RUNNING)
            .values(status=op.INTERRUPTED, ended_at=utcnow(), error="The kernel ended before the outcome was known.")
        )

    return guard


def require_transition(context: Context, resource: Tracked, action: str, *, force: bool = False) -> Guard:
    """Return a guard that lets the *action* begin from the statuses of its transition; see :func:`require_status`."""
    transition = lifecycle.TRANSITIONS[resource.kind][action]
    return require_status(context, resource, action, transition.allowed, transition.resumable, force=force)


def require_same_status(context: Context, resource: Tracked, act: str, *, force: bool = False) -> Guard:
    """Return a guard that lets the *act* begin only in the status that *resource* has in memory; see :func:`require_status`.

    A status that belongs to a running operation needs its kernel to be dead.
    """
    status = {getattr(resource, lifecycle.status_column(resource.kind))}
    return require_status(context, resource, act, status - lifecycle.BUSY, status, force=force)


def require_source(context: Context, resource: Tracked, use: str, purpose: str) -> Guard:
    """Return a guard that lets *resource* serve that *use* (of ``SOURCE_STATUSES``); *purpose* names it in the message."""
    return require_status(context, resource, purpose, lifecycle.SOURCE_STATUSES[resource.kind, use])


def _either(statuses: Collection[str]) -> str:
    return " or ".join(repr(status) for status in sorted(statuses))


def _way_out(context: Context, connection: sa.Connection, resource: Tracked, status: str) -> str:
    """Return the sentence that says how *resource* leaves its *status*; empty if nothing is wrong with that status."""
    if not lifecycle.stuck_reason(resource.kind, status):
        return ""
    running = running_operation(context, connection, resource)
    if running is not None:
        return f" {running['action']!r} is being done by process {running['pid']} on {running['host']}: wait for it."
    return f" %cl_scan repair {designation.word(connection, resource.id)} asks the storage what it should be."


def _refuse_if_alive(context: Context, connection: sa.Connection, resource: Tracked, status: str) -> None:
    row = running_operation(context, connection, resource)
    if row is not None:
        msg = (
            f"{resource.label()} is {status!r}: {row['action']!r} is being done by process {row['pid']} on {row['host']}. "
            "Wait for it; if that process is gone for good, repeat with force=True."
        )
        raise errors.InvalidStatus(msg)


def running_operation(context: Context, connection: sa.Connection, resource: Tracked) -> dict[str, Any] | None:
    """Return the running operation on *resource* with its kernel's columns; None if there is none, or its kernel is dead."""
    return next(_alive(context, connection, op.Operation.resource_id == resource.id), None)


def running_operations(context: Context, connection: sa.Connection) -> dict[str, dict[str, Any]]:
    """Return the running operations of living kernels with the kernels' columns, by the id of the resource."""
    return {row["resource_id"]: row for row in _alive(context, connection)}


def _alive(context: Context, connection: sa.Connection, *predicates: sa.ColumnElement[bool]) -> Iterator[dict[str, Any]]:
    columns = (op.Operation.id.label("operation"), op.Operation.action, op.Operation.resource_id, *liveness.LIVENESS_COLUMNS)
    running = (
        sa.select(*columns)
        .join_from(op.Operation, op.Kernel, op.Operation.kernel_id == op.Kernel.id)
        .where(op.Operation.status == op.RUNNING, *predicates)
    )
    for operation in connection.execute(running).all():
        row = operation._asdict()
        ours = row["id"] == context.journal.registered_id
        if (ours and row["operation"] not in context.journal.running) or (not ours and liveness.is_dead(row)):
            continue
        yield row


def persisted_fields(update: ModelUpdate, payload: VolumeData | SnapshotData | None) -> dict[str, Any]:
    """Return the columns that are saved of a driver's *update*; of maps, a patch with the differences to the *payload*'s."""
    fields = update or {}
    values: dict[str, Any] = {
        name: errors.bounded(value) if isinstance(value, str) else value
        for name, value in fields.items()
        if name in _SAVED_FIELDS
    }
    for name, attribute in _SAVED_MAPS.items():
        change = MapPatch.between(getattr(payload, name, None), fields[name]) if name in fields else MapPatch({})
        if change.put or change.gone:
            values[attribute] = change
    return values


def had_no_side_effects(error: BaseException) -> bool:
    """Return whether *error* says that nothing changed on the storage, as every refusal does."""
    return isinstance(error, (errors.InvalidInput, errors.Refused)) or bool(getattr(error, "no_side_effects", False))


def unprotected(resource: Any, dependents: Any = None) -> Guard:  # noqa: ANN401 - a volume or snapshot; the class of its snapshots
    """Return a guard that refuses the deletion of *resource* while it is protected, also if that is set and not saved.

    With *dependents*, the class of its snapshots, those are deleted with it, and may not be protected either.
    The guard raises Protected.
    """

    def guard(connection: sa.Connection) -> None:
        # The intent checks the version of the row, so that the flag as it was read is that of the store.
        if resource.protected or identity_map.committed_values(resource)["protected"]:
            raise errors.Protected(protection(connection, resource.label(), resource.kind, resource.id))
        if dependents is None:
            return
        of_volume = sa.select(dependents.id, dependents.name).where(dependents.volume_id == resource.id, dependents.protected)
        row = connection.execute(of_volume.order_by(dependents.created_at, dependents.id).limit(1)).first()
        if row is not None:
            label = f"{designation.label('snapshot', row.name, row.id)} of {resource.label()}"
            raise errors.Protected(protection(connection, label, "snapshot", row.id))

    return guard


def protection(connection: sa.Connection, label: str, kind: str, resource_id: str) -> str:
    """Return the message that the resource with that *label* is protected, with the line that lifts it."""
    line = designation.unprotecting(kind, designation.word(connection, resource_id))
    return f"{label} is protected from deletion. To allow it: {line}"


def require_capability(driver: Driver, capability: str, resource: Tracked) -> Any:  # noqa: ANN401 - the Protocol depends on the capability
    """Return *driver*, typed as the Protocol of the *capability*.

    Raises:
        NotSupported: the driver lacks the capability; nothing was changed.

    """
    if isinstance(driver, CAPABILITIES[capability]):
        return driver
    msg = f"The driver of {resource.label()} does not support {capability!r}."
    raise errors.NotSupported(msg, no_side_effects=True)


def without_dependents(volume: Tracked, classes: Mapping[str, Any]) -> Guard:
    """Return a guard that refuses while *volume* has rows of *classes*, keyed by ``snapshot`` and ``connection``."""

    def guard(connection: sa.Connection) -> None:
        columns = (
            sa.select(sa.func.count()).select_from(cls).where(cls.volume_id == volume.id).scalar_subquery()
            for cls in classes.values()
        )
        numbers = dict(zip(classes, connection.execute(sa.select(*columns)).one(), strict=True))
        counts = [f"{number} {noun}{'s' if number > 1 else ''}" for noun, number in numbers.items() if number]
        if not counts:
            return
        cure = (
            "Detach it, or remove them all with cleanup()."
            if numbers.get("connection")
            else f"Remove {'it' if sum(numbers.values()) == 1 else 'them'} first, or use delete(cascade=True)."
        )
        msg = f"{volume.label()} has {' and '.join(counts)}. {cure}"
        raise errors.ResourceBusy(msg)

    return guard
