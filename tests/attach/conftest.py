"""What attaching on other hosts is tested on: an sshd on loopback that gives this machine a second name."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from tests.skips import require

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 20
SSHD = Path("/usr/sbin/sshd")


@dataclass
class Node:
    """The second host: its address with a Python, its name, and the process that stands for it."""

    spec: str
    name: str
    sshd: subprocess.Popen[bytes]

    def go_down(self) -> None:
        """Refuse connections from now on; those that are open stay."""
        self.sshd.terminate()
        self.sshd.wait()


@pytest.fixture
def node2(root: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:  # noqa: ARG001 - asked for its check
    """Give a second host: this machine through ssh, in a UTS name space where it is called node2."""
    if not SSHD.exists() or shutil.which("unshare") is None:
        require("openssh-server and util-linux")
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd insists on it
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    served = tmp_path / "sshd_config"
    served.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host_key\nAuthorizedKeysFile {tmp_path}/user_key.pub\n"
        "PidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n",
        encoding="utf-8",
    )
    asked = tmp_path / "ssh_config"
    asked.write_text(
        f"Host node2\nHostName 127.0.0.1\nPort {port}\nUser root\nIdentityFile {tmp_path}/user_key\n"
        "IdentitiesOnly yes\nStrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR\n",
        encoding="utf-8",
    )
    ssh = tmp_path / "bin" / "ssh"  # found before the real one: where a user has ~/.ssh/config
    ssh.parent.mkdir()
    ssh.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {asked} "$@"\n', encoding="utf-8")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")
    words = ["unshare", "--uts", "sh", "-c", f"hostname node2 && exec {SSHD} -D -e -f {served}"]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as sshd:
        _wait_for(port)
        yield Node(f"ssh=node2//python={sys.executable}", "node2", sshd)
        sshd.terminate()


def _wait_for(port: int) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("sshd does not answer")


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Return the URL of a new store in a file, for several kernels."""
    return f"sqlite:///{tmp_path / 'shared.db'}"


@pytest.fixture
def volume(store: str, tmp_path: Path) -> Iterator[cl.Volume]:
    """Give a volume of the local driver in a session on the store; at the end it is detached wherever it is."""
    with cl.setup(store=store, host="lab1") as session:
        lab = session.backend("lab", volume_driver="local", path=str(tmp_path / "volumes"))
        made = lab.create_volume(size=1, name="ledger")
        yield made
    with cl.Session(store, host="lab1") as session:
        left = session.find("ledger")
        left.cleanup(force=True)
        left.delete(cascade=True, force=True)
