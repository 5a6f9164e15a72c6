"""Which tree there is to show: the live one where a front end is, text and HTML elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from cl_notebook.model.base import Tracked
    from cl_notebook.notebook.tree.widget import Tree
    from cl_notebook.session import Session
    from cl_notebook.views.tree import Tree as StaticTree


def tree(session: Session, shown: Tracked | pd.DataFrame | None = None) -> Tree | StaticTree:
    """Return the tree of everything, of one resource, or of the resources in a frame.

    Raises:
        InvalidInput: *shown* is none of these, or a frame without ids.

    """
    resource, ids = _chosen(shown)
    if _has_front_end():
        from cl_notebook.notebook.tree.widget import Tree  # noqa: PLC0415 - only a notebook pays for widgets

        return Tree(session, resource, ids)
    from cl_notebook.views.tree import Tree as StaticTree  # noqa: PLC0415 - loaded when a tree is made

    return StaticTree(session, resource, ids=ids)


def _chosen(shown: Tracked | pd.DataFrame | None) -> tuple[Tracked | None, list[str] | None]:
    from cl_notebook.model.base import Tracked  # noqa: PLC0415 - as above

    if shown is None or isinstance(shown, Tracked):
        return shown, None
    from cl_notebook.treemodel import frame  # noqa: PLC0415 - who has a frame has pandas

    return None, frame.ids(shown)


def _has_front_end() -> bool:
    """Return whether this is a kernel: IPython itself is not loaded to find out."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    return hasattr(shell, "kernel")
