"""What a front end may ask of the tree. Whatever does not fit these types is no message of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

if TYPE_CHECKING:
    import datetime as dt

    from cl_notebook.treemodel.rows import Row

MOST_ROWS = 500
"""Rows that are given at once: several screens full."""

_Text = Annotated[str, msgspec.Meta(max_length=1000)]
_Id = Annotated[str, msgspec.Meta(max_length=64)]
_Ids = Annotated[list[_Id], msgspec.Meta(max_length=10_000)]
_Index = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=MOST_ROWS)]


class Message(msgspec.Struct, tag_field="do", frozen=True, kw_only=True):
    """One message. ``id`` is the front end's number for it; the answer names it as ``re``."""

    id: Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Hello(Message, tag="hello", frozen=True, kw_only=True):
    """A view is there."""


class Bye(Message, tag="bye", frozen=True, kw_only=True):
    """A view is gone."""


class Ping(Message, tag="ping", frozen=True, kw_only=True):
    """A view is still there."""


class Mark(msgspec.Struct, frozen=True):
    """A row, and where it was seen."""

    id: _Id
    index: _Index


class Window(Message, frozen=True, kw_only=True):
    """A message that is answered with the rows of a window."""

    start: _Index
    count: _Count


class Rows(Window, tag="rows", frozen=True, kw_only=True):
    """Rows are to be seen. With an ``anchor`` the window moves with that row."""

    anchor: Mark | None = None
    focus: Mark | None = None


class Open(Window, tag="open", frozen=True, kw_only=True):
    """A branch is to be opened or closed."""

    row: _Id
    on: bool


class All(Window, tag="all", frozen=True, kw_only=True):
    """Every backend is to be opened or closed."""

    on: bool


class Select(Message, tag="select", frozen=True, kw_only=True):
    """Rows are to be selected, or not any more."""

    ids: _Ids
    how: Literal["set", "add", "remove", "toggle"]


class Range(Message, tag="range", frozen=True, kw_only=True):
    """The rows from ``first`` to ``last``, both included, are to be selected."""

    first: _Index
    last: _Index
    how: Literal["set", "add"]


class Seek(Message, tag="seek", frozen=True, kw_only=True):
    """The next row whose name begins with ``text`` is looked for."""

    text: _Text
    after: _Index


class Reveal(Message, tag="reveal", frozen=True, kw_only=True):
    """A row is to be shown, whatever it is hidden below."""

    row: _Id


class Details(Message, tag="details", frozen=True, kw_only=True):
    """Everything about one resource is to be shown."""

    row: _Id


class Offers(Message, tag="offers", frozen=True, kw_only=True):
    """What can be done with several resources at once is to be shown."""

    ids: _Ids


class Chosen(Message, frozen=True, kw_only=True):
    """A message about an act on these resources, with what was typed for it."""

    act: _Text
    ids: _Ids
    values: dict[_Text, str | int | float | bool | None] = {}


class Line(Chosen, tag="line", frozen=True, kw_only=True):
    """The line of magic that an act would run is to be shown."""


class Act(Chosen, tag="act", frozen=True, kw_only=True):
    """Something is to be done with resources."""


_ANY: Any = Hello | Bye | Ping | Rows | Open | All | Select | Range | Seek | Reveal | Details | Offers | Line | Act


def read(content: object) -> Message:
    """Return *content* as the message that it is.

    Raises:
        ValueError: it is none (:class:`msgspec.ValidationError`); the text says what does not fit.

    """
    message: Message = msgspec.convert(content, _ANY, strict=True)
    return message


class BusyFields(msgspec.Struct, frozen=True):
    """An operation that is running on a row's resource; ``since`` is in seconds since 1970, ``done`` a share of 1."""

    doing: str
    since: float | None
    done: float | None
    gone: bool


class RowFields(msgspec.Struct, array_like=True, frozen=True):
    """One row as it is sent: a list in this order. Sizes are in GiB, times in seconds since 1970.

    The front end's ``schema.js`` is generated from it (``make js``).
    """

    kind: str
    id: str
    name: str
    status: str
    size: int | None
    where: str
    created: float | None
    level: int
    position: int
    siblings: int
    children: int
    open: bool
    busy: BusyFields | None


def row(one: Row) -> list[Any]:
    """Return one row as the list that is sent: the values of :class:`RowFields`."""
    busy = None if one.busy is None else BusyFields(one.busy.doing, seconds(one.busy.since), one.busy.done, one.busy.gone)
    fields = RowFields(
        *(one.kind, one.id, one.name, one.status, one.size, one.where, seconds(one.created_at)),
        *(one.level, one.position, one.siblings, one.children, one.open, busy),
    )
    payload: list[Any] = msgspec.to_builtins(fields)
    return payload


def seconds(moment: dt.datetime | None) -> float | None:
    """Return *moment* in seconds since 1970."""
    return None if moment is None else moment.timestamp()
