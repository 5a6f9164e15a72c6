"""Documents become objects, tracked or not."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.drivers.base import no_progress
from cl_notebook.model import Backend, KeyValue, reading
from cl_notebook.serialization import files, loaded, pairs, parsing, places
from cl_notebook.serialization.bundles import Bundle, bundle, of_line
from cl_notebook.serialization.fields import CLASSES
from cl_notebook.serialization.storing import Storing
from cl_notebook.serialization.writing import NAME
from cl_notebook.session import default_session

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator

    from cl_notebook.drivers.base import Progress
    from cl_notebook.model.context import Context
    from cl_notebook.model.tracked import Tracked
    from cl_notebook.serialization.places import Place
    from cl_notebook.serialization.storing import Item


@dataclass(frozen=True, slots=True)
class Counts:
    """What a file held: how many rows were made of each kind, and how many were there already."""

    made: dict[str, int]
    known: dict[str, int]

    def __str__(self) -> str:
        """Say it in words."""
        made = ", ".join(_counted(kind, count) for kind, count in self.made.items() if count) or "nothing"
        known = sum(self.known.values())
        return f"{made} loaded" + (f", {known:,} tracked already" if known else "")


def _counted(kind: str, count: int) -> str:
    label = pairs.LABEL if kind == pairs.CLASS else kind.lower()
    return f"{count:,} {label}{'s' if count > 1 else ''}"


def load(json_src: Any, save: bool = False, *, fail_on_missing_backend: bool | None = None) -> Any:  # noqa: ANN401, FBT001, FBT002 - cinderlib's signature
    """Return what *json_src* stands for: one object for a document, a list of them for a list.

    Without *save* they are objects to look at: they have their fields and the lists that the document had, and nothing can be
    done with them until ``save()`` tracks them. With it they are tracked at once, all or none. An id that is tracked already is
    left as it is if nothing differs.

    Args:
        json_src: text or data, of this library or of cinderlib 5.2.0.
        save: track what was loaded.
        fail_on_missing_backend: refuse what is on a backend that is neither tracked nor described in the document; otherwise
            the backend is known by its name alone, to be opened later. By default what the session says, which by default is yes.

    Raises:
        InvalidInput: it is no document, or one of another version, or a field is wrong.
        NotFound: a backend is not there, or its driver is neither installed nor one of Cinder's.
        AlreadyExists: an id is tracked and differs, or a backend has another configuration.
        ReadOnly: the session may only look.

    """
    return load_as(default_session(), json_src, None, save=save, fail_on_missing_backend=fail_on_missing_backend)


def load_as(
    context: Context,
    source: Any,  # noqa: ANN401 - text or data
    expected: str | None,
    *,
    save: bool,
    fail_on_missing_backend: bool | None = None,
) -> Any:  # noqa: ANN401 - an object, or several
    """Return what *source* stands for in the session *context*; documents of the class *expected* alone, if that is given."""
    data = parsing.parse(source)
    read = [_read(each, expected) for each in (data if isinstance(data, list) else [data])]
    if save:
        context.journal.refuse_if_read_only("load")
    bundles = [each for each in read if isinstance(each, Bundle)]
    found = places.places(context, bundles, fail_on_missing_backend=_fails(context, fail_on_missing_backend))
    if save:
        Storing(context).store(lambda: _placed(read, found))
    make = _live if save else loaded.resource
    made = [make(context, each, found[each.backend[NAME]]) if isinstance(each, Bundle) else each for each in read]
    return made if isinstance(data, list) else made[0]


def load_file(
    path: str | os.PathLike[str], *, session: Context | None = None, fail_on_missing_backend: bool | None = None
) -> Counts:
    """Track what the file *path* holds, all or nothing, and return how much it was.

    Memory is needed for a page of it only, whoever wrote it.

    Raises:
        InvalidInput: as of :func:`load`, or the file cannot be read.
        NotFound: as of :func:`load`.
        AlreadyExists: as of :func:`load`.
        ReadOnly: the session may only look.

    """
    context = session or default_session()
    source, fails = Path(path).expanduser(), _fails(context, fail_on_missing_backend)
    context.journal.refuse_if_read_only("load")
    storing = Storing(context)
    with _readable(source), context.progress(f"load {source.name}") as progress:
        storing.store(_streamed(context, source, progress, fails=fails))
    return Counts(storing.made, storing.known)


def look_file(
    path: str | os.PathLike[str], *, session: Context | None = None, fail_on_missing_backend: bool | None = None
) -> Any:  # noqa: ANN401 - an object, or several
    """Return what the file *path* stands for as objects, none of them tracked; see :func:`load`."""
    context, source = session or default_session(), Path(path).expanduser()
    with _readable(source):
        data = parsing.decoded(source.read_bytes(), f" in {source.name}")
    return load_as(context, data, None, save=False, fail_on_missing_backend=fail_on_missing_backend)


def _fails(context: Context, given: bool | None) -> bool:  # noqa: FBT001 - of this module
    return context.settings.fail_on_missing_backend if given is None else given


def _streamed(context: Context, source: Path, progress: Progress, *, fails: bool) -> Callable[[], Iterator[Item]]:
    backends: dict[int, dict[str, Any]] = {}

    def outlined() -> Iterator[Bundle]:
        for number, document, _ in files.parts(source, no_progress, outline=True):
            read = _read(document, None)
            if isinstance(read, Bundle):
                yield read
                if read.kind == "Backend":
                    backends[number] = read.backend

    found = places.places(context, outlined(), fail_on_missing_backend=fails)  # before the first row: opening one writes, too

    def each() -> Iterator[Item]:
        for number, document, is_inside in files.parts(source, progress):
            if not is_inside:
                yield from _placed([_read(document, None)], found)
            elif number in backends:
                backend = backends[number]
                yield found[backend[NAME]], of_line(document, backend)

    return each


def _read(document: Any, expected: str | None) -> Bundle | KeyValue:  # noqa: ANN401 - JSON
    if pairs.is_one(document) and expected in {None, pairs.CLASS}:
        return pairs.read(document)
    return bundle(document, expected)


def _placed(read: Iterable[Bundle | KeyValue], found: dict[str, Place]) -> Iterator[Item]:
    for each in read:
        if isinstance(each, KeyValue):
            yield each
            continue
        place = found[each.backend[NAME]]
        yield place, each
        yield from ((place, volume) for volume in each.volumes or ())


def _live(context: Context, each: Bundle, place: Place) -> Tracked:
    cls, own = (CLASSES[each.kind], each.of.row["id"]) if each.of is not None and each.kind != "Backend" else (Backend, place.id)
    found = reading.get(context, cls, own)
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
