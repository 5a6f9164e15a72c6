"""File systems that are mounted from a block device, frozen while what is below them is copied (FIFREEZE, linux/fs.h).

A frozen file system has written out all that it has, and lets nobody write until it is thawed: whoever tries waits. So it must be
thawed whatever happens to the process that copies. A child of it freezes, and thaws when it is told to, when its parent is gone,
and when it has not heard of its parent for :data:`LONGEST_SILENCE`.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cl_notebook import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LONGEST_SILENCE = 30
"""Seconds after which the file systems are thawed if the copy does not advance: it may wait for one of them."""

_ROOT = Path("/")

# What it imports is loaded before anything is frozen. What others have frozen stays theirs, and is checked at the end.
_GUARD = """
import errno, fcntl, os, select, signal, sys
FREEZE, THAW = 0xC0045877, 0xC0045878
seconds, descriptors = float(sys.argv[1]), [int(word) for word in sys.argv[2:]]
signal.signal(signal.SIGINT, signal.SIG_IGN)
frozen, others, problem = [], [], 0
def say(text):
    try:
        os.write(1, text.encode())
    except OSError:
        pass
try:
    for descriptor in descriptors:
        try:
            fcntl.ioctl(descriptor, FREEZE, 0)
            frozen.append(descriptor)
        except OSError as error:
            if error.errno in (errno.ENOTTY, errno.EOPNOTSUPP):
                continue
            if error.errno != errno.EBUSY:
                problem = error.errno
                break
            others.append(descriptor)
    say(f"{problem}\\n")
    end = "ended"
    while not problem:
        if not select.select([0], [], [], seconds)[0]:
            end = "late"
            break
        told = os.read(0, 4096)
        if not told or b"." in told:
            break
finally:
    for descriptor in others:
        try:
            fcntl.ioctl(descriptor, FREEZE, 0)
        except OSError as error:
            if error.errno == errno.EBUSY:
                continue
        else:
            fcntl.ioctl(descriptor, THAW, 0)
        end = "thawed by others"
    for descriptor in reversed(frozen):
        try:
            fcntl.ioctl(descriptor, THAW, 0)
        except OSError:
            end = "thawed by others"
say(end)
"""


@contextlib.contextmanager
def frozen(device: str, *, silence: float = LONGEST_SILENCE) -> Iterator[Callable[[], None]]:
    """Freeze what is mounted from *device*, its partitions and what stands on them, for the block; give what tells of life.

    What is given must be called more often than every *silence* seconds. A file system that cannot be frozen is left as it is.

    Raises:
        errors.BusyOnStorage: a file system cannot be frozen now, or was thawed before the end of the block.

    """
    points = mount_points(device)
    if not points:
        yield lambda: None
        return
    with contextlib.ExitStack() as opened:
        descriptors = []
        for point in points:
            descriptors.append(os.open(point, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            opened.callback(os.close, descriptors[-1])
        guard = _Guard(points, descriptors, silence)
        try:
            yield guard.beat
        finally:
            end = guard.thaw()
    if end != "ended":
        why = f"for {silence:g} s the copy did not advance" if end == "late" else "another process thawed it"
        msg = f"{', '.join(points)} was to be frozen during the copy, but {why}. Nothing was kept of the copy: repeat it."
        raise errors.BusyOnStorage(msg, no_side_effects=True)


class _Guard:
    """The child that has frozen some file systems."""

    def __init__(self, points: Sequence[str], descriptors: Sequence[int], silence: float) -> None:
        command = [sys.executable, "-I", "-S", "-c", _GUARD, str(silence), *map(str, descriptors)]
        self._child = subprocess.Popen(  # noqa: S603 - no shell, and the words are ours
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            pass_fds=descriptors,
            start_new_session=True,  # an interrupt of the notebook is not meant for it
        )
        try:
            problem = self._read_line()
        except BaseException:
            self.thaw()
            raise
        if problem != "0":
            self.thaw()
            reason = os.strerror(int(problem)) if problem.isdigit() else "no Python could be started for it"
            msg = f"{', '.join(points)} cannot be frozen while the volume is copied ({reason}). Unmount it, or detach the volume."
            raise errors.BusyOnStorage(msg, no_side_effects=True)

    def beat(self) -> None:
        """Say that the copy advances."""
        self._say(b"-")

    def thaw(self) -> str:
        """Thaw them, and return how it ended: ``ended`` if they were frozen until now."""
        self._say(b".")
        told, _ = self._child.communicate()
        return told.decode().strip() or "ended"

    def _say(self, word: bytes) -> None:
        if self._child.stdin is None or self._child.stdin.closed:
            return
        with contextlib.suppress(BrokenPipeError):  # it has thawed them, and says so at the end
            self._child.stdin.write(word)

    def _read_line(self) -> str:
        assert self._child.stdout is not None  # noqa: S101 - it was asked for
        return self._child.stdout.readline().decode().strip()


def mount_points(device: str, *, root: Path = _ROOT) -> list[str]:
    """Return a place at which each file system is mounted that stands on *device*: on it, its partitions, or devices above.

    Mounts in other mount name spaces are not seen. *root* is where ``sys`` and ``proc`` are looked for.
    """
    names = _above(root / "sys/class/block", Path(device).name)
    numbers = {_told(root / "sys/class/block" / name / "dev") for name in names} - {""}
    found: dict[str, str] = {}
    for line in _told(root / "proc/self/mountinfo").splitlines():
        fields, _, rest = line.partition(" - ")
        words, about = fields.split(), rest.split()
        if len(words) < 5 or len(about) < 2:  # noqa: PLR2004 - see proc_pid_mountinfo(5)
            continue
        number, point, source = words[2], _unescaped(words[4]), _unescaped(about[1])
        # Btrfs has numbers of its own, and names a device
        is_meant = number in numbers or (number.startswith("0:") and source.startswith("/dev/") and _name(source) in names)
        if is_meant and number not in found and Path(point).is_dir():
            found[number] = point
    return list(found.values())


def parts(device: str, *, root: Path = _ROOT) -> list[str]:
    """Return the paths of the partitions of *device*, whose cached blocks are their own."""
    place = root / "sys/class/block" / Path(device).name
    return [f"/dev/{entry.name}" for entry in _entries(place) if (entry / "partition").exists()]


def _above(blocks: Path, name: str) -> set[str]:
    found: set[str] = set()
    left = [name]
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        left += [entry.name for entry in _entries(blocks / name) if (entry / "partition").exists()]
        left += [entry.name for entry in _entries(blocks / name / "holders")]
    return found


def _name(path: str) -> str:
    return Path(os.path.realpath(path)).name


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _told(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape").rstrip("\n")
    except OSError:
        return ""


def _unescaped(word: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal.group(1), 8)), word)
