"""``%cl_scan`` in a shell: shown, filtered, acted on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook.inventory.scan_frame import SHOWN
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from pathlib import Path

    from tests.notebook.conftest import Notebook

HOSTILE = "it's $HOME {1+1}\x1b[31m\u202e <b>"


def _driver(session: cl.Session) -> cl.drivers.sim.SimDriver:  # type: ignore[name-defined] # a submodule
    return session.backends["sim"].driver


def test_a_scan_is_a_frame(lab: Notebook, session: cl.Session) -> None:
    """``%cl_scan`` gives what ``cl.inventory.scan()`` does; backends, verdicts, kinds and columns can be chosen."""
    session.backends["sim"].create_volume(1, name="db")
    _driver(session).appear("stray", 2)
    assert lab.run("%cl_scan").equals(cl.inventory.scan())
    assert lab.run("%cl_scan sim").equals(lab.run("%cl_scan show sim"))
    assert list(lab.run("%cl_scan --verdict untracked")["name_in_storage"]) == ["stray"]
    assert list(lab.run("%cl_scan --verdict ok --verdict missing -c name")["name"]) == ["db"]
    assert lab.run("%cl_scan --kind snapshot --no-host").empty
    assert lab.printed("%cl_scan -f value -c verdict -c name_in_storage --verdict untracked") == "untracked stray\n"


def test_the_line_in_next_does_what_it_says(lab: Notebook, session: cl.Session) -> None:
    """Each line of the column ``next`` can be run as it stands, whatever the names on the storage hold."""
    gone, grown = (session.backends["sim"].create_volume(1, name=name) for name in ("gone", "grown"))
    driver = _driver(session)
    driver.vanish(gone.name_in_storage)
    driver.resize(grown.name_in_storage, 4)
    for name in (HOSTILE, "--force", "two words"):
        driver.appear(name, 2)
    lines = [str(line) for line in cl.inventory.scan()["next"].dropna()]
    assert len(lines) == 5
    for line in lines:
        lab.run(line)
    assert set(cl.inventory.scan()["verdict"]) == {"ok"}
    assert {volume.name_in_storage for volume in session.backends["sim"].volumes} >= {HOSTILE, "--force", "two words"}


def test_a_line_has_the_whole_of_an_id_that_is_no_uuid(tmp_path: Path) -> None:
    """The beginning of an id that is no UUID may be the id of a resource that was not scanned, so the line has all of it."""
    with cl.Session("memory", non_uuid_ids=True) as session:
        scanned, other = (session.backend(name, volume_driver="sim", path=str(tmp_path / name)) for name in ("scanned", "other"))
        other.create_volume(1, id="volume-1")
        gone = scanned.create_volume(1, id="volume-12")
        scanned.driver.vanish(gone.name_in_storage)  # type: ignore[attr-defined] # it is the simulator's
        findings = cl.inventory.scan(scanned, session=session)
        assert findings["next"].dropna().tolist() == ["%cl_scan forget volume-12"]


def test_a_report_has_names_escaped_once(lab: Notebook, session: cl.Session) -> None:
    """What is unprintable in a name is escaped once, so that a backslash of the name itself is not taken for it."""
    _driver(session).appear(HOSTILE, 2)
    assert f"Volume '{sanitize(HOSTILE)}' on sim: It is not tracked." in " ".join(repr(lab.run("%cl_scan")).split())


def test_the_line_in_next_is_short_enough_to_be_seen(lab: Notebook, session: cl.Session) -> None:  # noqa: ARG001 - it opens the backend
    """The line has the beginning of an id, so that pandas shows all of it; where something else begins so, the whole id."""
    sim = session.backends["sim"]
    gone, other = (sim.create_volume(1, name=name) for name in ("gone", "other"))
    _driver(session).vanish(gone.name_in_storage)
    assert cl.inventory.scan()["next"].dropna().tolist() == [f"%cl_scan forget {gone.id[:8]}"]
    other.name = gone.id[:8]
    other.save()
    assert cl.inventory.scan()["next"].dropna().tolist() == [f"%cl_scan forget {gone.id}"]


def test_manage_gives_the_object(lab: Notebook, session: cl.Session) -> None:
    """``%cl_scan manage`` adopts a volume, or a snapshot of a volume that is said, under the name that is given."""
    volume = session.backends["sim"].create_volume(1, name="db")
    snapshot = volume.create_snapshot()
    snapshot.unmanage()
    _driver(session).appear("disk", 3)
    assert lab.run("%cl_scan manage sim disk --name adopted").size == 3
    line = f"%cl_scan manage sim {snapshot.name_in_storage} --volume db --name back"
    assert lab.run(line).id == snapshot.id
    assert "is not tracked" not in lab.printed("%cl_scan -f table")


def test_repair_says_what_was_done(lab: Notebook, session: cl.Session) -> None:
    """``%cl_scan repair`` says it for each; ``--all`` gives a frame, and continues where something cannot be repaired."""
    grown, other = (session.backends["sim"].create_volume(1, name=name) for name in ("grown", "other"))
    for volume in (grown, other):
        _driver(session).resize(volume.name_in_storage, 2)
    assert "grown" in lab.printed("%cl_scan repair grown")
    tried = lab.run("%cl_scan repair --all")
    assert list(zip(tried["name"], tried["done"], strict=True)) == [("other", True)]
    assert (grown.size, other.size) == (2, 2)
    assert "needs a RESOURCE, or --all" in lab.refused("%cl_scan repair")


def test_forget_takes_what_hangs_on_it_first(lab: Notebook, session: cl.Session) -> None:
    """A volume and its snapshot are forgotten by one line, in whichever order they stand."""
    volume = session.backends["sim"].create_volume(1, name="db")
    snapshot = volume.create_snapshot("kept")
    assert "The storage has volume 'db'" in lab.refused("%cl_scan forget db")
    for each in (volume, snapshot):
        _driver(session).vanish(each.name_in_storage)
    assert "snapshot 'kept'" in lab.printed("%cl_scan forget db kept --yes").splitlines()[0]
    assert session.backends["sim"].volumes == []


def test_several_are_repaired_forgotten_and_adopted_at_once(lab: Notebook, session: cl.Session) -> None:
    """Names, globs, terms, ranges and frames name several; the line continues after a failure, and says which failed."""
    sim, driver = session.backends["sim"], _driver(session)
    first, second, whole = (sim.create_volume(1, name=name) for name in ("db-1", "db-2", "web"))
    for volume in (first, second):
        driver.resize(volume.name_in_storage, 2)
    assert lab.printed("%cl_scan repair 'db-*'").count("db-") >= 2
    assert (first.size, second.size) == (2, 2)
    driver.vanish(first.name_in_storage)
    driver.vanish(second.name_in_storage)
    lab.run("scanned = %cl_scan --kind volume")
    shown = lab.seen("%cl_scan repair {scanned}").out
    assert "web" in shown
    assert "2 of 3 were not repaired. The storage does not have volume 'db-1'" in shown
    assert "add --yes" in lab.refused("%cl_scan forget web db-1 db-{2..2}")
    shown = lab.seen("%cl_scan forget web db-1 db-{2..2} --yes").out
    assert "volume 'db-1'" in shown
    assert "1 of 3 were not forgotten. The storage has volume 'web'" in shown
    assert sim.volumes == [whole]
    assert "Nothing that is tracked matches 'x-*'" in lab.refused("%cl_scan forget x-*")
    for name in ("disk-1", "disk-2", "disk-3"):
        driver.appear(name, 1)
    assert [volume.name for volume in lab.run("%cl_scan manage sim disk-{1..2} --name new-{1..2}")] == ["new-1", "new-2"]
    assert "1 of 2 were not adopted" in lab.seen("%cl_scan manage sim disk-3 disk-9").out
    assert len(sim.volumes) == 4


def test_the_verb_may_be_left_out(lab: Notebook) -> None:
    """A first word that is no verb is a backend; for one that is like a verb the error suggests it."""
    assert lab.refused("%cl_scan reapir db") == (
        "NotFound: %cl_scan has no verb 'reapir', and there is no such backend. Did you mean 'repair'?"
    )
    assert "No backend has the id or the name 'nothing'" in lab.refused("%cl_scan nothing")
    assert "%cl_scan has no option --verb" in lab.refused("%cl_scan --verb ok")
    assert "--verdict takes ok or" in lab.refused("%cl_scan --verdict lost")
    assert "%cl_scan repair [RESOURCE …] [options]" in lab.printed("%cl_scan repair --help")


def test_verbs_and_backends_are_completed(lab: Notebook) -> None:
    """Tab offers the verbs, the backends and the options where the verb may be left out, and the verb's own after it."""
    assert {"show", "manage", "repair", "forget", "sim", "--verdict"} <= set(lab.tab("%cl_scan "))
    assert lab.tab("%cl_scan rep") == ["repair"]
    assert lab.tab("%cl_scan show s") == ["sim"]
    assert "sim" in lab.tab("%cl_scan sim s")
    assert "show" not in lab.tab("%cl_scan sim s")
    assert lab.tab("%cl_scan --verdict s") == ["stuck", "'size differs'"]
    assert "--all" in lab.tab("%cl_scan repair ")


