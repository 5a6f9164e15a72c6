"""The contract suite for databases of stores: subclass :class:`StoreContract` in a test module, and pytest runs it.

::

    from cl_notebook.testing.store_contract import StoreContract

    class TestMyDatabase(StoreContract):
        @pytest.fixture
        def store_url(self):
            return "postgresql://me@localhost/empty"

For a database that several sessions can share, subclass :class:`~cl_notebook.testing.shared_store_contract.SharedStoreContract`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import threading
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.frames import api
from cl_notebook.model import Volume, trash
from cl_notebook.store import changefeed
from cl_notebook.store.types import Json, UtcDateTime, reg
from cl_notebook.testing import stores
from cl_notebook.treemodel.rows import VirtualRows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NASTY = (
    "plain",
    "",
    " blanks around ",
    "Ünïcödé, \u4e2d\u6587, \u05e2\u05d1\u05e8\u05d9\u05ea",
    "\U0001f4be \U0001f469\u200d\U0001f52c",
    "e\u0301 and \u00e9",
    "'; DROP TABLE volume; --",
    '"quoted" `ticked` $1 :name %(name)s %s {} ?',
    "100% a_b c\\d \\' \\",
    "line\nline\r\n\ttab\x01\x7f",
)
"""Texts that some database or database driver might change, or interpret as syntax."""

ALIKE = ("db", "DB", "Db", "db ", " db", "d\u00e9b", "deb", "de\u0301b", "db\t", "d%", "d_", "d\\", "d\\\\", "d'", 'd"', "d;--")
"""Names that some database might treat as equal."""

INJECTIONS = ("'; DROP TABLE volume; --", "x'); DELETE FROM backend; --", '"; DROP TABLE feed; --', "\\'; DELETE FROM feed; --")
"""Names that end one SQL statement and start another, if they are not quoted."""

LONG = "long \u00e4\u20ac\U0001f4be " * 20_000
"""A text of some 400 kB."""

MOMENT = dt.datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=dt.UTC)


class StoreContract:
    """The tests that every store passes. A subclass overrides :meth:`store_url`."""

    @pytest.fixture
    def store_url(self) -> str:
        """Return the URL of an empty database that only this test uses."""
        raise NotImplementedError

    @pytest.fixture
    def session(self, store_url: str) -> Iterator[cl.Session]:
        """Yield the default session, on a new store."""
        with cl.setup(store_url) as opened:
            yield opened

    @pytest.fixture
    def lab(self, session: cl.Session, tmp_path: Path) -> cl.Backend:
        """Return an open backend on the simulator."""
        return session.backend("lab", volume_driver="sim", path=str(tmp_path / "sim"))

    def test_a_new_store_is_empty(self, session: cl.Session) -> None:
        """Opening an empty database creates a store without resources, and without entries in the feed."""
        assert session.store.head() == 0
        for kind in ("backends", "volumes", "snapshots", "connections", "operations"):
            assert api.read(kind, session).empty
        assert cl.KeyValue.all(session=session) == []

    def test_what_is_made_is_tracked(self, session: cl.Session, lab: cl.Backend) -> None:
        """Volumes, snapshots and connections are found by id, name and part of a name, and are in frames until deleted."""
        volume = lab.create_volume(2, "ledger", metadata={"team": "blue"})
        snapshot = volume.create_snapshot("before")
        connection = volume.connect({"host": "web1", "ip": "192.0.2.7"})
        assert session.find("ledg") is session.find(volume.id[:9]) is volume
        assert (volume.snapshots, volume.connections, lab.volumes) == ([snapshot], [connection], [volume])
        assert api.volumes(session, status="in-use").index.tolist() == [volume.id]
        assert api.snapshots(session)["volume_id"].tolist() == [volume.id]
        assert api.connections(session, volume_id=volume.id).index.tolist() == [connection.id]
        connection.disconnect()
        volume.delete(cascade=True)
        assert cl.frames.tree(session).index.get_level_values("kind").tolist() == ["backend"]
        operations = api.operations(session, resource_id=volume.id)
        assert operations["action"].tolist()[0] == "create"
        assert set(operations["status"]) == {"done"}

    @pytest.mark.parametrize("text", [*NASTY, LONG], ids=[*map(str, range(len(NASTY))), "long"])
    def test_every_column_gives_back_what_it_was_given(self, session: cl.Session, text: str) -> None:
        """Every column of every table returns the largest numbers, microseconds, nested JSON and any text unchanged."""
        for table in reg.metadata.sorted_tables:
            if table is changefeed.FEED:
                continue
            for optional in (True, False):
                row = _row(session, table, text, filled=optional)
                with session.store.writing() as connection:
                    connection.execute(sa.insert(table), row)
                with session.store.reading() as connection:
                    has_same_key = [column == row[column.name] for column in table.primary_key]
                    (stored,) = connection.execute(sa.select(table).where(*has_same_key)).mappings()
                    assert dict(stored) == row

    @pytest.mark.parametrize("text", [*NASTY, LONG], ids=[*map(str, range(len(NASTY))), "long"])
    def test_what_is_typed_is_read_back(self, session: cl.Session, lab: cl.Backend, text: str) -> None:
        """Names, descriptions and metadata are unchanged in reloaded objects and in frames."""
        name = text[:255]
        volume = lab.create_volume(1, name, description=text, metadata={name or "k": text})
        snapshot = volume.create_snapshot(name, description=text)
        session.orm.expunge_all()
        for kind, created in ((cl.Volume, volume), (cl.Snapshot, snapshot)):
            reloaded: Any = session.get(kind, created.id)
            assert (reloaded.name, reloaded.description) == (name, text)
        row = api.volumes(session).loc[volume.id]
        assert (row["name"], row["description"]) == (name, text)
        assert row["metadata"] == {name or "k": text}
        assert api.volumes(session, description=[text]).index.tolist() == [volume.id]

    def test_names_that_are_alike_are_kept_apart(self, session: cl.Session, lab: cl.Backend) -> None:
        """Names that differ by case, an accent, a blank or a wildcard are different, and searching for one finds only that."""
        created = {name: lab.create_volume(1, name) for name in ALIKE}
        for name, volume in created.items():
            assert api.volumes(session, name=[name]).index.tolist() == [volume.id], name
            if name.strip():
                assert session.find(name, all=True)[0] is volume
                assert [matched.id for matched in lab.volumes_filtered(volume_name=name)] == [volume.id]
        for number, name in enumerate(ALIKE):
            cl.KeyValue.set(name, str(number), session=session)
        assert [cl.KeyValue.get(name, session=session) for name in ALIKE] == [
            cl.KeyValue(name, str(number)) for number, name in enumerate(ALIKE)
        ]

    @pytest.mark.parametrize(
        ("glob", "expected"),
        [
            ("d%*", {"d%"}),
            ("d_*", {"d_"}),
            ("d\\*", {"d\\", "d\\\\"}),
            ("d\\\\", {"d\\\\"}),
            ("d'", {"d'"}),
            ('d"*', {'d"'}),
            ("d?", {"db", "DB", "Db", "d%", "d_", "d\\", "d'", 'd"'}),
            ("DB", {"DB"}),
            ("DB*", {"db", "DB", "Db", "db ", "db\t"}),
            ("x' OR '1'='1", set()),
        ],
    )
    def test_a_filter_means_what_it_says(self, session: cl.Session, lab: cl.Backend, glob: str, expected: set[str]) -> None:
        """Only ``*`` and ``?`` are wildcards of a filter; SQL's wildcards, escapes and quotes match themselves."""
        self._with_names(lab)
        assert set(api.volumes(session, name=glob)["name"]) == expected

    @pytest.mark.parametrize("part", ["%", "_", "\\", "'", '"', ";--"])
    def test_a_part_of_a_name_is_searched_literally(self, session: cl.Session, lab: cl.Backend, part: str) -> None:
        """In ``find`` and in the tree's filter, SQL's wildcards, escapes and quotes match themselves."""
        self._with_names(lab)
        expected = {name for name in ALIKE if part in name}
        assert {matched.name for matched in session.find(part, all=True) if isinstance(matched, cl.Volume)} == expected
        rows = VirtualRows(session)
        rows.set_query(text=f"'{part}'" if '"' in part else f'"{part}"')
        shown = {row.name for row in rows.page(0, rows.total()) if row.kind == "volume"}
        assert shown == expected or "\\" in part or "'" in part  # the tree's filter has quotes and escapes of its own

    @pytest.mark.parametrize("name", INJECTIONS)
    def test_a_name_is_never_a_statement(self, session: cl.Session, lab: cl.Backend, name: str) -> None:
        """A name with the end of one SQL statement and the start of another is handled as a name everywhere."""
        volume = lab.create_volume(1, name, metadata={name: name})
        assert session.find(name) is volume
        for sort in ("name", "size:desc"):
            assert len(api.volumes(session, name=[name], description="", sort=sort, limit=5)) == 1
        with pytest.raises(errors.InvalidInput):
            api.volumes(session, sort=name)
        with pytest.raises(errors.InvalidInput):
            api.volumes(session, marker=name)
        cl.KeyValue.set(name, name, session=session)
        volume.delete()
        assert cl.KeyValue.delete(name, session=session)
        assert api.backends(session)["name"].tolist() == ["lab"]

    def test_what_is_deleted_comes_back(self, session: cl.Session, lab: cl.Backend) -> None:
        """A volume is put into the trash and restored with every column, and its snapshots; expired, the next act deletes it."""
        with_trash = dataclasses.replace(session.settings, trash="1h")
        session.settings = with_trash
        volume = lab.create_volume(
            1, "ledger \u00e9\U0001f4be", description="d", metadata={"team": "blue"}, extra_specs={"a": "b"}
        )
        snapshot = volume.create_snapshot("before")
        before, snapshot_before = volume.to_dict(), snapshot.to_dict()
        volume.delete(cascade=True)
        assert (api.volumes(session).empty, api.snapshots(session).empty, lab.volumes) == (True, True, [])
        assert cl.frames.trash(session)["name"].tolist() == ["ledger \u00e9\U0001f4be"]
        with pytest.raises(errors.AlreadyExists, match="in the trash"):
            lab.manage(volume.name_in_storage)
        assert cl.undo() is volume
        volume.refresh()
        assert {**volume.to_dict(), "snapshots": None} == {**before, "snapshots": None}
        assert [item.to_dict() for item in volume.snapshots] == [snapshot_before]
        volume.delete(cascade=True)
        with session.store.writing() as connection:
            connection.execute(sa.update(trash.TABLE).values(expires_at=MOMENT))
        trash.delete_expired(session, lab)
        assert cl.frames.trash(session).empty
        assert lab.manageable_volumes() == []
        assert api.operations(session, resource_id=volume.id)["action"].tolist()[-4:] == ["undo", "delete", "expire", "delete"]

    def test_what_is_protected_is_not_deleted(self, session: cl.Session, lab: cl.Backend) -> None:
        """A volume that is protected, or has a protected snapshot, is not deleted; both are read back, and filtered by."""
        volume = lab.create_volume(1, "db")
        snapshot = volume.create_snapshot("before")
        assert not api.volumes(session, protected="true").index.tolist()
        for resource in (volume, snapshot):
            resource.protect()
            resource.refresh()
            assert resource.protected
            with pytest.raises(errors.Protected):
                volume.delete(cascade=True)
            assert api.read(f"{resource.kind}s", session, protected="true").index.tolist() == [resource.id]
            resource.unprotect()
        volume.delete(cascade=True)

    @pytest.mark.parametrize(
        "sort", ["", "name", "name:desc", "size:desc", "size,name", "created_at:desc", "pool_name", "status:desc"]
    )
    def test_pages_make_up_the_whole(self, session: cl.Session, sort: str) -> None:
        """The pages of a frame, with the last row of one as the marker of the next, have every row once, in order."""
        stores.fill(session.store, volumes=20, snapshots=0, connections=0)
        with session.store.writing() as connection:
            table: sa.Table = Volume.__table__  # type: ignore[attr-defined] # mapped
            every_third = sa.update(table).where(table.c.size % 3 == 0)
            connection.execute(every_third.values(pool_name="p\u00e9", name=table.c.name.concat("_\u00c9")))
        params = {"sort": sort or None, "columns": ["name"]}
        all_ids = api.volumes(session, **params).index.tolist()
        assert len(set(all_ids)) == 20
        for limit in (3, 7):
            pages: list[str] = []
            while page := api.volumes(session, limit=limit, marker=pages[-1] if pages else None, **params).index.tolist():
                pages += page
            assert pages == all_ids

    @pytest.mark.parametrize("sort", ["", "name", "size:desc", "age:desc", "status"])
    def test_the_tree_has_every_row_once(self, session: cl.Session, sort: str) -> None:
        """The pages of the tree, of any length and read from either end, have every tracked resource once, in one order."""
        for name in ("one", "two"):
            stores.fill(session.store, volumes=7, snapshots=2, connections=1, backend=name)
        rows = VirtualRows(session)
        rows.set_query(sort=sort)
        everything = cl.frames.tree(session)
        for kind, row_id in zip(everything.index.get_level_values("kind"), everything.index.get_level_values("id"), strict=True):
            if kind in {"backend", "volume"}:
                rows.open(row_id)
        total = rows.total()
        shown = [row.id for row in rows.page(0, total)]
        assert sorted(shown) == sorted(everything.index.get_level_values("id"))
        for step in (1, 4):
            ranges = [(start, step) for start in range(0, total, step)]
            rows.invalidate()
            assert [row.id for start, count in ranges for row in rows.page(start, count)] == shown
            rows.invalidate()
            pages = {start: [row.id for row in rows.page(start, count)] for start, count in reversed(ranges)}
            assert [row_id for start, _ in ranges for row_id in pages[start]] == shown

    def test_the_feed_is_in_order(self, session: cl.Session) -> None:
        """Threads that write at the same time number their entries without gaps, and a concurrent reader misses none."""
        seen: list[int] = []
        ended = threading.Event()

        def write() -> None:
            for _ in range(10):
                with session.store.writing() as connection:
                    changefeed.append(connection, changefeed.Entry("save", "volume", str(uuid.uuid4())))

        def follow() -> None:
            while not ended.is_set() or not seen or seen[-1] < session.store.head():
                with session.store.reading() as connection:
                    seen.extend(entry.number for entry in changefeed.since(connection, seen[-1] if seen else 0, 1000))

        follower = threading.Thread(target=follow)
        writers = [threading.Thread(target=write) for _ in range(4)]
        for thread in (follower, *writers):
            thread.start()
        for thread in writers:
            thread.join()
        ended.set()
        follower.join()
        assert seen == list(range(1, 41))

    def test_what_fails_leaves_nothing(self, session: cl.Session) -> None:
        """A failed transaction is rolled back, and its number in the feed is used by the next one."""
        with pytest.raises(errors.StoreError), session.store.writing() as connection:
            _write_and_fail(connection)
        with session.store.writing() as connection:
            assert changefeed.append(connection, changefeed.Entry("save", "volume", "kept")) == 1
        assert session.store.head() == 1

    def test_key_values(self, session: cl.Session) -> None:
        """Key-value pairs of any text can be set, replaced, listed and deleted."""
        for text in NASTY:
            cl.KeyValue.set(text or "empty", "before", session=session)
            cl.KeyValue.set(text or "empty", text, session=session)
            cl.KeyValue.set(text or "empty", text, session=session)
        cl.KeyValue.set("long", LONG, session=session)
        stored = {pair.key: pair.value for pair in cl.KeyValue.all(session=session)}
        assert stored == {text or "empty": text for text in NASTY} | {"long": LONG}
        assert [cl.KeyValue.delete(key, session=session) for key in stored] == [True] * len(stored)
        assert cl.KeyValue.all(session=session) == []

    def test_documents(self, session: cl.Session, lab: cl.Backend, tmp_path: Path) -> None:
        """A new store that loads a document of everything writes the same document."""
        for text in NASTY:
            lab.create_volume(1, text, description=text, metadata={"k": text}).create_snapshot(text)
        document = cl.dumps()
        session.move_to(str(tmp_path / "other.db"))
        session.close_backend(session.backends["lab"])
        cl.load(document, save=True)
        before, after = json.loads(document), json.loads(cl.dumps())
        for (backend,) in (before, after):
            del backend["data"]["created_at"]  # the other store tracks the backend since the session moved there
        assert after == before

    def test_moving(self, session: cl.Session, lab: cl.Backend, tmp_path: Path, store_url: str) -> None:
        """A session can move to another store with its backends open, and back to a store on a file or a server."""
        lab.create_volume(1, "here")
        cl.Backend.set_persistence({"storage": "db", "connection": f"sqlite:///{tmp_path / 'there.db'}"})
        assert (lab.is_open, lab.volumes) == (True, [])
        lab.create_volume(1, "there")
        session.move_to(store_url)
        assert [volume.name for volume in lab.volumes] == ([] if store_url == "memory" else ["here"])

    @staticmethod
    def _with_names(lab: cl.Backend) -> None:
        for name in ALIKE:
            lab.create_volume(1, name)


