"""Parse the filter of the tree: terms separated by blanks, all of which a resource must meet.

``db`` matches a part of a name, host or path, the start of an id, or a status; ``db*`` a whole name. ``"my db"`` keeps the blank.
``COLUMN:VALUE`` filters by a column as the frames do: ``status:error,available``, ``size>10``, ``backend:lab``,
``created_at>2026-01-31``, ``age<2h``, ``size:2..4``, ``metadata:owner=bob``, ``kind:snapshot``. ``!`` before a term negates it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.frames import statuses
from cl_notebook.frames.columns import FLAG, KEY_VALUES, MOMENT, NUMBER, REAL, SOURCES, TEXT, UNSEARCHED, Column
from cl_notebook.frames.filters import alternatives, condition
from cl_notebook.model import validation
from cl_notebook.store import search
from cl_notebook.treemodel.kinds import BACKEND, CONNECTION, KINDS, VOLUME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

LONGEST = 1000
"""Largest number of characters in a filter."""

TERMS = 50
"""Largest number of terms in a filter."""

_TERM = re.compile(r"(?P<no>!?)(?:(?P<column>[A-Za-z]\w*)(?P<sign>>=|<=|!=|:|=|>|<))?(?P<value>\"[^\"]*\"?|'[^']*'?|\S*)")
_ID_PART = re.compile(r"[0-9a-f][0-9a-f-]{1,35}")
_LITERAL_COMMA = r"\,"
_OTHER_NAMES: Mapping[str, Mapping[str, str]] = {
    BACKEND: {"backend": "name", "driver": "volume_driver"},
    CONNECTION: {"attach_status": "status"},
}
_ALIASES: Mapping[str, Mapping[str, str]] = {
    kind: {"age": "created_at", **KINDS[kind].columns, **_OTHER_NAMES.get(kind, {})} for kind in KINDS
}
"""For each kind: names that the tree or other kinds use for a column -> the column's name in the frame of this kind."""

_UNSTORED = {BACKEND: {"volumes", "size", "open"}}
"""Columns that are aggregates, or that the session provides."""

_PARENT_COLUMNS: Mapping[str, tuple[str, str, str]] = {
    "backend": ("backend_id", BACKEND, "name"),
    "volume": ("volume_id", VOLUME, "name"),
}
"""Columns of the row's backend or volume: the column with the parent's id, the parent's kind, and the parent's column."""

_WITH_STATUS = ("volumes", "snapshots", "connections")
"""The frames of the kinds that have a status."""

_NO_COLUMN = Column(sa.null(), TEXT)


