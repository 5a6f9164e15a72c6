"""The front end's files as what a widget carries: one ES module and one style sheet; no build step, no network."""

from __future__ import annotations

import base64
import functools
import graphlib
import gzip
import re
from importlib import resources

_FIRST = "tree.js"
_STYLES = ("tree.css", "pane.css")
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(?P<name>\w+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default )", re.MULTILINE)
_REMARK = re.compile(r"/\*.*?\*/\n?", re.DOTALL)
_LINE_REMARK = re.compile(r"^\s*//.*\n", re.MULTILINE)
_INDENT = re.compile(r"^ +", re.MULTILINE)

# Every tree that is opened carries its script through the kernel's message queue: packed it is a third of its size. A module
# is made of it in the way in which anywidget itself makes one of any script.
_UNPACK = """\
const packed = Uint8Array.from(atob("{packed}"), (sign) => sign.charCodeAt(0));
const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
const url = URL.createObjectURL(new Blob([await new Response(stream).text()], {{ type: "text/javascript" }}));
const tree = await import(url);
URL.revokeObjectURL(url);
export default tree.default;
"""


@functools.cache
def packed_script() -> str:
    """Return a small module that unpacks and loads :func:`script`."""
    return _UNPACK.format(packed=base64.b64encode(gzip.compress(script().encode(), mtime=0)).decode("ascii"))


def script() -> str:
    """Return the modules as one, those that others import first; what only a reader needs is left out."""
    whole = "".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in _in_order(_FIRST))
    return _INDENT.sub("", _LINE_REMARK.sub("", whole)) + "//# sourceURL=cl_tree.js\n"


@functools.cache
def style() -> str:
    """Return the style sheets as one, without remarks."""
    return "".join(_REMARK.sub("", _read(name)) for name in _STYLES)


def _in_order(first: str) -> list[str]:
    texts: dict[str, str] = {}
    imports: dict[str, list[str]] = {}
    waiting = [first]
    while waiting:
        name = waiting.pop()
        if name not in texts:
            texts[name] = _read(name)
            imports[name] = [found["name"] for found in _IMPORT.finditer(texts[name])]
            waiting += imports[name]
    return [texts[name] for name in graphlib.TopologicalSorter(imports).static_order()]


def _read(name: str) -> str:
    return (resources.files(__package__) / "static" / name).read_text(encoding="utf-8")
