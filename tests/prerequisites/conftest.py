"""A host to look at: a folder that is used as /, with commands, processes, kernel modules and files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from cl_notebook.attach.probe import Probe

if TYPE_CHECKING:
    from pathlib import Path

RELEASE = "6.1.0-test"


@dataclass
class FakeHost:
    """A folder that is used as the root folder of a host."""

    root: Path

    def probe(self, root_helper: str = "sudo", *, is_root: bool = False) -> Probe:
        """Return what looks at the host."""
        return Probe(root_helper, self.root, str(self.root / "bin"), is_root=is_root)

    def write(self, path: str, text: str = "") -> Path:
        """Write a file of the host."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def install(self, *commands: str, script: str = "") -> None:
        """Install commands that run *script*."""
        for name in commands:
            self.write(f"bin/{name}", f"#!/bin/sh\n{script}\n").chmod(0o755)


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    """Return a host with a kernel that has modules, and nothing else."""
    fake = FakeHost(tmp_path / "host")
    fake.write("proc/sys/kernel/osrelease", f"{RELEASE}\n")
    fake.write(f"lib/modules/{RELEASE}/modules.builtin", "kernel/drivers/block/loop.ko\n")
    fake.write(f"lib/modules/{RELEASE}/modules.dep", "kernel/drivers/scsi/iscsi_tcp.ko.xz: kernel/x.ko\nkernel/nvme-tcp.ko:\n")
    fake.write("etc/os-release", 'ID=debian\nVERSION_ID="12"\n')
    return fake
