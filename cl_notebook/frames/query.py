"""The SELECT of a frame, or those of a page: which columns, which rows, in which order, from where on."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.frames import planner
from cl_notebook.frames.columns import BACKEND_ID, FLAG, KEYS, NUMBER, SOURCES, TEXT, UNSEARCHED, Column
from cl_notebook.frames.filters import condition, whole
from cl_notebook.frames.planner import Part, parts, spelled_out, ties
from cl_notebook.model import validation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cl_notebook.frames.columns import Source


def build(
    kind: str,
    *,
    columns: Sequence[str],
    filters: Mapping[str, object],
    sort: str | Sequence[str] | None,
    limit: int | None,
    marker: str | int | None,
    ask: Callable[[sa.Select[Any]], Sequence[Any]],
    dialect: str,
    source: Source | None = None,
) -> list[sa.Select[Any]]:
    """Return the SELECTs of the *kind*'s key and *columns*, in the words of that *dialect* of SQL.

    They are read one after the other, until there are as many rows as the limit says; without one there is a single SELECT.
    ``marker`` is the key of the last row of the page before; ``ask`` reads what has to be known first, such as where that row is.
    ``source`` is where the kind is read from, if not from where it usually is.

    Raises:
        InvalidInput: a column, a filter, the sorting, the limit or the marker is wrong; the message says which.

    """
    source = source or SOURCES[kind]
    chosen = [_named(kind, source, name).sql.label(name) for name in columns]
    order, by = _sorting(kind, source, sort)
    most = _limit(limit)
    wanted = [_wanted(kind, source, name, value, ask) for name, value in filters.items()]
    if most is not None:
        wanted = [spelled_out(source, one, ask) for one in wanted]
    place = None if marker is None else _place(kind, source, marker, order, ask)
    plain = [Part(order, place)]
    read = plain if most is None or by is None else parts(source, by, order, place, ask)
    tests = [one.test() for one in wanted]
    if tests and most is not None and dialect == "sqlite":
        if len(read) == 1:
            tests = planner.tests(source, wanted, order, ask)
        else:
            few = planner.few_that_fit(source, tests, ask)
            read, tests = (read, planner.in_order(wanted, read[0].order)) if few is None else (plain, [few])
    statement = sa.select(source.key.label("id"), *chosen).select_from(source.tables).where(*tests)
    return [_selected(source, statement, part, dialect).limit(most) for part in read]


def _selected(source: Source, statement: sa.Select[Any], part: Part, dialect: str) -> sa.Select[Any]:
    if part.test is not None:
        statement = statement.where(part.test)
    if part.place is not None:
        statement = statement.where(_after(source, part, dialect))
    return statement.order_by(*[term.desc() if down else term for term, down in part.order])


def _place(kind: str, source: Source, marker: str | int, order: planner.Order, ask: planner.Ask) -> Sequence[Any]:
    key = _key(kind, marker)
    found = ask(sa.select(*[term for term, _ in order]).select_from(source.tables).where(source.key == key))
    if not found:
        raise _no_marker(kind, marker)
    return tuple(found[0])


def listed(asked: object, what: str) -> list[str]:
    """Return the names of columns in *asked*: one text, or several.

    Raises:
        InvalidInput: it is neither.

    """
    if asked is None:
        return []
    if isinstance(asked, str):
        return [asked]
    names = [name for name in asked if isinstance(name, str)] if isinstance(asked, Collection) else []
    if not isinstance(asked, Collection) or len(names) < len(asked):
        msg = f"{what} takes the name of a column or a list of them, not {asked!r}."
        raise errors.InvalidInput(msg)
    return names


def _key(kind: str, marker: object) -> object:
    key = whole(marker) if KEYS.get(kind) == NUMBER else str(marker) if isinstance(marker, (str, uuid.UUID)) else None
    if key is None:
        raise _no_marker(kind, marker)
    return validation.text(key, "marker") if isinstance(key, str) else key


def _no_marker(kind: str, marker: object) -> errors.InvalidInput:
    return errors.InvalidInput(f"marker must be the id of one of the {kind}, not {marker!r}.")


def named(kind: str, name: str) -> Column:
    """Return the column *name* of *kind*.

    Raises:
        InvalidInput: there is none; the message names the closest.

    """
    return _named(kind, SOURCES[kind], name)


def _named(kind: str, source: Source, name: str) -> Column:
    known = source.columns
    if name not in known:
        msg = f"{kind} have no column {name!r}.{errors.did_you_mean(name, known)} Columns: {', '.join(known)}."
        raise errors.InvalidInput(msg)
    return known[name]


def _limit(value: object) -> int | None:
    if value is None:
        return None
    number = whole(value)
    if number is None or number < 0:
        msg = f"limit must be a whole number of rows, not {value!r}."
        raise errors.InvalidInput(msg)
    return number


def _sorting(kind: str, source: Source, sort: str | Sequence[str] | None) -> tuple[planner.Order, Column | None]:
    """Return the terms of the order, and the column if it is sorted by a single one."""
    words = [part.strip() for text in listed(sort, "sort") for part in text.split(",")]
    order: list[tuple[sa.ColumnElement[Any], bool]] = []
    sorted_by: list[Column] = []
    last_down = False
    for word in words:
        name, _, direction = word.partition(":")
        if direction not in {"", "asc", "desc"}:
            msg = f"sort must be COLUMN, COLUMN:asc or COLUMN:desc, not {word!r}."
            raise errors.InvalidInput(msg)
        last_down = direction == "desc"
        if name == "id":
            break
        column = _named(kind, source, name)
        if column.kind in UNSEARCHED:
            msg = f"{kind} cannot be sorted by {name!r}, which {UNSEARCHED[column.kind]}."
            raise errors.InvalidInput(msg)
        sorted_by.append(column)
        order += _terms(column, down=last_down)
    by = sorted_by[0] if len(words) == len(sorted_by) == 1 else None
    between = (ties(source, by) or ()) if by is not None else () if words else source.order
    return [*order, *((term, last_down) for term in (*between, source.key))], by


def _terms(column: Column, *, down: bool) -> Iterable[tuple[sa.ColumnElement[Any], bool]]:
    if column.nullable:
        yield sa.case((column.sql.is_(None), 1), else_=0), False
    # a data base may count with truth, but SQLAlchemy does not compare with it
    yield (sa.case((column.sql, 1), else_=0) if column.kind == FLAG else column.sql), down


def _wanted(
    kind: str, source: Source, name: str, value: object, ask: Callable[[sa.Select[Any]], Sequence[Any]]
) -> planner.Wanted:
    if name == "id":
        return planner.Wanted(name, Column(source.key, KEYS.get(kind, TEXT), nullable=False), value)
    column = _named(kind, source, name)
    if source.backend_id is None or name != "backend":
        return planner.Wanted(name, column, value)
    # Backends are few, and their ids are what the indexes begin with.
    above = sa.select(BACKEND_ID).where(condition(name, column, value))
    ids = [row[0] for row in ask(above)]
    return planner.Wanted(name, Column(source.backend_id, TEXT, nullable=False), ids)


def _after(source: Source, part: Part, dialect: str) -> sa.ColumnElement[bool]:
    terms, down, place = [term for term, _ in part.order], [down for _, down in part.order], tuple(part.place or ())
    # by MariaDB it would not be looked for by an index
    if planner.uniform(source, part.order, filled=part.filled) and dialect not in {"mysql", "mariadb"}:
        ours: Any = sa.tuple_(*terms) if len(terms) > 1 else terms[0]
        theirs: Any = place if len(terms) > 1 else place[0]
        return cast("sa.ColumnElement[bool]", ours < theirs if down[0] else ours > theirs)
    alternatives = []
    for position, term in enumerate(terms):
        if place[position] is None:
            continue
        same = [_same(terms[before], place[before]) for before in range(position)]
        beyond = term < place[position] if down[position] else term > place[position]
        alternatives.append(sa.and_(*same, beyond))
    beyond = sa.or_(*alternatives)
    if not isinstance(terms[0], sa.Column) or (terms[0].nullable and not part.filled):
        return beyond
    return sa.and_(terms[0] <= place[0] if down[0] else terms[0] >= place[0], beyond)  # by this an index is used


def _same(term: sa.ColumnElement[Any], value: object) -> sa.ColumnElement[bool]:
    return term.is_(None) if value is None else term == value
