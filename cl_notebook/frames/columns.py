"""Define the columns of each kind of frame: their SQL expressions and types, and the tables they come from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook.model import Backend, Connection, Kernel, Operation, Snapshot, Volume
from cl_notebook.model.operations.tables import LOST, RUNNING
from cl_notebook.store import changefeed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

TEXT, CATEGORY, NUMBER, REAL, FLAG, MOMENT, MAP = "text", "category", "number", "real", "flag", "moment", "map"

PER_SESSION = "session"
"""Kind of a column whose values the session provides, not the store; its SQL reads the backend's name to look them up by."""

UNSEARCHED = {MAP: "holds key-value pairs", PER_SESSION: "is not in the store"}
"""Kinds of columns that cannot be filtered or sorted by, each with the reason as the end of a message."""

KEY_VALUES = frozenset({"metadata", "extra_specs", "qos_specs"})
"""Columns of kind :data:`MAP` that can be filtered by a key: all their values are text, and none is a secret."""

AGES = {"operations": "started_at", "changes": "at"}
"""By kind of frame, the column that a filter by ``age`` means; ``created_at`` for the others."""

OPEN_BACKENDS = "open_backends"
"""Name of the SQL parameter with the names of the session's open backends, which are not stored."""

KEYS = {"operations": NUMBER, "changes": NUMBER}
"""Kinds of the keys that are not text."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its SQL expression, the kind of its values, whether short lists show it, and whether it can be NULL."""

    sql: sa.ColumnElement[Any]
    kind: str
    short: bool = False
    nullable: bool = True
    unit: str = ""
    """Unit of the numbers: ``GiB``, ``s``, or none."""


@dataclass(frozen=True, slots=True)
class Source:
    """The source of one kind of frame: columns by name, joined tables, key, and default order before the key."""

    columns: Mapping[str, Column]
    tables: sa.FromClause
    key: sa.ColumnElement[Any]
    order: tuple[sa.ColumnElement[Any], ...] = field(default=())
    backend_id: sa.ColumnElement[Any] | None = None
    """The column with the backend's id, for kinds of which every row has a backend."""


def _column(attribute: Any, kind: str = TEXT, *, short: bool = False, unit: str = "") -> Column:  # noqa: ANN401 - a mapped attribute
    column = attribute.property.columns[0] if hasattr(attribute, "property") else attribute
    return Column(column, kind, short, bool(getattr(column, "nullable", True)), unit)


def _times(cls: Any) -> dict[str, Column]:  # noqa: ANN401 - a tracked class
    return {
        "created_at": _column(cls.created_at, MOMENT, short=True),
        "updated_at": _column(cls.updated_at, MOMENT),
        "version": _column(cls.version, NUMBER),
    }


def _tables(*classes: Any) -> Any:  # noqa: ANN401 - takes mapped classes, returns their tables
    tables = [cls.__table__ for cls in classes]
    return tables[0] if len(tables) == 1 else tables


_BACKEND, _VOLUME, _SNAPSHOT, _CONNECTION = _tables(Backend, Volume, Snapshot, Connection)
_OPERATION, _KERNEL = _tables(Operation, Kernel)
_ENTRY = changefeed.ENTRY
BACKEND_ID: sa.ColumnElement[Any] = _BACKEND.c.id
BACKEND_NAME: sa.ColumnElement[Any] = _BACKEND.c.name
_WITH_BACKEND = Column(BACKEND_NAME, CATEGORY, short=True, nullable=False)
_VOLUME_TOTALS = (
    sa.select(_VOLUME.c.backend_id, sa.func.count().label("volumes"), sa.func.sum(_VOLUME.c.size).label("size"))
    .group_by(_VOLUME.c.backend_id)
    .subquery("counted")
)

