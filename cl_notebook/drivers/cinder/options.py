"""A Cinder driver's oslo.config options as options of ours, with those that say where and how the driver runs."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from cl_notebook import settings
from cl_notebook.drivers.api import Option, Sections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PYTHON = "python"
TIMEOUT = "call_timeout"
SECTIONS = "sections"

OURS = (
    Option(
        PYTHON, str, "The Python that has Cinder: the one of another virtual environment, or this one.", implicit=True, own=True
    ),
    Option(TIMEOUT, float, "Seconds that a call of the driver may take; 0 is no limit.", default=0.0, minimum=0, implicit=True),
    Option(
        SECTIONS,
        Sections,
        "Options of other sections of a cinder.conf that the driver reads: {'DEFAULT': {'my_ip': '192.0.2.1'}}.",
        implicit=True,
        own=False,
    ),
)
"""What every Cinder driver takes beside Cinder's options."""

_KINDS: Mapping[str, type] = {"str": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict}


def interpreter(options: Mapping[str, Any]) -> str:
    """Return the Python that *options* name, or else ``CL_NOTEBOOK_PYTHON``, with ``~`` expanded; this one by default."""
    chosen = options.get(PYTHON) or os.environ.get("CL_NOTEBOOK_PYTHON")
    return str(settings.expanded(str(chosen))) if chosen else sys.executable


def from_cinder(told: Sequence[Mapping[str, Any]]) -> tuple[Option, ...]:
    """Return the options that the child *told*, the driver's own first."""
    taken = {option.name for option in OURS}
    return (*OURS, *(_option(each) for each in told if each["name"] not in taken))


def cinders(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of *config* that are Cinder's options."""
    taken = {option.name for option in OURS}
    return {name: value for name, value in config.items() if name not in taken and value is not None}


def _option(told: Mapping[str, Any]) -> Option:
    kind = _KINDS[told["kind"]]
    help_text = f"{told['help']} Deprecated." if told["deprecated"] else told["help"]
    number = kind in {int, float}
    return Option(
        told["name"],
        kind,
        help_text,
        default=told["default"],
        required=told["required"],
        checked=told["checked"],
        secret=told["secret"],
        choices=tuple(told["choices"]) if kind is str else (),
        minimum=told["minimum"] if number else None,
        maximum=told["maximum"] if number else None,
        implicit=True,
        references=True,
        own=told["own"],
        aliases=tuple(told["aliases"]),
        multi=told["multi"],
        ignore_case=told["ignore_case"],
    )
