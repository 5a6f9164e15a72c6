"""Fills the shadow database with rows of the store, just before a statement of Cinder's reads them."""

from __future__ import annotations

import collections
import contextlib
import threading
import uuid
from typing import TYPE_CHECKING, Any

from . import log_relay, row_mapping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .channel import Channel
    from .shadow_db import ShadowDatabase

PAGE_ROWS = 1000
"""Rows that one request to the kernel fetches."""

_TYPE_TABLES = {"volume_types", "volume_type_extra_specs", "quality_of_service_specs"}
_STORE_TABLES = {
    *("volumes", "snapshots", "volume_attachment", "driver_initiator_data", "volume_metadata", "volume_admin_metadata"),
}
"""Tables whose rows come from the kernel's store."""

_QOS_NAMESPACE = uuid.UUID("0f6b1c86-3f6e-4d0b-8f3c-9c2a0a1e7b42")
_CONSUMER = "consumer"


class ShadowSync:
    """Inspects each ORM statement of Cinder's before it runs, and fetches the rows that it is about to read."""

    def __init__(self, database: ShadowDatabase, channel: Channel) -> None:
        """Fill *database* with rows that are fetched over *channel*."""
        import sqlalchemy as sa
        from sqlalchemy import orm

        self.payloads: dict[tuple[str, str], dict[str, Any]] = {}
        """(kind, id) -> the resource as the kernel sent it, and as it was written to the shadow database."""
        self._database = database
        self._channel = channel
        self._types: set[str] = set()
        self._new_types: dict[str, dict[str, list[dict[str, Any]]]] = {}
        self._fetched_in: dict[tuple[str, str], int] = {}
        """(kind, id) -> number of the call that fetched the resource last."""
        self._pinned: collections.Counter[tuple[str, str]] = collections.Counter()
        self._lock = threading.Lock()
        sa.event.listen(orm.Session, "do_orm_execute", self._before_execute)

    @contextlib.contextmanager
    def pinned(self, params: dict[str, Any]) -> Iterator[None]:
        """Write the resources of a call to the shadow database, and do not replace them there until the block ends."""
        self.put_volumes([params[name] for name in ("volume", "source") if params.get(name)])
        if params.get("snapshot"):
            self.put_snapshots([params["snapshot"]])
        keys = _resource_keys(params)
        with self._lock:
            self._pinned.update(keys)
        try:
            yield
        finally:
            with self._lock:
                self._pinned.subtract(keys)

    def pinned_by_others(self, params: dict[str, Any]) -> set[tuple[str, str]]:
        """Return (kind, id) of the resources that running calls are about, other than the call with these *params*."""
        with self._lock:
            call_keys = collections.Counter(_resource_keys(params))
            return {key for key, count in self._pinned.items() if count > call_keys[key]}

    def put_volumes(self, payloads: list[dict[str, Any]], connection: Any = None) -> None:
        """Write volumes and their types, in the transaction of *connection* or in one of their own."""
        self._ensure_types(payloads, connection)
        self._put("volume", payloads, row_mapping.volume_tables, connection)

    def put_snapshots(self, payloads: list[dict[str, Any]], connection: Any = None) -> None:
        """Write snapshots and their volumes, in the transaction of *connection* or in one of their own."""
        self.put_volumes([snapshot["volume"] for snapshot in payloads], connection)
        self._put("snapshot", payloads, row_mapping.snapshot_tables, connection)

    def _put(self, kind: str, payloads: list[dict[str, Any]], tables: Callable[[dict[str, Any]], Any], connection: Any) -> None:
        """Write resources as the kernel sent them, except those that a running call is about or that a driver changed."""
        fixed = self._fixed(kind, connection)
        present = self._database.present(f"{kind}s", [payload["id"] for payload in payloads], connection)
        new = [payload for payload in payloads if payload["id"] not in fixed & present]
        self._database.remove(f"{kind}s", [payload["id"] for payload in new], connection)
        self._database.put(row_mapping.merged([tables(payload) for payload in new]), connection)
        for payload in new:
            self.payloads[kind, payload["id"]] = payload
            self._fetched_in[kind, payload["id"]] = log_relay.current()

    def _fixed(self, kind: str, connection: Any) -> set[str]:
        """Return the ids of resources of *kind* that must stay as they are: pinned, or changed by a driver."""
        with self._lock:
            pinned = {resource_id for (pinned, resource_id), count in self._pinned.items() if pinned == kind and count}
        return pinned | set(self._database.changed(connection).get(f"{kind}s", ()))

    def _drop(self, kind: str, gone: set[str], connection: Any) -> None:
        """Remove resources that the kernel has deleted since; rows that drivers created for themselves stay."""
        gone -= self._fixed(kind, connection)
        self._database.remove(f"{kind}s", list(gone), connection)
        for resource_id in gone:
            self.payloads.pop((kind, resource_id), None)

    def clear(self) -> None:
        """Remove all rows but those of volume types."""
        self.payloads.clear()
        self._fetched_in.clear()
        self._pinned.clear()
        self._database.clear()
        self._commit_new_types()

    def ensure_type(self, volume: dict[str, Any]) -> None:
        """Write the volume type that has the specs of *volume*."""
        self._ensure_types([volume], None)

    def _ensure_types(self, payloads: list[dict[str, Any]], connection: Any) -> None:
        volumes = {row_mapping.type_id(volume): volume for volume in payloads}
        for type_id, volume in volumes.items():
            if type_id not in self._types:
                self._new_types[type_id] = type_tables(type_id, volume["extra_specs"], volume["qos_specs"])
                self._database.put(self._new_types[type_id], connection)
        if connection is None:
            self._commit_new_types()

    def _commit_new_types(self) -> None:
        # a type written in a session of Cinder's is lost if that session rolls back: write it again in a transaction of our own
        for type_id, rows in list(self._new_types.items()):
            self._database.put(rows)
            self._types.add(type_id)
            self._new_types.pop(type_id, None)

    def _before_execute(self, state: Any) -> None:
        tables, by = _filters(state.statement)
        if not tables & (_STORE_TABLES | _TYPE_TABLES):
            return
        connection = state.session.connection()
        if self._new_types:
            self._database.put(row_mapping.merged(list(self._new_types.values())), connection)
        if tables & {"volumes", "volume_metadata", "volume_admin_metadata"}:
            ids = (
                by.get(("volumes", "id"))
                or by.get(("volume_metadata", "volume_id"))
                or by.get(("volume_admin_metadata", "volume_id"))
            )
            self._fetch_volumes(ids, connection)
            self._fetch_attachments(ids, connection)
        if "snapshots" in tables:
            self._fetch_snapshots(by.get(("snapshots", "id")), by.get(("snapshots", "volume_id")), connection)
        if "volume_attachment" in tables:
            self._fetch_attachments(by.get(("volume_attachment", "volume_id")), connection)
        if "driver_initiator_data" in tables:
            self._database.put({"driver_initiator_data": self._channel.ask("initiator_data")}, connection)

    def _fetch_volumes(self, ids: list[str] | None, connection: Any) -> None:
        missing = ids
        if ids is not None:
            current = [volume_id for volume_id in ids if self._is_current("volume", volume_id)]
            # rows written in a session of Cinder's that only reads are rolled back with it
            lost = set(current) - self._database.present("volumes", current, connection)
            self.put_volumes([self.payloads["volume", volume_id] for volume_id in lost], connection)
            missing = [volume_id for volume_id in ids if volume_id not in current]
        gone = {
            volume_id for kind, volume_id in list(self.payloads) if kind == "volume" and (missing is None or volume_id in missing)
        }
        if missing is None or missing:
            for page in self._pages("volumes", ids=missing):
                self.put_volumes(page, connection)
                gone.difference_update(payload["id"] for payload in page)
        self._drop("volume", gone, connection)

    def _fetch_snapshots(self, ids: list[str] | None, volume_ids: list[str] | None, connection: Any) -> None:
        gone = {
            snapshot_id
            for (kind, snapshot_id), payload in list(self.payloads.items())
            if kind == "snapshot"
            and (ids is None or snapshot_id in ids)
            and (volume_ids is None or payload["volume"]["id"] in volume_ids)
        }
        for page in self._pages("snapshots", ids=ids, volume_ids=volume_ids):
            self.put_snapshots(page, connection)
            gone.difference_update(payload["id"] for payload in page)
        self._drop("snapshot", gone, connection)

    def _is_current(self, kind: str, resource_id: str) -> bool:
        """Return whether the running call is about the resource, or has fetched it already."""
        key, call = (kind, resource_id), log_relay.current()
        return key in self.payloads and (self._pinned[key] > 0 or (call > 0 and self._fetched_in.get(key) == call))

    def _pages(self, what: str, **params: Any) -> Iterator[list[dict[str, Any]]]:
        after = ""
        while True:
            page = self._channel.ask(what, after=after, limit=PAGE_ROWS, **params)
            if page:
                yield page
            if len(page) < PAGE_ROWS:
                return
            after = page[-1]["id"]

    def _fetch_attachments(self, volume_ids: list[str] | None, connection: Any) -> None:
        payloads = self._channel.ask("attachments", volume_ids=volume_ids)
        self._database.remove_attachments(volume_ids, connection)
        self._database.put({"volume_attachment": [row_mapping.attachment_row(payload) for payload in payloads]}, connection)


