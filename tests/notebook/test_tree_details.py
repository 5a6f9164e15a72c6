"""The details pane of the tree: fields, what belongs to a resource, its history, variables, the acts to offer."""

from __future__ import annotations

import builtins
import json
import keyword
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

import cl_notebook as cl
from cl_notebook.model.operations import tables as op
from cl_notebook.notebook.tree import actions, command_lines, selection
from cl_notebook.notebook.tree.details import details
from cl_notebook.testing import stores
from tests.notebook.conftest import run_act

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.notebook.conftest import Notebook

ALWAYS = {"bind", "refresh"}
EDITS = {"rename", "set"}
OPEN = {"create", "close", "stats", "scan", "log"}


def _connector(session: cl.Session) -> dict[str, str]:
    return {"host": session.settings.host, "ip": "192.0.2.7"}


def _offered(lab: Notebook, session: cl.Session, resource: Any) -> dict[str, dict[str, Any]]:
    return {act["name"]: act for act in actions.offers(session, lab.shell, resource) if act["why"] is None}


def test_the_payload_of_a_volume_has_all_that_belongs_to_it(lab: Notebook, session: cl.Session) -> None:
    """The pane gets title, status, fields, snapshots, connections, history and acts, all of it plain JSON."""
    vol = session.backends["sim"].create_volume(1, name="db", metadata={"tier": "gold"})
    snap = vol.create_snapshot("before")
    conn = vol.connect({"host": "web1", "ip": "192.0.2.7", "auth_password": "hush"})
    payload = details(session, lab.shell, vol)
    assert json.loads(json.dumps(payload)) == payload
    assert (payload["id"], payload["kind"], payload["title"], payload["status"]) == (vol.id, "volume", "volume db", "in-use")
    fields = dict(payload["fields"])
    assert (fields["size"], fields["backend"], fields["metadata"]) == ("1", "sim", '{"tier": "gold"}')
    assert payload["snapshots"] == [{"id": snap.id, "name": "before", "status": "available"}]
    assert payload["connections"] == [{"id": conn.id, "name": "web1", "status": "attached"}]
    assert (payload["more_snapshots"], payload["more_connections"]) == (0, 0)
    assert "_loaded_snapshots" not in vars(vol)
    assert "hush" not in json.dumps(details(session, lab.shell, conn))
    assert details(session, lab.shell, snap)["title"] == "snapshot before"
    assert details(session, lab.shell, session.backends["sim"])["status"] == "open"


