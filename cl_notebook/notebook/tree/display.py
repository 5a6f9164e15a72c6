"""Choose the tree to display: a live widget in a notebook, static text and HTML elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

from cl_notebook.display import text

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from cl_notebook.model.base import Tracked
    from cl_notebook.notebook.tree.widget import Tree
    from cl_notebook.session import Session
    from cl_notebook.treemodel.render import Tree as StaticTree

Place = Literal["", "panel", "side"]
"""Where a tree stands: below its cell, in a panel at JupyterLab's left side, or beside the notebook."""


def tree(session: Session, shown: Tracked | pd.DataFrame | None = None, place: Place = "") -> Tree | StaticTree:
    """Return the tree of everything (None), of one resource, or of the resources in a frame of ``cl.frames``.

    Its *place* is where it stands once it is displayed; a front end that has no such place shows it below the cell.

    Raises:
        InvalidInput: *shown* is neither a resource nor a frame indexed by ids of resources.

    """
    resource, ids = _chosen(shown)
    if has_front_end():
        from cl_notebook.notebook.tree.widget import Tree  # noqa: PLC0415 - only a notebook pays for widgets

        return Tree(session, resource, ids, place)
    from cl_notebook.treemodel.render import Tree as StaticTree  # noqa: PLC0415 - loaded only when a tree is made

    return StaticTree(session, resource, ids=ids)


def _chosen(shown: Tracked | pd.DataFrame | None) -> tuple[Tracked | None, list[str] | None]:
    from cl_notebook.model.base import Tracked  # noqa: PLC0415 - as above

    if shown is None or isinstance(shown, Tracked):
        return shown, None
    from cl_notebook.treemodel import frame  # noqa: PLC0415 - a caller with a frame has loaded pandas

    return None, frame.ids(shown)


def has_front_end() -> bool:
    """Return whether this process is a kernel."""
    return hasattr(text.shell(), "kernel")


def show_opened(session: Session) -> list[Callable[[], object]]:
    """Show the tree of *session* beside the notebook, in a terminal as text; return what closes it, if anything does."""
    shown = tree(session, place="side")
    if not has_front_end():
        sys.stdout.write(f"{shown!r}\n")
        return []
    from IPython.display import display  # noqa: PLC0415 - there is a front end

    display(shown)  # type: ignore[no-untyped-call] # IPython's
    return [shown.close]  # type: ignore[union-attr] # a notebook's tree
