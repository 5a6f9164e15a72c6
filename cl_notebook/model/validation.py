"""Checks of what people type, before anything is written or called."""

from __future__ import annotations

import json
import operator
import uuid
from typing import TYPE_CHECKING, Any

from cl_notebook import errors, settings

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME_LENGTH = 255
"""The longest name, in characters (Cinder's limit)."""

ID_LENGTH = 36
"""The longest id, in characters: that of a UUID."""

MOST_GIB = 2**31 - 1
"""The largest size: what an INTEGER of every data base holds, and its bytes fit in 63 bits."""


def size(value: object, what: str = "size") -> int:
    """Return *value* as a size in whole GiB.

    Raises:
        InvalidInput: it is no whole number above zero, or more than any storage has.

    """
    try:
        number = operator.index(value) if not isinstance(value, bool) else None  # type: ignore[arg-type] # that is the question
    except TypeError:
        number = None
    if number is None or number <= 0:
        msg = f"{what} must be a whole number of GiB above 0, not {value!r}."
        raise errors.InvalidInput(msg)
    if number > MOST_GIB:
        msg = f"{what} must be at most {MOST_GIB} GiB."
        raise errors.InvalidInput(msg)
    return number


def count(value: object, what: str) -> int:
    """Return *value*, which must be a whole number above 0.

    Raises:
        InvalidInput: it is anything else.

    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        msg = f"{what} must be a whole number above 0, not {value!r}."
        raise errors.InvalidInput(msg)
    return value


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
    if settings.UNSTORABLE.search(value):
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


def optional_text(value: object, what: str) -> str | None:
    """Return *value* as text of at most 255 characters; None stays None.

    Raises:
        InvalidInput: it is no text, longer than 255 characters, or holds what no data base can keep.

    """
    return None if value is None else name(value, what)


def flag(value: object, what: str) -> bool:
    """Return *value*, which must be True or False itself: ``"false"`` would count as true.

    Raises:
        InvalidInput: it is anything else.

    """
    if not isinstance(value, bool):
        msg = f"{what} must be True or False, not {value!r}."
        raise errors.InvalidInput(msg)
    return value


def spellings(value: object) -> tuple[str, ...]:
    """Return the ids that *value*, which was typed, may stand for, the exact one first.

    Ids are stored with the capitals that they came with, so a UUID is looked up as it is typed, and then in lower case.

    Raises:
        InvalidInput: it is neither text nor a UUID, or holds what no data base can keep.

    """
    usual = resource_id(value)
    return tuple(dict.fromkeys((str(value).strip(), usual)))


def resource_id(value: object) -> str:
    """Return *value*, an id to be looked up, the way new ids are written: a UUID in lower case; other text as it is.

    Raises:
        InvalidInput: it is neither text nor a UUID, or holds what no data base can keep.

    """
    if isinstance(value, uuid.UUID):
        return str(value)
    if not isinstance(value, str):
        msg = f"id must be text or a UUID, not {value!r}."
        raise errors.InvalidInput(msg)
    typed = text(value, "id").strip()
    try:
        return str(uuid.UUID(typed))
    except ValueError:
        return typed


def new_id(value: object, *, any_text: bool = False) -> str:
    """Return *value*, or a new UUID if it is None; *any_text* allows ids that are no UUIDs. Capitals are kept.

    Raises:
        InvalidInput: it is no UUID; or, with *any_text*, no text of 1 to 36 characters without spaces around it.

    """
    if value is None:
        return str(uuid.uuid4())
    try:
        usual = str(uuid.UUID(str(value)))
    except ValueError as error:
        if not any_text:
            msg = f"id must be a UUID such as {uuid.uuid4()}, not {value!r}. cl.setup(non_uuid_ids=True) allows others."
            raise errors.InvalidInput(msg) from error
    else:
        return value if isinstance(value, str) and value.lower() == usual else usual  # the name on the storage is made of it
    typed = text(value, "id")
    if not typed or typed != typed.strip() or len(typed) > ID_LENGTH:
        msg = f"id must be text of 1 to {ID_LENGTH} characters without spaces around it, not {value!r}."
        raise errors.InvalidInput(msg)
    return typed


def text_map(value: Mapping[str, Any] | None, what: str) -> dict[str, str]:
    """Return *value* as a plain dict of text to text, as Cinder keeps metadata and specs.

    Raises:
        InvalidInput: it is no mapping, or holds what no data base can keep.

    """
    if value is None:
        return {}
    if not hasattr(value, "items"):
        msg = f"{what} must be a dict such as {{'key': 'value'}}, not {value!r}."
        raise errors.InvalidInput(msg)
    return {text(str(key), what): text(str(item), what) for key, item in value.items()}


def json_safe(value: Any, what: str) -> Any:  # noqa: ANN401 - JSON
    """Return *value* as the store will give it back: a copy, with lists for tuples and text for keys.

    Raises:
        InvalidInput: it cannot be written as strict JSON, or holds what no data base can keep.

    """
    try:
        copy = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"{what} cannot be stored as JSON: {errors.one_line(error)}."
        raise errors.InvalidInput(msg) from error
    _check_texts(copy, what)
    return copy


def _check_texts(value: object, what: str) -> None:
    match value:
        case str():
            text(value, what)
        case list():
            for item in value:
                _check_texts(item, what)
        case dict():
            for key, item in value.items():
                text(key, what)
                _check_texts(item, what)
