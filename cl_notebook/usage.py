"""List the uses of a block device or a file on this host, from ``sysfs`` and ``proc``, without root.

Uses are mounts, swap, devices above it (LVM, md, crypt, bcache), loop devices, Btrfs file systems of several devices and open
descriptors. Every user can read mounts, swap and devices above; only root can read the descriptors of other users' processes
and the mounts in their name spaces. Unreadable uses are left out; those by a file system are always readable.
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

from cl_notebook import errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_ROOT = Path("/")
_MOST = 8
"""Uses that a message lists at most."""

_CHECKS = 10
_INTERVAL = 0.05
"""Number of checks for open descriptors, and seconds between them: programs that list devices open each for a moment."""

_WATCHERS = frozenset({"multipathd", "systemd-udevd", "udevd", "(udev-worker)"})
"""Programs that monitor devices: their descriptors are not uses, and they close them when a device goes."""

_MPATH = "mpath-"
_OF_MPATH = re.compile(r"part\d+-mpath-")
_RAID = re.compile(r"md(?:\d+|_.+)")


def uses(paths: Iterable[str], *, descriptors: bool = True, root: Path = _ROOT) -> list[str]:
    """Return a short text for each use of the devices or files at *paths*; an empty list if they can be detached.

    Partitions are included, the paths of a multipath map, the map of a path, and devices above them at any depth. Without
    *descriptors* open descriptors are not listed: a loop device stays until it is closed.
    """
    kernel = _Kernel(root)
    targets = [_Target.of(path, root) for path in dict.fromkeys(paths)]
    names = [target.name for target in targets if target.name in kernel.places]
    files = [target for target in targets if target.name not in kernel.places and target.is_file]
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
    """A path whose uses are listed: its real path, the name of the device or file, and its (device, inode)."""

    path: str
    name: str
    is_file: bool
    identity: tuple[int, int] | None

    @classmethod
    def of(cls, path: str, root: Path) -> _Target:
        real = os.path.realpath(root / path.lstrip("/"))
        try:
            at = os.stat(real)  # noqa: PTH116 - a text, as the kernel's links are
        except OSError:
            return cls(real, os.path.basename(real), is_file=False, identity=None)  # noqa: PTH119 - as above
        return cls(real, os.path.basename(real), stat.S_ISREG(at.st_mode), (at.st_dev, at.st_ino))  # noqa: PTH119 - as above


class _Mount(NamedTuple):
    """A mount: the number and name of the device, the mount point, and a note on its mount name space."""

    number: str
    source: str
    point: str
    whose: str


class _Kernel:
    """The block devices, mounts and processes of a host."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.places: dict[str, Path] = {}
        self._parts: dict[str, list[str]] = {}
        for place in _entries(root / "sys/block"):
            parts = [entry for entry in _entries(place) if (entry / "partition").exists()]
            self._parts[place.name] = [entry.name for entry in parts]
            self.places |= {entry.name: entry for entry in (place, *parts)}
        files = {name: _read_text(place / "loop/backing_file") for name, place in self.places.items() if name.startswith("loop")}
        self._loops = {name: file for name, file in files.items() if file}
        self._mounted: list[_Mount] | None = None

    def holders(self, name: str) -> set[str]:
        return {entry.name for entry in _entries(self.places[name] / "holders")}

    def number(self, name: str) -> str:
        return _read_text(self.places[name] / "dev")

    def members(self, names: Iterable[str]) -> set[str]:
        """Return the devices with their partitions, the paths of a map or array, and the map of a path."""
        found: set[str] = set()
        left = list(names)
        while left:
            name = left.pop()
            if name in found or name not in self.places:
                continue
            found.add(name)
            left += self._parts.get(name, [])
            if self._uuid(name).startswith(_MPATH) or _RAID.fullmatch(name):
                left += [entry.name for entry in _entries(self.places[name] / "slaves")]
            left += [above for above in self.holders(name) if self._is_map(above)]
        return found

    def loops_on(self, name: str) -> list[str]:
        """Return the loop devices on a block device."""
        number = self.number(name)
        return [loop for loop, file in self._loops.items() if loop != name and self._leads_to(file, name, number)]

    def loops_on_file(self, file: _Target) -> list[str]:
        """Return the loop devices on a file."""
        return [loop for loop, at in self._loops.items() if _Target.of(at, self.root).identity == file.identity]

    def describe(self, name: str) -> str:
        """Return the names of a device, and the uses of it."""
        called = _read_text(self.places[name] / "dm/name") if name in self.places else ""
        members = self.members([name])
        inside = [text for member in sorted(members) for text in _uses_of_device(self, member, [name], members)]
        return name + (f" ({called})" if called else "") + (f", {', '.join(inside)}" if inside else "")

    def mounts_of(self, name: str) -> list[str]:
        """Return the mounts of the file system on a device."""
        number, siblings = self.number(name), {name, *self._btrfs(name)}
        found: dict[str, str] = {}
        for mount in self._mounts():
            is_named = mount.number.startswith("0:") and mount.source.startswith("/dev/") and self._real(mount.source) in siblings
            if (number and mount.number == number) or is_named:
                found.setdefault(mount.point, mount.whose)
        return [f"mounted at {_plain(point)}{whose}" for point, whose in found.items()]

    def is_in_btrfs(self, name: str) -> bool:
        """Return whether a device is part of a mounted Btrfs file system."""
        return bool(self._btrfs(name))

    def is_swap(self, path: str) -> bool:
        """Return whether *path*, a device's name or a file's path, is used as swap."""
        lines = _read_text(self.root / "proc/swaps").splitlines()[1:]
        places = [_unescaped(line.split()[0]) for line in lines if line.split()]
        return any(path in {self._real(place), os.path.realpath(self.root / place.lstrip("/"))} for place in places)

    def processes(self) -> list[str]:
        proc = self.root / "proc"
        return [f"{proc}/{name}" for name in sorted(_names(str(proc))) if name.isdigit()]

    def _btrfs(self, name: str) -> set[str]:
        systems = [[entry.name for entry in _entries(place / "devices")] for place in _entries(self.root / "sys/fs/btrfs")]
        return {sibling for names in systems if name in names for sibling in names}

    def _is_map(self, name: str) -> bool:
        uuid = self._uuid(name)
        return uuid.startswith(_MPATH) or _OF_MPATH.match(uuid) is not None

    def _uuid(self, name: str) -> str:
        return _read_text(self.places[name] / "dm/uuid") if name in self.places else ""

    def _real(self, path: str) -> str:
        return os.path.basename(os.path.realpath(self.root / path.lstrip("/")))  # noqa: PTH119 - a text, as the kernel's links are

    def _leads_to(self, file: str, name: str, number: str) -> bool:
        if file.startswith("/dev/") and self._real(file) == name:
            return True
        try:
            at = (self.root / file.lstrip("/")).stat()
        except OSError:
            return False
        return stat.S_ISBLK(at.st_mode) and f"{os.major(at.st_rdev)}:{os.minor(at.st_rdev)}" == number

    def _mounts(self) -> list[_Mount]:
        if self._mounted is None:
            own = str(self.root / "proc/self")
            self._mounted, spaces = list(_mounts(own, "")), {_link(f"{own}/ns/mnt")}
            for place in self.processes():
                space = _link(f"{place}/ns/mnt")
                if not space or space not in spaces:
                    spaces.add(space)
                    self._mounted += _mounts(place, f" (in the mount name space of {_process(place)})")
        return self._mounted