def _write_and_fail(connection: sa.Connection) -> None:
    changefeed.append(connection, changefeed.Entry("save", "volume", "lost"))
    connection.execute(sa.text("SELECT nothing FROM nowhere"))


def _row(session: cl.Session, table: sa.Table, text: str, *, filled: bool) -> dict[str, Any]:
    """Return a row of *table* with *text* in its text columns; nullable columns are NULL unless *filled*."""
    row = {column.name: _value(column, text) if filled or not column.nullable else None for column in table.columns}
    with session.store.reading() as connection:
        parents = {key.parent.name: connection.scalar(sa.select(key.column).limit(1)) for key in table.foreign_keys}
    return row | parents


def _value(column: sa.Column[Any], text: str) -> Any:  # noqa: ANN401 - of any type
    unique_id = uuid.uuid4()
    length = getattr(column.type, "length", None)
    if column.primary_key or (column.table.name, column.name) == ("backend", "name"):
        unique_text = str(unique_id) if length == len(str(unique_id)) else f"{unique_id}{text}"
        value = {str: unique_text[:length], int: unique_id.int % 2**62}.get(column.type.python_type)
        if value is not None:
            return value
    values: list[tuple[type[sa.types.TypeEngine[Any]], Any]] = [
        (Json, {"text": text, text[:300]: [1, -2.5, True, None, {"deep": [text]}]}),
        (UtcDateTime, MOMENT),
        (sa.String, text[:length]),
        (sa.Boolean, True),
        (sa.Double, 0.1),
        (sa.BigInteger, 2**63 - 1),
        (sa.Integer, 2**31 - 1),
    ]
    return next(value for kind, value in values if isinstance(column.type, kind))
