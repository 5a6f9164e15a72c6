"""With a read-only session every magic that acts is refused; all of them are walked, so that none can be forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook.notebook.extension import COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.notebook.conftest import Notebook

ACTS = {
    "cl_backend add": "%cl_backend add new --driver sim --path {folder}/new",
    "cl_backend forget": "%cl_backend forget lab",
    "cl_volume create": "%cl_volume create --size 1 --backend lab",
    "cl_volume set": "%cl_volume set db --name other",
    "cl_volume unset": "%cl_volume unset db --metadata tier",
    "cl_volume rename": "%cl_volume rename db other",
    "cl_volume extend": "%cl_volume extend db 2",
    "cl_volume clone": "%cl_volume clone db --name copy",
    "cl_volume snapshot": "%cl_volume snapshot db",
    "cl_volume connect": "%cl_volume connect db",
    "cl_volume attach": "%cl_volume attach db",
    "cl_volume detach": "%cl_volume detach db",
    "cl_volume delete": "%cl_volume delete db",
    "cl_volume manage": "%cl_volume manage ghost --backend lab",
    "cl_volume unmanage": "%cl_volume unmanage db",
    "cl_volume retype": "%cl_volume retype db --extra-spec a=b",
    "cl_volume revert": "%cl_volume revert db kept",
    "cl_snapshot create": "%cl_snapshot create db",
    "cl_snapshot set": "%cl_snapshot set kept --name other",
    "cl_snapshot unset": "%cl_snapshot unset kept --metadata tier",
    "cl_snapshot rename": "%cl_snapshot rename kept other",
    "cl_snapshot create-volume": "%cl_snapshot create-volume kept",
    "cl_snapshot revert": "%cl_snapshot revert kept",
    "cl_snapshot manage": "%cl_snapshot manage db ghost",
    "cl_snapshot unmanage": "%cl_snapshot unmanage kept",
    "cl_snapshot delete": "%cl_snapshot delete kept",
    "cl_connection attach": "%cl_connection attach {connection}",
    "cl_connection detach": "%cl_connection detach {connection}",
    "cl_connection disconnect": "%cl_connection disconnect {connection}",
    "cl_load ": "%cl_load {folder}/all.json",
    "cl_scan manage": "%cl_scan manage lab ghost",
    "cl_scan repair": "%cl_scan repair db",
    "cl_scan forget": "%cl_scan forget db --force",
    "cl_cleanup ": "%cl_cleanup --all --yes",
    "cl_trash empty": "%cl_trash empty --yes",
    "cl_undo ": "%cl_undo",
    "cl_scratch ": "%%cl_scratch\npass",
}
"""What is typed for each verb that acts; a new one has its line here, or below."""

LOOKS = {
    "cl_demo ",  # it has a store of its own
    *("cl_setup ", "cl_backends ", "cl_volumes ", "cl_snapshots ", "cl_connections ", "cl_history ", "cl_drivers ", "cl_log "),
    *("cl_backend open", "cl_backend close", "cl_backend show", "cl_backend stats", "cl_backend manageable"),
    *("cl_volume show", "cl_snapshot show", "cl_connection show"),
    *("cl_plot capacity", "cl_plot latency", "cl_plot timeline", "cl_plot lineage", "cl_doctor "),
    *("cl_backend list", "cl_volume list", "cl_snapshot list", "cl_connection list"),
    *("cl_tree ", "cl_status ", "cl_find ", "cl_who ", "cl_dump ", "cl_scan show", "cl_wait ", "cl_help ", "cl_trash list"),
}
"""Verbs that look, or that concern this kernel alone."""

_UNABLE = {"cl_volume retype", "cl_snapshot manage", "cl_snapshot unmanage"}
"""Verbs that the simulator does not have: that is said first."""


def test_every_magic_is_known() -> None:
    """Each verb of each magic stands among those that act or those that look."""
    verbs = {f"{command.name} {verb.name}" for command in COMMANDS for verb in command.verbs}
    assert verbs - LOOKS == set(ACTS)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with one of everything in it, which every test leaves as it is."""
    folder = tmp_path_factory.mktemp("read-only")
    path = folder / "looked-at.db"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CL_NOTEBOOK_DATA", str(folder / "data"))
        with cl.setup(path):
            lab = cl.Backend("lab", volume_driver="sim", path=str(folder / "lab"))
            vol = lab.create_volume(1, "db", metadata={"tier": "gold"})
            vol.create_snapshot("kept", metadata={"tier": "gold"})
            vol.connect({"host": "web1", "ip": "127.0.0.1"})
            lab.driver.appear("ghost", 1)  # type: ignore[attr-defined] # the simulator's
            (folder / "all.json").write_text(cl.dumps().replace(vol.id, "6c3e7a4e-0d5c-4a51-9f3e-1f7a3ce0f0aa"))
    return path


@pytest.mark.parametrize("verb", sorted(ACTS))
def test_every_magic_that_acts_is_refused(notebook: Notebook, store: Path, verb: str) -> None:
    """The line is refused in one line, and neither the store nor the storage is changed by it."""
    with cl.setup(store, read_only=True) as session:
        driver = session.backend("lab").driver
        connection = session.find("db").connections[0]
        before, calls = store.read_bytes(), len(driver.calls())  # type: ignore[attr-defined] # as above
        said = notebook.refused(ACTS[verb].format(folder=store.parent, connection=connection.id))
        assert verb in _UNABLE or "ReadOnly" in said
        assert len(driver.calls()) == calls  # type: ignore[attr-defined] # as above
        assert store.read_bytes() == before
