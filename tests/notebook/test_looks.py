"""The tree, what was lost, who holds what, and the settings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import session as sessions
from cl_notebook.notebook.tree import assets
from cl_notebook.testing.stores import fill
from cl_notebook.treemodel.render import Tree

if TYPE_CHECKING:
    from tests.notebook.conftest import Notebook


def test_the_tree_is_of_everything_or_of_one(lab: Notebook) -> None:
    """%cl_tree gives the tree of all, or of the resource that is named."""
    lab.run("vol = %cl_volume create --size 1 --name db\n%cl_volume snapshot db --name before")
    whole, part = lab.run("%cl_tree"), lab.run("%cl_tree vol")
    assert isinstance(whole, Tree)
    assert repr(whole).startswith("backend")
    assert repr(part).startswith("volume")
    assert "before" in repr(part)
    assert "before" in repr(lab.run("volumes = %cl_volumes\n%cl_tree volumes"))
    assert "NotFound" in lab.refused("%cl_tree nosuch")
    assert "Did you mean 'pool'?" in lab.refused("%cl_tree --columns pol")
    shown = repr(lab.run("%cl_tree vol --panel --columns name,size")).splitlines()
    assert shown == ["volume  db  1 GiB", "└── snapshot  before  1 GiB"], "without a front end it is below the line that says so"


def test_a_lost_reference_is_found(lab: Notebook) -> None:
    """%cl_find gives the object that was lost, and binds it to a variable."""
    vol = lab.run("%cl_volume create --size 1 --name database")
    assert lab.run("%cl_find datab -v found") is vol
    assert lab.run("found") is vol
    assert lab.run(f"%cl_find {vol.id[:4]}") is vol
    lab.run("%cl_volume create --size 1 --name 'data two'")
    assert len(lab.ambiguous("%cl_find data -v found")) == 2
    assert len(lab.run("%cl_find data --all -v several")) == 2
    assert lab.run("%cl_find data two").name == "data two"
    assert "NotFound" in lab.refused("%cl_find nothing")
    assert "not 'class'" in lab.refused("%cl_find data -v class")


def test_who_lists_variables_and_what_is_lost(lab: Notebook) -> None:
    """%cl_who lists the variables, also inside lists and dicts, then what no variable holds."""
    lab.run(
        "vol = %cl_volume create --size 1 --name db\nsnap = %cl_volume snapshot db --name s\nlost = %cl_volume create --size 1\n"
        "held = {'a': snap, 1: 2}\nvols = [0, vol]\n_hidden = lost\nlost = None"
    )
    frame = lab.run("%cl_who")
    held = frame[frame["variable"].notna()]
    assert dict(zip(held["variable"], held["name"], strict=True)) == {
        "vol": "db",
        "snap": "s",
        "held['a']": "s",
        "vols[1]": "db",
    }
    lost = frame[frame["variable"].isna()]
    assert sorted(lost["kind"]) == ["backend", "volume"]
    assert len(lab.run("%cl_who --held")) == 4
    assert len(lab.run("%cl_who --lost")) == 2


def test_who_shows_a_page_of_what_is_lost(notebook: Notebook, session: cl.Session) -> None:
    """Of many resources without a variable %cl_who lists as many as asked for, and says that there are more."""
    fill(session.store, volumes=30)
    seen = notebook.seen("%cl_who --limit 10")
    assert len(seen.value) == 10
    assert "there are more" in seen.out
    assert len(notebook.run("%cl_who --limit 0")) == 1 + 30 + 60 + 30


def test_the_settings_are_shown_and_set(notebook: Notebook) -> None:
    """%cl_setup shows the settings, sets what is typed and keeps the rest."""
    before = notebook.run("%cl_setup")
    shown = notebook.run("%cl_setup --host lab1 --root-helper 'sudo -n'")
    assert shown.loc["store", "value"] == before.loc["store", "value"]
    assert (shown.loc["host", "value"], shown.loc["root_helper", "value"]) == ("lab1", "sudo -n")
    assert notebook.run("%cl_setup --read-only").loc["read_only", "value"] == "true"
    assert cl.default_session().settings.host == "lab1"
    assert notebook.run("%cl_setup memory --read-only false").loc["store", "value"] == "memory"
    assert "memory store ends with its session" in notebook.refused("%cl_setup --host lab2")
    assert "one store" in notebook.refused("%cl_setup memory --store memory")


def test_what_cinderlib_is_set_up_with_is_set_too(notebook: Notebook) -> None:
    """%cl_setup sets cinderlib's parameters and Cinder's own options, and shows those that are not as by default."""
    assert "project_id" not in notebook.run("%cl_setup").index
    words = "--project-id blue --non-uuid-ids --fail-on-missing-backend false"
    shown = notebook.run(f"%cl_setup {words} --cinder my_ip=192.0.2.7 --cinder transport_url=rabbit://a:hush@b")["value"]
    assert (shown["project_id"], shown["non_uuid_ids"], shown["fail_on_missing_backend"]) == ("blue", "true", "false")
    assert (shown["my_ip"], shown["transport_url"]) == ("192.0.2.7", "***")
    again = notebook.run("%cl_setup --host lab1")["value"]
    assert (again["host"], again["project_id"], again["my_ip"]) == ("lab1", "blue", "192.0.2.7")
    assert cl.default_session().settings.cinder_options["transport_url"] == "rabbit://a:hush@b"
    assert "--cinder my_ip=192.0.2.7" in notebook.refused("%cl_setup --cinder my_ip")
    assert "Did you mean 'host'" in notebook.refused("%cl_setup --cinder hots=a")


@pytest.mark.usefixtures("no_session")
def test_a_stores_password_is_not_shown(bare: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """%cl_setup masks the password in the store's URL."""
    monkeypatch.setenv("CL_NOTEBOOK_STORE", "postgresql+psycopg://user:hush@db.example/x")
    bare.run("%load_ext cl_notebook")
    try:
        shown = bare.run("%cl_setup").to_string()
    except AssertionError as error:  # the database's Python driver is not installed
        shown = str(error)
    assert "hush" not in shown
    assert sessions.opened_session() is None


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("cl", "module"),
        ("count", "int"),
        ("text", "str"),
        ("Volume", "type"),
        ("act", "function"),
        ("list", "own"),
        ("In", "own"),
    ],
)
def test_binding_replaces_nothing_of_another_kind(lab: Notebook, name: str, holds: str) -> None:
    """%cl_find -v refuses a name that holds something else than a resource, and says what; the value stays."""
    lab.run(
        "%cl_volume create --size 1 --name db\nimport cl_notebook as cl\nfrom cl_notebook import Volume\ncount, text = 7, 'x'"
    )
    lab.run("def act(): pass")
    before = lab.run(name)
    shown = lab.refused(f"%cl_find db -v {name}")
    assert holds in shown
    assert "Choose another" in shown
    assert lab.run(name) is before


