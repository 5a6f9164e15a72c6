"""The main loop of the child: requests come in, calls run in threads, and answers, questions and log lines go out."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import log_relay
from .channel import Channel, Lists, describe_error, plain

if TYPE_CHECKING:
    from collections.abc import Callable


class Worker:
    """Runs requests. Modules that import Cinder are imported by the request that needs them: a catalog needs no database."""

    def __init__(self, channel: Channel) -> None:
        """Serve the requests of *channel*."""
        self.channel = channel
        self.backend: Any = None
        self._lists = Lists()
        self._threads: ThreadPoolExecutor | None = None

    def receive(self, message: dict[str, Any]) -> None:
        """Deliver a reply to the thread that waits for it, or run a request in a new thread."""
        if "answer" in message:
            self.channel.deliver(message)
            return
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_thread_count(), thread_name_prefix="call")
        self._threads.submit(self._run, message)

    def finish(self) -> None:
        """Wait for the running calls, then close the backend: a storage call is never cut short."""
        self.channel.release()
        if self._threads is not None:
            self._threads.shutdown(wait=True)
        if self.backend is not None:
            self.backend.close()

    def _run(self, message: dict[str, Any]) -> None:
        number = message["id"]
        with log_relay.call(number):
            try:
                value = self._requests()[message["do"]](message)
            except BaseException as error:  # noqa: BLE001 - whatever a driver raises is the answer
                self._fail(number, error, message.get("method"), getattr(error, "cl_notebook_changes", None))
            else:
                self._answer(number, value)

    def _answer(self, number: int, value: Any) -> None:
        try:
            self.channel.send_or_raise({"id": number, "ok": value})
        except Exception:  # noqa: BLE001 - a value that the channel does not carry; execnet's DumpError has no stable module
            try:
                self.channel.send({"id": number, "ok": plain(value)})
            except Exception as error:  # noqa: BLE001 - the value is endless, or fails when it is read
                self._fail(number, error, "", None)

    def _fail(self, number: int, error: BaseException, method: str | None, changes: Any) -> None:
        self.channel.send({"id": number, "error": {**describe_error(error, method), "changes": plain(changes)}})

    def _requests(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        return {
            "describe": _describe,
            "catalog": _catalog,
            "supported": _supported,
            "conf": _conf,
            "surroundings": _surroundings,
            "load": self._load,
            "open": lambda _message: self.backend.setup(),
            "call": self._call,
            "attribute": lambda message: self.backend.attribute(message["name"]),
            "method": lambda message: plain(self.backend.method(message["name"], message["args"], message["kwargs"])),
            "put": lambda message: self._lists.put(message["list"], message["items"]),
            "take": lambda message: self._lists.take(message["list"], message["limit"]),
            "drop": lambda message: self._lists.drop(message["list"]),
        }

    def _load(self, message: dict[str, Any]) -> None:
        from . import backend  # imports Cinder's database

        if self.backend is not None:
            self.backend.close()
        self.backend = backend.Backend(self.channel, message)

    def _call(self, message: dict[str, Any]) -> Any:
        params = message["params"]
        if "known" not in params:
            return self.backend.call(message["method"], params)
        result = self.backend.call(message["method"], {**params, "known": self._lists.get(params["known"])})
        self._lists.put(params["list"], result["value"])
        return {**result, "value": len(result["value"])}


def _describe(message: dict[str, Any]) -> Any:
    from . import introspect  # imports Cinder

    return introspect.driver(message["path"])


def _catalog(_message: dict[str, Any]) -> Any:
    from . import introspect

    return introspect.drivers()


def _supported(message: dict[str, Any]) -> Any:
    from . import introspect  # imports Cinder, and every driver

    return introspect.supported_drivers(message["version"])


def _conf(message: dict[str, Any]) -> Any:
    from . import config

    return config.read_files(message["files"])


def _surroundings(message: dict[str, Any]) -> Any:
    from . import sections  # imports Cinder

    return sections.inherited(message["path"], message["sections"], message["options"])


def _thread_count() -> int:
    # Releases that know eventlet alone give work to native threads through one hub per thread: there calls run one by one.
    from . import bootstrap

    return 8 if bootstrap.has_threads() else 1


def serve(execnet_channel: Any) -> None:
    """Serve the kernel until it closes the channel or is gone, then finish the running calls and end the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # only the kernel handles an interrupt; commands of drivers inherit this
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    # execnet ends a process 15 s after its parent is gone; a storage call may take longer
    execnet_channel.gateway._terminate_execution = lambda: None  # noqa: SLF001 - execnet has no option for it
    channel = Channel(execnet_channel)
    log_relay.install(channel)
    worker = Worker(channel)
    crash = log_relay.crash_file()
    channel.send({"ready": os.getpid(), "crash": crash})
    for message in channel.messages():
        worker.receive(message)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    worker.finish()
    with contextlib.suppress(OSError):
        Path(crash).unlink()
    os._exit(0)  # threads of drivers must not keep the process
