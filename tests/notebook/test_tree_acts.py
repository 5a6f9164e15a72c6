"""Acts of the tree: each is a line of magic, and does what that line does in a cell."""

from __future__ import annotations

import ast
import gc
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

import cl_notebook as cl
from cl_notebook.many import names
from cl_notebook.notebook.command.lexer import quote_word, split
from cl_notebook.notebook.output.progress import Display
from cl_notebook.notebook.tree import actions, command_lines, details
from tests.notebook.conftest import run_act

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.notebook.conftest import Notebook

HOSTILE = (
    'o\'clock "quoted" \\',
    "{1/0} {chosen} $chosen ${chosen} {{x}} $$y",
    "{get_ipython().user_ns.update(broken=1)}",
    "two\nlines\r\x0b\x0c\x1c\x85\u2028",
    "--cascade",
    "-- -h --help",
    "ends with;",
    "ends with a question?",
    "# no comment",
    "\u202eright to left\u2066 \x1b[31mred\x07",
    "<img src=x onerror=alert(1)>",
    "\N{PILE OF POO}" * 255,
    "x" * 255,
    " ",
    "$'literal'",
    "%cl_volume delete",
    "!touch broken",
    "web-{1..3}\\{4..5}",
)
WEB = {"host": "web1", "ip": "192.0.2.7"}


class _World:
    """One volume with a snapshot and connections, under names that both worlds have."""

    def __init__(self, backend: cl.Backend) -> None:
        self.backend = backend
        self.volume = backend.create_volume(1, name="db")
        self.other = backend.create_volume(1, name="other")
        self.connection = self.other.connect({**WEB, "host": backend.context.settings.host})


ACTS: Mapping[str, tuple[str, Callable[[_World], list[Any]], dict[str, object]]] = {
    "create": ("create", lambda world: [world.backend], {"size": 2, "name": "my new 'db'"}),
    "create without a name": ("create", lambda world: [world.backend], {"size": "1", "name": ""}),
    "snapshot": ("snapshot", lambda world: [world.volume], {"name": "before"}),
    "clone": ("clone", lambda world: [world.volume], {"name": "twin", "size": 3.0}),
    "clone as it is": ("clone", lambda world: [world.volume], {}),
    "extend": ("extend", lambda world: [world.volume], {"size": 4}),
    "attach": ("attach", lambda world: [world.volume], {}),
    "detach": ("detach", lambda world: [_attached(world.volume)], {}),
    "delete": ("delete", lambda world: [world.volume], {}),
    "delete with its snapshots": ("delete", lambda world: [_with_snapshot(world.volume)], {"cascade": True}),
    "delete several": ("delete", lambda world: [world.volume, world.volume.clone("twin")], {}),
    "delete several kinds": ("delete", lambda world: [world.volume, world.volume.create_snapshot("s")], {}),
    "volume": ("volume", lambda world: [world.volume.create_snapshot("s")], {"name": "copy", "size": 2}),
    "revert": ("revert", lambda world: [world.volume.create_snapshot("s")], {}),
    "delete a snapshot": ("delete", lambda world: [world.volume.create_snapshot("s")], {}),
    "attach a connection": ("attach", lambda world: [world.connection], {}),
    "attach several": ("attach", lambda world: [world.volume, world.connection], {}),
    "detach a connection": ("detach", lambda world: [_attached_itself(world.connection)], {}),
    "detach several": ("detach", lambda world: [_attached(world.volume), _attached(world.other)], {}),
    "disconnect": ("disconnect", lambda world: [world.connection], {}),
}


SEQUENCE: tuple[tuple[str, Callable[[_World], list[Any]], dict[str, object]], ...] = (
    ("create", lambda world: [world.backend], {"size": 1, "name": "n", "count": 3, "metadata": "a=1\nb=2 c"}),
    ("extend", lambda world: [world.volume, world.other], {"size": "+1"}),
    ("rename", lambda world: [world.volume], {"name": "--new {name}"}),
    ("set", lambda world: [_described(world.volume)], {"description": "", "metadata": "b=2", "bootable": "true"}),
    ("set", lambda world: [world.volume, world.other.create_snapshot("s")], {"metadata": "a=1"}),
    ("snapshot", lambda world: [world.volume, world.other], {"name": "x"}),
    ("stats", lambda world: [world.backend], {}),
    ("scan", lambda world: [world.backend], {}),
    ("log", lambda world: [world.backend], {}),
    ("close", lambda world: [world.backend, _second(world.backend)], {}),
    ("open", lambda world: [world.backend], {}),
)
"""Acts one after the other in one world: those of backends, of fields, and on several resources."""


