"""How a database goes about what is asked of a large store: by its indexes, whatever is looked for."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook.frames import api
from cl_notebook.store import changefeed
from cl_notebook.store.types import reg
from tests.benchmarks.big_stores import fill_big

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cl_notebook.store import Store
    from tests.servers import Server

LARGE = r"(volume|snapshot|connection|operation|entry)\b"
OUT_OF_ORDER = rf"SCAN (?!operation){LARGE}(?!.* USING .*INDEX)|Seq Scan on {LARGE}"
"""SQLite reads operations by number without an index: that is the order in which it keeps them."""

PAGES: list[tuple[str, dict[str, object]]] = [
    ("volumes", {}),
    ("volumes", {"sort": "size:desc"}),
    ("volumes", {"sort": "name"}),
    ("volumes", {"status": "error"}),
    ("volumes", {"status": "error", "sort": "size:desc"}),
    ("volumes", {"status": "maintenance", "sort": "size:desc"}),
    ("volumes", {"status": "!error", "sort": "size:desc"}),
    ("volumes", {"status": "error,in-use", "sort": "size:desc"}),
    ("volumes", {"status": "in-use", "sort": "name"}),
    ("volumes", {"backend": "lvm-rack-a", "sort": "size:desc"}),
    ("volumes", {"backend": "alt", "status": "error", "sort": "size:desc"}),
    ("volumes", {"backend": "pure*", "sort": "size:desc"}),
    ("volumes", {"backend": "nonesuch"}),
    ("volumes", {"name": "vol-301"}),
    ("volumes", {"name": "db-prod-eu-west-1-customer-10*"}),
    ("volumes", {"name": "zz*", "sort": "size:desc"}),
    ("volumes", {"name": "kubernetes*"}),
    ("volumes", {"size": ">9900"}),
    ("volumes", {"size": ">100000", "sort": "name"}),
    ("volumes", {"size": ">10", "sort": "name"}),
    ("snapshots", {}),
    ("snapshots", {"status": "error"}),
    ("snapshots", {"backend": "alt"}),
    ("connections", {}),
    ("connections", {"status": "error_attaching"}),
    ("operations", {"sort": "id:desc"}),
    ("operations", {"sort": "id:desc", "status": "running"}),
]
"""What is asked of a list, a page at a time."""

BY_OTHERS: list[tuple[str, dict[str, object]]] = [
    ("volumes", {"sort": "status"}),
    ("volumes", {"sort": "status:desc", "backend": "alt"}),
    ("volumes", {"sort": "backend"}),
    ("volumes", {"sort": "backend:desc"}),
    ("volumes", {"sort": "attach_status:desc"}),
    ("volumes", {"sort": "host"}),
    ("volumes", {"sort": "pool_name"}),
    ("volumes", {"sort": "pool_name:desc"}),
    ("volumes", {"sort": "pool_name", "status": "error"}),
    ("volumes", {"sort": "availability_zone"}),
    ("volumes", {"sort": "bootable:desc"}),
    ("volumes", {"sort": "updated_at:desc"}),
    ("volumes", {"sort": "provider_id"}),
    ("volumes", {"sort": "snapshot_id"}),
    ("volumes", {"sort": "source_volid:desc"}),
    ("volumes", {"host": "nonesuch"}),
    ("volumes", {"attach_status": "!attached", "sort": "host"}),
    ("volumes", {"status": "deleting*"}),
    ("volumes", {"pool_name": "nonesuch"}),
    ("volumes", {"updated_at": ">2190-01-01"}),
    ("snapshots", {"sort": "status"}),
    ("snapshots", {"sort": "volume_size:desc"}),
    ("snapshots", {"sort": "volume_id"}),
    ("snapshots", {"sort": "updated_at"}),
    ("snapshots", {"sort": "backend"}),
    ("connections", {"sort": "status:desc"}),
    ("connections", {"sort": "protocol"}),
    ("connections", {"sort": "attached_host"}),
    ("connections", {"sort": "updated_at:desc"}),
    ("connections", {"sort": "backend:desc"}),
    ("connections", {"status": "error*"}),
]
"""Pages that are read in parts, or after a look-up of the values that fit."""

MARKED: list[dict[str, object]] = [
    {},
    {"status": "available", "sort": "size:desc"},
    {"backend": "lvm-rack-a", "sort": "created_at:desc"},
]


class Plans:
    """The SELECTs that a store is sent, and what it makes of them."""

    def __init__(self, session: cl.Session, new_url: Callable[[], str] = str) -> None:
        """Look at the store of *session*; *new_url* gives the URL of another one on the same server."""
        self.session = session
        self.new_url = new_url
        self.sent: list[tuple[str, Any]] = []

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Keep what is sent within the block."""
        self.sent.clear()
        listening = (self.session.store.engine, "before_cursor_execute", self._note)
        sa.event.listen(*listening)
        yield
        sa.event.remove(*listening)

    def _note(self, _connection: object, _cursor: object, statement: str, parameters: Any, *_more: object) -> None:
        if statement.startswith("SELECT"):
            self.sent.append((statement, parameters))

    def lines(self) -> list[str]:
        """Return the lines of all plans."""
        explain = "EXPLAIN QUERY PLAN " if self.session.store.engine.dialect.name == "sqlite" else "EXPLAIN "
        with self.session.store.reading() as connection:
            return [str(row[-1]) for sent in self.sent for row in connection.exec_driver_sql(explain + sent[0], sent[1])]

    def without_index(self) -> list[str]:
        """Return the lines that read all of a large table, and those that sort other rows than were looked up by their ids."""
        lines = self.lines()
        scans = [line for line in lines if re.search(OUT_OF_ORDER, line)]
        looked_up = any(re.search(r"SEARCH \w+ USING INDEX sqlite_autoindex_\w+ \(id=\?\)", line) for line in lines)
        return scans + [line for line in lines if "TEMP B-TREE FOR ORDER BY" in line and not looked_up]


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plans]:
    """Give a SQLite store of 3,000 volumes."""
    with cl.Session(tmp_path_factory.mktemp("large") / "store.db") as session:
        fill_big(session.store, volumes=3_000)
        yield Plans(session)


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plans]:
    """Give the same with statistics, which SQLite has only if somebody asked for them."""
    with cl.Session(tmp_path_factory.mktemp("large") / "store.db") as session:
        fill_big(session.store, volumes=3_000)
        with session.store.writing() as connection:
            connection.exec_driver_sql("ANALYZE")
        session.store.engine.dispose()
        yield Plans(session)


