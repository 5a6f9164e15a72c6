"""Key-value pairs as documents, and back."""

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
_AROUND = {"class", "version", "data"}
_TABLE: sa.Table = sa.inspect(KeyValue).local_table


class _Fields(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    value: str = ""


def of(pair: KeyValue) -> Document:
    """Return the document of *pair*."""
    return {"class": CLASS, "version": VERSION, "data": plain(pair)}


def plain(pair: KeyValue) -> dict[str, Any]:
    """Return key and value by their names."""
    return {"key": pair.key, "value": pair.value}


def is_one(document: Any) -> bool:  # noqa: ANN401 - JSON
    """Return whether *document* is that of a pair."""
    return isinstance(document, dict) and document.get("class") == CLASS


def read(document: Document) -> KeyValue:
    """Return the pair that *document* stands for; it is not kept yet.

    Raises:
        InvalidInput: it is of another version, or a field is missing, wrong, or one that a pair cannot keep.

    """
    check_version(document, LABEL)
    unknown = sorted(document.keys() - _AROUND)
    try:
        found = msgspec.convert(document.get("data"), _Fields)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `")
        place = f" at {where.strip('`').removeprefix('$.')}" if where else ""
        msg = f"The document of a {LABEL} is wrong{place}: {what[:1].lower()}{what[1:]}."
        raise errors.InvalidInput(msg) from error
    if unknown:
        msg = f"The document of the {LABEL} {schema.shown(found.key)} holds {unknown[0]!r}, which no pair can keep."
        raise errors.InvalidInput(msg)
    return KeyValue(found.key, found.value)


def stored(connection: sa.Connection) -> Iterator[list[Document]]:
    """Yield the documents of the pairs of a store, by the page."""
    after = ""
    while True:
        own = sa.select(_TABLE).where(_TABLE.c.key > after).order_by(_TABLE.c.key).limit(PAGE)
        page = [key_value.of_row(row) for row in connection.execute(own)]
        if page:
            yield [of(pair) for pair in page]
        if len(page) < PAGE:
            return
        after = page[-1].key


def store(connection: sa.Connection, pairs: Sequence[KeyValue]) -> int:
    """Keep those of *pairs* that are new, and return how many; what is there and the same is left alone.

    Raises:
        AlreadyExists: a key is there with another value.

    """
    there: dict[str, str] = {}
    for page in identity_map.pages([pair.key for pair in pairs]):
        there.update((row.key, row.value) for row in connection.execute(sa.select(_TABLE).where(_TABLE.c.key.in_(list(page)))))
    fresh: list[schema.Row] = []
    for pair in pairs:
        if pair.key not in there:
            there[pair.key] = pair.value
            fresh.append(plain(pair))
        elif there[pair.key] != pair.value:
            msg = f"The {LABEL} {schema.shown(pair.key)} is tracked already with another value. Nothing was loaded."
            raise errors.AlreadyExists(msg)
    bulk.insert(connection, KeyValue, fresh)
    changefeed.append_many(connection, [key_value.entry(row["key"]) for row in fresh])
    return len(fresh)
