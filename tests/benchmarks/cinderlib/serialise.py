"""Serialisation by cinderlib on a database; prints the seconds of each step as JSON.

::

    serialise.py STORE VOLUMES     makes volumes in the new store, dumps them, and loads them into another
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import work  # type: ignore[import-not-found] # beside this file, where it runs


def main(store: str, volumes: str) -> None:
    """Make, dump and load, each in a process that has nothing in memory."""
    file = Path(f"{store}.json")
    again = (sys.executable, "-W", "ignore", __file__)
    for step in (("make", store, volumes), ("dump", store, str(file)), ("load", f"{store}.new", str(file))):
        done = subprocess.run([*again, *step], stdout=subprocess.PIPE, text=True, check=True)
        work.SPENT |= json.loads(done.stdout)
    sys.stdout.write(json.dumps(work.SPENT) + "\n")


def do(step: str, store: str, last: str) -> None:
    """Do one step."""
    backend = work.cinderlib_backend(store)
    if step == "make":
        work.fill(backend, int(last))
    elif step == "dump":
        Path(last).write_text(_spent("dump", _cinderlib().dumps), encoding="utf-8")
    else:
        text = _without_snapshots(Path(last).read_text(encoding="utf-8"))
        _spent("load", lambda: _cinderlib().load(text, save=True))
    sys.stdout.write(json.dumps(work.SPENT) + "\n")


def _spent(step: str, do_it: Any) -> Any:
    begun = time.perf_counter()
    done = do_it()
    work.SPENT[step] = time.perf_counter() - begun
    return done


def _cinderlib() -> Any:
    import cinderlib  # noqa: PLC0415 - set up before it is used

    return cinderlib


def _without_snapshots(text: str) -> str:
    document = json.loads(text)
    for volume in document[0]["volumes"]:
        data = volume["ovo"]["versioned_object.data"]
        data["snapshots"]["versioned_object.data"]["objects"] = []
        data["volume_type"] = data["volume_type_id"] = None  # nor can it load a second volume of the same type
    return json.dumps(document)


if __name__ == "__main__":
    (do if len(sys.argv) == 4 else main)(*sys.argv[1:])
