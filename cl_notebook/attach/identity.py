"""Checks that a device belongs to its connection, by the identity that the kernel reports.

os-brick finds devices by scanning for new ones. If it found a device that an earlier connection left behind, another volume's
bytes would be read and overwritten (OSSA-2023-003). So the identity of a device is checked before it is used.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook import errors, kernel_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cl_notebook.attach.files import DeviceFile

_ROOT = Path("/")
_HASHED_SHARES = frozenset({"nfs", "glusterfs", "quobyte", "vzstorage"})
SHARES = _HASHED_SHARES | {"scality"}
"""Protocols whose volumes are files on a mounted share."""

UNREADABLE = (KeyError, TypeError, ValueError, AttributeError)
"""Exceptions that malformed connection information may raise, such as that of a document or of another database."""

FLAT_LUNS = 16384
"""Offset that SCSI's flat space addressing adds to a logical unit number."""


def check(info: Mapping[str, Any], path: str, *, root: Path = _ROOT) -> None:
    """Check that the device or file at *path* is the one that *info* describes.

    Protocols without an identity are not checked. *root* is the folder that contains ``sys``, ``proc`` and ``dev``.

    Raises:
        errors.WrongDevice: it is another device or file.

    """
    find_mismatch = _CHECKS.get(info["driver_volume_type"].lower())
    mismatch = find_mismatch(_Device(path, root), info) if find_mismatch else None
    if mismatch:
        msg = f"{path} belongs to something else now ({mismatch}). Disconnect the volume and connect it again."
        raise errors.WrongDevice(msg)


