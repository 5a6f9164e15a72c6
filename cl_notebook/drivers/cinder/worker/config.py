"""A backend's options in oslo.config: written to a file in memory, read into the group of its driver, and checked."""

from __future__ import annotations

import contextlib
import difflib
import io
import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook import masking
from cl_notebook.masking import MASK

from . import log_relay, options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_log = logging.getLogger("cinder.options")
_RESERVED_GROUPS = {"DEFAULT", "backend_defaults"}


class OptionError(ValueError):
    """An option that Cinder does not have, or a value that it does not accept."""


def register() -> None:
    """Import the modules that register the options of Cinder's volume service, and those that its drivers import late."""
    import cinder.ssh_utils
    import cinder.volume.manager  # noqa: F401 - as above


def option(conf: Any, group: str, name: str) -> Any:
    """Return the oslo.config option *name* that is registered in *group* of *conf*; None if there is none."""
    known = conf._opts if group == "DEFAULT" else getattr(conf._groups.get(group), "_opts", {})  # noqa: SLF001 - no public list
    return known[name]["opt"] if name in known else None


def known(conf: Any, group: str) -> list[str]:
    """Return the names of the options that are registered in *group* of *conf*."""
    return [*(conf._opts if group == "DEFAULT" else getattr(conf._groups.get(group), "_opts", ()))]  # noqa: SLF001 - as above


def names(text: str) -> Iterator[str]:
    """Yield the names of the options that *text* refers to by ``$name`` or ``${name}``."""
    for match in _template().pattern.finditer(_escaped(text)):
        if name := _name(match):
            yield name


def replaced(text: str, value: Callable[[str], str]) -> str:
    """Return *text* with each reference ``$name`` replaced by ``value(name)``, unless that is empty."""
    return str(_template().pattern.sub(lambda match: value(_name(match)) or match[0], _escaped(text)))


def _template() -> Any:
    """Return oslo.config's subclass of :class:`string.Template`."""
    from oslo_config import cfg

    return cfg.ConfigOpts.Template


def _name(match: re.Match[str]) -> str:
    return match["named"] or match["braced"] or ""


def _escaped(text: str) -> str:
    return text.replace(r"\$", "$$")  # oslo.config accepts both escapes


def group_of(name: str, conf: Any) -> str:
    """Return the name of the configuration group for the backend *name*: its own, unless another group has that."""
    plain = re.sub(r"[^\w.-]", "_", name)
    return f"backend_{plain}" if plain in _RESERVED_GROUPS or plain in conf else plain


