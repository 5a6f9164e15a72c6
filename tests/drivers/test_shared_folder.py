"""A folder that others can write to: nothing in it leads elsewhere, and it warns."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.drivers.api import ConnectionData, SnapshotData, VolumeData
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.drivers.local import loopdev
from cl_notebook.drivers.local.driver import LocalDriver
from cl_notebook.drivers.sim.driver import SimDriver
from cl_notebook.serialization import dump_file, load_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VOLUME = VolumeData(id="v", name_in_storage="volume-v", size=1)
SNAPSHOT = SnapshotData(id="s", name_in_storage="snapshot-s", volume=VOLUME, size=1)
HERE = ConnectionData("c", {"host": "lab"})


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Return a file of somebody else's that nothing may write to."""
    file = tmp_path / "theirs"
    file.write_bytes(b"theirs" * 1000)
    return file


@pytest.fixture(params=["local", "sim"])
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> LocalDriver | SimDriver:
    """Return a driver with a volume and a snapshot, attached as files."""
    path = str(tmp_path / "storage")
    made: LocalDriver | SimDriver = (
        LocalDriver({"path": path, "loop_devices": "never"}, backend_name="lab")
        if request.param == "local"
        else SimDriver({"path": path}, backend_name="lab")
    )
    made.setup()
    made.create_volume(VOLUME)
    made.initialize_connection(VOLUME, HERE)
    made.terminate_connection(VOLUME, HERE)
    made.create_snapshot(SNAPSHOT)
    return made


def calls(driver: LocalDriver | SimDriver) -> dict[str, Callable[[], Any]]:
    """Return every call that opens, makes or removes a file."""
    other = VolumeData(id="o", name_in_storage="volume-o", size=1)
    second = SnapshotData(id="t", name_in_storage="snapshot-t", volume=VOLUME, size=1)
    return {
        "create_volume": lambda: driver.create_volume(other),
        "create_snapshot": lambda: driver.create_snapshot(second),
        "clone": lambda: driver.create_cloned_volume(VolumeData(id="p", name_in_storage="volume-p", size=1), VOLUME),
        "of a snapshot": lambda: driver.create_volume_from_snapshot(
            VolumeData(id="q", name_in_storage="volume-q", size=1), SNAPSHOT
        ),
        "extend": lambda: driver.extend_volume(VOLUME, 2),
        "connect": lambda: driver.initialize_connection(VOLUME, HERE),
        "disconnect": lambda: driver.terminate_connection(VOLUME, HERE),
        "revert": lambda: driver.revert_to_snapshot(VOLUME, SNAPSHOT),
        "delete_snapshot": lambda: driver.delete_snapshot(SNAPSHOT),
        "delete_volume": lambda: driver.delete_volume(VOLUME),
        "sweep": driver.remove_leftovers,
        "setup": driver.setup,
    }


def states(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return the mode, the time and the bytes of everything in a folder."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes()[:100]) for path in files
    }


@pytest.mark.parametrize(
    "place", ["snapshots", ".cl_notebook", ".cl_notebook/tmp", ".cl_notebook/locks", ".cl_notebook/connections"]
)
def test_a_folder_that_became_a_link_is_not_followed(tmp_path: Path, driver: LocalDriver | SimDriver, place: str) -> None:
    """Whichever folder of the storage is replaced by a link, no call makes, changes or removes anything where it leads."""
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "storage" / place
    driver.close()
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    before = states(elsewhere)
    for call in calls(driver).values():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with translate_errors("lab", "call"):
                    call()
            except errors.Error:
                pass
    driver.close()
    assert {name: state for name, state in states(elsewhere).items() if "state.db" not in name} == {
        name: state for name, state in before.items() if "state.db" not in name
    }


