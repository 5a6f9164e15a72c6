"""Define ``%cl_undo``, which brings back what was deleted, and ``%cl_trash``, which lists what can be brought back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl_notebook.many.report import Act, Item
from cl_notebook.model import trash, undo
from cl_notebook.notebook.command import batch, resolve
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb
from cl_notebook.notebook.magics.lists import FORMAT, formed
from cl_notebook.notebook.output.messages import echo

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from cl_notebook.notebook.command.command import Invocation

_NAMES = Argument(
    "NAME", "An id, the beginning of one, a name, or a glob of names (db-*) in the trash.", "trash", optional=True, repeat=True
)


def _undo(call: Invocation) -> Any:  # noqa: ANN401 - a volume, or several
    texts: Sequence[str | None] = resolve.with_ranges_expanded(call["name"]) or [None]
    volumes = [volume for text in texts for volume in undo.undo(call.session, text)]
    is_one = len(texts) == 1 and (texts[0] is None or not trash.is_glob(texts[0]))
    return volumes[0] if is_one else volumes


def _list(call: Invocation) -> pd.DataFrame | None:
    from cl_notebook.frames import api  # noqa: PLC0415 - pandas is loaded when a frame is made

    return formed(call, api.trash(call.session))


def _empty(call: Invocation) -> None:
    call.session.journal.refuse_if_read_only("emptying the trash")
    entries = undo.named(call.session, resolve.with_ranges_expanded(call["name"]))
    if not entries:
        echo("The trash is empty.")
        return
    items = [Item("volume", entry.name, entry.id, entry.label) for entry in entries]
    act, lost = Act("delete", "deleted"), "Their bytes are lost for good."
    if batch.agreed(call, act, items, entries, lost):
        undo.empty(call.session, [entry.id for entry in entries])
        echo(f"Deleted for good: {', '.join(entry.label for entry in entries)}.")


def print_where(volumes: str, span: str) -> None:
    """Print that *volumes*, such as ``3 volumes``, are in the trash for that *span* of time, and how they come back."""
    echo(f"{volumes} are in the trash, for {span}: %cl_trash lists them, %cl_undo NAME brings one back.")


COMMANDS = (
    Command(
        "cl_undo",
        "Bring back the volume that was deleted last, or those that are named, from the trash, with their snapshots. A variable "
        "that held one holds it again. %cl_setup --trash 1h makes a deletion put volumes there, for that long.",
        (Verb("", "Bring back what was deleted.", _undo, arguments=(_NAMES,)),),
        ("%cl_undo", "vol = %cl_undo db", "%cl_undo 'test-*'"),
        purpose="Tidy",
        sample="%cl_undo db",
        brief="bring back what was deleted",
    ),
    Command(
        "cl_trash",
        "List the deleted volumes that %cl_undo can bring back, or delete them for good. What has expired is deleted by the next "
        "act on its backend.",
        (
            Verb("list", "List what is in the trash. The verb may be left out.", _list, options=(FORMAT,)),
            Verb(
                "empty",
                "Delete what is in the trash for good, after a question.",
                _empty,
                (_NAMES,),
                (Option("yes", "Do not ask.", short="-y"),),
            ),
        ),
        ("%cl_trash", "%cl_trash empty", "%cl_trash empty db --yes"),
        default="list",
        purpose="Tidy",
        brief="bring back what was deleted",
    ),
)
"""The magics."""
