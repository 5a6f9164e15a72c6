"""Checks of what people type, before anything is written or called."""

from __future__ import annotations

import operator
import re
import uuid
from typing import TYPE_CHECKING, Any

from cl_notebook import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
NAME_LENGTH = 255
"""The longest name, in characters (Cinder's limit)."""


def size(value: object, what: str = "size") -> int:
    """Return *value* as a size in whole GiB.

    Raises:
        InvalidInput: it is no whole number above zero.

    """
    try:
        number = operator.index(value) if not isinstance(value, bool) else None  # type: ignore[arg-type] # that is the question
    except TypeError:
        number = None
    if number is None or number <= 0:
        msg = f"{what} must be a whole number of GiB above 0, not {value!r}."
        raise errors.InvalidInput(msg)
    return number


def at_least(number: int, least: int, what: str) -> None:
    """Check that *number* GiB hold what has *least* GiB.

    Raises:
        InvalidInput: they do not.

    """
    if number < least:
        msg = f"{what} needs at least {least} GiB, not {number}."
        raise errors.InvalidInput(msg)


def text(value: object, what: str) -> str:
    """Return *value* as text of any length that a data base can keep.

    Raises:
        InvalidInput: it is no text, or holds what no data base can keep.

    """
    if value is None:
        return ""
    if not isinstance(value, str):
        msg = f"{what} must be text, not {value!r}."
        raise errors.InvalidInput(msg)
    if _UNSTORABLE.search(value):
        msg = f"{what} holds a character that cannot be stored (NUL or half a surrogate pair): {value!r}."
        raise errors.InvalidInput(msg)
    return value


def name(value: object, what: str = "name") -> str:
    """Return *value* as a display name.

    Raises:
        InvalidInput: it is no text, longer than 255 characters, or holds what no data base can keep.

    """
    chosen = text(value, what)
    if len(chosen) > NAME_LENGTH:
        msg = f"{what} has {len(chosen)} characters; at most {NAME_LENGTH} are allowed."
        raise errors.InvalidInput(msg)
    return chosen


def new_id(value: object) -> str:
    """Return *value*, or a new UUID if it is None.

    Raises:
        InvalidInput: it is no UUID.

    """
    if value is None:
        return str(uuid.uuid4())
    try:
        return str(uuid.UUID(str(value)))
    except ValueError as error:
        msg = f"id must be a UUID such as {uuid.uuid4()}, not {value!r}."
        raise errors.InvalidInput(msg) from error


def text_map(value: Mapping[str, Any] | None, what: str) -> dict[str, str]:
    """Return *value* as a plain dict of text to text, as Cinder keeps metadata and specs.

    Raises:
        InvalidInput: it is no mapping.

    """
    if value is None:
        return {}
    if not hasattr(value, "items"):
        msg = f"{what} must be a dict such as {{'key': 'value'}}, not {value!r}"
        raise errors.InvalidInput(msg)
    return {str(key): str(item) for key, item in value.items()}
