"""What a driver looks up is asked for when it is looked up, and no more than that."""

from __future__ import annotations

import json
import threading
import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cl_notebook import errors
from cl_notebook.drivers import registry
from cl_notebook.drivers.api import DriverEnvironment, VolumeData
from tests.drivers.cinder.conftest import FAKE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import cl_notebook as cl
    from cl_notebook.drivers.api import AttachmentData, Driver, InitiatorData, ModelUpdate, SnapshotData


def _volume(number: int) -> VolumeData:
    own = str(uuid.UUID(int=number))
    return VolumeData(own, f"volume-{own}", 1, name=f"volume {number}", host="lab1@many#gold")


class ManyRecords:
    """The records of a backend with many volumes, which remembers what it was asked for."""

    host = "lab1@many"
    root_helper = "sudo"
    environment = DriverEnvironment()

    def __init__(self) -> None:
        """Begin with 100,000 volumes, unasked."""
        self.count = 100_000
        self.asked: list[tuple[str, int]] = []
        self.typed = False
        self.error: Exception | None = None

    def volumes(self, ids: Iterable[str] | None = None, *, after: str = "", limit: int = 1000) -> list[VolumeData]:
        """Return the volumes with these ids, or a page of all."""
        if self.error is not None:
            raise self.error
        if ids is None:
            first = uuid.UUID(after).int + 1 if after else 1
            found = [self._volume(number) for number in range(first, min(first + limit, self.count + 1))]
        else:
            found = [_volume(uuid.UUID(own).int) for own in ids if uuid.UUID(own).int <= self.count]
        self.asked.append(("volumes", len(found)))
        return found

    def _volume(self, number: int) -> VolumeData:
        specs = {"tier": str(number // 500)} if self.typed else {}
        return replace(_volume(number), extra_specs=specs)

    def snapshots(
        self, ids: Iterable[str] | None = None, volume_ids: Iterable[str] | None = None, *, after: str = "", limit: int = 1000
    ) -> list[SnapshotData]:
        """Return none."""
        del ids, volume_ids, after, limit
        return []

    def attachments(self, volume_ids: Iterable[str] | None = None) -> list[AttachmentData]:
        """Return none."""
        del volume_ids
        return []

    def initiator_data(self) -> list[InitiatorData]:
        """Return none."""
        return []

    def save_updates(
        self,
        volumes: Mapping[str, ModelUpdate],
        snapshots: Mapping[str, ModelUpdate],
        initiator_data: Iterable[InitiatorData],
    ) -> None:
        """Forget it."""


@pytest.fixture
def records() -> ManyRecords:
    """Return the records of a backend with many volumes."""
    return ManyRecords()


@pytest.fixture
def driver(python: str, tmp_path: Path, records: ManyRecords) -> Iterator[Driver]:
    """Give a driver that is set up on them."""
    options = {"python": python, "fake_path": str(tmp_path / "array")}
    cls = registry.load_driver(FAKE, options)
    driver = cls(registry.check_config(FAKE, cls, options), backend_name="many")
    driver.bind(records)  # type: ignore[attr-defined] # a Cinder driver's
    driver.setup()
    yield driver
    driver.close()


def test_a_backend_opens_without_its_volumes(driver: Driver, records: ManyRecords) -> None:
    """A backend with 100,000 volumes opens, and makes and removes one, without a row of the others being copied."""
    own = str(uuid.uuid4())
    volume = VolumeData(own, f"volume-{own}", 1, name="plain")
    driver.create_volume(volume)
    driver.delete_volume(volume)
    assert records.asked == []


def test_only_what_is_looked_up_is_copied(driver: Driver, records: ManyRecords) -> None:
    """A look-up by id copies one row; a driver that asks for all of its host's volumes gets all, page by page."""
    records.count = 3000
    own, other = str(uuid.uuid4()), _volume(77)
    volume = VolumeData(own, f"volume-{own}", 1, name="looking", metadata={"other": other.id}, host="lab1@many#gold")
    update = driver.create_volume(volume) or {}
    seen = json.loads(update["provider_location"])
    assert seen["other"] == "volume 77"
    assert seen["on_host"] == 3001
    assert records.asked[0] == ("volumes", 1)
    assert records.asked[1:].count(("volumes", 1000)) == 3


def test_an_error_of_the_store_is_none_of_no_rows(driver: Driver, records: ManyRecords) -> None:
    """Where the store cannot be asked the driver's call fails: it does not go on as if there were nothing."""
    records.error = errors.StoreLocked("the store is locked")
    own = str(uuid.uuid4())
    with pytest.raises(errors.DriverError, match="The store could not be asked for volumes: the store is locked"):
        driver.create_volume(VolumeData(own, f"volume-{own}", 1, name="listing", host="lab1@many#gold"))


def test_types_are_made_in_the_middle_of_a_long_list(driver: Driver, records: ManyRecords) -> None:
    """A list of volumes whose later pages bring volume types that were not seen before is read to its end at once."""
    records.count, records.typed = 2500, True
    own = str(uuid.uuid4())
    started = time.monotonic()
    update = driver.create_volume(VolumeData(own, f"volume-{own}", 1, name="listing", host="lab1@many#gold")) or {}
    assert json.loads(update["provider_location"]) == [2501, 7]
    assert time.monotonic() - started < 30


def test_what_changed_meanwhile_is_not_undone(fake: cl.Backend) -> None:
    """While calls overlap, a driver sees what the store says now, and what it wrote once is not reported over it later."""
    slow = threading.Thread(target=fake.create_volume, args=(1, "slow"), kwargs={"metadata": {"seconds": "5"}})
    slow.start()
    other = fake.create_volume(1, "plain")
    fake.create_volume(1, "writing", metadata={"other": other.id})
    other.refresh()
    assert (other.metadata, other.provider_location) == ({"seen": "yes"}, "moved")
    other.metadata["mine"] = "too"
    other.save()
    looking = fake.create_volume(1, "looking", metadata={"other": other.id})
    other.refresh()
    assert slow.is_alive()
    slow.join()
    assert other.metadata == {"seen": "yes", "mine": "too"}
    assert json.loads(looking.provider_location or "")["other_metadata"] == {"seen": "yes", "mine": "too"}


def test_what_was_deleted_meanwhile_is_gone(fake: cl.Backend) -> None:
    """While calls overlap, a driver that lists all volumes does not find one that was deleted since it last did."""
    slow = threading.Thread(target=fake.create_volume, args=(1, "slow"), kwargs={"metadata": {"seconds": "5"}})
    slow.start()
    other = fake.create_volume(1, "plain")
    before = json.loads(fake.create_volume(1, "listing").provider_location or "")
    other.delete()
    after = json.loads(fake.create_volume(1, "listing").provider_location or "")
    assert slow.is_alive()
    slow.join()
    assert after == before


def test_what_a_failed_call_saved_is_kept(fake: cl.Backend) -> None:
    """What a driver saved of a volume before its call failed is kept with the volume, which is in error."""
    with pytest.raises(errors.DriverError, match="the array went away"):
        fake.create_volume(1, "saving")
    (volume,) = fake.volumes_filtered(volume_name="saving")
    assert (volume.status, volume.provider_location) == ("error", "half made")


def test_a_strange_answer_is_kept_as_text(fake: cl.Backend) -> None:
    """Text that cannot be encoded is kept with what cannot be written out, and metadata of None changes nothing."""
    volume = fake.create_volume(1, "strange", metadata={"own": "1"})
    assert volume.metadata == {"own": "1"}
    assert (volume.provider_location or "").startswith("/share/\\udcff")


def test_a_call_does_not_fail_with_what_it_changed_elsewhere(fake: cl.Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the store cannot keep what a driver changed on others, the call's own outcome is kept, and the log says so."""

    def save_updates(*_args: object) -> None:
        msg = "locked"
        raise errors.StoreLocked(msg)

    other = fake.create_volume(1, "plain")
    monkeypatch.setattr(fake.driver._context, "save_updates", save_updates)  # type: ignore[attr-defined] # a Cinder driver's
    made = fake.create_volume(1, "writing", metadata={"other": other.id})
    assert (made.status, made.provider_id) == ("available", "saved")
    assert any(other.id in line.text and "could not be saved" in line.text for line in fake.log())
