"""Stores that are opened to be read: nothing is made, migrated or written."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.store import Store, changefeed
from cl_notebook.testing import stores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Mount


def _filled(path: Path) -> Path:
    store = Store(str(path))
    stores.fill(store, volumes=5)
    store.close()
    return path


def _volumes(store: Store) -> int:
    with store.reading() as connection:
        return int(connection.execute(sa.text("SELECT count(*) FROM volume")).scalar_one())


def test_a_store_is_read_and_not_written(tmp_path: Path) -> None:
    """A store opened read-only gives its rows, refuses writing, and leaves the file as it was."""
    path = _filled(tmp_path / "s.db")
    before = path.read_bytes()
    store = Store(str(path), read_only=True)
    assert _volumes(store) == 5
    assert store.head() >= 0
    with pytest.raises(errors.ReadOnly, match="read-only"), store.writing():
        pass
    with pytest.raises(errors.StoreUnusable, match="read-only"), store.reading() as connection:
        connection.execute(sa.update(changefeed.FEED).values(head=0))
    store.close()
    assert path.read_bytes() == before


def test_what_others_write_is_seen(tmp_path: Path) -> None:
    """A store that is read notices what another session commits."""
    path = _filled(tmp_path / "s.db")
    store = Store(str(path), read_only=True)
    token = store.token()
    other = Store(str(path))
    stores.fill(other, volumes=2, backend="more")
    assert store.token() != token
    assert _volumes(store) == 7
    other.close()
    store.close()


@pytest.mark.parametrize("what", ["missing", "missing folder", "folder", "empty"])
def test_what_is_not_there_is_not_made(tmp_path: Path, what: str) -> None:
    """A store that is missing, or holds nothing yet, is refused in one line, and nothing is made in its place."""
    path = {"missing folder": tmp_path / "no" / "s.db", "folder": tmp_path}.get(what, tmp_path / "s.db")
    if what == "empty":
        path.touch()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(errors.StoreUnusable, match=r"cannot be opened for reading|is empty") as caught:
        Store(str(path), read_only=True)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


def test_an_older_store_is_not_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store with an older schema is refused with the line that says to open it once to be written."""
    path = _filled(tmp_path / "s.db")
    monkeypatch.setattr("cl_notebook.store.schema.HEAD", "9999")
    with pytest.raises(errors.StoreUnusable, match=r"older schema.*without read_only=True"):
        Store(str(path), read_only=True)


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    """A store that a newer cl_notebook wrote is refused the same, read-only or not."""
    path = _filled(tmp_path / "s.db")
    raw = sqlite3.connect(path)
    raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.commit()
    raw.close()
    with pytest.raises(errors.StoreTooNew):
        Store(str(path), read_only=True)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Give a folder that everybody can reach and write to, which pytest's are not."""
    with tempfile.TemporaryDirectory(prefix="cl-shared-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


def test_a_file_that_its_reader_may_not_write_is_read(open_folder: Path) -> None:
    """A file of mode 0444 is opened by somebody who may only read it."""
    path = _filled(open_folder / "s.db")
    path.chmod(0o444)
    code = f"""
import os
from cl_notebook.store import Store
Store("memory").close()
if os.getuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
store = Store({str(path)!r}, read_only=True)
print(store.head() >= 0)
store.close()
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "True\n"


def test_a_read_only_file_system_is_read(mount: Mount) -> None:
    """A store on a file system that is mounted read-only is read, and one that was not folded in there says so."""
    folder = mount("tmpfs", 16)
    path = _filled(folder / "s.db")
    held = Store(str(_filled(folder / "held.db")))
    stores.fill(held, volumes=1, backend="more")
    for end in ("", "-wal"):
        (folder / f"cut.db{end}").write_bytes((folder / f"held.db{end}").read_bytes())
    held.close()
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    before = sorted(folder.iterdir())
    store = Store(str(path), read_only=True)
    assert _volumes(store) == 5
    assert store.token() == store.token()
    store.close()
    with pytest.raises(errors.StoreUnusable) as caught:
        Store(str(folder / "cut.db"), read_only=True)
    assert "\n" not in str(caught.value)
    assert sorted(folder.iterdir()) == before


def test_memory_is_always_new() -> None:
    """A read-only store in memory is an empty one: there is nothing that could be there already."""
    store = Store("memory", read_only=True)
    assert _volumes(store) == 0
    store.close()
