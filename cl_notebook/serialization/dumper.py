"""Everything that is tracked, or what is open, as documents: as data, as text, as a file."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from cl_notebook import errors, settings
from cl_notebook.drivers.api import no_progress
from cl_notebook.model import KeyValue
from cl_notebook.serialization import documents, key_values, stored, stream
from cl_notebook.session import default_session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from cl_notebook.model import Backend
    from cl_notebook.model.context import Context
    from cl_notebook.model.serializable import Document


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
    return b"".join(stored.chunks(context, heads, no_progress, secrets=secrets)).replace(b"\n", b"").decode()


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
        return sum(map(file.write, stored.chunks(context, heads, progress, secrets=secrets)))


def whole(backend: Backend) -> Document:
    """Return the document of *backend* with all that is on it, as it is stored."""
    context = backend.context
    heads, secrets = [(backend, documents.of_backend(backend))], context.settings.include_secrets
    made = b"".join(stored.chunks(context, heads, no_progress, secrets=secrets, with_pairs=False))
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
