"""Frames: their types, their filters, their pages, and that they cost one query."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook.frames import api
from cl_notebook.testing import stores

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cl_notebook.drivers.api import ManageableSnapshot, ManageableVolume

KINDS = ("backends", "volumes", "snapshots", "connections", "operations")
TYPES = {
    "status": "category",
    "backend": "category",
    "size": "Int64",
    "volume_size": "Int64",
    "created_at": "datetime64[ns, UTC]",
    "updated_at": "datetime64[ns, UTC]",
    "started_at": "datetime64[ns, UTC]",
    "name": "string",
    "volume_id": "string",
    "bootable": "boolean",
    "duration": "float64",
}


@pytest.fixture(scope="module")
def full() -> Iterator[cl.Session]:
    """Give a session on a store of 200 volumes with two snapshots and a connection each."""
    with cl.Session("memory") as session:
        stores.fill(session.store, volumes=200)
        yield session


@pytest.mark.parametrize("kind", KINDS)
def test_empty_frames_keep_columns_and_types(session: cl.Session, kind: str) -> None:
    """Without any rows the columns and their types are those of a full frame."""
    del session
    frame = getattr(cl.frames, kind)()
    assert frame.empty
    assert frame.index.name == "id"
    for column in frame.columns:
        if column in TYPES:
            assert str(frame[column].dtype) == TYPES[column], column


@pytest.mark.parametrize("kind", KINDS)
def test_columns_are_typed(full: cl.Session, kind: str) -> None:
    """Statuses are categories, times are aware nanoseconds, sizes are nullable integers, ids and names are strings."""
    frame = getattr(api, kind)(full)
    for column in frame.columns:
        if column in TYPES:
            assert str(frame[column].dtype) == TYPES[column], column
    assert str(frame.index.dtype) == ("Int64" if kind == "operations" else "string")
    assert set(api.COLUMNS[kind]) <= set(frame.columns)


def test_a_frame_is_one_query(full: cl.Session) -> None:
    """However many rows there are, one SELECT reads them, and no tracked object is made."""
    sent: list[str] = []
    sa.event.listen(full.store.engine, "before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
    assert len(api.volumes(full)) == 200
    assert len([text for text in sent if text.startswith("SELECT")]) == 1
    assert not list(full.orm.identity_map.values())


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"status": "error"}, 40),
        ({"status": "error,in-use"}, 80),
        ({"status": "!error"}, 160),
        ({"status": ["error"]}, 40),
        ({"name": "vol-1*"}, 111),
        ({"name": "VOL-1?"}, 10),
        ({"name": "vol-7"}, 1),
        ({"size": ">99"}, 2),
        ({"size": "<=2"}, 4),
        ({"size": ">=10,<12"}, 4),
        ({"size": "10,11"}, 4),
        ({"size": 10}, 2),
        ({"backend": "sim"}, 200),
        ({"backend": "other"}, 0),
        ({"bootable": "false"}, 200),
        ({"created_at": ">2026-01-01T00:00:00.100"}, 99),
        ({"pool_name": None}, 200),
        ({"pool_name": [None, "fast"]}, 200),
        ({"pool_name": "!fast"}, 200),
        ({"pool_name": "!f*,!slow"}, 200),
        ({"pool_name": "fast"}, 0),
        ({"name": "!vol-1*"}, 89),
        ({"name": ["vol-1", "vol-2", "no"]}, 2),
        ({"name": ",".join(f"vol-{number}" for number in range(3000))}, 200),
        ({"size": [10, 11]}, 4),
        ({"size": {10}}, 2),
        ({"size": np.int64(10)}, 2),
        ({"size": "!=10"}, 198),
        ({"size": f"<{2**40}"}, 200),
        ({"created_at": dt.datetime(2026, 1, 1, 0, 0, 0, 100_000, tzinfo=dt.UTC)}, 1),
        ({"created_at": dt.datetime(2026, 1, 1, 1, 0, 0, 100_000, tzinfo=dt.timezone(dt.timedelta(hours=1)))}, 1),
        ({"created_at": dt.datetime(2026, 1, 1, 0, 0, 0, 100_000)}, 1),  # noqa: DTZ001 - naive is UTC, as in the store
        ({"created_at": pd.Timestamp("2026-01-01T00:00:00.1Z")}, 1),
        ({"created_at": [dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 1, 1, 0, 0, 0, 1000, tzinfo=dt.UTC)]}, 2),
        ({"created_at": dt.date(2026, 1, 1)}, 1),
        ({"status": "error", "size": ">50"}, 20),
        ({"size": "2..4"}, 6),
        ({"size": "2..4,10"}, 8),
        ({"size": "98.."}, 6),
        ({"size": "..2,>1"}, 2),
        ({"size": "!=2..4"}, 194),
        ({"size": "<=2G"}, 4),
        ({"size": ">512M,<=2048M"}, 4),
        ({"size": ">1T"}, 0),
        ({"created_at": "2026-01-01"}, 200),
        ({"created_at": "2026-01-01..2026-01-01"}, 200),
        ({"created_at": "2025-12-01..2025-12-31"}, 0),
        ({"created_at": "!=2026-01-01"}, 0),
        ({"created_at": "today"}, 0),
        ({"created_at": "<yesterday"}, 200),
        ({"age": ">1h"}, 200),
        ({"age": "<1h"}, 0),
        ({"age": "1h..100y"}, 200),
        ({"age": "..1h"}, 0),
        ({"status": "maintenance"}, 0),
        ({"status": "er*"}, 40),
    ],
)
def test_filters(full: cl.Session, filters: dict[str, object], count: int) -> None:
    """Columns are filtered by text, globs, lists, exclusions and comparisons, in the database."""
    assert len(api.volumes(full, **filters)) == count


@pytest.mark.parametrize(
    "sort",
    [
        None,
        "size",
        "size:desc",
        ["status", "size:desc"],
        "pool_name",
        "name:desc",
        "updated_at:desc",
        "bootable",
        "bootable:desc",
        "status",
        "status:desc",
        "backend",
        "backend:desc",
        "pool_name:desc",
        "snapshot_id",
        "backend,size:desc",
    ],
)
def test_pages_follow_each_other(full: cl.Session, sort: str | list[str] | None) -> None:
    """Read in pages by marker, a sorted frame has the rows and the order that it has at once."""
    frame = api.volumes(full, sort=sort)
    pages: list[pd.DataFrame] = []
    marker = None
    while not pages or len(pages[-1]):
        pages.append(api.volumes(full, sort=sort, limit=37, marker=marker))
        marker = pages[-1].index[-1] if len(pages[-1]) else None
    assert [key for page in pages for key in page.index] == frame.index.tolist()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"statsu": "error"}, "Did you mean 'status'"),
        ({"columns": ["nmae"]}, "Did you mean 'name'"),
        ({"sort": "nmae"}, "Did you mean 'name'"),
        ({"sort": "name:up"}, "COLUMN:desc"),
        ({"sort": "metadata"}, "cannot be sorted"),
        ({"size": "big"}, "comparison such as"),
        ({"created_at": ">tomorrow"}, "comparison such as"),
        ({"created_at": "1h"}, "comparison such as"),
        ({"created_at": ".."}, "comparison such as"),
        ({"created_at": ">1000000y"}, "comparison such as"),
        ({"size": "2..x"}, "comparison such as '>10' or 2..4"),
        ({"size": ">2s"}, "comparison such as"),
        ({"version": ">2G"}, "comparison such as"),
        ({"metadata": 5}, "'KEY=VALUE'"),
        ({"metadata": []}, "'KEY=VALUE'"),
        ({"metadata": "=bob"}, "cannot be filtered by the key ''"),
        ({"metadata": 'a"b'}, "filter the frame"),
        ({"metadata": {"a": 5}}, "a glob such as"),
        ({"status": "eror"}, "No status is called 'eror'. Did you mean 'error'"),
        ({"status": "!avialable"}, "Did you mean 'available'"),
        ({"attach_status": "atached"}, "Did you mean 'attached'"),
        ({"limit": -1}, "limit must be"),
        ({"marker": "nothing"}, "marker must be"),
        ({"bootable": "perhaps"}, "true or false"),
        ({"columns": 5}, "columns takes"),
        ({"columns": ["name", 5]}, "columns takes"),
        ({"columns": [["name"]]}, "columns takes"),
        ({"sort": 5}, "sort takes"),
        ({"sort": [5]}, "sort takes"),
        ({"limit": 2**70}, "limit must be"),
        ({"limit": True}, "limit must be"),
        ({"limit": "5"}, "limit must be"),
        ({"marker": 5}, "marker must be"),
        ({"marker": ["a"]}, "marker must be"),
        ({"marker": "\ud800"}, "cannot be stored"),
        ({"size": ">99999999999999999999"}, "comparison such as"),
        ({"size": "9" * 5000}, "comparison such as"),
        ({"size": 2**70}, "comparison such as"),
        ({"size": [1, 2**70]}, "comparison such as"),
        ({"size": [1, "2"]}, "comparison such as"),
        ({"size": 1.5}, "comparison such as"),
        ({"size": True}, "comparison such as"),
        ({"size": {"a": 1}}, "comparison such as"),
        ({"created_at": 5}, "comparison such as"),
        ({"created_at": ["2026-01-01"]}, "comparison such as"),
        ({"created_at": pd.NaT}, "comparison such as"),
        ({"created_at": ">0001-01-01T00:00+14:00"}, "comparison such as"),
        ({"name": 5}, "a glob such as"),
        ({"name": [5]}, "a glob such as"),
        ({"name": b"db"}, "a glob such as"),
        ({"name": "\ud800"}, "cannot be stored"),
        ({"name": ["\ud800"]}, "cannot be stored"),
        ({"name": "*" + "a" * 100_000}, "too long"),
        ({"name": ",".join(["*a"] * 5000)}, "too long"),
        ({"id": "\ud800"}, "cannot be stored"),
        ({"id": 5}, "a glob such as"),
    ],
)
def test_a_wrong_question_is_one_clear_line(full: cl.Session, asked: dict[str, object], message: str) -> None:
    """Unknown columns and impossible filters are InvalidInput, with the close match or an example."""
    with pytest.raises(cl.errors.InvalidInput, match=message) as caught:
        api.volumes(full, **asked)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "asked", [{"marker": 2**70}, {"marker": "x"}, {"id": ">99999999999999999999"}, {"id": "a*"}, {"id": 1.5}]
)
def test_operations_are_numbered(full: cl.Session, asked: dict[str, object]) -> None:
    """The id of an operation is a number, and what is none is InvalidInput."""
    with pytest.raises(cl.errors.InvalidInput, match=r"marker must be|comparison such as"):
        api.operations(full, **asked)


def test_operations_are_found_by_their_numbers(session: cl.Session, sim: cl.Backend) -> None:
    """Numbers of operations may be compared, listed, and taken from the index of a frame as a marker."""
    for size in (1, 2, 3):
        sim.create_volume(size)
    numbers = api.operations(session).index
    last = numbers[-1]
    assert api.operations(session, id=last).index.tolist() == [last]
    assert api.operations(session, id=f"<{last}").index.tolist() == numbers[:-1].tolist()
    assert api.operations(session, id=numbers[:2]).index.tolist() == numbers[:2].tolist()
    assert api.operations(session, marker=numbers[0]).index.tolist() == numbers[1:].tolist()


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("a,b", ["a", "a,b", "b"]),
        (r"a\,b", ["a,b"]),
        (r"a\,b,b", ["a,b", "b"]),
        ("x,b*", ["b"]),
        (r"!a\,b", ["a", "b", r"c\d"]),
        (r"a\,*", ["a,b"]),
        (r"c\d", [r"c\d"]),
        (["a,b"], ["a,b"]),
    ],
)
def test_a_comma_in_a_name(sim: cl.Backend, asked: object, names: list[str]) -> None:
    """A comma stands between alternatives; as a part of a name it is found as it is, or alone behind a backslash."""
    for name in ("a", "b", "a,b", r"c\d"):
        sim.create_volume(1, name)
    assert sorted(cl.frames.volumes(name=asked)["name"]) == names


def test_what_is_empty_is_not_what_was_excluded(session: cl.Session, sim: cl.Backend) -> None:
    """``"!fast"`` leaves out what is fast, and neither what is something else nor what is empty."""
    for name in ("a", "b", "c"):
        sim.create_volume(1, name=name)
    with session.store.writing() as connection:
        for name, pool in (("a", "fast"), ("b", "slow")):
            connection.execute(sa.text("UPDATE volume SET pool_name = :pool WHERE name = :name"), {"pool": pool, "name": name})
    assert api.volumes(session, pool_name="!fast")["name"].tolist() == ["b", "c"]
    assert api.volumes(session, pool_name="!f*")["name"].tolist() == ["b", "c"]
    assert api.volumes(session, pool_name="!=slow,!fast")["name"].tolist() == ["c"]
    assert api.operations(session, duration="!=-1").index.tolist() == api.operations(session).index.tolist()


def test_open_is_a_column_of_the_backends(session: cl.Session, tmp_path: Path) -> None:
    """Whether a backend is open here is shown, filtered, sorted and paged like every other column."""
    for name in ("a", "b", "c"):
        session.backend(name, volume_driver="sim", path=str(tmp_path / name))
    session.close_backend(session.backends["b"])
    assert api.backends(session)["open"].tolist() == [True, False, True]
    assert str(api.backends(session)["open"].dtype) == "boolean"
    assert list(api.backends(session).columns) == list(api.COLUMNS["backends"])
    assert "open" in api.DEFAULT_COLUMNS["backends"]
    assert api.backends(session, columns=["open", "name"]).columns.tolist() == ["open", "name"]
    assert api.backends(session, columns="open").columns.tolist() == ["open"]
    assert api.backends(session, open=True)["name"].tolist() == ["a", "c"]
    assert api.backends(session, open="false")["name"].tolist() == ["b"]
    assert set(api.backends(session, sort="open:desc,name")["name"][:2]) == {"a", "c"}
    first = api.backends(session, sort="open,name", limit=1)
    assert first["name"].tolist() == ["b"]
    assert api.backends(session, sort="open,name", marker=first.index[0])["name"].tolist() == ["a", "c"]
    for name in ("a", "c"):
        session.close_backend(session.backends[name])
    assert api.backends(session, open=False)["name"].tolist() == ["a", "b", "c"]


def test_what_a_filter_says_is_data_and_never_sql(full: cl.Session) -> None:
    """Quotes and wildcards of SQL in a filter match themselves only."""
    for text in ("' OR 1=1 --", "%", "vol_7", "vol-7'; DROP TABLE volume; --*"):
        assert api.volumes(full, name=text).empty
    assert len(api.volumes(full)) == 200


def test_operations_say_who_did_what(session: cl.Session, sim: cl.Backend) -> None:
    """The history has the act, its arguments, the process, and how long it took."""
    vol = sim.create_volume(1, name="db")
    vol.extend(2)
    done = cl.frames.operations(resource_id=vol.id)
    assert done["action"].tolist() == ["create", "extend"]
    assert done["arguments"].tolist() == [{"size": 1, "name": "db"}, {"size": 2, "from": 1}]
    assert (done["duration"] > 0).all()
    assert (done["ended_at"] >= done["started_at"]).all()
    assert done["host"].tolist() == [session.settings.host] * 2


def test_what_a_driver_tells_os_brick_is_in_no_frame(sim: cl.Backend) -> None:
    """Connection data, which may hold passwords, is not among the columns."""
    sim.create_volume(1).connect({"host": "node1", "ip": "10.0.0.7"})
    assert "conn_info" not in cl.frames.connections().columns
    assert cl.frames.connections()["host"].tolist() == ["node1"]


def test_the_tree_is_a_frame_with_four_levels(sim: cl.Backend) -> None:
    """``frames.tree()`` has every resource under its backend and volume."""
    vol = sim.create_volume(1, name="db")
    vol.create_snapshot("before")
    vol.connect({"host": "node1", "ip": "10.0.0.7"})
    tree = cl.frames.tree()
    assert tree.index.names == ["backend", "volume", "kind", "id"]
    assert tree.index.get_level_values("kind").tolist() == ["backend", "volume", "snapshot", "connection"]
    assert tree.xs(vol.id, level="volume")["name"].tolist() == ["db", "before", "node1"]
    assert str(tree["status"].dtype) == "category"


def test_drivers_are_listed_with_what_they_can_do() -> None:
    """The drivers' frame has a row for each, its capabilities and its options."""
    listed = cl.frames.drivers()
    assert {"local", "sim"} <= set(listed.index)
    assert bool(listed.loc["local", "manage"])
    assert "path" in str(listed.loc["local", "options"])


