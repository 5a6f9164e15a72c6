"""Read a database of cinderlib or Cinder, without writing to it, and convert its rows to those of the store."""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import pool

from cl_notebook import errors
from cl_notebook.model import trust, validation
from cl_notebook.store.engine import connect_once, new_engine
from cl_notebook.store.errors import is_memory, shown_url, store_errors
from cl_notebook.store.types import utcnow
from cl_notebook.store.url import parse_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_REQUIRED_COLUMNS = {
    "volumes": {"id", "host", "size", "status", "display_name"},
    "snapshots": {"id", "volume_id", "status"},
    "volume_attachment": {"id", "volume_id"},
}
"""Tables and columns that identify a database of cinderlib or Cinder."""

_KEY_VALUE = "cinderlib_persistence_key_value"
_VOLUME_DRIVER_COLUMNS = (
    *("_name_id", "provider_auth", "provider_geometry", "replication_status", "replication_extended_status"),
    *("replication_driver_data", "encryption_key_id", "shared_targets", "service_uuid"),
)
"""Columns of a volume without a column in the store; they are kept in ``driver_data``."""

_NOT_CONNECTED = frozenset({"reserved", "detached", "deleted"})
"""Statuses of attachments in Cinder that are not connections."""

_SNAPSHOT_DRIVER_COLUMNS = ("provider_auth", "encryption_key_id")

Row = dict[str, Any]


@dataclass(slots=True)
class ImportedRow:
    """One imported resource: its row in the store's columns, without ``backend_id``.

    ``fault`` is the reason why it cannot be imported, or empty. ``backend`` is the name of a volume's backend; snapshots and
    connections are on the backend of their volume.
    """

    kind: str
    id: str
    name: str
    row: Row
    backend: str = ""
    fault: str = ""


@dataclass(slots=True)
class Contents:
    """The contents of the database, without deleted rows."""

    shown: str
    """Its URL without the password."""
    volumes: list[ImportedRow] = field(default_factory=list)
    snapshots: list[ImportedRow] = field(default_factory=list)
    connections: list[ImportedRow] = field(default_factory=list)
    key_values: list[ImportedRow] = field(default_factory=list)


def read(url: str) -> Contents:
    """Read the database at *url*: a SQLAlchemy URL, or the path of a SQLite file.

    Raises:
        InvalidInput: *url* is invalid, or the database is not one of cinderlib or Cinder.
        NotFound: the SQLite file does not exist.
        StoreError: the database cannot be read.

    """
    with _opened(parse_url(url)) as (connection, shown):
        return _Tables(connection, shown).contents()


@contextmanager
def _opened(url: sa.URL) -> Iterator[tuple[sa.Connection, str]]:
    shown = shown_url(url)
    if is_memory(url):
        msg = "A database in memory is seen by its own process alone: give the URL of one in a file or on a server."
        raise errors.InvalidInput(msg)
    engine = new_engine(url, poolclass=pool.NullPool, **_read_only(url))
    try:
        with store_errors(engine.url):
            connect_once(engine)
            with engine.connect() as connection:
                yield connection, shown
    except errors.StoreError as error:
        detail = errors.one_line(getattr(error.__cause__, "orig", None) or error)
        msg = f"{shown} cannot be read as a database of cinderlib's or Cinder's: {detail}."
        raise type(error)(msg) from error.__cause__
    finally:
        engine.dispose()


def _read_only(url: sa.URL) -> dict[str, Any]:
    if url.get_backend_name() != "sqlite":
        return {}
    file = Path(str(url.database))
    if not file.is_file():  # SQLite would create it
        msg = f"There is no file {file}."
        raise errors.NotFound(msg)
    return {"creator": lambda: sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, check_same_thread=False)}


