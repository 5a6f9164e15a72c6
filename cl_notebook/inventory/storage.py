"""What a storage says of itself: what is on it, and whether one thing is there. Nothing is changed by asking.

A question that failed is no answer: what was not found because the storage could not be asked is not called missing.
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
from cl_notebook.model import Volume, claims, storage_identity
from cl_notebook.model import backend as pages
from cl_notebook.model.driver_context import StoreDriverContext

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from cl_notebook.drivers.api import Driver, OrphanFile
    from cl_notebook.model import Backend, Snapshot
    from cl_notebook.model.base import Tracked

MOST_LISTED = 100_000
"""Things on a storage that nobody tracks, and that are held of one list; what is tracked is held whatever it is."""

MOST_ASKED = 1000
"""Volumes, and snapshots, of a driver that cannot list them, that are asked for one by one."""

_LISTS: Mapping[str, tuple[type, str]] = {
    "volume": (CanListManageable, "get_manageable_volumes"),
    "snapshot": (CanListManageableSnapshots, "get_manageable_snapshots"),
}
_ASKS: Mapping[str, tuple[type, str]] = {
    "volume": (CanManage, "manage_existing_get_size"),
    "snapshot": (CanManageSnapshots, "manage_existing_snapshot_get_size"),
}


class Entry(NamedTuple):
    """One thing on a storage: the word that names it, its size in GiB, and why it is not to be adopted, if so."""

    reference: Mapping[str, str]
    size: int | None
    why_not: str | None
    cinder_id: str | None
    source: Mapping[str, str]

    @property
    def names(self) -> set[str]:
        """What it may be tracked as; LVM puts a line before a snapshot's name."""
        words = {str(word) for word in self.reference.values()}
        return words | {word.removeprefix("_") for word in words}

    @property
    def key(self) -> tuple[str, str]:
        """What is the same in two lists: the word, and that of the volume that a snapshot is of."""
        return self.word, ",".join(map(str, self.source.values()))

    @property
    def word(self) -> str:
        """The reference as ``manage`` takes it."""
        return pages.word(self.reference)


class Place(NamedTuple):
    """Whether one thing is on its storage: None where that is not known, and then *why*. ``size`` is in GiB."""

    is_there: bool | None
    size: int | None = None
    why: str = ""


@dataclass(slots=True)
class Listing:
    """What a storage lists of one kind; ``why_not`` says why there is no list. A driver that failed is able to list."""

    entries: list[Entry] = field(default_factory=list)
    why_not: str = ""
    is_able: bool = True
    more: int = 0
    """Entries beyond :data:`MOST_LISTED`, of which nothing is tracked: they are counted, and not held."""

    def by_name(self) -> dict[str, Entry]:
        """Return the entries by each of the words that name them."""
        return {word: entry for entry in self.entries for word in entry.names}

    def by_id(self) -> dict[str, Entry]:
        """Return the entries that the driver knows as tracked, by the id that it says."""
        return {entry.cinder_id: entry for entry in self.entries if entry.cinder_id}