def _described(volume: cl.Volume) -> cl.Volume:
    volume.description, volume.metadata = "old", {"a": "1"}
    volume.save()
    return volume


def _second(backend: cl.Backend) -> cl.Backend:
    path = f"{backend.config['path']} two"
    return cast("cl.Session", backend.context).backend(f"{backend.name} two", volume_driver="sim", path=path)


def _attached(volume: cl.Volume) -> cl.Volume:
    volume.attach()
    return volume


def _attached_itself(connection: cl.Connection) -> cl.Connection:
    connection.attach()
    return connection


def _with_snapshot(volume: cl.Volume) -> cl.Volume:
    volume.create_snapshot("s")
    return volume


def _trace(session: cl.Session, backend: cl.Backend) -> list[tuple[object, ...]]:
    """Return what was done on *backend*, and what there is now, without ids."""
    done = cl.frames.operations(session, backend=[backend.name])
    there = cl.frames.volumes(session, backend=[backend.name])
    snapshots = cl.frames.snapshots(session, backend=[backend.name])
    connections = cl.frames.connections(session, backend=[backend.name])
    return [
        *done[["action", "status", "resource_type", "resource_name", "call"]].fillna("").itertuples(index=False, name=None),
        *there[["name", "size", "status", "bootable", "description"]].itertuples(index=False, name=None),
        *((volume.name, volume.metadata) for volume in backend.volumes),
        *snapshots[["name", "status"]].itertuples(index=False, name=None),
        *connections.assign(attached=connections["path"].notna())[["status", "attached"]].itertuples(index=False, name=None),
    ]


@pytest.mark.parametrize("case", ACTS)
def test_an_act_does_what_its_line_does_in_a_cell(lab: Notebook, session: cl.Session, tmp_path: Path, case: str) -> None:
    """Run by the tree or typed into a cell, the line of every act does the same, and neither prints anything."""
    act, chosen, values = ACTS[case]
    traces = []
    for way in ("tree", "cell"):
        world = _World(session.backend(way, volume_driver="sim", path=str(tmp_path / way)))
        line = actions.line(session, act, [resource.id for resource in chosen(world)], values)
        lab.capsys.readouterr()
        if way == "tree":
            outcome = run_act(session, lab.shell, line)
            assert "\n" not in outcome.text
            assert outcome.text
            assert lab.capsys.readouterr() == ("", "")
        else:
            lab.run(line)
        trace = _trace(session, world.backend)
        traces.append(sorted(trace, key=repr) if case == "delete several" else trace)  # side by side, in any order
    assert traces[0] == traces[1]
    assert ("done", "failed") not in traces[0]


def test_acts_one_after_the_other_do_what_their_lines_do(lab: Notebook, session: cl.Session, tmp_path: Path) -> None:
    """A sequence of acts leaves the same things behind by the tree as by its lines in cells; the tree prints nothing."""
    traces = []
    for way in ("tree", "cell"):
        world = _World(session.backend(way, volume_driver="sim", path=str(tmp_path / way)))
        for act, chosen, values in SEQUENCE:
            line = actions.line(session, act, [resource.id for resource in chosen(world)], values)
            lab.capsys.readouterr()
            if way == "tree":
                assert run_act(session, lab.shell, line).text
                assert lab.capsys.readouterr() == ("", "")
            else:
                lab.run(line)
        traces.append(sorted(_trace(session, world.backend), key=repr))  # several run side by side, in any order
    assert traces[0] == traces[1]


