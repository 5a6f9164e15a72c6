"""Every driver of one Cinder, described and opened: the side that runs in its Python, where Cinder is imported once.

Each request is done by a fork of its own, which ends at the driver's first look at its array: at the first connection, or the
first command, that it is about to make. Nothing is connected to and no command is run.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib.abc
import importlib.util
import json
import os
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 120
AT_ONCE = 2
_COMMANDS = {"subprocess.Popen": 1, "os.posix_spawn": 1, "os.exec": 1}
_OF_THE_HOST = ("uname ", "rpm ", "dpkg ")
"""Commands that say what host this is: they run."""

_INTERNET = (socket.AF_INET, socket.AF_INET6)


class Sent(importlib.abc.Loader, importlib.abc.MetaPathFinder):
    """Imports the worker from the sources that were sent."""

    def __init__(self, sources: dict[str, str]) -> None:
        """Import what is in *sources*, source by name."""
        self.sources = sources

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Find a module that was sent."""
        del path, target
        if name not in self.sources:
            return None
        is_package = any(other.startswith(f"{name}.") for other in self.sources)
        return importlib.util.spec_from_loader(name, self, is_package=is_package)

    def create_module(self, spec: Any) -> None:
        """Let Python make it."""
        del spec

    def exec_module(self, module: Any) -> None:
        """Run its source."""
        exec(compile(self.sources[module.__name__], module.__name__, "exec"), module.__dict__)  # noqa: S102 - ours

    def get_source(self, name: str) -> str:
        """Return its source."""
        return self.sources[name]


class EmptyKernel:
    """The execnet channel of a kernel that tracks nothing."""

    def __init__(self) -> None:
        """Start without a channel to answer on."""
        self.channel: Any = None

    def send(self, message: dict[str, Any]) -> None:
        """Answer a question with no rows; drop other messages."""
        if "ask" in message:
            self.channel.deliver({"answer": message["ask"], "rows": []})


def described(request: dict[str, Any]) -> Any:
    """Return what the worker says of a driver."""
    from cl_notebook_worker import introspect

    return introspect.driver(request["path"])


def registered(request: dict[str, Any]) -> list[str]:
    """Return the options that stand in a backend's group once its driver was constructed as Cinder's volume service does it."""
    from cinder.volume import configuration, manager
    from oslo_utils import importutils

    driver_configuration = configuration.Configuration(manager.volume_backend_opts, config_group="backend")
    words = {"host": "host@backend", "cluster_name": None, "active_backend_id": None, "db": None, "is_vol_db_empty": False}
    with contextlib.suppress(Exception):  # many need values that they are not given here
        importutils.import_class(request["path"])(configuration=driver_configuration, **words)
    return _options_of_the_group()


def _options_of_the_group() -> list[str]:
    from oslo_config import cfg

    groups = cfg.CONF._groups  # noqa: SLF001 - there is no public list of a group's options
    return sorted(groups["backend"]._opts) if "backend" in groups else []  # noqa: SLF001 - as above


def opened(request: dict[str, Any]) -> dict[str, Any]:
    """Load and set up a driver as the worker does, and return how far that got."""
    from cl_notebook_worker import backend
    from cl_notebook_worker.channel import Channel

    kernel = EmptyKernel()
    kernel.channel = Channel(kernel)
    try:
        loaded = backend.Backend(kernel.channel, request["message"])
        loaded.setup()
    except Exception as error:  # noqa: BLE001 - a driver raises anything
        frames = traceback.extract_tb(error.__traceback__)
        files = [frame.filename for frame in frames]
        kind = "ours" if files[-1].startswith("cl_notebook") else "raised"
        names = [f"{cls.__module__}.{cls.__qualname__}" for cls in type(error).__mro__]
        text = " ".join(str(getattr(error, "msg", "") or error).split())
        trace = "".join(traceback.format_exception(error))
        return {"kind": kind, "text": text, "names": names, "trace": trace}
    return {"kind": "opened", "text": ""}


class Answer:
    """The file that a fork writes its answer to; the first one counts, and ends the process, whatever other threads do."""

    def __init__(self, name: str) -> None:
        """Write to the file *name*."""
        self._name = name
        self._lock = threading.Lock()

    def end(self, **words: Any) -> None:
        """Write *words*, and end the process."""
        self._lock.acquire()
        with contextlib.suppress(FileExistsError), Path(self._name).open("x", encoding="utf-8") as file:  # a process beside this
            file.write(json.dumps(words))
        os._exit(0)


def stop_at_first_look(end: Callable[[str, str], None]) -> None:
    """Call *end* at the first connection or command, with what it is, in whichever thread makes it."""

    def heard(event: str, words: tuple[Any, ...]) -> None:
        kind, text = "", ""
        if event == "socket.connect" and words[0].family in _INTERNET:
            kind, text = "array", "{}:{}".format(*words[1][:2])
        elif event in _COMMANDS:
            command = words[_COMMANDS[event]]
            kind, text = "command", " ".join(map(str, command)) if isinstance(command, (list, tuple)) else str(command)
        if kind and not text.startswith(_OF_THE_HOST):
            end(kind, text)

    sys.addaudithook(heard)


def forked(request: dict[str, Any]) -> int:
    """Do *request* in a fork, and return its number; the answer is written to the file that it names."""
    pid = os.fork()
    if pid:
        return pid
    answer = Answer(request["answer"])
    try:
        faulthandler.dump_traceback_later(PATIENCE, exit=True, file=sys.stderr)
        if request["do"] == "opened":
            stop_at_first_look(lambda kind, text: answer.end(ok={"kind": kind, "text": text}))
            answer.end(ok=opened(request))
        description = described(request)
        stop_at_first_look(lambda _kind, _text: answer.end(ok=description, registered=_options_of_the_group()))
        answer.end(ok=description, registered=registered(request))
    except BaseException:  # noqa: BLE001 - it is the answer
        answer.end(error=traceback.format_exc())
    return 0


def main() -> None:
    """Take the sources, import Cinder, then do the requests, a few at once."""
    first = json.loads(sys.stdin.readline())
    sys.meta_path.insert(0, Sent(first["sources"]))
    from cl_notebook_worker import bootstrap

    bootstrap.imported()
    import cinder.volume.manager
    from cl_notebook_worker import introspect
    from oslo_config import cfg

    cfg.CONF([], project="cinder", version="1", default_config_files=[], default_config_dirs=[])
    introspect.driver("cinder.volume.drivers.nfs.NfsDriver")  # what all need is done once, before the forks
    gc.freeze()
    folder = str(Path(cinder.__file__).parent)
    sys.stdout.write(json.dumps({"folder": folder, **introspect.drivers()}) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        running: set[int] = set()
        for request in json.loads(line):
            running.add(forked(request))
            if len(running) == AT_ONCE:
                running.discard(os.wait()[0])
        for _pid in running:
            os.wait()
        sys.stdout.write("done\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
