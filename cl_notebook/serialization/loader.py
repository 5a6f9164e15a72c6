"""Documents become objects, tracked or not."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cl_notebook import errors, settings
from cl_notebook.drivers.api import no_progress
from cl_notebook.model import Backend, KeyValue, identity_map
from cl_notebook.model import trust as trusting
from cl_notebook.serialization import backends as places
from cl_notebook.serialization import detached, key_values, stream
from cl_notebook.serialization.documents import NAME
from cl_notebook.serialization.persist import Storing
from cl_notebook.serialization.reader import ParsedDocument, bundle, of_line
from cl_notebook.serialization.schema import CLASSES
from cl_notebook.session import default_session

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from cl_notebook.drivers.api import Progress
    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context
    from cl_notebook.serialization.backends import Place
    from cl_notebook.serialization.persist import Item


@dataclass(frozen=True, slots=True)
class Counts:
    """What a file held: how many rows were made of each kind, and how many were there already."""

    made: dict[str, int]
    known: dict[str, int]
    to_confirm: tuple[str, ...] = ()
    """The names of the backends that only the file described: they are not opened before the user confirms them."""

    def __str__(self) -> str:
        """Say it in words."""
        made = ", ".join(_counted(kind, count) for kind, count in self.made.items() if count) or "nothing"
        known = sum(self.known.values())
        text = f"{made} loaded" + (f", {known:,} tracked already" if known else "")
        if self.to_confirm:
            text += f"; to be confirmed before they are opened: {', '.join(self.to_confirm)} (%cl_backend open NAME --trust)"
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
    """Return what *json_src* stands for: one object for a document, a list of them for a list.

    Without *save* they are objects to look at: they have their fields and the lists that the document had, and nothing can be
    done with them until ``save()`` tracks them. With it they are tracked at once, all or none. An id that is tracked already is
    left as it is if nothing differs.

    A document is data. Without *trust* nothing that it names is opened, reached or run: a backend that only the document
    describes is tracked as it says, to be confirmed by ``cl.Backend(name, …)``; another host has to be typed again; and the
    device of a connection is asked for before it is used.

    Args:
        json_src: text or data, of this library or of cinderlib 5.2.0.
        save: track what was loaded.
        fail_on_missing_backend: refuse what is on a backend that is neither tracked nor described in the document; otherwise
            the backend is known by its name alone, to be opened later. By default what the session says, which by default is yes.
        trust: take what the document says of backends, hosts and devices as if you had typed it: for documents that are your own.
            Backends that it describes are opened if *save* is given, with their secrets from the environment or the keyring.
            Programs that it names are not run even then.

    Raises:
        InvalidInput: it is no document, or one of another version, or a field is wrong.
        NotFound: a backend is not there, or its driver is neither installed nor one of Cinder's.
        AlreadyExists: an id is tracked and differs, or a backend has another configuration.
        ReadOnly: the session may only look.

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
    """Return what *source* stands for in the session *context*; documents of the class *expected* alone, if that is given."""
    data = stream.parse(source)
    read = [_read(each, expected) for each in (data if isinstance(data, list) else [data])]
    if save:
        context.journal.refuse_if_read_only("load")
    bundles = [each for each in read if isinstance(each, ParsedDocument)]
    fails = _fails(context, fail_on_missing_backend)
    found = places.places(context, bundles, fail_on_missing_backend=fails, opens=save, trust=trust)
    if save:
        Storing(context, trust=trust).store(lambda: _placed(read, found))

    def make(each: ParsedDocument) -> Tracked:
        place = found[each.backend[NAME]]
        return _live(context, each, place) if save else detached.resource(context, each, place, trust=trust)

    made = [make(each) if isinstance(each, ParsedDocument) else each for each in read]
    return made if isinstance(data, list) else made[0]