def test_a_deletion_from_the_tree_takes_few_statements(lab: Notebook, session: cl.Session) -> None:
    """Deleting a volume that no variable holds takes at most 15 SQL statements, those that begin a transaction among them."""
    volume_id = session.backends["sim"].create_volume(1, name="db").id
    gc.collect()
    statements: list[str] = []

    def note(*event: Any) -> None:
        statements.append(event[2])

    sa.event.listen(session.store.engine, "before_cursor_execute", note)
    outcome = actions.run(session, lab.shell, actions.lines(session, "delete", [volume_id], {}))
    sa.event.remove(session.store.engine, "before_cursor_execute", note)
    assert outcome.text.endswith(": deleted")
    assert cl.frames.volumes(session).empty
    assert 0 < len(statements) <= 15, "\n".join(statements)


def test_binding_puts_the_object_into_a_variable(lab: Notebook, session: cl.Session) -> None:
    """Bind gives the live object to the variable that was named, of every kind of resource, as %cl_find -v does."""
    world = _World(session.backends["sim"])
    snapshot = world.volume.create_snapshot("s")
    for resource in (world.backend, world.volume, snapshot, world.connection):
        line = actions.line(session, "bind", [resource.id], {"variable": f"my_{resource.kind}"})
        outcome = run_act(session, lab.shell, line)
        assert outcome.variable == f"my_{resource.kind}"
        assert lab.shell.user_ns[outcome.variable] is resource
        del lab.shell.user_ns[outcome.variable]
        assert lab.run(line) is lab.shell.user_ns[outcome.variable] is resource
    with pytest.raises(cl.errors.InvalidInput, match="name of a variable"):
        run_act(session, lab.shell, actions.line(session, "bind", [world.volume.id], {"variable": "no name"}))
    with pytest.raises(cl.errors.Refused, match="no IPython shell"):
        run_act(session, None, actions.line(session, "bind", [world.volume.id], {"variable": "vol"}))


def test_refreshing_brings_what_others_did(lab: Notebook, session: cl.Session) -> None:
    """Refresh brings one object or several in line with the store; its line is Python that does the same."""
    lab.run("import cl_notebook as cl")
    world = _World(session.backends["sim"])
    two = [world.volume, world.other]
    for ids in ([world.volume.id], [each.id for each in two]):
        line = actions.line(session, "refresh", ids, {})
        with session.store.writing() as connection:
            connection.exec_driver_sql("UPDATE volume SET description = 'by hand'")
        world.volume.description = world.other.description = "unsaved"
        assert run_act(session, lab.shell, line).text.endswith(": up to date")
        assert {each.description for each in two if each.id in ids} != {"unsaved"}
        lab.run(line)
    assert world.volume.id in actions.line(session, "refresh", [world.volume.id], {})


