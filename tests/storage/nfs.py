"""An NFS share of the tests' own, where the host's kernel knows no NFS: a bind mount stands in for the mount."""

from __future__ import annotations

import hashlib
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Share:
    """An exported folder, its address, and the folder below which clients mount it."""

    address: str
    exported: Path
    mounts: Path
    list_file: Path

    def files(self) -> list[str]:
        """Return the names of the files on the share, sorted."""
        return sorted(file.name for file in self.exported.iterdir())

    def options(self, *, qcow2: bool) -> dict[str, Any]:
        """Return the options of Cinder's NFS driver that lead here."""
        return {
            "nfs_shares_config": str(self.list_file),
            "nfs_mount_point_base": str(self.mounts),
            "nfs_mount_attempts": 1,
            "nfs_snapshot_support": True,
            "nfs_qcow2_volumes": qcow2,
            "nas_secure_file_operations": "false",
            "nas_secure_file_permissions": "false",
        }


def share(folder: Path, address: str, exported: Path) -> Share:
    """Return the share at *address*, whose files are in *exported*; what its clients need goes to *folder*."""
    list_file, mounts = folder / "shares", folder / "mounts"
    mounts.mkdir()
    list_file.write_text(f"{address}\n", encoding="utf-8")
    return Share(address, exported, mounts, list_file)


@contextmanager
def bind_mounted(folder: Path) -> Iterator[Share]:
    """Give a share that is mounted already, which Cinder and os-brick tell by the mount point, and leave it so."""
    exported = folder / "exported"
    exported.mkdir()
    made = share(folder, "127.0.0.1:/exported", exported)
    point = made.mounts / hashlib.md5(made.address.encode(), usedforsecurity=False).hexdigest()
    point.mkdir()
    subprocess.run(["mount", "--bind", exported, point], check=True)
    try:
        yield made
    finally:
        subprocess.run(["umount", "--lazy", point], check=True)
