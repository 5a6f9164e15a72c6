"""The options of one backend, in the group of ``cfg.CONF`` that Cinder's drivers read them from."""

from __future__ import annotations

import contextlib
import difflib
import io
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook import masking
from cl_notebook.masking import MASK

from . import log_relay, options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def register() -> None:
    """Import what registers options of Cinder's volume service, and of what its drivers import when they need it."""
    import cinder.ssh_utils
    import cinder.volume.manager  # noqa: F401 - as above


def option(conf: Any, group: str, name: str) -> Any:
    """Return the option *name* that is registered in *group* of *conf*, if there is one."""
    known = conf._opts if group == "DEFAULT" else getattr(conf._groups.get(group), "_opts", {})  # noqa: SLF001 - no public list
    return known[name]["opt"] if name in known else None


def known(conf: Any, group: str) -> list[str]:
    """Return the names of the options that are registered in *group* of *conf*."""
    return [*(conf._opts if group == "DEFAULT" else getattr(conf._groups.get(group), "_opts", ()))]  # noqa: SLF001 - as above


def names(text: str) -> Iterator[str]:
    """Yield the options that *text* refers to, as it names them."""
    for match in _template().pattern.finditer(_escaped(text)):
        if name := _name(match):
            yield name


def replaced(text: str, value: Callable[[str], str]) -> str:
    """Return *text* with the references replaced for which *value* gives a text that is not empty."""
    return str(_template().pattern.sub(lambda match: value(_name(match)) or match[0], _escaped(text)))


def _template() -> Any:
    """Return oslo.config's own form of :class:`string.Template`."""
    from oslo_config import cfg

    return cfg.ConfigOpts.Template


def _name(match: re.Match[str]) -> str:
    return match["named"] or match["braced"] or ""


def _escaped(text: str) -> str:
    return text.replace(r"\$", "$$")  # oslo.config takes both


_TAKEN = {"DEFAULT", "backend_defaults"}


class OptionError(ValueError):
    """A value that oslo.config does not take, or a reference to an option that there is not."""


def group_of(name: str, conf: Any) -> str:
    """Return what the group of the backend *name* is called: its name, where nothing else is."""
    plain = re.sub(r"[^\w.-]", "_", name)
    return f"backend_{plain}" if plain in _TAKEN or plain in conf else plain


