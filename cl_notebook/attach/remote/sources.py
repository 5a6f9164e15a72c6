"""The modules that attach, as source to send to a host that has none of them.

What runs there is what runs here: the same ``Host``, with the same checks. It needs os-brick, and of Python 3.9.
"""

from __future__ import annotations

from importlib import resources

MODULES = (
    "cl_notebook.errors",
    "cl_notebook.masking",
    "cl_notebook.regular_files",
    "cl_notebook.usage",
    "cl_notebook.concurrency",
    "cl_notebook.attach.osbrick",
    "cl_notebook.attach.device",
    "cl_notebook.attach.identity",
    "cl_notebook.attach.block_devices",
    "cl_notebook.attach.files",
    "cl_notebook.attach.librbd",
    "cl_notebook.attach.local",
)
"""Each imports nothing but the standard library and those before it; os-brick only when it is used."""


def sources() -> dict[str, str]:
    """Return the source of each module by its name; the packages that they are in come empty."""
    packages = {"cl_notebook": "", "cl_notebook.attach": ""}
    return packages | {name: _source(name) for name in MODULES}


def bootstrap() -> str:
    """Return the source of what makes modules of the others, and answers."""
    return _source("cl_notebook.attach.remote.worker")


def _source(name: str) -> str:
    parts = name.split(".")[1:]
    file = resources.files("cl_notebook").joinpath(*parts[:-1], f"{parts[-1]}.py")
    return file.read_text(encoding="utf-8")
