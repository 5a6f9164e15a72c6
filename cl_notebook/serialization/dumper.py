"""Everything that is tracked, or what is open, as documents: as data, as text, as a file."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from cl_notebook import errors, masking, settings
from cl_notebook.drivers.api import no_progress
from cl_notebook.model import Connection, KeyValue, Snapshot, Volume
from cl_notebook.serialization import documents, key_values, schema, stream
from cl_notebook.serialization import documents as writing
from cl_notebook.serialization.schema import FIELDS
from cl_notebook.session import default_session
from cl_notebook.store import damage
from cl_notebook.store.types import Json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import IO

    from cl_notebook.drivers.api import Progress
    from cl_notebook.model import Backend
    from cl_notebook.model.base import Document
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
            if value and name in masking.FIELDS and not secrets and masking.may_hold_secrets(value):
                value = msgspec.json.encode(masking.data(msgspec.json.decode(value))).decode()
            made[name] = _EMPTY if value == "{}" else None if value is None else msgspec.Raw(value.encode())
        location = made.get("provider_location")
        if location and not secrets:
            made["provider_location"] = masking.text(location)
        extra = made.pop("extra")
        if extra is None:
            return made
        others = msgspec.json.decode(extra)
        if not secrets:
            others = masking.data(others)
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
        # not one long cursor: not every database lets others be opened beside it
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


def json() -> list[Document]:
    """Return the documents of the open backends: their volumes, and of each volume what was loaded of it; and of the pairs."""
    context = default_session()
    return [*(backend.json for backend in context.backends.values()), *map(key_values.of, KeyValue.all(session=context))]


def jsons() -> str:
    """Return :func:`json` as text."""
    return documents.text(json())


def dump(*, output_all_backend_info: bool | None = None, include_secrets: bool | None = None) -> list[Document]:
    """Return the documents of every tracked backend, open or not, with all that is on it, as it is stored; and of every pair.

    Args:
        output_all_backend_info: write the backends' whole configuration instead of their names; by default what the session
            says, which by default is no.
        include_secrets: write, in the clear, what is secret of connections and volumes (CHAP's passwords, keyrings); with the
            whole configuration also the secret options of the backends that are open. By default what the session says.

    """
    made = dumps(output_all_backend_info=output_all_backend_info, include_secrets=include_secrets)
    return msgspec.json.decode(made)  # type: ignore[no-any-return] # a list of objects


def dumps(*, output_all_backend_info: bool | None = None, include_secrets: bool | None = None) -> str:
    """Return :func:`dump` as text."""
    context = default_session()
    secrets = _secrets(context, include_secrets)
    heads = _heads(context, output_all_backend_info=output_all_backend_info, include_secrets=secrets)
    return b"".join(chunks(context, heads, no_progress, secrets=secrets)).replace(b"\n", b"").decode()


def dump_file(
    path: str | os.PathLike[str],
    *,
    session: Context | None = None,
    output_all_backend_info: bool | None = None,
    include_secrets: bool | None = None,
) -> int:
    """Write :func:`dump` to the file *path*, which only its owner may read, and return its size in bytes.

    Memory is needed for a page of it only. The file is there once it is whole; one of that name is replaced then.

    Raises:
        InvalidInput: the file cannot be written, or what is there is a link, a device or a FIFO.

    """
    context = session or default_session()
    target, secrets = settings.expanded(path), _secrets(context, include_secrets)
    heads = _heads(context, output_all_backend_info=output_all_backend_info, include_secrets=secrets)
    with context.progress(f"dump to {target.name}") as progress, _replacing(target) as file:
        return sum(map(file.write, chunks(context, heads, progress, secrets=secrets)))


def whole(backend: Backend) -> Document:
    """Return the document of *backend* with all that is on it, as it is stored."""
    context = backend.context
    heads, secrets = [(backend, documents.of_backend(backend))], context.settings.include_secrets
    made = b"".join(chunks(context, heads, no_progress, secrets=secrets, with_pairs=False))
    return msgspec.json.decode(made)[0]  # type: ignore[no-any-return] # an object


def _secrets(context: Context, wanted: bool | None) -> bool:  # noqa: FBT001 - of this module
    return context.settings.include_secrets if wanted is None else wanted


def _heads(
    context: Context, *, output_all_backend_info: bool | None, include_secrets: bool
) -> list[tuple[Backend, dict[str, Any]]]:
    wanted = output_all_backend_info
    if wanted is None:
        wanted = context.settings.output_all_backend_info
    backends = documents.tracked(context)
    if not wanted:
        return [(backend, {documents.NAME: backend.name}) for backend in backends]
    secrets = {backend.id: context.secrets(backend) if include_secrets else None for backend in backends}
    return [(backend, documents.configuration(backend, secrets[backend.id])) for backend in backends]


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[IO[bytes]]:
    """Give a file that takes the place of *target* at the end of the block, once on disk; an error leaves *target* alone.

    Raises:
        InvalidInput: *target* is there, and is no regular file or is a link, or it cannot be written.

    """
    stream.refuse_irregular(target, "written", follow=False)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # its owner's alone, whatever the umask
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        msg = f"The file {target} cannot be written: {error.strerror or error}."
        raise errors.InvalidInput(msg) from error
