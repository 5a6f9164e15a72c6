"""The drivers that there are, as frames: those that are installed, those that a Cinder ships, and the options of one."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.drivers import registry
from cl_notebook.drivers.api import CAPABILITIES, FEATURES, capabilities
from cl_notebook.tabular import typed_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from cl_notebook.drivers.api import Driver, Option
    from cl_notebook.drivers.cinder.catalog import CatalogEntry

_INSTALLED_SCHEMA = {
    "name": "string",
    "storage_protocol": "str",
    **dict.fromkeys((*CAPABILITIES, *FEATURES), "bool"),
    "options": "str",
    "class": "str",
}
INSTALLED = tuple(_INSTALLED_SCHEMA)[1:]
"""The columns of :func:`installed`; its index is ``name``."""

_SEARCH_SCHEMA = {"name": "string", "path": "string", "help": "string", "version": "string", "supported": "boolean"}
_OPTION_SCHEMA = {
    "option": "string",
    "type": "string",
    "default": object,
    "allowed": "string",
    "required": "boolean",
    "secret": "boolean",
    "own": "boolean",
    "help": "string",
}


def installed() -> pd.DataFrame:
    """Return the drivers that are installed, their capabilities, and the names of their options."""
    rows = [(name, *_installed(registry.load_driver(name))) for name in registry.driver_names()]
    return typed_frame(_INSTALLED_SCHEMA, rows, "name", noun="drivers")


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
    matches = [*by_name, *by_options]
    if lacking is not None and not matches:
        raise _no_driver_error(word, lacking)
    return _matches_frame(matches), lacking


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

    return names.find(name, python, by_module=False) or (name if registry.is_path(name) and is_class else None)


def load(name: str, python: str | None = None) -> type[Driver]:
    """Return the class of the driver called *name*; a Cinder driver's class is described by its Python, which is let go again.

    Raises:
        NotFound: there is no such driver.
        NotSupported, InvalidInput: it cannot be loaded, or there is no Cinder.

    """
    try:
        driver_name = named(name, python)
    except errors.NotSupported as error:
        raise _no_driver_error(name, error) from error
    if driver_name is None:
        hint = errors.did_you_mean(name, [*registry.driver_names(), *(entry["name"] for entry in catalog(python))])
        msg = f"No driver is called {name!r}.{hint} %cl_drivers WORD searches them."
        raise errors.NotFound(msg)
    return registry.described_driver(driver_name, {"python": python})


def options(cls: type[Driver]) -> pd.DataFrame:
    """Return the options of a driver: the required ones, the driver's ``own``, then those that it shares with others of its kind.

    An option is ``required`` if it is declared so, or if the driver's own code refuses to be set up without it.
    """
    declared = sorted(cls.options(), key=lambda option: (not _is_required(option), not option.own))
    return typed_frame(_OPTION_SCHEMA, map(_option_row, declared), "option", noun="options")


def _option_row(option: Option) -> tuple[object, ...]:
    kind = "path" if option.kind.__name__ == "Path" else option.kind.__name__
    flags = (_is_required(option), option.secret, option.own)
    return (option.name, kind, option.default, allowed(option), *flags, option.help)


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


def _no_driver_error(word: str, lacking: errors.NotSupported) -> errors.NotSupported:
    hint = errors.did_you_mean(word, registry.driver_names())
    return errors.NotSupported(f"No driver that is installed fits {word!r}.{hint} {lacking}")


def _installed(cls: type[Driver]) -> tuple[object, ...]:
    names = ", ".join(option.name for option in cls.options())
    path = f"{cls.__module__}.{cls.__qualname__}"
    protocol = cls.storage_protocol if isinstance(cls.storage_protocol, str) else ""
    supported = capabilities(cls)
    return (protocol, *(supported[name] for name in (*CAPABILITIES, *FEATURES)), names, path)


def _as_entry(name: str) -> CatalogEntry:
    entry: CatalogEntry = {"name": name, "path": "", "help": "", "version": "", "supported": False, "search_text": ""}
    try:
        cls = registry.load_driver(name)
        described = " ".join(f"{option.name} {option.help}" for option in cls.options())
    except errors.Error as error:
        return {**entry, "help": errors.one_line(error)}
    summary = " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())
    version = str(getattr(cls, "VERSION", ""))
    path = f"{cls.__module__}.{cls.__qualname__}"
    return {**entry, "path": path, "help": summary, "version": version, "supported": True, "search_text": described.lower()}


def _matches_frame(entries: Sequence[CatalogEntry]) -> pd.DataFrame:
    rows = ((entry["name"], entry["path"], entry["help"], entry["version"], entry["supported"]) for entry in entries)
    return typed_frame(_SEARCH_SCHEMA, rows, "name", noun="drivers")
