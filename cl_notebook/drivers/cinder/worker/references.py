"""Options that are registered with oslo.config, and what their values refer to: ``$name``, ``${name}``, ``$group.name``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import re
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
