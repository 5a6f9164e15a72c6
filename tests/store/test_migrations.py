"""Stores of earlier revisions: upgraded with everything in them, once, and none is lost if that is interrupted."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import pool

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.store import Store, changefeed, schema, search
from cl_notebook.store.engine import new_engine
from cl_notebook.store.types import reg
from cl_notebook.store.url import parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REVISIONS = sorted(Path(__file__).with_name("revisions").glob("*.sql"))
OLDEST = REVISIONS[0]
NAMES = {"ledger \u4e2d\u6587 \U0001f4be", "copy", 'it\'s 100% \\ a "clone"'}

SHORT_OR_FOLDED = """
SELECT table_name, column_name, data_type, collation_name FROM information_schema.columns
WHERE table_schema = database() AND table_name <> 'alembic_version'
AND (data_type = 'text' OR collation_name <> 'utf8mb4_nopad_bin' AND data_type <> 'longtext')
"""

Rows = dict[str, list[dict[str, Any]]]

# Opens a store as often as it is asked to, each time in a process of its own, which is given a number: it kills itself before the
# statement of that number that changes something, or says how many there were.
OPENING = """
import os, signal, sys
import alembic.command, alembic.script, sqlalchemy as sa
from cl_notebook.store import Store, schema
schema.known_revisions()
url, sent, last = sys.argv[1], 0, 0
@sa.event.listens_for(sa.Engine, "before_cursor_execute")
def _count(_connection, _cursor, statement, *_):
    global sent
    sent += statement.split()[0] not in {"SELECT", "PRAGMA", "SHOW"}
    if sent == last:
        os.kill(os.getpid(), signal.SIGKILL)
@sa.event.listens_for(sa.Engine, "commit")
def _commit(_):
    _count(None, None, "COMMIT")
for last in map(int, sys.stdin):
    child = os.fork()
    if not child:
        try:
            Store(url).close()
            print(sent, end=" ", flush=True)
        except BaseException as error:
            print(repr(error).replace("\\n", " "), end=" ", flush=True)
            os._exit(1)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(params=REVISIONS, ids=[each.stem for each in REVISIONS])
def revision(request: pytest.FixtureRequest) -> Path:
    """Return the text of a store of each revision."""
    text: Path = request.param
    return text


def _restore(text: Path, url: str, folder: Path) -> Rows:
    """Make the store at *url* what *text* says, on a server by the revisions and the rows; return these."""
    file = folder / "of-old.db" if "sqlite" not in url else Path(str(parse_url(url).database))
    with closing(sqlite3.connect(file)) as raw:
        raw.executescript(text.read_text().replace("/var/lib/lab", str(folder)))
    with _connected(f"sqlite:///{file}") as old:
        inspector = sa.inspect(old)
        tables = [table for table in reg.metadata.sorted_tables if inspector.has_table(table.name)]
        columns = {table: [table.c[each["name"]] for each in inspector.get_columns(table.name)] for table in tables}
        kept = {table.name: _rows(old, columns[table]) for table in tables}
    if "sqlite" in url:
        return kept
    with _connected(url) as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, text.stem)
        connection.execute(sa.delete(changefeed.FEED))
        for table in [each for each in tables if kept[each.name]]:
            connection.execute(
                sa.insert(sa.table(table.name, *(sa.column(c.name, c.type) for c in columns[table]))), kept[table.name]
            )
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT setval('operation_id_seq', (SELECT max(id) FROM operation))")
    return kept


@contextmanager
def _connected(url: str) -> Iterator[sa.Connection]:
    engine = new_engine(parse_url(url), poolclass=pool.NullPool)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def _rows(connection: sa.Connection, columns: list[sa.Column[Any]]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(sa.select(*columns).order_by(*columns[0].table.primary_key)).mappings()]


def _kept(url: str, before: Rows) -> Rows:
    """Return what a store has in the columns of the rows *before*."""
    with _connected(url) as connection:
        tables = reg.metadata.tables
        return {
            name: _rows(connection, [tables[name].c[column] for column in rows[0]]) if rows else []
            for name, rows in before.items()
        }


def _differences(url: str) -> list[Any]:
    """Return in what the schema of a store is not the newest."""
    options = {"compare_type": False, "include_object": lambda _object, name, *_: name not in search.INDEXES}
    with _connected(url) as connection:
        found = list(compare_metadata(MigrationContext.configure(connection, opts=options), reg.metadata))
        if connection.dialect.name == "mariadb":
            found += connection.exec_driver_sql(SHORT_OR_FOLDED).all()
    return found


def _version(url: str) -> str:
    with _connected(url) as connection:
        return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())


@pytest.fixture
def opening() -> Iterator[Callable[[str], Callable[[int], tuple[int, str]]]]:
    """Give a function that leads from a URL to one that opens the store in a process that is killed before a statement."""
    with ExitStack() as ending:
        yield lambda url: ending.enter_context(_opening(url))


