"""A repeating thread calls its function until it is stopped or not needed any more, and a start is never lost."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from cl_notebook.concurrency import RepeatingThread

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "repeating-thread-under-test"
LONG = 600.0
"""Seconds that no test waits for."""
SOON = 10.0
"""Seconds within which something has to happen."""


def _alive() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == NAME]


def _wait_for_end() -> None:
    for thread in _alive():
        thread.join(SOON)
    assert _alive() == []


class _Work:
    """A function that counts its calls, and lets the test wait for the next one."""

    def __init__(self) -> None:
        self.calls = threading.Semaphore(0)
        self.is_needed = True
        self.error: Exception | None = None
        self.thread = RepeatingThread(NAME, self.run, lambda: self.is_needed)

    def run(self) -> float:
        self.calls.release()
        if self.error is not None:
            raise self.error
        return LONG

    def was_called(self, timeout: float = SOON) -> bool:
        return self.calls.acquire(timeout=timeout)


@pytest.fixture
def work() -> Iterator[_Work]:
    """Give a function with its thread, which is not started yet."""
    work = _Work()
    yield work
    work.thread.stop(SOON)
    assert _alive() == []


def test_the_first_call_is_at_once_and_each_wake_is_another(work: _Work) -> None:
    """Without a delay the function is called at once, then it waits as long as it asked for, unless it is woken."""
    work.thread.start()
    assert work.was_called()
    assert not work.was_called(0.1)
    for _ in range(3):
        work.thread.wake()
        assert work.was_called()


def test_a_wake_ends_the_delay_of_the_start(work: _Work) -> None:
    """The first call comes after the delay, or when the thread is woken."""
    work.thread.start(LONG)
    assert not work.was_called(0.1)
    work.thread.wake()
    assert work.was_called()


def test_a_second_start_makes_no_second_thread(work: _Work) -> None:
    """A thread that runs goes on, and is neither doubled nor woken by another start."""
    work.thread.start(LONG)
    work.thread.start()
    assert len(_alive()) == 1
    assert not work.was_called(0.1)


@pytest.mark.parametrize("delay", [0.0, LONG])
def test_a_stop_right_after_the_start_is_not_slept_through(work: _Work, delay: float) -> None:
    """The thread ends at once, wherever the stop meets it: before its first look, in the delay, in a call or in the wait."""
    for _ in range(50):
        before = time.monotonic()
        work.thread.start(delay)
        work.thread.stop(SOON)
        assert time.monotonic() - before < SOON
        assert _alive() == []
    assert delay == 0 or not work.was_called(0)


def test_a_stopped_thread_can_be_started_again(work: _Work) -> None:
    """A start after a stop makes a new thread."""
    work.thread.start()
    assert work.was_called()
    work.thread.stop(SOON)
    work.thread.start()
    assert work.was_called()


def test_the_function_may_stop_its_own_thread(work: _Work) -> None:
    """A stop from inside the function does not wait for the function itself."""

    def stop_and_run() -> float:
        thread.stop(SOON)
        return work.run()

    thread = RepeatingThread(NAME, stop_and_run, lambda: True)
    before = time.monotonic()
    thread.start()
    assert work.was_called()
    _wait_for_end()
    assert time.monotonic() - before < SOON


def test_it_ends_when_it_is_not_needed_and_starts_again(work: _Work) -> None:
    """The thread looks before each call whether it is needed; once it is not, a start makes a new one."""
    work.thread.start()
    assert work.was_called()
    work.is_needed = False
    work.thread.wake()
    _wait_for_end()
    assert not work.was_called(0)
    work.is_needed = True
    work.thread.start()
    assert work.was_called()


def test_an_error_of_the_function_ends_the_thread_and_not_the_next_start(work: _Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception goes to ``threading.excepthook``, as in any thread; a start makes a new thread then."""
    raised: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    work.error = ValueError("broken")
    work.thread.start()
    assert work.was_called()
    _wait_for_end()
    assert [args.exc_value for args in raised] == [work.error]
    work.error = None
    work.thread.start()
    assert work.was_called()
