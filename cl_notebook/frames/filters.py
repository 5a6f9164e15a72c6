"""Translate the filters of the frames into SQL conditions."""

from __future__ import annotations

import datetime as dt
import math
import operator
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors, quantities
from cl_notebook.frames.columns import CATEGORY, FLAG, KEY_VALUES, MOMENT, NUMBER, REAL, TEXT, UNSEARCHED, Column
from cl_notebook.model import validation
from cl_notebook.store import search
from cl_notebook.store.types import utcnow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_INTEGER = 2**63 - 1
"""Largest integer that every supported database stores (64 bits, signed)."""

_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_COMPARISON = re.compile(r"(>=|<=|!=|>|<|=)?(.*)", re.DOTALL)
_FLIPPED = str.maketrans("<>", "><")
_DAYS = {"today": 0, "yesterday": 1}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_COMMA = re.compile(r"(?<!\\),")
_EXAMPLES = {MOMENT: "'>2026-01-31T12:00', '<2h' or today", NUMBER: "'>10' or 2..4", REAL: "'>0.5'"}


def condition(name: str, column: Column, predicate: object) -> sa.ColumnElement[bool]:
    """Return the SQL condition for one filter ``name=predicate`` of a frame.

    *predicate* is None (no value), an exact value, a collection of exact values, or a text. For numbers and times a text holds
    comparisons (``">10,<20"``) and ranges that include their ends (``"2..4"``), for texts alternatives with globs and negations
    (``"db*,!db1"``), for metadata and specs ``"KEY"`` or ``"KEY=VALUE"``. Sizes may have units (``">1.5T"``), durations, too
    (``">2s"``). A time is in ISO format, in UTC unless it says otherwise, or ``today`` or ``yesterday`` in the local time zone;
    a date alone is the whole day. A span of time is an age: ``">1h"`` is longer ago than an hour.

    Raises:
        InvalidInput: the column cannot be filtered, or not by such a value; the message gives a valid example.

    """
    if name in KEY_VALUES:
        return _key_value_condition(name, column, predicate)
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
        exact = _is_one_of(column.sql, values)
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


def _is_one_of(sql: sa.ColumnElement[Any], values: Sequence[object]) -> sa.ColumnElement[bool]:
    return sql == values[0] if len(values) == 1 else sql.in_(values)


@dataclass(frozen=True, slots=True)
class _Bound:
    """A number or a point in time to compare a column with.

    A day lasts from *value* up to *end*. Ages (``is_age``) are compared the other way round: the older, the smaller the time.
    """

    value: Any
    end: dt.datetime | None = None
    is_age: bool = False

    def compare(self, sql: sa.ColumnElement[Any], sign: str) -> sa.ColumnElement[bool]:
        sign = sign.translate(_FLIPPED) if self.is_age else sign
        if self.end is not None and sign in {">", "<="}:
            return sql >= self.end if sign == ">" else sql < self.end
        test: sa.ColumnElement[bool] = _COMPARISONS[sign](sql, self.value)
        return test


def _number_condition(name: str, column: Column, predicate: str) -> sa.ColumnElement[bool]:
    bounds: list[sa.ColumnElement[bool]] = []
    excluded: list[sa.ColumnElement[bool]] = []
    values: list[object] = []  # compared at once, so that an index is used
    included: list[sa.ColumnElement[bool]] = []
    for part in predicate.split(","):
        sign, text = _COMPARISON.fullmatch(part.strip()).groups()  # type: ignore[union-attr] # it matches every text
        if sign in _COMPARISONS:
            bounds.append(_bound(name, column, text).compare(column.sql, sign))
            continue
        equal = _interval(name, column, text)
        if sign == "!=":
            excluded.append(_negated(column, column.sql == equal if not isinstance(equal, sa.ColumnElement) else equal))
        elif isinstance(equal, sa.ColumnElement):
            included.append(equal)
        else:
            values.append(equal)
    if values:
        included.insert(0, _is_one_of(column.sql, values))
    return sa.and_(*bounds, *excluded, *([sa.or_(*included)] if included else []))


