"""DataFrames of everything, straight from the store: one query each, whatever the number of rows.

The index is the id. ``status`` and the like are categorical, times ``datetime64[ns, UTC]``, sizes (GiB) ``Int64``, ids and names
``string``; what is empty keeps its columns and their types.

Filters are columns with what they must be: an exact text, a glob (``"db*"``, letter case ignored), several of them with commas
(``"error,available"``), ``"!error"``, and comparisons for numbers and times (``">10"``, ``"<=2026-01-31"``). A list means exactly
these. Rows with equal metadata share one dict.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from cl_notebook import errors
from cl_notebook.drivers import registry
from cl_notebook.drivers.base import CAPABILITIES
from cl_notebook.model import context
from cl_notebook.store.boundary import cursor_errors, damaged
from cl_notebook.views import query
from cl_notebook.views.columns import CATEGORY, FLAG, KEYS, MAP, MOMENT, NUMBER, OPEN_BACKENDS, REAL, SOURCES, TEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import sqlalchemy as sa

    from cl_notebook.model.context import Context

    Values = np.ndarray[Any, np.dtype[np.object_]]

_UNREADABLE = (ValueError, TypeError, OverflowError, RecursionError)
"""What a value that no release of ours wrote may raise."""

_ARRAY: Any = pd.array  # its overloads know no arrays of objects

DRIVER_COLUMNS = ("storage_protocol", *CAPABILITIES, "options", "class")

COLUMNS: dict[str, tuple[str, ...]] = {
    **{kind: tuple(source.columns) for kind, source in SOURCES.items()},
    "drivers": DRIVER_COLUMNS,
}
"""Every column of each frame."""

DEFAULT_COLUMNS: dict[str, tuple[str, ...]] = {
    **{kind: tuple(name for name, column in source.columns.items() if column.short) for kind, source in SOURCES.items()},
    "drivers": DRIVER_COLUMNS,
}
"""The columns that the short lists show."""


def backends(session: Context | None = None, **asked: Any) -> pd.DataFrame:  # noqa: ANN401 - see read()
    """Return the backends: how many volumes are tracked on each, their ``size`` in GiB, and whether it is ``open`` here."""
    return read("backends", session, **asked)


def volumes(session: Context | None = None, **asked: Any) -> pd.DataFrame:  # noqa: ANN401 - see read()
    """Return the volumes; ``size`` is in GiB. The arguments are those of :func:`read`."""
    return read("volumes", session, **asked)


def snapshots(session: Context | None = None, **asked: Any) -> pd.DataFrame:  # noqa: ANN401 - see read()
    """Return the snapshots; ``volume_size`` is in GiB. The arguments are those of :func:`read`."""
    return read("snapshots", session, **asked)


def connections(session: Context | None = None, **asked: Any) -> pd.DataFrame:  # noqa: ANN401 - see read()
    """Return the connections. What a driver told os-brick may hold secrets and is left out."""
    return read("connections", session, **asked)


def operations(session: Context | None = None, **asked: Any) -> pd.DataFrame:  # noqa: ANN401 - see read()
    """Return what was done, oldest first; ``duration`` is in seconds."""
    return read("operations", session, **asked)


def drivers(session: Context | None = None, *, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the drivers that are installed, their capabilities, and the names of their options."""
    del session
    rows = {name: _driver_row(name) for name in registry.driver_names()}
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=list(DRIVER_COLUMNS))
    frame.index = pd.Index(list(rows), dtype="string", name="name")
    return frame if columns is None else frame[[_known_driver_column(name) for name in query.listed(columns, "columns")]]


def tree(session: Context | None = None) -> pd.DataFrame:
    """Return everything in one frame, indexed by backend, volume, kind and id, in the order of the tree."""
    from cl_notebook.views import hierarchy  # noqa: PLC0415 - it is made of the frames of this module

    return hierarchy.frame(session)