def test_an_open_backends_driver_says_what_it_can_do(sim: cl.Backend) -> None:
    """``capabilities`` is text for the backends that are open, and missing for the others; no filter or sorting takes it."""
    frame = cl.frames.backends()
    assert str(frame["capabilities"].dtype) == "string"
    assert frame.loc[sim.id, "capabilities"] == (
        "revert, manage, list_manageable, manage_snapshots, list_manageable_snapshots, "
        "clone_bigger, extend_attached, multiattach, atomic"
    )
    sim.close()
    assert cl.frames.backends(columns=["capabilities"])["capabilities"].isna().all()
    assert not sim.is_open
    with pytest.raises(cl.errors.InvalidInput, match="'capabilities' is not in the store; filter the frame instead"):
        cl.frames.backends(capabilities="*revert*")
    with pytest.raises(cl.errors.InvalidInput, match="cannot be sorted by 'capabilities', which is not in the store"):
        cl.frames.backends(sort="capabilities")


def test_the_names_of_secrets_are_not_in_the_configuration(sim: cl.Backend) -> None:
    """``config`` has the options that are stored, and not our note of the secret ones that are not."""
    with sim.context.store.writing() as connection:
        stored = {"path": "/x", "secret_options": ["password"]}
        connection.execute(sa.update(cl.Backend).where(cl.Backend.id == sim.id).values(stored_config=stored))
    assert cl.frames.backends()["config"].tolist() == [{"path": "/x"}]


