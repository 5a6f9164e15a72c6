"""The storages that are asked while several things are repaired or forgotten: each is listed once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.inventory.rows import Row
from cl_notebook.inventory.storage import Storage

if TYPE_CHECKING:
    from cl_notebook.inventory.storage import Listing, Place
    from cl_notebook.model import Snapshot, Volume
    from cl_notebook.model.base import Tracked


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
