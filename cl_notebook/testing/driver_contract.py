"""The contract suite for drivers: subclass :class:`DriverContract` in a test module, and pytest runs it.

::

    from cl_notebook.testing.driver_contract import DriverContract

    class TestMyDriver(DriverContract):
        @pytest.fixture
        def open_driver(self, tmp_path):
            return lambda: MyDriver({"path": str(tmp_path)}, backend_name="mine")
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from cl_notebook import errors
from cl_notebook.drivers.api import (
    CAPABILITIES,
    FEATURES,
    CanListManageable,
    CanListManageableSnapshots,
    CanManage,
    CanManageSnapshots,
    CanRevert,
    GiB,
    capabilities,
)
from cl_notebook.testing.bench import DATA, Bench, read, updated, write
from cl_notebook.testing.lifecycle_contract import END, LifecycleContract, OpenDriver

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DriverContract", "OpenDriver"]


class CapabilityContract:
    """Tests of drivers that can revert or manage. The fixture ``bench`` is that of :class:`LifecycleContract`."""

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
        """Reverting an attached volume is refused, and its bytes stay."""
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
        """An unmanaged volume stays on the storage, is listed, and can be managed again with its size and its bytes."""
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
        """An unmanaged snapshot stays on the storage, is listed, and can be managed again under another id."""
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
        assert [entry["cinder_id"] for entry in driver.get_manageable_snapshots([adopted])] == [adopted.id]
        driver.delete_snapshot(adopted)
        assert list(driver.get_manageable_snapshots([])) == []

    def test_managing_what_is_not_there_is_an_error(self, bench: Bench) -> None:
        """Managing a reference that is invalid or names no volume raises errors.Error."""
        driver = bench.driver
        if not isinstance(driver, CanManage):
            pytest.skip("the driver cannot manage")
        for reference in ({"source-name": "nothing-of-that-name"}, {"bogus": "x"}, {}):
            with pytest.raises(errors.Error):
                driver.manage_existing_get_size(bench.describe(), reference)


class DriverContract(LifecycleContract, CapabilityContract):
    """The tests that every driver of cl_notebook passes. A subclass overrides :meth:`open_driver`."""

    longest_name = 255
    """Length in bytes of the longest ``name_in_storage`` that the storage accepts."""

    def test_a_new_volume_reads_as_zeros(self, bench: Bench) -> None:
        """A new volume has the requested size, and reads as zeros at both ends."""
        volume = bench.create(2)
        with bench.attached(volume) as path:
            assert bench.host.device_size(path) == 2 * GiB
            assert read(path, 4096) == read(path, 4096, 2 * GiB - 4096) == bytes(4096)

    def test_bytes_survive_detaching(self, bench: Bench) -> None:
        """Written bytes are still there after the volume was detached and attached again."""
        volume = bench.create()
        bench.write(volume, DATA)
        bench.write(volume, DATA[::-1], END)
        assert bench.read(volume, len(DATA)) == DATA
        assert bench.read(volume, len(DATA), END) == DATA[::-1]

    def test_a_recreated_volume_reads_as_zeros(self, bench: Bench) -> None:
        """A volume that is created again after its deletion reads as zeros."""
        volume = bench.create()
        bench.write(volume, DATA)
        bench.driver.delete_volume(volume)
        bench.driver.create_volume(volume)
        assert bench.read(volume, len(DATA)) == bytes(len(DATA))

    def test_creating_twice_changes_nothing(self, bench: Bench) -> None:
        """Creating a volume again with the same size succeeds, and its bytes stay."""
        volume = bench.create()
        bench.write(volume, DATA)
        bench.driver.create_volume(volume)
        assert bench.read(volume, len(DATA)) == DATA

    def test_creating_with_another_size_is_refused(self, bench: Bench) -> None:
        """Creating a volume again with another size raises DriverError, and the volume stays."""
        volume = bench.create()
        with pytest.raises(errors.DriverError):
            bench.driver.create_volume(replace(volume, size=2))
        with bench.attached(volume) as path:
            assert bench.host.device_size(path) == GiB

    @pytest.mark.parametrize("size", [0, -1])
    def test_a_volume_has_at_least_one_gib(self, bench: Bench, size: int) -> None:
        """Creating a volume of less than 1 GiB is refused."""
        with pytest.raises(errors.Error):
            bench.driver.create_volume(bench.describe(size))

    def test_a_deleted_volume_cannot_be_connected(self, bench: Bench) -> None:
        """Connecting a deleted volume raises MissingOnStorage."""
        volume = bench.create()
        bench.driver.delete_volume(volume)
        with pytest.raises(errors.MissingOnStorage):
            bench.driver.initialize_connection(volume, bench.connection())

    def test_what_is_missing_is_named(self, bench: Bench) -> None:
        """Extending, copying or snapshotting a missing volume raises MissingOnStorage, and the message names it."""
        driver, gone = bench.driver, bench.describe()
        snapshot = bench.describe_snapshot(gone)
        calls: list[Callable[[], Any]] = [
            lambda: driver.extend_volume(gone, 2),
            lambda: driver.create_cloned_volume(bench.describe(), gone),
            lambda: driver.create_volume_from_snapshot(bench.describe(), snapshot),
        ]
        for call in calls:
            with pytest.raises(errors.MissingOnStorage):
                call()
        with pytest.raises(errors.MissingOnStorage, match=gone.name_in_storage):
            driver.create_snapshot(snapshot)

    def test_extending_keeps_the_bytes(self, bench: Bench) -> None:
        """An extended volume has its new size, its bytes, and zeros after them; extending it again changes nothing."""
        volume = bench.create()
        bench.write(volume, DATA, END)
        for _ in range(2):
            bench.driver.extend_volume(volume, 2)
        volume = replace(volume, size=2)
        assert bench.read(volume, len(DATA), END) == DATA
        assert bench.read(volume, 4096, GiB) == bytes(4096)
        with bench.attached(volume) as path:
            assert bench.host.device_size(path) == 2 * GiB

    def test_extending_shows_on_the_attached_host(self, bench: Bench) -> None:
        """Extending an attached volume extends its device, and the new end can be written."""
        volume = bench.create()
        _, info = bench.connect(volume)
        device = bench.host.attach(info)
        bench.driver.extend_volume(volume, 2)
        assert bench.host.extend(info) == 2 * GiB
        write(device["path"], DATA, 2 * GiB - len(DATA))
        bench.host.detach(info, device)

    def test_a_volume_cannot_shrink(self, bench: Bench) -> None:
        """Extending a volume to less than its size is refused, and its bytes stay."""
        volume = bench.create(2)
        bench.write(volume, DATA, GiB)
        with pytest.raises(errors.Error):
            bench.driver.extend_volume(volume, 1)
        assert bench.read(volume, len(DATA), GiB) == DATA

    def test_a_snapshot_keeps_the_moment(self, bench: Bench) -> None:
        """A volume created from a snapshot has the bytes from before the snapshot, not those that were written later."""
        volume = bench.create()
        bench.write(volume, DATA, END)
        snapshot = bench.snapshot(volume)
        bench.write(volume, DATA[::-1], END)
        copy = bench.describe()
        bench.driver.create_volume_from_snapshot(copy, snapshot)
        assert bench.read(copy, len(DATA), END) == DATA
        assert bench.read(volume, len(DATA), END) == DATA[::-1]

    def test_a_snapshot_is_taken_once(self, bench: Bench) -> None:
        """Creating a snapshot again succeeds, and the snapshot keeps its bytes."""
        volume = bench.create()
        bench.write(volume, DATA)
        snapshot = bench.snapshot(volume)
        bench.write(volume, bytes(len(DATA)))
        bench.driver.create_snapshot(snapshot)
        copy = bench.describe()
        bench.driver.create_volume_from_snapshot(copy, snapshot)
        assert bench.read(copy, len(DATA)) == DATA

    def test_a_volume_may_be_larger_than_its_snapshot(self, bench: Bench) -> None:
        """A volume that is larger than its snapshot has the snapshot's bytes, then zeros, also after the snapshot is deleted."""
        volume = bench.create()
        bench.write(volume, DATA, END)
        snapshot = bench.snapshot(volume)
        copy = bench.describe(2)
        bench.driver.create_volume_from_snapshot(copy, snapshot)
        bench.driver.delete_snapshot(snapshot)
        assert bench.read(copy, len(DATA), END) == DATA
        assert bench.read(copy, 4096, 2 * GiB - 4096) == bytes(4096)

    def test_a_copy_cannot_be_smaller(self, bench: Bench) -> None:
        """Creating a volume that is smaller than its snapshot or source is refused, and leaves nothing on the storage."""
        volume = bench.create(2)
        snapshot = bench.snapshot(volume)
        small = bench.describe(1)
        with pytest.raises(errors.Error):
            bench.driver.create_volume_from_snapshot(small, snapshot)
        with pytest.raises(errors.Error):
            bench.driver.create_cloned_volume(small, volume)
        with pytest.raises(errors.MissingOnStorage):
            bench.driver.initialize_connection(small, bench.connection())

    @pytest.mark.parametrize("size", [1, 2])
    def test_a_clone_is_a_volume_of_its_own(self, bench: Bench, size: int) -> None:
        """A clone of the same or a larger size has the source's bytes, and writes to one do not change the other."""
        volume = bench.create()
        bench.write(volume, DATA, END)
        clone = bench.describe(size)
        for _ in range(2):
            bench.driver.create_cloned_volume(clone, volume)
        bench.write(volume, bytes(len(DATA)), END)
        assert bench.read(clone, len(DATA), END) == DATA
        bench.write(clone, DATA, 0)
        assert bench.read(volume, len(DATA)) == bytes(len(DATA))
        with bench.attached(clone) as path:
            assert bench.host.device_size(path) == size * GiB

    def test_an_attached_volume_can_be_copied(self, bench: Bench) -> None:
        """A snapshot and a clone of an attached volume have the bytes that its host has flushed."""
        volume, clone, copy = bench.create(), bench.describe(), bench.describe()
        with bench.attached(volume) as path:
            write(path, DATA, END)
            bench.driver.create_cloned_volume(clone, volume)
            snapshot = bench.snapshot(volume)
        bench.driver.create_volume_from_snapshot(copy, snapshot)
        assert bench.read(clone, len(DATA), END) == bench.read(copy, len(DATA), END) == DATA

    def test_progress_ends_at_all_bytes(self, bench: Bench) -> None:
        """The progress of a copy never decreases, never exceeds the total, and ends at the total."""
        volume = bench.create()
        bench.write(volume, DATA)
        seen: list[tuple[int, int]] = []
        bench.driver.create_cloned_volume(bench.describe(), volume, lambda done, total: seen.append((done, total)))
        assert seen == sorted(seen)
        assert all(0 <= done <= total for done, total in seen)
        assert not seen or seen[-1][0] == seen[-1][1]

    def test_two_connections_share_a_volume(self, bench: Bench) -> None:
        """Two connections see each other's writes, and terminating one leaves the other usable."""
        volume = bench.create()
        (first, info), (second, other) = bench.connect(volume), bench.connect(volume)
        one, two = bench.host.attach(info), bench.host.attach(other)
        write(one["path"], DATA)
        assert read(two["path"], len(DATA)) == DATA
        bench.host.detach(info, one)
        bench.driver.terminate_connection(volume, first)
        write(two["path"], DATA[::-1], END)
        assert read(two["path"], len(DATA)) == DATA
        bench.host.detach(other, two)
        bench.driver.terminate_connection(volume, second)
        assert bench.read(volume, len(DATA), END) == DATA[::-1]

    def test_connecting_twice_is_one_connection(self, bench: Bench) -> None:
        """Initializing a connection twice returns the same information, and terminating it twice succeeds."""
        volume = bench.create()
        connection, info = bench.connect(volume)
        assert bench.driver.initialize_connection(volume, connection) == info
        for _ in range(2):
            bench.driver.terminate_connection(volume, connection)
        bench.driver.delete_volume(volume)

    def test_connection_info_is_what_os_brick_takes(self, bench: Bench) -> None:
        """Connection information has the driver's protocol, and can be stored as JSON."""
        import json  # noqa: PLC0415 - of use here only

        _, info = bench.connect(bench.create())
        assert info["driver_volume_type"] == bench.driver.storage_protocol
        assert json.loads(json.dumps(info)) == info

    def test_a_connected_volume_is_not_deleted(self, bench: Bench) -> None:
        """Deleting a connected volume is refused; its bytes and its device stay."""
        volume = bench.create()
        with bench.attached(volume) as path:
            write(path, DATA)
            with pytest.raises(errors.DriverError):
                bench.driver.delete_volume(volume)
            assert read(path, len(DATA)) == DATA

    def test_exports_can_be_repeated(self, bench: Bench) -> None:
        """Creating, ensuring and removing an export may be repeated, around a connection."""
        volume = bench.create()
        for _ in range(2):
            bench.driver.create_export(volume, bench.connection().connector)
            bench.driver.ensure_export(volume)
        bench.write(volume, DATA)
        for _ in range(2):
            bench.driver.remove_export(volume)

    def test_the_longest_names_work(self, bench: Bench) -> None:
        """Volumes and snapshots may have names of up to :attr:`longest_name` bytes."""
        volume = bench.create(name="v" * self.longest_name)
        bench.write(volume, DATA)
        snapshot = bench.snapshot(volume, "s" * self.longest_name)
        copy = bench.describe(name="c" * self.longest_name)
        bench.driver.create_volume_from_snapshot(copy, snapshot)
        assert bench.read(copy, len(DATA)) == DATA

    def test_a_restarted_driver_finds_everything(self, bench: Bench, open_driver: OpenDriver) -> None:
        """Another instance of the driver finds volumes, bytes, snapshots and connections of the first."""
        volume = bench.create()
        bench.write(volume, DATA)
        snapshot = bench.snapshot(volume)
        connection, info = bench.connect(volume)
        bench.driver.close()
        again = Bench(open_driver(), bench.host)
        again.driver.setup()
        again.driver.ensure_export(volume)
        assert again.driver.initialize_connection(volume, connection) == info
        again.driver.terminate_connection(volume, connection)
        assert again.read(volume, len(DATA)) == DATA
        copy = bench.describe()
        again.driver.create_volume_from_snapshot(copy, snapshot)
        assert again.read(copy, len(DATA)) == DATA
        again.driver.close()

    def test_setup_can_be_repeated(self, bench: Bench) -> None:
        """Setting the driver up again, and closing it again, does not change volumes."""
        volume = bench.create()
        bench.write(volume, DATA)
        for _ in range(2):
            bench.driver.close()
        bench.driver.setup()
        assert bench.read(volume, len(DATA)) == DATA

    def test_options_describe_themselves(self, bench: Bench) -> None:
        """Options have unique names, a help text and a type."""
        options = type(bench.driver).options()
        assert len({option.name for option in options}) == len(options)
        for option in options:
            assert option.help
            assert isinstance(option.kind, type)
        assert set(capabilities(bench.driver)) == {*CAPABILITIES, *FEATURES}

    def test_features_agree_with_the_statistics(self, bench: Bench) -> None:
        """What a pool's statistics report as thin provisioning, several hosts or QoS, the features say as well."""
        pools: list[Any] = bench.driver.get_volume_stats(refresh=True)["pools"]
        able = capabilities(bench.driver)
        for feature, key in (("thin", "thin_provisioning_support"), ("multiattach", "multiattach"), ("qos", "QoS_support")):
            reported = [pool[key] for pool in pools if isinstance(pool.get(key), bool)]
            assert not reported or any(reported) is able[feature], feature

    def test_two_instances_work_at_once(self, bench: Bench, open_driver: OpenDriver) -> None:
        """Two instances can create the same clones at the same time, and all clones are complete."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - of use here only

        source = bench.create()
        bench.write(source, DATA)
        other = open_driver()
        other.setup()
        clones = [bench.describe() for _ in range(4)]
        with ThreadPoolExecutor(8) as pool:
            futures = [
                pool.submit(driver.create_cloned_volume, clone, source) for clone in clones for driver in (bench.driver, other)
            ]
            for future in futures:
                future.result(timeout=60)
        for clone in clones:
            assert bench.read(clone, len(DATA)) == DATA
        other.close()
