"""A driver's configuration: checked and converted to its types, displayed and stored without secrets, which are looked up."""

from __future__ import annotations

import builtins
import contextlib
import contextvars
import getpass
import math
import numbers
import operator
import os
import re
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook import errors, masking, settings
from cl_notebook.drivers.api import Sections
from cl_notebook.masking import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from cl_notebook.drivers.api import Driver, Option

KEYRING_SERVICE = "cl_notebook"
"""Service name in the keyring library; the user name of a secret is ``BACKEND.OPTION``."""

UNDECLARED = "undeclared"
"""Name of the option with options that a driver reads although it does not declare them."""

_ADDRESS = re.compile(r"(^|_)(ip|ips|host|hosts|address|addresses|url|uri|server|endpoint|portal|path|python)($|_)")
"""Names of options with an address, which are shown first."""

_ANSWERS: contextvars.ContextVar[Mapping[str, str] | None] = contextvars.ContextVar("cl_notebook_answers", default=None)

_MAX_SHOWN = 12
_MAX_VALUE = 100

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


def check_config(driver_name: str, cls: type[Driver], options: Mapping[str, Any], backend_name: str = "") -> dict[str, Any]:
    """Return the full configuration of driver *cls*: *options* converted to their types, and defaults for the others.

    A default that depends on the backend is that of *backend_name*.

    Text is converted to the type of the option (``"10"``, ``"true"``), as a command line needs it. A path stays text, but becomes
    absolute with ``~`` expanded. ``None`` means the default. An older name of an option is accepted with a
    :class:`~cl_notebook.errors.ConfigurationWarning`.

    Raises:
        errors.InvalidInput: an option is unknown, missing, of the wrong type, not among its choices, or given under two names.

    """
    known = {option.name: option for option in cls.options()}
    options, renamed = current_names(driver_name, cls, options)
    if renamed:
        warnings.warn(renamed_text(f"driver {driver_name!r}", renamed), errors.ConfigurationWarning, stacklevel=6)
    for name in options:
        if name not in known:
            hint = errors.did_you_mean(str(name), known)
            if name in getattr(cls, "in_default", ()):
                hint = f" It is one of Cinder's [DEFAULT]: sections={{'DEFAULT': {{{str(name)!r}: …}}}}."
            listed = ", ".join(option.name for option in known.values() if option.own) or "none"
            msg = f"Driver {driver_name!r} has no option {name!r}.{hint} Options: {listed}."
            raise errors.InvalidInput(msg, option=str(name))
    return {
        option.name: _checked(driver_name, option, options.get(option.name), backend_name)
        for option in known.values()
        if not option.implicit or option.required or options.get(option.name) is not None
    }


