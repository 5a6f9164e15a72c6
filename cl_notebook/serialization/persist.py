"""What was read from documents becomes rows: all of it, in one transaction, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors, masking
from cl_notebook.attach import address
from cl_notebook.model import Backend, KeyValue, bulk, identity_map, naming
from cl_notebook.model import trust as trusting
from cl_notebook.model.claims import Claims
from cl_notebook.model.operations import tables as op
from cl_notebook.serialization import key_values, schema
from cl_notebook.serialization.schema import CLASSES, Read
from cl_notebook.store import changefeed
from cl_notebook.store.types import utcnow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from cl_notebook.model.context import Context
    from cl_notebook.serialization.backends import Place
    from cl_notebook.serialization.reader import ParsedDocument
    from cl_notebook.serialization.schema import Row
    from cl_notebook.settings import Settings

    Item = tuple[Place, ParsedDocument] | KeyValue
    """What is stored: what a document stands for, with its backend, or a pair."""

BATCH = 500
"""Documents whose rows are looked up, and inserted, together."""

_ORDER = ("Volume", "Snapshot", "Connection")


class Storing:
    """One load. Counts what became rows, and what was there already."""

    def __init__(self, context: Context, *, trust: bool = False) -> None:
        """Store in the session *context*; without *trust* what a connection says of hosts and devices is to be confirmed."""
        self._context = context
        self._trust = trust
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.made = dict.fromkeys(("Backend", *_ORDER, key_values.CLASS), 0)
        self.known = dict.fromkeys((*_ORDER, key_values.CLASS), 0)
        self._claims: Claims | None = None
        self._operations: dict[str, int] = {}
        """The number in the history, by the backend's name."""

    def store(self, items: Callable[[], Iterable[Item]]) -> None:
        """Insert what is new of *items*, and leave alone what is there and the same.

        They are asked for each time that the transaction has to be repeated, because others were in the way.

        Raises:
            ReadOnly: the session may only look.
            AlreadyExists: an id or a key is tracked and differs, or what a row has on the storage is tracked under another id;
                nothing is stored then.
            NotFound: a snapshot or connection is of a volume that is neither tracked nor among them.

        """
        context = self._context
        context.journal.refuse_if_read_only("load")
        kernel = context.journal.kernel_id

        def work(connection: sa.Connection) -> None:
            changefeed.lock(connection)  # first: others may be about to load the same
            self._begin_anew()
            self._claims = Claims(connection)
            for batch in _batches(items()):
                self._store(connection, [each for each in batch if not isinstance(each, KeyValue)], kernel)
                self._store_pairs(connection, [each for each in batch if isinstance(each, KeyValue)])

        with context.lock:
            context.store.write(work)
            if any(self.made.values()):
                context.change_tracker.poll()

    def _store(self, connection: sa.Connection, batch: Sequence[tuple[Place, ParsedDocument]], kernel: str) -> None:
        for place, _ in batch:
            if place.row is not None and place.name not in self._operations:
                bulk.insert(connection, Backend, [place.row])
                self.made["Backend"] += 1
                self._begin(connection, place, kernel)
        by_id = {place.id: place for place, _ in batch}
        entries: list[changefeed.Entry] = []
        fresh: dict[str, str] = {}
        for kind in _ORDER:
            reads = [(place, read) for place, bundle in batch for read in bundle.reads if read.kind == kind]
            references = {id(bundle.volume) for _, bundle in batch if bundle.volume is not None}
            rows = list(self._new(connection, kind, reads, references))
            self._refuse_claimed(kind, rows)
            if kind == "Volume":
                fresh = {row["id"]: row["backend_id"] for row in rows}
            else:
                _refuse_orphans(connection, kind, rows, fresh)
            bulk.insert(connection, CLASSES[kind], rows)
            self.made[kind] += len(rows)
            for place in {row["backend_id"]: by_id[row["backend_id"]] for row in rows}.values():
                if place.name not in self._operations:
                    self._begin(connection, place, kernel)
            entries.extend(self._entry(kind, row, by_id[row["backend_id"]]) for row in rows)
        changefeed.append_many(connection, entries)

    def _store_pairs(self, connection: sa.Connection, found: Sequence[KeyValue]) -> None:
        made = key_values.store(connection, found)
        self.made[key_values.CLASS] += made
        self.known[key_values.CLASS] += len(found) - made

    def _begin(self, connection: sa.Connection, place: Place, kernel: str) -> None:
        """Write into the history what is loaded onto *place*: once, and only if something is."""
        now = utcnow()
        row = {
            "action": "load",
            "status": op.DONE,
            "resource_type": "backend",
            "resource_id": place.id,
            "resource_name": place.name,
            "backend_id": place.id,
            "arguments": {},
            "kernel_id": kernel,
            "started_at": now,
            "ended_at": now,
            "duration": 0.0,
        }
        key = connection.execute(sa.insert(op.Operation), row).inserted_primary_key
        self._operations[place.name] = key[0] if key else 0
        changefeed.append_many(
            connection, [changefeed.Entry("outcome", "backend", place.id, operation_id=self._operations[place.name])]
        )

    def _new(
        self, connection: sa.Connection, kind: str, reads: Sequence[tuple[Place, Read]], references: set[int]
    ) -> Iterator[Row]:
        there = _there(connection, kind, [read.row["id"] for _, read in reads])
        for place, read in reads:
            row = whole(read, place, self._context.settings, trust=self._trust)
            before = there.get(row["id"])
            if before is None:
                there[row["id"]] = row
                yield row
                continue
            if id(read) not in references:
                _refuse_if_other(read, row, before)
            self.known[kind] += 1

    def _refuse_claimed(self, kind: str, rows: Sequence[Row]) -> None:
        """Refuse rows of what another row has on the storage already: the bytes would have two owners."""
        if kind == "Connection" or self._claims is None:
            return
        refused = self._claims.others(CLASSES[kind], rows)
        if refused:
            msg = f"{next(iter(refused.values()))} Nothing was loaded."
            raise errors.AlreadyExists(msg)

    def _entry(self, kind: str, row: Row, place: Place) -> changefeed.Entry:
        status = row["attach_status"] if kind == "Connection" else row["status"]
        operation = self._operations[place.name]
        return changefeed.Entry("outcome", kind.lower(), row["id"], row.get("volume_id"), row["backend_id"], status, operation)


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    for each in items:
        batch.append(each)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def whole(read: Read, place: Place, settings: Settings, *, trust: bool) -> Row:
    """Return the whole row of *read*, on *place*; *settings* are the session's. Without *trust* it is to be confirmed."""
    row = {**read.row, "backend_id": place.id}
    if read.kind == "Volume" and not row["host"]:
        row["host"] = f"{settings.host}@{place.name}"
    if "name_in_storage" in row and not row["name_in_storage"]:
        own = (row["driver_data"] or {}).get("_name_id") or row["id"]  # as Cinder computes it
        row["name_in_storage"] = naming.by_config(settings, *place.driver, read.kind.lower(), str(own))
    # a gateway that starts a program, or is none, is never taken from a document
    if read.kind == "Connection" and not (trust and (row["gateway"] is None or address.is_plain(row["gateway"]))):
        row["extra"] = trusting.flagged(row["extra"])
    return row


