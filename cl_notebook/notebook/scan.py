"""``%cl_scan``: what is really there, on the storages and on this host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook import errors, inventory
from cl_notebook.inventory.finding import KINDS, VERDICTS, Finding
from cl_notebook.notebook import lists, resources
from cl_notebook.notebook.grammar import Argument, Command, Option, Verb

if TYPE_CHECKING:
    import pandas as pd

    from cl_notebook.model import Backend
    from cl_notebook.notebook.grammar import Call

_BACKENDS = Argument("BACKEND", "Only this backend; all that are stored by default.", "backend", optional=True, repeat=True)
_NO_HOST = Option("no-host", "Leave the devices of this host out.")


def _backends(call: Call) -> list[Backend] | None:
    try:
        return [resources.backend(call, text) for text in call["backend"]] or None
    except errors.NotFound as error:
        verbs = [verb.name for verb in COMMAND.verbs]
        hint = errors.did_you_mean(call["backend"][0], verbs)
        if not hint:
            raise
        msg = f"%cl_scan has no verb {call['backend'][0]!r}, and there is no such backend.{hint}"
        raise errors.NotFound(msg) from error


def _show(call: Call) -> pd.DataFrame | None:
    chosen = list(dict.fromkeys(call["column"])) or None
    frame = inventory.scan(_backends(call), host=not call["no_host"], session=call.session)
    for column in ("verdict", "kind"):
        if call[column]:
            frame = frame[frame[column].isin(call[column])]
    frame = frame.reset_index(drop=True)[chosen or list(frame.columns)]
    return lists.formed(call, frame, list(frame.columns))


COMMAND = Command(
    "cl_scan",
    "Compare what is tracked with what is really there: on the storages, and on this host. What is wrong comes first, each with "
    "the line that deals with it. Looking changes nothing.",
    (
        Verb(
            "show",
            "Show what a scan finds, as a DataFrame. The verb may be left out.",
            _show,
            (_BACKENDS,),
            (
                Option("verdict", "Only what has this verdict.", "VERDICT", words=VERDICTS, repeat=True),
                Option("kind", "Only things of this kind.", "KIND", words=KINDS, repeat=True),
                _NO_HOST,
                Option("column", "Show this column.", "COLUMN", short="-c", words=Finding._fields, repeat=True),
                lists.FORMAT,
            ),
        ),
    ),
    (
        "%cl_scan",
        "%cl_scan lvm --verdict untracked",
        "df = %cl_scan --no-host --verdict missing --verdict 'size differs'",
    ),
    default="show",
)
"""The magic."""
