"""A process that has everything imported, and forks a kernel for each case: it acts, and is killed on the way.

Cases come in as JSON, a line each; of each, the steps that its kernel took are written, and whether it was killed.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cl_notebook as cl
from cl_notebook.attach import osbrick
from tests.kill.acts import ACTS, prepared
from tests.kill.steps import Steps

ORDER = "CL_NOTEBOOK_TEST_KILL"
"""The variable that names the file with the order for a driver that kills kernels."""

END = "the end"
"""The last step of each act: it is done, and nothing is closed."""


@dataclass(frozen=True)
class Case:
    """One kernel: its store, the configuration of its backend, its act, and the number of the step that it does not take.

    ``order`` says at which call the driver is to kill it, for one that does so; it is written to the file that the environment
    names.
    """

    store: str
    folder: str
    config: dict[str, Any]
    act: str
    last: int = 0
    order: str = ""


@dataclass(frozen=True)
class OperationResult:
    """How a kernel ended: the steps that it took, the last of which is the one that it was killed before; or what it raised."""

    steps: list[str]
    is_killed: bool
    error: str = ""


def forked(case: Case) -> OperationResult:
    """Run *case* in a process of its own."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reader)
        os._exit(_ran(case, writer))
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as pipe:
        lines = pipe.read().splitlines()
    _, status = os.waitpid(pid, 0)  # a process that nobody has waited for counts as one that is there
    if os.WIFSIGNALED(status):
        return OperationResult(lines, is_killed=True)
    return OperationResult(lines, is_killed=False, error="\n".join(lines) if os.WEXITSTATUS(status) else "")


def _ran(case: Case, report: int) -> int:
    try:
        steps = Steps(Path(case.folder), case.last, report)
        session = cl.Session(case.store)
        act, world = ACTS[case.act], prepared(session.backend("disk", **case.config))
        act.before(world)
        if case.order:
            Path(os.environ[ORDER]).write_text(case.order, encoding="utf-8")
        steps.begin()
        act.do(world)
        steps.step(END)
    except BaseException:  # noqa: BLE001 - it is shown where the case is looked at
        os.write(report, traceback.format_exc().encode())
        return 1
    return 0


def main() -> None:
    """Take cases until there are no more."""
    osbrick.connector_module(Path(sys.argv[1]), "sudo")  # takes most of a second
    for line in sys.stdin:
        print(json.dumps(asdict(forked(Case(**json.loads(line))))), flush=True)  # noqa: T201 - it is the answer


if __name__ == "__main__":
    main()
