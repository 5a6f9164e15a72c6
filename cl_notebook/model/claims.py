"""Which row claims a name on a storage: one at most, under whatever name and spelling the storage is known.

Everything here runs within the transaction that is about to write, and holds the feed first, so that two kernels which claim the
same name at the same moment are serialised.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.model import identity_map, storage_identity
from cl_notebook.model.identity_map import CLASSES
from cl_notebook.store import changefeed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import StoredBackend
    from cl_notebook.model.operations.changes import Guard


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Claim(NamedTuple):
    """A row that has a name on a storage: its id, its backend, and the name."""

    id: str
    backend_id: str
    name_in_storage: str


class Claims:
    """The claims of one transaction, which may make rows on many backends."""

    def __init__(self, connection: sa.Connection, backends: Iterable[Any] = ()) -> None:
        """Look them up in the transaction of *connection*; all stored *backends* are read there unless they are given."""
        self._connection = connection
        self._places: dict[str, _Where] = _places(backends)

    def same_storage(self, backend_id: str) -> set[str]:
        """Return the backends on the storage of the one with that id, itself among them."""
        own = self._where(backend_id)
        return {other for other, where in self._places.items() if where.storage == own.storage}

    def maybe_same_storage(self, backend_id: str) -> set[str]:
        """Return the backends that may be on it, as well: the driver is the same, and cannot tell its storages apart."""
        own = self._where(backend_id)
        return {other for other, where in self._places.items() if own.is_guess and where.driver == own.driver}

    def _where(self, backend_id: str) -> _Where:
        if backend_id not in self._places:
            table: Any = CLASSES["Backend"].__table__
            self._places = _places(
                self._connection.execute(
                    sa.select(table.c.id, table.c.name, table.c.volume_driver, table.c.config.label("stored_config"))
                )
            )
        return self._places.setdefault(backend_id, _Where("", "", f"nowhere {backend_id}", is_guess=False))

    def _is_here(self, backend_id: str, claim: Claim) -> bool:
        """Return whether *claim* is on the storage of that backend.

        Where two arrays cannot be told from one under two addresses, a name that carries a UUID decides: it is given once.
        """
        own, other = self._where(backend_id), self._where(claim.backend_id)
        if own.storage == other.storage:
            return True
        return own.is_guess and own.driver == other.driver and _UUID.search(claim.name_in_storage) is not None

    def of(self, kind: type[Tracked], backend_id: str, names: Iterable[str]) -> dict[str, list[Claim]]:
        """Return the rows of *kind* that claim any of the *names* on the storage of that backend, by name."""
        cls: Any = kind
        found: dict[str, list[Claim]] = {}
        for page in identity_map.pages(list(dict.fromkeys(names))):
            rows = self._connection.execute(
                sa.select(cls.id, cls.backend_id, cls.name_in_storage).where(cls.name_in_storage.in_(list(page)))
            )
            for row in rows:
                found.setdefault(row.name_in_storage, []).append(Claim(*row))
        here = {name: [claim for claim in claims if self._is_here(backend_id, claim)] for name, claims in found.items()}
        return {name: claims for name, claims in here.items() if claims}

    def others(self, kind: type[Tracked], rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
        """Return why the new *rows* of *kind* may not be made, by id: another row, or one before them, claims the same name.

        A row is a mapping with ``id``, ``backend_id`` and ``name_in_storage``.
        """
        by_backend: dict[str, list[Mapping[str, Any]]] = {}
        for row in rows:
            by_backend.setdefault(row["backend_id"], []).append(row)
        refused: dict[str, str] = {}
        claimed: dict[str, list[Claim]] = {}
        for backend_id, own in by_backend.items():
            there = self.of(kind, backend_id, [row["name_in_storage"] for row in own])
            for row in own:
                name = row["name_in_storage"]
                before = [*there.get(name, ()), *(each for each in claimed.get(name, ()) if self._is_here(backend_id, each))]
                other = next((claim for claim in before if claim.id != row["id"]), None)
                if other is not None:
                    refused[row["id"]] = self.tracked_already(kind, backend_id, other)
                claimed.setdefault(name, []).append(Claim(row["id"], backend_id, name))
        return refused

    def tracked_already(self, kind: type[Tracked], backend_id: str, claim: Claim) -> str:
        """Say that what somebody wants to track on that backend is tracked already, by *claim*."""
        own, other = self._where(backend_id), self._where(claim.backend_id)
        which = "the same storage" if own.storage == other.storage else "which may be the same storage"
        where = "" if claim.backend_id == backend_id else f" of backend {other.name!r}, {which}"
        return f"{claim.name_in_storage!r} on backend {own.name!r} is tracked already, as {kind.kind} {claim.id}{where}."


class _Where(NamedTuple):
    """A backend's name and driver, and its storage, which is a guess where the driver does not say what makes it another one."""

    name: str
    driver: str
    storage: str
    is_guess: bool


def _places(backends: Iterable[Any]) -> dict[str, _Where]:
    found = {}
    for row in backends:
        # of one that is known by its name alone nothing says where it is
        storage = (
            storage_identity.storage_key(row.volume_driver, row.stored_config or {}) if row.volume_driver else f"nowhere {row.id}"
        )
        found[row.id] = _Where(row.name, row.volume_driver, storage, is_guess=storage_identity.is_guess(row.volume_driver))
    return found


def unclaimed(kind: type[Tracked], backend_id: str, names: Collection[str]) -> Guard:
    """Return a guard that refuses if any of the *names* on the storage of that backend is tracked already, as one of *kind*.

    The guard raises AlreadyExists.
    """

    def guard(connection: sa.Connection) -> None:
        changefeed.lock(connection)  # serialise concurrent claims, also through differently named backends
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


def contested(
    connection: sa.Connection, kind: type[Tracked], backend_id: str, backends: Iterable[Any] = ()
) -> dict[str, list[Claim]]:
    """Return the claims of *kind* on the storage of that backend, by name, where there are several.

    All stored *backends* are read on *connection* unless they are given.
    """
    cls: Any = kind
    claims = Claims(connection, backends)
    column, near = cls.name_in_storage, claims.same_storage(backend_id) | claims.maybe_same_storage(backend_id)
    several = sa.select(column).where(cls.backend_id.in_(list(near))).group_by(column).having(sa.func.count() > 1)
    found = claims.of(kind, backend_id, connection.execute(several).scalars().all())
    return {name: here for name, here in found.items() if len(here) > 1}


def names(backend: StoredBackend) -> set[str]:
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