def test_what_a_driver_cannot_do_is_not_offered(lab: Notebook, session: cl.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that cannot extend what is attached, or let in a second host, is not asked to; a closed one is not opened."""
    vol = session.backends["sim"].create_volume(1, name="db")
    monkeypatch.setattr(session.backends["sim"].driver, "features", {"extend_attached": False, "multiattach": False})
    assert {"extend", "attach"} <= set(_offered(lab, session, vol))
    vol.connect({"host": "web1", "ip": "192.0.2.7"})
    assert not {"extend", "attach"} & set(_offered(lab, session, vol))
    session.backends["sim"].close()
    assert {"extend", "attach"} <= set(_offered(lab, session, vol))
    assert session.backends == {}


def test_an_attachment_on_another_host_is_detached_there(lab: Notebook, session: cl.Session) -> None:
    """What is attached through a gateway, though under this host's name, is no attachment of this host; it is offered to go."""
    vol = session.backends["sim"].create_volume(1, name="db")
    conn = vol.attach()
    with session.store.writing() as writing:
        writing.exec_driver_sql("UPDATE connection SET gateway = 'ssh=node2'")
    offered = _offered(lab, session, vol)
    assert "attach" in offered
    assert "detach" not in offered
    conn.refresh()
    assert _offered(lab, session, conn)["detach"]["label"] == f"Detach from host {session.settings.host}"
    assert command_lines.attached_here(session, [conn.id]) == set()
    with session.store.writing() as writing:
        writing.exec_driver_sql("UPDATE connection SET gateway = NULL")


def test_what_a_driver_keeps_to_log_in_with_is_hidden(lab: Notebook, session: cl.Session) -> None:
    """Passwords are masked wherever they stand in what a driver keeps, deep inside it and within texts; the rest is shown."""
    vol = session.backends["sim"].create_volume(1, name="db")
    kept = {
        "provider_auth": "CHAP me hush",
        "deep": [
            {"auth_password": "hush", "secret_uuid": "seen", "auth_username": "seen"},
            {"options": "-o user=seen,password=hush"},
        ],
        "keyring": {"text": "hush"},
        "json": json.dumps({"san_password": "hush", "san_ip": "seen"}),
    }
    with session.store.writing() as connection:
        connection.execute(sa.update(cl.Volume).where(cl.Volume.id == vol.id).values(driver_data=kept))
    vol.refresh()
    assert vol.driver_data == kept
    for payload in (json.dumps(details(session, lab.shell, vol)), repr(lab.run("%cl_volume show db"))):
        assert "hush" not in payload
        assert payload.count("seen") == 4
    assert "hush" not in lab.run("%cl_volumes --long").to_csv()


def test_the_history_has_the_newest_operations_first(lab: Notebook, session: cl.Session, tmp_path: Path) -> None:
    """The history is of this resource alone, newest first, twenty at most, with errors, and who did it."""
    faulty = session.backend("faulty", volume_driver="sim", path=str(tmp_path / "f"), faults="extend_volume:23")
    vol, other = faulty.create_volume(1, name="db"), faulty.create_volume(1)
    for size in range(2, 24):
        vol.extend(size)
    with pytest.raises(cl.errors.DriverError):
        vol.extend(24)
    other.extend(2)
    history = details(session, lab.shell, vol)["history"]
    assert [(entry["action"], entry["status"]) for entry in history[:2]] == [("extend", "failed"), ("extend", "done")]
    assert len(history) == 20
    assert history[0]["error"].startswith("DriverError: ")
    assert history[1]["error"] is None
    assert history[0]["who"].endswith(f"@{session.settings.host}")
    assert abs(history[0]["at"] - time.time()) < 60
    assert history[0]["duration"] >= 0
    assert history == sorted(history, key=lambda entry: -entry["at"])


def test_long_lists_are_cut_and_counted(lab: Notebook, session: cl.Session) -> None:
    """Fifty snapshots and connections are listed, the oldest; the others are counted, and no list is loaded for it."""
    stores.fill(session.store, volumes=1, snapshots=73, connections=51, backend="full")
    vol = session.find("vol-0")
    payload = details(session, lab.shell, vol)
    assert (len(payload["snapshots"]), payload["more_snapshots"]) == (50, 23)
    assert (len(payload["connections"]), payload["more_connections"]) == (50, 1)
    assert payload["snapshots"][0]["name"] == "s0"
    assert not {"_loaded_snapshots", "_loaded_connections"} & set(vars(vol))


def test_what_is_gone_is_not_found(lab: Notebook, session: cl.Session) -> None:
    """A resource that was deleted here or elsewhere has no details: a problem of one line."""
    backend = session.backends["sim"]
    mine, theirs = backend.create_volume(1, name="mine"), backend.create_volume(1, name="theirs")
    mine.delete()
    with cl.Session(session.settings.store) as other:
        other.find("theirs").delete()
    for vol in (mine, theirs):
        with pytest.raises(cl.errors.NotFound, match="not tracked any more"):
            details(session, lab.shell, vol)


def test_what_others_did_is_in_the_details(lab: Notebook, session: cl.Session) -> None:
    """Details are of now: what another session changed since the object was read is in them."""
    vol = session.backends["sim"].create_volume(1, name="db")
    with cl.Session(session.settings.store) as other:
        other.find("db").extend(5)
    assert dict(details(session, lab.shell, vol)["fields"])["size"] == "5"


def test_hostile_names_stay_text_of_one_line(lab: Notebook, session: cl.Session) -> None:
    """A name with line breaks and escapes is given as it is; the warnings and lines made of it are one visible line."""
    name = "a\nb\x1b[2J\u202e<img src=x onerror=alert(1)>{1/0}$x"
    vol = session.backends["sim"].create_volume(1, name=name)
    snap = vol.create_snapshot(name)
    for resource in (vol, snap):
        payload = details(session, lab.shell, resource)
        assert dict(payload["fields"])["name"] == name
        for act in payload["acts"]:
            assert act["line"].isprintable()
            assert (act["danger"] or "").isprintable()


def test_variables_that_hold_it_are_named(lab: Notebook, session: cl.Session) -> None:
    """Variables and places in lists and dicts that hold the resource are listed; without a shell there are none."""
    vol = session.backends["sim"].create_volume(1, name="db")
    lab.shell.user_ns.update(held=vol, several=[1, vol], named={"it's": vol}, _hidden=vol, other=session.backends["sim"])
    payload = details(session, lab.shell, vol)
    assert set(payload["held"]) == {"held", "several[1]", 'named["it\'s"]'}
    without = details(session, None, vol)
    assert (without["held"], without["variable"]) == ([], "db")
    assert "bind" not in {act["name"] for act in without["acts"]}


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("db", "db"),
        ("my db-1", "my_db_1"),
        ("", "vol"),
        ("1st", "st"),
        ("123", "vol"),
        ("class", "class2"),
        ("match", "match2"),
        ("print", "print2"),
        ("In", "In2"),
        ("taken", "taken3"),
        ("cl_find", "cl_find2"),
        ("<img src=x>", "img_src_x"),
        ("__x__", "x"),
        ("\u202e\n", "vol"),
        ("ﬁle", "file"),
        ("データ", "データ"),
        ("x" * 255, "x" * 40),
    ],
)
def test_a_free_variable_is_offered(lab: Notebook, session: cl.Session, name: str, variable: str) -> None:
    """The variable that is offered is the name made an identifier, with a number if it is taken; binding to it works."""
    lab.shell.user_ns.update(taken=1, taken2=2)
    vol = session.backends["sim"].create_volume(1, name=name)
    payload = details(session, lab.shell, vol)
    (bind,) = (act for act in payload["acts"] if act["name"] == "bind")
    assert payload["variable"] == bind["asks"][0]["value"] == variable
    run_act(session, lab.shell, bind["line"])
    assert lab.run(variable) is vol


