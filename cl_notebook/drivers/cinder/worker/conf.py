"""A ``cinder.conf``, read by oslo.config's own parser, as plain data."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any


def sections(files: list[str]) -> dict[str, Any]:
    """Return the sections of *files*: option -> its values, as text, in the order in which they stand, those of later files last.

    As for oslo.config the names of sections are one in any letter case, but for ``[DEFAULT]``.
    """
    from oslo_config import cfg, iniparser

    names: dict[str, str] = {}
    merged: dict[str, Any] = {}
    for file in files:
        found: dict[str, Any] = {}
        try:
            parser = cfg.ConfigParser(file, found)
            super(cfg.ConfigParser, parser).parse(_lines(Path(file).read_bytes()))  # its own reads in the locale's encoding alone
        except iniparser.ParseError as error:
            msg = f"{file}, line {error.lineno}: {error.msg}"  # without the line, which may hold a secret
            raise ValueError(msg) from None
        for section, options in found.items():
            name = names.setdefault(section if section == "DEFAULT" else section.lower(), section)
            kept = merged.setdefault(name, {})
            for option, values in options.items():
                kept.setdefault(option, []).extend(values)
    return merged


def _lines(data: bytes) -> io.StringIO:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # only a comment is likely to have such letters
    return io.StringIO(text, newline=None)
