"""The child: it dies, hangs, is interrupted, outlives its kernel; nothing is lost by it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook import errors
from tests.drivers.cinder.conftest import FAKE, with_fake

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.drivers.cinder.conftest import MakeBackend
    from tests.drivers.conftest import AsNobody


def _eventually(holds: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def _is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False


def _interrupt_after(seconds: float) -> None:
    main = threading.main_thread().ident
    threading.Timer(seconds, signal.pthread_kill, (main, signal.SIGINT)).start()


def _status(volume: cl.Volume) -> str:
    volume.refresh()
    return volume.status


def _child(backend: cl.Backend) -> int:
    return int(backend.driver._child.pid)  # type: ignore[attr-defined] # a Cinder driver's


def test_a_crash_is_one_error_and_the_next_call_starts_anew(fake: cl.Backend) -> None:
    """A child that dies in a call is one clear error with its last log lines; the resource stays, and the next call works."""
    before = _child(fake)
    with pytest.raises(
        errors.DriverError, match=rf"the Cinder process {before} ended by SIGKILL\. The next call starts"
    ) as caught:
        fake.create_volume(1, "crash")
    assert "about to crash" in str(caught.value.__cause__)
    (volume,) = fake.volumes_filtered(volume_name="crash")
    assert volume.status == "error"
    assert fake.create_volume(1, "after").status == "available"
    assert _child(fake) != before
    volume.delete()


def test_a_crash_says_where_it_was(fake: cl.Backend) -> None:
    """A driver whose library crashes is an error with the place in the driver that the crash was in, and leaves no file."""
    fake.stats()
    file = fake.driver._child._crash_file  # type: ignore[attr-defined] # a Cinder driver's
    with pytest.raises(errors.DriverError, match="ended by SIGSEGV") as caught:
        fake.create_volume(1, "segfault")
    story = str(caught.value.__cause__)
    assert "Fatal Python error: Segmentation fault" in story
    assert "in _segfault" in story
    assert not file.exists()


def test_a_child_that_was_killed_between_calls_is_started_again(fake: cl.Backend) -> None:
    """A child that was killed while it did nothing is not missed: the next call works."""
    fake.stats()
    before = _child(fake)
    os.kill(before, signal.SIGKILL)
    assert _eventually(lambda: not _is_running(before))
    assert _eventually(lambda: not fake.driver._child.is_alive)  # type: ignore[attr-defined] # a Cinder driver's
    assert fake.create_volume(1, "after").status == "available"


def test_a_call_that_takes_too_long_names_the_way_out(make: MakeBackend, tmp_path: Path) -> None:
    """A call beyond ``call_timeout`` is an error that says how to wait longer and how to end it; closing with kill does."""
    backend = make("hasty", call_timeout=0.5, fake_path=str(tmp_path / "array"))
    pid = _child(backend)
    with pytest.raises(errors.DriverError, match=r"no answer within 0\.5 s.*call_timeout.*%cl_backend close NAME --kill"):
        backend.create_volume(1, "slow", metadata={"seconds": "600"})
    assert _is_running(pid)
    backend.close(kill=True)
    assert _eventually(lambda: not _is_running(pid))


def test_an_interrupt_is_answered_at_once_and_the_outcome_is_recorded(fake: cl.Backend) -> None:
    """An interrupt during a call raises at once, leaves the operation running, and the outcome is recorded when it comes."""
    history = cl.frames.operations  # pandas is loaded before anything is timed
    _interrupt_after(0.5)
    started = time.monotonic()
    with pytest.raises(errors.StillRunning, match="continues: the storage is not interrupted") as caught:
        fake.create_volume(1, "slow", metadata={"seconds": "4"})
    assert time.monotonic() - started < 2
    assert isinstance(caught.value, KeyboardInterrupt)
    (volume,) = fake.volumes_filtered(volume_name="slow")
    assert volume.status == "creating"
    assert history(fake.context, id=caught.value.operation)["status"].tolist() == ["running"]
    with pytest.raises(errors.InvalidStatus, match="'create' is being done by process"):
        volume.delete()
    assert _eventually(lambda: _status(volume) == "available")
    assert history(fake.context, id=caught.value.operation)["status"].tolist() == ["done"]


def test_the_child_ignores_interrupts(fake: cl.Backend) -> None:
    """An interrupt that reaches the child itself, as a terminal sends it to all, ends neither the child nor its call."""
    pid = _child(fake)
    threading.Timer(0.3, os.kill, (pid, signal.SIGINT)).start()
    assert fake.create_volume(1, "slow", metadata={"seconds": "1"}).status == "available"
    assert _child(fake) == pid


def test_a_session_that_is_closed_waits_for_what_goes_on(make: MakeBackend, tmp_path: Path) -> None:
    """Closing a session waits for the call that was interrupted, and its outcome is recorded."""
    store = tmp_path / "store.db"
    with cl.Session(store=store) as session:
        backend = make("fake", session)
        _interrupt_after(0.3)
        with pytest.raises(KeyboardInterrupt):
            backend.create_volume(1, "slow", metadata={"seconds": "2"})
    with cl.Session(store=store) as session:
        assert session.find("slow").status == "available"


def test_a_killed_kernel_leaves_the_call_to_its_child(python: str, array: Path, make: MakeBackend, tmp_path: Path) -> None:
    """A kernel killed in a call leaves its child to finish it; the next kernel finds the volume, and waits for its turn."""
    store = tmp_path / "store.db"
    code = f"""
