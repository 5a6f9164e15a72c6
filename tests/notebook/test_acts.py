"""The singular nouns: acts on one resource."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook.drivers.sim import driver as simulator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.drivers.api import ModelUpdate, SnapshotData
    from tests.notebook.conftest import Notebook


def test_a_backend_is_added_by_its_drivers_options(notebook: Notebook, tmp_path: Path) -> None:
    """%cl_backend add takes the driver's options, typed by the driver, and gives the backend, the same one again."""
    line = f"%cl_backend add lvm --driver local --path {tmp_path / 'x'} --quota 10 --loop-devices never"
    lvm = notebook.run(f"lvm = {line}\nlvm")
    assert lvm is cl.Backend.backends["lvm"]
    assert lvm.config["quota"] == 10.0
    assert lvm.config["loop_devices"] == "never"
    assert notebook.run(line) is lvm
    assert "exists with another configuration" in notebook.refused(line.replace("10", "20"))
    assert notebook.run(line.replace("10", "20") + " --replace").config["quota"] == 20.0


def test_a_backend_is_closed_opened_shown_and_forgotten(lab: Notebook) -> None:
    """The verbs of a backend act on the one that its name, id or variable means."""
    sim = lab.run("%cl_find sim -v held")
    assert not lab.run("%cl_backend close held").is_open
    assert lab.run(f"%cl_backend open {sim.id[:8]}") is sim
    assert sim.is_open
    shown = lab.run("%cl_backend show sim")
    assert (shown["name"], shown["open"], shown["volume_driver"]) == ("sim", True, "sim")
    stats = lab.run("%cl_backend stats sim --refresh")
    assert list(stats.index) == ["sim"]
    assert stats["total_capacity_gb"].iloc[0] == "infinite"
    lab.run("%cl_volume create --size 1 --name db")
    assert "ResourceBusy" in lab.refused("%cl_backend forget sim")
    lab.run("%cl_volume delete db\n%cl_backend forget sim")
    assert len(lab.run("%cl_backends")) == 0


def test_a_volume_is_made_with_all_its_fields(lab: Notebook) -> None:
    """%cl_volume create gives the volume with every field that was typed."""
    vol = lab.run(
        "vol = %cl_volume create --size 2 --name db --backend sim --description 'my data' --bootable --metadata a=1 "
        "--metadata 'b=x y' --extra-specs k=v --qos-specs q=1 --availability-zone nova "
        "--id 4f9e8b1c-6a52-4a3e-9a33-0d7a7f9b6f11\nvol"
    )
    assert (vol.size, vol.name, vol.description, vol.bootable) == (2, "db", "my data", True)
    assert (vol.metadata, vol.extra_specs, vol.qos_specs) == ({"a": "1", "b": "x y"}, {"k": "v"}, {"q": "1"})
    assert (vol.id, vol.availability_zone) == ("4f9e8b1c-6a52-4a3e-9a33-0d7a7f9b6f11", "nova")


def test_the_only_open_backend_may_be_left_out(lab: Notebook, tmp_path: Path) -> None:
    """Without --backend the one that is open is meant; with none or several the error says what to type."""
    assert lab.run("%cl_volume create --size 1").backend.name == "sim"
    lab.run(f"%cl_backend add other --driver sim --path {tmp_path / 'other'}")
    assert "Several backends are open: other, sim." in lab.refused("%cl_volume create --size 1")
    assert lab.run("%cl_volume create --size 1 --backend other").backend.name == "other"
    lab.run("%cl_backend close other\n%cl_backend close sim")
    assert "%cl_backend open other" in lab.refused("%cl_volume create --size 1")