@given(name=st.text(st.characters()))
def test_any_name_makes_an_identifier(name: str) -> None:
    """Whatever the name is, what is offered is an identifier as Python reads it, no keyword, and hides nothing built in."""
    resource: Any = SimpleNamespace(name=name, kind="snapshot")
    variable = selection.free_name(None, resource)
    assert variable.isidentifier()
    assert not keyword.iskeyword(variable)
    assert not hasattr(builtins, variable)
    scope: dict[str, int] = {}
    exec(f"{variable} = 1", scope)  # noqa: S102 - an identifier, as was just asserted
    assert variable in scope


def test_each_kind_has_its_acts(lab: Notebook, session: cl.Session) -> None:
    """Whole resources offer everything that can be done to their kind, and no more."""
    backend = session.backends["sim"]
    vol = backend.create_volume(1, name="db")
    snap = vol.create_snapshot()
    whole = ALWAYS | EDITS | {"snapshot", "clone", "extend"}
    assert set(_offered(lab, session, backend)) == ALWAYS | OPEN
    assert set(_offered(lab, session, vol)) == whole | {"attach", "delete"}
    assert set(_offered(lab, session, snap)) == ALWAYS | EDITS | {"volume", "revert", "delete"}
    conn = vol.connect(_connector(session))
    assert set(_offered(lab, session, conn)) == ALWAYS | {"attach", "disconnect"}
    conn.attach()
    assert set(_offered(lab, session, conn)) == ALWAYS | {"detach"}
    assert set(_offered(lab, session, vol)) == whole | {"detach"}
    assert set(_offered(lab, session, snap)) == ALWAYS | EDITS | {"volume", "delete"}
    backend.close()
    assert "revert" not in _offered(lab, session, snap)
    vol.detach()
    backend.close()
    assert "revert" in _offered(lab, session, snap)
    assert not backend.is_open


def test_a_connection_of_another_host_is_not_attached_from_here(lab: Notebook, session: cl.Session) -> None:
    """What belongs to another host is offered neither for attaching nor for detaching."""
    vol = session.backends["sim"].create_volume(1, name="db")
    with cl.Session(session.settings.store, host="elsewhere") as other:
        other.find("db").attach()
    assert set(_offered(lab, session, vol)) == ALWAYS | EDITS | {"snapshot", "clone", "extend", "attach"}
    vol.refresh()
    assert set(_offered(lab, session, vol.connections[0])) == ALWAYS
    web = vol.connect({"host": "web1", "ip": "192.0.2.7"})
    assert set(_offered(lab, session, web)) == ALWAYS | {"disconnect"}


def test_a_read_only_session_offers_only_to_look(lab: Notebook, session: cl.Session) -> None:
    """Where nothing may be changed only binding and refreshing are offered, and of a backend what reads."""
    vol = session.backends["sim"].create_volume(1, name="db")
    vol.create_snapshot()
    with cl.Session(session.settings.store, read_only=True) as looking:
        for text, reading in (("db", set()), ("sim", OPEN - {"create"} | {"open"})):
            assert {act["name"] for act in details(looking, lab.shell, looking.find(text))["acts"]} == ALWAYS | reading


def _of_several(session: cl.Session, *resources: Any) -> dict[str, dict[str, Any]]:
    return {act["name"]: act for act in actions.offers_of_several(session, resources)}


