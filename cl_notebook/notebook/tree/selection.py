"""What is selected, as live objects and as a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from cl_notebook import settings
from cl_notebook.model import Backend, Connection, Snapshot, Volume, identity_map
from cl_notebook.notebook.command.resolve import ALL
from cl_notebook.treemodel.static_tree import Node

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context


def objects(session: Context, ids: Sequence[str]) -> list[Tracked]:
    """Return the live objects with these ids, in their order; those that are gone are left out."""
    found: dict[str, Tracked] = {}
    left = list(ids)
    for cls in ALL:
        for page in identity_map.pages(left):
            found |= {resource.id: resource for resource in identity_map.select(session, sa.select(cls).where(cls.id.in_(page)))}
        left = [resource_id for resource_id in left if resource_id not in found]
    return [found[resource_id] for resource_id in ids if resource_id in found]


def kinds(session: Context, ids: Sequence[str]) -> dict[str, str]:
    """Return the kind of each of the *ids* that something has."""
    found: dict[str, str] = {}
    with session.store.reading() as connection:
        for page in identity_map.pages([settings.UNSTORABLE.sub("", each) for each in ids]):
            for cls in ALL:
                found |= dict.fromkeys(connection.execute(sa.select(cls.id).where(cls.id.in_(page))).scalars(), cls.kind)
    return found


def frame(resources: Sequence[Tracked]) -> pd.DataFrame:
    """Return *resources* as a frame like that of ``cl.frames.tree()``."""
    from cl_notebook.treemodel import frame as hierarchy  # noqa: PLC0415 - only who asks for a frame pays for pandas

    return hierarchy.made([(_place(resource), _node(resource)) for resource in resources])


def _place(resource: Tracked) -> tuple[str, str, str, str]:
    if isinstance(resource, Backend):
        return resource.name, "", resource.kind, resource.id
    volume = resource.id if isinstance(resource, Volume) else resource.volume_id  # type: ignore[attr-defined] # as all others have
    return resource.backend.name, volume, resource.kind, resource.id  # type: ignore[attr-defined] # as above


def _node(resource: Tracked) -> Node:
    match resource:
        case Backend():
            status, size, where = "open" if resource.is_open else "closed", None, resource.volume_driver
        case Volume():
            status, size, where = resource.status, resource.size, resource.host
        case Snapshot():
            status, size, where = resource.status, resource.volume_size, ""
        case Connection():
            host = str(resource.connector_info.get("host") or "?")
            return Node("connection", resource.id, host, resource.status, None, resource.path or "", resource.created_at)
    return Node(resource.kind, resource.id, resource.name, status, size, where, resource.created_at)  # type: ignore[attr-defined] # connections have no name
