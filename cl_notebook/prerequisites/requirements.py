"""What a protocol or a driver requires of a host, what for, and the packages that have it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.prerequisites import checks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cl_notebook.prerequisites.checks import Check


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that a host needs.

    ``purpose`` is what it is for, ``debian`` and ``rpm`` the packages that have it, ``fix`` the command to run if no package
    helps: ``{sudo}`` in it is replaced by the prefix of commands that need root, ``{python}`` by the Python of the host. With
    ``is_optional`` it is needed only for its purpose.
    """

    name: str
    purpose: str
    check: Check
    debian: str = ""
    rpm: str = ""
    fix: str = ""
    is_optional: bool = False


def _command(name: str, purpose: str, debian: str, rpm: str, *, is_optional: bool = False) -> Requirement:
    return Requirement(name, purpose, checks.command(name), debian, rpm, is_optional=is_optional)


def _daemon(name: str, purpose: str, listens_on: str, packages: tuple[str, str], *, is_optional: bool = False) -> Requirement:
    fix = f"{{sudo}}systemctl enable --now {name}"
    return Requirement(f"daemon {name}", purpose, checks.daemon(name, listens_on), *packages, fix, is_optional)


def _module(name: str, purpose: str, *, is_optional: bool = False) -> Requirement:
    return Requirement(f"module {name}", purpose, checks.module(name), fix=f"{{sudo}}modprobe {name}", is_optional=is_optional)


_ISCSI = ("open-iscsi", "iscsi-initiator-utils")
_MULTIPATH = ("multipath-tools", "device-mapper-multipath")
_INITIATOR, _HOST_NQN, _HOST_ID = "/etc/iscsi/initiatorname.iscsi", "/etc/nvme/hostnqn", "/etc/nvme/hostid"

ROOT_HELPER = Requirement(
    "root helper",
    "run commands as root: attach over a network, mount shares",
    checks.root_access,
    "sudo",
    "sudo",
    "cl.setup(root_helper=…), or start Jupyter as root",
)
OS_BRICK = Requirement(
    "Python library os_brick", "attach volumes", checks.library("os_brick"), fix="{python} -m pip install os-brick"
)

_DEVICES = (
    _command("lsblk", "list block devices", "util-linux", "util-linux"),
    _command("blockdev", "read the size of a device", "util-linux", "util-linux"),
    _command("udevadm", "wait for device nodes", "udev", "systemd-udev"),
)
_SCSI_ID = _command("scsi_id", "identify SCSI devices", "udev", "systemd-udev")
_SEVERAL_PATHS = (
    _command("multipath", "several paths: multipath=True", *_MULTIPATH, is_optional=True),
    _daemon("multipathd", "several paths: multipath=True", "/org/kernel/linux/storage/multipathd", _MULTIPATH, is_optional=True),
    _module("dm_multipath", "several paths: multipath=True", is_optional=True),
)
_ENCRYPTED = (
    _command("cryptsetup", "read encrypted volumes", "cryptsetup", "cryptsetup", is_optional=True),
    _module("dm_crypt", "read encrypted volumes", is_optional=True),
)
_IMAGES = _command("qemu-img", "create, convert and resize image files", "qemu-utils", "qemu-img")

