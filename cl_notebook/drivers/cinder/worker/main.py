"""The loop of the child: requests come in, calls run in threads, answers, questions and log lines go out."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import channel, log_relay
from .channel import Channel

if TYPE_CHECKING:
    from collections.abc import Callable


class Worker:
    """Takes requests. What it can do is looked up late: a question about a driver's options starts no data base."""

    def __init__(self, wire: Channel) -> None:
        """Answer over *wire*."""
        self.wire = wire
        self.backend: Any = None
        self._lists = channel.Lists()
        self._threads: ThreadPoolExecutor | None = None

    def take(self, message: dict[str, Any]) -> None:
        """Take one message: an answer, or a request that is run in a thread of its own."""
        if "answer" in message:
            self.wire.answered(message)
            return
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_threads(), thread_name_prefix="call")
        self._threads.submit(self._run, message)

    def finish(self) -> None:
        """Wait for the calls that are under way: no storage call is cut short because nobody waits for it any more."""
        self.wire.release()
        if self._threads is not None:
            self._threads.shutdown(wait=True)
        if self.backend is not None:
            self.backend.close()

    def _run(self, message: dict[str, Any]) -> None:
        number = message["id"]
        with log_relay.call(number):
            try:
                value = self._requests()[message["do"]](message)
            except BaseException as error:  # noqa: BLE001 - whatever a driver raises is an answer, too
                self._fail(number, error, message.get("method"), getattr(error, "cl_notebook_changes", None))
            else:
                self._answer(number, value)

    def _answer(self, number: int, value: Any) -> None:
        try:
            self.wire._channel.send({"id": number, "ok": value})  # noqa: SLF001 - unlike send(), it must not be dropped unseen
        except OSError:
            return
        except Exception:  # noqa: BLE001 - it holds what the channel does not carry; execnet's DumpError has no stable place
            try:
                self.wire.send({"id": number, "ok": channel.plain(value)})
            except Exception as error:  # noqa: BLE001 - it never ends, or refuses to be looked at
                self._fail(number, error, "", None)

    def _fail(self, number: int, error: BaseException, method: str | None, changes: Any) -> None:
        self.wire.send({"id": number, "error": {**channel.described(error, method), "changes": channel.plain(changes)}})

    def _requests(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        return {
            "describe": _describe,
            "catalog": _catalog,
            "supported": _supported,
            "conf": _conf,
            "surroundings": _surroundings,
            **self._of_backend(),
        }

    def _of_backend(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        return {
            "load": self._load,
            "open": lambda _message: self.backend.setup(),
            "call": self._call,
            "put": lambda message: self._lists.put(message["list"], message["items"]),
            "take": lambda message: self._lists.take(message["list"], message["limit"]),
            "drop": lambda message: self._lists.drop(message["list"]),
        }

    def _load(self, message: dict[str, Any]) -> None:
        from . import backend  # imports Cinder's data base

        if self.backend is not None:
            self.backend.close()
        self.backend = backend.Backend(self.wire, message)

    def _call(self, message: dict[str, Any]) -> Any:
        words = message["words"]
        if "known" not in words:
            return self.backend.call(message["method"], words)
        told = self.backend.call(message["method"], {**words, "known": self._lists.held(words["known"])})
        self._lists.put(words["list"], told["value"])
        return {**told, "value": len(told["value"])}


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

    return config.sections(message["files"])


def _surroundings(message: dict[str, Any]) -> Any:
    from . import sections  # imports Cinder

    return sections.taken(message["path"], message["sections"], message["options"])


def _threads() -> int:
    # Releases that know eventlet only hand work to native threads through one hub a thread: there calls take turns.
    from . import bootstrap

    return 8 if bootstrap.has_threads() else 1


def serve(channel: Any) -> None:
    """Serve the kernel until it closes the channel or is gone, then finish what is under way and end the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the kernel's business; commands of drivers inherit it
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    # execnet ends a process 15 s after its parent is gone; a storage call takes as long as it takes
    channel.gateway._terminate_execution = lambda: None  # noqa: SLF001 - there is no other way to say so
    wire = Channel(channel)
    log_relay.install(wire)
    worker = Worker(wire)
    crash = log_relay.crash_file()
    wire.send({"ready": os.getpid(), "crash": crash})
    for message in wire.messages():
        worker.take(message)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    worker.finish()
    with contextlib.suppress(OSError):
        Path(crash).unlink()
    os._exit(0)  # threads of drivers must not keep the process
