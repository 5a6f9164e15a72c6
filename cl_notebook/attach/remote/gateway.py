"""A gateway to another host: a Python process there that answers requests, started by execnet over ssh."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import json
import queue
import signal
import tempfile
import threading
import traceback
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.attach import address
from cl_notebook.concurrency import Future

if TYPE_CHECKING:
    from collections.abc import Callable

MODULES = (
    "cl_notebook.errors",
    "cl_notebook.masking",
    "cl_notebook.regular_files",
    "cl_notebook.kernel_files",
    "cl_notebook.usage",
    "cl_notebook.concurrency",
    "cl_notebook.attach.osbrick",
    "cl_notebook.attach.device",
    "cl_notebook.attach.identity",
    "cl_notebook.attach.block_devices",
    "cl_notebook.attach.files",
    "cl_notebook.attach.librbd",
    "cl_notebook.attach.probe",
    "cl_notebook.attach.local",
)
"""Modules that are sent to the host; they import only the standard library, modules before them, and os-brick late."""

_SSH = ("BatchMode=yes", "ConnectTimeout=20", "ServerAliveInterval=15", "ServerAliveCountMax=4")
"""Options of ssh: no prompt for passwords, and an unreachable host is detected within a minute."""

_CLOSE_TIMEOUT = 5.0
"""Seconds that a gateway has to finish its running requests before its processes are killed."""


def sources() -> dict[str, str]:
    """Return the sources that the host needs, by module name; the source of a package is empty."""
    packages = {"cl_notebook": "", "cl_notebook.attach": ""}
    return packages | {name: _source(name) for name in MODULES}


def bootstrap() -> str:
    """Return the source of the module that imports the others on the host, and serves requests."""
    return _source("cl_notebook.attach.remote.worker")


def _source(name: str) -> str:
    parts = name.split(".")[1:]
    file = resources.files("cl_notebook").joinpath(*parts[:-1], f"{parts[-1]}.py")
    return file.read_text(encoding="utf-8")


class Lost(Exception):
    """The gateway is lost; ``asked`` says whether the request may have reached the host."""

    def __init__(self, message: str, *, asked: bool = False) -> None:
        """Store *asked* in addition to the message."""
        super().__init__(message)
        self.asked = asked


class Gateway:
    """A Python process on another host, created by :meth:`start`; after a loss it cannot be used again."""

    def __init__(self, spec: str, root_helper: str) -> None:
        """Start the Python process, send it the modules, and wait until it has sent its host, executable and os-brick."""
        import execnet  # noqa: PLC0415 - only attachments on other hosts need it

        self._numbers, self._lock = itertools.count(1), threading.Lock()
        self._waiting: dict[int, queue.SimpleQueue[dict[str, Any] | None]] = {}
        self._hello: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self.is_lost = False
        self._group = execnet.Group()
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder, "ssh")
            try:
                self._channel = self._group.makegateway(_execnet_spec(spec, log)).remote_exec(bootstrap())
                self._channel.setcallback(self._receive, endmarker=None)
                self._channel.send(json.dumps({"sources": sources(), "root_helper": root_helper}))
                hello = self._hello.get()
            except Exception as error:
                self.close(*_abandoned_processes(error))
                silent = isinstance(error, (EOFError, BrokenPipeError)) or (isinstance(error, OSError) and not error.strerror)
                raise Lost(_last_line(log) or ("no Python answers there" if silent else errors.one_line(error))) from error
            if hello is None:
                self.close()
                raise Lost(_last_line(log) or self._loss_reason())
        self.host, self.executable, self.has_brick = str(hello["host"]), str(hello["executable"]), bool(hello["has_brick"])

    @classmethod
    def start(cls, spec: str, root_helper: str) -> Gateway:
        """Start a gateway in a thread that ignores SIGINT, so that an interrupt of this process does not end ssh.

        Raises:
            Lost: Python could not be started on the host, or cannot run the modules.

        """
        started: Future[Gateway] = Future()

        def begin() -> None:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # programs inherit it
            try:
                started.set_result(cls(spec, root_helper))
            except BaseException as error:  # noqa: BLE001 - it is raised where the gateway is waited for
                started.set_exception(error)

        threading.Thread(target=begin, name=f"gateway {spec}", daemon=True).start()
        try:
            return started.result()
        except KeyboardInterrupt:
            started.add_done_callback(lambda late: None if late.exception() else late.result().close())
            raise

    def ask(self, call: str, *args: Any, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
        """Call the host's method *call* there, and return the reply with its ``value`` or its ``error``.

        Raises:
            Lost: the gateway was lost before it replied.

        """
        number, box = next(self._numbers), queue.SimpleQueue[dict[str, Any] | None]()
        with self._lock:
            if self.is_lost:
                raise Lost(self._loss_reason())
            self._waiting[number] = box
        try:
            self._channel.send(json.dumps({"number": number, "call": call, "given": args, "named": kwargs}))
            reply = box.get()
        except OSError as error:
            self.is_lost = True
            raise Lost(errors.one_line(error)) from error
        finally:
            with self._lock:
                self._waiting.pop(number, None)
        if reply is None:
            raise Lost(self._loss_reason(), asked=True)
        return reply

    def close(self, *processes: Any) -> None:  # noqa: ANN401 - execnet's kind of subprocess.Popen
        """End the remote process after its running requests, or after a few seconds; end the local *processes*, too."""
        children = [getattr(gateway._io, "popen", None) for gateway in self._group]  # noqa: SLF001 - execnet has no public name
        with contextlib.suppress(OSError):
            self._group.terminate(timeout=_CLOSE_TIMEOUT)
        atexit.unregister(self._group._cleanup_atexit)  # noqa: SLF001 - as above
        for process in filter(None, [*children, *processes]):
            process.kill()  # ssh, or a local Python, if the timeout has passed
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()
            process.wait()

    def _receive(self, text: str | None) -> None:
        reply = None if text is None else json.loads(text)
        with self._lock:
            self.is_lost = self.is_lost or reply is None
            receivers: list[Callable[[dict[str, Any] | None], None]] = (
                [self._hello.put, *(box.put for box in self._waiting.values())]
                if reply is None
                else [self._waiting[reply["number"]].put]
                if reply.get("number") in self._waiting
                else [self._hello.put]
                if "host" in reply
                else []  # the caller was interrupted
            )
        for put in receivers:
            put(reply)

    def _loss_reason(self) -> str:
        try:
            self._channel.waitclose(_CLOSE_TIMEOUT)
        except self._channel.RemoteError as error:
            return str(error).strip().splitlines()[-1]
        except (EOFError, OSError):  # the connection ended, or the remote process is still busy
            pass
        return "the connection was lost"


def _abandoned_processes(error: BaseException) -> list[Any]:
    # execnet leaves a process running that it cannot communicate with; only the traceback refers to it
    processes = [getattr(frame.f_locals.get("io"), "popen", None) for frame, _line in traceback.walk_tb(error.__traceback__)]
    return [process for process in processes if process is not None]


def _execnet_spec(spec: str, log: Path) -> str:
    parsed = address.parse(spec)
    port = f" -p {parsed.port}" if parsed.port else ""
    options = " ".join(f"-o {option}" for option in _SSH)
    target = f"{parsed.user}@{parsed.host}" if parsed.user else parsed.host
    # -- ends the options of ssh, so that the target cannot be one
    return f"ssh={options} -E {log}{port} -- {target}//python={parsed.python or 'python3'}"


def _last_line(log: Path) -> str:
    with contextlib.suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""
    return ""
