"""One storage under two names: the second one warns, and neither adopts what the other tracks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook.model import storage_identity

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[cl.Session]:
    """Give a session on a store in a file."""
    with cl.Session(str(tmp_path / "store.db")) as session:
        yield session


@pytest.mark.parametrize("driver", ["sim", "local"])
def test_a_second_name_warns(mine: cl.Session, tmp_path: Path, driver: str) -> None:
    """Opening the same folder under a second name, or by another path to it, warns in one line, and works."""
    first = mine.backend("first", volume_driver=driver, path=str(tmp_path / "lab"))
    (tmp_path / "link").symlink_to(tmp_path / "lab")
    with pytest.warns(
        cl.errors.DuplicateBackendWarning, match="'second' is the storage of backend 'first' under another name"
    ) as caught:
        second = mine.backend("second", volume_driver=driver, path=str(tmp_path / "link"))
    assert "\n" not in str(caught[0].message)
    assert Path(caught[0].filename).name == Path(__file__).name
    second.create_volume(1, "b")
    first.create_volume(1, "a")
    mine.backend("elsewhere", volume_driver=driver, path=str(tmp_path / "other"))


def test_a_replaced_configuration_warns(mine: cl.Session, tmp_path: Path) -> None:
    """Replacing a configuration by one that leads to the storage of another backend warns."""
    mine.backend("first", volume_driver="sim", path=str(tmp_path / "lab"))
    mine.backend("second", volume_driver="sim", path=str(tmp_path / "other"))
    with pytest.warns(cl.errors.DuplicateBackendWarning, match="'second' is the storage of backend 'first'"):
        mine.backend("second", volume_driver="sim", path=str(tmp_path / "lab"), latency=0.0, replace=True)


def test_what_the_other_name_tracks_is_not_adopted(mine: cl.Session, tmp_path: Path) -> None:
    """A volume or snapshot that one name tracks is marked in the lists of the other, and refused by its ``manage``."""
    first = mine.backend("first", volume_driver="local", path=str(tmp_path / "lab"))
    vol = first.create_volume(1, "db")
    with pytest.warns(cl.errors.DuplicateBackendWarning):
        second = mine.backend("second", volume_driver="local", path=str(tmp_path / "lab"))
    (item,) = second.manageable_volumes()
    assert (item["cinder_id"], item["safe_to_manage"]) == (vol.id, False)
    with pytest.raises(
        cl.errors.AlreadyExists, match=rf"tracked already, as volume {vol.id} of backend 'first', the same storage"
    ):
        second.manage(vol.name_in_storage)
    assert second.volumes == []
    vol.unmanage()
    assert second.manage(vol.name_in_storage, "db").backend is second


def test_two_sessions_with_a_name_each_are_distinguished(mine: cl.Session, tmp_path: Path) -> None:
    """A second session on the store that gives the storage another name is warned, too."""
    mine.backend("first", volume_driver="sim", path=str(tmp_path / "lab"))
    with cl.Session(str(tmp_path / "store.db")) as other:
        with pytest.warns(cl.errors.DuplicateBackendWarning):
            other.backend("second", volume_driver="sim", path=str(tmp_path / "lab"))
        with pytest.raises(cl.errors.AlreadyExists, match="exists with another configuration"):
            other.backend("first", volume_driver="sim", path=str(tmp_path / "other"))


@pytest.mark.parametrize(
    ("one", "two", "is_same"),
    [
        ({"san_ip": "1"}, {"san_ip": "1", "secret_options": ["x"]}, False),
        ({"san_ip": "1", "port": None}, {"port": None, "san_ip": "1"}, True),
        ({"san_ip": "1"}, {"san_ip": "2"}, False),
    ],
)
def test_drivers_that_cannot_tell_go_by_their_configuration(one: dict[str, Any], two: dict[str, Any], is_same: bool) -> None:  # noqa: FBT001 - pytest's
    """Of a Cinder driver, configurations that are equal are one storage, and others are not known to be."""
    driver = "cinder.volume.drivers.some.Driver"
    assert (storage_identity.storage_key(driver, one) == storage_identity.storage_key(driver, two)) is is_same