def with_unknown(cls: type[Driver], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration *given*, with the options that driver *cls* does not have in its option ``undeclared``.

    A driver that lacks that option does not get them. A :class:`~cl_notebook.errors.ConfigurationWarning` names them.
    """
    known = {UNDECLARED, "volume_driver", *(name for option in cls.options() for name in (option.name, *option.aliases))}
    unknown = {name: value for name, value in given.items() if name not in known and value is not None}
    rest = {name: value for name, value in given.items() if name in known}
    if not unknown:
        return rest
    warnings.warn(f"Unknown config option {', '.join(sorted(unknown))}.", errors.ConfigurationWarning, stacklevel=6)
    if any(option.name == UNDECLARED for option in cls.options()):
        rest[UNDECLARED] = {name: _text_of(value) for name, value in unknown.items() if not isinstance(value, dict)}
    return rest


def current_names(driver_name: str, cls: type[Driver], options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return *options* under their current names in driver *cls*, and older name -> current name of those renamed.

    Raises:
        errors.InvalidInput: an option is given under two names.

    """
    known = {option.name for option in cls.options()}
    current = {alias: option.name for option in cls.options() for alias in option.aliases if alias not in known}
    renamed = {name: current[name] for name in options if name in current}
    for old, new in renamed.items():
        other = next((name for name in options if name != old and current.get(name, name) == new), None)
        if other is not None:
            msg = f"Options {other!r} and {old!r} of driver {driver_name!r} are one: {new!r}. Give it once."
            raise errors.InvalidInput(msg)
    return {current.get(name, name): value for name, value in options.items()}, renamed


def renamed_text(owner: str, renamed: Mapping[str, str]) -> str:
    """Return a remark on options of *owner* that were given under older names."""
    listed = ", ".join(f"{old!r} is {new!r}" for old, new in renamed.items())
    return f"Options of {owner} have other names now: {listed}. Use these; the older ones are taken for them."


def masked(cls: type[Driver], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return *config* for display, with secret options masked, and with what looks like a secret in other options."""
    return masking.mapping(config, _secrets(cls))


def storable(cls: type[Driver], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return *config* for the store: without secret options, also among those that the driver does not declare."""
    secret = _secrets(cls)
    result = {name: value for name, value in config.items() if name not in secret}
    if UNDECLARED in result:
        undeclared = result[UNDECLARED] or {}
        result[UNDECLARED] = {name: value for name, value in undeclared.items() if not masking.is_secret(str(name))}
    return result


def _secrets(cls: type[Driver]) -> set[str]:
    return {option.name for option in cls.options() if option.secret}


def _checked(driver_name: str, option: Option, value: object, backend_name: str) -> Any:  # noqa: ANN401 - each option has a type of its own
    if value is None or (option.references and option.kind in {int, float} and value == ""):  # as oslo.config does
        if option.default_for is not None and backend_name:
            return _CONVERTERS[option.kind](option.default_for(backend_name))
        if option.required or option.default_for is not None:
            msg = f"Driver {driver_name!r} needs the option {option.name!r}: {option.help}"
            raise errors.InvalidInput(msg, option=option.name)
        return option.default
    if isinstance(value, str) and (_is_choice(option, value) or (option.references and "$" in value)):
        return value if not option.multi else [value]
    convert = _CONVERTERS[option.kind]
    if option.references:
        convert = _one_by_one if option.multi else _COERCING.get(option.kind, convert)
    try:
        converted = convert(value)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: no home for that ~user
        # the converter's own message could hold the secret
        raise errors.InvalidInput(_refusal(driver_name, option, value), option=option.name) from (
            None if option.secret else error
        )
    too_small = option.minimum is not None and converted < option.minimum
    too_large = option.maximum is not None and converted > option.maximum
    if too_small or too_large or (option.choices and option.kind is str and not _is_choice(option, converted)):
        raise errors.InvalidInput(_refusal(driver_name, option, value), option=option.name)
    return converted


def _is_choice(option: Option, value: str) -> bool:
    if option.ignore_case:
        return value.lower() in {choice.lower() for choice in option.choices}
    return value in option.choices


def _refusal(driver_name: str, option: Option, value: object) -> str:
    expected = [] if option.kind is str and option.choices else [_EXPECTED[option.kind]]
    if option.minimum is not None:
        expected[0] += f" of at least {option.minimum:g}"
    if option.maximum is not None:
        expected[0] += f"{' and' if option.minimum is not None else ' of'} at most {option.maximum:g}"
    allowed = " or ".join([*expected, *option.choices])
    shown = MASK if option.secret else masking.text(repr(value))
    hint = errors.did_you_mean(str(value), option.choices)
    return f"Option {option.name!r} of driver {driver_name!r} must be {allowed}, not {shown}.{hint}"


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
    text = _text(value).strip().lower()
    if text not in _TRUE | _FALSE:
        raise ValueError
    return text in _TRUE


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise TypeError
    return [_item(item) for item in value]


def _text_of(value: object) -> str:
    """Return *value* as the text that oslo.config reads: items of a list are joined with commas."""
    if isinstance(value, (str, bool, numbers.Real)):
        return str(value)
    if isinstance(value, os.PathLike):
        return _text(os.fspath(value))
    return ",".join(_texts(value))


def _whole_of(value: object) -> int:
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral) and float(value).is_integer():
        return int(float(value))
    return _whole(value)


def _flag_of(value: object) -> bool:
    return _flag(str(value) if isinstance(value, numbers.Integral) else value)


def _one_by_one(value: object) -> list[str]:
    """Return the items of a multi-valued option; a text is one item, although it may have commas."""
    return [value] if isinstance(value, str) else [_item(value)] if isinstance(value, dict) else _texts(value)


def _item(value: object) -> str:
    if isinstance(value, dict):
        return ",".join(f"{key}:{item}" for key, item in value.items())  # the spelling of a device in cinder.conf
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise TypeError
    return str(value)


def _map(value: object) -> dict[str, str]:
    if isinstance(value, str):
        pairs = [item.partition(":") for item in _texts(value)]
        if not all(colon for _key, colon, _item in pairs):
            raise ValueError
        return {key.strip(): item.strip() for key, _colon, item in pairs}
    if not isinstance(value, dict):
        raise TypeError
    return {_item(key): _item(item) for key, item in value.items()}


def _sections(value: object) -> dict[str, dict[str, Any]]:
    """Return section -> option -> value, from a dict or from text (``DEFAULT.my_ip:192.0.2.1,os_brick.lock_path:/run/lock``)."""
    result: dict[str, dict[str, Any]] = {}
    if isinstance(value, dict):
        for section, options in value.items():
            if not isinstance(options, dict):
                raise TypeError
            result[_text(section)] = {_text(name): _one_or_several(item) for name, item in options.items()}
        return result
    for key, item in _map(value).items():
        section, dot, name = key.rpartition(".")
        if not dot:
            raise ValueError
        result.setdefault(section, {})[name] = item
    return result


def _one_or_several(value: object) -> str | list[str]:
    return _texts(value) if isinstance(value, (list, tuple)) else _item(value) if isinstance(value, dict) else _text_of(value)


def _path(value: object) -> str:
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError
    text = os.fspath(value)
    if not isinstance(text, str):
        raise TypeError
    expanded = settings.expanded(text) if text.strip() and "\0" not in text else None
    if expanded is None:
        raise ValueError
    return str(expanded.absolute())


_CONVERTERS: Mapping[type, Callable[[object], Any]] = {
    str: _text,
    int: _whole,
    float: _number,
    bool: _flag,
    list: _texts,
    dict: _map,
    Sections: _sections,
    Path: _path,
}
_COERCING: Mapping[type, Callable[[object], Any]] = {str: _text_of, int: _whole_of, bool: _flag_of}
"""Conversions for options with ``references``, which oslo.config converts itself."""

_EXPECTED: Mapping[type, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list of texts, or text with commas",
    dict: "a dict of texts, or text such as key:value,key:value",
    Sections: "a dict of sections, each a dict of options, or text such as section.option:value",
    Path: "the path of a file or folder",
}


def secret_variable(backend_name: str, option: str) -> str:
    """Return the name of the environment variable for a backend's secret option, such as ``CL_NOTEBOOK_CEPH_RBD_PASSWORD``."""
    return "CL_NOTEBOOK_" + re.sub(r"\W", "_", f"{backend_name}_{option}").upper()


def secret_destination(driver: str, config: Mapping[str, object], hidden: Collection[str] = ()) -> str:
    """Return a text that says where a backend's secrets are sent: its driver and options, without secret or *hidden* ones."""
    present = {name: value for name, value in config.items() if name not in hidden and value not in (None, "", False, [], {})}
    first = sorted(masking.mapping(present).items(), key=lambda pair: (not _ADDRESS.search(pair[0]), pair[0]))[:_MAX_SHOWN]
    options = ", ".join(f"{name}={_short(value)}" for name, value in first if value != masking.MASK)
    return f"driver {_short(driver)}{f' with {options}' if options else ''}"


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _MAX_VALUE else f"{shown[: _MAX_VALUE - 1]}…"


def require_secret(backend_name: str, option: str, target: str = "") -> str:
    """Return the secret *option* of a backend from the environment, the keyring, or a prompt.

    Call it only for a configuration that the user typed or confirmed: a foreign configuration could send the secret to another
    server. *target* says in the prompt and in the error where the secret is sent.

    Raises:
        errors.InvalidInput: the secret is in neither place, and no prompt is possible.

    """
    secret = find_secret(backend_name, option, target)
    if not secret:
        going_to = f" for {target}" if target else ""
        msg = (
            f"Backend {backend_name!r} needs its secret option {option!r}{going_to}, which is never stored. "
            f"Give it: cl.Backend({backend_name!r}, {option}=…), set {secret_variable(backend_name, option)}, or save it by the "
            f"keyring library: keyring.set_password({KEYRING_SERVICE!r}, '{backend_name}.{option}', …)."
        )
        raise errors.InvalidInput(msg, option=option)
    return secret


@contextlib.contextmanager
def answered(answers: Mapping[str, str]) -> Iterator[None]:
    """Take secrets from *answers*, by their options, instead of a prompt, in a block that runs where no prompt can be shown."""
    before = _ANSWERS.set(answers)
    try:
        yield
    finally:
        _ANSWERS.reset(before)


def find_secret(backend_name: str, option: str, target: str = "") -> str | None:
    """Return the secret as :func:`require_secret` does; None if there is none."""
    answers = _ANSWERS.get()
    if answers is not None and answers.get(option):
        return answers[option]
    secret = os.environ.get(secret_variable(backend_name, option)) or _from_keyring(f"{backend_name}.{option}")
    if answers is not None:
        return secret or None
    return secret or _prompt(f"{option} of backend {backend_name}{f' ({target})' if target else ''}: ") or None


def _from_keyring(name: str) -> str | None:
    try:
        import keyring  # noqa: PLC0415 - an optional dependency
    except ImportError:
        return None
    try:
        secret: str | None = keyring.get_password(KEYRING_SERVICE, name)
    except Exception:  # noqa: BLE001 - a locked or broken keyring is treated as one without the secret
        return None
    return secret


def _prompt(prompt: str) -> str | None:
    # in a notebook getpass prompts in the cell; elsewhere a prompt needs a terminal
    if not (sys.stdin.isatty() or hasattr(builtins, "__IPYTHON__")):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)  # the typed secret would be visible
            return getpass.getpass(prompt)
    except (RuntimeError, OSError, EOFError, getpass.GetPassWarning):  # the kernel's front end has no input
        return None
