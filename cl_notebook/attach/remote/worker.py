"""The remote end of a gateway: receives modules as source, imports them, and attaches volumes on its host.

This module is itself sent as source. It imports only the standard library, and os-brick when a volume is attached. Messages are
JSON text in both directions.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.util
import json
import logging
import os
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

CALLS = frozenset({"connector_properties", "attach", "detach", "extend", "device_size", "uses", "ask_probe"})
"""Methods of the host that requests may call."""

_ONE_AT_A_TIME = frozenset({"attach", "detach", "extend"})


class Sent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports modules from received sources, in preference to installed ones."""

    def __init__(self, sources: dict[str, str]) -> None:
        """Store the sources, by module name."""
        self._sources = sources

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the specification of a module if its source was received."""
        del path, target
        if fullname not in self._sources:
            return None
        return importlib.util.spec_from_loader(fullname, self, is_package=not self._sources[fullname])

    def exec_module(self, module: ModuleType) -> None:
        """Run the source of *module* in its namespace."""
        code = compile(self._sources[module.__name__], f"<sent: {module.__name__}>", "exec")
        exec(code, module.__dict__)  # noqa: S102 - it is what was sent for that


def serve(channel: Any) -> None:  # noqa: ANN401 - execnet's, which may not be importable here
    """Serve requests from *channel* until it is closed; the process ends when the running requests have finished."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # an interrupted attachment is worse than one without a caller
    if not logging.getLogger().handlers:
        logging.getLogger().addHandler(logging.NullHandler())  # without a handler warnings go to stderr, and into a cell's output
    setup = json.loads(channel.receive())
    sys.meta_path.insert(0, Sent(setup["sources"]))
    host = importlib.import_module("cl_notebook.attach.local").Host(socket.gethostname(), setup["root_helper"], _lock_path())
    send_lock, call_lock = threading.Lock(), threading.Lock()

    def send(reply: dict[str, Any]) -> None:
        with send_lock, contextlib.suppress(OSError):  # the connection ended
            channel.send(json.dumps(reply))

    def handle(request: dict[str, Any], done: threading.Event) -> None:
        try:
            with call_lock if request["call"] in _ONE_AT_A_TIME else contextlib.nullcontext():
                reply = _reply(host, request)
            send(reply)
        finally:
            done.set()

    has_brick = importlib.util.find_spec("os_brick") is not None
    send({"host": host.host, "executable": sys.executable, "has_brick": has_brick})
    running: list[threading.Event] = []
    for text in channel:
        running = [*(event for event in running if not event.is_set()), threading.Event()]
        threading.Thread(target=handle, args=(json.loads(text), running[-1]), daemon=True).start()
    # Wait in a thread that is no daemon, so that Python waits for it: execnet kills the process if this does not return soon.
    threading.Thread(target=lambda: [event.wait() for event in running]).start()


def _reply(host: Any, request: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - its class was received as source
    base = {"number": request["number"]}
    try:
        if request["call"] not in CALLS:
            return {**base, "error": f"{request['call']!r} is not a method of hosts", "trace": ""}
        return {**base, "value": getattr(host, request["call"])(*request["given"], **request["named"])}
    except BaseException as error:  # noqa: BLE001 - the caller gets every error
        kind = type(error).__name__
        return {**base, "error": " ".join(str(error).split()) or kind, "kind": kind, "trace": traceback.format_exc()}


def _lock_path() -> Path:
    # the lock folder of notebooks on this host, so that both use the same locks
    chosen = os.environ.get("CL_NOTEBOOK_DATA")
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return (Path(chosen).expanduser() if chosen else Path(data, "cl_notebook")) / "locks"


if __name__ == "__channelexec__":
    serve(channel)  # type: ignore[name-defined] # noqa: F821 - execnet puts it there
