"""Parse documents into rows: the backend, the resource, and the resources in its document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.model import validation
from cl_notebook.serialization import cinderlib_ovo, key_values, schema
from cl_notebook.serialization.documents import NAME
from cl_notebook.serialization.schema import check_version

if TYPE_CHECKING:
    from cl_notebook.serialization.schema import ParsedResource

_KEYS = frozenset({"class", "version", "backend", "data", "volumes", cinderlib_ovo.OVO})
"""The keys of a document; the others are preserved as unknown ones."""


@dataclass(slots=True)
class ParsedDocument:
    """One document, parsed: its resource, and the resources that it contains, in the order of their insertion."""

    backend: dict[str, Any]
    """The name of the backend, perhaps with its configuration."""
    resource: ParsedResource | None
    """None for a document that only names a backend."""
    volume: ParsedResource | None = None
    """The volume in the document of a snapshot or a connection; it is inserted unless it is tracked."""
    children: list[ParsedResource] = field(default_factory=list)
    """The snapshots and connections in the document of a volume."""
    volumes: list[ParsedDocument] | None = None
    """The volumes in the document of a backend."""
    lists: frozenset[str] = frozenset()
    """The names of the lists that the document has: ``volumes``, ``snapshots``, ``connections``."""

    @property
    def kind(self) -> str:
        """The name of the resource's class."""
        return self.resource.kind if self.resource is not None else "Backend"

    @property
    def resources(self) -> list[ParsedResource]:
        """All resources of the document but the backend: a parent comes before its children."""
        resource = [self.resource] if self.resource is not None and self.resource.kind != "Backend" else []
        return [*([self.volume] if self.volume is not None else []), *resource, *self.children]


def parse_document(document: Any, expected: str | None = None) -> ParsedDocument:  # noqa: ANN401 - JSON
    """Parse *document*, one of ours or of cinderlib's; it must be of the class *expected* if that is given.

    Raises:
        InvalidInput: something in it is wrong; the message says where.

    """
    kind = _class(document, expected)
    backend = _backend(document, kind)
    unknown = {name: value for name, value in document.items() if name not in _KEYS}
    if kind == "Backend":
        return _parse_backend(document, backend, unknown)
    if cinderlib_ovo.OVO in document:
        data = cinderlib_ovo.data(kind, document[cinderlib_ovo.OVO])
    else:
        check_version(document, kind.lower())
        data = document.get("data")
    parsed = ParsedDocument(backend, schema.parse_resource(kind, data, unknown))
    if kind == "Volume":
        _add_children(parsed, data)
    elif data.get("volume") is not None:
        parsed.volume = schema.parse_resource("Volume", data["volume"])
        _check_volume(parsed)
    return parsed


def parse_volume_of(backend: dict[str, Any], document: Any) -> ParsedDocument:  # noqa: ANN401 - JSON
    """Parse *document*, that of a volume within the document of *backend*.

    Raises:
        InvalidInput: something in it is wrong, or it names another backend.

    """
    parsed = parse_document(document, "Volume")
    if parsed.backend[NAME] != backend[NAME]:
        label, name = parsed.resources[0].label, backend[NAME]
        msg = f"The {label} is on {parsed.backend[NAME]!r}, in the document of the backend {name!r}."
        raise errors.InvalidInput(msg)
    return parsed


def _class(document: Any, expected: str | None) -> str:  # noqa: ANN401 - JSON
    classes = (*schema.CLASSES, key_values.CLASS)
    known = ", ".join(classes)
    if not isinstance(document, dict) or "class" not in document:
        msg = f"A document is an object with a 'class' ({known}), not {schema.shorten(document)}."
        raise errors.InvalidInput(msg)
    kind = document["class"]
    if not isinstance(kind, str) or kind not in classes:
        hint = errors.did_you_mean(kind, classes) if isinstance(kind, str) else ""
        msg = f"There are documents of {known}, not of {schema.shorten(kind)}.{hint}"
        raise errors.InvalidInput(msg)
    if expected is not None and kind != expected:
        labels = {key_values.CLASS: key_values.LABEL}
        label, other = labels.get(kind, kind.lower()), labels.get(expected, expected.lower())
        msg = f"This is the document of a {label}, not of a {other}. cl.load() loads it."
        raise errors.InvalidInput(msg)
    return kind


def _backend(document: dict[str, Any], kind: str) -> dict[str, Any]:
    backend = document.get("backend")
    if not isinstance(backend, dict) or not isinstance(backend.get(NAME), str) or not backend[NAME]:
        msg = f"The document of a {kind.lower()} must name its backend, {{{NAME!r}: 'lvm'}}, not {schema.shorten(backend)}."
        raise errors.InvalidInput(msg)
    return backend


def _parse_backend(document: dict[str, Any], backend: dict[str, Any], unknown: dict[str, Any]) -> ParsedDocument:
    is_cinderlibs = "data" not in document and "version" not in document
    if not is_cinderlibs:
        check_version(document, "backend")
    resource = None if is_cinderlibs else schema.parse_resource("Backend", document.get("data"), unknown)
    volumes = document.get("volumes")
    if volumes is not None and not isinstance(volumes, list):
        msg = f"The volumes of the backend {backend[NAME]!r} must be a list, not {schema.shorten(volumes)}."
        raise errors.InvalidInput(msg)
    parsed = ParsedDocument(backend, resource, lists=frozenset({"volumes"}) if volumes is not None else frozenset())
    parsed.volumes = [parse_volume_of(backend, volume) for volume in volumes or ()]
    return parsed


def _add_children(parsed: ParsedDocument, data: dict[str, Any]) -> None:
    volume = parsed.resources[0]
    lists = set()
    for name, kind in (("snapshots", "Snapshot"), ("connections", "Connection")):
        children = data.get(name)
        if children is None:
            continue
        if not isinstance(children, list):
            msg = f"The {name} of {volume.label} must be a list, not {schema.shorten(children)}."
            raise errors.InvalidInput(msg)
        lists.add(name)
        parsed.children.extend(_child(kind, child, volume) for child in children)
    parsed.lists = frozenset(lists)


def _child(kind: str, data: Any, volume: ParsedResource) -> ParsedResource:  # noqa: ANN401 - JSON
    child = schema.parse_resource(kind, data)
    if not _is_same(child.row["volume_id"], volume.row["id"]):
        msg = f"The {child.label} is of the volume {child.row['volume_id']}, in the document of {volume.label}."
        raise errors.InvalidInput(msg)
    child.row["volume_id"] = volume.row["id"]
    return child


def _check_volume(parsed: ParsedDocument) -> None:
    volume, child = parsed.resources
    if not _is_same(child.row["volume_id"], volume.row["id"]):
        msg = f"The {child.label} is of the volume {child.row['volume_id']}; its document has {volume.label} instead."
        raise errors.InvalidInput(msg)
    child.row["volume_id"] = volume.row["id"]


def _is_same(reference: str, volume_id: str) -> bool:
    """Return whether *reference* is *volume_id*; the reference to a UUID may be in capitals, the id is not."""
    return reference == volume_id or (validation.resource_id(reference) == validation.resource_id(volume_id))
