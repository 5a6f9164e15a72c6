"""Conditions and indexes for searches of names and ids, without regard to letter case.

The database defines letter case: SQLite for ASCII alone, the others for most scripts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.sql.compiler import SQLCompiler

_TABLES = ("volume", "snapshot")
_NOCASE = "CREATE INDEX IF NOT EXISTS ix_volume_name_nocase ON volume (name COLLATE NOCASE, id)"
_TRIGRAMS_OF = "ix_{table}_name_trigrams"
_TRIGRAMS = "CREATE INDEX IF NOT EXISTS " + _TRIGRAMS_OF + " ON {table} USING gin (name gin_trgm_ops)"

INDEXES = frozenset({"ix_volume_name_nocase", *(_TRIGRAMS_OF.format(table=table) for table in _TABLES)})
"""Those that only one kind of database has, which the tables therefore do not name."""

SHORT = 3
"""Characters from which PostgreSQL's trigram index is faster than a scan of all names."""

_WRITTEN = 2
"""Letters beyond ASCII, each written in two ways, of which all the ways together are tried at most."""


class _Like(FunctionElement[bool]):
    """A column, and the pattern that it is like."""

    name = "like_ignoring_case"
    type = sa.Boolean()
    inherit_cache = True

    def self_group(self, against: object = None) -> _Like:
        """Return it as it is: a comparison with truth would hide from SQLite what an index can do."""
        del against
        return self


@compiles(_Like)
def _any_dialect(element: _Like, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    column, pattern = element.clauses
    return f"({compiler.process(column.ilike(pattern, escape=_ESCAPE), **options)})"


@compiles(_Like, "sqlite")
def _sqlite(element: _Like, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    # Its own LIKE ignores letter case. To compare what was made small gives the same, takes thrice the time, and has no index.
    column, pattern = element.clauses
    return f"({compiler.process(column.like(pattern, escape=_ESCAPE), **options)})"


class _Part(_Like):
    """A column, the pattern of a part of it, and a condition that PostgreSQL tests in less time, met by all that is like that."""

    name = "has_part"
    inherit_cache = True


@compiles(_Part)
def _part(element: _Part, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    column, pattern, _ = element.clauses
    return compiler.process(_Like(column, pattern), **options)


@compiles(_Part, "postgresql")
def _part_postgresql(element: _Part, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    # Its ILIKE makes each name small by the rules of all scripts, which takes several times as long as to find a part of it.
    column, pattern, quick = element.clauses
    return compiler.process(sa.case((quick, _Like(column, pattern)), else_=sa.false()), **options)


_ESCAPE = "\\"


def like(column: sa.ColumnElement[Any], pattern: str) -> sa.ColumnElement[bool]:
    r"""Return the condition that *column* is like *pattern*, letter case ignored; ``\%`` stands for a percent sign."""
    return _Like(column, sa.literal(pattern))


def escaped(text: str) -> str:
    """Return the pattern that *text* alone is like."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def glob(column: sa.ColumnElement[Any], word: str) -> sa.ColumnElement[bool]:
    """Return the condition that *column* is *word*, letter case ignored: ``*`` stands for any characters, ``?`` for one."""
    runs = re.split(r"[*?]", word)
    is_selective = bool(runs[0]) or any(len(run) >= SHORT for run in runs)
    return like(column if is_selective else column.concat(""), escaped(word).replace("*", "%").replace("?", "_"))


def has_part(column: sa.ColumnElement[Any], text: str, *, seek: bool = False) -> sa.ColumnElement[bool]:
    """Return the condition that *text* is a part of *column*, letter case ignored; *seek* by PostgreSQL's trigrams."""
    pattern = f"%{escaped(text)}%"
    return like(column, pattern) if seek else _Part(column, sa.literal(pattern), _quick(column, text))


def has_trigrams(connection: sa.Connection) -> bool:
    """Return whether the names of the store are indexed by trigrams."""
    if connection.dialect.name != "postgresql":
        return False
    return bool(connection.scalar(sa.select(sa.func.to_regclass(_TRIGRAMS_OF.format(table=_TABLES[0])).is_not(None))))


def _quick(column: sa.ColumnElement[Any], text: str) -> sa.ColumnElement[bool]:
    """Return a condition that is met where *text* is a part of *column*: bytes are compared, and ASCII alone is made small."""
    exact = sa.collate(column, "C")
    small: sa.ColumnElement[Any] = sa.func.lower(exact) if re.search("[A-Za-z]", text) else exact
    patterns = [f"%{escaped(part)}%" for part in _ways(text)]
    if len(patterns) == 1:
        return small.like(patterns[0], escape=_ESCAPE)
    return small.like(sa.any_(sa.literal(patterns, sa.ARRAY(sa.String()))))  # so that each name is made small once


def _ways(text: str) -> list[str]:
    """Return the ways of writing *text*, or the beginning of it that has few, with ASCII made small."""
    spellings, several = [""], 0
    for letter in text:
        cases = {letter.lower()} if letter.isascii() else {letter, letter.lower(), letter.upper(), letter.title()}
        ways = sorted(way for way in cases if len(way) == 1)
        several += len(ways) > 1
        if several > _WRITTEN:
            break
        spellings = [begun + way for begun in spellings for way in ways]
    return spellings


def make_indexes(connection: sa.Connection) -> None:
    """Make the indexes that only one kind of database has, unless they are there.

    On PostgreSQL they need the extension ``pg_trgm``. Who may not create it goes without: then all names are looked at.
    """
    if connection.dialect.name == "sqlite":
        connection.execute(sa.text(_NOCASE))
    elif connection.dialect.name == "postgresql" and _can_have_trigrams(connection):
        for table in _TABLES:
            connection.execute(sa.text(_TRIGRAMS.format(table=table)))


def _can_have_trigrams(connection: sa.Connection) -> bool:
    try:
        with connection.begin_nested():
            connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    except exc.DBAPIError:
        return False
    return True


_HEX = re.compile(r"[0-9a-f-]+")
_BEHIND_HEX, _BEHIND_ALL = "g", "\U0010ffff"


def id_spellings(text: str) -> tuple[str, ...]:
    """Return the spellings of what was typed of an id, the exact one first: a UUID may be typed in capitals."""
    exact = text.strip()
    return tuple(dict.fromkeys((exact, exact.lower())))


def is_id_or_prefix(resource_id: str, text: str) -> bool:
    """Return whether *text* is the id, or its beginning, in any of its spellings."""
    return resource_id.startswith(id_spellings(text))


def exact_ids(resource_ids: Iterable[str], text: str) -> set[str]:
    """Return those of the ids that *text* is: the one with its very capitals, or else those in another spelling."""
    ids = set(resource_ids)
    return next((matched for matched in (ids & {spelling} for spelling in id_spellings(text)) if matched), set())


def id_begins_with(column: Any, text: str) -> sa.ColumnElement[bool]:  # noqa: ANN401 - a column of ids
    """Return the condition that the id begins with *text*, in any of its spellings."""
    return sa.or_(*(_begins(column, spelling) for spelling in id_spellings(text)))


def _begins(column: Any, text: str) -> sa.ColumnElement[bool]:  # noqa: ANN401 - a column of ids
    if _HEX.fullmatch(text):  # as a range, for which an index serves
        return sa.and_(column >= text, column < text + _BEHIND_HEX)
    # Where text is ordered as in a dictionary, what only looks alike is in the range, too.
    return sa.and_(column >= text, column < text + _BEHIND_ALL, sa.func.substr(column, 1, len(text)) == text)
