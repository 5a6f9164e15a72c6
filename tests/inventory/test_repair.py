"""Repairing: what was cut short is finished or rolled back, by what the storage says."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.orm.attributes import set_committed_value

import cl_notebook as cl
from cl_notebook.drivers.api import no_progress
from cl_notebook.model.operations.changes import Update
from tests.inventory.conftest import Ghost

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cl_notebook.drivers.api import Progress
    from cl_notebook.inventory.verdicts import Finding
    from tests.inventory.conftest import Killed

pytestmark = pytest.mark.filterwarnings("ignore:Using fork")  # os-brick imports eventlet, which says so wherever a process forks

Heir = Callable[..., cl.Session]

MADE = "vol = lab.create_volume(1, name='db'); snap = vol.create_snapshot('kept')"


@pytest.fixture(params=["before", "after"])
def moment(request: pytest.FixtureRequest) -> str:
    """Return when a kernel is killed: before the driver's call, and after it."""
    return str(request.param)


@pytest.fixture
def heir(killed: Killed, store: str) -> Iterator[Heir]:
    """Return a function that kills a kernel as ``killed`` does, and gives the session of the next one."""
    with contextlib.ExitStack() as opened:

        def follow(act: str, moment: str, prepare: str = "") -> cl.Session:
            killed(act, moment, prepare)
            return opened.enter_context(cl.setup(store=store))

        yield follow


def _verdicts(session: cl.Session) -> dict[str, str]:
    return {each.name or each.name_in_storage or "": each.verdict for each in cl.inventory.findings(session)}


_CREATED = {
    "create": ("lab.create_volume(1, name='new')", ""),
    "clone": ("vol.clone('new')", MADE),
    "create from snapshot": ("snap.create_volume('new')", MADE),
    "snapshot": ("vol.create_snapshot('new')", MADE),
}


@pytest.mark.parametrize("act", _CREATED)
def test_what_was_being_made_is_there_or_gone(heir: Heir, act: str, moment: str) -> None:
    """What a killed kernel was making is available if the storage has it whole, and not tracked any more if it does not."""
    line, prepare = _CREATED[act]
    session = heir(line, moment, prepare)
    found = session.find("new")
    assert _verdicts(session)["new"] == "stuck"
    outcome = cl.inventory.repair(found)
    assert (found.status, outcome) == (
        ("deleted", "The storage does not have it: it is not tracked any more.")
        if moment == "before"
        else ("available", "The storage has it, whole: it was made.")
    )
    assert set(_verdicts(session).values()) <= {"ok"}
    assert cl.frames.operations(status="running").empty
    assert cl.inventory.repair_all(session=session).empty


_DELETED = {
    "db": ("vol.delete(cascade=True)", "vol = lab.create_volume(1, name='db')"),
    "kept": ("snap.delete()", MADE),
}


@pytest.mark.parametrize("name", _DELETED)
def test_a_deletion_is_finished(heir: Heir, name: str, moment: str) -> None:
    """What a killed kernel was deleting is gone after the repair, from the storage and from the store."""
    line, prepare = _DELETED[name]
    session = heir(line, moment, prepare)
    found = session.find(name)
    assert found.status == "deleting"
    named = found.name_in_storage
    assert cl.inventory.repair(found) == "The deletion was finished."
    assert not Ghost(session.backends["lab"]).has(named)
    assert set(_verdicts(session).values()) <= {"ok"}


@pytest.mark.parametrize(("moment", "size"), [("before", 1), ("after", 3)])
def test_an_extension_is_as_far_as_the_storage_says(heir: Heir, moment: str, size: int) -> None:
    """The size of a volume whose extension was cut short is the one on the storage; before, other acts name the repair."""
    session = heir("vol.extend(3)", moment, MADE)
    volume = session.find("db")
    assert volume.status == "extending"
    with pytest.raises(cl.errors.InvalidStatus, match=r"is 'extending'; to connect it, it must .* %cl_scan repair db asks"):
        volume.connect({"host": "web1"})
    cl.inventory.repair(volume)
    assert (volume.status, volume.size) == ("available", size)
    assert set(_verdicts(session).values()) == {"ok"}