PROTOCOLS: dict[str, tuple[Requirement, ...]] = {
    "iscsi": (
        ROOT_HELPER,
        *_DEVICES,
        _command("iscsiadm", "log in to iSCSI targets", *_ISCSI),
        _daemon("iscsid", "keep iSCSI sessions", "ISCSIADM_ABSTRACT_NAMESPACE", _ISCSI),
        _module("iscsi_tcp", "iSCSI over TCP"),
        Requirement(
            "iSCSI initiator name",
            "the name by which arrays grant access",
            checks.line_of_file(_INITIATOR, r"^\s*InitiatorName\s*=\s*(\S+)"),
            *_ISCSI,
            f"{{sudo}}sh -c 'echo InitiatorName=$(iscsi-iname) > {_INITIATOR}'",
        ),
        _SCSI_ID,
        *_SEVERAL_PATHS,
        *_ENCRYPTED,
    ),
    "fc": (
        ROOT_HELPER,
        *_DEVICES,
        Requirement(
            "Fibre Channel adapter",
            "reach the fabric",
            checks.filled_folder("/sys/class/fc_host", "no adapter in /sys/class/fc_host"),
        ),
        _SCSI_ID,
        *_SEVERAL_PATHS,
        *_ENCRYPTED,
    ),
    "nvmeof": (
        ROOT_HELPER,
        *_DEVICES,
        _command("nvme", "connect to NVMe-oF subsystems", "nvme-cli", "nvme-cli"),
        _module("nvme_tcp", "NVMe over TCP"),
        _module("nvme_rdma", "NVMe over RDMA", is_optional=True),
        Requirement(
            "NVMe host NQN",
            "the name by which arrays grant access",
            checks.line_of_file(_HOST_NQN, r"^(nqn\.\S+)"),
            "nvme-cli",
            "nvme-cli",
            f"{{sudo}}sh -c 'mkdir -p /etc/nvme && nvme gen-hostnqn > {_HOST_NQN}'",
        ),
        Requirement(
            "NVMe host id",
            "the id that goes with the NQN",
            checks.line_of_file(_HOST_ID, r"^([0-9A-Fa-f-]{32,})"),
            "nvme-cli",
            "nvme-cli",
            f"{{sudo}}sh -c 'sed s/.*uuid:// {_HOST_NQN} > {_HOST_ID}'",
        ),
        *_ENCRYPTED,
    ),
    "rbd": (
        Requirement("Python library rados", "reach Ceph by librados", checks.library("rados"), "python3-rados", "python3-rados"),
        Requirement("Python library rbd", "read and write images by librbd", checks.library("rbd"), "python3-rbd", "python3-rbd"),
        _command("rbd", "map a block device: do_local_attach=True", "ceph-common", "ceph-common", is_optional=True),
        _module("rbd", "map a block device: do_local_attach=True", is_optional=True),
    ),
    "nfs": (
        ROOT_HELPER,
        _command("mount.nfs", "mount NFS shares", "nfs-common", "nfs-utils"),
        _module("nfs", "mount NFS shares"),
        _IMAGES,
    ),
    "cifs": (
        ROOT_HELPER,
        _command("mount.cifs", "mount SMB shares", "cifs-utils", "cifs-utils"),
        _module("cifs", "mount SMB shares"),
        _IMAGES,
    ),
    "local": (
        _command("losetup", "attach a volume's file as a loop device, as root", "mount", "util-linux", is_optional=True),
        _module("loop", "attach a volume's file as a loop device, as root", is_optional=True),
    ),
}
"""Protocol -> what a host that attaches over it needs, beside os-brick."""

_ALIASES = {
    **dict.fromkeys(("iser", "i-scsi"), "iscsi"),
    **dict.fromkeys(("fibre_channel", "fibrechannel", "fcp"), "fc"),
    **dict.fromkeys(("nvme", "nvme-of", "nvme_of", "nvme-tcp", "nvme_tcp", "nvmet_tcp", "nvmet_rdma", "nvmeof_tcp"), "nvmeof"),
    "ceph": "rbd",
    **dict.fromkeys(("smb", "smbfs"), "cifs"),
    **dict.fromkeys(("file", "sim"), "local"),
}
"""Other names of a protocol, as drivers, their options and os-brick have them."""

_IN_DRIVER_NAMES = {
    "iscsi": re.compile(r"iscsi|lvm", re.IGNORECASE),
    "fc": re.compile(r"(?:^|[._])fc(?:[._]|$)|FC(?:Driver)?$|fibre", re.MULTILINE),
    "nvmeof": re.compile(r"nvme", re.IGNORECASE),
    "rbd": re.compile(r"(?<!d)rbd|ceph", re.IGNORECASE),
    "nfs": re.compile(r"nfs", re.IGNORECASE),
    "cifs": re.compile(r"smbfs|cifs", re.IGNORECASE),
}
"""Protocol -> what occurs in the path of a driver that speaks it, if neither its statistics nor its options say so."""

