"""Whose device it is: the kernel's word on it, read from trees that look like its own."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from cl_notebook import errors
from cl_notebook.attach import identity
from tests.attach.kernel import Kernel

if TYPE_CHECKING:
    from pathlib import Path

IQN = "iqn.2010-10.org.openstack:volume-1"
OTHER = "iqn.2010-10.org.openstack:volume-2"
UUID = "8e0a3cb2-0a7c-4c7a-8b21-5b6c4f0a9d11"


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    """Return a kernel that tells of nothing yet."""
    return Kernel(tmp_path)


def refused(kernel: Kernel, protocol: str, path: str, data: dict[str, Any], **more: Any) -> str:
    """Return why the device is refused; nothing if it is not."""
    try:
        identity.check({"driver_volume_type": protocol, "data": data, **more}, path, root=kernel.root)
    except errors.WrongDevice as error:
        return str(error)
    return ""


@pytest.mark.parametrize("protocol", ["iscsi", "ISCSI", "iser"])
def test_an_iscsi_disk_is_known_by_target_and_unit(kernel: Kernel, protocol: str) -> None:
    """A disk of the session and with the unit that the storage named passes; another target or unit does not."""
    disk = kernel.iscsi("sda", IQN, 1)
    assert refused(kernel, protocol, disk, {"target_iqn": IQN, "target_lun": 1}) == ""
    assert f"sda is unit 1 of {IQN}" in refused(kernel, protocol, disk, {"target_iqn": IQN, "target_lun": 2})
    assert f"sda is unit 1 of {IQN}" in refused(kernel, protocol, disk, {"target_iqns": [OTHER], "target_luns": [1]})


def test_a_unit_in_flat_addressing_is_the_same(kernel: Kernel) -> None:
    """A unit above 255 stands 16384 higher in the kernel's numbers."""
    disk = kernel.iscsi("sda", IQN, 16384 + 300)
    assert refused(kernel, "iscsi", disk, {"target_iqn": IQN, "target_lun": 300}) == ""


def test_another_kind_of_disk_is_no_iscsi_disk(kernel: Kernel) -> None:
    """A disk of no iSCSI session is not handed out for one."""
    kernel.link("sys/block/sda/device", "sys/devices/pci0/ata1/0:0:0:1")
    assert "no such target" in refused(kernel, "iscsi", kernel.device("dev/sda"), {"target_iqn": IQN, "target_lun": 1})


def test_every_path_of_a_multipath_device_is_asked(kernel: Kernel) -> None:
    """A multipath device with a path that an earlier volume left behind is refused, as OSSA-2023-003 wants."""
    for number, disk in enumerate(("sda", "sdb"), 1):
        kernel.iscsi(disk, f"{IQN}-{number}", 1, session=number)
    whole = kernel.multipath("dm-0", "sda", "sdb")
    data = {"target_iqns": [f"{IQN}-1", f"{IQN}-2"], "target_luns": [1, 1]}
    assert refused(kernel, "iscsi", whole, data) == ""
    kernel.iscsi("sdc", f"{IQN}-3", 1, session=3)
    assert "sdc is unit 1" in refused(kernel, "iscsi", kernel.multipath("dm-1", "sda", "sdc"), data)
    kernel.iscsi("sdd", f"{IQN}-2", 1, session=4, wwid="naa.2")
    assert "lead to several volumes: naa.1, naa.2" in refused(kernel, "iscsi", kernel.multipath("dm-2", "sda", "sdd"), data)


def test_targets_that_the_portal_reported_are_allowed(kernel: Kernel) -> None:
    """Where the storage named one target and os-brick asked for more, one path must be the named one."""
    kernel.iscsi("sda", IQN, 1, session=1)
    kernel.iscsi("sdb", OTHER, 1, session=2)
    data = {"target_iqn": IQN, "target_lun": 1}
    assert refused(kernel, "iscsi", kernel.multipath("dm-0", "sda", "sdb"), data) == ""
    assert "none of its paths" in refused(kernel, "iscsi", kernel.multipath("dm-1", "sdb"), data)


def test_a_fibre_channel_disk_is_known_by_port_and_unit(kernel: Kernel) -> None:
    """A disk behind one of the ports that the storage named passes, however the port's name is written."""
    kernel.link("sys/block/sda/device", "sys/devices/pci0/host3/rport-3:0-1/target3:0:1/3:0:1:4")
    kernel.tell("sys/class/fc_remote_ports/rport-3:0-1/port_name", "0x500A098280FEEBA5")
    disk = kernel.device("dev/sda")
    assert refused(kernel, "fibre_channel", disk, {"target_wwn": ["500a098280feeba5"], "target_lun": 4}) == ""
    assert refused(kernel, "fibre_channel", disk, {"target_wwn": "50:0a:09:82:80:fe:eb:a5", "target_lun": 4}) == ""
    assert "unit 4" in refused(kernel, "fibre_channel", disk, {"target_wwn": ["500a098280feeba5"], "target_lun": 5})
    assert "unit 4" in refused(kernel, "fibre_channel", disk, {"target_wwn": ["500a098280feeba6"], "target_lun": 4})


