"""Load the tree's front end as a widget carries it: one ES module with its style sheet, neither of which uses the network.

``static/`` holds the sources; esbuild bundles them into ``static/bundle/`` (``make js``), and the result is checked in.
A bundler gives every module a separate scope and reports an import that does not resolve; because its output is checked in,
neither an installation nor a kernel needs Node, and ``make check`` compares the files with the sources byte for byte.
"""

from __future__ import annotations

import base64
import functools
import gzip
import json
from importlib import resources

# Every tree that is opened carries its script and style through the kernel's message queue: packed they are less than half the
# size. The module is loaded as anywidget itself loads a script: from the URL of a blob.
_LOADER = """\
const packed = Uint8Array.from(atob("{packed}"), (sign) => sign.charCodeAt(0));
const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
const [script, style] = await new Response(stream).json();
const url = URL.createObjectURL(new Blob([script], {{ type: "text/javascript" }}));
const tree = await import(url);
URL.revokeObjectURL(url);
tree.default.style = style;
export default tree.default;
"""


@functools.cache
def packed_script() -> str:
    """Return a small ES module that unpacks and loads :func:`script`, and gives it the :func:`style`."""
    text = json.dumps([script(), style()], ensure_ascii=False)
    return _LOADER.format(packed=base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode("ascii"))


def script() -> str:
    """Return the front end as one ES module, named for a browser's console."""
    return _read("tree.js") + "//# sourceURL=cl_tree.js\n"


@functools.cache
def style() -> str:
    """Return the style sheet."""
    return _read("tree.css")


def _read(name: str) -> str:
    return (resources.files(__package__) / "static" / "bundle" / name).read_text(encoding="utf-8")
