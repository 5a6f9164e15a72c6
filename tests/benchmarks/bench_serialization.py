"""Everything dumped and loaded, against cinderlib 5.2.0 on a database: what either library keeps for the next process."""

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
from tests.benchmarks.comparing import timed

if TYPE_CHECKING:
    from tests.benchmarks.comparing import Comparison

VOLUMES = 10_000
THEIRS = 200
"""Volumes that cinderlib is given: it takes the same time for each, and minutes for all of ours."""

ROUNDS = 3
ROOT = Path(cl.__file__).parent.parent
PYTHON = ROOT / ".peer" / "bin" / "python"
WORK = Path(__file__).parent / "cinderlib" / "serialise.py"

MEMORY = """
import sys
import cl_notebook as cl
from cl_notebook import serialization
def peak():
    lines = open("/proc/self/status").read().splitlines()  # getrusage() would count the parent's, too
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
store, file, act = sys.argv[1:]
cl.setup(store)
before = peak()
serialization.dump_file(file) if act == "dump" else serialization.load_file(file, fail_on_missing_backend=False)
print((peak() - before) / 1024)
"""


@pytest.mark.skipif(not PYTHON.exists(), reason="cinderlib needs an environment of its own, with Python 3.11")
def bench_serialization(tmp_path: Path, compare: Comparison) -> None:
    """The text of everything, and its load with save=True; cinderlib's seconds are scaled up to as many volumes.

    cinderlib cannot load the snapshots that it dumped into a database (it asks a snapshot for its volume's type), so either
    load is of volumes and connections alone.
    """
    source = tmp_path / "source.db"
    with cl.Session(source) as session:
        fill(session.store, volumes=VOLUMES)
    cl.setup(source)
    text = cl.dumps()
    dumps = [timed(cl.dumps) for _ in range(ROUNDS)]
    document = json.loads(text)
    for volume in document[0]["volumes"]:
        del volume["data"]["snapshots"]
    text, loads = json.dumps(document), []
    for turn in range(ROUNDS):
        cl.setup(tmp_path / f"{turn}.db")
        loads.append(timed(lambda: cl.load(text, save=True, fail_on_missing_backend=False)))
    store = tmp_path / "peer.db"
    command = [str(PYTHON), "-W", "ignore", str(WORK), str(store), str(THEIRS)]
    done = subprocess.run(command, cwd=PYTHON.parent, stdout=subprocess.PIPE, text=True, check=True).stdout
    theirs = {step: seconds * VOLUMES / THEIRS for step, seconds in json.loads(done).items()}
    other = f"cinderlib, {THEIRS} scaled up"
    compare.note(f"dumps(), {VOLUMES:,} volumes", statistics.median(dumps), other, theirs["dump"], 1 / 50)
    compare.note(f"load(save=True), {VOLUMES:,} volumes", statistics.median(loads), other, theirs["load"], 1 / 50)


def bench_memory(tmp_path: Path, compare: Comparison) -> None:
    """Megabytes that a file of everything takes, beyond what the process had before: the same for ten times as much."""
    for volumes in (VOLUMES, 10 * VOLUMES):
        store, file = tmp_path / f"{volumes}.db", tmp_path / f"{volumes}.json"
        with cl.Session(store) as session:
            fill(session.store, volumes=volumes)
        for act, where in (("dump", store), ("load", tmp_path / f"{volumes}-new.db")):
            command = [sys.executable, "-c", MEMORY, str(where), str(file), act]
            used = float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
            compare.figure(f"{act} a file of {volumes:,} volumes, more memory", [used], "MiB", most=32)