# Every row has its joined rows. The joins are outer ones nevertheless, as no database then starts reading at the joined table,
# which would lose the sort order.
SOURCES: Mapping[str, Source] = {
    "backends": Source(
        {
            "name": _column(Backend.name, short=True),
            "volume_driver": _column(Backend.volume_driver, CATEGORY, short=True),
            "open": Column(_BACKEND.c.name.in_(sa.bindparam(OPEN_BACKENDS, expanding=True)), FLAG, short=True, nullable=False),
            "volumes": Column(sa.func.coalesce(_VOLUME_TOTALS.c.volumes, 0), NUMBER, short=True, nullable=False),
            "size": Column(sa.func.coalesce(_VOLUME_TOTALS.c.size, 0), NUMBER, short=True, nullable=False, unit="GiB"),
            "capabilities": Column(_BACKEND.c.name, PER_SESSION),
            "config": _column(Backend.stored_config, MAP),
            **_times(Backend),
        },
        _BACKEND.outerjoin(_VOLUME_TOTALS, _VOLUME_TOTALS.c.backend_id == _BACKEND.c.id),
        _BACKEND.c.id,
        (_BACKEND.c.name,),
    ),
    "volumes": Source(
        {
            "name": _column(Volume.name, short=True),
            "status": _column(Volume.status, CATEGORY, short=True),
            "size": _column(Volume.size, NUMBER, short=True, unit="GiB"),
            "backend": _WITH_BACKEND,
            "attach_status": _column(Volume.attach_status, CATEGORY),
            "host": _column(Volume.host, CATEGORY),
            "pool_name": _column(Volume.pool_name, CATEGORY),
            "name_in_storage": _column(Volume.name_in_storage),
            "snapshot_id": _column(Volume.snapshot_id),
            "source_volid": _column(Volume.source_volid),
            "availability_zone": _column(Volume.availability_zone, CATEGORY),
            "bootable": _column(Volume.bootable, FLAG),
            "protected": _column(Volume.protected, FLAG),
            "description": _column(Volume.description),
            "metadata": _column(Volume.metadata_, MAP),
            "extra_specs": _column(Volume.extra_specs, MAP),
            "qos_specs": _column(Volume.qos_specs, MAP),
            "provider_location": _column(Volume.provider_location),
            "provider_id": _column(Volume.provider_id),
            **_times(Volume),
        },
        _VOLUME.outerjoin(_BACKEND, _VOLUME.c.backend_id == _BACKEND.c.id),
        _VOLUME.c.id,
        (_VOLUME.c.created_at,),
        _VOLUME.c.backend_id,
    ),
    "snapshots": Source(
        {
            "name": _column(Snapshot.name, short=True),
            "status": _column(Snapshot.status, CATEGORY, short=True),
            "volume_size": _column(Snapshot.volume_size, NUMBER, short=True, unit="GiB"),
            "volume": _column(Volume.name, short=True),
            "volume_id": _column(Snapshot.volume_id),
            "backend": _WITH_BACKEND,
            "progress": _column(Snapshot.progress, CATEGORY),
            "name_in_storage": _column(Snapshot.name_in_storage),
            "protected": _column(Snapshot.protected, FLAG),
            "description": _column(Snapshot.description),
            "metadata": _column(Snapshot.metadata_, MAP),
            "provider_location": _column(Snapshot.provider_location),
            "provider_id": _column(Snapshot.provider_id),
            **_times(Snapshot),
        },
        _SNAPSHOT.outerjoin(_VOLUME, _SNAPSHOT.c.volume_id == _VOLUME.c.id).outerjoin(
            _BACKEND, _SNAPSHOT.c.backend_id == _BACKEND.c.id
        ),
        _SNAPSHOT.c.id,
        (_SNAPSHOT.c.created_at,),
        _SNAPSHOT.c.backend_id,
    ),
    "connections": Source(
        {
            "status": _column(Connection.attach_status, CATEGORY, short=True),
            "host": Column(_CONNECTION.c.connector_info["host"].as_string(), CATEGORY, short=True),
            "ip": Column(_CONNECTION.c.connector_info["ip"].as_string(), TEXT),
            "path": _column(Connection.path, short=True),
            "volume": _column(Volume.name, short=True),
            "volume_id": _column(Connection.volume_id),
            "backend": _WITH_BACKEND,
            "attached_host": _column(Connection.attached_host, CATEGORY),
            "attach_mode": _column(Connection.attach_mode, CATEGORY),
            "protocol": _column(Connection.protocol, CATEGORY, short=True),
            "multipath": _column(Connection.multipath, FLAG),
            "connector_info": _column(Connection.connector_info, MAP),
            **_times(Connection),
        },
        _CONNECTION.outerjoin(_VOLUME, _CONNECTION.c.volume_id == _VOLUME.c.id).outerjoin(
            _BACKEND, _CONNECTION.c.backend_id == _BACKEND.c.id
        ),
        _CONNECTION.c.id,
        (_CONNECTION.c.created_at,),
        _CONNECTION.c.backend_id,
    ),
    "operations": Source(
        {
            "action": _column(Operation.action, CATEGORY, short=True),
            "status": _column(Operation.status, CATEGORY, short=True),
            "resource_type": _column(Operation.resource_type, CATEGORY, short=True),
            "resource_name": _column(Operation.resource_name, short=True),
            "resource_id": _column(Operation.resource_id),
            "backend": Column(_BACKEND.c.name, CATEGORY, short=True),
            "started_at": _column(Operation.started_at, MOMENT, short=True),
            "ended_at": _column(Operation.ended_at, MOMENT),
            "duration": _column(Operation.duration, REAL, short=True, unit="s"),
            "error": _column(Operation.error, short=True),
            "call": _column(Operation.call, CATEGORY),
            "arguments": _column(Operation.arguments, MAP),
            "user": _column(Kernel.user, CATEGORY),
            "host": _column(Kernel.host, CATEGORY),
            "pid": _column(Kernel.pid, NUMBER),
            "kernel_id": _column(Operation.kernel_id, CATEGORY),
            "notebook": _column(Kernel.notebook, CATEGORY),
        },
        _OPERATION.outerjoin(_KERNEL, _OPERATION.c.kernel_id == _KERNEL.c.id).outerjoin(
            _BACKEND, _OPERATION.c.backend_id == _BACKEND.c.id
        ),
        _OPERATION.c.id,
    ),
    "changes": Source(
        {
            "event": _column(_ENTRY.c.event, CATEGORY, short=True),
            "resource_type": _column(_ENTRY.c.resource_type, CATEGORY, short=True),
            "resource_id": _column(_ENTRY.c.resource_id, short=True),
            "status": _column(_ENTRY.c.status, CATEGORY, short=True),
            "at": _column(_ENTRY.c.at, MOMENT, short=True),
            "operation": _column(_ENTRY.c.operation_id, NUMBER),
            "volume_id": _column(_ENTRY.c.volume_id),
            "backend_id": _column(_ENTRY.c.backend_id),
        },
        _ENTRY,
        _ENTRY.c.number,
    ),
}
"""The source of each kind of frame, by its name. ``conn_info`` is left out, as it may hold secrets."""


def operations_of(dead: Collection[str]) -> Source:
    """Return the source of operations in which running operations of the *dead* kernels have the status ``lost``."""
    plain = SOURCES["operations"]
    if not dead:  # keeps the status a plain column, which has an index
        return plain
    is_lost = sa.and_(_OPERATION.c.status == RUNNING, _OPERATION.c.kernel_id.in_(sorted(dead)))
    status = sa.case((is_lost, LOST), else_=_OPERATION.c.status)
    return replace(plain, columns={**plain.columns, "status": replace(plain.columns["status"], sql=status)})
