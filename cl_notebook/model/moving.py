"""A session that goes on with another store: its open backends move there, and what is tracked on them does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.model import identity_map
from cl_notebook.model.backend import Backend
from cl_notebook.model.operations.changes import Insert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cl_notebook.model.context import Context
    from cl_notebook.store import Store

Plan = list[tuple[Backend, dict[str, Any]]]
"""Each backend with its row in the new store, and whether that is still to be made under ``is_new``."""


def planned(store: Store, backends: Sequence[Backend], *, read_only: bool) -> Plan:
    """Return how *backends* stand in *store*; nothing is written.

    Raises:
        AlreadyExists: a backend is stored there with another configuration.
        ReadOnly: one is not stored there, and nothing may be written.

    """
    names = [backend.name for backend in backends]
    columns = (Backend.id, Backend.name, Backend.volume_driver, Backend.stored_config)
    with store.reading() as connection:
        there = {row.name: row for row in connection.execute(sa.select(*columns).where(Backend.name.in_(names)))}
    plan: Plan = []
    for backend in backends:
        row = {name: getattr(backend, name) for name in ("id", "name", "volume_driver", "stored_config")}
        stored = there.get(backend.name)
        if stored is not None and (stored.volume_driver, stored.config) != (backend.volume_driver, backend.stored_config):
            msg = f"{store!r} has a backend {backend.name!r} with another configuration. Close this one first: backend.close()."
            raise errors.AlreadyExists(msg)
        if stored is None and read_only:
            msg = f"{store!r} has no backend {backend.name!r}, and this session is read-only. Close it first: backend.close()."
            raise errors.ReadOnly(msg)
        plan.append((backend, {**row, "id": stored.id if stored is not None else row["id"], "is_new": stored is None}))
    return plan


def carry_over(context: Context, plan: Plan) -> None:
    """Let the objects of *plan* stand for their rows in the store that *context* has now; those that are new are made."""
    for backend, planned_row in plan:
        row = dict(planned_row)
        if row.pop("is_new"):
            made = context.journal.record("add", [Insert(Backend, row)], Insert(Backend, row))[0]
        else:
            found = identity_map.get(context, Backend, row["id"])
            if found is None:
                msg = f"The backend {backend.name!r} went from the store while the session moved there."
                raise errors.NotFound(msg)
            made = found
        identity_map.take_place(context, backend, made)
