"""The checks of a host: each looks at one thing through a probe, and returns an outcome."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cl_notebook.attach.api import HostProbe

    Check = Callable[[HostProbe], "Outcome"]

STATUSES = ("missing", "failed", "unknown", "optional", "ok")
"""What a check can end in, the gravest first; ``optional`` is absent, and needed only for the purpose that its row names."""

TIMEOUT = 3.0
"""Seconds to wait for an address to answer."""

LARGEST_SKEW = 5.0
"""Seconds by which a clock may differ from that of the database."""

NOT_INSTALLED = "not installed"
NOT_IN_KERNEL = "not in this kernel"

_OUT_OF_SIGHT = "not loaded; the modules of the running kernel cannot be seen here"
_IN_CONTAINER = "in this container; its host may have it"
_READABLE_BY_ROOT = "it is there; only root can read it"


class Outcome(NamedTuple):
    """The outcome of a check: one of :data:`STATUSES`, and in a few words what was seen."""

    status: str
    seen: str


def command(name: str) -> Check:
    """Return the check that the command *name* is installed."""

    def check(probe: HostProbe) -> Outcome:
        path = probe.command(name)
        return Outcome("ok", path) if path else Outcome("missing", NOT_INSTALLED)

    return check


def daemon(name: str, listens_on: str) -> Check:
    """Return the check that the daemon *name* runs, or that systemd listens on its abstract socket *listens_on*."""

    def check(probe: HostProbe) -> Outcome:
        seen = probe.daemon(name, listens_on)
        if seen:
            return Outcome("ok", seen)
        return Outcome("unknown", f"not running {_IN_CONTAINER}") if probe.is_container() else Outcome("failed", "not running")

    return check


def module(name: str) -> Check:
    """Return the check that the kernel has the module *name*, or can load it."""

    def check(probe: HostProbe) -> Outcome:
        state = probe.module(name)
        if state in {"unknown", "missing"} and probe.is_container():
            return Outcome("unknown", f"not seen {_IN_CONTAINER}")
        if state == "unknown":
            return Outcome("unknown", _OUT_OF_SIGHT)
        return Outcome("missing", NOT_IN_KERNEL) if state == "missing" else Outcome("ok", state)

    return check


def line_of_file(path: str, pattern: str) -> Check:
    """Return the check that the file *path* has a line that matches *pattern*, whose last group is shown."""

    def check(probe: HostProbe) -> Outcome:
        state, text = probe.file(path)
        if state == "unknown":
            return Outcome("ok", _READABLE_BY_ROOT)
        match = re.search(pattern, text, re.MULTILINE)
        if match is not None:
            return Outcome("ok", match[match.lastindex or 0])
        return Outcome("missing", f"{path} does not exist") if state == "missing" else Outcome("failed", f"{path} names none")

    return check


def readable_file(path: str) -> Check:
    """Return the check that the file *path* exists and can be read."""

    def check(probe: HostProbe) -> Outcome:
        state, text = probe.file(path)
        seen = {"ok": path, "missing": f"{path} does not exist", "unknown": f"{path}: {text}"}[state]
        return Outcome("failed" if state == "unknown" else state, seen)

    return check


def filled_folder(path: str, lacking: str) -> Check:
    """Return the check that the folder *path* has entries, which are shown; *lacking* says that it has none."""

    def check(probe: HostProbe) -> Outcome:
        names = probe.names(path)
        return Outcome("ok", ", ".join(names)) if names else Outcome("missing", lacking)

    return check


def library(name: str) -> Check:
    """Return the check that Python, on the probe's host, can import *name*."""

    def check(probe: HostProbe) -> Outcome:
        version = probe.library(name)
        return Outcome("ok", version) if version else Outcome("missing", "its Python does not have it")

    return check


def root_access(probe: HostProbe) -> Outcome:
    """Check that commands can run as root without a password."""
    status, seen = probe.root_access()
    return Outcome(status, seen)


def answers(host: str, ports: Iterable[int]) -> Check:
    """Return the check that *host* accepts a connection to one of *ports*."""

    def check(probe: HostProbe) -> Outcome:
        failures = []
        for port in ports:
            reason = probe.connect(host, port, TIMEOUT)
            if not reason:
                return Outcome("ok", f"port {port} answers")
            failures.append(f"port {port}: {reason}")
        return Outcome("failed", "; ".join(failures))

    return check


def clock(skew: Callable[[float], float]) -> Check:
    """Return the check of a host's clock; *skew* returns how many seconds a time is ahead of the database's clock."""

    def check(probe: HostProbe) -> Outcome:
        ahead = skew(probe.clock())
        if abs(ahead) <= LARGEST_SKEW:
            return Outcome("ok", "as the database's")
        return Outcome("failed", f"{abs(ahead):.0f} seconds {'ahead of' if ahead > 0 else 'behind'} the database's")

    return check
