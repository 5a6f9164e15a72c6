"""Insert parsed documents into the store: all of them in one transaction, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors, masking
from cl_notebook.attach import address
from cl_notebook.model import Backend, KeyValue, bulk, identity_map, naming, trust
from cl_notebook.model.claims import Claims
from cl_notebook.model.operations import tables
from cl_notebook.serialization import key_values, schema
from cl_notebook.serialization.schema import CLASSES, ParsedResource
from cl_notebook.store import changefeed
from cl_notebook.store.types import utcnow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from cl_notebook.model.context import Context
    from cl_notebook.serialization.backends import TargetBackend
    from cl_notebook.serialization.reader import ParsedDocument
    from cl_notebook.serialization.schema import Row
    from cl_notebook.settings import Settings

    Item = tuple[TargetBackend, ParsedDocument] | KeyValue
    """What is inserted: a parsed document with its backend, or a key-value pair."""

BATCH = 500
"""Documents whose rows are looked up and inserted together."""

_ORDER = ("Volume", "Snapshot", "Connection")
"""Classes in the order of insertion: a parent comes before its children."""


class DocumentWriter:
    """Inserts the rows of one load, and counts by class what was ``created`` and what was ``existing``."""

    def __init__(self, context: Context, *, trust_documents: bool = False) -> None:
        """Write into the store of *context*; without *trust_documents* hosts and devices have to be confirmed."""
        self._context = context
        self._trust_documents = trust_documents
        self._reset()

    def _reset(self) -> None:
        self.created = dict.fromkeys(("Backend", *_ORDER, key_values.CLASS), 0)
        self.existing = dict.fromkeys((*_ORDER, key_values.CLASS), 0)
        self._claims: Claims | None = None
        self._operations: dict[str, int] = {}
        """The id of the operation in the history, by the backend's name."""

    def write(self, items: Callable[[], Iterable[Item]]) -> None:
        """Insert those of *items* that are new; leave those alone that are stored already and equal.

        *items* is called again whenever the transaction has to be repeated (a deadlock, a locked database).

        Raises:
            ReadOnly: the session is read-only.
            AlreadyExists: an id or a key is stored and differs, or the same volume or snapshot of the storage is tracked under
                another id; nothing is inserted then.
            NotFound: a snapshot's or connection's volume is neither tracked nor among *items*.

        """
        context = self._context
        context.journal.refuse_if_read_only("load")
        kernel = context.journal.kernel_id

        def work(connection: sa.Connection) -> None:
            changefeed.lock(connection)  # first: another session may be loading the same documents
            self._reset()
            self._claims = Claims(connection)
            for batch in _batches(items()):
                self._write_resources(connection, [item for item in batch if not isinstance(item, KeyValue)], kernel)
                self._write_pairs(connection, [item for item in batch if isinstance(item, KeyValue)])

        with context.lock:
            context.store.write(work)
            if any(self.created.values()):
                context.change_tracker.poll()

    def _write_resources(
        self, connection: sa.Connection, batch: Sequence[tuple[TargetBackend, ParsedDocument]], kernel: str
    ) -> None:
        for target, _ in batch:
            if target.row is not None and target.name not in self._operations:
                bulk.insert(connection, Backend, [target.row])
                self.created["Backend"] += 1
                self._record_operation(connection, target, kernel)
        by_id = {target.id: target for target, _ in batch}
        entries: list[changefeed.Entry] = []
        new_volumes: dict[str, str] = {}
        for kind in _ORDER:
            resources = [(target, item) for target, document in batch for item in document.resources if item.kind == kind]
            references = {id(document.volume) for _, document in batch if document.volume is not None}
            rows = list(self._new_rows(connection, kind, resources, references))
            self._refuse_claimed(kind, rows)
            if kind == "Volume":
                new_volumes = {row["id"]: row["backend_id"] for row in rows}
            else:
                _refuse_orphans(connection, kind, rows, new_volumes)
            bulk.insert(connection, CLASSES[kind], rows)
            self.created[kind] += len(rows)
            for target in {row["backend_id"]: by_id[row["backend_id"]] for row in rows}.values():
                if target.name not in self._operations:
                    self._record_operation(connection, target, kernel)
            entries.extend(self._entry(kind, row, by_id[row["backend_id"]]) for row in rows)
        changefeed.append_many(connection, entries)

    def _write_pairs(self, connection: sa.Connection, pairs: Sequence[KeyValue]) -> None:
        created = key_values.insert_new(connection, pairs)
        self.created[key_values.CLASS] += created
        self.existing[key_values.CLASS] += len(pairs) - created

    def _record_operation(self, connection: sa.Connection, target: TargetBackend, kernel: str) -> None:
        """Record in the history that resources were loaded onto *target*."""
        now = utcnow()
        row = {
            "action": "load",
            "status": tables.DONE,
            "resource_type": "backend",
            "resource_id": target.id,
            "resource_name": target.name,
            "backend_id": target.id,
            "arguments": {},
            "kernel_id": kernel,
            "started_at": now,
            "ended_at": now,
            "duration": 0.0,
        }
        key = connection.execute(sa.insert(tables.Operation), row).inserted_primary_key
        self._operations[target.name] = key[0] if key else 0
        changefeed.append_many(
            connection, [changefeed.Entry("outcome", "backend", target.id, operation_id=self._operations[target.name])]
        )

    def _new_rows(
        self,
        connection: sa.Connection,
        kind: str,
        resources: Sequence[tuple[TargetBackend, ParsedResource]],
        references: set[int],
    ) -> Iterator[Row]:
        """Yield the rows of *resources* that are not stored yet.

        Those whose id() is in *references* may differ from the stored row.
        """
        stored = _stored_rows(connection, kind, [resource.row["id"] for _, resource in resources])
        for target, resource in resources:
            row = complete_row(resource, target, self._context.settings, trust_documents=self._trust_documents)
            before = stored.get(row["id"])
            if before is None:
                stored[row["id"]] = row
                yield row
                continue
            if id(resource) not in references:
                _refuse_if_different(resource, row, before)
            self.existing[kind] += 1

    def _refuse_claimed(self, kind: str, rows: Sequence[Row]) -> None:
        """Refuse rows whose volume or snapshot on the storage is tracked already under another id."""
        if kind == "Connection" or self._claims is None:
            return
        refused = self._claims.others(CLASSES[kind], rows)
        if refused:
            msg = f"{next(iter(refused.values()))} Nothing was loaded."
            raise errors.AlreadyExists(msg)

    def _entry(self, kind: str, row: Row, target: TargetBackend) -> changefeed.Entry:
        status = row["attach_status"] if kind == "Connection" else row["status"]
        operation = self._operations[target.name]
        return changefeed.Entry("outcome", kind.lower(), row["id"], row.get("volume_id"), row["backend_id"], status, operation)


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def complete_row(resource: ParsedResource, target: TargetBackend, settings: Settings, *, trust_documents: bool) -> Row:
    """Return the whole row of *resource* on *target*; *settings* are the session's.

    Without *trust_documents* the row is flagged: the user has to confirm the host and the device of a connection.
    """
    row = {**resource.row, "backend_id": target.id}
    if resource.kind == "Volume" and not row["host"]:
        row["host"] = f"{settings.host}@{target.name}"
    if "name_in_storage" in row and not row["name_in_storage"]:
        name_id = (row["driver_data"] or {}).get("_name_id") or row["id"]  # as Cinder computes it
        row["name_in_storage"] = naming.by_config(settings, *target.driver, resource.kind.lower(), str(name_id))
    # A gateway that starts a program, or is not an address, is never taken from a document.
    is_plain = resource.kind != "Connection" or row["gateway"] is None or address.is_plain(row["gateway"])
    if resource.kind == "Connection" and not (trust_documents and is_plain):
        row["extra"] = trust.flagged(row["extra"])
    return row


