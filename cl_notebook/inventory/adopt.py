"""Adopt untracked volumes and snapshots of a storage, under the id in their name if it is free."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.inventory.rows import backend_ids_of
from cl_notebook.inventory.scanner import former_id_in
from cl_notebook.inventory.storage import Storage
from cl_notebook.model import Operation, Snapshot, Volume, creation, identity_map

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.model import Backend


def manage(
    backend: Backend,
    reference: str | Mapping[str, str],
    name: str,
    *,
    snapshot: bool,
    volume: Volume | None,
    requested_id: str | None,
) -> Volume | Snapshot:
    """Adopt what *reference* names; see :func:`cl_notebook.inventory.manage`."""
    backend.context.journal.refuse_if_read_only("manage")
    source = creation.reference_dict(reference)
    kind = Snapshot.kind if snapshot else Volume.kind
    former_id = former_id_in(source.values())
    if requested_id is None and former_id is not None and not backend_ids_of(backend.context, kind, [former_id]):
        requested_id = former_id
    if not snapshot:
        return backend.manage(source, name, id=requested_id)
    owner = volume or _owner(backend, source, former_id)
    if owner is None:
        msg = (
            f"Which volume {', '.join(source.values())!r} is a snapshot of is not known: say it with --volume VOLUME, "
            "or in Python with volume=…."
        )
        raise errors.InvalidInput(msg)
    if owner.backend_id != backend.id:
        msg = f"{owner.label()} is not on {backend.label()}: a snapshot of it cannot be there."
        raise errors.InvalidInput(msg)
    return owner.manage_snapshot(source, name, id=requested_id)


def _owner(backend: Backend, source: Mapping[str, str], former_id: str | None) -> Volume | None:
    """Return the volume that a snapshot is of, as the storage tells, or else the history of operations."""
    context = backend.context
    names = set(source.values())
    for entry in Storage(backend).listing(Snapshot.kind, names).entries:
        if names & entry.names:
            volume_names = [str(name) for name in entry.source.values()]
            volumes = identity_map.select(
                context, sa.select(Volume).where(Volume.backend_id == backend.id, Volume.name_in_storage.in_(volume_names))
            )
            if volumes:
                return volumes[0]
    with context.store.reading() as connection:
        arguments_rows = connection.execute(
            sa.select(Operation.arguments).where(Operation.resource_id == former_id, Operation.resource_type == Snapshot.kind)
        ).scalars()
        owners = [str(arguments["volume_id"]) for arguments in arguments_rows if "volume_id" in arguments]
    return identity_map.get(context, Volume, owners[-1]) if owners else None
