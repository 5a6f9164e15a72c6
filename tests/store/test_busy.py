"""A SQLite file that others are at: the store waits for them, and says so in one line only when they hold it for long."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.store import Store, changefeed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ENTRY = changefeed.Entry("save", "volume", "x")

_STORM = """
import sys
from cl_notebook.store import Store, changefeed
for _ in range(25):
    store = Store(sys.argv[1])
    store.write(lambda connection: changefeed.append(connection, changefeed.Entry("save", "volume", "x")))
    store.head(), store.token()
    store.close()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the file of a new store."""
    path = tmp_path / "s.db"
    Store(str(path)).close()
    return path


@contextlib.contextmanager
def _held(file: Path, sql: str, seconds: float) -> Iterator[None]:
    """Let another process run *sql* on the file, and keep what it holds for so long."""
    code = (
        "import sqlite3, sys, time\n"
        "held = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "held.executescript(sys.argv[2]) if ';' in sys.argv[2] else held.execute(sys.argv[2]).fetchall()\n"
        "print('held', flush=True); time.sleep(float(sys.argv[3]))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, file, sql, str(seconds)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        yield
        other.kill()


def _append(store: Store) -> int:
    return store.write(lambda connection: changefeed.append(connection, _ENTRY))


@pytest.mark.lane("slow")
def test_eight_processes_that_open_write_and_close_are_never_refused(tmp_path: Path) -> None:
    """Whoever makes the schema, switches to the log or folds it in, the others wait for it, and every write counts."""
    path = tmp_path / "s.db"
    started = [subprocess.Popen([sys.executable, "-c", _STORM, path], stderr=subprocess.PIPE, text=True) for _ in range(8)]
    said = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0] * 8, "\n".join(said)
    store = Store(str(path))
    assert store.head() == 8 * 25
    store.close()


@pytest.mark.parametrize("sql", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_file_that_is_held_for_a_moment_is_waited_for(file: Path, sql: str) -> None:
    """A write begins when the other process is done."""
    store = Store(str(file))
    with _held(file, sql, 0.5):
        assert _append(store) == 1
    store.close()


@pytest.mark.parametrize("sql", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_file_that_is_held_for_long_is_reported_in_one_line(file: Path, sql: str) -> None:
    """After the time-out the store says that another process holds it, in one line, and it works once that one is gone."""
    store = Store(f"sqlite:///{file}?timeout=0.2")
    with _held(file, sql, 60), pytest.raises(errors.StoreLocked, match="is locked by another process") as caught:
        _append(store)
    assert "\n" not in str(caught.value)
    assert _append(store) == 1
    store.close()


def test_a_long_reader_holds_up_nobody(file: Path) -> None:
    """During a long read others write, open and close the store, and the reader keeps its snapshot."""
    store = Store(str(file))
    with store.reading() as connection:
        head = changefeed.head(connection)
        for _ in range(20):
            other = Store(str(file))
            _append(other)
            other.close()
        _append(store)
        assert changefeed.head(connection) == head
    assert store.head() == head + 21
    store.close()


def test_a_file_without_a_log_that_somebody_reads_is_waited_for(file: Path) -> None:
    """The switch to the write-ahead log, which needs the file for itself, waits for a reader, too."""
    with contextlib.closing(sqlite3.connect(file)) as raw:
        raw.execute("PRAGMA journal_mode=DELETE")
    with _held(file, "BEGIN; SELECT count(*) FROM feed", 1.0):
        store = Store(str(file))
        assert _append(store) == 1
    store.close()
    with contextlib.closing(sqlite3.connect(file)) as raw:
        raw.execute("PRAGMA journal_mode=DELETE")
    with (
        _held(file, "BEGIN; SELECT count(*) FROM feed", 60),
        pytest.raises(errors.StoreLocked, match="is locked by another process"),
    ):
        Store(f"sqlite:///{file}?timeout=0.2")


def test_what_a_server_breaks_off_for_another_is_done_again(any_store_url: str) -> None:
    """Of two transactions that wait for each other one is broken off, and repeated from its start; both are written."""
    store = Store(any_store_url)
    table = sa.table("key_value", sa.column("key"), sa.column("value"))
    both = [{"key": key, "value": ""} for key in ("a", "b")]
    store.write(lambda connection: connection.execute(sa.insert(table), both))
    meet = threading.Barrier(2)
    attempts: list[str] = []

    def cross(first: str, second: str) -> None:
        def work(connection: sa.Connection) -> None:
            attempts.append(first)
            for key in (first, second):
                update = sa.update(table).where(table.c.key == key)
                connection.execute(update.values(value=table.c.value + first))
                if (
                    len(attempts) <= 2 and key == first and connection.dialect.name != "sqlite"
                ):  # there one waits at its beginning
                    meet.wait()

        store.write(work)

    threads = [threading.Thread(target=cross, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as connection:
        values = connection.execute(sa.select(table.c.value)).scalars().all()
    assert [sorted(value) for value in values] == [["a", "b"], ["a", "b"]]
    assert len(attempts) == (2 if "sqlite" in any_store_url else 3)
    store.close()
