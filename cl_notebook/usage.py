"""List the uses of a block device or a file on this host, from ``sysfs`` and ``proc``, without root.

Uses are mounts, swap, devices above it (LVM, md, crypt, bcache), loop devices, Btrfs file systems of several devices and open
descriptors. Every user can read mounts, swap and devices above; only root can read the descriptors of other users' processes
and the mounts in their mount namespaces. Unreadable uses are left out; uses by a file system are always readable.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from cl_notebook import errors, kernel_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ROOT = Path("/")
_MOST = 8
"""The most uses that a message lists."""

_CHECKS = 10
_INTERVAL = 0.05
"""Number of checks for open descriptors, and seconds between them: programs that list devices open each one briefly."""

_WATCHERS = frozenset({"multipathd", "systemd-udevd", "udevd", "(udev-worker)"})
"""Programs that monitor devices: their descriptors are not uses, and they close them when a device goes."""

_MPATH = "mpath-"
_OF_MPATH = re.compile(r"part\d+-mpath-")
_RAID = re.compile(r"md(?:\d+|_.+)")


def uses(paths: Iterable[str], *, descriptors: bool = True, root: Path = _ROOT) -> list[str]:
    """Return a short text for each use of the devices or files at *paths*; no text if there is none.

    Partitions are included, the paths of a multipath map, the map of a path, and devices above them at any depth. Without
    *descriptors* open descriptors are not listed: a loop device stays until it is closed.
    """
    kernel = _Kernel(root)
    targets = [_Target.of(path, root) for path in dict.fromkeys(paths)]
    names = [target.name for target in targets if target.name in kernel.folders]
    files = [target for target in targets if target.name not in kernel.folders and target.is_file]
    if not names and not files:
        return []
    members = kernel.members(names)
    texts: list[str] = []
    for name in sorted(members, key=lambda name: (name not in names, name)):
        texts += _uses_of_device(kernel, name, names, members)
    texts += [text for file in files for text in _uses_of_file(kernel, file)]
    if descriptors:
        texts += _opened(kernel, members, [file for file in files if root != _ROOT or not _is_closed(file.path)])
    if not texts and root == _ROOT and any(_is_claimed(f"/dev/{name}") for name in names if not kernel.holders(name) & members):
        texts.append("claimed by a mount or a device that is not visible here")
    return list(dict.fromkeys(texts))


def refuse(device: str, texts: Sequence[str]) -> NoReturn:
    """Raise BusyOnStorage for *device*, with the *texts* of its uses.

    Raises:
        BusyOnStorage: always.

    """
    msg = f"{device} is mounted or in use: {listed(texts)}. Release it first."
    raise errors.BusyOnStorage(msg, no_side_effects=True)


def listed(texts: Sequence[str]) -> str:
    """Join the texts of uses for a message; list at most 8, and count the others."""
    more = f"; and {len(texts) - _MOST} more" if len(texts) > _MOST else ""
    return "; ".join(texts[:_MOST]) + more


class _Target(NamedTuple):
    """A device or file whose uses are listed: its real path, base name, and (device, inode)."""

    path: str
    name: str
    is_file: bool
    identity: tuple[int, int] | None

    @classmethod
    def of(cls, path: str, root: Path) -> _Target:
        real = os.path.realpath(root / path.lstrip("/"))
        try:
            status = os.stat(real)  # noqa: PTH116 - a text, as the kernel's links are
        except OSError:
            return cls(real, os.path.basename(real), is_file=False, identity=None)  # noqa: PTH119 - as above
        return cls(real, os.path.basename(real), stat.S_ISREG(status.st_mode), (status.st_dev, status.st_ino))  # noqa: PTH119 - as above


class _Kernel:
    """The block devices, mounts and processes of a host."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folders: dict[str, Path] = {}
        self._parts: dict[str, list[str]] = {}
        for folder in kernel_files.entries(root / "sys/block"):
            parts = [entry for entry in kernel_files.entries(folder) if (entry / "partition").exists()]
            self._parts[folder.name] = [entry.name for entry in parts]
            self.folders |= {entry.name: entry for entry in (folder, *parts)}
        loops = {name: folder for name, folder in self.folders.items() if name.startswith("loop")}
        files = {name: kernel_files.read(folder / "loop/backing_file") for name, folder in loops.items()}
        self._loops = {name: file for name, file in files.items() if file}
        self._mounted: list[tuple[kernel_files.Mount, str]] | None = None

    def holders(self, name: str) -> set[str]:
        return {entry.name for entry in kernel_files.entries(self.folders[name] / "holders")}

    def number(self, name: str) -> str:
        return kernel_files.read(self.folders[name] / "dev")

    def members(self, names: Iterable[str]) -> set[str]:
        """Return the devices with their partitions, the paths of a map or array, and the map of a path."""
        members: set[str] = set()
        pending = list(names)
        while pending:
            name = pending.pop()
            if name in members or name not in self.folders:
                continue
            members.add(name)
            pending += self._parts.get(name, [])
            if self._uuid(name).startswith(_MPATH) or _RAID.fullmatch(name):
                pending += [entry.name for entry in kernel_files.entries(self.folders[name] / "slaves")]
            pending += [above for above in self.holders(name) if self._is_map(above)]
        return members

    def loops_on(self, name: str) -> list[str]:
        """Return the loop devices on a block device."""
        number = self.number(name)
        return [loop for loop, file in self._loops.items() if loop != name and self._leads_to(file, name, number)]

    def loops_on_file(self, file: _Target) -> list[str]:
        """Return the loop devices on a file."""
        return [loop for loop, backing in self._loops.items() if _Target.of(backing, self.root).identity == file.identity]

    def describe(self, name: str) -> str:
        """Return a text with the names of a device and its uses."""
        map_name = kernel_files.read(self.folders[name] / "dm/name") if name in self.folders else ""
        members = self.members([name])
        texts = [text for member in sorted(members) for text in _uses_of_device(self, member, [name], members)]
        return name + (f" ({map_name})" if map_name else "") + (f", {', '.join(texts)}" if texts else "")

    def mounts_of(self, name: str) -> list[str]:
        """Return the mounts of the file system on a device."""
        number, siblings = self.number(name), {name, *self._btrfs(name)}
        notes_by_point: dict[str, str] = {}
        for mount, note in self._mounts():
            is_named = mount.number.startswith("0:") and mount.source.startswith("/dev/") and self._real(mount.source) in siblings
            if (number and mount.number == number) or is_named:
                notes_by_point.setdefault(mount.point, note)
        return [f"mounted at {_plain(point)}{note}" for point, note in notes_by_point.items()]

    def is_in_btrfs(self, name: str) -> bool:
        """Return whether a device is part of a mounted Btrfs file system."""
        return bool(self._btrfs(name))

    def is_swap(self, path: str) -> bool:
        """Return whether *path*, a device's name or a file's path, is used as swap."""
        lines = kernel_files.read(self.root / "proc/swaps").splitlines()[1:]
        swaps = [kernel_files.unescaped(line.split()[0]) for line in lines if line.split()]
        return any(path in {self._real(swap), os.path.realpath(self.root / swap.lstrip("/"))} for swap in swaps)

    def processes(self) -> list[str]:
        """Return the folders of all processes (``/proc/PID``)."""
        proc = self.root / "proc"
        return [f"{proc}/{name}" for name in sorted(_names(str(proc))) if name.isdigit()]

    def _btrfs(self, name: str) -> set[str]:
        systems = [
            [entry.name for entry in kernel_files.entries(folder / "devices")]
            for folder in kernel_files.entries(self.root / "sys/fs/btrfs")
        ]
        return {sibling for names in systems if name in names for sibling in names}

    def _is_map(self, name: str) -> bool:
        uuid = self._uuid(name)
        return uuid.startswith(_MPATH) or _OF_MPATH.match(uuid) is not None

    def _uuid(self, name: str) -> str:
        return kernel_files.read(self.folders[name] / "dm/uuid") if name in self.folders else ""

    def _real(self, path: str) -> str:
        return os.path.basename(os.path.realpath(self.root / path.lstrip("/")))  # noqa: PTH119 - a text, as the kernel's links are

    def _leads_to(self, file: str, name: str, number: str) -> bool:
        if file.startswith("/dev/") and self._real(file) == name:
            return True
        try:
            status = (self.root / file.lstrip("/")).stat()
        except OSError:
            return False
        return stat.S_ISBLK(status.st_mode) and f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}" == number

    def _mounts(self) -> list[tuple[kernel_files.Mount, str]]:
        """Return the mounts in all mount namespaces, each with a note on its namespace."""
        if self._mounted is None:
            this_process = str(self.root / "proc/self")
            self._mounted = [(mount, "") for mount in kernel_files.mounts(this_process)]
            namespaces = {_link(f"{this_process}/ns/mnt")}
            for process in self.processes():
                namespace = _link(f"{process}/ns/mnt")
                if not namespace or namespace not in namespaces:
                    namespaces.add(namespace)
                    note = f" (in the mount name space of {_process_text(process)})"
                    self._mounted += [(mount, note) for mount in kernel_files.mounts(process)]
        return self._mounted


