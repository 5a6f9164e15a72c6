"""Write documents of all tracked or of all open backends: as data, as text, into a file."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from cl_notebook import errors, masking, regular_files, settings
from cl_notebook.drivers.api import no_progress
from cl_notebook.model import Connection, KeyValue, Snapshot, Volume
from cl_notebook.serialization import documents, key_values, schema, stream
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
"""Volumes that are read at a time, with their snapshots and connections."""

_EMPTY = msgspec.Raw(b"{}")
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_CHILDREN = {"snapshots": Snapshot, "connections": Connection}


class _Select:
    """Reads the rows of one class as the data of documents; JSON columns are copied as text, without parsing."""

    def __init__(self, cls: Any) -> None:  # noqa: ANN401 - a mapped class
        self.kind: str = cls.__name__
        self.table: sa.Table = cls.__table__
        self.names = FIELDS[self.kind]
        columns = [self.table.c[name] for name in (*self.names, "extra")]
        self.columns = columns
        self.json = [column.key for column in columns if isinstance(column.type, Json)]
        self._sound: set[tuple[type, ...]] = set()
        self.statement = sa.select(
            *(sa.cast(column, sa.Text).label(column.key) if column.key in self.json else column for column in columns)
        ).order_by(self.table.c.created_at, self.table.c.id)

    def data(self, row: Sequence[Any], *, secrets: bool) -> dict[str, Any]:
        """Return the data of the document of *row*, with the preserved ``extra`` of the document, if any, under an empty name."""
        types = tuple(map(type, row))
        if types not in self._sound:
            self._check(types)
        fields = dict(zip((*self.names, "extra"), row, strict=False))
        for name in self.json:
            value = fields[name]
            if value and value != "{}":
                _OBJECT.decode(value)  # it is copied as it is: invalid JSON would spoil the whole document
            if value and name in masking.FIELDS and not secrets and masking.may_hold_secrets(value):
                value = msgspec.json.encode(masking.data(msgspec.json.decode(value))).decode()
            fields[name] = _EMPTY if value == "{}" else None if value is None else msgspec.Raw(value.encode())
        location = fields.get("provider_location")
        if location and not secrets:
            fields["provider_location"] = masking.text(location)
        stored_extra = fields.pop("extra")
        if stored_extra is None:
            return fields
        extra = msgspec.json.decode(stored_extra)
        if not secrets:
            extra = masking.data(extra)
        return schema.with_unknown_fields(self.kind, fields, extra) | {"": extra}

    def _check(self, types: tuple[type, ...]) -> None:
        """Raise TypeError if *types* are not those of the columns: SQLite stores values of any type in any column."""
        for column, kind in zip(self.columns, types, strict=True):
            is_text = column.key in self.json and kind is str
            if not is_text and (kind is dict or not damage.fits(column, kind)):
                msg = f"{column.name!r} holds a {kind.__name__}"
                raise TypeError(msg)
        self._sound.add(types)


_VOLUMES = _Select(Volume)
_CHILD_SELECTS = {name: _Select(cls) for name, cls in _CHILDREN.items()}


def chunks(
    context: Context,
    heads: Sequence[tuple[Backend, Mapping[str, Any]]],
    progress: Progress,
    *,
    secrets: bool,
    with_pairs: bool = True,
) -> Iterator[bytes]:
    """Yield a JSON array in chunks: the documents of the backends in *heads*, one line a volume, then of key-value pairs.

    Each head is a backend with its configuration as it is written. Without *secrets* those of volumes and connections are masked.
    *progress* is called with the bytes so far and an estimate of the total.
    """
    with context.store.reading() as connection:
        expected = _count(connection, [backend.id for backend, _ in heads])
        done = size = 0
        yield b"[\n"
        for number, (backend, reference) in enumerate(heads):
            head = documents.wrap("Backend", reference, documents.data(backend), documents.unknown_fields(backend))
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
        for pairs in key_values.stored_documents(connection) if with_pairs else ():
            yield before + b",\n".join(map(msgspec.json.encode, pairs))
            before = b",\n"
        yield b"\n]\n" if before else b"]\n"


def _count(connection: sa.Connection, backend_ids: list[str]) -> int:
    table = _VOLUMES.table
    statement = sa.select(sa.func.count()).select_from(table).where(table.c.backend_id.in_(backend_ids))
    return int(connection.execute(statement).scalar_one())


def _line(document: dict[str, Any]) -> bytes:
    line = msgspec.json.encode(document)
    return line.replace(b"\n", b" ") if b"\n" in line else line  # another program may have stored JSON of several lines


def _pages(connection: sa.Connection, backend: Backend, *, secrets: bool) -> Iterator[list[dict[str, Any]]]:
    table, after, name = _VOLUMES.table, None, {documents.NAME: backend.name}
    first = _VOLUMES.statement.where(table.c.backend_id == backend.id).limit(PAGE)
    while True:
        # Pages instead of one long cursor: not every database has several open cursors a connection.
        statement = first if after is None else first.where(sa.tuple_(table.c.created_at, table.c.id) > sa.tuple_(*after))
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
    for name, select in _CHILD_SELECTS.items():
        for volume in volumes:
            volume[name] = []
        for row in connection.execute(select.statement.where(select.table.c.volume_id.in_(list(by_id)))):
            child = select.data(row, secrets=secrets)
            child.pop("", None)
            by_id[child["volume_id"]][name].append(child)
    return [documents.wrap("Volume", backend, volume, volume.pop("", None)) for volume in volumes]


def json() -> list[Document]:
    """Return the documents of the open backends with their volumes as far as they were loaded, and of the key-value pairs."""
    context = default_session()
    return [*(backend.json for backend in context.backends.values()), *map(key_values.to_document, KeyValue.all(session=context))]


def jsons() -> str:
    """Return :func:`json` as text."""
    return documents.to_text(json())


def dump(*, output_all_backend_info: bool | None = None, include_secrets: bool | None = None) -> list[Document]:
    """Return the documents of all tracked backends with their volumes, snapshots and connections, and of all key-value pairs.

    Args:
        output_all_backend_info: write the backends' whole configuration instead of their names; by default the session's setting,
            which is no unless it was set.
        include_secrets: write secrets of connections and volumes (CHAP passwords, keyrings) in the clear; with the whole
            configuration also the secret options of open backends. By default the session's setting.

    """
    text = dumps(output_all_backend_info=output_all_backend_info, include_secrets=include_secrets)
    return msgspec.json.decode(text)  # type: ignore[no-any-return] # a list of objects


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
    overwrite: bool = False,
) -> int:
    """Write :func:`dump` to the file *path*, readable by its owner alone, and return its size in bytes.

    The file appears when it is complete; with *overwrite* it replaces one of that name. Memory does not grow with its size.

    Raises:
        AlreadyExists: the file exists, and *overwrite* is false.
        InvalidInput: the file cannot be written, or a link, a device or a FIFO has that name.

    """
    context = session or default_session()
    target, secrets = settings.expanded(path), _secrets(context, include_secrets)
    heads = _heads(context, output_all_backend_info=output_all_backend_info, include_secrets=secrets)
    with context.progress(f"dump to {target.name}") as progress, _new_file(target, overwrite=overwrite) as file:
        return sum(map(file.write, chunks(context, heads, progress, secrets=secrets)))


def dump_backend(backend: Backend) -> Document:
    """Return the document of *backend* with all its stored volumes, snapshots and connections."""
    context = backend.context
    heads, secrets = [(backend, documents.backend_reference(backend))], context.settings.include_secrets
    text = b"".join(chunks(context, heads, no_progress, secrets=secrets, with_pairs=False))
    return msgspec.json.decode(text)[0]  # type: ignore[no-any-return] # an object


def _secrets(context: Context, given: bool | None) -> bool:  # noqa: FBT001 - of this module
    return context.settings.include_secrets if given is None else given


def _heads(
    context: Context, *, output_all_backend_info: bool | None, include_secrets: bool
) -> list[tuple[Backend, dict[str, Any]]]:
    is_whole = output_all_backend_info
    if is_whole is None:
        is_whole = context.settings.output_all_backend_info
    backends = documents.tracked_backends(context)
    if not is_whole:
        return [(backend, {documents.NAME: backend.name}) for backend in backends]
    secrets = {backend.id: context.secrets(backend) if include_secrets else None for backend in backends}
    return [(backend, documents.configuration(backend, secrets[backend.id])) for backend in backends]


@contextlib.contextmanager
def _new_file(target: Path, *, overwrite: bool) -> Iterator[IO[bytes]]:
    """Yield a temporary file that becomes *target* at the end of the block; an error leaves *target* unchanged.

    Raises:
        AlreadyExists: *target* exists, and *overwrite* is false.
        InvalidInput: *target* cannot be written, or something other than a regular file has that name.

    """
    stream.refuse_irregular(target, "written", follow=False)
    if not overwrite and os.path.lexists(target):  # before anything is read for it
        raise errors.AlreadyExists(_exists(target))
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # mode 0600, whatever the umask
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if overwrite:
                Path(name).replace(target)
            else:
                regular_files.put_in_place(Path(name), target)
        finally:
            Path(name).unlink(missing_ok=True)
    except FileExistsError as error:
        raise errors.AlreadyExists(_exists(target)) from error
    except OSError as error:
        msg = f"The file {target} cannot be written: {error.strerror or error}."
        raise errors.InvalidInput(msg) from error


def _exists(target: Path) -> str:
    return f"{target} exists, and is not overwritten. Choose another name, or overwrite it: dump_file(…, overwrite=True)."
