"""Lists the block devices of this host with their identities, from sysfs; no device is opened."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook import kernel_files
from cl_notebook.attach.identity import FLAT_LUNS, SHARES, as_uuid, plain_wwn, units

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ROOT = Path("/")
_NAMESPACE = re.compile(r"nvme\d+n\d+")
_IMAGE = re.compile(r"rbd(\d+)")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAMED_BY = frozenset({"iscsi", "nqn", "rbd"})
"""Kinds of keys that may contain the id of a volume."""

_MPATH = "mpath-"
_SECTOR = 512

Key = tuple[str, ...]
"""Identity of a device: a kind such as ``iscsi``, and the identifiers of that kind."""


@dataclass(frozen=True)  # without slots: it runs on other hosts, too, on older Pythons
class BlockDevice:
    """A block device: *names* are the kernel's for it and for the paths of a multipath map, *file* backs a loop device."""

    path: str
    names: frozenset[str]
    keys: frozenset[Key] = frozenset()
    file: str | None = None
    is_multipath: bool = False


def list_block_devices(root: Path = _ROOT) -> list[BlockDevice]:
    """Return the loop devices, network disks, multipath maps and Ceph images of the host.

    *root* is the folder that contains ``sys``. The paths of a multipath map are part of the map, and not listed by themselves.
    """
    blocks = root / "sys/block"
    names = sorted(entry.name for entry in blocks.iterdir()) if blocks.is_dir() else []
    multipath = [name for name in names if kernel_files.read(blocks / name / "dm/uuid").startswith(_MPATH)]
    maps = {name: [entry.name for entry in kernel_files.entries(blocks / name / "slaves")] for name in multipath}
    below = {slave for slaves in maps.values() for slave in slaves}
    devices = [_map(root, name, slaves) for name, slaves in maps.items()]
    devices += [_disk(root, name) for name in names if name not in below and name not in maps]
    return [device for device in devices if device.keys or device.file is not None]


def volume_ids(device: BlockDevice) -> set[str]:
    """Return the volume ids in the name of the device's target, subsystem or image, where Cinder's drivers put them."""
    return {volume_id for key in device.keys if key[0] in _NAMED_BY for volume_id in _ID.findall(key[1].lower())}


def of_volume(volume_id: str, *, root: Path = _ROOT) -> list[str]:
    """Return the paths of the devices whose identity contains the volume's id, whether a connection is tracked or not."""
    return [device.path for device in list_block_devices(root) if volume_id.lower() in volume_ids(device)]


def keys(info: Mapping[str, Any]) -> frozenset[Key]:
    """Return the keys of the device that the connection information *info* describes; empty if the protocol has no keys."""
    protocol, data = str(info["driver_volume_type"]).lower(), info["data"]
    if protocol in {"iscsi", "iser"}:
        return frozenset(("iscsi", target, str(lun)) for target, lun in units(data, "target_iqn", "target_lun", str.lower))
    if protocol == "fibre_channel":
        return frozenset(("fc", port, str(lun)) for port, lun in units(data, "target_wwn", "target_lun", plain_wwn))
    if protocol in {"nvme", "nvmeof"}:
        parts = [data, *data.get("volume_replicas", ())]
        uuids = {as_uuid(part.get(name)) for part in parts for name in ("vol_uuid", "volume_nguid")} - {""}
        return frozenset(("nvme", uuid) for uuid in uuids)
    if protocol == "rbd":
        return frozenset({("rbd", str(data.get("name")))})
    return frozenset()


def is_known(info: Mapping[str, Any]) -> bool:
    """Return whether the device of *info* can be identified, by keys or by a path that the storage named."""
    protocol = str(info["driver_volume_type"]).lower()
    return protocol == "local" or protocol in SHARES or bool(keys(info))


def size(path: str, *, root: Path = _ROOT) -> int | None:
    """Return the size of the block device at *path* in bytes; None if it is unknown."""
    name = os.path.basename(os.path.realpath(root / path.lstrip("/")))  # noqa: PTH119 - a text, as the kernel's links are
    blocks = root / "sys/block"
    for folder in (blocks / name, *blocks.glob(f"*/{name}")):
        sectors = kernel_files.read(folder / "size")
        if sectors.isdigit():
            return int(sectors) * _SECTOR
    return None


def backing_size(path: str, *, root: Path = _ROOT) -> int | None:
    """Return the size in bytes, in whole sectors, of the file behind a loop device; None for other devices."""
    file = kernel_files.read(root / "sys/block" / Path(path).name / "loop/backing_file")
    try:
        return (root / file.lstrip("/")).stat().st_size // _SECTOR * _SECTOR if file else None
    except OSError:
        return None


def _map(root: Path, name: str, slaves: list[str]) -> BlockDevice:
    map_name = kernel_files.read(root / "sys/block" / name / "dm/name")
    parts = [_disk(root, slave) for slave in slaves]
    return BlockDevice(
        f"/dev/mapper/{map_name}" if map_name else f"/dev/{name}",
        frozenset({name, *slaves}),
        frozenset(key for part in parts for key in part.keys),
        is_multipath=True,
    )


def _disk(root: Path, name: str) -> BlockDevice:
    folder = root / "sys/block" / name
    file = kernel_files.read(folder / "loop/backing_file") or None
    return BlockDevice(f"/dev/{name}", frozenset({name}), frozenset(_keys(root, name, folder)), file)


def _keys(root: Path, name: str, folder: Path) -> Iterator[Key]:
    image = _IMAGE.fullmatch(name)
    if image:
        entry = root / "sys/bus/rbd/devices" / image.group(1)
        snapshot = kernel_files.read(entry / "current_snap")
        yield (
            "rbd",
            f"{kernel_files.read(entry / 'pool')}/{kernel_files.read(entry / 'name')}"
            + (f"@{snapshot}" if snapshot not in {"", "-"} else ""),
        )
    elif _NAMESPACE.fullmatch(name):
        uuids = {as_uuid(kernel_files.read(folder / file).rpartition(".")[2]) for file in ("uuid", "nguid", "wwid")} - {""}
        yield from (("nvme", uuid) for uuid in uuids)
        if kernel_files.read(folder / "device/subsysnqn"):
            yield ("nqn", kernel_files.read(folder / "device/subsysnqn"))
    else:
        yield from _scsi(root, Path(os.path.realpath(folder / "device")))


def _scsi(root: Path, folder: Path) -> Iterator[Key]:
    number = folder.name.rpartition(":")[2]
    if not number.isdigit():
        return
    luns = {int(number), int(number) - FLAT_LUNS} if int(number) >= FLAT_LUNS else {int(number)}
    for part in folder.parts:
        for lun in sorted(luns):
            if part.startswith("session") and (
                target := kernel_files.read(root / "sys/class/iscsi_session" / part / "targetname")
            ):
                yield ("iscsi", target.lower(), str(lun))
            elif part.startswith("rport-") and (
                port := kernel_files.read(root / "sys/class/fc_remote_ports" / part / "port_name")
            ):
                yield ("fc", plain_wwn(port), str(lun))
