"""What Tab offers in a magic's line."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook import session as sessions
from cl_notebook.testing.stores import fill

if TYPE_CHECKING:
    from tests.notebook.conftest import Notebook


@pytest.fixture
def stocked(lab: Notebook) -> Notebook:
    """Return a notebook with volumes of several names, a snapshot, and variables."""
    lab.run("vol = %cl_volume create --size 1 --name 'my vol'\nvols = [vol]\nnumber = 3")
    lab.run('%cl_volume create --size 1 --name text\n%cl_volume create --size 1 --name "it\'s"')
    lab.run("snap = %cl_volume snapshot text --name kept")
    return lab


@pytest.mark.parametrize(
    ("code", "offered"),
    [
        ("%cl_volumes --st", ["--status"]),
        ("%cl_volumes --attach_", ["--attach-status"]),
        ("df = %cl_volumes --st", ["--status"]),
        ("df['x'] = %cl_volumes --st", ["--status"]),
        ("  %cl_volumes --st", ["--status"]),
        ("cl_volumes --st", ["--status"]),
        ("a = 1\n%cl_volumes --status er", ["error", "error_deleting", "error_extending"]),
        ("%cl_volumes --status error,av", ["available"]),
        ("%cl_volumes --status=av", ["available"]),
        ("%cl_volumes --bootable t", ["true"]),
        ("%cl_volumes --sort siz", ["size", "size:desc"]),
        ("%cl_volumes -c nam", ["name", "name_in_storage"]),
        ("%cl_volumes --format j", ["json"]),
        ("%cl_volumes --backend ", ["sim"]),
        ("%cl_snapshots --volume t", ["text"]),
        ("%cl_backends -c o", ["open"]),
        ("%cl_drivers -c cla", ["class"]),
        ("%cl_history --resource-type sn", ["snapshot"]),
        ("%cl_volume cre", ["create"]),
        ("%cl_volume create --size 1 --backend s", ["sim"]),
        ("%cl_volume create \\\n    --na", ["--name"]),
        ("%cl_volume show v", ["vol"]),
        ("%cl_volume show t", ["text"]),
        ("%cl_volume show m", ["'my vol'"]),
        ("%cl_volume show 'm", ["'my vol'"]),
        ('%cl_volume show "my v', ['"my vol"']),
        ("%cl_volume show it", ['"it\'s"']),
        ("%cl_volume show ", ["vol", "text", '"it\'s"', "'my vol'"]),
        (
            "%cl_volume delete text ",
            ["vol", "text", '"it\'s"', "'my vol'", "--cascade", "--force", "--jobs", "--background", "--dry-run", "--yes"],
        ),
        ("%cl_volume revert text ", ["snap", "kept"]),
        ("%cl_snapshot show k", ["kept"]),
        ("%cl_tree s", ["sim", "snap"]),
        ("%cl_find ke", ["kept"]),
        ("%cl_backend add x --driver l", ["local"]),
        ("%cl_backend add x --driver local --re", ["--replace", "--reflink"]),
        ("%cl_backend add x --driver local --reflink a", ["auto", "always"]),
        ("%cl_backend open s", ["sim"]),
        ("%cl_setup --read-only f", ["false"]),
        ("%cl_volume create --he", ["--help"]),
    ],
)
def test_tab_offers_what_fits(stocked: Notebook, code: str, offered: list[str]) -> None:
    """Tab offers verbs, options and their values, and nothing else."""
    assert sorted(stocked.tab(code)) == sorted(offered)


def test_an_offer_takes_the_place_of_what_was_typed(stocked: Notebook) -> None:
    """Choosing an offer leaves a line that runs: quotes are not doubled, and a list of values keeps its beginning."""
    assert stocked.after_tab("x = %cl_volume show 'my") == ["x = %cl_volume show 'my vol'"]
    assert stocked.after_tab("%cl_volumes --status error,ava") == ["%cl_volumes --status error,available"]
    assert stocked.after_tab("%cl_volumes --format=js") == ["%cl_volumes --format=json"]
    for line in stocked.after_tab("%cl_volume show "):
        stocked.run(line)


def test_the_older_way_to_ask_gives_the_same(stocked: Notebook) -> None:
    """shell.complete, which simple front ends use, gives the text to replace and the offers."""
    line = "vol = %cl_volume show 'my"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is there for older front ends only
        assert tuple(stocked.shell.complete("", line, len(line))) == ("'my", ["'my vol'"])


def test_tab_works_in_the_middle_of_a_cell(stocked: Notebook) -> None:
    """Only the line of the cursor counts, up to the cursor."""
    code = "x = 1\n%cl_volumes --st --limit 3\nprint(x)"
    assert stocked.tab(code, code.index(" --limit")) == ["--status"]


def test_options_are_offered_once(stocked: Notebook) -> None:
    """An option that was typed is not offered again, unless it may be repeated."""
    offered = stocked.tab("%cl_volume create --size 1 --metadata a=b --")
    assert "--size" not in offered
    assert "--metadata" in offered


def test_ids_are_offered_by_their_beginning(stocked: Notebook) -> None:
    """The beginning of an id is completed to the whole."""
    vol = stocked.run("vol")
    assert vol.id in stocked.tab(f"%cl_volume show {vol.id[:3]}")
    assert stocked.tab(f"%cl_volumes --id {vol.id[:6]}") == [vol.id]
    conn = stocked.run("%cl_volume connect text --host web")
    assert stocked.tab("%cl_connection show ") == [conn.id]


def test_a_name_that_cannot_be_typed_is_offered_by_its_id(lab: Notebook) -> None:
    """A volume without a name, or with one that holds control characters or braces, is offered by its id."""
    made = [lab.run("%cl_volume create --size 1")]
    for name in ("a\nb", "\x1b[31m", "{x}", "$y"):
        lab.shell.user_ns["name"] = name
        made.append(lab.run("%cl_volume create --size 1 --name {name}"))
    assert sorted(lab.tab("%cl_volume show ")) == sorted(volume.id for volume in made)


def test_other_completion_is_left_alone(stocked: Notebook) -> None:
    """Python, other magics, and the magics' own names are completed as before."""
    assert "vol" in stocked.tab("print(vo")
    assert "%cl_volumes" in stocked.tab("%cl_vol")
    assert "--status" not in stocked.tab("%timeit --st")
    stocked.run("cl_volumes = 3")
    assert "--status" not in stocked.tab("cl_volumes --st")


