"""The other end of a gateway: it is sent as source, makes modules of what it is sent, and attaches on the host where it runs.

It imports the standard library alone, and os-brick when something is attached. What crosses is text: JSON in both directions.
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

CALLS = frozenset({"connector_properties", "attach", "detach", "extend", "device_size", "uses"})
"""What may be asked of the host."""

_ONE_AT_A_TIME = frozenset({"attach", "detach", "extend"})


class Sent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds and loads modules whose source was sent, ahead of any that may be installed here."""

    def __init__(self, sources: dict[str, str]) -> None:
        """Keep the sources by the modules' names."""
        self._sources = sources

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Say that a module is here if its source is."""
        del path, target
        if fullname not in self._sources:
            return None
        return importlib.util.spec_from_loader(fullname, self, is_package=not self._sources[fullname])

    def exec_module(self, module: ModuleType) -> None:
        """Run the source."""
        code = compile(self._sources[module.__name__], f"<sent: {module.__name__}>", "exec")
        exec(code, module.__dict__)  # noqa: S102 - it is what was sent for that


def serve(channel: Any) -> None:  # noqa: ANN401 - execnet's, which may not be importable here
    """Answer what is asked over the channel until it is closed.

    What is being done then is finished, whether or not anybody still listens: the process waits for it.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # half an attachment is worse than one that nobody waited for
    if not logging.getLogger().handlers:
        logging.getLogger().addHandler(logging.NullHandler())  # warnings would be printed into somebody's cell
    told = json.loads(channel.receive())
    sys.meta_path.insert(0, Sent(told["sources"]))
    host = importlib.import_module("cl_notebook.attach.local").Host(socket.gethostname(), told["root_helper"], _lock_path())
    answering, acting = threading.Lock(), threading.Lock()

    def send(answer: dict[str, Any]) -> None:
        with answering, contextlib.suppress(OSError):  # nobody listens any more
            channel.send(json.dumps(answer))

    def act(request: dict[str, Any], done: threading.Event) -> None:
        try:
            with acting if request["call"] in _ONE_AT_A_TIME else contextlib.nullcontext():
                answer = _answer(host, request)
            send(answer)
        finally:
            done.set()

    has_brick = importlib.util.find_spec("os_brick") is not None
    send({"host": host.host, "executable": sys.executable, "has_brick": has_brick})
    acts: list[threading.Event] = []
    for text in channel:
        acts = [*(each for each in acts if not each.is_set()), threading.Event()]
        threading.Thread(target=act, args=(json.loads(text), acts[-1]), daemon=True).start()
    # Wait for the acts in a thread, which Python waits for: execnet ends the process by force if this does not return soon.
    threading.Thread(target=lambda: [each.wait() for each in acts]).start()


def _answer(host: Any, request: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - made of what was sent
    own = {"number": request["number"]}
    try:
        if request["call"] not in CALLS:
            return {**own, "error": f"{request['call']!r} is not asked of hosts", "trace": ""}
        return {**own, "value": getattr(host, request["call"])(*request["given"], **request["named"])}
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is told
        kind = type(error).__name__
        return {**own, "error": " ".join(str(error).split()) or kind, "kind": kind, "trace": traceback.format_exc()}


def _lock_path() -> Path:
    # where a notebook on this host has its own: the locks are there for both
    chosen = os.environ.get("CL_NOTEBOOK_DATA")
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return (Path(chosen).expanduser() if chosen else Path(data, "cl_notebook")) / "locks"


if __name__ == "__channelexec__":
    serve(channel)  # type: ignore[name-defined] # noqa: F821 - execnet puts it there
