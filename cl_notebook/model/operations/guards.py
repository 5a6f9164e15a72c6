"""What the verbs of volumes, snapshots and connections share: may it be done now, and what is kept of the driver's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.drivers.api import CAPABILITIES
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

_KEPT = {"provider_location", "provider_id", "name_in_storage", "pool_name"}
_MAPS = {"metadata": "metadata_", "driver_data": "driver_data"}


def require_status(
    context: Context,
    resource: Tracked,
    act: str,
    allowed: Collection[str],
    finishing: Collection[str] = (),
    *,
    force: bool = False,
) -> Guard:
    """Return a guard that lets the act go on if the row's status is among *allowed*.

    A status among *finishing* is allowed, too, once the kernel that worked on the resource is known to be dead: then the act
    finishes what that one began. ``force`` takes that for granted.
    """
    column = lifecycle.status_column(resource.kind)

    def guard(connection: sa.Connection) -> None:
        cls: Any = type(resource)
        row = sa.select(getattr(cls, column)).where(cls.id == resource.id).with_for_update()
        status = connection.execute(row).scalar_one_or_none()
        if status is None:
            msg = f"{resource.label()} is not in the store any more: somebody else deleted it."
            raise errors.NotFound(msg)
        if status in allowed:
            return
        if status not in finishing:
            msg = f"{resource.label()} is {status!r}; to {act} it must be {_either(allowed)}."
            if lifecycle.is_foreign(resource.kind, status):
                msg += f" %cl_scan repair {resource.id} asks the storage what it should be."
            raise errors.InvalidStatus(msg)
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


def require_source(context: Context, resource: Tracked, use: str, purpose: str) -> Guard:
    """Return a guard that lets *resource* serve that *use* (of ``SOURCE_STATUSES``); *purpose* names it in the message."""
    return require_status(context, resource, purpose, lifecycle.SOURCE_STATUSES[resource.kind, use])


def _either(words: Collection[str]) -> str:
    return " or ".join(repr(word) for word in sorted(words))


def _refuse_if_alive(context: Context, connection: sa.Connection, resource: Tracked, status: str) -> None:
    row = running_operation(context, connection, resource)
    if row is not None:
        msg = (
            f"{resource.label()} is {status!r}: {row['action']!r} is being done by process {row['pid']} on {row['host']}. "
            "Wait for it; if that process is gone for good, repeat with force=True."
        )
        raise errors.InvalidStatus(msg)


def running_operation(context: Context, connection: sa.Connection, resource: Tracked) -> dict[str, Any] | None:
    """Return the operation on *resource* that still runs, with its kernel; None if there is none, or its kernel is dead."""
    return next(_alive(context, connection, op.Operation.resource_id == resource.id), None)


def running_operations(context: Context, connection: sa.Connection) -> dict[str, dict[str, Any]]:
    """Return every operation that still runs, with its kernel, by the id of its resource; those of dead kernels are left out."""
    return {row["resource_id"]: row for row in _alive(context, connection)}


def _alive(context: Context, connection: sa.Connection, *which: sa.ColumnElement[bool]) -> Iterator[dict[str, Any]]:
    what = (op.Operation.id.label("operation"), op.Operation.action, op.Operation.resource_id, *liveness.LIVENESS_COLUMNS)
    running = (
        sa.select(*what)
        .join_from(op.Operation, op.Kernel, op.Operation.kernel_id == op.Kernel.id)
        .where(op.Operation.status == op.RUNNING, *which)
    )
    for found in connection.execute(running).all():
        row = found._asdict()
        ours = row["id"] == context.journal.registered_id
        if (ours and row["operation"] not in context.journal.running) or (not ours and liveness.is_dead(row)):
            continue
        yield row


def persisted_fields(update: ModelUpdate, told: VolumeData | SnapshotData | None) -> dict[str, Any]:
    """Return what is kept of a driver's answer; of maps, what differs from those that it was *told*, if it was told any."""
    given = update or {}
    values: dict[str, Any] = {
        name: errors.bounded(value) if isinstance(value, str) else value for name, value in given.items() if name in _KEPT
    }
    for name, attribute in _MAPS.items():
        change = MapPatch.between(getattr(told, name, None), given[name]) if name in given else MapPatch({})
        if change.put or change.gone:
            values[attribute] = change
    return values


def had_no_side_effects(error: BaseException) -> bool:
    """Return whether *error* says that nothing was changed on the storage: refusals never change anything."""
    return isinstance(error, (errors.InvalidInput, errors.Refused)) or bool(getattr(error, "no_side_effects", False))


def require_capability(driver: Driver, capability: str, resource: Tracked) -> Any:  # noqa: ANN401 - the Protocol depends on the word
    """Return *driver*, known to have the capability.

    Raises:
        NotSupported: it does not have it; nothing was changed.

    """
    if isinstance(driver, CAPABILITIES[capability]):
        return driver
    msg = f"The driver of {resource.label()} does not support {capability!r}."
    raise errors.NotSupported(msg, no_side_effects=True)


def without_dependents(volume: Tracked, classes: Mapping[str, Any]) -> Guard:
    """Return a guard that refuses while rows of *classes* (``snapshot``, ``connection``) name *volume*."""

    def guard(connection: sa.Connection) -> None:
        numbers = {
            word: connection.execute(sa.select(sa.func.count()).select_from(cls).where(cls.volume_id == volume.id)).scalar_one()
            for word, cls in classes.items()
        }
        held = [f"{number} {word}{'s' if number > 1 else ''}" for word, number in numbers.items() if number]
        if not held:
            return
        cure = (
            "Detach it, or remove them all with cleanup()."
            if numbers.get("connection")
            else "Remove them first, or use delete(cascade=True)."
        )
        msg = f"{volume.label()} has {' and '.join(held)}. {cure}"
        raise errors.ResourceBusy(msg)

    return guard
