"""``%cl_cleanup`` and ``%%cl_scratch``: what is not needed any more goes, on a plan that is shown, or at the end of its cell."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from cl_notebook import inventory
from cl_notebook.inventory.cleanup.steps import DONE
from cl_notebook.notebook.command import resolve
from cl_notebook.notebook.command.command import Command, Option, Verb
from cl_notebook.notebook.command.lexer import quote_word
from cl_notebook.notebook.display.output import confirm, echo, echo_err, show
from cl_notebook.notebook.magics.lists import FORMAT, formed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    import pandas as pd

    from cl_notebook.inventory import Plan, Scratch
    from cl_notebook.notebook.command.command import Invocation

_FOR_PROGRAMS = {"json", "csv", "yaml", "value"}
"""The formats that another program may read: nothing but the result is printed in them."""

_TOLD = ("step", "outcome", "action", "name", "volume", "backend", "size", "owner", "detail")
"""The columns that a terminal shows."""


def _cleanup(call: Invocation) -> pd.DataFrame | None:
    session = call.session
    session.journal.refuse_if_read_only("a clean-up")
    backend = None if call["backend"] is None else resolve.backend(call, call["backend"])
    plan = inventory.plan_cleanup(session, backend=backend, owner=call["owner"], all=call["all"])
    tell = echo_err if call["format"] in _FOR_PROGRAMS else echo
    if not plan:
        tell(_nothing(call))
        return formed(call, plan.run()) if call["yes"] else None
    if not call["yes"] or call["format"] not in _FOR_PROGRAMS:
        frame = formed(call, plan.frame)
        if frame is not None:
            _show(call, frame)
    if not call["yes"] and not confirm(f"Remove all of this for good ({plan.summary})?"):
        tell(f"Nothing was removed. This removes it: {_line(call)} --yes")
        return None
    report = plan.run()
    left = int((report["outcome"] != DONE).sum())
    if left:
        tell(f"{left} of {len(plan)} steps are not done; detail says why. {_line(call)} goes on.")
    return formed(call, report)


def _nothing(call: Invocation) -> str:
    if call["all"] or call["owner"] is not None or call["backend"] is not None:
        return "There is nothing to remove."
    return "There is nothing left that this session made. More: --backend, --owner or --all."


def _line(call: Invocation) -> str:
    """Return the magic as it was typed, but for what says yes to it."""
    words = [f"--{key} {quote_word(str(value))}" for key, value in call.given("backend", "owner").items()]
    return " ".join(["%cl_cleanup", *words, *(["--all"] if call["all"] else [])])


def _show(call: Invocation, frame: pd.DataFrame) -> None:
    """Show steps in a front end as the frame, and in a terminal as a table of what says most: a frame would leave that out."""
    from cl_notebook.notebook.display.formats import as_text  # noqa: PLC0415 - pandas is loaded when a frame is made

    told = [name for name in _TOLD if name in frame and (frame[name].astype("string").fillna("") != "").any()]
    show(call.shell, frame, as_text(frame, "table", told))


def _scratch(call: Invocation) -> AbstractContextManager[None]:
    call.session.journal.refuse_if_read_only("a scratch cell")
    return _told(call, inventory.scratch(call.session, keep_on_error=call["keep_on_error"]))


@contextlib.contextmanager
def _told(call: Invocation, made: Scratch) -> Iterator[None]:
    """Run a cell as a scratch block, and say what became of what it made: beside the cell's own error, if it has one."""
    try:
        with made:
            yield
    finally:
        _tell(call, made.plan, made)


def _tell(call: Invocation, plan: Plan | None, made: Scratch) -> None:
    if plan is None or made.report is None:
        return
    if not made.left:
        echo(f"Removed again: {plan.summary}.")
        return
    echo(f"{made.left} of {len(plan)} steps are not done:")
    _show(call, made.report[made.report["outcome"] != DONE])


COMMANDS = (
    Command(
        "cl_cleanup",
        "Remove what this session made: devices are detached, hosts disconnected, snapshots and volumes deleted, in the order "
        "that they depend on each other. The plan is shown first, and nothing happens before you agree, or type --yes. After a "
        "failure it goes on; the result is a DataFrame with what was done and what was not. What was found again, adopted or "
        "loaded was not made here, and stays, unless --backend, --owner or --all says more.",
        (
            Verb(
                "",
                "Show what would be removed, and remove it.",
                _cleanup,
                options=(
                    Option(
                        "backend",
                        "Everything on this backend, or with --owner what is his there.",
                        "BACKEND",
                        completes="backend",
                    ),
                    Option(
                        "owner",
                        "What this owner made: a user, user@host, a notebook, or the id of a kernel, also one that is dead.",
                        "OWNER",
                        completes="owner",
                    ),
                    Option("all", "Everything that is tracked."),
                    Option("yes", "Do not ask.", short="-y"),
                    FORMAT,
                ),
            ),
        ),
        (
            "%cl_cleanup",
            "df = %cl_cleanup --yes",
            "%cl_cleanup --backend lvm",
            "%cl_cleanup --owner ann@lab1",
            "%cl_cleanup --owner lab.ipynb -f table",
        ),
    ),
    Command(
        "cl_scratch",
        "Remove whatever the cell creates when it ends, error or not: volumes, snapshots and connections, whichever thread made "
        "them. Its variables stay, and so does what was there before, and what the cell adopted or released. The cell's own "
        "error stays its error. In Python: with cl.scratch(): …",
        (
            Verb(
                "",
                "Run the cell, and remove what it created.",
                _scratch,
                options=(Option("keep-on-error", "If the cell fails, keep what it created, to look at it.", short="-k"),),
            ),
        ),
        ("%%cl_scratch", "%%cl_scratch --keep-on-error"),
        is_cell=True,
    ),
)
"""The magics."""
