"""Check and convert arguments that users type, before anything is written or called."""

from __future__ import annotations

import json
import operator
import uuid
from typing import TYPE_CHECKING, Any

from cl_notebook import errors, quantities, settings

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME_LENGTH = 255
"""The longest name, in characters (Cinder's limit)."""

ID_LENGTH = 36
"""The longest id, in characters: that of a UUID."""

MOST_GIB = 2**31 - 1
"""The largest size in GiB: it fits an INTEGER column of every database, and its bytes fit in 63 bits."""


def size(value: object, what: str = "size") -> int:
    """Return *value*, a number of GiB or a text such as ``"1.5T"``, as a size in whole GiB; *what* names it in error messages.

    Raises:
        InvalidInput: *value* is not a whole number above 0, or more than MOST_GIB.

    """
    if isinstance(value, str):
        try:
            value = quantities.gib(value)
        except ValueError as error:
            msg = f"{what} must be {error}, not {value!r}."
            raise errors.InvalidInput(msg) from None
    try:
        number = operator.index(value) if not isinstance(value, bool) else None  # type: ignore[arg-type] # checked here
    except TypeError:
        number = None
    if number is None or number <= 0:
        msg = f"{what} must be {quantities.GIB_EXPECTED}, not {value!r}."
        raise errors.InvalidInput(msg)
    if number > MOST_GIB:
        msg = f"{what} must be at most {MOST_GIB} GiB."
        raise errors.InvalidInput(msg)
    return number


def count(value: object, what: str) -> int:
    """Return *value* if it is a whole number above 0.

    Raises:
        InvalidInput: *value* is anything else.

    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        msg = f"{what} must be a whole number above 0, not {value!r}."
        raise errors.InvalidInput(msg)
    return value


def at_least(number: int, least: int, what: str) -> None:
    """Check that a size of *number* GiB is at least *least* GiB.

    Raises:
        InvalidInput: *number* is less.

    """
    if number < least:
        msg = f"{what} needs at least {least} GiB, not {number}."
        raise errors.InvalidInput(msg)


def text(value: object, what: str) -> str:
    """Return *value* as text of any length; None becomes an empty text.

    Raises:
        InvalidInput: *value* is not text, or has a character that a database cannot store.

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
    """Return *value* as a display name; None becomes an empty text.

    Raises:
        InvalidInput: *value* is not text, longer than 255 characters, or has a character that a database cannot store.

    """
    valid = text(value, what)
    if len(valid) > NAME_LENGTH:
        msg = f"{what} has {len(valid)} characters; at most {NAME_LENGTH} are allowed."
        raise errors.InvalidInput(msg)
    return valid


def optional_text(value: object, what: str) -> str | None:
    """Return *value* as text of at most 255 characters; None stays None.

    Raises:
        InvalidInput: *value* is not text, longer than 255 characters, or has a character that a database cannot store.

    """
    return None if value is None else name(value, what)


def flag(value: object, what: str) -> bool:
    """Return *value* if it is True or False; refuse texts, because Python treats ``"false"`` as true.

    Raises:
        InvalidInput: *value* is anything else.

    """
    if not isinstance(value, bool):
        msg = f"{what} must be True or False, not {value!r}."
        raise errors.InvalidInput(msg)
    return value


def spellings(value: object) -> tuple[str, ...]:
    """Return the ids to look up for *value*, the exact spelling first.

    Ids keep the letter case in which they were given, so a UUID is looked up as it was typed, and then in lower case.

    Raises:
        InvalidInput: *value* is neither text nor a UUID, or has a character that a database cannot store.

    """
    canonical = resource_id(value)
    return tuple(dict.fromkeys((str(value).strip(), canonical)))


def resource_id(value: object) -> str:
    """Return the id *value* in canonical form: a UUID in lower case, other text without outer spaces.

    Raises:
        InvalidInput: *value* is neither text nor a UUID, or has a character that a database cannot store.

    """
    if isinstance(value, uuid.UUID):
        return str(value)
    if not isinstance(value, str):
        msg = f"id must be text or a UUID, not {value!r}."
        raise errors.InvalidInput(msg)
    stripped = text(value, "id").strip()
    try:
        return str(uuid.UUID(stripped))
    except ValueError:
        return stripped


def new_id(value: object, *, any_text: bool = False) -> str:
    """Return *value* as the id of a new resource, or a random UUID if *value* is None.

    *any_text* also allows text that is not a UUID. Letter case is preserved, because the name on the storage contains the id.

    Raises:
        InvalidInput: *value* is not a UUID; or, with *any_text*, not text of 1 to 36 characters without spaces around it.

    """
    if value is None:
        return str(uuid.uuid4())
    try:
        canonical = str(uuid.UUID(str(value)))
    except ValueError as error:
        if not any_text:
            msg = f"id must be a UUID such as {uuid.uuid4()}, not {value!r}. cl.setup(non_uuid_ids=True) allows others."
            raise errors.InvalidInput(msg) from error
    else:
        return value if isinstance(value, str) and value.lower() == canonical else canonical
    valid = text(value, "id")
    if not valid or valid != valid.strip() or len(valid) > ID_LENGTH:
        msg = f"id must be text of 1 to {ID_LENGTH} characters without spaces around it, not {value!r}."
        raise errors.InvalidInput(msg)
    return valid


def text_map(value: Mapping[str, Any] | None, what: str) -> dict[str, str]:
    """Return *value* as a dict of text to text, as Cinder's metadata is; None becomes an empty dict.

    Raises:
        InvalidInput: *value* is not a mapping, or has a character that a database cannot store.

    """
    if value is None:
        return {}
    if not hasattr(value, "items"):
        msg = f"{what} must be a dict such as {{'key': 'value'}}, not {value!r}."
        raise errors.InvalidInput(msg)
    return {text(str(key), what): text(str(item), what) for key, item in value.items()}


def json_safe(value: Any, what: str) -> Any:  # noqa: ANN401 - JSON
    """Return a copy of *value* as a JSON column returns it: tuples become lists, keys become text.

    Raises:
        InvalidInput: *value* cannot be written as strict JSON, or has a character that a database cannot store.

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
