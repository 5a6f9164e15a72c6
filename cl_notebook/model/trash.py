"""The trash: rows of deleted volumes and their snapshots, kept apart from the tracked ones while their bytes stay on the storage.

A deletion moves the rows into the table, in one transaction and without the driver; :func:`restore` moves them back. Nothing else
reads them, but what asks who has a name on a storage; so lists and searches cost what they did. When they have expired,
:func:`delete_expired` moves them back with the status ``deleting``, and deletes the volume as ever: a kernel that is killed
meanwhile leaves what it leaves in any deletion.
"""

from __future__ import annotations

import datetime as dt
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.display import values
from cl_notebook.model import designation, facts, identity_map
from cl_notebook.model.identity_map import CLASSES
from cl_notebook.model.operations import changes, guards, lifecycle
from cl_notebook.model.operations import tables as op
from cl_notebook.model.operations.changes import Delete, Insert
from cl_notebook.store import changefeed
from cl_notebook.store.types import Json, UtcDateTime, database_now, reg

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cl_notebook.model.context import Context, StoredBackend
    from cl_notebook.model.operations.changes import Guard

TABLE = sa.Table(
    "trash",
    reg.metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("volume_id", sa.String(36), nullable=False),
    sa.Column("backend_id", sa.ForeignKey("backend.id"), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("name_in_storage", sa.String(255), nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("fields", Json, nullable=False),
    sa.Column("kernel_id", sa.ForeignKey("kernel.id"), nullable=False),
    sa.Column("deleted_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Index(None, "volume_id"),
    sa.Index(None, "name_in_storage", "backend_id"),
    sa.Index(None, "backend_id", "expires_at"),
)
"""A row for each volume and snapshot in the trash.

``volume_id`` is the volume that is deleted and restored as a whole: a snapshot's volume, or the volume itself. ``fields`` are the
columns of its row, times as text.
"""

UNTIL = "_in_trash_until"
"""Key in the ``__dict__`` of a volume that was deleted: the time at which it expires in the trash."""

_VOLUME, _SNAPSHOT = "volume", "snapshot"
_TIMES = ("created_at", "updated_at")

EVERY = 60.0
"""Seconds after which a session looks again whether something has expired on a backend."""


class Entry(NamedTuple):
    """A volume in the trash: its ``size`` is in GiB, ``snapshots`` is how many are there with it."""

    id: str
    name: str
    size: int
    snapshots: int
    backend: str
    backend_id: str
    deleted_at: dt.datetime
    expires_at: dt.datetime
    kernel_id: str
    user: str
    host: str

    @property
    def label(self) -> str:
        """Its kind, name and short id, for messages."""
        return designation.label(_VOLUME, self.name, self.id)


def accepts(volume: Any, *, cascade: bool) -> bool:  # noqa: ANN401 - the volume
    """Return whether there is a trash, and the statuses of *volume*, with *cascade* also of its snapshots, allow to use it."""
    if volume.context.settings.trash_seconds is None:
        return False
    return {volume.status, *(snapshot.status for snapshot in volume.snapshots if cascade)} <= lifecycle.TRASHABLE


def put(volume: Any, checks: Iterable[Guard]) -> None:  # noqa: ANN401 - the volume
    """Move *volume* and its snapshots into the trash, as long as the session's setting says, if the guards *checks* let it.

    Raises:
        Protected: it, or one of its snapshots, is protected.
        InvalidStatus: an operation runs on it, or on one of its snapshots.
        ReadOnly: the session is read-only.

    """
    context: Context = volume.context
    seconds = context.settings.trash_seconds or 0.0
    cls: Any = type(volume)
    snapshot_class: Any = CLASSES["Snapshot"]
    snapshots = list(volume.snapshots)
    expires_at: list[Any] = []
    word: list[str] = []

    def move(connection: sa.Connection) -> None:
        rows = {_VOLUME: _rows(connection, cls, cls.id == volume.id)}
        rows[_SNAPSHOT] = _rows(connection, snapshot_class, snapshot_class.volume_id == volume.id)
        if {row["id"] for row in rows[_SNAPSHOT]} != {snapshot.id for snapshot in snapshots}:
            msg = f"The snapshots of {volume.label()} were changed elsewhere. Look again, then repeat."
            raise errors.ChangedElsewhere(msg)
        now = connection.scalar(sa.select(database_now()))
        times = {"deleted_at": now, "expires_at": cast("dt.datetime", now) + dt.timedelta(seconds=seconds)}
        expires_at[:] = [times["expires_at"]]
        moved = []
        for kind, members in rows.items():
            for row in members:
                _refuse(connection, kind, row)
                moved.append(_moved(kind, row, volume.id, context.journal.kernel_id) | times)
        connection.execute(sa.insert(TABLE), moved)
        word[:] = [_designation(connection, volume)]
        _announce(connection, rows[_SNAPSHOT])

    arguments = {"trash": seconds, **({"cascade": True} if snapshots else {})}  # a repair that finishes it reads them
    removed = [Delete.of(resource) for resource in (*snapshots, volume)]
    context.journal.record_without_driver("delete", removed, volume, (*checks, move), arguments)
    context.in_trash[volume.id] = volume
    vars(volume)[UNTIL] = expires_at[0]
    vars(volume)[facts.WORD_IN_TRASH] = word[0]


def _refuse(connection: sa.Connection, kind: str, row: Mapping[str, Any]) -> None:
    label = designation.label(kind, row["name"], row["id"])
    if row["protected"]:
        raise errors.Protected(guards.protection(connection, label, kind, row["id"]))
    if row["status"] not in lifecycle.TRASHABLE:
        msg = f"{label} is {row['status']!r}, and cannot be put into the trash. delete(now=True) deletes it for good."
        raise errors.InvalidStatus(msg)


def _rows(connection: sa.Connection, cls: Any, condition: sa.ColumnElement[bool]) -> list[dict[str, Any]]:  # noqa: ANN401 - a tracked class
    statement = sa.select(cls.__table__).where(condition).with_for_update()
    return [dict(row) for row in connection.execute(statement).mappings()]


def _moved(kind: str, row: Mapping[str, Any], volume_id: str, kernel_id: str) -> dict[str, Any]:
    texts = {name: row[name].isoformat() for name in _TIMES if row[name] is not None}
    return {
        **{name: row[name] for name in ("id", "backend_id", "name", "name_in_storage")},
        "kind": kind,
        "volume_id": volume_id,
        "size": row["size"] if kind == _VOLUME else row["volume_size"],
        "fields": {**row, **texts},
        "kernel_id": kernel_id,
    }


def _announce(connection: sa.Connection, snapshots: Sequence[Mapping[str, Any]]) -> None:
    """Append the entries of the feed for *snapshots*; that of their volume is the operation's."""
    changefeed.append_many(
        connection,
        [changefeed.Entry("save", _SNAPSHOT, row["id"], row["volume_id"], row["backend_id"], row["status"]) for row in snapshots],
    )


def entries(context: Context, *conditions: sa.ColumnElement[bool]) -> list[Entry]:
    """Return the volumes in the trash that meet all *conditions* on :data:`TABLE`, the last deleted first."""
    backend: sa.Table = CLASSES["Backend"].__table__
    kernel: Any = sa.inspect(op.Kernel).local_table
    of_volume = TABLE.alias("of_volume")
    snapshots = (
        sa.select(sa.func.count()).where(of_volume.c.volume_id == TABLE.c.id, of_volume.c.kind == _SNAPSHOT).scalar_subquery()
    )
    statement = (
        sa.select(
            *(TABLE.c.id, TABLE.c.name, TABLE.c.size, snapshots.label("snapshots"), backend.c.name.label("backend")),
            *(TABLE.c.backend_id, TABLE.c.deleted_at, TABLE.c.expires_at, TABLE.c.kernel_id, kernel.c.user, kernel.c.host),
        )
        .join_from(TABLE, backend, TABLE.c.backend_id == backend.c.id)
        .join(kernel, TABLE.c.kernel_id == kernel.c.id)
        .where(TABLE.c.kind == _VOLUME, *conditions)
        .order_by(TABLE.c.deleted_at.desc(), TABLE.c.id)
    )
    with context.store.reading() as connection:
        return [Entry(*row) for row in connection.execute(statement)]


def _designation(connection: sa.Connection, volume: Any) -> str:  # noqa: ANN401 - the volume
    """Return what lines call *volume* in the trash: its name if no other there has it, else the beginning of its id."""
    having = sa.select(sa.func.count()).where(TABLE.c.name == volume.name, TABLE.c.kind == _VOLUME)
    is_unique = bool(volume.name) and connection.scalar(having) == 1
    return str(volume.name) if is_unique and not is_glob(volume.name) else values.short_id(volume.id)


def is_glob(text: str) -> bool:
    """Return whether *text* is a pattern of names: ``db-*``."""
    return any(character in text for character in "*?[")


def totals(connection: sa.Connection, backend_id: str | None = None) -> tuple[int, int]:
    """Return how many volumes are in the trash, of one backend or of all, and their size in GiB."""
    statement = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(TABLE.c.size), 0)).where(TABLE.c.kind == _VOLUME)
    if backend_id is not None:
        statement = statement.where(TABLE.c.backend_id == backend_id)
    count, size = connection.execute(statement).one()
    return int(count), int(size)


def restore(context: Context, entry: Entry) -> Any:  # noqa: ANN401 - the volume
    """Track the volume of *entry* again, with its snapshots, as it was; the storage is not asked.

    A variable that held the volume when this session deleted it holds it again.

    Raises:
        NotFound: it was taken out of the trash elsewhere.
        AlreadyExists: its id was given to another volume meanwhile.
        ReadOnly: the session is read-only.

    """
    return _take_out(context, entry, "undo")


def delete(context: Context, entry: Entry) -> None:
    """Delete the volume of *entry* and its snapshots from the storage, for good.

    Raises:
        NotFound: it was taken out of the trash elsewhere.
        DriverError: the storage refused; the volume is tracked again, as ``error_deleting``. If its backend cannot be opened, it
            stays in the trash.

    """
    backend: Any = identity_map.get(context, CLASSES["Backend"], entry.backend_id)
    backend.driver  # noqa: B018 - opened before the rows are moved
    _take_out(context, entry, "empty trash", status="deleting").delete(cascade=True, now=True)


def delete_expired(context: Context, backend: StoredBackend) -> None:
    """Delete what has expired in the trash of *backend*, whose driver is open; warn of what cannot be deleted."""
    for entry in entries(context, TABLE.c.backend_id == backend.id, TABLE.c.expires_at <= database_now()):
        try:
            _take_out(context, entry, "expire", status="deleting", is_expired=True).delete(cascade=True, now=True)
        except errors.NotFound:  # another kernel was faster
            continue
        except errors.Error as error:
            text = f"{entry.label}, which had expired in the trash, was not deleted: {errors.one_line(error)}"
            warnings.warn(text, errors.NotDeleted, stacklevel=2)


def _take_out(context: Context, entry: Entry, action: str, *, status: str | None = None, is_expired: bool = False) -> Any:  # noqa: ANN401 - the volume
    """Move the rows of *entry* back, the volume with that *status* if one is given, and return the volume."""

    def move(connection: sa.Connection) -> None:
        condition = [TABLE.c.volume_id == entry.id, *([TABLE.c.expires_at <= database_now()] if is_expired else [])]
        statement = sa.select(TABLE.c.kind, TABLE.c.fields).where(*condition).with_for_update()
        taken: dict[str, list[dict[str, Any]]] = {_VOLUME: [], _SNAPSHOT: []}  # a volume comes before its snapshots
        for kind, fields in connection.execute(statement):
            taken[kind].append(fields)
        if not taken[_VOLUME]:
            msg = f"{entry.label} is not in the trash any more: it was taken out elsewhere."
            raise errors.NotFound(msg)
        connection.execute(sa.delete(TABLE).where(TABLE.c.volume_id == entry.id))
        for kind, members in taken.items():
            table: sa.Table = changes.model_class(kind).__table__
            _refuse_taken(connection, table, entry, [fields["id"] for fields in members])
            rows = [_row(table, fields, status if kind == _VOLUME else None) for fields in members]
            if rows:
                connection.execute(sa.insert(table), rows)
        _announce(connection, taken[_SNAPSHOT])

    back = {"id": entry.id, "name": entry.name, "backend_id": entry.backend_id, "status": status or "available"}
    context.journal.record_without_driver(action, [], Insert(_VOLUME, back), (move,))
    known = context.in_trash.pop(entry.id, None)
    volume = identity_map.get(context, CLASSES["Volume"], entry.id)
    if volume is None:
        msg = f"{entry.label} is not in the store any more: it was deleted elsewhere."
        raise errors.NotFound(msg)
    if known is not None and not known.is_tracked:
        identity_map.reattach(context, known, volume)
        volume = known
    volume.after_creation(context)
    return volume


def _refuse_taken(connection: sa.Connection, table: sa.Table, entry: Entry, ids: Sequence[str]) -> None:
    for page in identity_map.pages(ids):
        taken = connection.execute(sa.select(table.c.id).where(table.c.id.in_(page))).scalars().first()
        if taken is not None:
            msg = f"The id of {entry.label}, or of a snapshot of it, was given to another meanwhile: {taken}. Delete that first."
            raise errors.AlreadyExists(msg)


def _row(table: sa.Table, fields: Mapping[str, Any], status: str | None) -> dict[str, Any]:
    row = {name: value for name, value in changes.typed_row(fields).items() if name in table.c}
    return {**row, "version": row["version"] + 1, **({} if status is None else {"status": status})}


def names_of(context: Context, kind: str, names: Iterable[str]) -> set[str]:
    """Return those of *names* on a storage that volumes or snapshots (*kind*) in the trash have."""
    present: set[str] = set()
    with context.store.reading() as connection:
        for page in identity_map.pages(list(names)):
            having = sa.select(TABLE.c.name_in_storage).where(TABLE.c.kind == kind, TABLE.c.name_in_storage.in_(page))
            present.update(connection.execute(having).scalars())
    return present
