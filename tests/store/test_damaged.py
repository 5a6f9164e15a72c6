"""Stores that somebody damaged: one clear line, never the words of a library."""

from __future__ import annotations

import functools
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.model import identity_map
from cl_notebook.store import Store
from cl_notebook.testing import stores
from cl_notebook.treemodel import render

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KINDS = ("backends", "volumes", "snapshots", "connections", "operations", "changes")


def _by_hand(path: Path, sql: str, *values: object) -> None:
    raw = sqlite3.connect(path)
    raw.execute(sql, values)
    raw.commit()
    raw.close()


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("table", ["feed", "alembic_version"])
def test_a_store_without_its_bookkeeping_is_refused(tmp_path: Path, table: str, *, read_only: bool) -> None:
    """Without the row of the feed, or that of the version, a store is StoreUnusable and says what is missing."""
    Store(str(tmp_path / "s.db")).close()
    _by_hand(tmp_path / "s.db", f"DELETE FROM {table}")  # noqa: S608 - two words of this test
    with pytest.raises(errors.StoreUnusable, match=rf"damaged: it has .*{table}"):
        Store(str(tmp_path / "s.db"), read_only=read_only)


def test_a_feed_that_is_lost_while_the_store_is_open_is_named(store_url: str) -> None:
    """The number of the last entry is StoreUnusable once its row is gone."""
    store = Store(store_url)
    with store.writing() as connection:
        connection.execute(sa.text("DELETE FROM feed"))
    with pytest.raises(errors.StoreUnusable, match="no row in feed"):
        store.head()
    store.close()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("metadata", "{not json"),
        ("metadata", 5),
        ("metadata", b"\xff\xfe"),
        ("created_at", "yesterday"),
        ("created_at", 5),
        ("size", "big"),
    ],
)
def test_a_damaged_row_is_one_line(tmp_path: Path, column: str, value: object) -> None:
    """What cannot be read in a row is StoreError, from frames, which name the row, and from objects alike."""
    with cl.Session(tmp_path / "s.db") as session:
        stores.fill(session.store, volumes=9)
        volume_id = frames_ids(session)[4]
        _by_hand(tmp_path / "s.db", f"UPDATE volume SET {column} = ? WHERE id = ?", value, volume_id)  # noqa: S608 - see above
        with pytest.raises(errors.StoreError, match="damaged") as caught:
            cl.frames.volumes(session)
        assert "\n" not in str(caught.value)
        assert volume_id in str(caught.value)
        if (column, value) in {("size", "big"), ("metadata", 5)}:  # SQLite keeps any value anywhere: an object shows it
            return
        with pytest.raises(errors.StoreError, match="damaged") as caught:
            session.find(volume_id)
        assert "\n" not in str(caught.value)


def frames_ids(session: cl.Session) -> list[str]:
    """Return the ids of the volumes, the oldest first."""
    return [str(key) for key in cl.frames.volumes(session, columns=["name"]).index]


def test_json_that_the_database_takes_apart_itself_is_one_line(tmp_path: Path) -> None:
    """A connector that is no JSON is StoreError although SQLite itself finds out, while the rows are fetched."""
    with cl.Session(tmp_path / "s.db") as session:
        stores.fill(session.store, volumes=3)
        _by_hand(tmp_path / "s.db", "UPDATE connection SET connector_info = '{not json'")
        with pytest.raises(errors.StoreError, match="damaged"):
            cl.frames.connections(session)
        with pytest.raises(errors.StoreError, match="damaged"):
            cl.frames.tree(session)


def test_text_that_is_no_utf8_is_one_line(tmp_path: Path) -> None:
    """What is no UTF-8 fails while the cursor's own rows are fetched, and is StoreError."""
    with cl.Session(tmp_path / "s.db") as session:
        stores.fill(session.store, volumes=3)
        _by_hand(tmp_path / "s.db", "UPDATE volume SET name = CAST(x'ff61' AS TEXT)")
        with pytest.raises(errors.StoreError, match="damaged"):
            cl.frames.volumes(session)


def test_errors_of_the_callers_own_stay_what_they_are(store_url: str) -> None:
    """A ValueError that the code in the block raises itself is not taken for one of the database."""
    store = Store(store_url)
    for raised in (ValueError("mine"), TypeError("mine"), errors.InvalidInput("mine")):
        with pytest.raises(type(raised), match=r"^mine$"), store.reading():
            raise raised
    with pytest.raises(errors.InvalidInput, match="too large"), store.reading() as connection:
        connection.execute(sa.text("SELECT :number"), {"number": 2**70})
    with pytest.raises(errors.InvalidInput, match="character"), store.reading() as connection:
        connection.execute(sa.text("SELECT :text"), {"text": "\ud800"})
    store.close()


