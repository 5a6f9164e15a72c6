"""The child's side as source, to be sent there: it needs Cinder, and nothing of ours."""

from __future__ import annotations

from importlib import resources

_PACKAGE = "cl_notebook_worker"
_SHARED = "cl_notebook.masking"
"""What the child has of ours beside the worker: how secrets are recognised."""
_PACKAGES = (_PACKAGE, "cl_notebook")

BOOTSTRAP = f"""
import importlib.abc, importlib.util, sys

class Sent(importlib.abc.Loader, importlib.abc.MetaPathFinder):
    def __init__(self, sources):
        self.sources = sources
    def find_spec(self, name, path=None, target=None):
        if name in self.sources:
            return importlib.util.spec_from_loader(name, self, is_package=name in {_PACKAGES!r})
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        exec(compile(self.sources[module.__name__], module.__name__, "exec"), module.__dict__)
    def get_source(self, name):
        return self.sources[name]

sys.path[:] = [path for path in sys.path if path]  # what lies in the notebook's folder is none of Cinder's
sys.meta_path.insert(0, Sent(channel.receive()))
from {_PACKAGE} import main
main.serve(channel)
"""
"""What the child runs first: it takes :func:`sources` from the channel, and serves."""


def sources() -> dict[str, str]:
    """Return the sources of the worker's modules, by the names that they have in the child."""
    folder = resources.files("cl_notebook.drivers.cinder") / "worker"
    found = {"cl_notebook": "", _SHARED: resources.files("cl_notebook").joinpath("masking.py").read_text(encoding="utf-8")}
    for file in folder.iterdir():
        stem, dot, ending = file.name.partition(".")
        if dot and ending == "py":
            name = _PACKAGE if stem == "__init__" else f"{_PACKAGE}.{stem}"
            found[name] = file.read_text(encoding="utf-8")
    return found
