"""``%cl_drivers``: which drivers there are, and the options of one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.drivers import registry
from cl_notebook.drivers.api import CAPABILITIES, FEATURES, capabilities
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb
from cl_notebook.notebook.display.output import aside, say
from cl_notebook.notebook.display.progress import shown
from cl_notebook.notebook.magics.lists import FORMAT, formed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from cl_notebook.drivers.api import Driver
    from cl_notebook.notebook.command.command import Call

COLUMNS = (
    *("name", "storage_protocol", *CAPABILITIES, *FEATURES, "options", "class"),
    *("path", "help", "version", "supported"),
    *("option", "type", "default", "allowed", "required", "secret", "own"),
)
"""What ``-c`` takes: the columns of the list, of what was found, and of a driver's options."""

PYTHON = Option("python", "The Python that has Cinder; this one by default.", "PATH")

_LISTING = "look for Cinder's drivers"


def description_of(name: str) -> str:
    """Return what is being done while the class of the driver *name* is made."""
    return f"load {name}"


def _drivers(call: Call) -> pd.DataFrame | None:
    from cl_notebook.frames import driver_listing as views  # noqa: PLC0415 - pandas is loaded when a frame is made

    word, python = call["word"], call["python"]
    if word is None and set(call["column"]) & set(views.INSTALLED):
        return _given(call, views.installed(), "drivers")  # what Cinder's drivers can do is known once they are loaded
    driver = _named(word, python) if word is not None else None
    if driver is None:
        return _found(call, word or "", python)
    with shown(description_of(driver)):
        cls = views.load(driver, python)
    frame = views.options(cls)
    chosen = frame if call["long"] else frame[frame["own"]]
    more = len(frame) - len(chosen)
    beside = f"{_about(driver, cls)}{f'; --long: {more} options that all such drivers take' if more else ''}"
    return _given(call, chosen, f"options of driver {driver}", beside=beside)


def _named(word: str, python: str | None) -> str | None:
    from cl_notebook.frames import driver_listing as views  # noqa: PLC0415 - as above

    if word in registry.driver_names():
        return word
    try:
        with shown(_LISTING):
            return views.named(word, python)
    except errors.NotSupported:
        return None  # the search says so if it finds nothing without Cinder either


def _found(call: Call, word: str, python: str | None) -> pd.DataFrame | None:
    from cl_notebook.frames import driver_listing as views  # noqa: PLC0415 - as above

    with shown(_LISTING):
        frame, lacking = views.search(word, python)
    if lacking and not word:
        beside = "Cinder's drivers are not listed, for there is no Cinder in this Python"
        return _given(call, frame, "drivers", beside=f"{beside}: {lacking} %cl_drivers --python PATH lists those of another.")
    if frame.empty:
        names = [*registry.driver_names(), *(entry["name"] for entry in views.catalog(python))]
        msg = f"No driver has {word!r} in its name, its path, its help or its options.{errors.did_you_mean(word, names)}"
        raise errors.NotFound(msg)
    return _given(call, frame, "drivers", beside=f"Only drivers that are installed here: {lacking}" if lacking else "")


def _given(call: Call, frame: pd.DataFrame, what: str, beside: str = "") -> pd.DataFrame | None:
    from cl_notebook.frames import driver_listing as views  # noqa: PLC0415 - as above

    chosen: Sequence[str] = list(dict.fromkeys(call["column"]))
    if chosen:
        frame = views.picked(frame, [name for name in chosen if name != frame.index.name], what)
    if beside:
        sys.stdout.flush()
        (say if call["format"] in {None, "frame", "table"} else aside)(beside)
    return formed(call, frame, chosen or None)


def _about(name: str, cls: type[Driver]) -> str:
    told = capabilities(cls)
    able = ", ".join(word for word, can in told.items() if can) or "nothing beyond the basics"
    release, missing = getattr(cls, "release", ""), getattr(cls, "missing", ())
    parts = [getattr(cls, "path", name), *([f"Cinder {release}"] if release else []), f"can: {able}"]
    return "; ".join([*parts, *([f"libraries that are missing: {', '.join(missing)}"] if missing else [])])


COMMAND = Command(
    "cl_drivers",
    "List the drivers that are installed and what they can do, search them and Cinder's, or show the options of one. "
    "The list is a DataFrame: rows = %cl_drivers",
    (
        Verb(
            "",
            "List the drivers; those that fit WORD; or the options of the one that is called exactly that.",
            _drivers,
            arguments=(
                Argument(
                    "WORD",
                    "The name or path of a driver, for its options; or a part of its name, path, help or options.",
                    "drivers",
                    optional=True,
                ),
            ),
            options=(
                PYTHON,
                Option("long", "Show the options that all drivers of its kind share, too."),
                Option("column", "Show this column.", "COLUMN", short="-c", repeat=True, means="column:drivers"),
                FORMAT,
            ),
        ),
    ),
    (
        "%cl_drivers",
        "%cl_drivers ceph",
        "%cl_drivers RBDDriver --python ~/cinder/bin/python",
        "options = %cl_drivers local",
        "%cl_drivers -f table -c name -c options",
    ),
)
"""The magic."""
