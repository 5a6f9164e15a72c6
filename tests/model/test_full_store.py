"""A store on a full disk, or on one that may not be written any more: acts are refused in time, and outcomes are kept."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Mount
    from tests.fake_drivers import MeddlingDriver


@pytest.fixture
def small(mount: Mount) -> Path:
    """Return a folder on a file system of 2 MiB."""
    return mount("tmpfs", 2)


@pytest.fixture
def mine(small: Path) -> Iterator[cl.Session]:
    """Give a session on a store there, which tries for a moment only."""
    with cl.Session(small / "store.db") as session:
        session.journal.outbox.patience = 0.3
        yield session


@pytest.fixture
def lab(mine: cl.Session, tmp_path: Path, meddling: type[MeddlingDriver]) -> cl.Backend:  # noqa: ARG001 - it is installed
    """Return a backend elsewhere, with a hook in its calls."""
    return mine.backend("lab", volume_driver="meddling", path=str(tmp_path / "lab"))


def _fill(folder: Path) -> None:
    """Leave no byte free in the file system of *folder*."""
    with (folder / "ballast").open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 4096)


def _save_on(vol: cl.Volume) -> None:
    """Save until that fails: the log of the database may have room for a few pages more."""
    while True:
        vol.description = f"{vol.description}, and on"
        vol.save()


def test_no_driver_is_called_when_there_is_no_room_for_the_intent(
    lab: cl.Backend, small: Path, meddling: type[MeddlingDriver]
) -> None:
    """On a full disk acts are refused in one line before the driver is called; with room again they go on as if nothing was."""
    vol = lab.create_volume(1, "db")
    _fill(small)
    with pytest.raises(cl.errors.StoreUnusable, match="full") as caught:
        _save_on(vol)
    assert "\n" not in str(caught.value)
    vol.refresh()
    calls = list(meddling.noted)
    for act in (lambda: lab.create_volume(1, "new" * 80, description="x" * 5000), lambda: vol.delete()):  # noqa: PLW0108 - alike
        with pytest.raises(cl.errors.StoreUnusable, match="full"):
            act()
    assert meddling.noted == calls
    (small / "ballast").unlink()
    vol.extend(2)
    assert (vol.size, vol.status) == (2, "available")
    assert len(cl.frames.volumes(lab.context)) == 1


def test_an_outcome_without_room_is_kept(lab: cl.Backend, small: Path, mine: cl.Session, meddling: type[MeddlingDriver]) -> None:
    """If the disk is full when the driver is done, its outcome is reported, stored in a file, and written once there is room."""
    vol = lab.create_volume(1, "db")

    def fill(_call: str) -> None:
        _fill(small)
        with contextlib.suppress(cl.errors.StoreError):  # until the log of the database is full, too
            while True:
                cl.KeyValue.set("ballast", "x" * 3000, session=mine)

    meddling.meanwhile = fill
    with pytest.raises(cl.errors.OutcomePending, match=r"extend volume 'db' .* is done on the storage.*full") as caught:
        vol.extend(2)
    meddling.meanwhile = None
    assert "\n" not in str(caught.value)
    assert len(list((settings.data_dir() / "outcomes").rglob("*.json"))) == 1
    (small / "ballast").unlink()
    vol.refresh()
    assert vol.extend(3) == 3 * 2**30
    assert cl.frames.operations(mine, action="extend")["status"].tolist() == ["done", "done"]
    assert not list((settings.data_dir() / "outcomes").rglob("*.json"))


def test_a_store_that_may_only_be_read_is_opened_for_reading(small: Path, tmp_path: Path) -> None:
    """On a file system that is mounted read-only a store is refused with the word that opens it, and then refuses acts."""
    with cl.Session(small / "store.db") as session:
        session.backend("lab", volume_driver="sim", path=str(tmp_path / "lab")).create_volume(1, "db")
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    with pytest.raises(cl.errors.StoreUnusable, match=r"Read-only file system.*read_only=True") as caught:
        cl.Session(small / "store.db")
    assert "\n" not in str(caught.value)
    with cl.Session(small / "store.db", read_only=True) as session:
        vol = session.find("db")
        with pytest.raises(cl.errors.ReadOnly, match="This session is read-only, so extend is refused"):
            vol.extend(2)
        assert (vol.status, len(cl.frames.operations(session))) == ("available", 2)


def test_a_file_system_that_becomes_read_only_keeps_the_outcome(
    lab: cl.Backend, small: Path, mine: cl.Session, meddling: type[MeddlingDriver]
) -> None:
    """Acts on a store whose file system was remounted read-only are refused in one line, before the driver is called."""
    vol = lab.create_volume(1, "db")
    mine.store.close()  # a file that is open for writing keeps the file system from it
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    try:
        with pytest.raises(cl.errors.StoreUnusable) as caught:
            vol.extend(2)
        assert "\n" not in str(caught.value)
        assert meddling.noted == ["create_volume"]
    finally:
        subprocess.run(["mount", "-o", "remount,rw", small], check=True)
    vol.extend(2)
    assert vol.size == 2
