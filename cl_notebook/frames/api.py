"""DataFrames of everything, straight from the store: one query each, whatever the number of rows.

The index is the id. ``status`` and the like are categorical, times ``datetime64[ns, UTC]``, sizes (GiB) ``Int64``, ids and names
``string``; what is empty keeps its columns and their types.

Filters are columns with what they must be: an exact text, a glob (``"db*"``, letter case ignored), several of them with commas
(``"error,available"``), ``"!error"``, comparisons for numbers and times (``">10"``, ``"<=2026-01-31"``), and ranges (``"2..4"``).
Sizes may have units (``">1.5T"``), ages, too (``age="<2h"``); ``created_at="today"`` is a day, ``metadata="owner=bob"`` a key
and its value. A list means exactly these. Rows with equal metadata share one dict.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from cl_notebook import errors, masking
from cl_notebook.drivers.api import capabilities
from cl_notebook.frames import driver_listing as of_drivers
from cl_notebook.frames import query
from cl_notebook.frames.columns import (
    CATEGORY,
    FLAG,
    KEYS,
    MAP,
    MOMENT,
    NUMBER,
    OPEN_BACKENDS,
    PER_SESSION,
    REAL,
    SOURCES,
    TEXT,
    operations_of,
)
from cl_notebook.frames.filters import whole
from cl_notebook.model import Backend, context
from cl_notebook.model import trash as deleted
from cl_notebook.model.backend import SECRETS, reference_text
from cl_notebook.model.operations import liveness
from cl_notebook.store import damage
from cl_notebook.store.errors import cursor_errors, damaged
from cl_notebook.tabular import Frame, typed_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import sqlalchemy as sa

    from cl_notebook.drivers.api import ManageableSnapshot, ManageableVolume
    from cl_notebook.model.context import Context

if TYPE_CHECKING:
    Values = np.ndarray[Any, np.dtype[np.object_]]


_MANAGEABLE_SCHEMA = {
    "reference": "string",
    "size": "Int64",
    "safe_to_manage": "boolean",
    "reason_not_safe": "string",
    "cinder_id": "string",
    "extra_info": object,
}

_TRASH_SCHEMA = {
    **dict.fromkeys(("id", "name"), "string"),
    **dict.fromkeys(("size", "snapshots"), "Int64"),
    "backend": "category",
    **dict.fromkeys(("deleted_at", "expires_at"), "datetime64[ns, UTC]"),
    "owner": "category",
}

_FIRST_LINES = {
    "volumes": 'backend.create_volume(size=1, name="db")',
    "snapshots": 'volume.create_snapshot(name="before")',
    "connections": "volume.attach()",
}
"""What creates the first of a kind, in Python."""

_UNREADABLE = (ValueError, TypeError, OverflowError, RecursionError)
"""What a value that no release of ours wrote may raise."""

_ARRAY: Any = pd.array  # its overloads know no arrays of objects

COLUMNS: dict[str, tuple[str, ...]] = {
    **{kind: tuple(source.columns) for kind, source in SOURCES.items()},
    "drivers": of_drivers.INSTALLED,
}
"""Every column of each frame."""

DEFAULT_COLUMNS: dict[str, tuple[str, ...]] = {
    **{kind: tuple(name for name, column in source.columns.items() if column.short) for kind, source in SOURCES.items()},
    "drivers": of_drivers.INSTALLED,
}
"""The columns that the short lists show."""


def backends(session: Context | None = None, **asked: Any) -> pd.DataFrame:  # noqa: ANN401 - see read()
    """Return the backends: how many volumes are tracked on each, their ``size`` in GiB, and whether it is ``open`` here.

    ``capabilities`` is what the driver of an open one can do, as text: no driver is opened to be asked.
    """
    return read("backends", session, **asked)


def volumes(session: Context | None = None, **asked: Any) -> pd.DataFrame:  # noqa: ANN401 - see read()
    """Return the volumes; ``size`` is in GiB. The arguments are those of :func:`read`."""
    return read("volumes", session, **asked)


def snapshots(session: Context | None = None, **asked: Any) -> pd.DataFrame:  # noqa: ANN401 - see read()
    """Return the snapshots; ``volume_size`` is in GiB. The arguments are those of :func:`read`."""
    return read("snapshots", session, **asked)


def connections(session: Context | None = None, **asked: Any) -> pd.DataFrame:  # noqa: ANN401 - see read()
    """Return the connections, without the drivers' ``conn_info``, which may hold secrets."""
    return read("connections", session, **asked)


