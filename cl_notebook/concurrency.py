"""Locks, events, futures and threads that also work after ``eventlet.monkey_patch()``.

eventlet's replacements of ``threading`` work among the green threads of one native thread. A green lock or condition that is
shared with another native thread (``eventlet.tpool``, or the reader of a Cinder child process) is never handed over to it; a
native one blocks all green threads of its native thread. The objects of this module are native inside, and yield to other green
threads while they wait. Without eventlet's monkey patching they are those of ``threading``.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import importlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

R = TypeVar("R")

STEP = 0.002
"""Seconds between two checks of a lock or an event by a green thread that waits for it."""

SIGNALS_CHECKED = 1.0
"""Seconds after which a wait for a future is begun anew.

CPython notices a signal that arrives right before a lock is waited for, such as that of Ctrl-C, at the end of that wait only.
"""


def is_green() -> bool:
    """Return whether eventlet has replaced this process's threads by green ones."""
    patcher = sys.modules.get("eventlet.patcher")
    return patcher is not None and bool(patcher.is_monkey_patched("thread"))


def native(module: str) -> Any:  # noqa: ANN401 - a module
    """Return a module of the standard library without eventlet's patches."""
    if is_green():
        return sys.modules["eventlet.patcher"].original(module)
    return importlib.import_module(module)


def lock() -> threading.Lock:
    """Return a new lock."""
    return cast("threading.Lock", _Lock()) if is_green() else threading.Lock()


def reentrant_lock() -> threading.RLock:
    """Return a new lock that its holder may acquire again."""
    return cast("threading.RLock", _ReentrantLock()) if is_green() else threading.RLock()


def event() -> threading.Event:
    """Return a new event."""
    return cast("threading.Event", _Event()) if is_green() else threading.Event()


def daemon(work: Callable[[], object], name: str) -> threading.Thread:
    """Return a new native daemon thread that calls *work*; it is not started yet."""
    thread: threading.Thread = native("threading").Thread(target=work, name=name, daemon=True)
    return thread


class Future(concurrent.futures.Future[R]):
    """A future whose result another thread sets, native or green."""

    def __init__(self) -> None:
        """Create a future without a result."""
        super().__init__()
        self._is_shared = is_green()
        if self._is_shared:
            self._condition = native("threading").Condition()

    def result(self, timeout: float | None = None) -> R:
        """Wait for the result and return it, or raise the exception.

        Raises:
            TimeoutError: *timeout* seconds have passed.

        """
        __tracebackhide__ = True
        return super().result(self._waited(timeout))

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the outcome, and return the exception, or None for a result.

        Raises:
            TimeoutError: *timeout* seconds have passed.

        """
        return super().exception(self._waited(timeout))

    def _waited(self, timeout: float | None) -> float | None:
        if self._is_shared:
            _wait(self.done, timeout)
            return 0
        while timeout is None and not self.done():
            with contextlib.suppress(TimeoutError):
                super().exception(SIGNALS_CHECKED)
        return timeout


class RepeatingThread:
    """A native daemon thread that calls a function repeatedly: it can be started, woken early, and stopped.

    The thread ends as soon as it is not needed any more; :meth:`start` then starts a new one.
    """

    def __init__(self, name: str, work: Callable[[], float], is_needed: Callable[[], bool]) -> None:
        """Name the thread *name*; *work* is called repeatedly, and returns the seconds to wait before the next call.

        ``is_needed`` is called before every call of *work*, under the lock that :meth:`start` takes, so that no start is lost.
        """
        self._name = name
        self._work = work
        self._is_needed = is_needed
        self._lock = lock()
        self._thread: threading.Thread | None = None
        self._stopped = event()
        self._woken = event()

    def start(self, delay: float = 0.0) -> None:
        """Start the thread unless it runs; the first call is *delay* seconds later."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():  # in a forked child the parent's thread does not run
                return
            stopped, woken = self._stopped, self._woken = event(), event()  # a stopped thread may still be in its last call
            self._thread = daemon(lambda: self._run(stopped, woken, delay), self._name)
            self._thread.start()

    def wake(self) -> None:
        """Let the next call begin now."""
        self._woken.set()

    def stop(self, timeout: float = 0.0) -> None:
        """Let the thread end after the present call; wait for that at most *timeout* seconds."""
        with self._lock:
            self._stopped.set()
            self._woken.set()
            thread, self._thread = self._thread, None
        if timeout and thread is not None and thread.is_alive() and thread.ident != native("threading").get_ident():
            thread.join(timeout)

    def _run(self, stopped: threading.Event, woken: threading.Event, delay: float) -> None:
        if delay:
            woken.wait(delay)
        while True:
            woken.clear()  # before the look at stopped, which is set before woken: a stop is never slept through
            with self._lock:
                if stopped.is_set():
                    return
                if not self._is_needed():
                    self._thread = None
                    return
            woken.wait(self._work())


class _Lock:
    def __init__(self) -> None:
        self._lock = native("threading").Lock()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 - as threading has it
        if not blocking:
            return bool(self._lock.acquire(blocking=False))
        return _wait(lambda: self._lock.acquire(blocking=False), None if timeout < 0 else timeout)

    def release(self) -> None:
        self._lock.release()

    def locked(self) -> bool:
        return bool(self._lock.locked())

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()


class _ReentrantLock(_Lock):
    def __init__(self) -> None:
        super().__init__()
        self._holder: object = None
        self._depth = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 - as above
        caller = _green_thread()
        if self._holder is caller or super().acquire(blocking, timeout):
            self._holder = caller
            self._depth += 1
            return True
        return False

    def release(self) -> None:
        if self._holder is not _green_thread():
            msg = "A lock can be released by its holder only."
            raise RuntimeError(msg)
        self._depth -= 1
        if not self._depth:
            self._holder = None
            super().release()


class _Event:
    def __init__(self) -> None:
        self._is_set = False

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True

    def clear(self) -> None:
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        return _wait(self.is_set, timeout)


def _wait(is_over: Callable[[], bool], timeout: float | None) -> bool:
    end = None if timeout is None else time.monotonic() + timeout
    while not is_over():
        if end is not None and time.monotonic() >= end:
            return False
        sys.modules["eventlet"].sleep(STEP)
    return True


def _green_thread() -> object:
    holder: object = sys.modules["eventlet"].getcurrent()  # in a native thread its main greenlet
    return holder
