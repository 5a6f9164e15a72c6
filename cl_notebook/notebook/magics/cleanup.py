"""Define ``%cl_cleanup``, which removes resources by a plan, and ``%%cl_scratch``, which removes what a cell creates."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from cl_notebook import inventory
from cl_notebook.inventory.cleanup.steps import DELETE_VOLUME, DONE
from cl_notebook.notebook.command import resolve
from cl_notebook.notebook.command.command import Command, Option, Verb
from cl_notebook.notebook.command.lexer import quote_word
from cl_notebook.notebook.magics import trash
from cl_notebook.notebook.magics.lists import FORMAT, formed
from cl_notebook.notebook.output.messages import confirm, echo, echo_err, show

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    import pandas as pd

    from cl_notebook.inventory import Plan, Scratch
    from cl_notebook.notebook.command.command import Invocation

_FOR_PROGRAMS = {"json", "csv", "yaml", "value"}
"""Machine-readable formats: with them only the result is written to standard output."""

_TERMINAL_COLUMNS = ("step", "outcome", "action", "name", "volume", "backend", "size", "owner", "detail")
"""The columns shown in a terminal, if they have values."""


def _cleanup(call: Invocation) -> pd.DataFrame | None:
    session = call.session
    session.journal.refuse_if_read_only("a clean-up")
    backend = None if call["backend"] is None else resolve.backend(call, call["backend"])
    plan = inventory.plan_cleanup(session, backend=backend, owner=call["owner"], all=call["all"])
    print_message = echo_err if call["format"] in _FOR_PROGRAMS else echo
    if not plan:
        print_message(_empty_plan_message(call))
        return formed(call, plan.run()) if call["yes"] else None
    if not call["yes"] or call["format"] not in _FOR_PROGRAMS:
        _show_plan(call, plan)
    if not call["yes"] and all(step.detail for step in plan.steps):
        print_message("Nothing of this can be removed.")
        return None
    span = session.settings.trash if any(step.action == DELETE_VOLUME for step in plan.steps) else None
    lost = f", the volumes to the trash for {span}" if span else " for good"
    if not call["yes"] and not confirm(f"Remove all of this{lost} ({plan.summary})?"):
        print_message(f"Nothing was removed. This removes it: {_line(call)} --yes")
        return None
    report = plan.run()
    if span and not call["format"] and bool(((report["action"] == DELETE_VOLUME) & (report["outcome"] == DONE)).any()):
        trash.print_where("Volumes", span)
    unfinished = int((report["outcome"] != DONE).sum())
    if unfinished:
        print_message(f"{unfinished} of {len(plan)} steps are not done; detail says why. {_line(call)} continues.")
    return formed(call, report)


def _show_plan(call: Invocation, plan: Plan) -> None:
    """Show the plan on one screen, or each of its steps if a format is given."""
    if call["format"] is None:
        from cl_notebook.inventory.cleanup import plan_view  # noqa: PLC0415 - `%load_ext` stays light

        card = plan_view.card(plan.steps, plan.summary)
        show(call.shell, card, card.text())
        if plan_view.is_folded(plan.steps):
            echo(f"Each step: {_line(call)} -f table")
        return
    frame = formed(call, plan.frame)
    if frame is not None:
        _show(call, frame)


def _empty_plan_message(call: Invocation) -> str:
    if call["all"] or call["owner"] is not None or call["backend"] is not None:
        return "There is nothing to remove."
    return "There is nothing left that this session made. More: --backend, --owner or --all."


def _line(call: Invocation) -> str:
    """Return the magic as it was typed, without ``--yes``."""
    arguments = [f"--{key} {quote_word(str(value))}" for key, value in call.given("backend", "owner").items()]
    return " ".join(["%cl_cleanup", *arguments, *(["--all"] if call["all"] else [])])


def _show(call: Invocation, frame: pd.DataFrame) -> None:
    """Show steps as a frame in a front end, and as a table of selected columns in a terminal, where a frame hides columns."""
    from cl_notebook.notebook.output.formats import as_text  # noqa: PLC0415 - pandas is loaded when a frame is made

    names = [name for name in _TERMINAL_COLUMNS if name in frame and (frame[name].astype("string").fillna("") != "").any()]
    show(call.shell, frame, as_text(frame, "table", names))


def _scratch(call: Invocation) -> AbstractContextManager[None]:
    call.session.journal.refuse_if_read_only("a scratch cell")
    return _scratch_block(call, inventory.scratch(call.session, keep_on_error=call["keep_on_error"]))


@contextlib.contextmanager
def _scratch_block(call: Invocation, block: Scratch) -> Iterator[None]:
    """Run the cell as a scratch block, then report what was removed, also if the cell raised an error."""
    try:
        with block:
            yield
    finally:
        _report(call, block.plan, block)


def _report(call: Invocation, plan: Plan | None, block: Scratch) -> None:
    if plan is None or block.report is None:
        return
    if not block.left:
        echo(f"Removed again: {plan.summary}.")
        return
    echo(f"{block.left} of {len(plan)} steps are not done:")
    _show(call, block.report[block.report["outcome"] != DONE])


COMMANDS = (
    Command(
        "cl_cleanup",
        "Remove what this session made: devices are detached, hosts disconnected, snapshots and volumes deleted, in the order "
        "that they depend on each other. The plan is shown first, on one screen, or step by step with -f table, and nothing "
        "happens before you agree, or type --yes. After a failure it continues; the result is a DataFrame with what was done and "
        "what was not. What was found again, adopted or loaded was not made here, and stays, unless --backend, --owner or --all "
        "says more.",
        (
            Verb(
                "",
                "Show what would be removed, and remove it.",
                _cleanup,
                options=(
                    Option(
                        "backend",
                        "Everything on this backend; with --owner, what that owner created there.",
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
        purpose="Tidy",
        brief="remove what this session made",
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
        purpose="Tidy",
        brief="a cell that leaves nothing behind",
    ),
)
"""The magics."""
