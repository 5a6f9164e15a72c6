"""An attached volume as an open file, and its size where that is not the file's."""

from __future__ import annotations

import errno
import io
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from cl_notebook import errors
from cl_notebook.attach import Host, files
from cl_notebook.attach.device import device_size

if TYPE_CHECKING:
    from pathlib import Path

    import cl_notebook as cl
    from cl_notebook.drivers.api import ConnectionInfo

MiB = 1024**2


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file of one MiB."""
    path = tmp_path / "file"
    path.write_bytes(bytes(MiB))
    return path


def test_what_is_written_is_read_back(volume: cl.Volume) -> None:
    """An attached volume is an open file: what is written and closed is there when it is opened again, still attached."""
    conn = volume.attach()
    with conn.open() as disk:
        assert disk.write(b"hello") == 5
        assert disk.seek(-5, os.SEEK_END) == 1024**3 - 5
        disk.write(b"world")
    with conn.open("rb") as disk:
        assert disk.read(5) == b"hello"
        disk.seek(-5, os.SEEK_END)
        assert disk.read() == b"world"
        assert disk.read(1) == b""
    assert disk.closed
    assert conn.attached


def test_only_what_is_attached_is_opened(volume: cl.Volume) -> None:
    """A connection without a device cannot be opened, nor one that another host attached."""
    conn = volume.attach()
    with pytest.raises(errors.InvalidInput, match=r"mode must be 'rb' or 'r\+b', not 'wb'"):
        conn.open("wb")
    conn.detach()
    with pytest.raises(errors.InvalidStatus, match=r"is not attached: attach\(\) it first"):
        conn.open()


def test_it_ends_where_the_volume_ends(file: Path) -> None:
    """Writing past the end changes nothing and says that there is no space; the file does not grow."""
    with files.DeviceFile(str(file), writable=True) as disk:
        disk.seek(MiB - 2)
        with pytest.raises(OSError, match="No space left") as caught:
            disk.write(b"four")
        assert caught.value.errno == errno.ENOSPC
        assert disk.tell() == MiB - 2
        with pytest.raises(io.UnsupportedOperation):
            disk.truncate(0)
        with pytest.raises(OSError, match="Invalid argument"):
            disk.seek(-1)
    assert file.read_bytes() == bytes(MiB)


def test_a_file_for_reading_is_not_written(file: Path) -> None:
    """What was opened to be read refuses to be written, and says so of itself."""
    with files.DeviceFile(str(file), writable=False) as disk:
        assert (disk.readable(), disk.writable(), disk.seekable()) == (True, False, True)
        with pytest.raises(io.UnsupportedOperation):
            disk.write(b"x")
    with pytest.raises(ValueError, match="is closed"):
        disk.read(1)


def test_no_program_inherits_it(file: Path) -> None:
    """The file is closed in programs that this process starts."""
    with files.DeviceFile(str(file), writable=True) as disk:
        assert not os.get_inheritable(disk.fileno())


def test_a_buffered_file_can_stand_on_it(file: Path) -> None:
    """Python's own buffering works on top of it."""
    with io.BufferedRandom(files.DeviceFile(str(file), writable=True)) as disk:
        disk.write(b"abc")
        disk.seek(0)
        assert disk.read(4) == b"abc\0"


def test_a_qcow2_image_has_the_size_of_its_volume(file: Path, tmp_path: Path) -> None:
    """The size of a qcow2 image is the volume's, and it is not opened as if it were the volume's bytes."""
    image = tmp_path / "image"
    image.write_bytes(b"QFI\xfb" + bytes(20) + (3 * MiB).to_bytes(8, "big") + bytes(100))
    assert device_size(str(image), kind="qcow2") == 3 * MiB
    with pytest.raises(errors.AttachError, match="is no qcow2 image"):
        device_size(str(file), kind="qcow2")
    info: ConnectionInfo = {"driver_volume_type": "local", "data": {"device_path": str(image), "format": "qcow2"}}
    host = Host("lab1", "sudo", tmp_path / "locks")
    assert host.attach(info, expected_bytes=3 * MiB)["path"] == str(image)
    with pytest.raises(errors.AttachError, match="has 3145728 bytes, 3145729 were expected"):
        host.attach(info, expected_bytes=3 * MiB + 1)
    with pytest.raises(errors.AttachError, match=r"qcow2 image of the volume, not its bytes: qemu-img, qemu-io and qemu-nbd"):
        host.open(info, {"path": str(image)})


def test_a_device_of_something_else_is_not_opened(root: None, file: Path, tmp_path: Path) -> None:  # noqa: ARG001 - asked for its check
    """A device that became another's since it was attached is not opened."""
    device = subprocess.run(["losetup", "-f", "--show", file], check=True, capture_output=True, text=True).stdout.strip()
    try:
        info: ConnectionInfo = {
            "driver_volume_type": "local",
            "data": {"device_path": device, "backing_file": str(tmp_path / "x")},
        }
        with pytest.raises(errors.AttachError, match="belongs to something else now"):
            Host("lab1", "sudo", tmp_path / "locks").open(info, {"path": device})
    finally:
        subprocess.run(["losetup", "-d", device], check=True)
