"""Stop tracking a resource: remove its row and leave the storage unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.inventory import repairs
from cl_notebook.inventory.storage import Storages, unknown
from cl_notebook.model import Backend, Connection, Snapshot, Volume, claims
from cl_notebook.model.operations import guards
from cl_notebook.model.operations.changes import Delete, SyncAttachStatus

if TYPE_CHECKING:
    from cl_notebook.model.base import Tracked
    from cl_notebook.model.operations.changes import RowChange


def forget(resource: Tracked, *, force: bool = False, storages: Storages | None = None) -> None:
    """Remove the row of *resource*; see :func:`cl_notebook.inventory.forget`."""
    resource.context.journal.refuse_if_read_only("forget")
    if isinstance(resource, Backend):
        resource.forget()
        return
    resource.refresh(keep_edits=True)
    repairs.refuse_if_busy(resource, force=force)
    volume: Any = resource.volume if isinstance(resource, Connection) else resource
    if not force and not _is_claimed_twice(resource):
        _refuse_if_there(resource, volume, storages or Storages())
    checks = [guards.require_same_status(resource.context, resource, "forget", force=force)]
    if isinstance(resource, Volume):
        kinds = {"snapshot": Volume.snapshots.target, "connection": Volume.connections.target}
        checks.append(guards.without_dependents(resource, kinds))
    changes: list[RowChange] = [Delete.of(resource)]
    if volume is not resource:
        changes.append(SyncAttachStatus.of(volume))
    resource.context.journal.record_without_driver("forget", changes, resource, tuple(checks))


def _is_claimed_twice(resource: Tracked) -> bool:
    """Return whether another row tracks the same thing on the storage: then nothing is lost with this one."""
    if isinstance(resource, Connection):
        return False
    with resource.context.store.reading() as connection:
        return bool(claims.of_others(connection, resource))


def _refuse_if_there(resource: Tracked, volume: Volume | Snapshot, storages: Storages) -> None:
    presence = storages.presence(volume)
    if presence.found is None:
        msg = f"{unknown(volume, presence)} force=True (--force) forgets it all the same."
        raise errors.Refused(msg)
    if not presence.found:
        return
    if isinstance(resource, Connection):
        advice = f"disconnect() it (%cl_connection disconnect {resource.id}): the host still has access on the storage"
    else:
        advice = "unmanage() releases it and delete() removes it"
    msg = f"The storage has {volume.label()}: {advice}. force=True (--force) forgets {resource.label()} all the same."
    raise errors.Refused(msg)
