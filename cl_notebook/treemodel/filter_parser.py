"""The filter of the tree: words and columns, blanks between them, all of which must hold of one resource.

``db`` is a part of a name, host or path, the beginning of an id, or a status; ``db*`` a whole name. ``"my db"`` keeps the blank.
``COLUMN:VALUE`` asks what the frames can ask, of any of their columns: ``status:error,available``, ``size>10``, ``backend:lab``,
``created_at>2026-01-31``, ``kind:snapshot``. ``!`` before any of these means the opposite.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.frames.columns import FLAG, MOMENT, NUMBER, REAL, SOURCES, TEXT, UNSEARCHED, Column
from cl_notebook.frames.filters import alternatives, condition
from cl_notebook.model import validation
from cl_notebook.store import search
from cl_notebook.treemodel.kinds import BACKEND, CONNECTION, KINDS, SNAPSHOT, VOLUME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LONGEST = 1000
"""Characters that a filter has at most."""

TERMS = 50
"""Terms that a filter has at most."""

_TERM = re.compile(r"(?P<no>!?)(?:(?P<column>[A-Za-z]\w*)(?P<sign>>=|<=|!=|:|=|>|<))?(?P<value>\"[^\"]*\"?|'[^']*'?|\S*)")
_ID_PART = re.compile(r"[0-9a-f][0-9a-f-]{1,35}")
_LITERAL_COMMA = r"\,"
_ALIASES: Mapping[str, Mapping[str, str]] = {
    BACKEND: {"backend": "name", "driver": "volume_driver", "where": "volume_driver"},
    VOLUME: {"where": "host"},
    SNAPSHOT: {"size": "volume_size"},
    CONNECTION: {"name": "host", "attach_status": "status", "where": "path"},
}
"""For each kind: words of the tree, or of the other kinds, and the columns of the frames that they mean."""

_LEFT_OUT = {BACKEND: {"volumes", "size", "open"}}
"""Columns that the frames count together, or that only the session knows."""

_ABOVE: Mapping[str, tuple[str, str, str]] = {
    "backend": ("backend_id", BACKEND, "name"),
    "volume": ("volume_id", VOLUME, "name"),
}
"""Columns that belong to what is above a row: the row's column with its id, and where the value is."""


@dataclass(frozen=True, slots=True)
class _Term:
    """One term: what it asks of each kind; a kind that is missing cannot meet it."""

    tests: Mapping[str, sa.ColumnElement[bool]]
    word: str = ""
    refused: bool = False

    def condition(self, kind: str, dialect: str) -> sa.ColumnElement[bool]:
        if self.word:
            test = _word(kind, self.word, dialect)
        elif kind in self.tests:
            test = self.tests[kind]
        else:
            return sa.false()
        # what is empty does not meet a term, so it meets its opposite
        return sa.not_(sa.func.coalesce(test, sa.false())) if self.refused else test


