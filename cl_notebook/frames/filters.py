"""What a column must be: the filters of the frames, as conditions of a SELECT."""

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

MOST = 2**63 - 1
"""The largest number that a data base takes."""

_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_WORDS = re.compile(r"(>=|<=|!=|>|<|=)?(.*)", re.DOTALL)
_COMMA = re.compile(r"(?<!\\),")
_EXAMPLES = {MOMENT: "'>2026-01-31T12:00'", NUMBER: "'>10'", REAL: "'>0.5'"}


def condition(name: str, column: Column, wanted: object) -> sa.ColumnElement[bool]:
    """Return the condition that the *column* called *name* is as *wanted*.

    Raises:
        InvalidInput: that cannot be asked of the column; the message has an example of what can.

    """
    if column.kind in UNSEARCHED:
        msg = f"{name!r} {UNSEARCHED[column.kind]}; filter the frame instead: df[df.{name} == …]."
        raise errors.InvalidInput(msg)
    if wanted is None:
        return column.sql.is_(None)
    if column.kind == FLAG:
        return column.sql == _flag(name, wanted)
    compared = column.kind in {NUMBER, REAL, MOMENT}
    if isinstance(wanted, str):
        return _compared(name, column, wanted) if compared else _worded(name, column, wanted)
    value = _value if compared else _text
    if isinstance(wanted, Iterable) and not isinstance(wanted, (bytes, bytearray, Mapping)):
        listed = list(wanted)
        known = [value(name, column.kind, item) for item in listed if item is not None]
        exact = column.sql == known[0] if len(known) == 1 else column.sql.in_(known)
        return sa.or_(column.sql.is_(None), exact) if None in listed else exact
    return column.sql == value(name, column.kind, wanted)


def alternatives(text: str) -> list[str]:
    r"""Return the parts of *text* between its commas; ``\,`` is a comma within a part."""
    return [part.strip().replace("\\,", ",") for part in _COMMA.split(text)]


def whole(value: object) -> int | None:
    """Return *value* as a number that a data base takes, or None if it is no whole number or too large."""
    if isinstance(value, bool):
        return None
    try:
        number = operator.index(value)  # type: ignore[arg-type] # that is the question
    except TypeError:
        return None
    return number if -MOST <= number <= MOST else None


def _compared(name: str, column: Column, wanted: str) -> sa.ColumnElement[bool]:
    tests = []
    for part in wanted.split(","):
        sign, text = _WORDS.fullmatch(part.strip()).groups()  # type: ignore[union-attr] # it matches every text
        tests.append((sign or "=", _read(name, column.kind, text.strip())))
    equal = [value for sign, value in tests if sign == "="]
    others = [_COMPARISONS[sign](column.sql, value) for sign, value in tests if sign in _COMPARISONS]
    refused = [_unless(column, column.sql == value) for sign, value in tests if sign == "!="]
    same = [column.sql == equal[0]] if len(equal) == 1 else [column.sql.in_(equal)] if equal else []
    return sa.and_(*others, *refused, *same)


def _unless(column: Column, test: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    # what is empty is not that either
    return sa.or_(column.sql.is_(None), sa.not_(test)) if column.nullable else sa.not_(test)


def _read(name: str, kind: str, text: str) -> object:
    try:
        return _value(name, kind, dt.datetime.fromisoformat(text) if kind == MOMENT else (int if kind == NUMBER else float)(text))
    except ValueError as error:
        if isinstance(error, errors.Error):
            raise
        raise _no_comparison(name, kind, text) from error


def _value(name: str, kind: str, value: object) -> object:
    if kind == MOMENT:
        return _moment(name, value)
    number: float | None = whole(value)
    if number is None and kind == REAL and isinstance(value, float) and math.isfinite(value):
        number = value
    if number is None:
        raise _no_comparison(name, kind, value)
    return number


def _moment(name: str, value: object) -> dt.datetime:
    try:
        if isinstance(value, dt.datetime):
            moment = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
            return dt.datetime.fromisoformat(moment.astimezone(dt.UTC).isoformat(timespec="microseconds"))
        if isinstance(value, dt.date):
            return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    except (ValueError, TypeError, OverflowError) as error:  # pandas' NaT, and times at the ends of the calendar
        raise _no_comparison(name, MOMENT, value) from error
    raise _no_comparison(name, MOMENT, value)


def _no_comparison(name: str, kind: str, value: object) -> errors.InvalidInput:
    return errors.InvalidInput(f"{name} takes a comparison such as {_EXAMPLES[kind]}, not {_shown(value)}.")


def _shown(value: object) -> str:
    shown = " ".join(repr(value).split())
    return shown if len(shown) <= validation.NAME_LENGTH else f"{shown[: validation.NAME_LENGTH]}…"


def _flag(name: str, wanted: object) -> bool:
    word = str(wanted).lower()
    if word in {"true", "1", "yes"}:
        return True
    if word in {"false", "0", "no"}:
        return False
    msg = f"{name} takes true or false, not {_shown(wanted)}."
    raise errors.InvalidInput(msg)


def _text(name: str, _kind: str, value: object) -> str:
    if isinstance(value, uuid.UUID):
        return str(value)
    if not isinstance(value, str):
        msg = f"{name} takes a text, a glob such as 'db*', or a list of exact texts, not {_shown(value)}."
        raise errors.InvalidInput(msg)
    return validation.text(value, name)


def _worded(name: str, column: Column, wanted: str) -> sa.ColumnElement[bool]:
    validation.text(wanted, name)
    tests = alternatives(wanted)
    excluded = [test.lstrip("!=").strip() for test in tests if test.startswith("!")]
    included = [test for test in tests if not test.startswith("!")]
    if len(included) > 1 and not excluded and column.kind != CATEGORY:
        included.append(wanted)  # a name may have commas: the text as a whole fits, too
    refused = [_unless(column, _matches(column.sql, excluded))] if excluded else []
    return sa.and_(*refused, *([_matches(column.sql, included)] if included else []))


def _matches(sql: sa.ColumnElement[Any], words: list[str]) -> sa.ColumnElement[bool]:
    exact = [word for word in words if "*" not in word and "?" not in word]
    globs = [search.glob(sql, word) for word in words if "*" in word or "?" in word]
    return sa.or_(*globs, *([sql == exact[0]] if len(exact) == 1 else [sql.in_(exact)] if exact else []))
