"""The acts during which a kernel is killed: what there is before, and the act itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cl_notebook.model import undo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cl_notebook import Backend, Snapshot, Volume

HOST = {"host": "node1", "ip": "10.0.0.7", "initiator": "iqn.2026-01.test:node1"}
"""A host of nobody's: it is let in, and attaches nothing."""


@dataclass(frozen=True)
class World:
    """What there is before each act."""

    backend: Backend
    volume: Volume
    snapshot: Snapshot


@dataclass(frozen=True)
class Act:
    """One act, and what must be made ready for it."""

    do: Callable[[World], object]
    before: Callable[[World], object] = lambda _world: None


def prepared(backend: Backend) -> World:
    """Make the world on an empty *backend*."""
    volume = backend.create_volume(1, "db")
    return World(backend, volume, volume.create_snapshot("kept"))


def connect(world: World) -> object:
    """Let a host in."""
    return world.volume.connect(HOST)


def attach(world: World) -> object:
    """Attach the volume here."""
    return world.volume.attach()


def _into_trash(world: World) -> None:
    """Put the volume and its snapshot into the trash."""
    session = world.backend.context
    session.settings = replace(session.settings, trash="1h")  # type: ignore[misc] # a session lets its settings be set
    world.volume.delete(cascade=True)


def _leave(world: World) -> None:
    """Leave a volume on the storage that nobody tracks."""
    world.backend.create_volume(1, "theirs").unmanage()


def _theirs(world: World) -> Mapping[str, str]:
    """Return the reference of what nobody tracks."""
    return next(found["reference"] for found in world.backend.manageable_volumes() if found["safe_to_manage"])


PLAIN: dict[str, Act] = {
    "create": Act(lambda world: world.backend.create_volume(1, "new")),
    "clone": Act(lambda world: world.volume.clone("new", size=2)),
    "create_from_snapshot": Act(lambda world: world.snapshot.create_volume("new")),
    "create_snapshot": Act(lambda world: world.volume.create_snapshot("new")),
    "extend": Act(lambda world: world.volume.extend(2)),
    "revert": Act(lambda world: world.volume.revert(world.snapshot)),
    "delete_snapshot": Act(lambda world: world.snapshot.delete()),
    "delete_volume": Act(lambda world: world.volume.delete(), before=lambda world: world.snapshot.delete()),
    "delete_cascade": Act(lambda world: world.volume.delete(cascade=True)),
    "empty_trash": Act(lambda world: undo.empty(world.backend.context), before=_into_trash),
    "delete_clone": Act(lambda world: world.backend.volumes[-1].delete(), before=lambda world: world.volume.clone("copy")),
}
"""Acts that no host takes part in."""

CONNECTING: dict[str, Act] = {
    "connect": Act(connect),
    "disconnect": Act(lambda world: world.volume.connections[0].disconnect(), before=connect),
    "disconnect_one_of_two": Act(
        lambda world: world.volume.connections[0].disconnect(),
        before=lambda world: (connect(world), world.volume.connect(HOST)),
    ),
}
"""Acts that another host is let in or shut out by."""

ATTACHING: dict[str, Act] = {
    "attach": Act(attach),
    "attach_again": Act(attach, before=attach),
    "detach": Act(lambda world: world.volume.detach(), before=attach),
    "extend_attached": Act(lambda world: world.volume.extend(2), before=attach),
    "snapshot_attached": Act(lambda world: world.volume.create_snapshot("new"), before=attach),
}
"""Acts that this host takes part in."""

MANAGING: dict[str, Act] = {
    "manage": Act(lambda world: world.backend.manage(_theirs(world), "new"), before=_leave),
    "unmanage": Act(lambda world: world.volume.unmanage(), before=lambda world: world.snapshot.delete()),
}
"""Acts that take over what is on the storage, or leave it there."""

ACTS: dict[str, Act] = {**PLAIN, **CONNECTING, **ATTACHING, **MANAGING}
