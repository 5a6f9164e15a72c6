"""What a Cinder has to offer: its drivers, and the backends of a ``cinder.conf``."""

from __future__ import annotations

import contextlib
import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from cl_notebook import errors
from cl_notebook.drivers.cinder.child import Child
from cl_notebook.drivers.cinder.family import driver_class
from cl_notebook.drivers.cinder.options import PYTHON, interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_DEFAULT = "DEFAULT"
_SHARED = "backend_defaults"
_NOT_OPTIONS = {"volume_driver", "volume_backend_name"}
_KNOWN: dict[str, list[CatalogEntry]] = {}
_SUPPORTED: dict[tuple[str, int], dict[str, dict[str, Any]]] = {}


class CatalogEntry(TypedDict):
    """One driver that a Cinder ships: its class and path, what its docstring says first, its version; is it supported?

    ``words`` are those of its options, to search in.
    """

    name: str
    path: str
    help: str
    version: str
    supported: bool
    words: str


def drivers(python: str | None = None) -> list[CatalogEntry]:
    """Return the drivers of the Cinder in *python* (this one by default), by their paths; none of them is imported.

    Raises:
        errors.NotSupported: that Python has no Cinder.
        errors.InvalidInput: it cannot be started.

    """
    path = interpreter({PYTHON: python})
    if path not in _KNOWN:
        with contextlib.closing(Child(path)) as child:
            _KNOWN[path] = child.ask("catalog", "Cinder's drivers")["drivers"]
    return list(_KNOWN[path])


def supported(version: int = 1, python: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the drivers of the Cinder in *python* with their options, by their classes, as cinderlib lists them.

    Each has ``class_name``, ``class_fqn``, ``desc``, ``version``, ``supported``, ``ci_wiki_name`` and ``driver_options``. All of
    them are imported in a child for that, once, which takes some seconds.

    Args:
        version: 1 gives all values of options as text, 2 gives them as they are, and their types as dicts.
        python: the Python that has Cinder, this one by default.

    Raises:
        errors.InvalidInput: *version* is neither 1 nor 2, or that Python cannot be started.
        errors.NotSupported: it has no Cinder.

    """
    if version not in {1, 2}:
        msg = f"output_version must be 1 or 2, not {version!r}."
        raise errors.InvalidInput(msg)
    path = interpreter({PYTHON: python})
    if (path, version) not in _SUPPORTED:
        with contextlib.closing(Child(path)) as child:
            _SUPPORTED[path, version] = child.ask("supported", "Cinder's drivers", version=version)
    return copy.deepcopy(_SUPPORTED[path, version])


def is_known(python: str | None = None) -> bool:
    """Return whether :func:`drivers` has asked that Python before, and answers at once."""
    return interpreter({PYTHON: python}) in _KNOWN


def backends(file: str, names: Sequence[str] = (), python: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the backends of a ``cinder.conf``: those called *names*, or all of ``enabled_backends``, each with its options.

    What ``[backend_defaults]`` has for a backend's driver stands behind the backend's own options, as in Cinder. ``python`` is
    among them if it is given.

    Raises:
        errors.InvalidInput: the file cannot be read, or has no section for a backend that it, or *names*, names.

    """
    conf = Conf(file, python)
    return {name: conf.options(name) for name in list(names) or conf.enabled()}


class Conf:
    """A ``cinder.conf``, read once; :func:`backends` says what is taken from it."""

    def __init__(self, file: str, python: str | None = None) -> None:
        """Read *file* by the parser of the Cinder in *python*.

        Raises:
            errors.InvalidInput: it cannot be read.

        """
        self._path = Path(file).expanduser().absolute()
        self._python = python
        if not self._path.is_file():
            msg = f"there is no file {self._path}"
            raise errors.InvalidInput(msg)
        with contextlib.closing(Child(interpreter({PYTHON: python}))) as child:
            try:
                self._sections: dict[str, dict[str, list[str]]] = child.ask("conf", str(self._path), file=str(self._path))
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
        return _enabled(self._path, self._sections)

    def backend_name(self, name: str) -> str:
        """Return ``volume_backend_name`` of the section *name*, which is its own name if it does not say."""
        return (self._sections.get(name, {}).get("volume_backend_name") or [name])[-1]

    def options(self, name: str) -> dict[str, Any]:
        """Return the options of one backend.

        Raises:
            errors.InvalidInput: the file has no section for it, or one without a driver.
            errors.NotSupported, errors.NotFound: there is no such driver.

        """
        return dict(_backend(self._path, self._sections, name, self._python))


def _enabled(path: Path, sections: Mapping[str, Mapping[str, Sequence[str]]]) -> list[str]:
    given = sections.get(_DEFAULT, {}).get("enabled_backends", ())
    names = [name.strip() for text in given for name in text.split(",") if name.strip()]
    if not names:
        found = ", ".join(name for name in sections if "volume_driver" in sections[name]) or "none"
        msg = f"{path} has no enabled_backends in [DEFAULT]. Name them; sections with a volume_driver: {found}."
        raise errors.InvalidInput(msg)
    return names


def _backend(
    path: Path, sections: Mapping[str, Mapping[str, Sequence[str]]], name: str, python: str | None
) -> Iterator[tuple[str, Any]]:
    section = sections.get(name)
    if section is None:
        msg = f"{path} has no section [{name}].{errors.did_you_mean(name, sections)} Sections: {', '.join(sections) or 'none'}."
        raise errors.InvalidInput(msg)
    shared = sections.get(_SHARED, {})
    driver = ({**shared, **section}.get("volume_driver") or [""])[-1]
    if not driver:
        msg = f"{path}: section [{name}] has no volume_driver"
        raise errors.InvalidInput(msg)
    yield "volume_driver", driver
    known = {option.name for option in driver_class(driver, {PYTHON: python}).options()} if shared else set()
    for option, values in {**{key: value for key, value in shared.items() if key in known}, **section}.items():
        if option not in _NOT_OPTIONS:
            yield option, list(values) if len(values) > 1 else values[-1]
    if python:
        yield PYTHON, python
