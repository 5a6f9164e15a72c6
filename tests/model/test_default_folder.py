"""The folder of a backend for which no ``path`` is given."""

from __future__ import annotations

from pathlib import Path

import pytest

import cl_notebook as cl
from cl_notebook import settings

HOSTILE = ["../../outside", "/etc/passwd", "..", ".hidden", "a/b", "a\nb", "größe", "%2E", "x" * 255, "ü" * 255]


@pytest.fixture
def mine(tmp_path: Path) -> cl.Session:
    """Give a session on a store in a file."""
    return cl.Session(str(tmp_path / "store.db"))


@pytest.mark.parametrize("driver", ["local", "sim"])
def test_the_folder_has_the_name_of_the_backend(mine: cl.Session, driver: str) -> None:
    """A backend without `path` keeps its storage in a folder of its name in the data folder, and the store records the folder."""
    with mine:
        backend = mine.backend("lab", volume_driver=driver)
        backend.create_volume(1, "ledger")
        assert backend.config["path"] == str(settings.data_dir() / "backends" / "lab")
        assert Path(backend.config["path"]).is_dir()


def test_it_stays_the_same(mine: cl.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder stays the same when the data folder changes, by the name alone, without `path`, and with another option."""
    with mine:
        path = mine.backend("lab", volume_driver="sim").config["path"]
    monkeypatch.setenv("CL_NOTEBOOK_DATA", str(tmp_path / "moved"))
    with cl.Session(str(tmp_path / "store.db")) as later:
        assert later.backend("lab").config["path"] == path
        assert later.backend("lab", volume_driver="sim").config["path"] == path
        assert later.backend("lab", volume_driver="sim", latency=1, replace=True).config["path"] == path
        assert later.backend("other", volume_driver="sim").config["path"].startswith(str(tmp_path / "moved"))


def test_a_path_that_was_given_stays(mine: cl.Session, tmp_path: Path) -> None:
    """A backend that was opened with a `path` keeps it when it is opened again without one."""
    with mine:
        lab = mine.backend("lab", volume_driver="local", path=tmp_path / "lab")
        assert mine.backend("lab", volume_driver="local") is lab
        assert lab.config["path"] == str(tmp_path / "lab")


def test_no_name_leads_out_of_the_data_folder() -> None:
    """Whatever the name of a backend is, its folder is a visible one directly in `backends`, and no other's."""
    folders = [settings.backend_folder(name) for name in HOSTILE]
    assert {folder.parent for folder in folders} == {settings.data_dir() / "backends"}
    assert len({folder.name for folder in folders}) == len(HOSTILE)
    assert all(folder.name.isprintable() and not folder.name.startswith(".") and len(folder.name) < 255 for folder in folders)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_backend_of_any_name_works(mine: cl.Session, name: str) -> None:
    """A backend of a hostile name can be opened without `path`, and holds volumes."""
    with mine:
        volume = mine.backend(name, volume_driver="sim").create_volume(1, "ledger")
        assert Path(str(volume.attach().path)).parent == settings.backend_folder(name)
        volume.cleanup()


def test_the_options_say_so() -> None:
    """The help of the option `path` of `local` and `sim` names the folder that is the default."""
    for driver in ("local", "sim"):
        assert "backends/NAME in the data folder" in str(cl.frames.driver_options(driver).loc["path", "help"])