def test_several_backends_are_closed_opened_asked_and_forgotten(lab: Notebook, tmp_path: Path) -> None:
    """The verbs of a backend take several; one plain name gives the object, several a list, and forgetting them asks first."""
    lab.run("".join(f"%cl_backend add b{number} --driver sim --path {tmp_path / str(number)}\n" for number in (1, 2)))
    lab.run("%cl_volume create --size 1 --backend b2")
    assert [backend.is_open for backend in lab.run("%cl_backend close b1 b2")] == [False, False]
    assert [backend.name for backend in lab.run("%cl_backend open b*")] == ["b1", "b2"]
    stats = lab.run("%cl_backend stats b{1..2}")
    assert (stats.index.names, sorted(stats.index.get_level_values("backend"))) == (["backend", "pool_name"], ["b1", "b2"])
    (tmp_path / "2").rename(tmp_path / "away")
    (tmp_path / "2").write_text("a file in its place", encoding="utf-8")
    lab.run("%cl_backend close b2")
    shown = lab.seen("%cl_backend stats b1 b2 --refresh").out
    assert "total_capacity_gb" in shown
    assert "1 of 2 were not asked. backend 'b2'" in shown
    assert "1 of 2 were not opened. backend 'b2'" in lab.seen("%cl_backend open b1 b2").out
    assert "Questions cannot be asked here: add --yes" in lab.refused("%cl_backend forget b1 b2")
    assert "1 of 2 were not forgotten" in lab.seen("%cl_backend forget b1 b2 --yes").out
    assert lab.run("%cl_backends").index.size == 2


def test_a_list_of_many_backends_is_cut_in_an_error(notebook: Notebook, session: cl.Session, tmp_path: Path) -> None:
    """An error that lists what is open, or what failed, names ten, and says how many more there are."""
    for number in range(60):
        session.backend(f"b{number:02}", volume_driver="sim", path=str(tmp_path / "sim" / str(number)))
    shown = notebook.refused("%cl_volume create --size 1")
    assert "b09 and 50 more. Say which: --backend NAME." in shown
    assert "b10" not in shown


def test_a_volume_lives_through_its_verbs(lab: Notebook) -> None:
    """Extend, clone, snapshot, revert and delete act, and give the object that they made or changed."""
    vol = lab.run("vol = %cl_volume create --size 1 --name db\nvol")
    assert lab.run("%cl_volume extend vol 2") is vol
    assert lab.run("%cl_volume extend db --size 3").size == 3
    twin = lab.run("%cl_volume clone db --name twin --size 4 --metadata a=b")
    assert (twin.source_volid, twin.size, twin.metadata) == (vol.id, 4, {"a": "b"})
    snap = lab.run("snap = %cl_volume snapshot db --name before --description d\nsnap")
    assert snap.volume is vol
    assert lab.run("%cl_snapshot show before")["description"] == "d"
    copy = lab.run("%cl_snapshot create-volume before --name copy --metadata c=d")
    assert (copy.snapshot_id, copy.metadata) == (snap.id, {"c": "d"})
    assert lab.run("%cl_volume revert db before") is vol
    assert lab.run("%cl_snapshot revert snap") is vol
    assert "ResourceBusy" in lab.refused("%cl_volume delete db")
    assert lab.run("%cl_snapshot delete before").status == "deleted"
    gone = lab.run("%cl_volume delete db twin copy --yes")
    assert {item.status for item in gone} == {"deleted"}
    assert len(lab.run("%cl_volumes")) == 0


def test_a_volume_is_attached_and_detached(lab: Notebook) -> None:
    """Attach gives the connection with its path; detach removes it; the verbs of a connection do it step by step."""
    vol = lab.run("vol = %cl_volume create --size 1 --name db\nvol")
    conn = lab.run("%cl_volume attach db")
    assert Path(conn.path).exists()
    assert lab.run("%cl_volume detach db") is vol
    assert vol.connections == []
    conn = lab.run("conn = %cl_volume connect db\nconn")
    assert not conn.attached
    assert lab.run("%cl_connection attach conn") is conn
    assert Path(lab.run(f"%cl_connection show {conn.id[:6]}")["path"]).exists()
    assert "ResourceBusy" in lab.refused("%cl_connection disconnect conn")
    assert lab.run("%cl_connection detach conn").path is None
    assert lab.run("%cl_connection disconnect conn").status == "deleted"