@contextlib.contextmanager
def file(cls: Any, sections: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Give the name of a ``cinder.conf`` with *sections*, section -> option -> value, for the driver *cls* while the block lasts.

    It is in memory, since it has secrets.

    A file, and not overrides: only in what was read from a file does oslo.config see ``$other_option`` of the same group.

    Raises:
        OptionError: a value has a line break that no ``cinder.conf`` can have.

    """
    found = options.of_driver(cls)
    known = {opt.name: opt for opt in (*found.shared, *found.own)}
    lines = [line for group, given in sections.items() for line in (f"[{group}]", *_lines(given, known))]
    descriptor = os.memfd_create("cinder.conf")
    try:
        os.write(descriptor, "\n".join([*lines, ""]).encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _lines(given: dict[str, Any], known: dict[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        opt = known.get(name)
        values = value if isinstance(value, list) and getattr(opt, "multi", False) else [value]
        for each in values:
            lines = _text(name, each, brackets=bool(getattr(getattr(opt, "type", None), "bounds", False))).split("\n")
            if "\r" in "".join(lines) or any(line != line.strip() or not line for line in lines[1:]):
                msg = f"option {name!r} has a line break before an empty line, or before a blank"
                raise OptionError(msg)
            yield "\n  ".join([f"{name} = {lines[0]}", *lines[1:]])


def merged(defaults: dict[str, Any], sections: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the sections beside the backend's own: *defaults*, the session's, stand behind what the backend has itself.

    Raises:
        OptionError: one of *defaults* has a line break, as no option of Cinder's ``[DEFAULT]`` has.

    """
    for name, value in defaults.items():
        if "\n" in str(value):
            msg = f"option {name!r} has a line break"
            raise OptionError(msg)
    return {**sections, "DEFAULT": {**defaults, **sections.get("DEFAULT", {})}}


def check_sections(conf: Any, sections: dict[str, dict[str, Any]], options: dict[str, Any]) -> None:
    """Check that the *sections* of *conf* have these options, and take their values.

    *options* are those of the backend's own section. An option that nobody registers is one if another option refers to it, or
    if it stands in ``[backend_defaults]``: what is there is the driver's to register and to check.

    Raises:
        OptionError: there is no such option, or it does not take its value.

    """
    from oslo_config import cfg

    if any(option(conf, group, name) is None for group, given in sections.items() for name in given):
        register()
    values = [value for given in (*sections.values(), options) for value in given.values()]
    referred = {name for value in values if isinstance(value, str) for name in names(value)}
    for group, given in sections.items():
        for name, value in given.items():
            if group == "backend_defaults":
                continue
            if option(conf, group, name) is None and {name, f"{group}.{name}"} & referred:
                conf.register_opt(cfg.StrOpt(name), group=None if group == "DEFAULT" else group)
            _check_option(conf, group, name, value)


def refuse_secrets(conf: Any, sections: dict[str, dict[str, Any]]) -> None:
    """Refuse options of *sections* that are secret: a backend's sections are stored.

    Raises:
        OptionError: one is.

    """
    for group, given in sections.items():
        for name in given:
            opt = option(conf, group, name)
            if masking.is_secret(name) or (opt is not None and opt.secret):
                msg = f"option {name!r} of [{group}] is secret, and sections are stored. Leave it out of them"
                raise OptionError(msg)


def _check_option(conf: Any, group: str, name: str, value: Any) -> None:
    from oslo_config import cfg

    opt = option(conf, group, name)
    if opt is None:
        close = difflib.get_close_matches(name, known(conf, group), n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        who = "neither cl.setup() nor Cinder's [DEFAULT] has" if group == "DEFAULT" else f"Cinder's [{group}] does not have"
        msg = f"{who} an option {name!r}.{hint}"
        raise OptionError(msg)
    try:
        (conf if group == "DEFAULT" else conf[group])[name]
    except (ValueError, TypeError, cfg.Error) as error:
        msg = f"option {name!r} of [{group}] cannot be {value!r}: {error}"
        raise OptionError(msg) from None


def made(conf: Any, cls: Any, group: str, given: dict[str, Any]) -> Any:
    """Return the configuration that the driver *cls* is given, once every value in it was read.

    Raises:
        OptionError: oslo.config does not take a value.

    """
    from cinder.volume import configuration

    opts = options.of_driver(cls)
    found = configuration.Configuration(opts.to_register(given), config_group=group)
    hidden = {opt.name for opt in (*opts.own, *opts.others, *opts.shared) if options.is_secret(opt)}
    for option in hidden & given.keys():
        log_relay.hide(given[option])
    for option, value in given.items():
        found_value = _read(conf[group], option, value, is_secret=option in hidden)
        if option in hidden:
            log_relay.hide(found_value)  # as the driver knows it: a reference replaced, $$ as $
    return found


def bounded(cls: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Return *given* with brackets around the lists that a ``cinder.conf`` has in brackets (``powermax_port_groups``)."""
    opts = options.of_driver(cls)
    names = {opt.name for opt in (*opts.own, *opts.others, *opts.shared) if getattr(opt.type, "bounds", False)}
    return {name: _in_brackets(value) if name in names else value for name, value in given.items()}


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
        shown = f"{MASK}: write $$ where it has a $" if is_secret else f"{value!r}: {error}"
        msg = f"option {option!r} cannot be {shown}"
        raise OptionError(msg) from None


def _text(name: str, value: Any, *, brackets: bool = False) -> str:
    if isinstance(value, (list, dict)):
        items = value if isinstance(value, list) else [*value, *value.values()]
        if any("," in str(item) for item in items):
            msg = f"option {name!r} has an item with a comma, which Cinder would take for two"
            raise OptionError(msg)
        joined = ",".join(map(str, value) if isinstance(value, list) else (f"{key}:{item}" for key, item in value.items()))
        return f"[{joined}]" if brackets and not joined.startswith("[") else joined
    text = str(value)
    return f'"{text}"' if text != text.strip() or text[:1] + text[-1:] in {"''", '""'} else text


def sections(files: list[str]) -> dict[str, Any]:
    """Return the sections of *files*: option -> its values, as text, in the order in which they stand, those of later files last.

    As for oslo.config the names of sections are one in any letter case, but for ``[DEFAULT]``.
    """
    from oslo_config import cfg, iniparser

    names: dict[str, str] = {}
    merged: dict[str, Any] = {}
    for file in files:
        found: dict[str, Any] = {}
        try:
            parser = cfg.ConfigParser(file, found)
            lines = _conf_lines(Path(file).read_bytes())
            super(cfg.ConfigParser, parser).parse(lines)  # its own parse() reads in the locale's encoding alone
        except iniparser.ParseError as error:
            msg = f"{file}, line {error.lineno}: {error.msg}"  # without the line, which may hold a secret
            raise ValueError(msg) from None
        for section, in_section in found.items():
            name = names.setdefault(section if section == "DEFAULT" else section.lower(), section)
            kept = merged.setdefault(name, {})
            for option, values in in_section.items():
                kept.setdefault(option, []).extend(values)
    return merged


def _conf_lines(data: bytes) -> io.StringIO:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # only a comment is likely to have such letters
    return io.StringIO(text, newline=None)
