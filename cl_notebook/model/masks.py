"""Secrets in what storage and drivers told: known by their names, masked where they are shown or written, never sent masked."""

from __future__ import annotations

import re
from typing import Any

from cl_notebook.drivers.config import MASK

SECRET = re.compile(
    r"passw|passphrase|pswd|pwd$|_pass$|(^|_)auth$|secret(?!_(uuid|type))|token|credential|keyring(?!_(conf|file|path))|cookie"
    r"|private_?key|access_?key|api_?key|auth_?key|ssh_?key",
    re.IGNORECASE,
)
"""Names whose values are secret."""

_WITHIN = r"\b\w*(?:passw(?:or)?d|passphrase|pwd|secret|token)[\"']?\s*[=:]\s*[\"']?"
_IN_A_TEXT = re.compile(rf"({_WITHIN})[^\s,;&\"'}}]+", re.IGNORECASE)  # mount options, or JSON within JSON
_MASKED_TEXT = re.compile(rf"{_WITHIN}{re.escape(MASK)}", re.IGNORECASE)

FIELDS = frozenset({"conn_info", "driver_data"})
"""Columns that may hold secrets."""


def masked(value: Any, name: str = "") -> Any:  # noqa: ANN401 - plain data of any shape
    """Return *value*, which is called *name*, with stars for whatever is called a password, a secret or a token in it."""
    if isinstance(value, dict):
        return {key: _masked_item(item, name if SECRET.search(name) else str(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked_item(item, name) for item in value]
    return MASK if value not in (None, "") and not isinstance(value, bool) and SECRET.search(name) else value


def _masked_item(value: Any, name: str) -> Any:  # noqa: ANN401 - as above
    found = masked(value, name)
    return _IN_A_TEXT.sub(rf"\1{MASK}", found) if isinstance(found, str) else found


def missing(value: Any, name: str = "") -> list[str]:  # noqa: ANN401 - as above
    """Return the names of the secrets that are masked in *value*."""
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in missing(item, str(key))]
    if isinstance(value, (list, tuple)):
        return [found for item in value for found in missing(item, name)]
    return [name] if _is_mask(value, name) else []


def without(value: Any, name: str = "") -> Any:  # noqa: ANN401 - as above
    """Return *value* without the secrets that are masked in it: what a driver, or os-brick, may be told."""
    if isinstance(value, dict):
        return {key: without(item, str(key)) for key, item in value.items() if not _is_mask(item, str(key))}
    if isinstance(value, (list, tuple)):
        return [without(item, name) for item in value if not _is_mask(item, name)]
    return value


def same(one: Any, other: Any) -> bool:  # noqa: ANN401 - as above
    """Return whether the two say the same, as far as a mask on either side lets that be seen."""
    return bool(one == other or ((missing(one) or missing(other)) and masked(one) == masked(other)))


def _is_mask(value: object, name: str) -> bool:
    return isinstance(value, str) and bool((value == MASK and name) or _MASKED_TEXT.search(value))
