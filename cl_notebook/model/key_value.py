"""Key-value pairs of text that scripts store beside their resources."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from cl_notebook import errors
from cl_notebook.model import validation
from cl_notebook.model.base import Serializable
from cl_notebook.model.context import current
from cl_notebook.store import changefeed
from cl_notebook.store.types import LongText, reg

if TYPE_CHECKING:
    from collections.abc import Callable

    from cl_notebook.model.context import Context

_NAMESPACE = uuid.UUID("0b2c8a52-5b0f-4b0c-8f3d-5a0a6d1f3c77")
"""Namespace of the UUIDs that identify keys in the change feed."""


@reg.mapped
class KeyValue(Serializable):
    """A pair of texts in the store: a key of 1 to 255 characters, and a value of any length.

    ``KeyValue.set("rack", "b7")`` stores one, and ``KeyValue.get("rack")`` returns it, in later kernels, too. An object does not
    change when the store does.
    """

    __tablename__ = "key_value"

    key: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    value: Mapped[str] = mapped_column(LongText)

    def __init__(self, key: str, value: str = "") -> None:
        """Create a pair in memory; :meth:`save` stores it.

        Raises:
            InvalidInput: the key is empty or too long, or key or value is not text.

        """
        self.key = _validated_key(key)
        self.value = validation.text(value, "value")

    def __repr__(self) -> str:
        """Return the pair in one line."""
        return f"<KeyValue {self.key!r}={self.value!r}>"

    def __reduce__(self) -> tuple[type[KeyValue], tuple[str, str]]:
        """Allow copies and pickles: a pair is plain data, and belongs to no session."""
        return type(self), (self.key, self.value)

    def __eq__(self, other: object) -> bool:
        """Return whether *other* is a pair of the same key and value."""
        return (self.key, self.value) == (other.key, other.value) if isinstance(other, KeyValue) else NotImplemented

    def __hash__(self) -> int:
        """Return the hash of the key, which never changes."""
        return hash(self.key)

    def save(self) -> None:
        """Store the pair in the default session; see :meth:`set`."""
        type(self).set(self.key, self.value)

    @classmethod
    def get(cls, key: str, *, session: Context | None = None) -> KeyValue | None:
        """Return the pair of *key* in *session* (the default session if None); None if there is no such pair."""
        pairs = _read(session or current(), _validated_key(key))
        return pairs[0] if pairs else None

    @classmethod
    def all(cls, *, session: Context | None = None) -> list[KeyValue]:
        """Return all pairs in *session* (the default session if None), sorted by key."""
        return _read(session or current(), None)

    @classmethod
    def set(cls, key: str, value: str, *, session: Context | None = None) -> KeyValue:
        """Store *value* under *key*, in place of an earlier value, and return the pair.

        Raises:
            InvalidInput: the key is empty or too long, or key or value is not text.
            ReadOnly: the session is read-only.

        """
        pair = cls(key, value)

        def upsert(connection: sa.Connection) -> bool:
            if connection.execute(_UPDATE, {"pair_key": pair.key, "value": pair.value}).rowcount:
                return True
            # Some databases do not count a row that an UPDATE leaves as it was.
            if connection.execute(_SELECT, {"pair_key": pair.key}).first() is None:
                connection.execute(sa.insert(_TABLE), {"key": pair.key, "value": pair.value})
            return True

        _write(session or current(), pair.key, upsert)
        return pair

    @classmethod
    def delete(cls, key: str, *, session: Context | None = None) -> bool:
        """Delete the pair of *key*; return whether there was one.

        Raises:
            InvalidInput: the key is empty, too long, or not text.
            ReadOnly: the session is read-only.

        """
        valid = _validated_key(key)
        return _write(
            session or current(), valid, lambda connection: connection.execute(_DELETE, {"pair_key": valid}).rowcount > 0
        )


_TABLE: sa.Table = sa.inspect(KeyValue).local_table
_SELECT = sa.select(_TABLE).where(_TABLE.c.key == sa.bindparam("pair_key"))
_UPDATE = sa.update(_TABLE).where(_TABLE.c.key == sa.bindparam("pair_key"))
_DELETE = sa.delete(_TABLE).where(_TABLE.c.key == sa.bindparam("pair_key"))


def entry(key: str) -> changefeed.Entry:
    """Return the change feed's entry for the pair of *key*; its resource id derives from the key."""
    return changefeed.Entry("save", "key_value", str(uuid.uuid5(_NAMESPACE, key)))


def _validated_key(key: object) -> str:
    valid = validation.name(key, "key")
    if not valid:
        msg = "key must be text of at least one character."
        raise errors.InvalidInput(msg)
    return valid


def _read(context: Context, key: str | None) -> list[KeyValue]:
    """Return the pair of *key* as a list of 0 or 1; all pairs, sorted by key, if *key* is None."""
    with context.store.reading() as connection:
        if key is not None:
            rows = connection.execute(_SELECT, {"pair_key": key}).all()
        else:
            rows = connection.execute(sa.select(_TABLE).order_by(_TABLE.c.key)).all()
        return [of_row(row) for row in rows]


def of_row(row: Any) -> KeyValue:  # noqa: ANN401 - a row of the table
    """Return the pair that *row* of the table holds.

    Raises:
        TypeError: key or value is not text; SQLite stores any type in any column.

    """
    if type(row.key) is not str or type(row.value) is not str:
        msg = "A key-value pair holds what is no text."
        raise TypeError(msg)
    return KeyValue(row.key, row.value)


def _write(context: Context, key: str, change: Callable[[sa.Connection], bool]) -> bool:
    """Run *change* in a transaction, and return its result; if true, record it in the change feed."""
    context.journal.refuse_if_read_only("saving a key-value pair")

    def transaction(connection: sa.Connection) -> tuple[bool, int]:
        changefeed.lock(connection)  # first, to serialise with others who insert the same pair
        context.change_tracker.sync()
        is_changed = change(connection)
        return is_changed, changefeed.append(connection, entry(key)) if is_changed else 0

    with context.lock:
        is_changed, position = context.store.write(transaction)
        if position:
            context.change_tracker.note_own_write(position)
    return is_changed