@pytest.mark.parametrize("protocol", ["nvmeof", "nvme"])
def test_a_namespace_is_known_by_its_uuid(kernel: Kernel, protocol: str) -> None:
    """An NVMe namespace passes by UUID or NGUID, and only of the subsystem that the storage named."""
    kernel.tell("sys/block/nvme0n1/uuid", UUID)
    kernel.tell("sys/block/nvme0n1/device/subsysnqn", "nqn.2016-06.io:one")
    disk = kernel.device("dev/nvme0n1")
    other = UUID.replace("8", "9")
    assert refused(kernel, protocol, disk, {"vol_uuid": UUID, "target_nqn": "nqn.2016-06.io:one"}) == ""
    assert refused(kernel, protocol, disk, {"volume_nguid": UUID.replace("-", "").upper()}) == ""
    assert f"nvme0n1 is {UUID}" in refused(kernel, protocol, disk, {"vol_uuid": other})
    assert "is of nqn.2016-06.io:one" in refused(kernel, protocol, disk, {"vol_uuid": UUID, "target_nqn": "nqn.2016-06.io:two"})
    assert "no such namespace" in refused(kernel, protocol, kernel.device("dev/nvme1n1"), {"vol_uuid": UUID})


def test_a_mapped_image_is_known_by_pool_and_name(kernel: Kernel) -> None:
    """An image that the kernel maps passes by pool and name; a snapshot of it does not."""
    kernel.tell("sys/bus/rbd/devices/3/pool", "volumes")
    kernel.tell("sys/bus/rbd/devices/3/name", "volume-1")
    kernel.tell("sys/bus/rbd/devices/3/current_snap", "-")
    kernel.device("dev/rbd3")
    kernel.link("dev/rbd/volumes/volume-1", "dev/rbd3")
    assert refused(kernel, "rbd", "/dev/rbd/volumes/volume-1", {"name": "volumes/volume-1"}) == ""
    assert "it is volumes/volume-1" in refused(kernel, "rbd", "/dev/rbd3", {"name": "volumes/volume-2"})
    kernel.tell("sys/bus/rbd/devices/3/current_snap", "before")
    assert "it is volumes/volume-1@before" in refused(kernel, "rbd", "/dev/rbd3", {"name": "volumes/volume-1"})
    assert "no image" in refused(kernel, "rbd", kernel.device("dev/sda"), {"name": "volumes/volume-1"})


def test_a_file_is_known_by_its_share(kernel: Kernel) -> None:
    """A file of a share passes where that share is mounted; another name, place, mount or a symbolic link does not."""
    share = "192.0.2.5:/my export"
    place = f"mnt/{hashlib.md5(share.encode(), usedforsecurity=False).hexdigest()}"
    path, data = kernel.device(f"{place}/volume-1"), {"export": share, "name": "volume-1"}
    assert refused(kernel, "nfs", path, data) == ""  # mounted by hand: the kernel names no share
    kernel.tell("proc/mounts", f"192.0.2.5:/my\\040export /{place} nfs4 rw 0 0")
    assert refused(kernel, "nfs", path, data) == ""
    typed = "192.0.2.5://my export/"
    typed_place = f"mnt/{hashlib.md5(typed.encode(), usedforsecurity=False).hexdigest()}"
    kernel.tell("proc/mounts", f"192.0.2.5:/my\\040export /{typed_place} nfs4 rw 0 0")
    assert refused(kernel, "nfs", kernel.device(f"{typed_place}/volume-1"), {"export": typed, "name": "volume-1"}) == ""
    kernel.tell("proc/mounts", f"192.0.2.6:/other /{place} nfs4 rw 0 0")
    assert "192.0.2.6:/other is mounted there" in refused(kernel, "nfs", path, data)
    assert "the volume's file is volume-2" in refused(kernel, "nfs", path, {**data, "name": "volume-2"})
    assert "it is not on" in refused(kernel, "nfs", kernel.device("mnt/elsewhere/volume-1"), data)
    kernel.link(f"{place}/volume-3", "dev/sda")
    assert "symbolic link" in refused(kernel, "nfs", f"/{place}/volume-3", {**data, "name": "volume-3"})


def test_a_protocol_without_identity_passes(kernel: Kernel) -> None:
    """A protocol that gives no identity is not checked."""
    assert refused(kernel, "storpool", kernel.device("dev/sda"), {}) == ""


def test_a_device_that_has_another_wwn_than_before_is_refused() -> None:
    """A device whose SCSI name is not that of the earlier attachment is refused; where either has none, nothing is said."""
    identity.check_same("/dev/sda", {"scsi_wwn": "3600"}, {"scsi_wwn": "3600"})
    identity.check_same("/dev/sda", {"scsi_wwn": ""}, {"scsi_wwn": "3600"})
    identity.check_same("/dev/sda", {}, {})
    with pytest.raises(errors.AttachError, match=r"its scsi_wwn is 3601, not 3600 as before"):
        identity.check_same("/dev/sda", {"scsi_wwn": "3600"}, {"scsi_wwn": "3601"})
