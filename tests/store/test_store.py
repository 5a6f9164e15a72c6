"""Stores: how they are opened, what they refuse, and what they keep private."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import cl_notebook as cl
from cl_notebook import errors, settings
from cl_notebook.store import Store, engine, schema, search, url
from cl_notebook.store.errors import shown_url, store_errors
from cl_notebook.store.types import reg


def test_the_default_store_is_private(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The default store's file has mode 0600 and its folder 0700, whatever the umask is."""
    monkeypatch.setenv("CL_NOTEBOOK_DATA", str(tmp_path / "data"))
    before = os.umask(0)
    try:
        Store(settings.default_store()).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "data" / "store.db").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_sqlite_is_in_wal_mode_and_durable(tmp_path: Path) -> None:
    """A SQLite store uses a write-ahead log, and a commit is on disk when it returns."""
    store = Store(str(tmp_path / "s.db"))
    with store.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    store.close()


def test_a_store_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A file of something else is named as such, and is left as it was."""
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, and they are longer than a header of SQLite would be" * 20)
    before = path.read_bytes()
    with pytest.raises(errors.StoreUnusable, match="is not a database") as caught:
        Store(str(path))
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


def test_a_store_out_of_reach_says_what_to_check() -> None:
    """A server that does not answer, and a file on NFS whose log fails, are StoreUnusable, and the line says what to look at."""
    with pytest.raises(errors.StoreUnusable, match=r"lab:\*\*\*@.* refused.*\. Check that the server is running"):
        Store("mariadb://lab:hush@127.0.0.1:1/lab")
    failed = sa.exc.OperationalError("SELECT 1", None, sqlite3.OperationalError("disk I/O error"))
    with pytest.raises(errors.StoreUnusable, match="does not work on NFS"), store_errors(sa.make_url("sqlite:///lab.db")):
        raise failed


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    """A SQLite file with tables that are not ours is left alone."""
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE bookmarks (id INTEGER)")
    other.close()
    with pytest.raises(errors.StoreUnusable, match=r"not cl_notebook's.*bookmarks"):
        Store(str(path))
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]
    other.close()


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    """A schema version that this program does not know is an error that says to upgrade, and changes nothing."""
    path = tmp_path / "s.db"
    Store(str(path)).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(errors.StoreTooNew, match="newer cl_notebook"):
        Store(str(path))


def test_a_locked_store_is_named_after_the_time_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process holds the store for too long, a write is refused in one line and can be repeated."""
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.2)
    path = tmp_path / "s.db"
    store = Store(str(path))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(errors.StoreLocked, match="locked by another process"), store.writing():
        pass
    other.execute("ROLLBACK")
    other.close()
    with store.writing() as connection:
        connection.execute(sa.text("UPDATE feed SET head = head"))
    store.close()


@pytest.mark.parametrize("what", ["folder", "root", "no_folder"])
def test_a_store_that_cannot_be_made_says_why(tmp_path: Path, what: str) -> None:
    """A folder in place of the file, the root of all folders too, and a missing folder are each answered with one clear line."""
    path = {"folder": tmp_path, "root": Path("/"), "no_folder": tmp_path / "missing" / "s.db"}[what]
    with pytest.raises(errors.StoreUnusable, match=r"is a folder|cannot be opened"):
        Store(str(path))


def test_a_read_only_store_is_named() -> None:
    """A store that its user may only read is refused with one line that names the cure."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.db"
        Store(str(path)).close()
        path.chmod(0o444)
        path.parent.chmod(0o755)
        code = f"""
import os
from cl_notebook import errors
from cl_notebook.store import Store
Store({str(path.with_name("first.db"))!r}).close()
if os.getuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
try:
    Store({str(path)!r})
except errors.StoreUnusable as error:
    print(error)
"""
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "cannot be opened for writing: Permission denied" in said
    assert said.count("\n") == 1


def test_the_password_of_a_url_is_never_shown() -> None:
    """A store's repr and errors have the password masked."""
    secret = "hunter2"  # noqa: S105 - that is what must not be seen
    for wrong in (f"sqlite:///x.db?password={secret}", f"nosuch://me:{secret}@host/db", f"sqlite://me:{secret}@host/x.db"):
        with pytest.raises(errors.InvalidInput) as caught:
            url.parse_url(wrong)
        assert secret not in str(caught.value)
    for right in (f"postgresql://me:{secret}@host/db", f"postgresql://host/db?password={secret}"):
        assert secret not in shown_url(url.parse_url(right))


def test_both_ways_to_the_schema_agree(tmp_path: Path) -> None:
    """A store made at once and one that went through every revision have the same schema."""
    store = Store(str(tmp_path / "at_once.db"))
    store.close()
    upgraded = sa.create_engine(f"sqlite:///{tmp_path / 'upgraded.db'}")
    config = schema._config()
    with upgraded.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    with upgraded.connect() as connection:
        options = {"include_object": lambda _object, name, *_: name not in search.INDEXES}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), reg.metadata) == []
        assert connection.execute(sa.text("SELECT head FROM feed")).scalar() == 0
    upgraded.dispose()

    def tables(name: str) -> set[tuple[str, ...]]:
        raw = sqlite3.connect(tmp_path / name)
        listed = {
            (table, *map(str, column[1:4]), str(column[5]))
            for (table,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for column in raw.execute(f"PRAGMA table_info({table})")
        }
        indexes = {(index,) for (index,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
        raw.close()
        return listed | indexes

    assert tables("at_once.db") == tables("upgraded.db")


def test_the_newest_revision_is_the_one_the_program_names() -> None:
    """``schema.HEAD`` is Alembic's head."""
    assert ScriptDirectory.from_config(schema._config()).get_current_head() == schema.HEAD


@pytest.mark.lane("slow")
def test_two_processes_making_one_store_make_it_once(tmp_path: Path) -> None:
    """Kernels that start at the same moment on a new store all open it."""
    code = f"from cl_notebook.store import Store; Store({str(tmp_path / 's.db')!r}).close()"
    started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    assert [process.wait() for process in started] == [0, 0, 0, 0]
    store = Store(str(tmp_path / "s.db"))
    assert store.head() == 0
    store.close()


OLD_ROWS = """
INSERT INTO backend VALUES ('b', 'sim', 'sim', '{}', '2026-01-01', NULL, 1);
INSERT INTO volume (id, name, description, size, status, attach_status, backend_id, host, name_in_storage, bootable, metadata,
                    extra_specs, qos_specs, created_at, version)
VALUES ('v', 'db', '', 1, 'available', 'detached', 'b', 'h@sim', 'volume-v', 0, '{}', '{}', '{}', '2026-01-01', 1);
"""


def test_a_store_of_the_first_schema_is_upgraded(tmp_path: Path) -> None:
    """A store that the first schema made is brought up to date when it is opened, with every row that it has."""
    file = tmp_path / "old.db"
    old = sa.create_engine(f"sqlite:///{file}")
    config = schema._config()
    with old.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    old.dispose()
    raw = sqlite3.connect(file)
    raw.executescript(OLD_ROWS)
    raw.close()
    with cl.Session(store=file) as session:
        volume = session.find("db")
        assert (volume.size, volume.driver_data) == (1, None)
        assert volume.as_data().driver_data == {}
    raw = sqlite3.connect(file)
    assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [(schema.HEAD,)]
    raw.close()
