"""Ensure that at most one row claims a name on a storage, also through differently named backends.

A row claims the storage's volume or snapshot that its column ``name_in_storage`` names. The guards run in the transaction that
writes the claim, and lock the change feed first: that serialises two kernels that claim the same name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.model import identity_map, storage_identity, trash
from cl_notebook.model.identity_map import CLASSES
from cl_notebook.store import changefeed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import StoredBackend
    from cl_notebook.model.operations.changes import Guard


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Claim(NamedTuple):
    """The id of a row, its backend's id, the name on the storage that the row claims, and whether it is in the trash."""

    id: str
    backend_id: str
    name_in_storage: str
    is_in_trash: bool = False


class Claims:
    """The claims that one transaction sees, on the storages of all backends."""

    def __init__(self, connection: sa.Connection, backends: Iterable[Any] = ()) -> None:
        """Read claims on *connection*, and the stored backends, too, unless *backends* are given."""
        self._connection = connection
        self._locations: dict[str, _Location] = _locations(backends)

    def same_storage(self, backend_id: str) -> set[str]:
        """Return the ids of the backends on the same storage as the backend *backend_id*, which is included."""
        storage = self._location(backend_id).storage
        return {other_id for other_id, location in self._locations.items() if location.storage == storage}

    def maybe_same_storage(self, backend_id: str) -> set[str]:
        """Return the ids of the backends whose driver is the same and cannot say whether the storage is, too."""
        requested = self._location(backend_id)
        if not requested.is_guess:
            return set()
        return {other_id for other_id, location in self._locations.items() if location.driver == requested.driver}

    def _location(self, backend_id: str) -> _Location:
        if backend_id not in self._locations:
            table: Any = CLASSES["Backend"].__table__
            self._locations = _locations(
                self._connection.execute(
                    sa.select(table.c.id, table.c.name, table.c.volume_driver, table.c.config.label("stored_config"))
                )
            )
        return self._locations.setdefault(backend_id, _Location("", "", f"nowhere {backend_id}", is_guess=False))

    def _is_on_storage(self, claim: Claim, backend_id: str) -> bool:
        """Return whether *claim* is on the storage of the backend *backend_id*.

        If the driver cannot distinguish two arrays from one with two addresses, a name with a UUID decides: a UUID is unique.
        """
        requested, claimed = self._location(backend_id), self._location(claim.backend_id)
        if requested.storage == claimed.storage:
            return True
        return requested.is_guess and requested.driver == claimed.driver and _UUID.search(claim.name_in_storage) is not None

    def of(self, kind: type[Tracked], backend_id: str, names: Iterable[str], *, excluded_id: str = "") -> dict[str, list[Claim]]:
        """Return the claims to *names* on the storage of *backend_id*, by name, of all rows but *excluded_id*."""
        cls: Any = kind
        claims_by_name: dict[str, list[Claim]] = {}
        for page in identity_map.pages(list(dict.fromkeys(names))):
            tables = ((cls.__table__, sa.true(), sa.literal(0)), (trash.TABLE, trash.TABLE.c.kind == cls.kind, sa.literal(1)))
            selects = (
                sa.select(table.c.id, table.c.backend_id, table.c.name_in_storage, is_in_trash.label("is_in_trash")).where(
                    table.c.name_in_storage.in_(list(page)), table.c.id != excluded_id, condition
                )
                for table, condition, is_in_trash in tables
            )
            for row in self._connection.execute(sa.union_all(*selects)):
                claims_by_name.setdefault(row.name_in_storage, []).append(
                    Claim(row.id, row.backend_id, row.name_in_storage, bool(row.is_in_trash))
                )
        on_storage = {
            name: [claim for claim in claims if self._is_on_storage(claim, backend_id)] for name, claims in claims_by_name.items()
        }
        return {name: claims for name, claims in on_storage.items() if claims}

    def others(self, kind: type[Tracked], rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
        """Return why new *rows* of *kind* are refused, by id: a stored or an earlier row has the same claim.

        A row is a mapping with ``id``, ``backend_id`` and ``name_in_storage``.
        """
        by_backend: dict[str, list[Mapping[str, Any]]] = {}
        for row in rows:
            by_backend.setdefault(row["backend_id"], []).append(row)
        refused: dict[str, str] = {}
        claimed: dict[str, list[Claim]] = {}
        for backend_id, new_rows in by_backend.items():
            stored = self.of(kind, backend_id, [row["name_in_storage"] for row in new_rows])
            for row in new_rows:
                name = row["name_in_storage"]
                earlier = [claim for claim in claimed.get(name, ()) if self._is_on_storage(claim, backend_id)]
                other = next((claim for claim in (*stored.get(name, ()), *earlier) if claim.id != row["id"]), None)
                if other is not None:
                    refused[row["id"]] = self.tracked_already(kind, backend_id, other)
                claimed.setdefault(name, []).append(Claim(row["id"], backend_id, name))
        return refused

    def tracked_already(self, kind: type[Tracked], backend_id: str, claim: Claim) -> str:
        """Return the message for a name on the backend *backend_id* that *claim* has already."""
        requested, claimed = self._location(backend_id), self._location(claim.backend_id)
        relation = "the same storage" if requested.storage == claimed.storage else "which may be the same storage"
        owner = "" if claim.backend_id == backend_id else f" of backend {claimed.name!r}, {relation}"
        where = f", in the trash: %cl_undo {claim.id} brings it back" if claim.is_in_trash else ""
        is_tracked = f"is tracked already, as {kind.kind} {claim.id}{owner}{where}."
        return f"{claim.name_in_storage!r} on backend {requested.name!r} {is_tracked}"


def unclaimed(kind: type[Tracked], backend_id: str, names: Collection[str]) -> Guard:
    """Return a guard that refuses *names* that rows of *kind* claim already on a backend's storage.

    The guard raises AlreadyExists.
    """

    def guard(connection: sa.Connection) -> None:
        changefeed.lock(connection)  # serialise concurrent claims, also through differently named backends
        claims = Claims(connection)
        existing = claims.of(kind, backend_id, names)
        if existing:
            raise errors.AlreadyExists(claims.tracked_already(kind, backend_id, next(iter(existing.values()))[0]))

    return guard


def sole(resource: Tracked, act: str) -> Guard:
    """Return a guard that refuses an action on the data of *resource* if another row claims it, too.

    *act* is the verb for the message. The guard raises ResourceBusy.
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
    """Return the names that several rows of *kind* claim on a backend's storage, with their claims.

    Without *backends* the stored backends are read on *connection*.
    """
    cls: Any = kind
    claims = Claims(connection, backends)
    column, backend_ids = cls.name_in_storage, claims.same_storage(backend_id) | claims.maybe_same_storage(backend_id)
    repeated = sa.select(column).where(cls.backend_id.in_(list(backend_ids))).group_by(column).having(sa.func.count() > 1)
    claims_by_name = claims.of(kind, backend_id, connection.execute(repeated).scalars().all())
    return {name: rivals for name, rivals in claims_by_name.items() if len(rivals) > 1}


def names(backend: StoredBackend, backends: Iterable[Any] = ()) -> set[str]:
    """Return the names of all volumes and snapshots that are tracked on the storage of *backend*.

    Without *backends* the stored backends are read.
    """
    claimed: set[str] = set()
    with backend.context.store.reading() as connection:
        backend_ids = list(Claims(connection, backends).same_storage(backend.id))
        for table in (CLASSES["Volume"].__table__, CLASSES["Snapshot"].__table__, trash.TABLE):
            statement = sa.select(table.c.name_in_storage).where(table.c.backend_id.in_(backend_ids))
            claimed.update(connection.execute(statement.execution_options(yield_per=10_000)).scalars())
    return claimed


def of_others(connection: sa.Connection, resource: Any) -> list[Claim]:  # noqa: ANN401 - a volume or a snapshot
    """Return the claims of other rows to the name of *resource* on its storage."""
    name = resource.name_in_storage
    claims_by_name = Claims(connection).of(type(resource), resource.backend_id, [name], excluded_id=resource.id)
    return [claim for claims in claims_by_name.values() for claim in claims]


class _Location(NamedTuple):
    """A backend's name, driver and storage key; *is_guess* if no rule of the driver identifies a storage."""

    name: str
    driver: str
    storage: str
    is_guess: bool


def _locations(backends: Iterable[Any]) -> dict[str, _Location]:
    locations = {}
    for row in backends:
        # a backend that was loaded by name alone has no driver: its storage is unknown, and equal to no other
        storage = (
            storage_identity.storage_key(row.volume_driver, row.stored_config or {}) if row.volume_driver else f"nowhere {row.id}"
        )
        locations[row.id] = _Location(row.name, row.volume_driver, storage, is_guess=storage_identity.is_guess(row.volume_driver))
    return locations
