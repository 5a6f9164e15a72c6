"""Sparse files are copied with their holes, appear only when complete, and leave nothing behind."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from cl_notebook import errors
from cl_notebook.drivers.api import GiB
from cl_notebook.drivers.filebased import files
from cl_notebook.drivers.filebased.locks import FileLock, locked

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from tests.drivers.conftest import Mount

MiB = 1024**2


def sparse(path: Path, size: int = GiB, at: tuple[int, ...] = (0, GiB // 2, GiB - MiB)) -> Path:
    """Make a sparse file with a MiB of data at each of some places."""
    with path.open("wb") as file:
        file.truncate(size)
        for place in at:
            file.seek(place)
            file.write(b"\xa5" * min(MiB, size - place))
    return path


def clone(source: Path, final: Path, reflink: files.Reflink, size: int | None = None) -> list[tuple[int, int]]:
    """Copy a file through a temporary one beside it, and return the progress that was reported."""
    seen: list[tuple[int, int]] = []
    tmp = final.parent / "tmp"
    tmp.mkdir(exist_ok=True)
    with files.NewFile(tmp, size or source.stat().st_size) as made:
        made.fill(source, reflink=reflink, progress=lambda done, total: seen.append((done, total)))
        made.publish(final)
    assert list(tmp.iterdir()) == []
    return seen


@pytest.mark.parametrize("reflink", ["auto", "never"])
def test_holes_are_kept(tmp_path: Path, reflink: files.Reflink) -> None:
    """A copy of a GiB with 3 MiB of data takes little more than those 3 MiB, and has the same bytes."""
    source = sparse(tmp_path / "source")
    clone(source, tmp_path / "copy", reflink)
    copy = (tmp_path / "copy").stat()
    assert copy.st_size == GiB
    assert copy.st_blocks * 512 < 5 * MiB
    with (tmp_path / "copy").open("rb") as file:
        for place in (0, GiB // 2, GiB - MiB):
            file.seek(place)
            assert file.read(MiB) == b"\xa5" * MiB
        file.seek(MiB)
        assert file.read(MiB) == bytes(MiB)


@pytest.mark.parametrize("kind", ["xfs", "btrfs"])
def test_reflink_shares_the_blocks(mount: Mount, kind: str) -> None:
    """Where the file system can, copies share their blocks: ten copies of 64 MiB take no space, and differ once written."""
    point = mount(kind, 320)
    source = sparse(point / "source", 64 * MiB, tuple(range(0, 64 * MiB, MiB)))
    os.sync()
    before = os.statvfs(point).f_bfree
    for number in range(10):
        clone(source, point / f"copy{number}", "always")
    os.sync()
    system = os.statvfs(point)
    assert (before - system.f_bfree) * system.f_frsize < 16 * MiB
    with (point / "copy0").open("r+b") as file:
        file.write(b"other")
    assert source.read_bytes()[:5] == b"\xa5" * 5


@pytest.mark.parametrize("kind", ["xfs", "btrfs"])
def test_reflink_of_an_odd_size(mount: Mount, kind: str) -> None:
    """A file that ends within a block can be shared with a larger one; what is beyond its end reads as zeros."""
    point = mount(kind, 320)
    source = sparse(point / "source", 5 * MiB + 7, (0, 5 * MiB))
    clone(source, point / "copy", "always", 9 * MiB)
    found = (point / "copy").read_bytes()
    assert found == source.read_bytes() + bytes(4 * MiB - 7)


def test_reflink_is_insisted_on(mount: Mount) -> None:
    """Where the file system cannot share blocks, to insist is NotSupported, and nothing is left."""
    point = mount("tmpfs", 16)
    source = sparse(point / "source", MiB, (0,))
    with pytest.raises(errors.NotSupported, match="reflink"):
        clone(source, point / "copy", "always")
    assert not (point / "copy").exists()
    assert list((point / "tmp").iterdir()) == []


@pytest.mark.parametrize("reflink", ["auto", "never"])
def test_progress_grows_to_the_total(tmp_path: Path, reflink: files.Reflink) -> None:
    """Progress is reported more than once in a long copy, grows, and reaches the total once, at the end."""
    source = sparse(tmp_path / "source", 64 * MiB, tuple(range(0, 64 * MiB, MiB)))
    seen = clone(source, tmp_path / "copy", reflink)
    assert seen == sorted(set(seen))
    assert seen[-1] == (64 * MiB, 64 * MiB)
    assert len(seen) > 2


def test_a_name_that_is_taken_is_not_overwritten(tmp_path: Path) -> None:
    """A file never takes a name that is there; what has it stays."""
    (tmp_path / "taken").write_text("precious")
    with files.NewFile(tmp_path, 10) as made, pytest.raises(FileExistsError):
        made.publish(tmp_path / "taken")
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]
    assert (tmp_path / "taken").read_text() == "precious"


@pytest.mark.parametrize("reflink", ["auto", "never"])
def test_a_full_file_system_leaves_nothing(mount: Mount, reflink: files.Reflink) -> None:
    """When space runs out in the middle of a copy, the error says so and where, and the space is given back."""
    point = mount("tmpfs", 16)
    source = sparse(point / "source", 10 * MiB, tuple(range(0, 10 * MiB, MiB)))
    with pytest.raises(errors.StorageFull, match=r"No space left on device.* while source was copied\. Free space there"):
        clone(source, point / "copy", reflink)
    assert not (point / "copy").exists()
    assert list((point / "tmp").iterdir()) == []
    clone(sparse(point / "small", MiB, (0,)), point / "fits", reflink)


COPY = """
import time
from pathlib import Path
from cl_notebook.drivers.filebased import files

