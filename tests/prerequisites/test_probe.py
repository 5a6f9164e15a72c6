"""What a probe sees of a host."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

import pytest

from cl_notebook import errors
from cl_notebook.attach.local import Host

if TYPE_CHECKING:
    from pathlib import Path

    from tests.prerequisites.conftest import FakeHost


def test_a_command_is_searched_on_the_path(host: FakeHost) -> None:
    """A probe returns the path of an executable, and nothing for a file that is not executable or not there."""
    host.install("iscsiadm")
    host.write("bin/nvme")
    probe = host.probe()
    assert [probe.command(name) for name in ("iscsiadm", "nvme", "rbd")] == [str(host.root / "bin" / "iscsiadm"), "", ""]


def test_a_module_is_built_in_loaded_or_loadable(host: FakeHost) -> None:
    """The state of a module follows from the kernel's lists, whether its name has - or _; without lists it is unknown."""
    (host.root / "sys/module/rbd").mkdir(parents=True)
    probe = host.probe()
    states = {name: probe.module(name) for name in ("loop", "rbd", "iscsi_tcp", "nvme_tcp", "tcp", "nfs")}
    assert states == {
        "loop": "built in",
        "rbd": "loaded",
        "iscsi_tcp": "loadable",
        "nvme_tcp": "loadable",
        "tcp": "missing",
        "nfs": "missing",
    }
    host.write("proc/sys/kernel/osrelease", "5.0-of-another-host\n")
    assert (probe.module("nfs"), probe.module("rbd")) == ("unknown", "loaded")


def test_a_daemon_runs_as_a_process_or_behind_a_socket(host: FakeHost) -> None:
    """A daemon is known by the name of its process, or by its abstract socket, on which systemd may listen for it."""
    probe = host.probe()
    assert probe.daemon("iscsid", "ISCSIADM_ABSTRACT_NAMESPACE") == ""
    host.write("proc/net/unix", "Num RefCount Path\n0000: 00000002 00000000 00010000 0001 01 12 @ISCSIADM_ABSTRACT_NAMESPACE\n")
    assert probe.daemon("iscsid", "ISCSIADM_ABSTRACT_NAMESPACE") == "socket @ISCSIADM_ABSTRACT_NAMESPACE"
    host.write("proc/41/comm", "iscsid\n")
    assert probe.daemon("iscsid", "ISCSIADM_ABSTRACT_NAMESPACE") == "process 41"


def test_a_file_is_there_missing_or_unreadable(host: FakeHost) -> None:
    """A file that cannot be read is distinguished from one that does not exist."""
    host.write("etc/a", "text")
    (host.root / "etc/folder").mkdir()
    probe = host.probe()
    assert list(probe.file("/etc/a")) == ["ok", "text"]
    assert list(probe.file("/etc/b")) == ["missing", ""]
    assert list(probe.file("/etc/folder")) == ["unknown", "Is a directory"]
    assert (probe.names("/etc"), probe.names("/none")) == (["a", "folder", "os-release"], [])


@pytest.mark.parametrize(
    ("script", "status", "seen"),
    [
        ("exit 0", "ok", "works without a password"),
        ("echo 'sudo: a password is required' >&2; exit 1", "failed", "sudo: a password is required"),
        ('test "$1" = -n && exit 3', "failed", "exit status 3"),
    ],
)
def test_the_root_helper_must_work_without_a_password(host: FakeHost, script: str, status: str, seen: str) -> None:
    """The root helper is run with an option that forbids it to ask; its last line says why it failed."""
    host.install("sudo", script=script)
    assert host.probe().root_access()[0] == status
    assert seen in host.probe().root_access()[1]


def test_root_needs_no_helper(host: FakeHost) -> None:
    """Root runs commands itself; for others a helper that is not installed is missing."""
    assert list(host.probe(is_root=True).root_access()) == ["ok", "this is root"]
    assert list(host.probe("doas").root_access()) == ["missing", "'doas' is not installed"]
    assert host.probe("su -c '").root_access()[0] == "missing"


def test_an_address_answers_or_the_reason_is_given(host: FakeHost) -> None:
    """A port that listens answers; a closed one gives the reason of the operating system."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert host.probe().connect("127.0.0.1", port, 5) == ""
    assert host.probe().connect("127.0.0.1", port, 5) == "Connection refused"


def test_a_library_has_a_version(host: FakeHost) -> None:
    """A Python library is looked up without importing it."""
    probe = host.probe()
    assert (probe.library("os_brick") != "", probe.library("no_such_library"), probe.library("json")) == (True, "", "installed")
    assert "turtle" not in sys.modules
    assert probe.library("turtle") == "installed"
    assert "turtle" not in sys.modules


def test_a_container_is_recognised(host: FakeHost) -> None:
    """The files that container engines leave say that a host is a container."""
    assert not host.probe().is_container()
    host.write("run/.containerenv")
    assert host.probe().is_container()


def test_another_host_asks_only_questions(tmp_path: Path) -> None:
    """Through a gateway the methods of a probe can be called, and nothing else of it."""
    here = Host("lab1", "sudo", tmp_path)
    assert here.ask_probe("library", "no_such_library") == ""
    with pytest.raises(errors.InvalidInput, match="not a question"):
        here.ask_probe("_text", "/etc/shadow")