class _Tables:
    """The tables, reflected, as their columns differ between releases of Cinder."""

    def __init__(self, connection: sa.Connection, shown: str) -> None:
        self._connection = connection
        self._shown = shown
        self._metadata = sa.MetaData()
        self._names = set(sa.inspect(connection).get_table_names())
        self._refuse_others()

    def contents(self) -> Contents:
        """Read everything."""
        types = _Types(self)
        by_cinderlib = _KEY_VALUE in self._names
        connections = list(self._connections())
        attached = {imported.row["volume_id"] for imported in connections if not imported.fault}
        volumes = list(self._volumes(types, attached if by_cinderlib else None))
        return Contents(self._shown, volumes, list(self._snapshots()), connections, list(self._key_values()))

    def rows(self, name: str, *, deleted: bool = False) -> Iterator[Row]:
        """Yield the rows of the table *name*, if it exists; rows marked as deleted only if *deleted* is true."""
        if name not in self._names:
            return
        table = self._table(name)
        statement = sa.select(table)
        if "deleted" in table.c and not deleted:
            statement = statement.where(sa.or_(table.c.deleted.is_(None), table.c.deleted == sa.false()))
        statement = statement.order_by(*table.primary_key.columns)
        for row in self._connection.execute(statement).mappings():
            yield dict(row)

    def pairs(self, name: str, owner: str) -> dict[str, dict[str, str]]:
        """Return the key-value pairs of the table *name*, grouped by the id in the column *owner*."""
        pairs_by_owner: dict[str, dict[str, str]] = {}
        for row in self.rows(name):
            if row.get(owner) is not None and row["key"] is not None:
                pairs_by_owner.setdefault(row[owner], {})[str(row["key"])] = str(row["value"] if row["value"] is not None else "")
        return pairs_by_owner

    def _table(self, name: str) -> sa.Table:
        return sa.Table(name, self._metadata, autoload_with=self._connection, resolve_fks=False)

    def _refuse_others(self) -> None:
        ours = {"volume", "snapshot", "connection", "feed"} <= self._names
        hint = f" It is a store of cl_notebook: cl.setup(store={self._shown!r}) opens it." if ours else ""
        for name, columns in _REQUIRED_COLUMNS.items():
            columns_present = set(self._table(name).c.keys()) if name in self._names else set()
            if columns - columns_present:
                lacks = f"{name}.{min(columns - columns_present)}" if columns_present else name
                what = "column" if columns_present else "table"
                msg = f"{self._shown} is no database of cinderlib's or Cinder's: it has no {what} {lacks}.{hint}"
                raise errors.InvalidInput(msg)

    def _volumes(self, types: _Types, attached: set[str] | None) -> Iterator[ImportedRow]:
        metadata = self.pairs("volume_metadata", "volume_id")
        admin = self.pairs("volume_admin_metadata", "volume_id")
        glance = self.pairs("volume_glance_metadata", "volume_id")
        for row in self.rows("volumes"):
            resource_id = row["id"]
            extra_specs, qos_specs = types.specs(resource_id, row.get("volume_type_id"))
            host = row["host"] or ""
            state = row.get("attach_status") or "detached"
            if attached is not None:  # cinderlib does not update the column
                state = "attached" if resource_id in attached else "detached"
            values = {
                "id": resource_id,
                "name": row["display_name"] or "",
                "description": row.get("display_description") or "",
                "size": row["size"],
                "status": row["status"],
                "attach_status": state,
                "host": host,
                "pool_name": host.partition("#")[2] or None,
                "name_in_storage": f"volume-{row.get('_name_id') or resource_id}",
                "snapshot_id": row.get("snapshot_id"),
                "source_volid": row.get("source_volid"),
                "availability_zone": row.get("availability_zone"),
                "bootable": bool(row.get("bootable")),
                "metadata": metadata.get(resource_id, {}),
                "extra_specs": extra_specs,
                "qos_specs": qos_specs,
                "driver_data": _driver_data(
                    row, _VOLUME_DRIVER_COLUMNS, admin_metadata=admin.get(resource_id), glance_metadata=glance.get(resource_id)
                ),
                **_shared(row),
            }
            yield ImportedRow(
                "volume", resource_id, values["name"], values, host.rpartition("@")[2].partition("#")[0], _volume_fault(values)
            )

    def _snapshots(self) -> Iterator[ImportedRow]:
        metadata = self.pairs("snapshot_metadata", "snapshot_id")
        glance = self.pairs("volume_glance_metadata", "snapshot_id")
        for row in self.rows("snapshots"):
            resource_id = row["id"]
            progress = row.get("progress") or ""  # cinderlib stores the backend's name there
            values = {
                "id": resource_id,
                "name": row.get("display_name") or "",
                "description": row.get("display_description") or "",
                "status": row["status"],
                "progress": progress if progress.endswith("%") else "100%" if row["status"] == "available" else None,
                "volume_id": row["volume_id"],
                "volume_size": row.get("volume_size"),
                "name_in_storage": f"snapshot-{resource_id}",
                "metadata": metadata.get(resource_id, {}),
                "driver_data": _driver_data(row, _SNAPSHOT_DRIVER_COLUMNS, glance_metadata=glance.get(resource_id)),
                **_shared(row),
            }
            fault = "" if values["status"] and values["volume_size"] is not None else "it has no status or no size"
            yield ImportedRow("snapshot", resource_id, values["name"], values, fault=fault)

    def _connections(self) -> Iterator[ImportedRow]:
        for row in self.rows("volume_attachment"):
            try:
                values = _connection(row)
                status = values["attach_status"]
                fault = f"it is {status!r}: it lets no host in" if status in _NOT_CONNECTED else ""
            except (ValueError, TypeError, AttributeError) as error:
                values, fault = {"volume_id": row["volume_id"]}, f"what it keeps cannot be read: {errors.one_line(error)}"
            yield ImportedRow("connection", row["id"], "", values, fault=fault)

    def _key_values(self) -> Iterator[ImportedRow]:
        for row in self.rows(_KEY_VALUE):
            values = {"key": row["key"], "value": row["value"] if row["value"] is not None else ""}
            yield ImportedRow("key_value", row["key"], "", values)