@pytest.mark.usefixtures("lab")
def test_several_are_offered_what_can_be_done_to_all_of_them(session: cl.Session) -> None:
    """Several volumes are offered what they can, with no reason against it, and nothing that is done to one at a time."""
    volumes = [session.backends["sim"].create_volume(1, name=name) for name in ("a", "b")]
    offered = _of_several(session, *volumes)
    assert {name for name, act in offered.items() if act["why"] is None} == {
        *("refresh", "snapshot", "extend", "attach", "set", "delete"),
    }
    assert {offered[name]["why"] for name in ("clone", "rename")} == {"Only one at a time."}
    assert [(ask["name"], ask["value"]) for ask in offered["extend"]["asks"]] == [("size", "+1")]
    assert [ask["name"] for ask in offered["set"]["asks"]] == ["description", "metadata", "protected", "bootable"]
    assert offered["detach"]["why"] == "Each is not attached on this host."
    assert offered["delete"]["danger"] == "Delete"
    assert json.loads(json.dumps(offered)) == offered


@pytest.mark.usefixtures("lab")
def test_what_cannot_be_done_to_several_says_to_which_and_why(session: cl.Session) -> None:
    """An act is offered for all of the selection or not at all; the reason names the first resources that speak against it."""
    used, free, kept = (session.backends["sim"].create_volume(1, name=name) for name in ("used", "free", "kept"))
    conn = used.attach()
    snap = kept.create_snapshot("s")
    offered = _of_several(session, used, free, kept)
    assert offered["delete"]["why"] == "volume 'used' has 1 connection."
    assert offered["attach"]["why"] == "volume 'used' is attached on this host already."
    assert offered["detach"]["why"] == "volume 'free' is not attached on this host; volume 'kept' is not attached on this host."
    assert {act["name"]: act["why"] for act in actions.offers(session, None, used) if act["why"]} == {
        "attach": "It is attached on this host already.",
        "retype": "It is on a driver that cannot retype.",
        "delete": "It has 1 connection.",
    }
    assert [ask["name"] for ask in _of_several(session, free, kept)["delete"]["asks"]] == ["cascade"]
    mixed = _of_several(session, free, snap, conn, session.backends["sim"])
    assert "a connection has no such act" in mixed["delete"]["why"]
    assert "and 1 more" not in mixed["delete"]["why"]
    assert "volume 'free' cannot be chosen: a volume has no such act" in mixed["disconnect"]["why"]
    assert _of_several(session, conn, used)["disconnect"]["why"].startswith("connection")


@pytest.mark.usefixtures("lab")
def test_a_read_only_session_offers_several_only_to_look(session: cl.Session) -> None:
    """Where nothing may be changed several resources are offered a refresh alone."""
    made = [session.backends["sim"].create_volume(1, name=name) for name in "ab"]
    with cl.Session(session.settings.store, read_only=True) as looking:
        assert list(_of_several(looking, *[looking.find(each.id) for each in made])) == ["refresh"]


_BROKEN: dict[str, tuple[str, Callable[[cl.Volume], object], set[str]]] = {
    "error": ("create_volume:1", lambda vol: vol, {"delete"}),
    "error_extending": ("extend_volume:1", lambda vol: vol.extend(2), {"extend", "attach", "delete"}),
    "error_deleting": ("delete_volume:1", lambda vol: vol.delete(), {"delete"}),
}


@pytest.mark.parametrize("status", _BROKEN)
def test_a_broken_volume_offers_what_mends_it(lab: Notebook, session: cl.Session, tmp_path: Path, status: str) -> None:
    """After a failure only what the status allows is offered, and each of these acts then succeeds."""
    faults, spoil, expected = _BROKEN[status]
    faulty = session.backend("faulty", volume_driver="sim", path=str(tmp_path / "f"), faults=faults)
    with pytest.raises(cl.errors.DriverError):
        spoil(faulty.create_volume(1, name="db"))
    vol = session.find("db")
    assert vol.status == status
    offered = _offered(lab, session, vol)
    assert set(offered) == ALWAYS | EDITS | expected
    run_act(session, lab.shell, offered["delete"]["line"])
    assert vol.status == "deleted"


