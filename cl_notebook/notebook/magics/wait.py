"""Define ``%cl_wait``, which waits for the acts that run in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.many.runner import Background
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb
from cl_notebook.notebook.output.messages import echo

if TYPE_CHECKING:
    from cl_notebook.many.report import Report
    from cl_notebook.notebook.command.command import Invocation


def _wait(call: Invocation) -> Report | None:
    acts: list[Background] = call.session.in_background
    if call["handle"] is not None:
        held = call.namespace.get(call["handle"])
        if not isinstance(held, Background):
            msg = f"No variable {call['handle']!r} holds an act in the background. %cl_wait alone waits for all of them."
            raise errors.InvalidInput(msg)
        acts = [held]
    if not acts:
        echo("Nothing runs in the background.")
        return None
    if call["cancel"]:
        for act in acts:
            echo(act.cancel())
    for act in list(acts)[:-1]:
        _finish(call, act)
    return _finish(call, acts[-1])


def _finish(call: Invocation, act: Background) -> Report:
    with call.session.progress(f"wait for {act!r}"):
        try:
            return act.result()
        except KeyboardInterrupt:
            msg = f"The wait was interrupted; the act continues: {act!r}. %cl_wait --cancel begins nothing more."
            raise errors.Interrupted(msg) from None
        finally:
            if act.status != "running" and act in call.session.in_background:
                call.session.in_background.remove(act)


COMMAND = Command(
    "cl_wait",
    "Wait for the acts that were started with --background, and give the report of the last one; what failed is an error.",
    (
        Verb(
            "",
            "Wait.",
            _wait,
            (
                Argument(
                    "HANDLE",
                    "The variable that holds the handle of an act; by default all are waited for.",
                    "handle",
                    optional=True,
                ),
            ),
            (Option("cancel", "Begin nothing more of it; what runs comes to its end."),),
        ),
    ),
    ("vols = %cl_volume create --size 100 --count 20 --name n --background", "%cl_wait", "%cl_wait vols --cancel"),
    purpose="Act",
    brief="wait for acts with --background",
)
"""The magic."""