def test_lines_name_resources_by_their_whole_ids(lab: Notebook, session: cl.Session) -> None:
    """The line is the one that a user would type, with the whole id: no variable or name can be taken for the resource."""
    del lab
    world = _World(session.backends["sim"])
    snapshot = world.volume.create_snapshot("s")
    vol, snap, conn, back = world.volume.id, snapshot.id, world.connection.id, world.backend.id
    expected = {
        ("bind", vol, ("variable", "vol")): f"%cl_find {vol} -v vol",
        ("create", back, ("size", 1), ("name", "my db")): f"%cl_volume create --size 1 --name 'my db' --backend {back}",
        ("snapshot", vol, ("name", "x")): f"%cl_volume snapshot {vol} --name x",
        ("clone", vol, ("size", 2), ("name", "x")): f"%cl_volume clone {vol} --name x --size 2",
        ("extend", vol, ("size", 2)): f"%cl_volume extend {vol} 2",
        ("attach", vol): f"%cl_volume attach {vol}",
        ("detach", vol): f"%cl_volume detach {vol}",
        ("delete", vol, ("cascade", True)): f"%cl_volume delete {vol} --cascade --yes",
        ("volume", snap, ("name", "x")): f"%cl_snapshot create-volume {snap} --name x",
        ("revert", snap): f"%cl_snapshot revert {snap}",
        ("delete", snap): f"%cl_snapshot delete {snap}",
        ("disconnect", conn): f"%cl_connection disconnect {conn}",
        ("refresh", vol): f"cl.find('{vol}').refresh()",
    }
    for (act, resource_id, *values), line in expected.items():
        assert actions.line(session, str(act), [str(resource_id)], dict(values)) == line  # type: ignore[arg-type] # pairs
    two = f"{vol} {world.other.id}"
    assert actions.line(session, "attach", [vol, world.other.id], {}) == f"%cl_volume attach {two}"
    assert actions.line(session, "set", [vol, world.other.id], {"bootable": "false"}) == f"%cl_volume set {two} --non-bootable"
    _described(world.volume)
    changes = actions.line(session, "set", [vol], {"metadata": "b=2 c"})
    assert changes == f"%cl_volume set {vol} --metadata 'b=2 c'\n%cl_volume unset {vol} --metadata a"
    unset = actions.line(session, "set", [vol, world.other.id], {"protected": "false", "description": None})
    assert unset == f"%cl_volume unset {two} --protected"
    assert actions.line(session, "set", [vol], {"protected": "true"}) == f"%cl_volume set {vol} --protected"
    assert actions.line(session, "set", [vol], {"metadata": ""}) == f"%cl_volume unset {vol} --metadata a"
    assert actions.line(session, "retype", [vol], {"qos_specs": "iops=5"}) == f"%cl_volume retype {vol} --qos-specs iops=5"
    with session.store.writing() as connection:
        connection.execute(sa.update(cl.Volume).where(cl.Volume.id == vol).values(extra_specs={"tier": "1"}))
    world.volume.refresh()
    assert actions.line(session, "retype", [vol], {"qos_specs": ""}) == f"%cl_volume retype {vol} --extra-specs tier=1 --clear"
    assert actions.line(session, "delete", [vol, world.other.id], {}) == f"%cl_volume delete {vol} {world.other.id} --yes"
    both = actions.line(session, "delete", [vol, snap], {"cascade": True})
    assert both == f"%cl_snapshot delete {snap}\n%cl_volume delete {vol} --cascade --yes"
    assert actions.line(session, "delete", [vol, snap], {"cascade": False}) == both.removesuffix(" --cascade --yes")


def test_a_backend_is_added_by_its_driver_s_options(lab: Notebook, session: cl.Session, tmp_path: Path) -> None:
    """The form has a field for each option of the driver; its line adds the backend, or with the trial flag stores nothing."""
    assert [driver["name"] for driver in details.drivers("simulated")["drivers"]] == ["sim"]
    form = details.addition(session, "sim")
    fields = {field["name"]: field for field in form["asks"]}
    assert list(fields) == ["name", "path", "latency", "capacity", "faults"]
    assert (fields["name"]["value"], fields["latency"]["default"]) == ("sim2", "0.0")
    assert fields["capacity"]["help"] == "Total capacity in GiB. Allowed: >= 0, infinite, unknown."
    values = {"name": "new", "path": str(tmp_path / "my sim"), "latency": "", **form["given"]}
    line = actions.line(session, "add", [], values)
    assert line == f"%cl_backend add new --driver sim --path '{tmp_path / 'my sim'}'"
    trial = actions.lines(session, "add", [], {**values, form["trial"]: True})
    assert actions.run(session, lab.shell, trial).text == "Backend 'new' opens with these options. It was not added."
    assert lab.run(trial[0].text)["volume_driver"] == "sim"
    assert list(session.backends) == ["sim"]
    assert run_act(session, lab.shell, line).ids == (session.backends["new"].id,)
    for wrong, message in (
        ({"latency": "slow"}, "must be a number"),
        ({"driver": ""}, "Choose the driver"),
        ({"speed": 1}, "add takes no 'speed'"),
        ({"driver": "simm"}, "No driver is called 'simm'"),
    ):
        with pytest.raises(cl.errors.Error, match=message) as caught:
            actions.run(session, lab.shell, actions.lines(session, "add", [], {**values, "name": "other", **wrong}))
        assert actions.wrong_value(caught.value, fields | {"driver": None}) == (
            "" if "speed" in wrong or message[0] == "N" else next(iter(wrong))
        )
    error = cl.errors.DriverError("san_ip and san_ip are missing")
    assert actions.wrong_value(error, ("san_ip", "san_login")) == "san_ip"
    assert actions.wrong_value(error, ("ip", "missing")) == ""


