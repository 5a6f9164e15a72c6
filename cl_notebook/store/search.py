"""Build conditions and indexes for searches of names and ids that ignore letter case.

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

SHORT = 3
"""Characters from which PostgreSQL's trigram index is faster than a scan of all names."""

_TABLES = ("volume", "snapshot")
_NOCASE = "CREATE INDEX IF NOT EXISTS ix_volume_name_nocase ON volume (name COLLATE NOCASE, id)"
_TRIGRAMS_OF = "ix_{table}_name_trigrams"
_TRIGRAMS = "CREATE INDEX IF NOT EXISTS " + _TRIGRAMS_OF + " ON {table} USING gin (name gin_trgm_ops)"

INDEXES = frozenset({"ix_volume_name_nocase", *(_TRIGRAMS_OF.format(table=table) for table in _TABLES)})
"""Names of the indexes that only one kind of database has, and that the mapped tables therefore do not list."""

_MAX_CASED = 2
"""The most non-ASCII letters with several cases for which all combinations of cases are searched."""

_ESCAPE = "\\"

_HEX = re.compile(r"[0-9a-f-]+")
_AFTER_HEX, _AFTER_ALL = "g", "\U0010ffff"
"""Characters that sort after every digit of a UUID, and after every character."""


class _Like(FunctionElement[bool]):
    """The condition that a column matches a LIKE pattern; letter case is ignored."""

    name = "like_ignoring_case"
    type = sa.Boolean()
    inherit_cache = True

    def self_group(self, against: object = None) -> _Like:
        """Return the element itself: SQLite uses no index for ``… = 1``, which SQLAlchemy would add."""
        del against
        return self


@compiles(_Like)
def _any_dialect(element: _Like, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    column, pattern = element.clauses
    return f"({compiler.process(column.ilike(pattern, escape=_ESCAPE), **options)})"


@compiles(_Like, "sqlite")
def _sqlite(element: _Like, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    # SQLite's LIKE ignores letter case. lower(column) LIKE lower(pattern) gives the same, takes three times as long, and
    # uses no index.
    column, pattern = element.clauses
    return f"({compiler.process(column.like(pattern, escape=_ESCAPE), **options)})"


class _Part(_Like):
    """The condition that a column contains a text: column, LIKE pattern, and prefilter for PostgreSQL.

    The prefilter is fast, and true for every row that the pattern matches.
    """

    name = "has_part"
    inherit_cache = True


@compiles(_Part)
def _part(element: _Part, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    column, pattern, _ = element.clauses
    return compiler.process(_Like(column, pattern), **options)


@compiles(_Part, "postgresql")
def _part_postgresql(element: _Part, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    # PostgreSQL's ILIKE converts each name by the rules of all scripts, which takes several times as long as the search.
    column, pattern, prefilter = element.clauses
    return compiler.process(sa.case((prefilter, _Like(column, pattern)), else_=sa.false()), **options)


def like(column: sa.ColumnElement[Any], pattern: str) -> sa.ColumnElement[bool]:
    r"""Return the condition that *column* matches a LIKE *pattern* in any letter case; ``\%`` is a ``%``."""
    return _Like(column, sa.literal(pattern))


def escaped(text: str) -> str:
    """Return the LIKE pattern that matches exactly *text*."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def glob(column: sa.ColumnElement[Any], pattern: str) -> sa.ColumnElement[bool]:
    """Return the condition that *column* matches *pattern* in any letter case.

    ``*`` matches any characters, ``?`` one character.
    """
    runs = re.split(r"[*?]", pattern)
    is_selective = bool(runs[0]) or any(len(run) >= SHORT for run in runs)
    # a trigram index is slower than a scan if the pattern has short parts alone: concat() prevents its use
    return like(column if is_selective else column.concat(""), escaped(pattern).replace("*", "%").replace("?", "_"))


def has_part(column: sa.ColumnElement[Any], text: str, *, seek: bool = False) -> sa.ColumnElement[bool]:
    """Return the condition that *column* contains *text* in any letter case.

    *seek* makes PostgreSQL use its trigram index (:func:`has_trigrams`) instead of a scan with a prefilter.
    """
    pattern = f"%{escaped(text)}%"
    return like(column, pattern) if seek else _Part(column, sa.literal(pattern), _prefilter(column, text))


def has_trigrams(connection: sa.Connection) -> bool:
    """Return whether the store has trigram indexes of names."""
    if connection.dialect.name != "postgresql":
        return False
    return bool(connection.scalar(sa.select(sa.func.to_regclass(_TRIGRAMS_OF.format(table=_TABLES[0])).is_not(None))))


def _prefilter(column: sa.ColumnElement[Any], text: str) -> sa.ColumnElement[bool]:
    """Return a fast condition that is true if *column* contains *text*.

    It compares bytes, with ASCII in lower case and other letters in each case.
    """
    exact = sa.collate(column, "C")
    lowered: sa.ColumnElement[Any] = sa.func.lower(exact) if re.search("[A-Za-z]", text) else exact
    patterns = [f"%{escaped(part)}%" for part in _case_variants(text)]
    if len(patterns) == 1:
        return lowered.like(patterns[0], escape=_ESCAPE)
    return lowered.like(sa.any_(sa.literal(patterns, sa.ARRAY(sa.String()))))  # lower() runs once for each name, not per pattern


def _case_variants(text: str) -> list[str]:
    """Return the spellings of *text* in all letter cases, with ASCII in lower case.

    If *text* has too many letters beyond ASCII, its beginning is used.
    """
    spellings, cased = [""], 0
    for letter in text:
        cases = {letter.lower()} if letter.isascii() else {letter, letter.lower(), letter.upper(), letter.title()}
        variants = sorted(variant for variant in cases if len(variant) == 1)
        cased += len(variants) > 1
        if cased > _MAX_CASED:
            break
        spellings = [prefix + variant for prefix in spellings for variant in variants]
    return spellings


def make_indexes(connection: sa.Connection) -> None:
    """Create the indexes that only one kind of database has, if they are missing.

    PostgreSQL needs the extension ``pg_trgm`` for them. If the user may not create it, searches scan all names.
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


def id_spellings(text: str) -> tuple[str, ...]:
    """Return an id, or a prefix of one, as typed and in lower case: a UUID may be typed in capitals."""
    exact = text.strip()
    return tuple(dict.fromkeys((exact, exact.lower())))


def is_id_or_prefix(resource_id: str, text: str) -> bool:
    """Return whether *resource_id* begins with *text*, as typed or in lower case."""
    return resource_id.startswith(id_spellings(text))


def exact_ids(resource_ids: Iterable[str], text: str) -> set[str]:
    """Return the id among *resource_ids* that equals *text*: as typed, or else in lower case."""
    ids = set(resource_ids)
    return next((matched for matched in (ids & {spelling} for spelling in id_spellings(text)) if matched), set())


def id_begins_with(column: Any, text: str) -> sa.ColumnElement[bool]:  # noqa: ANN401 - a column of ids
    """Return the condition that *column* begins with *text*, as typed or in lower case."""
    return sa.or_(*(_begins(column, spelling) for spelling in id_spellings(text)))


def _begins(column: Any, text: str) -> sa.ColumnElement[bool]:  # noqa: ANN401 - a column of ids
    if _HEX.fullmatch(text):  # a range, because an index serves it
        return sa.and_(column >= text, column < text + _AFTER_HEX)
    # a collation that sorts as a dictionary does has other texts in the range, too: substr() excludes them
    return sa.and_(column >= text, column < text + _AFTER_ALL, sa.func.substr(column, 1, len(text)) == text)
