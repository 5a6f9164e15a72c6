"""``%cl_scan`` in a shell: shown, filtered, acted on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl

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
    """``%cl_scan repair`` says it for each; ``--all`` gives a frame, and goes on where something cannot be repaired."""
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
    assert "snapshot 'kept'" in lab.printed("%cl_scan forget db kept").splitlines()[0]
    assert session.backends["sim"].volumes == []


def test_the_verb_may_be_left_out(lab: Notebook) -> None:
    """A first word that is no verb is a backend; for one that is like a verb the error suggests it."""
    assert lab.refused("%cl_scan reapir db") == (
        "NotFound: %cl_scan has no verb 'reapir', and there is no such backend. Did you mean 'repair'?"
    )
    assert "No backend has the id or the name 'nothing'" in lab.refused("%cl_scan nothing")
    assert "%cl_scan has no option --verb" in lab.refused("%cl_scan --verb ok")
    assert "--verdict takes ok or" in lab.refused("%cl_scan --verdict lost")
    assert "%cl_scan repair [RESOURCE …] [options]" in lab.printed("%cl_scan --help")


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
