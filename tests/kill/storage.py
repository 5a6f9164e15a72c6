"""What is really on a storage: looked at from beside, without the driver."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Found:
    """Names of volumes and snapshots, ids of connections, and what else is there: loop devices, files in the making."""

    volumes: set[str] = field(default_factory=set)
    snapshots: set[str] = field(default_factory=set)
    connections: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)


def found(driver: str, folder: Path) -> Found:
    """Return what is on the storage of *driver* in *folder*."""
    return _simulated(folder) if driver == "sim" else _local(folder)


def _simulated(folder: Path) -> Found:
    with closing(sqlite3.connect(folder / ".cl_notebook" / "state.db")) as state:
        names = {table: {row[0] for row in state.execute(f"SELECT name FROM {table}")} for table in ("volumes", "snapshots")}  # noqa: S608 - the names of its tables
        connections = {row[0] for row in state.execute("SELECT id FROM connections")}
    others = (_files(folder) - names["volumes"]) | (_files(folder / "snapshots") - names["snapshots"])
    return Found(names["volumes"], names["snapshots"], connections, others | _in_the_making(folder))


def _local(folder: Path) -> Found:
    markers = {file.name for file in (folder / ".cl_notebook" / "connections").glob("*/*")}
    command = ["losetup", "--list", "--noheadings", "--output=NAME,BACK-FILE"]
    devices = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    loops = {line for line in devices if str(folder) in line}
    return Found(_files(folder), _files(folder / "snapshots"), markers, loops | _in_the_making(folder))


def _files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir() if file.is_file()}


def _in_the_making(folder: Path) -> set[str]:
    return {file.name for file in (folder / ".cl_notebook" / "tmp").iterdir()}
