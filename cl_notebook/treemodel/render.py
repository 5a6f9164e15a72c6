"""The tree as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook.views.safe import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cl_notebook.treemodel.static_tree import Node

SHORT_ID = 8
"""Characters of an id that are shown; any of them that are enough to tell it apart find it again."""


NO_BACKENDS = "No backends. cl.Backend('lab', volume_driver='local', path='~/volumes') makes the first."
"""What is shown of a store that holds nothing."""


def tree(rows: Sequence[Node], nothing: str = NO_BACKENDS) -> str:
    """Return *rows* and what is below them, one a line; *nothing* if there are none."""
    if not rows:
        return nothing
    return "\n".join(line for row in rows for line in _lines(row, "", ""))


def _lines(row: Node, first: str, rest: str) -> Iterator[str]:
    yield first + line(row)
    last = len(row.children) - 1
    for place, child in enumerate(row.children):
        ends = place == last and not row.hidden
        yield from _lines(child, rest + ("└── " if ends else "├── "), rest + ("    " if ends else "│   "))
    if row.hidden:
        yield f"{rest}└── … {row.hidden:,} more"


def line(row: Node) -> str:
    """Return one line: what it is, its name and short id, and what matters most."""
    parts = [row.kind, plain(row.name) or "(no name)", row.id[:SHORT_ID]]
    if row.size is not None:
        parts.append(f"{row.size} GiB")
    parts.append(plain(row.status))
    if row.where:
        parts.append(plain(row.where))
    return "  ".join(parts)
