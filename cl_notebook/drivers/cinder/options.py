"""The options of a Cinder driver: its oslo.config options, and those that say where and how the driver runs."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from cl_notebook import settings
from cl_notebook.drivers.api import Option, Sections
from cl_notebook.drivers.options import UNDECLARED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PYTHON = "python"
TIMEOUT = "call_timeout"
SECTIONS = "sections"

RUN_OPTIONS = (
    Option(
        PYTHON, str, "The Python that has Cinder: the one of another virtual environment, or this one.", implicit=True, own=True
    ),
    Option(TIMEOUT, float, "Seconds that a call of the driver may take; 0 is no limit.", default=0.0, minimum=0, implicit=True),
    Option(
        UNDECLARED,
        dict,
        "Further options, which the driver reads although it does not declare them: {'name': 'value'}. Secrets are not stored.",
        implicit=True,
        own=False,
    ),
    Option(
        SECTIONS,
        Sections,
        "Options of other sections of a cinder.conf that the driver reads: {'DEFAULT': {'my_ip': '192.0.2.1'}}.",
        implicit=True,
        own=False,
    ),
)
"""Options that every Cinder driver takes in addition to Cinder's own."""

_KINDS: Mapping[str, type] = {"str": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict}


def interpreter(options: Mapping[str, Any]) -> str:
    """Return the Python to run Cinder in: of *options*, or of ``CL_NOTEBOOK_PYTHON``, or this one; ``~`` is expanded."""
    chosen = options.get(PYTHON) or os.environ.get("CL_NOTEBOOK_PYTHON")
    return str(settings.expanded(str(chosen))) if chosen else sys.executable


def from_cinder(described: Sequence[Mapping[str, Any]]) -> tuple[Option, ...]:
    """Return the options that the child *described*, with the options that say how the driver runs in front."""
    reserved = {option.name for option in RUN_OPTIONS}
    return (*RUN_OPTIONS, *(_option(option) for option in described if option["name"] not in reserved))


def cinder_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options in *config* that Cinder reads and that have a value."""
    reserved = {option.name for option in RUN_OPTIONS}
    return {name: value for name, value in config.items() if name not in reserved and value is not None}


def _option(described: Mapping[str, Any]) -> Option:
    kind = _KINDS[described["kind"]]
    help_text = f"{described['help']} Deprecated." if described["deprecated"] else described["help"]
    number = kind in {int, float}
    return Option(
        described["name"],
        kind,
        help_text,
        default=described["default"],
        required=described["required"],
        checked=described["checked"],
        secret=described["secret"],
        choices=tuple(described["choices"]) if kind is str else (),
        minimum=described["minimum"] if number else None,
        maximum=described["maximum"] if number else None,
        implicit=True,
        references=True,
        own=described["own"],
        aliases=tuple(described["aliases"]),
        multi=described["multi"],
        ignore_case=described["ignore_case"],
    )
