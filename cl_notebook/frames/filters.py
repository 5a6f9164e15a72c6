"""Translate the filters of the frames into SQL conditions."""

from __future__ import annotations

import datetime as dt
import math
import operator
import re
import uuid
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.frames.columns import CATEGORY, FLAG, MOMENT, NUMBER, REAL, UNSEARCHED
from cl_notebook.model import validation
from cl_notebook.store import search

if TYPE_CHECKING:
    from collections.abc import Callable

    from cl_notebook.frames.columns import Column

MAX_INTEGER = 2**63 - 1
"""Largest integer that every supported database stores (64 bits, signed)."""

_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_COMPARISON = re.compile(r"(>=|<=|!=|>|<|=)?(.*)", re.DOTALL)
_COMMA = re.compile(r"(?<!\\),")
_EXAMPLES = {MOMENT: "'>2026-01-31T12:00'", NUMBER: "'>10'", REAL: "'>0.5'"}


def condition(name: str, column: Column, predicate: object) -> sa.ColumnElement[bool]:
    """Return the SQL condition for one filter ``name=predicate`` of a frame.

    *predicate* is None (no value), an exact value, a collection of exact values, or a text. For numbers and times a text holds
    comparisons (``">10,<20"``), for texts alternatives with globs and negations (``"db*,!db1"``).

    Raises:
        InvalidInput: the column cannot be filtered, or not by such a value; the message gives a valid example.

    """
    if column.kind in UNSEARCHED:
        msg = f"{name!r} {UNSEARCHED[column.kind]}; filter the frame instead: df[df.{name} == …]."
        raise errors.InvalidInput(msg)
    if predicate is None:
        return column.sql.is_(None)
    if column.kind == FLAG:
        return column.sql == _flag(name, predicate)
    compared = column.kind in {NUMBER, REAL, MOMENT}
    if isinstance(predicate, str):
        return _number_condition(name, column, predicate) if compared else _text_condition(name, column, predicate)
    value = _value if compared else _text
    if isinstance(predicate, Iterable) and not isinstance(predicate, (bytes, bytearray, Mapping)):
        listed = list(predicate)
        values = [value(name, column.kind, item) for item in listed if item is not None]
        exact = column.sql == values[0] if len(values) == 1 else column.sql.in_(values)
        return sa.or_(column.sql.is_(None), exact) if None in listed else exact
    return column.sql == value(name, column.kind, predicate)


def alternatives(text: str) -> list[str]:
    r"""Return the parts of *text* between its commas; ``\,`` is a comma within a part."""
    return [part.strip().replace("\\,", ",") for part in _COMMA.split(text)]


def whole(value: object) -> int | None:
    """Return *value* as an integer that every database stores, or None if it is not an integer or is too large."""
    if isinstance(value, bool):
        return None
    try:
        number = operator.index(value)  # type: ignore[arg-type] # that is the question
    except TypeError:
        return None
    return number if -MAX_INTEGER <= number <= MAX_INTEGER else None


def _number_condition(name: str, column: Column, predicate: str) -> sa.ColumnElement[bool]:
    tests = []
    for part in predicate.split(","):
        sign, text = _COMPARISON.fullmatch(part.strip()).groups()  # type: ignore[union-attr] # it matches every text
        tests.append((sign or "=", _read(name, column.kind, text.strip())))
    equal_values = [value for sign, value in tests if sign == "="]
    inequalities = [_COMPARISONS[sign](column.sql, value) for sign, value in tests if sign in _COMPARISONS]
    excluded = [_negated(column, column.sql == value) for sign, value in tests if sign == "!="]
    equals = [column.sql == equal_values[0]] if len(equal_values) == 1 else [column.sql.in_(equal_values)] if equal_values else []
    return sa.and_(*inequalities, *excluded, *equals)


def _negated(column: Column, test: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    # rows without a value meet a negation, too; in SQL the comparison would be NULL
    return sa.or_(column.sql.is_(None), sa.not_(test)) if column.nullable else sa.not_(test)


def _read(name: str, kind: str, text: str) -> object:
    try:
        return _value(name, kind, dt.datetime.fromisoformat(text) if kind == MOMENT else (int if kind == NUMBER else float)(text))
    except ValueError as error:
        if isinstance(error, errors.Error):
            raise
        raise _invalid_comparison(name, kind, text) from error


def _value(name: str, kind: str, value: object) -> object:
    if kind == MOMENT:
        return _moment(name, value)
    number: float | None = whole(value)
    if number is None and kind == REAL and isinstance(value, float) and math.isfinite(value):
        number = value
    if number is None:
        raise _invalid_comparison(name, kind, value)
    return number


def _moment(name: str, value: object) -> dt.datetime:
    try:
        if isinstance(value, dt.datetime):
            moment = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
            return dt.datetime.fromisoformat(moment.astimezone(dt.UTC).isoformat(timespec="microseconds"))
        if isinstance(value, dt.date):
            return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    except (ValueError, TypeError, OverflowError) as error:  # pandas' NaT, and times at the ends of the calendar
        raise _invalid_comparison(name, MOMENT, value) from error
    raise _invalid_comparison(name, MOMENT, value)


def _invalid_comparison(name: str, kind: str, value: object) -> errors.InvalidInput:
    return errors.InvalidInput(f"{name} takes a comparison such as {_EXAMPLES[kind]}, not {_shortened(value)}.")


def _shortened(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= validation.NAME_LENGTH else f"{text[: validation.NAME_LENGTH]}…"


def _flag(name: str, predicate: object) -> bool:
    text = str(predicate).lower()
    if text in {"true", "1", "yes"}:
        return True
    if text in {"false", "0", "no"}:
        return False
    msg = f"{name} takes true or false, not {_shortened(predicate)}."
    raise errors.InvalidInput(msg)


def _text(name: str, _kind: str, value: object) -> str:
    if isinstance(value, uuid.UUID):
        return str(value)
    if not isinstance(value, str):
        msg = f"{name} takes a text, a glob such as 'db*', or a list of exact texts, not {_shortened(value)}."
        raise errors.InvalidInput(msg)
    return validation.text(value, name)


def _text_condition(name: str, column: Column, predicate: str) -> sa.ColumnElement[bool]:
    validation.text(predicate, name)
    tests = alternatives(predicate)
    excluded = [test.lstrip("!=").strip() for test in tests if test.startswith("!")]
    included = [test for test in tests if not test.startswith("!")]
    if len(included) > 1 and not excluded and column.kind != CATEGORY:
        included.append(predicate)  # a name may contain commas, so match the whole text, too
    negations = [_negated(column, _matches(column.sql, excluded))] if excluded else []
    return sa.and_(*negations, *([_matches(column.sql, included)] if included else []))


def _matches(sql: sa.ColumnElement[Any], patterns: list[str]) -> sa.ColumnElement[bool]:
    exact = [pattern for pattern in patterns if "*" not in pattern and "?" not in pattern]
    globs = [search.glob(sql, pattern) for pattern in patterns if "*" in pattern or "?" in pattern]
    return sa.or_(*globs, *([sql == exact[0]] if len(exact) == 1 else [sql.in_(exact)] if exact else []))