@pytest.mark.parametrize("line", ["manage sim x", "repair db", "repair --all", "repair /dev/loop0", "forget db --force"])
def test_a_session_that_only_looks_scans_and_does_no_more(bare: Notebook, store_url: str, tmp_path: Path, line: str) -> None:
    """In a read-only session a scan is shown, and every act on it is refused."""
    with cl.Session(store_url) as session:
        session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim")).create_volume(1, name="db")
    with cl.setup(store=store_url, read_only=True):
        bare.run("%load_ext cl_notebook")
        assert list(bare.run("%cl_scan")["verdict"]) == ["ok"]
        assert "read-only" in bare.refused(f"%cl_scan {line}")


def test_the_report_begins_with_counts_and_folds_what_is_ok(lab: Notebook, session: cl.Session) -> None:
    """The report has the counts, a few of what differs with a sentence and a line each, and the number of the rest."""
    sim = session.backends["sim"]
    db, gone = (sim.create_volume(1, name=name) for name in ("db", "gone"))
    _driver(session).vanish(gone.name_in_storage)
    for number in range(SHOWN + 3):
        _driver(session).appear(f"stray-{number}", 2)
    scanned = lab.run("%cl_scan")
    lines = repr(scanned).split("\n")
    assert lines[0] == f"Compared with the storages: 1 ✗ missing, {SHOWN + 3} ? untracked, 1 ✓ ok."
    assert lines[2:5] == [
        "Missing (1):",
        "  ✗ Volume 'gone' on sim: The storage does not have it.",
        f"    %cl_scan forget {gone.id[:8]}",
    ]
    assert f"Untracked ({SHOWN + 3}):" in lines
    assert "  And 3 more: %cl_scan --verdict untracked --all" in lines
    assert lines[-1] == "Not shown: 1 ok. %cl_scan --all lists them."
    assert db.id[:8] not in repr(scanned)
    html = scanned._repr_html_()
    assert f"%cl_scan forget {gone.id[:8]}" in html
    assert html.count("%cl_scan manage") == SHOWN
    assert len(scanned) == SHOWN + 5


