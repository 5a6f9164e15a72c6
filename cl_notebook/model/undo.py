"""Undo deletions: which volumes in the trash a text means, how they come back or are deleted for good, and why nothing can."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.display import values
from cl_notebook.model import batch, trash
from cl_notebook.model.operations.tables import Operation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cl_notebook.model.context import Context
    from cl_notebook.model.trash import Entry

_NO_TRASH = "cl.setup(trash='1h') puts into the trash what is deleted from then on."

_REASONS = {
    "delete": "it was deleted for good.",
    "expire": "its time in the trash was over.",
    "empty trash": "it was deleted for good.",
    "extend": "a volume cannot shrink.",
    "revert": "its bytes were overwritten; a snapshot taken before a revert would have them.",
    "retype": "the earlier specs are not stored; retype() takes them again.",
    "forget": "its row is gone; %cl_scan finds what is on the storage, and adopts it.",
    "unmanage": "its row is gone; %cl_scan finds what is on the storage, and adopts it.",
}
"""By action, why it cannot be undone."""


def undo(context: Context, text: str | None = None) -> list[Any]:
    """Bring back what *text* names, or the last deletion; see :func:`cl_notebook.undo`, which gives the only one of a list."""
    context.journal.refuse_if_read_only("undo")
    present = trash.entries(context)
    if text is None and not present:
        raise errors.NotFound(_why_not(context))
    return [trash.restore(context, entry) for entry in _select(context, present, text)]


def empty(context: Context, texts: Sequence[str] = ()) -> list[Entry]:
    """Delete what *texts* name in the trash for good, or all of it, and return it; see :func:`cl_notebook.empty_trash`."""
    context.journal.refuse_if_read_only("emptying the trash")
    chosen = named(context, texts)
    batch.in_turn("deleted", chosen, lambda entry: trash.delete(context, entry), lambda entry: entry.label)
    return chosen


def named(context: Context, texts: Sequence[str]) -> list[Entry]:
    """Return what *texts* name in the trash, each once, in their order; everything that is there if there are none."""
    present = trash.entries(context)
    return list(dict.fromkeys(entry for text in texts for entry in _select(context, present, text))) if texts else present


def _select(context: Context, present: Sequence[Entry], text: str | None) -> list[Entry]:
    """Return those of *present*, the volumes in the trash, that *text* names: an id, the beginning of one, a name, or a glob.

    None is the volume that this session deleted last; a session that deleted none takes the only one that is there.

    Raises:
        NotFound: nothing fits.
        Ambiguous: several fit, and *text* is no glob.

    """
    if text is None:
        deleted_here = [item for item in present if item.kernel_id in context.journal.kernel_ids]
        return [_the_one("The trash", deleted_here[:1] or present)]
    if trash.is_glob(text):
        matched = [item for item in present if fnmatch.fnmatchcase(item.name.lower(), text.lower())]
        if not matched:
            raise _nothing(text, present)
        return matched
    matched = [item for item in present if text in {item.id, item.name}]
    matched = matched or [item for item in present if item.id.startswith(text)]
    if not matched:
        raise _nothing(text, present)
    return [_the_one(repr(text), matched)]


def _nothing(text: str, present: Sequence[Entry]) -> errors.NotFound:
    hint = errors.did_you_mean(text, [item.name for item in present])
    return errors.NotFound(f"Nothing in the trash is called {text!r}.{hint or ' %cl_trash lists what is there.'}")


def _the_one(what: str, matched: Sequence[Entry]) -> Entry:
    if len(matched) == 1:
        return matched[0]
    if not matched:
        msg = "The trash is empty."
        raise errors.NotFound(msg)
    lines = [f"{item.id} {item.name!r} {item.size} GiB, deleted {values.ago(item.deleted_at)}" for item in matched]
    heading = f"{what} has {len(matched)} volumes; type more of the id:"
    raise errors.Ambiguous.among(heading, lines)


def _why_not(context: Context) -> str:
    """Return why there is nothing to undo, and of the last operation of this session why that cannot be undone."""
    columns = (Operation.action, Operation.resource_type, Operation.resource_name, Operation.resource_id)
    is_done_here = (Operation.kernel_id.in_(context.journal.kernel_ids), Operation.ended_at.is_not(None))
    last = sa.select(*columns).where(*is_done_here).order_by(Operation.ended_at.desc(), Operation.id).limit(1)
    with context.store.reading() as connection:
        row = connection.execute(last).first()
    if row is None:
        return f"There is nothing to undo: the trash is empty, and this session did nothing. {_NO_TRASH}"
    name = repr(row.resource_name) if row.resource_name else row.resource_id[:8]
    reason = _REASONS.get(row.action, "only the deletion of a volume can, from the trash.")
    advice = "" if context.settings.trash else f" {_NO_TRASH}"
    is_empty = "There is nothing to undo: the trash is empty."
    return f"{is_empty} {row.action} of {row.resource_type} {name} cannot be undone: {reason}{advice}"
