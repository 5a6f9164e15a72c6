"""The backends of a ``cinder.conf``, each with what it takes from the other sections."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from cl_notebook import errors, settings
from cl_notebook.drivers.cinder.factory import driver_class
from cl_notebook.drivers.cinder.options import PYTHON, SECTIONS, interpreter
from cl_notebook.drivers.cinder.process import WorkerProcess
from cl_notebook.drivers.options import renamed_text

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
    """A ``cinder.conf``, or several files that are one configuration, read once.

    What a backend needs from other sections (its driver reads it, or its options refer to it) comes along as its option
    ``sections``. ``remarks`` say what was left out, or has another name by now.
    """

    def __init__(self, files: str | Sequence[str], python: str | None = None) -> None:
        """Read *files* by the parser of the Cinder in *python*; later ones count more. A folder is its ``*.conf``, sorted.

        Raises:
            errors.InvalidInput: one cannot be read.

        """
        self._files = [found for file in ([files] if isinstance(files, str) else files) for found in _files(file)]
        self._name = ", ".join(map(str, self._files))
        self._python = python
        self._taken: dict[str, set[str]] = {}
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
            errors.InvalidInput: there are none.

        """
        given = self._sections.get(_DEFAULT, {}).get(_ENABLED) or [""]
        names = [name.strip(" \t'\"") for name in given[-1].replace("\n", ",").split(",")]
        if not any(names):
            found = ", ".join(name for name in self._sections if _DRIVER in self._sections[name] and name != _SHARED) or "none"
            msg = f"{self._name} has no {_ENABLED} in [{_DEFAULT}]. Name them; sections with a {_DRIVER}: {found}."
            raise errors.InvalidInput(msg)
        return list(dict.fromkeys(filter(None, names)))

    def backend_name(self, name: str) -> str:
        """Return ``volume_backend_name`` of the section *name*, which is its own name if it does not say."""
        return (self._section(name).get("volume_backend_name") or [name])[-1]

    def options(self, name: str) -> dict[str, Any]:
        """Return the options of one backend.

        Raises:
            errors.InvalidInput: the file has no section for it, or one without a driver.
            errors.NotSupported, errors.NotFound: there is no such driver.

        """
        if name not in self._options:
            self._options[name] = self._read(name)
        return dict(self._options[name])

    @property
    def remarks(self) -> list[str]:
        """What is to be said of the backends whose options were asked for, a line each."""
        return [*(line for lines in self._remarks.values() for line in lines), *self._beside()] if self._options else []

    def _section(self, name: str) -> dict[str, list[str]]:
        same = [section for section in self._sections if section.lower() == name.lower() and section != _DEFAULT]
        if not same:
            hint = errors.did_you_mean(name, self._sections)
            msg = f"{self._name} has no section [{name}].{hint} Sections: {', '.join(self._sections) or 'none'}."
            raise errors.InvalidInput(msg)
        return self._sections[same[0]]

    def _read(self, name: str) -> dict[str, Any]:
        section = self._section(name)
        shared = self._sections.get(_SHARED, {})
        driver = (section.get(_DRIVER) or shared.get(_DRIVER) or [""])[-1]
        if not driver:
            msg = f"{self._name}: section [{name}] has no {_DRIVER}, for which Cinder would take LVM. Add it to the section."
            raise errors.InvalidInput(msg)
        cls = driver_class(driver, {PYTHON: self._python})
        found = dict(self._known(name, section, cls.options()))
        for option, value in self._known(_SHARED, shared, cls.options()):
            found.setdefault(option, value)
        beside = cls.ask(
            "surroundings",
            f"{name}: other sections of {self._name}",
            sections=self._sections,
            options=found,
        )
        found |= beside["options"]
        self._secrets |= set(beside["secrets"])
        for group, options in beside["sections"].items():
            self._taken.setdefault(group, set()).update(options)
        self._remark(name, section, cls, driver)
        result = {_DRIVER: cls.path, **found}
        if beside["sections"]:
            result[SECTIONS] = beside["sections"]
        if self._python:
            result[PYTHON] = self._python
        return result

    def _known(self, group: str, section: Mapping[str, Sequence[str]], options: Sequence[Option]) -> Iterator[tuple[str, Any]]:
        """Yield the options that *section* has for the driver, under the names of today, each with what oslo.config takes."""
        for option in options:
            lists = [self._values(group, section, name) for name in (option.name, *option.aliases)]
            values = next(filter(None, lists), ())
            if option.multi:
                values = [value for each in lists for value in each]
            if values:
                self._taken.setdefault(group, set()).update((option.name, *option.aliases))
                yield option.name, list(values) if option.multi else values[-1]

    def _values(self, group: str, section: Mapping[str, Sequence[str]], name: str) -> Sequence[str]:
        other, dot, moved = name.rpartition(".")
        if dot:
            self._taken.setdefault(other, set()).add(moved)
            return self._sections.get(other, {}).get(moved, ()) if group != _SHARED else ()
        return section.get(name) or next((values for key, values in section.items() if key.replace("-", "_") == name), ())

    def _remark(self, name: str, section: Mapping[str, Any], cls: type[CinderDriver], driver: str) -> None:
        lines = self._remarks[name] = []
        options = cls.options()
        if driver != cls.path and driver.startswith("cinder."):
            lines.append(f"{name}: the driver {driver} is {cls.path} now.")
        known = {option.name for option in options}
        older = {alias: option.name for option in options for alias in option.aliases}
        renamed = {key: older[key] for key in (word.replace("-", "_") for word in section) if key in older and key not in known}
        if renamed:
            lines.append(renamed_text(f"[{name}]", renamed))
        left = [key for key in section if key.replace("-", "_") not in {*known, *older, *_NOT_OPTIONS}]
        if left:
            listed = ", ".join(f"{key}{_hint(key, known, cls.beside)}" for key in left)
            lines.append(f"{name}: left out, for its driver has no such options, and Cinder ignores them: {listed}.")

    def _beside(self) -> Iterator[str]:
        if self._secrets:
            listed = ", ".join(sorted(self._secrets))
            yield f"Left out, for they are secret, and what comes from other sections is stored: {listed}."
        secret = {tuple(word.removeprefix("[").split("] ", 1)) for word in self._secrets}
        backends = {name.lower() for name in (*self._options, *self._enabled())}
        parts = []
        for section, options in self._sections.items():
            if section.lower() in backends or (_DRIVER in options and section != _DEFAULT):
                continue
            taken = {*self._taken.get(section, ()), _ENABLED}
            left = [key for key in options if key not in taken and (section, key) not in secret and section != _SHARED]
            if section == _SHARED:
                left = [key for key in options if key.replace("-", "_") not in {*taken, *_NOT_OPTIONS}]
            if left:
                whole = section != _DEFAULT and len(left) == len(options)
                parts.append(f"[{section}]" if whole else f"[{section}] {', '.join(left)}")
        if parts:
            yield f"Left out of {self._name}, for the drivers do not read it, or cl_notebook sets it itself: {'; '.join(parts)}."

    def _enabled(self) -> list[str]:
        with contextlib.suppress(errors.InvalidInput):
            return self.enabled()
        return []


def _files(file: str) -> list[Path]:
    path = settings.expanded(file).absolute()
    if path.is_dir():
        found = sorted(path.glob("*.conf"))
        if not found:
            msg = f"There is no *.conf in the folder {path}. Name a file."
            raise errors.InvalidInput(msg)
        return found
    if not path.is_file():
        msg = f"there is no file {path}"
        raise errors.InvalidInput(msg)
    return [path]


def _hint(name: str, known: set[str], beside: Collection[str]) -> str:
    if name in beside:
        return " (it is read in [DEFAULT] alone)"
    hint = errors.did_you_mean(name, known).strip().removesuffix("?")
    return f" ({hint[:1].lower()}{hint[1:]}?)" if hint else ""
