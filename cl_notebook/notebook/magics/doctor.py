"""Define ``%cl_doctor``, which reports what a host needs for a backend and lacks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cl_notebook import prerequisites
from cl_notebook.model import Backend
from cl_notebook.notebook.command import resolve
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb
from cl_notebook.notebook.magics.drivers import PYTHON
from cl_notebook.notebook.magics.lists import FORMAT, formed, print_note
from cl_notebook.prerequisites.requirements import PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from cl_notebook.notebook.command.command import Invocation

_INSTALL = re.compile(r"((?:sudo )?\w+ install) ([\w.+-]+)")
"""A line that installs a package of the distribution."""


def _doctor(call: Invocation) -> pd.DataFrame | None:
    name, protocol, host = call["name"], call["protocol"], call["host"]
    backend = None if name is None else resolve.held_in(call.namespace, name, (Backend,)) or name
    frame = prerequisites.doctor(backend, protocol, host, call["python"], session=call.session)  # type: ignore[arg-type] # a backend
    for line in _summary(frame, host or "this host", name or protocol or ""):
        print_note(call, line)
    if name is None and protocol is None:
        print_note(call, f"For one backend, driver or protocol: %cl_doctor NAME, or %cl_doctor --protocol {'|'.join(PROTOCOLS)}")
    return formed(call, frame, list(frame.columns))


def _summary(frame: pd.DataFrame, host: str, purpose: str) -> Iterator[str]:
    """Yield how many checks ended how, and the lines that install all that is missing."""
    counts = frame["status"].value_counts(sort=False)
    listed = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    yield f"{host}{f', for {purpose}' if purpose else ''}: {listed}"
    packages: dict[str, dict[str, None]] = {}
    for line in frame["next"][frame["status"] == "missing"]:
        if (match := _INSTALL.fullmatch(line)) is not None:
            packages.setdefault(match[1], {})[match[2]] = None
    yield from (f"Install what is missing: {command} {' '.join(names)}" for command, names in packages.items())


COMMAND = Command(
    "cl_doctor",
    "Report what this host, or another, needs for a backend, driver or protocol, and lacks: commands, daemons, kernel modules, "
    "initiator names, the root helper, libraries, addresses that answer, the clock. The report is a DataFrame: rows = %cl_doctor",
    (
        Verb(
            "",
            "Examine the host for a backend, for a driver, or for all backends that are tracked. Nothing is changed.",
            _doctor,
            arguments=(
                Argument(
                    "NAME",
                    "A backend, also one that could not be added; a driver: local, RBDDriver, or its path; or a protocol.",
                    "examined",
                    optional=True,
                ),
            ),
            options=(
                Option(
                    "protocol",
                    f"The protocol: {', '.join(PROTOCOLS)}. By default what the driver speaks.",
                    "PROTOCOL",
                    completes=f"choices:{','.join(PROTOCOLS)}",
                ),
                Option("host", "Another host that attaches volumes, reached by ssh: ssh=root@node2.", "HOST"),
                PYTHON,
                FORMAT,
            ),
        ),
    ),
    (
        "%cl_doctor",
        "%cl_doctor ceph",
        "%cl_doctor iscsi",
        "%cl_doctor RBDDriver --python ~/cinder/bin/python",
        "%cl_doctor --protocol iscsi --host ssh=root@node2",
        "rows = %cl_doctor ceph",
    ),
    purpose="Begin",
    sample="%cl_doctor lab",
    brief="what this host lacks for a backend",
)
"""The magic."""
