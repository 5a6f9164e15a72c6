"""``%cl_drivers``: which drivers there are, and the options of one."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.drivers import options as secrets
from cl_notebook.drivers import registry
from cl_notebook.drivers.api import CAPABILITIES, FEATURES, Sections, capabilities
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb
from cl_notebook.notebook.command.help import columns
from cl_notebook.notebook.display.output import echo, echo_err
from cl_notebook.notebook.display.progress import shown
from cl_notebook.notebook.magics.lists import FORMAT, formed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from cl_notebook.drivers.api import Driver
    from cl_notebook.drivers.api import Option as DriverOption
    from cl_notebook.notebook.command.command import Invocation

COLUMNS = (
    *("name", "storage_protocol", *CAPABILITIES, *FEATURES, "options", "class"),
    *("path", "help", "version", "supported"),
    *("option", "type", "default", "allowed", "required", "secret", "own"),
)
"""What ``-c`` takes: the columns of the list, of what was found, and of a driver's options."""

PYTHON = Option("python", "The Python that has Cinder; this one by default.", "PATH")

_LISTING = "look for Cinder's drivers"


def loading_label(name: str) -> str:
    """Return what is being done while the class of the driver *name* is made."""
    return f"load {name}"


def _drivers(call: Invocation) -> pd.DataFrame | None:
    from cl_notebook.frames import driver_listing as views  # noqa: PLC0415 - pandas is loaded when a frame is made

    word, python = call["word"], call["python"]
    if word is None and set(call["column"]) & set(views.INSTALLED):
        return _given(call, views.installed(), "drivers")  # what Cinder's drivers can do is known once they are loaded
    driver = _named(word, python) if word is not None else None
    if driver is None:
        return _found(call, word or "", python)
    with shown(loading_label(driver)):
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


def _found(call: Invocation, word: str, python: str | None) -> pd.DataFrame | None:
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


def _given(call: Invocation, frame: pd.DataFrame, what: str, beside: str = "") -> pd.DataFrame | None:
    from cl_notebook.frames import driver_listing as views  # noqa: PLC0415 - as above

    chosen: Sequence[str] = list(dict.fromkeys(call["column"]))
    if chosen:
        frame = views.picked(frame, [name for name in chosen if name != frame.index.name], what)
    if beside:
        sys.stdout.flush()
        (echo if call["format"] in {None, "frame", "table"} else echo_err)(beside)
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
                Option("column", "Show this column.", "COLUMN", short="-c", repeat=True, completes="column:drivers"),
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


_METAVARS = {
    str: "TEXT",
    int: "NUMBER",
    float: "NUMBER",
    bool: "true|false",
    list: "TEXT,TEXT",
    dict: "KEY:VALUE,…",
    Sections: "SECTION.OPTION:VALUE,…",
    Path: "PATH",
}
OURS = frozenset({"driver", "python", "conf", "replace", "help"})
"""Options of the magic itself, which no driver's hides."""

_PASSWORD = re.compile(r"(password|passwd|pwd|secret|api_token|token)$")
_COMMAS = {list, dict, Sections}


def of_driver(words: Sequence[str]) -> list[Option]:
    """Return the options of the driver that ``--driver`` names among *words*; those of all drivers while it names none.

    Raises:
        NotFound, NotSupported: there is no such driver, or it cannot be loaded.

    """
    name = _value("--driver", words)
    if name:
        cls = load(name, python_of(words))
        return [*_options_of(cls), *_older_of(cls)]
    every = [option for known in registry.driver_names() for option in _options_if_loadable(known)]
    return list({option.name: option for option in every}.values())


def python_of(words: Sequence[str]) -> str | None:
    """Return the Python that ``--python`` names among *words*."""
    return _value("--python", words) or None


def load(name: str, python: str | None) -> type[Driver]:
    """Return the class of a driver; that its Python takes some time to describe it is shown."""
    with shown(loading_label(name)):
        return registry.load_driver(name, {"python": python} if python else {})


