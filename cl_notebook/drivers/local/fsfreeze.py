"""Freezes the file systems on a block device while the device is copied (FIFREEZE, linux/fs.h).

A frozen file system has written all its data to the device, and blocks writers until it is thawed. So it must be thawed even if
the copying process is killed. A child process freezes, and thaws on request, when its parent has ended, or when the parent has
not called for :data:`LONGEST_SILENCE` seconds.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cl_notebook import errors, kernel_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LONGEST_SILENCE = 30
"""Seconds after which the file systems are thawed if the copy does not advance, since it may be blocked by one of them."""

_ROOT = Path("/")

# Its imports are complete before the first freeze: reading a module from a frozen file system may block. File systems that
# another process has frozen are not thawed; the end checks whether they are still frozen.
_GUARD = """
import errno, fcntl, os, select, signal, sys
FREEZE, THAW = 0xC0045877, 0xC0045878
seconds, descriptors = float(sys.argv[1]), [int(argument) for argument in sys.argv[2:]]
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
        received = os.read(0, 4096)
        if not received or b"." in received:
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
    """Freeze the file systems on *device*, its partitions and the devices above them during the block; yield a heartbeat.

    The heartbeat, a function without arguments, must be called at least every *silence* seconds. File systems without support for
    freezing are skipped.

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
    """The child process that freezes and thaws the file systems."""

    def __init__(self, points: Sequence[str], descriptors: Sequence[int], silence: float) -> None:
        command = [sys.executable, "-I", "-S", "-c", _GUARD, str(silence), *map(str, descriptors)]
        self._child = subprocess.Popen(  # noqa: S603 - no shell, and the arguments are this module's
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            pass_fds=descriptors,
            start_new_session=True,  # so that an interrupt of the notebook does not reach it
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
        """Report that the copy advances."""
        self._send(b"-")

    def thaw(self) -> str:
        """Thaw the file systems; return ``ended`` if they were frozen until now, else ``late`` or ``thawed by others``."""
        self._send(b".")
        output, _ = self._child.communicate()
        return output.decode().strip() or "ended"

    def _send(self, message: bytes) -> None:
        if self._child.stdin is None or self._child.stdin.closed:
            return
        with contextlib.suppress(BrokenPipeError):  # the child has ended; its output has the reason
            self._child.stdin.write(message)

    def _read_line(self) -> str:
        assert self._child.stdout is not None  # noqa: S101 - Popen got PIPE
        return self._child.stdout.readline().decode().strip()


def mount_points(device: str, *, root: Path = _ROOT) -> list[str]:
    """Return one mount point of every file system on *device*, on its partitions, or on devices above them.

    Mounts in other mount namespaces are not visible. *root* is the folder that contains ``sys`` and ``proc``.
    """
    names = _above(root / "sys/class/block", Path(device).name)
    numbers = {kernel_files.read(root / "sys/class/block" / name / "dev") for name in names} - {""}
    points: dict[str, str] = {}
    for number, source, point in kernel_files.mounts(root / "proc/self"):
        # Btrfs reports an anonymous device number, and the device as its source
        is_on_device = number in numbers or (number.startswith("0:") and source.startswith("/dev/") and _name(source) in names)
        if is_on_device and number not in points and Path(point).is_dir():
            points[number] = point
    return list(points.values())


def parts(device: str, *, root: Path = _ROOT) -> list[str]:
    """Return the paths of the partitions of *device*, which the kernel caches separately from the device."""
    folder = root / "sys/class/block" / Path(device).name
    return [f"/dev/{entry.name}" for entry in kernel_files.entries(folder) if (entry / "partition").exists()]


def _above(blocks: Path, name: str) -> set[str]:
    """Return *name*, the names of its partitions, and those of all devices above them."""
    names: set[str] = set()
    pending = [name]
    while pending:
        name = pending.pop()
        if name in names:
            continue
        names.add(name)
        pending += [entry.name for entry in kernel_files.entries(blocks / name) if (entry / "partition").exists()]
        pending += [entry.name for entry in kernel_files.entries(blocks / name / "holders")]
    return names


def _name(path: str) -> str:
    return Path(os.path.realpath(path)).name
