"""Changes of rows: inserted, updated, deleted; written in a transaction, then brought in line in memory."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.model import reading
from cl_notebook.store.base import utcnow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.model.context import Context
    from cl_notebook.model.tracked import Tracked


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
class Delete:
    """A row to be removed."""

    resource: Tracked


Change = Insert | Update | Delete


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
        case Update(resource, values, version):
            if checked:
                return _update(connection, resource, dict(values), resource.version if version is None else version)
            return _update_whatever_it_is(connection, resource, dict(values), is_made=resource is made)
        case Delete(resource):
            cls = type(resource)
            connection.execute(sa.delete(cls).where(cls.id == resource.id))
            return {}


def _update(connection: sa.Connection, resource: Tracked, values: dict[str, Any], version: int) -> dict[str, Any]:
    cls: Any = type(resource)
    values |= {"updated_at": utcnow(), "version": version + 1}
    statement = sa.update(cls).where(cls.id == resource.id, cls.version == version)
    if not connection.execute(statement, _parameters(cls, values)).rowcount:
        msg = f"{resource.label()} was changed elsewhere since it was read. It is refreshed now: look again, then repeat."
        raise errors.ChangedElsewhere(msg)
    return values


def _update_whatever_it_is(
    connection: sa.Connection, resource: Tracked, values: dict[str, Any], *, is_made: bool
) -> dict[str, Any] | None:
    cls: Any = type(resource)
    values["updated_at"] = utcnow()
    version = _new_version(connection, resource, _parameters(cls, values))
    if version is not None:
        return values | {"version": version}
    if not is_made:
        return None
    row = {name: resource.__dict__.get(name) for name in _columns(cls)} | values
    connection.execute(_insert(cls), _parameters(cls, row))
    return row


def _new_version(connection: sa.Connection, resource: Tracked, values: dict[str, Any]) -> int | None:
    cls: Any = type(resource)
    named = values | {"row_id": resource.id}
    if connection.dialect.update_returning:
        written: int | None = connection.execute(_update_any_returning(cls), named).scalar()
        return written
    connection.execute(_update_any(cls), named)
    return connection.execute(sa.select(cls.version).where(cls.id == resource.id)).scalar()


def bring_in_line(context: Context, change: Change, values: dict[str, Any] | None) -> Tracked:
    """Let memory say what *change* wrote, once it is committed: *values* are the row's new ones, None if the row is gone."""
    match change:
        case Insert(cls):
            made = reading.adopt(context, cls, values or {})
            made.after_creation(context)
            return made
        case Update(resource) if values is not None:
            reading.amend(context, resource, values)
            return resource
        case Update(resource) | Delete(resource):
            reading.let_go(context, resource)
            return resource
