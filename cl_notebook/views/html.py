"""The tree as static HTML: escaped, self-contained, without scripts; it opens and closes by itself in any browser."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from cl_notebook.treemodel.render import SHORT_ID
from cl_notebook.views.safe import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cl_notebook.treemodel.static_tree import Node

# What JupyterLab says of lists in outputs is more specific than a class, hence the !important. Colours come from the theme of
# JupyterLab or VS Code, and fall back to what reads on both white and black.
_STYLE = """
.cl-tree{font-family:var(--jp-code-font-family,ui-monospace,monospace);font-size:var(--jp-code-font-size,13px);line-height:1.6;
color:var(--jp-content-font-color1,var(--vscode-foreground,inherit))}
.cl-tree ul{list-style:none!important;margin:0!important;padding-left:1.4em!important}.cl-tree>ul{padding-left:0!important}
.cl-tree li{list-style:none!important}.cl-tree li.cl-leaf{padding-left:1.1em}
.cl-tree summary{cursor:pointer}.cl-tree summary:focus-visible{outline:2px solid var(--jp-brand-color1,#1976d2)}
.cl-tree bdi{font-weight:600;overflow-wrap:anywhere}
.cl-tree small{font-size:inherit;color:var(--jp-content-font-color2,var(--vscode-descriptionForeground,#6b6b6b));margin-left:.8em}
"""

_SMALL = 40
"""Rows up to which everything is open from the start."""


def tree(rows: Sequence[Node], nothing: str = "No backends.") -> str:
    """Return *rows* and what is below them as nested lists that can be opened and closed; *nothing* if there are none."""
    if not rows:
        return f"<div class='cl-tree'>{escaped(nothing)}</div>"
    small = sum(1 for top in rows for _ in top.walk()) <= _SMALL
    items = "".join(_item(row, is_open=True, below_open=small) for row in rows)
    return f"<div class='cl-tree'><style>{_STYLE}</style><ul>{items}</ul></div>"


def _item(row: Node, *, is_open: bool, below_open: bool) -> str:
    below = "".join(_item(child, is_open=below_open, below_open=below_open) for child in row.children)
    if row.hidden:
        below += f"<li class='cl-leaf'><small>… {row.hidden:,} more</small></li>"
    if not below:
        return f"<li class='cl-leaf'>{_label(row)}</li>"
    return f"<li><details{' open' if is_open else ''}><summary>{_label(row)}</summary><ul>{below}</ul></details></li>"


def _label(row: Node) -> str:
    details = [row.id[:SHORT_ID], f"{row.size} GiB" if row.size is not None else "", row.status, row.where]
    shown = "".join(f"<small>{escaped(detail)}</small>" for detail in details if detail)
    return f"{row.kind} <bdi>{escaped(row.name) or '(no name)'}</bdi>{shown}"


def escaped(text: object) -> str:
    """Return *text*, which may come from a hostile array, as HTML that can only be read."""
    return html.escape(plain(text), quote=True)
