"""The schema of documents: the fields of each class, their types, the version, and unknown fields."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import sqlalchemy as sa

from cl_notebook import errors, masking
from cl_notebook.model import Backend, Connection, Snapshot, Volume, designation, validation
from cl_notebook.store.types import utcnow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.model.base import Document, Tracked

Row = dict[str, Any]
"""The values of a row by the names of their columns."""

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=36)]
_Name = Annotated[str, msgspec.Meta(max_length=validation.NAME_LENGTH)]
_Word = Annotated[str, msgspec.Meta(max_length=32)]
_Size = Annotated[int, msgspec.Meta(ge=1, le=validation.MOST_GIB)]
_Texts = dict[str, str]


class _Fields(msgspec.Struct, kw_only=True):
    """The fields that every class has."""

    id: _Id
    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None


class BackendFields(_Fields, kw_only=True):
    """The fields of a backend; its name and configuration are beside them in the document."""


class VolumeFields(_Fields, kw_only=True):
    """The fields of a volume."""

    name: _Name = ""
    description: str | None = ""
    size: _Size
    status: _Word
    attach_status: _Word = "detached"
    host: _Name = ""
    pool_name: _Name | None = None
    name_in_storage: _Name = ""
    snapshot_id: _Id | None = None
    source_volid: _Id | None = None
    availability_zone: _Name | None = None
    bootable: bool = False
    protected: bool = False
    metadata: _Texts = {}
    extra_specs: _Texts = {}
    qos_specs: _Texts = {}
    provider_location: str | None = None
    provider_id: _Name | None = None
    driver_data: dict[str, Any] | None = None


class SnapshotFields(_Fields, kw_only=True):
    """The fields of a snapshot."""

    name: _Name = ""
    description: str | None = ""
    status: _Word
    progress: _Word | None = None
    volume_id: _Id
    volume_size: _Size
    name_in_storage: _Name = ""
    protected: bool = False
    metadata: _Texts = {}
    provider_location: str | None = None
    provider_id: _Name | None = None
    driver_data: dict[str, Any] | None = None


class ConnectionFields(_Fields, kw_only=True):
    """The fields of a connection."""

    volume_id: _Id
    attach_status: _Word
    attach_mode: Annotated[str, msgspec.Meta(max_length=8)] = "rw"
    attached_host: _Name | None = None
    gateway: _Name | None = None
    protocol: _Word | None = None
    multipath: bool = False
    path: str | None = None
    connector_info: dict[str, Any] = {}
    conn_info: dict[str, Any] | None = None
    device: dict[str, Any] | None = None


STRUCTS: dict[str, type[_Fields]] = {
    "Backend": BackendFields,
    "Volume": VolumeFields,
    "Snapshot": SnapshotFields,
    "Connection": ConnectionFields,
}
CLASSES: dict[str, type[Tracked]] = {cls.__name__: cls for cls in (Backend, Volume, Snapshot, Connection)}

RELATED = {
    "Backend": frozenset({"volumes"}),
    "Volume": frozenset({"snapshots", "connections"}),
    "Snapshot": frozenset({"volume"}),
    "Connection": frozenset({"volume"}),
}
"""The keys, among the fields of each class, whose value is another resource or a list of resources."""


def _names(kind: str) -> tuple[str, ...]:
    names = [name for name in STRUCTS[kind].__struct_fields__ if name not in _Fields.__struct_fields__]
    return ("id", *names, "created_at", "updated_at")


FIELDS: dict[str, tuple[str, ...]] = {kind: _names(kind) for kind in STRUCTS}
"""The fields of each class in the order of a document."""

_KNOWN = {kind: frozenset({*FIELDS[kind], *RELATED[kind]}) for kind in STRUCTS}


def attributes(kind: str) -> tuple[tuple[str, str], ...]:
    """Return (field, mapped attribute) pairs of the class *kind*; they differ where SQLAlchemy reserves a name (``metadata``)."""
    mapper: Any = sa.inspect(CLASSES[kind])
    by_column = {attribute.columns[0].key: attribute.key for attribute in mapper.column_attrs}
    return tuple((name, by_column[name]) for name in FIELDS[kind])


ATTRIBUTES = {kind: attributes(kind) for kind in STRUCTS}


VERSION = 1
"""The version of our documents, raised when older readers would misread newer ones."""


@dataclass(slots=True)
class ParsedResource:
    """One resource of a document: its class, its row without the backend, and the names of the fields that the document has."""

    kind: str
    row: Row
    given: frozenset[str]

    @property
    def label(self) -> str:
        """The class, the name and the short id, for messages."""
        return designation.label(self.kind.lower(), self.row.get("name"), self.row["id"])


def parse_resource(kind: str, data: Any, unknown_keys: Mapping[str, Any] | None = None) -> ParsedResource:  # noqa: ANN401 - JSON
    """Return the resource of class *kind* that *data* describes; *unknown_keys* of the document around it are preserved.

    Raises:
        InvalidInput: a field is missing, or of the wrong type.

    """
    if not isinstance(data, dict):
        msg = f"The document of a {kind.lower()} must have an object as its data, not {shorten(data)}."
        raise errors.InvalidInput(msg)
    try:
        struct = msgspec.convert(data, STRUCTS[kind])
    except msgspec.ValidationError as error:
        raise errors.InvalidInput(_refusal(kind, data, error)) from error
    row = msgspec.structs.asdict(struct)
    row["created_at"] = utc(row["created_at"]) or utcnow()
    row["updated_at"] = utc(row["updated_at"])
    row["version"] = 1
    unknown = data.keys() - _KNOWN[kind]
    extra = {"data": {name: data[name] for name in data if name in unknown}} if unknown else {}
    if unknown_keys:
        extra["document"] = dict(unknown_keys)
    row["extra"] = extra or None
    return ParsedResource(kind, row, frozenset(data.keys() - unknown))


def _refusal(kind: str, data: dict[str, Any], error: msgspec.ValidationError) -> str:
    what, _, where = str(error).partition(" - at `")
    field = where.rstrip("`").removeprefix("$.").removeprefix("$")
    resource_id = f" {shorten(data['id'])}" if "id" in data else ""
    return f"The document of {kind.lower()}{resource_id} is wrong{f' at {field}' if field else ''}: {what[:1].lower()}{what[1:]}."


def utc(moment: dt.datetime | None) -> dt.datetime | None:
    """Convert *moment* to UTC; without a time zone it is taken as UTC already."""
    if moment is None:
        return None
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


def shorten(value: object) -> str:
    """Return the repr of *value* for a message: without secrets, at most 60 characters."""
    text = masking.text(repr(masking.data(value)))
    most = 60
    return text if len(text) <= most else f"{text[: most - 1]}…"


def with_unknown_fields(kind: str, values: Mapping[str, Any], extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the fields of a document of class *kind*: the unknown ones that *extra* preserves, then *values* in our order."""
    fields = {name: values[name] for name in FIELDS[kind]}
    return {**extra["data"], **fields} if extra and extra.get("data") else fields


def check_version(document: Document, label: str) -> None:
    """Refuse *document* unless its version is ours; *label* names its class in the message.

    Raises:
        InvalidInput: the version is missing or another one.

    """
    version = document.get("version")
    if version == VERSION and not isinstance(version, bool):
        return
    if isinstance(version, int) and version > VERSION:
        msg = (
            f"The document of a {label} has version {version}, this cl_notebook reads version {VERSION}. "
            "Upgrade cl_notebook: update its clone, and type pip install . there."
        )
    else:
        msg = f"The document of a {label} must have the version {VERSION}, not {repr(version)[:60]}."
    raise errors.InvalidInput(msg)
