"""Define ``%cl_drivers``, which lists drivers and the options of one, and the driver options of ``%cl_backend add``."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.drivers import registry
from cl_notebook.drivers.api import CAPABILITIES, FEATURES, Sections, capabilities
from cl_notebook.drivers.options import find_secret, secret_destination
from cl_notebook.model import doctor_hint
from cl_notebook.notebook.command.command import Argument, Command, Option, Part, Verb
from cl_notebook.notebook.command.help import option_row
from cl_notebook.notebook.magics.lists import FORMAT, formed, print_note
from cl_notebook.notebook.output.progress import shown

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
"""The columns that ``-c`` accepts: those of the list, of the search, and of a driver's options."""

PYTHON = Option("python", "The Python that has Cinder; this one by default.", "PATH", completes="file")

_LISTING = "look for Cinder's drivers"

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
OURS = frozenset({"driver", "python", "conf", "replace", "dry_run", "help"})
"""Options of the magic itself, which take precedence over a driver's options of the same name."""

_PASSWORD = re.compile(r"(password|passwd|pwd|secret|api_token|token)$")
_LIST_KINDS = {list, dict, Sections}


def loading_label(name: str) -> str:
    """Return the progress label for loading the class of the driver *name*."""
    return f"load {name}"


def _drivers(call: Invocation) -> pd.DataFrame | None:
    from cl_notebook.frames import driver_listing  # noqa: PLC0415 - pandas is loaded when a frame is made

    word, python = call["word"], call["python"]
    if word is None and set(call["column"]) & set(driver_listing.INSTALLED):
        # Cinder's drivers are left out: their capabilities are unknown until they are loaded
        return _output(call, driver_listing.installed(), "drivers")
    driver = _driver_called(word, python) if word is not None else None
    if driver is None:
        return _search(call, word or "", python)
    with shown(loading_label(driver)):
        cls = driver_listing.load(driver, python)
    frame = driver_listing.options(cls)
    chosen = frame if call["long"] else frame[frame["own"]]
    hidden_count = len(frame) - len(chosen)
    note = f"{_description(driver, cls)}{f'; --long: {hidden_count} options that all such drivers take' if hidden_count else ''}"
    return _output(call, chosen, f"options of driver {driver}", note=note)


def _driver_called(word: str, python: str | None) -> str | None:
    from cl_notebook.frames import driver_listing  # noqa: PLC0415 - as above

    if word in registry.driver_names():
        return word
    try:
        with shown(_LISTING):
            return driver_listing.named(word, python)
    except errors.NotSupported:
        return None  # without Cinder; the search reports it


def _search(call: Invocation, word: str, python: str | None) -> pd.DataFrame | None:
    from cl_notebook.frames import driver_listing  # noqa: PLC0415 - as above

    with shown(_LISTING):
        frame, lacking = driver_listing.search(word, python)
    if lacking and not word:
        note = "Cinder's drivers are not listed, for there is no Cinder in this Python"
        return _output(call, frame, "drivers", note=f"{note}: {lacking} %cl_drivers --python PATH lists those of another.")
    if frame.empty:
        names = [*registry.driver_names(), *(entry["name"] for entry in driver_listing.catalog(python))]
        msg = f"No driver has {word!r} in its name, its path, its help or its options.{errors.did_you_mean(word, names)}"
        raise errors.NotFound(msg)
    return _output(call, frame, "drivers", note=f"Only drivers that are installed here: {lacking}" if lacking else "")


def _output(call: Invocation, frame: pd.DataFrame, what: str, note: str = "") -> pd.DataFrame | None:
    from cl_notebook.frames import driver_listing  # noqa: PLC0415 - as above

    chosen: Sequence[str] = list(dict.fromkeys(call["column"]))
    if chosen:
        frame = driver_listing.picked(frame, [name for name in chosen if name != frame.index.name], what)
    if note:
        print_note(call, note)
    return formed(call, frame, chosen or None)


def _description(name: str, cls: type[Driver]) -> str:
    supported = capabilities(cls)
    capability_names = (
        ", ".join(capability for capability, is_supported in supported.items() if is_supported) or "nothing beyond the basics"
    )
    release, missing = getattr(cls, "release", ""), getattr(cls, "missing", ())
    parts = [getattr(cls, "path", name), *([f"Cinder {release}"] if release else []), f"can: {capability_names}"]
    return "; ".join([*parts, *([f"libraries that are missing: {', '.join(missing)}"] if missing else [])])


def of_driver(words: Sequence[str]) -> list[Option]:
    """Return the options of the driver named by ``--driver`` in *words*; without ``--driver`` those of all drivers.

    Raises:
        NotFound: there is no such driver.
        NotSupported: the driver cannot be loaded.

    """
    name = _value("--driver", words)
    if name:
        cls = load(name, python_of(words))
        return [*_options_of(cls), *_older_of(cls)]
    options = [option for driver in registry.driver_names() for option in _options_if_loadable(driver)]
    return list({option.name: option for option in options}.values())


def python_of(words: Sequence[str]) -> str | None:
    """Return the value of ``--python`` in *words*, or None."""
    return _value("--python", words) or None


