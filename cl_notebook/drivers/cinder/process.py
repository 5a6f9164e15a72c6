"""A Python process that has Cinder: started by execnet, asked over a channel of plain data, and never interrupted in a call."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import re
import shlex
import signal
import time
import traceback
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import InvalidStateError
from concurrent.futures import TimeoutError as Late
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook import concurrency, errors
from cl_notebook.concurrency import Future
from cl_notebook.drivers.cinder import errors as failures
from cl_notebook.drivers.cinder.log import Log, format_line
from cl_notebook.drivers.errors import operation

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGE = "cl_notebook_worker"
_SHARED = "cl_notebook.masking"
"""What the child has of ours beside the worker: how secrets are recognised."""
_PACKAGES = (_PACKAGE, "cl_notebook")

BOOTSTRAP = f"""
import importlib.abc, importlib.util, sys

class Sent(importlib.abc.Loader, importlib.abc.MetaPathFinder):
    def __init__(self, sources):
        self.sources = sources
    def find_spec(self, name, path=None, target=None):
        if name in self.sources:
            return importlib.util.spec_from_loader(name, self, is_package=name in {_PACKAGES!r})
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        exec(compile(self.sources[module.__name__], module.__name__, "exec"), module.__dict__)
    def get_source(self, name):
        return self.sources[name]

sys.path[:] = [path for path in sys.path if path]  # what lies in the notebook's folder is none of Cinder's
sys.meta_path.insert(0, Sent(channel.receive()))
from {_PACKAGE} import main
main.serve(channel)
"""
"""What the child runs first: it takes :func:`sources` from the channel, and serves."""


def sources() -> dict[str, str]:
    """Return the sources of the worker's modules, by the names that they have in the child."""
    folder = resources.files("cl_notebook.drivers.cinder") / "worker"
    found = {"cl_notebook": "", _SHARED: resources.files("cl_notebook").joinpath("masking.py").read_text(encoding="utf-8")}
    for file in folder.iterdir():
        stem, dot, ending = file.name.partition(".")
        if dot and ending == "py":
            name = _PACKAGE if stem == "__init__" else f"{_PACKAGE}.{stem}"
            found[name] = file.read_text(encoding="utf-8")
    return found


Answer = Callable[[str, Mapping[str, Any]], Any]
"""Gives the rows that a driver looks up: called with what is asked for, and the words that go with it."""

LINES = 20
"""Lines of the log that go with an error."""

CRASH_LINES = 15
"""Lines that are kept of where a child was when it crashed."""

_STARTING = 60.0
_LEAVING = 2.0
_NUMBERS = itertools.count(1)
"""Of requests to all children: the lines of one log may come from several, one after another."""

_REMEMBERED = 1000
"""Requests whose operation is known for lines of the log that come late."""


