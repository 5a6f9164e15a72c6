"""An extension of Griffe, named in mkdocs.yml: docstrings for the API reference, without the roles of reStructuredText."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from griffe import Extension

if TYPE_CHECKING:
    from griffe import Module, Object

_ROLE = re.compile(r":(?:class|meth|func|mod|data|attr|exc|obj):`(~?)([^`]+)`")
_LITERAL = re.compile(r"(?m)^::\n\n")


class PlainDocstrings(Extension):
    """Turn each docstring into Markdown."""

    def on_package(self, *, pkg: Module, **_params: Any) -> None:  # noqa: ANN401 - Griffe's
        """Rewrite the docstring of the package, for which Griffe does not call `on_object`."""
        self.on_object(obj=pkg)

    def on_object(self, *, obj: Object, **_params: Any) -> None:  # noqa: ANN401 - Griffe's
        """Rewrite the docstring of *obj*, if it has one."""
        if obj.docstring is not None:
            obj.docstring.value = markdown(obj.docstring.value)


def markdown(docstring: str) -> str:
    """Return *docstring* with roles as code, and with literal blocks announced as Markdown does."""
    text = _ROLE.sub(lambda role: f"`{role[2].rpartition('.')[2] if role[1] else role[2]}`", docstring)
    return _LITERAL.sub("", text).replace("::\n\n", ":\n\n")
