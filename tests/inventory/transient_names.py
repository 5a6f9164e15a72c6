"""A driver for tests: a simulator that others work on while it lists, and that removes snapshots under a passing name."""

from __future__ import annotations

import contextlib
import threading
import uuid
from typing import TYPE_CHECKING, ClassVar

from cl_notebook.drivers.sim.driver import SimDriver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cl_notebook.drivers.api import ManageableSnapshot, ManageableVolume, SnapshotData, VolumeData


class PassingDriver(SimDriver):
    """A simulator on which a snapshot that is being removed has a name of nobody's, as on Ceph."""

    before: ClassVar[Callable[[str], object] | None] = None
    """Called with the name of a list that is about to be made."""
    after: ClassVar[Callable[[str], object] | None] = None
    """Called with the name of a list that was made, and is not given yet."""
    lists: ClassVar[list[str]] = []
    renamed: ClassVar[threading.Event] = threading.Event()
    """Set once a snapshot that is being removed has its passing name."""
    go_on: ClassVar[threading.Event] = threading.Event()
    """To be set, for what is being removed to be gone."""

    @classmethod
    def forget(cls) -> None:
        """Be as new."""
        cls.before = cls.after = None
        cls.lists.clear()
        cls.renamed.clear()
        cls.go_on.clear()

    def get_manageable_volumes(self, known: Iterable[VolumeData]) -> list[ManageableVolume]:
        """List the volumes."""
        with self._listing("volumes"):
            return super().get_manageable_volumes(known)

    def get_manageable_snapshots(self, known: Iterable[SnapshotData]) -> list[ManageableSnapshot]:
        """List the snapshots."""
        with self._listing("snapshots"):
            return super().get_manageable_snapshots(known)

    def delete_snapshot(self, snapshot: SnapshotData) -> None:
        """Rename it, wait, and remove it."""
        passing = str(uuid.uuid4())
        with self._state.transaction() as sql:
            sql.execute("UPDATE snapshots SET name = ? WHERE name = ?", (passing, snapshot.name_in_storage))
        self.renamed.set()
        assert self.go_on.wait(60)
        with self._state.transaction() as sql:
            sql.execute("DELETE FROM snapshots WHERE name = ?", (passing,))

    @classmethod
    @contextlib.contextmanager
    def _listing(cls, what: str) -> Iterator[None]:
        cls.lists.append(what)
        if cls.before is not None:
            cls.before(what)
        yield
        if cls.after is not None:
            cls.after(what)