class WorkerProcess:
    """One child. Calls may come from any thread; each waits for its own answer."""

    def __init__(self, python: str, log: Log | None = None) -> None:
        """Start *python* and send it the worker.

        Raises:
            errors.InvalidInput: *python* is no Python that can be started.

        """
        self.python = python
        self.log = log or Log()
        self.answer: Answer | None = None
        self.pid = 0
        self._waiting: dict[int, Future[Any]] = {}
        self._operations: dict[int, int | None] = {}
        self._lock = concurrency.lock()
        self._ready: Future[int] = Future()
        self._is_over = False
        self._crash_file: Path | None = None
        self._asked = concurrency.native("queue").SimpleQueue()
        try:
            self._group, self._channel = _started(python)
            self._wait_until_ready()
        except (OSError, EOFError, Late, errors.DriverError) as error:
            msg = f"python={python!r} cannot be started as a Python: {errors.one_line(error)}."
            raise errors.InvalidInput(msg) from error

    def _wait_until_ready(self) -> None:
        _CHILDREN.add(self)
        try:
            self._channel.setcallback(self._receive, endmarker=None)
            self.pid = self._ready.result(_STARTING)
            concurrency.daemon(self._answer_questions, "cinder-records").start()
        except BaseException:  # an interrupt as well
            self.kill()
            raise

    @property
    def is_alive(self) -> bool:
        """Whether it can still be asked."""
        return not self._is_over

    def ask(
        self,
        do: str,
        what: str,
        timeout: float | None = None,
        failed: Callable[[Mapping[str, Any]], None] = lambda _told: None,
        **words: Any,  # noqa: ANN401 - plain data
    ) -> Any:  # noqa: ANN401 - plain data
        """Send the request *do*, and return the answer; *what* is being done stands in front of an error.

        *failed* is given what the child says of its failure before that is raised.

        Raises:
            errors.DriverError: the driver failed, the child died, or did not answer within *timeout* seconds.

        """
        __tracebackhide__ = True
        number = next(_NUMBERS)
        future: Future[Any] = Future()
        with self._lock:
            if self._is_over:
                raise errors.DriverError(self._died(what))
            self._waiting[number] = future
            self._operations[number] = operation.get()
            if len(self._operations) > _REMEMBERED:
                del self._operations[next(iter(self._operations))]
        try:
            self._channel.send({"id": number, "do": do, **words})
            told = future.result(timeout)
        except Late:
            raise errors.DriverError(_late(what, timeout, self.pid)) from None
        except OSError as error:
            raise errors.DriverError(self._died(what)) from error
        except _GoneError:
            raise errors.DriverError(self._died(what)) from _lines(self.log, number)
        finally:
            self._no_longer(number)
        if "error" in told:
            failed(told["error"])
            raise failures.raised(told["error"], what, self.python, self.log.of_call(number, LINES))
        return told["ok"]

    def close(self, *, at_once: bool = False) -> None:
        """Let the child finish what it does, and end; *at_once* ends it whatever it does.

        Whoever waits for an answer still gets it: with the last one the child is let go of.
        """
        with self._lock:
            self._is_over = True
            is_awaited = bool(self._waiting)
        if at_once or not is_awaited:
            self._end(at_once=at_once)

    def _no_longer(self, number: int) -> None:
        with self._lock:
            self._waiting.pop(number, None)
            is_last = self._is_over and not self._waiting
        if is_last:
            self._end()

    def _end(self, *, at_once: bool = False) -> None:
        process = self._process()
        if at_once:
            process.kill()
        with contextlib.suppress(OSError):
            self._channel.close()
        self._asked.put(None)
        with contextlib.suppress(OSError):
            process.stdin.close()  # the end of the channel: whatever it does is finished first
        self._bury()

    def kill(self) -> None:
        """End the child whatever it does: the way out of a driver that hangs."""
        self.close(at_once=True)
        self._let_go()

    def _process(self) -> Any:  # noqa: ANN401 - subprocess.Popen
        return _process_of(self._channel.gateway)

    def _receive(self, message: Any) -> None:  # noqa: ANN401 - plain data
        if message is None:
            self._let_go()
        elif "log" in message:
            self.log.add(message["log"], self._operations.get(message["log"]["call"]))
        elif "ask" in message:
            self._asked.put(message)
        elif "ready" in message:
            self._crash_file = Path(message["crash"])
            self._ready.set_result(message["ready"])
        else:
            future = self._waiting.get(message["id"])
            if future is not None:
                with contextlib.suppress(InvalidStateError):
                    future.set_result(message)

    def _answer_questions(self) -> None:
        while (message := self._asked.get()) is not None:
            self._give(message)

    def _give(self, message: dict[str, Any]) -> None:
        told: dict[str, Any] = {"answer": message["ask"]}
        try:
            self._channel.send({**told, "rows": self.answer(message["what"], message) if self.answer is not None else []})
        except OSError:
            return
        except Exception as error:  # noqa: BLE001 - a driver that took an error for no rows would do what it must not
            with contextlib.suppress(OSError):
                self._channel.send({**told, "error": errors.one_line(error)})

    def _forget(self) -> None:
        """Let go of the child in a forked process: it is the first one's, whose answers would be taken for others' here."""
        self._is_over, self._crash_file = True, None
        self._lock = concurrency.lock()
        process = self._process()
        nothing = os.open(os.devnull, os.O_RDWR)
        for pipe in (process.stdin, process.stdout):
            if not pipe.closed:
                os.dup2(nothing, pipe.fileno(), inheritable=False)
        os.close(nothing)

    def _note_crash(self) -> None:
        """Take over what Python wrote of where the child was when it crashed."""
        file, self._crash_file = self._crash_file, None
        if file is None:
            return
        with contextlib.suppress(OSError):
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines()[:CRASH_LINES]:
                self.log.add({"at": time.time(), "level": "CRASH", "logger": "python", "text": line, "call": 0}, None)
            file.unlink()

    def _let_go(self) -> None:
        self._note_crash()
        with self._lock:
            self._is_over = True
            waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            with contextlib.suppress(InvalidStateError):
                future.set_exception(_GoneError())
        if not self._ready.done():
            self._ready.set_exception(errors.DriverError("it ended before it was ready"))
        self._bury()

    def _bury(self) -> None:
        # so that no zombie stays; it may take as long as the call that the child is still in
        concurrency.daemon(self._process().wait, "cinder-end").start()

    def _died(self, what: str) -> str:
        process = self._process()
        try:
            code = process.wait(_LEAVING)
        except Exception:  # noqa: BLE001 - it closed the channel and lives on: subprocess's error is not worth an import
            code = None
        how = "is gone" if code is None else f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        return (
            f"{what} failed: the Cinder process {self.pid} {how}. The next call starts a new one; %cl_log shows its last lines."
        )


