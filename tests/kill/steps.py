"""Where a kernel is killed: just before each step that changes anything that outlives it, and once after the last."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

_CHANGING = frozenset({"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"})
_FOLDER_AT = {"os.rename": 2, "os.link": 2, "os.remove": 1, "os.mkdir": 2, "os.rmdir": 1}
"""Where the audit events have the descriptor of the folder."""

_LOOP_CONFIGURE = 0x4C0A
_LOSETUP = {"--find": "set up", "--detach": "free", "--set-capacity": "grow"}


class Steps:
    """Counts the steps of this process: commits of SQLite, changes of files in one folder, changes of loop devices.

    Python tells of them itself, by its audit events and by the statements that SQLite traces, so nothing of the product is put
    in another's place. Between two steps nothing changes that outlives a process: a kill before each
    of them covers all that a kill can leave.
    """

    def __init__(self, folder: Path, last: int, report: int) -> None:
        """Look at *folder*; kill the process before the step number *last*; write each step to the file descriptor *report*."""
        self._folder = str(folder)
        self._last = last
        self._report = report
        self._count = 0
        self._is_counting = False
        self._file = ""
        self._connections: list[tuple[sqlite3.Connection, str]] = []
        sys.addaudithook(self._hook)

    def begin(self) -> None:
        """Count from here on."""
        for connection, name in self._connections:
            with contextlib.suppress(sqlite3.ProgrammingError):  # one that only looked, and is closed
                connection.set_trace_callback(functools.partial(self._traced, name))
        self._is_counting = True

    def step(self, what: str) -> None:
        """Count a step."""
        self._count += 1
        os.write(self._report, f"{what}\n".encode())
        if self._count == self._last:
            os.kill(os.getpid(), signal.SIGKILL)

    def _traced(self, name: str, sql: str) -> None:
        if sql == "COMMIT":
            self.step(f"commit {name}")

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "sqlite3.connect":
            self._file = Path(os.fsdecode(arguments[0]).partition("?")[0]).name
        elif event == "sqlite3.connect/handle":
            self._connections.append((arguments[0], self._file))  # it cannot be traced before it is made
        elif self._is_counting:
            self._changed(event, arguments)

    def _changed(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "subprocess.Popen":
            word = next((word for word in arguments[1] if word in _LOSETUP), None)
            if word is not None:
                self.step(f"loop device: {_LOSETUP[word]}")
        elif event == "fcntl.ioctl" and arguments[1] == _LOOP_CONFIGURE:
            self.step("loop device: set up")
        elif event in _CHANGING or (event == "open" and _is_to_write(arguments)):
            path = os.fsdecode(arguments[0]) if isinstance(arguments[0], (str, bytes)) else _name_of(arguments[0])
            if not path.startswith("/"):
                path = f"{self._within(event, arguments)}/{path}"
            if path.startswith(self._folder) and not _is_nothing(event, Path(path)):
                self.step(f"{event} {path.removeprefix(self._folder)}")

    def _within(self, event: str, arguments: tuple[Any, ...]) -> str:
        """Return the folder that a relative name is in: that of a descriptor, of which ``open`` does not tell."""
        if event in _FOLDER_AT:
            return _name_of(arguments[_FOLDER_AT[event]])
        numbers = sorted((int(entry.name) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()), reverse=True)
        names = [_name_of(number) for number in numbers if Path(f"/proc/self/fd/{number}").is_symlink()]
        return next((name for name in names if name.startswith(self._folder) and Path(name).is_dir()), "")


def _is_to_write(arguments: tuple[Any, ...]) -> bool:
    return bool(arguments[2] & (os.O_CREAT | os.O_TRUNC))


def _is_nothing(event: str, path: Path) -> bool:
    """Return whether only a lock file comes or goes, which binds nobody once its holder is dead, or a folder that is there."""
    return path.parent.name == "locks" or (event == "os.mkdir" and path.exists())


def _name_of(place: Any) -> str:
    return str(Path(f"/proc/self/fd/{place}").readlink()) if isinstance(place, int) else os.fspath(place)