class _Types:
    """Volume types: the extra specs and QoS specs of volumes."""

    def __init__(self, tables: _Tables) -> None:
        self._extra = tables.pairs("volume_type_extra_specs", "volume_type_id")
        self._qos = tables.pairs("quality_of_service_specs", "specs_id")
        self._rejoin_qos_specs(list(tables.rows("quality_of_service_specs")))
        self._qos_of = {row["id"]: row.get("qos_specs_id") for row in tables.rows("volume_types", deleted=True)}

    def _rejoin_qos_specs(self, rows: list[Row]) -> None:
        """Reassign QoS specs to their head row: cinderlib changes the id of the head row, but not the reference in the specs.

        All are written together, so the specs were created between the creation of the head row and the change of its id.
        """
        rows = [row for row in rows if row["created_at"]]
        heads = {row["id"]: row for row in rows if row["specs_id"] is None}
        for row in rows:
            group = row["specs_id"]
            if group is None or group in heads or group not in self._qos:
                continue
            candidates = [
                head
                for resource_id, head in heads.items()
                if resource_id not in self._qos
                and head["updated_at"]
                and head["created_at"] <= row["created_at"] <= head["updated_at"]
            ]
            if candidates:
                resource_id = max(candidates, key=lambda head: head["created_at"])["id"]
                self._qos[resource_id] = self._qos.pop(group)

    def specs(self, volume_id: str, type_id: str | None) -> tuple[dict[str, str], dict[str, str]]:
        """Return the extra specs and the QoS specs of a volume with the type *type_id*.

        cinderlib makes one type, with the volume's id, for each volume with specs, and loses the reference when it saves the
        volume; so look for a type with the volume's id first.
        """
        resource_id = volume_id if volume_id in self._qos_of else type_id or ""
        qos = self._qos.get(self._qos_of.get(resource_id) or resource_id, {})
        return dict(self._extra.get(resource_id, {})), {key: value for key, value in qos.items() if key != "consumer"}


def _shared(row: Mapping[str, Any]) -> Row:
    return {
        "provider_location": row.get("provider_location"),
        "provider_id": row.get("provider_id"),
        **_timestamps(row),
    }


def _timestamps(row: Mapping[str, Any]) -> Row:
    return {"created_at": row.get("created_at") or utcnow(), "updated_at": row.get("updated_at"), "version": 1}


def _driver_data(row: Mapping[str, Any], columns: tuple[str, ...], **maps: Any) -> Row | None:  # noqa: ANN401 - maps of text
    driver_data = {name: row[name] for name in columns if row.get(name) is not None}
    if "shared_targets" in driver_data:
        driver_data["shared_targets"] = bool(driver_data["shared_targets"])
    return driver_data | {name: value for name, value in maps.items() if value} or None


def _volume_fault(values: Row) -> str:
    if not values["host"]:
        return "it has no host: it never came to a backend"
    if not isinstance(values["size"], int) or not values["status"]:
        return "it has no size or no status"
    return ""


def _connection(row: Mapping[str, Any]) -> Row:
    saved = json.loads(row.get("connection_info") or "{}") or {}
    by_cinderlib = "conn" in saved or "connector" in saved
    info, device = (saved.get("conn"), saved.get("device")) if by_cinderlib else (_nested(saved), None)
    connector = (saved.get("connector") if by_cinderlib else None) or json.loads(row.get("connector") or "{}") or {}
    path = (device or {}).get("path") if by_cinderlib else row.get("mountpoint")
    attached_host = None if by_cinderlib else row.get("attached_host")
    # cinderlib's scripts write there what they like: a CSI plugin its name of the node, and where a pod has the volume
    others = {name: row[name] for name in ("attached_host", "instance_uuid", "mountpoint") if by_cinderlib and row.get(name)}
    return {
        "id": row["id"],
        "volume_id": row["volume_id"],
        "attach_status": row.get("attach_status") or "attached",
        "attach_mode": row.get("attach_mode") or "rw",
        "attached_host": attached_host or (connector.get("host") if path else None),
        "gateway": None,
        "protocol": (info or {}).get("driver_volume_type"),
        "multipath": bool(connector.get("multipath", _has_multiple_paths(info or {}))),
        "path": path,
        "connector_info": validation.json_safe(connector, "connector"),
        "conn_info": validation.json_safe(info or None, "connection_info"),
        "device": validation.json_safe(device or None, "device"),
        "extra": trust.flagged({"data": others} if others else None),
        **_timestamps(row),
    }


def _nested(flat: Row) -> Row:
    """Return the connection information as os-brick expects it; Cinder stores it flat, with the protocol beside the data."""
    if not flat or "data" in flat:
        return flat
    return {
        "driver_volume_type": flat.get("driver_volume_type"),
        "data": {name: value for name, value in flat.items() if name != "driver_volume_type"},
    }


def _has_multiple_paths(info: Row) -> bool:
    data = info.get("data") or {}
    return ("target_iqns" in data and "target_portals" in data) or isinstance(data.get("target_wwn"), list)
