"""The tree beside the notebook, by the package ``sidecar`` where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook import errors

if TYPE_CHECKING:
    from cl_notebook.notebook.tree.widget import Tree
    from cl_notebook.views.tree import Tree as StaticTree

TITLE = "Block storage"


def show(tree: Tree | StaticTree) -> None:
    """Open *tree* in a panel of its own.

    Raises:
        Refused: there is no front end that has panels, or the package is not installed.

    """
    from cl_notebook.notebook.tree.widget import Tree as Widget  # noqa: PLC0415 - only a notebook pays for widgets

    if not isinstance(tree, Widget):
        msg = "There is no notebook here to show the tree beside. %cl_tree without --side prints it."
        raise errors.Refused(msg)
    try:
        from sidecar import Sidecar  # noqa: PLC0415 - it is optional
    except ImportError as error:
        msg = "%cl_tree --side needs the package sidecar: %pip install sidecar, then load the page again."
        raise errors.Refused(msg) from error
    with Sidecar(title=TITLE):
        tree.show()