def _interval(name: str, column: Column, text: str) -> object:
    """Return the value that *text* spells, or the condition for a range or a day."""
    low, is_range, high = text.partition("..")
    if is_range:
        ends = [(_bound(name, column, end, by_day=True), sign) for end, sign in ((low, ">="), (high, "<=")) if end.strip()]
        if not ends:
            raise _invalid_comparison(name, column.kind, text)
        return sa.and_(*(end.compare(column.sql, sign) for end, sign in ends))
    bound = _bound(name, column, text, by_day=True)
    if bound.is_age:
        raise _invalid_comparison(name, column.kind, text)  # no row is exactly that old
    return bound.value if bound.end is None else sa.and_(column.sql >= bound.value, column.sql < bound.end)


def _negated(column: Column, test: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    # rows without a value meet a negation, too; in SQL the comparison would be NULL
    return sa.or_(column.sql.is_(None), sa.not_(test)) if column.nullable else sa.not_(test)


def _bound(name: str, column: Column, text: str, *, by_day: bool = False) -> _Bound:
    """Return what *text* spells; with *by_day* a date means the whole day, not its beginning."""
    text = text.strip()
    try:
        if column.kind == MOMENT:
            return _time_bound(name, text, by_day=by_day)
        number: object = _with_unit(column, text)
        if number is None:
            number = int(text) if column.kind == NUMBER else float(text)
        if isinstance(number, float) and column.kind == NUMBER and abs(number) <= MAX_INTEGER:
            return _Bound(number)
        return _Bound(_value(name, column.kind, number))
    except (ValueError, OverflowError) as error:
        if isinstance(error, errors.Error):
            raise
        raise _invalid_comparison(name, column.kind, text) from error


def _with_unit(column: Column, text: str) -> float | None:
    if not text[-1:].isalpha():
        return None
    if column.unit == "GiB":
        size = quantities.exact_gib(text)
        return None if size is None else int(size) if size == int(size) else float(size)
    return quantities.seconds(text) if column.unit == "s" else None


def _time_bound(name: str, text: str, *, by_day: bool) -> _Bound:
    age = quantities.seconds(text)
    if age is not None:
        return _Bound(utcnow() - dt.timedelta(seconds=age), is_age=True)
    days_ago = _DAYS.get(text.lower())
    if days_ago is not None:
        date = dt.datetime.now().astimezone().date() - dt.timedelta(days=days_ago)
        start, end = (dt.datetime.combine(day, dt.time()).astimezone() for day in (date, date + dt.timedelta(days=1)))
        return _Bound(_moment(name, start), _moment(name, end))
    start = _moment(name, dt.datetime.fromisoformat(text))
    return _Bound(start, start + dt.timedelta(days=1)) if by_day and _DATE.fullmatch(text) else _Bound(start)


def _key_value_condition(name: str, column: Column, predicate: object) -> sa.ColumnElement[bool]:
    if isinstance(predicate, Mapping):
        items = [(str(key), value) for key, value in predicate.items()]
    else:
        is_several = isinstance(predicate, Iterable) and not isinstance(predicate, (str, bytes))
        texts: list[object] = list(predicate) if is_several else [predicate]  # type: ignore[call-overload] # it is iterable
        words = [text for text in texts if isinstance(text, str)]
        if not words or len(words) < len(texts):
            msg = f"{name} takes 'KEY=VALUE', 'KEY', or a dict of keys and values, not {_shortened(predicate)}."
            raise errors.InvalidInput(msg)
        parted = [word.partition("=") for word in words]
        items = [(key.strip(), value if sign else "*") for key, sign, value in parted]
    return sa.and_(sa.true(), *(_item_condition(name, column, key, value) for key, value in items))


def _item_condition(name: str, column: Column, key: str, value: object) -> sa.ColumnElement[bool]:
    if not key or set('"\\') & set(validation.text(key, name)):
        msg = f"{name} cannot be filtered by the key {key!r}; filter the frame instead: df[df.{name} == …]."
        raise errors.InvalidInput(msg)
    item = Column(column.sql[key].as_string(), TEXT)
    if value == "*":
        return item.sql.is_not(None)
    return condition(f"{name}[{key!r}]", item, value)


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
    return sa.or_(*globs, *([_is_one_of(sql, exact)] if exact else []))