@pytest.fixture(scope="module")
def server(_postgresql: Server) -> Iterator[Plans]:
    """Give a store of 20,000 volumes on PostgreSQL."""
    with cl.Session(_postgresql.new_url()) as session:
        fill_big(session.store, volumes=20_000)
        yield Plans(session, _postgresql.new_url)
    _postgresql.drop_databases()


@pytest.fixture(params=["sqlite", "analysed", "server"])
def plans(request: pytest.FixtureRequest) -> Plans:
    """Give the large store on each database."""
    found: Plans = request.getfixturevalue(request.param)
    return found


def _page(plans: Plans, kind: str, **asked: Any) -> Any:
    return api.read(kind, plans.session, columns=api.DEFAULT_COLUMNS[kind], limit=51, **asked)


@pytest.mark.parametrize(("kind", "asked"), PAGES, ids=str)
def test_a_page_is_read_by_an_index(plans: Plans, kind: str, asked: dict[str, object]) -> None:
    """A page of a list, sorted and filtered, reads no table as a whole, and sorts no more than the few rows that fit."""
    with plans.recorded():
        _page(plans, kind, **asked)
    assert plans.without_index() == []
    assert len(plans.sent) <= 3


@pytest.mark.parametrize(("kind", "asked"), BY_OTHERS, ids=str)
def test_a_page_by_another_column_is_read_by_indexes(plans: Plans, kind: str, asked: dict[str, object]) -> None:
    """A page by backend, by a column that is often empty, or of the values that fit a pattern reads no table as a whole."""
    with plans.recorded():
        _page(plans, kind, **asked)
    assert plans.without_index() == []


@pytest.mark.parametrize(
    "asked",
    [
        {"created_at": ">2024-01-01T01:00"},
        {"created_at": ">2024-01-01T01:00", "status": "available"},
        {"size": ">3", "sort": "size"},
        {"updated_at": ">2024-01-01T01:00", "sort": "updated_at"},
    ],
    ids=str,
)
def test_a_page_begins_where_its_range_does(sqlite: Plans, asked: dict[str, object]) -> None:
    """Of what is sorted by, no row is read that is before the least that is wanted."""
    with sqlite.recorded():
        _page(sqlite, "volumes", **asked)
    name = str(asked.get("sort", "created_at"))
    sqlite.sent = sqlite.sent[-1:]
    assert re.search(rf"SEARCH volume USING INDEX ix_volume_\w*{name}_id \(.*{name}>\?\)", "\n".join(sqlite.lines()))


