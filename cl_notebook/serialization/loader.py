"""Load documents: as detached objects, or straight into the store."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cl_notebook import errors, settings
from cl_notebook.drivers.api import no_progress
from cl_notebook.model import KeyValue, identity_map
from cl_notebook.model.trust import is_flagged
from cl_notebook.serialization import detached, key_values, stream
from cl_notebook.serialization.backends import BackendResolver
from cl_notebook.serialization.documents import NAME
from cl_notebook.serialization.persist import DocumentWriter
from cl_notebook.serialization.reader import ParsedDocument, parse_document, parse_volume_of
from cl_notebook.serialization.schema import CLASSES
from cl_notebook.session import default_session
from cl_notebook.text import enumerated

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from cl_notebook.drivers.api import Progress
    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context
    from cl_notebook.serialization.backends import TargetBackend
    from cl_notebook.serialization.persist import Item


@dataclass(frozen=True, slots=True)
class Counts:
    """The number of rows of each class that a file created, and that were stored before."""

    created: dict[str, int]
    existing: dict[str, int]
    to_confirm: tuple[str, ...] = ()
    """The names of backends that only the file describes; they are not opened before the user confirms them."""

    def __str__(self) -> str:
        """Return the counts as one phrase, e.g. ``2 volumes loaded, 1 tracked already``."""
        created = ", ".join(_counted(kind, count) for kind, count in self.created.items() if count) or "nothing"
        existing = sum(self.existing.values())
        text = f"{created} loaded" + (f", {existing:,} tracked already" if existing else "")
        if self.to_confirm:
            names = enumerated(self.to_confirm, errors.SHOWN)
            text += f"; to be confirmed before they are opened: {names} (%cl_backend open NAME --trust)"
        return text


def _counted(kind: str, count: int) -> str:
    label = key_values.LABEL if kind == key_values.CLASS else kind.lower()
    return f"{count:,} {label}{'s' if count > 1 else ''}"


def load(
    json_src: Any,  # noqa: ANN401 - text or data
    save: bool = False,  # noqa: FBT001, FBT002 - cinderlib's signature
    *,
    fail_on_missing_backend: bool | None = None,
    trust: bool = False,
) -> Any:  # noqa: ANN401 - an object, or several
    """Return the object of a document, or a list of objects for a list of documents.

    Without *save* the objects are detached: they have their fields and the lists of the document, and no operations until
    ``save()`` tracks them. With *save* all are tracked at once, or none. Resources that are tracked already and equal are left
    alone.

    A document is data. Without *trust* nothing that it names is opened, reached or run: a backend that only the document
    describes is tracked, and confirmed by ``cl.Backend(name, …)``; another host has to be typed again; and the device of a
    connection is looked up before it is used.

    Args:
        json_src: text or data, of this library or of cinderlib 5.2.0.
        save: track the resources.
        fail_on_missing_backend: refuse resources of a backend that is neither tracked nor described in the document; otherwise
            the backend is tracked by its name alone, to be opened later. By default the session's setting, which is yes unless
            it was set.
        trust: accept the backends, hosts and devices of the document as if you had typed them: for your own documents. Backends
            that it describes are opened if *save* is given, with their secrets from the environment or the keyring. Programs
            that it names are not run even then.

    Raises:
        InvalidInput: it is no document, its version is another one, or a field is wrong.
        NotFound: a backend is missing, or its driver is neither installed nor one of Cinder's.
        AlreadyExists: an id is tracked and differs, or a backend has another configuration.
        ReadOnly: the session is read-only.

    """
    return load_as(default_session(), json_src, None, save=save, fail_on_missing_backend=fail_on_missing_backend, trust=trust)


def load_as(
    context: Context,
    source: Any,  # noqa: ANN401 - text or data
    expected: str | None,
    *,
    save: bool,
    fail_on_missing_backend: bool | None = None,
    trust: bool = False,
) -> Any:  # noqa: ANN401 - an object, or several
    """Load *source* in *context* as :func:`load` does; refuse other classes than *expected*, if given."""
    data = stream.parse(source)
    parsed = [_parse(document, expected) for document in (data if isinstance(data, list) else [data])]
    if save:
        context.journal.refuse_if_read_only("load")
    documents = [item for item in parsed if isinstance(item, ParsedDocument)]
    is_required = _is_backend_required(context, fail_on_missing_backend)
    targets = BackendResolver(context, is_required, opens=save, trust_documents=trust).resolve(documents)
    if save:
        DocumentWriter(context, trust_documents=trust).write(lambda: _items(parsed, targets))

    def result(item: ParsedDocument | KeyValue) -> Tracked | KeyValue:
        if isinstance(item, KeyValue):
            return item
        target = targets[item.backend[NAME]]
        return _tracked(context, item, target) if save else detached.build(context, item, target, trust=trust)

    results = [result(item) for item in parsed]
    return results if isinstance(data, list) else results[0]


def load_file(
    path: str | os.PathLike[str],
    *,
    session: Context | None = None,
    fail_on_missing_backend: bool | None = None,
    trust: bool = False,
) -> Counts:
    """Track all resources of the file *path*, or none, and return how many they are; *trust* is that of :func:`load`.

    The file is read twice, in memory that does not grow with it.

    Raises:
        InvalidInput: as of :func:`load`, or the file cannot be read.
        NotFound: as of :func:`load`.
        AlreadyExists: as of :func:`load`.
        ReadOnly: the session is read-only.

    """
    context = session or default_session()
    source, is_required = settings.expanded(path), _is_backend_required(context, fail_on_missing_backend)
    context.journal.refuse_if_read_only("load")
    writer = DocumentWriter(context, trust_documents=trust)
    resolver = BackendResolver(context, is_required, opens=True, trust_documents=trust)
    with _read_errors(source), context.progress(f"load {source.name}") as progress:
        # Backends are opened before the first row is inserted, since opening one is a separate transaction.
        targets, backends = _resolve_backends(source, resolver)
        writer.write(_streamed_items(source, progress, targets, backends))
    return Counts(writer.created, writer.existing, _to_confirm(targets))


def look_file(
    path: str | os.PathLike[str], *, session: Context | None = None, fail_on_missing_backend: bool | None = None
) -> Any:  # noqa: ANN401 - an object, or several
    """Return the resources of the file *path* as detached objects; see :func:`load`."""
    context, source = session or default_session(), settings.expanded(path)
    with _read_errors(source):
        data = stream.decoded(source.read_bytes(), f" in {source.name}")
    return load_as(context, data, None, save=False, fail_on_missing_backend=fail_on_missing_backend)


def _is_backend_required(context: Context, given: bool | None) -> bool:  # noqa: FBT001 - of this module
    return context.settings.fail_on_missing_backend if given is None else given


def _resolve_backends(source: Path, resolver: BackendResolver) -> tuple[dict[str, TargetBackend], dict[int, dict[str, Any]]]:
    """Read the backends of a file: return them resolved, by name, and as in their documents, by number."""
    backends: dict[int, dict[str, Any]] = {}

    def outline() -> Iterator[ParsedDocument]:
        for number, document, _ in stream.parts(source, no_progress, outline=True):
            parsed = _parse(document, None)
            if isinstance(parsed, ParsedDocument):
                yield parsed
                if parsed.kind == "Backend":
                    backends[number] = parsed.backend

    return resolver.resolve(outline()), backends


def _streamed_items(
    source: Path, progress: Progress, targets: dict[str, TargetBackend], backends: dict[int, dict[str, Any]]
) -> Callable[[], Iterator[Item]]:
    def items() -> Iterator[Item]:
        for number, document, is_inside in stream.parts(source, progress):
            if not is_inside:
                yield from _items([_parse(document, None)], targets)
            elif number in backends:
                backend = backends[number]
                yield targets[backend[NAME]], parse_volume_of(backend, document)

    return items


def _parse(document: Any, expected: str | None) -> ParsedDocument | KeyValue:  # noqa: ANN401 - JSON
    if key_values.is_pair(document) and expected in {None, key_values.CLASS}:
        return key_values.parse(document)
    return parse_document(document, expected)


def _items(parsed: Iterable[ParsedDocument | KeyValue], targets: dict[str, TargetBackend]) -> Iterator[Item]:
    for item in parsed:
        if isinstance(item, KeyValue):
            yield item
            continue
        target = targets[item.backend[NAME]]
        yield target, item
        yield from ((target, volume) for volume in item.volumes or ())


def _to_confirm(targets: dict[str, TargetBackend]) -> tuple[str, ...]:
    rows = {target.name: target.row for target in targets.values() if target.row is not None}
    return tuple(name for name, row in rows.items() if row["volume_driver"] and is_flagged(row["extra"]))


def _tracked(context: Context, document: ParsedDocument, target: TargetBackend) -> Tracked:
    cls: type[Tracked] = CLASSES[document.kind]
    parsed = document.resource
    resource_id = target.id if parsed is None or parsed.kind == "Backend" else parsed.row["id"]
    resource = identity_map.get(context, cls, resource_id)
    if resource is None:
        msg = f"The {document.kind.lower()} {resource_id} was loaded, and removed by another session at once."
        raise errors.NotFound(msg)
    return resource


@contextlib.contextmanager
def _read_errors(source: Path) -> Iterator[None]:
    """Translate the operating system's errors about the file *source* into InvalidInput."""
    try:
        yield
    except OSError as error:
        msg = f"The file {source} cannot be read: {error.strerror or error}."
        raise errors.InvalidInput(msg) from error
