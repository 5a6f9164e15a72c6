"""Many kernels on one store at once: no update is lost, no row is false, and the storage has what the store says."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cl_notebook as cl
from cl_notebook.store import changefeed

_WORKER = Path(__file__).with_name("many_kernels.py")
_KERNELS = 8
_OPERATIONS = 500


def _worked(url: str, folder: str) -> list[dict[str, Any]]:
    """Let the kernels work, all at once, and return what each says that it has left."""
    command = [sys.executable, str(_WORKER), url, folder]
    started = [
        subprocess.Popen(
            [*command, str(number), str(_OPERATIONS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number in range(_KERNELS)
    ]  # fmt: skip
    for each in started:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n", each.communicate()[1]
    for each in started:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    said = [each.communicate() for each in started]
    assert [each.returncode for each in started] == [0] * _KERNELS, "\n".join(text for _, text in said)
    return [json.loads(out) for out, _ in said]


def _on_storage(folder: Path) -> tuple[set[str], set[str]]:
    """Return the ids of the snapshots and of the connections that the simulated storage has."""
    with contextlib.closing(sqlite3.connect(folder / ".cl_notebook" / "state.db")) as state:
        tables = [state.execute(f"SELECT id FROM {table}").fetchall() for table in ("snapshots", "connections")]  # noqa: S608 - ours
    snapshots, connections = ({found for (found,) in rows} for rows in tables)
    return snapshots, connections


@pytest.mark.lane("slow")
def test_eight_kernels_at_once_lose_nothing(any_store_url: str, tmp_path: Path) -> None:
    """After 8 kernels have done 500 operations each, some on the same volumes, store, storage and kernels agree on everything."""
    folder = str(tmp_path / "lab")
    with cl.Session(any_store_url) as session:
        lab = session.backend("lab", volume_driver="sim", path=folder)
        shared = [lab.create_volume(1, f"shared-{number}", metadata={"n": "0"}) for number in range(3)]
        left = _worked(any_store_url, folder)
        for vol in shared:
            vol.refresh()
        assert sum(int(vol.metadata["n"]) for vol in shared) == sum(each["counted"] for each in left)
        assert sum(vol.size - 1 for vol in shared) == sum(each["extended"] for each in left)
        sizes = {vol.id: vol.size for vol in shared}
        for each in left:
            sizes |= each["volumes"]
        volumes = cl.frames.volumes(session)
        assert volumes["size"].to_dict() == sizes
        assert set(cl.frames.snapshots(session).index) == {name for each in left for name in each["snapshots"]}
        connections = cl.frames.connections(session)
        assert set(connections.index) == {name for each in left for name in each["connections"]}
        assert set(cl.frames.snapshots(session)["status"]) <= {"available"}
        assert set(connections["status"]) <= {"attached"}
        connected = set(connections["volume_id"])
        assert volumes["status"].to_dict() == {name: "in-use" if name in connected else "available" for name in sizes}
        on_storage = lab.manageable_volumes()
        assert {item["cinder_id"]: item["size"] for item in on_storage} == sizes
        assert _on_storage(Path(folder)) == (set(cl.frames.snapshots(session).index), set(connections.index))
        assert set(cl.frames.operations(session)["status"]) <= {"done", "failed"}
        with session.store.reading() as connection:
            numbers = [entry.number for entry in changefeed.since(connection, 0, 100_000)]
        assert numbers == list(range(1, session.store.head() + 1))
