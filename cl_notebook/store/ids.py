"""Conditions on ids: they are compared as they stand, for ids that are no UUIDs may differ by their capitals alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterable

_HEX = re.compile(r"[0-9a-f-]+")
_BEHIND_HEX, _BEHIND_ALL = "g", "\U0010ffff"


def typed(text: str) -> tuple[str, ...]:
    """Return the spellings of what was typed of an id, the exact one first: a UUID may be typed in capitals."""
    exact = text.strip()
    return tuple(dict.fromkeys((exact, exact.lower())))


def fits(resource_id: str, text: str) -> bool:
    """Return whether *text* is the id, or its beginning, in any of its spellings."""
    return resource_id.startswith(typed(text))


def meant(resource_ids: Iterable[str], text: str) -> set[str]:
    """Return those of the ids that *text* is: the one with its very capitals, or else those in another spelling."""
    ids = set(resource_ids)
    return next((found for found in (ids & {spelling} for spelling in typed(text)) if found), set())


def begins(column: Any, text: str) -> sa.ColumnElement[bool]:  # noqa: ANN401 - a column of ids
    """Return the condition that the id begins with *text*, in any of its spellings."""
    return sa.or_(*(_begins(column, spelling) for spelling in typed(text)))


def _begins(column: Any, text: str) -> sa.ColumnElement[bool]:  # noqa: ANN401 - a column of ids
    if _HEX.fullmatch(text):  # as a range, for which an index serves
        return sa.and_(column >= text, column < text + _BEHIND_HEX)
    # Where text is ordered as in a dictionary, what only looks alike is in the range, too.
    return sa.and_(column >= text, column < text + _BEHIND_ALL, sa.func.substr(column, 1, len(text)) == text)
