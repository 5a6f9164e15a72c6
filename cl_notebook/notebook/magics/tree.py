"""Define ``%cl_tree``, which shows the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook.notebook.command import resolve
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb
from cl_notebook.notebook.output.messages import echo
from cl_notebook.notebook.tree import display
from cl_notebook.treemodel.kinds import COLUMNS, NAME, columns_of

if TYPE_CHECKING:
    from cl_notebook.notebook.command.command import Invocation
    from cl_notebook.notebook.tree.widget import Tree
    from cl_notebook.treemodel.render import Tree as StaticTree


def _tree(call: Invocation) -> Tree | StaticTree | None:
    text, variable = call["resource"], resolve.variable_name(call)
    target = call.namespace.get(text)
    if "DataFrame" not in {cls.__name__ for cls in type(target).__mro__}:  # pandas is not loaded for this
        target = resolve.resolve(call, text) if text is not None else None
    place: display.Place = "panel" if call["panel"] else "side" if call["side"] else ""
    tree = display.tree(call.session, target, place)
    if call["columns"] is not None:
        tree.columns = columns_of(call["columns"])
    if variable is not None:
        resolve.bind(call, variable, tree)
    if place and not display.has_front_end():
        echo(f"There is no notebook here that --{place} could show the tree beside.")
    return tree


COMMAND = Command(
    "cl_tree",
    "Show everything that is tracked as a tree, or one resource with what belongs to it, or the resources in a frame. "
    "In a notebook the tree is live: it follows the store, can be filtered, and acts on what is selected.",
    (
        Verb(
            "",
            "Show the tree.",
            _tree,
            arguments=(
                Argument(
                    "RESOURCE",
                    "An id, the beginning of one, a name, or the variable that holds it; or one that holds a frame.",
                    "any",
                    optional=True,
                ),
            ),
            options=(
                Option(
                    "columns",
                    f"What stands beside the name, with commas: {', '.join(COLUMNS)}.",
                    "COLUMN,…",
                    short="-c",
                    completes=f"columns:{','.join((NAME, *COLUMNS))}",
                ),
                Option("panel", "Open it in a panel at JupyterLab's left side, where a click puts a line into the notebook."),
                Option("side", "Open it beside the notebook, in JupyterLab."),
                Option("variable", "Bind the tree to this variable.", "NAME", short="-v"),
            ),
        ),
    ),
    ("%cl_tree", "%cl_tree lvm", "%cl_tree db --columns status,size,pool", "%cl_tree --panel", "%cl_tree --side -v tree"),
    purpose="Look",
    sample="%cl_tree --side",
    brief="all as a tree, to click and act",
)
"""The magic."""