def test_a_file_that_lost_its_name_is_not_written(tmp_path: Path) -> None:
    """A store whose file was moved or replaced while it was open is refused in one line, and works again once it is back."""
    file, away = tmp_path / "store.db", tmp_path / "away.db"
    with cl.Session(file) as session:
        sim = session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
        file.rename(away)
        with pytest.raises(errors.StoreUnusable, match="is not there any more"):
            sim.create_volume(1)
        file.write_bytes(b"")
        with pytest.raises(errors.StoreUnusable, match="was replaced by another file"):
            sim.refresh()
        away.replace(file)
        sim.create_volume(1, name="db")
        assert [vol.name for vol in sim.volumes] == ["db"]


_DAMAGE = [
    *(("volume", column, value) for column, value in (("size", "big"), ("size", None), ("size", b"\xff"), ("name", b"\xff\xfe"))),
    *(("volume", "metadata", value) for value in ("{not json", "[1]", "5", '"text"', "null", b"\xff", "[" * 3000)),
    *(("volume", column, "{not json") for column in ("extra_specs", "qos_specs", "driver_data", "extra")),
    *(("volume", "created_at", value) for value in ("yesterday", "2026-13-45 99:00:00.000000", None, 5)),
    *(("snapshot", "volume_size", "big"), ("snapshot", "metadata", "[]"), ("snapshot", "updated_at", "never")),
    *(("connection", column, "[") for column in ("connector_info", "conn_info", "device")),
    *(("connection", "connector_info", "[]"), ("connection", "attach_status", b"\xff"), ("connection", "created_at", "x")),
    *(("backend", "config", "[]"), ("backend", "config", "{"), ("backend", "name", b"\xff"), ("backend", "created_at", "x")),
    *(("operation", "started_at", "x"), ("operation", "arguments", "{"), ("key_value", "value", b"\xff")),
]


def _readings(session: cl.Session) -> dict[str, Callable[[], object]]:
    """Return every way to look at what is tracked."""
    frames = {f"frames.{kind}": functools.partial(cl.frames.read, kind, session) for kind in KINDS}
    return {
        **frames,
        "frames.tree": lambda: cl.frames.tree(session),
        "tree": lambda: render.Tree(session)._repr_mimebundle_(),
        "objects": lambda: [_looked_at(backend) for backend in identity_map.select(session, sa.select(cl.Backend))],
        "find": lambda: session.find("db", all=True),
        "dump": cl.dump,
        "pairs": lambda: cl.KeyValue.all(session=session),
        "scan": lambda: cl.inventory.scan(session=session, host=False),
        "plan": lambda: cl.inventory.plan_cleanup(session, all=True).frame,
    }


def _looked_at(backend: Any) -> list[object]:
    below = [(volume, each) for volume in backend.volumes for each in (*volume.snapshots, *volume.connections)]
    return [backend.dumps, *((repr(volume), volume.json, repr(each), each.json, each.status) for volume, each in below)]


@pytest.mark.lane("slow")
@pytest.mark.parametrize(("table", "column", "value"), _DAMAGE, ids=lambda part: str(part)[:16])
def test_what_somebody_wrote_by_hand_is_named(tmp_path: Path, table: str, column: str, value: object) -> None:
    """Whatever stands in a row that cannot, each look at it is right or StoreDamaged, which names the column and the row."""
    file = tmp_path / "s.db"
    with cl.Session(file) as session:
        volume = session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim")).create_volume(
            1, "db", metadata={"a": "1"}
        )
        volume.create_snapshot("s")
        volume.connect({"host": "h", "initiator": "iqn.x"})
        cl.KeyValue.set("k", "v", session=session)
    raw = sqlite3.connect(file)
    raw.execute("PRAGMA writable_schema=ON")
    raw.execute("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE name = ?", (table,))
    raw.commit()
    raw.close()
    _by_hand(file, f'UPDATE {table} SET "{column}" = ?', value)  # noqa: S608 - words of this test
    found: list[errors.StoreDamaged] = []
    with cl.setup(file, read_only=True) as session:
        for look in _readings(session).values():
            for _ in range(2):  # also when it is looked at again
                try:
                    look()
                except errors.StoreDamaged as error:
                    found.append(error)
    assert found
    assert [error for error in found if "\n" in str(error) or repr(column) not in error.where] == []


def test_json_of_another_shape_on_a_server_is_named(any_store_url: str, tmp_path: Path) -> None:
    """A list where an object belongs, which every database keeps, is StoreDamaged from objects and documents, naming the row."""
    with cl.Session(any_store_url) as session:
        volume = session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim")).create_volume(1, "db")
        with session.store.writing() as connection:
            connection.exec_driver_sql("UPDATE volume SET metadata = '[1]'")
    with cl.Session(any_store_url) as session:
        backend: Any = session.find("sim")
        looks: list[Callable[[], object]] = [lambda: session.find("db"), lambda: backend.volumes, lambda: backend.dumps]
        for look in looks:
            with pytest.raises(errors.StoreDamaged, match=f"'metadata' of the row '{volume.id}'"):
                look()
