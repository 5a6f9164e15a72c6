"""The file of a SQLite store is whole by itself: while nothing is written, and once its process has ended, however it did."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from jupyter_client.manager import start_new_kernel

import cl_notebook as cl
from cl_notebook import errors, settings
from cl_notebook.store import Store, sqlite_file

pytestmark = pytest.mark.filterwarnings("ignore:Using fork")  # os-brick imports eventlet, which says so wherever a process forks

if TYPE_CHECKING:
    from pathlib import Path

_MAKE = """
import os, signal, sys, threading
import cl_notebook as cl
cl.setup(store=sys.argv[1])
cl.Backend("sim", volume_driver="sim", path=os.path.dirname(sys.argv[1]) + "/sim").create_volume(1, "db")
"""

_ENDS = {
    "the end of the script": "",
    "exit": "exit()",
    "an error": "raise RuntimeError",
    "an interrupt": "raise KeyboardInterrupt",
    "exit while a thread reads": (
        "threading.Thread(target=lambda: [cl.frames.volumes() for _ in iter(int, 1)], daemon=True).start(); exit()"
    ),
    "a session that nobody holds": "cl.Session(sys.argv[1]).backend('other', volume_driver='sim', path=sys.argv[1] + '.other')",
}


def _alone(file: Path) -> list[str]:
    """Return the names of the volumes in a copy of *file* without what stands beside it."""
    copy = file.with_name("copy.db")
    shutil.copy(file, copy)
    raw = sqlite3.connect(f"{copy.as_uri()}?immutable=1", uri=True)
    try:
        return [name for (name,) in raw.execute("SELECT name FROM volume ORDER BY created_at")]
    except sqlite3.DatabaseError:  # a table that is in the log alone
        return []
    finally:
        raw.close()
        copy.unlink()


@pytest.mark.parametrize("end", _ENDS)
def test_a_script_that_ends_leaves_a_whole_file(tmp_path: Path, end: str) -> None:
    """Whatever way a script ends that never closed its session, the file has every row, and no log stands beside it."""
    file = tmp_path / "s.db"
    subprocess.run([sys.executable, "-c", _MAKE + _ENDS[end], str(file)], capture_output=True, check=False)
    assert _alone(file) == ["db"]
    if "thread" not in end:
        assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["s.db"]


def test_a_kernel_that_is_shut_down_leaves_a_whole_file(tmp_path: Path) -> None:
    """A notebook's kernel that is shut down, as JupyterLab does, leaves every row in the file."""
    file = tmp_path / "s.db"
    manager, client = start_new_kernel(kernel_name="python3")
    client.execute_interactive(_MAKE.replace("sys.argv[1]", repr(str(file))))
    client.stop_channels()
    manager.shutdown_kernel()
    assert _alone(file) == ["db"]
    assert not file.with_name("s.db-wal").exists()


def test_a_kernel_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    """What a killed process had committed is there for the next one, log or file."""
    file = tmp_path / "s.db"
    subprocess.run([sys.executable, "-c", f"{_MAKE}os.kill(os.getpid(), signal.SIGKILL)", str(file)], check=False)
    with cl.Session(file) as session:
        assert session.find("db").status == "available"


def test_an_open_store_is_folded_in_while_nothing_is_written(tmp_path: Path) -> None:
    """While a session stays open its file comes to have every row by itself, and nothing is read again for that."""
    file = tmp_path / "s.db"
    with cl.Session(file) as session:
        sim = session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
        for name in ("a", "b"):
            sim.create_volume(1, name)
            session.change_tracker.sync()
            tick = session.change_tracker.tick
            while _alone(file)[-1:] != [name]:
                time.sleep(0.05)
            session.change_tracker.sync()
            assert session.change_tracker.tick == tick


