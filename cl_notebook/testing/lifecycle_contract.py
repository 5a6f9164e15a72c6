"""The part of the driver contract that Cinder drivers on real storage pass, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from cl_notebook import errors
from cl_notebook.attach import Host
from cl_notebook.drivers.api import CanRevert, Driver, GiB, NeedsContext, SnapshotData, VolumeData
from cl_notebook.testing.bench import BACKEND, DATA, Bench, BenchRecords

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OpenDriver = Callable[[], Driver]
"""Returns a new instance of the driver that is not set up; all instances use the same storage."""

Leftovers = Callable[[], list[str]]
"""Lists everything on the storage, and the storage's devices and mounts on the host."""

END = GiB - len(DATA)
"""Offset in bytes at which :data:`DATA` ends a volume of 1 GiB."""

NEWER = DATA[::-1]
"""Bytes that are written after :data:`DATA`, and differ from it."""


# eventlet, which oslo's libraries import if it is installed, causes this warning whenever os-brick starts a command
@pytest.mark.filterwarnings("ignore:Using fork:DeprecationWarning")
class LifecycleContract:
    """The life of a volume, with bytes written and read back. A subclass overrides :meth:`open_driver`."""

    extends_attached: ClassVar[bool] = True
    """Whether the driver can extend attached volumes."""

    bench_class: ClassVar[type[Bench]] = Bench
    """The bench to use; a subclass of it can open volumes that are neither devices nor plain files."""

    @pytest.fixture
    def open_driver(self) -> OpenDriver:
        """Return a function that returns new instances of the driver on a storage that only this test uses."""
        raise NotImplementedError

    @pytest.fixture
    def host(self, tmp_path: Path) -> Host:
        """Return the host that the volumes are attached to."""
        return Host("contract-host", "sudo", tmp_path / "brick-locks")

    @pytest.fixture
    def bench(self, open_driver: OpenDriver, host: Host) -> Iterator[Bench]:
        """Yield a bench with a driver that is set up; its resources are deleted after the test."""
        driver = open_driver()
        bench = self.bench_class(driver, host)
        if isinstance(driver, NeedsContext):
            driver.bind(BenchRecords(bench, BACKEND))
        driver.setup()
        yield bench
        bench.clean()
        driver.close()

    @pytest.fixture
    def leftovers(self) -> Leftovers:
        """Return a function that lists what volumes leave on storage and host; by default it lists nothing."""
        return list

    def test_the_life_of_a_volume(self, bench: Bench, leftovers: Leftovers) -> None:
        """A volume is written, snapshotted, restored, cloned larger, reverted, extended and deleted, and leaves nothing."""
        before = leftovers()
        volume = bench.create()
        with bench.opened(volume) as disk:
            assert disk.size() == GiB
            assert disk.read(4096) == disk.read(4096, GiB - 4096) == bytes(4096)
            disk.write(DATA)
            disk.write(DATA, END)
        snapshot = bench.snapshot(volume)
        bench.write(volume, NEWER)

        restored = bench.restore(snapshot)
        clone = bench.clone(restored, 2)
        with bench.opened(clone) as disk:
            assert disk.size() == 2 * GiB
            assert disk.read(len(DATA)) == disk.read(len(DATA), END) == DATA
            assert disk.read(4096, 2 * GiB - 4096) == bytes(4096)

        content = DATA if _reverted(bench, volume, snapshot) else NEWER
        self._extend(bench, volume, content)
        for copy in (clone, restored):
            bench.delete(copy)
        bench.delete(snapshot)
        bench.delete(volume)
        assert leftovers() == before

    def _extend(self, bench: Bench, volume: VolumeData, content: bytes) -> None:
        if not self.extends_attached:
            volume = bench.extend(volume, 2)
        with bench.opened(volume) as disk:
            if self.extends_attached:
                volume = bench.extend(volume, 2)
                assert bench.extended(volume) == 2 * GiB
            assert disk.size() == 2 * GiB
            assert (disk.read(len(content)), disk.read(len(DATA), END)) == (content, DATA)
            disk.write(NEWER, 2 * GiB - len(NEWER))
            assert disk.read(len(NEWER), 2 * GiB - len(NEWER)) == NEWER

    def test_deleting_what_is_not_there_is_a_success(self, bench: Bench) -> None:
        """Deleting a volume or a snapshot twice, or a volume that was never created, succeeds."""
        volume = bench.create()
        snapshot = bench.snapshot(volume)
        for _ in range(2):
            bench.driver.delete_snapshot(bench.current(snapshot))
        for _ in range(2):
            bench.driver.delete_volume(bench.current(volume))
        bench.driver.delete_volume(bench.describe())

    def test_stats_have_at_least_one_pool(self, bench: Bench) -> None:
        """The stats have the protocol and at least one pool, whose capacities are numbers, ``unknown`` or ``infinite``."""
        stats = bench.driver.get_volume_stats(refresh=True)
        assert stats["storage_protocol"]
        assert stats["pools"]
        for pool in stats["pools"]:
            assert pool["pool_name"]
            for name in ("total_capacity_gb", "free_capacity_gb", "provisioned_capacity_gb", "allocated_capacity_gb"):
                value: Any = pool.get(name, "unknown")
                assert value in {"unknown", "infinite"} or value >= 0


def _reverted(bench: Bench, volume: VolumeData, snapshot: SnapshotData) -> bool:
    if not isinstance(bench.driver, CanRevert):
        return False
    try:
        bench.revert(volume, snapshot)
    except errors.NotSupported:  # Cinder's LVM driver refuses thin volumes only in the call
        return False
    return True