class _GoneError(Exception):
    """The child ended while its answer was awaited."""


def _lines(log: Log, number: int) -> failures.RemoteError:
    lines = "\n".join(format_line(line) for line in log.of_call(number, LINES))
    return failures.RemoteError(f"\n\nLast lines of the driver's log:\n{lines}" if lines else "\nThe driver logged nothing.")


def _late(what: str, timeout: float | None, pid: int) -> str:
    return (
        f"{what} gave no answer within {timeout:g} s; the Cinder process {pid} still works on it. "
        "Wait longer: option call_timeout. End it: %cl_backend close NAME --kill, then look at what it left."
    )


def _process_of(gateway: Any) -> Any:  # noqa: ANN401 - execnet's gateway, subprocess.Popen
    return gateway._io.popen  # noqa: SLF001 - execnet hands it out nowhere else


def _started(python: str) -> tuple[Any, Any]:
    import execnet  # noqa: PLC0415 - only who uses a Cinder driver pays for it

    group = execnet.Group(execmodel=_native_threads())
    # At exit execnet kills after a second what does not end. A storage call ends when it is done: the child sees to it.
    atexit.unregister(group._cleanup_atexit)  # noqa: SLF001 - there is no other way to say so
    command = shlex.quote(re.sub("/{2,}", "/", python))  # two of them end a word of execnet's
    spec = f"popen//python={command}//execmodel=main_thread_only//env:PYTHONWARNINGS=ignore"
    try:
        with _no_interrupts():
            gateway = group.makegateway(spec)  # signals are a matter of the main thread
        channel = gateway.remote_exec(BOOTSTRAP)
        channel.send(sources())
    except BaseException as error:
        _end_what_was_started(error)
        raise
    return group, channel


def _native_threads() -> Any:  # noqa: ANN401 - execnet's ExecModel
    """Return how execnet runs here: with a native thread that reads, whatever eventlet made of ``threading``.

    A green one would stop whenever the native thread that started the child stops, and two green threads cannot write at once.
    """
    from execnet import gateway_base  # noqa: PLC0415 - as above

    class NativeThreads(gateway_base.ThreadExecModel):
        @property
        def queue(self) -> Any:  # noqa: ANN401 - a module
            return concurrency.native("queue")

        @property
        def subprocess(self) -> Any:  # noqa: ANN401 - a module
            return concurrency.native("subprocess")

        def start(self, func: Callable[..., object], args: tuple[Any, ...] = ()) -> None:
            concurrency.native("_thread").start_new_thread(func, args)

        def get_ident(self) -> int:
            return int(concurrency.native("_thread").get_ident())

        def Lock(self) -> Any:  # noqa: N802, ANN401 - execnet's name
            return concurrency.native("threading").RLock()

        def RLock(self) -> Any:  # noqa: N802, ANN401 - execnet's name
            return concurrency.native("threading").RLock()

        def Event(self) -> Any:  # noqa: N802, ANN401 - execnet's name
            return concurrency.native("threading").Event()

    return NativeThreads()


def _end_what_was_started(error: BaseException) -> None:
    # execnet leaves a process that it cannot speak to as it is, and only where it was raised is that process known
    for frame, _line in traceback.walk_tb(error.__traceback__):
        names = ("io", "gateway")
        for io in (getattr(frame.f_locals.get(name), "_io", frame.f_locals.get(name)) for name in names):
            process = getattr(io, "popen", None)
            if process is not None:
                process.kill()
                process.wait()
                for pipe in (process.stdin, process.stdout):
                    with contextlib.suppress(OSError):
                        pipe.close()


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    # what is started in the block inherits the mask: not even while it starts can an interrupt end it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_CHILDREN: weakref.WeakSet[WorkerProcess] = weakref.WeakSet()


def _forget_all() -> None:
    for child in list(_CHILDREN):
        child._forget()  # noqa: SLF001 - it is this module's


os.register_at_fork(after_in_child=_forget_all)
