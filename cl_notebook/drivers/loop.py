"""Loop devices: block devices backed by a file, through util-linux's ``losetup``."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from cl_notebook import errors, regular_files
from cl_notebook.drivers import loop_control

_COLUMNS = "NAME,BACK-FILE,BACK-INO,BACK-MAJ:MIN,OFFSET,SIZELIMIT,RO,AUTOCLEAR"
DELETED = " (deleted)"
"""What the kernel puts behind the name of a loop device's file that is gone."""

_TIMEOUT = 60
_LINGER = 0.5


@dataclass(frozen=True, slots=True)
class LoopDevice:
    """One loop device: its path, and whether it maps the file whole, for writing, and until it is told to stop."""

    path: str
    whole: bool
    autoclear: bool


def usable() -> bool:
    """Say whether loop devices can be set up here: by root, with the kernel's control device and ``losetup`` at hand."""
    if os.geteuid() != 0 or shutil.which("losetup") is None:
        return False
    try:
        os.close(os.open(loop_control.CONTROL, os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def devices_of(file: Path) -> list[LoopDevice]:
    """Return the loop devices that *file* backs; of a file that is gone, those that still hold what was under its name."""
    return _devices_of(file, regular_files.status(file))


def _devices_of(file: Path, found: os.stat_result | None) -> list[LoopDevice]:
    listed = json.loads(_losetup("--json", "--list", "--output", _COLUMNS) or "{}")
    return [_device(row) for row in listed.get("loopdevices", []) if _backs(file, found, row)]


def set_up(file: Path) -> str:
    """Return the path of the loop device for the whole of *file*: the one that there is, or else a new one.

    Raises:
        errors.BusyOnStorage: another device stands on a part of it.
        OSError: it is no regular file, a link leads to it, or the kernel refuses.

    """
    descriptor = regular_files.open_regular(file, os.O_RDWR)
    try:
        devices = _devices_of(file, os.fstat(descriptor))
        for device in devices:
            if device.whole and (not device.autoclear or loop_control.keep(device.path)):
                return device.path
        for device in devices:
            if not device.whole:
                msg = f"{device.path} stands on a part of {file}, or may only read it. Free it: losetup --detach {device.path}."
                raise errors.BusyOnStorage(msg)
        return loop_control.configure(descriptor, str(file))
    finally:
        os.close(descriptor)


def refresh(device: str) -> None:
    """Tell the loop device that its file has another size."""
    _losetup("--set-capacity", device)


def flush(device: str) -> None:
    """Write what is cached for the device to its file."""
    fd = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def remove(device: str) -> None:
    """Write out and free the loop device; while somebody has it open the kernel frees it at the last close.

    Raises:
        errors.BusyOnStorage: it is mounted, or in use by another device.

    """
    try:
        fd = os.open(device, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        msg = f"{device} is mounted or in use by another device; release it first"
        raise errors.BusyOnStorage(msg) from error
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    file = backing_file(device)
    if file is not None:
        _losetup("--detach", device)
        _wait_until_free(device, file)


def _wait_until_free(device: str, file: str) -> None:
    # whoever lists the devices has each of them open for a moment, during which the file stays in use
    until = time.monotonic() + _LINGER
    while backing_file(device) == file and time.monotonic() < until:
        time.sleep(_LINGER / 100)


def backing_file(device: str) -> str | None:
    """Return the path of the file behind a loop device, or ``None`` if nothing is."""
    try:
        return (
            Path(f"/sys/block/{Path(device).name}/loop/backing_file")
            .read_text(encoding="utf-8", errors="surrogateescape")
            .strip("\n")
        )
    except FileNotFoundError:
        return None


def _losetup(*words: str) -> str:
    command = ["losetup", *words]
    done = subprocess.run(command, capture_output=True, check=True, timeout=_TIMEOUT, encoding="utf-8", errors="surrogateescape")  # noqa: S603 - no shell, and the words are ours
    return done.stdout


def _device(row: dict[str, object]) -> LoopDevice:
    whole = not (_number(row["offset"]) or _number(row["sizelimit"]) or row["ro"])
    return LoopDevice(str(row["name"]), whole=whole, autoclear=bool(row["autoclear"]))


def _number(value: object) -> int:
    # JSON numbers are text in old releases of util-linux
    return int(str(value or 0))


def _backs(file: Path, found: os.stat_result | None, row: dict[str, object]) -> bool:
    if found is None:
        return is_gone(str(row["back-file"])) and row["back-file"] == f"{os.path.realpath(file)}{DELETED}"
    device = f"{os.major(found.st_dev)}:{os.minor(found.st_dev)}"
    if _number(row["back-ino"]) != found.st_ino or str(row["back-maj:min"]).strip() != device:
        return False
    # the kernel's own word, should the device have been given to another file since it was listed
    return loop_control.backing_inode(str(row["name"])) == (found.st_dev, found.st_ino)


def is_gone(file: str, root: Path = Path("/")) -> bool:
    """Return whether what the kernel calls the *file* of a loop device was removed: a file may be called ``… (deleted)``."""
    return file.endswith(DELETED) and not (root / file.lstrip("/")).exists()
