"""Represent changes of rows as plain data, write them in a transaction, and apply them to the objects in memory."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.model import identity_map
from cl_notebook.model.identity_map import CLASSES
from cl_notebook.model.operations.lifecycle import STABLE_STATUSES
from cl_notebook.store.types import utcnow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context


@dataclass(frozen=True, slots=True)
class MapPatch:
    """A driver's changes of a map in a row (``metadata``, ``driver_data``): keys that others change meanwhile stay."""

    put: Mapping[str, Any]
    gone: tuple[str, ...] = ()

    @classmethod
    def between(cls, before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> MapPatch:
        """Return the changes that lead from the map *before* to the map *now*."""
        old, new = before or {}, now or {}
        put = {key: value for key, value in new.items() if key not in old or old[key] != value}
        return cls(put, tuple(key for key in old if key not in new))

    def into(self, present: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the *present* map with the changes applied."""
        return {key: value for key, value in (present or {}).items() if key not in self.gone} | dict(self.put)


class Insert(msgspec.Struct, frozen=True):
    """A row to be inserted."""

    kind: str
    values: dict[str, Any]

    @property
    def id(self) -> str:
        """The id of the new row."""
        return str(self.values["id"])


class Update(msgspec.Struct, frozen=True, tag_field="do", tag="write"):
    """A row to be changed: ``values`` by column, and by column of a map the keys to ``put`` and those that are ``gone``.

    ``version`` is the one that the change was made for, if it is not the one in memory.
    """

    kind: str
    id: str
    values: dict[str, Any] = {}  # a Struct copies it
    put: dict[str, dict[str, Any]] = {}
    gone: dict[str, list[str]] = {}
    version: int | None = None

    @classmethod
    def of(cls, resource: Tracked, values: Mapping[str, Any], version: int | None = None) -> Update:
        """Return the change of the row of *resource* to *values*."""
        return cls(resource.kind, resource.id, *_split(values), version)


class SyncAttachStatus(msgspec.Struct, frozen=True, tag_field="do", tag="settle"):
    """A volume's row to be changed, with its attach status from the connections that it has at that moment.

    With ``is_over`` its status follows them even if it is not a stable one: the operation on the volume has ended.
    """

    kind: str
    id: str
    values: dict[str, Any] = {}
    put: dict[str, dict[str, Any]] = {}
    gone: dict[str, list[str]] = {}
    is_over: bool = False

    @classmethod
    def of(cls, volume: Tracked, values: Mapping[str, Any] | None = None, *, is_over: bool = False) -> SyncAttachStatus:
        """Return the change of the row of *volume* to *values*."""
        return cls(volume.kind, volume.id, *_split(values or {}), is_over)


class Delete(msgspec.Struct, frozen=True, tag_field="do", tag="remove"):
    """A row to be removed."""

    kind: str
    id: str

    @classmethod
    def of(cls, resource: Tracked) -> Delete:
        """Return the removal of the row of *resource*."""
        return cls(resource.kind, resource.id)


def _split(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]], dict[str, list[str]]]:
    """Return the plain values, and what the patches among *values* put and remove, by column."""
    patches = {name: value for name, value in values.items() if isinstance(value, MapPatch)}
    plain = {name: value for name, value in values.items() if name not in patches}
    put = {name: dict(patch.put) for name, patch in patches.items()}
    return plain, put, {name: list(patch.gone) for name, patch in patches.items()}


def _values(change: Update | SyncAttachStatus) -> dict[str, Any]:
    """Return the values of *change*, with the patches of maps among them."""
    return change.values | {name: MapPatch(put, tuple(change.gone.get(name, ()))) for name, put in change.put.items()}


RowChange = Update | SyncAttachStatus | Delete
"""A change of a row that is there. It is plain data, so that it can wait in a file."""

Change = Insert | RowChange

Guard = Callable[[sa.Connection], None]
"""Check the store inside the transaction of the intent; raise if the operation must not begin."""


# Building a statement costs more than running it, so those that every operation needs are built once per class.
@functools.cache
def _insert(cls: Any) -> sa.Insert:  # noqa: ANN401 - a tracked class
    return sa.insert(cls.__table__)


@functools.cache
def _update_any(cls: Any) -> sa.Update:  # noqa: ANN401 - a tracked class
    table: sa.Table = cls.__table__
    return sa.update(table).where(table.c.id == sa.bindparam("row_id")).values(version=table.c.version + 1)


@functools.cache
def _update_any_returning(cls: Any) -> Any:  # noqa: ANN401 - a tracked class
    return _update_any(cls).returning(cls.__table__.c.version)


@functools.cache
def _columns(cls: Any) -> dict[str, str]:  # noqa: ANN401 - a tracked class
    """Return the names of the columns by the names of their mapped attributes."""
    return {attribute.key: attribute.columns[0].key for attribute in sa.inspect(cls).column_attrs}


def _parameters(cls: Any, values: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - a tracked class
    columns = _columns(cls)
    return {columns[name]: value for name, value in values.items()}


def model_class(kind: str) -> Any:  # noqa: ANN401 - a tracked class
    """Return the tracked class of that *kind*."""
    return CLASSES[kind.capitalize()]


def apply(
    connection: sa.Connection, change: Change, *, version: int | None = None, whole_row: Update | None = None
) -> dict[str, Any] | None:
    """Write *change* and return the row's new values; None if the row is gone.

    Args:
        connection: the open transaction.
        change: what to write. A deletion returns an empty dict.
        version: the version that the row must still have; None writes whatever others wrote meanwhile.
        whole_row: the row that is inserted again if it is gone; None leaves it so.

    Raises:
        ChangedElsewhere: the row has another version.

    """
    cls = model_class(change.kind)
    missing = typed_row(whole_row.values) if whole_row is not None and whole_row.id == change.id else None
    match change:
        case Insert(values=values):
            row = {name: values.get(name) for name in _columns(cls)} | {"created_at": utcnow(), "version": 1}
            connection.execute(_insert(cls), _parameters(cls, row))
            return row
        case Update() if version is not None:
            return _update(connection, change, version)
        case Update():
            return overwrite(connection, cls, change.id, _values(change), missing)
        case SyncAttachStatus():
            settled = settle(connection, cls, change.id, is_over=change.is_over)
            return overwrite(connection, cls, change.id, {**_values(change), **settled}, missing)
        case Delete():
            remove(connection, cls, change.id)
            return {}


def typed_row(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its times as times: a file gives them back as text."""
    texts = {name: values.get(name) for name in ("created_at", "updated_at")}
    return {**values, **{name: dt.datetime.fromisoformat(text) for name, text in texts.items() if isinstance(text, str)}}


def row_of(resource: Tracked) -> dict[str, Any]:
    """Return all columns of *resource* as they are in memory."""
    cls: Any = type(resource)
    return {name: resource.__dict__.get(name) for name in _columns(cls)}


def _update(connection: sa.Connection, change: Update, version: int) -> dict[str, Any]:
    cls = model_class(change.kind)
    merged = _merged(connection, cls, change.id, _values(change))
    values = merged | {"updated_at": utcnow(), "version": version + 1}
    statement = sa.update(cls).where(cls.id == change.id, cls.version == version)
    if not connection.execute(statement, _parameters(cls, values)).rowcount:
        raise errors.ChangedElsewhere(change.id)  # the caller reads the row again, and says what was changed
    return values


def overwrite(
    connection: sa.Connection,
    cls: Any,  # noqa: ANN401 - a tracked class
    row_id: str,
    values: Mapping[str, Any],
    missing: Mapping[str, Any] | None = None,
) -> dict[str, Any] | None:
    """Write *values* into a row of any version, maps merged; return them, or None if the row is gone.

    *missing* is the whole row, if it is to be inserted again in that case.
    """
    written = {**_merged(connection, cls, row_id, values), "updated_at": utcnow()}
    version = _new_version(connection, cls, row_id, _parameters(cls, written))
    if version is not None:
        return written | {"version": version}
    if missing is None:
        return None
    row = {**missing, **written}
    connection.execute(_insert(cls), _parameters(cls, row))
    return row


def _merged(connection: sa.Connection, cls: Any, row_id: str, values: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - a tracked class
    maps = {name: value for name, value in values.items() if isinstance(value, MapPatch)}
    if not maps:
        return dict(values)
    statement = sa.select(*[getattr(cls, name).label(name) for name in maps]).where(cls.id == row_id).with_for_update()
    row: Mapping[Any, Any] = connection.execute(statement).mappings().one_or_none() or {}
    return {**values, **{name: change.into(row.get(name)) for name, change in maps.items()}}


def remove(connection: sa.Connection, cls: Any, row_id: str) -> None:  # noqa: ANN401 - a tracked class
    """Delete a row."""
    connection.execute(sa.delete(cls).where(cls.id == row_id))


def settle(connection: sa.Connection, cls: Any, volume_id: str, *, is_over: bool) -> dict[str, str]:  # noqa: ANN401 - a tracked class
    """Return the attach status of a volume that its connections imply, and its status if it is stable or *is_over*."""
    conn: Any = CLASSES["Connection"]
    attached = connection.execute(sa.select(conn.id).where(conn.volume_id == volume_id).limit(1)).first() is not None
    values = {"attach_status": "attached" if attached else "detached"}
    if is_over or connection.execute(sa.select(cls.status).where(cls.id == volume_id)).scalar() in STABLE_STATUSES:
        values["status"] = "in-use" if attached else "available"
    return values


def _new_version(connection: sa.Connection, cls: Any, row_id: str, values: dict[str, Any]) -> int | None:  # noqa: ANN401 - a tracked class
    named = values | {"row_id": row_id}
    if connection.dialect.update_returning:
        written: int | None = connection.execute(_update_any_returning(cls), named).scalar()
        return written
    connection.execute(_update_any(cls), named)
    return connection.execute(sa.select(cls.version).where(cls.id == row_id)).scalar()


def in_memory(context: Context, change: RowChange) -> Tracked | None:
    """Return the object of the row of *change*, if the session has one."""
    resource: Tracked | None = identity_map.cached(context, model_class(change.kind), change.id)
    return resource


def insert_in_memory(context: Context, change: Insert, values: dict[str, Any]) -> Tracked:
    """Return the object of the row that *change* inserted, which was committed with *values*."""
    created: Tracked = identity_map.attach_new(context, model_class(change.kind), values)
    created.after_creation(context)
    return created


def apply_in_memory(context: Context, change: RowChange, values: dict[str, Any] | None, resource: Tracked | None) -> None:
    """Bring *resource* in line with *change*, which was committed.

    *values* are what :func:`apply` returned; without a *resource* nothing has to be done.
    """
    if resource is None:
        return
    if isinstance(change, Delete) or values is None:
        identity_map.evict(context, resource)
    elif values["version"] == resource.version + 1:
        identity_map.apply_committed(context, resource, values)
    else:  # others wrote in between: a later save must detect their changes as a conflict
        identity_map.reload(context, resource, keep_edits=True)
