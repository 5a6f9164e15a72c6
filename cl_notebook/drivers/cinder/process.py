"""The child process: a Python with Cinder, started by execnet, that answers requests over a channel of plain data."""

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
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook import concurrency, errors
from cl_notebook.concurrency import Future
from cl_notebook.drivers.cinder.errors import RemoteError, translate_failure
from cl_notebook.drivers.cinder.log import Log, format_line
from cl_notebook.drivers.errors import operation

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGE = "cl_notebook_worker"
_SHARED = "cl_notebook.masking"
"""The one module of this package that the child gets besides the worker: it recognises secrets."""
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

sys.path[:] = [path for path in sys.path if path]  # Cinder must import nothing from the notebook's folder
sys.meta_path.insert(0, Sent(channel.receive()))
from {_PACKAGE} import main
main.serve(channel)
"""
"""Code that the child runs first: it receives :func:`sources` over the channel, imports the worker from them, and serves."""

Answer = Callable[[str, Mapping[str, Any]], Any]
"""Returns the rows that a driver reads, as plain data: called with their kind (``volumes``…) and the parameters."""

ERROR_LOG_LINES = 20
"""Lines of the log that are attached to an error."""

CRASH_LINES = 15
"""Lines of Python's crash report that are added to the log."""

START_TIMEOUT = 60.0
"""Seconds that a child may take to start."""

_EXIT_WAIT = 2.0
"""Seconds to wait for the exit status of a child whose channel is closed."""

_REQUEST_NUMBERS = itertools.count(1)
"""Shared by all children, since the lines of several may be in one log, one child after another."""

_WORKERS: weakref.WeakSet[WorkerProcess] = weakref.WeakSet()
"""The children of this process, for a fork to disconnect from."""

_WAITING: dict[str, Any] = {}
"""Processes that were started before this package was imported (:func:`adopt_process`), by their Python."""

_MAX_OPERATIONS = 1000
"""Requests whose operation is remembered, for log lines that arrive late."""


def sources() -> dict[str, str]:
    """Return the source of each of the worker's modules by the name that it has in the child."""
    folder = resources.files("cl_notebook.drivers.cinder") / "worker"
    result = {"cl_notebook": "", _SHARED: resources.files("cl_notebook").joinpath("masking.py").read_text(encoding="utf-8")}
    for file in folder.iterdir():
        stem, dot, ending = file.name.partition(".")
        if dot and ending == "py":
            name = _PACKAGE if stem == "__init__" else f"{_PACKAGE}.{stem}"
            result[name] = file.read_text(encoding="utf-8")
    return result


