"""``cl.backup``: a store in use is copied into one whole file, and nothing is overwritten."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Server


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_backup_is_a_store(sim: cl.Backend, tmp_path: Path) -> None:
    """A backup of a store that is open, a file or memory, is one file of its owner's, and opens as a store with every row."""
    volume = sim.create_volume(1, "db", metadata={"a": "1"})
    before = _names(tmp_path)
    old = os.umask(0)
    try:
        made = cl.backup(tmp_path / "backup.db")
    finally:
        os.umask(old)
    assert made == tmp_path / "backup.db"
    assert {name for name in _names(tmp_path) - before if not name.startswith("store.db-")} == {"backup.db"}
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    sim.create_volume(1, "later")
    for read_only in (True, False):
        with cl.Session(made, read_only=read_only) as session:
            found = session.find("db")
            assert (found.id, found.metadata) == (volume.id, {"a": "1"})
            assert cl.frames.volumes(session)["name"].tolist() == ["db"]
    assert {name for name in _names(tmp_path) if name.startswith("backup")} == {"backup.db"}


def test_a_backup_is_of_one_moment(tmp_path: Path) -> None:
    """What others commit while a store is copied is in the copy as a whole or not at all."""
    with cl.Session(tmp_path / "s.db") as session:
        cl.KeyValue.set("n", "0", session=session)
        over = threading.Event()

        def write() -> None:
            store = Store(str(tmp_path / "s.db"))
            number = 0
            while not over.is_set():
                number += 1
                with store.writing() as connection:
                    connection.exec_driver_sql("INSERT INTO key_value VALUES (?, hex(randomblob(20000)))", (f"a {number}",))
                    connection.exec_driver_sql("INSERT INTO key_value VALUES (?, hex(randomblob(20000)))", (f"b {number}",))
            store.close()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            copies = [session.backup(tmp_path / f"{number}.db") for number in range(5)]
        finally:
            over.set()
            writer.join()
    for copy in copies:
        with cl.Session(copy, read_only=True) as session, session.store.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            halves = connection.exec_driver_sql("SELECT count(*) FROM key_value WHERE key LIKE 'a %'").scalar()
            assert connection.exec_driver_sql("SELECT count(*) FROM key_value").scalar() == 2 * (halves or 0) + 1


def _file(path: Path) -> Path:
    path.write_text("mine")
    return path


def _link(path: Path) -> Path:
    path.symlink_to("/nowhere")
    return path


@pytest.mark.parametrize("there", [_file, _link, lambda path: path.mkdir() or path], ids=["a file", "a link", "a folder"])
@pytest.mark.parametrize("store_url", ["memory"], indirect=True)
def test_a_backup_overwrites_nothing(session: cl.Session, tmp_path: Path, there: Callable[[Path], Path]) -> None:
    """What stands under the name already is AlreadyExists, and is as it was."""
    taken = there(tmp_path / "taken")
    before = os.lstat(taken)
    with pytest.raises(errors.AlreadyExists, match="overwrites nothing"):
        session.backup(taken)
    assert os.lstat(taken) == before
    assert _names(tmp_path) == {"taken"}


def test_a_store_is_not_backed_up_over_itself(tmp_path: Path) -> None:
    """The store's own file is AlreadyExists."""
    with cl.Session(tmp_path / "s.db") as session, pytest.raises(errors.AlreadyExists):
        session.backup(tmp_path / "s.db")


@pytest.mark.parametrize("path", ["", " ", 5, None, "a\0b", "sqlite:///x.db", "/nowhere/x.db"])
@pytest.mark.parametrize("store_url", ["memory"], indirect=True)
def test_what_is_no_file_is_refused(session: cl.Session, path: object) -> None:
    """What names no file in a folder that is there is InvalidInput, in one line."""
    with pytest.raises(errors.InvalidInput) as caught:
        session.backup(path)  # type: ignore[arg-type] # that is the test
    assert "\n" not in str(caught.value)


def test_names_are_of_the_working_and_the_home_folder(
    session: cl.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative name is one in the working folder, whatever word it is; ``~`` is the home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("plain.db", "memory", "~/home.db"):
        assert session.backup(name) == tmp_path / Path(name).name


def test_a_backup_that_finds_no_room_leaves_nothing(full_disk: Path, tmp_path: Path) -> None:
    """A backup onto a file system that is full is one line that says so, and leaves nothing behind."""
    with cl.Session(tmp_path / "s.db") as session:
        with session.store.writing() as connection:
            connection.exec_driver_sql("INSERT INTO key_value VALUES ('k', hex(zeroblob(16000000)))")
        with pytest.raises(errors.StoreUnusable, match="cannot be written"):
            session.backup(full_disk / "copy.db")
        assert _names(full_disk) == set()


def test_a_read_only_session_may_back_up(tmp_path: Path) -> None:
    """A session that may only look copies its store."""
    Store(str(tmp_path / "s.db")).close()
    with cl.Session(tmp_path / "s.db", read_only=True) as session:
        session.backup(tmp_path / "copy.db")
    with cl.Session(tmp_path / "copy.db") as session:
        assert cl.frames.volumes(session).empty


@pytest.mark.parametrize(("kind", "tool"), [("postgresql", "pg_dump"), ("mariadb", "mariadb-dump")])
def test_a_server_has_a_tool_of_its_own(kind: str, tool: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A store on a server is refused in one line that names the server's tool, and shows no password."""
    server: Server = request.getfixturevalue(kind)
    with cl.Session(server.new_url()) as session:
        with pytest.raises(errors.Refused, match=tool) as caught:
            session.backup(tmp_path / "copy.db")
        assert "p@ss" not in str(caught.value)
        assert _names(tmp_path) == set()