@contextmanager
def _opening(url: str) -> Iterator[Callable[[int], tuple[int, str]]]:
    """Give a function that opens the store in a process that is killed before a statement, and tells how that ended."""
    command_line = [sys.executable, "-c", OPENING, url]
    with subprocess.Popen(command_line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as zygote:
        assert zygote.stdin is not None
        assert zygote.stdout is not None
        requests, replies = zygote.stdin, zygote.stdout

        def opened(last: int) -> tuple[int, str]:
            print(last, file=requests, flush=True)
            text, _, code = replies.readline().strip().rpartition(" ")
            return int(code), text

        yield opened


def test_every_revision_has_a_store_that_is_kept() -> None:
    """There is a store of each revision before the newest."""
    assert {each.stem for each in REVISIONS} == schema.known_revisions() - {schema.HEAD}


def test_an_old_store_is_upgraded_with_everything_in_it(revision: Path, any_store_url: str, tmp_path: Path) -> None:
    """A store of each revision is brought up to date when it is opened: every row is there, and its objects are used."""
    before = _restore(revision, any_store_url, tmp_path)
    with cl.setup(any_store_url) as session:
        assert _version(any_store_url) == schema.HEAD
        assert _kept(any_store_url, before) == before
        lab = session.find("lab")
        assert {volume.name for volume in lab.volumes} == NAMES
        ledger = session.find("of all", all=True) or session.find("ledger")
        assert [each.name for each in ledger.snapshots if each.status == "available"] == ["before the flood"]
        assert [each.connector_info["host"] for each in ledger.connections] == ["node1"]
        assert "failed" in set(cl.frames.operations()["status"])
        assert [pair.value for pair in cl.KeyValue.all()] == (["b7 \u00e9"] if before.get("key_value") else [])
        ledger.description = "of everything"
        ledger.save()
        cl.KeyValue.set("new", "pair")
        lab.create_volume(1, "made later").create_snapshot("of it")
        ledger.connections[0].disconnect(force=True)
        session.find("copy").delete()
        assert session.store.head() > max(row["number"] for row in before["entry"])


def test_kernels_that_open_an_old_store_upgrade_it_once(any_store_url: str, tmp_path: Path) -> None:
    """Processes that open a store of the first revision at the same time all find it upgraded, and nothing in it twice."""
    before = _restore(OLDEST, any_store_url, tmp_path)
    code = "import sys; from cl_notebook.store import Store; sys.stdin.read(); Store(sys.argv[1]).close()"
    children = [
        subprocess.Popen([sys.executable, "-c", code, any_store_url], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.close()
        child.stdin = None
    assert [child.communicate()[1] for child in children] == [""] * len(children)
    assert (_version(any_store_url), _kept(any_store_url, before)) == (schema.HEAD, before)


def test_a_newer_store_is_refused_in_one_line(any_store_url: str) -> None:
    """A store of a revision that is not known yet is refused, and is left as it is."""
    Store(any_store_url).close()
    with _connected(any_store_url) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for read_only in (False, True):
        with pytest.raises(errors.StoreTooNew, match="newer cl_notebook") as caught:
            Store(any_store_url, read_only=read_only)
        assert "\n" not in str(caught.value)
    assert _version(any_store_url) == "9999"


@pytest.mark.lane("slow")
def test_an_upgrade_that_is_killed_at_any_statement_loses_nothing(
    any_store_url: str, tmp_path: Path, opening: Callable[[str], Callable[[int], tuple[int, str]]]
) -> None:
    """However far a killed upgrade came, every row is there, the version is still right, and the next kernel finishes it."""
    before = _restore(OLDEST, any_store_url, tmp_path)
    number, killed, said = 0, 0, ""
    opened = opening(any_store_url)
    while not said:
        number += 1
        code, said = opened(number)
        assert code == (0 if said else -9), said
        killed += not said
        assert _version(any_store_url) in schema.known_revisions()
        assert _kept(any_store_url, before) == before
        if "sqlite" in any_store_url and not said:
            copy = tmp_path / "copy.db"
            for file in tmp_path.glob("shared.db*"):
                shutil.copy(file, tmp_path / file.name.replace("shared", "copy"))
            Store(str(copy)).close()
            assert _version(f"sqlite:///{copy}") == schema.HEAD
            copy.unlink()
    assert killed > 5
    assert _version(any_store_url) == schema.HEAD
    assert _differences(any_store_url) == []


@pytest.mark.parametrize("made", ["new", "upgraded"])
def test_indexes_of_what_is_often_empty_leave_that_out(any_store_url: str, tmp_path: Path, made: str) -> None:
    """In a new store and in an upgraded one, the same indexes have rows with a value alone, where the database can do that."""
    if made == "upgraded":
        _restore(OLDEST, any_store_url, tmp_path)
    Store(any_store_url).close()
    with _connected(any_store_url) as connection:
        inspector, option = sa.inspect(connection), f"{connection.dialect.name}_where"
        found = {
            str(index["name"]): str(index["dialect_options"][option])
            for table in reg.metadata.tables
            for index in inspector.get_indexes(table)
            if option in index.get("dialect_options", {})
        }
    if "mysql" in any_store_url or "mariadb" in any_store_url:
        assert found == {}
        return
    assert len(found) > 5
    assert all(f"{where.strip('()').split()[0]}_" in f"{name}_" for name, where in found.items())
    assert {where.strip("()").partition(" ")[2] for where in found.values()} == {"IS NOT NULL"}
    assert {name for name in found if name.startswith("ix_volume_")} >= {"ix_volume_pool_name_created_at_id"}


def test_a_store_whose_making_is_killed_is_made_by_the_next(
    any_store_url: str, opening: Callable[[str], Callable[[int], tuple[int, str]]]
) -> None:
    """However far a kernel came that was killed while it made a store, the next one makes it."""
    number, said = 0, ""
    opened = opening(any_store_url)
    while not said:
        number += 4
        code, said = opened(number)
        assert code == (0 if said else -9), said
    with cl.Session(any_store_url) as session:
        assert session.store.head() == 0
    assert _differences(any_store_url) == []
