"""Drivers for tests: the simulator, with a hook that is called in each of its calls; and how such a driver is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from cl_notebook.drivers.api import no_progress
from cl_notebook.drivers.sim.driver import SimDriver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from cl_notebook.drivers.api import Progress, SnapshotData, VolumeData


def install(name: str, cls: type, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the driver *name*, as a package in *folder*, for as long as a test lasts."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[cl_notebook.drivers]\n{name} = {cls.__module__}:{cls.__name__}\n")
    monkeypatch.syspath_prepend(str(folder))


class MeddlingDriver(SimDriver):
    """A simulator that changes maps of what it reverts, and lets ``meanwhile`` be done while it is called."""

    meanwhile: ClassVar[Callable[[str], object] | None] = None
    """Called with the name of the call, once the storage is done with it and the store does not know yet."""
    noted: ClassVar[list[str]] = []

    @classmethod
    def _done(cls, call: str) -> None:
        cls.noted.append(call)
        if cls.meanwhile is not None:
            cls.meanwhile(call)

    def create_volume(self, volume: VolumeData) -> None:
        """Create it."""
        super().create_volume(volume)
        self._done("create_volume")

    def delete_volume(self, volume: VolumeData) -> None:
        """Delete it."""
        super().delete_volume(volume)
        self._done("delete_volume")

    def extend_volume(self, volume: VolumeData, new_size: int) -> None:
        """Extend it."""
        super().extend_volume(volume, new_size)
        self._done("extend_volume")

    def revert_to_snapshot(self, volume: VolumeData, snapshot: SnapshotData, progress: Progress = no_progress) -> Any:
        """Revert it, and give back the maps that it was given, with changes in them."""
        super().revert_to_snapshot(volume, snapshot, progress)
        self._done("revert_to_snapshot")
        changed = {key: value for key, value in volume.metadata.items() if key != "old"} | {"driver": "1"}
        return {"metadata": changed, "driver_data": {**volume.driver_data, "target": "t1"}}
