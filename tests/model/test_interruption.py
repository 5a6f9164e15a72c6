"""An interrupt of a built-in driver's act: one line that says what is left, and what mends it."""

from __future__ import annotations

import _thread
import pickle
import re
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook.concurrency import Future
from cl_notebook.drivers.local import driver as embedded
from cl_notebook.drivers.sim import driver as simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Interrupted:
    """The user's interrupt, which comes in the middle of the next call of a driver."""

    is_due = False

    @classmethod
    def comes(cls) -> None:
        """Send the signal if it is due."""
        if cls.is_due:
            cls.is_due = False
            signal.raise_signal(signal.SIGINT)


def _message(act: Callable[[], object]) -> str:
    Interrupted.is_due = True
    with pytest.raises(KeyboardInterrupt) as caught:
        act()
    assert isinstance(caught.value, cl.errors.Interrupted)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - made here
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_signal_that_comes_right_before_a_wait_is_noticed() -> None:
    """An interrupt whose signal wakes no wait, since it arrived before that began, ends a wait for a future all the same."""
    future: Future[None] = Future()
    before = signal.signal(signal.SIGUSR2, signal.default_int_handler)
    timer = threading.Timer(0.1, _thread.interrupt_main, [signal.SIGUSR2])  # marks the signal as received, and wakes no thread
    patience = threading.Timer(30, future.set_result, [None])
    try:
        timer.start()
        patience.start()
        with pytest.raises(KeyboardInterrupt):
            future.result()
        assert not future.done()
    finally:
        patience.cancel()
        signal.signal(signal.SIGUSR2, before)


def _mended(message: str, session: cl.Session) -> str:
    """Type the Python call that *message* gives, and return what it says."""
    [short] = re.findall(r"cl\.inventory\.repair\(cl\.find\('([0-9a-f]{8})'\)\)", message)
    assert f"%cl_scan repair {short}" in message
    resource = session.find(short)
    assert repr(resource.status) in message
    return cl.inventory.repair(resource)


@pytest.fixture
def lab(session: cl.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> cl.Backend:
    """Return a backend on a simulator that the user interrupts."""

    class Sim(simulator.SimDriver):
        @contextmanager
        def _call(self, *words: Any) -> Iterator[None]:
            Interrupted.comes()
            with super()._call(*words):
                yield

    monkeypatch.setattr(simulator, "SimDriver", Sim)
    return session.backend("lab", volume_driver="sim", path=str(tmp_path / "sim"))


def test_an_interrupt_says_what_is_left_and_what_mends_it(session: cl.Session, lab: cl.Backend) -> None:
    """After an interrupt of each kind of act the message names the resource, its status, and the call that mends it."""
    vol = lab.create_volume(size=1, name="db")
    snap = vol.create_snapshot(name="before")
    message = _message(lambda: lab.create_volume(size=1, name="cut"))
    assert message.startswith("create volume 'cut'")
    assert "not tracked any more" in _mended(message, session)
    assert session.find("cut", all=True) == []
    assert "1 GiB, as before" in _mended(_message(lambda: vol.extend(2)), session)
    assert "reverted" in _mended(_message(lambda: vol.revert(snap)), session)
    assert "not tracked any more" in _mended(_message(lambda: vol.clone(name="twin")), session)
    assert "not tracked any more" in _mended(_message(lambda: vol.create_snapshot(name="cut")), session)
    assert "finished" in _mended(_message(snap.delete), session)
    assert "finished" in _mended(_message(vol.delete), session)
    assert lab.volumes == []
    assert set(cl.frames.operations(status="interrupted")["action"]) == {"create", "extend", "revert", "delete"}


def test_an_interrupted_attachment_is_rolled_back_or_mended(session: cl.Session, lab: cl.Backend) -> None:
    """An interrupted attach leaves nothing, and says so; of an interrupted detach the connection is named, and mended."""
    vol = lab.create_volume(size=1, name="db")
    assert "nothing is left to mend" in _message(vol.attach)
    assert vol.connections == []
    vol.attach()
    assert "removed" in _mended(_message(vol.detach), session)
    assert vol.connections == []


def test_an_interrupt_of_any_other_act_is_one_line_too(session: cl.Session, lab: cl.Backend, tmp_path: Path) -> None:
    """Connecting, adopting, asking, scanning, opening and repairing several name what was interrupted, and how to continue."""
    vol = lab.create_volume(size=1, name="db")
    driver: Any = lab.driver
    driver.appear("stray", 1)
    assert "removed" in _mended(_message(lambda: vol.connect({"host": "web1"})), session)
    connection = vol.connect({"host": "web1"})
    assert "removed" in _mended(_message(connection.disconnect), session)
    assert "not tracked any more" in _message(lambda: lab.manage("stray"))
    assert session.find("stray", all=True) == []
    assert "cl.Backend('lab').stats() asks again" in _message(lambda: lab.stats(refresh=True))
    assert "Scanning backend 'lab'" in _message(lambda: cl.inventory.scan(session=session))
    lab.close()
    assert "it stays closed. cl.Backend('lab') opens it." in _message(lambda: session.backend("lab"))
    new = _message(lambda: session.backend("new", volume_driver="sim", path=str(tmp_path / "new")))
    assert "Opening backend 'new' was interrupted: it is not tracked" in new


def test_an_interrupted_copy_of_the_local_driver_is_mended(
    session: cl.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupt while the local driver clones names the new volume; the repair asks the storage, which does not have it."""

    class Local(embedded.LocalDriver):
        def create_cloned_volume(self, *words: Any, **named: Any) -> None:
            Interrupted.comes()
            super().create_cloned_volume(*words, **named)

    monkeypatch.setattr(embedded, "LocalDriver", Local)
    vol = session.backend("disks", volume_driver="local", path=str(tmp_path / "disks")).create_volume(size=1, name="db")
    assert "not tracked any more" in _mended(_message(lambda: vol.clone(name="twin")), session)
    assert [each.name for each in vol.backend.volumes] == ["db"]
