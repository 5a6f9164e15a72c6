"""What the doctor reports for a protocol, a backend and a driver."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.model import doctor_hint
from cl_notebook.prerequisites import requirements
from cl_notebook.prerequisites.report import Examination, Row
from cl_notebook.prerequisites.target import Target, target_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.prerequisites.conftest import FakeHost

COLUMNS = ["check", "status", "purpose", "seen", "package_debian", "package_rpm", "next"]
CINDER_DRIVER = "cinder.volume.drivers.rbd.RBDDriver"


def examined(session: cl.Session, host: FakeHost, *protocols: str, is_root: bool = False) -> dict[str, Row]:
    """Return the rows for *protocols* on the host, by what was checked."""
    rows = Examination(session, host.probe(is_root=is_root), is_here=True).rows(None, protocols)
    return {row.check: row for row in rows}


def test_a_bare_host_lacks_what_iscsi_needs(session: cl.Session, host: FakeHost) -> None:
    """Each thing that is missing has its purpose, its packages and the command that installs or starts it here."""
    rows = examined(session, host, "iscsi")
    assert rows["iscsiadm"] == (
        *("iscsiadm", "missing", "log in to iSCSI targets", "not installed"),
        *("open-iscsi", "iscsi-initiator-utils", "sudo apt install open-iscsi"),
    )
    assert (rows["daemon iscsid"].status, rows["daemon iscsid"].next) == ("failed", "sudo systemctl enable --now iscsid")
    assert (rows["module iscsi_tcp"].status, rows["module iscsi_tcp"].seen) == ("ok", "loadable")
    assert rows["iSCSI initiator name"].status == "missing"
    assert (rows["multipath"].status, rows["root helper"].status) == ("optional", "missing")


def test_a_host_that_has_everything_is_ok(session: cl.Session, host: FakeHost) -> None:
    """A host with commands, daemon and initiator name has no row that is missing or failed, and no command to run."""
    host.install("lsblk", "blockdev", "udevadm", "iscsiadm", "scsi_id")
    host.write("proc/7/comm", "iscsid\n")
    host.write("etc/iscsi/initiatorname.iscsi", "# made at installation\nInitiatorName=iqn.1993-08.org.debian:01:ab\n")
    rows = examined(session, host, "iscsi", is_root=True)
    assert {row.status for row in rows.values()} == {"ok", "optional"}
    assert rows["iSCSI initiator name"].seen == "iqn.1993-08.org.debian:01:ab"
    assert {row.next for row in rows.values() if row.status == "ok"} == {""}


@pytest.mark.parametrize(
    ("release", "command"),
    [
        ("ID=ubuntu\nID_LIKE=debian", "apt install nvme-cli"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"', "dnf install nvme-cli"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"', "zypper install nvme-cli"),
        ("ID=arch", ""),
    ],
)
def test_the_command_is_that_of_the_distribution(session: cl.Session, host: FakeHost, release: str, command: str) -> None:
    """The command installs the package by the tool of the host's distribution; none is guessed for others."""
    host.write("etc/os-release", release)
    assert examined(session, host, "nvmeof", is_root=True)["nvme"].next == command


def test_a_container_may_use_the_daemons_of_its_host(session: cl.Session, host: FakeHost) -> None:
    """In a container a daemon or module that is out of sight is unknown, not missing."""
    host.write(".dockerenv")
    rows = examined(session, host, "iscsi", "nfs")
    assert (rows["daemon iscsid"].status, rows["module nfs"].status) == ("unknown", "unknown")
    assert "container" in rows["daemon iscsid"].seen


@pytest.mark.parametrize("protocol", requirements.PROTOCOLS)
def test_every_protocol_gives_a_frame(session: cl.Session, protocol: str) -> None:
    """Each protocol that is known gives a typed frame for this host, the gravest rows first."""
    del session
    frame = cl.doctor(protocol=protocol)
    assert list(frame.columns) == COLUMNS
    assert list(frame["status"].cat.codes) == sorted(frame["status"].cat.codes)
    assert {"Python library os_brick", "clock"} <= set(frame["check"])
    assert frame["check"].is_unique


def test_a_protocol_is_accepted_as_the_name(session: cl.Session, tmp_path: Path) -> None:
    """A protocol is accepted as the name, unless a backend or an installed driver is called that."""
    assert "mount.nfs" in set(cl.doctor("NFS")["check"])
    session.backend("nfs", volume_driver="local", path=str(tmp_path))
    assert "driver local" in set(cl.doctor("nfs")["check"])
    assert "driver local" in set(cl.doctor("local")["check"])


def test_names_of_protocols_are_forgiving(session: cl.Session) -> None:
    """A protocol has Cinder's and os-brick's other names; an unknown one is an error with the close match."""
    del session
    assert [requirements.protocol_called(name) for name in ("NVMe-oF", "ceph", "fibre_channel")] == ["nvmeof", "rbd", "fc"]
    with pytest.raises(errors.InvalidInput, match="Did you mean 'iscsi'"):
        cl.doctor(protocol="iscis")


