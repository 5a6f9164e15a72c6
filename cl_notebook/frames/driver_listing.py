"""The drivers that there are, as frames: those that are installed, those that a Cinder ships, and the options of one."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pandas as pd

from cl_notebook import errors
from cl_notebook.drivers import registry
from cl_notebook.drivers.api import CAPABILITIES, FEATURES, capabilities
from cl_notebook.tabular import WholeFrame

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cl_notebook.drivers.api import Driver, Option
    from cl_notebook.drivers.cinder.catalog import CatalogEntry

INSTALLED = ("storage_protocol", *CAPABILITIES, *FEATURES, "options", "class")
FOUND = ("path", "help", "version", "supported")
OPTIONS = ("type", "default", "allowed", "required", "secret", "own", "help")


def installed() -> pd.DataFrame:
    """Return the drivers that are installed, their capabilities, and the names of their options."""
    rows = {name: _installed(registry.load_driver(name)) for name in registry.driver_names()}
    frame = WholeFrame.from_dict(rows, orient="index", columns=list(INSTALLED))
    frame.index = pd.Index(list(rows), dtype="string", name="name")
    return frame


def search(word: str, python: str | None = None) -> tuple[pd.DataFrame, errors.NotSupported | None]:
    """Return the drivers that have *word* in their name, path, help or options, letter case ignored; and why no Cinder was asked.

    Those whose options alone have it come last. The columns are ``path``, ``help``, ``version`` and ``supported``.

    Raises:
        NotSupported: the Python has no Cinder, and no driver that is installed fits.
        InvalidInput: *python* cannot be started.

    """
    sought, lacking = word.lower(), None
    entries = [_as_entry(name) for name in registry.driver_names()]
    try:
        entries += catalog(python)
    except errors.NotSupported as error:
        lacking = error
    by_name = [entry for entry in entries if sought in f"{entry['name']} {entry['path']} {entry['help']}".lower()]
    by_options = [entry for entry in entries if sought in entry["search_text"] and entry not in by_name]
    found = [*by_name, *by_options]
    if lacking is not None and not found:
        raise _nothing(word, lacking)
    return _found(found), lacking


def catalog(python: str | None = None) -> list[CatalogEntry]:
    """Return what the Cinder of *python* ships; asked once, which takes about two seconds.

    Raises:
        NotSupported: it has no Cinder.
        InvalidInput: it cannot be started.

    """
    from cl_notebook.drivers.cinder import catalog as cinder  # noqa: PLC0415 - only who looks for Cinder's drivers pays for it

    return cinder.drivers(python)


def named(name: str, python: str | None = None) -> str | None:
    """Return what the driver called *name* is loaded by: its name if it is installed, or the path of the Cinder driver.

    Raises:
        Ambiguous: Cinder has several drivers of that name.
        NotSupported, InvalidInput: as for :func:`catalog`.

    """
    is_class = name.rpartition(".")[2][:1].isupper()
    if name in registry.driver_names() or (name.startswith("cinder.") and is_class):
        return name
    from cl_notebook.drivers.cinder import catalog as names  # noqa: PLC0415 - as for the catalog

    return names.find(name, python) or (name if registry.is_path(name) and is_class else None)


def load(name: str, python: str | None = None) -> type[Driver]:
    """Return the class of the driver called *name*; a Cinder driver's class is described by its Python, which is let go again.

    Raises:
        NotFound: there is no such driver.
        NotSupported, InvalidInput: it cannot be loaded, or there is no Cinder.

    """
    try:
        found = named(name, python)
    except errors.NotSupported as error:
        raise _nothing(name, error) from error
    if found is None:
        hint = errors.did_you_mean(name, [*registry.driver_names(), *(entry["name"] for entry in catalog(python))])
        msg = f"No driver is called {name!r}.{hint} %cl_drivers WORD searches them."
        raise errors.NotFound(msg)
    cls = registry.load_driver(found, {"python": python})
    release = getattr(cls, "release_spare", None)
    if release is not None:
        release()
    return cls


def options(cls: type[Driver]) -> pd.DataFrame:
    """Return the options of a driver: the required ones, the driver's ``own``, then those that it shares with others of its kind.

    An option is ``required`` if it is declared so, or if the driver's own code refuses to be set up without it.
    """
    declared = sorted(cls.options(), key=lambda option: (not _is_required(option), not option.own))
    made = {
        "type": _texts("path" if option.kind.__name__ == "Path" else option.kind.__name__ for option in declared),
        "default": pd.Series([option.default for option in declared], dtype=object),
        "allowed": _texts(allowed(option) for option in declared),
        "required": _flags(_is_required(option) for option in declared),
        "secret": _flags(option.secret for option in declared),
        "own": _flags(option.own for option in declared),
        "help": _texts(option.help for option in declared),
    }
    frame = WholeFrame(made, columns=list(OPTIONS))
    frame.index = pd.Index([option.name for option in declared], dtype="string", name="option")
    return frame


def _is_required(option: Option) -> bool:
    return option.required or option.checked


def allowed(option: Option) -> str | None:
    """Return what an option's value may be: its choices, or its range; None if that is not said."""
    low, high = option.minimum, option.maximum
    limits = [f">= {low:g}"] if low is not None else []
    limits += [f"<= {high:g}"] if high is not None else []
    return ", ".join([" ".join(limits), *option.choices]).strip(", ") or None


