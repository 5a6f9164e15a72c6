"""Render the tree as plain text and as static HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook.display import first_steps, markup, values
from cl_notebook.display.markup import bundle, escaped
from cl_notebook.store import damage
from cl_notebook.text import sanitize
from cl_notebook.treemodel import static_tree

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterator, Sequence

    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context
    from cl_notebook.treemodel.static_tree import Node

SHORT = ("id", "size", "status", "where")
"""The columns of a line, unless others are chosen."""

NO_BACKENDS = "No backends yet."
"""Heading of the first steps, which are shown for an empty store."""


def text_tree(rows: Sequence[Node], nothing: str | None = None, columns: Sequence[str] = SHORT) -> str:
    """Return *rows* with everything below them as text, one row a line; without rows *nothing*, or how to begin."""
    if not rows:
        return first_steps.as_text(NO_BACKENDS) if nothing is None else nothing
    return "\n".join(line for row in rows for line in _lines(row, "", "", columns))


def _lines(row: Node, first: str, rest: str, columns: Sequence[str]) -> Iterator[str]:
    yield first + line(row, columns)
    last = len(row.children) - 1
    for position, child in enumerate(row.children):
        is_last = position == last and not row.hidden
        yield from _lines(child, rest + ("└── " if is_last else "├── "), rest + ("    " if is_last else "│   "), columns)
    if row.hidden:
        yield f"{rest}└── … {row.hidden:,} more"


def line(row: Node, columns: Sequence[str] = SHORT) -> str:
    """Return the line of one row: kind, name, and what it has in *columns*."""
    values_shown = (value for name in columns if (value := _value(row, name)))
    return "  ".join([row.kind, sanitize(row.name) or "(no name)", *map(sanitize, values_shown)])


def _value(row: Node, column: str) -> str:
    match column:
        case "id":
            return values.short_id(row.id)
        case "size":
            return "" if row.size is None else f"{row.size} GiB"
        case "status" | "where":
            return str(getattr(row, column))
        case "age":
            return "" if row.created_at is None else values.ago(row.created_at)
        case "created":
            return values.shown(row.created_at)
        case _:
            return row.more.get(column, "")


# JupyterLab's rules for lists in outputs are more specific than a class, hence the !important. Colours come from the theme of
# JupyterLab or VS Code, with fallbacks that are readable on both white and black.
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
"""Largest number of rows that are all expanded at first."""


def html_tree(rows: Sequence[Node], nothing: str | None = None, columns: Sequence[str] = SHORT) -> str:
    """Return *rows* with everything below them as nested, collapsible HTML lists; without rows *nothing*, or how to begin."""
    if not rows:
        ways = first_steps.as_html(NO_BACKENDS)
        return markup.card(ways if nothing is None else escaped(nothing))
    small = sum(1 for top in rows for _ in top.walk()) <= _SMALL
    items = "".join(_item(row, columns, is_open=True, below_open=small) for row in rows)
    return f"<div class='cl-tree'><style>{_STYLE}</style><ul>{items}</ul></div>"


def _item(row: Node, columns: Sequence[str], *, is_open: bool, below_open: bool) -> str:
    below = "".join(_item(child, columns, is_open=below_open, below_open=below_open) for child in row.children)
    if row.hidden:
        below += f"<li class='cl-leaf'><small>… {row.hidden:,} more</small></li>"
    if not below:
        return f"<li class='cl-leaf'>{_label(row, columns)}</li>"
    return f"<li><details{' open' if is_open else ''}><summary>{_label(row, columns)}</summary><ul>{below}</ul></details></li>"


def _label(row: Node, columns: Sequence[str]) -> str:
    shown = "".join(f"<small>{escaped(value)}</small>" for name in columns if (value := _value(row, name)))
    return f"{row.kind} <bdi>{escaped(row.name) or '(no name)'}</bdi>{shown}"


class Tree:
    """A static tree of all backends with their volumes, snapshots and connections, or of one resource.

    Each display reads the store again, and shows at most :data:`cl_notebook.treemodel.static_tree.BUDGET` rows by default.
    """

    def __init__(
        self,
        session: Context,
        resource: Tracked | None = None,
        budget: int | None = static_tree.BUDGET,
        *,
        ids: Collection[str] | None = None,
        columns: Sequence[str] = SHORT,
    ) -> None:
        """Make the tree of *session*, of one *resource*, or of the *ids*; nothing is read before it is displayed."""
        self._session = session
        self._resource = resource
        self._budget = budget
        self._ids = ids
        self.columns = columns
        """What is shown beside the names."""

    @property
    def rows(self) -> list[static_tree.Node]:
        """The rows at the top, read from the store now."""
        return static_tree.read(self._session, self._resource, self._budget, ids=self._ids, columns=self.columns)

    def __repr__(self) -> str:
        """Return the tree as plain text."""
        with damage.named(self._session.store):
            return text_tree(self.rows, self._nothing(), self.columns)

    def _repr_mimebundle_(self, include: Container[str] | None = None, exclude: Container[str] | None = None) -> dict[str, str]:
        """Return the tree as text and as static HTML, both from one read of the store."""
        with damage.named(self._session.store):
            rows = self.rows
            nothing = self._nothing()
            shown = text_tree(rows, nothing, self.columns), html_tree(rows, nothing, self.columns)
            return bundle(*shown, include, exclude)

    def _nothing(self) -> str | None:
        """Return the text for a tree without rows, or None if that means an empty store."""
        return None if self._resource is None and self._ids is None else "Nothing of it is tracked."