@contextlib.contextmanager
def file(cls: Any, sections: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Write a ``cinder.conf`` with *sections* (section -> option -> value) for the driver *cls*; give its path for the block.

    The file is in memory, since it holds secrets. It is a file because oslo.config replaces ``$other_option`` of the same group
    in values from a file, but not in overrides.

    Raises:
        OptionError: a value has a line break that a ``cinder.conf`` cannot hold.

    """
    driver_options = options.of_driver(cls)
    opts = {opt.name: opt for opt in (*driver_options.shared, *driver_options.own)}
    lines = [line for group, values in sections.items() for line in (f"[{group}]", *_lines(values, opts))]
    descriptor = os.memfd_create("cinder.conf")
    try:
        os.write(descriptor, "\n".join([*lines, ""]).encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _lines(section: dict[str, Any], opts: dict[str, Any]) -> Iterator[str]:
    for name, value in section.items():
        opt = opts.get(name)
        values = value if isinstance(value, list) and getattr(opt, "multi", False) else [value]
        for item in values:
            lines = _text(name, item, brackets=bool(getattr(getattr(opt, "type", None), "bounds", False))).split("\n")
            if "\r" in "".join(lines) or any(line != line.strip() or not line for line in lines[1:]):
                msg = f"Option {name!r} has a line break before an empty line, or before a blank. Remove it."
                raise OptionError(msg)
            yield "\n  ".join([f"{name} = {lines[0]}", *lines[1:]])


def merged(defaults: dict[str, Any], sections: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the sections other than the backend's own: *sections*, with the session's *defaults* added to ``[DEFAULT]``.

    Raises:
        OptionError: one of *defaults* has a line break.

    """
    for name, value in defaults.items():
        if "\n" in str(value):
            msg = f"Option {name!r} has a line break. Remove it."
            raise OptionError(msg)
    return {**sections, "DEFAULT": {**defaults, **sections.get("DEFAULT", {})}}


def without_unknown(conf: Any, sections: dict[str, dict[str, Any]], defaults: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return *sections* without those of the session's *defaults* that *conf* does not have, which are logged."""
    register()
    unknown = {name for name in defaults if option(conf, "DEFAULT", name) is None}
    for name in sorted(unknown):
        _log.warning("Unknown config option %s", name)
    return {**sections, "DEFAULT": {name: value for name, value in sections["DEFAULT"].items() if name not in unknown}}


def check_sections(conf: Any, sections: dict[str, dict[str, Any]], options: dict[str, Any]) -> None:
    """Check that each option in *sections* exists in *conf*, and that its value is valid.

    *options* are those of the backend's own section. An option that no module registers is accepted if another option refers to
    it, or if it is in ``[backend_defaults]``, whose options the driver registers and checks.

    Raises:
        OptionError: an option does not exist, or its value is invalid.

    """
    from oslo_config import cfg

    if any(option(conf, group, name) is None for group, section in sections.items() for name in section):
        register()
    values = [value for section in (*sections.values(), options) for value in section.values()]
    referred = {name for value in values if isinstance(value, str) for name in names(value)}
    for group, section in sections.items():
        for name, value in section.items():
            if group == "backend_defaults":
                continue
            if option(conf, group, name) is None and {name, f"{group}.{name}"} & referred:
                conf.register_opt(cfg.StrOpt(name), group=None if group == "DEFAULT" else group)
            _check_option(conf, group, name, value)


def refuse_secrets(conf: Any, sections: dict[str, dict[str, Any]]) -> None:
    """Refuse secret options in *sections*, since a backend's sections are stored.

    Raises:
        OptionError: an option is secret.

    """
    for group, section in sections.items():
        for name in section:
            opt = option(conf, group, name)
            if masking.is_secret(name) or (opt is not None and opt.secret):
                msg = f"Option {name!r} of [{group}] is secret, and sections are stored. Leave it out of them."
                raise OptionError(msg)


def _check_option(conf: Any, group: str, name: str, value: Any) -> None:
    from oslo_config import cfg

    opt = option(conf, group, name)
    if opt is None:
        close = difflib.get_close_matches(name, known(conf, group), n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        owner = "Neither cl.setup() nor Cinder's [DEFAULT] has" if group == "DEFAULT" else f"Cinder's [{group}] does not have"
        msg = f"{owner} an option {name!r}.{hint}"
        raise OptionError(msg)
    try:
        (conf if group == "DEFAULT" else conf[group])[name]
    except (ValueError, TypeError, cfg.Error) as error:
        msg = f"Option {name!r} of [{group}] cannot be {value!r}: {error}."
        raise OptionError(msg) from None


def driver_configuration(conf: Any, cls: Any, group: str, values: dict[str, Any]) -> Any:
    """Return the configuration object for the driver *cls*, after reading each of *values* from *group* of *conf*.

    Raises:
        OptionError: oslo.config does not accept a value.

    """
    from cinder.volume import configuration

    opts = options.of_driver(cls)
    result = configuration.Configuration(opts.to_register(values), config_group=group)
    secrets = {opt.name for opt in (*opts.own, *opts.others, *opts.shared) if options.is_secret(opt)}
    for option in secrets & values.keys():
        log_relay.hide(values[option])
    for option, value in values.items():
        read_value = _read(conf[group], option, value, is_secret=option in secrets)
        if option in secrets:
            log_relay.hide(read_value)  # as the driver reads it: references replaced, $$ as $
    return result


def with_brackets(cls: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Return *values* with brackets around those lists that oslo.config reads in brackets (``powermax_port_groups``)."""
    opts = options.of_driver(cls)
    names = {opt.name for opt in (*opts.own, *opts.others, *opts.shared) if getattr(opt.type, "bounds", False)}
    return {name: _in_brackets(value) if name in names else value for name, value in values.items()}


def _in_brackets(value: Any) -> Any:
    is_bare = isinstance(value, (list, dict)) and not (isinstance(value, list) and str([*value, ""][0]).startswith("["))
    return (
        f"{'[' if isinstance(value, list) else '{'}{_text('', value)}{']' if isinstance(value, list) else '}'}"
        if is_bare
        else value
    )


def _read(group: Any, option: str, value: Any, *, is_secret: bool) -> Any:
    from oslo_config import cfg

    try:
        return group[option]
    except (ValueError, TypeError, cfg.Error) as error:
        reason = f"{MASK}: write $$ where it has a $" if is_secret else f"{value!r}: {error}"
        msg = f"Option {option!r} cannot be {reason}."
        raise OptionError(msg) from None


def _text(name: str, value: Any, *, brackets: bool = False) -> str:
    if isinstance(value, (list, dict)):
        items = value if isinstance(value, list) else [*value, *value.values()]
        if any("," in str(item) for item in items):
            msg = f"Option {name!r} has an item with a comma, which Cinder would read as two items."
            raise OptionError(msg)
        joined = ",".join(map(str, value) if isinstance(value, list) else (f"{key}:{item}" for key, item in value.items()))
        return f"[{joined}]" if brackets and not joined.startswith("[") else joined
    text = str(value)
    return f'"{text}"' if text != text.strip() or text[:1] + text[-1:] in {"''", '""'} else text


def read_files(files: list[str]) -> dict[str, Any]:
    """Return the sections of *files*: section -> option -> its values as text, in their order, those of later files last.

    Section names that differ in letter case alone are one section, as in oslo.config, except ``[DEFAULT]``.

    Raises:
        ValueError: a file is not a valid ``cinder.conf``.

    """
    from oslo_config import cfg, iniparser

    names: dict[str, str] = {}
    merged: dict[str, Any] = {}
    for file in files:
        parsed: dict[str, Any] = {}
        try:
            parser = cfg.ConfigParser(file, parsed)
            lines = _conf_lines(Path(file).read_bytes())
            super(cfg.ConfigParser, parser).parse(lines)  # ConfigParser.parse() reads in the locale's encoding alone
        except iniparser.ParseError as error:
            msg = f"{file}, line {error.lineno}: {error.msg}."  # without the line, which may hold a secret
            raise ValueError(msg) from None
        for section, section_values in parsed.items():
            name = names.setdefault(section if section == "DEFAULT" else section.lower(), section)
            section_options = merged.setdefault(name, {})
            for option, values in section_values.items():
                section_options.setdefault(option, []).extend(values)
    return merged


def _conf_lines(data: bytes) -> io.StringIO:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # most likely a comment
    return io.StringIO(text, newline=None)