import cl_notebook as cl
cl.setup(store={str(store)!r}, host="lab1")
backend = cl.Backend("fake", volume_driver={FAKE!r}, python={python!r}, fake_path={str(array)!r})
print(backend.driver._child.pid, flush=True)
backend.create_volume(1, "slow", metadata={{"seconds": "4"}})
"""
    kernel = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert kernel.stdout is not None
    child = int(kernel.stdout.readline())
    with cl.Session(store=store, host="lab1") as session:
        assert _eventually(lambda: bool(session.find("slow", all=True)))
        volume = session.find("slow")
        time.sleep(0.5)
        kernel.kill()
        kernel.wait()
        kernel.stdout.close()
        assert _is_running(child)
        assert volume.status == "creating"
        make("fake", session, fake_password=None)
        volume.delete()  # waits for the child of the killed kernel
        assert not (array / volume.name_in_storage).exists()
        assert _eventually(lambda: not _is_running(child))


def test_closing_ends_the_child(make: MakeBackend) -> None:
    """A closed backend has no process any more, and opens again by its name alone where no secret is needed."""
    backend = make("closing", fake_password=None)
    pid = _child(backend)
    backend.close()
    assert _eventually(lambda: not _is_running(pid))
    assert backend.create_volume(1, "again").status == "available"


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ("/nowhere/python", "cannot be started as a Python: No such file"),
        ("/bin/true", "cannot be started as a Python"),
        (sys.executable, r"has no Cinder\. Install it there: pip install 'cinder>=27'"),
    ],
)
def test_a_python_that_will_not_do_is_one_line(lab: cl.Session, python: str, words: str) -> None:
    """A Python that is none, or has no Cinder, is one line that says what to do."""
    with pytest.raises(errors.Error, match=words) as caught:
        lab.backend("none", volume_driver=FAKE, python=python, fake_path="/tmp/x")  # noqa: S108 - never made
    assert "\n" not in str(caught.value)


def test_an_unprivileged_user_needs_root_for_root_commands_alone(
    cinder_29: str, as_nobody: AsNobody, nobodys_folder: Path
) -> None:
    """A user who is not root opens and uses a driver that needs no root; one that does says what root_helper said."""
    python = with_fake(cinder_29, nobodys_folder)
    code = f"""
import os
os.environ["CL_NOTEBOOK_DATA"] = {str(nobodys_folder / "data")!r}
import cl_notebook as cl
cl.setup(store="memory", root_helper="/bin/false --as-root")
fake = cl.Backend("fake", volume_driver={FAKE!r}, python={python!r}, fake_path={str(nobodys_folder / "array")!r})
print(fake.create_volume(1, "db").status)
try:
    cl.Backend("lvm", volume_driver="cinder.volume.drivers.lvm.LVMVolumeDriver", python={python!r}, volume_group="vg")
except cl.errors.DriverError as error:
    print(error)
"""
    done = as_nobody("-c", code)
    lines = done.stdout.splitlines()
    assert lines[:1] == ["available"], done.stderr
    assert "/bin/false --as-root" in lines[1]


def test_only_drivers_are_imported(lab: cl.Session, python: str) -> None:
    """A path that is no driver of Cinder's, or names nothing there, is NotFound."""
    for path in (
        "cinder.volume.drivers.rbd.Nothing",
        "cinder.volume.drivers.nothing.Nothing",
        "cinder.volume.drivers.rbd.RBDVolumeProxy",
    ):
        with pytest.raises(errors.NotFound, match="has no driver"):
            lab.backend("none", volume_driver=path, python=python)
    with pytest.raises(errors.NotFound, match="nothing else is imported"):
        lab.backend("none", volume_driver="cinder.utils.execute", python=python)


