"""Against cinderlib 5.2.0, each library in fresh processes of its own: the same work on stores of the same size."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook.testing.stores import fill

if TYPE_CHECKING:
    from tests.benchmarks.comparing import Comparison

VOLUMES = 1_000
ROUNDS = 5
ROOT = Path(cl.__file__).parent.parent
PEER = ROOT / ".peer"
PYTHON = PEER / "bin" / "python"
WORK = Path(__file__).parent / "cinderlib" / "work.py"

STEPS = {
    "load": ("import and set up", 1 / 3),
    "list": (f"list {VOLUMES:,} volumes as objects", 1 / 200),
    "loop": (f"status loop, {VOLUMES:,} volumes", 1 / 100),
    "create": ("create a volume", 1 / 2),
}


@pytest.mark.skipif(not PYTHON.exists(), reason="cinderlib needs an environment of its own, with Python 3.11")
def bench_cinderlib(tmp_path: Path, compare: Comparison) -> None:
    """Import, set up, list, loop over everything, create."""
    store = PEER / f"{VOLUMES}.db"
    if not store.exists():
        filling = PEER / "filling.db"
        filling.unlink(missing_ok=True)
        _work(PYTHON, "cinderlib", filling, VOLUMES)
        filling.rename(store)
    ours = tmp_path / "store.db"
    with cl.Session(ours) as session:
        fill(session.store, volumes=VOLUMES, path=str(tmp_path / "sim"))
        session.backend("sim", volume_driver="sim", path=tmp_path / "sim", replace=True)
    rounds = []
    for _ in range(ROUNDS):
        mine = json.loads(_work(Path(sys.executable), "cl_notebook", ours, tmp_path / "sim"))
        rounds.append((mine, json.loads(_work(PYTHON, "cinderlib", store, VOLUMES))))
    for step, (work, target) in STEPS.items():
        mine, its = (statistics.median(pair[side][step] for pair in rounds) for side in (0, 1))
        compare.note(work, mine, "cinderlib 5.2.0", its, target)


def _work(python: Path, *words: object) -> str:
    command = [str(python), "-W", "ignore", str(WORK), *map(str, words)]
    # cinderlib leaves two folders where it runs
    return subprocess.run(command, cwd=python.parent, stdout=subprocess.PIPE, text=True, check=True).stdout
