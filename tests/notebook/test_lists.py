"""The lists: filters, columns, pages and formats."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

import pandas as pd
import pytest
import yaml
from IPython.core.interactiveshell import InteractiveShell

import cl_notebook as cl
from cl_notebook.frames import api
from cl_notebook.testing.stores import fill

if TYPE_CHECKING:
    from tests.notebook.conftest import Notebook

HOSTILE = "<b>\x1b[31m\u202ered\n, \"quoted\" 'name'"
"""A name that wants to be HTML, to steer a terminal, to turn the reading direction, and to break each format."""


@pytest.fixture
def filled(notebook: Notebook, session: cl.Session) -> Notebook:
    """Return a notebook on a store with twelve volumes on two backends."""
    fill(session.store, volumes=10, backend="big")
    fill(session.store, volumes=2, backend="small")
    return notebook


@pytest.mark.parametrize("kind", ["backends", "volumes", "snapshots", "connections"])
def test_a_list_is_the_frame_of_its_kind(filled: Notebook, kind: str) -> None:
    """%cl_volumes and the like give the DataFrame of cl.frames, the short columns or with --long all of them."""
    short, long = filled.run(f"%cl_{kind}"), filled.run(f"%cl_{kind} --long")
    assert list(short.columns) == list(api.DEFAULT_COLUMNS[kind])
    pd.testing.assert_frame_equal(short, getattr(api, kind)(columns=list(short.columns)))
    assert set(long.columns) == set(api.COLUMNS[kind])


def test_a_list_can_be_assigned(filled: Notebook) -> None:
    """The line df = %cl_volumes binds the frame."""
    filled.run("df = %cl_volumes --backend small")
    assert len(filled.shell.user_ns["df"]) == 2


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("--status error", 2),
        ("--status error,in-use", 4),
        ("--status '!available'", 4),
        ("--name 'vol-1*' --backend big", 1),
        ("--size '>9'", 1),
        ("--size='<=2' --backend small", 2),
        ("--bootable false", 12),
        ("--attach_status detached --status error --backend big", 2),
        ("--name nothing", 0),
    ],
)
def test_filters_are_columns(filled: Notebook, asked: str, expected: int) -> None:
    """A list is filtered by its columns; several filters must all hold."""
    assert len(filled.run(f"%cl_volumes {asked}")) == expected


def test_columns_and_sorting_are_chosen(filled: Notebook) -> None:
    """-c and --sort repeat, and keep the order in which they are typed."""
    frame = filled.run("%cl_volumes -c size --column name --sort size:desc --sort name -c id")
    assert list(frame.columns) == ["size", "name"]
    assert frame["size"].tolist() == sorted(frame["size"], reverse=True)
    assert list(filled.run("%cl_backends -c open -c name --sort name:desc").itertuples(index=False, name=None)) == [
        (False, "small"),
        (False, "big"),
    ]


def test_pages_follow_each_other(filled: Notebook) -> None:
    """--limit cuts a page and says how to get the next; the pages together are the whole list."""
    first = filled.seen("%cl_volumes --limit 7")
    assert len(first.value) == 7
    assert f"--marker {first.value.index[-1]}" in first.out
    rest = filled.seen(f"%cl_volumes --limit 7 --marker {first.value.index[-1]}")
    assert "marker" not in rest.out
    assert [*first.value.index, *rest.value.index] == list(filled.run("%cl_volumes --limit 0").index)


def test_a_list_without_a_limit_is_one_page(notebook: Notebook, session: cl.Session) -> None:
    """Without --limit a list shows a thousand rows, and one line says that there are more; --limit 0 is all."""
    fill(session.store, volumes=1001, snapshots=0, connections=0)
    seen = notebook.seen("%cl_volumes")
    assert len(seen.value) == 1000
    assert "There are more than these 1000 rows." in seen.out
    assert len(notebook.run("%cl_volumes --limit 0")) == 1001


def test_the_history_begins_with_the_newest(lab: Notebook) -> None:
    """%cl_history lists what was done, the newest first, page by page."""
    lab.run("%cl_volume create --size 1 --name db\n%cl_volume delete db")
    shown = lab.run("%cl_history --limit 2")
    assert shown["action"].tolist() == ["delete", "create"]
    older = lab.run(f"%cl_history --marker {shown.index[-1]}")
    assert older["action"].tolist() == ["add"]
    assert "not 'x'" in lab.refused("%cl_history --marker x")


def test_the_drivers_are_listed(notebook: Notebook) -> None:
    """%cl_drivers lists the installed drivers with their options."""
    frame = notebook.run("%cl_drivers")
    assert {"local", "sim"} <= set(frame.index)
    assert "local" in notebook.printed("%cl_drivers -f value -c name").split()


def test_an_empty_list_keeps_its_columns(notebook: Notebook) -> None:
    """With nothing tracked a list has its columns and no rows, in every format."""
    assert list(notebook.run("%cl_volumes").columns) == list(api.DEFAULT_COLUMNS["volumes"])
    assert json.loads(notebook.printed("%cl_volumes -f json")) == []
    assert notebook.printed("%cl_volumes -f yaml").strip() == "[]"
    assert notebook.printed("%cl_volumes -f value") == ""
    assert "| id" in notebook.printed("%cl_volumes -f table")


def test_formats_hold_what_the_frame_holds(lab: Notebook) -> None:
    """json, yaml and csv give back the names as they are, or with what a terminal would obey written out."""
    lab.shell.user_ns["name"] = HOSTILE
    vol = lab.run("%cl_volume create --size 2 --name $name --metadata a=b")
    [row] = json.loads(lab.printed("%cl_volumes -f json --long"))
    assert (row["id"], row["name"], row["size"], row["metadata"]) == (vol.id, HOSTILE, 2, {"a": "b"})
    [row] = yaml.safe_load(lab.printed("%cl_volumes -f yaml --long"))
    assert (row["id"], row["name"], row["size"], row["pool_name"]) == (vol.id, HOSTILE, 2, None)
    header, line = csv.reader(io.StringIO(lab.printed("%cl_volumes -f csv -c size -c name")))
    assert header == ["size", "name"]
    assert line == ["2", HOSTILE.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e").replace("\n", "\\n")]
    assert lab.printed("%cl_volumes -f value -c size") == "2\n"


@pytest.mark.parametrize("form", ["table", "json", "csv", "yaml", "value"])
def test_no_name_steers_the_terminal(lab: Notebook, form: str) -> None:
    """Whatever a name holds, a text format prints no control and no direction character, and no line of its own."""
    lab.shell.user_ns["name"] = HOSTILE
    lab.run("%cl_volume create --size 1 --name $name")
    printed = lab.printed(f"%cl_volumes -f {form} -c name")
    assert not {"\x1b", "\u202e", "\r"} & set(printed)
    assert len(printed.splitlines()) == {"table": 5, "json": 5, "csv": 2, "yaml": 1, "value": 1}[form]


def test_a_table_is_aligned(lab: Notebook) -> None:
    """Each line of a table is as wide as the others, counting wide characters as two."""
    lab.run("%cl_volume create --size 1 --name データ\n%cl_volume create --size 1 --name plain")
    lines = lab.printed("%cl_volumes -f table -c name -c size").splitlines()
    assert [line.count("|") for line in lines if line.startswith("|")] == [3, 3, 3]
    assert len({len(line) + sum(character in "データ" for character in line) for line in lines}) == 1


def test_a_note_does_not_mix_with_data(filled: Notebook) -> None:
    """That there are more rows is not said in the middle of what another program reads."""
    with_note = filled.printed("%cl_volumes --limit 2 -f json")
    assert "--marker" in with_note
    assert len(json.loads(with_note[: with_note.rindex("]") + 1])) == 2


def test_html_of_a_name_is_escaped(lab: Notebook) -> None:
    """The HTML of a list, and of a volume that is shown, holds no markup that a name brought."""
    lab.run("%cl_volume create --size 1 --name '<script>x</script>'")
    shown = lab.run("%cl_volume show '<script>x</script>'")
    for html in (lab.run("%cl_volumes").to_html(), shown._repr_mimebundle_()["text/html"]):
        assert "<script>" not in html
        assert "&lt;script&gt;" in html


def test_lists_need_no_backend(filled: Notebook) -> None:
    """Lists read the store alone: nothing of the storage is opened for them."""
    filled.run("%cl_volumes\n%cl_backends\n%cl_tree\n%cl_history")
    assert cl.default_session().backends == {}


@pytest.mark.parametrize("noun", ["backends", "volumes", "snapshots", "connections", "history"])
def test_the_advice_on_a_word_too_many_can_be_followed(lab: Notebook, noun: str) -> None:
    """The options that the error names are options of that very magic."""
    shown = lab.refused(f"%cl_{noun} x")
    advised = re.findall(r"(--[a-z-]+) VALUE", shown)
    assert advised
    for option in advised:
        lab.run(f"%cl_{noun} {option} 'x*'")


def test_a_name_with_a_comma_is_found(lab: Notebook) -> None:
    """A volume whose name has a comma is found by --name with that name."""
    lab.run("_ = %cl_volume create --size 1 --name a,b")
    assert len(lab.run("%cl_volumes --name 'a,b'")) == 1
    assert len(lab.run(r"%cl_volumes --name 'a\,b'")) == 1


def test_an_empty_list_says_how_to_begin(notebook: Notebook, session: cl.Session) -> None:
    """An empty list says in magics, or in Python, what creates the first row, or what was asked for; an empty store, the ways."""
    assert "%cl_demo" in repr(notebook.run("%cl_volumes"))
    assert "%cl_demo" in repr(notebook.run("%cl_backends"))
    assert "cl.demo()" in repr(cl.frames.volumes())
    assert "%cl_" not in repr(cl.frames.volumes())
    fill(session.store, volumes=0)
    assert repr(notebook.run("%cl_volumes")) == "No volumes yet: %cl_volume create --size 1 --name db"
    assert repr(cl.frames.volumes()) == 'No volumes yet: backend.create_volume(size=1, name="db")'
    assert repr(notebook.run("%cl_volumes --status error --size '>3'")) == "No volumes with status error, size >3."
    assert "%cl_volume attach" in str(notebook.run("%cl_connections")._repr_html_())


def test_a_shell_chooses_how_lists_are_shown(filled: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """%config ClNotebook.display = "pandas" shows and prints frames as pandas does, in this shell alone, until it is set back."""
    frame = filled.run("df = %cl_volumes\ndf")
    shown = filled.shell.display_formatter.format  # type: ignore[union-attr] # the shell has one
    assert "GiB" in shown(frame)[0]["text/plain"]
    filled.run('%config ClNotebook.display = "pandas"')
    raw = pd.DataFrame(frame)
    assert shown(frame)[0] == {"text/plain": repr(raw), "text/html": raw._repr_html_()}  # type: ignore[operator] # not in the stubs
    assert "GiB" in repr(frame)
    monkeypatch.setattr(InteractiveShell, "_instance", filled.shell)  # it is now the one of this process
    assert repr(frame) == repr(raw)
    filled.run('%config ClNotebook.display = "list"')
    assert "GiB" in repr(frame)
    assert "GiB" in shown(frame)[0]["text/plain"]
    assert "GiB" in shown(frame)[0]["text/html"]


def test_a_profile_may_choose_how_lists_are_shown(bare: Notebook) -> None:
    """c.ClNotebook.display of a profile holds from the first list on; unloading the extension leaves nothing of it."""
    bare.shell.config.ClNotebook.display = "pandas"
    bare.run("%load_ext cl_notebook")
    frame = bare.run("import cl_notebook\ncl_notebook.frames.drivers()")
    shown = bare.shell.display_formatter.format  # type: ignore[union-attr] # the shell has one
    assert shown(frame)[0]["text/plain"] == repr(pd.DataFrame(frame))
    bare.run("%unload_ext cl_notebook")
    assert shown(frame)[0]["text/plain"] == repr(frame)
    assert not [item for item in bare.shell.configurables if type(item).__name__ == "ClNotebook"]
