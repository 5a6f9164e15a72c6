"""Changes of rows: inserted, updated, settled, deleted; written in a transaction, then brought in line in memory."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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
    """What a driver changed in a map of the row (``metadata``, ``driver_data``), whatever else is in it when it is written."""

    put: Mapping[str, Any]
    gone: tuple[str, ...] = ()

    @classmethod
    def between(cls, before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> MapPatch:
        """Return what leads from the map that a driver was told to the one that it gave back."""
        told, given = before or {}, now or {}
        put = {key: value for key, value in given.items() if key not in told or told[key] != value}
        return cls(put, tuple(key for key in told if key not in given))

    def into(self, present: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the *present* map with the change made in it."""
        return {key: value for key, value in (present or {}).items() if key not in self.gone} | dict(self.put)


@dataclass(frozen=True, slots=True)
class Insert:
    """A row to be made."""

    cls: type[Tracked]
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Update:
    """A row to be changed."""

    resource: Tracked
    values: Mapping[str, Any]
    version: int | None = None
    """The version that the change was made for; the object's own by default."""


@dataclass(frozen=True, slots=True)
class SyncAttachStatus:
    """A volume's row to be changed, and to say what its connections say at that moment: attached or not, in use or not."""

    resource: Tracked
    values: Mapping[str, Any] = field(default_factory=dict)
    is_over: bool = False
    """Whether its status follows them, too, if it is not a settled one: what was done with the volume has come to its end."""


@dataclass(frozen=True, slots=True)
class Delete:
    """A row to be removed."""

    resource: Tracked


Change = Insert | Update | SyncAttachStatus | Delete

Guard = Callable[[sa.Connection], None]
"""Check the store inside the transaction of the intent; raise if the operation must not begin."""


# Building a statement costs more than running it, so those that every act needs are built once a class.
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
    """Return the name of each mapped attribute -> the name of its column."""
    return {attribute.key: attribute.columns[0].key for attribute in sa.inspect(cls).column_attrs}


def _parameters(cls: Any, values: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - a tracked class
    columns = _columns(cls)
    return {columns[name]: value for name, value in values.items()}


def apply(connection: sa.Connection, change: Change, *, checked: bool, made: Tracked | None) -> dict[str, Any] | None:
    """Write *change* and return the row's new values; None if the row is gone."""
    match change:
        case Insert(made_cls, values):
            cls: Any = made_cls  # not its type: mypy takes the classes for unhashable
            row = {name: values.get(name) for name in _columns(cls)} | {"created_at": utcnow(), "version": 1}
            connection.execute(_insert(cls), _parameters(cls, row))
            return row
        case Update(resource, values, version) if checked:
            return _update(connection, resource, dict(values), resource.version if version is None else version)
        case Update(resource, values):
            return overwrite(connection, type(resource), resource.id, values, _made_row(resource, made))
        case SyncAttachStatus(resource, values, is_over):
            settled = settle(connection, type(resource), resource.id, is_over=is_over)
            return overwrite(connection, type(resource), resource.id, {**values, **settled}, _made_row(resource, made))
        case Delete(resource):
            remove(connection, type(resource), resource.id)
            return {}


def _made_row(resource: Tracked, made: Tracked | None) -> dict[str, Any] | None:
    return row_of(resource) if resource is made else None


def row_of(resource: Tracked) -> dict[str, Any]:
    """Return the whole row of *resource* as memory has it."""
    cls: Any = type(resource)
    return {name: resource.__dict__.get(name) for name in _columns(cls)}


def _update(connection: sa.Connection, resource: Tracked, values: dict[str, Any], version: int) -> dict[str, Any]:
    cls: Any = type(resource)
    values |= {"updated_at": utcnow(), "version": version + 1}
    statement = sa.update(cls).where(cls.id == resource.id, cls.version == version)
    if not connection.execute(statement, _parameters(cls, values)).rowcount:
        raise errors.ChangedElsewhere(resource.label())  # whoever reads the row again says what was changed
    return values


def overwrite(
    connection: sa.Connection,
    cls: Any,  # noqa: ANN401 - a tracked class
    row_id: str,
    values: Mapping[str, Any],
    made: Mapping[str, Any] | None = None,
) -> dict[str, Any] | None:
    """Write *values* into a row whatever others wrote there meanwhile, maps merged; return them, None if the row is gone.

    *made* is the whole row if it is to be there again in that case.
    """
    written = {**_merged(connection, cls, row_id, values), "updated_at": utcnow()}
    version = _new_version(connection, cls, row_id, _parameters(cls, written))
    if version is not None:
        return written | {"version": version}
    if made is None:
        return None
    row = {**made, **written}
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
    """Remove a row."""
    connection.execute(sa.delete(cls).where(cls.id == row_id))


def settle(connection: sa.Connection, cls: Any, volume_id: str, *, is_over: bool) -> dict[str, str]:  # noqa: ANN401 - a tracked class
    """Return what the row of a volume says once its connections are as they are now."""
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


def apply_in_memory(context: Context, change: Change, values: dict[str, Any] | None) -> Tracked:
    """Let memory say what *change* wrote, once it is committed: *values* are the row's new ones, None if the row is gone."""
    match change:
        case Insert(cls):
            made = identity_map.adopt(context, cls, values or {})
            made.after_creation(context)
            return made
        case Update(resource) | SyncAttachStatus(resource) if values is not None:
            if values["version"] == resource.version + 1:
                identity_map.amend(context, resource, values)
            else:  # others wrote in between, and a later save must not take what they wrote for what was read here
                identity_map.reread(context, resource, keep_unsaved=True)
            return resource
        case Update(resource) | SyncAttachStatus(resource) | Delete(resource):
            identity_map.let_go(context, resource)
            return resource
