"""A few resources in a store, the same in plain lists, and what the tree of them must be."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook.model import Backend, Connection, Snapshot, Volume
from cl_notebook.treemodel import siblings as levels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import cl_notebook as cl
    from cl_notebook.treemodel.rows import Row, VirtualRows

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
"""When everything begins."""

Drawn = list[list[tuple[str, str, int, str, int, list[tuple[str, str, int]]]]]
"""Volumes of each backend: name, status, size, host, second of creation, and name, status and second of what is below."""

SORTS = [word + way for word in ("", *levels.SORTS) for way in ("", ":desc") if word or not way]


@dataclass
class Thing:
    """One resource of the naive model."""

    kind: str
    id: str
    name: str
    status: str
    size: int | None
    where: str
    created: dt.datetime
    children: list[Thing] = field(default_factory=list)

    def walk(self) -> Iterator[Thing]:
        """Yield the thing and everything below it."""
        yield self
        for child in self.children:
            yield from child.walk()


class World:
    """A few backends in a store, and the same in lists."""

    def __init__(self, session: cl.Session, seed: int = 0) -> None:
        """Begin with nothing in *session*; ids look as if they were random, but are the same for the same *seed*."""
        self.session = session
        self._numbers = itertools.count()
        self._seed = seed
        self.tops: list[Thing] = []

    def backend(self, name: str, number: int = 0) -> Thing:
        """Add a backend, made *number* seconds after the start."""
        made = Thing("backend", self._id(), name, "closed", None, "sim", START + dt.timedelta(seconds=number))
        row = {"id": made.id, "name": name, "volume_driver": "sim", "config": {}, **_times(made)}
        with self.session.store.writing() as connection:
            connection.execute(sa.insert(Backend), row)
        self.tops.append(made)
        return made

    def volume(  # noqa: PLR0917 - in the order in which they are drawn
        self, backend: Thing, name: str, status: str = "available", size: int = 1, host: str = "h", number: int = 0
    ) -> Thing:
        """Add a volume."""
        made = Thing("volume", self._id(), name, status, size, host, START + dt.timedelta(seconds=number))
        with self.session.store.writing() as connection:
            connection.execute(sa.insert(Volume), _volume_row(made, backend))
        backend.children.append(made)
        return made

    def snapshot(self, backend: Thing, volume: Thing, name: str, status: str = "available", number: int = 0) -> Thing:
        """Add a snapshot."""
        made = Thing("snapshot", self._id(), name, status, volume.size, "", START + dt.timedelta(seconds=number))
        row: dict[str, Any] = {"id": made.id, "name": name, "description": "", "status": status, "progress": "100%"}
        row |= {"volume_id": volume.id, "volume_size": volume.size, "backend_id": backend.id, "name_in_storage": made.id}
        row |= {"metadata": {}, "provider_location": None, "provider_id": None, **_times(made)}
        with self.session.store.writing() as connection:
            connection.execute(sa.insert(Snapshot), row)
        volume.children.append(made)
        return made

    def connection(self, backend: Thing, volume: Thing, host: str, path: str | None = None, number: int = 0) -> Thing:
        """Add a connection."""
        made = Thing("connection", self._id(), host or "?", "attached", None, path or "", START + dt.timedelta(seconds=number))
        row: dict[str, Any] = {"id": made.id, "volume_id": volume.id, "backend_id": backend.id, "attach_status": "attached"}
        row |= {"attach_mode": "rw", "attached_host": None, "protocol": None, "multipath": False, "path": path}
        row |= {"connector_info": {"host": host}, "conn_info": None, "device": None, **_times(made)}
        with self.session.store.writing() as connection:
            connection.execute(sa.insert(Connection), row)
        volume.children.append(made)
        return made

    def _id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._seed}-{next(self._numbers)}"))

    def delete(self, thing: Thing) -> None:
        """Take a thing away."""
        cls: Any = {"volume": Volume, "snapshot": Snapshot, "connection": Connection, "backend": Backend}[thing.kind]
        with self.session.store.writing() as connection:
            connection.execute(sa.delete(cls).where(cls.id == thing.id))
        for top in self.tops:
            for above in top.walk():
                above.children = [child for child in above.children if child is not thing]

    def things(self) -> list[Thing]:
        """Return everything."""
        return [thing for top in self.tops for thing in top.walk()]


def _times(thing: Thing) -> dict[str, Any]:
    return {"created_at": thing.created, "updated_at": None, "version": 1}


def _volume_row(made: Thing, backend: Thing) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(("pool_name", "snapshot_id", "source_volid", "availability_zone", "provider_location"))
    row |= {"id": made.id, "name": made.name, "description": "", "size": made.size, "status": made.status, "provider_id": None}
    row |= {"attach_status": "detached", "backend_id": backend.id, "host": made.where, "name_in_storage": made.id}
    row |= {"bootable": False, "metadata": {}, "extra_specs": {}, "qos_specs": {}, **_times(made)}
    return row


def _key(thing: Thing, by: str) -> tuple[Any, ...]:
    keys: dict[str, tuple[Any, ...]] = {
        "": (thing.created,),
        "age": (thing.created,),
        "name": (thing.name,),
        "status": (thing.status, thing.size or 0),
        "size": (thing.size or 0,),
        "where": (thing.where,),
    }
    return (*keys[by], thing.id)


def _sorted(things: list[Thing], sort: str) -> list[Thing]:
    by, _, direction = sort.partition(":")
    down = (direction == "desc") is not (by == "age")
    rank = {"snapshot": 0, "connection": 1}
    ordered = sorted(things, key=lambda thing: _key(thing, by), reverse=down)
    return sorted(ordered, key=lambda thing: rank.get(thing.kind, 0))


def naive(
    tops: list[Thing], opened: frozenset[str], sort: str = "", meets: Callable[[Thing], bool] | None = None
) -> list[tuple[Any, ...]]:
    """Return what the list must be: (kind, id, level, position, siblings, children, open) of every row."""
    listed: list[tuple[Any, ...]] = []

    def below(thing: Thing) -> list[Thing]:
        if meets is None or (thing.kind == "volume" and meets(thing)):
            return thing.children
        if thing.kind == "volume":
            return [child for child in thing.children if meets(child)]
        return [child for child in thing.children if meets(child) or any(map(meets, child.children))]

    def put(siblings: list[Thing], level: int) -> None:
        for position, thing in enumerate(_sorted(siblings, sort), 1):
            under = below(thing)
            is_open = bool(under) and thing.id in opened
            listed.append((thing.kind, thing.id, level, position, len(siblings), len(under), is_open))
            if is_open:
                put(under, level + 1)

    put([top for top in tops if meets is None or meets(top) or below(top)], 1)
    return listed


def seen(row: Row) -> tuple[Any, ...]:
    """Return what :func:`naive` says of a row."""
    return (row.kind, row.id, row.level, row.position, row.siblings, row.children, row.open)


def everything(rows: VirtualRows) -> list[tuple[Any, ...]]:
    """Return what is said of every row."""
    return [seen(row) for row in rows.page(0, 10_000)]


def build(session: cl.Session, drawn: Drawn, seed: int = 0) -> World:
    """Put what was drawn into *session*."""
    world = World(session, seed)
    for number, volumes in enumerate(drawn):
        top = world.backend(f"b{number}", number % 2)
        for name, status, size, host, moment, below in volumes:
            volume = world.volume(top, name, status, size, host, moment)
            for place, (child, state, when) in enumerate(below):
                if place % 2:
                    world.connection(top, volume, child, f"/dev/{child}" if when else None, when)
                else:
                    world.snapshot(top, volume, child, state, when)
    return world


def clear(session: cl.Session) -> None:
    """Take everything away."""
    with session.store.writing() as connection:
        for cls in (Connection, Snapshot, Volume, Backend):
            connection.execute(sa.delete(cls))
