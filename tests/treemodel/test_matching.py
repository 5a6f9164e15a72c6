"""The filter language of the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.model import Volume
from cl_notebook.testing import stores
from cl_notebook.treemodel.filter_parser import LONGEST, parse
from cl_notebook.treemodel.kinds import KINDS
from cl_notebook.treemodel.rows import VirtualRows

if TYPE_CHECKING:
    import cl_notebook as cl


def _names(session: cl.Session, text: str, kind: str = "volume") -> list[str]:
    columns = KINDS[kind]
    with session.store.reading() as connection:
        test = parse(text).condition(kind, connection.dialect.name)
        statement = sa.select(columns.name.label("name")).where(test).order_by(columns.created_at)
        return list(connection.execute(statement).scalars())


@pytest.fixture
def small(sim: cl.Backend) -> cl.Backend:
    """Return a backend with a few volumes of awkward names."""
    for size, name in enumerate(("my one", "MY-two", "100%", "a_b", "axb", 'say "hi"', "it's", "line\nbreak"), 1):
        sim.create_volume(size, name=name)
    sim.create_volume(9, name="busy", metadata={"tier": "gold"}).connect({"host": "node1", "ip": "10.0.0.7"})
    return sim


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("my", ["my one", "MY-two"]),
        ("MY one", ["my one"]),
        ('"my one"', ["my one"]),
        ("'y o'", ["my one"]),
        ("my*", ["my one", "MY-two"]),
        ("?Y-*", ["MY-two"]),
        ("!my size<5", ["100%", "a_b"]),
        ("%", ["100%"]),
        ("a_b", ["a_b"]),
        ("a?b", ["a_b", "axb"]),
        ("'say \"'", ['say "hi"']),
        ("it's", ["it's"]),
        ('"line\nb"', ["line\nbreak"]),
        ("size>7", ["line\nbreak", "busy"]),
        ("size>=2 size<=3", ["MY-two", "100%"]),
        ("size=1", ["my one"]),
        ("size:1,2", ["my one", "MY-two"]),
        ("size!=1,2 size<4", ["100%"]),
        ("status:in-use", ["busy"]),
        ("in-use", ["busy"]),
        ("!available", ["busy"]),
        ("status!=available", ["busy"]),
        ("status!=available,in-use", []),
        ("name:MY*", ["my one", "MY-two"]),
        ("NAME=a_b", ["a_b"]),
        ("backend:sim size:9", ["busy"]),
        ("!backend:sim", []),
        ("backend!=sim", []),
        ("host:*sim* size:9", ["busy"]),
        ("created_at>2020-01-01 size:9", ["busy"]),
        ("created_at<2020-01-01", []),
        ("age<1h size:9", ["busy"]),
        ("age>1h", []),
        ("created_at:today size:9", ["busy"]),
        ("size:8..9 status:in-use", ["busy"]),
        ("size!=1..8", ["busy"]),
        ("size>1T", []),
        ("metadata:tier=gold", ["busy"]),
        ("metadata:tier size:9", ["busy"]),
        ("metadata:tier=g*", ["busy"]),
        ("metadata!=tier=gold size:9", []),
        ("!metadata:tier size:9", []),
        ("metadata:owner", []),
        ("bootable:true", []),
        ("bootable!=true size:9", ["busy"]),
        ("kind:volume size:9", ["busy"]),
        ("kind:snapshots", []),
        ("kind!=snapshot size:9", ["busy"]),
        ('"" size:9', ["busy"]),
        ('name:""', []),
        ("ip:10.0.0.7", []),
        ("' OR 1=1 --'", []),
    ],
)
def test_what_a_filter_finds(small: cl.Backend, text: str, names: list[str]) -> None:
    """Every kind of term finds what it says, whatever characters the names have."""
    assert _names(small.context, text) == names  # type: ignore[arg-type] # the session


@pytest.mark.parametrize(
    "text", ["node1", "ip:10.0.0.7", "host:node1", "name:node*", "status:attached", "kind:connection", "backend:sim"]
)
def test_what_finds_a_connection(small: cl.Backend, text: str) -> None:
    """A connection is found by its host, its address and its status."""
    assert _names(small.context, text, "connection") == ["node1"]  # type: ignore[arg-type] # the session


def test_the_beginning_of_an_id(small: cl.Backend) -> None:
    """Two characters of an id are enough, in any case; ``id:`` takes any of them."""
    volume = small.volumes[3]
    for text in (volume.id, volume.id[:13].upper(), f"id:{volume.id[:9]}", f"id={volume.id}", f"id:{volume.id},"):
        assert _names(small.context, text) == [volume.name]  # type: ignore[arg-type] # the session
    assert volume.name not in _names(small.context, f"id!={volume.id}")  # type: ignore[arg-type] # the session
    assert volume.name not in _names(small.context, f"!id:{volume.id}")  # type: ignore[arg-type] # the session


@pytest.mark.parametrize("text", ["driver:sim", "name:sim", "sim", "backend:sim", "kind:backend"])
def test_what_finds_a_backend(small: cl.Backend, text: str) -> None:
    """A backend is found by its name and its driver."""
    assert _names(small.context, text, "backend") == ["sim"]  # type: ignore[arg-type] # the session


def test_a_snapshot_has_the_size_of_its_volume(session: cl.Session) -> None:
    """``size`` and ``volume`` of a snapshot are those of the volume it was taken of."""
    stores.fill(session.store, volumes=3, snapshots=1, connections=0)
    assert _names(session, "size>1", "snapshot") == ["s0", "s0"]
    assert _names(session, "volume:vol-1", "snapshot") == ["s0"]
    assert _names(session, "host:x", "snapshot") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('"open', "not closed"),
        ("name:'open", "not closed"),
        ('"', "not closed"),
        ("colour:red", "no column 'colour'"),
        ("stauts:error", "Did you mean 'status'"),
        ("size>x", "comparison"),
        ("size>", "needs a value"),
        ("name:", "needs a value"),
        ("!", "needs a term right after it"),
        ("name>b", "no number"),
        ("id>3", "beginning of an id"),
        ("id:,", "needs a value"),
        ("kind:disk", "kind is one of"),
        ("kind:volum", "Did you mean 'volume'"),
        ("created_at>tomorrow", "created_at takes"),
        ("config:a", "key-value pairs"),
        ("metadata>a", "no number"),
        ("bootable:maybe", "true or false"),
        ('name:"a"b', "blank is missing"),
        ("a\x00b", "cannot be stored"),
        ("x" * (LONGEST + 1), "at most"),
        ("x " * 51, "at most 50 terms"),
    ],
)
def test_what_is_no_filter(text: str, said: str) -> None:
    """What cannot be meant is refused in one line that says why."""
    with pytest.raises(errors.InvalidInput, match=said) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


def test_a_status_that_does_not_exist_is_an_error(small: cl.Backend) -> None:
    """A misspelt status is refused with the close match; one that no resource has at the moment, or a foreign one, is not."""
    rows = VirtualRows(small.context)
    for text in ("status:avialable", "status!=avialable", "!status:error,avialable"):
        with pytest.raises(errors.InvalidInput, match=r"No status is called 'avialable'. Did you mean 'available'\?"):
            rows.set_query(text=text)
    rows.set_query(text="status:error_deleting,av* attach_status:detached")
    rows.set_query(text="status:avail")  # the tree filters while one types
    with small.context.store.writing() as connection:
        connection.execute(sa.update(Volume).values(status="frozen").where(Volume.name == "busy"))
    rows.set_query(text="status:frozen")
    assert rows.shown() == 1


def test_nothing_asked_is_no_filter() -> None:
    """Blanks alone ask for nothing."""
    assert not parse("  \t ")
    assert parse("x")
