"""Which row claims a name on a storage: one at most, under whatever name and spelling the storage is known.

Everything here runs within the transaction that is about to write, and holds the feed first, so that two kernels which claim the
same name at the same moment are serialised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.model import reading, storages
from cl_notebook.model.reading import CLASSES
from cl_notebook.store import feed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from cl_notebook.model.backend import Backend
    from cl_notebook.model.journal import Guard
    from cl_notebook.model.tracked import Tracked


class Claim(NamedTuple):
    """A row that has a name on a storage: its id, its backend, and the name."""

    id: str
    backend_id: str
    name_in_storage: str


class Claims:
    """The claims of one transaction, which may make rows on many backends."""

    def __init__(self, connection: sa.Connection) -> None:
        """Look them up in the transaction of *connection*."""
        self._connection = connection
        self._same: dict[str, Mapping[str, str]] = {}

    def same_storage(self, backend_id: str) -> Mapping[str, str]:
        """Return the backends on the storage of the one with that id, itself among them: their names, by id."""
        if backend_id not in self._same:
            self._same = _groups(self._connection)
        return self._same.get(backend_id, {backend_id: ""})

    def of(self, kind: type[Tracked], backend_id: str, names: Iterable[str]) -> dict[str, list[Claim]]:
        """Return the rows of *kind* that claim any of the *names* on the storage of that backend, by name."""
        cls: Any = kind
        found: dict[str, list[Claim]] = {}
        for page in reading.pages(list(dict.fromkeys(names))):
            rows = self._connection.execute(
                sa.select(cls.id, cls.backend_id, cls.name_in_storage).where(cls.name_in_storage.in_(list(page)))
            )
            for row in rows:
                found.setdefault(row.name_in_storage, []).append(Claim(*row))
        if not found:
            return found
        same = self.same_storage(backend_id)
        here = {name: [claim for claim in claims if claim.backend_id in same] for name, claims in found.items()}
        return {name: claims for name, claims in here.items() if claims}

    def others(self, kind: type[Tracked], rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
        """Return why the new *rows* of *kind* may not be made, by id: another row, or one before them, claims the same name.

        A row is a mapping with ``id``, ``backend_id`` and ``name_in_storage``.
        """
        by_backend: dict[str, list[Mapping[str, Any]]] = {}
        for row in rows:
            by_backend.setdefault(row["backend_id"], []).append(row)
        refused: dict[str, str] = {}
        claimed: dict[tuple[str, frozenset[str]], Claim] = {}
        for backend_id, own in by_backend.items():
            there = self.of(kind, backend_id, [row["name_in_storage"] for row in own])
            for row in own:
                name = row["name_in_storage"]
                key = (name, frozenset(self.same_storage(backend_id))) if len(by_backend) > 1 else (name, frozenset())
                before = [*there.get(name, ()), *([claimed[key]] if key in claimed else [])]
                other = next((claim for claim in before if claim.id != row["id"]), None)
                if other is not None:
                    refused[row["id"]] = self.tracked_already(kind, backend_id, other)
                claimed.setdefault(key, Claim(row["id"], backend_id, name))
        return refused

    def tracked_already(self, kind: type[Tracked], backend_id: str, claim: Claim) -> str:
        """Say that what somebody wants to track on that backend is tracked already, by *claim*."""
        same = self.same_storage(backend_id)
        where = "" if claim.backend_id == backend_id else f" of backend {same[claim.backend_id]!r}, the same storage"
        return f"{claim.name_in_storage!r} on backend {same[backend_id]!r} is tracked already, as {kind.kind} {claim.id}{where}."


def _groups(connection: sa.Connection) -> dict[str, Mapping[str, str]]:
    cls: Any = CLASSES["Backend"]
    table: sa.Table = cls.__table__
    groups: dict[str, dict[str, str]] = {}
    for row in connection.execute(sa.select(table.c.id, table.c.name, table.c.volume_driver, table.c.config)):
        # of one that is known by its name alone nothing says where it is
        key = storages.identity(row.volume_driver, row.config or {}) if row.volume_driver else f"nowhere {row.id}"
        groups.setdefault(key, {})[row.id] = row.name
    return {backend_id: group for group in groups.values() for backend_id in group}


def unclaimed(kind: type[Tracked], backend_id: str, names: Collection[str]) -> Guard:
    """Return a guard that refuses if any of the *names* on the storage of that backend is tracked already, as one of *kind*.

    The guard raises AlreadyExists.
    """

    def guard(connection: sa.Connection) -> None:
        feed.hold(connection)  # serialise concurrent claims, also through differently named backends
        claims = Claims(connection)
        found = claims.of(kind, backend_id, names)
        if found:
            raise errors.AlreadyExists(claims.tracked_already(kind, backend_id, next(iter(found.values()))[0]))

    return guard


def sole(resource: Tracked, act: str) -> Guard:
    """Return a guard that refuses *act*, which takes the storage's part of a resource away, if another row claims the same.

    The guard raises ResourceBusy.
    """

    def guard(connection: sa.Connection) -> None:
        others = of_others(connection, resource)
        if others:
            msg = (
                f"{resource.label()} and {resource.kind} {others[0].id} are the same thing on the storage, "
                f"{others[0].name_in_storage!r}: to {act} one of them would take the bytes of the other. "
                f"Forget one: %cl_scan forget {resource.id}."
            )
            raise errors.ResourceBusy(msg)

    return guard


def contested(connection: sa.Connection, kind: type[Tracked], backend_id: str) -> dict[str, list[Claim]]:
    """Return the claims of *kind* on the storage of that backend, by name, where there are several."""
    cls: Any = kind
    claims = Claims(connection)
    column, same = cls.name_in_storage, claims.same_storage(backend_id)
    several = sa.select(column).where(cls.backend_id.in_(list(same))).group_by(column).having(sa.func.count() > 1)
    return claims.of(kind, backend_id, connection.execute(several).scalars())


def names(backend: Backend) -> set[str]:
    """Return every name of a volume or a snapshot that is tracked on the storage of *backend*."""
    found: set[str] = set()
    with backend.context.store.reading() as connection:
        same = list(Claims(connection).same_storage(backend.id))
        for kind in ("Volume", "Snapshot"):
            cls: Any = CLASSES[kind]
            statement = sa.select(cls.name_in_storage).where(cls.backend_id.in_(same))
            found.update(connection.execute(statement.execution_options(yield_per=10_000)).scalars())
    return found


def of_others(connection: sa.Connection, resource: Any) -> list[Claim]:  # noqa: ANN401 - a volume or a snapshot
    """Return the other rows that claim what *resource* is on its storage."""
    found = Claims(connection).of(type(resource), resource.backend_id, [resource.name_in_storage])
    return [claim for claims in found.values() for claim in claims if claim.id != resource.id]
