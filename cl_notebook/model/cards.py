"""What a front end shows of a session and of tracked objects: a card each, from the row and from :mod:`cl_notebook.model.facts`.

A card costs a fixed number of queries. It loads no list, opens no backend, and does not wait for a storage.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors, masking
from cl_notebook.display import cards, report, text, values
from cl_notebook.display.cards import Card, Cell, Note, Section
from cl_notebook.drivers.api import GiB
from cl_notebook.model import designation, facts, identity_map
from cl_notebook.model.identity_map import CLASSES
from cl_notebook.model.operations import lifecycle
from cl_notebook.model.operations.tables import RUNNING
from cl_notebook.text import quote_word, sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from cl_notebook.model.facts import Event, Listing, Pool

Resource = Any
"""A tracked object, or a session: their modules import this one."""

Fact = tuple[str, Cell]

_LISTED = 10
"""Largest number of rows of a list in a card."""

_NAMED = 3
"""Largest number of resources, or operations, that one line of text names."""

_OPERATIONS = 5
"""Largest number of operations in a card."""

_BACKENDS, _BACKEND_LINES = 20, 8
"""Largest number of backends in the card of a session, as HTML and as text."""

_POOLS = 4
"""Largest number of pools that are shown without unfolding."""

_NAME_COLUMNS = 48
"""Columns of a name in a headline; the whole name is below it."""

_SHOWN_ALREADY = {"id", "name", "size", "volume_size", "status"}


def bundle(
    resource: Resource, include: Container[str] | None = None, exclude: Container[str] | None = None, *, magic: bool = False
) -> dict[str, str]:
    """Return the MIME bundle of the card of *resource*; of its one-line repr alone if the card cannot be made.

    Hints are in Python, or lines of magic if *magic* is true.
    """
    try:
        return of(resource).with_hints(magic=magic).bundle(include, exclude)
    except Exception:  # noqa: BLE001 - an error of the store must not hide the object
        return {"text/plain": repr(resource)}


def of(resource: Resource) -> Card:
    """Return the card of a session, backend, volume, snapshot or connection.

    Raises:
        StoreError: the store cannot be read.

    """
    kind = getattr(resource, "kind", "session")
    if kind == "session":
        return _session(resource)
    if not resource.is_tracked:
        return _untracked(resource)
    return _CARDS[kind](resource)


def _untracked(resource: Resource) -> Card:
    if resource.is_loaded_only:
        note = Note("It was loaded from a document, and is not tracked yet: save() tracks it.", is_fault=False)
    elif getattr(resource, "in_trash_until", None) is not None:
        word = quote_word(vars(resource)[facts.WORD_IN_TRASH])
        until = values.local_time(resource.in_trash_until)
        note = Note(f"It is in the trash until {until}:", f"%cl_undo {word}", is_fault=False)
    elif getattr(resource, "status", "") == lifecycle.DELETED:
        note = Note("It is not tracked any more: it was deleted or released.", is_fault=False)
    else:
        note = Note("It is not tracked any more: it was deleted or forgotten, or its session was closed.", is_fault=False)
    return Card(_title(resource), _headline(resource), [("id", cards.code(resource.id))], [note])


def _session(session: Resource) -> Card:
    title, settings = cards.plain("session"), session.settings
    headline = [cards.code(repr(session.store).removeprefix("<Store ").removesuffix(">"))]
    headline += [cards.plain("read-only")] if settings.read_only else []
    if session.is_closed:
        return Card(title, [*headline, cards.status("closed")], notes=[Note("It is closed: cl.setup() opens another.")])
    backend, volume = CLASSES["Backend"], CLASSES["Volume"]
    with session.store.reading() as reading:
        listed = reading.execute(
            sa.select(backend.id, backend.name, backend.volume_driver).order_by(backend.name).limit(_BACKENDS + 1)
        ).all()
        total = len(listed) if len(listed) <= _BACKENDS else reading.execute(sa.select(sa.func.count(backend.id))).scalar_one()
        shown = listed[:_BACKENDS]
        counted = facts.volumes_by_status(reading, volume.backend_id.in_([row.id for row in shown]))
        running, failed = facts.running(reading, None, _OPERATIONS), facts.failures(reading, None, _OPERATIONS)
    rows, lines = [], []
    for row in shown:
        by_status = counted.get(row.id, [])
        state = cards.status("open" if row.name in session.backends else "closed")
        rows.append((cards.plain(row.name), cards.plain(row.volume_driver), state, _volumes(by_status)))
        number, size = _total(by_status)
        lines.append(
            f"{row.name} ({row.volume_driver}, {state.text}): {_counted(number, 'volume')}{f', {size}' if number else ''}"
        )
    notes = [Note(f"It can be written by others: {session.store.foreign}.")] if session.store.foreign else []
    notes += _failed_notes(chain.from_iterable(counted.values()), "cl.inventory.scan()")
    pending = len(session.journal.outbox.operations)
    if pending:
        notes.append(Note(f"The outcomes of {pending} operations wait until the store can take them."))
    facts_shown = [("host", cards.plain(settings.host))]
    facts_shown += [("root helper", cards.code(settings.root_helper))] if settings.root_helper else []
    backends = Section(
        "backends",
        _counted(total, "backend"),
        [*lines[:_BACKEND_LINES], *_more_lines(total - _BACKEND_LINES)] or ["none yet: cl.Backend(…) adds one"],
        ("Name", "Driver", "State", "Volumes"),
        rows,
        remark="".join(_more_lines(total - len(rows))),
        is_open=True,
    )
    return Card(title, headline, facts_shown, notes, [backends, *_of_several(running, failed)])


def _backend(backend: Resource) -> Card:
    with backend.context.store.reading() as reading:
        snapshot, connection = CLASSES["Snapshot"], CLASSES["Connection"]
        version, snapshots, connections = reading.execute(
            sa.select(
                facts.value(type(backend).version, backend.id),
                facts.count(snapshot.backend_id, backend.id),
                facts.count(connection.backend_id, backend.id),
            )
        ).one()
        by_status = facts.volumes_by_status(reading, CLASSES["Volume"].backend_id == backend.id).get(backend.id, [])
        running, failed = facts.running(reading, backend.id, _OPERATIONS), facts.failures(reading, backend.id, _OPERATIONS)
    notes = [*_row_notes(backend, version), *_backend_notes(backend)]
    notes += _failed_notes(by_status, f"cl.inventory.scan({backend.name!r})")
    pools = facts.pools(backend) or []
    shown: list[Fact] = [
        ("id", cards.code(backend.id)),
        ("volumes", _volumes(by_status)),
        ("snapshots", cards.plain(f"{snapshots:,}" if snapshots else "none")),
        ("connections", cards.plain(f"{connections:,}" if connections else "none")),
        *((_pool_label(backend, pool), _capacity(pool)) for pool in pools[:_POOLS]),
    ]
    sections = []
    if pools[_POOLS:]:
        rows = [(cards.plain(pool.name), _capacity(pool)) for pool in pools[_POOLS:]]
        sections.append(Section("more pools", _counted(len(rows), "more pool"), [f"{len(rows)}"], ("Pool", "Capacity"), rows))
    able = facts.known_capabilities(backend)
    for label, is_able in (("can", True), ("cannot", False)):
        names = ", ".join(name for name, can in able.items() if can == is_able)
        shown += [(label, cards.plain(names))] if names else []
    options = [
        (name, cards.code(values.shown(value))) for name, value in facts.options(backend).items() if not values.is_empty(value)
    ]
    return Card(
        _title(backend),
        [cards.plain(backend.volume_driver), cards.status("open" if backend.is_open else "closed")],
        shown,
        notes,
        [*sections, *_of_several(running, failed)],
        [*options, ("created_at", cards.moment(backend.created_at))],
    )


def _failed_notes(by_status: Iterable[tuple[str, int, int]], line: str) -> Iterable[Note]:
    """Return how many volumes have a status that says that an operation failed, and *line*, the call that helps."""
    failed: Counter[str] = Counter()
    for status, number, _ in by_status:
        if values.meaning(status) == "fault":
            failed[status] += number
    if failed:
        listed = ", ".join(f"{number:,} {status}" for status, number in sorted(failed.items()))
        yield Note(f"Volumes with a failed operation: {listed}.", line)


def _backend_notes(backend: Resource) -> Iterable[Note]:
    if not backend.volume_driver:
        yield Note("Only its name is known: no driver is stored.", f"cl.Backend({backend.name!r}, volume_driver=…)")
    elif not backend.is_confirmed:
        yield Note("Its configuration, which others wrote, is not confirmed.", f"cl.Backend({backend.name!r}, trust=True)")
    elif not backend.is_open:
        yield Note("It is closed.", f"cl.Backend({backend.name!r})", is_fault=False)


def _row(reading: sa.Connection, resource: Resource, **related: sa.ScalarSelect[Any]) -> Any:  # noqa: ANN401 - a row
    """Return the ``version`` of the row of *resource* now, the name of its ``backend``, and *related*, in one query."""
    columns = {
        "version": facts.value(type(resource).version, resource.id),
        "backend": facts.value(CLASSES["Backend"].name, resource.backend_id),
        **related,
    }
    return reading.execute(sa.select(*(column.label(name) for name, column in columns.items()))).one()


def _volume(volume: Resource) -> Card:
    cls, snapshot = type(volume), CLASSES["Snapshot"]
    with volume.context.store.reading() as reading:
        row = _row(
            reading,
            volume,
            snapshot=facts.value(snapshot.name, volume.snapshot_id),
            snapshot_of=facts.value(cls.name, facts.value(snapshot.volume_id, volume.snapshot_id)),
            source=facts.value(cls.name, volume.source_volid),
            clones=facts.count(cls.source_volid, volume.id),
        )
        snapshots = facts.snapshots(reading, volume.id, _LISTED)
        connections = facts.connections(reading, volume.id, _LISTED)
        events = facts.history(reading, volume.id, _OPERATIONS)
    shown: list[Fact] = [("id", cards.code(volume.id)), ("backend", _backend_of(volume, row.backend))]
    if volume.snapshot_id is not None:
        origin = [_named("snapshot", row.snapshot, volume.snapshot_id)]
        origin += [cards.plain(f"of volume {row.snapshot_of!r}")] if row.snapshot_of else []
        shown.append(("created from", cards.joined(origin)))
    elif volume.source_volid is not None:
        shown.append(("created from", _named("volume", row.source, volume.source_volid)))
    here = volume.context.settings.host
    shown += [("attached at", cards.code(conn.path)) for conn in connections.rows if conn.path and conn.name == here][:1]
    shown += [("description", cards.plain(volume.description))] if volume.description else []
    shown.append(("created", cards.moment(volume.created_at)))
    shown += [("clones", cards.plain(f"{row.clones:,}"))] if row.clones else []
    notes = [*_row_notes(volume, row.version), *_status_notes(volume, events)]
    if volume.encrypted:
        notes.append(Note("Cinder encrypted it: its device holds ciphertext, for cryptsetup alone.", is_fault=False))
    sections = [
        _listed("snapshot", snapshots, ("Size", "Created"), lambda row: (_size(row.size), cards.ago(row.created_at))),
        _listed("connection", connections, ("Path",), lambda row: (cards.code(row.path or ""),)),
    ]
    return Card(
        _title(volume),
        _headline(volume),
        shown,
        notes,
        [*sections, *_operations("last operations", events)],
        _fields(volume, {"description"}),
    )


def _snapshot(snapshot: Resource) -> Card:
    volume = CLASSES["Volume"]
    columns = {"id": volume.id, "name": volume.name, "status": volume.status, "size": volume.size}
    with snapshot.context.store.reading() as reading:
        row = _row(reading, snapshot, volume=facts.value(volume.name, snapshot.volume_id))
        copies = facts.listing(reading, columns, volume.snapshot_id, snapshot.id, _LISTED)
        events = facts.history(reading, snapshot.id, _OPERATIONS)
    shown: list[Fact] = [
        ("id", cards.code(snapshot.id)),
        ("of", _named("volume", row.volume, snapshot.volume_id)),
        ("backend", _backend_of(snapshot, row.backend)),
        ("created", cards.moment(snapshot.created_at)),
    ]
    copied = _listed("volume", copies, ("Size",), lambda row: (_size(row.size),), "created from it")
    return Card(
        _title(snapshot),
        _headline(snapshot),
        shown,
        [*_row_notes(snapshot, row.version), *_status_notes(snapshot, events)],
        [copied, *_operations("last operations", events)],
        _fields(snapshot),
    )


def _connection(connection: Resource) -> Card:
    with connection.context.store.reading() as reading:
        row = _row(reading, connection, volume=facts.value(CLASSES["Volume"].name, connection.volume_id))
        events = facts.history(reading, connection.id, _OPERATIONS)
    notes = [*_row_notes(connection, row.version), *_status_notes(connection, events)]
    if not connection.is_confirmed and connection.path:
        notes.append(Note("It was loaded, and the storage was not asked yet whether the device is its own: attach() asks."))
    elif connection.connected and not connection.attached:
        is_here = connection.name_of_host == connection.context.settings.host
        hint = ": attach() attaches it." if is_here or connection.gateway else "."
        notes.append(Note(f"The host has access, and the volume is not attached there{hint}", is_fault=False))
    connector, info = masking.data(connection.connector_info or {}), masking.data((connection.conn_info or {}).get("data") or {})
    shown: list[Fact] = [
        ("id", cards.code(connection.id)),
        ("volume", _named("volume", row.volume, connection.volume_id)),
        ("backend", cards.plain(row.backend or "")),
        ("host", cards.plain(_host(connection, connector))),
    ]
    shown += [("path", cards.code(connection.path))] if connection.path else []
    shown += _device_facts(connection, info)
    shown.append(("created", cards.moment(connection.created_at)))
    headline = [cards.plain(connection.protocol or ""), *_headline(connection)]
    return Card(
        _title(connection),
        [cell for cell in headline if cell.text],
        shown,
        notes,
        [
            _table("connector properties", connector),
            _table("connection info", info),
            *_operations("last operations", events),
        ],
        _fields(connection, {"path", "connector_info", "conn_info", "attach_status"}),
    )


def _host(connection: Resource, connector: Mapping[str, Any]) -> str:
    address = connection.gateway or connector.get("ip")
    through = "through" if connection.gateway else "at"
    return f"{connection.name_of_host or '?'}" + (f" {through} {address}" if address else "")


_PORTALS = ("target_portals", "target_portal", "hosts", "portals", "target_wwn", "export", "name")
"""Keys of the storage's reply that tell where it is, in the spellings of os-brick's connectors."""

_TARGETS = ("target_iqns", "target_iqn", "target_nqn", "nqn")


def _device_facts(connection: Resource, info: Mapping[str, Any]) -> Iterable[Fact]:
    device = masking.data(connection.device or {})
    identity = [
        f"{word} {device[name]}" for name, word in (("scsi_wwn", "WWN"), ("multipath_id", "multipath")) if device.get(name)
    ]
    identity += [values.size(device["size"] / GiB)] if isinstance(device.get("size"), int) else []
    if identity:
        yield "device", cards.plain(", ".join(identity))
    portals = next((info[name] for name in _PORTALS if info.get(name)), None)
    targets = next((info[name] for name in _TARGETS if info.get(name)), None)
    if portals:
        paths = portals if isinstance(portals, list) else [portals]
        ports = ", ".join(values.shown(path) for path in paths)
        kind = "multipath" if connection.multipath else "one path"
        yield "storage at", cards.plain(f"{ports} ({kind})")
    if targets:
        yield "target", cards.plain(", ".join(dict.fromkeys(targets if isinstance(targets, list) else [targets])))
    if device.get("multipath_id") is None and connection.multipath:
        yield "multipath", cards.plain("asked for")


def _table(title: str, data: Mapping[str, Any]) -> Section:
    rows = [(cards.plain(name), cards.code(values.shown(value))) for name, value in data.items()]
    return Section(title, title, [], ("Field", "Value"), rows, ("", "clc-text"))


_CARDS: Mapping[str, Callable[[Resource], Card]] = {
    "backend": _backend,
    "volume": _volume,
    "snapshot": _snapshot,
    "connection": _connection,
}


def _title(resource: Resource) -> Cell:
    return cards.plain(_label(resource.kind, getattr(resource, "name", ""), resource.id))


def _label(kind: str, name: str | None, resource_id: str) -> str:
    return f"{kind} {text.cut(name, _NAME_COLUMNS)!r}" if name else f"{kind} {values.short_id(resource_id)}"


def _headline(resource: Resource) -> list[Cell]:
    size = getattr(resource, "size", None)
    status = getattr(resource, "status", None)
    return [
        *([cards.status(status)] if status is not None else []),
        *([_size(size)] if size is not None else []),
    ]


def _size(gib: float) -> Cell:
    return cards.plain(values.size(gib))


def _named(kind: str, name: str | None, resource_id: str) -> Cell:
    """Return a resource in a fact by kind, name and short id; a *name* of None is one whose row is gone."""
    words = [cards.plain(kind)]
    words += [cards.plain(repr(text.cut(name, _NAME_COLUMNS)))] if name else []
    words.append(cards.short_id(resource_id))
    words += [cards.plain("(not tracked any more)")] if name is None else []
    return cards.joined(words)


def _backend_of(resource: Resource, name: str | None) -> Cell:
    pool = getattr(resource, "pool_name", None)
    return cards.plain(f"{name or '?'}" + (f", pool {pool}" if pool else ""))


def _volumes(by_status: Sequence[tuple[str, int, int]]) -> Cell:
    """Return number and size of volumes, and how many have which status."""
    if not by_status:
        return cards.plain("none")
    total, size = _total(by_status)
    marked = [(f"{number:,} {status}", values.mark(status)) for status, number, _ in sorted(by_status)]
    counts = cards.joined([cards.status(label, mark) for label, mark in marked], ", ")
    return cards.joined([cards.plain(f"{total:,} ({size}):"), counts])


def _total(by_status: Sequence[tuple[str, int, int]]) -> tuple[int, str]:
    return sum(number for _, number, _ in by_status), values.size(sum(gib for _, _, gib in by_status))


def _pool_label(backend: Resource, pool: Pool) -> str:
    return "capacity" if pool.name == backend.name else f"pool {text.cut(sanitize(pool.name), 20)}"


def _capacity(pool: Pool) -> Cell:
    total = values.size(pool.total) if isinstance(pool.total, float) else str(pool.total or "unknown")
    free = values.size(pool.free) if isinstance(pool.free, float) else str(pool.free or "unknown")
    provisioned = f", {values.size(pool.provisioned)} provisioned" if isinstance(pool.provisioned, float) else ""
    label = f"{total}{provisioned}" if total == free == pool.total else f"{free} of {total} free{provisioned}"
    share = pool.used_share
    return cards.plain(label) if share is None else cards.bar(share, f"{share:.0%} used: {label}")


def _listed(
    noun: str, listing: Listing, names: Sequence[str], cells: Callable[[Any], Sequence[Cell]], label: str = ""
) -> Section:
    rows = [(cards.plain(row.name or ""), cards.short_id(row.id), cards.status(row.status), *cells(row)) for row in listing.rows]
    first = [f"{row.name or values.short_id(row.id)} {values.status(row.status)}" for row in listing.rows[:_NAMED]]
    named = ", ".join([*first, *(["…"] if listing.total > _NAMED else [])])
    return Section(
        label or f"{noun}s",
        f"{_counted(listing.total, noun)} {label}".strip(),
        [f"{listing.total:,}: {named}" if named else "none"],
        ("Name", "Id", "Status", *names),
        rows,
        summary=named,
        remark="".join(_more_lines(listing.total - len(rows))),
    )


def _counted(number: int, noun: str) -> str:
    return report.number(number, noun) if number else f"no {noun}s"


def _more_lines(number: int) -> list[str]:
    return [f"{number:,} more"] if number > 0 else []


def _of_several(running: Sequence[Event], failed: Sequence[Event]) -> Iterable[Section]:
    for title, events in (("running now", running), ("failed last", failed)):
        yield from _operations(title, events, names_resource=True)


def _operations(title: str, events: Sequence[Event], *, names_resource: bool = False) -> Iterable[Section]:
    if not events:
        return
    lines = [
        f"{event.action} {f'{_of(event)} ' if names_resource else ''}{values.status(event.status)} {values.ago(event.started_at)}"
        for event in events[:_NAMED]
    ]
    rows = [
        (
            cards.ago(event.started_at),
            cards.plain(event.action),
            *((cards.joined([cards.plain(_of(event)), cards.short_id(event.id)]),) if names_resource else ()),
            cards.status(event.status),
            cards.plain("" if event.duration is None else values.duration(event.duration)),
            cards.plain(event.who),
            cards.plain(event.error or ""),
        )
        for event in events
    ]
    names = ["When", "Operation", *(["Resource"] if names_resource else []), "Status", "Took", "By"]
    names += ["Error"] if any(event.error for event in events) else []
    classes = ["clc-text" if name == "Error" else "" for name in names]
    rows = [row[: len(names)] for row in rows]
    yield Section(title, title, lines if names_resource else [", ".join(lines)], names, rows, classes, lines[0])


def _of(event: Event) -> str:
    return _label(event.kind, event.name, event.id)


def _row_notes(resource: Resource, version: int | None) -> Iterable[Note]:
    if version is None:
        yield Note("Its row is gone from the store: it was deleted elsewhere. refresh() shows that.")
    elif version != identity_map.base_values(resource).get("version"):
        yield Note("It was changed elsewhere since it was read: refresh() reads it again.", is_fault=False)
    if getattr(resource, "protected", False):
        line = designation.unprotecting(resource.kind, _word(resource))
        yield Note("It is protected from deletion. To allow it:", line, is_fault=False)
    edited = [name.rstrip("_") for name in identity_map.values(resource)]
    if edited:
        yield Note(f"Set and not saved: {', '.join(edited)}. save() writes it, refresh() discards it.", is_fault=False)


def _status_notes(resource: Resource, events: Sequence[Event]) -> Iterable[Note]:
    """Return what is wrong with the status of a volume, snapshot or connection, by its last operations."""
    status, kind = resource.status, resource.kind
    running = next((event for event in events if event.status == RUNNING), None)
    if running is not None:
        yield Note(f"{running.action!r} is running, begun {values.ago(running.started_at)} by {running.who}.", is_fault=False)
        return
    reason = lifecycle.stuck_reason(kind, status)
    if not reason:
        return
    sentence = f"It is {status}, {reason}."
    failed = next((event for event in events if values.meaning(event.status) == "fault"), None)
    if failed is not None and not lifecycle.is_foreign(kind, status):
        error = f": {' '.join(errors.bounded(failed.error).split())}" if failed.error else "."
        sentence = f"It is {status}: {failed.action!r} {failed.status} {values.ago(failed.started_at)}{error}"
    yield Note(sentence, f"%cl_scan repair {_word(resource)}")


def _word(resource: Resource) -> str:
    with resource.context.store.reading() as reading:
        return designation.word(reading, resource.id)


def _fields(resource: Resource, left_out: Container[str] = ()) -> list[Fact]:
    return [
        (name, cards.code(values.shown(value)))
        for name, value in facts.columns(resource)
        if name not in _SHOWN_ALREADY and name not in left_out and not values.is_empty(value)
    ]
