"""The options of a driver, as ``%cl_backend add`` takes them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.drivers import registry, secrets
from cl_notebook.drivers.api import Sections
from cl_notebook.notebook.command.command import Option
from cl_notebook.notebook.command.help import columns
from cl_notebook.notebook.display.progress import shown
from cl_notebook.notebook.magics.drivers import description_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cl_notebook.drivers.api import Driver
    from cl_notebook.drivers.api import Option as DriverOption
    from cl_notebook.notebook.command.command import Call

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
    with shown(description_of(name)):
        return registry.load_driver(name, {"python": python} if python else {})


def given(call: Call, cls: type[Driver]) -> dict[str, Any]:
    """Return those options of the driver *cls* that were typed, by the driver's names for them."""
    names = {name.replace("-", "_"): option for option in cls.options() for name in (option.name, *option.aliases)}
    typed = call.given(*(key for key in names if key in call.values and key not in OURS - {"python"}))
    return {_typed_name(names[key], key): _joined(names[key], value) for key, value in typed.items()}


def secrets_left_out(name: str, driver: str, cls: type[Driver], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the secret options that the driver needs and nobody typed: from the environment, the keyring, or asked for.

    So that they need not stand in a cell. A password is also looked for where its user was typed; whoever is asked may leave it
    empty.
    """
    target = secrets.destination(driver, options)
    found: dict[str, Any] = {}
    for option in cls.options():
        is_typed = any(options.get(known, "") not in ("", None) for known in (option.name, *option.aliases))
        if option.secret and not is_typed and (option.required or option.checked or _user_of(option.name, options)):
            value = secrets.look(name, option.name, target)
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
        means=f"words:{','.join(words)}" if words else "",
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