def operations(session: Context | None = None, **asked: Any) -> pd.DataFrame:  # noqa: ANN401 - see read()
    """Return the operations, oldest first; ``duration`` is in seconds.

    ``status`` is ``running``, ``done``, ``failed``, ``interrupted``, or ``lost``: the kernel ended during the operation, which
    has been neither finished nor undone since; only the storage shows how far it came.
    """
    return read("operations", session, **asked)


def trash(session: Context | None = None) -> pd.DataFrame:
    """Return the deleted volumes that can be brought back (``cl.undo``), the last deleted first.

    The columns are ``name``, ``size`` (GiB), ``snapshots`` (how many come back with it), ``backend``, ``deleted_at``,
    ``expires_at`` (from then on it is deleted for good by the next operation on its backend) and ``owner`` (``user@host``).
    """
    rows = [
        (*item[:5], item.deleted_at, item.expires_at, f"{item.user}@{item.host}")  # the first five are the first columns
        for item in deleted.entries(session or context.current())
    ]
    return typed_frame(_TRASH_SCHEMA, rows, "id", noun="volumes").listed("volumes", "Nothing is in the trash.")


def changes(session: Context | None = None, *, since: int = 0, **asked: Any) -> pd.DataFrame:  # noqa: ANN401 - see read()
    """Return the change feed after the entry of number *since*, oldest first: what any session changed, in the order of commits.

    The index is the number of the entry. ``event`` is ``intent`` and ``outcome`` of an ``operation``, its ``progress`` (then
    ``status`` is the fraction that is done), or ``save``. The last number is the one to go on from.

    Raises:
        InvalidInput: *since* is no number of an entry.

    """
    number = whole(since)
    if number is None or number < 0:
        msg = f"since must be the number of an entry, 0 or more, not {since!r}."
        raise errors.InvalidInput(msg)
    return read("changes", session, **{"id": f">{number}", **asked})


def drivers(word: str | None = None, python: str | None = None, *, columns: str | Sequence[str] | None = None) -> pd.DataFrame:
    """Return the drivers, indexed by their names.

    Without a *word* they are those that are installed, with their capabilities and the names of their options. With one they are
    those that have it in their name, path, help or options, letter case ignored; the drivers of the Cinder in *python* (this
    Python by default) are among them: ``path``, ``help``, ``version``, ``supported``. A *python* without a word is all of them.

    Raises:
        InvalidInput: there is no such column, or *python* cannot be started.
        NotSupported: *python* has no Cinder, and no driver that is installed fits.

    """
    frame = of_drivers.installed() if word is None and python is None else of_drivers.search(word or "", python)[0]
    return frame if columns is None else of_drivers.picked(frame, query.listed(columns, "columns"), "drivers")


def driver_options(name: str, python: str | None = None) -> pd.DataFrame:
    """Return the options of the driver called *name*: an installed one, or one of the Cinder in *python* by its class or path.

    The index is the option; the columns are ``type``, ``default``, ``allowed`` (its choices, or its range), ``required``,
    ``secret``, ``own`` (the driver's own, or shared by all drivers of its kind) and ``help``.

    Raises:
        NotFound: there is no such driver.
        Ambiguous: Cinder has several of that name.
        NotSupported, InvalidInput: the driver cannot be loaded, or *python* cannot be started.

    """
    return of_drivers.options(of_drivers.load(name, python))