def picked(frame: pd.DataFrame, columns: Sequence[str], what: str) -> pd.DataFrame:
    """Return these *columns* of the *frame* of *what*.

    Raises:
        InvalidInput: it has no such column.

    """
    for name in columns:
        if name not in frame:
            listed = ", ".join(frame.columns)
            msg = f"{what} have no column {name!r}.{errors.did_you_mean(name, frame.columns)} Columns: {listed}."
            raise errors.InvalidInput(msg)
    return frame[list(columns)]


def _nothing(word: str, lacking: errors.NotSupported) -> errors.NotSupported:
    hint = errors.did_you_mean(word, registry.driver_names())
    return errors.NotSupported(f"No driver that is installed fits {word!r}.{hint} {lacking}")


def _installed(cls: type[Driver]) -> dict[str, Any]:
    names = ", ".join(option.name for option in cls.options())
    where = f"{cls.__module__}.{cls.__qualname__}"
    protocol = cls.storage_protocol if isinstance(cls.storage_protocol, str) else ""
    return {"storage_protocol": protocol, **capabilities(cls), "options": names, "class": where}


def _as_entry(name: str) -> CatalogEntry:
    entry: CatalogEntry = {"name": name, "path": "", "help": "", "version": "", "supported": False, "search_text": ""}
    try:
        cls = registry.load_driver(name)
        described = " ".join(f"{option.name} {option.help}" for option in cls.options())
    except errors.Error as error:
        return {**entry, "help": errors.one_line(error)}
    told = " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())
    version = str(getattr(cls, "VERSION", ""))
    path = f"{cls.__module__}.{cls.__qualname__}"
    return {**entry, "path": path, "help": told, "version": version, "supported": True, "search_text": described.lower()}


def _found(entries: Sequence[CatalogEntry]) -> pd.DataFrame:
    made = {name: _texts(entry[name] for entry in entries) for name in ("path", "help", "version")}
    made["supported"] = _flags(entry["supported"] for entry in entries)
    frame = WholeFrame(made, columns=list(FOUND))
    frame.index = pd.Index([entry["name"] for entry in entries], dtype="string", name="name")
    return frame


def _texts(values: Iterable[str | None]) -> pd.Series[Any]:
    return pd.Series(list(values), dtype="string")


def _flags(values: Iterable[bool]) -> pd.Series[Any]:
    return pd.Series(list(values), dtype="boolean")
