"""Key-value pairs that scripts keep beside their resources."""

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

_SPACE = uuid.UUID("0b2c8a52-5b0f-4b0c-8f3d-5a0a6d1f3c77")


@reg.mapped
class KeyValue(Serializable):
    """A pair of texts in the store: the key has at most 255 characters, the value any number.

    ``KeyValue.set("rack", "b7")`` keeps one, ``KeyValue.get("rack")`` gives it back, also in the next kernel. A pair that is held
    does not follow the store.
    """

    __tablename__ = "key_value"

    key: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    value: Mapped[str] = mapped_column(LongText)

    def __init__(self, key: str, value: str = "") -> None:
        """Hold a pair; :meth:`save` keeps it.

        Raises:
            InvalidInput: the key is empty or too long, or one of them is no text.

        """
        self.key = _key(key)
        self.value = validation.text(value, "value")

    def __repr__(self) -> str:
        """Show the pair."""
        return f"<KeyValue {self.key!r}={self.value!r}>"

    def __reduce__(self) -> tuple[type[KeyValue], tuple[str, str]]:
        """Let a copy be the same pair: it is plain data, which :meth:`save` keeps."""
        return type(self), (self.key, self.value)

    def __eq__(self, other: object) -> bool:
        """Compare key and value."""
        return (self.key, self.value) == (other.key, other.value) if isinstance(other, KeyValue) else NotImplemented

    def __hash__(self) -> int:
        """Go by the key, which stays."""
        return hash(self.key)

    def save(self) -> None:
        """Keep the pair in the store of the default session; see :meth:`set`."""
        type(self).set(self.key, self.value)

    @classmethod
    def get(cls, key: str, *, session: Context | None = None) -> KeyValue | None:
        """Return the pair of that key in *session*, by default the default one; None if there is none."""
        found = _read(session or current(), _key(key))
        return found[0] if found else None

    @classmethod
    def all(cls, *, session: Context | None = None) -> list[KeyValue]:
        """Return every pair, in the order of the keys."""
        return _read(session or current(), None)

    @classmethod
    def set(cls, key: str, value: str, *, session: Context | None = None) -> KeyValue:
        """Keep *value* under *key*, in place of what was there, and return the pair.

        Raises:
            InvalidInput: the key is empty or too long, or one of them is no text.
            ReadOnly: the session may only look.

        """
        pair = cls(key, value)

        def write(connection: sa.Connection) -> bool:
            if connection.execute(_UPDATE, {"of": pair.key, "value": pair.value}).rowcount:
                return True
            if connection.execute(_FIND, {"of": pair.key}).first() is None:  # some data bases count no row that stays as it is
                connection.execute(sa.insert(_TABLE), {"key": pair.key, "value": pair.value})
            return True

        _write(session or current(), pair.key, write)
        return pair

    @classmethod
    def delete(cls, key: str, *, session: Context | None = None) -> bool:
        """Remove the pair of that key; return whether there was one.

        Raises:
            ReadOnly: the session may only look.

        """
        known = _key(key)
        return _write(session or current(), known, lambda connection: connection.execute(_DELETE, {"of": known}).rowcount > 0)


_TABLE: sa.Table = sa.inspect(KeyValue).local_table
_FIND = sa.select(_TABLE).where(_TABLE.c.key == sa.bindparam("of"))
_UPDATE = sa.update(_TABLE).where(_TABLE.c.key == sa.bindparam("of"))
_DELETE = sa.delete(_TABLE).where(_TABLE.c.key == sa.bindparam("of"))


def entry(key: str) -> changefeed.Entry:
    """Return the entry of the change feed for the pair of *key*, whose resource id is made of the key."""
    return changefeed.Entry("save", "key_value", str(uuid.uuid5(_SPACE, key)))


def _key(key: object) -> str:
    chosen = validation.name(key, "key")
    if not chosen:
        msg = "key must be text of at least one character."
        raise errors.InvalidInput(msg)
    return chosen


def _read(context: Context, key: str | None) -> list[KeyValue]:
    with context.store.reading() as connection:
        if key is not None:
            rows = connection.execute(_FIND, {"of": key}).all()
        else:
            rows = connection.execute(sa.select(_TABLE).order_by(_TABLE.c.key)).all()
        return [of_row(row) for row in rows]


def of_row(row: Any) -> KeyValue:  # noqa: ANN401 - a row of the table
    """Return the pair in *row*.

    Raises:
        TypeError: a part of it is no text, which SQLite would keep.

    """
    if type(row.key) is not str or type(row.value) is not str:
        msg = "A key-value pair holds what is no text."
        raise TypeError(msg)
    return KeyValue(row.key, row.value)


def _write(context: Context, key: str, change: Callable[[sa.Connection], bool]) -> bool:
    context.journal.refuse_if_read_only("saving a key-value pair")

    def work(connection: sa.Connection) -> tuple[bool, int]:
        changefeed.lock(connection)  # first: others may be about to make the same pair
        context.change_tracker.sync()
        is_changed = change(connection)
        return is_changed, changefeed.append(connection, entry(key)) if is_changed else 0

    with context.lock:
        is_changed, number = context.store.write(work)
        if number:
            context.change_tracker.note_own_write(number)
    return is_changed
