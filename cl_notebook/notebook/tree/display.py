"""Choose the tree to display: a live widget in a notebook, static text and HTML elsewhere."""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.display import text

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from sidecar import Sidecar

    from cl_notebook.model.base import Tracked
    from cl_notebook.notebook.tree.widget import Tree
    from cl_notebook.session import Session
    from cl_notebook.treemodel.render import Tree as StaticTree

TITLE = "Block storage"
"""Title of the side panel."""


def tree(session: Session, shown: Tracked | pd.DataFrame | None = None) -> Tree | StaticTree:
    """Return the tree of everything (None), of one resource, or of the resources in a frame of ``cl.frames``.

    Raises:
        InvalidInput: *shown* is neither a resource nor a frame indexed by ids of resources.

    """
    resource, ids = _chosen(shown)
    if _has_front_end():
        from cl_notebook.notebook.tree.widget import Tree  # noqa: PLC0415 - only a notebook pays for widgets

        return Tree(session, resource, ids)
    from cl_notebook.treemodel.render import Tree as StaticTree  # noqa: PLC0415 - loaded only when a tree is made

    return StaticTree(session, resource, ids=ids)


def _chosen(shown: Tracked | pd.DataFrame | None) -> tuple[Tracked | None, list[str] | None]:
    from cl_notebook.model.base import Tracked  # noqa: PLC0415 - as above

    if shown is None or isinstance(shown, Tracked):
        return shown, None
    from cl_notebook.treemodel import frame  # noqa: PLC0415 - a caller with a frame has loaded pandas

    return None, frame.ids(shown)


def _has_front_end() -> bool:
    """Return whether this process is a kernel."""
    return hasattr(text.shell(), "kernel")


def show(tree: Tree | StaticTree) -> Sidecar:
    """Open *tree* in a side panel of JupyterLab, and return the panel.

    Raises:
        Refused: *tree* is not a live widget, or the package sidecar is not installed.

    """
    from cl_notebook.notebook.tree.widget import Tree as Widget  # noqa: PLC0415 - only a notebook pays for widgets

    if not isinstance(tree, Widget):
        msg = "There is no notebook here to show the tree beside. %cl_tree without --side prints it."
        raise errors.Refused(msg)
    try:
        from sidecar import Sidecar  # noqa: PLC0415 - an optional package
    except ImportError as error:
        msg = "%cl_tree --side needs the package sidecar: %pip install sidecar, then load the page again."
        raise errors.Refused(msg) from error
    panel = Sidecar(title=TITLE)
    with panel:
        tree.show()
    return panel


def show_opened(session: Session) -> list[Callable[[], object]]:
    """Show the tree of *session* with the volumes of its open backends, in a terminal as text.

    In a notebook it is beside the cells if the package sidecar is installed, else below the cell. Return what closes the panel
    beside the cells, if there is one.
    """
    shown = tree(session)
    if not _has_front_end():
        sys.stdout.write(f"{shown!r}\n")
        return []
    shown.opened = sorted(backend.id for backend in session.backends.values())  # type: ignore[union-attr] # a notebook's tree
    if importlib.util.find_spec("sidecar") is not None:
        return [show(shown).close, shown.close]  # type: ignore[union-attr] # likewise
    from IPython.display import display  # noqa: PLC0415 - there is a front end

    display(shown)  # type: ignore[no-untyped-call] # IPython's
    return []
