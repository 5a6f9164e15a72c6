"""cl.each: names, filters, frames and lists select resources, and its methods act on all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

import cl_notebook as cl
from cl_notebook import errors

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.parametrize("store_url", ["memory"], indirect=True)


@pytest.fixture
def volumes(sim: cl.Backend) -> list[cl.Volume]:
    """Return db-1 and db-2 of 1 GiB, and web of 2 GiB."""
    return [sim.create_volume(size, name) for name, size in (("db-1", 1), ("db-2", 1), ("web", 2))]


SELECTIONS: dict[str, tuple[Callable[[list[cl.Volume]], tuple[Any, ...]], list[str]]] = {
    "a name": (lambda _volumes: ("web",), ["web"]),
    "names": (lambda volumes: ("web", volumes[0].id), ["web", "db-1"]),
    "a range": (lambda _volumes: ("db-{1..2}",), ["db-1", "db-2"]),
    "a glob": (lambda _volumes: ("db-*",), ["db-1", "db-2"]),
    "a glob and a term": (lambda _volumes: ("*", "size>1"), ["web"]),
    "one text with both": (lambda _volumes: ("*b* !db-1",), ["db-2", "web"]),
    "a term": (lambda _volumes: ("status:available",), ["db-1", "db-2", "web"]),
    "a frame": (lambda _volumes: (cl.frames.volumes(size=">1"),), ["web"]),
    "a frame and a term": (lambda _volumes: (cl.frames.volumes(), "size:1"), ["db-1", "db-2"]),
    "a list": (lambda volumes: (volumes[1:],), ["db-2", "web"]),
    "a list and a resource": (lambda volumes: (volumes[1:], volumes[0]), ["db-2", "web", "db-1"]),
    "an empty frame": (lambda _volumes: (cl.frames.volumes(size=">9"),), []),
    "an empty frame and a term": (lambda _volumes: (cl.frames.volumes(size=">9"), "size:1"), []),
    "nothing": (lambda _volumes: (), []),
}


@pytest.mark.parametrize("case", SELECTIONS)
def test_each_selects(volumes: list[cl.Volume], case: str) -> None:
    """What names resources adds up, and terms restrict it; an empty frame selects nothing, whatever stands beside it."""
    what, names = SELECTIONS[case]
    assert [volume.name for volume in cl.each(*what(volumes))] == names


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (("db-9*",), r"No volume matches 'db-9\*'\. cl\.frames\.volumes\(\) lists them|Did you mean"),
        (("nosuch",), "Nothing is tracked under 'nosuch'"),
        ((3,), "not a int"),
        (([1, 2],), "not a list"),
        (("colour:red",), "There is no column 'colour'"),
    ],
)
def test_each_refuses_what_selects_nothing(volumes: list[cl.Volume], what: tuple[Any, ...], said: str) -> None:
    """A word that matches nothing, and a thing that holds no resources, is an error."""
    del volumes
    with pytest.raises(errors.Error, match=said):
        cl.each(*what)
    with pytest.raises(errors.InvalidInput, match=r"kind is one of volume, .*Did you mean 'volume'"):
        cl.each("*", kind="volumes")


def test_each_acts_on_all(volumes: list[cl.Volume]) -> None:
    """The methods act on all that is selected, of every kind, and their report is the list of what they gave."""
    assert list(cl.each("db-*").extend(3)) == volumes[:2]
    assert [volume.size for volume in volumes] == [3, 3, 2]
    assert [snapshot.name for snapshot in cl.each("db-*").create_snapshot("s")] == ["s", "s"]
    assert [snapshot.name for snapshot in cl.each("db-*").create_snapshot("t{1..2}")] == ["t1", "t2"]
    assert [clone.name for clone in cl.each(volumes).clone("twin")] == ["twin-1", "twin-2", "twin-3"]
    connections = cl.each("db-*").attach()
    assert [conn.volume for conn in connections] == volumes[:2]
    assert list(cl.each(connections).detach()) == connections
    assert len(cl.each("backend:sim", kind="connection").disconnect()) == 2
    assert len(cl.each("t?", kind="snapshot").delete()) == 2
    assert cl.each("web").apply(lambda volume: volume.name.upper()) == ["WEB"]
    assert len(cl.each("*", jobs=2).delete(cascade=True)) == 6
    assert cl.frames.volumes().empty


def test_each_goes_on_after_a_failure(volumes: list[cl.Volume]) -> None:
    """What fails is raised when the others are done, with the report; a single one raises its own error."""
    volumes[0].create_snapshot("s")
    with pytest.raises(errors.PartialFailure, match="1 of 3 were not deleted") as caught:
        cl.each(volumes).delete()
    assert list(caught.value.report.frame["outcome"]) == ["failed", "done", "done"]
    with pytest.raises(errors.ResourceBusy):
        cl.each("db-1").delete()


def test_each_says_what_a_kind_cannot(volumes: list[cl.Volume]) -> None:
    """A method that the kind lacks is refused before anything is done."""
    connection = volumes[0].connect({"host": "web1"})
    with pytest.raises(errors.InvalidInput, match=r"A connection has no clone\(\)"):
        cl.each([connection]).clone()
    with pytest.raises(errors.InvalidInput, match="disconnect is for connections"):
        cl.each("db-1").disconnect()


def test_each_names_what_it_holds(volumes: list[cl.Volume]) -> None:
    """The text of a selection counts it, and names the first resources."""
    assert repr(cl.each(volumes)).startswith("<each of 3 volumes: volume 'db-1' (")
    assert repr(cl.each()) == "<each of nothing>"


def test_each_starts_in_the_background(volumes: list[cl.Volume]) -> None:
    """start() calls a function with each in the background; its handle gives the report."""
    handle = cl.each("db-*").start(lambda volume: volume.extend(2), "extend")
    handle.result(30)
    assert handle.status == "done"
    assert [volume.size for volume in volumes] == [2, 2, 2]


def test_acts_on_parts_of_one_volume_do_not_disturb_each_other(volumes: list[cl.Volume]) -> None:
    """Snapshots and connections of one volume come and go side by side, and the volume is as before."""
    for number in range(6):
        volumes[0].create_snapshot(f"s{number}")
        volumes[0].connect({"host": f"h{number}", "initiator": f"iqn.{number}"})
    assert len(cl.each(volumes[0].connections, jobs=6).disconnect()) == 6
    assert len(cl.each(volumes[0].snapshots, jobs=6).delete()) == 6
    volumes[0].refresh()
    assert (volumes[0].status, volumes[0].attach_status) == ("available", "detached")
    assert (volumes[0].snapshots, volumes[0].connections) == ([], [])


def test_names_of_what_is_made_are_texts(volumes: list[cl.Volume]) -> None:
    """A name that is not text is refused in one line, before anything is created."""
    names: Any = (5, ["a"], "\ud800", "n" * 256)
    for name in names:
        for method in (cl.each(volumes).create_snapshot, cl.each(volumes).clone):
            with pytest.raises(errors.InvalidInput, match=r"^name "):
                method(name)
    assert len(cl.frames.snapshots()) == 0


def test_what_is_called_with_each_can_be_called(volumes: list[cl.Volume]) -> None:
    """An action that is not callable, or whose name is not text, is refused in one line; the handle shows the name escaped."""
    nothing: Any = None
    for call in (cl.each(volumes).apply, cl.each(volumes).start):
        with pytest.raises(errors.InvalidInput, match="The first argument is the function to call"):
            call(nothing)
        with pytest.raises(errors.InvalidInput, match="name must be text"):
            call(repr, cast("Any", 5))
    handle = cl.each(volumes).start(repr, "x\x1b")
    handle.result(30)
    assert repr(handle).startswith(r"<x\x1b 3 volumes")