def test_what_is_worked_on_is_left_alone_until_its_kernel_is_dead(lab: Notebook, session: cl.Session) -> None:
    """While a living kernel deletes a volume nothing is offered for it; once the kernel is known to be dead, deleting is."""
    with cl.Session(session.settings.store) as other:
        other.backend("sim").create_volume(1, name="db")
    with session.store.writing() as connection:
        connection.execute(sa.text("UPDATE volume SET status = 'deleting'"))
        connection.execute(sa.update(op.Operation).where(op.Operation.resource_type == "volume").values(status="running"))
    vol = session.find("db")
    assert set(_offered(lab, session, vol)) == ALWAYS
    with session.store.writing() as connection:
        connection.execute(sa.update(op.Kernel).values(start_ticks=1))
    offered = _offered(lab, session, vol)
    assert set(offered) == ALWAYS | {"delete"}
    run_act(session, lab.shell, offered["delete"]["line"])


def test_every_act_that_is_offered_succeeds_with_what_it_offers(lab: Notebook, session: cl.Session, tmp_path: Path) -> None:
    """The line of each offer is the one that its default values make, and running it succeeds."""
    names = {"backend": {"create"}, "volume": {"snapshot", "clone", "extend", "attach", "detach", "delete"}}
    names |= {"snapshot": {"volume", "revert", "delete"}, "connection": {"attach", "detach", "disconnect"}}
    done: set[tuple[str, str]] = set()
    for kind, wanted in names.items():
        for number, name in enumerate(sorted(wanted | ALWAYS)):
            path = str(tmp_path / f"{kind}{number}")
            backend = session.backend(f"{kind}{number}", volume_driver="sim", path=path)
            vol = backend.create_volume(1, name="db")
            resource: Any = {"backend": backend, "volume": vol}.get(kind)
            if kind == "snapshot" or (kind == "volume" and name == "delete"):
                made = vol.create_snapshot("first")
                resource = resource or made
            if kind == "connection":
                resource = vol.connect(_connector(session))
            if name == "detach":
                resource.attach()
            offer = _offered(lab, session, resource)[name]
            values = {ask["name"]: ask["value"] for ask in offer["asks"]}
            assert actions.line(session, name, [resource.id], values) == offer["line"]
            run_act(session, lab.shell, offer["line"])
            done.add((kind, name))
    assert len(done) == sum(len(wanted | ALWAYS) for wanted in names.values())


def test_what_goes_is_named(lab: Notebook, session: cl.Session) -> None:
    """The warning of a destructive act names what goes: the volume with size and snapshots, what a revert undoes, the host."""
    vol = session.backends["sim"].create_volume(10, name="db")
    assert _offered(lab, session, vol)["delete"]["danger"] == "volume 'db' (10 GiB)"
    assert _offered(lab, session, vol)["delete"]["asks"] == []
    snap, unnamed = vol.create_snapshot("before"), vol.create_snapshot()
    offer = _offered(lab, session, vol)["delete"]
    assert offer["danger"] == f"volume 'db' (10 GiB) and its 2 snapshots: 'before', {unnamed.id[:8]}"
    assert [(ask["name"], ask["type"], ask["value"], ask["required"]) for ask in offer["asks"]] == [
        ("cascade", "flag", True, True)
    ]
    assert offer["line"].endswith("--cascade --yes")
    for number in range(5):
        vol.create_snapshot(f"s{number}")
    assert _offered(lab, session, vol)["delete"]["danger"].endswith("'s0', 's1', 's2' and 2 more")
    payload = _offered(lab, session, snap)
    assert payload["delete"]["danger"] == "snapshot 'before' of volume 'db' (10 GiB)"
    assert payload["revert"]["danger"].startswith(
        "what was written to volume 'db' (10 GiB) since snapshot 'before' was taken, 20"
    )
    conn = vol.connect({"host": "web1", "ip": "192.0.2.7"})
    assert _offered(lab, session, conn)["disconnect"]["danger"] == "the connection of host 'web1' to volume 'db'"
    harmless = {"bind", "refresh", "create", "snapshot", "clone", "extend", "attach", "detach", "volume"}
    for resource in (vol, snap, conn, session.backends["sim"]):
        assert all(act["danger"] is None for name, act in _offered(lab, session, resource).items() if name in harmless)


def test_details_cost_a_constant_number_of_queries(lab: Notebook, session: cl.Session) -> None:
    """However many volumes, snapshots and connections there are, details take the same few queries."""
    counts = []
    for backend, volumes, each in (("few", 1, 1), ("many", 300, 40)):
        stores.fill(session.store, volumes=volumes, snapshots=each, connections=each, backend=backend)
        vol = session.find(backend).volumes[0]
        sent: list[str] = []
        sa.event.listen(session.store.engine, "before_cursor_execute", lambda *payload, sent=sent: sent.append(payload[2]))
        details(session, lab.shell, vol)
        counts.append(len([text for text in sent if text.startswith("SELECT")]))
    assert counts[0] == counts[1] <= 12