def test_of_several_only_those_that_can_are_attached_or_detached(lab: Notebook, session: cl.Session) -> None:
    """Of several selected volumes those are attached that are not, and those detached that are; none is a problem of one line."""
    world = _World(session.backends["sim"])
    world.volume.attach()
    both = [world.volume.id, world.other.id]
    assert actions.line(session, "attach", both, {}) == f"%cl_volume attach {world.other.id}"
    assert actions.line(session, "detach", both, {}) == f"%cl_volume detach {world.volume.id}"
    run_act(session, lab.shell, actions.line(session, "attach", both, {}))
    with pytest.raises(cl.errors.InvalidInput, match="All of them are attached"):
        actions.line(session, "attach", both, {})
    run_act(session, lab.shell, actions.line(session, "detach", both, {}))
    with pytest.raises(cl.errors.InvalidInput, match="None of them are attached"):
        actions.line(session, "detach", both, {})


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_a_name(lab: Notebook, session: cl.Session, name: str) -> None:
    """Whatever a name holds, the volume gets exactly it, by the tree as by the line in a cell, and nothing in it is run."""
    lab.shell.user_ns["chosen"] = "expanded"
    backend = session.backends["sim"]
    line = actions.line(session, "create", [backend.id], {"size": 1, "name": name})
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    outcome = run_act(session, lab.shell, line)
    typed = lab.run(line)
    assert [session.find(each).name for each in (*outcome.ids, typed.id)] == [name, name]
    assert outcome.text.isprintable()
    assert "broken" not in lab.shell.user_ns
    removed = run_act(session, lab.shell, actions.line(session, "delete", [*outcome.ids, typed.id], {}))
    assert removed.text.isprintable()


class _Untouchable(Mapping[str, Any]):
    """Variables that nobody may look at."""

    def __getitem__(self, key: str) -> Any:
        raise AssertionError(key)

    def __iter__(self) -> Iterator[str]:
        raise AssertionError

    def __len__(self) -> int:
        raise AssertionError


_TEXTS = st.text(st.characters()) | st.text(st.sampled_from("{}$'\"\\- \n;?#x!:.[]()\u202e"))


@given(text=_TEXTS)
def test_any_text_is_quoted_as_one_word_that_means_it(text: str) -> None:
    """A quoted text is one visible word on one line; read back it is the same text, no option, and no variable is looked at."""
    word = quote_word(text)
    assert len(word.splitlines()) == 1
    assert word.isprintable()
    (read,) = split(word)
    assert read.expand(_Untouchable()).text == text
    assert not read.quote
    assert not read.is_option
    (_, inside, _) = split(f"a {word} b")
    assert inside.expand(_Untouchable()).text == text


@given(name=_TEXTS, size=_TEXTS)
def test_any_text_reaches_the_magic_from_a_cell(name: str, size: str) -> None:
    """A line in a cell, and one that assigns, hand the magic the words that the tree's own reading of the line gives."""
    line = command_lines.of_one("clone", "volume", "3f2a91c0", {"name": name})
    other = command_lines.of_one("extend", "volume", "3f2a91c0", {"size": size})
    for source, before in ((line, ""), (other, ""), (line, "vol = ")):
        cell = TransformerManager().transform_cell(before + source)  # type: ignore[no-untyped-call] # IPython's
        (call,) = [node for node in ast.walk(ast.parse(cell)) if _is_magic(node)]
        assert isinstance(call, ast.Call)
        words = " ".join(ast.literal_eval(argument) for argument in call.args)
        assert f"%{words}".rstrip() == source
    parsed = command_lines.checked(line, _Untouchable())[1]
    assert names.expand(parsed.values["name"] or "") == [name]
    assert command_lines.checked(other, _Untouchable())[1].values["volume"] == ["3f2a91c0", *([size] if size else [])]