@pytest.mark.parametrize(
    ("driver", "options", "protocols"),
    [
        (CINDER_DRIVER, {}, ["rbd"]),
        ("cinder.volume.drivers.lvm.LVMVolumeDriver", {}, ["iscsi"]),
        ("cinder.volume.drivers.lvm.LVMVolumeDriver", {"target_protocol": "nvmet_tcp"}, ["nvmeof"]),
        ("cinder.volume.drivers.hpe.hpe_3par_fc.HPE3PARFCDriver", {}, ["fc"]),
        ("cinder.volume.drivers.netapp.common.NetAppDriver", {"netapp_storage_protocol": "nfs"}, ["nfs"]),
        ("cinder.volume.drivers.linstordrv.LinstorDrbdDriver", {}, []),
        ("cinder.volume.drivers.vendor.Unheard", {}, []),
    ],
)
def test_a_driver_has_the_protocol_of_its_options_or_path(driver: str, options: dict[str, str], protocols: list[str]) -> None:
    """The protocol of a driver that is not open follows from its options, or else from its path."""
    assert Target("lab", driver, options).protocols() == protocols


def test_a_backend_is_examined_by_its_name(session: cl.Session, tmp_path: Path) -> None:
    """A backend, its name and the name of its driver are all accepted."""
    lab = session.backend("lab", volume_driver="local", path=str(tmp_path))
    for named in (lab, "lab", "local"):
        checks = list(cl.doctor(named)["check"])
        assert {"driver local", "module loop"} <= set(checks)
    assert "module loop" in set(cl.doctor()["check"])


def test_what_is_neither_backend_nor_driver_is_an_error(session: cl.Session, tmp_path: Path) -> None:
    """A name that is not known is one line with the close match."""
    session.backend("ledger", volume_driver="local", path=str(tmp_path))
    with pytest.raises(errors.NotFound, match=r"No backend or driver is called 'ledgr'\. Did you mean 'ledger'"):
        cl.doctor("ledgr")
    with pytest.raises(errors.InvalidInput, match="not 7"):
        cl.doctor(7)  # type: ignore[arg-type] # what a user may pass


def test_addresses_of_a_backend_are_connected_to(session: cl.Session, host: FakeHost) -> None:
    """Each address in the options of a backend has a row: one that listens answers, a closed port is failed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        options = {"target_ip_address": "127.0.0.1", "target_port": server.getsockname()[1]}
        target = Target("lab", "cinder.volume.drivers.vendor.ISCSIDriver", options)
        rows = {row.check: row for row in Examination(session, host.probe(), is_here=True).rows(target, ["iscsi"])}
        assert rows["address 127.0.0.1"].status == "ok"
    rows = {row.check: row for row in Examination(session, host.probe(), is_here=True).rows(target, ["iscsi"])}
    assert (rows["address 127.0.0.1"].status, rows["address 127.0.0.1"].purpose) == ("failed", "option target_ip_address")


def test_nothing_that_is_unconfirmed_is_connected_to_or_run(session: cl.Session, tmp_path: Path) -> None:
    """Neither the Python nor the addresses of a backend that a document describes are used before it is confirmed."""
    ran = tmp_path / "ran"
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n", encoding="utf-8")
    program.chmod(0o755)
    options = {"python": str(program), "san_ip": "192.0.2.1"}
    target = Target("lab $HOME", CINDER_DRIVER, options, is_confirmed=False)
    target.load(session)
    rows = Examination(session, session.host.probe, is_here=True).rows(target, target.protocols())
    assert not ran.exists()
    assert [row.check for row in rows if row.check.startswith("address")] == []
    assert next(row for row in rows if row.check == "driver RBDDriver").next == "%cl_backend open $'lab $HOME' --trust"


def test_a_clock_that_differs_is_failed(session: cl.Session, host: FakeHost) -> None:
    """A host whose clock differs from the database's by more than five seconds fails, and the report says by how much."""
    from cl_notebook.prerequisites import checks  # noqa: PLC0415 - of use here only

    assert examined(session, host)["clock"].status == "ok"
    assert checks.clock(lambda _moment: 90.0)(host.probe()) == ("failed", "90 seconds ahead of the database's")
    assert checks.clock(lambda _moment: -90.0)(host.probe()) == ("failed", "90 seconds behind the database's")


@pytest.mark.parametrize(
    ("error", "is_hinted"),
    [
        (errors.AttachError("iscsiadm is not installed"), True),
        (errors.WrongDevice("/dev/sdb belongs to something else now"), False),
        (errors.HostUnreachable("node2 does not answer"), False),
    ],
)
def test_the_hint_goes_with_what_a_host_may_lack(error: errors.AttachError, is_hinted: bool) -> None:  # noqa: FBT001 - a parameter
    """An AttachError names the doctor, whatever it was raised from; a wrong device and a host that is down do not."""
    with pytest.raises(errors.AttachError) as caught, doctor_hint.attaching("lab", None):
        raise error
    assert ("%cl_doctor lab" in str(caught.value)) is is_hinted


def test_a_failed_backend_is_known_by_its_name(session: cl.Session) -> None:
    """What could not be added is examined with the options of that attempt; the error says so, and no secret is kept."""
    with pytest.raises(errors.NotSupported) as caught:
        session.backend("ceph", volume_driver=CINDER_DRIVER, rbd_user="me", san_password="open sesame")  # noqa: S106 - not one
    assert str(caught.value).endswith("To see what the host lacks: %cl_doctor ceph, or cl.doctor('ceph').")
    assert session.failed_openings["ceph"].options == {"rbd_user": "me"}
    assert target_of(session, "ceph", None).options == {"rbd_user": "me"}
    rows = cl.doctor("ceph").set_index("check")
    assert rows.loc["Python library cinder", "status"] == "missing"
    assert str(rows.loc["Python library cinder", "next"]).endswith("-m pip install 'cinder>=27'")
