"""Every driver of this Cinder with its options, as cinderlib lists them: for that, all of them are imported."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from . import bootstrap, options

_PLAIN = (bool, int, float, str, type(None))


def drivers(version: int) -> dict[str, dict[str, Any]]:
    """Return what Cinder says of each driver, by its class: values as text in version 1, options as they are in version 2."""
    bootstrap.imported()
    import cinder.volume.manager  # it registers options that drivers refer to
    from cinder.interface import util

    os.chdir(Path(cinder.__file__).parent.parent)  # Cinder looks for its drivers from there
    return {driver.class_name: _driver(driver, version) for driver in util.get_volume_drivers()}


def _driver(driver: Any, version: int) -> dict[str, Any]:
    found = {name: _plain(value) for name, value in vars(driver).items() if name not in {"cls", "driver_options"}}
    listed = list(driver.driver_options or [])
    known = {opt.name for opt in listed}
    listed += [opt for opt in options.of_driver(driver.cls).own if opt.name not in known]
    return {**found, "driver_options": [_option(opt, version) for opt in listed]}


def _option(opt: Any, version: int) -> dict[str, Any]:
    if version == 1:
        return {name: str(value) for name, value in _public(opt).items()}
    kind = {**_public(opt.type), "type_class": type(opt.type).__name__}
    return {**_plain(_public(opt)), "type": _plain(kind)}


def _public(thing: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(thing).items() if not name.startswith("_")}


def _plain(value: Any) -> Any:
    """Return *value* as the channel carries it: classes by their names, and what else is no data as text."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.__name__ if isinstance(value, type) else str(value)
