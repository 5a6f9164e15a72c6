"""A session that was closed under a tree: nothing is asked of it any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook import errors

if TYPE_CHECKING:
    from cl_notebook.model.context import Context


def refuse_if_closed(session: Context) -> None:
    """Refuse a *session* that is closed.

    Raises:
        Refused: it is; the text says what to do.

    """
    if session.is_closed:
        msg = "The session of this tree is closed. Run the cell again for the present one."
        raise errors.Refused(msg)
