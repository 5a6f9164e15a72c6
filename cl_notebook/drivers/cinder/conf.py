"""Reads the backends of a ``cinder.conf``, each with the options that it needs from other sections."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from cl_notebook import errors, settings
from cl_notebook.drivers.cinder.factory import driver_class
from cl_notebook.drivers.cinder.options import PYTHON, SECTIONS, interpreter
from cl_notebook.drivers.cinder.process import WorkerProcess
from cl_notebook.drivers.options import renamed_text
from cl_notebook.text import enumerated

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from cl_notebook.drivers.api import Option
    from cl_notebook.drivers.cinder.driver import CinderDriver

_DEFAULT = "DEFAULT"
_SHARED = "backend_defaults"
_ENABLED = "enabled_backends"
_DRIVER = "volume_driver"
_NOT_OPTIONS = {_DRIVER, "volume_backend_name"}


class Conf:
    """A ``cinder.conf``, or several files that form one configuration, read once.

    Options that a backend needs from other sections, because its driver reads them or its options refer to them, become its
    option ``sections``. ``remarks`` list what was left out or renamed.
    """

    def __init__(self, files: str | Sequence[str], python: str | None = None) -> None:
        """Read *files* with the parser of the Cinder in *python*; a later file overrides an earlier one.

        A folder is read as its ``*.conf`` files, sorted by name.

        Raises:
            errors.InvalidInput: a file cannot be read.
            errors.NotSupported: *python* has no Cinder.

        """
        self._files = [path for file in ([files] if isinstance(files, str) else files) for path in _files(file)]
        self._name = ", ".join(map(str, self._files))
        self._python = python
        self._used: dict[str, set[str]] = {}
        self._options: dict[str, dict[str, Any]] = {}
        self._remarks: dict[str, list[str]] = {}
        self._secrets: set[str] = set()
        with contextlib.closing(WorkerProcess(interpreter({PYTHON: python}))) as child:
            try:
                self._sections: dict[str, dict[str, list[str]]] = child.ask("conf", self._name, files=[*map(str, self._files)])
            except errors.DriverError as error:
                if isinstance(error, errors.NotSupported):
                    raise
                msg = f"{error}"
                raise errors.InvalidInput(msg) from error.__cause__

    def enabled(self) -> list[str]:
        """Return the names in ``enabled_backends``.

        Raises:
            errors.InvalidInput: the option is missing or empty.

        """
        values = self._sections.get(_DEFAULT, {}).get(_ENABLED) or [""]
        names = [name.strip(" \t'\"") for name in values[-1].replace("\n", ",").split(",")]
        if not any(names):
            candidates = (
                ", ".join(name for name in self._sections if _DRIVER in self._sections[name] and name != _SHARED) or "none"
            )
            msg = f"{self._name} has no {_ENABLED} in [{_DEFAULT}]. Name them; sections with a {_DRIVER}: {candidates}."
            raise errors.InvalidInput(msg)
        return list(dict.fromkeys(filter(None, names)))

    def backend_name(self, name: str) -> str:
        """Return ``volume_backend_name`` of the section *name*; *name* itself if the section has none."""
        return (self._section(name).get("volume_backend_name") or [name])[-1]

    def options(self, name: str) -> dict[str, Any]:
        """Return the options of the backend in section *name*, as ``Backend()`` takes them, ``volume_driver`` among them.

        Raises:
            errors.InvalidInput: there is no section *name*, or it has no driver.
            errors.NotSupported: the driver lacks a library.
            errors.NotFound: there is no such driver.

        """
        if name not in self._options:
            self._options[name] = self._read(name)
        return dict(self._options[name])

    @property
    def remarks(self) -> list[str]:
        """Remarks on the backends whose options were read, one line each."""
        return [*(line for lines in self._remarks.values() for line in lines), *self._left_out()] if self._options else []

    def _section(self, name: str) -> dict[str, list[str]]:
        matched = [section for section in self._sections if section.lower() == name.lower() and section != _DEFAULT]
        if not matched:
            hint = errors.did_you_mean(name, self._sections)
            listed = enumerated(list(self._sections), errors.SHOWN) or "none"
            msg = f"{self._name} has no section [{name}].{hint} Sections: {listed}."
            raise errors.InvalidInput(msg)
        return self._sections[matched[0]]

    def _read(self, name: str) -> dict[str, Any]:
        section = self._section(name)
        shared = self._sections.get(_SHARED, {})
        driver = (section.get(_DRIVER) or shared.get(_DRIVER) or [""])[-1]
        if not driver:
            msg = f"{self._name}: section [{name}] has no {_DRIVER}, for which Cinder would take LVM. Add it to the section."
            raise errors.InvalidInput(msg)
        cls = driver_class(driver, {PYTHON: self._python})
        options = dict(self._known(name, section, cls.options()))
        for option, value in self._known(_SHARED, shared, cls.options()):
            options.setdefault(option, value)
        inherited = cls.ask(
            "surroundings",
            f"{name}: other sections of {self._name}",
            sections=self._sections,
            options=options,
        )
        options |= inherited["options"]
        self._secrets |= set(inherited["secrets"])
        for group, values in inherited["sections"].items():
            self._used.setdefault(group, set()).update(values)
        self._remark(name, section, cls, driver)
        result = {_DRIVER: cls.path, **options}
        if inherited["sections"]:
            result[SECTIONS] = inherited["sections"]
        if self._python:
            result[PYTHON] = self._python
        return result

    def _known(self, group: str, section: Mapping[str, Sequence[str]], options: Sequence[Option]) -> Iterator[tuple[str, Any]]:
        """Yield (current name, value) of each of the driver's *options* in *section*, also under its older names."""
        for option in options:
            lists = [self._values(group, section, name) for name in (option.name, *option.aliases)]
            values = next(filter(None, lists), ())
            if option.multi:
                values = [value for values in lists for value in values]
            if values:
                self._used.setdefault(group, set()).update((option.name, *option.aliases))
                yield option.name, list(values) if option.multi else values[-1]

    def _values(self, group: str, section: Mapping[str, Sequence[str]], name: str) -> Sequence[str]:
        other_group, dot, option = name.rpartition(".")
        if dot:
            self._used.setdefault(other_group, set()).add(option)
            return self._sections.get(other_group, {}).get(option, ()) if group != _SHARED else ()
        return section.get(name) or next((values for key, values in section.items() if key.replace("-", "_") == name), ())

    def _remark(self, name: str, section: Mapping[str, Any], cls: type[CinderDriver], driver: str) -> None:
        lines = self._remarks[name] = []
        options = cls.options()
        if driver != cls.path and driver.startswith("cinder."):
            lines.append(f"{name}: the driver {driver} is {cls.path} now.")
        known = {option.name for option in options}
        older = {alias: option.name for option in options for alias in option.aliases}
        renamed = {key: older[key] for key in (name.replace("-", "_") for name in section) if key in older and key not in known}
        if renamed:
            lines.append(renamed_text(f"[{name}]", renamed))
        left = [key for key in section if key.replace("-", "_") not in {*known, *older, *_NOT_OPTIONS}]
        if left:
            listed = ", ".join(f"{key}{_hint(key, known, cls.in_default)}" for key in left)
            lines.append(f"{name}: left out options that its driver does not have and that Cinder ignores: {listed}.")

    def _left_out(self) -> Iterator[str]:
        if self._secrets:
            listed = ", ".join(sorted(self._secrets))
            yield f"Left out secrets of other sections, since these are stored: {listed}."
        secret = {tuple(label.removeprefix("[").split("] ", 1)) for label in self._secrets}
        backends = {name.lower() for name in (*self._options, *self._enabled())}
        parts = []
        for section, options in self._sections.items():
            if section.lower() in backends or (_DRIVER in options and section != _DEFAULT):
                continue
            used = {*self._used.get(section, ()), _ENABLED}
            left = [key for key in options if key not in used and (section, key) not in secret and section != _SHARED]
            if section == _SHARED:
                left = [key for key in options if key.replace("-", "_") not in {*used, *_NOT_OPTIONS}]
            if left:
                whole = section != _DEFAULT and len(left) == len(options)
                parts.append(f"[{section}]" if whole else f"[{section}] {', '.join(left)}")
        if parts:
            yield f"Left out of {self._name}, since no driver reads it or cl_notebook sets it itself: {'; '.join(parts)}."

    def _enabled(self) -> list[str]:
        with contextlib.suppress(errors.InvalidInput):
            return self.enabled()
        return []


def _files(file: str) -> list[Path]:
    path = settings.expanded(file).absolute()
    if path.is_dir():
        files = sorted(path.glob("*.conf"))
        if not files:
            msg = f"There is no *.conf in the folder {path}. Name a file."
            raise errors.InvalidInput(msg)
        return files
    if not path.is_file():
        msg = f"There is no file {path}. Check the path."
        raise errors.InvalidInput(msg)
    return [path]


def _hint(name: str, known: set[str], in_default: Collection[str]) -> str:
    if name in in_default:
        return " (it is read in [DEFAULT] alone)"
    hint = errors.did_you_mean(name, known).strip().removesuffix("?")
    return f" ({hint[:1].lower()}{hint[1:]}?)" if hint else ""
