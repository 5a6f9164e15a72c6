"""The options of one backend, in the group of ``cfg.CONF`` that Cinder's drivers read them from."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
from typing import TYPE_CHECKING, Any

from cl_notebook.masking import MASK

from . import logs, options

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAKEN = {"DEFAULT", "backend_defaults"}


class OptionError(ValueError):
    """A value that oslo.config does not take, or a reference to an option that there is not."""


def group_of(name: str, conf: Any) -> str:
    """Return what the group of the backend *name* is called: its name, where nothing else is."""
    plain = re.sub(r"[^\w.-]", "_", name)
    return f"backend_{plain}" if plain in _TAKEN or plain in conf else plain


@contextlib.contextmanager
def file(group: str, options: dict[str, Any], defaults: dict[str, Any]) -> Iterator[str]:
    """Give the name of a ``cinder.conf`` with *options* in *group* and *defaults* in ``[DEFAULT]``, while the block lasts.

    It is in memory, since it has secrets.

    A file, and not overrides: only in what was read from a file does oslo.config see ``$other_option`` of the same group.

    Raises:
        OptionError: a value has a line break.

    """
    lines = ["[DEFAULT]", *_lines(defaults), f"[{group}]", *_lines(options)]
    descriptor = os.memfd_create("cinder.conf")
    try:
        os.write(descriptor, "\n".join([*lines, ""]).encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _lines(options: dict[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        values = value if isinstance(value, list) and name in _multiple() else [value]
        for each in values:
            text = _text(name, each)
            if "\n" in text or "\r" in text:
                msg = f"option {name!r} has a line break"
                raise OptionError(msg)
            yield f"{name} = {text}"


def check_defaults(conf: Any, defaults: dict[str, Any]) -> None:
    """Check that ``[DEFAULT]`` of *conf* has the options *defaults*, and takes their values.

    Raises:
        OptionError: it does not.

    """
    if not all(name in conf for name in defaults):
        import cinder.volume.manager  # noqa: F401 - it registers the options of Cinder's volume service
    for name, value in defaults.items():
        if not _is_option(conf, name, value):
            close = difflib.get_close_matches(name, [*conf], n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            msg = f"neither cl.setup() nor Cinder's [DEFAULT] has an option {name!r}.{hint}"
            raise OptionError(msg)


def _is_option(conf: Any, name: str, value: Any) -> bool:
    from oslo_config import cfg

    if name not in conf:
        return False
    try:
        return not isinstance(conf[name], cfg.ConfigOpts.GroupAttr)
    except ValueError as error:
        msg = f"option {name!r} of [DEFAULT] cannot be {value!r}: {error}"
        raise OptionError(msg) from None


def made(conf: Any, cls: Any, group: str, given: dict[str, Any]) -> Any:
    """Return the configuration that the driver *cls* is given, once every value in it was read.

    Raises:
        OptionError: oslo.config does not take a value.

    """
    from cinder.volume import configuration

    opts = options.of_driver(cls)
    found = configuration.Configuration(list(opts.own), config_group=group)
    found.append_config_values(list(opts.shared))
    hidden = {opt.name for opt in (*opts.own, *opts.shared) if options.is_secret(opt)}
    for option in hidden & given.keys():
        logs.hide(given[option])
    for option, value in given.items():
        found_value = _read(conf[group], option, value, is_secret=option in hidden)
        if option in hidden:
            logs.hide(found_value)  # as the driver knows it: a reference replaced, $$ as $
    return found


def _read(group: Any, option: str, value: Any, *, is_secret: bool) -> Any:
    from oslo_config import cfg

    try:
        return group[option]
    except (ValueError, TypeError, cfg.Error) as error:
        shown = f"{MASK}: write $$ where it has a $" if is_secret else f"{value!r}: {error}"
        msg = f"option {option!r} cannot be {shown}"
        raise OptionError(msg) from None


def _multiple() -> set[str]:
    from oslo_config import cfg

    opts = cfg.CONF._groups["backend_defaults"]._opts  # noqa: SLF001 - there is no public list of a group's options
    return {name for name, info in opts.items() if info["opt"].multi}


def _text(name: str, value: Any) -> str:
    if isinstance(value, (list, dict)):
        items = value if isinstance(value, list) else [*value, *value.values()]
        if any("," in str(item) for item in items):
            msg = f"option {name!r} has an item with a comma, which Cinder would take for two"
            raise OptionError(msg)
        return ",".join(map(str, value) if isinstance(value, list) else (f"{key}:{item}" for key, item in value.items()))
    text = str(value)
    return f'"{text}"' if text != text.strip() or text[:1] + text[-1:] in {"''", '""'} else text