DRIVERS: dict[str, tuple[Requirement, ...]] = {
    "lvm": (
        ROOT_HELPER,
        *(_command(name, "manage volume groups", "lvm2", "lvm2") for name in ("lvs", "vgs", "lvcreate")),
        _command("thin_check", "thin volumes", "thin-provisioning-tools", "device-mapper-persistent-data", is_optional=True),
        _module("dm_thin_pool", "thin volumes", is_optional=True),
        _command("targetcli", "export volumes: target_helper=lioadm", "targetcli-fb", "targetcli", is_optional=True),
        _command("tgtadm", "export volumes: target_helper=tgtadm", "tgt", "scsi-target-utils", is_optional=True),
    ),
    "remotefs": (ROOT_HELPER, _IMAGES),
}
"""Part of a driver's path -> what its process needs on the host of the notebook."""

LIBRARIES: dict[str, tuple[str, str, str]] = {
    "cinder": ("", "", "cinder>=27"),
    "os_brick": ("python3-os-brick", "python3-os-brick", "os-brick"),
    "rados": ("python3-rados", "python3-rados", ""),
    "rbd": ("python3-rbd", "python3-rbd", ""),
    "rtslib_fb": ("python3-rtslib-fb", "python3-rtslib", "rtslib-fb"),
    "hpe3parclient": ("", "", "python-3parclient"),
    "linstor": ("", "", "python-linstor"),
    "purestorage": ("", "", "purestorage"),
    "pypureclient": ("", "", "py-pure-client"),
    "storops": ("", "", "storops"),
    "PyU4V": ("", "", "PyU4V"),
    "infinisdk": ("", "", "infinisdk"),
    "pyxcli": ("", "", "pyxcli"),
    "dfs_sdk": ("", "", "dfs_sdk"),
    "krest": ("", "", "krest"),
    "rsd_lib": ("", "", "rsd-lib"),
    "websocket": ("python3-websocket", "python3-websocket-client", "websocket-client"),
}
"""Python module -> the Debian and RPM package that have it, and its project on PyPI; Ceph's are not on PyPI."""


def protocol_called(name: object) -> str:
    """Return the protocol of :data:`PROTOCOLS` that *name*, in any letter case, means.

    Raises:
        InvalidInput: there is none.

    """
    protocol = _known(name)
    if not protocol:
        hint = errors.did_you_mean(str(name).lower(), [*PROTOCOLS, *_ALIASES])
        msg = f"No requirements of the protocol {name!r} are known.{hint} Protocols: {', '.join(PROTOCOLS)}."
        raise errors.InvalidInput(msg)
    return protocol


def is_protocol(name: str) -> bool:
    """Return whether *name* means one of :data:`PROTOCOLS`."""
    return bool(_known(name))


def protocols_in(texts: Iterable[object]) -> list[str]:
    """Return the protocols that *texts*, such as a driver's statistics, name; other words are ignored."""
    words = (word for text in texts for word in re.split(r"[,/\s]+", str(text)))
    return list(dict.fromkeys(protocol for word in words if (protocol := _known(word))))


def protocols_of_driver(path: str) -> list[str]:
    """Return the protocols that the *path* of a driver suggests."""
    cls = path.rpartition(".")[2]
    return [protocol for protocol, pattern in _IN_DRIVER_NAMES.items() if pattern.search(f"{path}\n{cls}")]


def of_driver(path: str) -> list[Requirement]:
    """Return what the process of the driver at *path* needs beyond its protocol."""
    parts = re.split(r"\W", path.lower())
    return [requirement for part, requirements in DRIVERS.items() if part in parts for requirement in requirements]


def _known(name: object) -> str:
    word = str(name).strip().lower()
    return word if word in PROTOCOLS else _ALIASES.get(word, "")
