"""Finds the options that a backend needs from other sections of a ``cinder.conf``: read by its driver, or referred to."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook import masking

from . import bootstrap, config, introspect
from .options import is_secret, of_driver

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DEFAULT = "DEFAULT"
_READ = re.compile(r"\bCONF\.(\w+)(?:\.(\w+))?")
_SERVICES = re.compile(
    r"cinder\.(api|backup|common|compute|db|group|keymgr|manager|message|monkey_patch|polic\w+|quota\w*|rpc|scheduler|service\w*"
    r"|transfer|volume\.(api|flows|group_types|manager|rpcapi|throttling|volume_types)|wsgi)(\.|$)"
)
"""Modules of Cinder that a driver imports although they belong to services; the options that they read are ignored."""

_OF_SERVICES = re.compile(
    r"(api|backup|control|enable_new|enabled|executor|glance|group_api|graceful|log|logging|max_age|monkey|no_snapshot|osapi|periodic"
    r"|public|publish|quota|rate_limit|report_interval|reservation|resource_query|rpc|run_external|scheduler|service|split|syslog|tcp"
    r"|transfer|transport|until|use_default|use_forwarded|use_journal|use_json|use_stderr|use_syslog|watch|wsgi)(_|$)"
    r"|(consistencygroup|volume|compute)_(api_class|manager|usage_audit_period)$|(auth_strategy|debug|default_log_levels|zoning_mode)$"
    r"|(config|instance)_(dir|file|format|source|uuid_format)$|lock_path$|.*_topic$"
)
"""Options of ``[DEFAULT]`` for services or logging; and ``zoning_mode``, since Fibre Channel zones are not managed here."""

_IGNORED_GROUPS = {
    *("backend_defaults", "cinder_sys_admin", "coordination", "database", "keystone_authtoken", "oslo_concurrency"),
    *("privsep_osbrick", "profiler", "service_user", "fc-zone-manager"),
}
"""Groups with the driver's own options, groups that cl_notebook sets itself, and groups of services that it does not have.

