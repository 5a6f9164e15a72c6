"""The notebooks in examples/, run as a reader would run them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cl_notebook
from cl_notebook import frames
from tools.notebooks import kernel_of, run

ROOT = Path(cl_notebook.__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))

LOOP = """\
# If volumes lazy loadable property was already loaded, refresh it
lvm_backend.refresh()

for vol in lvm_backend.volumes:
    print('Volume %s is currently %s' % (vol.id, vol.status))

    # Refresh volume's snapshots and connections if previously lazy loaded
    vol.refresh()

    for snap in vol.snapshots:
        print('Snapshot %s for volume %s is currently %s' %
              (snap.id, snap.volume.id, snap.status))

    for conn in vol.connections:
        print('Connection from %s with ip %s to volume %s is %s' %
              (conn.connector_info['host'], conn.connector_info['ip'],
               conn.volume.id, conn.status))"""
"""The loop of cinderlib's page on resource tracking; the parenthesis at the end of its fifth line is missing there."""


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> Path:
    """Give each notebook in turn."""
    path: Path = request.param
    return path


def test_runs_twice(notebook: Path, tmp_path: Path) -> None:
    """A notebook runs top to bottom in a store of its own, leaves nothing attached, and so runs again."""
    for _ in range(2):
        run(notebook, tmp_path)
        assert not (tmp_path / "store.db").exists()
        for store in tmp_path.glob("*.db"):
            with cl_notebook.Session(store) as session:
                assert frames.connections(session).empty


def test_what_the_tour_showed_is_still_there(tmp_path: Path) -> None:
    """After the tour its store has the volumes and the snapshot that its tree shows, for a reader who scrolls up."""
    run(ROOT / "examples" / "01_tour.ipynb", tmp_path)
    with cl_notebook.Session(tmp_path / "tour.db") as session:
        assert set(frames.volumes(session)["name"]) == {"tour-novel", "tour-reprint"}
        assert list(frames.snapshots(session)["name"]) == ["tour-before"]


def test_no_notebook_closes_a_tree() -> None:
    """No cell closes a tree or forgets a backend at its end, which would empty what the reader sees above."""
    last = {path.stem: "".join(_code(path)[-1]["source"]) for path in NOTEBOOKS}
    trees = [path.stem for path in NOTEBOOKS if any("tree" in "".join(cell["source"]) for cell in _code(path))]
    assert {"01_tour", "03_tree"} <= set(trees)
    assert [name for name in trees if re.search(r"\.(close|delete|forget)\(", last[name])] == []


def test_names_our_kernel(notebook: Path) -> None:
    """A notebook asks for the kernel of this installation, which runs on this very Python."""
    assert json.loads(notebook.read_text(encoding="utf-8"))["metadata"]["kernelspec"]["name"] == "cl_notebook"
    assert kernel_of(notebook) == sys.executable


def test_is_kept_without_outputs(notebook: Path) -> None:
    """What a run printed is not kept in the notebook."""
    assert [cell for cell in _code(notebook) if cell["outputs"] or cell["execution_count"]] == []


def test_the_status_loop_is_the_page_s_own() -> None:
    """The loop stands in its notebook word for word, once for the default store and once for the one in memory."""
    sources = ["".join(cell["source"]) for cell in _code(ROOT / "examples" / "02_resource_tracking.ipynb")]
    assert sources.count(LOOP) == 2


def test_the_tour_prints_its_tree() -> None:
    """`make tour` prints the headings of the tour and the tree of what it made."""
    command = [sys.executable, "-m", "tools.tour"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("A tour of block storage\n")
    assert {"tour", "tour-novel", "tour-before", "tour-reprint"} <= set(done.stdout.replace("'", " ").split())
    assert done.stderr == ""


def test_the_tour_runs_beside_what_the_readme_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Volumes of the README's names, on another backend of the same store, do not stand in the way of the tour."""
    monkeypatch.setenv("CL_NOTEBOOK_DATA", str(tmp_path))
    with cl_notebook.Session() as session:
        lab = session.backend("lab", volume_driver="sim", path=str(tmp_path / "lab"))
        for name in ("ledger", "copy"):
            lab.create_volume(size=1, name=name).create_snapshot(name="before")
    run(ROOT / "examples" / "01_tour.ipynb", tmp_path)


def _code(notebook: Path) -> list[dict[str, Any]]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]
