"""Documents, taken apart: which backend they are on, and the rows that they stand for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.model import validation
from cl_notebook.serialization import cinderlib_ovo, key_values, schema
from cl_notebook.serialization.documents import NAME
from cl_notebook.serialization.schema import check_version

if TYPE_CHECKING:
    from cl_notebook.serialization.schema import Read

_AROUND = frozenset({"class", "version", "backend", "data", "volumes", cinderlib_ovo.OVO})


@dataclass(slots=True)
class ParsedDocument:
    """One document: the resource that it is of, and those that came with it, in the order in which they are inserted."""

    backend: dict[str, Any]
    of: Read | None
    """None for a backend of which only the name is known."""
    volume: Read | None = None
    """The volume of a snapshot or a connection that came alone: tracked if it is not yet."""
    children: list[Read] = field(default_factory=list)
    volumes: list[ParsedDocument] | None = None
    """Those of a backend."""
    lists: frozenset[str] = frozenset()
    """The names of the lists that the document had."""

    @property
    def kind(self) -> str:
        """The name of the class."""
        return self.of.kind if self.of is not None else "Backend"

    @property
    def reads(self) -> list[Read]:
        """The rows below the backend."""
        own = [self.of] if self.of is not None and self.of.kind != "Backend" else []
        return [*([self.volume] if self.volume is not None else []), *own, *self.children]


def bundle(document: Any, expected: str | None = None) -> ParsedDocument:  # noqa: ANN401 - JSON
    """Return what *document*, ours or cinderlib's, says; one of the class *expected* if that is given.

    Raises:
        InvalidInput: it says nothing that can be right; the message says where.

    """
    kind = _class(document, expected)
    backend = _backend(document, kind)
    outside = {name: value for name, value in document.items() if name not in _AROUND}
    if kind == "Backend":
        return _of_backend(document, backend, outside)
    if cinderlib_ovo.OVO in document:
        data = cinderlib_ovo.data(kind, document[cinderlib_ovo.OVO])
    else:
        check_version(document, kind.lower())
        data = document.get("data")
    made = ParsedDocument(backend, schema.read(kind, data, outside))
    if kind == "Volume":
        _add_children(made, data)
    elif data.get("volume") is not None:
        made.volume = schema.read("Volume", data["volume"])
        _check_volume(made)
    return made


def of_line(document: Any, backend: dict[str, Any]) -> ParsedDocument:  # noqa: ANN401 - JSON
    """Return what the document of a volume among those of *backend* says."""
    made = bundle(document, "Volume")
    if made.backend[NAME] != backend[NAME]:
        own, name = made.reads[0].label, backend[NAME]
        msg = f"The {own} is on {made.backend[NAME]!r}, in the document of the backend {name!r}."
        raise errors.InvalidInput(msg)
    return made


def _class(document: Any, expected: str | None) -> str:  # noqa: ANN401 - JSON
    classes = (*schema.CLASSES, key_values.CLASS)
    known = ", ".join(classes)
    if not isinstance(document, dict) or "class" not in document:
        msg = f"A document is an object with a 'class' ({known}), not {schema.shown(document)}."
        raise errors.InvalidInput(msg)
    kind = document["class"]
    if not isinstance(kind, str) or kind not in classes:
        hint = errors.did_you_mean(kind, classes) if isinstance(kind, str) else ""
        msg = f"There are documents of {known}, not of {schema.shown(kind)}.{hint}"
        raise errors.InvalidInput(msg)
    if expected is not None and kind != expected:
        labels = {key_values.CLASS: key_values.LABEL}
        own, other = labels.get(kind, kind.lower()), labels.get(expected, expected.lower())
        msg = f"This is the document of a {own}, not of a {other}. cl.load() loads it."
        raise errors.InvalidInput(msg)
    return kind


def _backend(document: dict[str, Any], kind: str) -> dict[str, Any]:
    backend = document.get("backend")
    if not isinstance(backend, dict) or not isinstance(backend.get(NAME), str) or not backend[NAME]:
        msg = f"The document of a {kind.lower()} must name its backend, {{{NAME!r}: 'lvm'}}, not {schema.shown(backend)}."
        raise errors.InvalidInput(msg)
    return backend


def _of_backend(document: dict[str, Any], backend: dict[str, Any], outside: dict[str, Any]) -> ParsedDocument:
    by_cinderlib = "data" not in document and "version" not in document
    if not by_cinderlib:
        check_version(document, "backend")
    of = None if by_cinderlib else schema.read("Backend", document.get("data"), outside)
    volumes = document.get("volumes")
    if volumes is not None and not isinstance(volumes, list):
        msg = f"The volumes of the backend {backend[NAME]!r} must be a list, not {schema.shown(volumes)}."
        raise errors.InvalidInput(msg)
    made = ParsedDocument(backend, of, lists=frozenset({"volumes"}) if volumes is not None else frozenset())
    made.volumes = [of_line(each, backend) for each in volumes or ()]
    return made


def _add_children(made: ParsedDocument, data: dict[str, Any]) -> None:
    volume = made.reads[0]
    lists = set()
    for name, kind in (("snapshots", "Snapshot"), ("connections", "Connection")):
        listed = data.get(name)
        if listed is None:
            continue
        if not isinstance(listed, list):
            msg = f"The {name} of {volume.label} must be a list, not {schema.shown(listed)}."
            raise errors.InvalidInput(msg)
        lists.add(name)
        made.children.extend(_child(kind, each, volume) for each in listed)
    made.lists = frozenset(lists)


def _child(kind: str, data: Any, volume: Read) -> Read:  # noqa: ANN401 - JSON
    child = schema.read(kind, data)
    if not _is_same(child.row["volume_id"], volume.row["id"]):
        msg = f"The {child.label} is of the volume {child.row['volume_id']}, in the document of {volume.label}."
        raise errors.InvalidInput(msg)
    child.row["volume_id"] = volume.row["id"]
    return child


def _check_volume(made: ParsedDocument) -> None:
    volume, own = made.reads
    if not _is_same(own.row["volume_id"], volume.row["id"]):
        msg = f"The {own.label} is of the volume {own.row['volume_id']}; its document has {volume.label} instead."
        raise errors.InvalidInput(msg)
    own.row["volume_id"] = volume.row["id"]


def _is_same(reference: str, volume_id: str) -> bool:
    """Return whether *reference* means the volume of that id: a UUID may be spelled in capitals there, and not here."""
    return reference == volume_id or (validation.resource_id(reference) == validation.resource_id(volume_id))