def _resource_keys(params: dict[str, Any]) -> set[tuple[str, str]]:
    """Return (kind, id) of each resource in the *params* of a call."""
    volumes = [params[name] for name in ("volume", "source") if params.get(name)]
    snapshots = [params["snapshot"]] if params.get("snapshot") else []
    volumes += [snapshot["volume"] for snapshot in snapshots]
    return {*(("volume", volume["id"]) for volume in volumes), *(("snapshot", snapshot["id"]) for snapshot in snapshots)}


def _filters(statement: Any) -> tuple[set[str], dict[tuple[str, str], list[str]]]:
    """Return the tables that *statement* reads, and the values that it filters by: (table, column) -> values.

    A statement with an OR gives no values, so that all rows of its tables are fetched.
    """
    import sqlalchemy as sa
    from sqlalchemy.sql import elements, operators, visitors

    tables: set[str] = set()
    by: dict[tuple[str, str], list[str]] = {}
    has_or = False
    for element in visitors.iterate(statement):
        if isinstance(element, sa.Table):
            tables.add(element.name)
        elif isinstance(element, elements.BooleanClauseList) and element.operator is operators.or_:
            has_or = True
        elif isinstance(element, elements.BinaryExpression) and element.operator in {operators.eq, operators.in_op}:
            column, value = element.left, getattr(element.right, "value", None)
            table = getattr(getattr(column, "table", None), "name", None)
            if table and isinstance(value, (str, list, tuple)):
                tables.add(table)
                by.setdefault((table, column.name), []).extend([value] if isinstance(value, str) else map(str, value))
    return tables, {} if has_or else by