class WorkerProcess:
    """A child process. Threads may send requests concurrently; each waits for its own reply."""

    def __init__(self, python: str, log: Log | None = None) -> None:
        """Start *python* and send it the worker.

        Raises:
            errors.InvalidInput: *python* cannot be started as a Python.

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
        self._questions = concurrency.native("queue").SimpleQueue()
        try:
            self._group, self._channel = _start(python)
            self._wait_until_ready()
        except (OSError, EOFError, errors.DriverError) as error:
            msg = f"python={python!r} cannot be started as a Python: {errors.one_line(error)}."
            raise errors.InvalidInput(msg) from error

    def _wait_until_ready(self) -> None:
        _WORKERS.add(self)
        try:
            self._channel.setcallback(self._receive, endmarker=None)
            self.pid = self._ready.result(START_TIMEOUT)
            concurrency.daemon(self._answer_questions, "cinder-records").start()
        except BaseException:  # an interrupt as well
            self.kill()
            raise

    @property
    def is_alive(self) -> bool:
        """Whether the child still accepts requests."""
        return not self._is_over

    def ask(
        self,
        do: str,
        what: str,
        timeout: float | None = None,
        on_failure: Callable[[Mapping[str, Any]], None] = lambda _failure: None,
        **params: Any,  # noqa: ANN401 - plain data
    ) -> Any:  # noqa: ANN401 - plain data
        """Send a request and return the value of its reply.

        Args:
            do: the request, such as ``call``.
            what: what is being done, for the start of an error message.
            timeout: seconds to wait for the reply; None waits for ever.
            on_failure: called with the child's description of a failure before that is raised.
            params: the parameters of the request, plain data.

        Raises:
            errors.DriverError: the driver failed, the child ended, or it did not reply in time.

        """
        __tracebackhide__ = True
        number = next(_REQUEST_NUMBERS)
        future: Future[Any] = Future()
        with self._lock:
            if self._is_over:
                raise errors.DriverError(self._exit_message(what))
            self._waiting[number] = future
            self._operations[number] = operation.get()
            if len(self._operations) > _MAX_OPERATIONS:
                del self._operations[next(iter(self._operations))]
        try:
            self._channel.send({"id": number, "do": do, **params})
            reply = future.result(timeout)
        except TimeoutError:
            raise errors.DriverError(_timeout_message(what, timeout, self.pid)) from None
        except OSError as error:
            raise errors.DriverError(self._exit_message(what)) from error
        except _GoneError:
            raise errors.DriverError(self._exit_message(what)) from _log_tail(self.log, number)
        finally:
            self._discard_request(number)
        if "error" in reply:
            on_failure(reply["error"])
            raise translate_failure(reply["error"], what, self.python, self.log.of_call(number, ERROR_LOG_LINES))
        return reply["ok"]

    def close(self, *, at_once: bool = False) -> None:
        """End the child once its running calls have replied; *at_once* kills it.

        Does not wait: the last reply closes the channel.
        """
        with self._lock:
            self._is_over = True
            is_awaited = bool(self._waiting)
        if at_once or not is_awaited:
            self._end(at_once=at_once)

    def _discard_request(self, number: int) -> None:
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
        self._questions.put(None)
        with contextlib.suppress(OSError):
            process.stdin.close()  # the child sees the end of its input, finishes its calls and ends
        self._reap()

    def kill(self) -> None:
        """Kill the child at once, whatever it does: the way out of a driver that hangs."""
        self.close(at_once=True)
        self._release()

    def _process(self) -> Any:  # noqa: ANN401 - subprocess.Popen
        return _popen_of(self._channel.gateway)

    def _receive(self, message: Any) -> None:  # noqa: ANN401 - plain data
        if message is None:
            self._release()
        elif "log" in message:
            self.log.add(message["log"], self._operations.get(message["log"]["call"]))
        elif "ask" in message:
            self._questions.put(message)
        elif "ready" in message:
            self._crash_file = Path(message["crash"])
            self._ready.set_result(message["ready"])
        else:
            future = self._waiting.get(message["id"])
            if future is not None:
                with contextlib.suppress(InvalidStateError):
                    future.set_result(message)

    def _answer_questions(self) -> None:
        while (message := self._questions.get()) is not None:
            self._send_answer(message)

    def _send_answer(self, message: dict[str, Any]) -> None:
        answer: dict[str, Any] = {"answer": message["ask"]}
        try:
            self._channel.send({**answer, "rows": self.answer(message["what"], message) if self.answer is not None else []})
        except OSError:
            return
        except Exception as error:  # noqa: BLE001 - a driver that mistook an error for no rows could remove data in use
            with contextlib.suppress(OSError):
                self._channel.send({**answer, "error": errors.one_line(error)})

    def _abandon(self) -> None:
        """Disconnect from the child in a forked process: it belongs to the parent, whose replies must not be read here."""
        self._is_over, self._crash_file = True, None
        self._lock = concurrency.lock()
        _disconnect(self._process())

    def _log_crash_report(self) -> None:
        """Add Python's crash report, if the child left one, to the log."""
        file, self._crash_file = self._crash_file, None
        if file is None:
            return
        with contextlib.suppress(OSError):
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines()[:CRASH_LINES]:
                self.log.add({"at": time.time(), "level": "CRASH", "logger": "python", "text": line, "call": 0}, None)
            file.unlink()

    def _release(self) -> None:
        self._log_crash_report()
        with self._lock:
            self._is_over = True
            waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            with contextlib.suppress(InvalidStateError):
                future.set_exception(_GoneError())
        if not self._ready.done():
            self._ready.set_exception(errors.DriverError("It ended before it was ready."))
        self._reap()

    def _reap(self) -> None:
        # in a thread: the child may be in a long call, and must not stay as a zombie
        concurrency.daemon(self._process().wait, "cinder-end").start()

    def _exit_message(self, what: str) -> str:
        process = self._process()
        try:
            code = process.wait(_EXIT_WAIT)
        except Exception:  # noqa: BLE001 - subprocess.TimeoutExpired: the child closed the channel, but still runs
            code = None
        outcome = (
            "is gone" if code is None else f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        )
        return f"{what} failed: the Cinder process {self.pid} {outcome}. The next call starts a new one; %cl_log shows its log."