def test_a_revert_is_done_again(heir: Heir, moment: str) -> None:
    """A volume that was being reverted is reverted to the same snapshot."""
    session = heir("vol.revert(snap)", moment, MADE)
    volume = session.find("db")
    assert volume.status == "reverting"
    assert "reverted to snapshot 'kept'" in cl.inventory.repair(volume)
    assert volume.status == "available"


_ADOPTED = {
    "managing": ("lab.manage(name)", "vol = lab.create_volume(1); name = vol.name_in_storage; vol.unmanage()"),
    "unmanaging": ("vol.unmanage()", "vol = lab.create_volume(1)"),
}


@pytest.mark.parametrize("status", _ADOPTED)
def test_an_adoption_that_was_cut_short_is_given_up(heir: Heir, status: str, moment: str) -> None:
    """What was being adopted or released is on the storage, and not tracked; so it can be adopted again."""
    line, prepare = _ADOPTED[status]
    session = heir(line, moment, prepare)
    (volume,) = session.backend("lab").volumes
    assert volume.status == status
    assert "stays on the storage" in cl.inventory.repair(volume)
    (left,) = cl.inventory.findings(session)
    assert left.verdict == "untracked"


_CONNECTED = {
    "connect": ("vol.connect({'host': 'web1', 'ip': '192.0.2.7'})", ""),
    "attach": ("conn.attach()", "conn = vol.connect(session.host.connector_properties('local'))"),
    "detach": ("conn.detach()", "conn = vol.attach()"),
    "disconnect": ("conn.disconnect()", "conn = vol.connect(session.host.connector_properties('local'))"),
}


@pytest.mark.parametrize("act", _CONNECTED)
def test_a_connection_is_finished_or_removed(heir: Heir, act: str, moment: str) -> None:
    """A connection that was being made or removed is removed; one whose device was being attached or detached is settled."""
    line, prepare = _CONNECTED[act]
    session = heir(line, moment, f"vol = lab.create_volume(1, name='db')\n{prepare}")
    volume = session.find("db")
    (conn,) = volume.connections
    assert conn.status == ("attaching" if act in {"connect", "attach"} else "detaching")
    assert {each.kind: each.verdict for each in cl.inventory.findings(session)}["connection"] == "stuck"
    cl.inventory.repair(conn)
    assert volume.connections == ([conn] if act in {"attach", "detach"} else [])
    assert {each.verdict for each in cl.inventory.findings(session)} == {"ok"}
    volume.cleanup()
    volume.delete()


def test_the_storages_size_is_taken(backend: cl.Backend, ghost: Ghost) -> None:
    """A volume that was resized behind everybody's back has the storage's size after its repair."""
    volume = backend.create_volume(2)
    ghost.resize(volume.name_in_storage, 5)
    assert "5 GiB" in cl.inventory.repair(volume)
    assert (volume.size, volume.status) == (5, "available")
    assert cl.inventory.repair(volume) == "Nothing is wrong with it."


def test_a_volume_that_was_emptied_does_not_get_no_size(session: cl.Session, tmp_path: Path) -> None:
    """A file that was cut to nothing keeps the size that it is tracked with, so that documents with it can be read."""
    lab = session.backend("lab", volume_driver="local", path=str(tmp_path / "lab"))
    volume = lab.create_volume(1, name="db")
    os.truncate(tmp_path / "lab" / volume.name_in_storage, 0)
    with pytest.raises(cl.errors.Refused, match=f"is empty on the storage.* %cl_volume delete {volume.id}"):
        cl.inventory.repair(volume)
    assert (volume.size, volume.status) == (1, "available")
    document = volume.dumps
    volume.delete()
    assert cl.load(document)


