"""The part of the driver contract that is about capabilities; a driver that lacks one skips its tests, and says so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cl_notebook import errors
from cl_notebook.drivers.api import CanListManageable, CanListManageableSnapshots, CanManage, CanManageSnapshots, CanRevert, GiB
from cl_notebook.testing.bench import DATA, read, updated, write

if TYPE_CHECKING:
    from cl_notebook.testing.bench import Bench


class CapabilityContract:
    """What a driver does that can revert, or manage. The fixture ``bench`` is the driver contract's."""

    def test_revert_brings_the_bytes_back(self, bench: Bench) -> None:
        """A reverted volume has the snapshot's bytes, and can be reverted again."""
        driver = bench.driver
        if not isinstance(driver, CanRevert):
            pytest.skip("the driver cannot revert")
        volume = bench.create()
        bench.write(volume, DATA)
        snapshot = bench.snapshot(volume)
        for _ in range(2):
            bench.write(volume, bytes(len(DATA)))
            driver.revert_to_snapshot(volume, snapshot)
            assert bench.read(volume, len(DATA)) == DATA

    def test_revert_keeps_an_extended_size(self, bench: Bench) -> None:
        """A volume that was extended after the snapshot keeps its size, and has zeros where the snapshot ends."""
        driver = bench.driver
        if not isinstance(driver, CanRevert):
            pytest.skip("the driver cannot revert")
        volume = bench.create()
        bench.write(volume, DATA)
        snapshot = bench.snapshot(volume)
        driver.extend_volume(volume, 2)
        volume = replace(volume, size=2)
        bench.write(volume, DATA, GiB)
        driver.revert_to_snapshot(volume, snapshot)
        assert bench.read(volume, len(DATA)) == DATA
        assert bench.read(volume, len(DATA), GiB) == bytes(len(DATA))

    def test_revert_of_a_connected_volume_is_refused(self, bench: Bench) -> None:
        """A volume is not reverted under a host that has it attached."""
        driver = bench.driver
        if not isinstance(driver, CanRevert):
            pytest.skip("the driver cannot revert")
        volume = bench.create()
        snapshot = bench.snapshot(volume)
        with bench.attached(volume) as path:
            write(path, DATA)
            with pytest.raises(errors.DriverError):
                driver.revert_to_snapshot(volume, snapshot)
            assert read(path, len(DATA)) == DATA

    def test_an_unmanaged_volume_can_be_managed(self, bench: Bench) -> None:
        """A volume that is released stays on the storage, is listed, and is adopted with its size and its bytes."""
        driver = bench.driver
        if not isinstance(driver, CanManage):
            pytest.skip("the driver cannot manage")
        assert isinstance(driver, CanListManageable)
        volume = bench.create(2)
        bench.write(volume, DATA)
        assert [entry["cinder_id"] for entry in driver.get_manageable_volumes([volume])] == [volume.id]
        driver.unmanage(volume)
        (entry,) = driver.get_manageable_volumes([])
        assert (entry["size"], entry["safe_to_manage"], entry["cinder_id"]) == (2, True, None)
        adopted = bench.describe(2)
        assert driver.manage_existing_get_size(adopted, entry["reference"]) == 2
        adopted = updated(adopted, driver.manage_existing(adopted, entry["reference"]))
        bench.volumes.append(adopted)
        assert bench.read(adopted, len(DATA)) == DATA

    def test_an_unmanaged_snapshot_can_be_managed(self, bench: Bench) -> None:
        """A snapshot that is released stays on the storage, is listed, and is adopted under another id."""
        driver = bench.driver
        if not isinstance(driver, CanManageSnapshots):
            pytest.skip("the driver cannot manage snapshots")
        assert isinstance(driver, CanListManageableSnapshots)
        snapshot = bench.snapshot(bench.create())
        assert [entry["cinder_id"] for entry in driver.get_manageable_snapshots([snapshot])] == [snapshot.id]
        driver.unmanage_snapshot(snapshot)
        (entry,) = driver.get_manageable_snapshots([])
        assert (entry["size"], entry["safe_to_manage"], entry["cinder_id"]) == (1, True, None)
        adopted = bench.describe_snapshot(snapshot.volume)
        assert driver.manage_existing_snapshot_get_size(adopted, entry["reference"]) == 1
        adopted = updated(adopted, driver.manage_existing_snapshot(adopted, entry["reference"]))
        assert [each["cinder_id"] for each in driver.get_manageable_snapshots([adopted])] == [adopted.id]
        driver.delete_snapshot(adopted)
        assert list(driver.get_manageable_snapshots([])) == []

    def test_managing_what_is_not_there_is_an_error(self, bench: Bench) -> None:
        """A reference that names nothing, or is none, is an error of ours."""
        driver = bench.driver
        if not isinstance(driver, CanManage):
            pytest.skip("the driver cannot manage")
        for reference in ({"source-name": "nothing-of-that-name"}, {"bogus": "x"}, {}):
            with pytest.raises(errors.Error):
                driver.manage_existing_get_size(bench.describe(), reference)