def test_another_host_is_connected_by_its_description(lab: Notebook) -> None:
    """The verb connect takes the connector of another host from options, from a variable, or as JSON."""
    lab.run("%cl_volume create --size 1 --name db\nweb = {'host': 'web2', 'ip': '192.0.2.8'}")
    shown = lab.run("%cl_volume connect db --host web1 --ip 192.0.2.7 --initiator iqn.x").connector_info
    assert shown == {"host": "web1", "ip": "192.0.2.7", "initiator": "iqn.x"}
    assert lab.run("%cl_volume connect db --connector web").connector_info["host"] == "web2"
    as_json = lab.run("""%cl_volume connect db --connector '{"host": "web3"}'""")
    assert as_json.connector_info["host"] == "web3"
    assert "--host NAME" in lab.refused("%cl_volume connect db --ip 192.0.2.9")
    assert "as JSON" in lab.refused("%cl_volume connect db --connector nosuch")


def test_a_volume_is_released_and_adopted(lab: Notebook) -> None:
    """The verb unmanage stops tracking a volume, and manage adopts it again by its name on the storage."""
    vol = lab.run("%cl_volume create --size 1 --name db")
    lab.run("%cl_volume unmanage db")
    assert len(lab.run("%cl_volumes")) == 0
    again = lab.run(f"%cl_volume manage {vol.name_in_storage} --name again")
    assert (again.name, again.size) == ("again", 1)


def test_a_resource_is_named_in_four_ways(lab: Notebook) -> None:
    """The id, the beginning of the id, the name and the variable all mean the same object."""
    vol = lab.run("vol = %cl_volume create --size 1 --name 'my vol'\nvol")
    for way in (vol.id, vol.id.upper(), vol.id[:5], "'my vol'", "vol"):
        assert lab.run(f"%cl_volume show {way}").resource is vol


def test_acting_needs_more_than_a_slip_of_the_finger(lab: Notebook) -> None:
    """A part of a name, or fewer than four characters of an id, are not enough to delete a volume."""
    vol = lab.run("%cl_volume create --size 1 --name database")
    assert "Did you mean 'database'?" in lab.refused("%cl_volume delete databas")
    assert "at least 4 characters" in lab.refused(f"%cl_volume delete {vol.id[:3]}")
    assert lab.run(f"%cl_volume show {vol.id[:3]}").resource is vol
    assert lab.run(f"%cl_volume delete {vol.id[:4]}").status == "deleted"


def test_a_name_that_is_not_unique_is_refused(lab: Notebook) -> None:
    """Two volumes of one name, or a variable and a name that mean different volumes, are an error that lists them."""
    one = lab.run("%cl_volume create --size 1 --name db")
    two = lab.run("%cl_volume create --size 1 --name db")
    candidates = lab.ambiguous("%cl_volume delete db")
    assert [line.split()[0] for line in candidates] == [one.id[:8], two.id[:8]]
    lab.run("data = %cl_volume create --size 1 --name other\n%cl_volume create --size 1 --name data")
    assert lab.ambiguous("%cl_volume delete data")[0].endswith(" ago (the variable)")
    assert len(lab.run("%cl_volumes")) == 4


def test_a_short_name_is_no_id(lab: Notebook) -> None:
    """A volume whose short name is also the beginning of another's id is meant by its name."""
    lab.run("%cl_volume create --size 1 --name other --id ab9e8b1c-6a52-4a3e-9a33-0d7a7f9b6f11")
    named = lab.run("%cl_volume create --size 1 --name ab")
    assert lab.run("%cl_volume show ab").resource is named
    lab.run("%cl_volume create --size 1 --name ab9e8b1c")
    assert len(lab.ambiguous("%cl_volume show ab9e8b1c")) == 2


def test_a_variable_of_the_wrong_kind_is_reported(lab: Notebook) -> None:
    """A variable that holds something else, or what was deleted, is named as such."""
    lab.run("vol = %cl_volume create --size 1 --name db\nsnap = %cl_volume snapshot vol --name s")
    assert "The variable snap holds snapshot 's'" in lab.refused("%cl_volume show snap")
    lab.run("%cl_snapshot delete snap\n%cl_volume delete vol")
    assert "not tracked any more" in lab.refused("%cl_volume delete vol")


