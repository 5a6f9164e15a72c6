"""What a backend takes from the other sections of a ``cinder.conf``: what its driver reads, or its options refer to."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook import masking

from . import bootstrap, config, introspect
from . import options as opts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DEFAULT = "DEFAULT"
_READ = re.compile(r"\bCONF\.(\w+)(?:\.(\w+))?")
_SERVICES = re.compile(
    r"cinder\.(api|backup|common|compute|db|group|keymgr|manager|message|monkey_patch|polic\w+|quota\w*|rpc|scheduler|service\w*"
    r"|transfer|volume\.(api|flows|group_types|manager|rpcapi|throttling|volume_types)|wsgi)(\.|$)"
)
"""Modules of Cinder that are imported with a driver, and read options of services."""

_OF_SERVICES = re.compile(
    r"(api|backup|control|enable_new|enabled|executor|glance|group_api|graceful|log|logging|max_age|monkey|no_snapshot|osapi|periodic"
    r"|public|publish|quota|rate_limit|report_interval|reservation|resource_query|rpc|run_external|scheduler|service|split|syslog|tcp"
    r"|transfer|transport|until|use_default|use_forwarded|use_journal|use_json|use_stderr|use_syslog|watch|wsgi)(_|$)"
    r"|(consistencygroup|volume|compute)_(api_class|manager|usage_audit_period)$|(auth_strategy|debug|default_log_levels|zoning_mode)$"
    r"|(config|instance)_(dir|file|format|source|uuid_format)$|lock_path$|.*_topic$"
)
"""Options of ``[DEFAULT]`` that are of services or of logging; and ``zoning_mode``, since the switches are left alone."""

_NOT_TAKEN = {
    *("backend_defaults", "cinder_sys_admin", "coordination", "database", "keystone_authtoken", "oslo_concurrency"),
    *("privsep_osbrick", "profiler", "service_user", "fc-zone-manager"),
}
"""Groups that the driver's own options are in, that cl_notebook sets itself, or that are of services that it does not have.

Folders of locks are left out everywhere: those of the session are for all that works on its storages.
"""


def taken(path: str, sections: dict[str, dict[str, list[str]]], options: dict[str, Any]) -> dict[str, Any]:
    """Return what the driver at *path*, with the *options* of its own section, takes from the other *sections* of the file.

    ``sections`` is what is taken, section -> option -> its value, or its values if it may have several. A secret is not taken,
    since what is taken is stored: ``options`` are the secret ones of *options* that refer to one, with the reference replaced;
    ``secrets`` names those that the driver reads, or that other options refer to.
    """
    bootstrap.imported()
    cls = introspect.imported(path)
    reads = set(_reads(cls.__module__.partition(".")[0]))
    from oslo_config import cfg

    config.register()
    known = opts.of_driver(cls)
    every = (*known.own, *known.shared)
    found = _Taken(cfg.CONF, sections, {opt.name for opt in every})
    secret = {opt.name for opt in every if opts.is_secret(opt)}
    plain = [*(value for name, value in options.items() if name not in secret), *(opt.default for opt in every)]
    found.take(reads | _registered(cfg.CONF))
    for text in _texts(plain):
        found.follow(text, _DEFAULT)
    for text in _texts(options[name] for name in secret & options.keys()):
        found.follow(text, _DEFAULT, inlines=True)
    changed = {name: found.inlined(value) if name in secret else value for name, value in options.items()}
    return {
        "sections": found.sections,
        "options": {name: value for name, value in changed.items() if value != options[name]},
        "secrets": sorted(found.secrets),
    }


def _registered(conf: Any) -> set[tuple[str, str]]:
    """Return the options of ``[DEFAULT]`` that a driver may read by a name that it puts together."""
    return {(_DEFAULT, name) for name in conf._opts if not _OF_SERVICES.match(name)}  # noqa: SLF001 - no public list


class _Taken:
    """Options that were taken, with those that they refer to in turn."""

    def __init__(self, conf: Any, file: dict[str, dict[str, list[str]]], own: set[str]) -> None:
        self.sections: dict[str, dict[str, Any]] = {}
        self.secrets: set[str] = set()
        self._conf = conf
        self._file = file
        self._own = own
        self._seen: set[tuple[str, str]] = set()

    def take(self, names: Iterable[tuple[str, str]]) -> None:
        """Take these options, but for those that are secret."""
        for group, name in sorted(names):
            self._one(group, name, is_referred=False)

    def follow(self, text: str, group: str, *, inlines: bool = False) -> None:
        """Take what *text*, the value of an option of *group*, refers to, but for options of the backend's own section.

        The text *inlines* the secrets that it refers to.
        """
        for name in config.names(text):
            self._one(*self._place(name, group), is_referred=True, inlines=inlines)

    def inlined(self, value: Any) -> Any:
        """Return *value*, that of a secret option, with the references to secrets replaced by these."""
        if isinstance(value, list):
            return [self.inlined(item) for item in value]
        if not isinstance(value, str) or not any(self._secret(name) for name in config.names(value)):
            return value
        return config.replaced(value, self._secret)

    def _secret(self, reference: str) -> str:
        """Return the text of the secret to which *reference* leads; nothing if it is none."""
        group, name = self._place(reference, _DEFAULT)
        if not name or (group == _DEFAULT and name in self._own) or not self._is_secret(group, name):
            return ""
        return (self._values(group, name) or [""])[-1]

    def _place(self, name: str, group: str) -> tuple[str, str]:
        section, dot, option = name.partition(".")
        if dot:
            return section, option
        return (group if self._values(group, name) else _DEFAULT), name

    def _one(self, group: str, name: str, *, is_referred: bool, inlines: bool = False) -> None:
        if (group, name) in self._seen or (group == _DEFAULT and name in self._own and is_referred):
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
        """Return the values of an option, under whatever name the file has it."""
        places = [
            (group, name),
            *((old.group or group, old.name or name) for old in (opt.deprecated_opts if opt is not None else ())),
        ]
        for section, word in places:
            values = _section(self._file, section).get(word)
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
    """Yield the options of other groups that Cinder's modules for drivers and the package *top* read, as their sources say."""
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
                and first not in _NOT_TAKEN
                and second != "lock_path"
                and config.option(cfg.CONF, first, second) is not None
            ):
                yield first, second