def test_binding_again_replaces_what_a_magic_bound(lab: Notebook) -> None:
    """A variable that holds a resource, a list of them, a tree or nothing is bound anew, so that a cell can be run again."""
    vol = lab.run("%cl_volume create --size 1 --name db")
    for _ in range(2):
        lab.run("%cl_find db --all -v v")
        assert lab.run("%cl_find db -v v\nv") is vol
        lab.run("v = %cl_tree -v v\nv = None")
    assert lab.printed("%cl_find db -v v;") == ""
    assert f"v held volume 'db' ({vol.id[:8]}) before, and holds a backend now." in lab.printed("%cl_find sim -v v;")


def test_no_class_of_the_live_tree_is_a_class_of_cards_and_lists(lab: Notebook) -> None:
    """The style sheet of the live tree, which is that of the whole page, has no rule for a class of cards, lists or reports."""
    lab.run("%cl_backend add full --driver sim --capacity 10")
    lab.run("vol = %cl_volume create --backend full --size 1 --name db\n%cl_volume snapshot db --name before")
    displays = [lab.run(cell) for cell in ("vol", "vol.backend", "%cl_volumes", "%cl_status", "%cl_scan", "%cl_history")]
    formatter: Any = lab.shell.display_formatter
    markup = "".join(formatter.format(display)[0]["text/html"] for display in displays)
    classes = {name for names in re.findall(r"class='([^']*)'", markup) for name in names.split()}
    assert {"cl-card", "clc-bar", "clc-num"} <= classes
    assert classes.isdisjoint(re.findall(r"\.(cl-[\w-]+)", assets.style()))
