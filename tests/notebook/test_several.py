"""Several resources in one line: names, ranges, globs, terms of the filter, frames and lists; a question before they are lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook.many.report import Report

if TYPE_CHECKING:
    from pathlib import Path

    from tests.notebook.conftest import Notebook


@pytest.fixture
def stocked(lab: Notebook) -> Notebook:
    """Give a notebook with volumes db-1, db-2, db-10, web-1 of 2 GiB, and a frame of those that begin with db."""
    lab.run("import cl_notebook as cl; sim = cl.Backend('sim')")
    lab.run(
        "db1, db2, db10 = (sim.create_volume(1, name) for name in ('db-1', 'db-2', 'db-10')); web = sim.create_volume(2, 'web-1')"
    )
    lab.run("stem = 'db'\ndf = %cl_volumes --name db-*")
    return lab


def _planned(notebook: Notebook, words: str) -> list[str]:
    report = notebook.run(f"%cl_volume delete {words} --dry-run")
    assert isinstance(report, Report)
    return [outcome.item.name for outcome in report.outcomes]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("db-1 web-1", ["db-1", "web-1"]),
        ("db-1 db-1", ["db-1"]),
        ("web-1", ["web-1"]),
        ("db-*", ["db-1", "db-2", "db-10"]),
        ("DB-?", ["db-1", "db-2"]),
        ("web-* db-1*", ["db-1", "db-10", "web-1"]),
        ("db-{1..2}", ["db-1", "db-2"]),
        ("{db1.name[:2]}-{1..2}", ["db-1", "db-2"]),
        ("$stem-{2..1}", ["db-2", "db-1"]),
        ("size>1", ["web-1"]),
        ("size:1 !db-10", ["db-1", "db-2"]),
        ("status:available name:web-1,db-2", ["db-2", "web-1"]),
        ("db-* web-1 size>1", ["web-1"]),
        ("db-2 *-1 size:1", ["db-2", "db-1"]),
        ("df", ["db-1", "db-2", "db-10"]),
        ("$df", ["db-1", "db-2", "db-10"]),
        ("{df.tail(2)}", ["db-2", "db-10"]),
        ("{df.reset_index()}", ["db-1", "db-2", "db-10"]),
        ("{cl.frames.volumes(size='>1')} db-1", ["web-1", "db-1"]),
        ("{[db2, web]}", ["db-2", "web-1"]),
        ("{[web]}", ["web-1"]),
        ("sim.volumes db-1", ["db-1", "db-2", "db-10", "web-1"]),
        ("{db1} web", ["db-1", "web-1"]),
        ("df !db-2", ["db-1", "db-10"]),
    ],
)
def test_words_name_several(stocked: Notebook, words: str, names: list[str]) -> None:
    """Names, ranges, globs, variables, frames and lists add up; terms of the filter restrict them, or select from all."""
    assert _planned(stocked, words) == names


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("dbb-*", "No volume matches 'dbb-*'. Did you mean 'db-"),
        ("x*", "No volume matches 'x*'. %cl_volumes lists them."),
        ("db-* size>9", "No volume matches 'db-* size>9'."),
        ("db-1 size>9", "No volume matches 'db-1 size>9'."),
        ("{df} size>9", "No volume matches '{…} size>9'."),
        ("colour:red", "There is no column 'colour'."),
        ("db-1 nosuch", "No volume has the id or the name 'nosuch'"),
        ("db-{1..3}", "No volume has the id or the name 'db-3'"),
        ("{df.head(0)}", "The expression holds no volumes."),
        ("{[]}", "The expression holds no volumes."),
        ("status:eror", "No status is called 'eror'. Did you mean 'error'?"),
        ("status:err", "No status is called 'err'. Did you mean 'error'?"),
        ("db-* !status:eror", "No status is called 'eror'. Did you mean 'error'?"),
        ("sim.snapshots_ sim", "No volume has the id or the name 'sim.snapshots_'"),
        ("{cl.frames.backends()}", "The expression holds 1 of 1 that are no tracked volumes"),
        ("{[db1, snap]}", "The expression holds 1 of 2 that are no tracked volumes"),
        ("db-{1..99999}", "expands to more than 10,000 names"),
    ],
)
def test_words_that_name_nothing_are_refused(stocked: Notebook, words: str, said: str) -> None:
    """What matches nothing, or names something else, is one line, with a close match, and nothing is done."""
    stocked.run("snap = db1.create_snapshot('s')")
    assert said in stocked.refused(f"%cl_volume delete {words} --yes --cascade")
    assert len(stocked.run("%cl_volumes")) == 4


def test_a_name_is_a_name_whatever_it_looks_like(stocked: Notebook) -> None:
    """A volume whose name looks like a glob, a term or a range is meant by its name, and it alone."""
    for name in ("db-*", "size:1", "db-{1..2}", "df.x"):
        stocked.run(f"named = sim.create_volume(1, {name!r})")
        assert stocked.run(f"%cl_volume show $'{name}'").resource is stocked.run("named")
        stocked.run("named.delete()")
    stocked.run("sim.create_volume(1, 'df')")
    assert "'df' is a variable that holds 3 resources, and the name of a volume" in stocked.refused("%cl_volume delete df --yes")


def test_a_range_in_a_value_is_no_range(stocked: Notebook) -> None:
    """Beside a typed range, the value of an expression is a name as it stands, whatever it looks like."""
    stocked.run("odd = 'a{1..2}'")
    created = stocked.run("%cl_volume create {odd}-{1..2} 1")
    assert [volume.name for volume in created] == ["a{1..2}-1", "a{1..2}-2"]
    assert _planned(stocked, "{odd}-{2..2}") == ["a{1..2}-2"]


def test_an_id_is_an_id_whatever_it_looks_like(bare: Notebook, tmp_path: Path) -> None:
    """Where ids are any text, one that looks like a glob, a term or a range is that resource, and it alone is deleted."""
    with cl.setup("memory", non_uuid_ids=True) as session:
        bare.run("%load_ext cl_notebook")
        sim = session.backend("sim", volume_driver="sim", path=str(tmp_path / "any"))
        for volume_id in ("*", "size:1", "db-{1..2}", "db-1", "db-2"):
            sim.create_volume(1, id=volume_id)
        assert _planned(bare, "'*'") == _planned(bare, "size:1") == [""]
        bare.run("%cl_volume delete '*' size:1 $'db-{1..2}' --yes")
        assert {volume.id for volume in sim.volumes} == {"db-1", "db-2"}


def test_a_single_name_gives_the_object(stocked: Notebook) -> None:
    """One plain name acts on that resource and gives it, without a question; whatever may be several gives a list."""
    assert stocked.run("%cl_volume extend db-1 2") is stocked.run("db1")
    assert stocked.run("%cl_volume delete db-1") is stocked.run("db1")
    assert list(stocked.run("%cl_volume extend web-* +1")) == [stocked.run("web")]
    assert stocked.run("web.size") == 3


def test_several_are_created_with_numbers(lab: Notebook) -> None:
    """--count numbers one name, a range counts itself, and without a name none has one; the result is the list of volumes."""
    volumes = lab.run("%cl_volume create --size 1 --count 3 --name n")
    assert [volume.name for volume in volumes] == ["n-1", "n-2", "n-3"]
    assert [volume.name for volume in lab.run("%cl_volume create --size 1 --name 'r-{09..11}'")] == ["r-09", "r-10", "r-11"]
    assert [volume.name for volume in lab.run("%cl_volume create --size 1 --name u-{1..2}")] == ["u-1", "u-2"]
    assert [volume.name for volume in lab.run("%cl_volume create --size 1 --count 2")] == ["", ""]
    assert len(lab.run("%cl_volume create --size 1 --count 1 --name one")) == 1
    assert len(lab.run("%cl_volumes")) == 11
    assert lab.run("%cl_volume create --size 1 --count 5 --dry-run").summary == "This would create 5 volumes; nothing was done."
    assert "expands to 2 names, and 3 are needed" in lab.refused("%cl_volume create --size 1 --count 3 --name n{1..2}")
    assert "--id is the id of one volume" in lab.refused(
        "%cl_volume create --size 1 --count 2 --id 6c3e7a4e-0d5c-4a51-9f3e-1f7a3ce0f0aa"
    )
    assert "--count takes a whole number from 1 to 10000" in lab.refused("%cl_volume create --size 1 --count 0")
    assert len(lab.run("%cl_volumes")) == 11


def test_every_verb_takes_several(stocked: Notebook) -> None:
    """Volumes, snapshots and connections go through their verbs several at a time."""
    assert len(stocked.run("%cl_volume show db-*")) == 3
    assert [volume.size for volume in stocked.run("%cl_volume extend df 3 --jobs 2")] == [3, 3, 3]
    assert [volume.size for volume in stocked.run("%cl_volume extend df --size +1")] == [4, 4, 4]
    assert {snapshot.name for snapshot in stocked.run("%cl_volume snapshot db-* --name before")} == {"before"}
    assert [volume.name for volume in stocked.run("%cl_volume clone db-{1..2} --name twin")] == ["twin-1", "twin-2"]
    assert [volume.name for volume in stocked.run("%cl_snapshot create-volume name:before --name 'c-{1..3}'")] == [
        "c-1",
        "c-2",
        "c-3",
    ]
    assert len(stocked.run("%cl_snapshot revert name:before --yes")) == 3
    assert len(stocked.run("%cl_snapshot delete before* --yes")) == 3
    assert len(stocked.run("conns = %cl_volume attach db-* twin-1\nconns")) == 4
    assert len(stocked.run("%cl_connection detach conns")) == 4
    assert len(stocked.run("%cl_connection attach conns")) == 4
    assert len(stocked.run("%cl_volume detach db-*")) == 3
    assert len(stocked.run("%cl_connection disconnect backend:sim --yes --force")) == 1
    assert len(stocked.run("%cl_volume delete * --yes")) == 9
    assert len(stocked.run("%cl_volumes")) == 0


@pytest.mark.parametrize(("answer", "left"), [("y", 1), ("YES", 1), ("n", 4), ("", 4)])
def test_the_loss_of_several_is_asked_about(stocked: Notebook, monkeypatch: pytest.MonkeyPatch, answer: str, left: int) -> None:
    """Before several are deleted a question says how many, how large, and which; only a yes deletes them."""
    asked: list[str] = []

    def reply(prompt: str) -> str:
        asked.append(prompt)
        return answer

    monkeypatch.setattr("builtins.input", reply)
    seen = stocked.seen("%cl_volume delete db-*")
    assert asked == ["Delete 3 volumes, 3 GiB: db-1, db-2, db-10? Their bytes are lost for good. [y/N] "]
    assert len(stocked.run("%cl_volumes")) == left
    assert seen.out.startswith("Nothing was deleted.") == (left == 4)


def test_nothing_is_lost_where_questions_cannot_be_asked(stocked: Notebook) -> None:
    """Where questions cannot be asked, deleting a selection needs --yes, even of one volume; deleting one by name does not."""
    shown = stocked.refused("%cl_volume delete db-*")
    assert "This would delete 3 volumes, 3 GiB: db-1, db-2, db-10. Questions cannot be asked here: add --yes" in shown
    assert len(stocked.run("%cl_volumes")) == 4
    for words in ("web-*", "size:2", "{[web]}"):
        assert "This would delete 1 volume, 2 GiB: web-1. Questions cannot be asked here" in stocked.refused(
            f"%cl_volume delete {words}"
        )
    stocked.run("%cl_volume delete web-1 --background\n%cl_wait")
    stocked.run("%cl_volume delete db-* -y")
    assert len(stocked.run("%cl_volumes")) == 0


def test_a_failure_shows_the_report_and_one_line(stocked: Notebook) -> None:
    """What failed stands in the report, and the cell fails with one line that counts and names it; the others are done."""
    stocked.run("snap = db2.create_snapshot('s')")
    seen = stocked.seen("%cl_volume delete db-* --yes")
    assert isinstance(seen.error, cl.errors.PartialFailure)
    assert "PartialFailure: 1 of 3 were not deleted. volume 'db-2'" in seen.out.splitlines()[-1]
    assert seen.out.splitlines()[0].startswith("2 of 3 volumes deleted, 1 failed, in ")
    assert [outcome.outcome for outcome in seen.error.report.outcomes] == ["done", "failed", "done"]


def test_a_selection_of_the_tree_names_several(stocked: Notebook) -> None:
    """An attribute of a variable that holds resources, such as tree.selection, names them, with and without braces."""
    stocked.run("class Tree: selection = [db1, web]\ntree = Tree()")
    assert _planned(stocked, "tree.selection") == ["db-1", "web-1"]
    assert _planned(stocked, "{tree.selection}") == ["db-1", "web-1"]
    stocked.run("class Broken:\n    @property\n    def selection(self): return 1 / 0\nbroken = Broken()")
    assert "No volume has the id or the name 'broken.selection'" in stocked.refused("%cl_volume delete broken.selection --yes")


def test_an_act_goes_on_in_the_background(lab: Notebook) -> None:
    """--background gives a handle at once; %cl_wait gives the report of the last act, and fails with what failed."""
    handle = lab.run("vols = %cl_volume create --size 1 --count 3 --name n --background\nvols")
    for wrong in ("x", -1):
        with pytest.raises(cl.errors.InvalidInput, match="timeout is a number of seconds, 0 or more"):
            handle.result(wrong)
    with pytest.raises(cl.errors.InvalidArguments, match=r"cancel\(\) takes"):
        handle.cancel(1)
    assert [volume.name for volume in lab.run("%cl_wait vols")] == ["n-1", "n-2", "n-3"]
    assert handle.status == "done"
    assert lab.printed("%cl_wait") == "Nothing runs in the background.\n"
    lab.run("import cl_notebook as cl; cl.find('n-2').create_snapshot('s')")
    lab.run("%cl_volume extend n-1 2 --background;")
    lab.run("%cl_volume delete n-2 n-3 --yes --background;")
    assert "PartialFailure: 1 of 2 were not deleted. volume 'n-2'" in lab.seen("%cl_wait").out
    assert lab.run("cl.default_session().in_background") == []
    assert "No variable 'other' holds an act in the background" in lab.refused("%cl_wait other")


def test_an_act_in_the_background_is_cancelled(lab: Notebook) -> None:
    """%cl_wait --cancel begins nothing more, says how far it came, and gives the report."""
    lab.run("handle = %cl_volume create --size 1 --count 50 --jobs 1 --background")
    seen = lab.seen("report = %cl_wait handle --cancel")
    assert "of 50 were created" in seen.out
    assert len(lab.run("report")) == len(lab.run("%cl_volumes --limit 0"))


@pytest.mark.parametrize("value", ["*", "db-*", "size>0", "!nosuch", "db-{1..2}", "db-1 *"])
@pytest.mark.parametrize("typed", ["{value}", "$value", "{value[0]}{value[1:]}"])
def test_the_value_of_an_expression_is_a_name(stocked: Notebook, typed: str, value: str) -> None:
    """A value that looks like a glob, a term or a range selects nothing but a volume that is called so."""
    stocked.shell.user_ns["value"] = value
    assert "No volume has" in stocked.refused(f"%cl_volume delete {typed} --yes")
    stocked.run("sim.create_volume(3, value)")
    assert _planned(stocked, typed) == [value]


@pytest.mark.parametrize("quoted", [r"$'*'", r"$'db-*'", r"$'size\x3e0'"])
def test_a_literal_is_a_name(stocked: Notebook, quoted: str) -> None:
    """What stands in ``$'…'`` selects nothing but a volume that is called so."""
    assert "No volume has" in stocked.refused(f"%cl_volume delete {quoted} --yes")


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("{value}-*", ["db-1", "db-2", "db-10"]),
        ("$value-*", ["db-1", "db-2", "db-10"]),
        ("name:{value}-2", ["db-2"]),
    ],
)
def test_a_pattern_may_have_values_in_it(stocked: Notebook, typed: str, names: list[str]) -> None:
    """A glob or a term that is typed remains one with the value of an expression in it."""
    stocked.shell.user_ns["value"] = "db"
    assert _planned(stocked, typed) == names
