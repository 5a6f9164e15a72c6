"""Attaching through os-brick: the device is the right one before it is handed out, and what goes wrong is one line."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from cl_notebook import errors
from cl_notebook.attach import Host

if TYPE_CHECKING:
    from pathlib import Path

    from cl_notebook.drivers.api import ConnectionInfo
    from tests.drivers.conftest import AsNobody

MiB = 1024**2


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Return this host under a name of its own."""
    return Host("lab1", "sudo", tmp_path / "locks")


def local(path: object, **data: Any) -> ConnectionInfo:
    """Return the connection information of a local volume."""
    return {"driver_volume_type": "local", "data": {"device_path": str(path), **data}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file of one MiB."""
    path = tmp_path / "file"
    path.write_bytes(bytes(MiB))
    return path


def test_local_properties_need_no_os_brick() -> None:
    """The connector properties for local volumes name the host, and neither import os-brick nor start a program."""
    code = (
        "import subprocess, sys\n"
        "sys.addaudithook(lambda event, args: sys.exit(9) if event == 'subprocess.Popen' else None)\n"
        "from pathlib import Path\n"
        "from cl_notebook.attach import Host\n"
        "print(sorted(Host('lab1', 'sudo', Path('/none')).connector_properties('local').items()))\n"
        "print('os_brick' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    properties, imported = done.stdout.splitlines()
    assert "('host', 'lab1')" in properties
    assert all(f"'{name}'" in properties for name in ("ip", "multipath", "os_type", "platform"))
    assert imported == "False"


@pytest.mark.filterwarnings("ignore:Using fork:DeprecationWarning")  # eventlet, of the programs that oslo starts
def test_other_properties_come_from_os_brick(root: None, host: Host) -> None:  # noqa: ARG001 - asked for its check
    """For other protocols os-brick adds what it finds on the host, and the name that was chosen stays."""
    found = host.connector_properties("iscsi")
    assert found["host"] == "lab1"
    assert {"ip", "platform", "os_type", "multipath", "do_local_attach"} <= set(found)


def test_a_file_is_attached_and_detached(host: Host, file: Path) -> None:
    """A local volume gives its path; detaching it again, or when it never was, succeeds."""
    device = host.attach(local(file), expected_bytes=MiB)
    assert device == {"type": "local", "path": str(file)}
    assert host.device_size(device["path"]) == host.extend(local(file)) == MiB
    for attached in (device, device, None, {}):
        host.detach(local(file), attached)


def test_a_device_that_is_too_small_is_refused(host: Host, file: Path) -> None:
    """A device with fewer bytes than the volume is an AttachError with both figures."""
    with pytest.raises(errors.AttachError, match=f"{MiB} bytes, {MiB + 1} were expected"):
        host.attach(local(file), expected_bytes=MiB + 1)


def test_a_device_that_is_missing_is_refused(host: Host, tmp_path: Path) -> None:
    """A device that is not there is an AttachError that names it."""
    with pytest.raises(errors.AttachError, match=r"No such file or directory: .*/nothing"):
        host.attach(local(tmp_path / "nothing"))
    with pytest.raises(errors.AttachError, match="No such file"):
        host.extend(local(tmp_path / "nothing"))


def test_a_folder_is_no_device(host: Host, tmp_path: Path) -> None:
    """A folder is not handed out as a device, however large it says it is."""
    with pytest.raises(errors.AttachError, match="neither a block device nor a file"):
        host.attach(local(tmp_path), expected_bytes=1)


def test_a_device_of_something_else_is_refused(root: None, host: Host, file: Path, tmp_path: Path) -> None:  # noqa: ARG001 - asked for its check
    """A loop device that was given to another file, as after a restart, is refused; that of the right file is not."""
    other = tmp_path / "other"
    other.write_bytes(bytes(MiB))
    device = subprocess.run(["losetup", "-f", "--show", other], check=True, capture_output=True, text=True).stdout.strip()
    try:
        assert host.attach(local(device, backing_file=str(other)))["path"] == device
        with pytest.raises(errors.AttachError, match="belongs to something else now"):
            host.attach(local(device, backing_file=str(file)))
        other.unlink()
        with pytest.raises(errors.AttachError, match="belongs to something else now"):
            host.attach(local(device, backing_file=str(other)))
    finally:
        subprocess.run(["losetup", "-d", device], check=True)


def test_an_unreadable_device_is_refused(as_nobody: AsNobody, nobodys_folder: Path) -> None:
    """A device that the user may not read is one line, not a traceback of os-brick's."""
    code = (
        "from pathlib import Path\n"
        "from cl_notebook import errors\n"
        "from cl_notebook.attach import Host\n"
        "info = {'driver_volume_type': 'local', 'data': {'device_path': '/proc/1/mem'}}\n"
        f"try: Host('h', 'sudo', Path({str(nobodys_folder)!r})).attach(info)\n"
        "except errors.AttachError as error: print(error)\n"
    )
    done = as_nobody("-c", code)
    assert done.stdout == "the device cannot be read: Permission denied: /proc/1/mem\n", done.stderr


def test_an_unknown_protocol_is_one_line(host: Host) -> None:
    """A protocol that os-brick has no connector for is an AttachError that names it."""
    with pytest.raises(errors.AttachError, match=r"os-brick has no connector for smoke: .*SMOKE"):
        host.attach({"driver_volume_type": "smoke", "data": {}})


def test_incomplete_information_is_one_line(host: Host) -> None:
    """Connection information without what os-brick needs is an AttachError, chained to os-brick's own."""
    with pytest.raises(errors.AttachError, match=r"Cannot attach over local: .*device_path") as caught:
        host.attach({"driver_volume_type": "local", "data": {}})
    assert caught.value.__cause__ is not None


def test_attaching_prints_nothing(file: Path) -> None:
    """The first attachment, which imports os-brick, writes nothing to the cell, and leaves loggers and filters alone."""
    code = (
        "import logging, sys, warnings\n"
        "before = (list(warnings.filters), logging.getLogger().level, list(logging.getLogger().handlers))\n"
        "from pathlib import Path\n"
        "from cl_notebook.attach import Host\n"
        f"info = {{'driver_volume_type': 'local', 'data': {{'device_path': {str(file)!r}}}}}\n"
        f"Host('h', 'sudo', Path({str(file.parent)!r}) / 'locks').attach(info)\n"
        "after = (list(warnings.filters), logging.getLogger().level, list(logging.getLogger().handlers))\n"
        "assert before[1:] == after[1:], after\n"
        "assert 'os_brick' in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_lock_folder_that_is_set_stays(file: Path) -> None:
    """os-brick gets our lock folder, unless somebody configured oslo.concurrency before."""
    code = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "from pathlib import Path\n"
        "from oslo_concurrency import lockutils\n"
        "from oslo_config import cfg\n"
        "from cl_notebook.attach import Host\n"
        "{before}\n"
        f"info = {{'driver_volume_type': 'local', 'data': {{'device_path': {str(file)!r}}}}}\n"
        f"Host('h', 'sudo', Path({str(file.parent)!r}) / 'ours').attach(info)\n"
        "print(cfg.CONF.os_brick.lock_path)\n"
    )
    found = []
    for before in ("", "lockutils.set_defaults('/tmp/theirs')"):
        words = [sys.executable, "-c", code.replace("{before}", before)]
        found.append(subprocess.run(words, capture_output=True, text=True, check=True, env=os.environ).stdout.strip())
    assert found == [str(file.parent / "ours"), "/tmp/theirs"]  # noqa: S108 - a name only
