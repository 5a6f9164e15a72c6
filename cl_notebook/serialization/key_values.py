"""Documents of key-value pairs: written, parsed and stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.model import KeyValue, bulk, identity_map, key_value
from cl_notebook.serialization import schema
from cl_notebook.serialization.schema import VERSION, check_version
from cl_notebook.store import changefeed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cl_notebook.model.base import Document

CLASS = KeyValue.__name__
LABEL = "key-value pair"
PAGE = 500
"""Pairs that are read at a time."""

_KEYS = {"class", "version", "data"}
_TABLE: sa.Table = sa.inspect(KeyValue).local_table


class _Fields(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    value: str = ""


def to_document(pair: KeyValue) -> Document:
    """Return the document of *pair*."""
    return {"class": CLASS, "version": VERSION, "data": to_dict(pair)}


def to_dict(pair: KeyValue) -> dict[str, Any]:
    """Return the key and the value of *pair* by name."""
    return {"key": pair.key, "value": pair.value}


def is_pair(document: Any) -> bool:  # noqa: ANN401 - JSON
    """Return whether *document* describes a key-value pair."""
    return isinstance(document, dict) and document.get("class") == CLASS


def parse(document: Document) -> KeyValue:
    """Return the pair that *document* describes, without storing it.

    Raises:
        InvalidInput: the version is another one, or a field is missing, wrong or unknown.

    """
    check_version(document, LABEL)
    unknown = sorted(document.keys() - _KEYS)
    try:
        fields = msgspec.convert(document.get("data"), _Fields)
    except msgspec.ValidationError as error:
        reason, _, location = str(error).partition(" - at `")
        path = f" at {location.strip('`').removeprefix('$.')}" if location else ""
        msg = f"The document of a {LABEL} is wrong{path}: {reason[:1].lower()}{reason[1:]}."
        raise errors.InvalidInput(msg) from error
    if unknown:
        msg = f"The document of the {LABEL} {schema.shorten(fields.key)} holds {unknown[0]!r}, which no pair can keep."
        raise errors.InvalidInput(msg)
    return KeyValue(fields.key, fields.value)


def stored_documents(connection: sa.Connection) -> Iterator[list[Document]]:
    """Yield the documents of all pairs of a store, ordered by key, in lists of at most :data:`PAGE`."""
    after = ""
    while True:
        statement = sa.select(_TABLE).where(_TABLE.c.key > after).order_by(_TABLE.c.key).limit(PAGE)
        page = [key_value.of_row(row) for row in connection.execute(statement)]
        if page:
            yield [to_document(pair) for pair in page]
        if len(page) < PAGE:
            return
        after = page[-1].key


def insert_new(connection: sa.Connection, pairs: Sequence[KeyValue]) -> int:
    """Insert those of *pairs* whose keys are not stored yet, and return how many; leave equal ones alone.

    Raises:
        AlreadyExists: a key is stored with another value.

    """
    stored: dict[str, str] = {}
    for page in identity_map.pages([pair.key for pair in pairs]):
        stored.update((row.key, row.value) for row in connection.execute(sa.select(_TABLE).where(_TABLE.c.key.in_(list(page)))))
    rows: list[schema.Row] = []
    for pair in pairs:
        if pair.key not in stored:
            stored[pair.key] = pair.value
            rows.append(to_dict(pair))
        elif stored[pair.key] != pair.value:
            msg = f"The {LABEL} {schema.shorten(pair.key)} is tracked already with another value. Nothing was loaded."
            raise errors.AlreadyExists(msg)
    bulk.insert(connection, KeyValue, rows)
    changefeed.append_many(connection, [key_value.entry(row["key"]) for row in rows])
    return len(rows)
