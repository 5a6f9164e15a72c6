"""A tree such as the kernel shows, to be asked who a device is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Kernel:
    """A tree such as the kernel shows, made piece by piece."""

    def __init__(self, root: Path) -> None:
        """Stand in *root*."""
        self.root = root

    def tell(self, path: str, text: str) -> None:
        """Let a file of the kernel's say *text*."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n", encoding="utf-8")

    def link(self, path: str, to: str) -> None:
        """Let one place be another's."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(self.root / to)

    def device(self, path: str) -> str:
        """Have a device node."""
        self.tell(path, "")
        return f"/{path}"

    def disk(self, name: str, number: str, **partitions: str) -> None:
        """Have a disk with the number that the kernel gave it, and its partitions with theirs."""
        self.tell(f"sys/block/{name}/dev", number)
        for part, its in partitions.items():
            self.tell(f"sys/block/{name}/{part}/partition", part[-1])
            self.tell(f"sys/block/{name}/{part}/dev", its)

    def iscsi(self, disk: str, target: str, lun: int, session: int = 1, wwid: str = "naa.1") -> str:
        """Have a disk of an iSCSI session."""
        place = f"sys/devices/platform/host2/session{session}/target2:0:0/2:0:0:{lun}"
        self.tell(f"{place}/wwid", wwid)
        self.link(f"sys/block/{disk}/device", place)
        self.tell(f"sys/class/iscsi_session/session{session}/targetname", target)
        return self.device(f"dev/{disk}")

    def multipath(self, name: str, *disks: str) -> str:
        """Have a multipath device of *disks*."""
        for disk in disks:
            self.tell(f"sys/block/{name}/slaves/{disk}", "")
        return self.device(f"dev/{name}")
