"""What is left when a store is closed."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import threading
import time
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook.store import Store
from cl_notebook.testing import stores

if TYPE_CHECKING:
    from pathlib import Path


def _volumes(path: Path) -> int:
    raw = sqlite3.connect(path)
    try:
        return int(raw.execute("SELECT count(*) FROM volume").fetchone()[0])
    finally:
        raw.close()


def test_a_closed_store_is_one_file(tmp_path: Path) -> None:
    """After close everything is in the file itself: a copy of it alone has all rows."""
    session = cl.Session(tmp_path / "s.db")
    stores.fill(session.store, volumes=20)
    assert len(cl.frames.volumes(session)) == 20
    session.close()
    assert [path.name for path in tmp_path.iterdir()] == ["s.db"]
    shutil.copy(tmp_path / "s.db", tmp_path / "copy.db")
    assert _volumes(tmp_path / "copy.db") == 20


def test_a_store_that_others_still_hold_is_folded_in_all_the_same(tmp_path: Path) -> None:
    """Close writes what it may into the file, and waits for nobody, while another session has the store open."""
    other = Store(str(tmp_path / "s.db"))
    other.token()
    store = Store(str(tmp_path / "s.db"))
    stores.fill(store, volumes=20)
    store.token()
    store.close()
    shutil.copy(tmp_path / "s.db", tmp_path / "copy.db")
    assert _volumes(tmp_path / "copy.db") == 20
    other.close()


def test_closing_twice_is_closing(tmp_path: Path) -> None:
    """A second close does nothing."""
    store = Store(str(tmp_path / "s.db"))
    store.close()
    store.close()


@pytest.mark.lane("slow")
@pytest.mark.parametrize("where", ["file", "memory"])
def test_closing_while_other_threads_look(tmp_path: Path, where: str) -> None:
    """A store that is closed while other threads ask for its newest change closes, and nothing crashes."""
    for number in range(20):
        store = Store(str(tmp_path / f"{number}.db") if where == "file" else "memory")
        threads, over = _lookers(store)
        time.sleep(0.002)
        store.close()
        over.set()
        for thread in threads:
            thread.join()
        store.close()


def _lookers(store: Store) -> tuple[list[threading.Thread], threading.Event]:
    over = threading.Event()

    def look() -> None:
        with contextlib.suppress(cl.errors.StoreError):
            while not over.is_set():
                store.token()
                store.head()

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    return threads, over