def _uses_of_device(kernel: _Kernel, name: str, names: Sequence[str], members: set[str]) -> list[str]:
    if name not in kernel.folders:
        return []
    before = "" if name in names else f"/dev/{name} is "
    texts = [f"{before}{mount}" for mount in kernel.mounts_of(name)]
    if not texts and kernel.is_in_btrfs(name):
        texts.append(f"{before}part of a mounted Btrfs file system")
    if kernel.is_swap(name):
        texts.append(f"{before}used as swap")
    texts += [f"{before}held by {kernel.describe(above)}" for above in sorted(kernel.holders(name) - members)]
    texts += [f"{before}below {kernel.describe(above)}" for above in kernel.loops_on(name)]
    return texts


def _uses_of_file(kernel: _Kernel, file: _Target) -> list[str]:
    swap = ["used as swap"] if kernel.is_swap(file.path) else []
    return swap + [f"below {kernel.describe(above)}" for above in kernel.loops_on_file(file)]


def _opened(kernel: _Kernel, members: set[str], files: Sequence[_Target]) -> list[str]:
    if not members and not files:
        return []
    descriptors = _Descriptors(kernel, members, files)
    still_open = [(process, number) for process in kernel.processes() for number in descriptors.of(process)]
    for _ in range(_CHECKS):
        if not still_open:
            return []
        time.sleep(_INTERVAL)
        still_open = [(process, number) for process, number in still_open if descriptors.has(process, number)]
    by_process: dict[str, list[str]] = {}
    for process, number in still_open:
        by_process.setdefault(process, []).append(number)
    return [f"open in {_process_text(process, numbers)}" for process, numbers in by_process.items()]


