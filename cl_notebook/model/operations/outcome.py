"""Represent the outcome of an operation as plain data, and write it to the store once."""

from __future__ import annotations

import datetime as dt
import enum
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sa

from cl_notebook import masking, settings
from cl_notebook.model.operations import tables as op
from cl_notebook.model.operations.changes import Delete, RowChange, Update, apply, model_class, row_of
from cl_notebook.store import changefeed
from cl_notebook.store.types import Json, utcnow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cl_notebook.model.base import Tracked

LONGEST = 2**20
"""Characters that are stored of a text that has no other limit."""

_DEEPEST = 50
"""Levels of nested data that are stored as data; deeper levels are stored as text."""


def storable_text(value: object, longest: int = LONGEST) -> str:
    """Return *value* as at most *longest* characters; what no database stores (NUL, half a surrogate pair) is escaped."""
    plain = value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
    plain = settings.UNSTORABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), plain)
    if len(plain) <= longest:
        return plain
    cut = f"… ({len(plain):,} characters)"
    return plain[: longest - len(cut)] + cut if len(cut) < longest else plain[:longest]


def storable_data(value: object, depth: int = 0) -> Any:  # noqa: ANN401 - JSON
    """Return *value* as data that JSON has a form for in every database."""
    match value:
        case None | bool() | int():
            return value
        case float() if math.isfinite(value):
            return value
        case float() | str() | bytes() | dt.date():
            return storable_text(value)
        case dict() if depth < _DEEPEST:
            return {storable_text(key): storable_data(item, depth + 1) for key, item in value.items()}
        case list() | tuple() | set() | frozenset() if depth < _DEEPEST:
            return [storable_data(item, depth + 1) for item in value]
        case _:
            return storable_text(repr(value))


def storable_changes(changes: Iterable[RowChange]) -> tuple[list[RowChange], str]:
    """Return *changes* with values that every database takes, and what of them had to be altered, as text."""
    storable: list[RowChange] = []
    altered: list[str] = []
    for change in changes:
        if isinstance(change, Delete):
            storable.append(change)
            continue
        values = _storable_row(model_class(change.kind), change.values)
        put = {name: storable_data(keys) for name, keys in change.put.items()}
        gone = {name: [storable_text(key) for key in keys] for name, keys in change.gone.items()}
        storable.append(msgspec.structs.replace(change, values=values, put=put, gone=gone))
        before = {name: value for name, value in change.values.items() if not isinstance(value, (dict, list))}
        altered += [f"{name} {value!a}" for name, value in before.items() if name not in values or values[name] != value]
    return storable, storable_text(", ".join(altered))


