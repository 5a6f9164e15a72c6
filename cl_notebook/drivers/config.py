"""The configuration of a driver: checked, typed, and shown or kept without its secrets."""

from __future__ import annotations

import math
import numbers
import operator
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cl_notebook.drivers.base import Driver, Option

MASK = "***"
"""What stands for a secret wherever one could be seen."""

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


def check_config(driver_name: str, cls: type[Driver], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the full configuration of driver *cls*: *options* in their own types, defaults for the rest.

    Text is converted where it says the value cleanly, as it comes from a command line (``"10"``, ``"true"``); a path becomes
    absolute with ``~`` expanded and stays text. ``None`` means the default.

    Raises:
        errors.InvalidInput: an option is unknown, missing, of the wrong type, or none of its choices.

    """
    known = {option.name: option for option in cls.options()}
    for name in options:
        if name not in known:
            hint = errors.did_you_mean(str(name), known)
            msg = f"driver {driver_name!r} has no option {name!r}.{hint} options: {', '.join(known) or 'none'}"
            raise errors.InvalidInput(msg)
    return {option.name: _checked(driver_name, option, options.get(option.name)) for option in known.values()}


def masked(cls: type[Driver], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return *config* for display: what is secret, and was given, is shown as stars."""
    secret = _secrets(cls)
    return {name: MASK if name in secret and value is not None else value for name, value in config.items()}


def storable(cls: type[Driver], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return *config* for keeping: without what is secret."""
    secret = _secrets(cls)
    return {name: value for name, value in config.items() if name not in secret}


def _secrets(cls: type[Driver]) -> set[str]:
    return {option.name for option in cls.options() if option.secret}


def _checked(driver_name: str, option: Option, value: object) -> Any:  # noqa: ANN401 - each option has a type of its own
    if value is None:
        if option.required:
            msg = f"driver {driver_name!r} needs the option {option.name!r}: {option.help}"
            raise errors.InvalidInput(msg)
        return option.default
    if isinstance(value, str) and value in option.choices:
        return value
    try:
        converted = _CONVERTERS[option.kind](value)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: no home for that ~user
        # the converter's own words could hold the secret
        raise errors.InvalidInput(_refusal(driver_name, option, value)) from (None if option.secret else error)
    if (option.minimum is not None and converted < option.minimum) or (option.choices and option.kind is str):
        raise errors.InvalidInput(_refusal(driver_name, option, value))
    return converted


def _refusal(driver_name: str, option: Option, value: object) -> str:
    expected = [] if option.kind is str and option.choices else [_EXPECTED[option.kind]]
    if option.minimum is not None:
        expected[0] += f" of at least {option.minimum:g}"
    words = " or ".join([*expected, *option.choices])
    shown = MASK if option.secret else repr(value)
    hint = errors.did_you_mean(str(value), option.choices)
    return f"option {option.name!r} of driver {driver_name!r} must be {words}, not {shown}.{hint}"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool):
        raise TypeError
    return int(value, 10) if isinstance(value, str) else operator.index(value)  # type: ignore[arg-type] # raises TypeError itself


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (str, numbers.Real)):
        raise TypeError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = _text(value).strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError
    return word in _TRUE


def _path(value: object) -> str:
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError
    text = os.fspath(value)
    if not isinstance(text, str):
        raise TypeError
    expanded = Path(text).expanduser() if text.strip() and "\0" not in text else None
    if expanded is None:
        raise ValueError
    return str(expanded.absolute())


_CONVERTERS: Mapping[type, Callable[[object], Any]] = {str: _text, int: _whole, float: _number, bool: _flag, Path: _path}
_EXPECTED: Mapping[type, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "the path of a file or folder",
}
