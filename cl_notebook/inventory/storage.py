"""What is on a storage, by its driver: list it, and look up single volumes and snapshots. Nothing is changed.

A failed question is no answer: what could not be looked up is *unknown*, never *missing*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from cl_notebook import errors
from cl_notebook.drivers.api import (
    CanListManageable,
    CanListManageableSnapshots,
    CanManage,
    CanManageSnapshots,
    SupportsOrphanCleanup,
    capabilities,
)
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.drivers.filebased.manage import SOURCE_NAME
from cl_notebook.inventory.rows import Row
from cl_notebook.model import Volume, claims, driver_context
from cl_notebook.model import backend as pages
from cl_notebook.model.driver_context import StoreDriverContext

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from cl_notebook.drivers.api import Driver, OrphanFile
    from cl_notebook.model import Backend, Snapshot
    from cl_notebook.model.base import Tracked

MAX_LISTED = 100_000
"""Untracked entries of one list that are held in memory; tracked ones are held whatever their number."""

MAX_LOOKUPS = 1000
"""Volumes (and snapshots) that are looked up one by one where the driver cannot list them."""

_LIST_CALLS: Mapping[str, tuple[type, str]] = {
    "volume": (CanListManageable, "get_manageable_volumes"),
    "snapshot": (CanListManageableSnapshots, "get_manageable_snapshots"),
}
_LOOKUP_CALLS: Mapping[str, tuple[type, str]] = {
    "volume": (CanManage, "manage_existing_get_size"),
    "snapshot": (CanManageSnapshots, "manage_existing_snapshot_get_size"),
}


class Entry(NamedTuple):
    """A volume or snapshot on a storage, as the driver lists it: its reference, its size in GiB, and why it cannot be adopted."""

    reference: Mapping[str, str]
    size: int | None
    reason_not_safe: str | None
    cinder_id: str | None
    source: Mapping[str, str]

    @property
    def names(self) -> set[str]:
        """The names under which it may be tracked; LVM puts an underscore before a snapshot's name."""
        names = {str(name) for name in self.reference.values()}
        return names | {name.removeprefix("_") for name in names}

    @property
    def key(self) -> tuple[str, str]:
        """A key that is the same in two lists: the reference, and that of a snapshot's volume."""
        return self.reference_text, ",".join(map(str, self.source.values()))

    @property
    def reference_text(self) -> str:
        """The reference as ``manage`` takes it."""
        return pages.reference_text(self.reference)


class Presence(NamedTuple):
    """Whether a resource is on its storage: ``found`` is None where that is not known, for *reason*. ``size`` is in GiB."""

    found: bool | None
    size: int | None = None
    reason: str = ""


@dataclass(slots=True)
class Listing:
    """The volumes or the snapshots that a storage lists.

    ``unlisted_reason`` says why there is no list; ``is_able`` is False only where the driver has no such call.
    """

    entries: list[Entry] = field(default_factory=list)
    unlisted_reason: str = ""
    is_able: bool = True
    more: int = 0
    """Untracked entries beyond :data:`MAX_LISTED`: counted, not held."""

    def by_name(self) -> dict[str, Entry]:
        """Return the entries by each of their names."""
        return {name: entry for entry in self.entries for name in entry.names}

    def by_id(self) -> dict[str, Entry]:
        """Return the entries for which the driver reports the id of a tracked resource, by that id."""
        return {entry.cinder_id: entry for entry in self.entries if entry.cinder_id}