def log(backend: Backend | str | None = None, session: Context | None = None, *, operation: int | None = None) -> pd.DataFrame:
    """Return the lines that the driver of an open *backend* (by default: of each) has logged, the oldest first.

    The columns are ``at``, ``level``, ``logger``, ``text``, ``operation`` (its number in the history) and ``backend``. A log is
    kept while its backend is open, the last lines of it; that of a backend that could not be opened, until the session ends.

    Raises:
        Refused: the backend is not open.

    """
    from cl_notebook.frames import logs  # noqa: PLC0415 - only needed for a log

    session = session or context.current()
    opened = cast("Mapping[str, Backend]", session.backends)
    if backend is None:
        return logs.frame(logs.lines(opened.values(), operation))
    name = backend.name if isinstance(backend, Backend) else str(backend)
    failed = session.failed_openings.get(name)
    if name not in opened and failed is not None:
        return logs.frame([(name, line) for line in failed.log if operation in {None, line.operation}])
    if name not in opened:
        msg = f"Backend {name!r} is not open here; a driver's log is kept while its backend is open."
        raise errors.Refused(msg)
    return logs.frame(logs.lines([opened[name]], operation))


def read(
    kind: str,
    session: Context | None = None,
    *,
    columns: str | Sequence[str] | None = None,
    sort: str | Sequence[str] | None = None,
    limit: int | None = None,
    marker: str | int | None = None,
    first_lines: Mapping[str, str] = _FIRST_LINES,
    **filters: object,
) -> Frame:
    """Return the frame of *kind* (``backends``, ``volumes``, ``snapshots``, ``connections``, ``operations`` or ``changes``).

    Args:
        kind: which resources.
        session: whose; the default session's by default.
        columns: which columns; all by default.
        sort: ``"size"``, ``"size:desc"``, or several; by default the oldest first, as among those of one status, backend or host.
        limit: at most so many rows.
        marker: the id of the last row of the page before; the frame continues after it.
        first_lines: by kind, the line that creates the first resource, which an empty list shows; Python's by default.
        filters: column = what it must be; see the module.

    Raises:
        InvalidInput: a column, a filter, the sorting, the limit or the marker is wrong.

    """
    session = session or context.current()
    chosen = list(SOURCES[kind].columns) if columns is None else list(dict.fromkeys(query.listed(columns, "columns")))
    known = {OPEN_BACKENDS: list(session.backends)} if kind == "backends" else {}
    with session.store.reading() as connection:
        statements = query.build(
            kind,
            columns=chosen,
            filters=filters,
            sort=sort,
            limit=limit,
            marker=marker,
            run_query=lambda statement: connection.execute(statement, known).all(),
            dialect=connection.dialect.name,
            source=operations_of(liveness.dead(connection)) if kind == "operations" else None,
        )
        rows: list[tuple[Any, ...]] = []
        for statement in statements:
            rows += _raw_rows(connection, statement, known)
            if limit is not None and len(rows) >= limit:
                break
        rows = rows[:limit]
    data = np.empty((len(rows), len(chosen) + 1), dtype=object, order="F")
    if rows:
        data[:] = rows
    columns_read = {"id": (NUMBER if kind in KEYS else TEXT, data[:, 0])} | {
        name: (SOURCES[kind].columns[name].kind, data[:, position]) for position, name in enumerate(chosen, start=1)
    }
    converters: dict[str, Callable[[Values], Any]] = {**_CONVERTERS, PER_SESSION: lambda values: _abilities(session, values)}
    arrays = {}
    with damage.named(session.store):
        for name, (value_kind, values) in columns_read.items():
            try:
                arrays[name] = converters[value_kind](values)
            except _UNREADABLE as error:
                which = _first_unreadable(converters[value_kind], data[:, 0], values)
                raise damaged(session.store.url, f"{name!r} of {kind[:-1]} {which}", error) from error
    if kind == "backends" and "config" in arrays:
        arrays["config"] = _without_names_of_secrets(arrays["config"])
    index = pd.Index(arrays.pop("id"), name="id")
    frame = Frame(arrays, index=index, copy=False)
    if marker is not None:
        return frame.listed(kind, f"No more {kind}.")
    return frame.listed(kind) if limit is not None and not int(limit) else _as_list(frame, kind, session, filters, first_lines)