def test_what_is_asked_for_is_listed(lab: Notebook, session: cl.Session) -> None:
    """--all, columns and the verdict ok list the rows; so does what is made of a scan; other filters keep the report."""
    sim = session.backends["sim"]
    volumes = [sim.create_volume(1, name=name) for name in ("db", "gone")]
    _driver(session).vanish(volumes[1].name_in_storage)
    for line in ("%cl_scan --all", "%cl_scan --verdict ok", "%cl_scan -c name -c verdict"):
        shown = repr(lab.run(line))
        assert "Compared with" not in shown
        assert "'db'" not in shown
        assert " db" in shown or "db " in shown
    assert "Compared with the storages: 1 ✗ missing." in repr(lab.run("%cl_scan --verdict missing"))
    scanned = cl.inventory.scan()
    assert "Compared with" not in repr(scanned[scanned["verdict"] == "ok"])
    assert "Compared with" not in repr(scanned.drop(columns="verdict"))


def test_all_is_well_is_one_line(lab: Notebook, session: cl.Session) -> None:
    """If everything is as it is tracked the report says so, and of an empty store that nothing is tracked."""
    assert "nothing is tracked" in repr(lab.run("%cl_scan --no-host"))
    session.backends["sim"].create_volume(1, name="db")
    assert repr(lab.run("%cl_scan --no-host")) == (
        "Compared with the storages: 1 ✓ ok.\n\nAll of it is as it is tracked. %cl_scan --all lists it."
    )


def test_names_in_the_report_are_escaped(lab: Notebook, session: cl.Session) -> None:
    """A hostile name on the storage is text in both forms of the report, and lines of text fit the terminal."""
    _driver(session).appear(HOSTILE, 2)
    _driver(session).appear("<script>" + "x" * 200, 2)
    scanned = lab.run("%cl_scan")
    shown, html = repr(scanned), scanned._repr_html_()
    assert "\x1b" not in shown + html
    assert "\u202e" not in shown + html
    assert "<script>" not in html
    assert "<b>" not in html
    assert all(len(line) <= 80 for line in shown.split("\n") if "%cl_" not in line)


def test_what_repair_all_left_is_said(notebook: Notebook, session: cl.Session, tmp_path: Path) -> None:
    """After the repairs it is said how many succeeded, why the others did not, and what takes a decision."""
    faults = "delete_volume:1,delete_volume:2"
    sim = session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim"), faults=faults)
    grown, broken, gone = (sim.create_volume(1, name=name) for name in ("grown", "broken", "gone"))
    _driver(session).resize(grown.name_in_storage, 2)
    with pytest.raises(cl.errors.DriverError):
        broken.delete()
    _driver(session).vanish(gone.name_in_storage)
    lines = notebook.printed("tried = %cl_scan repair --all").splitlines()
    assert lines[0] == "Repaired: 1 of 2."
    assert lines[1].startswith("Not repaired: volume 'broken' of sim. ")
    assert "simulated fault" in lines[1]
    assert lines[2].endswith("as a repair cannot decide what is right: 1 missing. %cl_scan has the line for each.")
    assert notebook.run("tried").attrs["left"] == {"missing": 1}
    notebook.run("%cl_volume delete broken\n%cl_scan forget gone")
    assert notebook.printed("tried = %cl_scan repair --all") == "There is nothing to repair.\n"