class Storage:
    """The storage of one backend, looked at through its driver; a closed backend is opened."""

    def __init__(self, backend: Backend, stored: Sequence[Backend] | None = None) -> None:
        """Open *backend*; where that fails ``driver`` stays None and ``unlisted_reason`` says why.

        *stored* are all stored backends, for a caller that has read them; else each list reads them.
        """
        self.backend = backend
        self._stored = stored
        self.driver: Driver | None = None
        self.unlisted_reason = ""
        try:
            self.driver = backend.driver
        except errors.StoreError:
            raise
        except errors.Error as error:
            self.unlisted_reason = errors.one_line(error)

    @property
    def is_atomic(self) -> bool:
        """Whether a volume on this storage is always complete: the driver publishes it only when it is."""
        return self.driver is not None and capabilities(self.driver)["atomic"]

    def can_manage(self, kind: str) -> bool:
        """Return whether the driver can adopt resources of that kind that it did not create."""
        return isinstance(self.driver, _LOOKUP_CALLS[kind][0])

    def _secrets(self) -> Mapping[str, object]:
        return self.backend.context.secrets(self.backend)

    def can_list(self, kind: str) -> bool:
        """Return whether the driver can list the resources of that kind on its storage."""
        return isinstance(self.driver, _LIST_CALLS[kind][0])

    def listing(self, kind: str, requested: Collection[str] = ()) -> Listing:
        """List the ``volume``s or ``snapshot``s on the storage; entries with one of the *requested* names are always held."""
        protocol, call = _LIST_CALLS[kind]
        if self.driver is None:
            return Listing(unlisted_reason=self.unlisted_reason)
        if not isinstance(self.driver, protocol):
            return Listing(unlisted_reason=f"its driver cannot list {kind}s", is_able=False)
        tracked: Iterator[Any] = (
            driver_context.volumes_on_storage(self.backend, self._stored)
            if kind == Volume.kind
            else driver_context.snapshots_on_storage(self.backend, self._stored)
        )
        try:
            with translate_errors(self.backend.name, call, self._secrets):
                return _limited_listing(
                    getattr(self.driver, call)(tracked), lambda: {*requested, *claims.names(self.backend, self._stored or ())}
                )
        except errors.StoreError:
            raise
        except errors.NotSupported:
            return Listing(unlisted_reason=f"its driver cannot list {kind}s", is_able=False)
        except errors.Error as error:
            return Listing(unlisted_reason=errors.one_line(error))

    def locate(
        self, kind: str, listing: Listing, rows: Sequence[Row], others: Mapping[str, Entry] | None = None
    ) -> dict[str, Presence]:
        """Return the presence of each of the *rows* by id: from the list, else by looking the row up.

        *others* are entries of the other kind, by name: LVM lists thin snapshots among the volumes.
        """
        if listing.unlisted_reason:
            return self._look_up_all(kind, listing, rows)
        presences = self.listed(listing, rows, others or {})
        absent = [row for row in rows if row.id not in presences]
        presences |= {row.id: Presence(found=False) for row in absent}
        if not self.is_atomic:  # some drivers leave tracked volumes out of the list
            presences |= {key: presence for key, presence in self._look_up(kind, absent) if presence.found is not False}
        return presences

    @staticmethod
    def listed(listing: Listing, rows: Sequence[Row], others: Mapping[str, Entry]) -> dict[str, Presence]:
        """Return the presence of those of the *rows* that the list or *others* holds, by id; the storage is not asked."""
        names, ids = listing.by_name(), listing.by_id()
        entries = {row.id: ids.get(row.id) or names.get(row.name_in_storage) or others.get(row.name_in_storage) for row in rows}
        return {row_id: Presence(found=True, size=entry.size) for row_id, entry in entries.items() if entry is not None}

    def leftovers(self) -> list[OrphanFile]:
        """Return incomplete files of killed processes, as far as the driver can tell."""
        if not isinstance(self.driver, SupportsOrphanCleanup):
            return []
        with translate_errors(self.backend.name, "leftovers", self._secrets):
            return self.driver.leftovers()

    def _look_up_all(self, kind: str, listing: Listing, rows: Sequence[Row]) -> dict[str, Presence]:
        unknown = {row.id: Presence(None, reason=listing.unlisted_reason) for row in rows}
        if self.driver is None or listing.is_able:
            return unknown  # the driver has just failed: do not ask it a thousand times
        answers = dict(self._look_up(kind, rows))
        # Some drivers want other references than names: believe "missing" only if the driver knows at least one name.
        knows_names = any(presence.found for presence in answers.values())
        return unknown | {key: presence for key, presence in answers.items() if presence.found is not False or knows_names}

    def _look_up(self, kind: str, rows: Sequence[Row]) -> Iterator[tuple[str, Presence]]:
        protocol, call = _LOOKUP_CALLS[kind]
        if self.driver is None or not isinstance(self.driver, protocol):
            return
        requested = list(rows[:MAX_LOOKUPS])
        records = StoreDriverContext.of(self.backend)
        ids = [row.id for row in requested]
        payloads: Iterable[Any] = (
            records.volumes(ids, limit=MAX_LOOKUPS) if kind == Volume.kind else records.snapshots(ids, limit=MAX_LOOKUPS)
        )
        ask = getattr(self.driver, call)
        for data in payloads:
            try:
                with translate_errors(self.backend.name, call, self._secrets):
                    yield data.id, Presence(found=True, size=int(ask(data, {SOURCE_NAME: data.name_in_storage})))
            except errors.MissingOnStorage:
                yield data.id, Presence(found=False)
            except errors.NotSupported:
                return
            except errors.StoreError:
                raise
            except errors.Error as error:
                yield data.id, Presence(None, reason=errors.one_line(error))
        yield from (
            (row.id, Presence(None, reason=f"more than {MAX_LOOKUPS} would have to be asked for")) for row in rows[MAX_LOOKUPS:]
        )


