"""What drivers share that keep their storage in a folder: is it the right one, and what did killed processes leave in it?"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Generic, TypeVar

from cl_notebook import errors
from cl_notebook.drivers.api import ManageableSnapshot, ManageableVolume, SnapshotData, VolumeData

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cl_notebook.drivers.api import Leftover
    from cl_notebook.drivers.filebased.folder import Folder

K = TypeVar("K", VolumeData, SnapshotData)
E = TypeVar("E", ManageableVolume, ManageableSnapshot)


class InFolder:
    """The part of a driver that keeps its storage in a folder, where copies that are cut short leave temporary files."""

    _folder: Folder

    def leftovers(self) -> list[Leftover]:
        """List the temporary files that nobody works on; ``size`` is what they take."""
        return [{"name": name, "size": size} for name, size in sorted(self._folder.leftovers())]

    def remove_leftovers(self) -> int:
        """Remove them, and return how many there were."""
        return self._folder.sweep()

    def _checked(self, make: Callable[[Iterable[K]], list[E]], known: Iterable[K]) -> list[E]:
        """Return the entries that *make* makes of the *known*.

        Raises:
            errors.DriverError: nothing of what is known is there, and the storage was begun after it: it is another folder.

        """
        told = _Told(known)
        entries, made = make(told), self._folder.made_at()
        if made is None or told.oldest is None or told.oldest >= made or any(entry["cinder_id"] for entry in entries):
            return entries
        raise self._other_folder()

    def _refuse_other_folder(self, created_at: str | None) -> None:
        """Refuse to say that what was made at *created_at* is gone, as it is not there, if that is so for want of the folder.

        Raises:
            errors.DriverError: the storage was begun later, and holds nothing: it is another folder.

        """
        made = self._folder.made_at()
        if made is not None and created_at and _seconds(created_at) < made and self._folder.is_empty():
            raise self._other_folder()

    def _other_folder(self) -> errors.DriverError:
        msg = (
            f"the folder {self._folder.path} was begun after what is tracked in it, and has none of it: is its file system "
            f"mounted? If it is the right folder, remove {self._folder.made}"
        )
        return errors.DriverError(msg, untouched=True)


class _Told(Generic[K]):
    """What is known, and the time at which the oldest of it was made, once it was gone through."""

    def __init__(self, known: Iterable[K]) -> None:
        self._known: Iterable[K] = known
        self.oldest: float | None = None

    def __iter__(self) -> Iterator[K]:
        for each in self._known:
            if each.created_at:
                at = _seconds(each.created_at)
                self.oldest = at if self.oldest is None else min(at, self.oldest)
            yield each


def _seconds(moment: str) -> float:
    return dt.datetime.fromisoformat(moment).timestamp()