@dataclass(frozen=True, slots=True)
class _Term:
    """One term: a text, or its condition for each kind; a kind that is missing never matches."""

    tests: Mapping[str, sa.ColumnElement[bool]]
    text: str = ""
    is_negated: bool = False

    def condition(self, kind: str, dialect: str) -> sa.ColumnElement[bool]:
        if self.text:
            test = _text_condition(kind, self.text, dialect)
        elif kind in self.tests:
            test = self.tests[kind]
        else:
            return sa.false()
        # a row without a value does not meet the term, so it meets the negation (in SQL it would be NULL)
        return sa.not_(sa.func.coalesce(test, sa.false())) if self.is_negated else test


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter; false if it is empty."""

    terms: tuple[_Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    def condition(self, kind: str, dialect: str) -> sa.ColumnElement[bool]:
        """Return the condition, for this SQL *dialect*, that a resource of *kind* meets every term."""
        return sa.and_(sa.true(), *[term.condition(kind, dialect) for term in self.terms])


def parse(text: str, run_query: Callable[[sa.Select[Any]], Sequence[Any]] | None = None, *, is_finished: bool = False) -> Filter:
    """Parse *text*, e.g. ``"db status:error"``.

    Args:
        text: the filter.
        run_query: executes a query of the store, which may have statuses that cl_notebook does not know; without it the names of
            statuses are not checked.
        is_finished: nothing more is typed, so the beginning of a status is not accepted for it.

    Raises:
        InvalidInput: *text* is not a valid filter; the message says what is wrong.

    """
    validation.text(text, "The filter")
    if len(text) > LONGEST:
        msg = f"A filter has at most {LONGEST} characters, not {len(text)}."
        raise errors.InvalidInput(msg)
    matches = list(_split(text))
    terms = tuple(term for term in map(_term, matches) if term is not None)
    if run_query is not None:
        _refuse_unknown_statuses(matches, run_query, beginnings=not is_finished)
    if len(terms) > TERMS:
        msg = f"A filter has at most {TERMS} terms, not {len(terms)}."
        raise errors.InvalidInput(msg)
    return Filter(terms)


def _refuse_unknown_statuses(
    matches: Sequence[re.Match[str]], run_query: Callable[[sa.Select[Any]], Sequence[Any]], *, beginnings: bool
) -> None:
    for match in matches:
        name = (match["column"] or "").lower()
        if name in statuses.COLUMNS:
            parts = alternatives(match["value"].strip("\"'"))
            statuses.refuse_unknown(name, parts, _WITH_STATUS, run_query, beginnings=beginnings)


def starts_with(column: sa.ColumnElement[Any], text: str, dialect: str) -> sa.ColumnElement[bool]:
    """Return the condition that *column* begins with *text*, ignoring case."""
    return _like(column, f"{_escaped(text)}%", dialect)


def _split(text: str) -> Iterator[re.Match[str]]:
    position = 0
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        if position == len(text):
            return
        match = _TERM.match(text, position)
        assert match is not None  # noqa: S101 - every part of it may be empty
        position = match.end()
        if position < len(text) and not text[position].isspace():
            msg = f"A blank is missing behind {match[0]}."
            raise errors.InvalidInput(msg)
        yield match


def _term(match: re.Match[str]) -> _Term | None:
    is_negated, name, value = bool(match["no"]), match["column"], match["value"]
    quoted = value[:1] in {'"', "'"}
    if quoted:
        if len(value) == 1 or value[-1] != value[0]:
            msg = f"The quote is not closed: {value}"
            raise errors.InvalidInput(msg)
        value = value[1:-1]
    elif not value:
        msg = f"{match[0]} needs a value behind it." if name else "`!` needs a term right after it, e.g. `!status:error`."
        raise errors.InvalidInput(msg)
    if name is None:
        return _Term({}, value, is_negated) if value else None
    return _Term(_column_tests(name.lower(), match["sign"], value), is_negated=is_negated)


def _column_tests(name: str, sign: str, value: str) -> dict[str, sa.ColumnElement[bool]]:
    if name == "kind":
        return _kind_tests(sign, value)
    predicate = ",".join(f"!{part.replace(',', _LITERAL_COMMA)}" for part in alternatives(value)) if sign == "!=" else value
    predicate = f"{sign}{value}" if sign in {">", "<", ">=", "<="} else predicate
    tests = {kind: test for kind in KINDS if (test := _test(kind, name, sign, predicate)) is not None}
    if not tests:
        column_names = sorted({column for kind in KINDS for column in (*_names(kind), *_ALIASES[kind])} | {"id", "kind"})
        msg = f"There is no column {name!r}.{errors.did_you_mean(name, column_names)} Quote what is to be found as it stands."
        raise errors.InvalidInput(msg)
    return tests


def _kind_tests(sign: str, value: str) -> dict[str, sa.ColumnElement[bool]]:
    names = {part.strip().lower() for part in value.split(",")}
    kinds = {part if part in KINDS else part.removesuffix("s") for part in names}
    if sign not in {":", "=", "!="} or not kinds <= set(KINDS):
        unknown = min(kinds - set(KINDS), default=sign)
        msg = f"kind is one of {', '.join(KINDS)}, not {unknown!r}.{errors.did_you_mean(unknown, KINDS)}"
        raise errors.InvalidInput(msg)
    return {kind: sa.true() if (kind in kinds) is (sign != "!=") else sa.false() for kind in KINDS}


def _names(kind: str) -> set[str]:
    columns = SOURCES[f"{kind}s"].columns
    names = {name for name, column in columns.items() if column.kind not in UNSEARCHED}
    return names.union(KEY_VALUES & columns.keys()) - _UNSTORED.get(kind, set())


def _test(kind: str, name: str, sign: str, predicate: str) -> sa.ColumnElement[bool] | None:
    if name == "id":
        return _id_test(kind, sign, predicate)
    name = _ALIASES[kind].get(name, name)
    parent = _PARENT_COLUMNS.get(name) if kind != BACKEND else None
    if name not in _names(kind):
        if SOURCES[f"{kind}s"].columns.get(name, _NO_COLUMN).kind in UNSEARCHED:
            condition(name, SOURCES[f"{kind}s"].columns[name], predicate)  # raises, and says how to filter the frame instead
        return None
    column = SOURCES[f"{kind}s"].columns[name]
    _check_sign(name, column, sign)
    if column.kind in {NUMBER, REAL, MOMENT} and sign == "!=":
        predicate = predicate.replace("!", "!=")
    is_plain = column.kind == FLAG or name in KEY_VALUES  # it has no negation of its own
    test = condition(name, column, predicate.lstrip("!") if is_plain else predicate)
    if is_plain and sign == "!=":
        return sa.not_(sa.func.coalesce(test, sa.false()))
    if parent is None:
        return test
    parent_kind = KINDS[parent[1]]
    return KINDS[kind].table.c[parent[0]].in_(sa.select(parent_kind.id).where(test))


def _check_sign(name: str, column: Column, sign: str) -> None:
    if sign in {">", "<", ">=", "<="} and column.kind not in {NUMBER, REAL, MOMENT}:
        msg = f"{name} is no number and no time: {name}:VALUE asks for a text, {name}:VALUE* for its beginning."
        raise errors.InvalidInput(msg)


def _id_test(kind: str, sign: str, predicate: str) -> sa.ColumnElement[bool]:
    if sign not in {":", "=", "!="}:
        msg = "id takes the beginning of an id, such as id:3f2a."
        raise errors.InvalidInput(msg)
    values = predicate.replace("!", "") if sign == "!=" else predicate
    parts = [part for part in map(str.strip, values.split(",")) if part]
    if not parts:
        msg = f"id{sign} needs a value behind it, such as id:3f2a."
        raise errors.InvalidInput(msg)
    test = sa.or_(*[search.id_begins_with(KINDS[kind].id, part) for part in parts])
    return sa.not_(test) if sign == "!=" else test


def _text_condition(kind: str, text: str, dialect: str) -> sa.ColumnElement[bool]:
    columns, lowered = KINDS[kind], text.lower()
    if "*" in text or "?" in text:
        return _like(columns.name, _escaped(text).replace("*", "%").replace("?", "_"), dialect)
    part = f"%{_escaped(text)}%"
    tests = [_like(column, part, dialect) for column in columns.stored("name", "where")]
    tests += [column == lowered for column in columns.stored("status")]
    if _ID_PART.fullmatch(lowered):
        tests.append(search.id_begins_with(columns.id, text))
    return sa.or_(*tests)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _like(column: sa.ColumnElement[Any], pattern: str, dialect: str) -> sa.ColumnElement[bool]:
    # SQLite's LIKE ignores case by itself, and takes half the time of comparing lower()
    return column.like(pattern, escape="\\") if dialect == "sqlite" else column.ilike(pattern, escape="\\")