def test_a_variable_of_a_closed_session_means_the_same_row(lab: Notebook) -> None:
    """After %cl_setup opened the store anew, a variable names what it named, also where it is called like its resource."""
    lab.run("db = %cl_volume create --size 1 --name db")
    lab.run("%cl_setup --host other")
    assert lab.run("%cl_volume show db").resource.id == lab.shell.user_ns["db"].id
    lab.run("%cl_volume delete db")
    assert "not tracked any more" in lab.refused("%cl_volume delete db")


def test_what_is_shown_has_no_secrets(lab: Notebook) -> None:
    """What show gives masks passwords wherever they are, as text, as HTML, as fields and as a frame."""
    lab.run("""%cl_volume create --size 1 --name db
conn = %cl_volume connect db --connector '{"host": "web", "auth_password": "hush", "deep": [{"api_token": "hush"}]}'""")
    shown = lab.run("%cl_connection show conn")
    texts = [repr(shown), shown._repr_mimebundle_()["text/html"], str(dict(shown)), shown.frame.to_string()]
    assert not any("hush" in text for text in texts)
    assert "***" in texts[0]
    assert shown.resource.connector_info["auth_password"] == "hush"  # noqa: S105 - no secret: a word in a test


def test_what_is_shown_can_be_used(lab: Notebook) -> None:
    """The verb show gives the fields as a mapping, a frame, and the live object."""
    lab.run("%cl_volume create --size 1 --name db\n%cl_volume snapshot db\nshown = %cl_volume show db")
    shown = lab.shell.user_ns["shown"]
    assert (shown["size"], shown["backend"], shown["snapshots"], shown["connections"]) == (1, "sim", 1, 0)
    assert shown.frame.loc["name", "value"] == "db"
    assert list(shown._repr_mimebundle_(include={"text/plain"})) == ["text/plain"]
    assert "name_in_storage" in lab.tab("shown['name_in")[0]


def test_what_is_on_the_storage_is_listed(lab: Notebook) -> None:
    """%cl_backend manageable lists volumes, and snapshots, by the word that manage takes for them."""
    vol = lab.run("vol = %cl_volume create --size 2 --name db\nvol")
    listed = lab.run("%cl_backend manageable sim")
    assert listed.loc[vol.name_in_storage, ["size", "safe_to_manage", "cinder_id"]].tolist() == [2, False, vol.id]
    lab.run("%cl_volume unmanage db")
    assert lab.run("%cl_backend manageable sim")["safe_to_manage"].tolist() == [True]
    assert lab.run(f"%cl_volume manage source-name={vol.name_in_storage} --name again").size == 2
    snap = lab.run("%cl_volume snapshot again --name kept")
    listed = lab.run("%cl_backend manageable sim --snapshots")
    assert listed.loc[snap.name_in_storage, ["size", "cinder_id", "source"]].tolist() == [2, snap.id, vol.name_in_storage]