def read(
    kind: str,
    session: Context | None = None,
    *,
    columns: str | Sequence[str] | None = None,
    sort: str | Sequence[str] | None = None,
    limit: int | None = None,
    marker: str | int | None = None,
    **filters: object,
) -> pd.DataFrame:
    """Return the frame of *kind* (``backends``, ``volumes``, ``snapshots``, ``connections`` or ``operations``).

    Args:
        kind: which resources.
        session: whose; the default session's by default.
        columns: which columns; all by default.
        sort: ``"size"``, ``"size:desc"``, or several; by default the oldest first.
        limit: at most so many rows.
        marker: the id of the last row of the page before; the frame goes on after it.
        filters: column = what it must be; see the module.

    Raises:
        InvalidInput: a column, a filter, the sorting, the limit or the marker is wrong.

    """
    session = session or context.current()
    chosen = list(SOURCES[kind].columns) if columns is None else list(dict.fromkeys(query.listed(columns, "columns")))
    known = {OPEN_BACKENDS: list(session.backends)} if kind == "backends" else {}
    with session.store.reading() as connection:
        statement = query.build(
            kind,
            columns=chosen,
            filters=filters,
            sort=sort,
            limit=limit,
            marker=marker,
            marker_values=lambda place: connection.execute(place, known).one_or_none(),
        )
        rows = _raw_rows(connection, statement, known)
    data = np.empty((len(rows), len(chosen) + 1), dtype=object, order="F")
    if rows:
        data[:] = rows
    made = {"id": (NUMBER if kind in KEYS else TEXT, data[:, 0])} | {
        name: (SOURCES[kind].columns[name].kind, data[:, place]) for place, name in enumerate(chosen, start=1)
    }
    arrays = {}
    for name, (of, values) in made.items():
        try:
            arrays[name] = _MAKERS[of](values)
        except _UNREADABLE as error:
            which = _first_unreadable(_MAKERS[of], data[:, 0], values)
            raise damaged(session.store.url, f"{name!r} of {kind[:-1]} {which}", error) from error
    index = pd.Index(arrays.pop("id"), name="id")
    return pd.DataFrame(arrays, index=index, copy=False)


def _raw_rows(connection: sa.Connection, statement: sa.Select[Any], known: dict[str, Any]) -> list[tuple[Any, ...]]:
    # The cursor's own rows: SQLAlchemy's would cost more than the query, and the columns are converted as a whole below.
    cursor = connection.execute(statement, known).cursor
    with cursor_errors(connection):
        return list(cursor.fetchall()) if cursor is not None else []


def _first_unreadable(maker: Callable[[Values], Any], keys: Values, values: Values) -> object:
    start, end = 0, len(values)
    while end - start > 1:
        middle = (start + end) // 2
        try:
            maker(values[start:middle])
        except _UNREADABLE:
            end = middle
        else:
            start = middle
    return keys[start]


def _texts(values: Values) -> Any:  # noqa: ANN401 - an extension array
    return _ARRAY(values, dtype="string")


def _categories(values: Values) -> pd.Categorical:
    codes, known = pd.factorize(values)
    order = np.argsort(known)
    place = np.full(len(known) + 1, -1, dtype="int32")  # the last one is for what is missing, which has the code -1
    place[order] = np.arange(len(known), dtype="int32")
    return pd.Categorical.from_codes(place[codes], categories=pd.Index(known[order], dtype="string"))


def _numbers(values: Values) -> Any:  # noqa: ANN401 - an extension array
    return _ARRAY(values, dtype="Int64")


def _reals(values: Values) -> Any:  # noqa: ANN401 - an extension array
    return values.astype("float64")


def _flags(values: Values) -> Any:  # noqa: ANN401 - an extension array
    return pd.array([None if value is None else bool(value) for value in values.tolist()], dtype="boolean")


def _moments(values: Values) -> Any:  # noqa: ANN401 - an extension array
    _check_types(values.tolist(), {str, dt.datetime})
    return pd.to_datetime(pd.Series(values), format="ISO8601", utc=True).dt.as_unit("ns").array


def _maps(values: Values) -> Values:
    if str not in _check_types(
        values.tolist(), {str, dict, list}
    ):  # nothing there, or the data base's own driver has decoded them
        return values
    codes, texts = pd.factorize(values)
    decoded = np.empty(len(texts) + 1, dtype=object)  # the last one is for what is missing, which has the code -1
    for place, text in enumerate(texts):
        decoded[place] = json.loads(text)
    return cast("Values", decoded[codes])


def _check_types(listed: list[Any], right: set[type]) -> set[type]:
    found = set(map(type, listed)) - {type(None)}
    if not found <= right:
        msg = f"{min(kind.__name__ for kind in found - right)} in its place"
        raise TypeError(msg)
    return found


_MAKERS: dict[str, Callable[[Values], Any]] = {
    TEXT: _texts,
    CATEGORY: _categories,
    NUMBER: _numbers,
    REAL: _reals,
    FLAG: _flags,
    MOMENT: _moments,
    MAP: _maps,
}


def _driver_row(name: str) -> dict[str, Any]:
    cls = registry.load_driver(name)
    able = {word: issubclass(cls, protocol) for word, protocol in CAPABILITIES.items()}
    options = ", ".join(option.name for option in cls.options())
    where = f"{cls.__module__}.{cls.__qualname__}"
    return {"storage_protocol": cls.storage_protocol, **able, "options": options, "class": where}


def _known_driver_column(name: str) -> str:
    if name not in DRIVER_COLUMNS:
        hint = errors.did_you_mean(name, DRIVER_COLUMNS)
        msg = f"drivers have no column {name!r}.{hint} Columns: {', '.join(DRIVER_COLUMNS)}."
        raise errors.InvalidInput(msg)
    return name
