"""What came of an act: written once, never over what was done meanwhile, and kept as plain data while the store is away."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from cl_notebook import masking, settings
from cl_notebook.model.identity_map import CLASSES
from cl_notebook.model.operations import tables as op
from cl_notebook.model.operations.changes import (
    Delete,
    Insert,
    MapPatch,
    SyncAttachStatus,
    Update,
    overwrite,
    remove,
    row_of,
    settle,
)
from cl_notebook.store import changefeed
from cl_notebook.store.types import Json, utcnow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cl_notebook.model.base import Tracked
    from cl_notebook.model.operations.changes import Change

LONGEST = 2**20
"""Characters that are kept of a text that has no other limit."""

_DEEPEST = 50
"""Levels of nested data that are kept as data; what lies deeper is kept as text."""


def storable_text(value: object, longest: int = LONGEST) -> str:
    """Return *value* as at most *longest* characters, with what no database keeps (NUL, half a surrogate pair) escaped."""
    plain = value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
    plain = settings.UNSTORABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), plain)
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
            return {storable_text(key): storable_data(each, depth + 1) for key, each in value.items()}
        case list() | tuple() | set() | frozenset() if depth < _DEEPEST:
            return [storable_data(each, depth + 1) for each in value]
        case _:
            return storable_text(repr(value))


def storable_changes(given: Iterable[Change]) -> tuple[list[Change], str]:
    """Return *given* with values that every database takes, and what of them had to be altered, as text."""
    made: list[Change] = []
    altered: list[str] = []
    for change in given:
        if isinstance(change, (Delete, Insert)):
            made.append(change)
            continue
        values = _storable_row(type(change.resource), change.values)
        made.append(replace(change, values=values))
        before = {name: value for name, value in change.values.items() if not isinstance(value, (MapPatch, dict, list))}
        altered += [f"{name} {value!a}" for name, value in before.items() if name not in values or values[name] != value]
    return made, storable_text(", ".join(altered))


def _storable_row(cls: Any, values: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - a tracked class
    columns = {attribute.key: attribute.columns[0] for attribute in sa.inspect(cls).column_attrs}
    return {
        name: _value(columns[name], value)
        for name, value in values.items()
        if name in columns and (value is not None or columns[name].nullable)
    }


def _value(column: sa.Column[Any], value: object) -> Any:  # noqa: ANN401 - what the column takes
    if isinstance(value, MapPatch):
        return MapPatch(storable_data(dict(value.put)), tuple(storable_text(key) for key in value.gone))
    if value is None:
        return None
    if isinstance(column.type, Json):
        return storable_data(value)
    if isinstance(column.type, sa.String):
        return storable_text(value, column.type.length or LONGEST)
    return value


class OperationResult(msgspec.Struct, frozen=True):
    """How an operation ended: what its row says from then on."""

    operation: int
    kernel_id: str
    status: str
    ended_at: dt.datetime
    duration: float
    error: str | None


class RowChange(msgspec.Struct, frozen=True):
    """One row to be written (``write``, ``settle``) or removed (``remove``), as plain data."""

    do: str
    kind: str
    id: str
    values: dict[str, Any] = {}  # a Struct copies it
    put: dict[str, dict[str, Any]] = {}
    gone: dict[str, list[str]] = {}
    is_over: bool = False


class PendingOutcome(msgspec.Struct, frozen=True):
    """An outcome that waits for its store, as plain data. ``made`` is the row that the act made; ``if_overtaken`` see below."""

    ended: OperationResult
    rows: list[RowChange]
    if_overtaken: list[RowChange]
    event: dict[str, Any]
    made: RowChange | None = None


_STATUS = 32
"""Characters of a status."""


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What an act has to write in the end.

    If another kernel took this one for dead meanwhile, and finished or removed what it was at, the changes are not written. Only
    a resource that was made, and whose row was removed by then, is tracked again by *if_overtaken*: the storage may have it.
    """

    ended: OperationResult
    changes: Sequence[Change]
    if_overtaken: Sequence[Change]
    made: Tracked | None
    entry: changefeed.Entry

    def writable(self) -> Outcome:
        """Return it in a form that every database takes; what had to be altered for that is remarked in the history."""
        changes, altered = storable_changes(self.changes)
        if_overtaken, _ = storable_changes(self.if_overtaken)
        remarks = [self.ended.error or "", f"Stored in another form: {altered}." if altered else ""]
        error = storable_text(" ".join(remark for remark in remarks if remark)) or None
        ended = msgspec.structs.replace(self.ended, error=error)
        status = None if self.entry.status is None else storable_text(self.entry.status, _STATUS)
        entry = dataclasses.replace(self.entry, status=status)
        return dataclasses.replace(self, ended=ended, changes=changes, if_overtaken=if_overtaken, entry=entry)

    def plain(self) -> PendingOutcome:
        """Return it as it is kept in a file."""
        made = None if self.made is None else RowChange("write", self.made.kind, self.made.id, _plain(row_of(self.made)))
        return PendingOutcome(self.ended, rows(self.changes), rows(self.if_overtaken), plain_entry(self.entry), made)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its times as text, as a file gives them back."""
    return {name: value.isoformat() if isinstance(value, dt.datetime) else value for name, value in values.items()}


def plain_entry(entry: changefeed.Entry) -> dict[str, Any]:
    """Return an entry of the feed as plain data."""
    return {name: getattr(entry, name) for name in changefeed.Entry.__dataclass_fields__}


def rows(changes: Iterable[Change]) -> list[RowChange]:
    """Return *changes* of rows that are there as plain data."""
    found = []
    for change in changes:
        match change:
            case Update(resource, values):
                found.append(_row("write", resource, values))
            case SyncAttachStatus(resource, values, is_over):
                found.append(_row("settle", resource, values, is_over=is_over))
            case Delete(resource):
                found.append(RowChange("remove", resource.kind, resource.id))
    return found


def _row(do: str, resource: Tracked, values: Any, *, is_over: bool = False) -> RowChange:  # noqa: ANN401 - a mapping of anything
    maps = {name: value for name, value in values.items() if isinstance(value, MapPatch)}
    plain = {name: value for name, value in values.items() if name not in maps}
    put = {name: dict(change.put) for name, change in maps.items()}
    gone = {name: list(change.gone) for name, change in maps.items()}
    return RowChange(do, resource.kind, resource.id, plain, put, gone, is_over)


_OWN = (op.Operation.id == sa.bindparam("operation"), op.Operation.kernel_id == sa.bindparam("kernel"))
_END = sa.update(op.Operation).where(*_OWN, op.Operation.status == op.RUNNING)
_REMARK = sa.update(op.Operation).where(*_OWN)
_FIND = sa.select(op.Operation.status, op.Operation.ended_at).where(*_OWN)

WRITTEN, KNOWN, OVERTAKEN, NEVER_BEGUN = "written", "known", "overtaken", "never begun"


def end(connection: sa.Connection, ended: OperationResult) -> str:
    """Close the operation, and return ``written``.

    ``known`` is one that was closed in the same words before, ``never begun`` one whose intent never came to be. One that
    another kernel closed is ``overtaken``: what came of it all the same is remarked in the history.
    """
    own = {"operation": ended.operation, "kernel": ended.kernel_id}
    values = {"status": ended.status, "ended_at": ended.ended_at, "duration": ended.duration, "error": ended.error}
    if connection.execute(_END, {**own, **values}).rowcount:
        return WRITTEN
    row = connection.execute(_FIND, own).one_or_none()
    if row is None:
        return NEVER_BEGUN
    if row.ended_at == ended.ended_at:
        return KNOWN
    said = f": {ended.error}" if ended.error else "."
    text = f"Taken over while it ran. Its kernel went on, and it ended as {ended.status!r} at {ended.ended_at:%H:%M:%S} UTC{said}"
    connection.execute(_REMARK, {**own, "error": text, "duration": ended.duration})
    return OVERTAKEN


def is_gone(connection: sa.Connection, kind: str, row_id: str) -> bool:
    """Return whether the store has no such row any more."""
    cls = _class(kind)
    return connection.execute(sa.select(cls.id).where(cls.id == row_id)).first() is None


def write(connection: sa.Connection, kept: PendingOutcome) -> None:
    """Write what was *kept*, and tell the feed, unless that was done before."""
    how = end(connection, kept.ended)
    todo = kept.rows
    if how == OVERTAKEN:
        todo = kept.if_overtaken if kept.made is not None and is_gone(connection, kept.made.kind, kept.made.id) else []
    elif how != WRITTEN:
        return
    for row in todo:
        _write(connection, row, kept.made)
    changefeed.append(connection, changefeed.Entry(**kept.event))


def _write(connection: sa.Connection, row: RowChange, made: RowChange | None) -> None:
    cls = _class(row.kind)
    if row.do == "remove":
        remove(connection, cls, row.id)
        return
    merges = {name: MapPatch(put, tuple(row.gone.get(name, ()))) for name, put in row.put.items()}
    settled = settle(connection, cls, row.id, is_over=row.is_over) if row.do == "settle" else {}
    again = _typed(made.values) if made is not None and made.id == row.id else None
    overwrite(connection, cls, row.id, {**row.values, **merges, **settled}, again)


def _typed(values: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its times as times: as text they would be refused."""
    times = {name: dt.datetime.fromisoformat(values[name]) for name in ("created_at", "updated_at") if values.get(name)}
    return {**values, **times}


def _class(kind: str) -> Any:  # noqa: ANN401 - a tracked class
    return CLASSES[kind.capitalize()]


def ended(operation: int, kernel_id: str, error: BaseException | None, duration: float) -> OperationResult:
    """Return how an operation ended now that *error*, or none, came of it; *duration* is in seconds."""
    said = storable_text(masking.text(f"{type(error).__name__}: {error}")) if error else None
    return OperationResult(operation, kernel_id, _status(error), utcnow(), duration, said)


def _status(error: BaseException | None) -> str:
    if error is None:
        return op.DONE
    return op.FAILED if isinstance(error, Exception) else op.INTERRUPTED