def test_a_snapshot_is_managed_and_unmanaged(
    notebook: Notebook, session: cl.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """%cl_snapshot manage adopts a snapshot of a volume by its name on the storage; unmanage stops tracking it."""

    class Managing(simulator.SimDriver):
        def manage_existing_snapshot_get_size(self, snapshot: SnapshotData, reference: Mapping[str, str]) -> int:
            del snapshot, reference
            return 1

        def manage_existing_snapshot(self, snapshot: SnapshotData, reference: Mapping[str, str]) -> ModelUpdate:
            del snapshot
            return {"name_in_storage": reference["source-name"]}

        def unmanage_snapshot(self, snapshot: SnapshotData) -> None:
            del snapshot

    monkeypatch.setattr(simulator, "SimDriver", Managing)
    session.backend("managing", volume_driver="sim", path=str(tmp_path / "sim")).create_volume(1, "db")
    adopted = notebook.run("%cl_snapshot manage db snap-7 --name adopted")
    assert (adopted.name, adopted.name_in_storage, adopted.volume.name) == ("adopted", "snap-7", "db")
    notebook.run("%cl_snapshot unmanage adopted")
    assert len(notebook.run("%cl_snapshots")) == 0


@pytest.mark.parametrize("line", ["%cl_volume create --size 1", "%cl_volume delete db"])
def test_a_read_only_session_refuses(lab: Notebook, line: str) -> None:
    """With read-only set acts are refused in one line."""
    lab.run("%cl_volume create --size 1 --name db\n%cl_setup --read-only\n%cl_backend open sim")
    assert "ReadOnly" in lab.refused(line)
    lab.run("%cl_setup --read-only false\n%cl_backend open sim")
    lab.run(line)


@pytest.mark.parametrize("noun", ["volume", "snapshot"])
def test_a_deletion_of_several_goes_on_after_a_failure(notebook: Notebook, tmp_path: Path, noun: str) -> None:
    """What can be deleted is, whatever stands before it in the line; the error says how many failed, of how many, and why."""
    notebook.run(f"%cl_backend add sim --driver sim --path {tmp_path / 'sim'} --faults delete_{noun}:1")
    notebook.run("import cl_notebook as cl; a, b, c = (cl.Backend('sim').create_volume(1, name) for name in 'abc')")
    notebook.run("r, s, t = (volume.create_snapshot(volume.name) for volume in (a, b, c))")
    doomed = "r s t"
    if noun == "volume":
        notebook.run("for snapshot in (r, s, t): snapshot.delete()")
        doomed = "a b c"
    *report, shown = notebook.seen(f"%cl_{noun} delete {doomed} --yes --jobs 1").out.strip().splitlines()
    assert shown.startswith(f"PartialFailure: 1 of 3 were not deleted. {noun} 'a'")
    assert "simulated fault" in shown
    assert report[0].startswith(f"2 of 3 {noun}s deleted, 1 failed, in ")
    assert [line.split()[:2] for line in report[2:]] == [["✗", "a"], ["✓", "b"], ["✓", "c"]]
    assert notebook.run(f"[each.status for each in ({doomed.replace(' ', ', ')})]") == ["error_deleting", "deleted", "deleted"]


def test_an_interrupted_deletion_says_what_is_left(lab: Notebook) -> None:
    """An interrupt between several deletions says how many were deleted, and which volumes are left."""
    lab.run("import cl_notebook as cl; a, b, c = (cl.Backend('sim').create_volume(1, name) for name in 'abc')")
    lab.run("from cl_notebook.many import report, runner")
    lab.run("def act(volume):\n    if volume is b: raise KeyboardInterrupt\n    volume.delete()")
    run = "runner.act_on(a.context, report.Act('delete', 'deleted'), [a, b, c], act, jobs=1)"
    lab.run(f"try: {run}\nexcept KeyboardInterrupt as error: said = str(error)")
    assert re.fullmatch(r"1 of 3 were deleted; left: volume 'b' \(.*\), volume 'c' \(.*\)\.", lab.run("said"))


def test_a_name_that_is_not_known_deletes_nothing(lab: Notebook) -> None:
    """All names of a deletion are looked up before the first resource is deleted."""
    lab.run("a = %cl_volume create --size 1 --name a")
    assert "NotFound" in lab.refused("%cl_volume delete a b")
    assert lab.run("a").status == "available"


@pytest.mark.parametrize(("typed", "size"), [("5", 5), ("+5", 7), ("--size 5", 5), ("--size +5", 7)])
def test_a_volume_grows_to_a_size_or_by_one(lab: Notebook, typed: str, size: int) -> None:
    """A size is the new one; with a plus sign it is added to the present one."""
    lab.run("%cl_volume create --size 2 --name db")
    assert lab.run(f"%cl_volume extend db {typed}").size == size


def test_a_plus_sign_is_refused_where_nothing_grows(lab: Notebook) -> None:
    """A size with a plus sign is not taken for a size."""
    assert "--size takes a whole number of GiB above 0 (10, 10G, 1.5T), not '+5'" in lab.refused("%cl_volume create --size +5")