def _limited_listing(reported: Iterable[Mapping[str, Any]], tracked: Callable[[], Collection[str]]) -> Listing:
    """Return the *reported* entries: all tracked ones, and at most :data:`MAX_LISTED` others.

    *tracked* returns the tracked names; it is called only if the list is long.
    """
    listing, untracked, names = Listing(), 0, None
    for entry in map(_entry, reported):
        if names is None:
            if len(listing.entries) < MAX_LISTED:
                listing.entries.append(entry)
                continue
            names = frozenset(tracked())
            untracked = sum(_is_untracked(entry, names) for entry in listing.entries)
        is_untracked = _is_untracked(entry, names)
        if is_untracked and untracked >= MAX_LISTED:
            listing.more += 1
        else:
            untracked += is_untracked
            listing.entries.append(entry)
    return listing


def _is_untracked(entry: Entry, names: frozenset[str]) -> bool:
    return entry.cinder_id is None and entry.names.isdisjoint(names)


def _entry(reported: Mapping[str, Any]) -> Entry:
    size = reported.get("size")
    reason = reported.get("reason_not_safe") or (
        "the driver does not say why" if not reported.get("safe_to_manage", True) else None
    )
    return Entry(
        reference=dict(reported.get("reference") or {}),
        size=int(size) if isinstance(size, (int, float)) else None,
        reason_not_safe=reason,
        cinder_id=reported.get("cinder_id"),
        source=dict(reported.get("source_reference") or {}),
    )


class Storages:
    """A cache, for one request, of the lists of storages and so of the presences of volumes and snapshots."""

    def __init__(self) -> None:
        """Ask nothing yet."""
        self._storages: dict[str, Storage] = {}
        self._listings: dict[tuple[str, str], Listing] = {}

    def storage_of(self, resource: Volume | Snapshot) -> Storage:
        """Return the storage that a volume or snapshot is on."""
        backend = resource.backend
        if backend.id not in self._storages:
            self._storages[backend.id] = Storage(backend)
        return self._storages[backend.id]

    def presence(self, resource: Volume | Snapshot) -> Presence:
        """Return whether a volume or snapshot is on its storage."""
        storage, kind = self.storage_of(resource), resource.kind
        listing = self._listing(storage, kind)
        other = self._listing(storage, "snapshot" if kind == "volume" else "volume")
        row = Row(resource.id, resource.name, resource.name_in_storage, resource.size, resource.status)
        return storage.locate(kind, listing, [row], other.by_name())[row.id]

    def require_location(self, resource: Volume | Snapshot) -> Presence:
        """Return whether a volume or snapshot is on its storage, if that is known.

        Raises:
            Refused: the storage could not be asked, or its driver cannot tell.

        """
        presence = self.presence(resource)
        if presence.found is None:
            raise errors.Refused(unknown(resource, presence))
        return presence

    def cannot_tell(self, resource: Volume | Snapshot) -> bool:
        """Return whether the driver has no call that shows what is on its storage (a failed call is another matter)."""
        storage = self.storage_of(resource)
        return storage.driver is not None and not storage.can_manage(resource.kind) and not storage.can_list(resource.kind)

    def _listing(self, storage: Storage, kind: str) -> Listing:
        key = (storage.backend.id, kind)
        if key not in self._listings:
            self._listings[key] = storage.listing(kind)
        return self._listings[key]


def unknown(resource: Tracked, presence: Presence) -> str:
    """Return the message that the presence of *resource* is not known."""
    return f"Whether {resource.label()} is on the storage is not known: {presence.reason}. Nothing was changed."
