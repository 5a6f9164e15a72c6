"""Files of outcomes that wait for their store: those of earlier versions are read, and the form is the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import cl_notebook as cl
from cl_notebook.model.operations.changes import Delete, MapPatch, SyncAttachStatus, Update
from cl_notebook.model.operations.outcome import PendingOutcome

if TYPE_CHECKING:
    from pathlib import Path

MADE: dict[str, Any] = {
    "do": "write",
    "kind": "volume",
    "id": "V",
    "values": {"id": "V", "created_at": "2026-11-30T06:59:59+00:00"},
}
EMPTY: dict[str, Any] = {"put": {}, "gone": {}, "is_over": False}


def _written_by_earlier_code(volume: cl.Volume, snapshot: cl.Snapshot, operation: int, kernel_id: str) -> str:
    """Return the text of a file as the first version wrote it: every change has all keys, whatever it does."""
    patch = {"put": {"metadata_": {"a": "1"}}, "gone": {"metadata_": ["b"]}, "is_over": False}
    ids = {"resource_type": "volume", "resource_id": volume.id, "volume_id": None, "backend_id": volume.backend_id}
    ended = {"operation": operation, "kernel_id": kernel_id, "status": "done", "ended_at": "2026-11-30T07:00:00.000005Z"}
    rows = [
        {"do": "write", "kind": "volume", "id": volume.id, "values": {"provider_id": "p-1", "status": "extending"}, **patch},
        {"do": "settle", "kind": "volume", "id": volume.id, "values": {"size": 2}, **EMPTY, "is_over": True},
        {"do": "remove", "kind": "snapshot", "id": snapshot.id, "values": {}, **EMPTY},
    ]
    document = {
        "ended": {**ended, "duration": 0.5, "error": None},
        "rows": rows,
        "if_overtaken": [{"do": "write", "kind": "volume", "id": volume.id, "values": {"status": "error"}, **EMPTY}],
        "event": {"event": "outcome", **ids, "status": "available", "operation_id": operation},
        "made": None,
    }
    return json.dumps(document)


def test_a_file_of_the_first_version_is_written_to_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next session that opens the store writes what such a file says, its patches of maps too, and removes the file."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    url = f"sqlite:///{tmp_path}/store.db"
    with cl.Session(url) as session:
        lab = session.backend("lab", volume_driver="sim", path=str(tmp_path / "lab"))
        volume = lab.create_volume(1, "db", metadata={"b": "0", "c": "2"})
        snapshot = volume.create_snapshot("s")
        volume.extend(3)
        operation = int(cl.frames.operations(session).index[-1])
        folder = session.journal.outbox._spool._folder
        kernel_id = session.journal.kernel_id
        text = _written_by_earlier_code(volume, snapshot, operation, kernel_id)
        with session.store.writing() as connection:
            connection.exec_driver_sql("UPDATE operation SET status = 'running', ended_at = NULL WHERE id = ?", (operation,))
    folder.mkdir(parents=True)
    file = folder / f"{kernel_id}-{operation}.json"
    file.write_text(text)
    with cl.Session(url) as session:
        volume = session.find("db")
        assert (volume.size, volume.status, volume.provider_id, volume.metadata) == (2, "available", "p-1", {"a": "1", "c": "2"})
        assert volume.snapshots == []
        assert cl.frames.operations(session).loc[operation, "status"] == "done"
    assert not file.exists()


@pytest.mark.parametrize(
    ("change", "written"),
    [
        (Update("volume", "V", {"status": "error"}), {"do": "write", "values": {"status": "error"}}),
        (SyncAttachStatus("volume", "V", {"size": 2}, is_over=True), {"do": "settle", "values": {"size": 2}, "is_over": True}),
        (Delete("volume", "V"), {"do": "remove"}),
    ],
)
def test_the_form_of_a_change(change: Any, written: dict[str, Any]) -> None:
    """A change is written with the keys that the first version reads, and is equal to the one that is read back."""
    encoded = json.loads(msgspec.json.encode(change))
    assert encoded.items() >= {**written, "kind": "volume", "id": "V"}.items()
    document = {
        "ended": {
            "operation": 1,
            "kernel_id": "K",
            "status": "done",
            "ended_at": "2026-11-30T07:00:00Z",
            "duration": 1.0,
            "error": None,
        },
        "rows": [encoded],
        "if_overtaken": [],
        "event": {},
        "made": MADE,
    }
    read = msgspec.json.decode(json.dumps(document), type=PendingOutcome)
    assert read.rows == [change]
    assert read.made == Update("volume", "V", dict(MADE["values"]))


def test_a_patch_of_a_map_is_plain_data(tmp_path: Path) -> None:
    """What a driver changed in a map stands in a change as the keys that are put and those that are gone."""
    with cl.Session(f"sqlite:///{tmp_path}/store.db") as session:
        volume = session.backend("lab", volume_driver="sim", path=str(tmp_path)).create_volume(1)
        change = Update.of(volume, {"status": "error", "metadata_": MapPatch.between({"b": "0"}, {"a": "1"})})
    assert change == Update("volume", volume.id, {"status": "error"}, {"metadata_": {"a": "1"}}, {"metadata_": ["b"]})
