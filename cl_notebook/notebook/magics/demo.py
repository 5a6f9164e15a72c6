"""Define ``%cl_demo``, which starts and ends the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook import demo_store
from cl_notebook.notebook.command.command import Command, Option, Verb
from cl_notebook.notebook.output.messages import echo
from cl_notebook.notebook.tree import display
from cl_notebook.session import opened_session

if TYPE_CHECKING:
    from cl_notebook.demo_store import Demo
    from cl_notebook.notebook.command.command import Invocation


def _demo(call: Invocation) -> Demo | None:
    if call["end"]:
        demo = demo_store.running()
        demo.close(force=call["force"])
        opened = opened_session()
        now = f"The session is back on {opened.store!r}." if opened is not None else "The next use opens your own store."
        echo(f"The demo is over, and its folder {demo.folder} is removed. {now}")
        return None
    return demo_store.start(display.show_opened)


COMMAND = Command(
    "cl_demo",
    "Start a demo: a throw-away store with a filled simulator and a small local backend, with its tree. It is the store of this "
    "session until %cl_demo --end.",
    (
        Verb(
            "",
            "Start the demo, or end it.",
            _demo,
            options=(
                Option("end", "End the demo: remove its folder, and return to the session before."),
                Option("force", "End it also if its store tracks volumes whose storage stays."),
            ),
        ),
    ),
    ("%cl_demo", "%cl_demo --end"),
    purpose="Begin",
    brief="a throw-away store to try things in",
)
"""The magic."""