class Storage:
    """One backend's storage, asked through its driver, which is opened for that if need be."""

    def __init__(self, backend: Backend) -> None:
        """Open the backend; one that cannot be opened has no driver, and says ``why_not``."""
        self.backend = backend
        self.driver: Driver | None = None
        self.why_not = ""
        try:
            self.driver = backend.driver
        except errors.StoreError:
            raise
        except errors.Error as error:
            self.why_not = errors.one_line(error)

    @property
    def is_atomic(self) -> bool:
        """Whether what is on the storage is whole: the driver puts nothing there before it is."""
        return self.driver is not None and capabilities(self.driver)["atomic"]

    def can_manage(self, kind: str) -> bool:
        """Return whether the driver adopts what it did not make."""
        return isinstance(self.driver, _ASKS[kind][0])

    def _secrets(self) -> Mapping[str, object]:
        return self.backend.context.secrets(self.backend)

    def can_list(self, kind: str) -> bool:
        """Return whether the driver lists what is on its storage."""
        return isinstance(self.driver, _LISTS[kind][0])

    def listing(self, kind: str, wanted: Collection[str] = ()) -> Listing:
        """List what is on the storage, ``volume`` or ``snapshot``, and hold what is called as one of the words *wanted*, too."""
        protocol, call = _LISTS[kind]
        if self.driver is None:
            return Listing(why_not=self.why_not)
        if not isinstance(self.driver, protocol):
            return Listing(why_not=f"its driver cannot list {kind}s", is_able=False)
        known: Iterator[Any] = (
            storage_identity.volumes(self.backend) if kind == Volume.kind else storage_identity.snapshots(self.backend)
        )
        try:
            with translate_errors(self.backend.name, call, self._secrets):
                return _held(getattr(self.driver, call)(known), lambda: {*wanted, *claims.names(self.backend)})
        except errors.StoreError:
            raise
        except errors.NotSupported:
            return Listing(why_not=f"its driver cannot list {kind}s", is_able=False)
        except errors.Error as error:
            return Listing(why_not=errors.one_line(error))

    def places(
        self, kind: str, listing: Listing, rows: Sequence[Row], others: Mapping[str, Entry] | None = None
    ) -> dict[str, Place]:
        """Return where each of the *rows* is: by the list, and where it does not have it by asking for it.

        *others* are entries of the other kind, by name: LVM lists thin snapshots among the volumes.
        """
        if listing.why_not:
            return self._asked_for(kind, listing, rows)
        places = self.listed(listing, rows, others or {})
        absent = [row for row in rows if row.id not in places]
        places |= {row.id: Place(is_there=False) for row in absent}
        if not self.is_atomic:  # a list may leave out what is tracked already: its word alone is not enough
            places |= {key: place for key, place in self._each(kind, absent) if place.is_there is not False}
        return places

    @staticmethod
    def listed(listing: Listing, rows: Sequence[Row], others: Mapping[str, Entry]) -> dict[str, Place]:
        """Return where those of the *rows* are that the list has, or *others*; nothing is asked."""
        names, ids = listing.by_name(), listing.by_id()
        found = {row.id: ids.get(row.id) or names.get(row.name_in_storage) or others.get(row.name_in_storage) for row in rows}
        return {row_id: Place(is_there=True, size=entry.size) for row_id, entry in found.items() if entry is not None}

    def leftovers(self) -> list[OrphanFile]:
        """Return what killed processes left half made, as far as the driver can tell."""
        if not isinstance(self.driver, SupportsOrphanCleanup):
            return []
        with translate_errors(self.backend.name, "leftovers", self._secrets):
            return self.driver.leftovers()

    def _asked_for(self, kind: str, listing: Listing, rows: Sequence[Row]) -> dict[str, Place]:
        unknown = {row.id: Place(None, why=listing.why_not) for row in rows}
        if self.driver is None or listing.is_able:
            return unknown  # a driver that has just failed to list is not asked a thousand times
        answers = dict(self._each(kind, rows))
        # What the driver does not know under its name is missing only if it knows others under theirs: some take other words.
        knows_names = any(place.is_there for place in answers.values())
        return unknown | {key: place for key, place in answers.items() if place.is_there is not False or knows_names}

    def _each(self, kind: str, rows: Sequence[Row]) -> Iterator[tuple[str, Place]]:
        protocol, call = _ASKS[kind]
        if self.driver is None or not isinstance(self.driver, protocol):
            return
        asked = list(rows[:MOST_ASKED])
        records = StoreDriverContext.of(self.backend)
        ids = [row.id for row in asked]
        known: Iterable[Any] = (
            records.volumes(ids, limit=MOST_ASKED) if kind == Volume.kind else records.snapshots(ids, limit=MOST_ASKED)
        )
        ask = getattr(self.driver, call)
        for data in known:
            try:
                with translate_errors(self.backend.name, call, self._secrets):
                    yield data.id, Place(is_there=True, size=int(ask(data, {SOURCE_NAME: data.name_in_storage})))
            except errors.MissingOnStorage:
                yield data.id, Place(is_there=False)
            except errors.NotSupported:
                return
            except errors.StoreError:
                raise
            except errors.Error as error:
                yield data.id, Place(None, why=errors.one_line(error))
        yield from ((row.id, Place(None, why=f"more than {MOST_ASKED} would have to be asked for")) for row in rows[MOST_ASKED:])