def _is_magic(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "run_line_magic"


@pytest.mark.parametrize(
    ("faults", "act", "values"),
    [
        ("create_volume:3:StorageFull", "create", {"size": 1}),
        ("extend_volume:1:crash", "extend", {"size": 2}),
        ("delete_volume:1", "delete", {}),
        ("create_snapshot:1:lost", "snapshot", {"name": "x"}),
        ("create_cloned_volume:1", "clone", {}),
        ("initialize_connection:2", "attach", {}),
    ],
)
def test_a_drivers_error_is_one_line(
    lab: Notebook, session: cl.Session, faults: str, act: str, values: dict[str, object]
) -> None:
    """What the storage refuses is the driver's error with a text of one line, and the history has it."""
    path = session.backends["sim"].config["path"]
    world = _World(session.backend("faulty", volume_driver="sim", path=f"{path}-faulty", faults=faults))
    chosen = world.backend if act == "create" else world.volume
    with pytest.raises(cl.errors.DriverError) as caught:
        run_act(session, lab.shell, actions.line(session, act, [chosen.id], values))
    assert f"simulated fault in {faults.partition(':')[0]}" in str(caught.value)
    assert str(caught.value).isprintable()
    assert "failed" in cl.frames.operations(session)["status"].tolist()


def test_what_a_driver_says_is_shown_on_one_line(lab: Notebook, session: cl.Session) -> None:
    """An error that speaks in several lines, or with escapes, becomes one line that can be seen."""
    backend = session.backends["sim"]
    vol = backend.create_volume(1, name="a\n\x1b[2Jb")
    with pytest.raises(cl.errors.InvalidInput) as caught:
        run_act(session, lab.shell, actions.line(session, "extend", [vol.id], {"size": 1}))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("asked", "values", "message"),
    [
        (("extend", "volume"), {}, "needs the new size"),
        (
            ("extend", "volume"),
            {"size": "big"},
            "NEW_SIZE is a whole number of GiB above 0 (10, 10G, 1.5T), or +GIB to add, not 'big'",
        ),
        (("extend", "volume"), {"size": "-5"}, "above 0 (10, 10G, 1.5T), or +GIB to add, not '-5'"),
        (("extend", "volume"), {"size": 1.5}, "above 0 (2G is the next), or +GIB to add, not '1.5'"),
        (("extend", "volume"), {"size": True}, "size is text or a number"),
        (("extend", "volume"), {"size": float("nan")}, "above 0 (10, 10G, 1.5T), or +GIB to add, not 'nan'"),
        (("extend", "volume"), {"size": 1}, "extend needs a larger size"),
        (("extend", "volume"), {"sise": 1}, "extend takes no 'sise'. It takes: size."),
        (("extend", "volume"), [("size", 1)], "The values of extend are names"),
        (("create", "backend"), {"name": "x"}, "needs --size GIB"),
        (("create", "backend"), {"size": "0"}, "--size takes a whole number of GiB above 0 (10, 10G, 1.5T), not '0'"),
        (("create", "backend"), {"size": 1, "name": "a\ud800"}, "cannot be stored"),
        (("create", "backend"), {"size": 1, "name": "x" * 256}, "256 characters"),
        (("create", "backend"), {"size": 1, "name": ["x"]}, "name is text or a number"),
        (("delete", "volume"), {"cascade": "perhaps"}, "cascade is true or false"),
        (("extend", "backend"), {"size": 2}, "'extend' is not available for a backend"),
        (("format", "volume"), {}, "There is no act 'format'"),
        (("snapshots", "volume"), {}, "Did you mean 'snapshot'?"),
        (("refresh", "volume"), {"x": 1}, "refresh takes no 'x'. It takes: nothing."),
        ((cast("str", 7), "volume"), {}, "There is no act 7"),
    ],
)
def test_a_wrong_value_is_one_line(lab: Notebook, session: cl.Session, asked: tuple[str, str], values: Any, message: str) -> None:
    """A value that cannot be right, an act that there is not, or one for another kind, is said in one line; nothing is done."""
    act, kind = asked
    world = _World(session.backends["sim"])
    before = session.store.head()
    with pytest.raises(cl.errors.InvalidInput) as caught:
        run_act(session, lab.shell, actions.line(session, act, [getattr(world, kind).id], values))
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
    assert session.store.head() == before


