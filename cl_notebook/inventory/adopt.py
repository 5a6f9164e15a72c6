"""Adopting what is on a storage and not tracked; what was lost comes back under the id that its name carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.drivers.filebased.manage import SOURCE_NAME
from cl_notebook.inventory.rows import whereabouts
from cl_notebook.inventory.scanner import id_in
from cl_notebook.inventory.storage import Storage
from cl_notebook.model import Operation, Snapshot, Volume, identity_map, validation

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
    wanted: str | None,
) -> Volume | Snapshot:
    """Adopt what *reference* names; see :func:`cl_notebook.inventory.manage`."""
    backend.context.journal.refuse_if_read_only("manage")
    source = {SOURCE_NAME: reference} if isinstance(reference, str) else validation.text_map(reference, "reference")
    kind = Snapshot.kind if snapshot else Volume.kind
    lost = id_in(source.values())
    if wanted is None and lost is not None and not whereabouts(backend.context, kind, [lost]):
        wanted = lost
    if not snapshot:
        return backend.manage(source, name, id=wanted)
    owner = volume or _owner(backend, source, lost)
    if owner is None:
        msg = (
            f"Which volume {', '.join(source.values())!r} is a snapshot of is not known: say it with --volume VOLUME, "
            "or in Python with volume=…."
        )
        raise errors.InvalidInput(msg)
    if owner.backend_id != backend.id:
        msg = f"{owner.label()} is not on {backend.label()}: a snapshot of it cannot be there."
        raise errors.InvalidInput(msg)
    return owner.manage_snapshot(source, name, id=wanted)


def _owner(backend: Backend, source: Mapping[str, str], lost: str | None) -> Volume | None:
    """Return the volume that a snapshot is of, as the storage tells, or else the history of operations."""
    context = backend.context
    words = set(source.values())
    for entry in Storage(backend).listing(Snapshot.kind, words).entries:
        if words & entry.names:
            names = [str(word) for word in entry.source.values()]
            found = identity_map.select(
                context, sa.select(Volume).where(Volume.backend_id == backend.id, Volume.name_in_storage.in_(names))
            )
            if found:
                return found[0]
    with context.store.reading() as connection:
        told = connection.execute(
            sa.select(Operation.arguments).where(Operation.resource_id == lost, Operation.resource_type == Snapshot.kind)
        ).scalars()
        owners = [str(arguments["volume_id"]) for arguments in told if "volume_id" in arguments]
    return identity_map.get(context, Volume, owners[-1]) if owners else None