def _stored_rows(connection: sa.Connection, kind: str, ids: Sequence[str]) -> dict[str, Row]:
    cls: Any = CLASSES[kind]
    table: sa.Table = cls.__table__
    stored: dict[str, Row] = {}
    for page in identity_map.pages(ids):
        rows = connection.execute(sa.select(table).where(table.c.id.in_(list(page)))).mappings()
        stored.update((row["id"], dict(row)) for row in rows)
    return stored


def _refuse_if_different(resource: ParsedResource, row: Row, before: Row) -> None:
    names = [name for name in schema.FIELDS[resource.kind] if name in resource.given and name != "updated_at"]
    different = [name for name in (*names, "backend_id") if not masking.same(row[name], before[name])]
    if different:
        differences = "; ".join(
            f"{name} is {schema.shorten(_masked(before, name))}, not {schema.shorten(_masked(row, name))}"
            for name in different[:3]
        )
        msg = f"The {resource.label} is tracked already and differs: {differences}. Nothing was loaded."
        raise errors.AlreadyExists(msg)


def _masked(row: Row, name: str) -> Any:  # noqa: ANN401 - a column's
    value = row[name]
    return value.isoformat() if hasattr(value, "isoformat") else masking.data(value, name)


def _refuse_orphans(connection: sa.Connection, kind: str, rows: Sequence[Row], new_volumes: dict[str, str]) -> None:
    """Refuse rows whose volume is missing or on another backend.

    *new_volumes* maps the ids of volumes that were just inserted to their backends' ids.
    """
    backend_ids = dict(new_volumes)
    table: sa.Table = CLASSES["Volume"].__table__  # type: ignore[attr-defined] # mapped
    for page in identity_map.pages(sorted({row["volume_id"] for row in rows} - new_volumes.keys())):
        stored = connection.execute(sa.select(table.c.id, table.c.backend_id).where(table.c.id.in_(list(page))))
        backend_ids.update((volume_id, backend_id) for volume_id, backend_id in stored)
    for row in rows:
        backend_id = backend_ids.get(row["volume_id"])
        if backend_id is None:
            msg = f"The {kind.lower()} {row['id'][:8]} is of the volume {row['volume_id']}, which is not tracked: load it first."
            raise errors.NotFound(msg)
        if backend_id != row["backend_id"]:
            msg = f"The {kind.lower()} {row['id'][:8]} is on another backend than its volume {row['volume_id']}."
            raise errors.InvalidInput(msg)
