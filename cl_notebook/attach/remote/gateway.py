"""A gateway to another host, by execnet: one Python there that answers, for as long as it lives."""

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
from concurrent.futures import Future
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.attach import address

if TYPE_CHECKING:
    from collections.abc import Callable

MODULES = (
    "cl_notebook.errors",
    "cl_notebook.masking",
    "cl_notebook.regular_files",
    "cl_notebook.usage",
    "cl_notebook.concurrency",
    "cl_notebook.attach.osbrick",
    "cl_notebook.attach.device",
    "cl_notebook.attach.identity",
    "cl_notebook.attach.block_devices",
    "cl_notebook.attach.files",
    "cl_notebook.attach.librbd",
    "cl_notebook.attach.local",
)
"""Each imports nothing but the standard library and those before it; os-brick only when it is used."""


def sources() -> dict[str, str]:
    """Return the source of each module by its name; the packages that they are in come empty."""
    packages = {"cl_notebook": "", "cl_notebook.attach": ""}
    return packages | {name: _source(name) for name in MODULES}


def bootstrap() -> str:
    """Return the source of what makes modules of the others, and answers."""
    return _source("cl_notebook.attach.remote.worker")


def _source(name: str) -> str:
    parts = name.split(".")[1:]
    file = resources.files("cl_notebook").joinpath(*parts[:-1], f"{parts[-1]}.py")
    return file.read_text(encoding="utf-8")


_SSH = ("BatchMode=yes", "ConnectTimeout=20", "ServerAliveInterval=15", "ServerAliveCountMax=4")
"""Nobody is there to type a password, and a host that is gone is noticed within a minute."""

_LAST_CALL = 5.0


class Lost(Exception):
    """The other side does not answer any more; ``asked`` says whether it may have heard the question."""

    def __init__(self, message: str, *, asked: bool = False) -> None:
        """Keep whether it was asked beside the message."""
        super().__init__(message)
        self.asked = asked


class Gateway:
    """One Python on another host. Made by :meth:`start`; once lost it stays lost."""

    def __init__(self, spec: str, root_helper: str) -> None:
        """Start the Python, send it what it is to run, and hear who it is."""
        import execnet  # noqa: PLC0415 - as above

        self._numbers, self._lock = itertools.count(1), threading.Lock()
        self._waiting: dict[int, queue.SimpleQueue[dict[str, Any] | None]] = {}
        self._hello: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self.is_lost = False
        self._group = execnet.Group()
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder, "ssh")
            try:
                self._channel = self._group.makegateway(_completed(spec, log)).remote_exec(bootstrap())
                self._channel.setcallback(self._hear, endmarker=None)
                self._channel.send(json.dumps({"sources": sources(), "root_helper": root_helper}))
                hello = self._hello.get()
            except Exception as error:
                self.close(*_abandoned(error))
                silent = isinstance(error, (EOFError, BrokenPipeError)) or (isinstance(error, OSError) and not error.strerror)
                raise Lost(_words(log) or ("no Python answers there" if silent else errors.one_line(error))) from error
            if hello is None:
                self.close()
                raise Lost(_words(log) or self._last_words())
        self.host, self.executable, self.has_brick = str(hello["host"]), str(hello["executable"]), bool(hello["has_brick"])

    @classmethod
    def start(cls, spec: str, root_helper: str) -> Gateway:
        """Start one, in a thread that an interrupt of this process does not reach; nor does it reach the programs it starts.

        Raises:
            Lost: no Python could be started there, or it cannot run what it was sent.

        """
        made: Future[Gateway] = Future()

        def begin() -> None:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # programs inherit it
            try:
                made.set_result(cls(spec, root_helper))
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                made.set_exception(error)

        threading.Thread(target=begin, name=f"gateway {spec}", daemon=True).start()
        try:
            return made.result()
        except KeyboardInterrupt:
            made.add_done_callback(lambda late: None if late.exception() else late.result().close())
            raise

    def ask(self, call: str, *given: Any, **named: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON holds
        """Return the answer to one call.

        Raises:
            Lost: the other side went away before it answered.

        """
        number, answer = next(self._numbers), queue.SimpleQueue[dict[str, Any] | None]()
        with self._lock:
            if self.is_lost:
                raise Lost(self._last_words())
            self._waiting[number] = answer
        try:
            self._channel.send(json.dumps({"number": number, "call": call, "given": given, "named": named}))
            found = answer.get()
        except OSError as error:
            self.is_lost = True
            raise Lost(errors.one_line(error)) from error
        finally:
            with self._lock:
                self._waiting.pop(number, None)
        if found is None:
            raise Lost(self._last_words(), asked=True)
        return found

    def close(self, *processes: Any) -> None:  # noqa: ANN401 - execnet's kind of subprocess.Popen
        """End the other side, once it has finished what it is doing, and do not wait long for that; and these *processes*."""
        ours = [getattr(gateway._io, "popen", None) for gateway in self._group]  # noqa: SLF001 - it is told nowhere else
        with contextlib.suppress(OSError):
            self._group.terminate(timeout=_LAST_CALL)
        atexit.unregister(self._group._cleanup_atexit)  # noqa: SLF001 - as above
        for process in filter(None, [*ours, *processes]):
            process.kill()  # ssh, or the Python of this host, if it took too long
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()
            process.wait()

    def _hear(self, text: str | None) -> None:
        answer = None if text is None else json.loads(text)
        with self._lock:
            self.is_lost = self.is_lost or answer is None
            listening: list[Callable[[dict[str, Any] | None], None]] = (
                [self._hello.put, *(each.put for each in self._waiting.values())]
                if answer is None
                else [self._waiting[answer["number"]].put]
                if answer.get("number") in self._waiting
                else [self._hello.put]
                if "host" in answer
                else []  # an answer that nobody waits for any more
            )
        for put in listening:
            put(answer)

    def _last_words(self) -> str:
        try:
            self._channel.waitclose(_LAST_CALL)
        except self._channel.RemoteError as error:
            return str(error).strip().splitlines()[-1]
        except (EOFError, OSError):  # the line ended, or the other side is still at it
            pass
        return "the line was cut"


def _abandoned(error: BaseException) -> list[Any]:
    # execnet lets go of a program that it started in vain without ending it; its trace still holds it
    held = [getattr(frame.f_locals.get("io"), "popen", None) for frame, _line in traceback.walk_tb(error.__traceback__)]
    return [each for each in held if each is not None]


def _completed(spec: str, log: Path) -> str:
    where = address.parse(spec)
    port = f" -p {where.port}" if where.port else ""
    options = " ".join(f"-o {option}" for option in _SSH)
    target = f"{where.user}@{where.host}" if where.user else where.host
    # the last word that ssh may take for an option is --, and all of them are ours
    return f"ssh={options} -E {log}{port} -- {target}//python={where.python or 'python3'}"


def _words(log: Path) -> str:
    with contextlib.suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""
    return ""