@pytest.mark.parametrize("ids", [[], "all", [1], ["3f2a"], ["no\0body"], ["\ud800"], ["x"] * 2, ["' OR 1=1"]])
def test_ids_that_are_none_are_refused(lab: Notebook, session: cl.Session, ids: Any) -> None:
    """Nothing selected, the beginning of an id, or what is no id, is a problem of one line."""
    del lab
    with pytest.raises((cl.errors.InvalidInput, cl.errors.NotFound)) as caught:
        actions.line(session, "delete", ids, {})
    assert str(caught.value).isprintable()


def test_what_vanished_between_two_clicks_is_not_found(lab: Notebook, session: cl.Session) -> None:
    """A resource that somebody else deleted is a problem when the line is made, and when it is run."""
    vol = session.backends["sim"].create_volume(1, name="db")
    line = actions.line(session, "extend", [vol.id], {"size": 2})
    with cl.Session(session.settings.store) as other:
        other.find("db").delete()
    with pytest.raises(cl.errors.NotFound, match=r"not tracked|No volume|tracked under"):
        run_act(session, lab.shell, line)
    with pytest.raises(cl.errors.NotFound):
        actions.line(session, "extend", [vol.id], {"size": 2})


@pytest.mark.parametrize(
    "line",
    [
        "%cl_volume show {id}",
        "%cl_volume manage disk --backend sim",
        "%cl_who",
        "%cl_setup --read-only",
        "%cl_volume delete {id} --help",
        "%cl_volume",
        "cl_volume delete {id}",
        "import os",
        "!touch broken",
        "web-{1..3}\\{4..5}",
        "",
        "cl.find(open('broken', 'w')).refresh()",
        "cl.find('{id}').delete()",
        "for each in (open('broken', 'w'),): cl.find(each).refresh()",
        "%cl_volume delete {id}\nimport os",
    ],
)
def test_nothing_but_acts_is_run(lab: Notebook, session: cl.Session, line: str) -> None:
    """A line that is none of the acts is refused, and nothing of it is run."""
    vol = session.backends["sim"].create_volume(1, name="db")
    vol.create_snapshot()
    with pytest.raises(cl.errors.Error) as caught:
        run_act(session, lab.shell, line.replace("{id}", vol.id))
    assert str(caught.value).isprintable()
    assert vol.status == "available"


def test_acts_are_done_in_the_session_of_the_tree(lab: Notebook, session: cl.Session, tmp_path: Path) -> None:
    """A tree on another session acts in it, on its host, whatever the default session is."""
    with cl.Session(str(tmp_path / "other.db"), host="elsewhere") as other:
        backend = other.backend("theirs", volume_driver="sim", path=str(tmp_path / "theirs"))
        outcome = run_act(other, lab.shell, actions.line(other, "create", [backend.id], {"size": 1, "name": "x"}))
        run_act(other, lab.shell, actions.line(other, "attach", outcome.ids, {}))
        assert [vol.local_attach is not None for vol in backend.volumes] == [True]
        assert backend.volumes[0].connections[0].attached_host == "elsewhere"
        assert cl.frames.volumes(session).empty
        run_act(other, lab.shell, actions.line(other, "detach", outcome.ids, {}))
    with pytest.raises(cl.errors.Refused, match="session of this tree is closed"):
        actions.line(other, "delete", outcome.ids, {})
    with pytest.raises(cl.errors.Refused, match="session of this tree is closed"):
        run_act(other, lab.shell, f"%cl_volume delete {outcome.ids[0]}")


def test_a_read_only_session_refuses_acts(lab: Notebook, session: cl.Session) -> None:
    """In a read-only session an act is refused in one line; binding and refreshing are not."""
    vol = session.backends["sim"].create_volume(1, name="db")
    with cl.Session(session.settings.store, read_only=True) as looking:
        with pytest.raises(cl.errors.ReadOnly):
            run_act(looking, lab.shell, actions.line(looking, "delete", [vol.id], {}))
        run_act(looking, lab.shell, actions.line(looking, "bind", [vol.id], {"variable": "vol"}))
        run_act(looking, lab.shell, actions.line(looking, "refresh", [vol.id], {}))


class _Screen:
    """Where a display writes: what a kernel's shell has, as far as it is asked."""

    kernel = True

    def __init__(self) -> None:
        self.display_pub = self
        self.shown: list[str] = []

    def publish(self, data: dict[str, str], **_more: object) -> None:
        self.shown.append(data["text/plain"])