class _Descriptors:
    """A search for the open descriptors of given devices and files in processes."""

    def __init__(self, kernel: _Kernel, members: set[str], files: Sequence[_Target]) -> None:
        self._devices = f"{str(kernel.root).rstrip('/')}/dev/"
        self._members = members
        self._names = members | {file.name for file in files}
        self._numbers = {kernel.number(name) for name in members} - {""}
        self._identities = {file.identity for file in files}

    def of(self, process: str) -> list[str]:
        """Return the numbers of the matching descriptors of *process* (``/proc/PID``)."""
        numbers = [number for number in _names(f"{process}/fd") if self.has(process, number)]
        return numbers if numbers and kernel_files.read(f"{process}/comm") not in _WATCHERS else []

    def has(self, process: str, number: str) -> bool:
        """Return whether the descriptor *number* of *process* is one of the given devices or files."""
        link = _link(f"{process}/fd/{number}")
        name, is_device = link.rpartition("/")[2], link.startswith(self._devices)
        if is_device and name in self._members:
            return True
        # no stat() of other files: it blocks on a network file system whose server does not reply
        if not is_device and name not in self._names:
            return False
        try:
            status = os.stat(f"{process}/fd/{number}")  # noqa: PTH116 - there are thousands of them
        except OSError:
            return False
        if stat.S_ISBLK(status.st_mode):
            return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}" in self._numbers
        return (status.st_dev, status.st_ino) in self._identities


def _is_closed(path: str) -> bool:
    """Return whether no process has the file *path* open; False if that cannot be known in one call.

    The kernel grants a write lease only on a file that no other process has open (fcntl(2), ``F_SETLEASE``): one call, instead of
    the descriptors of all processes. Not every file system has leases, and a user gets them on their own files alone.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # the kernel signals the holder of a lease when another process opens the file: SIGURG is ignored by default
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _is_claimed(path: str) -> bool:
    """Return whether the device *path* stays exclusively open in the kernel, as a mounted device is."""
    for _ in range(_CHECKS):
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_EXCL | os.O_NONBLOCK | os.O_CLOEXEC))
        except OSError as error:
            if error.errno != errno.EBUSY:
                return False  # it is missing, or only root may open it
        else:
            return False
        time.sleep(_INTERVAL)
    return True


def _process_text(process: str, numbers: Sequence[str] = ()) -> str:
    pid = process.rpartition("/")[2]
    if pid == str(os.getpid()):
        return f"this process (descriptor {', '.join(numbers)}: close what open() returned)" if numbers else "this process"
    command = kernel_files.read(f"{process}/comm")
    return f"process {pid}" + (f" ({_plain(command)})" if command else "")


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - there are thousands of them
    except OSError:
        return []


def _link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - a text: not every link is a path
    except OSError:
        return ""


def _plain(text: str) -> str:
    return text if text.isprintable() else ascii(text)
