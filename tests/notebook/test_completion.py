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
            [
                "vol",
                "text",
                '"it\'s"',
                "'my vol'",
                "--cascade",
                "--now",
                "--force",
                "--jobs",
                "--background",
                "--dry-run",
                "--yes",
            ],
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


def test_offers_say_what_they_are(stocked: Notebook) -> None:
    """Names have their status and size, backends their driver, statuses and drivers a meaning, verbs and options their help."""
    stocked.run("import cl_notebook as cl")
    described = {
        "%cl_volume show te": {"text": "volume · available · 1 GiB"},
        "%cl_volume show v": {"vol": "variable · Volume"},
        "%cl_volumes --backend s": {"sim": "backend · sim"},
        "%cl_volumes --status err": {
            "error": "create, revert or retype failed",
            "error_deleting": "delete failed",
            "error_extending": "extend failed",
        },
        "%cl_history --status lo": {"lost": "its kernel is dead, and nothing finished or undid it"},
        "%cl_volume delete text status:error_e": {"status:error_extending": "volume · extend failed"},
        "%cl_volumes --sort siz": {"size": "column · GiB", "size:desc": "column · GiB, descending"},
        "%cl_backend add x --driver lo": {"local": "driver · A storage of sparse files in a folder"},
        "%cl_volume cr": {"create": "Make an empty volume"},
        "%cl_volume create --si": {"--size": "Size in GiB"},
        "%cl_volume delete $vol": {"$vol": "variable · Volume", "$vols": "variable · list"},
        'cl.find("te': {"text": "volume · available · 1 GiB"},
    }
    assert {code: stocked.described(code) for code in described} == described
    stocked.run("%cl_volume create --size 1 --name text")
    assert stocked.described("%cl_volume show te") == {"text": "volume · several of that name"}


def test_nothing_unrelated_is_offered(stocked: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing fits nothing is offered: no files, no names of Python; files are where a file is expected."""
    (tmp_path / "a file.json").touch()
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    stocked.run("import cl_notebook as cl")
    for code in (
        "create --name ",
        "create --name f",
        "nosuch ",
        "show zzz",
        "show text # f",
        "create --size ",
        "revert text kept ",
    ):
        assert stocked.tab(f"%cl_volume {code}") == [], code
    for code in ('cl.find("zz', 'cl.find("', "vol.attach(host='", 'cl.Backend("x", volume_driver="sim", latency="'):
        assert not {"folder", "%%HTML", "folder/"} & set(stocked.tab(code)), code
    assert {"'a file.json'", "folder/", "--look"} <= set(stocked.tab("%cl_load "))
    assert stocked.tab("%cl_dump a") == ["'a file.json'"]
    assert stocked.tab('cl.backup("f') == ["folder/"]
    assert "vol" in stocked.tab("%cl_volume show {vo")


def test_strings_of_python_are_completed(stocked: Notebook, session: cl.Session) -> None:
    """In a string that a call of this package takes Tab offers what the parameter takes, escaped as the string needs it."""
    stocked.run("import cl_notebook as cl\nfrom cl_notebook import find as get\nlab = cl.find('sim')")
    lab = stocked.run("lab")
    for name in ('say "hi"', "back\\slash", "two\nlines", "{x}"):
        lab.create_volume(1, name)
    offered = {
        'cl.find("my': ["my vol"],
        "x = cl.find(text='ke": ["kept"],
        'get("say': ['say \\"hi\\"'],
        "get('say": ['say "hi"'],
        'cl.find("back': ["back\\\\slash"],
        "cl.find('it": ["it\\'s"],
        'cl.find("two': ["two\\nlines"],
        'cl.find(r"say': [],
        'cl.Backend("': ["sim"],
        "cl.Backend(volume_driver='": ["local", "sim"],
        'cl.Backend("x", volume_driver="local", reflink="a': ["auto", "always"],
        'cl.Backend.backends["': ["sim"],
        'cl.frames.volumes(status="error,ava': ["available"],
        'cl.frames.volumes(\n    status=["error", "ava': ["available"],
        'cl.frames.volumes(sort="siz': ["size", "size:desc"],
        'cl.frames.snapshots(volume="te': ["text"],
        'cl.frames.read("operations", status="lo': ["lost"],
        'cl.plot.capacity("': ["sim"],
        'cl.plot.timeline(status="fa': ["failed"],
        'cl.each("text", "status:error_d': ["status:error_deleting", "status:error_detaching"],
        'cl.doctor(protocol="is': ["iscsi"],
        'lab.volumes_filtered(volume_name="te': ["text"],
        'cl.Volume.get_by_name("te': ["text"],
        "cl.inventory.scan(['": ["sim"],
        '%cl_volume show it\'s\n!echo "\ncl.find("te': ["text"],
        '%time cl.find("te': ["text"],
        'text = """cl.find("te': None,
        'print(cl.find("text"), "te': None,
        'number.find("te': None,
        '# cl.find("te': None,
    }
    for code, expected in offered.items():
        if expected is None:
            assert "text" not in stocked.tab(code), code
        else:
            assert stocked.tab(code) == expected, code
    assert stocked.described("cl.plot.capacity(")['"sim"'] == "backend · sim"
    assert "abs" not in stocked.tab("cl.plot.capacity(")
    assert {"vol": "variable · Volume", 'cl.find("text")': "volume · available · 1 GiB"}.items() <= stocked.described(
        "cl.plot.lineage("
    ).items()
    assert stocked.described("vol.revert(kep") == {'cl.find("kept")': "snapshot · available · 1 GiB"}
    assert {"vols", "vol"} <= set(stocked.tab("print(vo"))
    assert stocked.described('cl.Backend("x", volume_driver="sim", laten') == {"latency=": "Seconds that each call takes"}
    assert stocked.described('cl.frames.volumes(status="error", siz') == {"size=": "Only where size is that"}
    stocked.shell.user_ns["session"] = session
    assert stocked.tab('session.backends["') == ["sim"]
    [line] = stocked.after_tab('cl.find("say')
    assert stocked.run(f'{line}").name') == 'say "hi"'
    assert stocked.after_tab('cl.frames.volumes(status="error,ava') == ['cl.frames.volumes(status="error,available']


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
