"""A storage with more on it than a message or a page holds is listed whole, and held in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook.drivers.cinder import driver
from cl_notebook.inventory import storage
from tests.drivers.cinder.conftest import FAKE

if TYPE_CHECKING:
    from tests.drivers.cinder.conftest import MakeBackend

FILES = 2500
LISTING = FAKE.replace("FakeDriver", "ListingDriver")


@pytest.fixture(scope="module")
def full(make: MakeBackend, tmp_path_factory: pytest.TempPathFactory) -> cl.Backend:
    """Return a backend whose storage has more than two messages of volumes, and one of them tracked."""
    folder = tmp_path_factory.mktemp("full")
    for number in range(FILES):
        (folder / f"disk-{number:04}").write_bytes(b"")
    backend = make("full", volume_driver=LISTING, fake_path=str(folder))
    backend.create_volume(1, "mine")
    return backend


def names(backend: cl.Backend) -> list[str]:
    """Return what is listed, by name."""
    return [entry["reference"]["source-name"] for entry in backend.manageable_volumes()]


def test_all_of_it_is_listed(full: cl.Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries come once each and in their order, whether a driver's page has all of them, some, or just as many as there are."""
    whole = [*(f"disk-{number:04}" for number in range(FILES)), full.volumes[0].name_in_storage]
    assert names(full) == whole
    for page in (700, FILES + 1, FILES + 2, 1):
        if page > 1:
            monkeypatch.setattr(driver, "PAGE_ENTRIES", page)
            assert names(full) == whole


def test_a_driver_that_knows_no_pages(full: cl.Backend, make: MakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that gives everything whatever it is asked for is asked once, or, where that is just a page, not for ever."""
    odd = make("odd", volume_driver=LISTING, fake_path=str(full.config["fake_path"]), fake_mode="odd")
    for page in (700, FILES + 1):
        monkeypatch.setattr(driver, "PAGE_ENTRIES", page)
        assert len(names(odd)) == FILES + 1


def test_a_page(full: cl.Backend) -> None:
    """A page is what follows its marker; the child holds nothing for it afterwards."""
    page = full.manageable_volumes(limit=3, marker="disk-0099")
    assert [entry["reference"]["source-name"] for entry in page] == ["disk-0100", "disk-0101", "disk-0102"]
    assert full.manageable_volumes(limit=5, marker=full.volumes[0].name_in_storage) == []
    with pytest.raises(cl.errors.InvalidInput, match="Nothing on the storage is called 'disk'"):
        full.manageable_volumes(marker="disk")
    with pytest.raises(cl.errors.InvalidInput, match="limit must be a whole number above 0"):
        full.manageable_volumes(limit=0)


def test_a_scan_names_some_and_counts_the_rest(full: cl.Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number of volumes that nobody tracks a scan says how many more there are, and how to list them."""
    monkeypatch.setattr(storage, "MAX_LISTED", 1000)
    found = cl.inventory.findings(full.context, full, host=False)
    assert len([each for each in found if each.verdict == "untracked"]) == 1001
    assert [each.verdict for each in found if each.id == full.volumes[0].id] == ["ok"]
    (rest,) = (each for each in found if each.verdict == "untracked" and each.name_in_storage is None)
    assert "1,500 more volumes are on the storage, and not tracked" in str(rest.detail)
    assert rest.next == "%cl_backend manageable full --marker disk-0999"


def test_no_message_is_large(full: cl.Backend) -> None:
    """What crosses between the processes is cut into messages of a thousand entries."""
    child = full.driver._running_child()  # type: ignore[attr-defined] # a Cinder driver's
    parts = driver._parts({"id": str(number)} for number in range(FILES))
    assert [len(part) for part in parts] == [1000, 1000, 500]
    assert child.ask("take", "what is not there", 5.0, list=0, limit=1) == []