@pytest.mark.parametrize("name", ["circular", "unspeakable", "wordless"])
def test_every_failure_is_answered(fake: cl.Backend, name: str) -> None:
    """A driver's error that leads back to itself, cannot be encoded or has no words is an answer, and not endless waiting."""
    with pytest.raises(errors.DriverError, match="create_volume failed"):
        fake.create_volume(1, name)


@pytest.mark.parametrize("name", ["half", "lazy"])
def test_a_refusal_half_way_through_leaves_the_resource_tracked(fake: cl.Backend, array: Path, name: str) -> None:
    """A driver that finds only half way through that it cannot do something leaves a volume that is tracked."""
    with pytest.raises(errors.NotSupported):
        fake.create_volume(1, name)
    (volume,) = fake.volumes_filtered(volume_name=name)
    assert volume.status == "error"
    assert (array / volume.name_in_storage).exists()
    volume.delete()
    assert not (array / volume.name_in_storage).exists()


def test_a_fork_has_a_child_of_its_own(python: str, tmp_path: Path) -> None:
    """A forked kernel neither speaks to the first one's child nor ends it: a call there starts another."""
    code = f"""
import os
import cl_notebook as cl
cl.setup(store={str(tmp_path / "store.db")!r})
backend = cl.Backend("fake", volume_driver={FAKE!r}, python={python!r}, fake_path={str(tmp_path / "array")!r})
driver = backend.driver
print(driver._child.pid, flush=True)
if not os.fork():
    driver.get_volume_stats()
    print(driver._child.pid, flush=True)
    driver.close()
    os._exit(0)
os.wait()
print(backend.create_volume(1, "after").status, driver._child.pid)
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    first, second, status, last = done.stdout.split()
    assert status == "available"
    assert first == last != second


def test_a_driver_that_is_closed_in_a_call_still_answers(make: MakeBackend, tmp_path: Path) -> None:
    """A driver that is closed while a call runs finishes it, its outcome is kept, and then its child ends."""
    backend = make("leaving", fake_path=str(tmp_path / "array"))
    pid, made = _child(backend), []
    thread = threading.Thread(target=lambda: made.append(backend.create_volume(1, "slow", metadata={"seconds": "1"})))
    thread.start()
    assert _eventually(lambda: bool(backend.driver._child._waiting))  # type: ignore[attr-defined] # a Cinder driver's
    backend.close()
    thread.join()
    assert made[0].status == "available"
    assert _eventually(lambda: not _is_running(pid))


def test_a_set_up_that_hangs_is_ended_by_kill(make: MakeBackend, tmp_path: Path) -> None:
    """A driver whose set-up hangs when its child is started again is ended by kill, and the call fails with nothing changed."""
    backend = make("stuck", fake_path=str(tmp_path / "array"))
    os.kill(_child(backend), signal.SIGKILL)
    assert _eventually(lambda: not backend.driver._child.is_alive)  # type: ignore[attr-defined] # a Cinder driver's
    (tmp_path / "array" / "hang").touch()
    failed: list[BaseException] = []

    def call() -> None:
        try:
            backend.create_volume(1, "never")
        except errors.DriverError as error:
            failed.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    assert _eventually(lambda: backend.driver._starting is not None)  # type: ignore[attr-defined] # a Cinder driver's
    time.sleep(3)
    backend.close(kill=True)
    thread.join(10)
    assert [type(error) for error in failed] == [errors.DriverError]
    assert backend.volumes_filtered(volume_name="never") == []


def test_nothing_is_left_of_closed_children(python: str, tmp_path: Path) -> None:
    """Children that were opened and closed leave no descriptor and no thread."""
    code = f"""
import gc, threading, time
from pathlib import Path
import cl_notebook as cl

def held():
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

def opened_and_closed():
    cl.Backend("often", volume_driver={FAKE!r}, python={python!r}, fake_path={str(tmp_path / "array")!r}).close()
    while any("wait" in thread.name for thread in threading.enumerate()):
        time.sleep(0.05)
    time.sleep(0.5)
    return held()

cl.setup(store="memory")
first = opened_and_closed()
print([one <= other for one, other in zip([opened_and_closed() for _ in range(3)][-1], first)])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "[True, True]\n", done.stderr


def test_the_notebooks_folder_is_not_imported_from(make: MakeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the kernel's folder that is called as a library of Cinder's is not run in the child."""
    (tmp_path / "cinder.py").write_text("raise SystemExit", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert make("elsewhere", fake_path=str(tmp_path / "array")).create_volume(1, "plain").status == "available"
