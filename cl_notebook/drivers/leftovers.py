"""What processes that were killed left in the folder of a driver."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cl_notebook.drivers.base import Leftover
    from cl_notebook.drivers.folder import Folder


class InFolder:
    """The part of a driver that keeps its storage in a folder, where copies that are cut short leave temporary files."""

    _folder: Folder

    def leftovers(self) -> list[Leftover]:
        """List the temporary files that nobody works on; ``size`` is what they take."""
        return [{"name": name, "size": size} for name, size in sorted(self._folder.leftovers())]

    def remove_leftovers(self) -> int:
        """Remove them, and return how many there were."""
        return self._folder.sweep()
