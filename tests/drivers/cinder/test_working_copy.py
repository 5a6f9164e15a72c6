"""What a driver looks up is asked for when it is looked up, and no more than that."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest

from cl_notebook.drivers import registry
from cl_notebook.drivers.base import VolumeData
from tests.drivers.cinder.conftest import FAKE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from cl_notebook.drivers.base import Driver, ModelUpdate, SnapshotData
    from cl_notebook.drivers.records import AttachmentData, InitiatorData


def _volume(number: int) -> VolumeData:
    own = str(uuid.UUID(int=number))
    return VolumeData(own, f"volume-{own}", 1, name=f"volume {number}", host="lab1@many#gold")


class ManyRecords:
    """The records of a backend with many volumes, which remembers what it was asked for."""

    host = "lab1@many"
    root_helper = "sudo"

    def __init__(self) -> None:
        """Begin with 100,000 volumes, unasked."""
        self.count = 100_000
        self.asked: list[tuple[str, int]] = []

    def volumes(self, ids: Iterable[str] | None = None, *, after: str = "", limit: int = 1000) -> list[VolumeData]:
        """Return the volumes with these ids, or a page of all."""
        if ids is None:
            first = uuid.UUID(after).int + 1 if after else 1
            found = [_volume(number) for number in range(first, min(first + limit, self.count + 1))]
        else:
            found = [_volume(uuid.UUID(own).int) for own in ids if uuid.UUID(own).int <= self.count]
        self.asked.append(("volumes", len(found)))
        return found

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

    def keep(
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
    driver.use(records)  # type: ignore[attr-defined] # a Cinder driver's
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