def test_drivers_that_are_installed_are_searched(cinder_29: str) -> None:
    """With a word the drivers' frame has those that fit it: which class, what it is, and whether it is supported."""
    matching = cl.frames.drivers("LATENCY", cinder_29)
    assert list(matching.columns) == ["path", "help", "version", "supported"]
    assert matching.loc["sim", "path"] == "cl_notebook.drivers.sim.driver.SimDriver"
    assert str(matching["supported"].dtype) == "boolean"
    unmatched = cl.frames.drivers("zzzz", cinder_29, columns="help")
    assert unmatched.empty
    assert list(unmatched.columns) == ["help"]
    with pytest.raises(cl.errors.InvalidInput, match=r"drivers have no column 'hlep'\. Did you mean 'help'\?"):
        cl.frames.drivers("sim", cinder_29, columns=["hlep"])


def test_the_options_of_a_driver_are_a_frame(cinder_29: str) -> None:
    """A row for each option has its type, default, what it may be, and whether it is required, secret, and the driver's own."""
    options = cl.frames.driver_options("local")
    assert options.index.tolist() == ["path", "quota", "reflink", "loop_devices"]
    assert options.index.name == "option"
    assert list(options.loc["path", ["type", "required", "secret", "own"]]) == ["path", False, False, True]
    assert list(options.loc["quota", ["type", "default", "allowed"]]) == ["float", 0.0, ">= 0"]
    assert {name: str(options[name].dtype) for name in ("type", "required", "help")} == {
        "type": "string",
        "required": "boolean",
        "help": "string",
    }
    with pytest.raises(cl.errors.NotFound, match=r"No driver is called 'locl'\. Did you mean 'local'\?"):
        cl.frames.driver_options("locl", cinder_29)


