"""The backends of a ``cinder.conf`` as a script."""

from __future__ import annotations

import keyword
import re
import sys
from typing import Any

from cl_notebook.cinderlib.cmd import cinder_to_yaml, written


def convert(source: str, dest: str) -> None:
    """Write to the file *dest* a script that opens the backends that *source* enables, each under a name like its own.

    Raises:
        InvalidInput: *source* cannot be read, or enables no backends.

    """
    lines = ["from cl_notebook import cinderlib as cl"]
    taken: set[str] = set()
    lines += [
        f"{_name(config, taken)} = cl.Backend({_arguments(config)})" for config in cinder_to_yaml.convert(source)["backends"]
    ]
    written(dest, "\n\n".join(lines) + "\n")


def main() -> None:
    """Convert what the command line names: by default ``/etc/cinder/cinder.conf``, to the standard output."""
    source, dest, *_ = [*sys.argv[1:], *["/etc/cinder/cinder.conf", "/dev/stdout"][len(sys.argv[1:3]) :]]
    convert(source, dest)


def _name(config: dict[str, Any], taken: set[str]) -> str:
    """Return a name for the backend's variable that is not *taken*, and take it."""
    name = re.sub(r"\W", "_", str(config["volume_backend_name"]), flags=re.ASCII)
    name = f"_{name}" if name[:1].isdigit() or keyword.iskeyword(name) or name == "cl" else name
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _arguments(config: dict[str, Any]) -> str:
    # what is no name of Python's is no option of Cinder's, either
    return ", ".join(f"{option}={value!r}" for option, value in config.items() if option.isidentifier())


if __name__ == "__main__":
    main()