def test_a_store_that_is_never_idle_is_folded_in_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that writes without a break has its rows in the file after a while all the same."""
    monkeypatch.setattr(sqlite_file, "IDLE", 0.1)
    monkeypatch.setattr(sqlite_file, "AT_MOST", 0.3)
    file = tmp_path / "s.db"
    with cl.Session(file) as session:
        cl.KeyValue.set("n", "0", session=session)
        session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim")).create_volume(1, "db")
        count = 0
        while not _alone(file):
            cl.KeyValue.set("n", str(count := count + 1), session=session)


def test_the_log_does_not_grow_without_end(tmp_path: Path) -> None:
    """A log that was folded in is written from its beginning again."""
    file = tmp_path / "s.db"
    store = Store(str(file))
    sizes = []
    for _ in range(3):
        with store.writing() as connection:
            connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS filling (text TEXT)")
            connection.exec_driver_sql("INSERT INTO filling VALUES (zeroblob(200000))")
        assert store._log is not None
        store._log.checkpoint()
        sizes.append(file.with_name("s.db-wal").stat().st_size)
    store.close()
    assert sizes[2] == sizes[1]


@pytest.mark.parametrize("there", ["empty", "missing"])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_log_whose_file_was_taken_is_not_removed(tmp_path: Path, there: str, *, read_only: bool) -> None:
    """A store whose file is empty or gone, and whose log still has rows, is refused; with the file back everything is there."""
    file, away = tmp_path / "s.db", tmp_path / "away.db"
    subprocess.run([sys.executable, "-c", f"{_MAKE}os.kill(os.getpid(), signal.SIGKILL)", str(file)], check=False)
    file.rename(away)
    if there == "empty":
        file.touch()
    with pytest.raises(errors.StoreUnusable, match=r"s\.db-wal beside it holds changes"):
        cl.Session(file, read_only=read_only)
    away.replace(file)
    with cl.Session(file) as session:
        assert session.find("db").status == "available"


def _filled(file: Path, *names: str) -> None:
    with cl.Session(file) as session:
        sim = session.backend("sim", volume_driver="sim", path=str(file.with_name("sim")))
        for name in names:
            sim.create_volume(1, name)


@pytest.mark.parametrize("read_only", [False, True])
def test_an_older_copy_beside_a_log_that_is_not_its_own_is_refused(tmp_path: Path, *, read_only: bool) -> None:
    """A file that was restored beside the log of the one before is refused, and opens once the log is out of the way."""
    file, copy = tmp_path / "s.db", tmp_path / "copy.db"
    _filled(file, "a")
    shutil.copy(file, copy)
    _filled(file, "b")
    subprocess.run([sys.executable, "-c", f"{_MAKE}os.kill(os.getpid(), signal.SIGKILL)", str(file)], check=False)
    shutil.copy(copy, file)
    with pytest.raises(errors.StoreUnusable, match=r"older than s\.db-wal beside it"):
        cl.Session(file, read_only=read_only)
    for end in ("wal", "shm"):
        file.with_name(f"s.db-{end}").unlink()
    with pytest.warns(errors.StoreReplaced, match="older copy"), cl.Session(file) as session:
        assert cl.frames.volumes(session)["name"].tolist() == ["a"]


@pytest.mark.parametrize("read_only", [False, True])
def test_an_older_copy_is_reported(tmp_path: Path, *, read_only: bool) -> None:
    """A store that has fewer changes than it had is opened with a warning that says how many."""
    file, copy = tmp_path / "s.db", tmp_path / "copy.db"
    _filled(file, "a")
    shutil.copy(file, copy)
    _filled(file, "b")
    copy.replace(file)
    with pytest.warns(errors.StoreReplaced, match=r"older copy: it has \d+ of the \d+ changes"):
        cl.Session(file, read_only=read_only).close()


@pytest.mark.parametrize("new", ["missing", "empty", "another"])
def test_a_new_file_in_the_place_of_a_store_is_reported(tmp_path: Path, new: str) -> None:
    """A new, empty or other store where one with rows was is opened with a warning, until it is worked with."""
    file = tmp_path / "s.db"
    _filled(file, "a")
    if new == "missing":
        file.unlink()
    elif new == "empty":
        file.write_bytes(b"")
    else:
        _filled(tmp_path / "other.db", "x")
        (tmp_path / "other.db").replace(file)
    words = "is another one" if new == "another" else "is new and empty"
    for _ in range(2):
        with pytest.warns(errors.StoreReplaced, match=words):
            cl.Session(file).close()
    with pytest.warns(errors.StoreReplaced):
        _filled(file, "b")
    cl.Session(file).close()


def test_a_store_that_is_what_it_was_is_opened_without_a_word(tmp_path: Path) -> None:
    """A store that was closed, moved to another path, or worked on by others meanwhile is opened without a warning."""
    file, moved = tmp_path / "s.db", tmp_path / "moved.db"
    _filled(file, "a")
    _filled(file, "b")
    file.rename(moved)
    _filled(moved, "c")
    moved.rename(file)
    _filled(file, "d")
    assert _alone(file) == list("abcd")


def test_a_data_folder_that_cannot_be_written_hinders_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be remembered, stores work as ever."""
    (tmp_path / "data").write_text("a file")
    monkeypatch.setenv("CL_NOTEBOOK_DATA", str(tmp_path / "data"))
    store = Store(str(tmp_path / "s.db"))
    with store.writing() as connection:
        connection.exec_driver_sql("INSERT INTO key_value VALUES ('k', 'v')")
    store.close()
    Store(str(tmp_path / "s.db")).close()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"path": 1}'])
def test_what_is_remembered_and_damaged_hinders_nobody(tmp_path: Path, content: str) -> None:
    """A file in the data folder that cannot be read is taken for none, and is written anew."""
    file = tmp_path / "s.db"
    _filled(file, "a")
    (marker,) = (settings.data_dir() / "stores").iterdir()
    marker.write_text(content)
    _filled(file, "b")
    assert '"head":' in marker.read_text()
    assert marker.stat().st_mode & 0o777 == 0o600


def test_a_file_that_was_replaced_is_reported_to_readers(tmp_path: Path) -> None:
    """While a session is open, reading, too, is refused once another file stands in its store's place."""
    file = tmp_path / "s.db"
    with cl.Session(file) as session:
        file.rename(tmp_path / "away.db")
        with pytest.raises(errors.StoreUnusable, match="is not there any more"):
            cl.frames.volumes(session)
        Store(str(tmp_path / "new.db")).close()
        (tmp_path / "new.db").replace(file)
        with pytest.raises(errors.StoreUnusable, match="was replaced by another file"):
            cl.frames.volumes(session)
        file.unlink()
        (tmp_path / "away.db").rename(file)
        assert cl.frames.volumes(session).empty


def test_a_fork_works_with_connections_of_its_own(any_store_url: str, tmp_path: Path) -> None:
    """A forked child works on the session that it inherited while its parent does, and neither harms the other."""
    with cl.Session(any_store_url) as session:
        sim = session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
        sim.create_volume(1, "before")
        child = os.fork()
        if not child:
            try:
                for number in range(5):
                    sim.create_volume(1, f"child {number}")
            except BaseException:  # noqa: BLE001 - a child of pytest must not go on
                os._exit(1)
            os._exit(0)
        for number in range(5):
            sim.create_volume(1, f"parent {number}")
        assert os.waitpid(child, 0)[1] == 0
        sim.refresh()
        assert len(sim.volumes) == 11
        assert set(cl.frames.operations(session)["status"]) == {"done"}
    with cl.Session(any_store_url) as session:
        assert len(cl.frames.volumes(session)) == 11
        if session.store.url.get_backend_name() == "sqlite":
            with session.store.reading() as connection:
                assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
