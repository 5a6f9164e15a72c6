"""Variables: which of them hold a resource, and what the next one might be called."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from itertools import count
from typing import TYPE_CHECKING

from cl_notebook.notebook.command import resolve

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from cl_notebook.model.base import Tracked

_SHORT = {"volume": "vol", "snapshot": "snap", "connection": "conn", "backend": "backend"}
_LONGEST = 40
_NO_PART = re.compile(r"\W+")


def holding(shell: InteractiveShell | None, resource: Tracked) -> list[str]:
    """Return the expressions by which the user's variables hold *resource*."""
    if shell is None:
        return []
    kinds = (type(resource),)
    return [name for name, held in resolve.variables(shell, kinds) if held.is_tracked and held.id == resource.id]


def free_name(shell: InteractiveShell | None, resource: Tracked) -> str:
    """Return a name for a variable that nothing has yet: the resource's own, made an identifier, or a short word for its kind."""
    first = _identifier(str(getattr(resource, "name", ""))) or _SHORT[resource.kind]
    if not _is_taken(shell, first):
        return first
    return next(name for name in (f"{first}{number}" for number in count(2)) if not _is_taken(shell, name))


def _identifier(name: str) -> str:
    # an identifier is read as its NFKC form: any other would not be found under the name that was typed
    text = _NO_PART.sub("_", unicodedata.normalize("NFKC", name)).strip("_")[:_LONGEST].rstrip("_")
    while text and not text.isidentifier():
        text = text[1:].lstrip("_")
    return text


def _is_taken(shell: InteractiveShell | None, name: str) -> bool:
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or hasattr(builtins, name):
        return True
    # a variable would hide the magic of its name, which may be typed without the percent sign
    return shell is not None and (name in shell.user_ns or name in shell.magics_manager.magics["line"])