def type_tables(type_id: str, extra_specs: dict[str, str], qos_specs: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a volume type with these specs: table -> rows."""
    qos_id = str(uuid.uuid5(_QOS_NAMESPACE, type_id)) if qos_specs else None
    name = f"type-{type_id[:8]}"
    return {
        "volume_types": [
            {"id": type_id, "name": name, "description": "", "is_public": True, "qos_specs_id": qos_id, "deleted": False}
        ],
        "volume_type_extra_specs": [
            {"volume_type_id": type_id, "key": key, "value": value, "deleted": False} for key, value in extra_specs.items()
        ],
        "quality_of_service_specs": _qos_rows(qos_id, qos_specs) if qos_id else [],
    }


def _qos_rows(qos_id: str, specs: dict[str, str]) -> list[dict[str, Any]]:
    # a tree: the first row holds the name, the others refer to it (cinder.db.models.QualityOfServiceSpecs)
    first = {"id": qos_id, "specs_id": None, "key": "QoS_Specs_Name", "value": f"qos-{qos_id[:8]}", "deleted": False}
    rest = [
        {"id": str(uuid.uuid5(_QOS_NAMESPACE, qos_id + key)), "specs_id": qos_id, "key": key, "value": value, "deleted": False}
        for key, value in {_CONSUMER: "back-end", **specs}.items()
    ]
    return [first, *rest]