def test_what_is_on_a_storage_is_a_frame() -> None:
    """What a driver lists is indexed by the word that names it there, with its size and whether it may be adopted."""
    entry: ManageableVolume = {
        "reference": {"source-name": "disk-7"},
        "size": 2,
        "safe_to_manage": True,
        "reason_not_safe": None,
        "cinder_id": None,
        "extra_info": None,
    }
    other: ManageableSnapshot = {**entry, "reference": {"source-id": "9"}, "source_reference": {"source-name": "disk-7"}}
    frame = api.frame([entry])
    assert (frame["size"].tolist(), frame["safe_to_manage"].tolist(), frame.index.tolist()) == ([2], [True], ["disk-7"])
    assert str(frame["size"].dtype) == "Int64"
    assert api.frame([other]).loc["source-id=9", "source"] == "disk-7"
    assert list(api.frame([]).columns) == ["size", "safe_to_manage", "reason_not_safe", "cinder_id", "extra_info"]


def test_an_empty_page_does_not_say_that_there_is_nothing(sim: cl.Backend) -> None:
    """A page after the last row, and one of no rows, do not say how to create the first."""
    volume = sim.create_volume(size=1)
    assert repr(cl.frames.volumes(marker=volume.id)) == "No more volumes."
    assert repr(cl.frames.volumes(limit=0)) == "No volumes."