def test_an_act_in_a_thread_disturbs_no_cell(lab: Notebook, session: cl.Session, tmp_path: Path) -> None:
    """While an act of the tree runs in a thread, cells run and print; the act shows no progress among their outputs."""
    screen: Any = _Screen()
    session.progress = Display(screen, delay=0.01)
    slow = session.backend("slow", volume_driver="sim", path=str(tmp_path / "slow"), latency=0.4)
    source = slow.create_volume(1, name="source")
    screen.shown.clear()
    outcomes: list[actions.Outcome] = []
    line = actions.line(session, "clone", [source.id], {"name": "copy"})
    thread = threading.Thread(target=lambda: outcomes.append(run_act(session, lab.shell, line)))
    thread.start()
    while thread.is_alive():
        assert lab.printed("print('cell')") == "cell\n"
        lab.run("%cl_volume create --size 1 --backend sim")
    thread.join()
    assert [each for each in screen.shown if "copy" in each or "clone" in each] == []
    assert session.find(outcomes[0].ids[0]).name == "copy"
    assert slow.create_volume(1).status == "available"
    assert any(each.startswith("create") for each in screen.shown)


def test_many_threads_act_at_once(lab: Notebook, session: cl.Session) -> None:
    """Acts in several threads on one session all come to their end, and the store has the volumes of all of them."""
    backend = session.backends["sim"]
    problems: list[BaseException] = []

    def act(number: int) -> None:
        try:
            for turn in range(4):
                values = {"size": 1, "name": f"{number}-{turn}"}
                outcome = run_act(session, lab.shell, actions.line(session, "create", [backend.id], values))
                run_act(session, lab.shell, actions.line(session, "extend", outcome.ids, {"size": 2}))
        except cl.errors.Error as error:
            problems.append(error)

    threads = [threading.Thread(target=act, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    frame = cl.frames.volumes(session)
    assert sorted(frame["name"]) == sorted(f"{number}-{turn}" for number in range(5) for turn in range(4))
    assert set(frame["size"]) == {2}


def test_a_failure_does_not_keep_the_others_from_an_act(lab: Notebook, session: cl.Session) -> None:
    """When one of several cannot be deleted the error says which, of how many, and why; the others are deleted."""
    world = _World(session.backends["sim"])
    third = session.backends["sim"].create_volume(1, "third")
    line = actions.line(session, "delete", [world.volume.id, world.other.id, third.id], {})
    with pytest.raises(cl.errors.PartialFailure, match=r"1 of 3 were not deleted.*'other'") as caught:
        run_act(session, lab.shell, line)
    assert [type(error) for _, error in caught.value.failures] == [cl.errors.ResourceBusy]
    assert (world.volume.status, world.other.status, third.status) == ("deleted", "in-use", "deleted")


def test_an_act_of_several_lines_goes_on_after_one_that_fails(lab: Notebook, session: cl.Session) -> None:
    """Where each kind has a line of its own all lines are run, and the error counts resources."""
    world = _World(session.backends["sim"])
    third = session.backends["sim"].create_volume(1, "third")
    lines = actions.line(session, "attach", [world.connection.id, third.id], {})
    world.connection.disconnect()
    with pytest.raises(cl.errors.PartialFailure, match="1 of 2 were not done"):
        run_act(session, lab.shell, lines)
    assert third.status == "in-use"


def test_a_line_brings_the_magics_that_it_needs(lab: Notebook, session: cl.Session) -> None:
    """Where the extension is not loaded, the line to copy loads it first; what is Python, or loaded, stands alone."""
    volume = session.backends["sim"].create_volume(1)
    line = actions.line(session, "extend", [volume.id], {"size": 2})
    assert actions.for_a_cell(lab.shell, line) == line
    lab.run("%unload_ext cl_notebook")
    cell = actions.for_a_cell(lab.shell, line)
    assert cell == f"%load_ext cl_notebook\n{line}"
    refresh = actions.line(session, "refresh", [volume.id], {})
    assert actions.for_a_cell(lab.shell, refresh) == refresh
    assert actions.for_a_cell(None, line) == line
    assert lab.run(cell) is volume
    assert volume.size == 2