``lock_path`` is ignored in every group: all backends of a session share its lock folder.
"""


def inherited(path: str, sections: dict[str, dict[str, list[str]]], options: dict[str, Any]) -> dict[str, Any]:
    """Return what the driver at *path*, with the *options* of its own section, needs from the other *sections* of the file.

    Secrets are not taken over, since the result is stored.

    Returns:
        ``sections``: section -> option -> value (a list of values for a multi-valued option).
        ``options``: those of *options* that are secret and refer to a secret, with the reference replaced by its value.
        ``secrets``: names of the secrets that were left out although the driver reads them or an option refers to them.

    """
    bootstrap.imported()
    cls = introspect.imported(path)
    reads = set(_reads(cls.__module__.partition(".")[0]))
    from oslo_config import cfg

    config.register()
    driver_options = of_driver(cls)
    opts = (*driver_options.own, *driver_options.shared)
    collector = _Collector(cfg.CONF, sections, {opt.name for opt in opts})
    secret = {opt.name for opt in opts if is_secret(opt)}
    plain = [*(value for name, value in options.items() if name not in secret), *(opt.default for opt in opts)]
    collector.take(reads | _registered(cfg.CONF))
    for text in _texts(plain):
        collector.follow(text, _DEFAULT)
    for text in _texts(options[name] for name in secret & options.keys()):
        collector.follow(text, _DEFAULT, inlines=True)
    changed = {name: collector.inlined(value) if name in secret else value for name, value in options.items()}
    return {
        "sections": collector.sections,
        "options": {name: value for name, value in changed.items() if value != options[name]},
        "secrets": sorted(collector.secrets),
    }


def _registered(conf: Any) -> set[tuple[str, str]]:
    """Return (group, option) of each option in ``[DEFAULT]`` that a driver may read by a computed name."""
    return {(_DEFAULT, name) for name in conf._opts if not _OF_SERVICES.match(name)}  # noqa: SLF001 - no public list


class _Collector:
    """Collects options, and in turn the options that these refer to."""

    def __init__(self, conf: Any, file: dict[str, dict[str, list[str]]], driver_options: set[str]) -> None:
        self.sections: dict[str, dict[str, Any]] = {}
        self.secrets: set[str] = set()
        self._conf = conf
        self._file = file
        self._driver_options = driver_options
        self._seen: set[tuple[str, str]] = set()

    def take(self, names: Iterable[tuple[str, str]]) -> None:
        """Collect the options *names*, each (group, option), except secret ones."""
        for group, name in sorted(names):
            self._collect(group, name, is_referred=False)

    def follow(self, text: str, group: str, *, inlines: bool = False) -> None:
        """Collect the options that *text*, a value in *group*, refers to, except those of the backend's own section.

        With *inlines* the caller replaces references to secrets by their values, so that these are not reported as left out.
        """
        for name in config.names(text):
            self._collect(*self._resolve(name, group), is_referred=True, inlines=inlines)

    def inlined(self, value: Any) -> Any:
        """Return *value*, that of a secret option, with references to secrets replaced by their values."""
        if isinstance(value, list):
            return [self.inlined(item) for item in value]
        if not isinstance(value, str) or not any(self._secret(name) for name in config.names(value)):
            return value
        return config.replaced(value, self._secret)

    def _secret(self, reference: str) -> str:
        """Return the value of the secret that *reference* names; empty if it names no secret."""
        group, name = self._resolve(reference, _DEFAULT)
        if not name or (group == _DEFAULT and name in self._driver_options) or not self._is_secret(group, name):
            return ""
        return (self._values(group, name) or [""])[-1]

    def _resolve(self, name: str, group: str) -> tuple[str, str]:
        section, dot, option = name.partition(".")
        if dot:
            return section, option
        return (group if self._values(group, name) else _DEFAULT), name

    def _collect(self, group: str, name: str, *, is_referred: bool, inlines: bool = False) -> None:
        if (group, name) in self._seen or (group == _DEFAULT and name in self._driver_options and is_referred):
            return
        self._seen.add((group, name))
        opt = self._opt(group, name)
        values = self._values(group, name, opt)
        if not values:
            for text in _texts([opt.default] if opt is not None else []):
                self.follow(text, group)
        elif self._is_secret(group, name):
            if not inlines:
                self.secrets.add(f"[{group}] {name}")
        else:
            self.sections.setdefault(group, {})[name] = list(values) if opt is not None and opt.multi else values[-1]
            for text in values:
                self.follow(text, group)

    def _is_secret(self, group: str, name: str) -> bool:
        opt = self._opt(group, name)
        return bool(opt is not None and opt.secret) or masking.is_secret(name)

    def _opt(self, group: str, name: str) -> Any:
        return config.option(self._conf, group, name)

    def _values(self, group: str, name: str, opt: Any = None) -> list[str]:
        """Return the values of an option in the file, also under its older names."""
        names = [
            (group, name),
            *((old.group or group, old.name or name) for old in (opt.deprecated_opts if opt is not None else ())),
        ]
        for section, option in names:
            values = _section(self._file, section).get(option)
            if values:
                return values
        return []


def _section(file: dict[str, dict[str, list[str]]], group: str) -> dict[str, list[str]]:
    if group in file or group == _DEFAULT:
        return file.get(group, {})
    return next((options for name, options in file.items() if name.lower() == group.lower() and name != _DEFAULT), {})


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str) and "$" in value:
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _texts(value)


def _reads(top: str) -> Iterator[tuple[str, str]]:
    """Yield (group, option) of each ``CONF.…`` in the sources of Cinder's driver modules, os-brick and the package *top*."""
    from oslo_config import cfg

    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] not in {"cinder", "os_brick", top} or _SERVICES.match(name) or not file:
            continue
        for first, second in _READ.findall(Path(file).read_text(encoding="utf-8", errors="replace")):
            if config.option(cfg.CONF, _DEFAULT, first) is not None:
                yield _DEFAULT, first
            elif (
                second
                and first not in _IGNORED_GROUPS
                and second != "lock_path"
                and config.option(cfg.CONF, first, second) is not None
            ):
                yield first, second
