"""Which block devices this host has, and who each is, by what the kernel says: read from ``sysfs``, nothing is opened."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook.attach.identity import FLAT_LUNS, SHARES, as_uuid, plain_wwn, units

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ROOT = Path("/")
_NAMESPACE = re.compile(r"nvme\d+n\d+")
_IMAGE = re.compile(r"rbd(\d+)")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAMED_BY = frozenset({"iscsi", "nqn", "rbd"})
"""Ways in which a device may be called by the name of its volume."""

_MPATH = "mpath-"
_SECTOR = 512

Key = tuple[str, ...]
"""Who a device is: the way in which it is known, and what it is called in it."""


@dataclass(frozen=True)  # without slots: it runs on other hosts, too, on older Pythons
class BlockDevice:
    """A block device: *names* are the kernel's for it and for the paths below it, *file* is what a loop device stands on."""

    path: str
    names: frozenset[str]
    keys: frozenset[Key] = frozenset()
    file: str | None = None
    is_multipath: bool = False


def list_block_devices(root: Path = _ROOT) -> list[BlockDevice]:
    """Return the loop devices, the disks of storage networks, the multipath maps and the images of Ceph's that there are.

    *root* is where ``sys`` is looked for. What another device stands on, as the paths of a multipath map, is told with it.
    """
    blocks = root / "sys/block"
    names = sorted(entry.name for entry in blocks.iterdir()) if blocks.is_dir() else []
    maps = {name: _slaves(blocks / name) for name in names if _told(blocks / name / "dm/uuid").startswith(_MPATH)}
    below = {slave for slaves in maps.values() for slave in slaves}
    found = [_map(root, name, slaves) for name, slaves in maps.items()]
    found += [_disk(root, name) for name in names if name not in below and name not in maps]
    return [device for device in found if device.keys or device.file is not None]


def volume_ids(device: BlockDevice) -> set[str]:
    """Return the ids of volumes in the name of the device's target, subsystem or image, which Cinder's drivers call so."""
    return {found for key in device.keys if key[0] in _NAMED_BY for found in _ID.findall(key[1].lower())}


def of_volume(volume_id: str, *, root: Path = _ROOT) -> list[str]:
    """Return the paths of the devices that are called by a volume's id, whether or not a connection leads to them."""
    return [device.path for device in list_block_devices(root) if volume_id.lower() in volume_ids(device)]


def keys(info: Mapping[str, Any]) -> frozenset[Key]:
    """Return what a device is called that connection information leads to; nothing for what has no device of its own."""
    protocol, data = str(info["driver_volume_type"]).lower(), info["data"]
    if protocol in {"iscsi", "iser"}:
        return frozenset(("iscsi", target, str(lun)) for target, lun in units(data, "target_iqn", "target_lun", str.lower))
    if protocol == "fibre_channel":
        return frozenset(("fc", port, str(lun)) for port, lun in units(data, "target_wwn", "target_lun", plain_wwn))
    if protocol in {"nvme", "nvmeof"}:
        parts = [data, *data.get("volume_replicas", ())]
        own = {as_uuid(part.get(name)) for part in parts for name in ("vol_uuid", "volume_nguid")} - {""}
        return frozenset(("nvme", each) for each in own)
    if protocol == "rbd":
        return frozenset({("rbd", str(data.get("name")))})
    return frozenset()


def is_known(info: Mapping[str, Any]) -> bool:
    """Return whether the device that *info* leads to is known by who it is, or by a path that the storage itself named."""
    protocol = str(info["driver_volume_type"]).lower()
    return protocol == "local" or protocol in SHARES or bool(keys(info))


def size(path: str, *, root: Path = _ROOT) -> int | None:
    """Return the size of a block device in bytes; None if there is none at *path*, or it does not say."""
    name = os.path.basename(os.path.realpath(root / path.lstrip("/")))  # noqa: PTH119 - a text, as the kernel's links are
    blocks = root / "sys/block"
    for place in (blocks / name, *blocks.glob(f"*/{name}")):
        sectors = _told(place / "size")
        if sectors.isdigit():
            return int(sectors) * _SECTOR
    return None


def backing_size(path: str, *, root: Path = _ROOT) -> int | None:
    """Return the bytes of the whole sectors of the file that a loop device stands on; None for other devices."""
    file = _told(root / "sys/block" / Path(path).name / "loop/backing_file")
    try:
        return (root / file.lstrip("/")).stat().st_size // _SECTOR * _SECTOR if file else None
    except OSError:
        return None


def _map(root: Path, name: str, slaves: list[str]) -> BlockDevice:
    called = _told(root / "sys/block" / name / "dm/name")
    parts = [_disk(root, slave) for slave in slaves]
    return BlockDevice(
        f"/dev/mapper/{called}" if called else f"/dev/{name}",
        frozenset({name, *slaves}),
        frozenset(key for part in parts for key in part.keys),
        is_multipath=True,
    )


def _disk(root: Path, name: str) -> BlockDevice:
    place = root / "sys/block" / name
    file = _told(place / "loop/backing_file") or None
    return BlockDevice(f"/dev/{name}", frozenset({name}), frozenset(_keys(root, name, place)), file)


def _keys(root: Path, name: str, place: Path) -> Iterator[Key]:
    image = _IMAGE.fullmatch(name)
    if image:
        entry = root / "sys/bus/rbd/devices" / image.group(1)
        snapshot = _told(entry / "current_snap")
        yield ("rbd", f"{_told(entry / 'pool')}/{_told(entry / 'name')}" + (f"@{snapshot}" if snapshot not in {"", "-"} else ""))
    elif _NAMESPACE.fullmatch(name):
        own = {as_uuid(_told(place / word).rpartition(".")[2]) for word in ("uuid", "nguid", "wwid")} - {""}
        yield from (("nvme", each) for each in own)
        if _told(place / "device/subsysnqn"):
            yield ("nqn", _told(place / "device/subsysnqn"))
    else:
        yield from _scsi(root, Path(os.path.realpath(place / "device")))


def _scsi(root: Path, place: Path) -> Iterator[Key]:
    number = place.name.rpartition(":")[2]
    if not number.isdigit():
        return
    luns = {int(number), int(number) - FLAT_LUNS} if int(number) >= FLAT_LUNS else {int(number)}
    for part in place.parts:
        for lun in sorted(luns):
            if part.startswith("session") and (target := _told(root / "sys/class/iscsi_session" / part / "targetname")):
                yield ("iscsi", target.lower(), str(lun))
            elif part.startswith("rport-") and (port := _told(root / "sys/class/fc_remote_ports" / part / "port_name")):
                yield ("fc", plain_wwn(port), str(lun))


def _slaves(place: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in (place / "slaves").iterdir())
    except OSError:  # it has none, or is being removed
        return []


def _told(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape").rstrip("\n")
    except OSError:
        return ""