@pytest.mark.parametrize("kind", ["link", "FIFO", pytest.param("device", marks=pytest.mark.lane("host")), "folder"])
def test_what_is_no_regular_file_is_no_volume(tmp_path: Path, driver: LocalDriver | SimDriver, theirs: Path, kind: str) -> None:
    """A link, a FIFO, a device or a folder under the name of a volume's file is opened by no call, and no call waits."""
    file, before = tmp_path / "storage" / "volume-v", theirs.read_bytes()
    file.unlink()
    match kind:
        case "link":
            file.symlink_to(theirs)
        case "FIFO":
            os.mkfifo(file)
        case "device":
            if os.geteuid():
                pytest.skip("only root makes devices")
            os.mknod(file, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        case _:
            file.mkdir()
    for name in ("extend", "clone", "connect", "create_snapshot"):
        try:
            with translate_errors("lab", name):
                calls(driver)[name]()
        except errors.Error:
            pass
    assert theirs.read_bytes() == before
    assert theirs.stat().st_size == len(before)


def test_a_hard_link_is_refused_where_others_can_write(tmp_path: Path) -> None:
    """A file with a second name is not opened in a folder that others can write to, and is the user's own affair elsewhere."""
    path = tmp_path / "storage"
    driver = LocalDriver({"path": str(path), "loop_devices": "never"}, backend_name="lab")
    driver.setup()
    driver.create_volume(VOLUME)
    (tmp_path / "second").hardlink_to(path / "volume-v")
    driver.extend_volume(VOLUME, 2)
    path.chmod(0o777)
    with pytest.raises(errors.DriverError, match="has another name"), translate_errors("lab", "extend_volume"):
        driver.extend_volume(VOLUME, 3)


def test_a_loop_device_stands_on_the_file_that_was_checked(tmp_path: Path, root: None, theirs: Path) -> None:  # noqa: ARG001 - checks
    """A volume's file that is replaced by a link gets no loop device; that of a volume is known by its numbers."""
    driver = LocalDriver({"path": str(tmp_path / "storage"), "loop_devices": "always"}, backend_name="lab")
    driver.setup()
    driver.create_volume(VOLUME)
    file = tmp_path / "storage" / "volume-v"
    device = driver.initialize_connection(VOLUME, HERE)["data"]["device_path"]
    try:
        found = file.stat()
        assert loopdev.backing_inode(device) == (found.st_dev, found.st_ino)
        moved = file.rename(tmp_path / "moved")
        file.symlink_to(moved)
        assert loopdev.devices_of(file) == []
        with pytest.raises(errors.DriverError), translate_errors("lab", "initialize_connection"):
            driver.initialize_connection(VOLUME, HERE)
        file.unlink()
        moved.rename(file)
    finally:
        driver.terminate_connection(VOLUME, HERE)
    assert loopdev.backing_inode(device) is None


def test_a_plain_file_is_opened_without_following_links(tmp_path: Path, session: cl.Session, theirs: Path) -> None:
    """A volume that is attached as a file is not opened once a link, or another file, is in its place."""
    lab = session.backend("lab", volume_driver="local", path=str(tmp_path / "storage"), loop_devices="never")
    conn = lab.create_volume(1).attach()
    file = Path(str(conn.path))
    moved = file.rename(tmp_path / "moved")
    places: tuple[Callable[[], object], ...] = (
        lambda: file.symlink_to(moved),
        lambda: file.symlink_to(theirs),
        lambda: file.write_bytes(bytes(1024)),
    )
    for place in places:
        place()
        with pytest.raises(errors.AttachError):
            conn.open()
        file.unlink()
    moved.rename(file)
    conn.open().close()
    assert theirs.read_bytes() == b"theirs" * 1000


@pytest.mark.parametrize("kind", ["folder", "parent"])
def test_a_folder_that_others_can_write_to_warns_once(tmp_path: Path, kind: str) -> None:
    """Opening a backend in a folder that others can write to, or rename, says in one line who can."""
    parent = tmp_path / "parent"
    path = parent / "storage"
    driver = LocalDriver({"path": str(path), "loop_devices": "never"}, backend_name="lab")
    driver.setup()
    (path if kind == "folder" else parent).chmod(0o777)
    with pytest.warns(errors.WritableByOthers, match="^Everybody can write to") as said:
        driver.setup()
    assert len(said) == 1
    assert "\n" not in str(said[0].message)
    assert str(path) in str(said[0].message)


def test_a_sticky_parent_is_no_danger(tmp_path: Path) -> None:
    """A parent like /tmp, in which users cannot rename others' entries, does not warn."""
    parent = tmp_path / "parent"
    parent.mkdir()
    parent.chmod(0o1777)
    LocalDriver({"path": str(parent / "storage"), "loop_devices": "never"}, backend_name="lab").setup()


MAKE = """
import os, sys
os.umask(int(sys.argv[1], 8))
import cl_notebook as cl
cl.setup(store="store.db")
for kind in ("local", "sim"):
    lab = cl.Backend(kind, volume_driver=kind, path=f"folder-{kind}/below")
    volume = lab.create_volume(1, kind)
    with volume.attach().open() as disk:
        disk.write(b"x")
    volume.create_snapshot("s").create_volume("c")
    print(volume.local_attach.path, flush=True)
from cl_notebook.serialization import dump_file
dump_file("dump.json")
cl.backup("backup.db")
os._exit(0)  # what SQLite has beside its files stays
"""


@pytest.mark.parametrize("umask", ["0", "002", "077"])
def test_what_is_made_is_its_owners_alone(tmp_path: Path, umask: str) -> None:
    """Whatever the umask, each file has the mode 0600 and each folder 0700: stores, logs, volumes, locks, states and dumps."""
    data = tmp_path / "data"
    environment = {**os.environ, "CL_NOTEBOOK_DATA": str(data / "own")}
    command = [sys.executable, "-c", MAKE, umask]
    done = subprocess.run(command, check=True, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    for device in done.stdout.split():
        if device.startswith("/dev/loop"):
            subprocess.run(["losetup", "--detach", device], check=True)
    modes = {str(path.relative_to(tmp_path)): stat.S_IMODE(path.lstat().st_mode) for path in tmp_path.rglob("*")}
    assert len(modes) > 20
    wrong = {name: oct(mode) for name, mode in modes.items() if mode != (0o700 if (tmp_path / name).is_dir() else 0o600)}
    assert wrong == {}


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[Path]:
    """Give a SQLite file of another program's, and see that it was left as it is."""
    file = tmp_path / "foreign.db"
    with sqlite3.connect(file) as made:
        made.execute("CREATE TABLE accounts (id INTEGER, owner TEXT)")
        made.execute("INSERT INTO accounts VALUES (1, 'ann')")
    made.close()
    file.chmod(0o644)
    before = (file.read_bytes(), file.stat().st_mode, file.stat().st_mtime_ns, sorted(tmp_path.iterdir()))
    yield file
    assert (file.read_bytes(), file.stat().st_mode, file.stat().st_mtime_ns, sorted(tmp_path.iterdir())) == before


@pytest.mark.parametrize("read_only", [False, True])
def test_another_programs_database_is_no_store(foreign: Path, read_only: bool) -> None:  # noqa: FBT001 - pytest's parameter
    """A SQLite file without our tables is refused as a store, and keeps its bytes, its mode and its time."""
    with pytest.raises(errors.StoreUnusable, match=r"not cl_notebook's \(tables: accounts"):
        cl.Session(store=f"sqlite:///{foreign}", read_only=read_only)


def test_another_programs_database_is_no_simulated_storage(tmp_path: Path) -> None:
    """So is one in the place of a simulator's state; a link there is not followed."""
    path = tmp_path / "storage"
    state = path / ".cl_notebook" / "state.db"
    sim = SimDriver({"path": str(path)}, backend_name="sim")
    sim.setup()
    sim.close()
    for left in state.parent.glob("state.db*"):
        left.unlink()
    with sqlite3.connect(state) as made:
        made.execute("CREATE TABLE accounts (id INTEGER)")
    made.close()
    before = (state.read_bytes(), state.stat().st_mtime_ns)
    for setup in (sim.setup, sim.setup_read_only):
        with pytest.raises(errors.DriverError, match="is not a simulated storage"):
            setup()
    assert (state.read_bytes(), state.stat().st_mtime_ns) == before
    assert not state.with_name("state.db-wal").exists()
    moved = state.rename(tmp_path / "moved")
    state.symlink_to(moved)
    with pytest.raises(errors.DriverError, match="is a link"):
        sim.setup()
    assert (moved.read_bytes(), moved.stat().st_mtime_ns) == before


@pytest.mark.parametrize("at_work", [False, True])
def test_looking_leaves_the_simulators_state_alone(tmp_path: Path, at_work: bool) -> None:  # noqa: FBT001 - pytest's parameter
    """A session that may only look writes, makes and touches nothing in the simulator's folder."""
    path = tmp_path / "sim"
    store = f"sqlite:///{tmp_path / 'store.db'}"
    with cl.Session(store=store) as acting:
        sim = acting.backend("sim", volume_driver="sim", path=str(path))
        sim.create_volume(1, "a").create_snapshot("s")
        if not at_work:
            sim.close()
        before = states(path)
        with cl.Session(store=store, read_only=True) as looking:
            there = looking.backend("sim")
            assert there.stats()["pools"]
            assert len(there.manageable_volumes()) == 1
            assert len(there.manageable_snapshots()) == 1
            assert [each.verdict for each in cl.inventory.findings(looking)] == ["ok", "ok"]
            with pytest.raises(errors.DriverError, match="readonly"), translate_errors("sim", "vanish"):
                there.driver.vanish("a")  # type: ignore[attr-defined] # it is the simulator's
        assert states(path) == before


def test_a_dump_is_written_to_regular_files_alone(tmp_path: Path, session: cl.Session, theirs: Path) -> None:
    """A link, a FIFO, a device or a folder in the place of a dump is refused, and left as it is; a file is replaced."""
    session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim")).create_volume(1)
    target = tmp_path / "dump.json"
    makes: tuple[Callable[[], object], ...] = (
        lambda: target.symlink_to(theirs),
        lambda: target.symlink_to("nowhere"),
        lambda: os.mkfifo(target),
        target.mkdir,
    )
    for make in makes:
        make()
        with pytest.raises(errors.InvalidInput, match="cannot be written: it is"):
            dump_file(target)
        if target.is_dir():
            target.rmdir()
        else:
            target.unlink()
    assert theirs.read_bytes() == b"theirs" * 1000
    with pytest.raises(errors.InvalidInput, match="no regular file"):
        dump_file("/dev/null")
    target.write_text("old", encoding="utf-8")
    target.chmod(0o644)
    assert dump_file(target, overwrite=True) == target.stat().st_size
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(errors.InvalidInput, match="cannot be read: it is no regular file"):
        load_file(tmp_path / "fifo")