def _as_list(frame: Frame, kind: str, session: Context, filters: Mapping[str, object], first_lines: Mapping[str, str]) -> Frame:
    """Return *frame*, to be shown as the list of *kind* that was read with *filters*.

    If it is empty it says what was asked for, or which line creates the first; in a store without backends, how to begin.
    """
    if len(frame):
        return frame.listed(kind)
    if filters:
        conditions = (f"{name} {value if isinstance(value, str) else repr(value)}" for name, value in filters.items())
        return frame.listed(kind, f"No {kind} with {', '.join(conditions)}.")
    is_start = not session.backends and (kind == "backends" or not len(read("backends", session, columns=[], limit=1)))
    if is_start:
        return frame.listed(kind, f"No {kind} yet.", start="python" if first_lines is _FIRST_LINES else "magic")
    line = first_lines.get(kind)
    return frame.listed(kind, f"No {kind} yet: {line}" if line else f"No {kind} yet.")


def _raw_rows(connection: sa.Connection, statement: sa.Select[Any], known: dict[str, Any]) -> list[tuple[Any, ...]]:
    # The cursor's own rows: SQLAlchemy's would cost more than the query, and the columns are converted as a whole below.
    cursor = connection.execute(statement, known).cursor
    with cursor_errors(connection):
        return list(cursor.fetchall()) if cursor is not None else []


def _first_unreadable(convert: Callable[[Values], Any], keys: Values, values: Values) -> object:
    start, end = 0, len(values)
    while end - start > 1:
        middle = (start + end) // 2
        try:
            convert(values[start:middle])
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
    types = _check_types(values.tolist(), {str, dict, list})
    if str not in types:  # there are no values, or the database's own driver has decoded them
        return values
    codes, texts = pd.factorize(values)
    decoded = np.empty(len(texts) + 1, dtype=object)  # the last one is for what is missing, which has the code -1
    for place, text in enumerate(texts):
        decoded[place] = json.loads(text)
    return cast("Values", decoded[codes])


def _check_types(values: list[Any], expected: set[type]) -> set[type]:
    """Return the types of *values*, without None's; raise TypeError if one of them is not *expected*."""
    types = set(map(type, values)) - {type(None)}
    if not types <= expected:
        msg = f"{min(cls.__name__ for cls in types - expected)} in its place"
        raise TypeError(msg)
    return types


def _without_names_of_secrets(configs: Values) -> Values:
    plain = np.empty(len(configs), dtype=object)
    plain[:] = [
        masking.mapping({name: value for name, value in config.items() if name != SECRETS})
        if isinstance(config, dict)
        else config
        for config in configs.tolist()
    ]
    return plain


def _abilities(session: Context, names: Values) -> Any:  # noqa: ANN401 - an extension array
    opened = {name: session.get_open(backend) for name, backend in session.backends.items()}
    texts = {
        name: ", ".join(word for word, can in capabilities(driver).items() if can)
        for name, driver in opened.items()
        if driver is not None
    }
    return _ARRAY([texts.get(name) for name in names], dtype="string")


_CONVERTERS: dict[str, Callable[[Values], Any]] = {
    TEXT: _texts,
    CATEGORY: _categories,
    NUMBER: _numbers,
    REAL: _reals,
    FLAG: _flags,
    MOMENT: _moments,
    MAP: _maps,
}


def frame(entries: Sequence[ManageableVolume] | Sequence[ManageableSnapshot]) -> pd.DataFrame:
    """Return what a driver lists, indexed by ``reference``: the word that ``manage`` takes for it.

    The columns are ``size`` (GiB), ``safe_to_manage``, ``reason_not_safe``, ``cinder_id`` (of what is tracked already),
    ``extra_info``, and for snapshots ``source``, the reference of their volume.
    """
    of_snapshots = any("source_reference" in entry for entry in entries)
    schema = _MANAGEABLE_SCHEMA | ({"source": "string"} if of_snapshots else {})
    return typed_frame(
        schema, (_manageable_row(entry, of_snapshots=of_snapshots) for entry in entries), "reference", noun="entries"
    )


def _manageable_row(entry: ManageableVolume | ManageableSnapshot, *, of_snapshots: bool) -> tuple[object, ...]:
    listed: Mapping[str, Any] = {**entry}
    row = (reference_text(entry["reference"]), *(listed.get(name) for name in _MANAGEABLE_SCHEMA if name != "reference"))
    return (*row, reference_text(listed.get("source_reference") or {})) if of_snapshots else row