def _uses_of_device(kernel: _Kernel, name: str, names: Sequence[str], members: set[str]) -> list[str]:
    before = "" if name in names else f"/dev/{name} is "
    texts = [f"{before}{words}" for words in kernel.mounts_of(name)] if name in kernel.places else []
    if name not in kernel.places:
        return texts
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
    looked_for = _Descriptors(kernel, members, files)
    found = [(place, number) for place in kernel.processes() for number in looked_for.of(place)]
    for _ in range(_CHECKS):
        if not found:
            return []
        time.sleep(_INTERVAL)
        found = [(place, number) for place, number in found if looked_for.has(place, number)]
    by_process: dict[str, list[str]] = {}
    for place, number in found:
        by_process.setdefault(place, []).append(number)
    return [f"open in {_process(place, numbers)}" for place, numbers in by_process.items()]


class _Descriptors:
    """Finds descriptors of given devices and files in processes."""

    def __init__(self, kernel: _Kernel, members: set[str], files: Sequence[_Target]) -> None:
        self._devices = f"{str(kernel.root).rstrip('/')}/dev/"
        self._members = members
        self._names = members | {file.name for file in files}
        self._numbers = {kernel.number(name) for name in members} - {""}
        self._identities = {file.identity for file in files}

    def of(self, place: str) -> list[str]:
        """Return the numbers of the descriptors in the process at *place* (``/proc/PID``)."""
        found = [number for number in _names(f"{place}/fd") if self.has(place, number)]
        return found if found and _read_text(f"{place}/comm") not in _WATCHERS else []

    def has(self, place: str, number: str) -> bool:
        """Return whether the descriptor *number* of the process at *place* is one of a given device or file."""
        link = _link(f"{place}/fd/{number}")
        name, is_device = link.rpartition("/")[2], link.startswith(self._devices)
        if is_device and name in self._members:
            return True
        # no stat() of other files: it would block on a network file system that does not answer
        if not is_device and name not in self._names:
            return False
        try:
            at = os.stat(f"{place}/fd/{number}")  # noqa: PTH116 - there are thousands of them
        except OSError:
            return False
        if stat.S_ISBLK(at.st_mode):
            return f"{os.major(at.st_rdev)}:{os.minor(at.st_rdev)}" in self._numbers
        return (at.st_dev, at.st_ino) in self._identities


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
        # a process that opens the file meanwhile waits, and the kernel signals that: SIGURG is ignored by default
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _is_claimed(path: str) -> bool:
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


def _mounts(place: str, whose: str) -> Iterator[_Mount]:
    for line in _read_text(f"{place}/mountinfo").splitlines():
        fields, _, rest = line.partition(" - ")
        words, about = fields.split(), rest.split()
        if len(words) > 4 and len(about) > 1:  # noqa: PLR2004 - see proc_pid_mountinfo(5)
            yield _Mount(words[2], _unescaped(about[1]), _unescaped(words[4]), whose)


def _process(place: str, numbers: Sequence[str] = ()) -> str:
    number = place.rpartition("/")[2]
    if number == str(os.getpid()):
        return f"this process (descriptor {', '.join(numbers)}: close what open() returned)" if numbers else "this process"
    called = _read_text(f"{place}/comm")
    return f"process {number}" + (f" ({_plain(called)})" if called else "")


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - there are thousands of them
    except OSError:
        return []


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - a text: not every link is a path
    except OSError:
        return ""


def _read_text(path: Path | str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="surrogateescape").rstrip("\n")
    except OSError:
        return ""


def _unescaped(word: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal.group(1), 8)), word)


def _plain(text: str) -> str:
    return text if text.isprintable() else ascii(text)
