"""A Ceph cluster of one node: monitor, manager and one OSD in memory, on loopback, of the tests' own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SECONDS = 300
"""How long the cluster may take until it can be used; it is a few seconds, and in a guest beside other tests some more."""

PROGRAMS = ("ceph-mon", "ceph-mgr", "ceph-osd", "ceph", "ceph-authtool", "monmaptool", "rbd", "setpriv")

CAPACITY = 4 * 1024**3

CONF = """\
[global]
fsid = {fsid}
mon_host = {addresses}
mon_initial_members = a
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_allow_insecure_global_id_reclaim = false
run_dir = {folder}
admin_socket = {folder}/$cluster-$name.$pid.asok
log_file = {folder}/$name.log
paxos_propose_interval = 0.1
crash_dir = {folder}/crash
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
objecter_tick_interval = 1
mon_warn_on_pool_no_redundancy = false
mon_pg_warn_min_per_osd = 0
[client.{user}]
keyring = {keyring}
[mon]
mon_data = {folder}/mon
mon_data_avail_crit = 1
mon_data_avail_warn = 2
[mgr]
mgr_data = {folder}/mgr
mgr_initial_modules =
mgr_stats_period = 1
mgr_tick_period = 1
[osd]
osd_data = {folder}/osd
osd_objectstore = memstore
memstore_device_bytes = {capacity}
osd_class_load_list = *
osd_class_default_list = *
osd_client_watch_timeout = 3
"""
"""Authentication is on, as Ceph has it by default. The pools have one copy of everything, for there is one OSD.
Who was killed holds its images for three seconds more, not for thirty; who lives says so each second."""


@dataclass
class Cluster:
    """A running cluster, with a pool for volumes and a user of its own for Cinder."""

    folder: Path
    pool: str = "volumes"
    user: str = "cinder"
    _daemons: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def conf(self) -> Path:
        """Return the configuration file, of clients and daemons alike."""
        return self.folder / "ceph.conf"

    @property
    def keyring(self) -> Path:
        """Return the keyring that holds the key of :attr:`user` and no other."""
        return self.folder / f"ceph.client.{self.user}.keyring"

    def images(self) -> list[str]:
        """Return the names of the images in the pool, sorted."""
        return sorted(json.loads(self._admin("rbd", "ls", "--format=json", self.pool)))

    def options(self) -> dict[str, str]:
        """Return the options of Cinder's RBD driver that lead here."""
        return {
            "rbd_pool": self.pool,
            "rbd_user": self.user,
            "rbd_ceph_conf": str(self.conf),
            "rbd_keyring_conf": str(self.keyring),
        }

    def start(self) -> None:
        """Start the daemons, make the pool and the user, and wait until volumes can be made and capacities are known.

        Raises:
            AssertionError: that takes longer than it may.

        """
        self._prepare()
        self._run("ceph-mon", "-i", "a")
        self._run("ceph-mgr", "-i", "x")
        identity = str(uuid.uuid4())
        self._admin("ceph", "osd", "new", identity, "0")
        self._admin("ceph-osd", "--id=0", "--mkfs", f"--osd-uuid={identity}", f"--keyring={self._keys}")
        self._run("ceph-osd", "-i", "0")
        self._admin("ceph", "osd", "pool", "create", self.pool, "8")
        self._admin("ceph", "osd", "pool", "application", "enable", self.pool, "rbd")
        self._wait()

    def stop(self) -> None:
        """Kill the daemons; what they kept was in memory."""
        for daemon in self._daemons:
            daemon.kill()
        for daemon in self._daemons:
            daemon.wait()
        self._daemons.clear()

    @property
    def _keys(self) -> Path:
        return self.folder / "keyring"

    def _prepare(self) -> None:
        for name in ("mon", "mgr", "osd"):
            (self.folder / name).mkdir()
        fsid = str(uuid.uuid4())
        new, old = _free_ports(2)
        addresses = f"[v2:127.0.0.1:{new},v1:127.0.0.1:{old}]"  # os-brick knows the old protocol only
        own = {"folder": self.folder, "user": self.user, "keyring": self.keyring}
        self.conf.write_text(CONF.format(fsid=fsid, addresses=addresses, capacity=CAPACITY, **own), encoding="utf-8")
        rbd = f"profile rbd pool={self.pool}"
        self._make_key(self._keys, "mon.", mon="allow *")
        self._make_key(self._keys, "client.admin", mon="allow *", osd="allow *", mgr="allow *")
        self._make_key(self._keys, "mgr.x", mon="allow profile mgr", osd="allow *", mds="allow *")
        self._make_key(self._keys, "osd.0", mon="allow profile osd", mgr="allow profile osd", osd="allow *")
        self._make_key(self.keyring, f"client.{self.user}", mon="profile rbd", osd=rbd, mgr=rbd)
        _call("ceph-authtool", self._keys, "--import-keyring", self.keyring)
        monmap = self.folder / "monmap"
        _call("monmaptool", "--create", "--fsid", fsid, "--addv", "a", addresses, monmap)
        _call("ceph-mon", f"--conf={self.conf}", "--mkfs", "-i", "a", f"--monmap={monmap}", f"--keyring={self._keys}")

    def _make_key(self, keyring: Path, name: str, **capabilities: str) -> None:
        words = [word for daemon, allowed in capabilities.items() for word in ("--cap", daemon, allowed)]
        new = () if keyring.exists() else ("--create-keyring",)
        _call("ceph-authtool", *new, keyring, "--gen-key", "-n", name, *words)

    def _run(self, program: str, *words: str) -> None:
        # it ends with the process that started it, even if that is killed
        command = ["setpriv", "--pdeathsig=KILL", program, "-f", f"--conf={self.conf}", f"--keyring={self._keys}", *words]
        with (self.folder / f"{program}.out").open("wb") as output:
            self._daemons.append(subprocess.Popen(command, stdout=output, stderr=output))

    def _admin(self, program: str, *words: str) -> str:
        return _call(program, f"--conf={self.conf}", f"--keyring={self._keys}", *words)

    def _wait(self) -> None:
        patience = time.monotonic() + SECONDS
        status: dict[str, Any] = {}
        while time.monotonic() < patience:
            status = json.loads(self._admin("ceph", "status", "--format=json"))["pgmap"]
            states = {entry["state_name"] for entry in status.get("pgs_by_state", [])}
            if states == {"active+clean"} and status.get("bytes_total"):
                return
            time.sleep(0.2)
        msg = f"Ceph cannot be used after {SECONDS} s: {status}"
        raise AssertionError(msg)


def missing() -> str:
    """Return what is not installed of what a cluster needs, or nothing."""
    return ", ".join(program for program in PROGRAMS if shutil.which(program, path=_path()) is None)


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """Run a cluster in *folder*, whose name must be short: the daemons have sockets in it."""
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _call(program: str, *words: str | Path) -> str:
    command: Sequence[str | Path] = [program, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"{program}: {done.stderr}"
    return done.stdout


def _path() -> str:
    return f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]
