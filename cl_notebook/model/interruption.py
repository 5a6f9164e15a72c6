"""What an interrupted act leaves, and what mends it, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.model.operations import lifecycle

if TYPE_CHECKING:
    from cl_notebook.model.base import Tracked

GONE = "deleted"
"""The status of an object whose row is gone."""


def interrupted(doing: str, resource: Tracked, operation: int, cause: KeyboardInterrupt) -> errors.Interrupted:
    """Return the error for *doing*, the act of *operation*, that *cause* ended and that left *resource* as it is now.

    What *cause* says itself, such as how many of several were done, stays in the message.
    """
    message = f"{doing} was interrupted: {_left(resource)} {cause}".rstrip()
    return errors.Interrupted(message, operation)


def rolled_back(error: BaseException, doing: str) -> None:
    """Let *error*, if an interrupt of an act is what it is, say that all of *doing* was taken back."""
    if isinstance(error, errors.Interrupted):
        error.args = (f"{doing} was interrupted: what it had connected is disconnected again, and nothing is left to mend.",)


def _left(resource: Tracked) -> str:
    status, kind, short = str(getattr(resource, "status", "")), resource.kind, resource.id[:8]
    if status == GONE:
        return f"the {kind} is not tracked any more, and nothing is left to mend."
    if status not in lifecycle.LEFT_BY.get(kind, {}):
        return f"the {kind} is {status!r}. Do it again, or let %cl_scan compare it with the storage."
    mends = f"%cl_scan repair {short}, in Python cl.inventory.repair(cl.find({short!r})), finishes it or takes it back."
    return f"the {kind} is {status!r} now. {mends}"
