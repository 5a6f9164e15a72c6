"""Values that a database refuses, in a form that every database takes: what a driver answered is written out or cut, not lost."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import settings
from cl_notebook.model.operations.changes import Delete, Insert, Merge
from cl_notebook.store.types import Json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cl_notebook.model.operations.changes import Change

LONGEST = 2**20
"""Characters that are kept of a text that has no other limit."""

_DEEPEST = 50
"""Levels of nested data that are kept as data; what lies deeper is kept as text."""


def text(value: object, longest: int = LONGEST) -> str:
    """Return *value* as at most *longest* characters, with what no database keeps (NUL, half a surrogate pair) escaped."""
    plain = value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
    plain = settings.UNSTORABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), plain)
    if len(plain) <= longest:
        return plain
    cut = f"… ({len(plain):,} characters)"
    return plain[: longest - len(cut)] + cut if len(cut) < longest else plain[:longest]


def data(value: object, depth: int = 0) -> Any:  # noqa: ANN401 - JSON
    """Return *value* as data that JSON has a form for in every database."""
    match value:
        case None | bool() | int():
            return value
        case float() if math.isfinite(value):
            return value
        case float() | str() | bytes() | dt.date():
            return text(value)
        case dict() if depth < _DEEPEST:
            return {text(key): data(each, depth + 1) for key, each in value.items()}
        case list() | tuple() | set() | frozenset() if depth < _DEEPEST:
            return [data(each, depth + 1) for each in value]
        case _:
            return text(repr(value))


def changes(given: Iterable[Change]) -> tuple[list[Change], str]:
    """Return *given* with values that every database takes, and what of them had to be altered, as text."""
    made: list[Change] = []
    altered: list[str] = []
    for change in given:
        if isinstance(change, (Delete, Insert)):
            made.append(change)
            continue
        values = _row(type(change.resource), change.values)
        made.append(replace(change, values=values))
        before = {name: value for name, value in change.values.items() if not isinstance(value, (Merge, dict, list))}
        altered += [f"{name} {value!a}" for name, value in before.items() if name not in values or values[name] != value]
    return made, text(", ".join(altered))


def _row(cls: Any, values: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - a tracked class
    columns = {attribute.key: attribute.columns[0] for attribute in sa.inspect(cls).column_attrs}
    return {
        name: _value(columns[name], value)
        for name, value in values.items()
        if name in columns and (value is not None or columns[name].nullable)
    }


def _value(column: sa.Column[Any], value: object) -> Any:  # noqa: ANN401 - what the column takes
    if isinstance(value, Merge):
        return Merge(data(dict(value.put)), tuple(text(key) for key in value.gone))
    if value is None:
        return None
    if isinstance(column.type, Json):
        return data(value)
    if isinstance(column.type, sa.String):
        return text(value, column.type.length or LONGEST)
    return value
