"""One SELECT for a frame: which columns, which rows, in which order, from where on."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.model import checks
from cl_notebook.views.columns import FLAG, KEYS, NUMBER, SOURCES, TEXT, UNSEARCHED, Column
from cl_notebook.views.filters import condition, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cl_notebook.views.columns import Source


def build(
    kind: str,
    *,
    columns: Sequence[str],
    filters: Mapping[str, object],
    sort: str | Sequence[str] | None,
    limit: int | None,
    marker: str | int | None,
    marker_values: Callable[[sa.Select[Any]], Sequence[Any] | None],
    source: Source | None = None,
) -> sa.Select[Any]:
    """Return the SELECT of the *kind*'s key and *columns*.

    ``marker`` is the key of the last row of the page before; ``marker_values`` reads where that row stands in the order.
    ``source`` is where the kind is read from, if not from where it usually is.

    Raises:
        InvalidInput: a column, a filter, the sorting, the limit or the marker is wrong; the message says which.

    """
    source = source or SOURCES[kind]
    chosen = [_named(kind, source, name).sql.label(name) for name in columns]
    order = list(_order(kind, source, sort))
    statement = sa.select(source.key.label("id"), *chosen).select_from(source.tables)
    for name, wanted in filters.items():
        column = Column(source.key, KEYS.get(kind, TEXT), nullable=False) if name == "id" else _named(kind, source, name)
        statement = statement.where(condition(name, column, wanted))
    if marker is not None:
        key = _key(kind, marker)
        place = marker_values(sa.select(*[term for term, _ in order]).select_from(source.tables).where(source.key == key))
        if place is None:
            raise _no_marker(kind, marker)
        statement = statement.where(_after([term for term, _ in order], [down for _, down in order], place))
    return statement.order_by(*[term.desc() if down else term for term, down in order]).limit(_limit(limit))


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
    return checks.text(key, "marker") if isinstance(key, str) else key


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


def _order(kind: str, source: Source, sort: str | Sequence[str] | None) -> Iterable[tuple[sa.ColumnElement[Any], bool]]:
    wanted = listed(sort, "sort")
    last_down = False
    for word in [part.strip() for text in wanted for part in text.split(",")]:
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
        if column.nullable:
            yield sa.case((column.sql.is_(None), 1), else_=0), False
        # a data base may count with truth, but SQLAlchemy does not compare with it
        yield (sa.case((column.sql, 1), else_=0) if column.kind == FLAG else column.sql), last_down
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
