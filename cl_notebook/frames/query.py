"""Build the SELECT statements of a frame or of one page: columns, filters, order and marker."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.frames import planner, statuses
from cl_notebook.frames.columns import AGES, BACKEND_ID, FLAG, KEYS, NUMBER, SOURCES, TEXT, UNSEARCHED, Column
from cl_notebook.frames.filters import alternatives, condition, whole
from cl_notebook.frames.planner import Part, expand_pattern, parts, ties
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
    run_query: Callable[[sa.Select[Any]], Sequence[Any]],
    dialect: str,
    source: Source | None = None,
) -> list[sa.Select[Any]]:
    """Return the SELECT statements that read the key (labelled ``id``) and the *columns* of *kind* in this SQL *dialect*.

    With a *limit* the caller runs them one after the other until it has that many rows; without one there is a single statement.
    ``marker`` is the key of the last row of the previous page. ``run_query`` executes the queries that planning needs, e.g. for
    the sort key of the marker. ``source`` replaces ``SOURCES[kind]``.

    Raises:
        InvalidInput: a column, a filter, the sorting, the limit or the marker is wrong; the message says which.

    """
    source = source or SOURCES[kind]
    chosen = [_named(kind, source, name).sql.label(name) for name in columns]
    order, by = _sorting(kind, source, sort)
    row_limit = _limit(limit)
    predicates = [_predicate(kind, source, name, value, run_query) for name, value in filters.items()]
    if row_limit is not None:
        predicates = [expand_pattern(source, predicate, run_query) for predicate in predicates]
    position = None if marker is None else _marker_position(kind, source, marker, order, run_query)
    plain = [Part(order, position)]
    page_parts = plain if row_limit is None or by is None else parts(source, by, order, position, run_query)
    tests = [predicate.test() for predicate in predicates]
    if tests and row_limit is not None and dialect == "sqlite":
        if len(page_parts) == 1:
            tests = planner.tests(source, predicates, order, run_query)
        else:
            few = planner.probe_selectivity(source, tests, run_query)
            page_parts, tests = (page_parts, planner.in_order(predicates, page_parts[0].order)) if few is None else (plain, [few])
    statement = sa.select(source.key.label("id"), *chosen).select_from(source.tables).where(*tests)
    return [_selected(source, statement, part, dialect).limit(row_limit) for part in page_parts]


def _selected(source: Source, statement: sa.Select[Any], part: Part, dialect: str) -> sa.Select[Any]:
    if part.test is not None:
        statement = statement.where(part.test)
    if part.position is not None:
        statement = statement.where(_is_after(source, part, dialect))
    return statement.order_by(*[term.desc() if down else term for term, down in part.order])


def _marker_position(
    kind: str, source: Source, marker: str | int, order: planner.Order, run_query: planner.RunQuery
) -> Sequence[Any]:
    key = _key(kind, marker)
    rows = run_query(sa.select(*[term for term, _ in order]).select_from(source.tables).where(source.key == key))
    if not rows:
        raise _no_marker(kind, marker)
    return tuple(rows[0])


def listed(requested: object, what: str) -> list[str]:
    """Return the column names in *requested*: None, one name, or a collection of names.

    Raises:
        InvalidInput: *requested* is none of these; *what* names the parameter in the message.

    """
    if requested is None:
        return []
    if isinstance(requested, str):
        return [requested]
    names = [name for name in requested if isinstance(name, str)] if isinstance(requested, Collection) else []
    if not isinstance(requested, Collection) or len(names) < len(requested):
        msg = f"{what} takes the name of a column or a list of them, not {requested!r}."
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
        InvalidInput: *kind* has no such column; the message suggests the closest name.

    """
    return _named(kind, SOURCES[kind], name)


def _named(kind: str, source: Source, name: str) -> Column:
    columns = source.columns
    if name not in columns:
        msg = f"{kind} have no column {name!r}.{errors.did_you_mean(name, columns)} Columns: {', '.join(columns)}."
        raise errors.InvalidInput(msg)
    return columns[name]