class _GoneError(Exception):
    """The child ended before it replied."""


def _log_tail(log: Log, number: int) -> RemoteError:
    lines = "\n".join(format_line(line) for line in log.of_call(number, ERROR_LOG_LINES))
    return RemoteError(f"\n\nLast lines of the driver's log:\n{lines}" if lines else "\nThe driver logged nothing.")


def _timeout_message(what: str, timeout: float | None, pid: int) -> str:
    return (
        f"{what} gave no answer within {timeout:g} s; the Cinder process {pid} still works on it. "
        "Wait longer: option call_timeout. End it: %cl_backend close NAME --kill, then look at what it left."
    )


def _popen_of(gateway: Any) -> Any:  # noqa: ANN401 - execnet's gateway, subprocess.Popen
    return gateway._io.popen  # noqa: SLF001 - execnet hands it out nowhere else


def _start(python: str) -> tuple[Any, Any]:
    import execnet  # noqa: PLC0415 - imported when a Cinder driver is used

    group = execnet.Group(execmodel=_native_threads(python))
    # At exit execnet kills a child that does not end within a second; a storage call must be finished.
    atexit.unregister(group._cleanup_atexit)  # noqa: SLF001 - execnet has no option for it
    command = shlex.quote(re.sub("/{2,}", "/", python))  # execnet separates the parts of a specification by //
    spec = f"popen//python={command}//execmodel=main_thread_only//env:PYTHONWARNINGS=ignore"
    try:
        with _no_interrupts():
            gateway = group.makegateway(spec)  # only the main thread handles signals
        channel = gateway.remote_exec(BOOTSTRAP)
        channel.send(sources())
    except BaseException as error:
        _end_abandoned_process(error)
        raise
    return group, channel


class _Launcher:
    """Starts a process as ``subprocess`` does, or hands out one that was started before."""

    PIPE = -1

    def __init__(self, python: str) -> None:
        self._python = python

    def Popen(self, args: list[str], **options: Any) -> Any:  # noqa: N802, ANN401 - subprocess' name, a process
        process = _WAITING.pop(self._python, None)
        if process is not None and process.poll() is None:
            return process
        return concurrency.native("subprocess").Popen(args, **options)


def adopt_process(python: str, process: Any) -> None:  # noqa: ANN401 - subprocess.Popen
    """Use *process* for the next child of *python*: one that reads a line from its input, and executes what it evaluates to."""
    _WAITING[python] = process


def release_waiting() -> None:
    """End the adopted processes that no child has become: they end with their input."""
    while _WAITING:
        _python, process = _WAITING.popitem()
        process.stdin.close()
        concurrency.daemon(process.wait, "cinder-end").start()


def _native_threads(python: str) -> Any:  # noqa: ANN401 - execnet's ExecModel
    """Return an execution model for execnet with native threads, even where eventlet has patched ``threading``.

    A green thread would stop reading while the native thread that started it is blocked, and two green threads cannot write at
    once.
    """
    from execnet import gateway_base  # noqa: PLC0415 - as above

    class NativeThreads(gateway_base.ThreadExecModel):
        @property
        def queue(self) -> Any:  # noqa: ANN401 - a module
            return concurrency.native("queue")

        @property
        def subprocess(self) -> Any:  # noqa: ANN401 - what execnet uses of a module
            return _Launcher(python)

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


def _end_abandoned_process(error: BaseException) -> None:
    # execnet leaves a process running with which it cannot communicate, and only the frames of the error refer to it
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
    # a process inherits the signal mask, so that an interrupt cannot end it while it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _disconnect(process: Any) -> None:  # noqa: ANN401 - subprocess.Popen
    """Put the null device in place of the pipes to *process*, so that it sees the end of its input when the parent ends."""
    null = os.open(os.devnull, os.O_RDWR)
    for pipe in (process.stdin, process.stdout):
        if not pipe.closed:
            os.dup2(null, pipe.fileno(), inheritable=False)
    os.close(null)


def _abandon_all() -> None:
    for worker in list(_WORKERS):
        worker._abandon()  # noqa: SLF001 - of a class of this module
    for process in _WAITING.values():
        _disconnect(process)


os.register_at_fork(after_in_child=_abandon_all)