def given(call: Invocation, cls: type[Driver]) -> dict[str, Any]:
    """Return those options of the driver *cls* that were typed, by the driver's names for them."""
    names = {name.replace("-", "_"): option for option in cls.options() for name in (option.name, *option.aliases)}
    typed = call.given(*(key for key in names if key in call.values and key not in OURS - {"python"}))  # noqa: PD011 - no frame
    return {_typed_name(names[key], key): _joined(names[key], value) for key, value in typed.items()}


def secrets_left_out(name: str, driver: str, cls: type[Driver], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the secret options that the driver needs and nobody typed: from the environment, the keyring, or asked for.

    So that they need not stand in a cell. A password is also looked for where its user was typed; whoever is asked may leave it
    empty.
    """
    target = secrets.secret_destination(driver, options)
    found: dict[str, Any] = {}
    for option in cls.options():
        is_typed = any(options.get(known, "") not in ("", None) for known in (option.name, *option.aliases))
        if option.secret and not is_typed and (option.required or option.checked or _user_of(option.name, options)):
            value = secrets.find_secret(name, option.name, target)
            if value:
                found[option.name] = value
    return found


def _user_of(secret: str, options: Mapping[str, Any]) -> bool:
    """Return whether the user that *secret* belongs to was typed, and no private key in its place."""
    stem = _PASSWORD.sub("", secret)
    users = {f"{stem}{word}" for word in ("login", "user", "username", "user_name")}
    return stem != secret and not users.isdisjoint(options) and f"{stem}private_key" not in options


def _typed_name(option: DriverOption, key: str) -> str:
    """Return the name, of today or older, by which *option* was typed: the check of the options remarks on the older one."""
    return next(name for name in (option.name, *option.aliases) if name.replace("-", "_") == key)


def notes() -> str:
    """Return the end of the help: the options of each driver that is installed."""
    lines = ["Options of %cl_backend add are those of the driver:"]
    for name in registry.driver_names():
        options = _options_if_loadable(name)
        lines.append(f"  --driver {name}{'' if options else ': cannot be loaded here, or takes no options'}")
        for option in options:
            lines += columns(f"  {option.spelled} {option.value}", option.help)
    lines += [
        "  --driver cinder.volume.drivers.…: %cl_drivers WORD finds Cinder's drivers, %cl_drivers NAME shows the options of one",
        "A secret is masked and never stored. Leave it out, and it is asked for; or give a variable: --san-password $password",
    ]
    return "\n".join(lines)


def _value(option: str, words: Sequence[str]) -> str:
    for place, word in enumerate(words):
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
        if word == option and place + 1 < len(words):
            return words[place + 1]
    return ""


def _options_of(cls: type[Driver]) -> list[Option]:
    return [_as_ours(option, option.name) for option in cls.options() if option.name not in OURS]


def _older_of(cls: type[Driver]) -> list[Option]:
    """Return the options of *cls* under their older names, which are taken as well."""
    taken = {*OURS, *(option.name for option in cls.options())}
    return [
        _as_ours(option, name) for option in cls.options() for name in option.aliases if name not in taken and "." not in name
    ]


def _options_if_loadable(driver: str) -> list[Option]:
    try:
        return _options_of(registry.load_driver(driver))
    except errors.Error:
        return []


def _as_ours(option: DriverOption, name: str) -> Option:
    # the words are not checked here: the driver's own check says it for Python and for the magic alike
    default = "" if option.default in (None, "") else f" Default: {option.default}."
    needed = " Required." if option.required or option.checked else ""
    choices = f" One of {', '.join(option.choices)}." if option.choices and option.kind is str else ""
    words = (*option.choices, *(("true", "false") if option.kind is bool else ()))
    return Option(
        name.replace("_", "-"),
        f"{option.help}{choices}{default}{needed}",
        _METAVARS[option.kind],
        completes=f"choices:{','.join(words)}" if words else "",
        repeat=option.kind in _COMMAS,
        secret=option.secret,
    )


def _joined(option: DriverOption, value: Any) -> Any:  # noqa: ANN401 - each option has a type of its own
    """Return what was typed for an option; a list that was given in several words has these, commas and all."""
    if option.kind not in _COMMAS:
        return value
    if option.kind in {dict, Sections}:
        return ",".join(value)
    return value[0] if len(value) == 1 and not option.multi else value