def load(name: str, python: str | None) -> type[Driver]:
    """Return the class of a driver, showing progress, as another Python may take seconds to describe it.

    The error of a driver whose library is missing ends with the line that examines the host.
    """
    try:
        with shown(loading_label(name)):
            return registry.load_driver(name, {"python": python} if python else {})
    except errors.NotSupported as error:
        if error.library:
            doctor_hint.extend(error, name, python=python)
        raise


def typed_options(call: Invocation, cls: type[Driver]) -> dict[str, Any]:
    """Return the typed options of the driver *cls*, by the names (present or older) that were typed."""
    names = {name.replace("-", "_"): option for option in cls.options() for name in (option.name, *option.aliases)}
    typed_values = call.given(*(key for key in names if key in call.values and key not in OURS - {"python"}))  # noqa: PD011 - no frame
    return {_typed_name(names[key], key): _joined(names[key], value) for key, value in typed_values.items()}


def secrets_left_out(name: str, driver: str, cls: type[Driver], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the secret options that the driver needs and that were not typed, so that cells need not contain secrets.

    They come from the environment, the keyring or a prompt. A password is also looked up if its user was typed. The answer to a
    prompt may be empty; the option is then left out.
    """
    target = secret_destination(driver, options)
    values: dict[str, Any] = {}
    for option in cls.options():
        is_typed = any(options.get(option_name, "") not in ("", None) for option_name in (option.name, *option.aliases))
        if option.secret and not is_typed and (option.required or option.checked or _user_of(option.name, options)):
            value = find_secret(name, option.name, target)
            if value:
                values[option.name] = value
    return values


def _user_of(secret: str, options: Mapping[str, Any]) -> bool:
    """Return whether *options* has the user for the password *secret*, and no private key instead."""
    stem = _PASSWORD.sub("", secret)
    users = {f"{stem}{word}" for word in ("login", "user", "username", "user_name")}
    return stem != secret and not users.isdisjoint(options) and f"{stem}private_key" not in options


def _typed_name(option: DriverOption, key: str) -> str:
    """Return the name (present or older) by which *option* was typed; the check of options warns about older names."""
    return next(name for name in (option.name, *option.aliases) if name.replace("-", "_") == key)


def notes(words: Sequence[str]) -> list[Part]:
    """Return the last parts of the help: the options of the driver that *words* name, or of each that is installed."""
    name = _value("--driver", words)
    if name:
        with contextlib.suppress(errors.Error):
            return [Part(f"Options with --driver {name}:", [option_row(option) for option in of_driver(words)])]
    parts = []
    for name in registry.driver_names():
        options = _options_if_loadable(name)
        lacking = () if options else ("It cannot be loaded here, or takes no options.",)
        parts.append(Part(f"Options with --driver {name}:", [option_row(option) for option in options], lacking))
    cinder = "%cl_drivers WORD finds Cinder's drivers, %cl_drivers NAME shows the options of one."
    masked = (
        "A secret is masked and never stored. Leave it out, and it is asked for; or give a variable: --san-password $password"
    )
    return [*parts, Part("Options with --driver cinder.volume.drivers.…:", notes=(cinder, masked))]


def is_at_hand(words: Sequence[str]) -> bool:
    """Return whether the options of the driver named by ``--driver`` in *words* are known without starting a child process."""
    return _value("--driver", words) in {"", *registry.driver_names()}


def _value(option: str, words: Sequence[str]) -> str:
    for position, word in enumerate(words):
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
        if word == option and position + 1 < len(words):
            return words[position + 1]
    return ""


def _options_of(cls: type[Driver]) -> list[Option]:
    return [_magic_option(option, option.name) for option in cls.options() if option.name not in OURS]


def _older_of(cls: type[Driver]) -> list[Option]:
    """Return the options of *cls* under their older names, which are accepted, too."""
    reserved = {*OURS, *(option.name for option in cls.options())}
    return [
        _magic_option(option, name)
        for option in cls.options()
        for name in option.aliases
        if name not in reserved and "." not in name
    ]


def _options_if_loadable(driver: str) -> list[Option]:
    try:
        return _options_of(registry.load_driver(driver))
    except errors.Error:
        return []


def _magic_option(option: DriverOption, name: str) -> Option:
    # no choices here: the driver checks the values, with the same message for Python and for the magic
    default = "" if option.default in (None, "") else f" Default: {option.default}."
    required = " Required." if option.required or option.checked else ""
    choices = f" One of {', '.join(option.choices)}." if option.choices and option.kind is str else ""
    values = (*option.choices, *(("true", "false") if option.kind is bool else ()))
    return Option(
        name.replace("_", "-"),
        f"{option.help}{choices}{default}{required}",
        _METAVARS[option.kind],
        completes=f"choices:{','.join(values)}" if values else "file" if option.kind is Path else "",
        repeat=option.kind in _LIST_KINDS,
        secret=option.secret,
    )


def _joined(option: DriverOption, value: Any) -> Any:  # noqa: ANN401 - the type depends on the option
    """Return the value of an option; one that was repeated is a list, whose items keep their commas."""
    if option.kind not in _LIST_KINDS:
        return value
    if option.kind in {dict, Sections}:
        return ",".join(value)
    return value[0] if len(value) == 1 and not option.multi else value


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
    purpose="Begin",
    sample="%cl_drivers ceph",
    brief="find drivers, and the options of one",
)
"""The magic."""