def _storable_row(cls: Any, values: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - a tracked class
    columns = {attribute.key: attribute.columns[0] for attribute in sa.inspect(cls).column_attrs}
    return {
        name: _value(columns[name], value)
        for name, value in values.items()
        if name in columns and (value is not None or columns[name].nullable)
    }


def _value(column: sa.Column[Any], value: object) -> Any:  # noqa: ANN401 - what the column takes
    if value is None:
        return None
    if isinstance(column.type, Json):
        return storable_data(value)
    if isinstance(column.type, sa.String):
        return storable_text(value, column.type.length or LONGEST)
    return value


class OperationResult(msgspec.Struct, frozen=True):
    """How an operation ended: the columns of its row. ``duration`` is in seconds."""

    operation: int
    kernel_id: str
    status: str
    ended_at: dt.datetime
    duration: float
    error: str | None


_STATUS = 32
"""Characters of a status."""


class PendingOutcome(msgspec.Struct, frozen=True):
    """What an operation has to write in the end, as plain data: it can wait in a file.

    If another kernel counted this one as dead meanwhile, and finished or removed its resource, ``rows`` are not written. Only a
    resource that the operation created (``made``), and whose row was removed by then, is tracked again by ``if_overtaken``: the
    storage may have it.
    """

    ended: OperationResult
    rows: list[RowChange]
    if_overtaken: list[RowChange]
    event: dict[str, Any]
    """The entry of the change feed."""
    made: Update | None = None
    """The whole row that the operation inserted."""

    def storable(self) -> PendingOutcome:
        """Return it in a form that every database takes; what had to be altered for that is remarked in the history."""
        rows, altered = storable_changes(self.rows)
        if_overtaken, _ = storable_changes(self.if_overtaken)
        remarks = [self.ended.error or "", f"Stored in another form: {altered}." if altered else ""]
        error = storable_text(" ".join(remark for remark in remarks if remark)) or None
        ended = msgspec.structs.replace(self.ended, error=error)
        status = self.event["status"]
        event = {**self.event, "status": None if status is None else storable_text(status, _STATUS)}
        return msgspec.structs.replace(self, ended=ended, rows=rows, if_overtaken=if_overtaken, event=event)

    @property
    def key(self) -> str:
        """The kernel and the operation: there is one outcome of each."""
        return f"{self.ended.kernel_id}-{self.ended.operation}"

    @property
    def changes(self) -> tuple[RowChange, ...]:
        """Every change that may have to be written."""
        return (*self.rows, *self.if_overtaken)


def whole_row(resource: Tracked) -> Update:
    """Return the row of *resource* as memory has it."""
    return Update(resource.kind, resource.id, row_of(resource))


_SAME_OPERATION = (op.Operation.id == sa.bindparam("operation"), op.Operation.kernel_id == sa.bindparam("kernel"))
_END = sa.update(op.Operation).where(*_SAME_OPERATION, op.Operation.status == op.RUNNING)
_REMARK = sa.update(op.Operation).where(*_SAME_OPERATION)
_FIND = sa.select(op.Operation.status, op.Operation.ended_at).where(*_SAME_OPERATION)


class CloseResult(enum.Enum):
    """What was found when an operation was to be closed."""

    WRITTEN = "written"
    """It was running, and is closed now."""
    KNOWN = "known"
    """It had been closed with the same outcome before."""
    OVERTAKEN = "overtaken"
    """Another kernel had closed it."""
    NEVER_BEGUN = "never begun"
    """Its intent had not been committed."""


class Written(NamedTuple):
    """What :func:`write` did: the changes with the rows' new values, and the number of the feed's entry."""

    result: CloseResult
    applied: list[tuple[RowChange, dict[str, Any] | None]]
    number: int | None


def end(connection: sa.Connection, ended: OperationResult) -> CloseResult:
    """Close the operation. If another kernel closed it, the history gets a remark on how it ended here."""
    key = {"operation": ended.operation, "kernel": ended.kernel_id}
    values = {"status": ended.status, "ended_at": ended.ended_at, "duration": ended.duration, "error": ended.error}
    if connection.execute(_END, {**key, **values}).rowcount:
        return CloseResult.WRITTEN
    row = connection.execute(_FIND, key).one_or_none()
    if row is None:
        return CloseResult.NEVER_BEGUN
    if row.ended_at == ended.ended_at:
        return CloseResult.KNOWN
    error = f": {ended.error}" if ended.error else "."
    text = (
        f"Taken over while it ran. Its kernel went on, and it ended as {ended.status!r} at {ended.ended_at:%H:%M:%S} UTC{error}"
    )
    connection.execute(_REMARK, {**key, "error": text, "duration": ended.duration})
    return CloseResult.OVERTAKEN


def _is_gone(connection: sa.Connection, kind: str, row_id: str) -> bool:
    cls = model_class(kind)
    return connection.execute(sa.select(cls.id).where(cls.id == row_id)).first() is None


def write(connection: sa.Connection, outcome: PendingOutcome, *, announce_again: bool = False) -> Written:
    """Write *outcome* and its entry of the change feed, unless that was done before.

    Versions are not checked: what the storage did is written down whatever others wrote on the row meanwhile. With
    *announce_again* the entry is appended also for an outcome that was written before, or whose intent was never committed.
    """
    result, made = end(connection, outcome.ended), outcome.made
    if result in {CloseResult.KNOWN, CloseResult.NEVER_BEGUN} and not announce_again:
        return Written(result, [], None)
    rows: list[RowChange] = []
    if result is CloseResult.WRITTEN:
        rows = outcome.rows
    elif result is CloseResult.OVERTAKEN and made is not None and _is_gone(connection, made.kind, made.id):
        rows = outcome.if_overtaken
    applied = [(change, apply(connection, change, whole_row=made)) for change in rows]
    return Written(result, applied, changefeed.append(connection, changefeed.Entry(**outcome.event)))


def ended(operation: int, kernel_id: str, error: BaseException | None, duration: float) -> OperationResult:
    """Return the result of an operation that ends now, with *error* or without one; *duration* is in seconds."""
    text = storable_text(masking.text(f"{type(error).__name__}: {error}")) if error else None
    return OperationResult(operation, kernel_id, _status(error), utcnow(), duration, text)


def _status(error: BaseException | None) -> str:
    if error is None:
        return op.DONE
    return op.FAILED if isinstance(error, Exception) else op.INTERRUPTED
