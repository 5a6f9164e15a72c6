"""A scan: what is tracked, against what is on the storages."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook.drivers.api import GiB
from cl_notebook.drivers.local.driver import LocalDriver
from cl_notebook.drivers.sim.driver import SimDriver
from cl_notebook.inventory.verdicts import VERDICTS
from tests.inventory.conftest import Ghost

if TYPE_CHECKING:
    from collections.abc import Callable

    from cl_notebook.inventory.verdicts import Finding

LOST = "0a1b2c3d-0000-4000-8000-00000000abcd"
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e'; DROP TABLE volume; --"


@pytest.fixture
def found(session: cl.Session) -> Callable[..., dict[str, Finding]]:
    """Return a function that scans, and gives what it finds by id, or by the name on the storage of what has none."""

    def scan(**words: Any) -> dict[str, Finding]:
        return {each.id or each.name_in_storage or "": each for each in cl.inventory.findings(session, **words)}

    return scan


def test_what_is_as_it_was_left_is_ok(backend: cl.Backend, found: Callable[..., dict[str, Finding]]) -> None:
    """Volumes, snapshots and connections that nobody touched are ok, and nothing else is found."""
    volume = backend.create_volume(2, name="db")
    snapshot = volume.create_snapshot("before")
    conn = volume.attach()
    seen = found()
    assert {(each.kind, each.id, each.verdict, each.detail, each.next) for each in seen.values()} == {
        ("volume", volume.id, "ok", None, None),
        ("snapshot", snapshot.id, "ok", None, None),
        ("connection", conn.id, "ok", None, None),
    }
    assert (seen[volume.id].size, seen[volume.id].size_on_storage, seen[conn.id].device) == (2, 2, conn.path)
    volume.cleanup()


def test_changes_behind_the_back_are_seen(backend: cl.Backend, ghost: Ghost, found: Callable[..., dict[str, Finding]]) -> None:
    """What was removed is missing, what was resized differs, what was renamed is both missing and untracked."""
    gone, grown, renamed = (backend.create_volume(1, name=name) for name in ("gone", "grown", "renamed"))
    snapshot = grown.create_snapshot("lost")
    ghost.remove(gone.name_in_storage)
    ghost.remove(snapshot.name_in_storage)
    ghost.resize(grown.name_in_storage, 3)
    ghost.rename(renamed.name_in_storage, "other")
    seen = found()
    assert {key: each.verdict for key, each in seen.items()} == {
        gone.id: "missing",
        grown.id: "size differs",
        renamed.id: "missing",
        snapshot.id: "missing",
        "other": "untracked",
    }
    assert seen[grown.id].size_on_storage == 3
    assert seen[gone.id].next == f"%cl_scan forget {gone.id}"
    assert seen[grown.id].next == f"%cl_scan repair {grown.id}"
    assert seen["other"].next == "%cl_scan manage lab other"


def test_a_lost_volume_is_known_by_its_name(ghost: Ghost, found: Callable[..., dict[str, Finding]]) -> None:
    """An untracked volume whose name carries an id that is free is found under that id."""
    ghost.make(f"volume-{LOST}", 1)
    seen = found()
    assert list(seen) == [LOST]
    assert (seen[LOST].verdict, seen[LOST].size, seen[LOST].size_on_storage) == ("untracked", None, 1)
    assert "under the id in its name" in (seen[LOST].detail or "")


def test_two_backends_on_one_storage_do_not_lose_each_others_volumes(
    session: cl.Session, backend: cl.Backend, found: Callable[..., dict[str, Finding]]
) -> None:
    """A volume that is tracked on a backend of another name, on the same storage, is not untracked."""
    volume = backend.create_volume(1)
    with pytest.warns(cl.errors.DuplicateBackendWarning):
        twin = session.backend("twin", volume_driver=backend.volume_driver, path=backend.stored_config["path"])
    (seen,) = found(backend=twin).values()
    assert (seen.verdict, seen.id, seen.next) == ("ok", volume.id, None)
    assert "tracked on the backend lab" in (seen.detail or "")


def test_a_half_made_file_of_a_killed_process_is_seen(
    backend: cl.Backend, tmp_path: Path, found: Callable[..., dict[str, Finding]]
) -> None:
    """A temporary file that nobody has locked is untracked, and a scan leaves it where it is."""
    file = tmp_path / "storage" / ".cl_notebook" / "tmp" / "volume.0123"
    file.write_bytes(bytes(5000))
    assert (found()["volume.0123"].verdict, found()["volume.0123"].kind) == ("untracked", "file")
    assert file.exists()
    driver = backend.driver
    assert isinstance(driver, (LocalDriver, SimDriver))
    with driver._folder.new_volume(GiB) as made:
        assert made.path.name not in found()


def test_a_storage_that_fails_leaves_the_rest_to_be_looked_at(session: cl.Session, tmp_path: Path) -> None:
    """Where listing fails everything there is unknown, with the reason, and never missing; other backends are scanned."""
    bad = session.backend("bad", volume_driver="sim", path=str(tmp_path / "bad"))
    good = session.backend("good", volume_driver="sim", path=str(tmp_path / "good"))
    volumes = [each.create_volume(1) for each in (bad, good)]
    session.backend("bad", volume_driver="sim", path=str(tmp_path / "bad"), faults="get_manageable_volumes:1+", replace=True)
    seen = {finding.id: finding for finding in cl.inventory.findings(session)}
    assert [seen[volume.id].verdict for volume in volumes] == ["unknown", "ok"]
    assert "get_manageable_volumes" in (seen[volumes[0].id].detail or "")
    assert (seen[bad.id].verdict, seen[bad.id].kind) == ("unknown", "backend")
    assert {finding.next for finding in seen.values() if finding.verdict == "unknown"} == {"%cl_doctor bad"}


def test_a_backend_that_cannot_be_opened_is_unknown(store_url: str, tmp_path: Path) -> None:
    """A backend whose driver cannot be set up leaves what is tracked on it unknown."""
    if store_url == "memory":
        store_url = f"sqlite:///{tmp_path / 'store.db'}"
    with cl.Session(store_url) as session:
        volume = session.backend("lab", volume_driver="local", path=str(tmp_path / "storage")).create_volume(1)
        volume_id = volume.id
    (tmp_path / "storage").rename(tmp_path / "moved")
    (tmp_path / "storage").write_text("a file in its place", encoding="utf-8")
    with cl.Session(store_url) as session:
        seen = {finding.id: finding for finding in cl.inventory.findings(session)}
        assert seen[volume_id].verdict == "unknown"
        assert "cannot be used" in (seen[volume_id].detail or "")


def test_a_folder_that_is_not_mounted_loses_nothing(driver: str, store: str, tmp_path: Path) -> None:
    """Where the folder of a storage is another one, begun after what is tracked in it, everything is unknown, not missing."""
    folder = tmp_path / "storage"
    with cl.Session(store) as session:
        volume = session.backend("lab", volume_driver=driver, path=str(folder)).create_volume(1)
        volume_id = volume.id
    time.sleep(0.02)  # the file system's own clock ticks in steps
    folder.rename(tmp_path / "mounted elsewhere")
    with cl.Session(store) as session:
        seen = {finding.id: finding for finding in cl.inventory.findings(session)}
        assert seen[volume_id].verdict == "unknown"
        assert "Is its file system mounted?" in (seen[volume_id].detail or "")
    shutil.rmtree(folder)
    (tmp_path / "mounted elsewhere").rename(folder)
    with cl.Session(store) as session:
        assert [finding.verdict for finding in cl.inventory.findings(session)] == ["ok"]


def test_looking_changes_nothing(store_url: str, tmp_path: Path) -> None:
    """A scan writes no row, no operation and no entry of the feed, also in a session that may only look."""
    if store_url == "memory":
        store_url = f"sqlite:///{tmp_path / 'store.db'}"
    with cl.Session(store_url) as session:
        backend = session.backend("lab", volume_driver="sim", path=str(tmp_path / "storage"))
        backend.create_volume(1)
        Ghost(backend).make("stray", 1)
    with cl.Session(store_url, read_only=True) as session:
        before = cl.frames.operations(session)
        assert [finding.verdict for finding in cl.inventory.findings(session)] == ["ok", "untracked"]
        assert cl.frames.operations(session).equals(before)


def test_a_session_that_may_only_look_leaves_a_storage_as_it_is(driver: str, store: str, tmp_path: Path) -> None:
    """Opening and scanning remove no half-made file, and make no folder: a storage that is not there is unknown."""
    with cl.Session(store) as session:
        for name in ("lab", "gone"):
            session.backend(name, volume_driver=driver, path=str(tmp_path / name)).create_volume(1)
    half = tmp_path / "lab" / ".cl_notebook" / "tmp" / "volume-half"
    half.write_bytes(b"half")
    (tmp_path / "gone").rename(tmp_path / "elsewhere")
    with cl.Session(store, read_only=True) as session:
        findings = cl.inventory.findings(session)
        assert {(finding.kind, finding.verdict) for finding in findings if finding.backend == "gone"} == {
            ("backend", "unknown"),
            ("volume", "unknown"),
        }
        assert {(finding.kind, finding.verdict) for finding in findings if finding.backend == "lab"} == {
            ("file", "untracked"),
            ("volume", "ok"),
        }
        (tmp_path / "gone").mkdir()
        assert "Is its file system mounted?" in str([finding.detail for finding in cl.inventory.findings(session, "gone")])
    assert half.read_bytes() == b"half"
    assert list((tmp_path / "gone").iterdir()) == []


def test_the_frame_has_its_types_also_when_it_is_empty(session: cl.Session) -> None:
    """Verdict, kind, backend and status are categorical, sizes Int64, the rest text; an empty scan keeps them."""
    frame = cl.inventory.scan(session=session)
    assert frame.empty
    assert list(frame["verdict"].cat.categories) == list(VERDICTS)
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        **dict.fromkeys(("verdict", "kind", "backend", "status"), "category"),
        **dict.fromkeys(("size", "size_on_storage"), "Int64"),
        **dict.fromkeys(("id", "name", "name_in_storage", "device", "detail", "next"), "string"),
    }


def test_what_is_wrong_comes_first(backend: cl.Backend, ghost: Ghost) -> None:
    """The rows that are ok stand at the end of the frame."""
    backend.create_volume(1)
    ghost.make("stray", 1)
    assert list(cl.inventory.scan()["verdict"]) == ["untracked", "ok"]


def test_a_backend_is_chosen_by_name(backend: cl.Backend) -> None:
    """A scan may be of one backend; a name that none has is refused, with the closest."""
    assert cl.inventory.scan("lab").equals(cl.inventory.scan(backend))
    with pytest.raises(cl.errors.NotFound, match=r"No backend 'lob' is stored\. Did you mean 'lab'\?"):
        cl.inventory.scan("lob")
    with pytest.raises(cl.errors.InvalidInput, match="not as 5"):
        cl.inventory.scan(5)  # type: ignore[arg-type] # what a user may type


def test_hostile_names_are_written_out(session: cl.Session, tmp_path: Path) -> None:
    """In the frame, and as HTML, what a name on the storage holds is neither obeyed by a terminal nor by a browser."""
    ghost = Ghost(session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim")))
    ghost.make(HOSTILE.replace("/", "|"), 1)
    frame = cl.inventory.scan()
    assert "\x1b" not in frame.to_string()
    assert "\u202e" not in frame.to_string()
    assert "<script>" not in frame.to_html()
    assert r"\x1b[31m\u202e" in str(frame.loc[0, "name_in_storage"])


def test_a_name_that_is_no_text_is_reported(
    session: cl.Session, tmp_path: Path, found: Callable[..., dict[str, Finding]]
) -> None:
    """A file whose name no store can keep is untracked, and cannot be adopted."""
    session.backend("local", volume_driver="local", path=str(tmp_path / "local"))
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/local/\xff")).write_bytes(bytes(5))
    (seen,) = found().values()
    assert (seen.verdict, seen.next) == ("untracked", None)
    assert cl.inventory.scan().to_html().encode()


def test_an_interrupted_scan_can_be_repeated(session: cl.Session, tmp_path: Path) -> None:
    """An interrupt while a storage does not answer ends the scan at once, and nothing is the worse for it."""
    words: Any = {"volume_driver": "sim", "path": str(tmp_path / "sim")}
    session.backend("sim", **words).create_volume(1)
    session.backend("sim", **words, faults="get_manageable_volumes:1:hang", replace=True)
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        cl.inventory.findings(session)
    timer.join()
    assert [finding.verdict for finding in cl.inventory.findings(session)] == ["ok"]


@pytest.mark.parametrize("number", [1, 4])
def test_a_scan_reads_the_backends_once(session: cl.Session, tmp_path: Path, number: int) -> None:
    """However many backends are scanned, one SELECT reads their rows."""
    for index in range(number):
        session.backend(f"sim{index}", volume_driver="sim", path=str(tmp_path / str(index))).create_volume(1)
    sent: list[str] = []
    sa.event.listen(session.store.engine, "before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
    assert len(cl.inventory.findings(session, host=False)) == number
    assert len([text for text in sent if "FROM backend" in text]) == 1