def check_same(path: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Check that os-brick's device *now* has the same SCSI name as *before*, if both have one.

    Raises:
        errors.WrongDevice: the names differ.

    """
    for name in ("scsi_wwn", "scsi_wwid"):
        was, is_now = before.get(name), now.get(name)
        if was and is_now and was != is_now:
            msg = f"{path} is another volume's device: its {name} is {is_now}, not {was} as before. Detach it, then attach again."
            raise errors.WrongDevice(msg)


def check_open(info: Mapping[str, Any], file: DeviceFile) -> None:
    """Check that the open *file*, if it is a regular file, is the one that *info* describes; close it otherwise.

    Raises:
        errors.WrongDevice: it is another file.

    """
    expected_inode, status = info["data"].get("backing_inode"), os.fstat(file.fileno())
    if expected_inode is not None and stat.S_ISREG(status.st_mode) and status.st_ino != expected_inode:
        file.close()
        msg = f"{file.name} was replaced by another file. Disconnect the volume and connect it again."
        raise errors.WrongDevice(msg)


class _Device:
    """A device or file, with access to the kernel's files on it."""

    def __init__(self, path: str, root: Path) -> None:
        self.path = path
        self.root = root
        self.real = Path(os.path.realpath(self.at(path)))
        self.name = self.real.name

    def at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def read(self, path: str) -> str:
        """Return the content of a file of sysfs or procfs; empty if it does not exist."""
        return kernel_files.read(self.at(path))

    def disks(self, name: str = "") -> Iterator[str]:
        """Yield the names of the disks below a multipath or RAID device, or of the device itself."""
        name = name or self.name
        names = [entry.name for entry in kernel_files.entries(self.at(f"sys/block/{name}/slaves"))]
        if not names:
            yield name
        for slave in names:
            yield from self.disks(slave)


def _local(device: _Device, info: Mapping[str, Any]) -> str | None:
    expected_file = info["data"].get("backing_file")
    if expected_file is None:
        return None
    backing_file = device.read(f"sys/block/{device.name}/loop/backing_file")  # a plain file has no such entry
    try:
        expected_status, status = device.at(expected_file).lstat(), device.at(backing_file or device.path).stat()
    except FileNotFoundError:
        return "the host was restarted?"
    if stat.S_ISLNK(expected_status.st_mode):
        return f"{expected_file} is a symbolic link"
    if not os.path.samestat(expected_status, status):
        return "the host was restarted?"
    is_same_inode = info["data"].get("backing_inode") in {None, expected_status.st_ino}
    return None if is_same_inode else f"{expected_file} was replaced by another file"


def _iscsi(device: _Device, info: Mapping[str, Any]) -> str | None:
    data = info["data"]
    expected = units(data, "target_iqn", "target_lun", str.lower)

    def target_of(folder: Path) -> str:
        names = [device.read(f"sys/class/iscsi_session/{part}/targetname") for part in folder.parts if part.startswith("session")]
        return names[0].lower() if names else ""

    # without a list of targets os-brick asks the portal for more of them
    return _scsi(device, expected, target_of, discovers="target_iqns" not in data)


def plain_wwn(wwn: str) -> str:
    """Return the name of a Fibre Channel port in a form that can be compared: lower case, without colons or ``0x``."""
    return wwn.lower().replace(":", "").removeprefix("0x")


def _fibre_channel(device: _Device, info: Mapping[str, Any]) -> str | None:
    def target_of(folder: Path) -> str:
        ports = [device.read(f"sys/class/fc_remote_ports/{part}/port_name") for part in folder.parts if part.startswith("rport-")]
        return plain_wwn(ports[0]) if ports else ""

    return _scsi(device, units(info["data"], "target_wwn", "target_lun", plain_wwn), target_of, discovers=False)


def units(data: Mapping[str, Any], target: str, lun: str, plain: Callable[[str], str]) -> set[tuple[str, int]]:
    """Return the (target, logical unit number) pairs in connection data; *plain* normalises the name of a target."""

    def listed(name: str) -> list[Any]:
        value, values = data.get(name), data.get(f"{name}s")
        return list(values or (value if isinstance(value, (list, tuple)) else [value] if value is not None else []))

    names, luns = [plain(str(name)) for name in listed(target)], [int(number) for number in listed(lun)]
    pairs = {(name, number) for name in names for number in luns}
    if len(names) == len(luns):
        pairs = {(name, luns[position]) for position, name in enumerate(names)}
    single = data.get(target)
    if isinstance(single, str) and data.get(lun) is not None:
        pairs.add((plain(single), int(data[lun])))
    return pairs


def _scsi(device: _Device, expected: set[tuple[str, int]], target_of: Callable[[Path], str], *, discovers: bool) -> str | None:
    if not expected:
        return None
    targets, has_match, wwids = {target for target, _lun in expected}, False, set()
    for disk in device.disks():
        folder = Path(os.path.realpath(device.at(f"sys/block/{disk}/device")))
        target, number = target_of(folder), folder.name.rpartition(":")[2]
        lun = int(number) if number.isdigit() else -1
        is_match = (target, lun) in expected or (target, lun - FLAT_LUNS) in expected
        if not is_match and (target in targets or not discovers or not target):
            return f"{disk} is unit {lun} of {target or 'no such target'}"
        has_match = has_match or is_match
        wwids.add(device.read(f"sys/block/{disk}/device/wwid"))
    if len(wwids - {""}) > 1:
        return f"its paths lead to several volumes: {', '.join(sorted(wwids - {''}))}"
    return None if has_match else "none of its paths leads to the volume"


def _nvme(device: _Device, info: Mapping[str, Any]) -> str | None:
    parts = [info["data"], *info["data"].get("volume_replicas", ())]
    uuids = {as_uuid(part.get("vol_uuid")) for part in parts} - {""}
    nguids = {as_uuid(part.get("volume_nguid")) for part in parts} - {""}
    nqns = {str(part.get("target_nqn") or part.get("nqn") or "") for part in parts} - {""}
    for disk in device.disks():
        read = {name: device.read(f"sys/block/{disk}/{name}") for name in ("uuid", "nguid", "wwid", "device/subsysnqn")}
        disk_uuids = {as_uuid(read["uuid"]), as_uuid(read["nguid"]), as_uuid(read["wwid"].rpartition(".")[2])} - {""}
        if (uuids or nguids) and not disk_uuids & (uuids or nguids):
            return f"{disk} is {read['wwid'] or read['uuid'] or 'no such namespace'}"
        if nqns and read["device/subsysnqn"] and read["device/subsysnqn"] not in nqns:
            return f"{disk} is of {read['device/subsysnqn']}"
    return None


def as_uuid(text: str | None) -> str:
    """Return *text* as a UUID in canonical form; empty if it is not one."""
    try:
        return str(uuid.UUID(text or ""))
    except ValueError:
        return ""


def _krbd(device: _Device, info: Mapping[str, Any]) -> str | None:
    number = re.fullmatch(r"rbd(\d+)", device.name)
    entry = f"sys/bus/rbd/devices/{number.group(1)}" if number else ""
    image = f"{device.read(f'{entry}/pool')}/{device.read(f'{entry}/name')}" if entry else "no image of Ceph's"
    snapshot = device.read(f"{entry}/current_snap") if entry else ""
    if snapshot not in {"", "-"}:
        image = f"{image}@{snapshot}"
    return None if image == info["data"].get("name") else f"it is {image}"


def _share(device: _Device, info: Mapping[str, Any]) -> str | None:
    data = info["data"]
    folder, name = os.path.split(os.path.normpath(device.path))
    if name != data.get("name"):
        return f"the volume's file is {data.get('name')}"
    if device.at(device.path).is_symlink():
        return "it is a symbolic link"
    if info["driver_volume_type"].lower() not in _HASHED_SHARES:
        return None
    share = str(data.get("export"))
    if Path(folder).name != hashlib.md5(share.encode(), usedforsecurity=False).hexdigest():
        return f"it is not on {share}"
    mounted = _mounted(device, folder)
    return f"{mounted} is mounted there, not {share}" if mounted and one_spelling(mounted) != one_spelling(share) else None


def one_spelling(share: str) -> str:
    """Return *share* without redundant slashes, as the kernel reports it: ``nas:/srv`` for ``nas:/srv/`` and ``nas://srv``."""
    return re.sub(r"/{2,}", "/", share).rstrip("/")


def _mounted(device: _Device, folder: str) -> str:
    """Return the NFS share that is mounted on *folder*; empty for other file systems, whose source is not a share."""
    for line in reversed(device.read("proc/mounts").splitlines()):
        source, point, kind = ([kernel_files.unescaped(field) for field in line.split()] + [""] * 3)[:3]
        if point == folder:
            return source if kind.startswith("nfs") else ""
    return ""


_CHECKS: dict[str, Callable[[_Device, Any], str | None]] = {
    "local": _local,
    "iscsi": _iscsi,
    "iser": _iscsi,
    "fibre_channel": _fibre_channel,
    "nvme": _nvme,
    "nvmeof": _nvme,
    "rbd": _krbd,
    **dict.fromkeys(SHARES, _share),
}
