"""One SELECT for a frame: which columns, which rows, in which order, from where on."""

from __future__ import annotations

import datetime as dt
import operator
import re
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.views.columns import FLAG, MAP, MOMENT, NUMBER, REAL, SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cl_notebook.views.columns import Column, Source

_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_WORDS = re.compile(r"(>=|<=|!=|>|<|=)?(.*)", re.DOTALL)


def build(
    kind: str,
    *,
    columns: Sequence[str],
    filters: Mapping[str, object],
    sort: str | Sequence[str] | None,
    limit: int | None,
    marker: str | int | None,
    marker_values: Callable[[sa.Select[Any]], Sequence[Any] | None],
) -> sa.Select[Any]:
    """Return the SELECT of the *kind*'s key and *columns*.

    ``marker`` is the key of the last row of the page before; ``marker_values`` reads where that row stands in the order.

    Raises:
        InvalidInput: a column, a filter, the sorting, the limit or the marker is wrong; the message says which.

    """
    source = SOURCES[kind]
    known = source.columns
    chosen = [named(kind, name).sql.label(name) for name in columns]
    order = list(_order(kind, source, sort))
    statement = sa.select(source.key.label("id"), *chosen).select_from(source.tables)
    for name, wanted in filters.items():
        if name == "id":
            statement = statement.where(_text_filter(source.key, wanted))
        else:
            column = named(kind, name)
            statement = statement.where(_filter(name, column, wanted))
    if marker is not None:
        place = marker_values(sa.select(*[term for term, _ in order]).select_from(source.tables).where(source.key == marker))
        if place is None:
            msg = f"marker must be the id of one of the {kind}, not {marker!r}."
            raise errors.InvalidInput(msg)
        statement = statement.where(_after([term for term, _ in order], [down for _, down in order], place))
    del known
    return statement.order_by(*[term.desc() if down else term for term, down in order]).limit(_limit(limit))


def named(kind: str, name: str) -> Column:
    """Return the column *name* of *kind*.

    Raises:
        InvalidInput: there is none; the message names the closest.

    """
    known = SOURCES[kind].columns
    if name not in known:
        msg = f"{kind} have no column {name!r}.{errors.did_you_mean(name, known)} Columns: {', '.join(known)}."
        raise errors.InvalidInput(msg)
    return known[name]


def _limit(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        msg = f"limit must be a whole number of rows, not {value!r}."
        raise errors.InvalidInput(msg)
    return value


def _order(kind: str, source: Source, sort: str | Sequence[str] | None) -> Iterable[tuple[sa.ColumnElement[Any], bool]]:
    wanted = [sort] if isinstance(sort, str) else list(sort or ())
    last_down = False
    for word in [part.strip() for text in wanted for part in text.split(",")]:
        name, _, direction = word.partition(":")
        if direction not in {"", "asc", "desc"}:
            msg = f"sort must be COLUMN, COLUMN:asc or COLUMN:desc, not {word!r}."
            raise errors.InvalidInput(msg)
        last_down = direction == "desc"
        if name == "id":
            break
        column = named(kind, name)
        if column.kind == MAP:
            msg = f"{kind} cannot be sorted by {name!r}, which holds key-value pairs."
            raise errors.InvalidInput(msg)
        if column.nullable:
            yield sa.case((column.sql.is_(None), 1), else_=0), False
        yield column.sql, last_down
    if not wanted:
        yield from ((term, False) for term in source.order)
    yield source.key, last_down


def _after(terms: Sequence[sa.ColumnElement[Any]], down: Sequence[bool], place: Sequence[Any]) -> sa.ColumnElement[bool]:
    alternatives = []
    for position, term in enumerate(terms):
        if place[position] is None:
            continue
        same = [_same(terms[before], place[before]) for before in range(position)]
        beyond = term < place[position] if down[position] else term > place[position]
        alternatives.append(sa.and_(*same, beyond))
    return sa.or_(*alternatives)


def _same(term: sa.ColumnElement[Any], value: object) -> sa.ColumnElement[bool]:
    return term.is_(None) if value is None else term == value


def _filter(name: str, column: Column, wanted: object) -> sa.ColumnElement[bool]:
    if wanted is None:
        return column.sql.is_(None)
    match column.kind:
        case "map":
            msg = f"{name!r} holds key-value pairs; filter the frame instead: df[df.{name} == …]."
            raise errors.InvalidInput(msg)
        case "number" | "real" | "moment":
            return _compared(name, column, wanted)
        case "flag":
            return column.sql == _flag(name, wanted)
        case _:
            return _text_filter(column.sql, wanted)


def _compared(name: str, column: Column, wanted: object) -> sa.ColumnElement[bool]:
    if not isinstance(wanted, str):
        return column.sql == wanted
    parts = [_WORDS.fullmatch(part.strip()) for part in wanted.split(",")]
    tests = []
    for part in parts:
        sign, value = part.groups() if part else (None, "")
        tests.append((sign or "=", _value(name, column.kind, value.strip())))
    equal = [value for sign, value in tests if sign == "="]
    others = [_COMPARISONS[sign](column.sql, value) for sign, value in tests if sign != "="]
    return sa.and_(*others, column.sql.in_(equal)) if equal else sa.and_(*others)


def _value(name: str, kind: str, text: str) -> object:
    try:
        if kind == MOMENT:
            moment = dt.datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        return int(text) if kind == NUMBER else float(text)
    except ValueError as error:
        example = {MOMENT: "'>2026-01-31T12:00'", NUMBER: "'>10'", REAL: "'>0.5'"}[kind]
        msg = f"{name} takes a comparison such as {example}, not {text!r}."
        raise errors.InvalidInput(msg) from error


def _flag(name: str, wanted: object) -> bool:
    word = str(wanted).lower()
    if word in {"true", "1", "yes"}:
        return True
    if word in {"false", "0", "no"}:
        return False
    msg = f"{name} takes true or false, not {wanted!r}."
    raise errors.InvalidInput(msg)


def _text_filter(sql: sa.ColumnElement[Any], wanted: object) -> sa.ColumnElement[bool]:
    if isinstance(wanted, (list, tuple, set, frozenset)):
        return sql.in_([str(item) for item in wanted])
    if not isinstance(wanted, str):
        return sql == wanted
    tests = [part.strip() for part in wanted.split(",")]
    excluded = [test.lstrip("!=").strip() for test in tests if test.startswith("!")]
    wanted_ones = [test for test in tests if not test.startswith("!")]
    refused = [sa.not_(_matches(sql, word)) for word in excluded]
    if not wanted_ones:
        return sa.and_(*refused)
    return sa.and_(*refused, sa.or_(*[_matches(sql, word) for word in wanted_ones]))


def _matches(sql: sa.ColumnElement[Any], word: str) -> sa.ColumnElement[bool]:
    if not any(sign in word for sign in "*?"):
        return sql == word
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return sql.ilike(escaped.replace("*", "%").replace("?", "_"), escape="\\")


__all__ = ["FLAG", "build", "named"]
