"""A ``cinder.conf``, read by oslo.config's own parser, as plain data."""

from __future__ import annotations

from typing import Any


def sections(file: str) -> dict[str, Any]:
    """Return the sections of *file*: option -> its values, as text, in the order in which they stand."""
    from oslo_config import cfg

    found: dict[str, Any] = {}
    try:
        cfg.ConfigParser(file, found).parse()
    except cfg.ConfigFileParseError as error:
        raise ValueError(str(error)) from error
    return {section: {name: list(values) for name, values in options.items()} for section, options in found.items()}