def _there(connection: sa.Connection, kind: str, ids: Sequence[str]) -> dict[str, Row]:
    cls: Any = CLASSES[kind]
    table: sa.Table = cls.__table__
    found: dict[str, Row] = {}
    for page in identity_map.pages(ids):
        rows = connection.execute(sa.select(table).where(table.c.id.in_(list(page)))).mappings()
        found.update((row["id"], dict(row)) for row in rows)
    return found


def _refuse_if_other(read: Read, row: Row, before: Row) -> None:
    named = [name for name in schema.FIELDS[read.kind] if name in read.given and name != "updated_at"]
    other = [name for name in (*named, "backend_id") if not masking.same(row[name], before[name])]
    if other:
        what = "; ".join(
            f"{name} is {schema.shown(_plain(before, name))}, not {schema.shown(_plain(row, name))}" for name in other[:3]
        )
        msg = f"The {read.label} is tracked already and differs: {what}. Nothing was loaded."
        raise errors.AlreadyExists(msg)


def _plain(row: Row, name: str) -> Any:  # noqa: ANN401 - a column's
    value = row[name]
    return value.isoformat() if hasattr(value, "isoformat") else masking.data(value, name)


def _refuse_orphans(connection: sa.Connection, kind: str, rows: Sequence[Row], fresh: dict[str, str]) -> None:
    """Refuse rows of volumes that are not there, or on another backend; *fresh* has the backend of each volume just made."""
    there = dict(fresh)
    table: sa.Table = CLASSES["Volume"].__table__  # type: ignore[attr-defined] # mapped
    for page in identity_map.pages(sorted({row["volume_id"] for row in rows} - fresh.keys())):
        found = connection.execute(sa.select(table.c.id, table.c.backend_id).where(table.c.id.in_(list(page))))
        there.update((volume_id, backend_id) for volume_id, backend_id in found)
    for row in rows:
        backend_id = there.get(row["volume_id"])
        if backend_id is None:
            msg = f"The {kind.lower()} {row['id'][:8]} is of the volume {row['volume_id']}, which is not tracked: load it first."
            raise errors.NotFound(msg)
        if backend_id != row["backend_id"]:
            msg = f"The {kind.lower()} {row['id'][:8]} is on another backend than its volume {row['volume_id']}."
            raise errors.InvalidInput(msg)