def _held(told: Iterable[Mapping[str, Any]], tracked: Callable[[], Collection[str]]) -> Listing:
    """Return the list of what was *told*, which may be longer than memory is large, with all that has a name among the *tracked*.

    Those names are asked for only if the list is long.
    """
    found, strays, names = Listing(), 0, None
    for entry in map(_entry, told):
        if names is None:
            if len(found.entries) < MOST_LISTED:
                found.entries.append(entry)
                continue
            names = frozenset(tracked())
            strays = sum(_is_stray(each, names) for each in found.entries)
        is_stray = _is_stray(entry, names)
        if is_stray and strays >= MOST_LISTED:
            found.more += 1
        else:
            strays += is_stray
            found.entries.append(entry)
    return found


def _is_stray(entry: Entry, names: frozenset[str]) -> bool:
    return entry.cinder_id is None and entry.names.isdisjoint(names)


def _entry(told: Mapping[str, Any]) -> Entry:
    size = told.get("size")
    reason = told.get("reason_not_safe") or ("the driver does not say why" if not told.get("safe_to_manage", True) else None)
    return Entry(
        reference=dict(told.get("reference") or {}),
        size=int(size) if isinstance(size, (int, float)) else None,
        why_not=reason,
        cinder_id=told.get("cinder_id"),
        source=dict(told.get("source_reference") or {}),
    )


class Storages:
    """Answers where things are. What it was told it keeps: it is made for one request, and forgotten after it."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._storages: dict[str, Storage] = {}
        self._listings: dict[tuple[str, str], Listing] = {}

    def of(self, resource: Volume | Snapshot) -> Storage:
        """Return the storage that a volume or snapshot is on."""
        backend = resource.backend
        if backend.id not in self._storages:
            self._storages[backend.id] = Storage(backend)
        return self._storages[backend.id]

    def place(self, resource: Volume | Snapshot) -> Place:
        """Return whether a volume or snapshot is on its storage."""
        storage, kind = self.of(resource), resource.kind
        own = self._listing(storage, kind)
        other = self._listing(storage, "snapshot" if kind == "volume" else "volume")
        row = Row(resource.id, resource.name, resource.name_in_storage, resource.size, resource.status)
        return storage.places(kind, own, [row], other.by_name())[row.id]

    def known_place(self, resource: Volume | Snapshot) -> Place:
        """Return the same.

        Raises:
            Refused: the storage could not be asked, or does not tell.

        """
        place = self.place(resource)
        if place.is_there is None:
            raise errors.Refused(unknown(resource, place))
        return place

    def cannot_tell(self, resource: Volume | Snapshot) -> bool:
        """Return whether the driver has no way to say what is on its storage, unlike one that failed to."""
        storage = self.of(resource)
        return storage.driver is not None and not storage.can_manage(resource.kind) and not storage.can_list(resource.kind)

    def _listing(self, storage: Storage, kind: str) -> Listing:
        key = (storage.backend.id, kind)
        if key not in self._listings:
            self._listings[key] = storage.listing(kind)
        return self._listings[key]


def unknown(resource: Tracked, place: Place) -> str:
    """Return the line that says that nothing is known of a place."""
    return f"Whether {resource.label()} is on the storage is not known: {place.why}. Nothing was changed."