@pytest.mark.parametrize("asked", MARKED, ids=str)
def test_the_next_page_begins_at_its_marker(plans: Plans, asked: dict[str, object]) -> None:
    """The rows before the marker are not read again."""
    last = _page(plans, "volumes", **asked).index[-1]
    with plans.recorded():
        _page(plans, "volumes", marker=last, **asked)
    assert plans.without_index() == []
    order = [line for line in plans.lines() if re.search(r"SEARCH volume|Index Cond.*ROW|Index Cond.*<|Index Cond.*>", line)]
    assert order


@pytest.mark.parametrize("text", ["3f2a91c0", "3f2a91c0-0000-4000-8000-000000000000", "daily"])
def test_a_search_is_one_by_an_index(plans: Plans, text: str) -> None:
    """An id, its beginning and a whole name are looked up."""
    with plans.recorded():
        plans.session.find(text, all=True)
    named = [(sql, values) for sql, values in plans.sent if "LIKE" not in sql]
    plans.sent = named
    assert plans.without_index() == []
    assert not [line for line in plans.lines() if re.match(rf"SCAN {LARGE}", line)]


def test_a_part_of_a_name_is_looked_for_in_an_index(plans: Plans) -> None:
    """No row is read whose name does not have the part: SQLite looks at the names in an index, PostgreSQL at trigrams."""
    name = _page(plans, "volumes", name="db-prod*")["name"].iloc[-1]
    with plans.recorded():
        assert plans.session.find(name[-15:].swapcase(), all=True)
    plans.sent = [(sql, values) for sql, values in plans.sent if "LIKE" in sql]
    assert len(plans.sent) == 3
    plans_of_large = [line for line in plans.lines() if re.search(LARGE, line)]
    assert all(re.search(r"COVERING INDEX|Bitmap|ix_\w+_name_trigrams|Index Cond|Recheck Cond", line) for line in plans_of_large)
    assert plans.without_index() == []


def test_a_short_part_is_not_looked_for_by_trigrams(server: Plans) -> None:
    """With fewer than three characters PostgreSQL looks through the names: its index would give it nearly all of them."""
    with server.recorded():
        server.session.find("zq", all=True)
    server.sent = [(sql, values) for sql, values in server.sent if "LIKE" in sql and "backend" not in sql]
    assert server.sent
    assert not [line for line in server.lines() if "trigrams" in line]


def test_what_changed_is_read_by_number(plans: Plans) -> None:
    """The feed, and a resource's row, are each a search by the primary key."""
    with plans.recorded(), plans.session.store.reading() as connection:
        entries = changefeed.since(connection, plans.session.store.head() - 60, 50)
    assert len(entries) == 50
    assert plans.without_index() == []
    assert not [line for line in plans.lines() if re.match(rf"SCAN {LARGE}", line)]
    volume_id = str(_page(plans, "volumes").index[8])
    with plans.recorded():
        plans.session.get(cl.Volume, volume_id)
    assert len(plans.sent) <= 3
    assert plans.without_index() == []


def test_what_fits_is_the_same_however_it_is_found(sqlite: Plans) -> None:
    """A page has the rows that the whole frame begins with, whether few fit or many."""
    for kind, asked in (*PAGES, *BY_OTHERS):
        page, whole = _page(sqlite, kind, **asked), getattr(api, kind)(sqlite.session, columns="status", **asked)
        assert page.index.tolist() == whole.index[:51].tolist()


def test_a_big_store_has_the_same_rows_on_both(sqlite: Plans, server: Plans) -> None:
    """As many volumes are the same rows, on SQLite and on PostgreSQL."""
    with cl.Session(server.new_url()) as other:
        fill_big(other.store, volumes=3_000)
        for name in ("backend", "kernel", "volume", "snapshot", "connection", "operation", "entry", "feed"):
            table = reg.metadata.tables[name]
            rows = [_rows(store, table) for store in (sqlite.session.store, other.store)]
            assert rows[0] == rows[1]


def _rows(store: Store, table: sa.Table) -> list[tuple[Any, ...]]:
    with store.reading() as connection:
        return [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key.columns))]