def _limit(value: object) -> int | None:
    if value is None:
        return None
    number = whole(value)
    if number is None or number < 0:
        msg = f"limit must be a whole number of rows, not {value!r}."
        raise errors.InvalidInput(msg)
    return number


def _sorting(kind: str, source: Source, sort: str | Sequence[str] | None) -> tuple[planner.Order, Column | None]:
    """Return the terms of the order, and the column if the rows are sorted by exactly one."""
    sort_terms = [part.strip() for text in listed(sort, "sort") for part in text.split(",")]
    order: list[tuple[sa.ColumnElement[Any], bool]] = []
    sorted_by: list[Column] = []
    last_down = False
    for sort_term in sort_terms:
        name, _, direction = sort_term.partition(":")
        if direction not in {"", "asc", "desc"}:
            msg = f"sort must be COLUMN, COLUMN:asc or COLUMN:desc, not {sort_term!r}."
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
    by = sorted_by[0] if len(sort_terms) == len(sorted_by) == 1 else None
    between = (ties(source, by) or ()) if by is not None else () if sort_terms else source.order
    return [*order, *((term, last_down) for term in (*between, source.key))], by


def _terms(column: Column, *, down: bool) -> Iterable[tuple[sa.ColumnElement[Any], bool]]:
    if column.nullable:
        yield sa.case((column.sql.is_(None), 1), else_=0), False
    # Sort booleans as 0/1: SQLAlchemy cannot compare BOOLEAN columns with < and >.
    yield (sa.case((column.sql, 1), else_=0) if column.kind == FLAG else column.sql), down


def _predicate(
    kind: str, source: Source, name: str, value: object, run_query: Callable[[sa.Select[Any]], Sequence[Any]]
) -> planner.Predicate:
    if name == "id":
        return planner.Predicate(name, Column(source.key, KEYS.get(kind, TEXT), nullable=False), value)
    if name == "age" and name not in source.columns:
        name = AGES.get(kind, "created_at")
    column = _named(kind, source, name)
    if isinstance(value, str) and name in statuses.COLUMNS:
        statuses.refuse_unknown(name, alternatives(value), (kind,), run_query)
    if source.backend_id is None or name != "backend":
        return planner.Predicate(name, column, value)
    # The indexes begin with the backend's id, and there are few backends.
    above = sa.select(BACKEND_ID).where(condition(name, column, value))
    ids = [row[0] for row in run_query(above)]
    return planner.Predicate(name, Column(source.backend_id, TEXT, nullable=False), ids)


def _is_after(source: Source, part: Part, dialect: str) -> sa.ColumnElement[bool]:
    terms, down, key = [term for term, _ in part.order], [down for _, down in part.order], tuple(part.position or ())
    # MariaDB uses no index for a comparison of rows
    if planner.uniform(source, part.order, filled=part.filled) and dialect not in {"mysql", "mariadb"}:
        row_key: Any = sa.tuple_(*terms) if len(terms) > 1 else terms[0]
        marker_key: Any = key if len(terms) > 1 else key[0]
        return cast("sa.ColumnElement[bool]", row_key < marker_key if down[0] else row_key > marker_key)
    beyond_markers = []
    for position, term in enumerate(terms):
        if key[position] is None:
            continue
        equals = [_same(terms[earlier], key[earlier]) for earlier in range(position)]
        beyond = term < key[position] if down[position] else term > key[position]
        beyond_markers.append(sa.and_(*equals, beyond))
    beyond = sa.or_(*beyond_markers)
    if not isinstance(terms[0], sa.Column) or (terms[0].nullable and not part.filled):
        return beyond
    return sa.and_(terms[0] <= key[0] if down[0] else terms[0] >= key[0], beyond)  # the first term lets an index serve


def _same(term: sa.ColumnElement[Any], value: object) -> sa.ColumnElement[bool]:
    return term.is_(None) if value is None else term == value