def test_tab_touches_no_storage(stocked: Notebook, session: cl.Session) -> None:
    """Tab opens no backend and does nothing that the history shows."""
    stocked.run("%cl_backend close sim")
    before = len(cl.frames.operations())
    for line in ("%cl_volume show ", "%cl_volume create --backend ", "%cl_tree ", "%cl_volumes --name "):
        assert stocked.tab(line)
    assert session.backends == {}
    assert len(cl.frames.operations()) == before


def test_tab_is_quick_on_a_large_store(notebook: Notebook, session: cl.Session) -> None:
    """Names and ids are read through an index, a few rows of it: never by going through the table."""
    fill(session.store, volumes=300, snapshots=1, connections=1)
    asked: list[tuple[str, Any]] = []
    sa.event.listen(session.store.engine, "before_cursor_execute", lambda _c, _u, sql, args, *_: asked.append((sql, args)))
    assert len(notebook.tab("%cl_volume show vol-2")) == 50
    assert notebook.tab("%cl_tree a")
    assert asked
    with session.store.reading() as connection:
        for sql, args in tuple(asked):
            if sql.startswith("SELECT"):
                plan = " ".join(row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", args))
                assert "INDEX" in plan, (sql, plan)
                assert "LIMIT" in sql


def test_tab_is_silent_when_the_store_is_gone(stocked: Notebook, session: cl.Session) -> None:
    """With a store that cannot be read Tab offers what it knows without it, and shows no error."""
    path = Path(str(session.store.url.database))
    session.store.close()
    path.write_bytes(b"no database any more " * 500)
    for name in ("-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)
    stocked.tab("%cl_volume show d")
    assert stocked.tab("%cl_volumes --st") == ["--status"]


@pytest.mark.usefixtures("no_session")
def test_tab_makes_no_store(bare: Notebook, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a store yet Tab makes none; one that is there is read."""
    data = tmp_path / "data"
    monkeypatch.setenv("CL_NOTEBOOK_DATA", str(data))
    bare.run("%load_ext cl_notebook")
    bare.tab("%cl_volume show d")
    assert not data.exists()
    with cl.Session() as other:
        other.backend("lab", volume_driver="sim", path=str(tmp_path / "sim")).create_volume(size=1, name="text")
    assert bare.tab("%cl_volume show t") == ["text"]
    assert sessions.opened_session() is not None


@pytest.mark.parametrize(
    "code",
    [
        "%cl_volume show '",
        "%cl_volume nosuch x",
        "%cl_volumes --nosuch x",
        "%cl_volume create --size=",
        "%cl_backend add --driver=",
        "%cl_backend add x --driver nosuch --p",
        "%cl_volume show a b c d",
        "%cl_volumes --name '\\",
        "%cl_volumes {",
        "%cl_find \x00",
    ],
)
def test_tab_never_fails(stocked: Notebook, code: str) -> None:
    """However odd a line is, Tab raises nothing and prints nothing."""
    stocked.tab(code)