def load_file(
    path: str | os.PathLike[str],
    *,
    session: Context | None = None,
    fail_on_missing_backend: bool | None = None,
    trust: bool = False,
) -> Counts:
    """Track what the file *path* holds, all or nothing, and return how much it was; *trust* is that of :func:`load`.

    Memory is needed for a page of it only, whoever wrote it.

    Raises:
        InvalidInput: as of :func:`load`, or the file cannot be read.
        NotFound: as of :func:`load`.
        AlreadyExists: as of :func:`load`.
        ReadOnly: the session may only look.

    """
    context = session or default_session()
    source, fails = settings.expanded(path), _fails(context, fail_on_missing_backend)
    context.journal.refuse_if_read_only("load")
    storing = Storing(context, trust=trust)
    with _readable(source), context.progress(f"load {source.name}") as progress:
        found = _outlined(context, source, fails=fails, trust=trust)  # before the first row: opening a backend writes, too
        storing.store(_streamed(source, progress, *found))
    return Counts(storing.made, storing.known, _to_confirm(found[0]))


def look_file(
    path: str | os.PathLike[str], *, session: Context | None = None, fail_on_missing_backend: bool | None = None
) -> Any:  # noqa: ANN401 - an object, or several
    """Return what the file *path* stands for as objects, none of them tracked; see :func:`load`."""
    context, source = session or default_session(), settings.expanded(path)
    with _readable(source):
        data = stream.decoded(source.read_bytes(), f" in {source.name}")
    return load_as(context, data, None, save=False, fail_on_missing_backend=fail_on_missing_backend)


def _fails(context: Context, given: bool | None) -> bool:  # noqa: FBT001 - of this module
    return context.settings.fail_on_missing_backend if given is None else given


def _outlined(context: Context, source: Path, *, fails: bool, trust: bool) -> tuple[dict[str, Place], dict[int, dict[str, Any]]]:
    backends: dict[int, dict[str, Any]] = {}

    def outlined() -> Iterator[ParsedDocument]:
        for number, document, _ in stream.parts(source, no_progress, outline=True):
            read = _read(document, None)
            if isinstance(read, ParsedDocument):
                yield read
                if read.kind == "Backend":
                    backends[number] = read.backend

    found = places.places(context, outlined(), fail_on_missing_backend=fails, opens=True, trust=trust)
    return found, backends


def _streamed(
    source: Path, progress: Progress, found: dict[str, Place], backends: dict[int, dict[str, Any]]
) -> Callable[[], Iterator[Item]]:
    def each() -> Iterator[Item]:
        for number, document, is_inside in stream.parts(source, progress):
            if not is_inside:
                yield from _placed([_read(document, None)], found)
            elif number in backends:
                backend = backends[number]
                yield found[backend[NAME]], of_line(document, backend)

    return each


def _read(document: Any, expected: str | None) -> ParsedDocument | KeyValue:  # noqa: ANN401 - JSON
    if key_values.is_one(document) and expected in {None, key_values.CLASS}:
        return key_values.read(document)
    return bundle(document, expected)


def _placed(read: Iterable[ParsedDocument | KeyValue], found: dict[str, Place]) -> Iterator[Item]:
    for each in read:
        if isinstance(each, KeyValue):
            yield each
            continue
        place = found[each.backend[NAME]]
        yield place, each
        yield from ((place, volume) for volume in each.volumes or ())


def _to_confirm(found: dict[str, Place]) -> tuple[str, ...]:
    rows = {place.name: place.row for place in found.values() if place.row is not None}
    return tuple(name for name, row in rows.items() if row["volume_driver"] and trusting.is_flagged(row["extra"]))


def _live(context: Context, each: ParsedDocument, place: Place) -> Tracked:
    cls, own = (CLASSES[each.kind], each.of.row["id"]) if each.of is not None and each.kind != "Backend" else (Backend, place.id)
    found = identity_map.get(context, cls, own)
    if found is None:
        msg = f"The {each.kind.lower()} {own} was loaded, and removed by somebody at once."
        raise errors.NotFound(msg)
    return found


@contextlib.contextmanager
def _readable(source: Path) -> Iterator[None]:
    """Say clearly why a file cannot be read."""
    try:
        yield
    except OSError as error:
        msg = f"The file {source} cannot be read: {error.strerror or error}."
        raise errors.InvalidInput(msg) from error