def progress(done, total):
    print("copying", flush=True)
    time.sleep(60)

with files.NewFile(Path({tmp!r}), {size}) as made:
    made.fill(Path({source!r}), reflink="never", progress=progress)
    made.publish(Path({final!r}))
"""


def test_a_killed_copy_is_swept(tmp_path: Path, in_process: Callable[[str], subprocess.Popen[str]]) -> None:
    """A copy that is killed leaves no final name; its temporary file stays while it lives and is swept when it is dead."""
    tmp = tmp_path / "tmp"
    tmp.mkdir()
    source = sparse(tmp_path / "source", 40 * MiB, tuple(range(0, 40 * MiB, MiB)))
    words = {"tmp": str(tmp), "size": 40 * MiB, "source": str(source), "final": str(tmp_path / "final")}
    process = in_process(COPY.format(**words))
    assert process.stdout is not None
    assert process.stdout.readline() == "copying\n"
    assert files.sweep(tmp) == 0
    assert len(list(tmp.iterdir())) == 1
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(list(tmp.iterdir())) == 1
    assert files.sweep(tmp) == 1
    assert list(tmp.iterdir()) == []
    assert not (tmp_path / "final").exists()


def test_a_lock_excludes_threads_too(tmp_path: Path) -> None:
    """A lock that one thread holds is not given to another one of the same process, unless both only read."""
    with locked((tmp_path / "lock", False)):
        other = FileLock(tmp_path / "lock")
        assert not other.acquire(blocking=False)
        other.lockfile.close()
    with locked((tmp_path / "lock", True)):
        reader = FileLock(tmp_path / "lock", shared=True)
        assert reader.acquire(blocking=False)
        reader.release()


@pytest.mark.parametrize("shared", [False, True])
def test_a_lock_file_is_open_for_both(tmp_path: Path, shared: bool) -> None:  # noqa: FBT001 - pytest's parameter
    """A lock file is open for reading and writing: NFS grants a shared lock to a reader, an exclusive one to a writer."""
    lock = FileLock(tmp_path / "lock", shared=shared)
    assert lock.acquire(blocking=False)
    assert fcntl.fcntl(lock.lockfile, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR
    lock.release()


def test_a_lock_is_no_link(tmp_path: Path) -> None:
    """A link, a FIFO or a device under the name of a lock is not opened, and what it leads to stays as it is."""
    (tmp_path / "other").write_text("theirs", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "other")
    os.mkfifo(tmp_path / "fifo")
    for name in ("link", "fifo"):
        with pytest.raises(OSError, match=r"symbolic link|no regular file"), locked((tmp_path / name, False)):
            pass
    assert (tmp_path / "other").read_text(encoding="utf-8") == "theirs"


def test_a_removed_lock_is_made_again(tmp_path: Path) -> None:
    """Who waited for a lock whose file was removed by its holder ends with a lock that others see."""
    path = tmp_path / "lock"
    entered = threading.Event()

    def wait() -> None:
        with locked((path, False)):
            entered.set()
            assert path.exists()

    with locked((path, False)):
        waiter = threading.Thread(target=wait)
        waiter.start()
        assert not entered.wait(0.05)
        path.unlink()
    waiter.join(10)
    assert entered.is_set()