def test_a_volume_whose_connection_was_forgotten_can_be_removed(backend: cl.Backend) -> None:
    """The storage still has it connected, which keeps it: the error says how that is let go of, and then it can be removed."""
    volume = backend.create_volume(1)
    cl.inventory.forget(volume.connect({"host": "web1", "ip": "192.0.2.7"}), force=True)
    with pytest.raises(cl.errors.BusyOnStorage, match="Unmanaging and managing the volume removes connections"):
        volume.delete()
    volume.unmanage()
    backend.manage(volume.name_in_storage, id=volume.id).delete()
    assert cl.inventory.findings(backend.context) == []


def test_what_is_missing_is_not_repaired(backend: cl.Backend, ghost: Ghost) -> None:
    """A volume that the storage lost cannot be repaired: the error says how it is forgotten."""
    volume = backend.create_volume(1)
    ghost.remove(volume.name_in_storage)
    with pytest.raises(cl.errors.Refused, match=f"%cl_scan forget {volume.id} forgets it"):
        cl.inventory.repair(volume)
    assert volume.status == "available"


@pytest.mark.parametrize("wrong", [5, None, "lab", ["lab"]])
@pytest.mark.parametrize("act", [cl.inventory.repair, cl.inventory.forget, lambda wrong: cl.inventory.manage(wrong, "disk")])
@pytest.mark.usefixtures("session")
def test_what_is_no_resource_is_refused_in_one_line(act: Callable[[Any], object], wrong: object) -> None:
    """What is neither a resource nor a device's path cannot be repaired, forgotten or adopted from, and the error shows it."""
    with pytest.raises(cl.errors.InvalidInput, match=re.escape(repr(wrong))):
        act(wrong)


def test_nothing_is_repaired_while_the_storage_cannot_be_asked(session: cl.Session, tmp_path: Path) -> None:
    """Where the storage does not answer, a stuck volume stays as it is."""
    faults = "create_volume:1:lost,get_manageable_volumes:1"
    sim = session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim"), faults=faults)
    with pytest.raises(cl.errors.DriverError):
        sim.create_volume(1, name="db")
    volume = session.find("db")
    with pytest.raises(cl.errors.Refused, match=r"is on the storage is not known.*Nothing was changed"):
        cl.inventory.repair(volume)
    assert volume.status == "error"
    assert cl.inventory.repair(volume) == "The storage has it, whole: it was made."
    assert volume.status == "available"


def test_what_nobody_here_made_is_not_unmade(session: cl.Session, backend: cl.Backend, ghost: Ghost) -> None:
    """A volume in error whose history is not known is whole if the storage has it whole, and else left to its owner."""
    volume = backend.create_volume(1)
    with session.store.writing() as connection:
        connection.exec_driver_sql("DELETE FROM operation")
    session.journal.save_side_effects([Update.of(volume, {"status": "error"})], volume)
    assert cl.inventory.repair(volume) == "The storage has it, whole."
    session.journal.save_side_effects([Update.of(volume, {"status": "error"})], volume)
    ghost.remove(volume.name_in_storage)
    with pytest.raises(cl.errors.Refused, match="no operation says why; the storage does not have it"):
        cl.inventory.repair(volume)
    assert volume.status == "error"
    cl.inventory.forget(volume)


def test_leftovers_of_a_killed_process_are_removed(backend: cl.Backend, tmp_path: Path) -> None:
    """Repairing a backend removes the temporary files of no running operation."""
    file = tmp_path / "storage" / ".cl_notebook" / "tmp" / "volume.0123"
    file.write_bytes(bytes(5000))
    assert cl.inventory.repair(backend) == "1 half-made files of killed processes were removed."
    assert not file.exists()
    assert cl.inventory.repair(backend) == "Nothing is wrong with it."