@dataclass(frozen=True, slots=True)
class Filter:
    """What was asked for; true if it asks for anything."""

    terms: tuple[_Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    def condition(self, kind: str, dialect: str) -> sa.ColumnElement[bool]:
        """Return the condition that a resource of *kind* meets every term, in the words of that *dialect* of SQL."""
        return sa.and_(sa.true(), *[term.condition(kind, dialect) for term in self.terms])


def parse(text: str) -> Filter:
    """Return the filter that *text* describes.

    Raises:
        InvalidInput: it describes none; the message says what is wrong.

    """
    validation.text(text, "The filter")
    if len(text) > LONGEST:
        msg = f"A filter has at most {LONGEST} characters, not {len(text)}."
        raise errors.InvalidInput(msg)
    terms = tuple(term for term in map(_term, _split(text)) if term is not None)
    if len(terms) > TERMS:
        msg = f"A filter has at most {TERMS} terms, not {len(terms)}."
        raise errors.InvalidInput(msg)
    return Filter(terms)


def starts_with(column: sa.ColumnElement[Any], text: str, dialect: str) -> sa.ColumnElement[bool]:
    """Return the condition that *column* begins with *text*, letter case ignored."""
    return _like(column, f"{_escaped(text)}%", dialect)


def _split(text: str) -> Iterator[re.Match[str]]:
    position = 0
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        if position == len(text):
            return
        found = _TERM.match(text, position)
        assert found is not None  # noqa: S101 - every part of it may be empty
        position = found.end()
        if position < len(text) and not text[position].isspace():
            msg = f"A blank is missing behind {found[0]}."
            raise errors.InvalidInput(msg)
        yield found


def _term(found: re.Match[str]) -> _Term | None:
    refused, name, value = bool(found["no"]), found["column"], found["value"]
    quoted = value[:1] in {'"', "'"}
    if quoted:
        if len(value) == 1 or value[-1] != value[0]:
            msg = f"The quote is not closed: {value}"
            raise errors.InvalidInput(msg)
        value = value[1:-1]
    elif not value:
        msg = f"{found[0]} needs a value behind it." if name else f"What is {found[0]} the opposite of? Write it without a blank."
        raise errors.InvalidInput(msg)
    if name is None:
        return _Term({}, value, refused) if value else None
    return _Term(_column_tests(name.lower(), found["sign"], value), refused=refused)


def _column_tests(name: str, sign: str, value: str) -> dict[str, sa.ColumnElement[bool]]:
    if name == "kind":
        return _kind_tests(sign, value)
    predicate = ",".join(f"!{part.replace(',', _LITERAL_COMMA)}" for part in alternatives(value)) if sign == "!=" else value
    predicate = f"{sign}{value}" if sign in {">", "<", ">=", "<="} else predicate
    tests = {kind: test for kind in KINDS if (test := _test(kind, name, sign, predicate)) is not None}
    if not tests:
        known = sorted({column for kind in KINDS for column in (*_names(kind), *_ALIASES[kind])} | {"id", "kind"})
        msg = f"There is no column {name!r}.{errors.did_you_mean(name, known)} Quote what is to be found as it stands."
        raise errors.InvalidInput(msg)
    return tests


def _kind_tests(sign: str, value: str) -> dict[str, sa.ColumnElement[bool]]:
    asked = {part.strip().lower() for part in value.split(",")}
    kinds = {part if part in KINDS else part.removesuffix("s") for part in asked}
    if sign not in {":", "=", "!="} or not kinds <= set(KINDS):
        wrong = min(kinds - set(KINDS), default=sign)
        msg = f"kind is one of {', '.join(KINDS)}, not {wrong!r}.{errors.did_you_mean(wrong, KINDS)}"
        raise errors.InvalidInput(msg)
    return {kind: sa.true() if (kind in kinds) is (sign != "!=") else sa.false() for kind in KINDS}


def _names(kind: str) -> set[str]:
    columns = SOURCES[f"{kind}s"].columns
    return {name for name, column in columns.items() if column.kind not in UNSEARCHED} - _LEFT_OUT.get(kind, set())


def _test(kind: str, name: str, sign: str, predicate: str) -> sa.ColumnElement[bool] | None:
    if name == "id":
        return _id_test(kind, sign, predicate)
    name = _ALIASES[kind].get(name, name)
    above = _ABOVE.get(name) if kind != BACKEND else None
    if name not in _names(kind):
        if SOURCES[f"{kind}s"].columns.get(name, _NO_COLUMN).kind in UNSEARCHED:
            condition(name, SOURCES[f"{kind}s"].columns[name], predicate)  # which refuses, and says how to go about it
        return None
    column = SOURCES[f"{kind}s"].columns[name]
    _check_sign(name, column, sign)
    if column.kind in {NUMBER, REAL, MOMENT} and sign == "!=":
        predicate = predicate.replace("!", "!=")
    test = condition(name, column, predicate.lstrip("!") if column.kind == FLAG else predicate)
    if column.kind == FLAG and sign == "!=":
        return sa.not_(test)
    if above is None:
        return test
    upper = KINDS[above[1]]
    return KINDS[kind].table.c[above[0]].in_(sa.select(upper.id).where(test))


_NO_COLUMN = Column(sa.null(), TEXT)


def _check_sign(name: str, column: Column, sign: str) -> None:
    if sign in {">", "<", ">=", "<="} and column.kind not in {NUMBER, REAL, MOMENT}:
        msg = f"{name} is no number and no time: {name}:VALUE asks for a text, {name}:VALUE* for its beginning."
        raise errors.InvalidInput(msg)


def _id_test(kind: str, sign: str, predicate: str) -> sa.ColumnElement[bool]:
    if sign not in {":", "=", "!="}:
        msg = "id takes the beginning of an id, such as id:3f2a."
        raise errors.InvalidInput(msg)
    plain = predicate.replace("!", "") if sign == "!=" else predicate
    parts = [part for part in map(str.strip, plain.split(",")) if part]
    if not parts:
        msg = f"id{sign} needs a value behind it, such as id:3f2a."
        raise errors.InvalidInput(msg)
    test = sa.or_(*[search.id_begins_with(KINDS[kind].id, part) for part in parts])
    return sa.not_(test) if sign == "!=" else test


def _word(kind: str, word: str, dialect: str) -> sa.ColumnElement[bool]:
    columns, low = KINDS[kind], word.lower()
    if "*" in word or "?" in word:
        return _like(columns.name, _escaped(word).replace("*", "%").replace("?", "_"), dialect)
    part = f"%{_escaped(word)}%"
    tests = [_like(columns.name, part, dialect)]
    if kind != SNAPSHOT:
        tests.append(_like(columns.where, part, dialect))
    if kind != BACKEND:
        tests.append(columns.status == low)
    if _ID_PART.fullmatch(low):
        tests.append(search.id_begins_with(columns.id, word))
    return sa.or_(*tests)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _like(column: sa.ColumnElement[Any], pattern: str, dialect: str) -> sa.ColumnElement[bool]:
    # SQLite's own LIKE ignores letter case, and takes half the time of comparing what was made small
    return column.like(pattern, escape="\\") if dialect == "sqlite" else column.ilike(pattern, escape="\\")
