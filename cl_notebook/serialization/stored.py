"""Documents straight from the rows: no objects are made, and a page of volumes is held at a time, whatever is in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from cl_notebook import masking
from cl_notebook.model import Connection, Snapshot, Volume, redaction
from cl_notebook.serialization import documents as writing
from cl_notebook.serialization import key_values, schema
from cl_notebook.serialization.schema import FIELDS
from cl_notebook.store import damage
from cl_notebook.store.types import Json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cl_notebook.drivers.api import Progress
    from cl_notebook.model import Backend
    from cl_notebook.model.context import Context

PAGE = 500
"""Volumes that are read, with what lies below them, at a time."""

_EMPTY = msgspec.Raw(b"{}")
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_CHILDREN = {"snapshots": Snapshot, "connections": Connection}


class _Select:
    """The columns of one class as they are written: JSON is not taken apart, for it is JSON that is written."""

    def __init__(self, cls: Any) -> None:  # noqa: ANN401 - a mapped class
        self.kind: str = cls.__name__
        self.table: sa.Table = cls.__table__
        self.names = FIELDS[self.kind]
        columns = [self.table.c[name] for name in (*self.names, "extra")]
        self.columns = columns
        self.json = [column.key for column in columns if isinstance(column.type, Json)]
        self._sound: set[tuple[type, ...]] = set()
        self.statement = sa.select(
            *(sa.cast(each, sa.Text).label(each.key) if each.key in self.json else each for each in columns)
        ).order_by(self.table.c.created_at, self.table.c.id)

    def data(self, row: Sequence[Any], *, secrets: bool) -> dict[str, Any]:
        """Return the data of the document of *row*; what others added to the document itself stands under an empty name."""
        types = tuple(map(type, row))
        if types not in self._sound:
            self._check(types)
        made = dict(zip((*self.names, "extra"), row, strict=False))
        for name in self.json:
            value = made[name]
            if value and value != "{}":
                _OBJECT.decode(value)  # what is written as it stands would spoil the whole document
            if value and name in redaction.FIELDS and not secrets and masking.may_hold_secrets(value):
                value = msgspec.json.encode(redaction.masked(msgspec.json.decode(value))).decode()
            made[name] = _EMPTY if value == "{}" else None if value is None else msgspec.Raw(value.encode())
        location = made.get("provider_location")
        if location and not secrets:
            made["provider_location"] = masking.text(location)
        extra = made.pop("extra")
        if extra is None:
            return made
        others = msgspec.json.decode(extra)
        if not secrets:
            others = redaction.masked(others)
        return schema.written(self.kind, made, others) | {"": others}

    def _check(self, types: tuple[type, ...]) -> None:
        """Refuse a row with values of these *types* unless they are those of its columns: SQLite keeps anything anywhere."""
        for column, kind in zip(self.columns, types, strict=True):
            is_text = column.key in self.json and kind is str
            if not is_text and (kind is dict or not damage.fits(column, kind)):
                msg = f"{column.name!r} holds a {kind.__name__}"
                raise TypeError(msg)
        self._sound.add(types)


_VOLUMES = _Select(Volume)
_BELOW = {name: _Select(cls) for name, cls in _CHILDREN.items()}


def chunks(
    context: Context,
    heads: Sequence[tuple[Backend, Mapping[str, Any]]],
    progress: Progress,
    *,
    secrets: bool,
    with_pairs: bool = True,
) -> Iterator[bytes]:
    """Yield an array with the documents of the backends in *heads*, each with what is written of it; one line a volume.

    Those of the key-value pairs follow. What is secret of volumes and connections is masked, without *secrets*. Joined, the
    chunks are JSON. *progress* is told the bytes so far, and how many it is likely to be.
    """
    with context.store.reading() as connection:
        expected = _count(connection, [backend.id for backend, _ in heads])
        done = size = 0
        yield b"[\n"
        for number, (backend, told) in enumerate(heads):
            head = writing.document("Backend", told, writing.data(backend), writing.added(backend))
            yield (b",\n" if number else b"") + msgspec.json.encode({**head, "volumes": []}).removesuffix(b"]}") + b"\n"
            separator = b""
            for page in _pages(connection, backend, secrets=secrets):
                lines = [_line(document) for document in page]
                done, size = done + len(lines), size + sum(map(len, lines))
                yield separator + b",\n".join(lines)
                separator = b",\n"
                progress(size, size * max(expected, done) // done)
            yield b"\n]}" if separator else b"]}"
        before = b",\n" if heads else b""
        for documents in key_values.stored(connection) if with_pairs else ():
            yield before + b",\n".join(map(msgspec.json.encode, documents))
            before = b",\n"
        yield b"\n]\n" if before else b"]\n"


def _count(connection: sa.Connection, backend_ids: list[str]) -> int:
    table = _VOLUMES.table
    counted = sa.select(sa.func.count()).select_from(table).where(table.c.backend_id.in_(backend_ids))
    return int(connection.execute(counted).scalar_one())


def _line(document: dict[str, Any]) -> bytes:
    line = msgspec.json.encode(document)
    return line.replace(b"\n", b" ") if b"\n" in line else line  # somebody else may have written JSON of several lines


def _pages(connection: sa.Connection, backend: Backend, *, secrets: bool) -> Iterator[list[dict[str, Any]]]:
    table, after, name = _VOLUMES.table, None, {writing.NAME: backend.name}
    own = _VOLUMES.statement.where(table.c.backend_id == backend.id).limit(PAGE)
    while True:
        # not one long cursor: not every data base lets others be opened beside it
        statement = own if after is None else own.where(sa.tuple_(table.c.created_at, table.c.id) > sa.tuple_(*after))
        rows = connection.execute(statement).all()
        if rows:
            yield _documents(connection, [_VOLUMES.data(row, secrets=secrets) for row in rows], name, secrets=secrets)
        if len(rows) < PAGE:
            return
        after = (sa.literal(rows[-1].created_at, table.c.created_at.type), sa.literal(rows[-1].id))


def _documents(
    connection: sa.Connection, volumes: list[dict[str, Any]], backend: Mapping[str, Any], *, secrets: bool
) -> list[dict[str, Any]]:
    by_id: dict[str, dict[str, Any]] = {volume["id"]: volume for volume in volumes}
    for name, select in _BELOW.items():
        for volume in volumes:
            volume[name] = []
        for row in connection.execute(select.statement.where(select.table.c.volume_id.in_(list(by_id)))):
            child = select.data(row, secrets=secrets)
            child.pop("", None)
            by_id[child["volume_id"]][name].append(child)
    return [writing.document("Volume", backend, volume, volume.pop("", None)) for volume in volumes]