def test_a_lost_volume_comes_back_under_its_id(backend: cl.Backend, session: cl.Session) -> None:
    """What was forgotten is adopted under the very id that its name carries, a snapshot of it as well."""
    volume = backend.create_volume(2, name="db")
    snapshot = volume.create_snapshot("kept")
    ids, names = (volume.id, snapshot.id), (volume.name_in_storage, snapshot.name_in_storage)
    for each in (snapshot, volume):
        cl.inventory.forget(each, force=True)
    assert [each.verdict for each in cl.inventory.findings(session)] == ["untracked", "untracked"]
    back = cl.inventory.manage(backend, names[0], "again")
    kept = cl.inventory.manage(backend, names[1], snapshot=True)
    assert ((back.id, kept.id), back.name, back.size) == (ids, "again", 2)
    assert session.backends["lab"].volumes[0].snapshots == [kept]
    assert {each.verdict for each in cl.inventory.findings(session)} == {"ok"}


def test_an_id_that_is_taken_is_not_given_twice(backend: cl.Backend, ghost: Ghost) -> None:
    """A volume whose name carries the id of one that is tracked is adopted under a new id."""
    volume = backend.create_volume(1)
    ghost.rename(volume.name_in_storage, "moved")
    set_committed_value(volume, "name_in_storage", "moved")
    with pytest.raises(cl.errors.AlreadyExists, match="is taken by"):
        cl.inventory.manage(backend, "moved", id=volume.id)


def test_only_what_the_storage_does_not_have_is_forgotten(backend: cl.Backend, ghost: Ghost) -> None:
    """Forgetting what the storage has is refused; what it lost is forgotten, once nothing tracked depends on it."""
    volume = backend.create_volume(1)
    snapshot = volume.create_snapshot()
    with pytest.raises(cl.errors.Refused, match=r"The storage has volume .*unmanage\(\) releases it"):
        cl.inventory.forget(volume)
    ghost.remove(volume.name_in_storage)
    with pytest.raises(cl.errors.ResourceBusy):
        cl.inventory.forget(volume)
    ghost.remove(snapshot.name_in_storage)
    cl.inventory.forget(snapshot)
    cl.inventory.forget(volume)
    assert backend.volumes == []


def test_nothing_is_changed_in_a_session_that_only_looks(store: str, tmp_path: Path) -> None:
    """Adopting, repairing and forgetting are refused where the session is read-only."""
    with cl.Session(store) as session:
        session.backend("lab", volume_driver="sim", path=str(tmp_path / "sim")).create_volume(1, name="db")
    with cl.Session(store, read_only=True) as session:
        volume = session.find("db")
        for act in (
            lambda: cl.inventory.repair(volume),
            lambda: cl.inventory.repair(volume.backend),
            lambda: cl.inventory.repair("/dev/loop0", session=session),
            lambda: cl.inventory.repair_all(session=session),
            lambda: cl.inventory.forget(volume, force=True),
            lambda: cl.inventory.manage(volume.backend, "disk"),
        ):
            with pytest.raises(cl.errors.ReadOnly):
                act()


def test_what_a_living_kernel_works_on_is_ok(session: cl.Session, backend: cl.Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resource that is being worked on is ok, with who does what; it is neither repaired nor forgotten."""
    volume = backend.create_volume(1)
    seen: list[Finding] = []

    @contextlib.contextmanager
    def looking(doing: str) -> Iterator[Progress]:
        if doing.startswith("extend"):
            seen.extend(cl.inventory.findings(session))
            for act in (cl.inventory.repair, cl.inventory.forget):
                with pytest.raises(cl.errors.InvalidStatus):
                    act(volume)
        yield no_progress

    monkeypatch.setattr(session, "progress", looking)  # the next default session shows progress as this one does
    volume.extend(2)
    assert [(each.verdict, each.status) for each in seen] == [("ok", "extending")]
    assert f"'extend' is being done by process {os.getpid()}" in (seen[0].detail or "")
