"""What a document says of each kind of resource: the fields, their types, and those that others added."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import sqlalchemy as sa

from cl_notebook import errors, masking
from cl_notebook.model import Backend, Connection, Snapshot, Volume, validation
from cl_notebook.store.types import utcnow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.model.base import Document, Tracked

Row = dict[str, Any]
"""A row, by the names of its columns."""

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=36)]
_Name = Annotated[str, msgspec.Meta(max_length=validation.NAME_LENGTH)]
_Word = Annotated[str, msgspec.Meta(max_length=32)]
_Size = Annotated[int, msgspec.Meta(ge=1, le=validation.MOST_GIB)]
_Texts = dict[str, str]


class _Fields(msgspec.Struct, kw_only=True):
    """What every resource has."""

    id: _Id
    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None


class BackendFields(_Fields, kw_only=True):
    """Nothing of its own: the name and the configuration stand beside it."""


class VolumeFields(_Fields, kw_only=True):
    """Of a volume."""

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
    metadata: _Texts = {}
    extra_specs: _Texts = {}
    qos_specs: _Texts = {}
    provider_location: str | None = None
    provider_id: _Name | None = None
    driver_data: dict[str, Any] | None = None


class SnapshotFields(_Fields, kw_only=True):
    """Of a snapshot."""

    name: _Name = ""
    description: str | None = ""
    status: _Word
    progress: _Word | None = None
    volume_id: _Id
    volume_size: _Size
    name_in_storage: _Name = ""
    metadata: _Texts = {}
    provider_location: str | None = None
    provider_id: _Name | None = None
    driver_data: dict[str, Any] | None = None


class ConnectionFields(_Fields, kw_only=True):
    """Of a connection."""

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

BESIDE = {
    "Backend": frozenset({"volumes"}),
    "Volume": frozenset({"snapshots", "connections"}),
    "Snapshot": frozenset({"volume"}),
    "Connection": frozenset({"volume"}),
}
"""What stands among the fields and is a resource, or a list of them, itself."""


def _names(kind: str) -> tuple[str, ...]:
    own = [name for name in STRUCTS[kind].__struct_fields__ if name not in _Fields.__struct_fields__]
    return ("id", *own, "created_at", "updated_at")


FIELDS: dict[str, tuple[str, ...]] = {kind: _names(kind) for kind in STRUCTS}
"""The fields of each class, in the order in which they are written."""

_KNOWN = {kind: frozenset({*FIELDS[kind], *BESIDE[kind]}) for kind in STRUCTS}


def attributes(kind: str) -> tuple[tuple[str, str], ...]:
    """Return (field, mapped attribute) of the class called *kind*: ``metadata`` is mapped under another name."""
    mapper: Any = sa.inspect(CLASSES[kind])
    by_column = {attribute.columns[0].key: attribute.key for attribute in mapper.column_attrs}
    return tuple((name, by_column[name]) for name in FIELDS[kind])


ATTRIBUTES = {kind: attributes(kind) for kind in STRUCTS}


@dataclass(slots=True)
class Read:
    """One resource that was read: the name of its class, its row without the backend, and the fields that were really given."""

    kind: str
    row: Row
    given: frozenset[str]

    @property
    def label(self) -> str:
        """What to call it in a message."""
        name = self.row.get("name")
        short = f"{self.kind.lower()} {self.row['id'][:8]}"
        return f"{self.kind.lower()} {name!r} ({self.row['id'][:8]})" if name else short


def read(kind: str, data: Any, outside: Mapping[str, Any] | None = None) -> Read:  # noqa: ANN401 - JSON
    """Return the resource of class *kind* that *data* stands for; *outside* are unknown names of the document around it.

    Raises:
        InvalidInput: a field is missing, or of the wrong type.

    """
    if not isinstance(data, dict):
        msg = f"The document of a {kind.lower()} must have an object as its data, not {shown(data)}."
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
    kept = {"data": {name: data[name] for name in data if name in unknown}} if unknown else {}
    if outside:
        kept["document"] = dict(outside)
    row["extra"] = kept or None
    return Read(kind, row, frozenset(data.keys() - unknown))


def _refusal(kind: str, data: dict[str, Any], error: msgspec.ValidationError) -> str:
    what, _, where = str(error).partition(" - at `")
    field = where.rstrip("`").removeprefix("$.").removeprefix("$")
    of = f" {shown(data['id'])}" if "id" in data else ""
    return f"The document of {kind.lower()}{of} is wrong{f' at {field}' if field else ''}: {what[:1].lower()}{what[1:]}."


def utc(moment: dt.datetime | None) -> dt.datetime | None:
    """Return *moment* in UTC; one without a time zone is in UTC already."""
    if moment is None:
        return None
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


def shown(value: object) -> str:
    """Return *value* as a message shows it: short."""
    text = masking.text(repr(masking.data(value)))
    most = 60
    return text if len(text) <= most else f"{text[: most - 1]}…"


def written(kind: str, values: Mapping[str, Any], extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the data of a document: the *values* by field, after those that somebody added."""
    own = {name: values[name] for name in FIELDS[kind]}
    return {**extra["data"], **own} if extra and extra.get("data") else own


VERSION = 1
"""Of the documents: raised when a reader of before would misread them."""


def check_version(document: Document, kind: str) -> None:
    """Refuse the *document* of a *kind*, a word, if it is of another version.

    Raises:
        InvalidInput: it is.

    """
    version = document.get("version")
    if version == VERSION and not isinstance(version, bool):
        return
    if isinstance(version, int) and version > VERSION:
        msg = (
            f"The document of a {kind} has version {version}, this cl_notebook reads version {VERSION}. "
            "Upgrade cl_notebook: update its clone, and type pip install . there."
        )
    else:
        shown = repr(version)
        msg = f"The document of a {kind} must have the version {VERSION}, not {shown[:60]}."
    raise errors.InvalidInput(msg)