@pytest.mark.parametrize("limit", [None, 1])
@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"metadata": {"owner": "bob"}}, ["a"]),
        ({"metadata": "owner=bob"}, ["a"]),
        ({"metadata": "owner"}, ["a", "b"]),
        ({"metadata": ["owner=*b*", "tier"]}, ["a"]),
        ({"metadata": "owner=!bob"}, ["b", "c"]),
        ({"metadata": "owner=bob,eve"}, ["a", "b"]),
        ({"metadata": "it's $.odd=x=y"}, ["c"]),
        ({"metadata": "owner=Bob"}, []),
        ({"extra_specs": "fast"}, ["b"]),
        ({"metadata": "owner", "size": ">1"}, ["b"]),
    ],
)
def test_lists_are_filtered_by_key_and_value(
    sim: cl.Backend, filters: dict[str, object], names: list[str], limit: int | None
) -> None:
    """A key alone means all that have it; values are matched as other texts are; several keys must all fit."""
    sim.create_volume(1, "a", metadata={"owner": "bob", "tier": "gold"})
    sim.create_volume(2, "b", metadata={"owner": "eve"}, extra_specs={"fast": "yes"})
    sim.create_volume(3, "c", metadata={"it's $.odd": "x=y"})
    assert api.volumes(sim.context, limit=limit, **filters)["name"].tolist() == names[:limit]
